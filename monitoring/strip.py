"""A whole session as a thin bar: a cell a message, or a column of many messages. Pure.

A column shows how its messages divide among the fates; of each that is there something is seen,
however rare it is. Columns that look alike are drawn as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from . import fate
from .amounts import count
from .fate import FATES, VERBATIM, Run

EACH, BINS = 600, 300
_HEIGHTS = {"user": 16, "assistant": 11}
_HEIGHT = 16
_LOWEST = 7
_LEAST = 2
"""Of the height: what is rare must be seen."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Messages first..last with what they are; `height` tells who spoke, where a cell is one
    message, and `fate` is then its fate. `label` says what is not verbatim."""

    first: int
    last: int
    fate: str = ""
    pinned: bool = False
    height: int = _HEIGHT
    label: str = ""

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    @property
    def x(self) -> int:
        return self.first - 1

    @property
    def y(self) -> int:
        return _HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Strip:
    """The cells behind message `after`, and how many messages have each fate; the counts add up
    to `messages`. Where a cell is many messages, `shapes` are drawn: (fate, path)."""

    messages: int
    cells: list[Cell]
    counts: Mapping[str, int]
    pinned: int
    after: int = 0
    shapes: Sequence[tuple[str, str]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many messages a cell is."""
        return _size(self.messages)

    @property
    def binned(self) -> bool:
        """Whether a cell is more than one message."""
        return self.messages > EACH


@dataclass(slots=True)
class _Bin:
    """A column: how many of its messages have each fate, and how many are pinned."""

    first: int
    last: int
    counts: dict[str, int] = field(default_factory=dict)
    pinned: int = 0


def strip(
    runs: Sequence[Run],
    pinned: Sequence[int] = (),
    roles: Mapping[int, str] | None = None,
    *,
    after: int = 0,
) -> Strip:
    """The strip of a session whose messages 1..m have the fates of `runs`; `roles` by seq, where
    they are known. Cells begin behind message `after`, for a strip of one cell a message."""
    messages = runs[-1].last if runs else 0
    counts = fate.counts(runs)
    if messages <= EACH:
        each = _each(runs, frozenset(pinned), roles or {}, after)
        return Strip(messages, list(each), counts, len(pinned), after)
    bins = _bins(runs, pinned, messages)
    cells = [Cell(one.first, one.last, label=_label(one)) for one in bins]
    return Strip(messages, cells, counts, len(pinned), shapes=list(_shapes(bins)))


def _size(messages: int) -> int:
    return 1 if messages <= EACH else -(-messages // BINS)


def _each(
    runs: Sequence[Run], pinned: frozenset[int], roles: Mapping[int, str], after: int
) -> Iterator[Cell]:
    for run in runs:
        for seq in range(max(run.first, after + 1), run.last + 1):
            role, held = roles.get(seq), seq in pinned
            height = _HEIGHTS.get(role, _LOWEST) if role else _HEIGHT
            told = [*([run.fate] if run.fate != VERBATIM else []), *(["pinned"] if held else [])]
            yield Cell(seq, seq, run.fate, held, height, ", ".join(told))


def _bins(runs: Sequence[Run], pinned: Sequence[int], messages: int) -> list[_Bin]:
    size = _size(messages)
    bins = [_Bin(first, min(first + size - 1, messages)) for first in range(1, messages + 1, size)]
    for run in runs:
        for index in range((run.first - 1) // size, (run.last - 1) // size + 1):
            one = bins[index]
            inside = min(run.last, one.last) - max(run.first, one.first) + 1
            one.counts[run.fate] = one.counts.get(run.fate, 0) + inside
    for seq in pinned:
        bins[(seq - 1) // size].pinned += 1
    return bins


def _label(one: _Bin) -> str:
    told = [f"{count(one.counts[name])} {name}" for name in FATES if name in one.counts]
    pins = [f"{count(one.pinned)} pinned"] if one.pinned else []
    return ", ".join([*told, *pins]) if pins or list(one.counts) != [VERBATIM] else ""


def layers(counts: Mapping[str, int]) -> dict[str, int]:
    """The height of each fate in a column: by its share, but never less than _LEAST; they add up
    to the whole height."""
    there = [name for name in FATES if counts.get(name)]
    total, room = sum(counts[name] for name in there), _HEIGHT - _LEAST * len(there)
    heights = {name: _LEAST + room * counts[name] // total for name in there}
    largest = max(there, key=lambda name: counts[name])
    heights[largest] += _HEIGHT - sum(heights.values())
    return heights


def _shapes(bins: Sequence[_Bin]) -> Iterator[tuple[str, str]]:
    """A path for each fate that is there, and one for the pins."""
    boxes: dict[str, list[list[int]]] = {name: [] for name in (*FATES, "pinned")}
    for one in bins:
        floor = _HEIGHT
        for name, height in layers(one.counts).items():
            floor -= height
            _add(boxes[name], [one.first - 1, one.last, floor, height])
        if one.pinned:
            _add(boxes["pinned"], [one.first - 1, one.last, 0, 4])
    for name, found in boxes.items():
        if found:
            yield name, "".join(f"M{x} {y}H{end}v{high}H{x}z" for x, end, y, high in found)


def _add(boxes: list[list[int]], box: list[int]) -> None:
    """Adds a box; one that goes on where the last one ended is part of it."""
    if boxes and [boxes[-1][1], *boxes[-1][2:]] == [box[0], *box[2:]]:
        boxes[-1][1] = box[1]
    else:
        boxes.append(box)
