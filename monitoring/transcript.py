"""A window of a log as the rows of a page: messages, the lines between them, and idle gaps.

Pure: entries in, rows out. Whatever was said stays plain text here; nothing is interpreted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

import orjson

from sessions_app.core import messages
from sessions_app.core.entries import StoredEvent, StoredMessage
from sessions_app.core.forms.otel import placeholder, response_text
from sessions_app.core.replay import State, in_ranges

from . import amounts, boundaries
from .boundaries import Words

MOST_CHARACTERS = 8_000
MOST_FOLDED = 4_000
GAP_US = 5 * 60 * 1_000_000
_OUTLINE = 64
_PREVIEW = 96
_UNCHANGED = State()


@dataclass(frozen=True, slots=True)
class Text:
    """A text, or its beginning when `left` characters are not shown; `octets` is its whole size."""

    shown: str
    octets: int
    left: int = 0


@dataclass(slots=True)
class Result:
    """What a tool answered; it is a message of its own in the log."""

    seq: int
    at: int
    tokens: int
    estimated: bool
    text: Text
    retracted: bool
    failed: bool


@dataclass(slots=True)
class Block:
    """One part of a message. `kind` is text, reasoning, call, result, attachment or data."""

    kind: str
    text: Text
    name: str = ""
    call: str = ""
    result: Result | None = None

    @property
    def preview(self) -> str:
        """The beginning of a call's arguments, on one line."""
        return amounts.cut(self.text.shown, _PREVIEW)


@dataclass(slots=True)
class Said:
    """A message."""

    kind: ClassVar[str] = "said"
    seq: int
    version: int
    role: str
    at: int
    tokens: int
    estimated: bool
    blocks: list[Block]
    author: str = ""
    model: str = ""
    latency_ms: float | None = None
    error: str = ""
    retracted: bool = False
    pinned: bool = False
    erased: bool = False
    anchor: bool = False

    @property
    def before(self) -> int:
        """The version a reply was answered from."""
        return self.version - 1

    @property
    def begins_turn(self) -> bool:
        return self.role == "user" and not self.retracted

    @property
    def outline(self) -> str:
        """Its first words, for a list of turns."""
        texts = [block.text.shown for block in self.blocks if block.kind == "text"]
        return amounts.cut(" ".join(texts), _OUTLINE) or "(no words)"


@dataclass(frozen=True, slots=True)
class Boundary:
    """An event between messages; `data` is its JSON."""

    kind: ClassVar[str] = "boundary"
    version: int
    event: str
    at: int
    words: Words
    data: Text

    @property
    def parent(self) -> UUID | None:
        """The session that this one was forked from, where its id is one."""
        try:
            return UUID(self.words.session or "")
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing happened for a while, until `at`."""

    kind: ClassVar[str] = "gap"
    seconds: float
    at: int


Row = Said | Boundary | Gap


@dataclass(slots=True)
class _Fold:
    """Calls that still wait for their results, by id."""

    waiting: dict[str, Block] = field(default_factory=dict)
    seqs: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """How to look at a window: the state of its session, the message to point out, and whether
    that one is shown whole."""

    state: State = _UNCHANGED
    anchor: int | None = None
    whole: bool = False


def rows(
    said: Iterable[StoredMessage], events: Iterable[StoredEvent], look: Look | None = None
) -> list[Row]:
    """Messages and events as rows in version order, tool results folded into their calls."""
    entries: list[StoredMessage | StoredEvent] = [*said, *events]
    look = look or Look()
    fold = _Fold()
    found: list[Row] = []
    last: int | None = None
    for entry in sorted(entries, key=lambda entry: entry.version):
        if isinstance(entry, StoredEvent):
            found.append(_boundary(entry))
            continue
        row = _message(entry, look, fold)
        if row is not None:
            found += _gap(last, entry.created_us)
            found.append(row)
        last = entry.created_us
    _point_out(found, look.anchor, fold)
    return found


def outline(found: Sequence[Row]) -> list[Said]:
    """The messages that begin a turn."""
    return [row for row in found if isinstance(row, Said) and row.begins_turn]


def _gap(last: int | None, at: int) -> Iterator[Gap]:
    if last is not None and at - last > GAP_US:
        yield Gap((at - last) / 1_000_000, at)


def _boundary(event: StoredEvent) -> Boundary:
    entry = event.entry()
    return Boundary(
        event.version,
        event.kind,
        event.created_us,
        boundaries.words(entry),
        _text(_json(entry.data), MOST_FOLDED),
    )


def _message(stored: StoredMessage, look: Look, fold: _Fold) -> Said | None:
    """The row of a message; None when all of it was folded into the calls it answers."""
    message = stored.message()
    most = None if look.whole and stored.seq == look.anchor else MOST_CHARACTERS
    blocks = [_block(part, most) for part in messages.parts(message)]
    row = _said(stored, message.body, blocks, look)
    if stored.role == "tool":
        row.blocks = [block for block in blocks if not _folded(block, row, fold)]
        if blocks and not row.blocks:
            return None
    for block in blocks:
        if block.kind == "call" and block.call:
            fold.waiting[block.call] = block
            fold.seqs[id(block)] = stored.seq
    return row


def _said(stored: StoredMessage, body: dict[str, Any], blocks: list[Block], look: Look) -> Said:
    return Said(
        seq=stored.seq,
        version=stored.version,
        role=stored.role,
        at=stored.created_us,
        tokens=stored.tokens,
        estimated=stored.tokens_estimated,
        blocks=blocks,
        author=str(body.get("author") or body.get("name") or ""),
        model=str(body.get("model") or ""),
        latency_ms=body.get("latency_ms"),
        error=_error(body.get("error")),
        retracted=in_ranges(stored.seq, look.state.retracted),
        pinned=stored.seq in look.state.pinned,
        erased=not stored.body,
    )


def _error(error: Any) -> str:
    return "" if error is None else error if isinstance(error, str) else _json(error)


def _folded(block: Block, row: Said, fold: _Fold) -> bool:
    """Whether a result found the call it belongs to."""
    call = fold.waiting.pop(block.call, None) if block.kind == "result" else None
    if call is None:
        return False
    call.result = Result(
        row.seq,
        row.at,
        row.tokens,
        row.estimated,
        block.text,
        retracted=row.retracted,
        failed=block.name == "failed",
    )
    fold.seqs[row.seq] = fold.seqs[id(call)]
    return True


def _point_out(found: Iterable[Row], anchor: int | None, fold: _Fold) -> None:
    """Marks the anchor, or the message whose call it answers."""
    wanted = None if anchor is None else fold.seqs.get(anchor, anchor)
    for row in found:
        if isinstance(row, Said) and row.seq == wanted:
            row.anchor = True


def _block(part: dict[str, Any], most: int | None) -> Block:
    kind = part["type"]
    folded = most and MOST_FOLDED
    if kind in ("text", "reasoning"):
        return Block(kind, _text(str(part["content"]), most))
    if kind == "tool_call":
        arguments = part["arguments"]
        text = arguments if isinstance(arguments, str) else _json(arguments)
        return Block("call", _text(text, folded), str(part["name"]), str(part.get("id") or ""))
    if kind == "tool_call_response":
        text = response_text(part["response"])
        failed = "failed" if part.get("is_error") else ""
        return Block("result", _text(text, folded), failed, str(part.get("id") or ""))
    if kind == "generic":
        return Block("data", _text(_json(part["value"]), folded))
    return Block("attachment", _text(_attached(part), folded))


def _attached(part: dict[str, Any]) -> str:
    """An attachment in words: its bytes are never shown and its address is never followed."""
    told = placeholder(part)
    if part["type"] == "blob":
        return f"{told} {amounts.size(len(part['content']) * 3 // 4)}"
    return told


def _text(text: str, most: int | None) -> Text:
    octets = len(text.encode())
    if most is None or len(text) <= most:
        return Text(text, octets)
    return Text(text[:most], octets, len(text) - most)


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
