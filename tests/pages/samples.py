"""Sessions to look at, put into the store the way any caller would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from sessions_app import preparing
from sessions_app.models import Project
from sessions_app.store import get_store
from sessions_app.store.base import NewSession, Snapshot

Payload = dict[str, Any]

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "search_flights", "arguments": '{"day":"Friday"}'},
}
TOOL = {"type": "function", "function": {"name": "search_flights", "parameters": {}}}


def user(text: str, **more: Any) -> Payload:
    return {"role": "user", "content": text, **more}


def assistant(text: str | None = None, **more: Any) -> Payload:
    return {"role": "assistant", "content": text, **more}


def result(text: str, call: str = "call_1") -> Payload:
    return {"role": "tool", "tool_call_id": call, "content": text}


TALK = (
    user("Move my flight to Friday"),
    assistant(tool_calls=[CALL]),
    result("ME 422 at 13:20"),
    assistant("ME 422 leaves at 13:20.", model="gpt-5-mini", latency_ms=812),
)


def session(project: Project, said: Sequence[Payload] = TALK, **new: Any) -> Snapshot:
    """A session with these messages; `new` as for NewSession, and `system` and `tools`."""
    store = get_store()
    prompt = preparing.prompt(new.pop("system", None), new.pop("tools", None))
    opened = store.open(project.pk, NewSession(prompt=prompt, **new)).session
    for start in range(0, len(said), preparing.MAX_BATCH):
        part = said[start : start + preparing.MAX_BATCH]
        store.append(project.pk, opened.id, preparing.batch(part))
    return store.get(project.pk, opened.id)


def talk(turns: int) -> list[Payload]:
    """A question and an answer, as often as asked for."""
    pairs = ((user(f"Question {turn}"), assistant(f"Answer {turn}")) for turn in range(turns))
    return [message for pair in pairs for message in pair]


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that SQLite runs, those below Django's cursors too."""
    if connection.vendor != "sqlite":
        pytest.skip("statements are counted on SQLite")
    connection.ensure_connection()
    ran: list[str] = []
    connection.connection.set_trace_callback(ran.append)
    try:
        yield ran
    finally:
        connection.connection.set_trace_callback(None)
