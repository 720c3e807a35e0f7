"""Gate 1: of the turns that a question needs, how many stand in a small context.

Each long conversation (LoCoMo) is the history of one user, in sessions. A question about it is
asked; the last three turns stand whole, and old turns compete for what is left of the budget, where
each session that is shown pays for a header with its date. The figure is the share of a question's
gold evidence turns that are shown whole, the mean of all questions; the error is over
conversations. Weights are fitted on the other conversations.

A way of choosing is a function, so that the whole product can be measured by the same figures.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from statistics import mean, median, stdev

import numpy as np

from bench.quality import rank_fit
from bench.quality.locomo import ENCODER, MULTI_HOP, Conversation, Question, conversations
from bench.quality.rank_fit import Known
from bench.quality.rows import Row
from memory_app import minilm
from memory_app.core import rank
from memory_app.core.choosing import Candidate, choose
from memory_app.core.index import Index
from memory_app.core.rank import Ranking
from memory_app.core.terms import terms
from sessions_app.core import tokens

GATE = "recall"
PLAIN = {1_000: 86.0, 2_000: 91.0, 4_000: 94.5, 8_000: None}
VECTORS = {1_000: 88.0, 2_000: 92.0, 4_000: 95.5, 8_000: None}
DEPTHS = {5: None, 10: 82.0, 25: None, 50: None}
HOPS = 68.0
FAST = {600: 5, 10_000: 30}
"""Milliseconds in which so many turns are ranked."""
HEADER = tokens.FRAMING + tokens.count_text("Wednesday, 27 September 2023", ENCODER)

Way = Callable[[Conversation, Question, int], Container[int]]
"""The seqs of the turns that are shown whole when a question is asked with so many tokens."""
Order = Callable[[Conversation, Question], Sequence[int]]
"""All turns by their place, the best first."""


def measure() -> Iterator[Row]:
    """Rows without vectors, and with those of MiniLM where it is installed. Raises NoData."""
    yield from plain()
    if minilm.available():
        held = rank_fit.known(conversations(assistant=False), vectors=True)
        yield from _rows(held, ", MiniLM", VECTORS)


def plain() -> Iterator[Row]:
    """Rows without vectors. Raises NoData."""
    held = rank_fit.known(conversations(assistant=False), vectors=False)
    yield from _rows(held, "", PLAIN)
    yield from _speed(held)


def survival(talk: Conversation, way: Way, budget: int, category: int | None = None) -> float:
    """The share of evidence turns, in per cent, that a way shows: the mean of the questions."""
    shares = []
    for question in talk.questions:
        if category in (None, question.category):
            shown = way(talk, question, budget)
            shares.append(mean(seq in shown for seq in question.evidence))
    return 100 * mean(shares)


def pooled(talk: Conversation, way: Way, budget: int) -> float:
    """The same, a turn counted each time a question needs it."""
    found = [
        seq in shown
        for question in talk.questions
        for shown in [way(talk, question, budget)]
        for seq in question.evidence
    ]
    return 100 * mean(found)


def depth(talk: Conversation, order: Order, count: int) -> float:
    """The share of evidence turns among the first `count`: the mean of the questions."""
    shares = []
    for question in talk.questions:
        best = {int(place) + 1 for place in order(talk, question)[:count]}
        shares.append(mean(seq in best for seq in question.evidence))
    return 100 * mean(shares)


# -- the rows --------------------------------------------------------------------------------------


def _rows(held: Sequence[Known], name: str, targets: Mapping[int, float | None]) -> Iterator[Row]:
    ours = [Fitted(one, left_out(held, place)) for place, one in enumerate(held)]
    others = [Words(one.held) for one in held]
    for budget, target in targets.items():
        figures = [survival(one.known.talk, one.way, budget) for one in ours]
        beside = (
            ("each turn counted", mean(pooled(one.known.talk, one.way, budget) for one in ours)),
            (
                "a tenth for the newest",
                mean(survival(one.known.talk, one.with_a_tenth, budget) for one in ours),
            ),
            *_others(held, others, partial(survival, budget=budget)),
        )
        yield Row(GATE, f"ev@{budget:,}{name}", mean(figures), _error(figures), target, beside)
    hops = partial(survival, budget=2_000, category=MULTI_HOP)
    figures = [hops(one.known.talk, one.way) for one in ours]
    beside = _others(held, others, hops)
    yield Row(GATE, f"multi-hop ev@2,000{name}", mean(figures), _error(figures), HOPS, beside)
    yield from _depths(ours, others, name)


def _others(
    held: Sequence[Known], others: Sequence[Words], figure: Callable[..., float]
) -> tuple[tuple[str, float], ...]:
    """The figure of the newest turns and of BM25."""
    last = [figure(one.talk, newest) for one in held]
    ranked = [figure(one.talk, by.way) for one, by in zip(held, others, strict=True)]
    return ("last-N", mean(last)), ("BM25", mean(ranked))


def _depths(ours: Sequence[Fitted], others: Sequence[Words], name: str) -> Iterator[Row]:
    for count, target in DEPTHS.items():
        figures = [depth(one.known.talk, one.order, count) for one in ours]
        ranked = [
            depth(one.known.talk, by.order, count) for one, by in zip(ours, others, strict=True)
        ]
        beside = (("BM25", mean(ranked)),)
        yield Row(GATE, f"R@{count}{name}", mean(figures), _error(figures), target, beside)


def _error(figures: Sequence[float]) -> float:
    return stdev(figures) / math.sqrt(len(figures))


def _speed(held: Sequence[Known]) -> Iterator[Row]:
    """The time of ranking so many turns, without vectors; conversations are repeated for it."""
    turns = [turn for one in held for turn in one.held.turns]
    for count, most in FAST.items():
        index = Index(
            turn._replace(session=turn.session + 1_000 * (number // len(turns)))
            for number, turn in enumerate(islice(cycle(turns), count))
        )
        spent = []
        for question in held[0].talk.questions[:100]:
            began = time.perf_counter()
            rank.rank(index, question.text, now=held[0].now).best(50)
            spent.append(1_000 * (time.perf_counter() - began))
        name = f"milliseconds to rank {count:,} turns, p50 (at most {most})"
        yield Row(GATE, name, median(spent))


# -- the ways --------------------------------------------------------------------------------------


def left_out(held: Sequence[Known], place: int) -> dict[str, float]:
    """Weights fitted on all conversations but one."""
    return rank_fit.fit([*held[:place], *held[place + 1 :]])


class Fitted:
    """The ranker with these weights, and what it chooses."""

    def __init__(self, known: Known, weights: Mapping[str, float] | None = None) -> None:
        self.known = known
        self.rankings = {
            question: rank.weighed(known.held, traits, weights)
            for question, traits in zip(known.talk.questions, known.traits, strict=True)
        }

    def order(self, talk: Conversation, question: Question) -> Sequence[int]:
        found: list[int] = self.rankings[question].order().tolist()
        return found

    def with_a_tenth(self, talk: Conversation, question: Question, budget: int) -> set[int]:
        """A tenth for the newest turns, the rest by score."""
        return chosen(talk, self.rankings[question], budget)

    def way(self, talk: Conversation, question: Question, budget: int) -> set[int]:
        """The last three turns whole, as a context has them anyway, the rest by score."""
        last = last_turns(talk, 3)
        room = budget - sum(talk.passages[seq - 1].tokens for seq in last)
        return last | chosen(talk, self.rankings[question], room, newest=0.0, without=last)


def chosen(
    talk: Conversation,
    ranking: Ranking,
    room: int,
    *,
    newest: float = 0.1,
    without: Container[int] = (),
) -> set[int]:
    """The seqs of the turns that are chosen for `room` tokens; none where nothing was found."""
    if not ranking.found:
        return set()
    scores = ranking.scores.tolist()
    candidates = [
        Candidate(one.seq, score, one.tokens, session)
        for one, score, session in zip(talk.passages, scores, talk.sessions, strict=True)
        if one.seq not in without
    ]
    found = choose(candidates, room=room, header=HEADER, newest=newest, listed=ranking.listed)
    return set(found.places)


def last_turns(talk: Conversation, count: int) -> set[int]:
    """The seqs of the newest turns: a message of the first speaker and all up to the next."""
    first = talk.passages[0].author
    starts = [one.seq for one in talk.passages if one.author == first]
    return {one.seq for one in talk.passages if one.seq >= starts[-count]}


def newest(talk: Conversation, question: Question, budget: int) -> set[int]:
    """The newest turns that fit."""
    found: set[int] = set()
    days: set[int] = set()
    for one, session in zip(talk.passages[::-1], talk.sessions[::-1], strict=True):
        budget -= one.tokens + (0 if session in days else HEADER)
        if budget < 0:
            break
        found.add(one.seq)
        days.add(session)
    return found


class Words:
    """Turns by the BM25 score of their own words alone, until the budget is full."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def order(self, talk: Conversation, question: Question) -> Sequence[int]:
        _, counts, rarity = self.index.matches(list(dict.fromkeys(terms(question.text))))
        sizes = self.index.said.sizes
        damped = counts + 1.2 * (0.25 + 0.75 * sizes / sizes.mean())
        found: list[int] = np.argsort(-(rarity @ (counts * 2.2 / damped)), kind="stable").tolist()
        return found

    def way(self, talk: Conversation, question: Question, budget: int) -> set[int]:
        found: set[int] = set()
        days: set[int] = set()
        for place in self.order(talk, question):
            session = talk.sessions[place]
            cost = talk.passages[place].tokens + (0 if session in days else HEADER)
            if cost <= budget:
                budget -= cost
                found.add(place + 1)
                days.add(session)
        return found


if __name__ == "__main__":
    for row in measure():
        print(row)
