"""Logs of Anthropic's Messages API, in the shapes people keep them in.

JSONL, or a JSON document that is one of these or a list of them:

- the body of a request (`{"model": ..., "system": ..., "messages": [...], "tools": [...]}`),
- a request with its response (`{"request": {...}, "response": {...}}`),
- a line of a message batch (`{"custom_id": ..., "params": {...}}`, or with its `result`),
- a conversation that is just its messages (a list, or one message a line).

A client sends the whole history with every request, so a log of requests says everything many
times. A request that begins with all messages of an earlier one is the same conversation gone on:
it adds its last messages to that session. Requests are compared by what was said; cache marks and
thinking, which clients leave out later, do not count. The answer that stands beside a request is
kept whole, with its usage.

These messages have no ids, so the n-th message of a session is compared with the n-th stored one.
The session's key is the conversation's own id, or made of the file's name, the place of the first
request in the file and its first message: the same file gives the same keys wherever it lies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from sessions_app.core import instants
from sessions_app.importers import base, conversations, documents, files, values
from sessions_app.importers.base import (
    Conversation,
    Item,
    Kept,
    Progress,
    Record,
    Said,
    Trouble,
    Unreadable,
    Warned,
)
from sessions_app.importers.files import Source
from sessions_app.importers.shapes import (
    are_records,
    is_message,
    list_of,
    moment,
    record_of,
    text,
    texts,
)

name = "anthropic"
suffixes = (".jsonl", ".ndjson", ".json")
line_suffixes = (".jsonl", ".ndjson")

LISTS = frozenset({"requests", "conversations", "data"})
REQUESTS = ("request", "params", "body")
RESPONSES = ("response", "result")
OWN_IDS = ("custom_id", "session_id", "conversation_id", "thread_id")
TIMES = ("timestamp", "created_at", "time")
KNOWN = frozenset({"messages", "system", "tools", *REQUESTS, *RESPONSES, *TIMES})
HEAD = 6
UNREADABLE = "holds no request, messages or result in a shape known here"


def find() -> list[Path]:
    """There is no usual place for such files."""
    return []


def holds(found: Any) -> bool:
    """Whether a value is a request, a conversation or a message."""
    return is_message(found) or _exchange(found) is not None


def read(path: Path) -> Iterator[Item]:
    """The sessions of one file. Raises Unreadable for a file that cannot be used at all."""
    with files.opened(path) as source:
        by_line = path.name.removesuffix(".gz").endswith(line_suffixes) or values.is_lines(source)
        entries = _of_lines(source) if by_line else _of_document(source)
        yield from _Log(path.name.partition(".")[0]).items(entries)
        if source.broken:
            yield Trouble(0, source.broken)


# -- the values of a file ----------------------------------------------------------------------


class _Entry(NamedTuple):
    """A value as it stands in a file."""

    value: Any
    line: int
    mended: bool = False


Entries = Iterator[_Entry | Trouble | Progress]


def _of_lines(source: Source) -> Entries:
    for line in source.lines():
        try:
            value, mended = values.of_line(line)
        except Unreadable as error:
            yield Trouble(error.line, error.reason)
        else:
            yield _Entry(value, line.number, mended)
        yield Progress(line.offset, source.size)


def _of_document(source: Source) -> Entries:
    """The elements of a list, or the object itself: a request is never larger than a line may
    be."""
    members: Record = {}
    elements = 0
    try:
        for piece in documents.pieces(source, LISTS, skip=True):
            elements += piece.element
            if piece.reason is not None:
                yield Trouble(piece.line, f"{piece.reason}; it is left out")
            elif piece.element:
                yield _Entry(piece.value, piece.line, piece.mended)
            elif source.size <= base.MAX_LINE:
                members[piece.name] = piece.value
            yield Progress(source.file.tell(), source.size)
    except Unreadable as error:
        yield Trouble(error.line, error.reason)
        return
    if not elements:
        yield _Entry(members, 1)


# -- what a value says -------------------------------------------------------------------------


class _Exchange(NamedTuple):
    """A request and what came back; `fields` stand around the messages of either."""

    messages: list[Any]
    response: Any
    system: Any
    tools: Any
    fields: Record
    own_id: str
    at: int | None


def _exchange(value: Any) -> _Exchange | None:
    """A value read as a request, as a result of a batch, or as a list of messages."""
    if isinstance(value, list):
        known = bool(value) and is_message(value[0])
        return _Exchange(value, None, None, None, {}, "", None) if known else None
    outer = record_of(value)
    inner = next((outer[key] for key in REQUESTS if isinstance(outer.get(key), dict)), None)
    request = outer if inner is None else inner
    response = next((outer[key] for key in RESPONSES if outer.get(key) is not None), None)
    given = request.get("messages")
    if not isinstance(given, list) and (given is not None or not _is_answer(response)):
        return None
    fields = {**outer, **request}
    own = (*OWN_IDS, "id") if inner is None and response is None else OWN_IDS
    return _Exchange(
        list_of(given),
        response,
        request.get("system"),
        request.get("tools"),
        {key: fields[key] for key in fields if key not in KNOWN},
        next((found for key in own if (found := text(outer.get(key)))), ""),
        next((at for key in TIMES if (at := moment(outer.get(key))) is not None), None),
    )


def _is_answer(response: Any) -> bool:
    """Whether it is what the API answers: a message, an error, or the result of a batch."""
    return text(record_of(response).get("type")) in (
        *("message", "error", "succeeded", "errored", "canceled", "expired"),
    )


def _answer(response: Any) -> Record | None:
    """The message of a response; None where it failed."""
    found = record_of(response)
    inner = found if is_message(found) else record_of(found.get("message"))
    return inner if is_message(inner) else None


# -- a file as sessions ------------------------------------------------------------------------


@dataclass(slots=True)
class _Log:
    """One file: the conversations in it, each by a digest of all that was said so far."""

    stem: str
    ends: dict[bytes, str] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    repeated: int = 0

    def items(self, entries: Entries) -> Iterator[Item]:
        first: list[_Entry] = []
        while not first:
            entry = next(entries, None)
            if entry is None:
                return
            if isinstance(entry, _Entry):
                first.append(entry)
            else:
                yield entry
        everything = chain(first, entries)
        if is_message(first[0].value) and _exchange(first[0].value) is None:
            yield from self._bare(everything)
        else:
            yield from self._exchanges(everything)

    def _bare(self, entries: Entries) -> Iterator[Item]:
        """A file that is one conversation, a message a line or element."""
        head = list(islice(entries, HEAD))
        said = [entry for entry in head if isinstance(entry, _Entry)]
        yield self._beginning(_Exchange([said[0].value], None, None, None, {}, "", None), 1)
        number = 0
        for entry in chain(head, entries):
            if isinstance(entry, _Entry):
                number += 1
                yield from _message(entry, entry.value, number, None)
            else:
                yield entry

    def _exchanges(self, entries: Entries) -> Iterator[Item]:
        number = 0
        for entry in entries:
            if not isinstance(entry, _Entry):
                yield entry
                continue
            number += 1
            exchange = _exchange(entry.value)
            if exchange is None:
                yield Trouble(entry.line, UNREADABLE)
            else:
                yield from self._one(exchange, entry, number)
        if self.repeated:
            yield Warned(0, f"{self.repeated} requests say nothing that was not said before")

    def _one(self, exchange: _Exchange, entry: _Entry, number: int) -> Iterator[Item]:
        """One request: a new session, or what it adds to one that it goes on with."""
        answer = _answer(exchange.response)
        digests = list(_digests(exchange))
        known = next((n for n in range(len(digests), 0, -1) if digests[n - 1] in self.ends), 0)
        if known:
            key = self.ends.pop(digests[known - 1])
            self.repeated += known == len(digests) and exchange.response is None
            yield Conversation(key=key, whole=True, goes_on=True)
        else:
            begun = self._beginning(exchange, number)
            key = begun.key
            yield begun
            yield from _fields(exchange)[1]
        for place, message in enumerate(exchange.messages[known:], known + 1):
            yield from _message(entry, message, place, exchange.at)
        end = digests[-1] if digests else hashlib.sha256(key.encode()).digest()
        if answer is not None:
            yield from _message(entry, answer, len(digests) + 1, exchange.at)
            end = _after(end, answer)
        elif exchange.response is not None:
            yield Kept(f"response:{number}", exchange.response)
        self.ends[end] = key

    def _beginning(self, exchange: _Exchange, number: int) -> Conversation:
        system, _ = _system(exchange.system)
        tools = exchange.tools if are_records(exchange.tools) else ()
        return Conversation(
            key=self._key(exchange, number),
            title=_title(exchange),
            system=system,
            tools=tuple(tools),
            metadata={"imported_from": name, **_fields(exchange)[0]},
            at=exchange.at,
            whole=True,
        )

    def _key(self, exchange: _Exchange, number: int) -> str:
        """The conversation's own id; a second conversation of the same id has its place too."""
        first = [*exchange.messages[:1], exchange.response]
        given = hashlib.sha256(orjson.dumps(first[0])).hexdigest()[:8]
        own = exchange.own_id and f"{self.stem}:{exchange.own_id}"
        key = base.bounded_key(f"{name}:{own or f'{self.stem}:{number}:{given}'}")
        if key in self.keys:
            key = base.bounded_key(f"{name}:{own}:{number}")
        self.keys.add(key)
        return key


def _fields(exchange: _Exchange) -> tuple[Record, list[Kept]]:
    """What goes to the session's metadata, and what has no place there."""
    fields = dict(exchange.fields)
    if not _system(exchange.system)[1]:
        fields["system"] = exchange.system
    if exchange.tools is not None and not are_records(exchange.tools):
        fields["tools"] = exchange.tools
    return conversations.around(fields, frozenset())


def _system(given: Any) -> tuple[str | None, bool]:
    """The system text, and whether that is all it says."""
    if given is None or isinstance(given, str):
        return given or None, True
    blocks = [record_of(block) for block in list_of(given)]
    words = [text(block.get("text")) for block in blocks]
    whole = bool(words) and all(set(block) <= {"type", "text", "cache_control"} for block in blocks)
    return "\n\n".join(filter(None, words)) or None, whole


def _title(exchange: _Exchange) -> str:
    asked = (one for one in exchange.messages[:HEAD] if is_message(one) and one["role"] == "user")
    return base.title_from(words for one in asked for words in texts(one.get("content")))


# -- messages ----------------------------------------------------------------------------------


def _message(entry: _Entry, value: Any, number: int, at: int | None) -> Iterator[Item]:
    if not is_message(value):
        yield Kept(f"message:{number}", value)
        return
    payload = dict(value)
    if isinstance(payload.get("content"), str):
        # A plain text alone would be taken for another provider's message.
        payload["type"] = payload.get("type") or "message"
    own = next((found for key in TIMES if (found := moment(value.get(key))) is not None), at)
    extra: Record = {}
    if payload.get("created_at") is not None and moment(payload["created_at"]) is None:
        extra["created_at"] = payload.pop("created_at")
    if own is not None:
        payload["created_at"] = instants.render(own)
    repaired = entry.mended and values.shows_mending(value)
    payload, over = base.fitted(payload, {"repaired": True} if repaired else {}, extra)
    yield Said(payload, line=entry.line, repaired=repaired)
    if over:
        yield Kept(f"message:{number}:fields", {"of": number, **over}, unknown=False)


def _digests(exchange: _Exchange) -> Iterator[bytes]:
    """For each message a digest of all that was said up to it."""
    digest = hashlib.sha256(orjson.dumps([_system(exchange.system)[0]])).digest()
    for message in exchange.messages:
        digest = _after(digest, message)
        yield digest


def _after(digest: bytes, message: Any) -> bytes:
    found = record_of(message)
    compared = [found.get("role"), _compared(found.get("content"))]
    said = orjson.dumps(compared, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(digest + said).digest()


def _compared(content: Any) -> Any:
    """A content as requests are compared by it."""
    if not isinstance(content, list):
        return [{"type": "text", "text": content}]
    return [
        {
            key: _compared(value) if key == "content" else value
            for key, value in block.items()
            if value not in (None, []) and key not in ("cache_control", "caller")
        }
        if isinstance(block, dict)
        else block
        for block in content
        if text(record_of(block).get("type")) not in ("thinking", "redacted_thinking")
    ]
