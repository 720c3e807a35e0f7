"""Our own export: JSONL with every entry of a log and its proof, taken over as it is.

    {"format": "holdfast-export", "version": 1}
    {"session": {...}}                       the session row
    {"message": {...}} | {"event": {...}}    its entries in version order, bodies to the byte
    {"beside": {"of", "table", "row"}}       what memory keeps of it: compressions, fates, facts
    {"end": {"id", "messages", "events", "head", "sha256"}}
    {"sessions": 2}                          the last line of a complete export

Ids, numbers, times and digests stay. Each session is taken over in one transaction; one that is
here already goes on where it stood, is skipped when it is the same, and refused when it went
another way. An entry that does not fit its digest, its number or the head refuses its session.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from sessions_app.core import errors, instants, messages, replay, strict
from sessions_app.core.entries import FORM_CODES
from sessions_app.core.forms import FORMS
from sessions_app.core.logbook import LogEntry, LogEvent, LogMessage
from sessions_app.importers import files, values
from sessions_app.importers.base import Archived, Item, Progress, Record, Trouble, Unreadable
from sessions_app.importers.files import Line, Source

name = "holdfast"
suffixes = (".jsonl",)

FORMAT = "holdfast-export"
VERSION = 1
PROGRESS_BYTES = 1024 * 1024

Shape = Mapping[str, tuple[type, ...]]
NUMBER, TEXT, FLAG, NOTHING = (int,), (str,), (bool,), (type(None),)
SESSION: Shape = {
    "id": TEXT, "key": TEXT + NOTHING, "user": TEXT + NOTHING, "title": TEXT, "status": TEXT,
    "version": NUMBER, "messages": NUMBER, "active_tokens": NUMBER, "capacity": NUMBER,
    "window": NUMBER, "policy": TEXT, "policy_version": NUMBER, "metadata": (dict,),
    "tags": (list,), "created_us": NUMBER, "last_activity_us": NUMBER,
    "forked_from": TEXT + NOTHING, "forked_at": NUMBER + NOTHING, "head": TEXT,
}  # fmt: skip
MESSAGE: Shape = {
    "seq": NUMBER, "version": NUMBER, "role": TEXT, "form": TEXT, "tokens": NUMBER,
    "estimated": FLAG, "batch_end": FLAG, "at": NUMBER, "salt": TEXT, "digest": TEXT, "body": TEXT,
}  # fmt: skip
EVENT: Shape = {
    "version": NUMBER, "kind": TEXT, "batch_end": FLAG, "at": NUMBER, "salt": TEXT,
    "digest": TEXT, "data": TEXT,
}  # fmt: skip
END: Shape = {
    "id": TEXT, "messages": NUMBER, "events": NUMBER, "head": TEXT, "sha256": TEXT,
}  # fmt: skip
BESIDE: Shape = {"of": TEXT, "table": TEXT, "row": (dict,)}
PLAIN = (str, int, float, bool, type(None))
LENGTHS = {"key": 255, "user": 255, "title": 255, "policy": 64, "kind": 32}


def find() -> list[Path]:
    """There is no usual place for such files."""
    return []


def holds(found: Any) -> bool:
    """Whether a value is the first line of an export."""
    return isinstance(found, dict) and found.get("format") == FORMAT


def read(path: Path) -> Iterator[Item]:
    """The sessions of an export. Raises Unreadable for a file that is none."""
    with files.opened(path) as source:
        lines = _Lines(source)
        _check_header(lines)
        sessions = 0
        while (value := lines.value()) is not None:
            if "sessions" in value:
                yield from _closing(value, sessions, lines)
                return
            sessions += 1
            session = _Session(_session_row(value, lines.number), lines)
            yield Archived(session.row, session.entries(), lines.number, session.beside)
            session.drain()
            yield Progress(lines.offset, source.size)
        yield Trouble(lines.number, source.broken or "the export is cut off: its last line misses")


class _Lines:
    """The lines of an export, one after the other."""

    def __init__(self, source: Source) -> None:
        self.number = 0
        self.offset = 0
        self.raw = b""
        self._lines = source.lines()

    def value(self) -> Record | None:
        """The next line's object; None at the end. Raises Unreadable."""
        line = next(self._lines, None)
        if line is None:
            return None
        self.number, self.offset, self.raw = line.number, line.offset, line.raw
        return _value(line)


def _value(line: Line) -> Record:
    value, mended = values.of_line(line)
    if mended or not isinstance(value, dict):
        raise Unreadable(line.number, "is not a line of an export")
    return value


def _check_header(lines: _Lines) -> None:
    header = lines.value() or {}
    if header.get("format") != FORMAT:
        raise Unreadable(lines.number, f"is not a {FORMAT}")
    if header.get("version") != VERSION:
        raise Unreadable(lines.number, "was made by another release; update this one")


def _closing(value: Record, sessions: int, lines: _Lines) -> Iterator[Item]:
    if value["sessions"] != sessions:
        yield Trouble(lines.number, f"{sessions} sessions stand in the export, not as many as said")
    if lines.value() is not None:
        yield Trouble(lines.number, "the export goes on behind its last line")


class _Session:
    """One session of an export and the lines that belong to it."""

    def __init__(self, row: Record, lines: _Lines) -> None:
        self.row = row
        self._lines = lines
        self.beside: dict[str, list[tuple[str, Record]]] = {}
        self._ended = False
        self._sum = hashlib.sha256(lines.raw)

    def entries(self) -> Iterator[LogEntry]:
        """The entries, checked one by one; at the end also their number and sum."""
        messages_seen = events_seen = 0
        state = replay.State()
        while True:
            value = self._next()
            if "end" in value:
                self._check_end(value["end"], messages_seen, events_seen)
                return
            self._sum.update(self._lines.raw)
            if "beside" in value:
                self._put_beside(value["beside"])
                continue
            entry = _entry(value, self._lines.number)
            if isinstance(entry, LogMessage):
                messages_seen += 1
            else:
                events_seen += 1
                state = _folded(state, entry, self._lines.number)
            yield entry

    def _put_beside(self, value: Any) -> None:
        found = _shaped(value, BESIDE, self._lines.number)
        if not all(isinstance(cell, PLAIN) for cell in found["row"].values()):
            raise Unreadable(self._lines.number, "has a value that is none of a row")
        self.beside.setdefault(found["of"], []).append((found["table"], found["row"]))

    def drain(self) -> None:
        """Skips what was not taken, so that the next session can be read."""
        while not self._ended:
            try:
                value = self._next()
            except Unreadable:
                continue
            if "end" in value:
                self._ended = True

    def _next(self) -> Record:
        value = self._lines.value()
        if value is None:
            self._ended = True
            raise Unreadable(self._lines.number, "the export is cut off within a session")
        return value

    def _check_end(self, given: Any, messages_seen: int, events_seen: int) -> None:
        self._ended = True
        end = _shaped(given, END, self._lines.number)
        told = (end["id"], end["messages"], end["events"], end["head"], end["sha256"])
        head = self.row["head"].hex()
        if told != (self.row["id"], messages_seen, events_seen, head, self._sum.hexdigest()):
            raise Unreadable(self._lines.number, "the session is not as it was exported")


def _session_row(value: Record, line: int) -> Record:
    """The session line with its head as bytes. Raises Unreadable."""
    row = _shaped(value.get("session"), SESSION, line)
    try:
        UUID(row["id"])
        UUID(row["forked_from"] or row["id"])
        row["head"] = bytes.fromhex(row["head"])
    except ValueError:
        raise Unreadable(line, "has an id or a head that is none") from None
    if row["status"] not in ("active", "ended", "archived"):
        raise Unreadable(line, "has a status that is none")
    if not all(isinstance(tag, str) for tag in row["tags"]):
        raise Unreadable(line, "has a tag that is no text")
    if len(set(row["tags"])) != len(row["tags"]) or row["capacity"] < 1:
        raise Unreadable(line, "has a tag twice, or no capacity")
    _check_moment(row["created_us"], line)
    _check_moment(row["last_activity_us"], line)
    return row


def _shaped(value: Any, shape: Shape, line: int) -> Record:
    """The object with just the fields of `shape`, each of its type. Raises Unreadable."""
    if not isinstance(value, dict) or value.keys() != shape.keys():
        raise Unreadable(line, "does not have the fields of a line of an export")
    for field_name, types in shape.items():
        found = value[field_name]
        if not isinstance(found, types) or (isinstance(found, bool) and bool not in types):
            raise Unreadable(line, f"`{field_name}` has the wrong type")
        if isinstance(found, str) and len(found) > LENGTHS.get(field_name, len(found)):
            raise Unreadable(line, f"`{field_name}` is too long")
        if isinstance(found, int) and not 0 <= abs(found) < 2**63:
            raise Unreadable(line, f"`{field_name}` is out of range")
    return dict(value)


def _entry(value: Record, line: int) -> LogEntry:
    if "message" in value:
        found = _shaped(value["message"], MESSAGE, line)
        entry = LogMessage(
            found["seq"],
            found["version"],
            found["role"],
            FORM_CODES.get(found["form"], -1),
            found["tokens"],
            found["estimated"],
            found["batch_end"],
            _check_moment(found["at"], line),
            *_proof(found, line),
            found["body"],
        )
        _check_body(found["form"], entry, line)
        return entry
    found = _shaped(value.get("event"), EVENT, line)
    at = _check_moment(found["at"], line)
    proof = _proof(found, line)
    return LogEvent(found["version"], found["kind"], found["batch_end"], at, *proof, found["data"])


def _proof(found: Record, line: int) -> tuple[bytes, bytes]:
    try:
        return bytes.fromhex(found["salt"]), bytes.fromhex(found["digest"])
    except ValueError:
        raise Unreadable(line, "has a salt or digest that is none") from None


def _check_moment(at: int, line: int) -> int:
    if not instants.FIRST <= at <= instants.LAST:
        raise Unreadable(line, "has a time outside the years 1 to 9999")
    return at


def _check_body(form: str, entry: LogMessage, line: int) -> None:
    """A body that this release could not show later is refused now. Raises Unreadable."""
    if form not in FORMS or entry.role not in messages.ROLES:
        raise Unreadable(line, "has a form or role that is none")
    if not entry.body:
        return
    body = _object(entry.body, line)
    try:
        FORMS[form].check(entry.role, body, "")
    except errors.InvalidRequest as error:
        raise Unreadable(line, f"its body is no message: {error}") from None


def _object(text: str, line: int) -> Record:
    try:
        value = orjson.loads(text)
        strict.check(value)
    except (orjson.JSONDecodeError, errors.InvalidRequest):
        raise Unreadable(line, "its content is no JSON") from None
    if not isinstance(value, dict):
        raise Unreadable(line, "its content is no JSON object")
    return value


def _folded(state: replay.State, entry: LogEvent, line: int) -> replay.State:
    """The state after an event, to know that it can be folded. Raises Unreadable."""
    if not entry.data:
        return state
    data = _object(entry.data, line)
    try:
        return replay.fold(state, replay.Entry(entry.version, entry.kind, entry.at, data))
    except (KeyError, TypeError, ValueError):
        raise Unreadable(line, f"the event `{entry.kind}` lacks what it should hold") from None
