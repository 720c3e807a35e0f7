"""What a compression takes out of view, decided from numbers alone.

A fold goes from the first message that is not folded to just before the kept turns. Where these
alone fill half of the room their oldest steps are folded too; the user message that began their
turn stays word for word. It goes further than it must, so that the next one is not due at once and
the prompt's prefix stays for a while.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from memory_app.core.policy import Policy
from memory_app.core.steps import Unit

KEPT_AT_MOST = 0.5
KEPT_AFTERWARDS = 0.375
"""Shares of the capacity: kept turns over the first are cut down to the second."""
LEAST_FOLD = 0.02
"""A fold of less than this share of the capacity is not worth a new prefix."""
GROWTH = 0.05
"""By how much of its capacity a session must grow between two compressions, at the least."""
RESUMED_TURNS = 2
"""Turns before a long pause that stay in view when the session goes on."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a fold is decided on.

    `units` are not folded yet, in order; `end` says that nothing follows them, else `rest` are the
    tokens that do. `turns` is the number of the newest turn. `trigger` is "" where the level made
    it due; `pause` the last message before a long pause, 0 for none.
    """

    policy: Policy
    units: Sequence[Unit]
    turns: int
    trigger: str = ""
    pause: int = 0
    end: bool = True
    rest: int = 0


class Folding(NamedTuple):
    """The messages first..last as units, and those of their user messages whose turn goes on."""

    first: int
    last: int
    units: tuple[Unit, ...]
    openers: frozenset[int]


def trigger_name(policy: Policy, active: int, asked: str) -> str:
    """What a compression is called by: who asked for it, else the highest mark that was passed."""
    if asked:
        return asked
    level = active / policy.capacity
    names = ("60", "80", "90")
    passed = [name for name, mark in zip(names, policy.marks, strict=True) if level >= mark]
    return passed[-1] if passed else names[0]


def style(policy: Policy, active: int) -> str:
    """How a summary is written: from the second mark on as key facts."""
    if policy.strategy == "key_facts" or active >= policy.capacity * policy.marks[1]:
        return "key_facts"
    return "narrative"


def folding(ground: Ground, folded: int) -> Folding | None:
    """What to fold of a session whose messages 1..`folded` are; None when it is not worth it."""
    index = _whole(ground.units, _boundary(ground))
    units = tuple(ground.units[:index])
    if not units:
        return None
    tokens = sum([unit.tokens for unit in units])
    if not ground.trigger and tokens < ground.policy.capacity * LEAST_FOLD:
        return None
    last = max(unit.items[-1].seq for unit in units)
    kept = {item.turn_start for unit in ground.units[index:] for item in unit.items}
    openers = {unit.seq for unit in units if unit.kind == "user" and unit.seq in kept}
    return Folding(folded + 1, last, units, frozenset(openers))


def next_due(policy: Policy, active: int) -> int:
    """The active tokens from which the next compression is due, after one that left `active`."""
    return max(policy.due_tokens, active + int(policy.capacity * GROWTH))


def _boundary(ground: Ground) -> int:
    """The index of the first unit that is kept."""
    units, policy = ground.units, ground.policy
    oldest = ground.turns - policy.turns + 1
    if ground.pause:
        before = [unit.items[0].turn for unit in units if unit.seq <= ground.pause]
        oldest = max(oldest, (before[-1] if before else 0) - RESUMED_TURNS + 1)
    index = _first_of_turn(units, oldest)
    if ground.pause:
        return min(index, bisect_left([unit.seq for unit in units], ground.pause + 1))
    return _relieved(ground, index)


def _first_of_turn(units: Sequence[Unit], turn: int) -> int:
    return next((at for at, unit in enumerate(units) if unit.items[0].turn >= turn), len(units))


def _relieved(ground: Ground, index: int) -> int:
    """The index moved on where the kept turns alone take up too much, not past the newest unit."""
    capacity = ground.policy.capacity
    sizes = [*accumulate([unit.tokens for unit in reversed(ground.units)], initial=ground.rest)]
    sizes.reverse()
    if sizes[index] <= capacity * KEPT_AT_MOST:
        return index
    room = int(capacity * KEPT_AFTERWARDS)
    fits = next(at for at in range(len(sizes)) if sizes[at] <= room or at == len(sizes) - 1)
    most = _last_movable(ground.units) if ground.end else len(ground.units)
    return max(index, min(fits, most))


def _last_movable(units: Sequence[Unit]) -> int:
    """The index of the last question and the newest step, of which neither is ever folded."""
    last = len(units) - 1
    question = max((at for at, unit in enumerate(units) if unit.kind == "user"), default=last)
    newest = max((at for at, unit in enumerate(units) if unit.kind == "step"), default=last)
    return max(0, newest if newest > question else question)


def _whole(units: Sequence[Unit], index: int) -> int:
    """The nearest index not above `index` at which no unit reaches over the cut: late results may
    lie behind the unit that follows."""
    while 0 < index < len(units):
        reach = max(unit.items[-1].seq for unit in units[:index])
        if reach < units[index].seq:
            break
        index -= 1
    return index
