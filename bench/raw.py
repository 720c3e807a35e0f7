"""The controls: the least that a program without Holdfast would do, with the same durability."""

from __future__ import annotations

import sqlite3
from typing import Any, Protocol

import orjson
import psycopg

from bench.ground import POSTGRES, Place
from bench.payload import prepared
from sessions_app.core.appending import Prepared

TABLES = (
    "CREATE TABLE raw_session (id INTEGER PRIMARY KEY, version BIGINT NOT NULL)",
    "CREATE TABLE raw_message (session_id INTEGER NOT NULL, seq BIGINT NOT NULL, role TEXT,"
    " body TEXT NOT NULL, PRIMARY KEY (session_id, seq))",
    "INSERT INTO raw_session VALUES (1, 0)",
)
UPDATE = "UPDATE raw_session SET version = version + 1 WHERE id = 1"
INSERT = "INSERT INTO raw_message VALUES (1, {0}, {0}, {0})"
LAST = "SELECT seq, role, body FROM raw_message WHERE session_id = 1 ORDER BY seq DESC LIMIT {0}"


class Raw(Protocol):
    """One session in one table, written and read without anything in between."""

    def append(self, message: Prepared) -> None:
        """One durable transaction: UPDATE of the session, INSERT of the message."""

    def fill(self, count: int) -> None: ...

    def last(self, count: int) -> list[Any]:
        """The newest messages, their JSON parsed."""


def beside(place: Place) -> Raw:
    """A control in the folder, or in the database, that Holdfast's tables of `place` are in."""
    if place.database == POSTGRES:
        control: RawPostgres | RawSqlite = RawPostgres(place)
    else:
        control = RawSqlite(f"{place.address}-raw.sqlite3")
    place.stack.callback(control.connection.close)
    return control


class RawSqlite:
    """The sqlite3 module alone; WAL and synchronous=FULL."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        for statement in TABLES:
            self.connection.execute(statement)
        self.seq = 0
        self.insert, self.select = INSERT.format("?"), LAST.format("?")

    def append(self, message: Prepared) -> None:
        self.seq += 1
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute(UPDATE)
        self.connection.execute(self.insert, (self.seq, message.role, message.body))
        self.connection.execute("COMMIT")

    def fill(self, count: int) -> None:
        rows = enumerate(prepared(count), self.seq + 1)
        values = [(seq, message.role, message.body) for seq, message in rows]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(self.insert, values)
        self.connection.execute("COMMIT")
        self.seq += count

    def last(self, count: int) -> list[Any]:
        rows = self.connection.execute(self.select, (count,)).fetchall()
        return [(seq, role, orjson.loads(body)) for seq, role, body in rows]


class RawPostgres:
    """psycopg alone, with the connection parameters that Django uses for the same database."""

    def __init__(self, place: Place) -> None:
        from django.db import connections

        self.place = place
        parameters = dict(connections[place.alias].get_connection_params())
        parameters.pop("pool", None)
        self.connection: psycopg.Connection[Any] = psycopg.connect(**parameters)
        for statement in TABLES:
            self.connection.execute(statement.encode())
        self.connection.commit()
        self.seq = 0
        self.insert, self.select = INSERT.format("%s").encode(), LAST.format("%s").encode()

    def append(self, message: Prepared) -> None:
        self.seq += 1
        self.connection.execute(UPDATE)
        self.connection.execute(self.insert, (self.seq, message.role, message.body))
        self.connection.commit()

    def fill(self, count: int) -> None:
        rows = enumerate(prepared(count), self.seq + 1)
        with self.connection.cursor() as cursor:
            values = [(seq, message.role, message.body) for seq, message in rows]
            cursor.executemany(self.insert, values)
        self.connection.commit()
        self.place.analyze()
        self.connection.autocommit = True  # reading needs no transaction, neither does Holdfast
        self.seq += count

    def last(self, count: int) -> list[Any]:
        rows = self.connection.execute(self.select, (count,)).fetchall()
        return [(seq, role, orjson.loads(body)) for seq, role, body in rows]
