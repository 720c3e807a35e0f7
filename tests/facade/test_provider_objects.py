"""Answers of the openai and anthropic packages go in as they are, whole or as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holdfast.facade import Session
from tests.facade.conftest import local_client

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_750_000_000,
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "move", "arguments": '{"day": "Friday"}'},
                    }
                ],
            },
        }
    ],
    "usage": {"prompt_tokens": 20, "completion_tokens": 8, "total_tokens": 28},
}
ANTHROPIC: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [
        {"type": "text", "text": "I will move it."},
        {"type": "tool_use", "id": "toolu_1", "name": "move", "input": {"day": "Friday"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 20, "output_tokens": 8},
}
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_750_000_000,
    "status": "completed",
    "model": "gpt-4o",
    "output": [
        {
            "id": "fc_1",
            "type": "function_call",
            "call_id": "call_1",
            "name": "move",
            "arguments": "{}",
            "status": "completed",
        },
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Moved.", "annotations": []}],
        },
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}


@pytest.fixture
def session(transactional_db: None) -> Session:
    return local_client().open("k")


# The two packages take seconds to import, and every worker imports every file of tests; so it is
# done where they are used.


def completion() -> ChatCompletion:
    from openai.types.chat import ChatCompletion

    return ChatCompletion.model_validate(COMPLETION)


def test_a_chat_completion_is_kept_with_calls_model_and_usage(session: Session) -> None:
    session.append(completion(), author="agent-1")
    (message,) = session.messages()
    assert message["tool_calls"] == COMPLETION["choices"][0]["message"]["tool_calls"]
    assert (message["model"], message["finish_reason"]) == ("gpt-4o", "tool_calls")
    assert message["usage"] == COMPLETION["usage"]
    assert message["created_at"] == "2025-06-15T15:06:40Z"
    assert message["author"] == "agent-1"


def test_the_message_of_a_completion_will_do(session: Session) -> None:
    session.append(completion().choices[0].message)
    assert session.messages()[0]["tool_calls"][0]["id"] == "call_1"


def test_an_anthropic_message_is_kept_in_its_own_form(session: Session) -> None:
    from anthropic.types import Message

    session.append(role="user", content="Move it")
    session.append(Message.model_validate(ANTHROPIC))
    assert session.messages()[1]["content"] == ANTHROPIC["content"]
    session.append(
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}],
        }
    )
    assert session.context(format="anthropic").messages[1]["content"] == ANTHROPIC["content"]


def test_every_item_of_a_response_is_kept_and_names_its_context(session: Session) -> None:
    from openai.types.responses import Response

    session.append(role="user", content="Move it")
    context = session.context(format="responses")
    done = session.append(Response.model_validate(RESPONSE), context=context)
    assert done.seqs == (2, 3)
    call, answer = session.messages(after=1)
    assert (call["type"], answer["model"]) == ("function_call", "gpt-4o")
    assert call["context"] == answer["context"] == context.id


def chunk(**delta: Any) -> ChatCompletionChunk:
    from openai.types.chat import ChatCompletionChunk

    return ChatCompletionChunk.model_validate(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_750_000_000,
            "model": "gpt-4o",
            "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        }
    )


def test_a_stream_is_one_message(session: Session) -> None:
    pieces = (chunk(role="assistant", content="Mo"), chunk(content="ved"), chunk(content="."))
    assert session.append(iter(pieces)).seqs == (1,)
    assert session.messages()[0]["content"] == "Moved."


def test_a_stream_that_was_read_before_says_so(session: Session) -> None:
    with pytest.raises(ValueError, match="held nothing"):
        session.append(iter(()))
    assert session.messages() == []
