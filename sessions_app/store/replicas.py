"""Replicas of the database: standbys that follow it, for reads that may be some seconds old.

Which of them is asked, for how long an answer is waited for, and the beats by which their age is
known. What they are asked is in `replicated`. No replica decides anything: one that fails, lags or
is no replica at all costs a few slow reads, and then the primary answers alone.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from threading import Lock
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from sessions_app import clock, conditions
from sessions_app.core import beats, errors
from sessions_app.core.beats import NEVER, NOBODY, Beat, Beats, Progress
from sessions_app.store import replica_statements as sql
from sessions_app.store.database import Database
from sessions_app.store.epochs import Epochs
from sessions_app.store.parts import Part
from sessions_app.store.reading import Reader

WAIT_SECONDS = 0.5
"""For each statement, and for a connection where the pool says nothing shorter."""
LAGS = "lags"
OF_THE_STORE = (errors.StoreUnavailable, errors.StoreBusy, errors.StorageFull)
FAILURES = (DatabaseError, InterfaceError, *OF_THE_STORE)
"""What a server that does not answer raises."""
TOLD = ("answers", "lags", "errors", "openings")
"""The counts that say most."""

AGAIN = 1.0
"""Seconds for which a replica that was too old for somebody is not asked by who takes no more."""

T = TypeVar("T")
log = logging.getLogger("holdfast.store")


class Late(Exception):
    """A replica said nothing for so long that the primary is asked instead."""


class Look(NamedTuple):
    """What a look at a server found: whether it follows another one and of which cluster it is, or
    what is in the way."""

    follows: bool = False
    cluster: str = ""
    failed: str = ""


class _TooOld(NamedTuple):
    """For whom a replica was too old, and until when that is believed."""

    max_stale: float = 0.0
    until: float = NEVER


class Replica:
    """One standby, shared by all threads of this process.

    One that answers is not broken because what it has is too old for somebody: it is left to those
    who take what is older, and asked again a moment later. What breaks it are errors, waiting in
    vain, and standing still.
    """

    def __init__(
        self, alias: str, part: str, of: str, *, now: Callable[[], float] = clock.elapsed
    ) -> None:
        self.alias = alias
        self.reader = Reader(alias)
        self.part = Part(part, f"The {part}", "replica", of=of, now=now)
        self._progress = Progress()
        self._too_old = _TooOld()

    def may_prove(self, max_stale: float, now: float) -> bool:
        """Whether it may be young enough for who takes what is `max_stale` seconds old."""
        return max_stale > self._too_old.max_stale or now >= self._too_old.until

    def told(self, known: Beats, token: str | None, max_stale: float, now: float) -> None:
        """It answered somebody who takes what is `max_stale` seconds old, beside a token."""
        self._progress = self._progress.told(known, token)
        age = known.age(token, now)
        if age > max_stale:
            self._too_old = _TooOld(max_stale, now + AGAIN)
        elif age <= self._too_old.max_stale:
            self._too_old = _TooOld()
        if token == NOBODY or self._progress.stands_still(now):
            self.part.failed(LAGS)
        else:
            self.part.worked()

    def ask(self, work: Callable[[Database], T]) -> T | None:
        """What `work` reads, or None where the replica fails. Errors that are not of the database
        are raised."""
        db = self.reader.db
        if db.nested:  # somebody's own transaction, of who knows when
            return None
        try:
            return _in_time(db, work)
        except (*FAILURES, Late) as failed:
            self.part.count("errors")
            self.part.failed(_cause(failed))
            return None

    def look(self) -> Look:
        """Asks it how it is, whatever its breaker says."""
        try:
            return _in_time(self.reader.db, looked)
        except (*FAILURES, Late) as failed:
            return Look(failed=_cause(failed))


class Replicas:
    """The replicas of one primary, and what this process knows of it."""

    def __init__(
        self,
        primary: str,
        aliases: Sequence[str],
        *,
        now: Callable[[], float] = clock.elapsed,
    ) -> None:
        self.all = tuple(
            Replica(alias, _part(nth), primary, now=now) for nth, alias in enumerate(aliases, 1)
        )
        self.epochs = Epochs(Database(primary))
        self.now = now
        self._primary = Database(primary)
        self._process = _Process()
        self._versions = _Versions(now)
        self._turn = 0

    # -- which one ---------------------------------------------------------------------------

    def choose(self, max_stale: float) -> Replica | None:
        """One that may be asked for what is `max_stale` seconds old, each in turn; None where none
        could prove that now, or all are left alone."""
        self._beat(max_stale)
        now = self.now()
        if not self.beats.hopeful(max_stale, now):
            return None
        self._turn += 1
        for offset in range(len(self.all)):
            replica = self.all[(self._turn + offset) % len(self.all)]
            if replica.may_prove(max_stale, now) and replica.part.admitted():
                return replica
        return None

    # -- what proves their age ---------------------------------------------------------------

    @property
    def beats(self) -> Beats:
        return self._process.beats

    @property
    def process(self) -> str:
        """By what name this process stores its beats."""
        return self._process.name

    def _beat(self, max_stale: float) -> None:
        """Stores a beat if one is due and no other thread does."""
        if self._process.forked:
            self._process = _Process()
        process = self._process
        if not process.beats.due(max_stale, self.now()) or not process.asking.acquire(False):
            return
        try:
            process.beats = process.beats.asking(self.now())
            beat = Beat(secrets.token_hex(16), self.now())
            with self._primary.reading():
                if not process.beats.known:
                    self._primary.run(sql.DELETE_OLD_BEATS)
                self._primary.run(sql.BEAT, (process.name, beat.token))
            process.beats = process.beats.beaten(beat)
        except FAILURES as failed:
            log.warning("No replica is asked, the primary takes no beat: %s", _cause(failed))
        finally:
            process.asking.release()

    # -- what this process has seen ----------------------------------------------------------

    def heard(self, session: UUID, version: int) -> None:
        """A session was at this version; who asks here never sees it before that again."""
        self._versions.heard(session, version)

    def version(self, session: UUID) -> int:
        """The newest version that was heard of lately; 0 for none."""
        return self._versions.of(session)


class _Process:
    """The beats of one process. After a fork the child needs a name of its own, or each would
    replace the beats of the other."""

    def __init__(self) -> None:
        self.beats = Beats()
        self.asking = Lock()
        self.name = secrets.token_hex(16)
        self._pid = os.getpid()

    @property
    def forked(self) -> bool:
        return self._pid != os.getpid()


class _Versions:
    """The versions of sessions that were heard of within the last minute, and some before: what is
    older than LONGEST no replica may tell anyway."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._new: dict[UUID, int] = {}
        self._old: dict[UUID, int] = {}
        self._since = now()
        self._guard = Lock()

    def heard(self, session: UUID, version: int) -> None:
        with self._guard:
            if self._now() - self._since > beats.LONGEST:
                self._old, self._new, self._since = self._new, {}, self._now()
            if version > self._new.get(session, 0):
                self._new[session] = version

    def of(self, session: UUID) -> int:
        return max(self._new.get(session, 0), self._old.get(session, 0))


def looked(db: Database) -> Look:
    """How a server of PostgreSQL is, primary or standby. Raises errors of the store."""
    row = db.row(sql.LOOK)
    return Look(bool(row[0]), str(row[1])) if row else Look(failed="no answer")


def _part(nth: int) -> str:
    return conditions.REPLICA if nth == 1 else f"{conditions.REPLICA} {nth}"


def _in_time(db: Database, work: Callable[[Database], T]) -> T:
    """Does what is to be read, no statement of which waits longer than WAIT_SECONDS. A connection
    that was left in the middle of something is closed. Raises Late, and what `work` raises."""
    connection = db.connection
    try:
        connection.ensure_connection()
        driver = connection.connection
        plain = driver.wait
        driver.wait = lambda gen, *args, **kwargs: plain(_limited(gen), *args, **kwargs)
        try:
            with db.reading():
                return work(db)
        finally:
            del driver.wait
    except (*FAILURES, Late):
        if connection.connection is not None:
            connection.connection.close()  # or a pool would wait for the end of the statement
        connection.close()
        raise


def _limited(gen: Generator[int, int, T]) -> Generator[int, int, T]:
    """What the driver waits for, but not longer. It looks at the time ten times a second."""
    end = time.monotonic() + WAIT_SECONDS
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > end:
                raise Late
            wanted = gen.send(ready)
    except StopIteration as done:
        answer: T = done.value
        return answer


def _cause(failed: Exception) -> str:
    """What failed, without the address: the kind of error, of the driver where it has one."""
    cause: Any = failed
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return type(cause).__name__
