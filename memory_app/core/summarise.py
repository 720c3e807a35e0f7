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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from itertools import pairwise
from typing import NamedTuple

from memory_app.core import marks, pacing
from memory_app.core.audit import Item, Quote, carried, items, plain, quotes
from memory_app.core.passages import Passage, Point
from memory_app.core.scope import subject_stems

NARRATIVE, KEY_FACTS = "narrative", "key_facts"

FADE = 0.97
"""What is left of a point's score after a compression: half of it after 23."""
_LEAST = 0.05
"""The score of a message that was given none: what is said counts a little."""
_PLAIN = 0.15
"""What a sentence without any item is worth beside one with one item."""
_TELLING = 3
"""Words that make a sentence without items say something."""
_BULLET = "- "
_SHORTER = 2
"""Nearly no sentence gets shorter than by this factor, so longer ones are not tried."""

Count = Callable[[str], int]
Covered = tuple[str, str, frozenset[str]]


class _Candidate:
    """What may become a point: a sentence with the items it holds, or a point that stood before.

    `place` says where it stands in a summary: the seq of its message. A point that stood before
    has the messages of all that it carries by then, and keeps its place among its like instead.

    `tokens` is an estimate until it is `counted`: to shorten and count every sentence of a long
    range would take longer than all the rest, and few are chosen.
    """

    __slots__ = (
        "_covers",
        "counted",
        "held",
        "label",
        "place",
        "score",
        "seqs",
        "short",
        "text",
        "tokens",
    )

    def __init__(
        self,
        label: str,
        text: str,
        seqs: tuple[int, ...],
        score: float,
        held: Sequence[Item] = (),
        *,
        short: bool = False,
        place: int | None = None,
    ) -> None:
        self.label = label
        self.text = text
        self.seqs = seqs
        self.place = seqs[-1] if place is None else place
        self.score = score
        self.held = held
        self._covers: frozenset[Covered] | None = None
        self.tokens = _estimate(label) + _estimate(text)
        self.short = short
        self.counted = False

    def count(self, count: Count) -> None:
        """Counts it, as short as it may be."""
        if self.counted:
            return
        if not self.short:
            self.text = _shortened(self.text, self.held)
        self.tokens = count(_BULLET + self.label + self.text) + 1
        self.counted = True

    @property
    def covers(self) -> frozenset[Covered]:
        """What it carries."""
        if self._covers is None:
            self._covers = frozenset(
                [(item.kind, item.text.lower(), subject_stems(item.subject)) for item in self.held]
            )
        return self._covers

    @property
    def words(self) -> str:
        """What it says, whatever its signs: candidates with the same words are one point."""
        return " ".join(_WORD.findall((self.label + self.text).lower()))

    @property
    def point(self) -> Point:
        return Point(self.label + self.text, self.seqs, self.score)


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
    """The points of a summary of at most `size` tokens as `render` writes them, in the order of
    what was said.

    `previous` are the points of the summary before, `passages` the messages that are folded now,
    `scores` how much each of these matters, 0..1. Points whose messages are all in `gone` leave.
    The same input gives the same points.
    """
    fresh = [passage for passage in passages if passage.seq not in gone]
    candidates = [*_faded(previous, gone), *_candidates(fresh, scores, style)]
    chosen = _chosen(candidates, size, count, style)
    if not chosen:
        # Small talk alone, which is worth no line beside anything else.
        small = _candidates(fresh, scores, NARRATIVE, least=0)
        chosen = _chosen(list(small), size, count, style)
    return chosen


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


# -- candidates ----------------------------------------------------------------------------------


def _faded(previous: Iterable[Point], gone: Collection[int]) -> Iterator[_Candidate]:
    place = 0
    for point in previous:
        seqs = tuple(seq for seq in point.seqs if seq not in gone)
        place = max(place, point.seqs[0])
        if seqs:
            label, text = split_label(point.text)
            held = items(Passage(seqs[-1], "user", text))
            yield _Candidate(label, text, seqs, point.score * FADE, held, short=True, place=place)


def _candidates(
    passages: Iterable[Passage], scores: Mapping[int, float], style: str, least: int = _TELLING
) -> Iterator[_Candidate]:
    calls: list[_Call] = []
    for passage in passages:
        score = _score(passage.seq, scores)
        if passage.role == "tool" and calls:
            yield from _answered(calls.pop(0), passage, score)
        else:
            yield from _said(passage, score, style, least)
        if passage.role != "tool":
            for call in calls:
                yield from _unanswered(call)
            calls = [_call(passage, *call, score) for call in passage.calls]
    for call in calls:
        yield from _unanswered(call)


def _score(seq: int, scores: Mapping[int, float]) -> float:
    return min(1.0, max(_LEAST, scores.get(seq, 0.0)))


def _said(
    passage: Passage, score: float, style: str, least: int = _TELLING
) -> Iterator[_Candidate]:
    """What is said in a message; sentences without items where they have `least` telling words."""
    label, seqs = _label(passage), (passage.seq,)
    said = passage._replace(calls=()) if passage.calls else passage
    for text, held in quotes(said):
        yield _Candidate(label, text, seqs, score, held)
    if style != KEY_FACTS and passage.role != "tool":
        for text in plain(said):
            if sum([1 for word in text.split() if marks.stems(word)]) >= least:
                yield _Candidate(label, text, seqs, score * _PLAIN)


# -- tool steps ----------------------------------------------------------------------------------

_OUTCOME = 160
"""Characters of an outcome that is told on the line of its call."""


class _Call(NamedTuple):
    """A tool call as a line with what it holds; several where its arguments take several."""

    lines: tuple[Quote, ...]
    seq: int
    score: float

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for _, held in self.lines for item in held)


def _call(passage: Passage, name: str, arguments: str, score: float) -> _Call:
    quoted = quotes(Passage(passage.seq, passage.role, "", calls=((name, arguments),)))
    lines = tuple((f"{name}({_shortened(text, held)})", held) for text, held in quoted)
    return _Call(lines or ((f"{name}()", ()),), passage.seq, score)


def _unanswered(call: _Call) -> Iterator[_Candidate]:
    worth = call.score if call.items else call.score * _PLAIN
    for line, held in call.lines:
        yield _Candidate("", line, (call.seq,), worth, held, short=True)


def _answered(call: _Call, result: Passage, score: float) -> Iterator[_Candidate]:
    """What was called and what came of it: one line where that is short."""
    if len(result.text) <= _OUTCOME and len(call.lines) == 1:
        told = _unquoted(" ".join(result.text.split()))
        line = f"{call.lines[0][0]}: {told}"
        held = (*call.items, *items(result))
        if all(carried(held, [line])):
            worth = max(score, call.score) * (1.0 if held else _PLAIN)
            yield _Candidate("", line, (call.seq, result.seq), worth, held, short=True)
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


# -- shortening ----------------------------------------------------------------------------------

_WORD = re.compile(r"\w+")
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
    if not held:
        return _bare(text)
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


def _chosen(candidates: Sequence[_Candidate], size: int, count: Count, style: str) -> list[Point]:
    """The points with the most worth for their tokens, as many as fit, in the order of what was
    said."""
    covered: set[Covered] = set()
    chosen: dict[str, _Placed] = {}
    left = size
    heap = [(-_most(one), -one.seqs[-1], at) for at, one in enumerate(candidates)]
    heapq.heapify(heap)
    while heap and left > 0:
        pacing.step()
        worth, order, at = heapq.heappop(heap)
        one = candidates[at]
        if one.tokens > left * (1 if one.counted else _SHORTER):
            continue
        words = one.words
        if words in chosen:
            chosen[words] = chosen[words].also(one.seqs)
            continue
        now = _worth(one, covered)
        if now > 0 and not one.counted:
            one.count(count)
            now = _worth(one, covered)
        if now <= 0 or one.tokens > left or not words:
            continue
        if now < -worth and heap and -heap[0][0] > now:
            heapq.heappush(heap, (-now, order, at))
            continue
        chosen[words] = _Placed(one.place, at, one.point)
        covered |= one.covers
        left -= one.tokens
    return _fitting(list(chosen.values()), size, count, style)


class _Placed(NamedTuple):
    """A chosen point and what it is ordered by."""

    place: int
    at: int
    point: Point

    def also(self, seqs: tuple[int, ...]) -> _Placed:
        """The point that other messages say as well."""
        every = tuple(sorted({*self.point.seqs, *seqs}))
        return self._replace(point=self.point._replace(seqs=every))


def _most(one: _Candidate) -> float:
    """What a candidate can add at most for each of its tokens."""
    return one.score * max(1, len(one.held)) / (one.tokens + 1)


def _worth(one: _Candidate, covered: Set[Covered]) -> float:
    """What a candidate adds for each of its tokens."""
    new = len(one.covers - covered)
    if one.covers and not new:
        return 0.0
    return one.score * max(1, new) / (one.tokens + 1)


def _estimate(text: str) -> int:
    """About how many tokens a text takes."""
    return len(text) // 4 if text.isascii() else len(text.encode()) // 3


def _fitting(chosen: list[_Placed], size: int, count: Count, style: str) -> list[Point]:
    """The points without the last chosen ones, so that they surely fit as they are rendered."""
    while True:
        points = [one.point for one in sorted(chosen)]
        if not chosen or count(render(points, style)) <= size:
            return points
        chosen = chosen[:-1]


# -- refusing ------------------------------------------------------------------------------------

_MANY = 30
"""Words from which on repetition tells."""


POOR = ("no words", "degenerate")
"""What a summary made of the messages' own sentences may be, when that is all they say."""


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
