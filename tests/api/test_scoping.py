"""I10: nothing of another project is found, by any route; and a reader changes nothing."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from holdfast.api import document
from memory_app.models import Fact, FactRevision
from sessions_app.models import EndUser, Event, Message, Session
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
    "acquire_lease": {"holder": "x"},
    "renew_lease": {"token": 1},
    "recall_turns": {"query": "x"},
    "edit_session": {"title": "x"},
    "put_policy": {"window": 1_000, "reserve": 10},
    "store_facts": {"user": "u", "text": "x"},
    "edit_fact": {"text": "x"},
    "search_facts": {"user": "u", "query": "x"},
    "merge_fact": {"into": "0" * 32},
    "revert_fact": {"revision": 1},
    "put_preference": {"text": "x"},
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
OF_A_FACT = [found for found in OPERATIONS if "{fact}" in found[1]]
# A preference of a user nobody knows makes that user.
OF_A_USER = [
    found
    for found in OPERATIONS
    if "{user}" in found[1] and found[2]["operationId"] != "put_preference"
]
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


@pytest.fixture
def fact(owner: Persona) -> str:
    made = answer(owner.post("/facts", {"user": SECRET, "text": SECRET, "key": SECRET}), 201)
    return str(made["id"])


def filled(path: str, session: str, fact: str = "0" * 32) -> str:
    named = {
        "session": session,
        "fact": fact,
        "record": "0" * 32,
        "seq": "1",
        "name": "own",
        "key": "k",
    }
    for name, value in {**named, "user": quote(SECRET)}.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def rows() -> list[Any]:
    return [
        list(model._base_manager.order_by("pk").values_list())
        for model in (Session, Message, Event, Fact, FactRevision, EndUser)
    ]


def test_the_matrix_holds_every_call() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 19
    assert len(OF_A_SESSION) >= 15
    assert len(OF_A_FACT) >= 8
    assert len(OF_A_USER) >= 4
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


@pytest.mark.parametrize("found", OF_A_FACT, ids=name)
def test_i10_a_fact_of_another_project_is_not_found(
    owner: Persona,
    stranger: Persona,
    session: str,
    fact: str,
    found: tuple[str, str, dict[str, Any]],
) -> None:
    method, path, operation = found
    before, body = rows(), BODIES.get(operation["operationId"])
    response = stranger.call(method, filled(path, session, fact), body)
    error = refused(response, 404, "not_found")
    unknown = refused(stranger.call(method, filled(path, session), body), 404, "not_found")
    assert {**error, "request_id": ""} == {**unknown, "request_id": ""}
    assert SECRET.encode() not in response.content
    assert rows() == before


@pytest.mark.parametrize("found", OF_A_USER, ids=name)
def test_i10_a_user_of_another_project_is_not_found(
    owner: Persona,
    stranger: Persona,
    session: str,
    fact: str,
    found: tuple[str, str, dict[str, Any]],
) -> None:
    method, path, _ = found
    before = rows()
    refused(stranger.call(method, filled(path, session)), 404, "not_found")
    assert rows() == before


def test_i10_a_preference_is_stored_in_the_callers_project(
    owner: Persona, stranger: Persona, fact: str
) -> None:
    before = answer(owner.get("/facts"))
    answer(stranger.put(f"/users/{quote(SECRET)}/preferences/{quote(SECRET)}", {"text": "x"}))
    assert answer(owner.get("/facts")) == before
    assert [row["text"] for row in answer(stranger.get("/facts"))["data"]] == ["x"]


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
    owner: Persona, stranger: Persona, session: str, fact: str
) -> None:
    lists = ("/sessions", "/sessions?status=active", f"/sessions?q={session}", "/policies")
    for path in (
        *lists,
        "/facts",
        f"/facts?user={quote(SECRET)}",
        f"/facts?session={session}",
        "/users",
    ):
        assert SECRET not in json.dumps(answer(stranger.get(path)))
    assert stranger.opened(key="k")["id"] != session


def test_a_request_key_of_another_project_tells_nothing(
    owner: Persona, stranger: Persona, session: str
) -> None:
    path, message = f"/sessions/{session}/messages", {"role": "user", "content": SECRET}
    answer(owner.post(path, message, Idempotency_Key="k"), 201)
    refused(stranger.post(path, message, Idempotency_Key="k"), 404, "not_found")
