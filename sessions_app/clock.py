"""The one clock of the write path; `core` gets its time as an argument."""

from __future__ import annotations

import time


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000
