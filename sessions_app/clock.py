"""The clock of the write path, and the one that ages are measured by; `core` gets its time as an
argument."""

from __future__ import annotations

import time

_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


def elapsed() -> float:
    """Seconds since some moment before this process began, by a clock that nobody sets. By it is
    measured how old something read is: unlike `time.monotonic`, it goes on while the machine is
    asleep, where there is such a clock, and meanwhile a text may have been erased elsewhere."""
    return time.monotonic() if _BOOT is None else time.clock_gettime(_BOOT)
