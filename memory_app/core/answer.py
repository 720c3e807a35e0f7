"""What a model answered, read and tried before anything of it is believed.

An answer is taken only if it is well formed, names messages that it was given, fits, says
something, carries what must survive, and holds no number, id or name that nobody said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from memory_app.core import prompt
from memory_app.core.invention import invented
from memory_app.core.passages import Point
from memory_app.core.work import (
    DEGENERATE,
    DROPPED_MUST_KEEP,
    EMPTY,
    INVALID_ANSWER,
    INVENTED,
    TOO_LONG,
    Work,
)
from sessions_app.core import errors, strict
from sessions_app.core.words import folded, words

MAX_DEPTH = 16
MOST_POINTS = 1_000
BETWEEN_POINTS = 2
"""Tokens that setting one point apart from the next may take."""

_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL | re.IGNORECASE)
_LOOP = 8
_LEAST_FOR_LOOPS = 80


class Fault(NamedTuple):
    """Why an answer is not taken: one of the reasons of EngineFailed, and what to tell the model.
    `advice` may quote what was said, so it goes to the model alone."""

    reason: str
    advice: str


def read(text: str, work: Work) -> list[Point] | Fault:
    """The points of an answer, or what is wrong with its form."""
    fenced = _FENCED.fullmatch(text)
    try:
        value = strict.loads((fenced[1] if fenced else text).strip().encode(), limit=MAX_DEPTH)
    except (errors.HoldfastError, UnicodeEncodeError):
        return Fault(INVALID_ANSWER, "it is not one JSON object.")
    found = value.get("points") if isinstance(value, dict) else None
    if not isinstance(found, list) or len(found) > MOST_POINTS:
        return Fault(INVALID_ANSWER, 'it has no list of "points".')
    scores = _scores(work)
    points = [_point(item, scores) for item in found]
    if None in points:
        return Fault(
            INVALID_ANSWER,
            'every point needs a "text" and "sources" that are numbers of messages it was given.',
        )
    return [point for point in points if point and point.text]


def _scores(work: Work) -> dict[int, float]:
    """How much each message that may be named matters; those of the summary as its points do."""
    scores: dict[int, float] = {}
    for point in prompt.kept(work):
        for seq in point.seqs:
            scores[seq] = max(point.score, scores.get(seq, 0.0))
    scores |= {passage.seq: work.scores.get(passage.seq, 0.0) for passage in prompt.visible(work)}
    return scores


def _point(item: Any, scores: dict[int, float]) -> Point | None:
    """A point; None if its form is wrong. One that says nothing needs no sources."""
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        return None
    text = " ".join(item["text"].split())
    sources = item.get("sources")
    if not text:
        return Point("", (), 0.0)
    if not isinstance(sources, list) or not sources:
        return None
    if not all(type(seq) is int and seq in scores for seq in sources):
        return None
    seqs = tuple(sorted(set(sources)))
    return Point(text, seqs, min(1.0, max(0.0, *(scores[seq] for seq in seqs), 0.0)))


def fault(points: Sequence[Point], work: Work, count: Callable[[str], int]) -> Fault | None:
    """The first thing wrong with the points; None if they can be taken. `count` gives tokens."""
    if not points:
        return Fault(EMPTY, "it says nothing.")
    if is_degenerate([point.text for point in points]):
        return Fault(DEGENERATE, "it repeats itself.")
    tokens = sum(count(point.text) + BETWEEN_POINTS for point in points)
    if tokens > work.size:
        return Fault(TOO_LONG, f"it is about {tokens} tokens long and may be {work.size}.")
    if lost := missing(work.must, points):
        lines = prompt.block("must", lost)
        return Fault(DROPPED_MUST_KEEP, f"these texts are missing, word for word:\n{lines}")
    if strange := invented(points, work):
        lines = prompt.block("must", strange[:20])
        return Fault(INVENTED, f"nobody said these; leave them out:\n{lines}")
    return None


def is_degenerate(texts: Sequence[str]) -> bool:
    """Whether texts go round in circles, or hold no letter at all.

    Of all runs of eight characters, prose of any script repeats well under a third and a list of
    like sentences up to two thirds; a model that is stuck repeats nearly all.
    """
    whole = folded("\n".join(texts))
    if not any(char.isalnum() for char in whole):
        return True
    if len(texts) > 2 and len({folded(text) for text in texts}) * 2 <= len(texts):
        return True
    runs = len(whole) - _LOOP + 1
    if runs < _LEAST_FOR_LOOPS:
        return False
    return len({whole[start : start + _LOOP] for start in range(runs)}) * 4 < runs


def missing(must: Iterable[str], points: Iterable[Point]) -> list[str]:
    """The texts whose words do not stand together in one point. Order and signs may differ."""
    said = [set(words(point.text)) for point in points]
    return [
        text for text in must if not any(said_words.issuperset(words(text)) for said_words in said)
    ]
