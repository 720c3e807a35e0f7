"""One database as the store uses it: statements, a transaction, how durable it is.

Statements are written once with `?`; they run on the driver's own connection below Django's cursor
wrappers (which cost as much as the statement itself on SQLite), inside Django's `atomic()`, so a
caller's transaction, savepoints and `on_commit` work as everywhere else.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from threading import local
from typing import Any

from django.db import connections, transaction

from sessions_app import clock, conditions
from sessions_app.core.packing import octets_of
from sessions_app.store import durability
from sessions_app.store.durability import Durability
from sessions_app.store.failures import Failures
from sessions_app.store.statements import (
    CHECKPOINT,
    DATABASE_TIME,
    INSERT_OUTAGE,
    LOCKING,
    TAKE_WRITE_LOCK,
    within,
)
from sessions_app.store.transactions import Transaction, is_open

log = logging.getLogger("holdfast.store")

Row = tuple[Any, ...]


@lru_cache(maxsize=512)
def _percent(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


class _OfThread(local):
    """What a thread is about: the connection of its open transaction, and whether it gives way to
    other writers."""

    connection: Any = None


_hurry = local()
"""Of a thread, whichever objects it reaches the database by."""


class Database:
    """The database behind a Django alias, as seen from the calling thread."""

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        self._of_thread = _OfThread()

    @property
    def connection(self) -> Any:
        # Django finds a thread's connection anew each time, which shows in a verb of six
        # statements; in a transaction it cannot be another one.
        return self._of_thread.connection or connections[self.alias]

    @property
    def held(self) -> Any:
        """The connection of this thread's open transaction, if there is one."""
        return self._of_thread.connection

    @held.setter
    def held(self, connection: Any) -> None:
        self._of_thread.connection = connection

    @cached_property
    def is_sqlite(self) -> bool:
        return bool(self.connection.vendor == "sqlite")

    @property
    def nested(self) -> bool:
        """Whether a caller's transaction is open, whose end decides over all that is done here."""
        return is_open(self.connection)

    def run(self, sql: str, params: Sequence[Any] = ()) -> Any:
        """The driver's cursor after one statement; `?` marks a parameter."""
        connection = self.connection
        with connection.wrap_database_errors:
            return _executed(connection, sql, params)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        connection = self.connection
        with connection.wrap_database_errors:
            found: list[Row] = _executed(connection, sql, params).fetchall()
        return found

    def rows_within(self, octets: int, sql: str, params: Sequence[Any]) -> list[Row]:
        """The first rows of a page whose last column is a text: up to the one with which the texts
        reach `octets` bytes, and one more. No other row is read into memory. A packed text counts
        as what it stands for."""
        connection = self.connection
        if connection.vendor != "sqlite":
            # The driver takes a whole answer before it gives the first row, so the server counts.
            found = self.rows(within(sql), (*params, octets))
            return [row[:-1] for row in found]
        with connection.wrap_database_errors:
            cursor = _executed(connection, sql, params)
            rows = _until(octets, cursor)
            cursor.close()
        return rows

    def row(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        connection = self.connection
        with connection.wrap_database_errors:
            cursor = _executed(connection, sql, params)
            found: Row | None = cursor.fetchone()
            cursor.close()
        return found

    def numbered_row(self, sql: str, params: Sequence[Any]) -> Row | None:
        """One row on PostgreSQL, by a statement whose parameters are `$1`, `$2` and so on: each is
        sent once, however often it is used."""
        connection = self.connection
        with connection.wrap_database_errors:
            cursor = _numbered_cursor(connection)
            found: Row | None = cursor.execute(sql, params).fetchone()
            cursor.close()
        return found

    def locked_row(self, sql: str, params: Sequence[Any]) -> Row | None:
        """One row, which `sql` calls `s`, locked to the end of the transaction."""
        connection = self.connection
        if connection.vendor != "sqlite":
            return self.row(sql + LOCKING, params)
        if connection.savepoint_ids:
            # In a caller's transaction, which may not have written yet; in ours the lock is held.
            self.run(TAKE_WRITE_LOCK)
        return self.row(sql, params)

    def run_many(self, sql: str, many: Sequence[Sequence[Any]]) -> int:
        """How many rows one statement changed with each of many parameters."""
        if len(many) == 1:  # on PostgreSQL a pipeline of one takes three times as long
            return int(self.run(sql, many[0]).rowcount)
        connection = self.connection
        with connection.wrap_database_errors:
            if self.is_sqlite:
                return int(connection.connection.executemany(sql, many).rowcount)
            with connection.connection.cursor() as cursor:
                cursor.executemany(_percent(sql), many)
                return int(cursor.rowcount)

    def durability(self) -> Durability:
        """What a commit on this connection is worth now; asked of the connection each time."""
        connection = self.connection
        if connection.vendor == "sqlite":
            return durability.of_sqlite(connection)
        row = self.row("SELECT current_setting('synchronous_commit'), current_setting('fsync')", ())
        return durability.of_postgres(*(row or ("off", "off")))

    def now_us(self) -> int:
        """The database's clock in microseconds: processes on several machines share it."""
        if self.is_sqlite:
            return clock.now_us()
        row = self.row(DATABASE_TIME)
        return int(row[0]) if row else clock.now_us()

    @property
    def hurried(self) -> bool:
        """Whether this thread gives way to other writers at once, so that it means nothing if it
        did not get the lock."""
        return bool(getattr(_hurry, "is_on", False))

    @contextmanager
    def in_a_hurry(self) -> Iterator[None]:
        """For work that is put off where another writer is before it."""
        _hurry.is_on = True
        try:
            yield
        finally:
            _hurry.is_on = False

    def rest(self) -> None:
        """Gives back a connection of a pool, for as long as this thread waits for something. A file
        stays open: closing it may take longer than the wait."""
        if not self.is_sqlite and not self.nested:
            self.connection.close()

    def transaction(self, *, leads: bool = False) -> Transaction:
        """All or nothing; entering it tells how durable it will be once it is left.

        Inside a caller's own transaction it is a savepoint and nothing is durable before the
        caller commits. `leads` says that this thread's turn to write has come already.
        """
        return Transaction(self, leads=leads)

    def settle(self) -> None:
        """After a write that was committed: writes work, and outages that are over are kept. A
        failure of that is logged, since the write it comes after is done."""
        over: list[conditions.Outage] = []
        try:
            conditions.works(conditions.WRITES, self.alias)
            if over := conditions.over(self.alias):
                where = f"{socket.gethostname()}:{os.getpid()}"
                self.run_many(INSERT_OUTAGE, [(*one, where) for one in over])
        except Exception:  # whatever it is, the write is done
            log.exception("these outages could not be kept: %s", over)

    def checkpoint(self) -> None:
        """Moves what is in SQLite's log into the file, as far as that holds nobody up: the log
        is begun anew instead of growing until a commit has to wait for this. Raises errors of the
        store."""
        if self.is_sqlite and not self.nested:
            with self.reading():
                self.row(CHECKPOINT)

    def patience(self) -> float:
        """For how many seconds this connection waits for SQLite's lock."""
        row = self.row("PRAGMA busy_timeout")
        return row[0] / 1000 if row else 0.0

    def after_commit(self, call: Callable[[], None]) -> None:
        """Calls when the outermost transaction is committed, if it is; what it raises is logged."""
        transaction.on_commit(call, using=self.alias, robust=True)

    def reading(self) -> Failures:
        """Reads that need not see one moment; driver errors become ours."""
        return Failures(self)

    @contextmanager
    def unprepared(self) -> Iterator[None]:
        """`reading` for statements whose best plan depends on their values: lists and searches.

        PostgreSQL makes a plan for any values of a prepared statement after ten calls. For a list
        of what a word finds that one is 1,000 times slower.
        """
        with self.reading():
            if self.is_sqlite:
                yield
                return
            connection = self.connection
            connection.ensure_connection()
            driver = connection.connection
            before, driver.prepare_threshold = driver.prepare_threshold, None
            try:
                yield
            finally:
                driver.prepare_threshold = before


def _until(octets: int, cursor: Iterable[Row]) -> list[Row]:
    found: list[Row] = []
    held = 0
    for row in cursor:
        found.append(row)
        if held >= octets:
            break
        held += octets_of(row[-1])
    return found


def _executed(connection: Any, sql: str, params: Sequence[Any]) -> Any:
    """The driver's cursor; to be called where the driver's errors are wrapped."""
    if connection.vendor != "sqlite":
        connection.close_if_health_check_failed()
        sql = _percent(sql)
    driver = connection.connection
    if driver is None:
        connection.ensure_connection()
        driver = connection.connection
    return driver.execute(sql, params)


def _numbered_cursor(connection: Any) -> Any:
    """psycopg's cursor for numbered parameters, on an open Django connection to PostgreSQL."""
    from psycopg import RawCursor

    connection.close_if_health_check_failed()
    connection.ensure_connection()
    return RawCursor(connection.connection)
