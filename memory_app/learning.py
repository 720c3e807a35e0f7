"""Looks through what was said for what users say of themselves, shortly after: off the path of
appends, a stretch of messages at a time.

Which row is the truth: the session's row here says how far it was looked through, and moves in the
transaction that stores what was found. So each message is looked at once, whoever is killed when.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from memory_app import extractors, facts, lessons, policies, spoken, vectors
from memory_app import statements as sql
from memory_app.core import extracting
from memory_app.core.extracting import Candidate, Extracted
from memory_app.core.passages import Passage
from memory_app.extractors import Extractor, Rules
from memory_app.lessons import Learner
from memory_app.models import Fact
from sessions_app import clock
from sessions_app.core import errors
from sessions_app.core.replay import in_ranges
from sessions_app.models import Session
from sessions_app.store.base import Snapshot
from sessions_app.store.database import Row
from sessions_app.store.durable import DurableStore
from sessions_app.store.reading import Reader

log = logging.getLogger("holdfast.learning")

MESSAGES = 32
"""Messages of a session that are looked through at once: each may be large."""
HELD_SECONDS = 120.0
"""After which another may look."""
LATER_SECONDS = 30.0
"""How long a session is left alone that could not be done."""
LATELY_HOURS = 1
AT_ONCE = 100
SWEEP_SECONDS = 3600.0
"""How often all sessions are looked through."""
ECHOED = 200
"""Messages back in which what others said is no news from the user."""
IMPORTED_FROM = '"imported_from"'
"""In the metadata of a session that importers made."""
HOUR_US = 3_600_000_000


class Held(NamedTuple):
    """A session that is looked through from message `after` + 1 on; see models.Learnt."""

    session: Snapshot
    after: int
    imported: int
    shared: bool
    overlay: int
    until_us: int


class Learning:
    """Brings what is learnt up to date, a stretch of a session at a time."""

    def __init__(self, store: DurableStore, extractor: Extractor) -> None:
        self.store = store
        self.extractor = extractor
        self._slow = type(extractor) is not Rules
        self._swept = 0
        self._sweep_at = 0.0

    def work(self) -> bool:
        """A stretch of each of some sessions; False when there is none to do. Raises EngineFailed:
        the session is left alone for a while."""
        quiet: list[Looked] = []
        done = 0
        for number in self._behind():
            held = self._taken(number)
            if held is None:
                continue
            done += 1
            try:
                looked = self._looked(held)
                if looked.says_nothing:
                    quiet.append(looked)
                else:
                    commit(self.store, looked)
            except Exception:  # whatever is wrong with it, it must not keep those behind it waiting
                postpone(self.store, held, LATER_SECONDS)
                raise
            if self._slow:
                break
        # Mostly nothing is found. One commit says so of all: one for each would be as many as the
        # appends make.
        if quiet:
            pass_by(self.store, quiet)
        return done > 0

    def _taken(self, number: int) -> Held | None:
        """A session to look through; one that takes long is held, so that nobody else asks a model
        the same."""
        return hold(self.store, number) if self._slow else look(self.store, number)

    def _behind(self) -> list[int]:
        now = clock.now_us()
        hour = now // HOUR_US - LATELY_HOURS
        with self.store.db.reading():
            rows = self.store.db.rows(sql.UNLEARNT_LATELY, (now, hour, AT_ONCE))
        return [number for (number,) in rows] or self._sweep(now)

    def _sweep(self, now: int) -> list[int]:
        """The next of all sessions that are behind; none once all were looked through lately."""
        if time.monotonic() < self._sweep_at:
            return []
        with self.store.db.reading():
            rows = self.store.db.rows(sql.UNLEARNT_AFTER, (now, self._swept - 1, AT_ONCE))
        if rows:
            self._swept = rows[0][0]
        else:
            self._swept, self._sweep_at = 0, time.monotonic() + SWEEP_SECONDS
        return [number for (number,) in rows]

    def _looked(self, held: Held) -> Looked:
        upto = min(held.session.messages, held.after + MESSAGES)
        said = [one for one in _said(self.store, held, upto) if one.role == "user"]
        return Looked(held, upto, said, self._found(held, said), self.extractor.name)

    def _found(self, held: Held, said: Sequence[Passage]) -> Extracted:
        rules = policies.stored(
            self.store,
            held.session.project,
            held.session.policy_name,
            held.session.policy_version,
        ).rules
        if not rules.learn:
            return Extracted(())
        shared = held.shared or any(is_anothers(one, held.session) for one in said)
        theirs = [one for one in said if _is_theirs(one, held, shared=shared)]
        if not theirs:
            return Extracted(())
        proposed = extractors.found(self.extractor, theirs, dict(rules.categories))
        if not proposed:
            return Extracted(())
        given = _given(self.store, held.session, proposed)
        imported = held.session.messages if _is_imported(held.session) else held.imported
        taken = [
            extracting.admitted(
                [one for one in proposed if (one.seq > imported) == live],
                theirs,
                injected=given,
                imported=not live,
            )
            for live in (True, False)
        ]
        candidates = sorted((one for part in taken for one in part.candidates), key=_by_seq)
        return Extracted(tuple(candidates), sum(part.injected for part in taken))


def _by_seq(one: Candidate) -> int:
    return one.seq


class Lag(NamedTuple):
    """What was not looked through yet: so many sessions, with so many messages."""

    sessions: int
    messages: int


def lag(store: Reader) -> Lag:
    """How far learning is behind."""
    with store.db.reading():
        row = store.db.row(sql.UNLEARNT, (2**62,)) or (0, 0)
    return Lag(int(row[0]), int(row[1]))


class Looked(NamedTuple):
    """A session that was looked through up to a message: what its users said in that stretch, what
    was found in it, and by whom."""

    held: Held
    upto: int
    said: Sequence[Passage]
    found: Extracted
    by: str

    @property
    def says_nothing(self) -> bool:
        """Whether nothing is to be stored but how far was looked."""
        heeded = self.held.overlay == self.held.session.overlay_version
        return heeded and not (self.found.candidates or self.found.injected)

    @property
    def move(self) -> tuple[Any, ...]:
        """How far was looked, as SET_LEARNT takes it."""
        held, session = self.held, self.held.session
        shared = held.shared or any(is_anothers(one, session) for one in self.said)
        counts = (len(self.found.candidates), self.found.injected)
        now = (self.upto, *counts, shared, session.overlay_version)
        return (*now, session.number, held.after, held.until_us)


def look(store: DurableStore, number: int) -> Held | None:
    """A session to look at, which is not written to; None where somebody holds it, or it is
    gone. Who looks at the same meanwhile stores nothing: the place has moved."""
    with store.db.reading():
        named = store.db.row(sql.NAMED, (number,))
        row = store.db.row(sql.LEARNT, (number,)) or (0, 0, False, 0, 0)
    if named is None or row[4] > clock.now_us():
        return None
    return _held(store, named, (*row[:4], int(row[4])))


def hold(store: DurableStore, number: int) -> Held | None:
    """A session held for a look; None where there is nothing to do or somebody has it."""
    now = clock.now_us()
    until = now + int(HELD_SECONDS * 1_000_000)
    with store.db.transaction():
        named = store.db.row(sql.NAMED, (number,))
        # The session's row is locked, so that a purge comes before or after and never between.
        if named is None or vectors.locked(store.db, number) is None:
            return None
        store.db.run(sql.OPEN_LEARNT, (0, 0, False, number))
        row = store.db.row(sql.HOLD_LEARNT, (until, number, now))
        if row is None:
            return None
    return _held(store, named, (*row, until))


def _held(store: DurableStore, named: Row, row: Row) -> Held | None:
    try:
        session = store.get(int(named[1]), UUID(str(named[0])))
    except (errors.NotFound, errors.SessionDeleted):
        return None
    after, imported, shared, overlay, until_us = row
    return Held(session, int(after), int(imported), bool(shared), int(overlay), until_us)


def postpone(store: DurableStore, held: Held, seconds: float) -> None:
    """Leaves a session that could not be done alone for a while."""
    until = clock.now_us() + int(seconds * 1_000_000)
    with store.db.transaction():
        if vectors.locked(store.db, held.session.number) is None:
            return
        store.db.run(sql.OPEN_LEARNT, (0, 0, False, held.session.number))
        store.db.run(sql.POSTPONE_LEARNT, (until, held.session.number, held.until_us))


def pass_by(store: DurableStore, quiet: Sequence[Looked]) -> None:
    """Stores how far some sessions were looked through in which nothing was found, in one commit.
    Those that somebody holds are looked at again."""
    with store.db.transaction():
        for looked in quiet:
            number = looked.held.session.number
            if vectors.locked(store.db, number) is not None:
                store.db.run(sql.OPEN_LEARNT, (0, 0, False, number))
                store.db.run(sql.SET_LEARNT, looked.move)


def commit(store: DurableStore, looked: Looked) -> bool:
    """Stores what was found and how far was looked; False where another has the session, or it is
    gone. Then nothing is stored."""
    held, session = looked.held, looked.held.session
    times = {one.seq: one.at for one in looked.said}
    with store.db.transaction():
        user = store.db.row(sql.END_USER, (session.project, session.user))
        if user is None:
            return False
        # The user's row comes before the session's, as wherever facts are stored.
        facts.lock_users(store, [int(user[0])])
        store.lock(session.project, session.id)
        status = store.db.row(sql.STATUS, (session.number,))
        if status is None or status[0] == Session.DELETED:
            return False
        store.db.run(sql.OPEN_LEARNT, (0, 0, False, session.number))
        if not store.db.run(sql.SET_LEARNT, looked.move).rowcount:
            return False
        learner = Learner(int(user[0]), session, looked.by)
        if held.overlay != session.overlay_version:
            retracted = store.overlaid(session.number, session.overlay_version).retracted
            lessons.take_back(store, learner, retracted)
        if looked.found.candidates:
            found = [(one, times[one.seq]) for one in looked.found.candidates]
            lessons.store(store, learner, found)
    return True


# -- whose words -----------------------------------------------------------------------------------


def _said(store: DurableStore, held: Held, upto: int) -> Iterable[Passage]:
    """What was said in a stretch and not taken back."""
    session = held.session
    retracted = store.overlaid(session.number, session.overlay_version).retracted
    for one in spoken.said(store, session.number, held.after, upto):
        if not in_ranges(one.seq, retracted):
            yield one


def is_anothers(one: Passage, session: Snapshot) -> bool:
    """Whether a message is signed by somebody else than the session's user."""
    return bool(one.author) and _plain(one.author) != _plain(session.user or "")


def _is_theirs(one: Passage, held: Held, *, shared: bool) -> bool:
    """Whether the session's user wrote a message: in a session that others speak in, only what is
    signed is."""
    return not is_anothers(one, held.session) and bool(one.author or not shared)


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _is_imported(session: Snapshot) -> bool:
    return IMPORTED_FROM in session.metadata


def _given(store: DurableStore, session: Snapshot, proposed: Sequence[Candidate]) -> frozenset[str]:
    """The fingerprints of what the model was given and these candidates may repeat: facts in kept
    contexts of the session, and what others said shortly before. A fact that was superseded may
    be said anew."""
    with store.db.reading():
        injected = Fact.everything.using(store.db.alias).put_into(session.number)
        texts = list(injected.exclude(status=Fact.SUPERSEDED).values_list("text", flat=True))
    first, last = min(proposed, key=_by_seq).seq, max(proposed, key=_by_seq).seq
    texts += spoken.by_others(store, session.number, first - ECHOED, last)
    return frozenset[str]().union(*map(extracting.fingerprints, texts))
