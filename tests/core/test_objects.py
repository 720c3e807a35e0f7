from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from sessions_app.core import messages
from sessions_app.core.forms.objects import as_payloads
from sessions_app.core.messages import Message

Payload = dict[str, Any]

CALL: Payload = {
    "id": "c1",
    "type": "function",
    "function": {"name": "look", "arguments": '{"x": null}'},
}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
COMPLETION: Payload = {
    "id": "cmpl",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "gpt-5",
    "usage": USAGE,
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "logprobs": None,
            "message": {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "tool_calls": [CALL],
            },
        }
    ],
}
ITEMS = [
    {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
    {
        "type": "message",
        "id": "msg",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "One moment.", "annotations": []}],
    },
    {
        "type": "function_call",
        "id": "fc",
        "call_id": "c1",
        "name": "look",
        "arguments": '{"x": null}',
        "status": "completed",
        "async": False,
    },
]
RESPONSE_USAGE = {
    "input_tokens": 3,
    "output_tokens": 2,
    "total_tokens": 5,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 1},
}
RESPONSE = {
    "id": "resp",
    "object": "response",
    "created_at": 1_700_000_000.0,
    "model": "gpt-5",
    "status": "completed",
    "output": ITEMS,
    "usage": RESPONSE_USAGE,
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "metadata": {},
    "temperature": 1.0,
    "top_p": 1.0,
}
BLOCKS: list[Payload] = [
    {"type": "thinking", "thinking": "hm", "signature": "sig"},
    {"type": "text", "text": "One moment.", "citations": None},
    {"type": "tool_use", "id": "t1", "name": "look", "input": {"x": None, "y": [1]}},
]
CLAUDE = {
    "id": "msg",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4",
    "content": BLOCKS,
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


@pytest.fixture
def openai() -> Any:
    return pytest.importorskip("openai", reason="the openai package is not installed")


@pytest.fixture
def anthropic() -> Any:
    return pytest.importorskip("anthropic", reason="the anthropic package is not installed")


def kept(value: object) -> list[Message]:
    return [found for payload in as_payloads(value) for found in messages.read(payload)]


def kinds(found: list[Message]) -> list[str]:
    return [part["type"] for message in found for part in messages.parts(message)]


def check_completion(found: list[Message]) -> None:
    [message] = found
    assert (message.role, message.form) == ("assistant", "openai")
    assert message.body["tool_calls"] == [CALL]
    assert message.body["finish_reason"] == "tool_calls"
    assert message.body["model"] == "gpt-5"
    assert message.created_at == 1_700_000_000_000_000


def check_response(found: list[Message]) -> None:
    assert kinds(found) == ["reasoning", "text", "tool_call"]
    assert {message.form for message in found} == {"responses"}
    assert [message.body.get("model") for message in found] == [None, None, "gpt-5"]
    assert found[-1].body["usage"]["total_tokens"] == 5
    assert found[-1].body["arguments"] == '{"x": null}'


def check_claude(found: list[Message]) -> None:
    [message] = found
    assert (message.role, message.form) == ("assistant", "anthropic")
    assert kinds(found) == ["reasoning", "text", "tool_call"]
    assert message.body["content"][0]["signature"] == "sig"
    assert message.body["content"][2]["input"] == {"x": None, "y": [1]}
    assert message.body["stop_reason"] == "tool_use"
    assert message.body["usage"]["output_tokens"] == 2


def test_importing_loads_no_providers_package() -> None:
    code = (
        "import sys; from sessions_app.core.forms import objects\n"
        "assert not {'openai', 'anthropic', 'django'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_dict_is_taken_as_it_is() -> None:
    payload = {"role": "user", "content": "Hi"}
    assert as_payloads(payload)[0] is payload
    assert as_payloads([payload, payload]) == [payload, payload]


@pytest.mark.parametrize("value", ["Hi", b"Hi", 1, None, object()])
def test_what_is_no_message_is_refused_with_advice(value: object) -> None:
    with pytest.raises(TypeError, match="Pass a message as a dict"):
        as_payloads(value)


@pytest.mark.parametrize("value", [[], iter(())])
def test_a_stream_that_held_nothing_says_so(value: object) -> None:
    with pytest.raises(ValueError, match="read before"):
        as_payloads(value)


def test_an_async_stream_asks_to_be_awaited() -> None:
    class Stream:
        def __aiter__(self) -> None: ...

    with pytest.raises(TypeError, match="Await"):
        as_payloads(Stream())


def test_a_chat_completion(openai: Any) -> None:
    found = openai.types.chat.ChatCompletion.model_validate(COMPLETION)
    check_completion(kept(found))
    assert kept(found)[0].body["usage"] == USAGE


def test_a_chat_completion_without_choices_says_so(openai: Any) -> None:
    found = openai.types.chat.ChatCompletion.construct(**{**COMPLETION, "choices": []})
    with pytest.raises(ValueError, match="no choices"):
        as_payloads(found)


def test_a_chat_message(openai: Any) -> None:
    given = {"role": "assistant", "content": "Hi", "reasoning_content": "hm"}
    [message] = kept(openai.types.chat.ChatCompletionMessage.model_validate(given))
    assert message.body == {"content": "Hi", "reasoning_content": "hm"}


def test_a_parsed_completion_goes_without_what_the_client_added(openai: Any) -> None:
    call = {**CALL, "function": {**CALL["function"], "parsed_arguments": {"x": 1}}}
    choice = {
        **COMPLETION["choices"][0],
        "message": {"role": "assistant", "parsed": {"a": 1}, "tool_calls": [call]},
    }
    found = openai.types.chat.ParsedChatCompletion.construct(**{**COMPLETION, "choices": [choice]})
    check_completion(kept(found))


def test_a_response_is_its_items_in_order(openai: Any) -> None:
    found = kept(openai.types.responses.Response.model_validate(RESPONSE))
    check_response(found)
    assert found[-1].body["async"] is False
    assert found[-1].body["finish_reason"] == "completed"


def test_a_response_that_failed_is_kept_with_its_error(openai: Any) -> None:
    error = {"code": "server_error", "message": "broke"}
    failed = {**RESPONSE, "output": [], "status": "failed", "error": error}
    [message] = kept(openai.types.responses.Response.model_validate(failed))
    assert message.body["error"] == error
    assert message.body["content"] == ""


def test_an_item_and_a_list_of_items(openai: Any) -> None:
    response = openai.types.responses.Response.model_validate(RESPONSE)
    assert kinds(kept(response.output[2])) == ["tool_call"]
    assert kinds(kept(response.output)) == ["reasoning", "text", "tool_call"]


def test_an_anthropic_message(anthropic: Any) -> None:
    check_claude(kept(anthropic.types.Message.model_validate(CLAUDE)))
    check_claude(kept(anthropic.types.beta.BetaMessage.model_validate(CLAUDE)))


def chunks(openai: Any) -> list[Any]:
    head = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-5",
    }
    call = {"index": 0, **CALL, "function": {"name": "look", "arguments": ""}}
    deltas: list[Payload] = [
        {"role": "assistant", "content": None},
        {"tool_calls": [call]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": " null}"}}]},
    ]
    found = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    found.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    found.append({**head, "choices": [], "usage": USAGE})
    return [openai.types.chat.ChatCompletionChunk.model_validate(chunk) for chunk in found]


def test_chunks_of_a_chat_stream(openai: Any) -> None:
    for stream in (chunks(openai), iter(chunks(openai)), [c.to_dict() for c in chunks(openai)]):
        found = kept(stream)
        check_completion(found)
        assert found[0].body["usage"] == USAGE


def test_the_state_of_a_chat_stream(openai: Any) -> None:
    from openai.lib.streaming.chat import ChatCompletionStreamState

    state: Any = ChatCompletionStreamState()
    for chunk in chunks(openai):
        state.handle_chunk(chunk)
    check_completion(kept(state))


class Raw(list[Any]):
    """A raw stream with the one attribute the clients' helpers ask for."""

    response = None


def test_the_helper_of_a_chat_stream_and_its_events(openai: Any) -> None:
    from openai.lib.streaming.chat import ChatCompletionStream

    def stream() -> Any:
        raw: Any = Raw(chunks(openai))
        return ChatCompletionStream(
            raw_stream=raw, response_format=openai.omit, input_tools=openai.omit
        )

    check_completion(kept(stream()))
    check_completion(kept(list(stream())))
    read = stream()
    read.until_done()
    check_completion(kept(read))


def test_text_chunks_are_joined_and_other_choices_left_out() -> None:
    def chunk(index: int, **delta: Any) -> Payload:
        return {"object": "chat.completion.chunk", "choices": [{"index": index, "delta": delta}]}

    [message] = kept(
        [
            chunk(0, role="assistant", content=""),
            chunk(0, reasoning_content="h"),
            chunk(1, content="no"),
            chunk(0, reasoning_content="m"),
            chunk(0, content="Hel"),
            chunk(0, content="lo"),
        ]
    )
    assert message.body == {"content": "Hello", "reasoning_content": "hm"}


def test_calls_that_all_say_index_zero_stay_apart() -> None:
    def chunk(call_id: str | None, arguments: str) -> Payload:
        call = {
            "index": 0,
            "id": call_id,
            "function": {"name": "f" if call_id else None, "arguments": arguments},
        }
        return {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"tool_calls": [call]}}],
        }

    [message] = kept([chunk("a", "{"), chunk(None, "}"), chunk("b", "[]")])
    assert [(c["id"], c["function"]["arguments"]) for c in message.body["tool_calls"]] == [
        ("a", "{}"),
        ("b", "[]"),
    ]


def response_events(openai: Any, *, whole: bool = True) -> list[Any]:
    begun = {**RESPONSE, "output": [], "status": "in_progress", "usage": None}
    found: list[Payload] = [{"type": "response.created", "response": begun, "sequence_number": 0}]
    found += [
        {
            "type": f"response.output_item.{kind}",
            "item": item,
            "output_index": index,
            "sequence_number": 1,
        }
        for index, item in enumerate(ITEMS)
        for kind in ("added", "done")
    ]
    if whole:
        found.append({"type": "response.completed", "response": RESPONSE, "sequence_number": 9})
    from openai._models import construct_type
    from openai.types.responses import ResponseStreamEvent

    return [construct_type(type_=ResponseStreamEvent, value=event) for event in found]


def test_events_of_a_response_stream(openai: Any) -> None:
    check_response(kept(response_events(openai)))
    check_response(kept(response_events(openai)[-1]))


def test_a_response_stream_that_broke_off_keeps_what_was_finished(openai: Any) -> None:
    found = kept(response_events(openai, whole=False))
    assert kinds(found) == ["reasoning", "text", "tool_call"]
    assert found[-1].body["finish_reason"] == "incomplete"


def test_the_helper_of_a_response_stream(openai: Any) -> None:
    from openai.lib.streaming.responses import ResponseStream

    raw: Any = Raw(response_events(openai))
    stream = ResponseStream(
        raw_stream=raw, text_format=openai.omit, input_tools=openai.omit, starting_after=None
    )
    check_response(kept(stream))


def claude_events() -> list[Payload]:
    start = {
        **CLAUDE,
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }
    deltas: list[list[Payload]] = [
        [
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "signature_delta", "signature": "sig"},
        ],
        [{"type": "text_delta", "text": "One "}, {"type": "text_delta", "text": "moment."}],
        [
            {"type": "input_json_delta", "partial_json": '{"x": null,'},
            {"type": "input_json_delta", "partial_json": ' "y": [1]}'},
        ],
    ]
    empty: list[Payload] = [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "text", "text": ""},
        {**BLOCKS[2], "input": {}},
    ]
    found: list[Payload] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(empty):
        found.append({"type": "content_block_start", "index": index, "content_block": block})
        found += [
            {"type": "content_block_delta", "index": index, "delta": delta}
            for delta in deltas[index]
        ]
        found.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": "tool_use", "stop_sequence": None}
    found.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": 2}})
    return [*found, {"type": "message_stop"}]


def raw_claude_events() -> list[Any]:
    from anthropic._models import construct_type
    from anthropic.types import RawMessageStreamEvent

    return [construct_type(type_=RawMessageStreamEvent, value=event) for event in claude_events()]


def test_events_of_an_anthropic_stream(anthropic: Any) -> None:
    check_claude(kept(claude_events()))
    check_claude(kept(raw_claude_events()))
    check_claude(kept(iter(raw_claude_events())))


def test_the_helper_of_an_anthropic_stream_and_its_events(anthropic: Any) -> None:
    def stream() -> Any:
        raw: Any = Raw(raw_claude_events())
        return anthropic.MessageStream(raw, output_format=anthropic.NOT_GIVEN)

    check_claude(kept(stream()))
    check_claude(kept(list(stream())))


def test_a_call_that_was_cut_off_keeps_what_arrived() -> None:
    events = [e for e in claude_events() if e.get("delta", {}).get("partial_json") != ' "y": [1]}']
    [message] = kept(events)
    assert message.body["content"][2]["input"] == {"unfinished": '{"x": null,'}


def test_a_stream_without_its_beginning_says_so() -> None:
    with pytest.raises(ValueError, match="beginning"):
        as_payloads(claude_events()[1:])
