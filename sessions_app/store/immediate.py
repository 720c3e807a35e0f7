"""The outermost transaction on SQLite, at a third of what `atomic()` costs.

An append is four statements; on SQLite Django's wrappers around BEGIN and COMMIT cost as much as
those. This keeps Django's books the same way, so `atomic()` nests in it as a savepoint, `on_commit`
waits for it and a closed connection is noticed; and it takes the write lock at once, also where a
host site's settings ask for no transaction mode: a transaction that first reads and then writes
would fail against any other writer, without waiting.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from django.db import DatabaseError, Error


class Immediate:
    """All or nothing on `connection`, which is open and in no transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        connection = self._connection
        with connection.wrap_database_errors:
            connection.connection.execute("BEGIN IMMEDIATE")
        connection.commit_on_exit = True
        connection.needs_rollback = False
        connection.autocommit = False
        connection.in_atomic_block = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection = self._connection
        failed = kind is not None or connection.needs_rollback
        connection.in_atomic_block = False
        connection.needs_rollback = False
        connection.autocommit = True
        if connection.closed_in_transaction:
            connection.connection = None
        elif failed:
            self._roll_back()
        else:
            self._commit()

    def _commit(self) -> None:
        connection = self._connection
        try:
            with connection.wrap_database_errors:
                connection.connection.commit()
        except DatabaseError:
            self._roll_back()
            raise
        if connection.run_on_commit:
            connection.run_and_clear_commit_hooks()

    def _roll_back(self) -> None:
        connection = self._connection
        connection.run_on_commit = []
        try:
            with connection.wrap_database_errors:
                connection.connection.rollback()
        except Error:
            connection.close()
