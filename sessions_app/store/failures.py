"""What fails below the store, as errors of the contract; a connection of no use is dropped."""

from __future__ import annotations

import logging
import re
from types import TracebackType
from typing import TYPE_CHECKING

from django.db import DatabaseError, InterfaceError, OperationalError

from sessions_app import conditions
from sessions_app.core import errors

if TYPE_CHECKING:
    from sessions_app.store.database import Database

log = logging.getLogger("holdfast.store")

Kind = type[BaseException] | None
Raised = BaseException | None
Trace = TracebackType | None

OF_THE_DATABASE = (errors.StoreBusy, errors.StoreUnavailable, errors.StorageFull)
"""What a database that fails is told as, whatever was asked of it."""


class Failures:
    """Turns driver errors into errors of the contract, and drops a connection that is of no use.

    A class, as is Transaction: a generator for each would show in a read of a few rows.
    """

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Kind, error: Raised, trace: Trace) -> None:
        if isinstance(error, DatabaseError | InterfaceError):
            raise_ours(self._database, error)


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
