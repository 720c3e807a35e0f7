from __future__ import annotations

import pytest

from tests.personas import Persona, answer, refused


@pytest.fixture
def session(owner: Persona) -> str:
    made = owner.opened(
        title="Old", system="Be kind.", tools=[{"name": "t"}], metadata={"a": 1}, tags=["x"]
    )
    return f"/sessions/{made['id']}"


def test_only_what_is_named_changes(owner: Persona, session: str) -> None:
    before = answer(owner.get(session))
    after = answer(owner.patch(session, {"title": "New"}))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"title", "version", "head"}
    assert after["version"] == 2


def test_system_and_tools_change_one_without_the_other(owner: Persona, session: str) -> None:
    one = answer(owner.patch(session, {"system": "Be brief."}))
    assert (one["system"], one["tools"]) == ("Be brief.", [{"name": "t"}])
    other = answer(owner.patch(session, {"tools": []}))
    assert (other["system"], other["tools"]) == ("Be brief.", [])
    assert other["active_tokens"] < one["active_tokens"]


@pytest.mark.parametrize(
    ("name", "empty"),
    [("title", ""), ("system", None), ("tools", []), ("metadata", {}), ("tags", [])],
)
def test_null_clears(owner: Persona, session: str, name: str, empty: object) -> None:
    assert answer(owner.patch(session, {name: None}))[name] == empty


def test_metadata_and_tags_are_replaced_as_a_whole(owner: Persona, session: str) -> None:
    after = answer(owner.patch(session, {"metadata": {"b": True}, "tags": ["y"]}))
    assert (after["metadata"], after["tags"]) == ({"b": True}, ["y"])
    assert answer(owner.get("/sessions?tag=x"))["data"] == []


def test_nothing_new_is_no_event(owner: Persona, session: str) -> None:
    same = {"title": "Old", "system": "Be kind.", "tags": ["x"], "metadata": {"a": 1}}
    assert answer(owner.patch(session, same))["version"] == 1
    assert answer(owner.patch(session, {}))["version"] == 1


def test_true_is_not_the_same_metadata_as_one(owner: Persona, session: str) -> None:
    after = answer(owner.patch(session, {"metadata": {"a": True}}))
    assert (after["version"], after["metadata"]) == (2, {"a": True})


def test_a_policy_is_changed_by_name(owner: Persona, session: str) -> None:
    assert answer(owner.patch(session, {"policy": "token_trim"}))["policy"] == "token_trim"
    error = refused(owner.patch(session, {"policy": "none"}), 422, "invalid_field")
    assert error["param"] == "policy"


@pytest.mark.parametrize("name", ["key", "user", "status", "version", "id"])
def test_what_cannot_be_changed_is_refused(owner: Persona, session: str, name: str) -> None:
    assert refused(owner.patch(session, {name: "x"}), 422, "unknown_field")["param"] == name
