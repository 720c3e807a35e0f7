"""What of this process's parts is broken, since when, and what was: the mode that answers tell.

A part says here that it broke and that it works again; nobody looks for it. What is over is kept as
a row by the next write, see `Database.settle`, since a database that refused writes cannot be told.
"""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

from sessions_app import clock
from sessions_app.core import measure

FULL, PARTIAL, DEGRADED = "full", "partial", "degraded"
REDIS, REPLICA, WRITES = "redis", "replica", "writes"


class Condition(NamedTuple):
    """A part that is broken: by what, and since when in microseconds."""

    part: str
    cause: str
    since_us: int


class Outage(NamedTuple):
    """A part that was broken; `until_us` is when it worked again, in microseconds."""

    part: str
    cause: str
    since_us: int
    until_us: int


MOST_OVER = 100
"""Outages that wait for a write; of more, the newest are forgotten."""

_mutex = Lock()
_broken: dict[tuple[str, str], Condition] = {}
_over: list[tuple[str, Outage]] = []


def broke(part: str, cause: str, of: str = "") -> None:
    """A part failed; again is the same. `of` is the alias of the database whose part it is."""
    with _mutex:
        _broken.setdefault((part, of), Condition(part, cause, clock.now_us()))


def works(part: str, of: str = "") -> None:
    """A part works; if it was broken, that is over."""
    if (part, of) not in _broken:
        return
    with _mutex:
        found = _broken.pop((part, of), None)
        if found is not None and len(_over) < MOST_OVER:
            _over.append((of, Outage(*found, clock.now_us())))
    if found is not None:
        measure.record(f"outage.{part}_seconds", (clock.now_us() - found.since_us) / 1e6)


def broken() -> list[Condition]:
    """What is broken now, as far as anybody asked of it."""
    return list(_broken.values())


def worse(mode: str) -> str:
    """The mode of an answer that would have this one if no part were broken."""
    return DEGRADED if _broken else mode


def over(of: str = "") -> list[Outage]:
    """The outages of no database or of this one that nobody kept yet; the caller does."""
    if not _over:
        return []
    with _mutex:
        found = [one for place, one in _over if place in ("", of)]
        _over[:] = [(place, one) for place, one in _over if place not in ("", of)]
    return found


def forget() -> None:
    """Empties this process's memory of all of it."""
    with _mutex:
        _broken.clear()
        _over.clear()
