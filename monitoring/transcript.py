"""A window of a log as the rows of a page: messages, the lines between them, and idle gaps.

Pure: entries in, rows out. Whatever was said stays plain text here; nothing is interpreted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol
from uuid import UUID

import orjson

from sessions_app.core import messages
from sessions_app.core.entries import StoredEvent, StoredMessage
from sessions_app.core.forms.otel import placeholder, response_text
from sessions_app.core.replay import State, in_ranges

from . import amounts, boundaries, marks, texts
from .boundaries import Words
from .fate import Fate, Fold
from .texts import MOST_CHARACTERS, MOST_FOLDED, Text

GAP_US = 5 * 60 * 1_000_000
_PREVIEW = 96
_UNCHANGED = State()


class Review(Protocol):
    """What members think of a message, as far as a page shows it."""

    rating: str
    comment: str
    needs_review: bool
    member: str
    updated_us: int


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
    pinned: bool = False
    review: Review | None = None
    fate: Fate | None = None


@dataclass(slots=True)
class Block:
    """One part of a message. `kind` is text, reasoning, call, result, attachment, data or json.
    `elsewhere` is the message outside this window that holds a call's result, or a result's call;
    `found` says that the words looked for are in it, or in its result."""

    kind: str
    text: Text
    name: str = ""
    call: str = ""
    result: Result | None = None
    elsewhere: int | None = None
    found: bool = False

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
    review: Review | None = None
    fate: Fate | None = None
    answers: UUID | None = None

    @property
    def before(self) -> int:
        """The version a reply was answered from."""
        return self.version - 1

    @property
    def begins_turn(self) -> bool:
        return self.role == "user" and not self.retracted


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
        return _uuid(self.words.session)

    @property
    def compression(self) -> UUID | None:
        """The compression that it tells of, where its id is one."""
        return _uuid(self.words.compression)


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing happened for a while, until `at`."""

    kind: ClassVar[str] = "gap"
    seconds: float
    at: int


Row = Said | Boundary | Gap


class _Waiting(NamedTuple):
    """A call that waits for its result, and whether it is in the window."""

    block: Block
    seq: int
    inside: bool


@dataclass(slots=True)
class _Fold:
    """Calls that still wait, by id; and where a folded result is shown."""

    waiting: dict[str, _Waiting] = field(default_factory=dict)
    shown_in: dict[int, int] = field(default_factory=dict)

    def wait(self, blocks: Iterable[Block], seq: int, *, inside: bool) -> None:
        for block in blocks:
            if block.kind == "call" and block.call:
                self.waiting[block.call] = _Waiting(block, seq, inside)

    def answered(self, block: Block) -> _Waiting | None:
        return self.waiting.pop(block.call, None) if block.kind == "result" else None


@dataclass(frozen=True, slots=True)
class Look:
    """How to look at a window: the state of its session, the message to point out and whether
    that one is shown whole, the words to find, whether to show what is stored. `lead` and `trail`
    are the messages around the window, as far as they were read; `reviews` and `fates` are by seq,
    `folds` by version."""

    state: State = _UNCHANGED
    anchor: int | None = None
    whole: bool = False
    find: str = ""
    stored: bool = False
    lead: Sequence[StoredMessage] = ()
    trail: Sequence[StoredMessage] = ()
    reviews: Mapping[int, Review] = field(default_factory=dict)
    fates: Mapping[int, Fate] = field(default_factory=dict)
    folds: Mapping[int, Fold] = field(default_factory=dict)


def rows(
    said: Iterable[StoredMessage], events: Iterable[StoredEvent], look: Look | None = None
) -> list[Row]:
    """Messages and events as rows in version order, tool results folded into their calls."""
    entries: list[StoredMessage | StoredEvent] = [*said, *events]
    look = look or Look()
    fold = _led_in(look.lead)
    found: list[Row] = []
    last = look.lead[-1].created_us if look.lead else None
    for entry in sorted(entries, key=lambda entry: entry.version):
        if isinstance(entry, StoredEvent):
            found.append(_boundary(entry, look))
            continue
        row = _message(entry, look, fold)
        if row is not None:
            found += _gap(last, entry.created_us)
            found.append(row)
        last = entry.created_us
    _led_out(look.trail, fold)
    _point_out(found, look.anchor, fold)
    _fit([row for row in found if isinstance(row, Said)], look)
    return found


def unanswered(said: Sequence[StoredMessage]) -> bool:
    """Whether the last step of a window still waits for results."""
    results: set[str] = set()
    calling = False
    for stored in reversed(said):
        if stored.role == "tool" and not calling:
            results.update(messages.result_ids(stored.message()))
            continue
        calls = messages.call_ids(stored.message()) if stored.role == "assistant" else ()
        if not calls or not results.issuperset(calls):
            return bool(calls)
        calling = True
    return False


def unasked(said: Sequence[StoredMessage]) -> bool:
    """Whether a window begins with results whose calls stand before it."""
    return bool(said) and said[0].role == "tool"


def _led_in(lead: Iterable[StoredMessage]) -> _Fold:
    """What still waits for its result where a window begins."""
    fold = _Fold()
    for stored in lead:
        blocks = _blocks(stored)
        for block in blocks:
            fold.answered(block)
        fold.wait(blocks, stored.seq, inside=False)
    return fold


def _led_out(trail: Iterable[StoredMessage], fold: _Fold) -> None:
    """Tells calls of the window where behind it their results are."""
    for stored in trail:
        if stored.role == "user":
            return
        for block in _blocks(stored):
            call = fold.answered(block)
            if call and call.inside:
                call.block.elsewhere = stored.seq


def _gap(last: int | None, at: int) -> Iterator[Gap]:
    if last is not None and at - last > GAP_US:
        yield Gap((at - last) / 1_000_000, at)


def _boundary(event: StoredEvent, look: Look) -> Boundary:
    entry = event.entry()
    data = texts.whole(_json(entry.data))
    texts.clip(data, MOST_FOLDED)
    return Boundary(
        event.version, event.kind, event.created_us, boundaries.words(entry, look.folds), data
    )


def _message(stored: StoredMessage, look: Look, fold: _Fold) -> Said | None:
    """The row of a message; None when all of it was folded into the calls it answers."""
    if look.stored:
        return _said(stored, [Block("json", texts.whole(_stored(stored)))], look)
    blocks = _blocks(stored)
    row = _said(stored, blocks, look)
    if stored.role == "tool":
        row.blocks = [block for block in blocks if not _folded(block, row, fold)]
        if blocks and not row.blocks:
            return None
    fold.wait(blocks, stored.seq, inside=True)
    return row


def _blocks(stored: StoredMessage) -> list[Block]:
    return [_block(part) for part in messages.parts(stored.message())]


def _stored(stored: StoredMessage) -> str:
    return _json(orjson.loads(stored.body)) if stored.body else ""


def _said(stored: StoredMessage, blocks: list[Block], look: Look) -> Said:
    body = stored.message().body
    return Said(
        seq=stored.seq,
        version=stored.version,
        role=stored.role,
        at=stored.created_us,
        tokens=stored.tokens,
        estimated=stored.tokens_estimated,
        blocks=blocks if stored.body else [],
        author=str(body.get("author") or body.get("name") or ""),
        model=str(body.get("model") or ""),
        latency_ms=body.get("latency_ms"),
        error=_error(body.get("error")),
        retracted=in_ranges(stored.seq, look.state.retracted),
        pinned=stored.seq in look.state.pinned,
        erased=not stored.body,
        review=look.reviews.get(stored.seq),
        fate=look.fates.get(stored.seq),
        answers=_uuid(body.get("context")),
    )


def _error(error: Any) -> str:
    return "" if error is None else error if isinstance(error, str) else _json(error)


def _folded(block: Block, row: Said, fold: _Fold) -> bool:
    """Whether a result found the call it belongs to in the window."""
    call = fold.answered(block)
    if call is None:
        return False
    if not call.inside:
        block.elsewhere = call.seq
        return False
    call.block.result = Result(
        row.seq,
        row.at,
        row.tokens,
        row.estimated,
        block.text,
        retracted=row.retracted,
        failed=block.name == "failed",
        pinned=row.pinned,
        review=row.review,
        fate=row.fate,
    )
    fold.shown_in[row.seq] = call.seq
    return True


def _point_out(found: Iterable[Row], anchor: int | None, fold: _Fold) -> None:
    """Marks the anchor, or the message whose call it answers."""
    wanted = None if anchor is None else fold.shown_in.get(anchor, anchor)
    for row in found:
        if isinstance(row, Said) and row.seq == wanted:
            row.anchor = True


def _fit(found: Sequence[Said], look: Look) -> None:
    """Clips what is long, around the words that are looked for, so that the page stays small."""
    shown = [piece for row in found for piece in _texts(row)]
    rooms = texts.share([piece[2] for piece in shown if not _is_whole(piece, look)])
    left = iter(rooms)
    for piece in shown:
        _, block, text = piece
        at = marks.first(text.shown, look.find)
        block.found = block.found or at is not None
        if not _is_whole(piece, look):
            texts.clip(text, min(next(left), _most(block)), at or 0)


def _texts(row: Said) -> Iterator[tuple[int, Block, Text]]:
    """Every text of a row with the message it is of and the block it stands in."""
    for block in row.blocks:
        yield row.seq, block, block.text
        if block.result:
            yield block.result.seq, block, block.result.text


def _is_whole(piece: tuple[int, Block, Text], look: Look) -> bool:
    return look.whole and piece[0] == look.anchor


def _most(block: Block) -> int:
    return MOST_CHARACTERS if block.kind in ("text", "reasoning", "json") else MOST_FOLDED


def _block(part: dict[str, Any]) -> Block:
    kind = part["type"]
    if kind in ("text", "reasoning"):
        return Block(kind, texts.whole(str(part["content"])))
    if kind == "tool_call":
        arguments = part["arguments"]
        text = arguments if isinstance(arguments, str) else _json(arguments)
        return Block("call", texts.whole(text), str(part["name"]), str(part.get("id") or ""))
    if kind == "tool_call_response":
        text = response_text(part["response"])
        failed = "failed" if part.get("is_error") else ""
        return Block("result", texts.whole(text), failed, str(part.get("id") or ""))
    if kind == "generic":
        return Block("data", texts.whole(_json(part["value"])))
    return Block("attachment", texts.whole(_attached(part)))


def _attached(part: dict[str, Any]) -> str:
    """An attachment in words: its bytes are never shown and its address is never followed."""
    told = placeholder(part)
    if part["type"] == "blob":
        return f"{told} {amounts.size(len(part['content']) * 3 // 4)}"
    return told


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
