"""Provider objects and finished streams as plain payloads for `messages.read`.

No provider's package is imported: objects are known by `model_dump` and by what their `type` and
`object` say, so any version of a client will do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

Payload = dict[str, Any]

FINALS = ("get_final_completion", "get_final_response", "get_final_message")
ENDS = ("response.completed", "response.incomplete", "response.failed")
PARSED = ("parsed", "parsed_arguments", "parsed_output")
ADVICE = (
    "Pass a message as a dict (`role=..., content=...`), an answer object of the OpenAI or "
    "Anthropic client, or a finished stream."
)


def as_payloads(value: object) -> list[Payload]:
    """The input payloads, in order, that `value` stands for.

    Takes a dict, a ChatCompletion or its message, a Response (every output item becomes a
    payload, the last one carries model and usage) or one of its items, an Anthropic Message, a
    stream of any of them, its collected chunks or events, or a list of such things.
    Raises TypeError with advice for anything else, ValueError for a stream that held nothing.
    """
    if isinstance(value, dict):
        return [value]
    if isinstance(value, str | bytes):
        raise TypeError(f"A bare text has no role. {ADVICE}")
    if hasattr(type(value), "__aiter__"):
        raise TypeError("Await the stream's final answer and pass that, or a list of its events.")
    if hasattr(value, "model_dump"):
        return _of_object(_dumped(value))
    final = _final(value)
    if final is not None:
        return _of_object(_dumped(final))
    if isinstance(value, Iterable):
        return _of_many(list(value))
    raise TypeError(f"A {type(value).__name__} is not a message. {ADVICE}")


def _final(value: Any) -> Any:
    """What a client's stream helper has gathered, read to its end first."""
    if hasattr(type(value), "current_completion_snapshot"):
        if hasattr(value, "until_done"):
            value.until_done()
        return value.current_completion_snapshot
    for name in FINALS:
        if hasattr(value, name):
            return getattr(value, name)()
    return None


def _dumped(value: Any) -> Payload:
    """The fields as the provider sent them: its own names, nothing that was not there."""
    if isinstance(value, dict):
        return value
    dumped: Payload = value.model_dump(
        mode="json", by_alias=True, exclude_unset=True, warnings=False
    )
    return dumped


def _of_object(found: Payload) -> list[Payload]:
    if _is_event(found):
        return _of_events([found])
    if "choices" in found:
        return [_completion(found)]
    if found.get("object") == "response":
        return _response(found)
    return [_clean(found)]


def _of_many(values: list[Any]) -> list[Payload]:
    if not values:
        raise ValueError("The stream held nothing: it was read before. Pass a list of its events.")
    events = [_event(value) for value in values]
    if any(map(_is_event, events)):
        return _of_events(events)
    return [payload for value in values for payload in as_payloads(value)]


def _event(value: Any) -> Payload:
    """An event as a dict; an OpenAI helper's chunk event gives its chunk."""
    if getattr(value, "type", None) == "chunk":
        value = value.chunk
    if isinstance(value, dict):
        return value
    return _dumped(value) if hasattr(value, "model_dump") else {}


def _is_event(found: Payload) -> bool:
    kind = found.get("type")
    if isinstance(kind, str) and kind.startswith(("response.", "message_", "content_block_")):
        return True
    return found.get("object") == "chat.completion.chunk"


def _of_events(events: list[Payload]) -> list[Payload]:
    kinds = {event.get("type") for event in events}
    if "message_start" in kinds:
        return [_clean(_anthropic_stream(events))]
    if any(isinstance(kind, str) and kind.startswith("response.") for kind in kinds):
        return _response(_responses_stream(events))
    chunks = [event for event in events if event.get("object") == "chat.completion.chunk"]
    if not chunks:
        raise ValueError("The stream's beginning is missing: pass all of its events.")
    return [_completion(_chat_stream(chunks))]


def _completion(found: Payload) -> Payload:
    if not found["choices"]:
        raise ValueError("The completion has no choices, so there is no message in it.")
    choice = found["choices"][0]
    return {
        **_clean(choice["message"]),
        "finish_reason": choice.get("finish_reason"),
        "model": found.get("model"),
        "usage": found.get("usage"),
        "created_at": _moment(found.get("created")),
    }


def _moment(seconds: Any) -> str | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _response(found: Payload) -> list[Payload]:
    created_at = _moment(found.get("created_at"))
    items = [{**_clean(item), "created_at": created_at} for item in found.get("output") or ()]
    if not items:
        items = [{"type": "message", "role": "assistant", "content": "", "created_at": created_at}]
    details = found.get("incomplete_details") or {}
    about = {
        "model": found.get("model"),
        "usage": found.get("usage"),
        "finish_reason": details.get("reason") or found.get("status"),
        "error": found.get("error"),
    }
    items[-1] = {**about, **items[-1]}
    return items


def _clean(found: Payload) -> Payload:
    """Without what a client's parser added to the provider's fields."""
    cleaned = {name: value for name, value in found.items() if name not in PARSED}
    if isinstance(cleaned.get("content"), list):
        cleaned["content"] = [_without_parsed(block) for block in cleaned["content"]]
    if isinstance(cleaned.get("tool_calls"), list):
        cleaned["tool_calls"] = [_clean_call(call) for call in cleaned["tool_calls"]]
    return cleaned


def _without_parsed(block: Any) -> Any:
    if not isinstance(block, dict):
        return block
    return {name: value for name, value in block.items() if name not in PARSED}


def _clean_call(call: Payload) -> Payload:
    return {name: _without_parsed(value) for name, value in call.items() if name != "index"}


def _responses_stream(events: list[Payload]) -> Payload:
    """The response of the closing event; from its finished items where the stream broke off."""
    for event in reversed(events):
        if event.get("type") in ENDS:
            return dict(event["response"])
    begun = [event["response"] for event in events if isinstance(event.get("response"), dict)]
    done = [event for event in events if event.get("type") == "response.output_item.done"]
    done.sort(key=lambda event: event.get("output_index", 0))
    found = begun[-1] if begun else {}
    return {**found, "status": "incomplete", "output": [event["item"] for event in done]}


def _chat_stream(chunks: list[Payload]) -> Payload:
    message: Payload = {"role": "assistant", "content": None}
    found: Payload = {"created": chunks[0].get("created")}
    reason = None
    for chunk in chunks:
        found.update({name: chunk[name] for name in ("model", "usage") if chunk.get(name)})
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) == 0:
                _add_delta(message, choice.get("delta") or {})
                reason = choice.get("finish_reason") or reason
    if message["content"] is None and not _stands_alone(message):
        message["content"] = ""
    return {**found, "choices": [{"message": message, "finish_reason": reason}]}


def _stands_alone(message: Payload) -> bool:
    return any(message.get(name) for name in ("tool_calls", "function_call", "refusal", "audio"))


def _add_delta(message: Payload, delta: Payload) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            _add_calls(message.setdefault("tool_calls", []), value or ())
        elif name in ("function_call", "audio") and value:
            _add_texts(message.setdefault(name, {}), value, fixed=("id", "expires_at"))
        elif name == "role":
            message["role"] = value or message["role"]
        elif isinstance(value, list):
            message.setdefault(name, []).extend(value)
        elif value is not None:
            _add_texts(message, {name: value})


def _add_texts(found: Payload, delta: Payload, fixed: tuple[str, ...] = ()) -> None:
    """Append texts; other values, and the `fixed` ones, replace."""
    for name, value in delta.items():
        if isinstance(value, str) and name not in fixed:
            found[name] = (found.get(name) or "") + value
        elif value is not None:
            found[name] = value


def _add_calls(calls: list[Payload], deltas: Iterable[Payload]) -> None:
    for delta in deltas:
        call = _call_of(calls, delta)
        for name in ("id", "type"):
            if delta.get(name):
                call[name] = delta[name]
        for name in ("function", "custom"):
            if delta.get(name):
                call.setdefault("type", name)
                _add_texts(call.setdefault(name, {}), delta[name])


def _call_of(calls: list[Payload], delta: Payload) -> Payload:
    """The call a delta belongs to. Some servers give every call the index 0: a new id is a new
    call all the same."""
    index = delta.get("index", len(calls) - 1)
    call_id = delta.get("id")
    for call in reversed(calls):
        if call["index"] == index and (not call_id or call.get("id") in (None, call_id)):
            return call
    calls.append({"index": index})
    return calls[-1]


def _anthropic_stream(events: list[Payload]) -> Payload:
    message: Payload = {}
    blocks: dict[int, Payload] = {}
    inputs: dict[int, str] = {}
    for event in events:
        kind = event.get("type")
        if kind == "message_start":
            message = dict(event["message"])
        elif kind == "content_block_start":
            blocks[event["index"]] = dict(event["content_block"])
        elif kind == "content_block_delta":
            _add_block_delta(blocks, inputs, event)
        elif kind == "message_delta":
            _end_message(message, event)
    for index, text in inputs.items():
        if text:
            blocks[index]["input"] = _input(text)
    return {**message, "content": [blocks[index] for index in sorted(blocks)]}


def _add_block_delta(blocks: dict[int, Payload], inputs: dict[int, str], event: Payload) -> None:
    block, delta = blocks[event["index"]], event["delta"]
    kind = delta.get("type")
    if kind == "input_json_delta":
        inputs[event["index"]] = inputs.get(event["index"], "") + delta["partial_json"]
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
    elif kind == "signature_delta":
        block["signature"] = delta["signature"]
    else:
        added = {name: value for name, value in delta.items() if name != "type"}
        _add_texts(block, added)


def _input(text: str) -> Payload:
    """The input of a call; what arrived of it where the model was cut off."""
    try:
        value = json.loads(text)
    except ValueError:
        return {"unfinished": text}
    return value if isinstance(value, dict) else {"unfinished": text}


def _end_message(message: Payload, event: Payload) -> None:
    message.update({name: value for name, value in event["delta"].items() if value is not None})
    counted = {name: value for name, value in event.get("usage", {}).items() if value is not None}
    message["usage"] = {**(message.get("usage") or {}), **counted}
