"""Anthropic form: content blocks, tool results inside user messages, the system text apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sessions_app.core.forms import checks, otel
from sessions_app.core.forms.common import OURS, Body, Part, Source

MARKS = frozenset(
    {
        "stop_reason", "stop_sequence", "stop_details", "container", "context_management",
        "diagnostics", "input_transformations",
    }
)  # fmt: skip
FIELDS = OURS | MARKS | {"role", "content", "id", "type"}
ASSISTANT_ONLY = frozenset(
    {
        "tool_use", "thinking", "redacted_thinking", "server_tool_use", "mcp_tool_use",
        "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
        "bash_code_execution_tool_result", "text_editor_code_execution_tool_result",
        "tool_search_tool_result", "advisor_tool_result", "mcp_tool_result",
    }
)  # fmt: skip
BLOCK_TYPES = ASSISTANT_ONLY | {
    "tool_result", "document", "search_result", "container_upload", "compaction", "fallback",
    "tool_addition", "tool_removal", "mcp_tool_listing", "tool_reference",
}  # fmt: skip
PDF = "application/pdf"
FOREIGN_ID_CHARACTERS = re.compile(r"[^a-zA-Z0-9_-]")


def marks(block: Part) -> bool:
    """Whether a content block can only be Anthropic's."""
    kind = block.get("type")
    if kind == "image":
        return "source" in block
    if kind == "text":
        return bool(block.get("cache_control") or block.get("citations"))
    return kind in BLOCK_TYPES


def fields(given: Body) -> frozenset[str]:
    return FIELDS


def implied_role(given: Body) -> str | None:
    return None


def check(role: str, body: Body, path: str) -> None:
    """Raise for blocks that have not the shape of Anthropic's, or stand in the wrong role."""
    param = checks.at(path, "content")
    if body.get("type", "message") != "message":
        raise checks.invalid(checks.at(path, "type"), "must be `message`.")
    content = body.get("content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise checks.invalid(param, "must be a string or a list of content blocks.")
    if not content and role != "assistant":
        raise checks.invalid(param, "must not be an empty list.")
    for index, block in enumerate(checks.blocks(content, param)):
        where = checks.at(param, index)
        _check_place(role, block["type"], where)
        _check_block(block, where)


def _check_place(role: str, kind: str, path: str) -> None:
    if kind in ASSISTANT_ONLY and role != "assistant":
        raise checks.invalid(checks.at(path, "type"), "belongs to the role `assistant`.")
    if kind == "tool_result" and role not in ("user", "tool"):
        raise checks.invalid(checks.at(path, "type"), "belongs to the role `user`.")
    if kind != "tool_result" and role == "tool":
        raise checks.invalid(checks.at(path, "type"), "must be `tool_result` in the role `tool`.")


def _check_block(block: Part, path: str) -> None:
    kind = block["type"]
    if kind == "text":
        checks.strings(block, path, "text")
    elif kind == "thinking":
        checks.strings(block, path, "thinking")
    elif kind == "redacted_thinking":
        checks.strings(block, path, "data")
    elif kind == "tool_use":
        checks.words(block, path, "id", "name")
        checks.an_object(block.get("input"), checks.at(path, "input"))
    elif kind in ("image", "document"):
        where = checks.at(path, "source")
        checks.words(checks.an_object(block.get("source"), where), where, "type")
    elif kind == "tool_result":
        checks.words(block, path, "tool_use_id")
        _check_result(block.get("content"), checks.at(path, "content"))


def _check_result(content: object, path: str) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise checks.invalid(path, "must be a string or a list of content blocks.")
    for index, block in enumerate(checks.blocks(content, path)):
        where = checks.at(path, index)
        if block["type"] in ("tool_use", "tool_result"):
            raise checks.invalid(checks.at(where, "type"), "cannot stand inside a tool result.")
        _check_block(block, where)


def split(role: str, body: Body) -> list[tuple[str, Body]]:
    """Tool results of a user message become a `tool` message of their own, before the rest."""
    content = body["content"]
    if role != "user" or isinstance(content, str):
        return [(role, body)]
    results = [block for block in content if block["type"] == "tool_result"]
    rest = [block for block in content if block["type"] != "tool_result"]
    if not results:
        return [(role, body)]
    found = [("tool", {**body, "content": results})]
    if rest:
        found.append(("user", {**body, "content": rest}))
    return found


def _blocks(body: Body, kind: str) -> list[Part]:
    content = body["content"]
    if isinstance(content, str):
        return []
    return [block for block in content if block["type"] == kind]


def call_ids(role: str, body: Body) -> tuple[str, ...]:
    return tuple(block["id"] for block in _blocks(body, "tool_use"))


def result_ids(role: str, body: Body) -> tuple[str, ...]:
    return tuple(block["tool_use_id"] for block in _blocks(body, "tool_result"))


def parts(role: str, body: Body) -> list[Part]:
    """The raw parts of an Anthropic message."""
    return list(_content(body["content"]))


def _content(content: Any) -> Iterator[Part]:
    if isinstance(content, str):
        yield otel.text(content)
    else:
        yield from map(_part, content)


def _part(block: Part) -> Part:
    kind = block["type"]
    if kind == "text":
        return otel.text(block["text"])
    if kind == "thinking":
        return otel.reasoning(block["thinking"])
    if kind == "redacted_thinking":
        return otel.reasoning("", len(block["data"]))
    if kind == "tool_use":
        return otel.tool_call(block["id"], block["name"], block["input"])
    if kind == "tool_result":
        return _response(block)
    if kind in ("image", "document"):
        return _media(block)
    if kind == "container_upload" and isinstance(block.get("file_id"), str):
        return otel.file(block["file_id"])
    return otel.generic(block)


def _response(block: Part) -> Part:
    content = block.get("content")
    answer = list(map(_part, content)) if isinstance(content, list) else content or ""
    more = {"is_error": True} if block.get("is_error") is True else {}
    return otel.response(block["tool_use_id"], answer, **more)


def _media(block: Part) -> Part:
    source = block["source"]
    kind = source["type"]
    image = "image" if block["type"] == "image" else None
    if kind == "base64" and _texts(source, "media_type", "data"):
        more = {"filename": block["title"]} if isinstance(block.get("title"), str) else {}
        return otel.blob(source["media_type"], source["data"], **more)
    if kind == "url" and _texts(source, "url"):
        return otel.uri(source["url"], image, None if image else PDF)
    if kind == "file" and _texts(source, "file_id"):
        return otel.file(source["file_id"], image)
    if kind == "text" and _texts(source, "data"):
        return otel.text(source["data"])
    return otel.generic(block)


def _texts(found: Part, *names: str) -> bool:
    return all(isinstance(found.get(name), str) for name in names)


def render(sources: Iterable[Source], system: Any) -> tuple[Any, list[Body]]:
    """The messages for Anthropic, neighbours of one role merged, and the system text apart.

    System messages at the very start join the system text; later ones become user text.
    """
    leading = True
    system = None if otel.is_blank(system) else system
    above = [{**block, "type": "text"} for block in _listed(system or []) if block["text"].strip()]
    lifted = False
    rendered: list[Body] = []
    for source in sources:
        instruction = source.role in ("system", "developer")
        leading = leading and instruction
        if leading:
            above += _instruction(source)
            lifted = True
            continue
        _place(rendered, _role(source.role), _sent_content(source))
    _give_own_ids(rendered)
    if lifted:
        return _above(above), rendered
    return (system if isinstance(system, str | None) else above), rendered


def _instruction(source: Source) -> list[Body]:
    if source.form == "anthropic":
        return _listed(source.body["content"])
    return [_text(otel.placeholder(part)) for part in source.parts if part["type"] != "reasoning"]


def _above(blocks: list[Body]) -> Any:
    kept = [block for block in blocks if not _blank(block)]
    if not kept:
        return None
    if all(block.keys() == {"type", "text"} for block in kept):
        return "\n\n".join(block["text"] for block in kept)
    return kept


def _role(role: str) -> str:
    return "assistant" if role == "assistant" else "user"


def _sent_content(source: Source) -> Any:
    if source.role in ("system", "developer"):
        inner = "\n".join(map(otel.placeholder, source.parts))
        return f"<system>\n{inner}\n</system>" if inner.strip() else ""
    if source.form == "anthropic":
        return source.body["content"]
    if isinstance(source.body.get("content"), str) and _only_text(source.parts):
        return source.body["content"]
    return [
        block
        for part in source.parts
        if part["type"] != "reasoning"
        for block in [_sent(part, source.role)]
    ]


def _only_text(parts: list[Part]) -> bool:
    return len(parts) == 1 and parts[0]["type"] == "text"


def _sent(part: Part, role: str) -> Body:
    kind = part["type"]
    if kind == "tool_call":
        return _call(part)
    if kind == "tool_call_response":
        return _result(part)
    return _media_block(part) if role in ("user", "tool") else _text(otel.placeholder(part))


def _call(part: Part) -> Body:
    given = part["arguments"] if part.get("custom") else otel.parsed(part["arguments"])
    if isinstance(given, str) and not given.strip():
        given = {}
    arguments = given if isinstance(given, dict) else {"arguments": given}
    return {"type": "tool_use", "id": part["id"], "name": part["name"], "input": arguments}


def _result(part: Part) -> Body:
    content = part["response"]
    if not isinstance(content, str):
        content = [_media_block(entry) for entry in content]
    return {"type": "tool_result", "tool_use_id": part["id"], "content": content}


def _media_block(part: Part) -> Body:
    kind = part["type"]
    image = part.get("modality") == "image"
    block = "image" if image else "document"
    if kind == "blob" and (image or part["mime_type"] == PDF):
        source = {"type": "base64", "media_type": part["mime_type"], "data": part["content"]}
        return {"type": block, "source": source}
    if kind == "uri" and (image or part.get("mime_type") == PDF):
        return {"type": block, "source": {"type": "url", "url": part["uri"]}}
    return _text(otel.placeholder(part))


def _text(text: str) -> Body:
    return {"type": "text", "text": text}


def _listed(content: Any) -> list[Body]:
    return [_text(content)] if isinstance(content, str) else list(content)


def _blank(block: Body) -> bool:
    return block["type"] == "text" and not block["text"].strip()


def _place(rendered: list[Body], role: str, content: Any) -> None:
    """Add content to the message before when that has the same role. Nothing blank is sent, and
    a thought without its signature is not either: the provider refuses both."""
    if isinstance(content, list):
        content = [_clean(block) for block in content if _sendable(block)]
    elif not content.strip():
        return
    if not content:
        return
    if rendered and rendered[-1]["role"] == role:
        joined = [*_listed(rendered[-1]["content"]), *_listed(content)]
        rendered[-1]["content"] = joined if role == "assistant" else _results_first(joined)
    else:
        rendered.append({"role": role, "content": content})


def _sendable(block: Body) -> bool:
    if block["type"] == "thinking":
        return bool(block.get("signature"))
    return not _blank(block)


def _clean(block: Body) -> Body:
    """A tool result without blank texts inside."""
    content = block.get("content")
    if block["type"] != "tool_result" or not isinstance(content, list):
        return block
    kept = [entry for entry in content if not _blank(entry)]
    return block if len(kept) == len(content) else {**block, "content": kept}


def _results_first(blocks: list[Body]) -> list[Body]:
    return sorted(blocks, key=lambda block: block["type"] != "tool_result")


def _give_own_ids(rendered: list[Body]) -> None:
    """Anthropic takes each call's id once in a conversation, and only of certain characters.

    Other clients count calls from 1 in every step. A call whose id was used before gets a number
    behind it, and its result with it; results follow their calls directly.
    """
    used: set[str] = set()
    names: dict[str, str] = {}
    for message in rendered:
        if isinstance(message["content"], list):
            message["content"] = [_with_id(block, names, used) for block in message["content"]]


def _with_id(block: Body, names: dict[str, str], used: set[str]) -> Body:
    if block["type"] == "tool_use":
        given = block["id"]
        names[given] = own = _own_id(given, used)
        used.add(own)
        return block if own == given else {**block, "id": own}
    if block["type"] == "tool_result":
        asked = block["tool_use_id"]
        renamed = names.get(asked, asked)
        return block if renamed == asked else {**block, "tool_use_id": renamed}
    return block


def _own_id(given: str, used: set[str]) -> str:
    base = own = FOREIGN_ID_CHARACTERS.sub("_", given)
    count = 1
    while own in used:
        count += 1
        own = f"{base}_{count}"
    return own
