"""The parts of a message, named as in the OpenTelemetry GenAI message schema.

A form yields raw parts: arguments stay the text they came as, so a provider that takes text gets
that very text. `public` turns a raw part into what callers see. Two marks are for raw parts only:
`custom` (a call whose arguments are free text) and `opaque` (characters that only the provider
can read).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

Part = dict[str, Any]

RAW_ONLY = frozenset({"custom", "opaque"})
DATA_URL = re.compile(r"data:([^;,]*)(?:;[^,]*)?;base64,(.*)", re.DOTALL)
LONG_NUMBER = re.compile(r"\d{19}")
MODALITIES = ("image", "audio", "video")
MAX_DEPTH = 100


def text(content: str) -> Part:
    return {"type": "text", "content": content}


def reasoning(content: str, opaque: int = 0) -> Part:
    return {"type": "reasoning", "content": content, **({"opaque": opaque} if opaque else {})}


def tool_call(call_id: Any, name: str, arguments: Any, *, custom: bool = False) -> Part:
    call = {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}
    return {**call, "custom": True} if custom else call


def response(call_id: Any, content: str | list[Part], **more: Any) -> Part:
    return {"type": "tool_call_response", "id": call_id, "response": content, **more}


def blob(mime_type: str, content: str, **more: Any) -> Part:
    found = {"type": "blob", "mime_type": mime_type, "content": content}
    return {**found, **_modality(mime_type), **more}


def uri(address: str, modality: str | None = None, mime_type: str | None = None) -> Part:
    found: Part = {"type": "uri", "uri": address}
    if mime_type:
        found["mime_type"] = mime_type
    if modality:
        found["modality"] = modality
    return found


def file(file_id: str, modality: str | None = None) -> Part:
    return {"type": "file", "file_id": file_id, **({"modality": modality} if modality else {})}


def generic(value: Any) -> Part:
    return {"type": "generic", "value": value}


def link(address: str, modality: str | None = None) -> Part:
    """A data URL as a blob, any other address as a uri."""
    found = DATA_URL.fullmatch(address)
    if found:
        return blob(found[1] or "application/octet-stream", found[2])
    return uri(address, modality)


def _modality(mime_type: str) -> dict[str, str]:
    kind = mime_type.partition("/")[0]
    return {"modality": kind} if kind in MODALITIES else {}


def parsed(arguments: Any) -> Any:
    """The JSON value of an arguments text; the text itself where it is no JSON that survives being
    written again (whole numbers over 64 bits, extreme depth)."""
    if not isinstance(arguments, str):
        return arguments
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    return arguments if LONG_NUMBER.search(arguments) or _too_deep(value) else value


def _too_deep(value: Any, left: int = MAX_DEPTH) -> bool:
    if not left:
        return True
    if isinstance(value, dict):
        return any(_too_deep(entry, left - 1) for entry in value.values())
    return isinstance(value, list) and any(_too_deep(entry, left - 1) for entry in value)


def as_json(value: Any) -> str:
    """A value as compact JSON text; a text stays as it is."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def public(part: Part) -> Part:
    """A part as callers see it."""
    shown = {name: value for name, value in part.items() if name not in RAW_ONLY}
    if part["type"] == "tool_call" and not part.get("custom"):
        shown["arguments"] = parsed(part["arguments"])
    return shown


def text_pieces(parts: list[Part]) -> Iterator[str]:
    """Every searchable text of the parts, empty ones left out."""
    for part in parts:
        yield from filter(None, _pieces(part))


def _pieces(part: Part) -> Iterator[str]:
    kind = part["type"]
    if kind in ("text", "reasoning"):
        yield part["content"]
    elif kind == "tool_call":
        yield part["name"]
        yield as_json(part["arguments"])
    elif kind == "tool_call_response":
        yield from response_pieces(part["response"])


def response_pieces(content: str | list[Part]) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    else:
        yield from text_pieces(content)


def placeholder(part: Part) -> str:
    """What stands for a part where a provider takes text only. Never the bytes themselves: as
    text they would cost far more than they were counted as."""
    kind = part["type"]
    if kind == "text":
        return str(part["content"])
    if kind == "blob":
        return f"[{part.get('modality', 'file')}: {part['mime_type']}]"
    if kind == "uri":
        return f"[{part.get('modality', 'file')}: {part['uri']}]"
    if kind == "file":
        return f"[{part.get('modality', 'file')}: {part['file_id']}]"
    return as_json(part.get("value", public(part)))


def is_blank(system: Any) -> bool:
    """Whether a system text, plain or in blocks, says nothing."""
    texts = [system] if isinstance(system, str) else [block["text"] for block in system or ()]
    return not any(text.strip() for text in texts)


def response_text(content: str | list[Part]) -> str:
    """A tool's answer as one text."""
    return content if isinstance(content, str) else "\n".join(map(placeholder, content))
