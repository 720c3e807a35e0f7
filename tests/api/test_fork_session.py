from __future__ import annotations

import pytest

from tests.personas import Persona, answer, refused


@pytest.fixture
def session(owner: Persona) -> str:
    made = owner.opened(title="Trunk", user="alice", tags=["a"])
    owner.said(made["id"], "one", "two", "three")
    return f"/sessions/{made['id']}"


def test_a_fork_begins_with_everything_up_to_a_version(owner: Persona, session: str) -> None:
    made = answer(owner.post(f"{session}/fork", {"at": 3, "key": "branch"}), 201)
    assert made["forked_from"] == session.removeprefix("/sessions/")
    assert (made["messages"], made["version"], made["key"]) == (2, 4, "branch")
    assert (made["user"], made["title"], made["tags"]) == ("alice", "Trunk", ["a"])
    branch, trunk = (
        answer(owner.get(f"{path}/messages"))["data"]
        for path in (f"/sessions/{made['id']}", session)
    )
    assert [row["content"] for row in branch] == ["one", "two"]
    assert [row["created_at"] for row in branch] == [row["created_at"] for row in trunk[:2]]


def test_the_same_fork_under_the_same_key_is_there_already(owner: Persona, session: str) -> None:
    made = answer(owner.post(f"{session}/fork", {"at": 3, "key": "branch"}), 201)
    again = answer(owner.post(f"{session}/fork", {"at": 3, "key": "branch"}), 200)
    assert again["id"] == made["id"]
    other = owner.post(f"{session}/fork", {"at": 2, "key": "branch"})
    assert refused(other, 422, "invalid_field")["param"] == "key"


def test_a_version_beyond_the_head_is_not_found(owner: Persona, session: str) -> None:
    error = refused(owner.post(f"{session}/fork", {"at": 9}), 422, "version_not_found")
    assert (error["param"], error["current_version"]) == ("at", 4)


@pytest.mark.parametrize("at", [0, -1, "1", True, 1.0, None, [1]])
def test_a_version_is_a_whole_number(owner: Persona, session: str, at: object) -> None:
    error = refused(owner.post(f"{session}/fork", {"at": at}), 422, "invalid_field")
    assert error["param"] == "at"
