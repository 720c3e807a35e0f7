"""An append as one statement, for PostgreSQL: what it costs there are the round trips.

The server works out places, digests and the new head from the session row, so nothing is read
first. The statement stores the batch, or it changes nothing and does not say why: then the longer
way of `durable` does, which also takes every case that is not the common one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError

from sessions_app import waking
from sessions_app.core.appending import Prepared, last_moment, size_notices
from sessions_app.core.packing import Stored
from sessions_app.store import durability, kept
from sessions_app.store import statements as sql
from sessions_app.store.base import Appended, Guard, Request
from sessions_app.store.database import Database, Row
from sessions_app.store.salts import salts

MOST = 16
"""Messages of one statement. Each number has a statement of its own, which the server prepares;
the longer way costs a larger batch little."""


class _Moved(NamedTuple):
    """Where the session stands afterwards; the columns that the statement returns."""

    version: int
    messages: int
    window: int
    capacity: int
    used: int
    before: int
    level: float | None
    due: bool
    commit: str
    fsync: str


def suits(db: Database, batch: Sequence[Prepared]) -> bool:
    """Whether such a batch can go this way here: not with a message of the turn before and then a
    question, and not in a caller's transaction, which a refused statement would end."""
    if db.is_sqlite or len(batch) > MOST or db.nested:
        return False
    roles = [item.role for item in batch]
    return roles[0] == "user" or "user" not in roles


def append(
    db: Database,
    project: int,
    session: UUID,
    batch: Sequence[Prepared],
    bodies: Sequence[Stored],
    guard: Guard,
    now: int,
) -> Appended | None:
    """What `DurableStore.append` answers, or None where nothing was stored; `now` in
    microseconds."""
    params = [now, last_moment(batch, now), _text(guard.expected), _text(guard.lease)]
    params += (session.hex, project)
    _say(params, batch, bodies, now)
    if guard.request is not None:
        params += _kept(session, batch, guard.request)
    row = _run(db, sql.append_at_once(len(batch), keyed=guard.request is not None), params)
    if row is None:
        return None
    db.settle()
    moved = _Moved._make(row)
    if moved.due:
        waking.ring()
    worth = durability.of_postgres(moved.commit, moved.fsync)
    return Appended(
        session,
        moved.version,
        moved.messages - len(batch) + 1,
        tuple([item.tokens for item in batch]),
        moved.window,
        moved.capacity,
        moved.used,
        worth.durable,
        worth.by,
        notices=_notices(moved),
    )


def _notices(moved: _Moved) -> tuple[dict[str, Any], ...]:
    if moved.level is None:
        return ()
    return size_notices(moved.level, moved.before, moved.capacity)


def _run(db: Database, statement: str, params: Sequence[Any]) -> Row | None:
    with db.reading():
        try:
            return db.numbered_row(statement, params)
        except IntegrityError:
            # Another request took the key in this moment, and with it all of this is undone.
            return None


def _text(number: int | None) -> str | None:
    """As a text, whose type is open as None's is: a statement is prepared for the types of its
    parameters, and a number's is a matter of its size."""
    return None if number is None else str(number)


def _say(params: list[Any], batch: Sequence[Prepared], bodies: Sequence[Stored], now: int) -> None:
    """Adds each message with what the batch adds up to so far."""
    total = users = start = 0
    for nth, (item, body, salt) in enumerate(zip(batch, bodies, salts(len(batch)), strict=True), 1):
        total += item.tokens
        if item.role == "user":
            users, start = users + 1, nth
        params += (item.role, item.form, item.tokens, total, item.estimated)
        params += (now if item.at is None else item.at, salt, item.body)
        params += (None if body.packed is None else body.body, body.packed, users, start)


def _kept(session: UUID, batch: Sequence[Prepared], request: Request) -> tuple[Any, ...]:
    ahead, between = kept.around_appended(session, [item.tokens for item in batch])
    return request.key, request.fingerprint, ahead, between
