"""What a person can read in a message, for the search: its words without its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from sessions_app.core import messages
from sessions_app.core.messages import Message

BLOB = 256
"""A longer text without a blank, in free data, is bytes in disguise."""


def legible(message: Message) -> str:
    """Texts, reasoning, tool names, arguments, results, names, addresses and the error, a line
    each. JSON is read as its values: a line end written as an escape is no part of a word."""
    if messages.is_plain(message.body):
        return _unescaped(message.body["content"])
    named = [leaf for name in ("author", "name") for leaf in _leaves(message.body.get(name))]
    said = [piece for part in _parts(message) for piece in _part(part)]
    return "\n".join([*named, *said, *_leaves(message.body.get("error"))])


def failed(message: Message) -> bool:
    """Whether the message carries an error, or the result of a tool that failed."""
    if message.body.get("error") or message.body.get("status") == "failed":
        return True
    return message.role == "tool" and any(part.get("is_error") is True for part in _parts(message))


def _parts(message: Message) -> list[dict[str, Any]]:
    """The parts; of a body that fits no form (an older schema, a damaged row) the whole as one, so
    that one message never keeps all others out of the index."""
    try:
        return messages.parts(message) if message.body else []
    except (LookupError, TypeError, ValueError, AttributeError):
        return [{"type": "generic", "value": message.body}]


def _part(part: dict[str, Any]) -> Iterator[str]:
    kind = part["type"]
    if kind in ("text", "reasoning"):
        yield _unescaped(part["content"])
    elif kind == "tool_call":
        yield str(part["name"])
        yield from _leaves(part["arguments"])
    elif kind == "tool_call_response":
        yield from _response(part["response"])
    elif kind == "generic":
        yield from (leaf for leaf in _leaves(part["value"]) if not _is_blob(leaf))
    else:
        yield from (str(part[name]) for name in ("uri", "file_id", "filename") if part.get(name))


def _response(content: str | list[dict[str, Any]]) -> Iterator[str]:
    if isinstance(content, str):
        yield _unescaped(content)
        return
    for part in content:
        yield from _part(part)


def _unescaped(text: str) -> str:
    """The values of a text that is JSON with escapes in it; any other text as it is."""
    if "\\" not in text or text[:1] not in ("{", "["):
        return text
    try:
        return "\n".join(_leaves(orjson.loads(text)))
    except orjson.JSONDecodeError:
        return text


def _leaves(value: Any) -> Iterator[str]:
    """Every name and value in free data, however deep it is."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            for name, inner in reversed(item.items()):
                waiting += (inner, name)
        elif isinstance(item, list):
            waiting += reversed(item)
        elif item is not None and item != "":
            yield str(item)


def _is_blob(text: str) -> bool:
    return len(text) > BLOB and not any(char.isspace() for char in text)
