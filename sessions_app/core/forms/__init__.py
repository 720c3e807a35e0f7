"""The provider forms: which one a message is in, and how a history is written for each.

A form is a module with `fields`, `implied_role`, `check`, `split`, `parts`, `call_ids`,
`result_ids` and `render`; none of them knows the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sessions_app.core.forms import anthropic, openai_chat, otel, responses
from sessions_app.core.forms.common import Body, Given, Part, Source

__all__ = ["FORMS", "Form", "Rendered", "form_of", "render", "tools"]


class Form(Protocol):
    """What a form module offers. `fields` are the known top-level names, `implied_role` the role
    its type alone decides, `split` the messages one payload is kept as."""

    def fields(self, given: Body) -> frozenset[str]: ...
    def implied_role(self, given: Body) -> str | None: ...
    def check(self, role: str, body: Body, path: str) -> None: ...
    def split(self, role: str, body: Body) -> list[tuple[str, Body]]: ...
    def parts(self, role: str, body: Body) -> list[Part]: ...
    def call_ids(self, role: str, body: Body) -> tuple[str, ...]: ...
    def result_ids(self, role: str, body: Body) -> tuple[str, ...]: ...
    def render(self, sources: Iterable[Source], system: Any) -> tuple[Any, list[Body]]: ...


@dataclass(frozen=True)
class Rendered:
    """What a provider's client takes: `system` is apart for Anthropic only, None elsewhere."""

    system: str | list[Any] | None
    messages: list[Body]


FORMS: dict[str, Form] = {
    "openai": openai_chat,
    "anthropic": anthropic,
    "responses": responses,
}


def form_of(payload: Body) -> str:
    """The form a payload is written in; `openai` where nothing tells otherwise."""
    kind = payload.get("type")
    if isinstance(kind, str) and kind in responses.ITEM_TYPES:
        return "responses"
    if any(payload.get(mark) is not None for mark in openai_chat.MARKS):
        return "openai"
    blocks = _typed_blocks(payload.get("content"))
    if _is_item(payload, kind, blocks):
        return "responses"
    if kind == "message" or any(payload.get(mark) is not None for mark in anthropic.MARKS):
        return "anthropic"
    return "anthropic" if any(map(anthropic.marks, blocks)) else "openai"


def _typed_blocks(content: object) -> list[Part]:
    if not isinstance(content, list):
        return []
    return [b for b in content if isinstance(b, dict) and isinstance(b.get("type"), str)]


def _is_item(payload: Body, kind: object, blocks: list[Part]) -> bool:
    if any(block.get("type") in responses.PART_TYPES for block in blocks):
        return True
    if payload.get("phase") is not None or payload.get("status") is not None:
        return True
    return kind == "message" and isinstance(payload.get("content"), str)


def render(
    form: str, messages: Sequence[Given], *, system: str | list[Any] | None = None
) -> Rendered:
    """A history for one provider.

    Messages of that provider's own form go out as they came in, only without the fields it does
    not take; others go through their parts. Results move up to right behind their calls.
    """
    if form == "openai" and (sent := openai_chat.straight(messages, system)) is not None:
        return Rendered(None, sent)
    sources = [_source(form, message) for message in _settled(form, messages)]
    above, rendered = FORMS[form].render(sources, system)
    return Rendered(above, rendered)


def _source(form: str, message: Given) -> Source:
    """The message with the parts its rendering needs: none where it goes back as it came."""
    if form == message.form and message.role in ("user", "assistant", "tool"):
        return Source(message.role, form, message.body, [])
    found = FORMS[message.form].parts(message.role, message.body)
    if (form == "anthropic") != (message.form == "anthropic"):
        found = [_without_foreign_file(part) for part in found]
    return Source(message.role, message.form, message.body, found)


def _without_foreign_file(part: Part) -> Part:
    """File ids mean nothing to another provider."""
    if part["type"] == "file":
        return otel.text(otel.placeholder(part))
    if part["type"] == "tool_call_response" and isinstance(part["response"], list):
        return {**part, "response": [_without_foreign_file(entry) for entry in part["response"]]}
    return part


def _settled(form: str, messages: Sequence[Given]) -> list[Given]:
    """The messages with each result right behind the run of calls it belongs to. A history that
    is in order comes back as it is."""
    answers = _Answers(messages)
    settled: list[Given] = []
    calls: list[str] = []
    for index, message in enumerate(messages):
        if calls and _ends_calls(form, message):
            settled += answers.take(calls, index)
            calls = []
        if index in answers.taken:
            continue
        settled.append(message)
        if message.role == "assistant":
            calls += FORMS[message.form].call_ids(message.role, message.body)
    return settled


def _ends_calls(form: str, message: Given) -> bool:
    """Whether the answers have to come before this message. For Responses, words of the assistant
    are an item like any other; elsewhere they join the message that calls."""
    if message.role != "assistant":
        return True
    if form != "responses":
        return False
    found = FORMS[message.form].parts(message.role, message.body)
    return any(part["type"] not in ("reasoning", "tool_call") for part in found)


class _Answers:
    """Where the first result of each call stands, and which were already moved."""

    def __init__(self, messages: Sequence[Given]) -> None:
        self.messages = messages
        self.taken: set[int] = set()
        self.places: dict[str, int] = {}
        for index, message in enumerate(messages):
            if message.role == "tool":
                for call_id in FORMS[message.form].result_ids(message.role, message.body):
                    self.places.setdefault(call_id, index)

    def take(self, calls: list[str], start: int) -> list[Given]:
        """The messages from `start` on that answer `calls`, in the order they came."""
        places = {self.places[call_id] for call_id in calls if call_id in self.places}
        found = sorted(place for place in places - self.taken if place >= start)
        self.taken.update(found)
        return [self.messages[place] for place in found]


def tools(form: str, given: list[Any]) -> list[Any]:
    """Tool definitions written for `form`; what is of no known form stays as it is."""
    return [_tool(form, tool) for tool in given]


def _tool(form: str, tool: Any) -> Any:
    found = _function(tool)
    if found is None or found[0] == form:
        return tool
    _, function = found
    if form == "openai":
        return {"type": "function", "function": function}
    if form == "responses":
        return {"type": "function", "strict": False, "parameters": None, **function}
    return _anthropic_tool(function)


def _function(tool: Any) -> tuple[str, Body] | None:
    """The form of a function tool and its name, description, parameters and strict."""
    if not isinstance(tool, dict):
        return None
    if tool.get("type") == "function" and isinstance(tool.get("function"), dict):
        return "openai", tool["function"]
    if tool.get("type") == "function" and "name" in tool:
        return "responses", _picked(tool, "parameters")
    if tool.get("type") in (None, "custom") and "input_schema" in tool:
        return "anthropic", _picked(tool, "input_schema")
    return None


def _picked(tool: Body, schema: str) -> Body:
    function = {name: tool[name] for name in ("name", "description") if tool.get(name) is not None}
    if tool.get(schema) is not None:
        function["parameters"] = tool[schema]
    if tool.get("strict") is not None:
        function["strict"] = tool["strict"]
    return function


def _anthropic_tool(function: Body) -> Body:
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    tool = {name: value for name, value in function.items() if name not in ("parameters", "strict")}
    return {**tool, "input_schema": schema}
