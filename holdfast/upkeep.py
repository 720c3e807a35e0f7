"""What a running server does by itself: it empties the bin, lets the search index follow the log,
compresses what is due, keeps SQLite's log open, and moves what is in that to the file.

Nothing here is needed for an answer, so nothing that goes wrong here stops the server. A host site
that runs no server of ours calls `holdfast upkeep` from its own clock instead.
"""

from __future__ import annotations

import gc
import logging
import time
from threading import Event, Thread

from django.conf import settings
from django.db import DatabaseError, connections

from memory_app.worker import Worker
from sessions_app import clock, preparing, search
from sessions_app.core import tokens
from sessions_app.core.errors import HoldfastError
from sessions_app.store import get_store
from sessions_app.store.database import Database

log = logging.getLogger("holdfast.upkeep")

EVERY_SECONDS = 3600.0
# Half of the time at most, so that the write lock and a processor are free for the other half while
# a large import is indexed.
INDEX_SECONDS, INDEX_PAUSE = 0.3, 0.3
INDEX_EVERY = 2.0
WORKER_SECONDS = 5.0


def tidy(alias: str) -> int:
    """Everything that is due, once; returns how many deleted sessions were purged.

    Raises errors of the store.
    """
    search.mend(alias)
    return len(get_store(alias).purge_due(clock.now_us()))


def spare_collections() -> None:
    """What is loaded by now stays to the end, and Python's collector looks through it no more: in
    160,000 objects a full collection holds up every request for 60 to 90 ms."""
    gc.collect()
    gc.freeze()


def make_ready() -> None:
    """What a server does before its first call: the token ranks are read beside it, or the first
    append would wait for them."""
    spare_collections()
    Thread(
        target=tokens.preload, args=(preparing.encoder(),), name="holdfast-ranks", daemon=True
    ).start()


class Upkeep:
    """A daemon thread that purges what is due, at the start and every hour, and indexes what was
    said and empties SQLite's log, every other second, until `stop()`."""

    def __init__(self, alias: str | None = None) -> None:
        self._alias = alias or str(getattr(settings, "HOLDFAST_DATABASE", "default"))
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="holdfast-upkeep", daemon=True)
        self._worker = Worker(self._alias, alone=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        self._worker.start()

    def stop(self) -> None:
        """Return when the threads have closed their connections, or after a few seconds without
        that: a compression that takes longer is given back."""
        self._stopped.set()
        self._worker.stop(WORKER_SECONDS)
        self._thread.join(1)
        gc.unfreeze()  # as Python ends it closes what it can collect: the last connections too

    def _run(self) -> None:
        next_round = time.monotonic()
        try:
            while True:
                if time.monotonic() >= next_round:
                    self.round()
                    next_round += EVERY_SECONDS
                done = self.index()
                if self._stopped.wait(INDEX_EVERY if done else INDEX_PAUSE):
                    return
        finally:
            connections.close_all()

    def round(self) -> None:
        """`tidy` once; what fails is logged and tried again next time."""
        try:
            purged = tidy(self._alias)
        except (HoldfastError, DatabaseError) as error:
            log.warning("The hourly purge failed and will be tried again: %s", error)
            purged = 0
        if purged:
            log.info("Purged %d deleted sessions.", purged)
        self._give_back()

    def index(self) -> bool:
        """Index for a moment; whether nothing is left to do now."""
        try:
            done = search.bring_up_to_date(self._alias, seconds=INDEX_SECONDS)
            Database(self._alias).checkpoint()
            return done
        except (HoldfastError, DatabaseError) as error:
            log.warning("The search index was not brought up to date: %s", error)
            return True
        finally:
            self._give_back()

    def _give_back(self) -> None:
        connection = connections[self._alias]
        # SQLite checkpoints its log, which takes up to 25 ms, whenever the last connection closes:
        # this one stays open. PostgreSQL's goes back to the pool.
        if connection.vendor != "sqlite":
            connection.close()
