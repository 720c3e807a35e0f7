from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event, Semaphore
from typing import Any

import pytest
from django.db import connections

from sessions_app import leases_api
from sessions_app.models import Session
from sessions_app.store import leasing
from tests.passing import DatabaseTime
from tests.personas import Persona, answer, refused

HELLO = {"role": "user", "content": "hello"}
# Every call that changes a session, beside the lease itself: (method, path, body).
CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/messages", HELLO),
    ("POST", "/context", {"append": HELLO}),
    ("POST", "/contexts", {"messages": [HELLO]}),
    ("POST", "/retract", {"from": 1}),
    ("POST", "/compress", {}),
    ("POST", "/compress", {"dry_run": True}),
    ("POST", "/pins", {"seq": 1}),
    ("DELETE", "/pins/1", None),
    ("POST", "/fork", {"at": 2}),
    ("POST", "/end", None),
    ("POST", "/reopen", None),
    ("POST", "/restore", None),
    ("PATCH", "", {"title": "x"}),
    ("DELETE", "", None),
    ("DELETE", "?purge=now", None),
]
APPENDS = CHANGES[:2]


@pytest.fixture
def session(owner: Persona) -> str:
    """At version 3."""
    made = owner.opened()["id"]
    owner.said(made, "one", "two")
    return f"/sessions/{made}"


def taken(owner: Persona, session: str, holder: str = "planner", **wanted: Any) -> dict[str, Any]:
    done: dict[str, Any] = answer(owner.post(f"{session}/lease", {"holder": holder, **wanted}), 201)
    return done


def everything(owner: Persona, session: str) -> list[Any]:
    lists = [answer(owner.get(f"{session}{path}")) for path in ("", "/messages", "/events")]
    return [*lists, Session.everything.count()]


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_change_under_a_lost_lease_stores_nothing(
    owner: Persona,
    session: str,
    database_time: DatabaseTime,
    method: str,
    path: str,
    body: Any,
) -> None:
    late = taken(owner, session)["token"]
    database_time.passes(31)
    taken(owner, session, "writer")
    before = everything(owner, session)
    response = owner.call(method, f"{session}{path}", body, Holdfast_Lease=str(late))
    error = refused(response, 409, "lease_lost")
    assert error["retryable"] is False
    assert "Retry-After" not in response
    assert everything(owner, session) == before


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_change_under_the_lease_is_made(
    owner: Persona, session: str, method: str, path: str, body: Any
) -> None:
    token = taken(owner, session)["token"]
    response = owner.call(method, f"{session}{path}", body, Holdfast_Lease=f" {token} ")
    assert response.status_code in (200, 201, 204), response.content


@pytest.mark.parametrize(("method", "path", "body"), APPENDS)
def test_an_append_without_the_token_is_told_who_writes_and_when_to_try_again(
    owner: Persona, session: str, method: str, path: str, body: Any
) -> None:
    lease = taken(owner, session)
    before = everything(owner, session)
    response = owner.call(method, f"{session}{path}", body)
    error = refused(response, 409, "session_busy")
    assert (error["holder"], error["expires_at"]) == ("planner", lease["expires_at"])
    assert error["retryable"] is True
    assert response["Retry-After"] == str(error["retry_after"]) == "5"
    assert everything(owner, session) == before


@pytest.mark.parametrize(("method", "path", "body"), CHANGES[2:])
def test_a_person_is_not_locked_out(
    owner: Persona, session: str, method: str, path: str, body: Any
) -> None:
    taken(owner, session)
    response = owner.call(method, f"{session}{path}", body)
    assert response.status_code in (200, 201, 204), response.content


@pytest.mark.parametrize(
    "sent", ["", " ", "0", "-1", "01", "1.0", "x", '"1"', "1, 2", "*", "9" * 19]
)
def test_a_token_is_written_as_a_number(owner: Persona, session: str, sent: str) -> None:
    taken(owner, session)
    for method, path, body in [*CHANGES, ("DELETE", "/lease", None)]:
        response = owner.call(method, f"{session}{path}", body, Holdfast_Lease=sent)
        assert refused(response, 422, "invalid_field")["param"] == "Holdfast-Lease"


def test_a_release_names_its_lease(owner: Persona, session: str) -> None:
    taken(owner, session)
    error = refused(owner.delete(f"{session}/lease"), 422, "invalid_field")
    assert error["param"] == "Holdfast-Lease"
    unknown = f"/sessions/{'0' * 32}/lease"
    refused(owner.delete(unknown), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "invalid_field", "holder"),
        ({"holder": ""}, "invalid_field", "holder"),
        ({"holder": 5}, "invalid_field", "holder"),
        ({"holder": "x" * 256}, "too_long", "holder"),
        ({"holder": "a\0"}, "nul_character", "holder"),
        ({"holder": "x", "ttl": 0}, "invalid_field", "ttl"),
        ({"holder": "x", "ttl": 3601}, "invalid_field", "ttl"),
        ({"holder": "x", "ttl": 1.0}, "invalid_field", "ttl"),
        ({"holder": "x", "ttl": "30"}, "invalid_field", "ttl"),
        ({"holder": "x", "ttl": True}, "invalid_field", "ttl"),
        ({"holder": "x", "wait": -1}, "invalid_field", "wait"),
        ({"holder": "x", "wait": 6}, "invalid_field", "wait"),
        ({"holder": "x", "wait": 0.5}, "invalid_field", "wait"),
        ({"holder": "x", "token": 1}, "unknown_field", "token"),
    ],
)
def test_a_bad_wish_names_its_field(
    owner: Persona, session: str, body: Any, code: str, param: str
) -> None:
    error = refused(owner.post(f"{session}/lease", body), 422, code)
    assert error["param"] == param
    assert answer(owner.get(session))["version"] == 3


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "token"),
        ({"token": 0}, "token"),
        ({"token": "1"}, "token"),
        ({"token": 1, "ttl": 0}, "ttl"),
    ],
)
def test_a_bad_renewal_names_its_field(owner: Persona, session: str, body: Any, param: str) -> None:
    taken(owner, session)
    response = owner.post(f"{session}/lease/renew", body)
    assert response.status_code == 422
    assert answer(response, 422)["error"]["param"] == param


def test_a_lost_lease_is_neither_renewed_nor_released(
    owner: Persona, session: str, database_time: DatabaseTime
) -> None:
    token = taken(owner, session)["token"]
    database_time.passes(31)
    refused(owner.post(f"{session}/lease/renew", {"token": token}), 409, "lease_lost")
    refused(owner.delete(f"{session}/lease", Holdfast_Lease=str(token)), 409, "lease_lost")
    assert answer(owner.get(session))["version"] == 4


def test_an_ended_session_gives_no_lease(owner: Persona, session: str) -> None:
    owner.post(f"{session}/end")
    refused(owner.post(f"{session}/lease", {"holder": "x"}), 409, "session_ended")
    owner.delete(session)
    refused(owner.post(f"{session}/lease", {"holder": "x"}), 410, "session_deleted")
    refused(owner.get(f"{session}/lease"), 410, "session_deleted")


# -- what is answered --------------------------------------------------------------------------


def test_a_lease_is_taken_renewed_and_released(
    owner: Persona, session: str, database_time: DatabaseTime
) -> None:
    taken_ = taken(owner, session, ttl=60)
    assert taken_ | {"expires_at": "", "durable_by": ""} == {
        "session": session.removeprefix("/sessions/"),
        "version": 4,
        "holder": "planner",
        "expires_at": "",
        "token": 1,
        "durable": False,
        "durable_by": "",
    }
    left = datetime.fromisoformat(taken_["expires_at"]) - datetime.now(UTC)
    assert 0 < left.total_seconds() <= 60
    database_time.passes(59)
    renewed = answer(owner.post(f"{session}/lease/renew", {"token": 1, "ttl": 3600}))
    assert renewed["version"] == 4
    assert renewed["expires_at"] > taken_["expires_at"]
    database_time.passes(3599)
    released = answer(owner.delete(f"{session}/lease", Holdfast_Lease="1"))
    assert (released["version"], released["token"]) == (5, 1)
    assert (released["holder"], released["expires_at"]) == (None, None)
    assert answer(owner.delete(f"{session}/lease", Holdfast_Lease="1")) == released


def test_a_session_tells_who_holds_it_and_to_nobody_the_token(
    owner: Persona, teammate: Persona, session: str, database_time: DatabaseTime
) -> None:
    nobody = {"session": session.removeprefix("/sessions/"), "holder": None, "expires_at": None}
    assert answer(teammate.get(f"{session}/lease")) == {**nobody, "version": 3}
    lease = taken(owner, session)
    held = {**nobody, "version": 4, "holder": "planner", "expires_at": lease["expires_at"]}
    assert answer(teammate.get(f"{session}/lease")) == held
    assert "token" not in str(answer(teammate.get(f"{session}/events?after=3"))["data"])
    database_time.passes(31)
    assert answer(teammate.get(f"{session}/lease")) == {**nobody, "version": 4}


def test_the_session_of_the_contract_has_no_field_more(owner: Persona, session: str) -> None:
    before = set(answer(owner.get(session)))
    taken(owner, session)
    assert set(answer(owner.get(session))) == before


def test_the_log_tells_who_took_it_from_whom(
    owner: Persona, session: str, database_time: DatabaseTime
) -> None:
    taken(owner, session, ttl=1)
    database_time.passes(1)
    token = taken(owner, session, "writer")["token"]
    owner.delete(f"{session}/lease", Holdfast_Lease=str(token))
    events = answer(owner.get(f"{session}/events?after=3"))["data"]
    assert {event["kind"] for event in events} == {"lease"}
    assert [event["data"] for event in events] == [
        {"action": "acquired", "holder": "planner", "ttl": 1},
        {"action": "taken_over", "holder": "writer", "ttl": 30, "from": "planner"},
        {"action": "released", "holder": "writer"},
    ]


def test_a_repeated_acquire_is_the_same_lease_and_not_a_busy_session(
    owner: Persona, session: str
) -> None:
    path, body = f"{session}/lease", {"holder": "planner"}
    first = owner.post(path, body, Idempotency_Key="k")
    again = owner.post(path, body, Idempotency_Key="k")
    assert (again.status_code, again.content) == (201, first.content)
    refused(owner.post(path, {"holder": "x"}, Idempotency_Key="k"), 422, "idempotency_mismatch")
    refused(owner.post(path, body, Idempotency_Key="other"), 409, "session_busy")


def test_a_repeated_append_is_answered_whatever_became_of_the_lease(
    owner: Persona, session: str, database_time: DatabaseTime
) -> None:
    token, path = str(taken(owner, session)["token"]), f"{session}/messages"
    first = owner.post(path, HELLO, Idempotency_Key="k", Holdfast_Lease=token)
    database_time.passes(31)
    taken(owner, session, "writer")
    again = owner.post(path, HELLO, Idempotency_Key="k", Holdfast_Lease=token)
    assert (again.status_code, again.content) == (201, first.content)
    without = owner.post(path, HELLO, Idempotency_Key="k")
    assert without.content == first.content


# -- waiting -----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_no_more_calls_wait_than_leave_threads_for_the_holder(
    owner: Persona, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = str(taken(owner, session)["token"])
    waiting, go_on = Semaphore(0), Event()

    class Waiter(Event().__class__):  # type: ignore[misc]
        def wait(self, timeout: float | None = None) -> bool:
            waiting.release()
            return go_on.wait(60)

    class Clock:
        """Stands still until the waiters go on, and then their time is over."""

        def monotonic(self) -> float:
            return 1e6 if go_on.is_set() else 0.0

    monkeypatch.setattr(leasing, "Event", Waiter)
    monkeypatch.setattr(leasing, "time", Clock())

    def ask(number: int) -> int:
        try:
            wish = {"holder": f"agent {number}", "wait": 5}
            return owner.post(f"{session}/lease", wish).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(leases_api.WAITING) as pool:
        waited = [pool.submit(ask, number) for number in range(leases_api.WAITING)]
        for _ in waited:
            assert waiting.acquire(timeout=60)
        refused(owner.post(f"{session}/lease", {"holder": "x", "wait": 5}), 409, "session_busy")
        answer(owner.delete(f"{session}/lease", Holdfast_Lease=token))
        go_on.set()
        assert sorted(one.result(60) for one in waited) == [201, 409]
    for _ in waited:
        assert leases_api._seats.acquire(blocking=False)
    leases_api._seats.release(len(waited))
