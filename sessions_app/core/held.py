"""What a process holds of what it read or made: the last used, within so many octets.

Each thing is held with the stamp of what it was made of, and is given to who comes with the same
stamp alone, so whoever asks must have read that stamp just now. A stamp begins with the epoch of
its database: once another one is seen, nothing of the old one is held any longer.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
ITSELF = 500
"""About the octets that holding takes, without what is held."""


class Stamp(NamedTuple):
    """What a thing was made of: the epoch of its database, and the rest that decides."""

    epoch: str
    of: Hashable


class Name(NamedTuple):
    """What a thing is held under: its database, and what was asked."""

    database: str
    asked: Hashable


class _One(NamedTuple, Generic[T]):
    stamp: Stamp
    thing: T
    octets: int


class Held(Generic[T]):
    """Things that nobody changes, shared by all threads of a process."""

    def __init__(self, most_octets: int) -> None:
        self._most = most_octets
        self._lock = Lock()
        self._things: OrderedDict[Name, _One[T]] = OrderedDict()
        self._epochs: dict[str, str] = {}
        self._octets = 0
        # A child of a fork has no thread that would let go of the lock.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        self._lock = Lock()
        self.clear()

    @property
    def octets(self) -> int:
        """What all that is held takes."""
        return self._octets

    def __contains__(self, name: Name) -> bool:
        return name in self._things

    def get(self, name: Name, stamp: Stamp) -> T | None:
        """What was made of just this; what was made of anything else is dropped."""
        with self._lock:
            self._see(name.database, stamp.epoch)
            found = self._things.get(name)
            if found is None:
                return None
            if found.stamp != stamp:
                self._drop(name)
                return None
            self._things.move_to_end(name)
            return found.thing

    def put(self, name: Name, stamp: Stamp, thing: T, octets: int) -> None:
        """Holds a thing of so many octets, unless it takes more than an eighth of all the room."""
        octets += ITSELF
        if octets > self._most // 8:
            return
        with self._lock:
            self._see(name.database, stamp.epoch)
            self._drop(name)
            self._things[name] = _One(stamp, thing, octets)
            self._octets += octets
            while self._octets > self._most:
                self._drop(next(iter(self._things)))

    def clear(self) -> None:
        """Holds nothing any longer."""
        with self._lock:
            self._things.clear()
            self._octets = 0

    def _see(self, database: str, epoch: str) -> None:
        if self._epochs.get(database) == epoch:
            return
        for name in [name for name in self._things if name.database == database]:
            self._drop(name)
        self._epochs[database] = epoch

    def _drop(self, name: Name) -> None:
        found = self._things.pop(name, None)
        if found is not None:
            self._octets -= found.octets
