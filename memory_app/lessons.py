"""Stores what was learnt of what a user said, against what is known of that user already.

Duplicates become one fact with more sources. Of two that contradict each other the later and no
less trusted one stands, both stay visible, and what is unclear waits in quarantine for a person.
The caller holds the user's row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import orjson
from django.db.models import Q

from memory_app import facts
from memory_app.core import extracting
from memory_app.core import facts as core
from memory_app.core.extracting import Candidate
from memory_app.core.meeting import (
    DUPLICATE,
    OLDER,
    QUARANTINED,
    SUPERSEDES,
    Statement,
    about,
    meet,
    plain,
)
from memory_app.facts import By, Edits, Lesson, Stated
from memory_app.models import Fact
from sessions_app import clock
from sessions_app.core.replay import in_ranges
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore

SOURCES = 5
"""Messages that one fact is said to come from by itself; a person may add more."""
DAY_US = 86_400_000_000


class Learner(NamedTuple):
    """Of whom is learnt, in which session, and who found it."""

    user: int
    session: Snapshot
    by: str


def store(db: DurableStore, learner: Learner, found: Sequence[tuple[Candidate, int]]) -> int:
    """Stores candidates, each with when it was said in microseconds; returns how many are new
    facts."""
    return _Lessons(db, learner).take(found)


def take_back(db: DurableStore, learner: Learner, retracted: Sequence[tuple[int, int]]) -> None:
    """What was learnt of messages that somebody took back no longer holds, unless others tell it
    too, or a person pinned it."""
    lessons = _Lessons(db, learner)
    here = str(learner.session.id)
    for fact in [fact for fact in lessons.known if fact.learnt_by and not fact.pinned]:
        sources = orjson.loads(fact.sources)
        left = [
            one for one in sources if one["session"] != here or not in_ranges(one["seq"], retracted)
        ]
        if not left and sources:
            wanted = core.retired(facts.values_of(fact), lessons.edits.now)
            lessons.edits.revise(fact, wanted, reason="Its message was taken back.")
        elif left != sources:
            wanted = {"sources": orjson.dumps(left).decode()}
            lessons.edits.revise(fact, wanted, reason="A message of it was taken back.")


class _Lessons:
    """The facts of one user while lessons are added to them."""

    def __init__(self, db: DurableStore, learner: Learner) -> None:
        self.learner = learner
        project = learner.session.project
        self.edits = Edits(db, project, By(core.HOLDFAST), clock.now_us())
        rows = facts.of_project(db, project).of_end_user(learner.user).active().shown()
        # Those of sessions are quotes of what was folded, and say nothing of the user as such.
        own = rows.filter(Q(session=None) | ~Q(key="")).order_by("-number")[: facts.MOST]
        self.known: list[Any] = []
        # A candidate meets few of a thousand facts; compared with each of them, a stretch would
        # hold the user's row for half a second.
        self._met: defaultdict[str, list[Any]] = defaultdict(list)
        for fact in own:
            self._add(fact)

    def _add(self, fact: Any) -> None:
        self.known.append(fact)
        for name in _names(fact.text, fact.key, fact.relation, fact.object):
            self._met[name].append(fact)

    def _drop(self, fact: Any) -> None:
        self.known.remove(fact)
        for name in _names(fact.text, fact.key, fact.relation, fact.object):
            self._met[name].remove(fact)

    def _near(self, one: Candidate) -> list[Any]:
        """The facts that say the same as a candidate, or something of what it is about."""
        names = _names(one.quote, one.key, one.relation, one.object)
        found = {fact.number: fact for name in names for fact in self._met.get(name, ())}
        return list(found.values())

    def take(self, found: Sequence[tuple[Candidate, int]]) -> int:
        new = 0
        for one, at in found:
            if self._is_noted(one):
                continue
            if one.ends:
                self._end(one, at)
            elif one.instead:
                new += self._correct(one, at)
            else:
                new += self._meet(one, at)
        return new

    def _is_noted(self, one: Candidate) -> bool:
        """Whether somebody stored a fact of these words already, by what it quotes."""
        return any(
            source["seq"] == one.seq
            and (source["quote"] in one.quote or one.quote in source["quote"])
            for fact in self.known
            if not fact.learnt_by
            for source in self._here(fact)
        )

    def _here(self, fact: Any) -> list[dict[str, Any]]:
        """The sources of a fact in this session."""
        name = str(self.learner.session.id)
        if name not in fact.sources:  # of a thousand facts few quote it, and none is taken apart
            return []
        return [source for source in orjson.loads(fact.sources) if source["session"] == name]

    def _meet(self, one: Candidate, at: int) -> bool:
        said = Statement(
            "",
            about(one.key, one.relation, one.object),
            one.quote,
            one.trust,
            (at, one.seq),
            says=_says(one.relation, one.object),
        )
        near = self._near(one)
        meeting = meet(said, [self._statement(fact, one.seq) for fact in near])
        other = next((fact for fact in near if str(fact.id) == meeting.fact), None)
        if meeting.outcome == DUPLICATE:
            self._again(other, one, at)
            return False
        stated = self._stated(one, at)
        if meeting.outcome == QUARANTINED and other is not None:
            contradicts = orjson.dumps({facts.CONTRADICTS: str(other.id)}).decode()
            stated = replace(stated, metadata=contradicts)
            if self._waits(one):
                return False
            self.edits.learn(self._lesson(stated, one)._replace(status=Fact.QUARANTINED))
            return True
        if meeting.outcome == OLDER:
            self.edits.learn(self._lesson(stated, one)._replace(after=other))
            return True
        fact = self.edits.learn(self._lesson(stated, one))
        if meeting.outcome == SUPERSEDES:
            self._supersede(other, fact)
        self._add(fact)
        return True

    def _statement(self, fact: Any, seq: int) -> Statement:
        """A fact beside what message `seq` says: of what was stored in one call the session's own
        order tells which came first."""
        here = [source["seq"] for source in self._here(fact)]
        return Statement(
            "",
            about(fact.key, fact.relation, fact.object),
            fact.text,
            fact.trust,
            (said_first(fact), max(here, default=seq)),
            str(fact.id),
            _says(fact.relation, fact.object),
        )

    def _again(self, fact: Any, one: Candidate, at: int) -> None:
        """Said again: another source, as long as there are few, and a newer day."""
        sources = orjson.loads(fact.sources)
        wanted: dict[str, Any] = {}
        source = self._source(one)
        if len(sources) < SOURCES and source not in sources:
            wanted["sources"] = orjson.dumps([*sources, source]).decode()
        if at > _said_last(fact) + DAY_US:
            wanted["confirmed_us"] = at
        self.edits.revise(fact, wanted, reason="Said again.")
        if fact.learnt_in_id not in (None, self.learner.session.number) and "sources" in wanted:
            self.edits.known_more_widely(fact)

    def _end(self, one: Candidate, at: int) -> None:
        """What holds no longer is retired, if it is clear what that is."""
        says = _says(one.relation, one.object).casefold()
        held = [
            fact
            for fact in self.known
            if fact.trust == Fact.OF_PEOPLE[0]
            and _says(fact.relation, fact.object).casefold() == says
            and _said_last(fact) <= at
        ]
        if len(held) == 1 and says:
            wanted = core.retired(facts.values_of(held[0]), at)
            self.edits.revise(held[0], wanted, reason=f"Message {one.seq} says so: {one.quote}")
            self._drop(held[0])

    def _correct(self, one: Candidate, at: int) -> bool:
        """What a correction names takes the place of what it corrects, if that is one fact."""
        old = extracting.folded(one.instead)
        held = [
            fact
            for fact in self.known
            if fact.trust == Fact.OF_PEOPLE[0] and extracting.folded(fact.object) == old
        ]
        if len(held) != 1 or not old or said_first(held[0]) > at:
            return False
        fact = held[0]
        stated = replace(
            self._stated(one, at),
            text=fact.text.replace(fact.object, one.object, 1),
            category=fact.category,
            key=fact.key,
            relation=fact.relation,
        )
        new = self.edits.learn(self._lesson(stated, one))
        self._supersede(fact, new)
        self._add(new)
        return True

    def _supersede(self, other: Any, fact: Any) -> None:
        self.edits.give_way(other, fact)
        self._drop(other)

    def _waits(self, one: Candidate) -> bool:
        """Whether the same waits in quarantine already."""
        rows = self.edits.rows.of_end_user(self.learner.user).in_status(Fact.QUARANTINED)
        return bool(rows.filter(text=one.quote).exists())

    def _stated(self, one: Candidate, at: int) -> Stated:
        return Stated(
            text=one.quote,
            user=self.learner.session.user,
            category=one.category,
            key=one.key,
            subject=self.learner.session.user or "" if one.relation else "",
            relation=one.relation,
            object=one.object,
            valid_us=at,
            sources=(self._source(one),),
        )

    def _source(self, one: Candidate) -> dict[str, Any]:
        return {"session": str(self.learner.session.id), "seq": one.seq, "quote": one.quote}

    def _lesson(self, stated: Stated, one: Candidate) -> Lesson:
        user, session, by = self.learner
        return Lesson(stated, user, session.number, by, one.trust, one.confidence)


def _names(text: str, key: str, relation: str, of: str) -> list[str]:
    """By what facts meet: what is said, and what that is about."""
    return [f"text {plain(text)}", *filter(None, [about(key, relation, of)])]


def _says(relation: str, of: str) -> str:
    return f"{relation} {extracting.folded(of)}" if of else ""


def said_first(fact: Any) -> int:
    """Since when a fact is known to hold, in microseconds."""
    return int(fact.created_us if fact.valid_us is None else fact.valid_us)


def _said_last(fact: Any) -> int:
    return max(said_first(fact), fact.confirmed_us or 0)
