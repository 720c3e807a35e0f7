"""The embedded summariser: it chooses and shortens, and never writes a word of its own.

A summary is a list of points, each a shortened sentence of one message with its numbers, dates,
names and negations word for word beside their subjects. Points compete for the tokens there are by
what they carry that no chosen one does; the points of the summary before compete too and fade a
little each time, so that it rolls within its size for ever.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from memory_app.core import marks
from memory_app.core.audit import Item, carried, items, quotes
from memory_app.core.passages import Passage, Point
from memory_app.core.scope import subject_stems

NARRATIVE, KEY_FACTS = "narrative", "key_facts"

FADE = 0.97
"""What is left of a point's score after a compression: half of it after 23."""
_LEAST = 0.05
"""The score of a message that was given none: what is said counts a little."""
_PLAIN = 0.15
"""What a sentence without any item is worth beside one with one item."""
_BULLET = "- "

Count = Callable[[str], int]
Covered = tuple[str, str, frozenset[str]]


class _Candidate(NamedTuple):
    """A point with what it carries and how many tokens its line takes."""

    point: Point
    covers: frozenset[Covered]
    tokens: int


def summarise(
    previous: Sequence[Point],
    passages: Sequence[Passage],
    *,
    scores: Mapping[int, float],
    size: int,
    count: Count,
    style: str = NARRATIVE,
    gone: Collection[int] = (),
) -> list[Point]:
    """The points of a summary of at most `size` tokens as `render` writes them, ordered by seq.

    `previous` are the points of the summary before, `passages` the messages that are folded now,
    `scores` how much each of these matters, 0..1. Points whose messages are all in `gone` leave.
    The same input gives the same points.
    """
    fresh = [passage for passage in passages if passage.seq not in gone]
    points = [*_faded(previous, gone), *_points(fresh, scores, style)]
    chosen = _chosen(list(_candidates(_merged(points), count)), size, count, style)
    return sorted(chosen, key=_order)


def render(points: Sequence[Point], style: str = NARRATIVE) -> str:
    """The text of a summary, a line a point; who spoke is said where it changes."""
    if style == KEY_FACTS:
        return "\n".join(_BULLET + point.text for point in points)
    lines, last = [], ""
    for point in points:
        label, text = split_label(point.text)
        lines.append(text if label and label == last else point.text)
        last = label
    return "\n".join(lines)


# -- points --------------------------------------------------------------------------------------


def _faded(previous: Iterable[Point], gone: Collection[int]) -> Iterator[Point]:
    for point in previous:
        seqs = tuple(seq for seq in point.seqs if seq not in gone)
        if seqs:
            yield Point(point.text, seqs, point.score * FADE)


def _points(
    passages: Iterable[Passage], scores: Mapping[int, float], style: str
) -> Iterator[Point]:
    calls: list[_Call] = []
    for passage in passages:
        score = _score(passage.seq, scores)
        if passage.role == "tool" and calls:
            yield from _answered(calls.pop(0), passage, score)
        else:
            yield from _said(passage, score, style)
        if passage.role != "tool":
            for call in calls:
                yield from _unanswered(call)
            calls = [_call(passage, *call, score) for call in passage.calls]
    for call in calls:
        yield from _unanswered(call)


def _score(seq: int, scores: Mapping[int, float]) -> float:
    return min(1.0, max(_LEAST, scores.get(seq, 0.0)))


def _said(passage: Passage, score: float, style: str) -> Iterator[Point]:
    """The points of what is said in a message."""
    label = _label(passage)
    quoted = quotes(passage._replace(calls=()))
    for text, held in quoted:
        yield Point(label + _shortened(text, held), (passage.seq,), score)
    if style != KEY_FACTS and passage.role != "tool":
        for text in _plain(passage, {text for text, _ in quoted}):
            yield Point(label + text, (passage.seq,), score * _PLAIN)


# -- tool steps ----------------------------------------------------------------------------------

_OUTCOME = 160
"""Characters of an outcome that is told on the line of its call."""


class _Call(NamedTuple):
    """A tool call as a line, `lines` where its arguments take several, and what these hold."""

    lines: tuple[str, ...]
    items: tuple[Item, ...]
    seq: int
    score: float


def _call(passage: Passage, name: str, arguments: str, score: float) -> _Call:
    quoted = quotes(Passage(passage.seq, passage.role, "", calls=((name, arguments),)))
    lines = tuple(f"{name}({_shortened(text, held)})" for text, held in quoted)
    held = tuple(item for _, found in quoted for item in found)
    return _Call(lines or (f"{name}()",), held, passage.seq, score)


def _unanswered(call: _Call) -> Iterator[Point]:
    worth = call.score if call.items else call.score * _PLAIN
    for line in call.lines:
        yield Point(line, (call.seq,), worth)


def _answered(call: _Call, result: Passage, score: float) -> Iterator[Point]:
    """What was called and what came of it: one line where that is short."""
    told = _unquoted(" ".join(result.text[: 2 * _OUTCOME].split()))
    held = (*call.items, *items(result))
    line = f"{call.lines[0]}: {told}"
    if len(result.text) <= _OUTCOME and len(call.lines) == 1 and all(carried(held, [line])):
        worth = max(score, call.score)
        yield Point(line, (call.seq, result.seq), worth if held else worth * _PLAIN)
        return
    yield from _unanswered(call)
    yield from _said(result, score, NARRATIVE)


# -- what is said --------------------------------------------------------------------------------


def _label(passage: Passage) -> str:
    """Who says it: the author's name, else the role; what a tool gave needs none."""
    if passage.role == "tool":
        return ""
    name = " ".join(passage.author.split())[:40].replace(":", "")
    return f"{name or passage.role}: "


_LABEL = re.compile(r"([^:\n]{1,40}): ")


def split_label(text: str) -> tuple[str, str]:
    """Who says a point, with the colon, and what; no label is ""."""
    match = _LABEL.match(text)
    return (match[0], text[match.end() :]) if match else ("", text)


def _plain(passage: Passage, told: Collection[str]) -> Iterator[str]:
    """Sentences without items that say something."""
    for start, end in marks.sentences(passage.text):
        text = passage.text[start:end]
        if text not in told and sum(1 for word in text.split() if marks.stems(word)) > 2:
            yield _bare(text)


# -- shortening ----------------------------------------------------------------------------------

_MARKUP = re.compile(r"\*\*|__|^#+\s+|^[-*•]\s+|\s+(?=\s)")
_KEY = re.compile(r"\"([^\"]{1,60})\"\s*:\s*")
_JSON = re.compile(r"[\"{}\[\]]+")
_COMMAS = re.compile(r"\s*(?:,\s*)+")
_CLAUSE = re.compile(r"(?<=[,;，；、])\s*|\s+(?=(?:and|but|so|because|und|aber|y|pero|et|mais)\s)")


def _bare(text: str) -> str:
    """The text without the marks of Markdown and on one line."""
    return " ".join(_MARKUP.sub(" ", text).split())


def _shortened(text: str, held: Sequence[Item]) -> str:
    """The text, shorter where it then still carries all it held."""
    for shorter in _shorter(text):
        if shorter and all(carried(held, [shorter])):
            return shorter
    return " ".join(text.split())


def _shorter(text: str) -> Iterator[str]:
    if text.count('"') > 3:
        yield _unquoted(text)
        return
    bare = _bare(text)
    clauses = [clause for clause in _CLAUSE.split(bare) if clause]
    told = [index for index, clause in enumerate(clauses) if _tells(clause)]
    if told and len(told) < len(clauses):
        yield " ".join(clauses[index] for index in told).rstrip(" ,;")
        yield " ".join(clauses[told[0] : told[-1] + 1]).rstrip(" ,;")
    yield bare


def _tells(clause: str) -> bool:
    return any(sentence.marks for sentence in marks.read(clause))


def _unquoted(text: str) -> str:
    """JSON as words: `"price": 51` as `price 51`."""
    words = _JSON.sub(" ", _KEY.sub(r"\1 ", text))
    return _COMMAS.sub(", ", " ".join(words.split())).strip(" ,:")


# -- choosing ------------------------------------------------------------------------------------


def _merged(points: Iterable[Point]) -> list[Point]:
    """Points that say the same in the same words are one, with the sources of all."""
    found: dict[str, Point] = {}
    for point in points:
        key = " ".join(re.findall(r"\w+", point.text.lower()))
        same = found.get(key)
        if same:
            seqs = tuple(sorted({*same.seqs, *point.seqs}))
            point = Point(same.text, seqs, max(same.score, point.score))
        if key:
            found[key] = point
    return list(found.values())


def _candidates(points: Iterable[Point], count: Count) -> Iterator[_Candidate]:
    for point in points:
        told = Passage(point.seqs[-1], "user", split_label(point.text)[1])
        covers = frozenset(
            (item.kind, item.text.lower(), subject_stems(item.subject)) for item in items(told)
        )
        yield _Candidate(point, covers, count(_BULLET + point.text) + 1)


def _chosen(candidates: Sequence[_Candidate], size: int, count: Count, style: str) -> list[Point]:
    """The points with the most worth for their tokens, as many as fit."""
    covered: set[Covered] = set()
    chosen: list[_Candidate] = []
    left = size
    heap = [(-_worth(one, covered), _order(one.point), at) for at, one in enumerate(candidates)]
    heapq.heapify(heap)
    while heap and left > 0:
        worth, order, at = heapq.heappop(heap)
        one = candidates[at]
        if one.tokens > left:
            continue
        now = _worth(one, covered)
        if now < -worth and heap and -heap[0][0] > now:
            if now > 0:
                heapq.heappush(heap, (-now, order, at))
            continue
        if now > 0:
            chosen.append(one)
            covered |= one.covers
            left -= one.tokens
    return _fitting([one.point for one in chosen], size, count, style)


def _worth(one: _Candidate, covered: set[Covered]) -> float:
    """What a candidate adds for each of its tokens."""
    new = len(one.covers - covered)
    if one.covers and not new:
        return 0.0
    return one.point.score * max(1, new) / (one.tokens + 1)


def _fitting(points: list[Point], size: int, count: Count, style: str) -> list[Point]:
    """The points without the last chosen ones, so that they surely fit as they are rendered."""
    while points and count(render(sorted(points, key=_order), style)) > size:
        points = points[:-1]
    return points


def _order(point: Point) -> tuple[int, int, str]:
    return point.seqs[-1], point.seqs[0], point.text


# -- refusing ------------------------------------------------------------------------------------

_MANY = 30
"""Words from which on repetition tells."""


def check(text: str, *, size: int, count: Count) -> str | None:
    """Why a summary is refused: "empty", "no words", "too long" or "degenerate", which is one that
    repeats itself. None when it may stand."""
    if not text.strip():
        return "empty"
    if not any(char.isalpha() for char in text):
        return "no words"
    if count(text) > size:
        return "too long"
    return "degenerate" if _repeats(text) else None


def _repeats(text: str) -> bool:
    words = marks.tokenised(text.lower()[: marks.MOST])
    words = [char for word in words for char in (word if marks.unspaced(word) else (word,))]
    words = [word for word in words if word[0].isalnum()]
    if max((len(word) for word in words), default=0) > 1_000:
        return True
    if len(words) < _MANY:
        return len(words) > 7 and len(set(words)) < 3
    pairs = Counter(pairwise(words))
    return len(pairs) < 0.35 * len(words)
