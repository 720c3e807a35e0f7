"""The controls: the least that a program without Holdfast would do, with the same durability."""

from __future__ import annotations

import sqlite3
from copy import copy
from typing import Any, Protocol

import orjson
import psycopg

from bench.ground import POSTGRES, Place
from bench.payload import prepared
from bench.rawsql import BEGUN, BOTH, INSERT, LAST, TABLES, UPDATE
from sessions_app.core.appending import Prepared

NAMES = {POSTGRES: "one raw statement"}
NAME = "the raw transaction"


class Raw(Protocol):
    """One session in one table, written and read without anything in between."""

    def append(self, message: Prepared) -> None:
        """One durable transaction: UPDATE of the session, INSERT of the message."""

    def fill(self, count: int) -> None: ...

    def last(self, count: int) -> list[Any]:
        """The newest messages, their JSON parsed."""


def name(database: str) -> str:
    """What the control is called in a report."""
    return NAMES.get(database, NAME)


def beside(place: Place, session: int = 1) -> Raw:
    """A control in the folder, or in the database, that Holdfast's tables of `place` are in, on a
    connection of its own, which any thread may use. Sessions are numbered."""
    if place.database == POSTGRES:
        control: RawPostgres | RawSqlite = RawPostgres(place, session)
    else:
        control = RawSqlite(f"{place.address}-raw.sqlite3", session)
    place.stack.callback(control.connection.close)
    return control


class RawSqlite:
    """The sqlite3 module alone; WAL and synchronous=FULL."""

    def __init__(self, path: str, session: int = 1) -> None:
        self.connection = sqlite3.connect(
            path, timeout=60, isolation_level=None, check_same_thread=False
        )
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        for statement in (*TABLES, BEGUN.format(session)):
            self.connection.execute(statement)
        self.session, self.seq = session, 0
        self.update = UPDATE.format("?")
        self.insert, self.select = INSERT.format("?"), LAST.format("?")

    def append(self, message: Prepared) -> None:
        self.seq += 1
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute(self.update, (self.session,))
        row = (self.session, self.seq, message.role, message.body)
        self.connection.execute(self.insert, row)
        self.connection.execute("COMMIT")

    def fill(self, count: int) -> None:
        rows = enumerate(prepared(count), self.seq + 1)
        values = [(self.session, seq, message.role, message.body) for seq, message in rows]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(self.insert, values)
        self.connection.execute("COMMIT")
        self.seq += count

    def last(self, count: int) -> list[Any]:
        rows = self.connection.execute(self.select, (self.session, count)).fetchall()
        return [(seq, role, orjson.loads(body)) for seq, role, body in rows]


class RawPostgres:
    """psycopg alone in autocommit, with the connection parameters that Django uses for the same
    database. The number of a message is what the UPDATE returns, so sessions may be shared."""

    def __init__(self, place: Place, session: int = 1) -> None:
        from django.db import connections

        self.place = place
        parameters = dict(connections[place.alias].get_connection_params())
        parameters.pop("pool", None)
        self.connection: psycopg.Connection[Any] = psycopg.connect(**parameters)
        self.connection.autocommit = True
        for statement in (*TABLES, BEGUN.format(session)):
            self.connection.execute(statement.encode())
        self.session = session
        self.both, self.update = BOTH.format("%s").encode(), UPDATE.format("%s").encode()
        self.insert, self.select = INSERT.format("%s").encode(), LAST.format("%s").encode()

    def append(self, message: Prepared) -> None:
        self.connection.execute(self.both, (self.session, message.role, message.body))

    def at(self, address: str) -> RawPostgres:
        """The same session on another server, such as a standby."""
        other = copy(self)
        other.connection = psycopg.connect(address, autocommit=True)
        self.place.stack.callback(other.connection.close)
        return other

    def on(self, session: int) -> RawPostgres:
        """The same connection for another session."""
        self.connection.execute(BEGUN.format(session).encode())
        other = copy(self)
        other.session = session
        return other

    def append_in_steps(self, message: Prepared) -> None:
        """The same as most programs do it: a round trip each for BEGIN, UPDATE, INSERT, COMMIT."""
        with self.connection.transaction():
            returning = self.update + b" RETURNING version"
            row = self.connection.execute(returning, (self.session,)).fetchone()
            assert row
            values = (self.session, row[0], message.role, message.body)
            self.connection.execute(self.insert, values)

    def fill(self, count: int) -> None:
        row = self.connection.execute(
            b"UPDATE raw_session SET version = version + %s WHERE id = %s RETURNING version",
            (count, self.session),
        ).fetchone()
        assert row
        rows = enumerate(prepared(count), row[0] - count + 1)
        with self.connection.cursor() as cursor:
            values = [(self.session, seq, message.role, message.body) for seq, message in rows]
            cursor.executemany(self.insert, values)
        self.place.analyze()

    def last(self, count: int) -> list[Any]:
        rows = self.connection.execute(self.select, (self.session, count)).fetchall()
        return [(seq, role, orjson.loads(body)) for seq, role, body in rows]
