"""A hint within this process that work is due: whoever works on it may look at once.

The rows say what is due; whoever misses the hint finds it a moment later.
"""

from __future__ import annotations

from collections.abc import Callable

_listeners: list[Callable[[], None]] = []


def listen(listener: Callable[[], None]) -> Callable[[], None]:
    """Calls `listener` whenever something became due here; returns what ends that."""
    _listeners.append(listener)

    def leave() -> None:
        if listener in _listeners:
            _listeners.remove(listener)

    return leave


def is_heard() -> bool:
    """Whether anybody listens."""
    return bool(_listeners)


def ring() -> None:
    """Something is due. A listener does no more than set a flag."""
    for listener in tuple(_listeners):
        listener()
