"""Points in time: whole microseconds since 1970 UTC inside, ISO 8601 text outside."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_DAY = 86_400

FIRST = -62_135_596_800 * _SECOND
"""0001-01-01T00:00:00Z, the earliest instant."""
LAST = 253_402_300_800 * _SECOND - 1
"""9999-12-31T23:59:59.999999Z, the latest instant."""

_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r"(?:[Zz]|([+-][0-9]{2})(?::?([0-9]{2}))?)"
)


def parse(text: str) -> int:
    """Read ISO 8601 with an offset or `Z` as microseconds since 1970 UTC.

    Digits beyond the microsecond are cut off. Raises ValueError for anything else: no offset, a
    leap second, a day that does not exist, a year outside 1..9999 (in UTC).
    """
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError("not an ISO 8601 time with an offset, such as 2026-01-31T12:00:00Z")
    day, clock, second, fraction, hours, minutes = match.groups()
    at = time.fromisoformat(f"{clock}:{second or '00'}")
    seconds = _seconds(date.fromisoformat(day), at) - _offset(hours, minutes)
    instant = seconds * _SECOND + _micros(fraction)
    if not FIRST <= instant <= LAST:
        raise ValueError("the year is outside 1..9999")
    return instant


def render(us: int) -> str:
    """Microseconds since 1970 UTC as ISO 8601 with `Z`; six digits only when there are any.

    Raises OverflowError outside the years 1..9999.
    """
    seconds, micros = divmod(us, _SECOND)
    return f"{_second(seconds)}.{micros:06d}Z" if micros else f"{_second(seconds)}Z"


@lru_cache(maxsize=1_024)
def _second(seconds: int) -> str:
    # Messages of one page are often of one moment, and a calendar costs more than a look.
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[: -len("+00:00")]


def _seconds(day: date, at: time) -> int:
    days = day.toordinal() - _EPOCH.toordinal()
    return days * _DAY + at.hour * 3600 + at.minute * 60 + at.second


def _offset(hours: str | None, minutes: str | None) -> int:
    if hours is None:
        return 0
    offset = time(int(hours[1:]), int(minutes or 0))
    seconds = offset.hour * 3600 + offset.minute * 60
    return -seconds if hours[0] == "-" else seconds


def _micros(fraction: str | None) -> int:
    return int(fraction[:6].ljust(6, "0")) if fraction else 0
