"""One session: its header and a window of its transcript."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse

from sessions_app import answers, auth, clock, parameters
from sessions_app.calls import Parameter
from sessions_app.core.entries import StoredEvent, StoredMessage, entries_out
from sessions_app.core.errors import InvalidField, NotFound
from sessions_app.core.replay import Entry
from sessions_app.http import json_response
from sessions_app.parameters import LARGEST
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot, Window

from .. import access, transcript, windows
from ..asked import asked
from ..rendering import show, twin_address
from ..titles import titles
from ..transcript import Look
from ..windows import Span

MOST_EVENTS = 200
ASKED: Mapping[str, Parameter] = {
    "before": parameters.integer(1, LARGEST, "The messages before this one."),
    "after": parameters.integer(0, LARGEST, "The messages after this one."),
}
ASKED_OF_ONE: Mapping[str, Parameter] = {
    "whole": parameters.boolean("All of the message, however long."),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A window of a session's log. `prompt` is the event with its system text and tools."""

    session: Snapshot
    span: Span
    messages: list[StoredMessage]
    events: list[StoredEvent]
    prompt: Entry


@access.page
def page(request: HttpRequest, session: UUID) -> HttpResponse:
    """The newest messages, or those before or after one."""
    part = _window(session, asked(request, ASKED))
    return _shown(request, part, Look(get_store(auth.alias()).overlay(part.session)))


@access.twin
def twin(request: HttpRequest, session: UUID) -> HttpResponse:
    """The same as JSON."""
    return _answered(_window(session, asked(request, ASKED)))


@access.page
def message_page(request: HttpRequest, session: UUID, seq: int) -> HttpResponse:
    """The messages around one, which is pointed out."""
    wanted = asked(request, ASKED_OF_ONE)
    part = _around(session, seq)
    state = get_store(auth.alias()).overlay(part.session)
    return _shown(request, part, Look(state, seq, wanted.get("whole", False)))


@access.twin
def message_twin(request: HttpRequest, session: UUID, seq: int) -> HttpResponse:
    """The same as JSON."""
    asked(request, ASKED_OF_ONE)
    return _answered(_around(session, seq))


def _window(session: UUID, wanted: Mapping[str, Any]) -> Part:
    if len(wanted) > 1:
        raise InvalidField("Send only one of `after` and `before`.", param="before")
    found = get_store(auth.alias()).get(access.project(), session)
    span = windows.newest(found.messages)
    if "before" in wanted:
        span = windows.before(found.messages, wanted["before"])
    elif "after" in wanted:
        span = windows.after(found.messages, wanted["after"])
    return _part(found, span)


def _around(session: UUID, seq: int) -> Part:
    found = get_store(auth.alias()).get(access.project(), session)
    if not 1 <= seq <= found.messages:
        raise NotFound(f"The session has no message {seq}; it has {found.messages}.")
    return _part(found, windows.around(found.messages, seq))


def _part(session: Snapshot, span: Span) -> Part:
    """One message more in front tells which events lie between it and the window."""
    store = get_store(auth.alias())
    size = max(0, span.last - span.first + 1)
    wider = store.messages(session, Window(after=max(0, span.first - 2), limit=size + 1))
    messages = [row for row in wider if span.first <= row.seq <= span.last]
    events = store.events(
        session,
        after=wider[0].version if span.earlier else 0,
        before=messages[-1].version if span.later else None,
        limit=MOST_EVENTS,
    )
    return Part(session, span, messages, events, store.prompt(session))


def _shown(request: HttpRequest, part: Part, look: Look) -> HttpResponse:
    session = part.session
    rows = transcript.rows(part.messages, part.events, look)
    context = {
        "session": session,
        "title": titles(auth.alias(), [session])[session.number],
        "status": answers.status(session, clock.now_us()),
        "tags": orjson.loads(session.tags),
        "system": part.prompt.data.get("system"),
        "tools": part.prompt.data.get("tools") or [],
        "tool_names": [_tool_name(tool) for tool in part.prompt.data.get("tools") or ()],
        "prompt_tokens": _prompt_tokens(part.prompt.data),
        "rows": rows,
        "turns": transcript.outline(rows),
        "span": part.span,
        "cut_events": len(part.events) == MOST_EVENTS,
        "anchor": look.anchor,
        "twin": twin_address(request),
    }
    return show(request, "session", context)


def _tool_name(tool: Mapping[str, Any]) -> str:
    """The name of a tool in whichever provider's form it is."""
    function = tool.get("function")
    named = function if isinstance(function, dict) else tool
    return str(named.get("name") or named.get("type") or "unnamed")


def _prompt_tokens(data: Mapping[str, Any]) -> int:
    return int(data.get("system_tokens", 0)) + int(data.get("tools_tokens", 0))


def _answered(part: Part) -> HttpResponse:
    session = part.session
    payload = {
        "session": answers.session_out(session, part.prompt, clock.now_us()),
        "entries": entries_out(session.id, part.messages, part.events),
        "earlier": part.span.earlier,
        "later": part.span.later,
    }
    return json_response(200, payload)
