"""Reads just as much of a session's log as one context can use, newest first.

The cost follows the budget, not the length of the session: what is left out is never read, its
size comes from the running totals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memory_app.core import steps
from memory_app.core.assembly import History
from memory_app.core.steps import Item, Unit
from sessions_app.core import messages, replay
from sessions_app.core.entries import StoredMessage
from sessions_app.core.messages import Message
from sessions_app.core.replay import State
from sessions_app.store.base import Snapshot, Window
from sessions_app.store.reading import Reader

LEAST_CHUNK, MOST_CHUNK = 8, 2000
PIN_NEIGHBOURS = 200


@dataclass(slots=True)
class Reading:
    """What was read of a session: what may be chosen, and the newest rows, without a gap.

    `lost_pins` are pinned messages that no context can hold, such as a call without its result.
    """

    history: History
    suffix: list[StoredMessage]
    lost_pins: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much to read: messages 1..`end`, until `tokens` are found or a turn before
    `oldest_turn` begins; `guess` is how many messages that will probably be."""

    end: int
    tokens: int
    oldest_turn: int
    guess: int


class HistoryReader:
    """Reads for one context of one session."""

    def __init__(self, store: Reader, session: Snapshot, overlay: State) -> None:
        self.store = store
        self.session = session
        self.overlay = overlay
        self.rows: dict[int, StoredMessage] = {}
        self.decoded: dict[int, Message] = {}

    def read(self, extent: Extent) -> Reading:
        """The newest units, the question, and what is pinned."""
        suffix = self._suffix(extent)
        items = [self._item(row) for row in suffix if self._visible(row)]
        whole = not suffix or suffix[0].seq == 1
        units = steps.group(items if whole else items[steps.whole_from(items) :])
        question = self._question(extent.end)
        pinned, lost = self._pinned(extent.end, units)
        history = History(
            units=units,
            whole=whole,
            turns=suffix[-1].turn if suffix else 0,
            question=question,
            pinned=pinned,
            users=self._users_before(units),
        )
        return Reading(history, suffix, lost)

    def _suffix(self, extent: Extent) -> list[StoredMessage]:
        """Rows up to the end, oldest first, enough that one more unit could not fit."""
        newest_first: list[StoredMessage] = []
        found, end = 0, extent.end + 1
        chunk = max(LEAST_CHUNK, min(MOST_CHUNK, extent.guess))
        while end > 1:
            rows = self.store.tail(self.session.number, end, chunk)
            newest_first += rows
            found += sum([row.tokens for row in rows if self._visible(row)])
            if not rows:
                break
            end = rows[-1].seq
            if found > extent.tokens + rows[-1].tokens or rows[-1].turn < extent.oldest_turn:
                break
            chunk = min(MOST_CHUNK, chunk * 2)
        self.rows.update((row.seq, row) for row in newest_first)
        return newest_first[::-1]

    def _visible(self, row: StoredMessage) -> bool:
        retracted = self.overlay.retracted
        return bool(row.body) and not (retracted and replay.in_ranges(row.seq, retracted))

    def _item(self, row: StoredMessage) -> Item:
        calls: tuple[str, ...] = ()
        results: tuple[str, ...] = ()
        if row.role in ("assistant", "tool"):
            message = self.decoded[row.seq] = row.message()
            if row.role == "tool":
                results = messages.result_ids(message)
            else:
                calls = messages.call_ids(message)
        return Item(
            row.seq,
            row.role,
            row.turn,
            row.turn_start,
            row.tokens,
            row.tokens_total,
            calls,
            results,
        )

    def message(self, seq: int) -> Message:
        """A read message, decoded once."""
        found = self.decoded.get(seq)
        if found is None:
            found = self.decoded[seq] = self.rows[seq].message()
        return found

    def _question(self, end: int) -> Unit | None:
        """The newest visible user message, by the links between turns."""
        seq = self._turn_start(end)
        while seq:
            row = self._row(seq)
            if row is None:
                return None
            if self._visible(row):
                return Unit("user", (self._item(row),))
            seq = self._turn_start(seq - 1)
        return None

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
        start = usable.first.turn_start if usable else 0
        if usable is None or not 0 < start < usable.first.seq:
            return ()
        return self._user(start)

    def _user(self, seq: int) -> tuple[Unit, ...]:
        row = self._row(seq) if seq else None
        if row is None or not self._visible(row):
            return ()
        return (Unit("user", (self._item(row),)),)

    def _pinned(
        self, end: int, units: Sequence[Unit]
    ) -> tuple[tuple[Unit, ...], tuple[int, ...]]:
        """Pinned units with their turns' user messages, and pins that no context can hold."""
        known = _by_seq(units)
        found: dict[int, Unit] = {}
        lost = []
        for seq in self.overlay.pinned:
            if seq > end or replay.in_ranges(seq, self.overlay.retracted):
                continue
            unit = known.get(seq) or self._unit_around(seq, end)
            if unit is None or unit.broken is not None:
                lost.append(seq)
                continue
            for kept in (*self._user(unit.first.turn_start), unit):
                found[kept.first.seq] = kept
        return tuple(unit for _, unit in sorted(found.items())), tuple(lost)

    def _unit_around(self, seq: int, end: int) -> Unit | None:
        window = Window(around=seq, limit=PIN_NEIGHBOURS)
        rows = [row for row in self.store.messages(self.session, window) if row.seq <= end]
        self.rows.update((row.seq, row) for row in rows)
        items = [self._item(row) for row in rows if self._visible(row)]
        first = 0 if rows and rows[0].seq == 1 else steps.whole_from(items)
        return _by_seq(steps.group(items[first:])).get(seq)


def _by_seq(units: Iterable[Unit]) -> dict[int, Unit]:
    return {item.seq: unit for unit in units for item in unit.items}

