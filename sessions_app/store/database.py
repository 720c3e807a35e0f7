"""One database as the store uses it: statements, a transaction, how durable it is, what failed.

Statements are written once with `?`; they run on the driver's own connection below Django's cursor
wrappers (which cost as much as the statement itself on SQLite), inside Django's `atomic()`, so a
caller's transaction, savepoints and `on_commit` work as everywhere else.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import local
from types import TracebackType
from typing import Any, TypeVar

from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    connections,
    transaction,
)

from sessions_app import clock, conditions
from sessions_app.core import errors
from sessions_app.core.packing import octets_of
from sessions_app.store import line
from sessions_app.store.immediate import Immediate
from sessions_app.store.statements import (
    CHECKPOINT,
    DATABASE_TIME,
    INSERT_OUTAGE,
    LOCKING,
    TAKE_WRITE_LOCK,
    within,
)

log = logging.getLogger("holdfast.store")

Row = tuple[Any, ...]
Kind = type[BaseException] | None
Raised = BaseException | None
Trace = TracebackType | None


@dataclass(frozen=True, slots=True)
class Durability:
    """Whether a commit here survives power loss, and if not, what will make it durable."""

    durable: bool
    by: str | None = None


DURABLE = Durability(durable=True)
Answer = TypeVar("Answer")
_OF_THE_DATABASE = (errors.StoreBusy, errors.StoreUnavailable, errors.StorageFull)
ON_COMMIT = Durability(durable=False, by="commit")
_SQLITE_LEVELS = {
    0: Durability(durable=False, by="operating_system"),
    1: Durability(durable=False, by="checkpoint"),
}


@lru_cache(maxsize=512)
def _percent(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


class Database:
    """The database behind a Django alias, as seen from the calling thread."""

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        self._held = local()

    @property
    def connection(self) -> Any:
        # Django finds a thread's connection anew each time, which shows in a verb of six
        # statements; in a transaction it cannot be another one.
        return self.held or connections[self.alias]

    @property
    def held(self) -> Any:
        """The connection of this thread's open transaction, if there is one."""
        return getattr(self._held, "connection", None)

    @held.setter
    def held(self, connection: Any) -> None:
        self._held.connection = connection

    @cached_property
    def is_sqlite(self) -> bool:
        return bool(self.connection.vendor == "sqlite")

    @property
    def nested(self) -> bool:
        """Whether a caller's transaction is open, whose end decides over all that is done here."""
        return _in_transaction(self.connection)

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

    def locked_row(self, sql: str, params: Sequence[Any]) -> Row | None:
        """One row, which `sql` calls `s`, locked to the end of the transaction."""
        connection = self.connection
        if connection.vendor != "sqlite":
            return self.row(sql + LOCKING, params)
        if connection.savepoint_ids:
            # In a caller's transaction, which may not have written yet; in ours the lock is held.
            self.run(TAKE_WRITE_LOCK)
        return self.row(sql, params)

    def run_many(self, sql: str, many: Sequence[Sequence[Any]]) -> None:
        if len(many) == 1:  # on PostgreSQL a pipeline of one takes three times as long
            self.run(sql, many[0])
            return
        connection = self.connection
        with connection.wrap_database_errors:
            if connection.vendor == "sqlite":
                connection.connection.executemany(sql, many)
            else:
                with connection.connection.cursor() as cursor:
                    cursor.executemany(_percent(sql), many)

    def durability(self) -> Durability:
        """What a commit on this connection is worth now; asked of the connection each time."""
        connection = self.connection
        if connection.vendor == "sqlite":
            return _sqlite_durability(connection)
        row = self.row("SELECT current_setting('synchronous_commit'), current_setting('fsync')", ())
        return postgres_durability(*(row or ("off", "off")))

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
        return bool(getattr(self._held, "hurried", False))

    @contextmanager
    def in_a_hurry(self) -> Iterator[None]:
        """For work that is put off where another writer is before it."""
        self._held.hurried = True
        try:
            yield
        finally:
            self._held.hurried = False

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

    def together(self, work: Callable[[Durability], Answer]) -> Answer:
        """`work` in a transaction; on SQLite in one with the work of other threads that wait for
        the disk now. It may run in another thread than this, and must use this database alone.

        An error of `work` undoes it alone; one of the database undoes all that is in the
        transaction, and all of them get it.
        """
        if not self.is_sqlite or self.nested or self.hurried:
            # Who is in a hurry does nobody else's work.
            with self.transaction() as durability:
                return work(durability)
        place, turns = line.Place(work), line.of(self.alias)
        turns.enter(place, self.patience)
        if place.leads:
            self._lead(place, turns)
        answer: Answer = place.result()
        return answer

    def _lead(self, first: line.Place, turns: line.Line) -> None:
        places = [first]
        try:
            with self.transaction(leads=True) as durability:
                places += turns.follow()  # those who came while the file's lock was waited for
                self._work(places, durability)
        except BaseException as error:  # noqa: BLE001 - each who waits for it raises it
            first.error = error
            for place in places[1:]:
                place.error = _of_all(error)
        finally:
            turns.leave()
            for place in places[1:]:
                place.call()

    def _work(self, places: Sequence[line.Place], durability: Durability) -> None:
        for place in places:
            if len(places) == 1:
                place.do(durability)
                return
            self.run("SAVEPOINT place")
            try:
                place.do(durability)
            except (DatabaseError, InterfaceError, *_OF_THE_DATABASE):
                raise
            except Exception as error:  # noqa: BLE001 - it is raised where it belongs
                place.error = error
                self.run("ROLLBACK TO place")
            self.run("RELEASE place")

    def settle(self) -> None:
        """After a write that was committed: writes work, and outages that are over are kept. A
        failure of that is logged, since the write it comes after is done."""
        conditions.works(conditions.WRITES, self.alias)
        if not (over := conditions.over(self.alias)):
            return
        where = f"{socket.gethostname()}:{os.getpid()}"
        try:
            self.run_many(INSERT_OUTAGE, [(*one, where) for one in over])
        except (DatabaseError, InterfaceError):
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


class Failures:
    """Turns driver errors into errors of the contract, and drops a connection that is of no use.

    A class, as is Transaction: a generator for each would show in a read of a few rows.
    """

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: Kind, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, DatabaseError | InterfaceError):
            raise_ours(self._database, error)


class Transaction:
    """The transaction of one verb of the store; see `Database.transaction`."""

    __slots__ = ("_before", "_begun", "_database", "_leads", "_nested", "_turns")

    def __init__(self, database: Database, *, leads: bool = False) -> None:
        self._database = database
        self._leads = leads
        self._turns: line.Line | None = None

    def __enter__(self) -> Durability:
        database = self._database
        connection = database.connection
        self._before = database.held
        try:
            if connection.connection is None:
                connection.ensure_connection()
            # Django's cursors would refuse here; ours are the driver's.
            connection.validate_no_broken_transaction()
            self._nested = nested = _in_transaction(connection)
            plain = nested or connection.vendor != "sqlite"
            if not plain and not self._leads:
                self._take_turn()
            self._begun = (
                transaction.atomic(using=database.alias) if plain else Immediate(connection)
            )
            self._begun.__enter__()
        except (DatabaseError, InterfaceError) as error:
            self._give_turn()
            raise_ours(database, error)
            raise
        except BaseException:
            self._give_turn()
            raise
        database.held = connection
        try:
            return ON_COMMIT if nested else database.durability()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise

    def __exit__(
        self, kind: Kind, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        database = self._database
        database.held = self._before
        try:
            self._begun.__exit__(kind, error, trace)
        except (DatabaseError, InterfaceError) as failed:
            raise_ours(database, failed)
            raise
        finally:
            self._give_turn()
        if isinstance(error, DatabaseError | InterfaceError):
            raise_ours(database, error)
        if kind is None and not self._nested:
            database.settle()

    def _take_turn(self) -> None:
        turns = line.of(self._database.alias)
        turns.enter(line.Place(), self._database.patience)
        self._turns = turns

    def _give_turn(self) -> None:
        if self._turns is not None:
            self._turns.leave()
            self._turns = None


def _of_all(error: BaseException) -> BaseException:
    """What ended a transaction, for another of those whose work was in it."""
    return copy(error) if isinstance(error, Exception) else errors.StoreUnavailable()


def _until(octets: int, cursor: Iterable[Row]) -> list[Row]:
    found: list[Row] = []
    held = 0
    for row in cursor:
        found.append(row)
        if held >= octets:
            break
        held += octets_of(row[-1])
    return found


def _in_transaction(connection: Any) -> bool:
    if connection.connection is None:  # which is said to be in one until it is made
        return bool(connection.in_atomic_block or not connection.settings_dict["AUTOCOMMIT"])
    return bool(connection.in_atomic_block or not connection.autocommit)


def postgres_durability(commit: str, fsync: str) -> Durability:
    """What a commit is worth under these values of `synchronous_commit` and `fsync`."""
    if fsync == "off":
        return Durability(durable=False, by="operating_system")
    return Durability(durable=False, by="wal_writer") if commit == "off" else DURABLE


def _sqlite_durability(connection: Any) -> Durability:
    if connection.is_in_memory_db():
        return Durability(durable=False, by="never")
    with connection.wrap_database_errors:
        ((level,),) = _executed(connection, "PRAGMA synchronous", ()).fetchall()
    return _SQLITE_LEVELS.get(level, DURABLE)


def _executed(connection: Any, sql: str, params: Sequence[Any]) -> Any:
    """The driver's cursor; to be called where the driver's errors are wrapped."""
    if connection.vendor != "sqlite":
        connection.close_if_health_check_failed()
        sql = _percent(sql)
    if connection.connection is None:
        connection.ensure_connection()
    return connection.connection.execute(sql, params)


def raise_ours(database: Database, error: DatabaseError | InterfaceError) -> None:
    """Raises the contract's error for a driver's, if it has one."""
    wrapped = _wrap(error, sqlite=database.is_sqlite)
    if wrapped is None:
        return
    if not (database.hurried and isinstance(wrapped, errors.StoreBusy)):
        log.warning("store %s: %s", wrapped.code, str(error))
    waited = _WAITED.search(str(error)) and not database.hurried
    if waited or isinstance(wrapped, errors.StorageFull):
        conditions.broke(conditions.WRITES, wrapped.code, database.alias)
    _drop(database, broken=not isinstance(wrapped, errors.StoreBusy))
    raise wrapped from error


_FULL = re.compile(
    r"disk is full|disk I/O error|readonly database|read-only transaction|No space left"
    r"|could not extend"
)
_BUSY = re.compile(r"database is locked|database table is locked|deadlock|could not serialize")
_WAITED = re.compile(r"database is locked|lock timeout")
_GONE = re.compile(r"unable to open|not a database|malformed")


def _wrap(error: DatabaseError | InterfaceError, *, sqlite: bool) -> errors.HoldfastError | None:
    text = str(error)
    if _FULL.search(text):
        return errors.StorageFull(cause=text.splitlines()[0])
    if _BUSY.search(text) or "lock timeout" in text:
        return errors.StoreBusy()
    if isinstance(error, InterfaceError) or _GONE.search(text):
        return errors.StoreUnavailable()
    if isinstance(error, OperationalError) and not sqlite:
        return errors.StoreUnavailable()
    return None


def _drop(database: Database, *, broken: bool) -> None:
    """Closes a connection that failed. A SQLite one that met a read-only file would stay so."""
    connection = database.connection
    if connection.in_atomic_block:
        return
    if not database.is_sqlite:
        connection.close_if_unusable_or_obsolete()
    elif broken or (connection.connection is not None and connection.connection.in_transaction):
        connection.close()
