"""How much a message matters when nobody has asked yet: a number from 0 to 1, for the choice of
what is retained where room is short.

A logistic sum of what can be counted in any language, so that its weights say what they do. It
estimates how likely a later question needs the message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from math import exp, log, log1p
from typing import NamedTuple

from memory_app.core import pacing
from memory_app.core.passages import SPOKEN, Passage
from memory_app.core.sentences import NOUNS_LIKE_NAMES, Reading

FREQUENT = 0.03
"""Share of messages from which on a name is how people address each other."""


class Traits(NamedTuple):
    """What is counted of a message.

    `length` are its words, `rarity` the sum of their inverse document frequencies within the
    conversation, `novel` its words not said before; `times`, `past`, `self`, `you` and `numbers`
    are words of that kind, `names` rare names. All of these as log(1 + n). `asks` and `answers`
    (the other one asked before) are 0 or 1.
    """

    length: float
    rarity: float
    novel: float
    times: float
    past: float
    self: float
    you: float
    numbers: float
    names: float
    asks: float
    answers: float


BIAS = -4.05
WEIGHTS = Traits(
    length=-0.53,
    rarity=0.74,
    novel=0.75,
    times=1.28,
    past=0.61,
    self=0.42,
    you=-0.46,
    numbers=0.96,
    names=2.14,
    asks=-0.42,
    answers=1.02,
)
"""Fitted by `python -m bench.quality.worth_fit` to the evidence turns of four long conversations
(LoCoMo): 89 and 76 % of the evidence is kept in 60 and 40 % of the tokens of a conversation that
the weights were not fitted on. Praise, greetings, photos, the place in a session and what the next
message says added nothing to these."""


def scores(passages: Sequence[Passage], readings: Sequence[Reading]) -> list[float]:
    """The worth of every message, 0..1."""
    return [worth(found) for found in traits(passages, readings)]


def worth(found: Traits) -> float:
    """The logistic sum of a message's traits."""
    total = BIAS
    for weight, trait in zip(WEIGHTS, found, strict=True):
        total += weight * trait
    return 1.0 / (1.0 + exp(-total))


def traits(passages: Sequence[Passage], readings: Sequence[Reading]) -> Iterator[Traits]:
    """What is counted of each message, within this conversation."""
    distinct = [reading.distinct for reading in readings]
    spread = Counter(chain.from_iterable(distinct))
    rarity = {word: log(len(distinct) / count) for word, count in spread.items()}
    often = max(2.0, FREQUENT * len(distinct))
    said: set[str] = set()
    for place, (reading, words) in enumerate(zip(readings, distinct, strict=True)):
        pacing.step()
        times, past, self, you, number = reading.marks
        names = _names(reading)
        yield Traits(
            log1p(len(reading.words)),
            log1p(sum(map(rarity.__getitem__, words))),
            log1p(len(words - said)),
            log1p(times),
            log1p(past),
            log1p(self),
            log1p(you),
            log1p(number + _digits(reading)),
            log1p(sum([spread[name.partition(" ")[0]] <= often for name in names])),
            float(reading.asks),
            float(_answers(passages, readings, place)),
        )
        said |= words


def _names(reading: Reading) -> set[str]:
    """The names in a message; none where every noun is written like one."""
    if reading.language in NOUNS_LIKE_NAMES:
        return set()
    return {value.text for value in reading.values if value.kind == "name"}


def _digits(reading: Reading) -> int:
    """How many different numbers in digits a message has."""
    return len({value.text for value in reading.values if value.text[0].isdigit()})


def _answers(passages: Sequence[Passage], readings: Sequence[Reading], place: int) -> bool:
    """Whether the message before, by somebody else, asks."""
    before = place - 1
    return (
        place > 0
        and passages[before].role in SPOKEN
        and _speaker(passages[before]) != _speaker(passages[place])
        and readings[before].asks
    )


def _speaker(passage: Passage) -> tuple[str, str]:
    return passage.role, passage.author
