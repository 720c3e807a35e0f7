"""The line in which the threads of this process wait to write to a SQLite file.

SQLite has one writer. Without a line, threads that want its lock sleep and ask again, in no order,
and each commit waits for the disk by itself. Here they stand in order, and whoever's turn it is may
do the work of those behind as well, so that one commit answers for all of them; see `leading`. A
thread that finds nobody here goes on at once.

No thread belongs to the line: who stands first leads, on its own connection. Other processes are
met where they always are, at the lock of the file.
"""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any

from sessions_app.core import errors

MOST = 128
"""Places whose work is done at once, so that nobody waits long for a commit."""

MOMENT = 0.05
"""Seconds that anybody waits who has to, without asking how long that may be: to ask takes as long
as half a statement, and nearly everybody is called sooner."""


class Place:
    """Somebody in line; what is `asked`, if anything, may be answered by whoever leads.

    In the end either `leads` is true, or `answer` or `error` is there.
    """

    __slots__ = ("_called", "answer", "asked", "error", "leads")

    def __init__(self, asked: Any = None) -> None:
        self.asked = asked
        self.answer: Any = None
        self.error: BaseException | None = None
        self.leads = False
        self._called: Any = None  # a lock, once it waits

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it was called within so many seconds; None is for ever."""
        if seconds is None:
            return bool(self._called.acquire())
        return bool(self._called.acquire(timeout=max(0.0, seconds)))

    def will_wait(self) -> None:
        """Before others know of it. Who need not wait needs no lock."""
        self._called = Lock()
        self._called.acquire()

    def call(self) -> None:
        """Ends the waiting."""
        self._called.release()

    def answered(self, found: Any) -> None:
        """An answer, or the error that refuses it."""
        if isinstance(found, errors.HoldfastError):
            self.error = found
        else:
            self.answer = found

    def result(self) -> Any:
        """The answer. Raises the error."""
        if self.error is not None:
            raise self.error
        return self.answer


class Line:
    """Those who want to write to one database."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._taken = False
        self._waiting: deque[Place] = deque()
        self._watching: list[Callable[[], object]] = []

    def when_free(self, call: Callable[[], object]) -> bool:
        """Whether somebody writes now; if so, `call` is called once nobody does, in any thread."""
        with self._mutex:
            if self._taken:
                self._watching.append(call)
            return self._taken

    def enter(
        self, place: Place, patience: Callable[[], float], moment: float | None = None
    ) -> None:
        """Waits until the place leads or is answered. `patience` tells for how many seconds it
        waits for its turn, and is asked only if that takes longer than a `moment`. Raises
        StoreBusy."""
        moment = MOMENT if moment is None else moment
        with self._mutex:
            if not self._taken:
                self._taken = place.leads = True
                return
            place.will_wait()
            self._waiting.append(place)
        try:
            called = place.wait(moment) or place.wait(patience() - moment)
        except BaseException:
            if not self._left(place):
                place.wait()
                if place.leads:
                    self.leave()
            raise
        if not called:
            if self._left(place):
                raise errors.StoreBusy
            place.wait()

    def ignore(self, call: Callable[[], object]) -> None:
        """Ends what `when_free` promised."""
        with self._mutex, suppress(ValueError):
            self._watching.remove(call)

    def _left(self, place: Place) -> bool:
        """Whether a place was still waiting, and is no longer."""
        with self._mutex:
            if place not in self._waiting:
                return False
            self._waiting.remove(place)
            return True

    def follow(self) -> list[Place]:
        """The places that the leader answers too; each must be called when that is done."""
        if not self._waiting:
            return []
        able: list[Place] = []
        others = deque[Place]()
        with self._mutex:
            for place in self._waiting:
                asks = place.asked is not None and len(able) < MOST
                (able if asks else others).append(place)
            self._waiting = others
        return able

    def leave(self) -> None:
        """The turn of whoever leads is over: the first who waits has the next one."""
        with self._mutex:
            following = self._waiting.popleft() if self._waiting else None
            watching: list[Callable[[], object]] = []
            if following is None:
                self._taken = False
                watching, self._watching = self._watching, watching
            else:
                following.leads = True
        if following is not None:
            following.call()
        for call in watching:
            call()


_lines: defaultdict[str, Line] = defaultdict(Line)


def of(alias: str) -> Line:
    """The line at the database behind a Django alias."""
    return _lines[alias]


# A child would wait for threads that it does not have.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_lines.clear)
