"""Reads just as much of a session's log as one context can use, newest first.

The cost follows the budget, not the length of the session: what is left out is never read, its
size comes from the running totals, and what is retracted is stepped over.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from memory_app import recent
from memory_app.core import steps
from memory_app.core.assembly import History
from memory_app.core.lines import BODY, FORM, ROLE, SEQ, TOKENS, TOTAL, TURN, TURN_START, Line
from memory_app.core.steps import PIECE, THOUGHT, WHOLE, Item, Unit
from sessions_app.core import replay
from sessions_app.core.entries import FORM_CODES, FORM_NAMES
from sessions_app.core.forms import FORMS
from sessions_app.core.replay import State
from sessions_app.store.base import InEpoch, Snapshot
from sessions_app.store.reading import Reader

LEAST_CHUNK, MOST_CHUNK = 8, 2000
PIN_NEIGHBOURS = 200
MARGIN = 4
OPENAI = FORM_CODES["openai"]
TIED = ("assistant", "tool")


class Reading(NamedTuple):
    """What was read of a session: what may be chosen, and the pinned messages that no context can
    hold, such as a call without its result."""

    history: History
    lost_pins: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much to read: messages 1..`end`, whose last visible one is of the turn `turns`, until
    `tokens` are found, more than `room` of them in units that may be shown, or a turn before
    `oldest_turn` begins; `guess` is how many messages that will probably be. Nothing is read of
    messages 1..`floor`, which are folded."""

    end: int
    turns: int
    room: int
    tokens: int
    oldest_turn: int
    guess: int
    floor: int = 0


class Said(NamedTuple):
    """A message as renderers take it."""

    role: str
    form: str
    body: dict[str, Any]


class HistoryReader:
    """Reads for one context of one session. With the row as it was `known` in its epoch, what is
    folded and what is newest may be what this process holds of it; in a transaction it must not be,
    whose end nobody knows."""

    def __init__(
        self, store: Reader, session: Snapshot, overlay: State, known: InEpoch | None = None
    ) -> None:
        self.store = store
        self.known = known
        self.session = session
        self.retracted = overlay.retracted
        self.pins = overlay.pinned
        self.tail = recent.Tail(store, session, known)
        self.lines: dict[int, Line] = {}
        self.decoded: dict[int, Said] = {}

    def read(self, extent: Extent) -> Reading:
        """The newest units, the question, and what is pinned."""
        units, older, whole = self._newest(extent)
        pinned, lost = self._pinned(extent.end, units)
        history = History(
            units=units,
            whole=whole,
            turns=extent.turns,
            question=self._question(extent.end, units),
            pinned=pinned,
            users=self._users_before(units),
            older=older,
        )
        return Reading(history, lost)

    def kept(self, ranges: Iterable[tuple[int, int]]) -> tuple[Unit, ...]:
        """The units in these ranges of messages, which were folded and stay word for word; without
        what was retracted or erased since."""
        seqs = [
            seq for first, last in ranges for seq in range(first, last + 1) if not self.gone(seq)
        ]
        if not seqs:
            return ()
        lines = self.store.lines_in(self.session.number, seqs)
        return tuple(steps.group(self.items(self.visible(lines))))

    def again(self, lines: Mapping[int, Line]) -> None:
        """Takes lines, by seq, that were read before."""
        self.lines.update(lines)

    def turns(self, end: int, whole: bool) -> int:
        """The number of the turn that the last visible message of 1..`end` belongs to; `whole`
        says that nothing follows `end`."""
        last = self._before_retracted(end + 1) - 1
        if whole and last == end:
            return self.session.turns
        return self.store.totals(self.session.number, last)[1]

    def _newest(self, extent: Extent) -> tuple[list[Unit], list[Item], bool]:
        """The units at the end, messages before them, and whether nothing is before the units.

        What is returned depends on the log alone and not on how large the chunks were.
        """
        lines: list[Line] = []
        end = self._before_retracted(extent.end + 1)
        chunk = max(LEAST_CHUNK, min(MOST_CHUNK, extent.guess))
        floor = extent.floor
        while end > floor + 1:
            more = self.tail.back(end, chunk)
            if not more:
                break
            end = self._before_retracted(more[-1][SEQ])
            if more[-1][SEQ] <= floor:
                more = [line for line in more if line[SEQ] > floor]
            lines = self.visible(more[::-1]) + lines
            found = self._enough(lines, extent)
            if found:
                return *found, False
            chunk = min(MOST_CHUNK, chunk * 2)
        return steps.group(self.items(lines)), [], end <= floor + 1

    def _enough(
        self, lines: Sequence[Line], extent: Extent
    ) -> tuple[list[Unit], list[Item]] | None:
        """The units in these lines and the messages before them, if no older ones are needed."""
        shown = bisect_left(lines, extent.oldest_turn, key=itemgetter(TURN))
        known = _tail_of(lines, extent.tokens)
        past = shown - MARGIN - 1
        if past >= 0 and (known is None or known <= past):
            for start in _further(past, len(lines)):
                units = self._units(lines[start:])
                if shown == len(lines) or (units and units[0].seq <= lines[shown][SEQ]):
                    return units, []
        if known is not None:
            first = max(known, (_tail_of(lines, extent.room) or 0) - MARGIN)
            for start in _further(first, len(lines)):
                units = self._units(lines[start:])
                if sum([unit.tokens for unit in units if not unit.broken]) > extent.room:
                    return units, _between(lines, known, units[0].seq)
        return None

    def _units(self, lines: Sequence[Line]) -> list[Unit]:
        """The units in a run of messages that may begin in the middle of one."""
        items = self.items(lines)
        return steps.group(items[steps.whole_from(items) :])

    def _before_retracted(self, end: int) -> int:
        """`end`, or the beginning of the retracted range that ends just before it."""
        for first, last in reversed(self.retracted):
            if first <= end - 1 <= last:
                end = first
        return end

    def visible(self, lines: list[Line]) -> list[Line]:
        """Those of these messages, remembered, that are neither retracted nor blanked."""
        self.lines.update([(line[SEQ], line) for line in lines])
        if self.retracted:
            lines = [line for line in lines if not self.gone(line[SEQ])]
        return [line for line in lines if line[BODY]]

    def items(self, lines: Iterable[Line]) -> list[Item]:
        """These messages as cutting needs them."""
        made = self.tail.items
        found = []
        for line in lines:
            item = made.get(line[SEQ])
            if item is None:
                tied = line[ROLE] in TIED and _may_tie(line)
                item = made[line[SEQ]] = self._tied(line) if tied else Item(*line[:FORM])
            found.append(item)
        return found

    def _tied(self, line: Line) -> Item:
        """A message that may call tools or answer calls."""
        seq, role = line[SEQ], line[ROLE]
        self.decode((seq,))
        said = self.decoded[seq]
        if role == "tool":
            return Item(*line[:FORM], (), FORMS[said.form].result_ids(role, said.body))
        return Item(*line[:FORM], FORMS[said.form].call_ids(role, said.body), (), _piece(said))

    def decode(self, seqs: Iterable[int]) -> list[Said]:
        """These messages, which were read, each decoded once."""
        decoded, lines = self.decoded, self.lines
        for seq in seqs:
            if seq not in decoded:
                line = lines[seq]
                decoded[seq] = Said(line[ROLE], FORM_NAMES[line[FORM]], orjson.loads(line[BODY]))
        return [decoded[seq] for seq in seqs]

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
        line = self.lines.get(seq)
        if line is not None:
            return line[TOTAL]
        if seq == self.session.messages:
            return self.session.tokens
        return self.store.totals(self.session.number, seq)[0]

    def totals(self, seqs: Sequence[int]) -> dict[int, int]:
        """By seq: the tokens of messages 1..seq; what was not read already is read at once."""
        ends = {0: 0, self.session.messages: self.session.tokens}
        known = {seq: self.lines[seq][TOTAL] for seq in seqs if seq in self.lines} | ends
        missing = {seq for seq in seqs if seq not in known}
        return known | self.store.tokens_to(self.session.number, missing)

    def _turn_start(self, seq: int) -> int:
        line = self.lines.get(seq)
        return line[TURN_START] if line else self.store.totals(self.session.number, seq)[2]

    def _users_before(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """The user message of the turn that the first unit is in the middle of."""
        usable = next((unit for unit in units if unit.broken is None), None)
        start = usable.items[0].turn_start if usable else 0
        if usable is None or not 0 < start < usable.seq:
            return ()
        user = self._user(start)
        return (user,) if user else ()

    def _user(self, seq: int) -> Unit | None:
        """The user message with this seq, unless it is gone or blanked."""
        if not seq or self.gone(seq):
            return None
        known = self.lines.get(seq)
        lines = [known] if known else self.store.lines(self.session.number, seq + 1, 1)
        items = self.items(self.visible(lines))
        return steps.unit("user", items) if items else None

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
        last = min(end, seq + PIN_NEIGHBOURS // 2)
        lines = self.store.lines(self.session.number, last + 1, PIN_NEIGHBOURS)[::-1]
        items = self.items(self.visible(lines))
        first = 0 if lines and lines[0][SEQ] == 1 else steps.whole_from(items)
        return _by_seq(steps.group(items[first:])).get(seq)


def _tail_of(lines: Sequence[Line], tokens: int) -> int | None:
    """The last index from which lines come to more than so many tokens."""
    found = 0
    for index in range(len(lines) - 1, -1, -1):
        found += lines[index][TOKENS]
        if found > tokens:
            return index
    return None


def _further(start: int, end: int) -> Iterator[int]:
    """`start`, and indexes before it as long as there are any: each twice as far from the end as
    the one before, so that they do not depend on how many lines were read."""
    while start >= 0:
        yield start
        start = end - 2 * max(1, end - start)


def _between(lines: Sequence[Line], first: int, seq: int) -> list[Item]:
    """lines[first:] as far as they come before a message."""
    return [Item(*line[:FORM]) for line in lines[first:] if line[SEQ] < seq]


def _may_tie(line: Line) -> bool:
    """False for an answer in plain words, which need not be decoded to know that."""
    return line[ROLE] == "tool" or line[FORM] != OPENAI or '"tool_calls"' in line[BODY]


def _piece(said: Said) -> int:
    if said.form != "responses":
        return WHOLE
    return THOUGHT if said.body.get("type") == "reasoning" else PIECE


def _by_seq(units: Iterable[Unit]) -> dict[int, Unit]:
    return {item.seq: unit for unit in units for item in unit.items}
