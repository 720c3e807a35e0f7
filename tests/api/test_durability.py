"""I2: `durable` is what the connection really has, whoever's transaction we are in."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from tests.personas import Persona, answer

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGE = {"role": "user", "content": "hello"}
CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/sessions", {}),
    ("PUT", "/policies/mine", {}),
    ("POST", "{session}/messages", MESSAGE),
    ("POST", "{session}/context", {"append": MESSAGE}),
    ("POST", "{session}/retract", {"from": 1}),
    ("POST", "{session}/pins", {"seq": 1}),
    ("DELETE", "{session}/pins/1", None),
    ("POST", "{session}/fork", {"at": 2}),
    ("POST", "{session}/end", None),
    ("POST", "{session}/reopen", None),
    ("POST", "{session}/restore", None),
    ("PATCH", "{session}", {"title": "x"}),
]


def durability(caller: Persona, method: str, path: str, body: Any) -> tuple[bool, str | None]:
    session = caller.opened()["id"]
    caller.said(session, "hello")
    response = caller.call(method, path.format(session=f"/sessions/{session}"), body)
    shown = answer(response, response.status_code)
    shown = shown.get("appended", shown)
    return shown["durable"], shown.get("durable_by")


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_change_survives_power_loss_and_says_so(
    owner: Persona, method: str, path: str, body: Any
) -> None:
    assert durability(owner, method, path, body) == (True, None)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_site_with_atomic_requests_makes_it_no_less_durable(
    owner: Persona, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: Any
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert durability(owner, method, path, body) == (True, None)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_inside_a_transaction_of_the_caller_it_waits_for_the_commit(
    owner: Persona, method: str, path: str, body: Any
) -> None:
    with transaction.atomic():
        assert durability(owner, method, path, body) == (False, "commit")


def test_a_connection_that_does_not_wait_for_the_disk_says_so(owner: Persona) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous=NORMAL")
        else:
            cursor.execute("SET synchronous_commit=off")
    try:
        durable, by = durability(owner, "POST", "/sessions", {})
    finally:
        with connection.cursor() as cursor:
            sqlite = connection.vendor == "sqlite"
            cursor.execute("PRAGMA synchronous=FULL" if sqlite else "RESET synchronous_commit")
    assert not durable
    assert by in ("checkpoint", "wal_writer")


def test_an_answer_told_again_is_as_durable_as_the_first(owner: Persona) -> None:
    first = owner.post("/sessions", {}, Idempotency_Key="k")
    with transaction.atomic():
        again = owner.post("/sessions", {}, Idempotency_Key="k")
    assert answer(first, 201)["durable"] is True
    assert again.content == first.content
