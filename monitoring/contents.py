"""A session's table of contents: its turns, and under those nearby what was done in them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sessions_app.core import messages
from sessions_app.core.entries import FORM_NAMES
from sessions_app.core.messages import decode
from sessions_app.core.packing import ACT
from sessions_app.core.replay import State, in_ranges
from sessions_app.store.turns import Act, Beginning

from . import amounts
from .titles import first_words

TURNS, NEAR = 24, 150
"""So many turns to either side of a place, and the steps of so many messages."""
_WORDS = 64
_NAMED = 3
_TIMES = " \N{MULTIPLICATION SIGN}"
_CALLS = re.compile(r'"(?:tool_calls|tool_use|function_call)"')
_NAME = re.compile(r'"name":"([\w.-]{1,64})"')


@dataclass(frozen=True, slots=True)
class Step:
    """An assistant's message that called tools, and which."""

    seq: int
    words: str
    retracted: bool


@dataclass(slots=True)
class Turn:
    """A user's message with its number among the turns, and the steps that followed."""

    seq: int
    number: int
    words: str
    retracted: bool
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reach:
    """Which turns a table around a place holds, of `turns` in all, and whose steps."""

    first: int
    last: int
    turns: int
    steps: tuple[int, int]

    @property
    def earlier(self) -> bool:
        return self.first > 1

    @property
    def later(self) -> bool:
        return self.last < self.turns


def reach(turn: int, seq: int, turns: int) -> Reach:
    """The table around message `seq` of turn `turn`."""
    first = max(1, min(turn - TURNS, turns - 2 * TURNS))
    last = min(turns, first + 2 * TURNS)
    return Reach(first, last, turns, (max(1, seq - NEAR), seq + NEAR))


def contents(beginnings: Sequence[Beginning], acts: Iterable[Act], state: State) -> list[Turn]:
    """The turns in their order, steps below them; steps of a turn that is not there are left
    out."""
    found = {
        row.seq: Turn(
            row.seq,
            row.turn,
            amounts.cut(first_words(row.body), _WORDS) or "(no words)",
            in_ranges(row.seq, state.retracted),
        )
        for row in beginnings
    }
    for act in acts:
        turn, names = found.get(act.turn_start), _names(act)
        if turn and names:
            gone = in_ranges(act.seq, state.retracted)
            turn.steps.append(Step(act.seq, _told(names), gone))
    return list(found.values())


def _names(act: Act) -> list[str]:
    """The tools that a message called; of a very long one, those in its beginning."""
    if not act.body:
        return []
    if len(act.body) >= ACT:
        return _NAME.findall(act.body) if _CALLS.search(act.body) else []
    message = decode("assistant", FORM_NAMES[act.form], act.body, None)
    return [str(part["name"]) for part in messages.parts(message) if part["type"] == "tool_call"]


def _told(names: Sequence[str]) -> str:
    """Each tool once with how often, and how many more kinds there are."""
    each = {name: names.count(name) for name in names}
    shown = [name if often == 1 else f"{name}{_TIMES}{often}" for name, often in each.items()]
    more = len(shown) - _NAMED
    return ", ".join([*shown[:_NAMED], *([f"{more} more"] if more > 0 else [])])
