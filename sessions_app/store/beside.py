"""What other apps keep beside a session: rows that go with it when it is purged and are copied
when it is forked, in the same transaction.

The store knows the log alone. Whoever keeps more says so here, once, when its app is ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sessions_app.store.base import Snapshot
from sessions_app.store.database import Database

Exported = tuple[str, dict[str, Any]]
"""The name of a table, and one row of it."""


@dataclass(frozen=True, slots=True)
class Companion:
    """One app's rows. `purge` has a statement a table, in an order that keeps references whole;
    each takes the session's number once. `copy(db, parent, number, at)` makes the rows of a fork
    that begins with version `at` of `parent`. `export(db, session)` gives every row as its table
    and plain values, and `adopt(db, session, rows)` stores such rows; it raises `Forged` for what
    is none. `leave(db, session)` takes what came of a session that is purged out of rows that
    stay, and counts it. `forget()` empties this process's memory of rows: what was purged must not
    live on there."""

    name: str
    purge: Mapping[str, str]
    copy: Callable[[Database, Snapshot, int, int], None]
    export: Callable[[Database, Snapshot], Iterator[Exported]]
    adopt: Callable[[Database, Snapshot, Sequence[Exported]], None]
    leave: Callable[[Database, Snapshot], Mapping[str, int]]
    forget: Callable[[], None]


_companions: dict[str, Companion] = {}


def register(companion: Companion) -> None:
    """Once for each app, at its start; again is the same."""
    _companions[companion.name] = companion


def companions() -> list[Companion]:
    return list(_companions.values())
