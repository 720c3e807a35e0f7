"""I10: nothing of another project is found, by any route; and a reader changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.api import document
from sessions_app.models import Event, Message, Session
from tests.personas import BASE, Persona, answer, refused

SECRET = "the owner's secret"

# What makes a call valid, so that only the right to make it is left to refuse it.
BODIES: dict[str, Any] = {
    "append_messages": {"role": "user", "content": "x"},
    "append_and_get_context": {"append": {"role": "user", "content": "x"}},
    "record_sent_context": {"messages": [{"role": "user", "content": "x"}]},
    "retract_messages": {"from": 1},
    "pin_message": {"seq": 1},
    "fork_session": {"at": 1},
    "compress": {"instructions": "x"},
    "edit_session": {"title": "x"},
    "put_policy": {"window": 1_000, "reserve": 10},
}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """(method, path below the base, operation) of every call of the document."""
    return [
        (method.upper(), path.removeprefix(BASE), operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


OPERATIONS = operations()
NAMES = [operation["operationId"] for _, _, operation in OPERATIONS]
OF_A_SESSION = [found for found in OPERATIONS if "{session}" in found[1]]
CHANGING = [
    found
    for found in OPERATIONS
    if found[2]["x-scope"] != "read" or found[2]["operationId"] == "append_and_get_context"
]


def name(found: object) -> str:
    return found[2]["operationId"] if isinstance(found, tuple) else ""


@pytest.fixture
def session(owner: Persona) -> str:
    made = owner.opened(key="k", title=SECRET, user=SECRET, system=SECRET, tags=[SECRET])["id"]
    owner.said(made, SECRET)
    answer(owner.put("/policies/own", {"window": 1_000, "reserve": 10}))
    return str(made)


def filled(path: str, session: str) -> str:
    path = path.replace("{session}", session).replace("{record}", "0" * 32)
    return path.replace("{seq}", "1").replace("{name}", "own")


def rows() -> list[Any]:
    return [
        list(model._base_manager.order_by("pk").values_list())
        for model in (Session, Message, Event)
    ]


def test_the_matrix_holds_every_call() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 19
    assert len(OF_A_SESSION) >= 15
    assert set(BODIES) <= set(NAMES)


@pytest.mark.parametrize("found", OF_A_SESSION, ids=name)
@pytest.mark.parametrize("query", ["", "?purge=now"])
def test_a_session_of_another_project_is_not_found(
    owner: Persona,
    stranger: Persona,
    session: str,
    found: tuple[str, str, dict[str, Any]],
    query: str,
) -> None:
    method, path, operation = found
    if query and operation["operationId"] != "delete_session":
        query = ""
    before = rows()
    body = BODIES.get(operation["operationId"])
    response = stranger.call(method, filled(path, session) + query, body)
    error = refused(response, 404, "not_found")
    unknown = stranger.call(method, filled(path, "0" * 32) + query, body)
    assert {**error, "request_id": ""} == {**refused(unknown, 404, "not_found"), "request_id": ""}
    assert SECRET.encode() not in response.content
    assert rows() == before


@pytest.mark.parametrize("found", CHANGING, ids=name)
def test_a_key_that_may_read_changes_nothing(
    teammate: Persona, session: str, found: tuple[str, str, dict[str, Any]]
) -> None:
    method, path, operation = found
    before = rows()
    body = BODIES.get(operation["operationId"])
    error = refused(teammate.call(method, filled(path, session), body), 403, "forbidden")
    assert error["scope"] in ("write", "admin")
    assert rows() == before


@pytest.mark.parametrize("found", OPERATIONS, ids=name)
def test_no_call_is_answered_without_a_key(
    owner: Persona, session: str, found: tuple[str, str, dict[str, Any]]
) -> None:
    method, path, operation = found
    before = rows()
    nobody = Persona(owner.project, None)
    response = nobody.call(method, filled(path, session), BODIES.get(operation["operationId"]))
    refused(response, 401, "unauthorized")
    assert rows() == before


def test_lists_and_keys_hold_nothing_of_another_project(
    owner: Persona, stranger: Persona, session: str
) -> None:
    for path in ("/sessions", "/sessions?status=active", f"/sessions?q={session}", "/policies"):
        assert SECRET not in json.dumps(answer(stranger.get(path)))
    assert stranger.opened(key="k")["id"] != session


def test_a_request_key_of_another_project_tells_nothing(
    owner: Persona, stranger: Persona, session: str
) -> None:
    path, message = f"/sessions/{session}/messages", {"role": "user", "content": SECRET}
    answer(owner.post(path, message, Idempotency_Key="k"), 201)
    refused(stranger.post(path, message, Idempotency_Key="k"), 404, "not_found")
