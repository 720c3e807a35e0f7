"""Reads just as much of a session's log as one context can use, newest first.

The cost follows the budget, not the length of the session: what is left out is never read, its
size comes from the running totals, and what is retracted is stepped over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from memory_app.core import steps
from memory_app.core.assembly import History
from memory_app.core.steps import PIECE, THOUGHT, WHOLE, Item, Unit
from sessions_app.core import replay
from sessions_app.core.entries import FORM_CODES, FORM_NAMES, StoredMessage
from sessions_app.core.forms import FORMS
from sessions_app.core.replay import State
from sessions_app.store.base import Snapshot, Window
from sessions_app.store.reading import Reader

LEAST_CHUNK, MOST_CHUNK = 8, 2000
PIN_NEIGHBOURS = 200
OPENAI = FORM_CODES["openai"]


@dataclass(slots=True)
class Reading:
    """What was read of a session: what may be chosen, and where that begins.

    Messages before `first` were read only where they are pinned or begin a turn. `lost_pins` are
    pinned messages that no context can hold, such as a call without its result.
    """

    history: History
    first: int
    lost_pins: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much to read: messages 1..`end`, whose last visible one is of the turn `turns`, until
    `tokens` are found that may be shown, or a turn before `oldest_turn` begins; `guess` is how
    many messages that will probably be."""

    end: int
    turns: int
    tokens: int
    oldest_turn: int
    guess: int


class Said(NamedTuple):
    """A message as renderers take it."""

    role: str
    form: str
    body: dict[str, Any]


class HistoryReader:
    """Reads for one context of one session."""

    def __init__(self, store: Reader, session: Snapshot, overlay: State) -> None:
        self.store = store
        self.session = session
        self.retracted = overlay.retracted
        self.pins = overlay.pinned
        self.rows: dict[int, StoredMessage] = {}
        self.decoded: dict[int, Said] = {}

    def read(self, extent: Extent) -> Reading:
        """The newest units, the question, and what is pinned."""
        units, first = self._newest(extent)
        pinned, lost = self._pinned(extent.end, units)
        history = History(
            units=units,
            whole=first <= 1,
            turns=extent.turns,
            question=self._question(extent.end, units),
            pinned=pinned,
            users=self._users_before(units),
        )
        return Reading(history, first, lost)

    def turns(self, end: int, whole: bool) -> int:
        """The number of the turn that the last visible message of 1..`end` belongs to; `whole`
        says that nothing follows `end`."""
        last = self._before_retracted(end + 1) - 1
        if whole and last == end:
            return self.session.turns
        return self.store.totals(self.session.number, last)[1]

    def _newest(self, extent: Extent) -> tuple[list[Unit], int]:
        """The units at the end, and the first message that is known by them."""
        items: list[Item] = []
        end = self._before_retracted(extent.end + 1)
        chunk = max(LEAST_CHUNK, min(MOST_CHUNK, extent.guess))
        while end > 1:
            rows = self.store.tail(self.session.number, end, chunk)
            if not rows:
                break
            self.rows.update([(row.seq, row) for row in rows])
            rows.reverse()
            items = self._items(rows) + items
            end = self._before_retracted(rows[0].seq)
            chunk = min(MOST_CHUNK, chunk * 2)
            if end > 1:
                units = steps.group(items[steps.whole_from(items) :])
                enough = sum([unit.tokens for unit in units if unit.broken is None])
                if enough > extent.tokens or rows[0].turn < extent.oldest_turn:
                    return units, end
        return steps.group(items), end

    def _before_retracted(self, end: int) -> int:
        """`end`, or the beginning of the retracted range that ends just before it."""
        for first, last in reversed(self.retracted):
            if first <= end - 1 <= last:
                end = first
        return end

    def _items(self, rows: Iterable[StoredMessage]) -> list[Item]:
        if self.retracted:
            rows = [row for row in rows if not replay.in_ranges(row.seq, self.retracted)]
        return [self._item(row) for row in rows if row.body]

    def _item(self, row: StoredMessage) -> Item:
        role, form = row.role, row.form
        plain = (row.seq, role, row.turn, row.turn_start, row.tokens, row.tokens_total)
        if role not in ("assistant", "tool"):
            return Item(*plain)
        if form == OPENAI and role == "assistant" and '"tool_calls"' not in row.body:
            return Item(*plain)
        said = self.message(row.seq)
        if role == "tool":
            return Item(*plain, (), FORMS[said.form].result_ids(role, said.body))
        return Item(*plain, FORMS[said.form].call_ids(role, said.body), (), _piece(said))

    def message(self, seq: int) -> Said:
        """A read message, decoded once."""
        found = self.decoded.get(seq)
        if found is None:
            row = self.rows[seq]
            found = Said(row.role, FORM_NAMES[row.form], orjson.loads(row.body))
            self.decoded[seq] = found
        return found

    def _question(self, end: int, units: Sequence[Unit]) -> Unit | None:
        """The newest visible user message: among the units, else by the links between turns."""
        for unit in reversed(units):
            if unit.kind == "user":
                return unit
        seq = self._turn_start(end)
        while seq:
            user = self._user(seq)
            if user is not None:
                return user
            seq = self._turn_start(min(seq, self._before_retracted(seq + 1)) - 1)
        return None

    def gone(self, seq: int) -> bool:
        """Whether a message is retracted."""
        return replay.in_ranges(seq, self.retracted)

    def total(self, seq: int) -> int:
        """The tokens of messages 1..seq."""
        row = self.rows.get(seq)
        if row is not None:
            return row.tokens_total
        if seq == self.session.messages:
            return self.session.tokens
        return self.store.totals(self.session.number, seq)[0]

    def _turn_start(self, seq: int) -> int:
        row = self.rows.get(seq)
        return row.turn_start if row else self.store.totals(self.session.number, seq)[2]

    def _row(self, seq: int) -> StoredMessage | None:
        if seq not in self.rows:
            for row in self.store.picked(self.session.number, (seq,)):
                self.rows[row.seq] = row
        return self.rows.get(seq)

    def _users_before(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """The user message of the turn that the first unit is in the middle of."""
        usable = next((unit for unit in units if unit.broken is None), None)
        start = usable.items[0].turn_start if usable else 0
        if usable is None or not 0 < start < usable.seq:
            return ()
        user = self._user(start)
        return (user,) if user else ()

    def _user(self, seq: int) -> Unit | None:
        row = None if not seq or self.gone(seq) else self._row(seq)
        return steps.unit("user", (self._item(row),)) if row and row.body else None

    def _pinned(self, end: int, units: Sequence[Unit]) -> tuple[tuple[Unit, ...], tuple[int, ...]]:
        """Pinned units with their turns' user messages, and pins that no context can hold."""
        if not self.pins:
            return (), ()
        known = _by_seq(units)
        found: dict[int, Unit] = {}
        lost = []
        for seq in self.pins:
            if seq > end or self.gone(seq):
                continue
            unit = known.get(seq) or self._unit_around(seq, end)
            if unit is None or unit.broken is not None:
                lost.append(seq)
                continue
            user = self._user(unit.items[0].turn_start)
            found[unit.seq] = unit
            if user:
                found[user.seq] = user
        return tuple(unit for _, unit in sorted(found.items())), tuple(lost)

    def _unit_around(self, seq: int, end: int) -> Unit | None:
        window = Window(around=seq, limit=PIN_NEIGHBOURS)
        rows = [row for row in self.store.messages(self.session, window) if row.seq <= end]
        self.rows.update([(row.seq, row) for row in rows])
        items = self._items(rows)
        first = 0 if rows and rows[0].seq == 1 else steps.whole_from(items)
        return _by_seq(steps.group(items[first:])).get(seq)


def _piece(said: Said) -> int:
    if said.form != "responses":
        return WHOLE
    return THOUGHT if said.body.get("type") == "reasoning" else PIECE


def _by_seq(units: Iterable[Unit]) -> dict[int, Unit]:
    return {item.seq: unit for unit in units for item in unit.items}
