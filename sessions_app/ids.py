"""New identifiers, in the order this process made them."""

from __future__ import annotations

import os
import time
from threading import Lock
from uuid import UUID

from sessions_app.core.ids import RANDOM_BYTES, uuid7

_lock = Lock()
_last_us = 0


def new_id() -> UUID:
    """A new UUIDv7; later ones of this process sort after earlier ones, whatever the clock does."""
    global _last_us
    with _lock:
        _last_us = max(_last_us + 1, time.time_ns() // 1000)
        now_us = _last_us
    return uuid7(now_us, os.urandom(RANDOM_BYTES))


# A fork while another thread holds the lock would leave the child waiting for ever.
def _unlock_in_child() -> None:
    global _lock
    _lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)
