"""What a running server does by itself: it empties the bin, and keeps SQLite's log open.

Nothing here is needed for an answer, so nothing that goes wrong here stops the server.
"""

from __future__ import annotations

import logging
from threading import Event, Thread

from django.conf import settings
from django.db import DatabaseError, connections

from sessions_app import clock, preparing
from sessions_app.core import tokens
from sessions_app.core.errors import HoldfastError
from sessions_app.store import get_store

log = logging.getLogger("holdfast.upkeep")

EVERY_SECONDS = 3600.0


class Upkeep:
    """A daemon thread that purges what is due, at the start and every hour until `stop()`."""

    def __init__(self, alias: str | None = None) -> None:
        self._alias = alias or str(getattr(settings, "HOLDFAST_DATABASE", "default"))
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="holdfast-upkeep", daemon=True)

    def start(self) -> None:
        """Begin, and read the token ranks beside it: the first append must not wait for them."""
        Thread(
            target=tokens.preload, args=(preparing.encoder(),), name="holdfast-ranks", daemon=True
        ).start()
        self._thread.start()

    def stop(self) -> None:
        """Return when the thread has closed its connection, or after a second without that."""
        self._stopped.set()
        self._thread.join(1)

    def _run(self) -> None:
        try:
            while True:
                self.round()
                if self._stopped.wait(EVERY_SECONDS):
                    return
        finally:
            connections.close_all()

    def round(self) -> None:
        """Purge once; what fails is logged and tried again next time."""
        try:
            receipts = get_store(self._alias).purge_due(clock.now_us())
        except (HoldfastError, DatabaseError) as error:
            log.warning("The hourly purge failed and will be tried again: %s", error)
            receipts = []
        if receipts:
            log.info("Purged %d deleted sessions.", len(receipts))
        connection = connections[self._alias]
        # SQLite checkpoints its log, which takes up to 25 ms, whenever the last connection closes:
        # this one stays open. PostgreSQL's goes back to the pool.
        if connection.vendor != "sqlite":
            connection.close()
