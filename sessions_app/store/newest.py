"""The newest messages of a session, from Redis or a replica where the caller takes what is some
seconds old."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import orjson

from sessions_app.core.entries import StoredMessage
from sessions_app.store import replicated
from sessions_app.store.base import Window
from sessions_app.store.durable import DurableStore
from sessions_app.store.replicated import Old
from sessions_app.store.tiered import TieredStore

NAME = "tail"
MOST_ROWS = 64
"""Messages that are kept of a session, unless a reader wanted more."""
MOST_OCTETS = 256 * 1024
"""Bytes of their bodies: what comes before the one with which they reach it is not kept."""


class Newest(NamedTuple):
    """The messages, newest first, as of a version; there may be fewer than were asked for only
    where there are no more, or where their bodies reach the octets that were asked for."""

    version: int
    rows: Sequence[StoredMessage]


class Asked(NamedTuple):
    """Which messages: the newest `limit` of a project's session, true at most `max_stale` seconds
    ago by an `epoch` that the caller knows of the database (None: none). With `octets`
    as a Window has them."""

    project: int
    session: UUID
    limit: int
    max_stale: int
    epoch: str | None = None
    octets: int | None = None


def newest(store: DurableStore, asked: Asked) -> Newest:
    """The newest messages of a session. Raises NotFound, SessionDeleted."""
    if store.db.nested:
        return _read(store, asked)
    if isinstance(store, TieredStore):
        return _tiered(store, asked)
    return _replicated(store, asked) or _read(store, asked)


def _read(store: DurableStore, asked: Asked) -> Newest:
    found = store.get(asked.project, asked.session)
    window = Window(limit=asked.limit, newest_first=True, octets=asked.octets)
    return Newest(found.version, store.messages(found, window))


def _replicated(store: DurableStore, asked: Asked, version: int = 0) -> Newest | None:
    """What a replica tells, not before `version`. It is not kept in Redis: it comes as fast as from
    there."""
    if store.replicas is None or not asked.max_stale:
        return None
    old = Old(asked.project, asked.session, asked.max_stale, asked.epoch, version)
    found = replicated.newest(store, old, asked.limit, asked.octets)
    return None if found is None else Newest(*found)


def _tiered(store: TieredStore, asked: Asked) -> Newest:
    looked = store.look(asked.session, NAME)
    whose = (asked.project, asked.session)
    kept = store.believed(looked, whose, asked.max_stale, asked.epoch)
    if kept is not None and (rows := _rows(kept.body, asked.limit)) is not None:
        return Newest(kept.version, rows)
    if (found := _replicated(store, asked, looked.version)) is not None:
        return found
    standing = store.standing(*whose)
    checked = store.compare(looked, standing)
    limit = max(asked.limit, MOST_ROWS)
    window = Window(limit=limit, newest_first=True, octets=asked.octets)
    read = store.messages(standing.session, window)
    body = _body(read, standing.session.messages)
    store.keep(NAME, body, standing, checked, lasting=False)
    return Newest(standing.session.version, read[: asked.limit])


def _body(rows: Sequence[StoredMessage], messages: int) -> bytes:
    """As many of these rows, of so many messages in all, as there is room for."""
    held, many = 0, 0
    for row in rows:
        held += len(row.body)
        if many and held > MOST_OCTETS:
            break
        many += 1
    return orjson.dumps({"messages": messages, "rows": [list(row) for row in rows[:many]]})


def _rows(body: bytes | memoryview, limit: int) -> list[StoredMessage] | None:
    """The first `limit` rows of what `_body` made; None where they are too few."""
    told = orjson.loads(body)
    rows = [StoredMessage(*row) for row in told["rows"][:limit]]
    return rows if len(rows) >= min(limit, told["messages"]) else None
