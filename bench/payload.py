"""The messages that are written: chat prose of 608 bytes of JSON each, the same in every run."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any

from sessions_app import preparing
from sessions_app.core.appending import Prepared

BYTES = 608
KINDS = 97  # so many different texts; a prime, so that they do not fall in step with the blocks
PROSE = (
    "the flight on Friday leaves at nine and I would like to keep an aisle seat if there is one "
    "please check whether my booking 48213 allows a change without a fee because the invoice from "
    "March said otherwise and nobody at the desk could tell me which rule applies to tickets that "
    "were paid with points so far we have looked at two earlier connections through Vienna and a "
    "later one over Zurich both need a new confirmation by tomorrow noon thank you very much"
)
ROLES = ("user", "assistant")


@lru_cache(maxsize=KINDS)
def text(kind: int) -> str:
    """Prose of just the length that makes the stored JSON 608 bytes."""
    random, known = Random(kind), PROSE.split()
    length = BYTES - len('{"content":""}')
    words = " ".join(random.choice(known) for _ in range(length // 3))
    return words[:length]


def message(number: int) -> dict[str, Any]:
    """The message at this place of a conversation."""
    return {"role": ROLES[number % 2], "content": text(number % KINDS)}


@lru_cache(maxsize=2 * KINDS)
def _prepared(number: int) -> Prepared:
    (found,) = preparing.single(message(number))
    assert len(found.body.encode()) == BYTES
    return found


def prepared(count: int, begin: int = 0) -> list[Prepared]:
    """Messages as the store takes them: read, counted and encoded beforehand."""
    return [_prepared(number % (2 * KINDS)) for number in range(begin, begin + count)]
