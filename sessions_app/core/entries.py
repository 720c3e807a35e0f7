"""Entries as they lie in the log, and as they are shown: the message out and the event out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from sessions_app.core import instants, messages
from sessions_app.core.messages import Message
from sessions_app.core.replay import Entry

FORM_CODES = {"openai": 0, "anthropic": 1, "responses": 2}
FORM_NAMES = tuple(FORM_CODES)


class StoredMessage(NamedTuple):
    """A message of the log; `body` is its JSON text, empty after an erasure.

    `turn` and `tokens_total` count everything up to and including it; `turn_start` is the seq of
    the user message that began its turn, 0 before the first; `created_us` is in microseconds.
    """

    seq: int
    version: int
    turn: int
    turn_start: int
    role: str
    form: int
    tokens: int
    tokens_total: int
    tokens_estimated: bool
    created_us: int
    body: str

    def message(self) -> Message:
        """The message in the form it came in; an erased one has an empty body."""
        body = orjson.loads(self.body) if self.body else {}
        return Message(self.role, FORM_NAMES[self.form], body, self.created_us)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of the log; `data` is its JSON text, empty after an erasure."""

    version: int
    kind: str
    created_us: int
    data: str

    def entry(self) -> Entry:
        """The event as replay takes it."""
        return Entry(self.version, self.kind, self.created_us, orjson.loads(self.data or "{}"))


def message_id(session: UUID, seq: int) -> str:
    """The public id of a message."""
    return f"msg_{session.hex}_{seq}"


def message_out(session: UUID, stored: StoredMessage) -> dict[str, Any]:
    """The message out of the HTTP contract: what came in, and what the log knows of it."""
    body: dict[str, Any] = orjson.loads(stored.body) if stored.body else {}
    out: dict[str, Any] = {
        "seq": stored.seq,
        "id": message_id(session, stored.seq),
        "version": stored.version,
        "role": stored.role,
        **body,
        "created_at": instants.render(stored.created_us),
        "tokens": stored.tokens,
        "tokens_estimated": stored.tokens_estimated,
    }
    if "content" not in body:
        out["content"] = None
    if not stored.body:
        out["erased"] = True
    elif not messages.is_plain(body):
        message = Message(stored.role, FORM_NAMES[stored.form], body, stored.created_us)
        out["parts"] = messages.parts(message)
    return out


def event_out(stored: StoredEvent) -> dict[str, Any]:
    """The event out of the HTTP contract."""
    return {
        "version": stored.version,
        "kind": stored.kind,
        "created_at": instants.render(stored.created_us),
        "data": orjson.loads(stored.data or "{}"),
    }


def entries_out(
    session: UUID, said: Iterable[StoredMessage], events: Iterable[StoredEvent]
) -> list[dict[str, Any]]:
    """Messages and events together, in version order."""
    shown = [message_out(session, item) for item in said]
    shown += [event_out(item) for item in events]
    return sorted(shown, key=lambda item: int(item["version"]))
