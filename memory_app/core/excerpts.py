"""A long text by its head, its errors with their neighbours, and its tail.

Nothing is dropped in silence: each gap says how many lines or characters stood there.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, zip_longest

Count = Callable[[str], int]

ERROR = re.compile(
    r"\b(?:\w*error|\w*exception|traceback|fail(?:ed|s|ure|ures)?|fatal|panic(?:ked)?|critical"
    r"|denied|refused|not found|cannot|unable to|time[ds]? ?out|abort(?:ed)?|invalid|unexpected"
    r"|undefined|segmentation fault|warn(?:ing)?|fehler\w*|erreur|errore|erro|ошибка)\b"
    r"|错误|失败|エラー|失敗|오류",
    re.IGNORECASE,
)
NEIGHBOURS = 2
"""Lines shown on each side of an error."""
EDGE = 3
"""Lines of head and tail that come before any error."""
WIDTHS = (400, 120, 40)
"""Characters shown of a line, the first of them with which anything fits."""
PER_TOKEN = 16
"""Characters that a token surely does not stand for on the average of a text."""
_ERRORS = 500


def excerpt(text: str, *, size: int, count: Count) -> str:
    """The text if it takes up to `size` tokens; else as much of its head, its errors and its tail
    as fits, cut between lines, with what is left out told in place. "" where not even that fits."""
    if len(text) <= size * PER_TOKEN and count(text) <= size:
        return text
    lines = text.split("\n")
    order = list(_worth(lines, size * PER_TOKEN))
    for width in WIDTHS:

        def written(taken: int, width: int = width) -> str:
            return "\n".join(_written(lines, sorted(order[:taken]), width))

        taken = most(len(order), lambda number: count(written(number)) <= size)
        if taken:
            return written(taken)
    told = "\n".join(_gap(len(lines)))
    return told if count(told) <= size else ""


def narrowed(line: str, width: int) -> str:
    """A line of up to `width` characters; a longer one by its two ends and the size of the gap."""
    if len(line) <= width + 40:
        return line
    head, tail = width * 2 // 3, width // 3
    gap = len(line) - head - tail
    return f"{line[:head]}[... {gap:,} characters left out ...]{line[len(line) - tail :]}"


def by_worth(lines: Sequence[str]) -> Iterator[int]:
    """The places of lines, those first that tell most of a text: its edges, its errors with their
    neighbours, then on from both ends. Each place once."""
    total = len(lines)
    edge = chain(range(min(EDGE, total)), range(max(0, total - EDGE), total))
    yield from dict.fromkeys(chain(edge, _errors(lines), _ends(total)))


def _errors(lines: Sequence[str]) -> list[int]:
    """Error lines and their neighbours; of many the first and the last ones."""
    places = [at for at, line in enumerate(lines) if ERROR.search(line[:2_000])]
    if len(places) > _ERRORS:
        places = places[: _ERRORS // 2] + places[-_ERRORS // 2 :]
    mixed = _from_both_ends(places)
    near = (
        at + off
        for at in mixed
        for off in range(-NEIGHBOURS, NEIGHBOURS + 1)
        if off and 0 <= at + off < len(lines)
    )
    return [*mixed, *near]


def _from_both_ends(places: list[int]) -> list[int]:
    pairs = zip_longest(places, reversed(places))
    return list(dict.fromkeys(at for pair in pairs for at in pair if at is not None))


def _ends(total: int) -> Iterator[int]:
    for at in range((total + 1) // 2):
        yield at
        yield total - 1 - at


def _worth(lines: Sequence[str], room: int) -> Iterator[int]:
    """`by_worth` up to the characters that may fit."""
    for at in by_worth(lines):
        yield at
        room -= min(len(lines[at]), WIDTHS[-1]) + 1
        if room < 0:
            return


def most(total: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `total` that fits, where all below it do; 0 where not even 1."""
    return bisect_left(range(1, total + 1), True, key=lambda number: not fits(number))


def _written(lines: Sequence[str], places: Iterable[int], width: int) -> Iterator[str]:
    expected = 0
    for at in places:
        yield from _gap(at - expected)
        yield narrowed(lines[at], width)
        expected = at + 1
    yield from _gap(len(lines) - expected)


def _gap(lines: int) -> Iterator[str]:
    if lines:
        yield f"[... {lines:,} line{'s' if lines > 1 else ''} left out ...]"
