"""Vectors that are to go from an outside store after their session: written down in the transaction
that purges it, worked off by the worker, and there until the store has said that they are gone.

Whoever dies on the way leaves the row, and another tries again after a pause.
"""

from __future__ import annotations

from typing import NamedTuple

from memory_app import statements as sql
from memory_app.vector_stores import Model, VectorStore, asking
from sessions_app import clock
from sessions_app.store.database import Database

AT_ONCE = 100
SECONDS = 30.0
"""For one place."""
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60, 3600
"""After a try, and at most: each is twice as long as the one before."""


def announced(db: Database, number: int) -> int:
    """How many vectors of a session are kept outside, and will still be there after its purge."""
    row = db.row(sql.OUTSIDE_OF, (number,))
    return int(row[0]) if row else 0


def work(db: Database, kept: VectorStore) -> int:
    """Removes what is due from a store, so many places of sessions at once; 0 when nothing is.
    Raises EngineFailed: the one it was at is tried again later."""
    removed = 0
    with db.reading():
        due = db.rows(sql.REMOVALS, (kept.name, clock.now_us(), AT_ONCE))
    for number, attempts, name, dimensions, place in due:
        if _tries(db, number, attempts):
            with asking(kept):
                kept.forget(Model(name, dimensions, kept.name), str(place), seconds=SECONDS)
            with db.transaction():
                removed += db.run(sql.END_REMOVAL, (number,)).rowcount
    return removed


def _tries(db: Database, number: int, attempts: int) -> bool:
    """Whether this one is ours; then it is nobody else's until the pause is over."""
    pause = min(PAUSE_SECONDS << min(attempts, 16), LONGEST_PAUSE_SECONDS)
    until = clock.now_us() + pause * 1_000_000
    with db.transaction():
        return bool(db.run(sql.TRY_REMOVAL, (until, number, attempts)).rowcount)


class Left(NamedTuple):
    """What is still to go from a store: of so many sessions so many vectors, after so many tries of
    the one that was tried most."""

    store: str
    sessions: int
    vectors: int
    attempts: int


def left(db: Database) -> list[Left]:
    """By store; also of one that no setting names any more."""
    with db.reading():
        rows = db.rows(sql.REMOVALS_LEFT, ())
    return [Left(str(row[0]), int(row[1]), int(row[2]), int(row[3])) for row in rows]
