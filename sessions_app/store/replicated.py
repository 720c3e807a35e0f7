"""What is read of a replica, where the caller takes what is some seconds old.

Each read is of one snapshot: the beat that proves its age, the epoch, and what is told of them. It
is taken only if it is young enough, nothing was erased since, and the session is not further on by
what this process knows. None means that the primary is to be asked, which alone says what is not
there, gone or wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sessions_app import clock
from sessions_app.core import beats, errors
from sessions_app.core.beats import Read, Wanted
from sessions_app.core.entries import StoredMessage
from sessions_app.store import replica_statements as sql
from sessions_app.store.base import Snapshot
from sessions_app.store.database import Database, Row
from sessions_app.store.durable import DurableStore
from sessions_app.store.packed import whole
from sessions_app.store.reading import Reader, snapshot
from sessions_app.store.replicas import LAGS, Replica, Replicas

T = TypeVar("T")


class Old(NamedTuple):
    """Which session of a project, true at most `max_stale` seconds ago, by an `epoch` that the
    caller knows (None: none), and not before `version`."""

    project: int
    session: UUID
    max_stale: int
    epoch: str | None = None
    version: int = 0


class Stood(NamedTuple):
    """A session as a replica has it, in the epoch that is the present one, and the digest of its
    newest event; `since` is when that was right at the latest, by `clock.elapsed`."""

    session: Snapshot
    epoch: str
    since: float
    event: bytes = b""


def newest(
    store: DurableStore, old: Old, limit: int, octets: int | None = None
) -> tuple[int, list[StoredMessage]] | None:
    """The version of a session and its newest messages, the newest first."""
    if (replicas := store.replicas) is None or (replica := replicas.choose(old.max_stale)) is None:
        return None
    within = () if octets is None else (octets,)
    params = (replicas.process, old.session.hex, old.project, limit, *within)
    found = replica.ask(partial(_newest, params=params, octets=octets is not None))
    if found is None or _taken(replicas, replica, found[0], old) is None:
        return None
    return found[0].version, found[1]


def _newest(
    db: Database, params: Sequence[Any], *, octets: bool
) -> tuple[Read, list[StoredMessage]]:
    found = db.rows(sql.newest(octets=octets), params)
    epoch, token, number, version = found[0][:4]
    rows = [row[4:] for row in found if row[4] is not None]
    told = [StoredMessage(*row) for row in whole(db, int(number or 0), rows)]
    return Read(token, epoch or "", int(version or 0)), told


def made(store: DurableStore, old: Old, make: Callable[[Reader, Stood], T]) -> T | None:
    """What `make` reads of a replica by many statements, all of one snapshot. What it raises of the
    contract is no answer either: the session may be another one by now."""
    if (replicas := store.replicas) is None or (replica := replicas.choose(old.max_stale)) is None:
        return None
    try:
        return replica.ask(partial(_made, replicas, replica, old, make))
    except errors.HoldfastError:
        return None


def _made(
    replicas: Replicas,
    replica: Replica,
    old: Old,
    make: Callable[[Reader, Stood], T],
    db: Database,
) -> T | None:
    db.run(sql.SNAPSHOT)
    try:
        row = db.row(sql.STANDING, (replicas.process, old.session.hex, old.project))
        stood = None if row is None else _stood(replicas, replica, row, old)
        return None if stood is None else make(replica.reader, stood)
    finally:
        db.run(sql.OVER)


def _stood(replicas: Replicas, replica: Replica, row: Row, old: Old) -> Stood | None:
    (epoch, token, event), columns = row[:3], row[3:]
    found = None if columns[0] is None else snapshot(columns)
    read = Read(token, epoch or "", found.version if found else 0)
    since = _taken(replicas, replica, read, old)
    if since is None or found is None:
        return None
    return Stood(found, read.epoch, since, bytes(event or b""))


def _taken(replicas: Replicas, replica: Replica, read: Read, old: Old) -> float | None:
    """Since when what was read was right at the latest, by `clock.elapsed`, or None where it is not
    to be told."""
    epoch = replicas.epochs.recent() if old.epoch is None else old.epoch
    # A session that is not there is behind any: only the primary says so.
    version = max(old.version, replicas.version(old.session), 1)
    known, now = replicas.beats, replicas.now()
    refused = beats.refusal(known, read, Wanted(old.max_stale, epoch, version), now)
    replica.told(known, read.token, old.max_stale, now)
    replica.part.count(LAGS if refused == beats.UNPROVED else refused or "answers")
    if refused:
        return None
    replicas.heard(old.session, read.version)
    return clock.elapsed() - known.age(read.token, now)
