"""The HTTP calls about the lease of a session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import BoundedSemaphore

from django.http import HttpResponse
from ninja import Router

from sessions_app import answers, bodies
from sessions_app.auth import WRITE
from sessions_app.bodies import SECONDS
from sessions_app.calls import OF_A_SESSION, Call, Gives, Takes, route, session_id, store
from sessions_app.core.errors import InvalidField
from sessions_app.http import LEASE, json_response
from sessions_app.store import leasing

leases = Router(tags=["leases"])

OF_A_CHANGE = (*OF_A_SESSION, 409)
WAITING = 2
"""How many calls of a process may wait at once: half of the threads that answer HTTP."""
_seats = BoundedSemaphore(WAITING)


@route(
    leases,
    "POST",
    "/sessions/{session}/lease",
    takes=Takes(WRITE, fields=bodies.LEASED, keyed=True, matched=True),
    gives=Gives({201: "Lease"}, errors=OF_A_CHANGE),
)
def acquire_lease(call: Call, session: str) -> HttpResponse:
    """Take the lease of a session: nobody else appends to it for `ttl` seconds.

    The answer's `token` goes with every change as `Holdfast-Lease`; once the lease is over, such a
    change is 409 `lease_lost` and stores nothing. A lease that is held is 409 `session_busy`, after
    `wait` seconds; where enough calls wait already, at once.
    """
    holder, ttl = call.body["holder"], call.body.get("ttl", SECONDS)
    with _seated(call.body.get("wait", 0)) as wait:
        named = (call.project, session_id(session))
        done = leasing.acquire(store(), *named, holder, ttl, call.guard, wait=wait)
    return json_response(201, answers.lease_out(done))


@contextmanager
def _seated(seconds: int) -> Iterator[int]:
    """So many seconds, or none: who waits keeps a thread, and the holder needs one to release."""
    seated = bool(seconds) and _seats.acquire(blocking=False)
    try:
        yield seconds if seated else 0
    finally:
        if seated:
            _seats.release()


@route(
    leases,
    "POST",
    "/sessions/{session}/lease/renew",
    takes=Takes(WRITE, fields=bodies.RENEWED, keyed=True, matched=True),
    gives=Gives({200: "Lease"}, errors=OF_A_CHANGE),
)
def renew_lease(call: Call, session: str) -> HttpResponse:
    """Hold a session for another `ttl` seconds from now; this is no event."""
    token, ttl = call.body["token"], call.body.get("ttl", SECONDS)
    done = leasing.renew(store(), call.project, session_id(session), token, ttl, call.guard)
    return json_response(200, answers.lease_out(done))


@route(
    leases,
    "DELETE",
    "/sessions/{session}/lease",
    takes=Takes(WRITE, matched=True, leased=True),
    gives=Gives({200: "Lease"}, errors=OF_A_CHANGE),
)
def release_lease(call: Call, session: str) -> HttpResponse:
    """Release the lease whose token is in `Holdfast-Lease`. Sent again it answers the same."""
    guard, number = call.guard, session_id(session)
    if guard.lease is None:
        store().get(call.project, number)
        raise InvalidField(f"Send the token of your lease as {LEASE}.", param=LEASE)
    done = leasing.release(store(), call.project, number, guard.lease, replace(guard, lease=None))
    return json_response(200, answers.lease_out(done))


@route(
    leases,
    "GET",
    "/sessions/{session}/lease",
    takes=Takes(),
    gives=Gives({200: "Holder"}, errors=OF_A_SESSION),
)
def get_lease(call: Call, session: str) -> HttpResponse:
    """Read who holds a session, and until when; nobody where `holder` is null."""
    found = store().get(call.project, session_id(session))
    return json_response(200, answers.holder_out(found, leasing.held(store(), found)))
