from __future__ import annotations

from typing import Any

import pytest

from tests.personas import Persona, answer, refused


def test_a_project_begins_with_a_default_policy(teammate: Persona) -> None:
    page = answer(teammate.get("/policies"))
    assert "default" in [row["name"] for row in page["data"]]
    assert page["next"] is None
    default = answer(teammate.get("/policies/default"))
    assert (default["version"], default["window"], default["reserve"]) == (1, 128_000, 8_000)


def test_a_policy_is_never_changed_in_place(owner: Persona) -> None:
    first = answer(owner.put("/policies/mine", {"window": 1_000, "reserve": 100}))
    assert first["version"] == 1
    second = answer(owner.put("/policies/mine", {"window": 2_000, "reserve": 100}))
    assert second["version"] == 2
    assert answer(owner.get("/policies/mine"))["window"] == 2_000
    assert answer(owner.get("/policies/mine?version=1"))["window"] == 1_000
    error = refused(owner.get("/policies/mine?version=3"), 404, "not_found")
    assert error["message"].startswith("There is no version 3 of the policy 'mine'")


def test_the_same_rules_make_no_new_version(owner: Persona) -> None:
    rules = {"window": 1_000, "reserve": 100}
    assert owner.put("/policies/mine", rules).content == owner.put("/policies/mine", rules).content


def test_a_session_keeps_the_version_it_was_opened_with(owner: Persona) -> None:
    owner.put("/policies/mine", {"window": 1_000, "reserve": 100})
    session = owner.opened(policy="mine")["id"]
    owner.put("/policies/mine", {"window": 2_000, "reserve": 100})
    assert answer(owner.get(f"/sessions/{session}"))["window"] == 1_000


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"windows": 1}, "unknown_field", "windows"),
        ({"window": "1000"}, "invalid_field", "window"),
        ({"window": True}, "invalid_field", "window"),
        ({"window": 1_000.0}, "invalid_field", "window"),
        ({"window": -1}, "number_out_of_range", "window"),
        ({"window": 300, "reserve": 300}, "invalid_field", "reserve"),
        ({"strategy": "magic"}, "invalid_field", "strategy"),
        ({"strategy": ["last_turns"]}, "invalid_field", "strategy"),
        ({"marks": [0.9, 0.8, 0.7]}, "invalid_field", "marks"),
        ([], "invalid_field", None),
        (None, "invalid_field", None),
    ],
)
def test_a_bad_value_names_its_field(
    owner: Persona, body: Any, code: str, param: str | None
) -> None:
    assert refused(owner.put("/policies/mine", body), 422, code)["param"] == param
    refused(owner.get("/policies/mine"), 404, "not_found")


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("x" * 65, 422, "too_long"),
        ("a%20b", 422, "invalid_field"),
        ("a%00b", 404, "not_found"),
        ("%D0%B0", 422, "invalid_field"),
        ("..", 422, "invalid_field"),
    ],
)
def test_a_name_is_plain(owner: Persona, name: str, status: int, code: str) -> None:
    refused(owner.put(f"/policies/{name}", {}), status, code)
    refused(owner.get(f"/policies/{name}"), 404, "not_found")


def test_only_an_admin_stores_a_policy(writer: Persona) -> None:
    assert refused(writer.put("/policies/mine", {}), 403, "forbidden")["scope"] == "admin"


def test_policies_of_another_project_are_not_seen(owner: Persona, stranger: Persona) -> None:
    answer(owner.put("/policies/mine", {"window": 1_000, "reserve": 100}))
    refused(stranger.get("/policies/mine"), 404, "not_found")
    assert "mine" not in [row["name"] for row in answer(stranger.get("/policies"))["data"]]
