"""Contexts that were kept: shown, proved, scoped; and nothing else changes by keeping them."""

from __future__ import annotations

from typing import Any

import pytest

from memory_app.models import ContextRecord
from tests.personas import Persona, answer, refused


@pytest.fixture
def session(owner: Persona) -> str:
    made = owner.opened(system="Be kind.")["id"]
    owner.said(made, "one", "two")
    return f"/sessions/{made}"


def kept(owner: Persona, session: str, query: str = "") -> Any:
    return answer(owner.get(f"{session}/context?record=true{query}"))


# -- sad paths ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["0" * 32, "x", "1", "0" * 36, "ü" * 32])
def test_a_context_that_was_not_kept_is_not_found(owner: Persona, session: str, name: str) -> None:
    refused(owner.get(f"/contexts/{name}"), 404, "not_found")


def test_a_context_is_not_kept_unless_that_is_asked(owner: Persona, session: str) -> None:
    for query in ("", "?record=false"):
        built = answer(owner.get(f"{session}/context{query}"))
        refused(owner.get(f"/contexts/{built['id']}"), 404, "not_found")
    built = answer(owner.post(f"{session}/context", {"record": False}))
    refused(owner.get(f"/contexts/{built['id']}"), 404, "not_found")


def test_a_context_of_another_project_is_not_found(
    owner: Persona, stranger: Persona, session: str
) -> None:
    refused(stranger.get(f"/contexts/{kept(owner, session)['id']}"), 404, "not_found")


def test_who_may_only_read_keeps_nothing_and_reads_what_was_kept(
    owner: Persona, teammate: Persona, session: str
) -> None:
    refused(teammate.get(f"{session}/context?record=true"), 403, "forbidden")
    refused(teammate.post(f"{session}/context", {"record": True}), 403, "forbidden")
    assert not ContextRecord.objects.exists()
    assert answer(teammate.get(f"/contexts/{kept(owner, session)['id']}"))["proved"]


def test_a_context_that_cannot_be_built_is_not_kept(owner: Persona, session: str) -> None:
    refused(owner.get(f"{session}/context?record=true&tokens=1"), 422, "budget_too_small")
    body = {"append": {"role": "user", "content": "three"}, "record": True, "tokens": 1}
    refused(owner.post(f"{session}/context", body), 422, "budget_too_small")
    assert not ContextRecord.objects.exists()


def test_a_deleted_session_hides_its_contexts_and_a_purge_takes_them_along(
    owner: Persona, session: str
) -> None:
    record = kept(owner, session)["id"]
    assert owner.delete(session).status_code == 204
    refused(owner.get(f"/contexts/{record}"), 410, "session_deleted")
    answer(owner.post(f"{session}/restore"))
    assert answer(owner.get(f"/contexts/{record}"))["proved"]
    counts = answer(owner.delete(f"{session}?purge=now"))["counts"]
    assert counts["contexts"] == 1
    refused(owner.get(f"/contexts/{record}"), 404, "not_found")


# -- what is kept -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["openai", "anthropic", "responses"])
def test_a_kept_context_is_built_again_to_the_byte(owner: Persona, session: str, form: str) -> None:
    built = kept(owner, session, f"&format={form}&tokens=8000&query=two")
    owner.said(session.removeprefix("/sessions/"), "three", "four")
    answer(owner.post(f"{session}/retract", {"from": 1, "to": 2}))
    shown = answer(owner.get(f"/contexts/{built['id']}"))
    assert (shown["kind"], shown["proved"], shown["differs"]) == ("built", True, [])
    same = ("id", "version", "format", "policy", "budget", "tokens", "parts", "digest", "messages")
    assert {name: shown[name] for name in same} == {name: built[name] for name in same}
    assert shown["query"] == "two"


def test_a_policy_that_changed_since_changes_no_kept_context(owner: Persona, session: str) -> None:
    answer(owner.put("/policies/own", {"window": 4_000, "reserve": 10, "turns": 9}))
    built = kept(owner, session, "&policy=own")
    answer(owner.put("/policies/own", {"window": 2_000, "reserve": 10, "turns": 1}))
    newer = kept(owner, session, "&policy=own")
    for context, version in ((built, 1), (newer, 2)):
        shown = answer(owner.get(f"/contexts/{context['id']}"))
        assert (shown["policy"]["version"], shown["proved"]) == (version, True)


def test_keeping_a_context_changes_nothing_of_its_session(owner: Persona, session: str) -> None:
    before = answer(owner.get(session))
    kept(owner, session)
    answer(owner.post(f"{session}/context", {"record": True}))
    assert answer(owner.get(session)) == before


def test_what_was_appended_with_a_context_is_in_the_kept_one(owner: Persona, session: str) -> None:
    body = {"append": {"role": "user", "content": "three"}, "record": True}
    built = answer(owner.post(f"{session}/context", body, Idempotency_Key="k"))
    again = answer(owner.post(f"{session}/context", body, Idempotency_Key="k"))
    assert again == built
    shown = answer(owner.get(f"/contexts/{built['id']}"))
    assert (shown["proved"], shown["version"]) == (True, 4)
    assert ContextRecord.objects.count() == 1


def test_a_repeated_request_keeps_one_context(owner: Persona, session: str) -> None:
    body = {"record": True, "tokens": 900}
    first = answer(owner.post(f"{session}/context", body, Idempotency_Key="k"))
    owner.said(session.removeprefix("/sessions/"), "three")
    assert answer(owner.post(f"{session}/context", body, Idempotency_Key="k")) == first
    other = {**body, "tokens": 901}
    refused(
        owner.post(f"{session}/context", other, Idempotency_Key="k"), 422, "idempotency_mismatch"
    )
    assert ContextRecord.objects.count() == 1


def test_a_context_names_the_messages_that_answer_it(owner: Persona, session: str) -> None:
    record, other = (kept(owner, session)["id"] for _ in range(2))
    path = f"{session}/messages"
    answer(owner.post(path, {"role": "assistant", "content": "a", "context": other}), 201)
    answer(owner.post(path, {"role": "assistant", "content": "b", "context": record}), 201)
    answer(owner.post(path, {"role": "user", "content": f'"context" {record}'}), 201)
    answer(owner.post(path, {"role": "assistant", "content": "c", "context": "unknown"}), 201)
    assert answer(owner.get(f"/contexts/{record}"))["answered_by"] == [4]
    assert answer(owner.get(f"/contexts/{other}"))["answered_by"] == [3]


def test_a_fork_begins_without_the_contexts_of_its_parent(owner: Persona, session: str) -> None:
    kept(owner, session)
    fork = answer(owner.post(f"{session}/fork", {"at": 2}), 201)
    assert not ContextRecord.objects.filter(session__id=fork["id"]).exists()


# -- what other code sent -------------------------------------------------------------------------

SENT = [{"role": "user", "content": "one"}, {"role": "user", "content": "three of them"}]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "invalid_field", "messages"),
        ({"messages": []}, "invalid_field", "messages"),
        ({"messages": {}}, "invalid_field", "messages"),
        ({"messages": "one"}, "invalid_field", "messages"),
        ({"messages": None}, "invalid_field", "messages"),
        ({"messages": [1]}, "invalid_field", "messages[0]"),
        ({"messages": [{"role": "root", "content": "x"}]}, "invalid_field", "messages[0].role"),
        ({"messages": SENT, "model": 1}, "invalid_field", "model"),
        ({"messages": SENT, "model": "x" * 256}, "too_long", "model"),
        ({"messages": SENT, "query": "x" * 513}, "too_long", "query"),
        ({"messages": SENT, "tokens": 1}, "unknown_field", "tokens"),
        ({"messages": SENT * 251}, "too_long", "messages"),
        ({"messages": [{**SENT[0], "x": 1}]}, "unknown_field", "messages[0].x"),
    ],
)
def test_a_bad_account_of_what_was_sent_is_refused(
    owner: Persona, session: str, body: Any, code: str, param: str
) -> None:
    assert refused(owner.post(f"{session}/contexts", body), 422, code)["param"] == param
    assert not ContextRecord.objects.exists()


def test_what_was_sent_is_kept_with_how_it_stands_to_the_log(owner: Persona, session: str) -> None:
    before = answer(owner.get(session))
    body = {"messages": SENT, "model": "small", "query": "How many?"}
    made = answer(owner.post(f"{session}/contexts", body), 201)
    assert made["counts"] == {"there": 1, "altered": 0, "absent": 1, "foreign": 1}
    assert (made["there"], made["absent"]) == ([[0, 1, 1]], [[2, 2]])
    assert made["foreign"] == [{"index": 1, "text": "three of them"}]
    assert (made["kind"], made["model"], made["version"]) == ("observed", "small", 3)
    message = {"role": "assistant", "content": "x", "context": made["id"]}
    assert answer(owner.get(session)) == before
    answer(owner.post(f"{session}/messages", message), 201)
    shown = answer(owner.get(f"/contexts/{made['id']}"))
    assert shown["answered_by"] == [3]
    same = made.keys() - {"durable", "durable_by", "answered_by"}
    assert {name: shown[name] for name in same} == {name: made[name] for name in same}


def test_what_was_sent_is_kept_once_a_key(owner: Persona, session: str) -> None:
    path, body = f"{session}/contexts", {"messages": SENT}
    first = answer(owner.post(path, body, Idempotency_Key="k"), 201)
    assert answer(owner.post(path, body, Idempotency_Key="k"), 201) == first
    refused(
        owner.post(path, {"messages": SENT[:1]}, Idempotency_Key="k"), 422, "idempotency_mismatch"
    )
    assert ContextRecord.objects.count() == 1


def test_what_was_sent_as_of_another_version_is_refused(owner: Persona, session: str) -> None:
    refused(
        owner.post(f"{session}/contexts", {"messages": SENT}, If_Match="2"), 409, "stale_version"
    )
    answer(owner.post(f"{session}/contexts", {"messages": SENT}, If_Match="3"), 201)


def test_a_built_context_that_was_sent_has_the_same_digest(owner: Persona, session: str) -> None:
    built = answer(owner.get(f"{session}/context"))
    made = answer(owner.post(f"{session}/contexts", {"messages": built["messages"]}), 201)
    assert (made["digest"], made["ours"]) == (built["digest"], [0])
    assert made["counts"] == {"there": 2, "altered": 0, "absent": 0, "foreign": 0}


def test_a_deleted_session_keeps_no_more_contexts(owner: Persona, session: str) -> None:
    assert owner.delete(session).status_code == 204
    refused(owner.post(f"{session}/contexts", {"messages": SENT}), 410, "session_deleted")
    refused(owner.get(f"{session}/context?record=true"), 410, "session_deleted")
