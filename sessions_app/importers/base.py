"""What every importer speaks in: a reader turns a file into items, the writer stores them.

A reader knows a format and no database; the writer knows the store and no format. What could not
be read is an item too, so one bad line never costs the good ones around it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import orjson

from sessions_app.core.forms import FORMS, form_of
from sessions_app.core.logbook import LogEntry
from sessions_app.core.messages import Limits

Record = dict[str, Any]
OnProgress = Callable[[int, int], None]

MAX_LINE = 64 * 1024 * 1024
"""Bytes of one line, or of one JSON value of a larger document."""
LIMITS = Limits(text_bytes=16 * 1024 * 1024)
"""What one imported message may hold: a log may be larger than what one call may send."""
METADATA_ROOM = LIMITS.metadata_bytes - 1024
MAX_TITLE = 80
MAX_KEY = 200


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a branch parts: behind the newest entry of session `parent` that has one of
    `sources`; at its very beginning when there are none."""

    parent: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A session begins; the items up to the next one are its own.

    `whole`: the file holds all of it, so its n-th message is the n-th stored one. Otherwise the
    `source` ids in the metadata tell what is there already. `left` are the ids of messages that
    stand in the file but not on this branch: those stored earlier are retracted. `goes_on`: the
    messages of a whole session go on where those of the same key ended earlier in this file. `at`
    in microseconds.
    """

    key: str
    title: str = ""
    system: str | None = None
    tools: tuple[Any, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    at: int | None = None
    fork: Fork | None = None
    whole: bool = False
    goes_on: bool = False
    left: frozenset[str] = frozenset()
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A message as the API takes one. `sources` are the ids of the records it was made of, and
    `spans` how many content blocks each of them gave."""

    payload: Record
    sources: tuple[str, ...] = ()
    spans: tuple[int, ...] = ()
    line: int = 0
    repaired: bool = False

    def without(self, known: Set[str] | Mapping[str, Any]) -> Said | None:
        """What of it comes from records not in `known`; None when all of them are."""
        missing = [index for index, source in enumerate(self.sources) if source not in known]
        if self.sources and not missing:
            return None
        if len(missing) == len(self.sources):
            return self
        blocks = iter(self.payload["content"])
        spans = [[next(blocks) for _ in range(count)] for count in self.spans]
        sources = tuple(self.sources[index] for index in missing)
        payload = {
            **self.payload,
            "content": [block for index in missing for block in spans[index]],
            "metadata": {**self.payload["metadata"], "source": source_field(sources)},
        }
        return replace(self, payload=payload, sources=sources, spans=())


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that happened at just this place, kept as an event of `kind`."""

    kind: str
    source: str
    data: Record


@dataclass(frozen=True, slots=True)
class Kept:
    """A record that is no message, kept verbatim in an `imported_records` event. `unknown` is
    False for fields of a message that its metadata has no room for."""

    source: str
    record: Any
    unknown: bool = True


@dataclass(frozen=True, slots=True)
class Trouble:
    """A line that cannot be read, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a person should know that cost nothing."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Agent:
    """The message that sent a sub-agent on its way."""

    agent: str
    source: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the reader is, in whatever unit `total` is in."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Archived:
    """A session of another Holdfast with the entries of its log, read while they are stored.

    `row` holds the fields of the session line; `entries` raises Unreadable for a bad line.
    """

    row: Record
    entries: Iterator[LogEntry]
    line: int = 0


Item = Conversation | Said | Noted | Kept | Trouble | Warned | Agent | Progress | Archived


class Unreadable(Exception):
    """A file or line that cannot be used; `line` is 0 for the file as a whole."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(f"line {line}: {reason}")


@dataclass(slots=True)
class Report:
    """What an import did. `new` and `skipped` count messages, `repaired` those with characters
    replaced by U+FFFD, `unknown` the records kept as they are because they are no messages;
    `compacted` are the ids of sessions that brought a summary of another tool."""

    sessions: int = 0
    new: int = 0
    skipped: int = 0
    repaired: int = 0
    unknown: int = 0
    warnings: list[str] = field(default_factory=list)
    errors: list[tuple[str, int, str]] = field(default_factory=list)
    compacted: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.new} new, {self.skipped} skipped"


class Format(Protocol):
    """One file of this package. `suffixes` tell which files of a folder are meant; `holds` whether
    a JSON value, or a Database, is of this format. A format whose files grow line by line names the
    suffixes of those in `line_suffixes`; they can be followed."""

    name: str
    suffixes: tuple[str, ...]

    def find(self) -> list[Path]: ...

    def holds(self, found: Any) -> bool: ...

    def read(self, path: Path) -> Iterator[Item]: ...


def source_field(sources: tuple[str, ...]) -> str | list[str]:
    """Source ids as they stand in a message's metadata: one as text, several as a list."""
    return sources[0] if len(sources) == 1 else list(sources)


def sources_of(metadata: object) -> tuple[str, ...]:
    """The source ids in a stored message's metadata."""
    value = metadata.get("source") if isinstance(metadata, dict) else None
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else ()


def fitted(payload: Record, marks: Record, extra: Record) -> tuple[Record, Record]:
    """The payload with what a message has no field for moved to `metadata.extra`, and what does
    not even fit there."""
    known = FORMS[form_of(payload)].fields(payload)
    extra = {**extra, **{name: value for name, value in payload.items() if name not in known}}
    own = payload.get("metadata") or {}
    if not isinstance(own, dict):
        own, extra["metadata"] = {}, own
    kept, over = _room_for(extra, METADATA_ROOM - len(orjson.dumps([own, marks])))
    found = {name: value for name, value in payload.items() if name in known}
    marked = {**own, **marks, **({"extra": kept} if kept else {})}
    if marked or "metadata" in found:
        found["metadata"] = marked
    return found, over


def said(message: Said, extra: Record) -> Iterator[Said | Kept]:
    """A message that names its sources in its metadata, and has there what a message has no field
    for; what does not fit is kept beside it."""
    marks: Record = {"source": source_field(message.sources)}
    if message.repaired:
        marks["repaired"] = True
    payload, over = fitted(message.payload, marks, extra)
    yield replace(message, payload=payload)
    if over:
        of = message.sources[0]
        yield Kept(f"{of}:fields", {"of": of, **over}, unknown=False)


def _room_for(extra: Record, room: int) -> tuple[Record, Record]:
    kept: Record = {}
    over: Record = {}
    for name, value in extra.items():
        if value is None:
            continue
        dumped = orjson.dumps({name: value})
        size = len(dumped)
        # As many brackets as there may be levels: seldom too deep, never worth a message.
        flat = dumped.count(b"[") + dumped.count(b"{") < LIMITS.metadata_depth
        if size <= room and (flat or _depth(value) < LIMITS.metadata_depth - 2):
            kept[name] = value
            room -= size
        else:
            over[name] = value
    return kept, over


def _depth(value: Any) -> int:
    """How many levels of lists and objects there are in `value`."""
    levels, here = 0, [value]
    while here := [one for one in here if isinstance(one, dict | list)]:
        levels += 1
        here = [child for one in here for child in (one.values() if isinstance(one, dict) else one)]
    return levels


def bounded_key(key: str) -> str:
    """A key of a bounded length: a longer one ends in a digest of itself."""
    if len(key) <= MAX_KEY:
        return key
    return f"{key[: MAX_KEY - 25]}:{hashlib.sha256(key.encode()).hexdigest()[:24]}"


def title_from(texts: Iterable[str]) -> str:
    """The first words of the first text that has any, at most 80 characters."""
    for text in texts:
        words = " ".join(text[: MAX_TITLE * 10].split())
        if words:
            return words if len(words) <= MAX_TITLE else words[: MAX_TITLE - 1].rstrip() + "…"
    return ""
