"""How likely each earlier turn is to hold what a question asks for: a sum of named parts.

Every part is a trait of the turn, 0..1 within one question, times a weight of `rank_weights`, so a
developer sees why a turn came back. Words count through BM25 at four widths: the turn alone, with
its speaker, its day and the turn before, with three turns on either side, and its whole session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from memory_app.core import asked, rank_weights
from memory_app.core.asked import Asked
from memory_app.core.days import Span
from memory_app.core.index import (
    Index,
    Matrix,
    Near,
    Places,
    Turn,
    Vector,
    day_terms,
    moved,
    rarity,
)
from memory_app.core.support import UNLIKE, support
from memory_app.core.terms import beginning

K1, B = 1.2, 0.75
MOST_TERMS = 24
"""Of a longer question the rarest terms count."""
ENOUGH = 0.5
"""The share of turns that must have a vector for vectors to count. With three tenths, 1,000 tokens
hold less of what questions need than by words alone."""
_FADES = (0.5, 0.25, 0.125)
"""What a word one, two and three turns away is worth."""
_CLOSE, _AFTERWARDS = 7, 21
"""Days within which a session still speaks of a day, or of a longer time, that is over."""


class Scored(NamedTuple):
    """A turn and its score, which is the sum of its `parts` by name."""

    turn: Turn
    place: int
    score: float
    parts: Mapping[str, float]


class Ranking:
    """The turns of an index as one question sees them.

    `scores` has a number for each place, `support`, 0..1, how much of the question is borne out by
    the turn that bears out most. `found` is False when that is too little: what was asked for was
    never said, and nothing should come back. `listed` says that it asks for several things.
    """

    def __init__(
        self, index: Index, names: Sequence[str], traits: Matrix, weights: Vector, found: Traits
    ) -> None:
        self.index = index
        self.names = names
        self.traits = traits
        self.weights = weights
        self.scores: Vector = weights @ traits
        self.support = found.support
        self.listed = found.listed

    @property
    def found(self) -> bool:
        return self.support >= rank_weights.FLOOR

    def best(self, count: int) -> list[Scored]:
        """The best turns in order, of equals the newest first; none where nothing was found."""
        return [self.scored(int(place)) for place in self.order()[:count]] if self.found else []

    def order(self) -> Places:
        """All places, the best first, whether or not anything was found."""
        backwards = np.argsort(-self.scores[::-1], kind="stable")
        return np.asarray(len(self.scores) - 1 - backwards, np.intp)

    def scored(self, place: int) -> Scored:
        """The turn at a place with the parts of its score that are not zero."""
        found = (self.weights * self.traits[:, place]).tolist()
        parts = {name: part for name, part in zip(self.names, found, strict=True) if part}
        return Scored(self.index.turns[place], place, sum(parts.values()), parts)


def rank(
    index: Index,
    text: str,
    *,
    now: int,
    vector: Vector | None = None,
    near: Near | None = None,
    unlike: float | None = UNLIKE,
    weights: Mapping[str, float] | None = None,
) -> Ranking:
    """What of `index` a question asks for. `now` is in microseconds since the epoch; `vector`, of
    length one, is used where the turns have some, and `near` is what another keeper of their
    vectors says of them; up to the cosine `unlike` two texts have nothing to do with one another,
    None where that is not known; `weights` are by the names of traits."""
    found = traits(index, text, now=now, vector=vector, near=near, unlike=unlike)
    return weighed(index, found, weights)


def weighed(index: Index, found: Traits, weights: Mapping[str, float] | None = None) -> Ranking:
    """The ranking that these weights make of traits; without any those that fit."""
    if weights is None:
        weights = rank_weights.WITH_VECTORS if "cosine" in found.rows else rank_weights.PLAIN
    names = [name for name in weights if name in found.rows]
    chosen = np.array([weights[name] for name in names], np.float32)
    rows = np.array([found.rows[name] for name in names], np.float32)
    return Ranking(index, names, rows.reshape(len(names), len(index)), chosen, found)


class Traits(NamedTuple):
    """By name a row of numbers over turns; how much of the question is borne out at best; and
    whether it asks for several things."""

    rows: dict[str, Vector]
    support: float
    listed: bool


def traits(
    index: Index,
    text: str,
    *,
    now: int,
    vector: Vector | None = None,
    near: Near | None = None,
    unlike: float | None = UNLIKE,
) -> Traits:
    """Everything that is looked at, whether or not it has a weight."""
    question = asked.read(text, now=now)
    if not len(index):
        return Traits({}, 0.0, listed=False)
    words = _Words(index, question)
    rows = words.rows()
    rows |= _about(index, question, words.speakers)
    rows |= _days(index, question.spans)
    like = 0.0
    if near is None and vector is not None:
        near = index.near(vector)
    if near is not None and len(near.places) and near.embedded >= ENOUGH * len(index):
        cosines = _likeness(index, near, _by_words(rows))
        rows |= _cosines(index, cosines)
        if unlike is not None:
            most = float(cosines[near.places].max())
            like = max(0.0, (most - unlike) / (1 - unlike))
    share = support(index, question, words.matches, like=like)
    return Traits(rows, share, "several" in question.wants)


class _Words:
    """What the words of a question have to do with each turn."""

    def __init__(self, index: Index, question: Asked) -> None:
        self.index = index
        self.question = question
        self.speakers = index.speakers
        rarest = sorted(question.terms, key=index.frequency)[:MOST_TERMS]
        self.terms = [word for word in question.terms if word in rarest]
        self.matches = index.matches(self.terms)
        self.counts, self.rarity = self.matches.counts, self.matches.rarity
        self.sizes = index.said.sizes
        # A name in nearly every turn says who, not what.
        self.topic = self.rarity * [word not in self.speakers for word in self.terms]

    def rows(self) -> dict[str, Vector]:
        index = self.index
        pairs = index.pairs(self.question.pairs)
        return {
            "words": _scaled(_bm25(self.counts, self.sizes, self.topic)),
            "words in context": _scaled(self._wide()),
            "words around": _scaled(self._around(self.counts, self.topic)),
            "beginnings around": _scaled(self._beginnings()),
            "words of the session": _scaled(self._session())[index.session_of],
            "neighbouring words": _scaled(pairs),
            "answers these neighbouring words": _scaled(
                moved(pairs * index.said.asks, index.answered)
            ),
        }

    def _wide(self) -> Vector:
        index = self.index
        authors = _holds(self.terms, index.names)
        days = _holds(self.terms, [day_terms(day) for day in index.days])
        counts = self.counts + moved(self.counts, index.answered)
        counts += authors[:, index.speaker_of] + days[:, index.day_of]
        sizes = self.sizes + moved(self.sizes, index.answered) + 5
        return _bm25(counts, sizes, rarity(counts))

    def _around(self, counts: Matrix, rare: Vector) -> Vector:
        near = counts.copy()
        before = behind = counts
        for fade in _FADES:
            before = moved(before, self.index.before)
            behind = moved(behind, self.index.behind)
            near += fade * (before + behind)
        return _bm25(near, np.ones(len(self.index), np.float32), rare)

    def _session(self) -> Vector:
        """A number for each session."""
        sessions, of = len(self.index.sessions), self.index.session_of
        counts = np.zeros((len(self.terms), sessions))
        for row, words in zip(counts, self.counts, strict=True):
            row[:] = np.bincount(of, words, sessions)
        topic = rarity(counts) * (self.topic > 0)
        return _bm25(counts, np.bincount(of, self.sizes, sessions), topic)

    def _beginnings(self) -> Vector:
        topical = [word for word in self.terms if word not in self.speakers]
        begun = self.index.beginnings(list({beginning(word): word for word in topical}.values()))
        return self._around(begun.counts, begun.rarity)


def _about(index: Index, question: Asked, speakers: frozenset[str]) -> dict[str, Vector]:
    """Who says it, in what kind of sentence, and whether that is the kind that is asked for."""
    said = index.said
    named = frozenset(question.terms) & speakers
    authors = np.array([not named.isdisjoint(names) for names in index.names], np.float32)
    speaker = authors[index.speaker_of] if authors.sum() == 1 else np.zeros(len(index), np.float32)
    if question.self and not named:
        speaker = said.users
    told = float(speaker.any())
    selves, yous = _upto(said.selves, 3), _upto(said.yous, 2)
    kinds = {kind: float(kind in question.wants) for kind in ("when", "many", "who")}
    return {
        "by who is asked about": speaker,
        "by them of themselves": speaker * selves,
        "told to who is asked about": (told - speaker) * yous,
        "a question": said.asks,
        "answers a question": moved(said.asks, index.answered),
        "worth keeping": said.worths,
        "length": np.log1p(said.sizes) / 5,
        "begins a session": (index.before == len(index)).astype(np.float32),
        "tells when": kinds["when"] * _upto(said.times, 1),
        "tells how many": kinds["many"] * _upto(said.numbers, 1),
        "tells who or where": kinds["who"] * _upto(said.names, 3),
    }


def _days(index: Index, spans: Sequence[Span]) -> dict[str, Vector]:
    agreed = [max((_agreement(span, day) for span in spans), default=0.0) for day in index.days]
    return {"day": np.array(agreed, np.float32)[index.day_of]}


def _agreement(span: Span, day: int) -> float:
    """1 within the days asked about, less and less after them: what happened is told later."""
    if span.first <= day <= span.last:
        return 1.0
    lasting = _CLOSE if span.last == span.first else _AFTERWARDS
    late = day - span.last if day > span.last else 4 * (span.first - day)
    return float(np.exp(-late / lasting))


def _by_words(rows: Mapping[str, Vector]) -> Vector:
    """The score of each turn without vectors."""
    return np.sum([weight * rows[name] for name, weight in rank_weights.PLAIN.items()], axis=0)


def _likeness(index: Index, near: Near, by_words: Vector) -> Vector:
    """The cosine of each turn and a question. Where only the nearest are known, all others are as
    far as the farthest of these. Otherwise one that is not known has no vector, and is supposed to
    be as near as its words are: of the cosines that are known it has the one in the same place of
    their order. As far from it as others, it would be lost; as near as its neighbours, it takes
    their room."""
    known = near.places
    cosines = np.full(len(index), near.cosines.min(), np.float32)
    cosines[known] = near.cosines
    if near.whole and len(known) < len(index):
        missing = np.setdiff1d(np.arange(len(index)), known)
        places = np.searchsorted(np.sort(by_words[known]), by_words[missing])
        cosines[missing] = np.sort(near.cosines)[np.minimum(places, len(known) - 1)]
    cosines[list(index.hidden)] = 0
    return cosines


def _cosines(index: Index, cosines: Vector) -> dict[str, Vector]:
    most = max(float(cosines.max()), 1e-6)
    near = np.maximum(moved(cosines, index.before), moved(cosines, index.behind))
    return {
        "cosine": np.maximum(cosines, 0) / most,
        "cosine of the neighbours": np.maximum(near, 0) / most,
    }


# -- rows ------------------------------------------------------------------------------------------


def _bm25(counts: Matrix, sizes: Vector, rare: Vector) -> Vector:
    damped = counts + K1 * (1 - B + B * sizes / max(float(sizes.mean()), 1.0))
    return np.asarray(rare @ (counts * (K1 + 1) / damped), np.float32)


def _scaled(row: Vector) -> Vector:
    most = float(row.max()) if len(row) else 0.0
    return np.asarray(row / most if most > 0 else row * 0, np.float32)


def _upto(row: Vector, most: int) -> Vector:
    return np.minimum(row, most) / np.float32(most)


def _holds(terms: Sequence[str], groups: Sequence[frozenset[str]]) -> Matrix:
    """Whether each term is in each group."""
    found = [[term in group for group in groups] for term in terms]
    return np.array(found, np.float32).reshape(len(terms), len(groups))
