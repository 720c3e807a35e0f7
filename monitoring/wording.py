"""What changed between two summaries: by lines, and by words in a line that stayed. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

SAME, GONE, NEW, CHANGED = "same", "gone", "new", "changed"
ALIKE = 0.4
MOST_CHARACTERS = 40_000
"""Beyond that lines are compared as a whole; words of such texts would take too long."""
_WORD = re.compile(r"\s+|\S+")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the newer text, or one that is gone; `pieces` are (same, gone or new; text)."""

    kind: str
    pieces: Sequence[tuple[str, str]]


def changes(before: str, after: str) -> list[Line]:
    """The lines of the newer text in order, those that are gone where they were; a line that only
    stands elsewhere now is the same."""
    old, new = before.splitlines(), after.splitlines()
    moved = Counter(old) & Counter(new)
    by_word = len(before) + len(after) <= MOST_CHARACTERS
    found: list[Line] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, i, j, k, end in matcher.get_opcodes():
        if tag == "equal":
            found += [Line(SAME, [(SAME, text)]) for text in new[k:end]]
        else:
            gone = [text for text in old[i:j] if text not in moved]
            found += _replaced(gone, new[k:end], moved, by_word=by_word)
    return found


def _replaced(
    old: Sequence[str], new: Sequence[str], moved: Container[str], *, by_word: bool
) -> Iterator[Line]:
    """Lines that came in the place of others; one that is much like one of these is a change."""
    left = list(old)
    for text in new:
        if text in moved:
            yield Line(SAME, [(SAME, text)])
            continue
        near = max(left, key=lambda one: _alike(one, text), default=None) if by_word else None
        if near is None or _alike(near, text) < ALIKE:
            yield Line(NEW, [(NEW, text)])
            continue
        at = left.index(near)
        yield from (Line(GONE, [(GONE, one)]) for one in left[:at])
        del left[: at + 1]
        yield Line(CHANGED, list(_pieces(near, text)))
    yield from (Line(GONE, [(GONE, one)]) for one in left)


def _alike(one: str, other: str) -> float:
    """The share of words in common, 0..1."""
    words, others = set(_words(one)), set(_words(other))
    return 2 * len(words & others) / max(1, len(words) + len(others))


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if not word.isspace()]


def _pieces(before: str, after: str) -> Iterator[tuple[str, str]]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    for tag, i, j, k, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield SAME, "".join(new[k:end])
            continue
        if i < j:
            yield GONE, "".join(old[i:j])
        if k < end:
            yield NEW, "".join(new[k:end])
