"""A whole session as a thin bar: a cell a message, or a few messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sessions_app.core.replay import State

EACH, BINS = 600, 300
VERBATIM, RETRACTED = "verbatim", "retracted"
_HEIGHTS = {"user": 16, "assistant": 11}
_HEIGHT = 16
_LOWEST = 7


@dataclass(frozen=True, slots=True)
class Cell:
    """Messages first..last. The fate is that of the rarest kind among them: what is rare must be
    seen. `height` tells who spoke, where a cell is one message."""

    first: int
    last: int
    fate: str
    pinned: bool = False
    height: int = _HEIGHT

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
    to `messages`."""

    messages: int
    cells: list[Cell]
    counts: Mapping[str, int]
    pinned: int
    after: int = 0

    @property
    def size(self) -> int:
        """How many messages a cell is."""
        return _size(self.messages)

    @property
    def binned(self) -> bool:
        """Whether a cell is more than one message."""
        return self.messages > EACH


def strip(
    messages: int, state: State, roles: Mapping[int, str] | None = None, *, after: int = 0
) -> Strip:
    """The strip of a session of so many messages; `roles` by seq, where they are known. Cells
    begin behind message `after`, for a strip of one cell a message."""
    retracted = sum(last - first + 1 for first, last in state.retracted)
    counts = {VERBATIM: messages - retracted, RETRACTED: retracted}
    cells = [cell for cell in _cells(messages, state, roles or {}) if cell.first > after]
    return Strip(messages, cells, counts, len(state.pinned), after)


def _size(messages: int) -> int:
    return 1 if messages <= EACH else -(-messages // BINS)


def _cells(messages: int, state: State, roles: Mapping[int, str]) -> Iterable[Cell]:
    size = _size(messages)
    pinned = set(state.pinned)
    for first in range(1, messages + 1, size):
        last = min(first + size - 1, messages)
        gone = any(start <= last and first <= end for start, end in state.retracted)
        held = any(seq in pinned for seq in range(first, last + 1)) if pinned else False
        role = roles.get(first)
        height = _HEIGHTS.get(role, _LOWEST) if role else _HEIGHT
        yield Cell(first, last, RETRACTED if gone else VERBATIM, held, height)
