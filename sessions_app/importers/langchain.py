"""Messages of LangChain as they are stored in any way: read as plain data, and as this house has
them. Nothing is unpickled and no class is looked up: what a value was made of is enough."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from sessions_app.core import strict
from sessions_app.importers import msgpack, shapes, values
from sessions_app.importers.base import Record, Unreadable
from sessions_app.importers.msgpack import Extension

ROLES = {
    "human": "user", "user": "user", "ai": "assistant", "assistant": "assistant",
    "system": "system", "developer": "developer", "tool": "tool", "function": "tool",
}  # fmt: skip
SAID_BY = ("type", "role", "content", "name", "tool_calls", "invalid_tool_calls", "tool_call_id")
KNOWN = frozenset((*SAID_BY, "id", "usage_metadata", "lc_attributes", "example"))
CALLED = (2, 4, 5)
VALUED = (0, 1, 3)
DELTA = 7


def unpacked(raw: bytes, row: int = 0, *, depth: int = strict.MAX_DEPTH) -> Any:
    """The value that MessagePack holds. Raises Unreadable."""
    try:
        return msgpack.unpacked(raw, depth=depth)
    except msgpack.Broken as error:
        raise Unreadable(row, str(error)) from None


def fields_of(raw: Any) -> Record | None:
    """The fields of a message in any of the ways it is stored; None for what is none."""
    called, given = _stored(raw)
    if not isinstance(given, dict):
        return None
    told = given.get("type")
    kind = _kind(told if isinstance(told, str) else given.get("role")) or _kind(called)
    if kind is None or ("content" not in given and kind != "remove"):
        return None
    found = {key: plain(value, strict.MAX_DEPTH - 2) for key, value in given.items()}
    return {**found, "type": kind}


def around(fields: Record) -> Record:
    """The fields that a message of ours has no place for, and a content that loses something."""
    extra = {key: value for key, value in fields.items() if key not in KNOWN and value}
    content = {"content": fields["content"]} if _is_lossy(fields.get("content")) else {}
    return {**extra, **content}


def _stored(raw: Any) -> tuple[Any, Any]:
    """The name of the class, where there is one, and what it was made of."""
    if isinstance(raw, Extension) and raw.code in CALLED:
        made = unpacked(raw.data)
        whole = isinstance(made, list) and len(made) > 2
        return (made[1], made[2]) if whole else ("", None)
    if isinstance(raw, dict) and raw.get("lc") is not None and raw.get("type") == "constructor":
        where = raw.get("id")
        return where[-1] if isinstance(where, list) and where else "", raw.get("kwargs")
    if isinstance(raw, list) and len(raw) == 2 and all(isinstance(one, str) for one in raw):
        return "", {"type": raw[0], "content": raw[1]}
    return "", raw


def _kind(word: Any) -> str | None:
    """`human`, `ai` and so on, of a type, a role or the name of a class."""
    if not isinstance(word, str):
        return None
    kind = word.removesuffix("Chunk").removesuffix("Message").lower()
    return kind if kind in ROLES or kind in ("chat", "remove") else None


def plain(value: Any, depth: int = strict.MAX_DEPTH) -> Any:
    """A value as JSON has it. Raises Unreadable for one that is nested too deeply."""
    if depth < 0:
        raise Unreadable(0, "is nested too deeply")
    if isinstance(value, dict):
        return {key: plain(entry, depth - 1) for key, entry in value.items()}
    if isinstance(value, Extension):
        return plain(_made(value, depth), depth - 1)
    if isinstance(value, list):
        return [plain(entry, depth - 1) for entry in value]
    if isinstance(value, bytes):
        return {"bytes": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def _made(value: Extension, depth: int) -> Any:
    """What an object of some class was made of."""
    if value.code == DELTA:
        return unpacked(value.data, depth=depth)
    if value.code not in (*VALUED, *CALLED):
        return value.data
    made = unpacked(value.data, depth=depth)
    return made[2] if isinstance(made, list) and len(made) > 2 else made


class Speaker:
    """Messages of one branch as this house has them; it knows which function was called last, since
    its result does not say."""

    def __init__(self) -> None:
        self._function = ""

    def payload(self, role: str, fields: Record, source: str) -> Record:
        """A message as the API takes one, with None where there is nothing to say."""
        content, thoughts = _content(fields.get("content"))
        payload: Record = {"role": role, "content": content, "name": _word(fields.get("name"))}
        told = shapes.record_of(fields.get("response_metadata"))
        if role == "tool":
            called = fields.get("tool_call_id")
            own = self._function or f"function_{payload['name']}"
            payload["tool_call_id"] = own if fields["type"] == "function" else called
        elif role == "assistant":
            calls = self._calls(fields, source)
            payload |= {
                "content": None if calls and not content else content,
                "tool_calls": calls or None,
                "reasoning_content": "\n".join(thoughts) or None,
                "model": _word(told.get("model_name")) or _word(told.get("model")),
                "finish_reason": _word(told.get("finish_reason")) or _word(told.get("stop_reason")),
            }
            usage = fields.get("usage_metadata")
            payload["usage"] = usage if isinstance(usage, dict) else None
        return payload

    def _calls(self, fields: Record, source: str) -> list[Record]:
        """The calls of an answer, also those whose arguments are no JSON."""
        given = (fields.get(key) for key in ("tool_calls", "invalid_tool_calls"))
        made = [call for listed in given for call in shapes.records_of(listed)]
        found = [_call(call, f"call_{source[-12:]}_{number}") for number, call in enumerate(made)]
        one = shapes.record_of(fields.get("additional_kwargs")).get("function_call")
        if isinstance(one, dict) and not found:
            self._function = f"function_{source[-12:]}"
            found.append(
                _call({"name": one.get("name"), "args": one.get("arguments")}, self._function)
            )
        return found


def _call(call: Record, otherwise: str) -> Record:
    inner = call.get("function")
    function = inner if isinstance(inner, dict) else call
    arguments = function.get("args", function.get("arguments"))
    if not isinstance(arguments, str):
        arguments = json.dumps({} if arguments is None else arguments, ensure_ascii=False)
    called = {"name": _word(function.get("name")) or "unnamed", "arguments": arguments}
    return {"id": _word(call.get("id")) or otherwise, "type": "function", "function": called}


def role_of(fields: Record) -> str | None:
    if fields["type"] == "chat":
        role = fields.get("role")
        return ROLES.get(role) if isinstance(role, str) else None
    return ROLES.get(fields["type"])


def _content(content: Any) -> tuple[Any, list[str]]:
    """Content as text or parts, and the thoughts that stood in it."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else json.dumps(content), []
    parts: list[Record] = []
    thoughts: list[str] = []
    for block in content:
        if isinstance(block, str):
            parts.append({"type": "text", "text": block})
        elif isinstance(block, dict) and block.get("type") in ("thinking", "reasoning"):
            thoughts += _thoughts(block)
        elif not isinstance(block, dict) or block.get("type") not in (
            "tool_use",
            "tool_call",
            "function_call",
        ):
            parts.append(_part(block))
    if len(parts) == 1 and parts[0].get("type") == "text" and isinstance(parts[0].get("text"), str):
        return parts[0]["text"], thoughts
    return parts or "", thoughts


def _part(block: Any) -> Record:
    """A block of content as a part of a message."""
    if not isinstance(block, dict) or not _word(block.get("type")):
        return {"type": "other", "value": block}
    kind, data = block["type"], block.get("base64") or block.get("data")
    if kind == "text":
        return {"type": "text", "text": block.get("text")}
    if kind == "image" and isinstance(block.get("url"), str):
        return {"type": "image_url", "image_url": {"url": block["url"]}}
    if kind == "image" and isinstance(data, str):
        mime = _word(block.get("mime_type")) or "image/png"
        return {"type": "image_url", "image_url": {"url": f"data:{mime};base64,{data}"}}
    if kind == "image_url" and isinstance(block.get("image_url"), str):
        return {"type": "image_url", "image_url": {"url": block["image_url"]}}
    return block


def _is_lossy(content: Any) -> bool:
    """Whether a content has blocks that stand elsewhere in the message, with less in them."""
    return isinstance(content, list) and any(
        isinstance(block, dict) and block.get("type") not in ("text", "image_url")
        for block in content
    )


def _thoughts(block: Record) -> list[str]:
    told = map(shapes.text, (block.get("thinking"), block.get("reasoning")))
    return [*shapes.texts(block.get("summary")), *filter(None, told)]


def _word(value: Any) -> str | None:
    return value[:255] if isinstance(value, str) and value else None


def text_of(content: Any) -> str:
    """The text of a content, clean."""
    found, _ = _content(content)
    texts = [found] if isinstance(found, str) else [part.get("text") for part in found]
    text = "\n".join(one for one in texts if isinstance(one, str))
    return str(values.checked(text, 0)[0])
