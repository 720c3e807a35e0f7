"""What each provider refuses, as checks that raise AssertionError with the place."""

from __future__ import annotations

import re
from typing import Any

ANTHROPIC_ID = re.compile(r"[a-zA-Z0-9_-]+")
Sent = list[dict[str, Any]]

OUTPUTS = ("function_call_output", "custom_tool_call_output")
CALLS = ("function_call", "custom_tool_call")


def check(form: str, messages: Sent) -> None:
    """Raise AssertionError where the provider of `form` would refuse `messages`."""
    {"openai": openai, "anthropic": anthropic, "responses": responses}[form](messages)


def openai(messages: Sent) -> None:
    """Each call is answered once directly behind its message, and each answer has its call."""
    waiting: list[str] = []
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            assert message["tool_call_id"] in waiting, f"{place}: no call for this result"
            waiting.remove(message["tool_call_id"])
            continue
        assert not waiting, f"{place}: {waiting} not answered"
        waiting = [call["id"] for call in message.get("tool_calls", ())]
        assert len(set(waiting)) == len(waiting), f"{place}: a call id twice"
        assert message.get("tool_calls") != [], f"{place}: an empty list of calls"
        said = message.get("content") is not None
        assert said or message["role"] == "assistant", f"{place}: no content"
        assert said or waiting or "refusal" in message, f"{place}: nothing in it"
    assert not waiting, f"end: {waiting} not answered"


def anthropic(messages: Sent) -> None:
    """Roles alternate, nothing is empty, and a user message opens with exactly the results of the
    calls of the message before."""
    before: dict[str, Any] | None = None
    used: list[str] = []
    for place, message in enumerate(messages):
        assert message.keys() == {"role", "content"}, f"{place}: {sorted(message)}"
        assert message["role"] in ("user", "assistant"), f"{place}: {message['role']}"
        assert before is None or before["role"] != message["role"], f"{place}: same role twice"
        _check_blocks(place, message)
        called = _ids(before, "tool_use", "id")
        answered = _ids(message, "tool_result", "tool_use_id")
        assert sorted(called) == sorted(answered), f"{place}: {called} answered by {answered}"
        used += _ids(message, "tool_use", "id")
        before = message
    assert not _ids(before, "tool_use", "id"), "end: calls not answered"
    assert len(set(used)) == len(used), f"a call id twice: {used}"
    assert all(ANTHROPIC_ID.fullmatch(id_) for id_ in used), f"a call id is malformed: {used}"


def _check_blocks(place: int, message: dict[str, Any]) -> None:
    content = message["content"]
    assert content, f"{place}: no content"
    if isinstance(content, str):
        assert content.strip(), f"{place}: blank content"
        return
    kinds = [block["type"] for block in content]
    results = kinds.count("tool_result")
    assert kinds[:results] == ["tool_result"] * results, f"{place}: results not first"
    for block in content:
        assert block["type"] != "text" or block["text"].strip(), f"{place}: blank text"
        assert block["type"] != "thinking" or block["signature"], f"{place}: no signature"
        assert block["type"] != "tool_use" or isinstance(block["input"], dict), f"{place}: input"


def _ids(message: dict[str, Any] | None, kind: str, name: str) -> list[str]:
    if message is None or isinstance(message["content"], str):
        return []
    return [block[name] for block in message["content"] if block["type"] == kind]


def responses(items: Sent) -> None:
    """Each call has one later output, before the next message, and each output has its call."""
    waiting: list[str] = []
    for place, item in enumerate(items):
        kind = item.get("type", "message")
        if kind == "message":
            assert not waiting, f"{place}: {waiting} not answered"
            assert item["role"] in ("system", "developer", "user", "assistant"), f"{place}: role"
            assert item["content"] is not None, f"{place}: no content"
        elif kind in CALLS:
            assert item["call_id"] not in waiting, f"{place}: a call id twice"
            waiting.append(item["call_id"])
        elif kind in OUTPUTS:
            assert item["call_id"] in waiting, f"{place}: no call for this result"
            waiting.remove(item["call_id"])
    assert not waiting, f"end: {waiting} not answered"
