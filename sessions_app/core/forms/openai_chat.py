"""OpenAI chat form: `content` as text or parts, `tool_calls`, one `tool` message per result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sessions_app.core.forms import checks, otel
from sessions_app.core.forms.common import OURS, Body, Given, Part, Source

MARKS = frozenset(
    {
        "tool_calls", "tool_call_id", "function_call", "refusal", "audio", "annotations",
        "reasoning_content", "reasoning", "reasoning_details", "content_parts", "parsed",
    }
)  # fmt: skip
FIELDS = OURS | MARKS | {"role", "content", "id"}
SENT_BY_ROLE = {
    "system": ("content", "name"),
    "developer": ("content", "name"),
    "user": ("content", "name"),
    "tool": ("content", "tool_call_id"),
    "assistant": ("content", "name", "refusal", "audio", "function_call", "tool_calls"),
}
INSTEAD_OF_CONTENT = ("tool_calls", "function_call", "refusal", "audio")
AUDIO_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}


def fields(given: Body) -> frozenset[str]:
    return FIELDS


def implied_role(given: Body) -> str | None:
    return None


def split(role: str, body: Body) -> list[tuple[str, Body]]:
    return [(role, body)]


def check(role: str, body: Body, path: str) -> None:
    """Raise for content, calls or ids that have not the shape of an OpenAI chat message."""
    _check_content(role, body, path)
    _check_owners(role, body, path)
    if role == "tool":
        checks.a_word(body.get("tool_call_id"), checks.at(path, "tool_call_id"))
    if "tool_calls" in body:
        _check_calls(body["tool_calls"], checks.at(path, "tool_calls"))
    for name in ("refusal", "reasoning_content", "reasoning"):
        if name in body:
            checks.a_string(body[name], checks.at(path, name))
    for name in ("audio", "function_call"):
        if name in body:
            checks.an_object(body[name], checks.at(path, name))
    if "function_call" in body:
        where = checks.at(path, "function_call")
        checks.words(body["function_call"], where, "name")
        checks.strings(body["function_call"], where, "arguments")


def _check_owners(role: str, body: Body, path: str) -> None:
    if role != "tool" and "tool_call_id" in body:
        raise checks.invalid(checks.at(path, "tool_call_id"), "belongs to the role `tool`.")
    if role == "assistant":
        return
    for name in ("tool_calls", "function_call", "refusal", "audio"):
        if name in body:
            raise checks.invalid(checks.at(path, name), "belongs to the role `assistant`.")


def _check_content(role: str, body: Body, path: str) -> None:
    content = body.get("content")
    param = checks.at(path, "content")
    if content is None:
        if role != "assistant" or not any(body.get(name) for name in INSTEAD_OF_CONTENT):
            raise checks.invalid(
                param, "is missing. Only an assistant with tool calls may leave it out."
            )
    elif isinstance(content, list):
        _check_parts(checks.blocks(content, param), role, param)
    elif not isinstance(content, str):
        raise checks.invalid(param, "must be a string or a list of content parts.")


def _check_parts(content: list[Part], role: str, path: str) -> None:
    if not content and role != "assistant":
        raise checks.invalid(path, "must not be an empty list.")
    for index, part in enumerate(content):
        _check_part(part, checks.at(path, index))


def _check_part(part: Part, path: str) -> None:
    kind = part["type"]
    if kind in ("text", "refusal"):
        checks.strings(part, path, kind)
    elif kind == "image_url":
        where = checks.at(path, kind)
        checks.words(checks.an_object(part.get(kind), where), where, "url")
    elif kind == "input_audio":
        where = checks.at(path, kind)
        checks.strings(checks.an_object(part.get(kind), where), where, "data", "format")
    elif kind == "file":
        _check_file(part, checks.at(path, kind))


def _check_file(part: Part, path: str) -> None:
    found = checks.an_object(part.get("file"), path)
    for name in ("file_id", "file_data", "filename"):
        if found.get(name) is not None:
            checks.a_string(found[name], checks.at(path, name))


def _check_calls(value: object, path: str) -> None:
    for index, call in enumerate(checks.a_list(value, path)):
        where = checks.at(path, index)
        checks.words(checks.an_object(call, where), where, "id")
        kind = call.get("type", "function")
        if kind not in ("function", "custom"):
            raise checks.invalid(checks.at(where, "type"), "must be `function` or `custom`.")
        below = checks.at(where, kind)
        checks.words(checks.an_object(call.get(kind), below), below, "name")
        checks.strings(call[kind], below, "input" if kind == "custom" else "arguments")


def call_ids(role: str, body: Body) -> tuple[str, ...]:
    return tuple(call["id"] for call in body.get("tool_calls", ()))


def result_ids(role: str, body: Body) -> tuple[str, ...]:
    return (body["tool_call_id"],) if role == "tool" else ()


def parts(role: str, body: Body) -> list[Part]:
    """The raw parts of an OpenAI chat message."""
    content = list(_content(body.get("content")))
    if role == "tool":
        return [otel.response(body["tool_call_id"], _answer(body.get("content"), content))]
    return [*_thoughts(body), *content, *_spoken(body), *_calls(body)]


def _answer(given: Any, content: list[Part]) -> str | list[Part]:
    return given if isinstance(given, str) else content


def _thoughts(body: Body) -> Iterator[Part]:
    thought = body.get("reasoning_content") or body.get("reasoning")
    if thought:
        yield otel.reasoning(thought)


def _spoken(body: Body) -> Iterator[Part]:
    if body.get("refusal"):
        yield otel.text(body["refusal"])
    audio = body.get("audio")
    if audio:
        transcript = audio.get("transcript")
        yield (
            otel.text(transcript) if isinstance(transcript, str) else otel.generic({"audio": audio})
        )


def _calls(body: Body) -> Iterator[Part]:
    for call in body.get("tool_calls", ()):
        if call.get("type") == "custom":
            custom = call["custom"]
            yield otel.tool_call(call["id"], custom["name"], custom["input"], custom=True)
        else:
            function = call["function"]
            yield otel.tool_call(call["id"], function["name"], function["arguments"])
    if "function_call" in body:
        yield otel.generic({"function_call": body["function_call"]})


def _content(content: Any) -> Iterator[Part]:
    if isinstance(content, str):
        yield otel.text(content)
    elif content:
        yield from map(_part, content)


def _part(part: Part) -> Part:
    kind = part["type"]
    if kind in ("text", "refusal"):
        return otel.text(part[kind])
    if kind == "image_url":
        return otel.link(part["image_url"]["url"], "image")
    if kind == "input_audio":
        audio = part["input_audio"]
        return otel.blob(
            AUDIO_TYPES.get(audio["format"], f"audio/{audio['format']}"), audio["data"]
        )
    if kind == "file":
        return _file(part)
    return otel.generic(part)


def _file(part: Part) -> Part:
    found = part["file"]
    if found.get("file_id"):
        return otel.file(found["file_id"])
    data = found.get("file_data")
    if not data:
        return otel.generic(part)
    linked = otel.link(data) if data.startswith("data:") else otel.blob("application/pdf", data)
    if found.get("filename"):
        linked["filename"] = found["filename"]
    return linked


def render(sources: Iterable[Source], system: Any) -> tuple[Any, list[Body]]:
    """The messages for OpenAI chat; the system text goes in as the first of them."""
    rendered: list[Body] = []
    open_calls: set[str] = set()
    if not otel.is_blank(system):
        rendered.append({"role": "system", "content": _system(system)})
    for source in sources:
        same = source.form == "openai"
        for message in [_same(source.role, source.body)] if same else _other(source):
            _place(rendered, message, open_calls)
    return None, rendered


def straight(messages: Iterable[Given], system: Any) -> list[Body] | None:
    """What `render` makes of a history that is all of this form, each call answered right behind
    its message; None for any other. It is the usual one and takes a fraction of the time."""
    rendered: list[Body] = []
    waiting: set[str] = set()
    if not otel.is_blank(system):
        rendered.append({"role": "system", "content": _system(system)})
    for message in messages:
        if message.form != "openai":
            return None
        role, body = message.role, message.body
        if role == "tool":
            if body["tool_call_id"] not in waiting:
                return None
            waiting.discard(body["tool_call_id"])
        elif waiting:
            return None
        elif "tool_calls" in body:
            waiting = {call["id"] for call in body["tool_calls"]}
        rendered.append(_same(role, body))
    return None if waiting else rendered


def _system(system: Any) -> Any:
    if isinstance(system, str):
        return system
    return [_text_part(block["text"]) for block in system]


def _same(role: str, body: Body) -> Body:
    content = body.get("content")
    if len(body) == 1 and isinstance(content, str):
        return {"role": role, "content": content}
    kept = {name: body[name] for name in SENT_BY_ROLE[role] if name in body}
    if "audio" in kept:
        kept["audio"] = {"id": kept["audio"].get("id")}
    if content == []:
        kept["content"] = ""
    if kept.get("tool_calls") == []:
        del kept["tool_calls"]
    return {"role": role, **kept}


def _other(source: Source) -> list[Body]:
    if source.role == "tool":
        return [_result(part) for part in source.parts if part["type"] == "tool_call_response"]
    if source.role == "assistant":
        return _assistant(source.parts)
    shown = [part for part in source.parts if part["type"] != "reasoning"]
    if not shown:
        return []
    if source.role == "user":
        return [{"role": "user", "content": _one_text([_sent(part) for part in shown])}]
    return [{"role": source.role, "content": "\n".join(map(otel.placeholder, shown))}]


def _assistant(found: list[Part]) -> list[Body]:
    said = [otel.placeholder(p) for p in found if p["type"] not in ("reasoning", "tool_call")]
    calls = [_call(part) for part in found if part["type"] == "tool_call"]
    if not said and not calls:
        return []
    message: Body = {"role": "assistant"}
    if said:
        message["content"] = "\n".join(said)
    if calls:
        message["tool_calls"] = calls
    return [message]


def _call(part: Part) -> Body:
    name = part["name"]
    text = otel.as_json(part["arguments"])
    if part.get("custom"):
        return {"id": part["id"], "type": "custom", "custom": {"name": name, "input": text}}
    return {"id": part["id"], "type": "function", "function": {"name": name, "arguments": text}}


def _result(part: Part) -> Body:
    content = part["response"]
    if not isinstance(content, str):
        content = _one_text([_text_part(otel.placeholder(entry)) for entry in content]) or ""
    return {"role": "tool", "tool_call_id": part["id"], "content": content}


def _one_text(content: list[Body]) -> Any:
    """A single text as a plain string, as most callers write it."""
    if len(content) == 1 and content[0]["type"] == "text":
        return content[0]["text"]
    return content


def _text_part(text: str) -> Body:
    return {"type": "text", "text": text}


def _sent(part: Part) -> Body:
    kind = part["type"]
    mime = part.get("mime_type", "")
    if kind == "blob" and mime in AUDIO_FORMATS:
        audio = {"data": part["content"], "format": AUDIO_FORMATS[mime]}
        return {"type": "input_audio", "input_audio": audio}
    if kind == "blob":
        return _sent_data(part, f"data:{mime};base64,{part['content']}")
    if kind == "uri" and part.get("modality") == "image":
        return {"type": "image_url", "image_url": {"url": part["uri"]}}
    if kind == "file" and not part.get("modality"):
        return {"type": "file", "file": {"file_id": part["file_id"]}}
    return _text_part(otel.placeholder(part))


def _sent_data(part: Part, address: str) -> Body:
    if part.get("modality") == "image":
        return {"type": "image_url", "image_url": {"url": address}}
    name = part.get("filename", "file")
    return {"type": "file", "file": {"file_data": address, "filename": name}}


def _place(rendered: list[Body], message: Body, open_calls: set[str]) -> None:
    """Add a message; into the one before when that still waits for answers, since nothing may
    stand between a call and its result."""
    if message["role"] == "assistant":
        if open_calls and rendered[-1]["role"] == "assistant":
            rendered[-1] = message = _merged(rendered[-1], message)
        else:
            open_calls.clear()
            rendered.append(message)
        open_calls.update(call["id"] for call in message.get("tool_calls", ()))
        return
    if message["role"] == "tool":
        open_calls.discard(message["tool_call_id"])
    rendered.append(message)


def _merged(first: Body, second: Body) -> Body:
    merged = {**second, **first}
    if "content" in first and "content" in second:
        merged["content"] = _joined(first["content"], second["content"])
    if "tool_calls" in second:
        merged["tool_calls"] = [*first.get("tool_calls", ()), *second["tool_calls"]]
    return merged


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return "\n".join(filter(None, (first, second)))
    return [*_listed(first), *_listed(second)]


def _listed(content: Any) -> list[Body]:
    return [_text_part(content)] if isinstance(content, str) else content
