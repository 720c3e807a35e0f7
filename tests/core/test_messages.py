from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import errors, forms, messages, tokens
from sessions_app.core.messages import Limits, Message

CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"x": 1}'}}


def one(payload: object, **more: Any) -> Message:
    [message] = messages.read(payload, **more)
    return message


def refused(payload: object, path: str = "messages[2]") -> errors.InvalidRequest:
    with pytest.raises(errors.InvalidRequest) as caught:
        messages.read(payload, path=path)
    return caught.value


def test_a_plain_message_keeps_its_fields_without_role_and_time() -> None:
    found = one(
        {"role": "user", "content": "Hi", "author": "ann", "created_at": "1970-01-01T00:00:01Z"}
    )
    assert found == Message("user", "openai", {"content": "Hi", "author": "ann"}, 1_000_000)


def test_a_null_field_is_dropped_and_nested_nulls_stay() -> None:
    found = one({"role": "user", "content": "Hi", "name": None, "metadata": {"a": None}})
    assert found.body == {"content": "Hi", "metadata": {"a": None}}


@pytest.mark.parametrize(
    ("payload", "code", "param"),
    [
        ("Hi", "invalid_field", "messages[2]"),
        ([], "invalid_field", "messages[2]"),
        ({"content": "Hi"}, "invalid_field", "messages[2].role"),
        ({"role": None, "content": "Hi"}, "invalid_field", "messages[2].role"),
        ({"role": "system ", "content": "Hi"}, "invalid_field", "messages[2].role"),
        ({"role": "root", "content": "Hi"}, "invalid_field", "messages[2].role"),
        ({"role": "us\u0435r", "content": "Hi"}, "invalid_field", "messages[2].role"),
        ({"role": ["user"], "content": "Hi"}, "invalid_field", "messages[2].role"),
        ({"role": "user"}, "invalid_field", "messages[2].content"),
        ({"role": "user", "content": None}, "invalid_field", "messages[2].content"),
        ({"role": "user", "content": 1}, "invalid_field", "messages[2].content"),
        ({"role": "user", "content": True}, "invalid_field", "messages[2].content"),
        ({"role": "user", "content": []}, "invalid_field", "messages[2].content"),
        ({"role": "user", "content": [1]}, "invalid_field", "messages[2].content[0]"),
        ({"role": "user", "content": [{}]}, "invalid_field", "messages[2].content[0].type"),
        (
            {"role": "user", "content": [{"type": ["text"]}]},
            "invalid_field",
            "messages[2].content[0].type",
        ),
        (
            {"role": "user", "content": [{"type": "text", "text": 1}]},
            "invalid_field",
            "messages[2].content[0].text",
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "x"}]},
            "invalid_field",
            "messages[2].content[0].image_url",
        ),
        ({"role": "assistant", "content": None}, "invalid_field", "messages[2].content"),
        ({"role": "assistant", "tool_calls": []}, "invalid_field", "messages[2].content"),
        ({"role": "tool", "content": "x"}, "invalid_field", "messages[2].tool_call_id"),
        (
            {"role": "user", "content": "x", "tool_call_id": "c"},
            "invalid_field",
            "messages[2].tool_call_id",
        ),
        (
            {"role": "user", "content": "x", "tool_calls": [CALL]},
            "invalid_field",
            "messages[2].tool_calls",
        ),
        (
            {"role": "assistant", "tool_calls": [{**CALL, "id": ""}]},
            "invalid_field",
            "messages[2].tool_calls[0].id",
        ),
        (
            {
                "role": "assistant",
                "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {}}}],
            },
            "invalid_field",
            "messages[2].tool_calls[0].function.arguments",
        ),
        ({"role": "user", "content": "x", "seq": 1}, "unknown_field", "messages[2].seq"),
        ({"role": "user", "content": "x", "seq": None}, "unknown_field", "messages[2].seq"),
        ({"role": "user", "content": "x", "type": "foo"}, "unknown_field", "messages[2].type"),
        (
            {"role": "user", "content": "x", "latency_ms": True},
            "invalid_field",
            "messages[2].latency_ms",
        ),
        (
            {"role": "user", "content": "x", "latency_ms": -1},
            "invalid_field",
            "messages[2].latency_ms",
        ),
        (
            {"role": "user", "content": "x", "latency_ms": float("nan")},
            "invalid_field",
            "messages[2].latency_ms",
        ),
        ({"role": "user", "content": "x", "author": "a" * 256}, "too_long", "messages[2].author"),
        ({"role": "user", "content": "x", "name": 1}, "invalid_field", "messages[2].name"),
        ({"role": "user", "content": "x", "usage": 1}, "invalid_field", "messages[2].usage"),
        ({"role": "user", "content": "x", "error": 1}, "invalid_field", "messages[2].error"),
        ({"role": "user", "content": "x", "context": 1}, "invalid_field", "messages[2].context"),
        ({"role": "user", "content": "x", "metadata": []}, "invalid_field", "messages[2].metadata"),
        (
            {"role": "user", "content": "x", "metadata": {"a": "b" * 16_384}},
            "too_long",
            "messages[2].metadata",
        ),
        ({"role": "user", "content": "x" * (2**20 + 1)}, "too_long", "messages[2].content"),
        (
            {
                "role": "user",
                "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}],
            },
            "invalid_field",
            "messages[2].content[0].type",
        ),
        (
            {"type": "function_call", "role": "user", "call_id": "c", "name": "f", "arguments": ""},
            "invalid_field",
            "messages[2].role",
        ),
        (
            {"type": "function_call_output", "call_id": "c"},
            "invalid_field",
            "messages[2].output",
        ),
        (
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "", "stop": 1},
            "unknown_field",
            "messages[2].stop",
        ),
    ],
)
def test_a_bad_message_is_refused_by_the_name_of_its_field(
    payload: object, code: str, param: str
) -> None:
    error = refused(payload)
    assert (error.code, error.param) == (code, param)


def test_the_text_limit_counts_bytes_over_all_texts() -> None:
    fits = [{"type": "text", "text": "é"}, {"type": "text", "text": "é"}]
    assert one({"role": "user", "content": fits}, limits=Limits(text_bytes=4))
    with pytest.raises(errors.TooLong):
        messages.read({"role": "user", "content": [*fits, fits[0]]}, limits=Limits(text_bytes=4))


def test_a_message_of_exactly_one_mebibyte_is_taken() -> None:
    assert one({"role": "user", "content": "x" * 2**20})


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:00.000001+00:00", 1),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
        ("1970-01-01T00:00:00,5Z", 500_000),
        ("1969-12-31T23:59:59.999999Z", -1),
    ],
)
def test_a_time_is_read_to_the_microsecond(text: str, micros: int) -> None:
    assert one({"role": "user", "content": "x", "created_at": text}).created_at == micros


@given(st.datetimes(timezones=st.just(UTC)))
def test_no_time_loses_a_microsecond(moment: datetime) -> None:
    micros = messages.instant(moment.isoformat())
    assert divmod(micros, 1_000_000)[1] == moment.microsecond
    assert messages.instant(moment) == micros


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01T00:00:00",
        "2026-01-01",
        "yesterday",
        "",
        1_700_000_000,
        True,
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_a_time_without_an_offset_or_of_another_type_is_refused(value: object) -> None:
    error = refused({"role": "user", "content": "x", "created_at": value})
    assert (error.code, error.param) == ("invalid_field", "messages[2].created_at")


@pytest.mark.parametrize(
    ("payload", "form"),
    [
        ({"role": "user", "content": "x"}, "openai"),
        ({"role": "user", "content": [{"type": "text", "text": "x"}]}, "openai"),
        ({"role": "assistant", "tool_calls": [CALL]}, "openai"),
        (
            {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "u"}}]},
            "anthropic",
        ),
        (
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "t", "signature": "s"}],
            },
            "anthropic",
        ),
        (
            {"role": "assistant", "type": "message", "content": [{"type": "text", "text": "x"}]},
            "anthropic",
        ),
        ({"role": "assistant", "content": [], "stop_reason": "end_turn"}, "anthropic"),
        ({"type": "reasoning", "id": "r", "summary": []}, "responses"),
        ({"role": "user", "content": [{"type": "input_text", "text": "x"}]}, "responses"),
        ({"type": "message", "role": "user", "content": "x"}, "responses"),
        (
            {"type": "mcp_call", "id": "m", "name": "f", "arguments": "{}", "server_label": "s"},
            "responses",
        ),
    ],
)
def test_the_form_is_found(payload: dict[str, Any], form: str) -> None:
    assert one(payload).form == form


@pytest.mark.parametrize(
    ("payload", "role"),
    [
        ({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, "assistant"),
        ({"type": "function_call_output", "call_id": "c", "output": "x"}, "tool"),
        ({"type": "web_search_call", "id": "w", "status": "completed", "action": {}}, "assistant"),
        ({"type": "shell_call_output", "call_id": "c", "output": []}, "tool"),
        ({"type": "additional_tools", "role": "developer", "tools": []}, "developer"),
    ],
)
def test_an_item_gets_the_role_of_its_type(payload: dict[str, Any], role: str) -> None:
    assert one(payload).role == role


def test_tool_results_become_a_message_of_their_own_before_the_rest() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": "4"}
    said = {"type": "text", "text": "and now?"}
    payload = {
        "role": "user",
        "content": [said, result],
        "author": "ann",
        "created_at": "1970-01-01T00:00:00Z",
    }
    first, second = messages.read(payload)
    assert first == Message("tool", "anthropic", {"content": [result], "author": "ann"}, 0)
    assert second == Message("user", "anthropic", {"content": [said], "author": "ann"}, 0)


def test_only_tool_results_are_one_tool_message() -> None:
    found = one({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]})
    assert (found.role, messages.result_ids(found)) == ("tool", ("t",))


def test_what_was_kept_can_be_read_again() -> None:
    first = one({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]})
    assert one({"role": first.role, **first.body}) == first


def test_parts_are_named_as_in_opentelemetry() -> None:
    found = one(
        {
            "role": "assistant",
            "content": "Let me see",
            "reasoning_content": "hm",
            "tool_calls": [CALL],
        }
    )
    assert messages.parts(found) == [
        {"type": "reasoning", "content": "hm"},
        {"type": "text", "content": "Let me see"},
        {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"x": 1}},
    ]
    assert messages.call_ids(found) == ("c1",)
    assert messages.text_of(found) == 'hm\nLet me see\nlook\n{"x": 1}'


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "blob", "mime_type": "image/png", "content": "AAAA", "modality": "image"},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            {"type": "uri", "uri": "https://x/y.png", "modality": "image"},
        ),
        ({"type": "file", "file": {"file_id": "f1"}}, {"type": "file", "file_id": "f1"}),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"type": "blob", "mime_type": "audio/wav", "content": "AA==", "modality": "audio"},
        ),
        (
            {"type": "hologram", "z": [1]},
            {"type": "generic", "value": {"type": "hologram", "z": [1]}},
        ),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "A"},
            },
            {"type": "blob", "mime_type": "application/pdf", "content": "A"},
        ),
        ({"type": "input_file", "file_url": "https://x/a"}, {"type": "uri", "uri": "https://x/a"}),
    ],
)
def test_each_kind_of_content_has_its_part(part: dict[str, Any], expected: dict[str, Any]) -> None:
    content = [{"type": "text", "text": "see"}, part]
    assert messages.parts(one({"role": "user", "content": content}))[-1] == expected


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "{",
        "[" * 100_000,
        "[" * 300 + "]" * 300,
        '"\\ud800"',
        "1e999",
        "NaN",
        '{"n": 123456789012345678901}',
    ],
)
def test_arguments_that_cannot_be_kept_as_json_stay_text(arguments: str) -> None:
    call = {**CALL, "function": {"name": "f", "arguments": arguments}}
    [part] = messages.parts(one({"role": "assistant", "tool_calls": [call]}))
    assert part["arguments"] == arguments


def test_only_a_lone_string_is_plain() -> None:
    assert messages.is_plain(one({"role": "user", "content": "x"}).body)
    assert not messages.is_plain(one({"role": "user", "content": "x", "author": "a"}).body)
    parts = [{"type": "text", "text": "x"}]
    assert not messages.is_plain(one({"role": "user", "content": parts}).body)


def test_keys_and_text_are_never_normalised() -> None:
    found = one(
        {"role": "user", "content": "e\u0301\ufb01 ", "metadata": {"b": 1, "a": 2, "\u00c5": 3}}
    )
    text = messages.encode(found)
    assert text == '{"content":"e\u0301\ufb01 ","metadata":{"b":1,"a":2,"\u00c5":3}}'
    assert messages.decode("user", "openai", text, None) == found


CHARACTERS: st.SearchStrategy[str] = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = st.text(CHARACTERS)
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, values, max_size=4))
def test_a_body_survives_being_stored(metadata: dict[str, Any]) -> None:
    found = one({"role": "user", "content": "x", "metadata": metadata})
    again = messages.decode(found.role, found.form, messages.encode(found), found.created_at)
    assert again == found
    assert list(again.body["metadata"]) == list(metadata)


WORDS = [
    "user",
    "tool",
    "text",
    "tool_use",
    "tool_result",
    "input_image",
    "message",
    "refusal",
    "function_call",
    "reasoning",
    "image",
    "document",
    "computer_call_output",
    "shell_call_output",
]
NAMES = [
    "role",
    "type",
    "content",
    "text",
    "id",
    "call_id",
    "output",
    "source",
    "summary",
    "tool_calls",
    "function",
    "input",
    "tool_use_id",
    "image_url",
    "file_id",
    "name",
    "status",
]
json_like: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=20,
)


@given(json_like)
def test_nonsense_is_taken_or_refused_by_name_but_never_breaks(payload: object) -> None:
    for message in taken(payload):
        messages.parts(message)
        messages.text_of(message)
        messages.call_ids(message)
        messages.result_ids(message)
        for form in forms.FORMS:
            forms.render(form, [message])
        tokens.count(message, "cl100k_base")


def taken(payload: object) -> list[Message]:
    try:
        return messages.read(payload)
    except errors.InvalidRequest as error:
        return [] if error.param else pytest.fail("the error names no field")


@pytest.mark.parametrize("value", [1, [1], [{"type": "text"}], [{"text": "x"}]])
def test_a_system_text_of_another_shape_is_refused(value: object) -> None:
    with pytest.raises(errors.InvalidField, match="system"):
        messages.check_system(value)


def test_tools_are_a_list_of_objects() -> None:
    messages.check_tools([{"name": "f"}])
    with pytest.raises(errors.InvalidField, match=r"tools\[0\]"):
        messages.check_tools(["f"])


@given(
    role=st.sampled_from([*messages.ROLES, "root", "", "User"]),
    content=st.one_of(st.text(max_size=30), st.none(), st.integers(), st.just("x" * 300_000)),
)
def test_the_short_way_of_reading_gives_what_the_long_way_gives(role: str, content: Any) -> None:
    payload = {"role": role, "content": content}
    short = messages._plain(payload, messages.DEFAULT)
    if short is not None:
        assert [short] == messages._read(payload, "", messages.DEFAULT)
        assert messages.read(payload) == [short]
