"""Folds sessions while they rest, so that the next question finds a short context.

A session is looked at once when it has been quiet for its policy's `idle` seconds and is at least
half as full as would make it due anyway. How many are marked at a time is bounded: a clock that
jumps must not make everything due at once.
"""

from __future__ import annotations

from memory_app import policies
from memory_app.core.policy import Policy
from sessions_app.models import HOUR_US
from sessions_app.models import Policy as PolicyRow
from sessions_app.store import folding
from sessions_app.store.durable import DurableStore

MOST = 100
WORTH = 0.5
REMEMBERED = 10_000


def mark(store: DurableStore, now: int) -> int:
    """Makes due what has been idle for long enough; returns how many sessions that were."""
    found = 0
    for row in PolicyRow.everything.using(store.db.alias).filter(due_tokens__lt=PolicyRow.NEVER):
        found += _of_policy(store, row, policies.parsed(row.data), now)
    return found


def _of_policy(store: DurableStore, row: PolicyRow, rules: Policy, now: int) -> int:
    quiet_since = now - rules.idle * 1_000_000
    hours = (quiet_since // HOUR_US - 1, quiet_since // HOUR_US)
    found = folding.idle(
        store,
        (row.project_id, row.name, row.version),
        hours=hours,
        quiet_since=quiet_since,
        tokens=int(rules.due_tokens * WORTH),
        most=MOST,
    )
    return sum(
        folding.mark_idle(store, number, version)
        for number, version, session in found
        if _is_new(session, version)
    )


_seen: dict[tuple[str, int], None] = {}


def _is_new(session: str, version: int) -> bool:
    """Whether this process has not looked at the session at this version: one with nothing to fold
    stays idle, and is not asked again."""
    key = (session, version)
    if key in _seen:
        return False
    _seen[key] = None
    while len(_seen) > REMEMBERED:
        del _seen[next(iter(_seen))]
    return True
