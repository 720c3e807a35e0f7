"""The database's epoch, as one process knows it; see `models.Epoch`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sessions_app import clock
from sessions_app.store import statements as sql
from sessions_app.store.database import Database

EPOCH_SECONDS = 1.0
"""How old the epoch may be by which those read who are in this process and have no key that would
be looked up."""


class Epochs:
    """What the primary said last of its epoch, and when it was asked. That it is recent is told by
    a clock that goes on while the machine sleeps: a server that was suspended for an hour would
    else tell for a second more what was erased in that hour."""

    def __init__(self, db: Database, *, now: Callable[[], float] = clock.elapsed) -> None:
        self._db = db
        self._now = now
        self._known = ("", float("-inf"))

    @property
    def last(self) -> str:
        """As it was told last, however long ago; "" before the first time."""
        return self._known[0]

    def recent(self) -> str:
        """As the database said it within the last EPOCH_SECONDS."""
        epoch, at = self._known
        since = self._now()
        if since - at < EPOCH_SECONDS:
            return epoch
        with self._db.reading():
            row = self._db.row(sql.EPOCH)
        return self.learn(row[0] if row else None, since)

    def learn(self, told: Any, since: float) -> str:
        """What a statement that was sent at `since`, by `clock.elapsed`, told of it."""
        epoch = str(told or "")
        self._known = (epoch, since)
        return epoch
