"""Who alone may write in a session for a while, and what that forbids to others.

The token counts holdings and is never reset: whoever held the session before has a smaller one, so
a writer that comes too late is known by it. `now` is the database's time.
"""

from __future__ import annotations

from typing import NamedTuple

from sessions_app.core import instants
from sessions_app.core.errors import LeaseLost, SessionBusy

LONGEST_RETRY = 5
"""Seconds after which it is worth to try again, however long a lease lasts: it may be released."""


class Lease(NamedTuple):
    """The newest holding of a session; times in microseconds. A released one has no holder, one
    that ran out keeps the name of who had it."""

    token: int = 0
    until_us: int = 0
    holder: str = ""

    def held(self, now: int) -> bool:
        """Whether it still holds: one that ran out is over, also where nobody took it since."""
        return now < self.until_us

    def released(self, token: int) -> bool:
        """Whether the holding with this token is the newest one, and given back."""
        return 0 < token == self.token and not self.holder


def check_token(lease: Lease, token: int, now: int) -> None:
    """Raises LeaseLost unless this token is the current one and has not run out."""
    if lease.token != token or not lease.held(now):
        raise LeaseLost


def check_free(lease: Lease, now: int) -> None:
    """Raises SessionBusy while somebody holds the session."""
    if lease.held(now):
        seconds = -(-(lease.until_us - now) // 1_000_000)
        raise SessionBusy(
            holder=lease.holder,
            expires_at=instants.render(lease.until_us),
            retry_after=min(seconds, LONGEST_RETRY),
        )
