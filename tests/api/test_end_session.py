from __future__ import annotations

import pytest

from tests.personas import Persona, answer, refused


@pytest.fixture
def session(owner: Persona) -> str:
    return f"/sessions/{owner.opened()['id']}"


def test_an_ended_session_takes_no_messages(owner: Persona, session: str) -> None:
    ended = answer(owner.post(f"{session}/end"))
    assert (ended["status"], ended["version"]) == ("ended", 2)
    message = {"role": "user", "content": "x"}
    error = refused(owner.post(f"{session}/messages", message), 409, "session_ended")
    assert error["status"] == "ended"


def test_a_reopened_session_takes_messages_again(owner: Persona, session: str) -> None:
    owner.post(f"{session}/end")
    assert answer(owner.post(f"{session}/reopen"))["status"] == "active"
    owner.said(session.removeprefix("/sessions/"), "hello")


def test_ending_twice_changes_nothing(owner: Persona, session: str) -> None:
    first = owner.post(f"{session}/end", {})
    assert owner.post(f"{session}/end").content == first.content


def test_an_end_takes_no_fields(owner: Persona, session: str) -> None:
    refused(owner.post(f"{session}/end", {"reason": "x"}), 422, "unknown_field")
    refused(owner.post(f"{session}/end", []), 422, "invalid_field")
