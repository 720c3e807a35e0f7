"""Which facts answer a question: the ranker of turns over facts, each a document of its own.

A fact has no neighbours, so what a turn is worth by those around it has no weight here; what kind
of statement it is and that a person pinned it have one. Facts are few and short, and where there
are three every word is rare: how much of a question a fact bears out is counted by words alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from memory_app.core import asked, rank, rank_weights
from memory_app.core.asked import Asked
from memory_app.core.index import Index, Turn, Vector
from memory_app.core.rank import Ranking, Scored
from memory_app.core.relations import Graph, Reached, Tie
from memory_app.core.terms import terms

Flags = np.ndarray[Any, np.dtype[np.bool_]]

_OF_NEIGHBOURS = (
    "words around",
    "words of the session",
    "answers these neighbouring words",
    "answers a question",
    "begins a session",
)
WEIGHTS: Mapping[str, float] = {
    **{name: one for name, one in rank_weights.PLAIN.items() if name not in _OF_NEIGHBOURS},
    "category": 1.0,
    "pinned": 0.5,
}
"""Those of turns; the last two were set, each below what one word of the question weighs."""
CLEAR = 0.45
"""The share of a question's words that a fact must bear out to come back: what FLOOR is for turns,
by words alone."""
RELATION = 0.5
"""What it weighs that a fact is one step from a thing that the question names; two steps, half of
it. Never more than the least of those that answer the question themselves: they go first."""
WIDE = 20
"""Facts that may tie a thing on the way. What more of them tie is whom all is about, and leads
everywhere."""


class Document(NamedTuple):
    """A fact as it is found. `about` are its key, subject, relation and object; `at` is since when
    it is true, in microseconds; `worth` is 0..1."""

    number: int
    text: str
    category: str = ""
    subject: str = ""
    object: str = ""
    about: tuple[str, ...] = ()
    pinned: bool = False
    by_user: bool = True
    at: int = 0
    worth: float = 0.0


class Documents:
    """The facts of one owner, held so that a question is compared with all of them at once."""

    def __init__(self, facts: Sequence[Document]) -> None:
        self.facts = facts
        self.index = Index(_turn(fact) for fact in facts)
        self.categories = [frozenset(terms(fact.category)) for fact in facts]
        self.pinned = np.array([fact.pinned for fact in facts], np.float32)

    @cached_property
    def graph(self) -> Graph:
        return Graph(
            Tie(fact.number, fact.subject, fact.object)
            for fact in self.facts
            if fact.subject or fact.object
        )


def _turn(fact: Document) -> Turn:
    said = fact.text.casefold()
    # A word that the text has counts once.
    more = [name for name in fact.about if name and name.casefold() not in said]
    text = " ".join([fact.text, *more])
    role = "user" if fact.by_user else "assistant"
    return Turn(fact.number, 1, fact.subject, role, text, fact.at, fact.worth)


def best(known: Documents, question: str, *, now: int, count: int) -> list[Scored]:
    """The facts that answer a question, the best first, of equals the newest; none where no fact
    bears out enough of it. Behind them those near a thing that it names. `Scored.turn.session` is
    the number of a fact."""
    if not known.facts:
        return []
    read = asked.read(question, now=now)
    ranking = _ranking(known, read, question, now=now)
    of_kind = _of_kind(known, read)
    on_day = ranking.traits[ranking.names.index("day")] >= 1
    clear = _clear(known.index, read, of_kind) | on_day
    places = ranking.order().tolist()
    found = [ranking.scored(place) for place in places if clear[place]][:count]
    if len(found) < count:
        others = [place for place in places if not clear[place]]
        least = min((one.score for one in found if one.score > 0), default=RELATION)
        found += _related(known, question, others, min(RELATION, least))[: count - len(found)]
    return found


def _related(known: Documents, question: str, places: Sequence[int], weight: float) -> list[Scored]:
    """Of the facts in some places, given best first, those near a thing that the question names."""
    steps = {one.fact: one.steps for one in related(known.graph, question)}
    near = [place for place in places if known.facts[place].number in steps]
    found = []
    for place in sorted(near, key=lambda place: steps[known.facts[place].number]):
        part = weight / steps[known.facts[place].number]
        found.append(Scored(known.index.turns[place], place, part, {"relation": part}))
    return found


def related(graph: Graph, question: str) -> list[Reached]:
    """The facts near the things that a question names, the nearest first."""
    return graph.near(graph.named(question), widest=WIDE)


def order(known: Documents, question: str, *, now: int) -> list[int]:
    """The places of all facts, the best first, whatever they bear out."""
    if not known.facts:
        return []
    read = asked.read(question, now=now)
    places: list[int] = _ranking(known, read, question, now=now).order().tolist()
    return places


def _ranking(known: Documents, read: Asked, question: str, *, now: int) -> Ranking:
    found = rank.traits(known.index, question, now=now)
    found.rows["category"] = _of_kind(known, read).astype(np.float32)
    found.rows["pinned"] = known.pinned
    return rank.weighed(known.index, found, WEIGHTS)


def _of_kind(known: Documents, read: Asked) -> Flags:
    wanted = frozenset(read.terms)
    return np.array([not wanted.isdisjoint(names) for names in known.categories], np.bool_)


def _clear(index: Index, question: Asked, of_kind: Flags) -> Flags:
    """Of each fact whether it bears out enough. Whom a question is about says little of what it
    asks for, so names of subjects count only where they are all of it."""
    told = [word for word in question.terms if word not in question.apart] or question.terms
    topic = [word for word in told if word not in index.speakers] or told
    if not topic:
        return np.zeros(len(index), np.bool_)
    held = index.matches(topic).counts + index.beginnings(topic).counts > 0
    share: Vector = held.mean(axis=0, dtype=np.float32)
    named = index.matches([word for word in question.terms if word in index.speakers])
    by_name = named.counts.any(axis=0) if len(named.terms) else np.zeros(len(index), np.bool_)
    kinds = (share + of_kind / len(topic)) >= CLEAR
    return np.asarray(kinds | (by_name & (share > 0)), np.bool_)
