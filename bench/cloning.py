"""Many sessions quickly: one is made through the store, the others are its rows with ids, keys,
times, salts, digests and heads of their own, so that `holdfast verify` finds nothing in them.

Their messages count as indexed for search, though they are not: the index is another matter.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any
from uuid import UUID

import psycopg

from bench.ground import POSTGRES, Place
from sessions_app import ids
from sessions_app.core import chain
from sessions_app.models import HOUR_US

Row = dict[str, Any]
Rows = dict[str, list[Row]]

SESSION, EVENT, MESSAGE = "holdfast_session", "holdfast_event", "holdfast_message"
CHUNK = 5_000
APART_US = 300_000
"""A million sessions began within three and a half days: none has rested for the week after which
an append has more to do."""
NUMBERS = """
    SELECT setval(pg_get_serial_sequence('holdfast_session', 'number'), MAX(number))
    FROM holdfast_session
"""


def sessions(place: Place, count: int, messages: int) -> list[UUID]:
    """So many sessions `clone-<number>` of so many messages each; their public ids."""
    first = place.session("clone-0", messages)
    rows = {table: _rows(place, table, first) for table in (SESSION, EVENT, MESSAGE)}
    cloned = _clones(rows, count, text=place.database != POSTGRES)
    found = [first]
    while chunk := list(islice(cloned, CHUNK)):
        found.extend(UUID(str(one[SESSION][0]["id"])) for one in chunk)
        for table in (SESSION, EVENT, MESSAGE):
            _store(place, table, [row for one in chunk for row in one[table]])
    _settle(place)
    return found


def _rows(place: Place, table: str, session: UUID) -> list[Row]:
    from django.db import connections

    column = "number" if table == SESSION else "session_id"
    with connections[place.alias].cursor() as cursor:
        number = "SELECT number FROM holdfast_session WHERE id = %s"
        named = session if place.database == POSTGRES else session.hex
        cursor.execute(f"SELECT * FROM {table} WHERE {column} = ({number})", [named])
        names = [each[0] for each in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _clones(
    rows: dict[str, list[Row]], count: int, *, text: bool
) -> Iterator[dict[str, list[Row]]]:
    (session,), (event,) = rows[SESSION], rows[EVENT]
    for number in range(1, count):
        shift = -APART_US * (count - number)
        own = session["number"] + number
        created = _event(event, own, shift, f"clone-{number}")
        said = [_message(row, own, shift) for row in rows[MESSAGE]]
        head = chain.link(chain.GENESIS, [created["digest"]])
        if said:
            head = chain.link(head, [row["digest"] for row in said])
        unique = ids.new_id()
        activity = session["last_activity_us"] + shift
        changed = {
            "number": own,
            "id": unique.hex if text else unique,
            "key": f"clone-{number}",
            "created_us": session["created_us"] + shift,
            "last_activity_us": activity,
            "active_hour": activity // HOUR_US,
            "head": head,
            "index_due_us": None,
            "indexed_messages": len(said),
        }
        yield {SESSION: [session | changed], EVENT: [created], MESSAGE: said}


def _event(event: Row, session: int, shift: int, key: str) -> Row:
    salt, at = os.urandom(chain.SALT_BYTES), event["created_us"] + shift
    data = event["data"].replace('"clone-0"', f'"{key}"')
    digest = chain.event_digest(salt, event["version"], event["kind"], at, data)
    changed = {"session_id": session, "created_us": at, "salt": salt, "data": data}
    return event | changed | {"digest": digest}


def _message(row: Row, session: int, shift: int) -> Row:
    salt, at = os.urandom(chain.SALT_BYTES), row["created_us"] + shift
    place = row["version"], row["seq"]
    digest = chain.message_digest(salt, place, row["role"], at, row["body"])
    return row | {"session_id": session, "created_us": at, "salt": salt, "digest": digest}


def _store(place: Place, table: str, rows: list[Row]) -> None:
    names = list(rows[0]) if rows else []
    values = [list(row.values()) for row in rows]
    if place.database == POSTGRES:
        _copy(place, f"COPY {table} ({', '.join(names)}) FROM STDIN", values)
        return
    marks = ", ".join("?" * len(names))
    with closing(sqlite3.connect(place.address, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN IMMEDIATE")
        insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
        connection.executemany(insert, values)
        connection.execute("COMMIT")


def _copy(place: Place, statement: str, values: Iterable[list[Any]]) -> None:
    with (
        psycopg.connect(place.address) as connection,
        connection.cursor() as cursor,
        cursor.copy(statement.encode()) as copy,
    ):
        for row in values:
            copy.write_row(row)


def _settle(place: Place) -> None:
    """The next session has the next number, and the database knows what it holds."""
    if place.database == POSTGRES:
        with psycopg.connect(place.address) as connection:
            connection.execute(NUMBERS)
        place.analyze()
