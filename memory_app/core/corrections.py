"""Which message a correction corrects, and what of that one still stands.

"Actually, three tickets" corrects the newest earlier message that counts tickets otherwise. "Not
Monday but Friday" corrects the one that said Monday. Where neither a value nor a word tells, it is
the person's message just before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memory_app.core.cues import Cue, language
from memory_app.core.passages import SPOKEN, Passage
from memory_app.core.sentences import Reading, Value

BACK = 60
"""Messages that are searched, newest first, for what a correction corrects."""
NEAR = 6
"""Messages in which a value of the same kind, or one shared word, is taken for the same thing."""

BESIDE = 1
"""Words that a message may say beside what is corrected and yet be superseded: its verb."""


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
        if corrected is None and read_back(place, passages, readings):
            corrected = place - 1
        if corrected is not None:
            found[place] = Correction(corrected, _wholly(readings[corrected], readings[place]))
    return found


def read_back(place: int, passages: Sequence[Passage], readings: Sequence[Reading]) -> bool:
    """Whether the message before reads back what was agreed so far."""
    before = place - 1
    return (
        place > 0
        and passages[before].role == "assistant"
        and bool(readings[before].cues & Cue.READBACK)
    )


def _corrected(place: int, passages: Sequence[Passage], readings: Sequence[Reading]) -> int | None:
    """The place of what a correction corrects: what a person said comes before what the assistant
    made of it."""
    correction = readings[place]
    asked: int | None = None
    for before in range(place - 1, max(-1, place - BACK), -1):
        if passages[before].role not in SPOKEN:
            continue
        near = place - before <= NEAR
        if passages[before].role == passages[place].role:
            if _contradicts(correction, readings[before], near=near):
                return before
        elif asked is None and near and _counts_otherwise(correction, readings[before]):
            asked = before
    return asked


def _contradicts(correction: Reading, before: Reading, *, near: bool) -> bool:
    """Whether an earlier message says otherwise: a value that is now taken back, or another one
    of the same kind that belongs to the same noun, or nearby to none. Without any value, nearby
    the same word will do."""
    values = correction.values
    said = {value.text for value in before.values}
    if any(text in said for text in _taken_back(correction)):
        return True
    new = {value.text for value in values}
    for value in values:
        for old in before.values:
            if old.kind == value.kind and old.text not in new and _same(value, old, near=near):
                return True
    return not values and near and not correction.asks and bool(_telling(correction, before))


def _counts_otherwise(correction: Reading, before: Reading) -> bool:
    """Whether an earlier message gives another number of the same thing."""
    new = {(value.subject, value.text) for value in correction.values if value.subject}
    counted = {subject for subject, _ in new}
    return any(
        value.kind == "number"
        and value.subject in counted
        and (value.subject, value.text) not in new
        for value in before.values
    )


def _same(value: Value, old: Value, *, near: bool) -> bool:
    if value.kind == "name" or (value.subject and old.subject):
        return value.subject == old.subject
    return near


def _telling(correction: Reading, before: Reading) -> frozenset[str]:
    """Words that both say and that carry something."""
    return (correction.distinct & before.distinct) - _light(before)


def _light(reading: Reading) -> frozenset[str]:
    return language(reading.language).light if reading.language else frozenset()


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


def _wholly(before: Reading, correction: Reading) -> bool:
    """Whether all that the earlier message says is said anew: it has values, each has a new one of
    its kind and noun in the correction, and it says hardly a word beside that is not said again."""
    anew = {(value.kind, value.subject) for value in correction.values}
    beside = before.distinct - correction.distinct - _light(before)
    beside -= {word for value in before.values for word in value.text.split()}
    return (
        bool(before.values)
        and len(beside) <= BESIDE
        and all((value.kind, value.subject) in anew for value in before.values)
    )
