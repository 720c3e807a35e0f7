"""Who waits in this process until a session is free: woken at once when its lease is given back.

A release in another process is not heard here, so whoever waits looks again after each pause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from uuid import UUID

Wake = Callable[[], None]

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5

_waiting: dict[UUID, list[Wake]] = {}
_lock = Lock()


@contextmanager
def listening(session: UUID, wake: Wake) -> Iterator[None]:
    """Calls `wake` whenever the session becomes free here; it does no more than set a flag."""
    with _lock:
        _waiting.setdefault(session, []).append(wake)
    try:
        yield
    finally:
        with _lock:
            _waiting[session].remove(wake)
            if not _waiting[session]:
                del _waiting[session]


def is_heard(session: UUID) -> bool:
    """Whether anybody waits for the session."""
    return session in _waiting


def pauses() -> Iterator[float]:
    """Seconds after which to look again for what became free elsewhere, without end."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def ring(session: UUID) -> None:
    """The session is free."""
    with _lock:
        found = tuple(_waiting.get(session, ()))
    for wake in found:
        wake()
