"""What a context tells of the folded part of a session: its summary or resume note, and the
messages that stay word for word.

Both claim their room before the newest steps, facts after them (`contextfacts`). All of it changes
only when a compression does, so it stands first: the prompt's prefix stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from memory_app import gathering, keeping
from memory_app.core import assembly, blocks
from memory_app.core.assembly import Budget, History
from memory_app.core.lines import BODY, Line
from memory_app.core.passages import Point
from memory_app.core.policy import Policy
from memory_app.core.steps import PLACE, Unit
from memory_app.history import HistoryReader, Said
from memory_app.models import Summary
from sessions_app.core.held import Held, Name, Stamp
from sessions_app.core.replay import State, in_ranges


@dataclass(frozen=True, slots=True)
class Told:
    """A block of a context: its part's name, text, and what it takes; `whole` says that nothing
    was left out of it for want of room. `facts` are the ids of those in it, `revisions` theirs."""

    name: str
    text: str
    tokens: int
    whole: bool = True
    facts: tuple[str, ...] = ()
    revisions: tuple[int, ...] = ()

    def said(self) -> Said:
        """The block as renderers take it."""
        return Said("user", "openai", {"content": self.text})


class Front(NamedTuple):
    """The summary (None: there is none, or no room for it) and the kept units that fit."""

    summary: Told | None
    kept: tuple[Unit, ...]
    short: bool = False


class Written(NamedTuple):
    """A summary as it was stored; `text` is its whole block."""

    name: str
    points: tuple[Point, ...]
    span: tuple[int, int]
    text: str
    tokens: int


def front(
    reader: HistoryReader, state: State, budget: Budget, history: History, policy: Policy
) -> Front:
    """What of the folded part fits this budget, after what must be there and the newest steps that
    answer the last question."""
    if not state.folded or not policy.folds:
        return Front(None, ())
    room = free(budget, history)
    written = _standing(_written(reader, state), state)
    summary = _fitting(written, room) if written and written.points else None
    room -= summary.tokens if summary else 0
    kept = _kept(reader, state, history, min(room, int(policy.retained * budget.limit)))
    short = bool(written and written.points) and (summary is None or not summary.whole)
    return Front(summary, kept, short)


def free(budget: Budget, history: History) -> int:
    """The tokens that are left after what must be there, a lead that the provider's form may need,
    and the steps that answer the last question, as many of them as fit."""
    kept = [*assembly.musts(history).values(), *history.kept]
    must = {unit.seq for unit in kept}
    room = budget.limit - budget.fixed - budget.spare - sum([unit.tokens for unit in kept])
    asked = history.question.seq if history.question else 0
    for unit in reversed(history.units):
        if unit.seq <= asked:
            break
        if unit.broken is None and unit.seq not in must:
            if unit.tokens > room:
                break
            room -= unit.tokens
    return max(0, room)


def _written(reader: HistoryReader, state: State) -> Written | None:
    """A stored summary never changes, and the id of its compression is like no other."""
    if (known := reader.known) is None:
        return _read(reader, state.fold_version)
    name, stamp = _named(reader, state), Stamp(known.epoch, ())
    held = _held_summaries.get(name, stamp)
    if held is None and (held := _read(reader, state.fold_version)) is not None:
        _held_summaries.put(name, stamp, held, 2 * len(held.text) + len(held.points) * POINT)
    return held


def _named(reader: HistoryReader, state: State) -> Name:
    return Name(reader.store.db.alias, (reader.session.id, state.summary))


def _read(reader: HistoryReader, version: int) -> Written | None:
    summaries = Summary.objects.using(reader.store.db.alias)
    row = summaries.filter(session_id=reader.session.number, version=version).first()
    if row is None:
        return None
    name = "resume" if row.style == "resume" else "summary"
    points, span = gathering.read_points(row.points), (row.first, row.last)
    text = blocks.block(name, [point.text for point in points], span)
    return Written(name, points, span, text, row.tokens)


def forget() -> None:
    """Empties this process's memory of what is folded: what was purged must not live on there."""
    _held_summaries.clear()
    _held_units.clear()


class _Units(NamedTuple):
    """The kept units of a fold that a context may show, and the same by what they are worth; by
    seq the lines that were read for them."""

    units: Sequence[Unit]
    best: Sequence[Unit]
    lines: dict[int, Line]


MOST_HELD = 32 * 1024 * 1024
"""Octets that a process holds of kept units, and as many of summaries."""
LINE, POINT = 1_000, 300
"""About the octets of a line and of a point without their texts."""
NO_SCORE = ("", 0.0)
_held_summaries = Held[Written](MOST_HELD)
_held_units = Held[_Units](MOST_HELD)


def _standing(written: Written | None, state: State) -> Written | None:
    """The summary without points whose messages were all retracted since."""
    if written is None or not state.retracted:
        return written
    points = tuple(
        point
        for point in written.points
        if not all(in_ranges(seq, state.retracted) for seq in point.seqs)
    )
    if len(points) == len(written.points):
        return written
    told = _told(written, points)
    return written._replace(points=points, text=told.text, tokens=told.tokens)


def _fitting(written: Written, room: int) -> Told | None:
    """The summary, without its least points where it is too long for the room."""
    if written.tokens <= room:
        return Told(written.name, written.text, written.tokens)
    low, high = 0, len(written.points) - 1
    while low < high:
        middle = (low + high + 1) // 2
        points = blocks.shortened(written.points, middle)
        low, high = (middle, high) if _told(written, points).tokens <= room else (low, middle - 1)
    return _told(written, blocks.shortened(written.points, low)) if low else None


def _told(written: Written, points: Sequence[Point]) -> Told:
    text = blocks.block(written.name, [point.text for point in points], written.span)
    return Told(written.name, text, keeping.block_tokens(text), whole=False)


def _kept(reader: HistoryReader, state: State, history: History, room: int) -> tuple[Unit, ...]:
    """Kept units by what they are worth for what they cost; all of them where all fit."""
    must = assembly.musts(history)
    held = _units(reader, state)
    units = [unit for unit in held.units if unit.seq not in must]
    if sum([unit.tokens for unit in units]) <= room:
        return tuple(units)
    chosen: list[Unit] = []
    for unit in held.best:
        if unit.tokens <= room and unit.seq not in must:
            chosen.append(unit)
            room -= unit.tokens
    return tuple(sorted(chosen, key=PLACE))


def _units(reader: HistoryReader, state: State) -> _Units:
    """What a fold keeps word for word. It is the same until the next fold or retraction, whatever
    is appended."""
    if (known := reader.known) is None:
        return _read_units(reader, state)
    name, stamp = _named(reader, state), Stamp(known.epoch, state.retracted)
    held = _held_units.get(name, stamp)
    if held is not None:
        reader.again(held.lines)
        return held
    read = _read_units(reader, state)
    octets = sum([len(line[BODY]) + LINE for line in read.lines.values()])
    _held_units.put(name, stamp, read, octets)
    return read


def _read_units(reader: HistoryReader, state: State) -> _Units:
    units = [unit for unit in reader.kept(state.retained) if unit.broken is None]
    seqs = (seq for first, last in state.retained for seq in range(first, last + 1))
    lines = {seq: reader.lines[seq] for seq in seqs if seq in reader.lines}
    return _Units(units, _by_worth(reader, state, units), lines)


def _by_worth(reader: HistoryReader, state: State, units: Sequence[Unit]) -> list[Unit]:
    number, version = reader.session.number, state.fold_version
    scores = gathering.kept_scores(reader.store, number, version) if units else {}

    def worth(unit: Unit) -> float:
        return max([scores.get(item.seq, NO_SCORE)[1] for item in unit.items]) / max(1, unit.tokens)

    return sorted(units, key=lambda unit: (-worth(unit), unit.seq))
