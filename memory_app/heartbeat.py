"""Holds a claim while an engine works: renewed every few seconds from a thread of its own."""

from __future__ import annotations

import logging
from threading import Event, Thread
from types import TracebackType

from django.db import connections

from sessions_app.core.errors import HoldfastError
from sessions_app.store import folding
from sessions_app.store.durable import DurableStore
from sessions_app.store.folding import Claim

log = logging.getLogger("holdfast.compression")

EVERY_SECONDS = 3.0


class Heartbeat:
    """Renews `claim` until the block is left. Inside a caller's transaction it does nothing: no
    other connection could see the claim."""

    def __init__(self, store: DurableStore, claim: Claim) -> None:
        self._store = store
        self._claim = claim
        self._left = Event()
        self._thread: Thread | None = None

    def __enter__(self) -> None:
        if not self._store.db.nested:
            self._thread = Thread(target=self._run, name="holdfast-heartbeat", daemon=True)
            self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.set()

    def _run(self) -> None:
        try:
            while not self._left.wait(EVERY_SECONDS):
                if not self._renewed():
                    return
        finally:
            connections.close_all()

    def _renewed(self) -> bool:
        try:
            return folding.renew(self._store, self._claim)
        except HoldfastError as error:
            log.warning("The claim on %s was not renewed: %s", self._claim.session, error)
            return True
