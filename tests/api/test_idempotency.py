from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from sessions_app.models import Event, Message, RequestKey, Session
from tests.personas import Persona, answer, refused

MESSAGE = {"role": "user", "content": "three"}
# (path below the session, body): every changing POST.
CHANGES: list[tuple[str, Any]] = [
    ("/messages", MESSAGE),
    ("/retract", {"from": 1}),
    ("/pins", {"seq": 1}),
    ("/fork", {"at": 2}),
    ("/fork", {"at": 2, "key": "branch"}),
    ("/end", None),
    ("/reopen", None),
    ("/restore", None),
    ("/lease", {"holder": "planner", "wait": 1}),
]


@pytest.fixture
def session(owner: Persona) -> str:
    made = owner.opened()["id"]
    owner.said(made, "one", "two")
    return f"/sessions/{made}"


def counts() -> tuple[int, ...]:
    return (Session.everything.count(), Message.objects.count(), Event.objects.count())


@pytest.mark.parametrize(("path", "body"), CHANGES)
def test_a_repeated_request_gets_the_same_bytes_and_changes_nothing(
    owner: Persona, session: str, path: str, body: Any
) -> None:
    first = owner.post(f"{session}{path}", body, Idempotency_Key="k")
    assert first.status_code in (200, 201), first.content
    owner.patch(session, {"title": "moved on", "system": "New."})
    before = counts()
    again = owner.post(f"{session}{path}", body, Idempotency_Key="k")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert counts() == before


@pytest.mark.parametrize("body", [{"key": "k", "system": "Be kind.", "tags": ["a"]}, {}])
def test_a_repeated_opening_is_the_same_session(owner: Persona, body: Any) -> None:
    first = owner.post("/sessions", body, Idempotency_Key="k")
    made = answer(first, 201)
    owner.said(made["id"], "one")
    again = owner.post("/sessions", body, Idempotency_Key="k")
    assert (again.status_code, again.content) == (201, first.content)
    assert Session.everything.count() == 1


@pytest.mark.parametrize(("path", "body"), CHANGES)
def test_a_known_key_is_answered_before_if_match_and_the_state_of_the_session(
    owner: Persona, session: str, path: str, body: Any
) -> None:
    first = owner.post(f"{session}{path}", body, Idempotency_Key="k", If_Match="3")
    owner.delete(session)
    again = owner.post(f"{session}{path}", body, Idempotency_Key="k", If_Match="3")
    assert (again.status_code, again.content) == (first.status_code, first.content)


@pytest.mark.parametrize(("path", "body"), CHANGES)
def test_another_request_under_the_key_is_refused(
    owner: Persona, session: str, path: str, body: Any
) -> None:
    answer(
        owner.post(
            f"{session}/messages", {"role": "user", "content": "first"}, Idempotency_Key="k"
        ),
        201,
    )
    before = counts()
    response = owner.post(f"{session}{path}", body, Idempotency_Key="k")
    assert refused(response, 422, "idempotency_mismatch")["param"] == "Idempotency-Key"
    assert counts() == before


def test_a_query_belongs_to_the_request_but_if_match_does_not(owner: Persona, session: str) -> None:
    first = owner.post(f"{session}/messages", MESSAGE, Idempotency_Key="k", If_Match="3")
    assert first.status_code == 201
    again = owner.post(f"{session}/messages", MESSAGE, Idempotency_Key="k", If_Match="1")
    assert again.content == first.content
    spaced = owner.call(
        "POST", f"{session}/messages", b'{"role":"user","content":"three"}', Idempotency_Key="k"
    )
    refused(spaced, 422, "idempotency_mismatch")


def test_a_refused_request_leaves_the_key_free(owner: Persona, session: str) -> None:
    path = f"{session}/messages"
    refused(owner.post(path, MESSAGE, Idempotency_Key="k", If_Match="1"), 409, "stale_version")
    refused(owner.post(path, {"role": "root"}, Idempotency_Key="k"), 422, "invalid_field")
    refused(owner.post(f"{path}/x", MESSAGE, Idempotency_Key="k"), 404, "not_found")
    assert not RequestKey.objects.exists()
    answer(owner.post(path, MESSAGE, Idempotency_Key="k"), 201)


def test_a_key_belongs_to_its_project(owner: Persona, stranger: Persona) -> None:
    mine = answer(owner.post("/sessions", {}, Idempotency_Key="k"), 201)
    theirs = answer(stranger.post("/sessions", {}, Idempotency_Key="k"), 201)
    assert mine["id"] != theirs["id"]


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a\tb", "x" * 256])
def test_a_key_is_visible_ascii(owner: Persona, session: str, key: str) -> None:
    response = owner.post(f"{session}/messages", MESSAGE, Idempotency_Key=key)
    assert refused(response, 422, "invalid_field")["param"] == "Idempotency-Key"
    assert Message.objects.count() == 2


@pytest.mark.parametrize("key", ["!", "~", "x" * 255, "a/b?c=d&e#f"])
def test_any_visible_ascii_is_a_key(owner: Persona, session: str, key: str) -> None:
    first = owner.post(f"{session}/messages", MESSAGE, Idempotency_Key=key)
    again = owner.post(f"{session}/messages", MESSAGE, Idempotency_Key=key)
    assert answer(first, 201) == answer(again, 201)


def test_calls_that_are_no_post_ignore_the_key(owner: Persona, session: str) -> None:
    for title in ("one", "two"):
        changed = answer(owner.patch(session, {"title": title}, Idempotency_Key="k"))
        assert changed["title"] == title
    answer(owner.get(session, Idempotency_Key="not a key"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("path", "body"), [("/messages", MESSAGE), ("/end", None), ("", {})])
def test_of_requests_at_once_under_one_key_one_is_made(
    owner: Persona, session: str, path: str, body: Any
) -> None:
    before = counts()

    def send(_: int) -> tuple[int, bytes]:
        try:
            target = f"{session}{path}" if path else "/sessions"
            response = owner.post(target, body, Idempotency_Key="k")
        finally:
            connections.close_all()
        return response.status_code, response.content

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(send, range(8)))
    assert len(answers) == 1, answers
    assert answers.pop()[0] in (200, 201)
    assert sum(counts()) - sum(before) == (2 if not path else 1)
