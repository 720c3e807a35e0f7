"""Leases: the right of one agent to append to a session for a while.

Taking a lease, taking it over, giving it back and ending it for another are events of the log, so
that everybody sees who held the session; a renewal is none. The token counts leases. A change under
it is checked in the change's own transaction, under the row's lock and by the database's time:
whoever was frozen past the end of a lease stores nothing.
"""

from __future__ import annotations

import time
from functools import partial
from threading import Event
from typing import Any, NamedTuple
from uuid import UUID

from sessions_app import waiting
from sessions_app.core import leases
from sessions_app.core.errors import SessionBusy
from sessions_app.core.leases import Lease
from sessions_app.store.base import UNGUARDED, Changed, Guard, Snapshot
from sessions_app.store.durable import NOTHING, Change, DurableStore, check_active

SECOND_US = 1_000_000


def acquire(
    store: DurableStore,
    project: int,
    session: UUID,
    holder: str,
    ttl: int,
    guard: Guard = UNGUARDED,
    *,
    wait: float = 0,
) -> Changed:
    """The session with its new lease, for `ttl` seconds. Waits up to `wait` seconds for one that is
    held, without a transaction and without a connection of a pool; in a caller's transaction, in
    which nothing would change, not at all.

    `holder` is a name for people to read: the same one again is somebody else. Raises SessionBusy,
    SessionEnded, StaleVersion, IdempotencyMismatch.
    """
    end, free = time.monotonic() + wait, Event()
    with waiting.listening(session, free.set):
        for pause in waiting.pauses():
            free.clear()
            try:
                return _acquire(store, project, session, holder, ttl, guard)
            except SessionBusy:
                left = end - time.monotonic()
                if left <= 0 or store.db.nested:
                    raise
            store.db.rest()
            free.wait(min(pause, left))
    raise AssertionError("pauses do not end")


def _acquire(
    store: DurableStore, project: int, session: UUID, holder: str, ttl: int, guard: Guard
) -> Changed:
    def decide(found: Snapshot) -> Change:
        check_active(found)
        now = store.db.now_us()
        leases.check_free(found.lease, now)
        columns = {
            "lease_token": found.lease_token + 1,
            "lease_until_us": now + ttl * SECOND_US,
            "lease_holder": holder,
        }
        return Change([("lease", _acquired(found.lease, holder, ttl))], columns)

    return store.change(project, session, decide, guard)


def _acquired(before: Lease, holder: str, ttl: int) -> dict[str, Any]:
    told = {"action": "acquired", "holder": holder, "ttl": ttl}
    if before.holder:
        # It ran out and was never given back.
        told |= {"action": "taken_over", "from": before.holder}
    return told


def renew(
    store: DurableStore,
    project: int,
    session: UUID,
    token: int,
    ttl: int,
    guard: Guard = UNGUARDED,
) -> Changed:
    """Holds the session for another `ttl` seconds from now. Raises LeaseLost."""

    def decide(found: Snapshot) -> Change:
        now = store.db.now_us()
        leases.check_token(found.lease, token, now)
        return Change(columns={"lease_until_us": now + ttl * SECOND_US})

    return store.change(project, session, decide, guard)


def release(
    store: DurableStore, project: int, session: UUID, token: int, guard: Guard = UNGUARDED
) -> Changed:
    """Gives the session back, once: again, it stays as it is until somebody takes it. Raises
    LeaseLost."""

    def decide(found: Snapshot) -> Change:
        if found.lease.released(token):
            return NOTHING
        leases.check_token(found.lease, token, store.db.now_us())
        store.db.after_commit(partial(waiting.ring, session))
        told = {"action": "released", "holder": found.lease_holder}
        return Change([("lease", told)], {"lease_until_us": 0, "lease_holder": ""})

    return store.change(project, session, decide, guard)


class Freed(NamedTuple):
    """Who held the session, and the version at which it is free."""

    holder: str
    version: int


def free(store: DurableStore, project: int, session: UUID) -> Freed | None:
    """Ends the lease that holds now, whoever has it, as a person does where its holder hangs; None
    where nobody has. The holder's next change raises LeaseLost."""
    held_by: list[str] = []

    def decide(found: Snapshot) -> Change:
        held_by.clear()
        if not found.lease.held(store.db.now_us()):
            return NOTHING
        held_by.append(found.lease_holder)
        store.db.after_commit(partial(waiting.ring, session))
        told = {"action": "freed", "holder": found.lease_holder}
        return Change([("lease", told)], {"lease_until_us": 0, "lease_holder": ""})

    done = store.change(project, session, decide, UNGUARDED)
    return Freed(held_by[0], done.session.version) if held_by else None


def held(store: DurableStore, found: Snapshot) -> Lease | None:
    """The lease that holds now, if there is one."""
    if not found.lease_until_us:
        return None
    with store.db.reading():
        return found.lease if found.lease.held(store.db.now_us()) else None
