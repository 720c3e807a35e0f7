from __future__ import annotations

import uuid

import pytest

from sessions_app.models import Session
from tests.personas import Persona, answer, refused

FIELDS = {
    *("id", "key", "user", "title", "system", "tools", "policy", "status", "version", "messages"),
    *("turns", "tokens", "active_tokens", "window", "level", "compressions", "facts"),
    *("created_at", "last_activity_at", "metadata", "tags", "mode", "head"),
}


def test_a_session_is_opened_with_all_it_was_given(owner: Persona) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {}}}
    given = {
        "key": "support-42",
        "user": "alice",
        "title": "Flight",
        "system": "Be kind.",
        "tools": [tool],
        "metadata": {"plan": "gold", "n": 2**63},
        "tags": ["vip", "travel"],
    }
    made = owner.opened(**given)
    assert {name: made[name] for name in given} == given
    assert made.keys() >= FIELDS
    assert (made["version"], made["messages"], made["status"]) == (1, 0, "active")
    assert uuid.UUID(made["id"]).version == 7


def test_a_session_needs_nothing_at_all(owner: Persona) -> None:
    made = answer(owner.call("POST", "/sessions"), 201)
    assert (made["key"], made["user"], made["title"], made["policy"]) == (None, None, "", "default")


def test_null_fields_are_as_if_not_sent(owner: Persona) -> None:
    names = ("key", "user", "title", "system", "tools", "policy", "metadata", "tags")
    assert owner.opened(**dict.fromkeys(names))["key"] is None


def test_a_known_key_gives_the_stored_session_and_ignores_the_rest(owner: Persona) -> None:
    made = owner.opened(key="k", user="alice", title="One")
    again = answer(owner.post("/sessions", {"key": "k", "title": "Two"}), 200)
    assert (again["id"], again["title"], again["version"]) == (made["id"], "One", 1)
    assert again["system"] is None


def test_a_known_key_of_another_user_is_refused(owner: Persona) -> None:
    owner.opened(key="k", user="alice")
    error = refused(owner.post("/sessions", {"key": "k", "user": "bob"}), 409, "user_mismatch")
    assert error["param"] == "user"


def test_a_key_of_a_deleted_session_is_gone_until_it_is_purged(owner: Persona) -> None:
    made = owner.opened(key="k")
    owner.delete(f"/sessions/{made['id']}")
    refused(owner.post("/sessions", {"key": "k"}), 410, "session_deleted")
    owner.delete(f"/sessions/{made['id']}?purge=now")
    assert owner.opened(key="k")["id"] != made["id"]


def test_the_same_key_in_another_project_is_another_session(
    owner: Persona, stranger: Persona
) -> None:
    assert owner.opened(key="k")["id"] != stranger.opened(key="k")["id"]


def test_an_unknown_policy_is_named(owner: Persona) -> None:
    error = refused(owner.post("/sessions", {"policy": "none such"}), 422, "invalid_field")
    assert error["param"] == "policy"
    assert not Session.everything.exists()


@pytest.mark.parametrize("key", ["a", "x" * 255, "é💡", "e\u0301", " blank "])
def test_a_key_is_kept_to_the_letter(owner: Persona, key: str) -> None:
    assert owner.opened(key=key)["key"] == key
