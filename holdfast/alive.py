"""Whether a connection that comes out of a pool is still alive: the check of the pool.

Asking the server is a round trip, which takes as long as many a statement. A server that ends a
connection says so on it, and that is seen without asking. What nobody said on the way, such as a
network that is cut, is found by asking a connection that was not asked for a second.
"""

from __future__ import annotations

import select
import time
from typing import Any
from weakref import WeakKeyDictionary

ASKED_EVERY = 1.0
"""Seconds after which a connection is asked again, silent or not."""

_asked: WeakKeyDictionary[Any, float] = WeakKeyDictionary()


def check(connection: Any) -> None:
    """Raises psycopg's error for a connection of its own that is of no use."""
    now = time.monotonic()
    if now - _asked.get(connection, 0.0) < ASKED_EVERY and _silent(connection.fileno()):
        return
    from psycopg_pool import ConnectionPool

    ConnectionPool.check_connection(connection)
    _asked[connection] = now


def _silent(descriptor: int) -> bool:
    """Whether nothing waits to be read there, not even an end."""
    if not hasattr(select, "poll"):  # Windows: the server is asked each time
        return False
    watched = select.poll()
    watched.register(descriptor, select.POLLIN)
    return not watched.poll(0)
