"""The durable store with Redis beside it: what is kept there, and when it is believed.

The database stays the only truth. A change is made there, and once it is committed Redis hears of
the new version, which drops what older ones left. A reader asks Redis first and the database then,
with one statement: the session row as it is now, and the epoch. What Redis gave counts if it is of
this database and epoch, of this project and session, and of the version and head of that row. Only
a caller who takes what is some seconds old is answered without that statement.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple
from uuid import UUID

from django.db import connections

from sessions_app import clock
from sessions_app.core import hotvalues
from sessions_app.core.hotvalues import Kept, Refused, Whose
from sessions_app.store.base import (
    Snapshot,
)
from sessions_app.store.durable import DurableStore
from sessions_app.store.epochs import Epochs
from sessions_app.store.hot import (
    LASTING_MS,
    MOST_STALE_MS,
    NOTHING_SEEN,
    PASSING_MS,
    Found,
    Hot,
    Seen,
)

_NUMBER = re.compile(rb"[0-9]{1,18}")


class Looked(NamedTuple):
    """What Redis had under a name for a reader, before the database was asked."""

    name: str
    found: Found

    @property
    def version(self) -> int:
        """The newest version that Redis has heard of; 0 for none."""
        at = self.found.seen.at
        return int(at) if _NUMBER.fullmatch(at) else 0


class Checked(NamedTuple):
    """What of it is right as the session stands, or None; what the hash named where that cannot be
    true, so that it may be replaced; and whether Redis answered, or a request would wait for it
    twice."""

    kept: Kept | None
    wrong: Seen = NOTHING_SEEN
    reached: bool = True


NOTHING_THERE = Checked(None)


class Standing(NamedTuple):
    """A session row, and the digest that values of its database carry as long as its epoch does.
    `since` is when both were asked for, by `clock.elapsed`."""

    session: Snapshot
    database: str
    since: float
    epoch: str
    event: bytes = b""


class TieredStore(DurableStore):
    """`Store` on the database behind a Django alias, with what Redis keeps of it."""

    def __init__(self, alias: str, hot: Hot) -> None:
        super().__init__(alias)
        self.hot = hot
        self.epochs = Epochs(self.db)

    # -- changes -----------------------------------------------------------------------------

    def forget(self, sessions: Sequence[UUID]) -> None:
        """Drops what Redis has of them, once that is committed."""
        super().forget(sessions)
        if sessions:
            self._once_committed(partial(self.hot.forget, sessions))

    def moved(self, session: UUID, version: int) -> None:
        """Redis hears of the version once it is committed."""
        super().moved(session, version)
        self._once_committed(partial(self.hot.moved, session, version))

    def _once_committed(self, call: Callable[[], None]) -> None:
        if self.db.connection.in_atomic_block:
            self.db.after_commit(call)
        elif not self.db.nested:
            call()

    # -- reading -----------------------------------------------------------------------------

    def look(self, session: UUID, name: str, *, mark: bool = False) -> Looked:
        """Asks Redis for a value. It is asked before the database, so that what is newer there
        than the database can only be of another one. With `mark` for all but the value itself, for
        who holds one."""
        database = self.database(self.epochs.last)
        return Looked(name, self.hot.read(session, name, database, mark=mark))

    def mark_of(self, looked: Looked, max_stale: int, epoch: str) -> tuple[bytes, int] | None:
        """What tells the value that was found from every other one under its name, where it is of
        this epoch and was true at most `max_stale` seconds ago: its version, and when it was."""
        found = looked.found
        if not _young(found, max_stale) or found.seen.database != self.database(epoch).encode():
            return None
        return found.seen.at, found.then_ms

    def believed(
        self, looked: Looked, whose: tuple[int, UUID], max_stale: int, epoch: str | None = None
    ) -> Kept | None:
        """What was found of a project's session, where it was true at most `max_stale` seconds ago.
        `epoch` is what the database says of it for this request; without it, what it said a moment
        ago counts."""
        found = looked.found
        if found.raw is None or not _young(found, max_stale):
            return None
        database = self.database(self.epochs.recent() if epoch is None else epoch)
        kept = self._read(found.raw, database, *whose)
        if kept is not None:
            self.hot.count("hits_unchecked")
        return kept

    def standing(self, project: int, session: UUID) -> Standing:
        """The session as it is, and what values of it carry. Raises NotFound, SessionDeleted."""
        since = clock.elapsed()
        found, epoch, event = self.get_in_epoch(project, session)
        self.epochs.learn(epoch, since)
        return Standing(found, self.database(epoch), since, epoch, event)

    def compare(self, looked: Looked, standing: Standing) -> Checked:
        """What was found, held against the session as it stands."""
        session, seen, raw = standing.session, looked.found.seen, looked.found.raw
        wrong = seen if _cannot_be(seen, standing) else NOTHING_SEEN
        if raw is None:
            self.hot.count("misses")
            return Checked(None, wrong, looked.found.reached)
        kept = self._read(raw, standing.database, session.project, session.id)
        if kept is None or looked.found.age_ms < 0:
            return Checked(None, seen)
        if kept.version == session.version and kept.head == session.head.hex():
            self.hot.count("hits_checked" if kept.lasting else "stale")
            return Checked(kept if kept.lasting else None, wrong)
        self.hot.count("stale")
        return Checked(None, seen if kept.version >= session.version else wrong)

    def keep(
        self,
        name: str,
        body: bytes | memoryview,
        standing: Standing,
        checked: Checked = NOTHING_THERE,
        *,
        lasting: bool,
    ) -> None:
        """Keeps what was made of the session as it stood, and takes the place of what was found
        wrong. Whatever goes wrong here only counts."""
        session = standing.session
        if not checked.reached:
            return
        whose = Whose(standing.database, session.project, session.id.hex)
        raw = hotvalues.pack(Kept(whose, session.version, session.head.hex(), lasting, body))
        if len(raw) > hotvalues.MOST_OCTETS:
            self.hot.count("too_large")
            return
        kept = self.hot.put_if_newer(
            session.id,
            name,
            raw,
            database=standing.database,
            version=session.version,
            age_ms=math.ceil((clock.elapsed() - standing.since) * 1000),
            keep_ms=LASTING_MS if lasting else PASSING_MS,
            wrong=checked.wrong,
        )
        self.hot.count("kept" if kept else "not_kept")

    def _read(self, raw: bytes, database: str, project: int, session: UUID) -> Kept | None:
        try:
            return hotvalues.read(raw, Whose(database, project, session.hex))
        except Refused as refused:
            self.hot.count(f"refused_{refused}")
            return None

    # -- whose values are believed -------------------------------------------------------------

    def database(self, epoch: str) -> str:
        """The digest of this database's identity: where it is, and its epoch."""
        return _digest(self.db.alias, epoch)


@lru_cache(maxsize=64)
def _digest(alias: str, epoch: str) -> str:
    settings = connections[alias].settings_dict
    where = [connections[alias].vendor, *(str(settings[name]) for name in ("HOST", "PORT", "NAME"))]
    return hashlib.sha256("\0".join([*where, epoch]).encode()).hexdigest()[:32]


def _young(found: Found, max_stale: int) -> bool:
    """Whether it was true at most so many seconds ago."""
    return 0 <= found.age_ms <= min(max_stale * 1000, MOST_STALE_MS)


def _cannot_be(seen: Seen, standing: Standing) -> bool:
    """Whether a hash was filled by another database or epoch, or named a version that this one has
    not come to."""
    if seen == NOTHING_SEEN:
        return False
    if seen.database not in (b"", standing.database.encode()):
        return True
    return not _NUMBER.fullmatch(seen.at) or int(seen.at) > standing.session.version
