from __future__ import annotations

from typing import Any

import pytest

from sessions_app.models import Message
from tests.personas import Persona, answer, refused

USER = {"role": "user", "content": "Move my flight."}


@pytest.fixture
def session(owner: Persona) -> str:
    return owner.opened()["id"]  # type: ignore[no-any-return]


def test_a_message_is_acknowledged_with_its_place(owner: Persona, session: str) -> None:
    done = answer(owner.post(f"/sessions/{session}/messages", USER), 201)
    (message,) = done["messages"]
    assert (done["version"], message["seq"], message["version"]) == (2, 1, 2)
    assert message["id"] == f"msg_{session.replace('-', '')}_1"
    assert done["budget"]["window"] == 128_000
    assert done["budget"]["used"] == message["tokens"] > 0
    assert done["notices"] == []


def test_a_batch_is_stored_all_or_nothing(owner: Persona, session: str) -> None:
    batch = {"messages": [USER, {"role": "assistant", "content": "Done."}]}
    done = answer(owner.post(f"/sessions/{session}/messages", batch), 201)
    assert [row["seq"] for row in done["messages"]] == [1, 2]
    batch["messages"].append({"role": "root", "content": "x"})
    error = refused(owner.post(f"/sessions/{session}/messages", batch), 422, "invalid_field")
    assert error["param"] == "messages[2].role"
    assert Message.objects.count() == 2


def test_at_most_five_hundred_messages_in_a_call(owner: Persona, session: str) -> None:
    path = f"/sessions/{session}/messages"
    error = refused(owner.post(path, {"messages": [USER] * 501}), 422, "too_long")
    assert error["param"] == "messages"
    assert len(answer(owner.post(path, {"messages": [USER] * 500}), 201)["messages"]) == 500


@pytest.mark.parametrize(
    ("payload", "code", "param"),
    [
        ([], "invalid_field", None),
        (None, "invalid_field", None),
        ("hello", "invalid_field", None),
        ({}, "invalid_field", "role"),
        ({"messages": []}, "invalid_field", "messages"),
        ({"messages": None}, "invalid_field", "messages"),
        ({"messages": {"role": "user"}}, "invalid_field", "messages"),
        ({"messages": [USER], "role": "user"}, "unknown_field", "role"),
        ({"messages": ["x"]}, "invalid_field", "messages[0]"),
        ({**USER, "colour": "red"}, "unknown_field", "colour"),
        ({"role": "user", "content": None}, "invalid_field", "content"),
        ({"role": "user"}, "invalid_field", "content"),
        ({**USER, "created_at": "yesterday"}, "invalid_field", "created_at"),
    ],
)
def test_what_is_no_message_is_refused_by_name(
    owner: Persona, session: str, payload: Any, code: str, param: str | None
) -> None:
    response = owner.post(f"/sessions/{session}/messages", payload)
    assert refused(response, 422, code)["param"] == param
    assert not Message.objects.exists()


def test_provider_messages_come_back_as_they_were(owner: Persona, session: str) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    given: list[dict[str, Any]] = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
        {"role": "user", "content": [{"type": "text", "text": "hello <|endoftext|>"}]},
    ]
    answer(owner.post(f"/sessions/{session}/messages", {"messages": given}), 201)
    shown = answer(owner.get(f"/sessions/{session}/messages"))["data"]
    for message, row in zip(given, shown, strict=True):
        assert {name: row[name] for name in message} == message


def test_a_full_session_says_how_full_it_is(owner: Persona) -> None:
    answer(owner.put("/policies/small", {"window": 300, "reserve": 50}))
    session = owner.opened(policy="small")["id"]
    done = owner.said(session, "word " * 200)
    assert done["budget"]["window"] == 300
    assert done["budget"]["level"] == round(done["budget"]["used"] / 250, 4)
