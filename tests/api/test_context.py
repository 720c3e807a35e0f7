from __future__ import annotations

from typing import Any

import pytest

from sessions_app.models import Message
from tests.personas import Persona, answer, refused

FIELDS = {
    *("id", "session", "version", "messages", "tokens", "budget", "parts", "left_out"),
    *("near_misses", "stable_prefix_tokens", "mode", "notices", "digest", "took_ms"),
}


@pytest.fixture
def session(owner: Persona) -> str:
    made = owner.opened(system="Be kind.")["id"]
    owner.said(made, "one", "two")
    return f"/sessions/{made}"


def test_a_context_accounts_for_every_token(owner: Persona, session: str) -> None:
    built = answer(owner.get(f"{session}/context?tokens=8000"))
    assert built.keys() >= FIELDS
    budget = built["budget"]
    assert budget["limit"] == 8_000
    assert budget["used"] + budget["free"] == budget["limit"]
    assert built["tokens"] == budget["used"] == sum(part["tokens"] for part in built["parts"])
    assert built["messages"][0] == {"role": "system", "content": "Be kind."}
    assert (built["version"], built["session"]) == (3, session.removeprefix("/sessions/"))


def test_reading_a_context_changes_nothing(owner: Persona, session: str) -> None:
    before = answer(owner.get(session))
    answer(owner.get(f"{session}/context"))
    answer(owner.post(f"{session}/context", {}))
    assert answer(owner.get(session)) == before


def test_a_context_as_of_a_version_is_the_same_for_ever(owner: Persona, session: str) -> None:
    now = answer(owner.get(f"{session}/context"))
    owner.said(session.removeprefix("/sessions/"), "three")
    then = answer(owner.get(f"{session}/context?at=3"))
    assert (then["digest"], then["messages"]) == (now["digest"], now["messages"])
    assert answer(owner.get(f"{session}/context"))["digest"] != now["digest"]


def test_a_context_is_written_for_a_provider(owner: Persona, session: str) -> None:
    built = answer(owner.get(f"{session}/context?format=anthropic"))
    assert (built["format"], built["system"]) == ("anthropic", "Be kind.")
    assert all(message["role"] != "system" for message in built["messages"])


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("tokens=0", "invalid_field", "tokens"),
        ("tokens=-1", "invalid_field", "tokens"),
        ("tokens=1.0", "invalid_field", "tokens"),
        (f"tokens={2**64}", "invalid_field", "tokens"),
        ("tokens=1", "budget_too_small", "tokens"),
        ("format=xml", "invalid_field", "format"),
        ("at=99", "version_not_found", "at"),
        ("at=0", "invalid_field", "at"),
        ("policy=none", "invalid_field", "policy"),
        ("record=yes", "invalid_field", "record"),
        ("budget=1", "unknown_filter", "budget"),
        (f"query={'x' * 513}", "too_long", "query"),
    ],
)
def test_a_bad_parameter_is_named(
    owner: Persona, session: str, query: str, code: str, param: str
) -> None:
    assert refused(owner.get(f"{session}/context?{query}"), 422, code)["param"] == param


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("tokens", 0, "invalid_field"),
        ("tokens", -1, "invalid_field"),
        ("tokens", "1", "invalid_field"),
        ("tokens", True, "invalid_field"),
        ("tokens", 1.0, "invalid_field"),
        ("tokens", [], "invalid_field"),
        ("tokens", 1, "budget_too_small"),
        ("format", "xml", "invalid_field"),
        ("at", "1", "invalid_field"),
        ("record", "true", "invalid_field"),
        ("record", 1, "invalid_field"),
        ("budget", 1, "unknown_field"),
        ("append", {"role": "root", "content": "x"}, "invalid_field"),
        ("append", [], "invalid_field"),
        ("append", "hello", "invalid_field"),
    ],
)
def test_a_bad_field_is_refused(
    owner: Persona, session: str, field: str, value: Any, code: str
) -> None:
    refused(owner.post(f"{session}/context", {field: value}), 422, code)
    assert Message.objects.count() == 2


def test_a_budget_too_small_names_the_least_that_would_do(owner: Persona, session: str) -> None:
    error = refused(owner.get(f"{session}/context?tokens=1"), 422, "budget_too_small")
    answer(owner.get(f"{session}/context?tokens={error['least']}"))
    refused(owner.get(f"{session}/context?tokens={error['least'] - 1}"), 422, "budget_too_small")


def test_a_budget_above_the_window_is_clamped_to_it(owner: Persona, session: str) -> None:
    limit = answer(owner.get(f"{session}/context?tokens={10**12}"))["budget"]["limit"]
    assert limit == 128_000


@pytest.mark.parametrize("many", [False, True])
def test_what_is_appended_is_in_the_context_of_the_same_call(
    owner: Persona, session: str, many: bool
) -> None:
    message = {"role": "user", "content": "three"}
    built = answer(owner.post(f"{session}/context", {"append": [message] if many else message}))
    assert (built["version"], built["messages"][-1]) == (4, message)
    assert built["appended"]["messages"][0]["seq"] == 3


def test_an_append_with_a_context_is_stored_once_per_key(owner: Persona, session: str) -> None:
    body = {"append": {"role": "user", "content": "three"}}
    first = answer(owner.post(f"{session}/context", body, Idempotency_Key="k"))
    owner.said(session.removeprefix("/sessions/"), "four")
    again = answer(owner.post(f"{session}/context", body, Idempotency_Key="k"))
    assert again == first
    assert Message.objects.count() == 4


def test_an_append_with_a_context_needs_its_version_and_the_right_to_write(
    owner: Persona, teammate: Persona, session: str
) -> None:
    body = {"append": {"role": "user", "content": "three"}}
    refused(owner.post(f"{session}/context", body, If_Match="2"), 409, "stale_version")
    refused(teammate.post(f"{session}/context", body), 403, "forbidden")
    answer(teammate.post(f"{session}/context", {"tokens": 100}))
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"tokens": 1}, "budget_too_small"),
        ({"policy": "missing"}, "invalid_field"),
        ({"at": 99}, "version_not_found"),
    ],
)
def test_an_append_whose_context_is_refused_stores_nothing_and_leaves_its_key_free(
    owner: Persona, session: str, asked: dict[str, Any], code: str
) -> None:
    body = {"append": {"role": "user", "content": "three"}}
    before = answer(owner.get(session))
    refused(owner.post(f"{session}/context", {**body, **asked}, Idempotency_Key="k"), 422, code)
    assert answer(owner.get(session))["head"] == before["head"]
    built = answer(owner.post(f"{session}/context", body, Idempotency_Key="k"))
    assert (built["version"], Message.objects.count()) == (4, 3)


def test_the_least_that_an_append_needs_counts_what_is_appended(
    owner: Persona, session: str
) -> None:
    body = {"append": {"role": "user", "content": "three " * 40}}
    error = refused(
        owner.post(f"{session}/context", {**body, "tokens": 9}), 422, "budget_too_small"
    )
    built = answer(owner.post(f"{session}/context", {**body, "tokens": error["least"]}))
    assert [message["content"] for message in built["messages"][1:]] == ["three " * 40]
