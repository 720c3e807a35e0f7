"""Which message a correction corrects, and what of that one still stands.

"Actually, three tickets" corrects the newest earlier message that counts tickets otherwise. "Not
Monday but Friday" corrects the one that said Monday. Where neither a value nor a word tells, it is
the person's message just before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memory_app.core.passages import SPOKEN, Passage
from memory_app.core.reading import Reading, Value

BACK = 60
"""Messages that are searched, newest first, for what a correction corrects."""
NEAR = 6
"""Messages in which a value of the same kind, or one shared word, is taken for the same thing."""


class Correction(NamedTuple):
    """`corrects` is the place of the corrected message; `wholly` says that nothing else stands
    in it."""

    corrects: int
    wholly: bool


def find(
    passages: Sequence[Passage], readings: Sequence[Reading], corrections: Sequence[int]
) -> dict[int, Correction]:
    """What each message at these places corrects, where that can be told."""
    found: dict[int, Correction] = {}
    for place in corrections:
        corrected = _corrected(place, passages, readings)
        if corrected is not None:
            found[place] = Correction(corrected, _wholly(readings[corrected], readings[place]))
    return found


def _corrected(place: int, passages: Sequence[Passage], readings: Sequence[Reading]) -> int | None:
    """The place of what a correction corrects: what a person said comes before what the assistant
    made of it."""
    earlier = [
        before
        for before in range(place - 1, max(-1, place - BACK), -1)
        if passages[before].role in SPOKEN
    ]
    own = [before for before in earlier if passages[before].role == passages[place].role]
    others = [before for before in earlier if passages[before].role != passages[place].role]
    correction = readings[place]
    for candidates in (own, others):
        for before in candidates:
            if _contradicts(correction, readings[before], near=place - before <= NEAR):
                return before
    return None


def _contradicts(correction: Reading, before: Reading, *, near: bool) -> bool:
    """Whether an earlier message says otherwise: a value that is now taken back, or another one
    of the same kind that belongs to the same noun, or nearby to none."""
    values = correction.values
    said = {value.text for value in before.values}
    new = {value.text for value in values}
    if any(text in said for text in _taken_back(correction)):
        return True
    for value in values:
        for old in before.values:
            if old.kind == value.kind and old.text not in new and _same(value, old, near=near):
                return True
    return not values and near and _share_a_word(correction, before)


def _same(value: Value, old: Value, *, near: bool) -> bool:
    if value.kind == "name" or (value.subject and old.subject):
        return value.subject == old.subject
    return near


_TAKING_BACK = frozenset(
    {
        "not",
        "instead",
        "than",
        "isn't",
        "wasn't",
        "nicht",
        "statt",
        "anstatt",
        "kein",
        "keine",
        "no",
        "sino",
        "pas",
        "plutôt",
    }
)
"""Words that take back the value behind them."""


def _taken_back(correction: Reading) -> list[str]:
    """Values that follow "not" or "instead of" within two words."""
    found = []
    words = correction.words
    for value in correction.values:
        for place, word in enumerate(words):
            if word == value.text and not _TAKING_BACK.isdisjoint(words[max(0, place - 2) : place]):
                found.append(value.text)
    return found


def _share_a_word(correction: Reading, before: Reading) -> bool:
    telling = {word for word in correction.words if len(word) > 3}
    return not telling.isdisjoint(before.words)


def _wholly(before: Reading, correction: Reading) -> bool:
    """Whether all that the earlier message says is said anew: it has values, and each has a new
    one of its kind and noun in the correction."""
    anew = {(value.kind, value.subject) for value in correction.values}
    return bool(before.values) and all(
        (value.kind, value.subject) in anew or (value.kind == "number" and ("number", "") in anew)
        for value in before.values
    )
