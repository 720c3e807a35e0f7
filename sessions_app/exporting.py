"""Sessions as text to take away: our own lossless form, and OpenAI chat JSONL for other tools.

Both are streamed, in memory of a page: at most PAGE entries, and about PAGE_OCTETS of them. What a
session holds at the moment its export begins is exported; what is appended meanwhile is not.
Deleted sessions are left out. Messages that were erased have an empty body and salt and keep their
digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import orjson

from sessions_app.core import forms, instants
from sessions_app.core.entries import FORM_NAMES, StoredMessage
from sessions_app.core.logbook import LogEntry, LogMessage
from sessions_app.importers.holdfast_export import FORMAT, VERSION
from sessions_app.store.base import PAGE_OCTETS, Snapshot, Window
from sessions_app.store.reading import Reader

PAGE = 500
FORMATS = ("holdfast", "openai-chat")

Record = dict[str, Any]


def holdfast(store: Reader, project: int, session: UUID | None = None) -> Iterator[bytes]:
    """The lines of an export of one session, or of all of a project in the order they were made.

    Importing it elsewhere and exporting that gives the same bytes. Raises NotFound and
    SessionDeleted before the first line.
    """
    chosen = _chosen(store, project, session)
    return _lines(store, chosen)


def chosen(store: Reader, sessions: Sequence[Snapshot]) -> Iterator[bytes]:
    """The same lines for these sessions, which come in this order."""
    return _lines(store, iter(sessions))


def openai_chat(store: Reader, project: int, session: UUID | None = None) -> Iterator[bytes]:
    """A conversation a line, in pieces: `{"messages": [...]}` with the system text as the first
    message, and `tools`. Messages of other forms are rendered; erased ones are left out.

    Where the log itself begins with a system message and the session has no system text, the line
    says `"system": null`, so that importing it does not take one for the other.
    """
    for snapshot in _chosen(store, project, session):
        yield from _conversation(store, snapshot)


def _chosen(store: Reader, project: int, session: UUID | None) -> Iterator[Snapshot]:
    if session is None:
        return store.sessions(project)
    return iter([store.get(project, session)])


# -- our own form ------------------------------------------------------------------------------


def _lines(store: Reader, sessions: Iterator[Snapshot]) -> Iterator[bytes]:
    yield _line({"format": FORMAT, "version": VERSION})
    count = 0
    for count, snapshot in enumerate(sessions, 1):  # noqa: B007 - counted to the last
        yield from _session_lines(store, snapshot)
    yield _line({"sessions": count})


def _session_lines(store: Reader, snapshot: Snapshot) -> Iterator[bytes]:
    first = _line({"session": _row(snapshot)})
    total = hashlib.sha256(first.rstrip())
    yield first
    for entry in store.log(snapshot):
        line = _line(_entry(entry))
        total.update(line.rstrip())
        yield line
    end = {
        "id": str(snapshot.id),
        "messages": snapshot.messages,
        "events": snapshot.version - snapshot.messages,
        "head": snapshot.head.hex(),
        "sha256": total.hexdigest(),
    }
    yield _line({"end": end})


def _row(snapshot: Snapshot) -> Record:
    return {
        "id": str(snapshot.id),
        "key": snapshot.key,
        "user": snapshot.user,
        "title": snapshot.title,
        "status": snapshot.status,
        "version": snapshot.version,
        "messages": snapshot.messages,
        "active_tokens": snapshot.active_tokens,
        "capacity": snapshot.capacity,
        "window": snapshot.window,
        "policy": snapshot.policy_name,
        "policy_version": snapshot.policy_version,
        "metadata": orjson.loads(snapshot.metadata),
        "tags": orjson.loads(snapshot.tags),
        "created_us": snapshot.created_us,
        "last_activity_us": snapshot.last_activity_us,
        "forked_from": str(snapshot.forked_from) if snapshot.forked_from else None,
        "forked_at": snapshot.forked_at,
        "head": snapshot.head.hex(),
    }


def _entry(entry: LogEntry) -> Record:
    proof = {"salt": entry.salt.hex(), "digest": entry.digest.hex()}
    if isinstance(entry, LogMessage):
        said = {
            "seq": entry.seq,
            "version": entry.version,
            "role": entry.role,
            "form": FORM_NAMES[entry.form],
            "tokens": entry.tokens,
            "estimated": entry.estimated,
            "batch_end": entry.batch_end,
            "at": entry.at,
        }
        return {"message": {**said, **proof, "body": entry.body}}
    happened = {
        "version": entry.version,
        "kind": entry.kind,
        "batch_end": entry.batch_end,
        "at": entry.at,
    }
    return {"event": {**happened, **proof, "data": entry.data}}


def _line(value: Record) -> bytes:
    return orjson.dumps(value) + b"\n"


# -- OpenAI chat -------------------------------------------------------------------------------


def _conversation(store: Reader, snapshot: Snapshot) -> Iterator[bytes]:
    prompt = store.prompt(snapshot).data
    system, tools = prompt.get("system"), prompt.get("tools")
    stored = _messages(store, snapshot)
    first = next(stored, None)
    yield b"{"
    if system is None and first is not None and first.role in ("system", "developer"):
        yield b'"system":null,'
    yield b'"messages":['
    told = [] if system is None else [{"role": "system", "content": system}]
    yield b",".join(map(orjson.dumps, told))
    empty = not told
    for message in () if first is None else _chained(first, stored):
        for shown in _shown(message):
            yield (b"" if empty else b",") + orjson.dumps(shown)
            empty = False
    yield b"]" + (b',"tools":' + orjson.dumps(tools) if tools else b"") + b"}\n"


def _chained(first: StoredMessage, rest: Iterator[StoredMessage]) -> Iterator[StoredMessage]:
    yield first
    yield from rest


def _messages(store: Reader, snapshot: Snapshot) -> Iterator[StoredMessage]:
    """What is in view: no retracted messages, no erased ones."""
    hidden = store.overlay(snapshot).retracted
    seq = 0
    while page := store.messages(snapshot, _window(seq, snapshot)):
        for stored in page:
            if stored.body and not any(first <= stored.seq <= last for first, last in hidden):
                yield stored
        seq = page[-1].seq
        del page, stored  # before the next is read, so that one is in memory and not two


def _window(after: int, snapshot: Snapshot) -> Window:
    return Window(after=after, limit=PAGE, at=snapshot.version, octets=PAGE_OCTETS)


def _shown(stored: StoredMessage) -> list[Record]:
    message = stored.message()
    at = {"created_at": instants.render(stored.created_us)}
    if message.form == "openai":
        return [{"role": message.role, **message.body, **at}]
    rendered = forms.render("openai", [message]).messages
    return [{**shown, **at} for shown in rendered]
