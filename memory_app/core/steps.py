"""The structure of a conversation: the units that a context takes or leaves whole.

A step is one assistant message with all its tool results. Providers refuse a call without its
result and a result without its call, so nothing smaller than a step is ever moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

NO_CALL = "tool result without its call"
NO_RESULT = "call without its result"
WAITING = "waits for tool results"


class Item(NamedTuple):
    """A visible message as cutting needs it.

    `total` is the running total of tokens up to and including it, `turn_start` the seq of its
    turn's user message; `calls` and `results` are the ids of tool calls made and answered.
    """

    seq: int
    role: str
    turn: int
    turn_start: int
    tokens: int
    total: int
    calls: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(slots=True)
class Unit:
    """Messages that stand or fall together: a user message, a note, a step, or a broken piece.

    `broken` says why it can be part of no context; it is None for all others. `tokens` is what it
    costs, `start` what was said before it since the session began.
    """

    kind: str
    items: tuple[Item, ...]
    broken: str | None = None
    first: Item = field(init=False)
    tokens: int = field(init=False)
    start: int = field(init=False)

    def __post_init__(self) -> None:
        self.first = first = self.items[0]
        self.start = first.total - first.tokens
        self.tokens = first.tokens if len(self.items) == 1 else sum(i.tokens for i in self.items)


@dataclass(slots=True)
class _OpenStep:
    items: list[Item] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)
    repeated: bool = False
    answered: bool = False

    def takes(self, item: Item) -> bool:
        """Whether an assistant message belongs to this step: it has unanswered calls and no
        results yet, as when a provider gives parallel calls one by one."""
        return bool(self.items) and bool(self.waiting) and not self.answered

    def call(self, item: Item) -> None:
        calls = set(item.calls)
        self.repeated |= len(calls) != len(item.calls) or bool(calls & self.waiting)
        self.waiting |= calls
        self.items.append(item)

    def answer(self, item: Item) -> bool:
        """Takes a tool message if it answers calls of this step that nothing answered yet."""
        results = set(item.results)
        if not results or len(results) != len(item.results) or not results <= self.waiting:
            return False
        self.waiting -= results
        self.answered = True
        self.items.append(item)
        return True

    def close(self, why: str) -> Unit:
        broken = why if self.waiting else NO_RESULT if self.repeated else None
        return Unit("step", tuple(self.items), broken)


def group(items: Iterable[Item]) -> list[Unit]:
    """The units of visible messages in order; a piece that no provider would take is `broken`."""
    units: list[Unit] = []
    step = _OpenStep()
    for item in items:
        if item.role == "tool":
            if not step.answer(item):
                units.append(Unit("orphan", (item,), NO_CALL))
            continue
        if item.role == "assistant" and step.takes(item):
            step.call(item)
            continue
        if step.items:
            units.append(step.close(NO_RESULT))
            step = _OpenStep()
        if item.role == "assistant":
            step.call(item)
        else:
            units.append(Unit("user" if item.role == "user" else "note", (item,)))
    if step.items:
        units.append(step.close(WAITING))
    return sorted(units, key=lambda unit: unit.first.seq)


def whole_from(items: Sequence[Item]) -> int:
    """The first index at which a unit surely begins, in a run of messages cut off at its front.

    A tool message belongs to what came before, an assistant message may: only one that follows
    something other than an assistant message surely begins a step.
    """
    for index, item in enumerate(items):
        if item.role not in ("assistant", "tool"):
            return index
        if index and item.role == "assistant" and items[index - 1].role != "assistant":
            return index
    return len(items)
