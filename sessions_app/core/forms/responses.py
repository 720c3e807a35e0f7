"""OpenAI Responses form: every message, call, output and thought is an item of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sessions_app.core.forms import checks, otel
from sessions_app.core.forms.common import OURS, Body, Part, Source

SENT = {
    "message": "id content role status type phase",
    "reasoning": "id summary type content encrypted_content status",
    "function_call": "async arguments call_id name type id caller namespace status",
    "function_call_output": "output type id call_id caller name namespace status",
    "custom_tool_call": "async call_id input name type id caller namespace status",
    "custom_tool_call_output": "call_id output type id caller status",
    "file_search_call": "id queries status type results",
    "web_search_call": "id action status type",
    "computer_call": "id call_id pending_safety_checks status type action actions",
    "computer_call_output": "call_id output type id acknowledged_safety_checks status",
    "code_interpreter_call": "id code container_id outputs status type",
    "image_generation_call": "id result status type action background error output_format quality"
    " revised_prompt size svg_usage",
    "local_shell_call": "id action call_id status type",
    "local_shell_call_output": "id output type status call_id",
    "shell_call": "action call_id type id caller environment status",
    "shell_call_output": "call_id output type id caller max_output_length status",
    "apply_patch_call": "call_id operation status type id caller",
    "apply_patch_call_output": "call_id status type id caller output",
    "tool_search_call": "arguments type id call_id execution status",
    "tool_search_output": "tools type id call_id execution status",
    "mcp_call": "id arguments name server_label type approval_request_id error output status",
    "mcp_list_tools": "id server_label tools type error",
    "mcp_approval_request": "id arguments name server_label type",
    "mcp_approval_response": "approval_request_id approve type id reason",
    "additional_tools": "role tools type id",
    "configuration_update": "type id reasoning text",
    "compaction": "encrypted_content type id",
    "compaction_trigger": "type id",
    "item_reference": "id type",
    "program": "id call_id code fingerprint type",
    "program_output": "id call_id result status type",
}
"""The fields of each item type that the provider takes as input."""

SENT_FIELDS = {kind: frozenset(names.split()) for kind, names in SENT.items()}
KNOWN_FIELDS = {kind: names | OURS | {"role", "created_by"} for kind, names in SENT_FIELDS.items()}
ITEM_TYPES = frozenset(SENT) - {"message"}
PART_TYPES = frozenset(
    {"input_text", "output_text", "input_image", "input_file", "summary_text", "reasoning_text"}
)
ROLES = {
    "mcp_approval_response": "tool",
    "configuration_update": "developer",
    "compaction_trigger": "developer",
}
PAIRED = frozenset(
    {
        "function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call",
        "apply_patch_call", "tool_search_call", "program",
    }
)  # fmt: skip
"""Calls that an output item with the same call_id answers; the provider answers the others."""

CALL_DATA = {
    "computer_call": ("action", "actions"),
    "local_shell_call": ("action",),
    "shell_call": ("action",),
    "apply_patch_call": ("operation",),
    "tool_search_call": ("arguments",),
    "program": ("code",),
}
OUTPUT_DATA = ("output", "tools", "result", "status")
TEXT_PARTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})


def kind_of(body: Body) -> str:
    return str(body.get("type") or "message")


def fields(given: Body) -> frozenset[str]:
    return KNOWN_FIELDS.get(kind_of(given), KNOWN_FIELDS["message"])


def implied_role(given: Body) -> str | None:
    kind = kind_of(given)
    if kind in ("message", "additional_tools"):
        return None
    if kind.endswith("_output"):
        return "tool"
    return ROLES.get(kind, "assistant")


def split(role: str, body: Body) -> list[tuple[str, Body]]:
    return [(role, body)]


def check(role: str, body: Body, path: str) -> None:
    """Raise for an item that lacks what ties it to the others or has content of a wrong type."""
    kind = kind_of(body)
    if kind not in SENT:
        raise checks.invalid(checks.at(path, "type"), "is not an item type of the Responses API.")
    if kind == "message":
        _check_message(role, body, path)
    elif kind in ("function_call", "custom_tool_call"):
        checks.words(body, path, "call_id", "name")
        checks.strings(body, path, "input" if kind == "custom_tool_call" else "arguments")
    elif kind in ("function_call_output", "custom_tool_call_output"):
        checks.words(body, path, "call_id")
        _check_content(body.get("output"), checks.at(path, "output"))
    elif kind == "reasoning":
        _check_reasoning(body, path)
    elif "call_id" in body:
        checks.words(body, path, "call_id")


def _check_message(role: str, body: Body, path: str) -> None:
    if role == "tool":
        raise checks.invalid(
            checks.at(path, "role"), "cannot be tool here: send a function_call_output item."
        )
    _check_content(body.get("content"), checks.at(path, "content"))
    if body.get("content") == [] and role != "assistant":
        raise checks.invalid(checks.at(path, "content"), "must not be an empty list.")


def _check_content(content: object, path: str) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise checks.invalid(path, "must be a string or a list of content parts.")
    for index, part in enumerate(checks.blocks(content, path)):
        where = checks.at(path, index)
        kind = part["type"]
        if kind in TEXT_PARTS:
            checks.strings(part, where, "text")
        elif kind == "refusal":
            checks.strings(part, where, "refusal")
        _check_links(part, where)


def _check_links(part: Part, path: str) -> None:
    if part["type"] not in ("input_image", "input_file"):
        return
    for name in ("image_url", "file_id", "file_url", "file_data", "filename"):
        if part.get(name) is not None:
            checks.a_string(part[name], checks.at(path, name))


def _check_reasoning(body: Body, path: str) -> None:
    for name in ("summary", "content"):
        if name in body:
            _check_content(checks.a_list(body[name], checks.at(path, name)), checks.at(path, name))
    if "encrypted_content" in body:
        checks.strings(body, path, "encrypted_content")


def call_ids(role: str, body: Body) -> tuple[str, ...]:
    call_id = body.get("call_id")
    return (call_id,) if call_id and kind_of(body) in PAIRED else ()


def result_ids(role: str, body: Body) -> tuple[str, ...]:
    if not kind_of(body).endswith("_output"):
        return ()
    call_id = _answered(body)
    return (call_id,) if isinstance(call_id, str) and call_id else ()


def _answered(body: Body) -> Any:
    """The local shell's output names the call it answers as its own `id`."""
    if kind_of(body) == "local_shell_call_output":
        return body.get("call_id") or body.get("id")
    return body.get("call_id")


def parts(role: str, body: Body) -> list[Part]:
    """The raw parts of one item."""
    kind = kind_of(body)
    if kind == "message":
        return list(_content(body["content"]))
    if kind == "reasoning":
        return [_reasoning(body)]
    if call_ids(role, body):
        return [_call(kind, body)]
    if result_ids(role, body):
        return [otel.response(_answered(body), _output(body))]
    if kind == "image_generation_call" and isinstance(body.get("result"), str):
        return [otel.blob(f"image/{body.get('output_format', 'png')}", body["result"])]
    return [otel.generic({name: body[name] for name in body if name in SENT_FIELDS[kind]})]


def _reasoning(body: Body) -> Part:
    steps = [*body.get("summary", ()), *body.get("content", ())]
    thought = "\n".join(step["text"] for step in steps if isinstance(step.get("text"), str))
    return otel.reasoning(thought, len(body.get("encrypted_content", "")))


def _call(kind: str, body: Body) -> Part:
    if kind == "function_call":
        return otel.tool_call(body["call_id"], body["name"], body["arguments"])
    if kind == "custom_tool_call":
        return otel.tool_call(body["call_id"], body["name"], body["input"], custom=True)
    name = kind.removesuffix("_call")
    data = {field: body[field] for field in CALL_DATA[kind] if field in body}
    return otel.tool_call(body["call_id"], name, data)


def _output(body: Body) -> str | list[Part]:
    for name in OUTPUT_DATA:
        value = body.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return list(map(_part, value))
        if isinstance(value, dict):
            return [_part(value)]
    return ""


def _content(content: Any) -> Iterator[Part]:
    if isinstance(content, str):
        yield otel.text(content)
    else:
        yield from map(_part, content)


def _part(part: Any) -> Part:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str):
        return otel.generic(part)
    if kind in TEXT_PARTS and isinstance(part.get("text"), str):
        return otel.text(part["text"])
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return otel.text(part["refusal"])
    if kind in ("input_image", "computer_screenshot"):
        return _image(part)
    if kind == "input_file":
        return _file(part)
    return otel.generic(part)


def _image(part: Part) -> Part:
    if isinstance(part.get("image_url"), str):
        return otel.link(part["image_url"], "image")
    if isinstance(part.get("file_id"), str):
        return otel.file(part["file_id"], "image")
    return otel.generic(part)


def _file(part: Part) -> Part:
    if isinstance(part.get("file_id"), str):
        return otel.file(part["file_id"])
    if isinstance(part.get("file_url"), str):
        return otel.uri(part["file_url"])
    data = part.get("file_data")
    if not isinstance(data, str):
        return otel.generic(part)
    linked = otel.link(data) if data.startswith("data:") else otel.blob("application/pdf", data)
    if part.get("filename"):
        linked["filename"] = part["filename"]
    return linked


def render(sources: Iterable[Source], system: Any) -> tuple[Any, list[Body]]:
    """The items for the Responses API; the system text goes in as the first of them."""
    rendered: list[Body] = []
    if not otel.is_blank(system):
        rendered.append({"role": "system", "content": _system(system)})
    for source in sources:
        rendered += _same(source) if source.form == "responses" else _other(source)
    return None, rendered


def _system(system: Any) -> Any:
    if isinstance(system, str):
        return system
    return [{"type": "input_text", "text": block["text"]} for block in system]


def _same(source: Source) -> list[Body]:
    kind = kind_of(source.body)
    if source.body.get("content") == [] and kind == "message":
        return []
    item = {name: source.body[name] for name in source.body if name in SENT_FIELDS[kind]}
    if implied_role(source.body) is None:
        return [{"role": source.role, **item}]
    return [item]


def _other(source: Source) -> list[Body]:
    if source.role == "tool":
        return [_result(part) for part in source.parts if part["type"] == "tool_call_response"]
    said = [p for p in source.parts if p["type"] not in ("reasoning", "tool_call")]
    calls = [_rendered_call(part) for part in source.parts if part["type"] == "tool_call"]
    return [*_message(source.role, said), *calls]


def _message(role: str, said: list[Part]) -> list[Body]:
    if not said:
        return []
    if role != "user" or (len(said) == 1 and said[0]["type"] == "text"):
        return [{"role": role, "content": "\n".join(map(otel.placeholder, said))}]
    return [{"role": role, "content": list(map(_sent, said))}]


def _rendered_call(part: Part) -> Body:
    text = otel.as_json(part["arguments"])
    call: Body = {"call_id": part["id"], "name": part["name"]}
    if part.get("custom"):
        return {"type": "custom_tool_call", **call, "input": text}
    return {"type": "function_call", **call, "arguments": text}


def _result(part: Part) -> Body:
    content = part["response"]
    kind = "custom_tool_call_output" if part.get("custom") else "function_call_output"
    output = content if isinstance(content, str) else list(map(_sent, content))
    return {"type": kind, "call_id": part["id"], "output": output or ""}


def _sent(part: Part) -> Body:
    kind = part["type"]
    image = part.get("modality") == "image"
    if kind == "blob" and part.get("modality") != "audio":
        address = f"data:{part['mime_type']};base64,{part['content']}"
        if image:
            return {"type": "input_image", "detail": "auto", "image_url": address}
        name = part.get("filename", "file")
        return {"type": "input_file", "file_data": address, "filename": name}
    if kind == "uri":
        if image:
            return {"type": "input_image", "detail": "auto", "image_url": part["uri"]}
        return {"type": "input_file", "file_url": part["uri"]}
    if kind == "file":
        return {"type": "input_image" if image else "input_file", "file_id": part["file_id"]}
    return {"type": "input_text", "text": otel.placeholder(part)}
