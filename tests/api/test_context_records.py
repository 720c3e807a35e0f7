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
