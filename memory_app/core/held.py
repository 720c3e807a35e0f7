"""Answers that a process holds: the last used ones, within so many octets.

Each is held with the stamp of what it was made of, and is given to who comes with the same stamp
alone, so whoever asks must have read that stamp just now. A stamp begins with the epoch of its
database: once another one is seen, nothing of the old one is held any longer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import NamedTuple


class Stamp(NamedTuple):
    """What an answer was made of: the epoch of its database, and the rest that decides."""

    epoch: str
    of: Hashable


class Name(NamedTuple):
    """What an answer is held under: its database, and what was asked."""

    database: str
    asked: Hashable


class Held:
    """Answers, shared by all threads of a process."""

    def __init__(self, most_octets: int) -> None:
        self._most = most_octets
        self._lock = Lock()
        self._answers: OrderedDict[Name, tuple[Stamp, bytes]] = OrderedDict()
        self._epochs: dict[str, str] = {}
        self._octets = 0

    @property
    def octets(self) -> int:
        """Bytes of all answers that are held."""
        return self._octets

    def __contains__(self, name: Name) -> bool:
        return name in self._answers

    def get(self, name: Name, stamp: Stamp) -> bytes | None:
        """The answer that was made of just this; one that was made of anything else is dropped."""
        with self._lock:
            self._see(name.database, stamp.epoch)
            found = self._answers.get(name)
            if found is None:
                return None
            if found[0] != stamp:
                self._drop(name)
                return None
            self._answers.move_to_end(name)
            return found[1]

    def put(self, name: Name, stamp: Stamp, answer: bytes | memoryview) -> None:
        """Holds an answer, unless it would take more than an eighth of all there is room for."""
        if len(answer) > self._most // 8:
            return
        with self._lock:
            self._see(name.database, stamp.epoch)
            self._drop(name)
            self._answers[name] = (stamp, bytes(answer))
            self._octets += len(answer)
            while self._octets > self._most:
                self._drop(next(iter(self._answers)))

    def clear(self) -> None:
        """Holds nothing any longer."""
        with self._lock:
            self._answers.clear()
            self._octets = 0

    def _see(self, database: str, epoch: str) -> None:
        if self._epochs.get(database) == epoch:
            return
        for name in [name for name in self._answers if name.database == database]:
            self._drop(name)
        self._epochs[database] = epoch

    def _drop(self, name: Name) -> None:
        found = self._answers.pop(name, None)
        if found is not None:
            self._octets -= len(found[1])
