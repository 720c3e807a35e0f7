"""The transaction of one verb of the store, within a caller's or by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, transaction

from sessions_app.store import line
from sessions_app.store.durability import ON_COMMIT, Durability
from sessions_app.store.failures import Kind, Raised, Trace, raise_ours
from sessions_app.store.immediate import Immediate

if TYPE_CHECKING:
    from sessions_app.store.database import Database


def is_open(connection: Any) -> bool:
    """Whether a transaction is open on a Django connection."""
    if connection.connection is None:  # which is said to be in one until it is made
        return bool(connection.in_atomic_block or not connection.settings_dict["AUTOCOMMIT"])
    return bool(connection.in_atomic_block or not connection.autocommit)


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
        immediate: Immediate | None = None
        try:
            if connection.connection is None:
                connection.ensure_connection()
            # Django's cursors would refuse here; ours are the driver's.
            connection.validate_no_broken_transaction()
            self._nested = nested = is_open(connection)
            plain = nested or not database.is_sqlite
            if not plain and not self._leads:
                self._take_turn()
            immediate = None if plain else Immediate(connection)
            self._begun = immediate or transaction.atomic(using=database.alias)
            self._begun.__enter__()
        except (DatabaseError, InterfaceError) as error:
            self._give_turn()
            raise_ours(database, error)
            raise
        except BaseException as error:
            # Ctrl-C while the lock is waited for may come when it was just taken.
            if immediate is not None:
                immediate.__exit__(type(error), error, error.__traceback__)
            self._give_turn()
            raise
        database.held = connection
        try:
            return ON_COMMIT if nested else database.durability()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise

    def __exit__(self, kind: Kind, error: Raised, trace: Trace) -> None:
        database = self._database
        database.held = self._before
        try:
            self._begun.__exit__(kind, error, trace)
        except (DatabaseError, InterfaceError) as failed:
            raise_ours(database, failed)
            raise
        finally:
            self._give_turn()
        if kind is None:
            if not self._nested:
                database.settle()
        elif isinstance(error, DatabaseError | InterfaceError):
            raise_ours(database, error)

    def _take_turn(self) -> None:
        turns = line.of(self._database.alias)
        # Who is in a hurry waits no moment longer than its connection would.
        moment = 0.0 if self._database.hurried else None
        turns.enter(line.Place(), self._database.patience, moment)
        self._turns = turns

    def _give_turn(self) -> None:
        if self._turns is not None:
            self._turns.leave()
            self._turns = None
