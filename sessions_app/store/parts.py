"""A part beside the database that may fail: asked as long as it answers, left alone when it does
not, tried again now and then. What it is about is its owner's business.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from threading import Lock

from sessions_app import conditions
from sessions_app.core import measure
from sessions_app.core.breaker import Breaker

log = logging.getLogger("holdfast.store")


class Part:
    """One part, shared by all threads: its breaker, and counts of what happened to it here.

    `name` is what conditions call it, `title` what the log does, and `of` the alias of the database
    that it stands beside. Counts are measured as `measured.<count>`.
    """

    def __init__(
        self,
        name: str,
        title: str,
        measured: str,
        *,
        of: str = "",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._title, self._measured, self._of, self._now = title, measured, of, now
        self._guard = Lock()
        self._breaker = Breaker()
        self._counts: Counter[str] = Counter()

    @property
    def left_alone(self) -> bool:
        """Whether it failed too often to be asked."""
        return self._breaker.is_open

    def admitted(self) -> bool:
        """Whether it may be asked now; who is told so asks it."""
        if not self._breaker.is_open:
            return True
        with self._guard:
            self._breaker, admitted = self._breaker.admit(self._now())
        return admitted

    def failed(self, cause: str) -> None:
        """It did not answer, or not in a way that is of use; `cause` names no address."""
        with self._guard:
            was_open = self._breaker.is_open
            self._breaker = self._breaker.failed(self._now())
            opened = self._breaker.is_open and not was_open
        if opened:
            self.count("openings")
            conditions.broke(self.name, cause, self._of)
            log.warning("%s is left alone, the database answers: %s", self._title, cause)

    def worked(self) -> None:
        """It answered."""
        if not self._breaker.failures:
            return
        with self._guard:
            was_open = self._breaker.is_open
            self._breaker = self._breaker.worked()
        if was_open:
            conditions.works(self.name, self._of)
            log.warning("%s answers again.", self._title)

    def count(self, name: str) -> None:
        """Counts what happened."""
        with self._guard:
            self._counts[name] += 1
        if measure.receivers:
            measure.record(f"{self._measured}.{name}")

    def counts(self) -> dict[str, int]:
        """What happened in this process so far, by name."""
        with self._guard:
            return dict(self._counts)
