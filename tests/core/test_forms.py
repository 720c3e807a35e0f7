from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import forms, messages
from sessions_app.core.messages import Message
from tests.core import conversations as talk
from tests.core import provider_rules

Payload = dict[str, Any]
PAIRS = [(source, target) for source in talk.FORMS for target in talk.FORMS]


def kept(payloads: list[Payload]) -> list[Message]:
    """The payloads read, stored and loaded again."""
    return [
        messages.decode(found.role, found.form, messages.encode(found), found.created_at)
        for payload in payloads
        for found in messages.read(payload)
    ]


def sent(form: str, payloads: list[Payload], **more: Any) -> list[Payload]:
    return forms.render(form, kept(payloads), **more).messages


def without_nulls(payload: Payload) -> Payload:
    return {name: value for name, value in payload.items() if value is not None}


def meaning(payloads: list[Payload]) -> tuple[list[str], list[Any], list[Any]]:
    """What was said, called and answered, in order, whatever the form."""
    parts = [part for found in kept(payloads) for part in messages.parts(found)]
    said = [line for part in parts if part["type"] == "text" for line in [part["content"]]]
    calls = [
        (part["id"], part["name"], part["arguments"])
        for part in parts
        if part["type"] == "tool_call"
    ]
    answers = [
        (part["id"], answer_text(part["response"]))
        for part in parts
        if part["type"] == "tool_call_response"
    ]
    return said, calls, answers


def answer_text(response: Any) -> str:
    return (
        response if isinstance(response, str) else "\n".join(part["content"] for part in response)
    )


@given(st.data(), st.sampled_from(talk.FORMS))
def test_a_conversation_goes_back_to_its_provider_as_it_came(
    data: st.DataObject, form: str
) -> None:
    payloads = data.draw(talk.conversations(form))
    expected = [without_nulls(payload) for payload in payloads]
    if form == "anthropic":
        expected = talk.as_anthropic_sends(expected)
    assert sent(form, payloads) == expected


@given(st.data(), st.sampled_from(PAIRS))
def test_another_provider_gets_the_same_meaning(data: st.DataObject, pair: tuple[str, str]) -> None:
    source, target = pair
    payloads = data.draw(talk.conversations(source))
    said, calls, answers = meaning(payloads)
    said_there, calls_there, answers_there = meaning(sent(target, payloads))
    assert "".join(said_there).replace("\n", "") == "".join(said).replace("\n", "")
    assert calls_there == calls
    assert answers_there == answers


@given(st.data(), st.sampled_from(talk.FORMS))
def test_every_history_is_valid_for_every_provider(data: st.DataObject, target: str) -> None:
    """I7. Forms may change from turn to turn, as when an application changes its provider."""
    payloads: list[Payload] = []
    for turn in range(data.draw(st.integers(1, 4))):
        drawn = data.draw(talk.conversations(data.draw(st.sampled_from(talk.FORMS))))
        payloads += [renamed(payload, f"t{turn}_") for payload in drawn]
    if data.draw(st.booleans()):
        payloads.insert(0, {"role": "system", "content": "Be brief."})
    provider_rules.check(target, sent(target, payloads))


def renamed(value: Any, prefix: str) -> Any:
    """The same payload with the ids of its calls made unique by `prefix`."""
    if isinstance(value, list):
        return [renamed(entry, prefix) for entry in value]
    if not isinstance(value, dict):
        return value
    ids = ("id", "call_id", "tool_use_id", "tool_call_id")
    return {
        name: prefix + found
        if name in ids and isinstance(found, str)
        else renamed_in(name, found, prefix)
        for name, found in value.items()
    }


def renamed_in(name: str, found: Any, prefix: str) -> Any:
    return found if name in ("input", "function") else renamed(found, prefix)


@given(st.data(), st.sampled_from(talk.FORMS))
def test_a_result_that_came_late_moves_behind_its_call(data: st.DataObject, target: str) -> None:
    payloads = data.draw(talk.conversations("responses"))
    late = [item for item in payloads if item.get("type") == "function_call_output"]
    others = [item for item in payloads if item.get("type") != "function_call_output"]
    provider_rules.check(target, sent(target, others + late))


def test_our_own_fields_are_not_sent() -> None:
    about = {
        "author": "ann",
        "model": "gpt-5",
        "usage": {},
        "finish_reason": "stop",
        "latency_ms": 1.5,
        "error": "e",
        "context": "ctx",
        "created_at": "2026-01-01T00:00:00Z",
        "metadata": {"a": 1},
    }
    base = {"role": "assistant", "content": "Hi"}
    for form in talk.FORMS:
        assert sent(form, [{**base, **about}]) == [base]


def test_fields_a_provider_gives_but_does_not_take_are_not_sent() -> None:
    answer: Payload = {
        "role": "assistant",
        "content": "Hi",
        "refusal": None,
        "annotations": [],
        "reasoning_content": "hm",
        "audio": {"id": "a1", "data": "AAAA", "expires_at": 1, "transcript": "Hi"},
    }
    assert sent("openai", [answer]) == [
        {"role": "assistant", "content": "Hi", "audio": {"id": "a1"}}
    ]
    item = {"type": "shell_call_output", "call_id": "c", "output": [], "created_by": "x"}
    assert sent("responses", [item]) == [
        {"type": "shell_call_output", "call_id": "c", "output": []}
    ]


def test_an_error_of_an_item_is_the_providers_own() -> None:
    item = {
        "type": "mcp_call",
        "id": "m",
        "name": "f",
        "arguments": "{}",
        "server_label": "s",
        "error": "no",
    }
    assert sent("responses", [item]) == [item]


def test_the_system_text_stands_where_the_provider_wants_it() -> None:
    said = [{"role": "user", "content": "Hi"}]
    for form in ("openai", "responses"):
        found = forms.render(form, kept(said), system="Be brief.")
        assert found == forms.Rendered(None, [{"role": "system", "content": "Be brief."}, *said])
    assert forms.render("anthropic", kept(said), system="Be brief.") == forms.Rendered(
        "Be brief.", said
    )


@pytest.mark.parametrize("system", [None, "", " ", [], [{"type": "text", "text": " "}]])
@pytest.mark.parametrize("form", talk.FORMS)
def test_a_blank_system_text_is_not_sent(form: str, system: Any) -> None:
    assert forms.render(form, [], system=system) == forms.Rendered(None, [])


def test_system_blocks_keep_their_cache_marks_for_anthropic_only() -> None:
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    assert forms.render("anthropic", [], system=system).system == system
    plain = [{"type": "text", "text": "Be brief."}]
    assert forms.render("openai", [], system=system).messages[0]["content"] == plain


def test_leading_system_messages_join_the_system_text_of_anthropic() -> None:
    history = kept(
        [{"role": "developer", "content": "No jokes."}, {"role": "user", "content": "Hi"}]
    )
    found = forms.render("anthropic", history, system="Be brief.")
    assert found.system == "Be brief.\n\nNo jokes."
    assert found.messages == [{"role": "user", "content": "Hi"}]


def test_a_later_system_message_becomes_user_text_for_anthropic() -> None:
    payloads = [{"role": "user", "content": "Hi"}, {"role": "system", "content": "No jokes."}]
    [message] = sent("anthropic", payloads)
    assert message["content"] == [
        {"type": "text", "text": "Hi"},
        {"type": "text", "text": "<system>\nNo jokes.\n</system>"},
    ]


def test_blank_texts_are_never_sent_to_anthropic() -> None:
    payloads: list[Payload] = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": ""},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": " "}],
            "stop_reason": "end_turn",
        },
        {"role": "user", "content": "There?"},
    ]
    [message] = sent("anthropic", payloads)
    assert [block["text"] for block in message["content"]] == ["Hi", "There?"]


def test_a_thought_without_a_signature_is_not_sent() -> None:
    blocks: list[Payload] = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Yes."},
    ]
    assert sent("anthropic", [{"role": "assistant", "content": blocks}])[0]["content"] == blocks[1:]


def test_thoughts_of_another_form_are_dropped() -> None:
    thought: Payload = {
        "type": "reasoning",
        "id": "r",
        "summary": [{"type": "summary_text", "text": "hm"}],
    }
    assert sent("openai", [thought]) == []
    assert sent("anthropic", [thought]) == []
    assert sent("responses", [thought]) == [thought]


def test_parallel_items_are_one_assistant_message_for_openai() -> None:
    items: list[Payload] = [
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "message", "role": "assistant", "content": "One more."},
        {"type": "function_call", "call_id": "b", "name": "g", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "b", "output": "2"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
    ]
    found = sent("openai", items)
    assert [message["role"] for message in found] == ["assistant", "tool", "tool"]
    assert found[0]["content"] == "One more."
    assert [call["id"] for call in found[0]["tool_calls"]] == ["a", "b"]


def test_arguments_go_from_text_to_text_unchanged() -> None:
    text = '{"n": 123456789012345678901, "a" :1}'
    item = {"type": "function_call", "call_id": "a", "name": "f", "arguments": text}
    assert sent("openai", [item])[0]["tool_calls"][0]["function"]["arguments"] == text
    assert sent("anthropic", [item])[0]["content"][0]["input"] == {"arguments": text}


def test_a_custom_call_keeps_its_free_text() -> None:
    call = {"id": "c", "type": "custom", "custom": {"name": "sql", "input": "1"}}
    payloads = [{"role": "assistant", "tool_calls": [call]}]
    assert sent("openai", payloads)[0]["tool_calls"] == [call]
    assert sent("responses", payloads) == [
        {"type": "custom_tool_call", "call_id": "c", "name": "sql", "input": "1"}
    ]


def test_an_image_goes_to_every_provider_and_never_as_text() -> None:
    address = "data:image/png;base64,AAAA"
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": address}}]}
    assert sent("responses", [image])[0]["content"][0]["image_url"] == address
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    assert sent("anthropic", [image])[0]["content"] == [{"type": "image", "source": source}]


def test_an_image_in_a_tool_result_is_only_named_to_openai() -> None:
    block = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
    }
    result = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    [message] = sent("openai", [{"role": "user", "content": [result]}])
    assert message == {"role": "tool", "tool_call_id": "t", "content": "[image: image/png]"}
    [item] = sent("responses", [{"role": "user", "content": [result]}])
    assert item["output"][0]["image_url"] == "data:image/png;base64,AAAA"


def test_file_ids_do_not_cross_to_another_provider() -> None:
    file = {"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]}
    assert sent("openai", [file])[0]["content"] == [{"type": "file", "file": {"file_id": "file_1"}}]
    assert sent("anthropic", [file]) == [
        {"role": "user", "content": [{"type": "text", "text": "[file: file_1]"}]}
    ]


def test_what_only_its_provider_knows_goes_elsewhere_as_json() -> None:
    part = {"type": "hologram", "depth": 3}
    assert sent("anthropic", [{"role": "user", "content": [part]}])[0]["content"] == [
        {"type": "text", "text": '{"type":"hologram","depth":3}'}
    ]


FUNCTION = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}
TOOLS = {
    "openai": {"type": "function", "function": FUNCTION},
    "anthropic": {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}},
    "responses": {"type": "function", **FUNCTION},
}


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_tools_are_written_for_the_provider(source: str, target: str) -> None:
    [found] = forms.tools(target, [TOOLS[source]])
    if target == "responses" and source != target:
        assert found.pop("strict") is False
    assert found == TOOLS[target]


def test_tools_nobody_else_knows_stay_as_they_are() -> None:
    tools = [{"type": "web_search"}, {"type": "computer_20250124", "name": "computer"}, "look"]
    for form in talk.FORMS:
        assert forms.tools(form, tools) == tools
