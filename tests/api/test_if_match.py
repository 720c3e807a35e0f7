from __future__ import annotations

from typing import Any

import pytest

from tests.personas import Persona, answer, refused

CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/messages", {"role": "user", "content": "three"}),
    ("POST", "/context", {"append": {"role": "user", "content": "three"}}),
    ("POST", "/retract", {"from": 1}),
    ("POST", "/pins", {"seq": 1}),
    ("DELETE", "/pins/1", None),
    ("POST", "/fork", {"at": 2}),
    ("POST", "/end", None),
    ("POST", "/reopen", None),
    ("POST", "/restore", None),
    ("POST", "/lease", {"holder": "planner"}),
    ("PATCH", "", {"title": "x"}),
    ("DELETE", "", None),
    ("DELETE", "?purge=now", None),
]


@pytest.fixture
def session(owner: Persona) -> str:
    """At version 3."""
    made = owner.opened()["id"]
    owner.said(made, "one", "two")
    return f"/sessions/{made}"


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
@pytest.mark.parametrize(
    ("sent", "missed"), [("2", [3]), ('"1"', [2, 3]), ("0", [1, 2, 3]), ("4", []), ("9" * 18, [])]
)
def test_a_change_at_another_version_is_stale(
    owner: Persona, session: str, method: str, path: str, body: Any, sent: str, missed: list[int]
) -> None:
    before = answer(owner.get(session))
    error = refused(
        owner.call(method, f"{session}{path}", body, If_Match=sent), 409, "stale_version"
    )
    assert error["current_version"] == 3
    assert [entry["version"] for entry in error["missed"]] == missed
    assert answer(owner.get(session)) == before


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
@pytest.mark.parametrize("sent", ["3", '"3"', "*", " 3 "])
def test_a_change_at_this_version_is_made(
    owner: Persona, session: str, method: str, path: str, body: Any, sent: str
) -> None:
    response = owner.call(method, f"{session}{path}", body, If_Match=sent)
    assert response.status_code in (200, 201, 204), response.content


@pytest.mark.parametrize("sent", ["", "x", 'W/"3"', "3, 4", "-1", "3.0", "03", '"3', "9" * 19])
def test_a_version_is_written_as_one(owner: Persona, session: str, sent: str) -> None:
    for method, path, body in CHANGES:
        response = owner.call(method, f"{session}{path}", body, If_Match=sent)
        assert refused(response, 422, "invalid_field")["param"] == "If-Match"


def test_at_most_fifty_missed_entries_are_shown(owner: Persona, session: str) -> None:
    owner.said(session.removeprefix("/sessions/"), *["more"] * 60)
    error = refused(owner.post(f"{session}/end", None, If_Match="3"), 409, "stale_version")
    assert [entry["version"] for entry in error["missed"]] == list(range(4, 54))
