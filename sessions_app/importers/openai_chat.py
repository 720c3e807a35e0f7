"""Conversations in OpenAI chat form, in the shapes people keep them in.

JSONL: a conversation a line (`{"messages": [...]}` or a list), or one message a line, the file
being one session. JSON: a list of messages, a list of conversations, one conversation, or an
object that holds a list of either under a usual name, with fields of the file around it.

A leading system message becomes the session's system text, unless the conversation has a `system`
of its own (null: none; the message stays a message). A system text of the file holds for
every session in it. Fields that a message does not have go to `metadata.extra`; fields of a
session and what is no message at all, to its metadata or to `imported_records` events.

These messages have no ids, so the n-th message of a file is compared with the n-th stored one. The
session's key is the conversation's own id, or made of the file's name, the place in the file and
the first message: the same file gives the same keys wherever it lies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from sessions_app.core import instants
from sessions_app.importers import base, documents, files, values
from sessions_app.importers.base import (
    Conversation,
    Item,
    Kept,
    Progress,
    Record,
    Said,
    Trouble,
    Unreadable,
)
from sessions_app.importers.files import Source
from sessions_app.importers.shapes import are_records, is_message, is_short, moment

name = "openai-chat"
suffixes = (".jsonl", ".ndjson", ".json")
line_suffixes = (".jsonl", ".ndjson")

MESSAGE_LISTS = ("messages", "history", "traj", "conversation", "trajectory")
SESSION_LISTS = ("sessions", "conversations", "data")
LISTS = frozenset((*MESSAGE_LISTS, *SESSION_LISTS))
SYSTEM_FIELDS = ("system", "system_prompt")
ID_FIELDS = ("id", "session_id", "conversation_id", "thread_id")
HEAD = 6
PROGRESS_EVERY = 500


class _Entry(NamedTuple):
    """A message as it stands in a file."""

    value: Any
    line: int
    mended: bool


@dataclass(slots=True)
class _Around:
    """What stands around a list of messages: fields of the conversation, and of the file."""

    fields: Record = field(default_factory=dict)
    system: str | None = None
    file: Record = field(default_factory=dict)
    number: int = 1
    line: int = 0
    mended: bool = False


def find() -> list[Path]:
    """There is no usual place for such files."""
    return []


def holds(found: Any) -> bool:
    """Whether a value is a conversation or a message."""
    return is_message(found) or bool(_messages_in(found))


def read(path: Path) -> Iterator[Item]:
    """The sessions of one file. Raises Unreadable for a file that cannot be used at all."""
    stem = path.name.partition(".")[0]
    with files.opened(path) as source:
        if path.name.removesuffix(".gz").endswith(line_suffixes) or values.is_lines(source):
            yield from _of_lines(source, stem)
        else:
            yield from _of_document(source, stem)
        if source.broken:
            yield Trouble(0, source.broken)


# -- a value a line ----------------------------------------------------------------------------


def _of_lines(source: Source, stem: str) -> Iterator[Item]:
    """The first good line decides whether lines are messages or conversations."""
    troubles: list[Trouble] = []
    entries = _entries(source, troubles)
    first = next(entries, None)
    if first is not None:
        everything = chain([first], entries)
        if is_message(first.value):
            yield from _with_troubles(_session(_Around(), everything, stem), troubles)
        else:
            yield from _with_troubles(_conversations(everything, _Around(), stem), troubles)
    yield from troubles


def _entries(source: Source, troubles: list[Trouble]) -> Iterator[_Entry]:
    for line in source.lines():
        try:
            value, mended = values.of_line(line)
        except Unreadable as error:
            troubles.append(Trouble(error.line, error.reason))
        else:
            yield _Entry(value, line.number, mended)


def _with_troubles(items: Iterable[Item], troubles: list[Trouble]) -> Iterator[Item]:
    """The items, and between them what could not be read on the way."""
    for item in items:
        yield item
        yield from _drained(troubles)
    yield from _drained(troubles)


def _drained(troubles: list[Trouble]) -> list[Trouble]:
    found, troubles[:] = list(troubles), []
    return found


# -- one document ------------------------------------------------------------------------------


def _of_document(source: Source, stem: str) -> Iterator[Item]:
    """Looks through the document once for what stands around the messages, then reads those."""
    around, firsts = _survey(source)
    listed = _list_of_messages(firsts)
    if listed is None:
        yield from _of_sessions(source, stem, around, firsts)
        return
    troubles: list[Trouble] = []
    said = (entry for named, entry in _elements(source, troubles) if named == listed)
    yield from _with_troubles(_session(around, said, stem), troubles)
    for named, entry in _elements(source, []):
        if named != listed:
            yield Kept(f"{named}:{entry.line}:{_digest(entry.value)}", {named: entry.value})


def _survey(source: Source) -> tuple[_Around, dict[str, Any]]:
    """The members that are no lists, and the first element of each list. A document that is cut
    off is surveyed as far as it goes; reading it will tell."""
    around = _Around()
    firsts: dict[str, Any] = {}
    try:
        for piece in documents.pieces(source, LISTS):
            if piece.element:
                firsts.setdefault(piece.name, piece.value)
            else:
                around.fields[piece.name] = piece.value
                around.mended = around.mended or piece.mended
    except Unreadable:
        if not firsts:
            raise
    return around, firsts


def _list_of_messages(firsts: dict[str, Any]) -> str | None:
    for listed in ("", *MESSAGE_LISTS):
        if is_message(firsts.get(listed)):
            return listed
    return None


def _elements(source: Source, troubles: list[Trouble]) -> Iterator[tuple[str, _Entry]]:
    """The elements of all lists with the lists' names, up to where the document is no JSON."""
    try:
        for piece in documents.pieces(source, LISTS):
            if piece.element:
                yield piece.name, _Entry(piece.value, piece.line, piece.mended)
    except Unreadable as error:
        troubles.append(Trouble(error.line, error.reason))


def _of_sessions(
    source: Source, stem: str, around: _Around, firsts: dict[str, Any]
) -> Iterator[Item]:
    lists = [listed for listed in ("", *LISTS) if listed in firsts]
    if not any(_messages_in(firsts[listed]) for listed in lists):
        raise Unreadable(1, "holds no messages in a shape known here")
    system = _system_of(around.fields)
    of_file = _Around(system=system, file=around.fields)
    troubles: list[Trouble] = []
    entries = (entry for _, entry in _elements(source, troubles))
    yield from _with_troubles(_conversations(entries, of_file, stem), troubles)


# -- conversations -----------------------------------------------------------------------------


def _conversations(entries: Iterator[_Entry], of_file: _Around, stem: str) -> Iterator[Item]:
    begun = False
    for number, entry in enumerate(entries, 1):
        listed = _messages_in(entry.value)
        if listed is None:
            if not begun:
                yield Trouble(entry.line, "holds no messages in a shape known here")
            else:
                yield Kept(f"line:{entry.line}:{_digest(entry.value)}", entry.value)
            continue
        begun = True
        whole = entry.value if isinstance(entry.value, dict) else {}
        fields = {key: value for key, value in whole.items() if value is not listed}
        around = _Around(
            fields, of_file.system, of_file.file, number, entry.line, mended=entry.mended
        )
        told = (_Entry(value, entry.line, entry.mended) for value in listed)
        yield from _session(around, told, stem)


def _messages_in(value: Any) -> list[Any] | None:
    """The list of messages a conversation is or holds."""
    if isinstance(value, list):
        return value if value and is_message(value[0]) else None
    if not isinstance(value, dict) or is_message(value):
        return None
    for listed in MESSAGE_LISTS:
        found = value.get(listed)
        if isinstance(found, list) and (not found or is_message(found[0])):
            return found
    return None


def _session(around: _Around, entries: Iterator[_Entry], stem: str) -> Iterator[Item]:
    """One conversation: what begins it, its messages, and the fields no message has."""
    head = list(islice(entries, HEAD))
    fields = dict(around.fields)
    system, lifted = _system(around, fields, head)
    tools = fields.pop("tools", None)
    if not are_records(tools):
        fields |= {} if tools is None else {"tools": tools}
        tools = []
    said = head if lifted is None else head[1:]
    metadata, over = _session_fields(fields, around.file, lifted)
    yield Conversation(
        key=_key(fields, around.number, said, stem),
        title=_title(fields, said),
        system=system,
        tools=tuple(tools),
        metadata=metadata,
        at=_first_moment(said),
        whole=True,
    )
    for key, value in over.items():
        yield Kept(f"field:{key}", {key: value}, unknown=False)
    for number, entry in enumerate(chain(said, entries), 1):
        yield from _message(entry, number)
        if number % PROGRESS_EVERY == 0:
            yield Progress(1, 2)


def _system(
    around: _Around, fields: Record, head: list[_Entry]
) -> tuple[str | None, Record | None]:
    """The system text, and the message it was taken from with its other fields."""
    explicit = "system" in fields
    own = _system_of(fields)
    if own is not None or explicit:
        return own, None
    first = head[0].value if head else None
    if isinstance(first, dict) and first.get("role") in ("system", "developer"):
        text = _plain_text(first.get("content"))
        if text:
            return text, {key: first[key] for key in first if key not in ("role", "content")}
    return around.system, None


def _system_of(fields: Record) -> str | None:
    """Takes the system text out of the fields around messages, where it is a text."""
    for key in SYSTEM_FIELDS:
        if isinstance(fields.get(key), str):
            return str(fields.pop(key))
        if key in fields and fields[key] is None:
            fields.pop(key)
    return None


def _session_fields(
    fields: Record, of_file: Record, lifted: Record | None
) -> tuple[Record, Record]:
    """What goes to the session's metadata, and what is too large for it."""
    small = {key: value for key, value in fields.items() if is_short(value)}
    over = {key: value for key, value in fields.items() if key not in small and value is not None}
    metadata: Record = {"imported_from": name, **small}
    if of_file:
        metadata["file"] = {key: value for key, value in of_file.items() if is_short(value)}
    if lifted:
        metadata["system_message"] = {key: lifted[key] for key in lifted if is_short(lifted[key])}
    while len(orjson.dumps(metadata)) > base.METADATA_ROOM:
        key, value = metadata.popitem()
        over[key] = value
    return metadata, over


def _key(fields: Record, number: int, said: list[_Entry], stem: str) -> str:
    for key in ID_FIELDS:
        own = fields.get(key)
        if isinstance(own, str) and own:
            return base.bounded_key(f"{name}:{own}")
    first = _digest(said[0].value) if said else "empty"
    return base.bounded_key(f"{name}:{stem}:{number}:{first}")


def _title(fields: Record, said: list[_Entry]) -> str:
    own = fields.get("title")
    texts = [own] if isinstance(own, str) else []
    asked = (
        entry.value for entry in said if is_message(entry.value) and entry.value["role"] == "user"
    )
    return base.title_from([*texts, *(_plain_text(one.get("content")) or "" for one in asked)])


# -- messages ----------------------------------------------------------------------------------


def _message(entry: _Entry, number: int) -> Iterator[Item]:
    if not is_message(entry.value):
        yield Kept(f"message:{number}", entry.value)
        return
    payload, extra = _payload(entry.value)
    marks = {"repaired": True} if entry.mended else {}
    payload, over = base.fitted(payload, marks, extra)
    yield Said(payload, line=entry.line, repaired=entry.mended)
    if over:
        yield Kept(f"message:{number}:fields", {"of": number, **over}, unknown=False)


def _payload(given: Record) -> tuple[Record, Record]:
    """The message with its time and the call it answers under the names of this form, and the
    fields that said so in another way."""
    payload, extra = dict(given), {}
    calls = given.get("tool_call_ids")
    one = calls[0] if isinstance(calls, list) and len(calls) == 1 else None
    if given["role"] == "tool" and "tool_call_id" not in given and one is not None:
        payload["tool_call_id"] = one
    at = _moment(given)
    if at is None and given.get("created_at") is not None:
        extra["created_at"] = payload.pop("created_at")
    elif at is not None and not isinstance(given.get("created_at"), str):
        payload["created_at"] = instants.render(at)
    return payload, extra


def _moment(given: Record) -> int | None:
    """When a message was said, by its `created_at` or `timestamp`: ISO 8601, or seconds."""
    moments = (moment(given.get(key)) for key in ("created_at", "timestamp"))
    return next((at for at in moments if at is not None), None)


def _first_moment(said: list[_Entry]) -> int | None:
    moments = (_moment(entry.value) for entry in said if is_message(entry.value))
    return next((at for at in moments if at is not None), None)


def _plain_text(content: Any) -> str | None:
    """The text of a content that is nothing but text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    if len(texts) != len(content) or not all(isinstance(text, str) for text in texts):
        return None
    return "\n".join(map(str, texts))


def _digest(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value)).hexdigest()[:8]
