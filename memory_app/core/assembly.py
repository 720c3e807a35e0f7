"""Which messages a context holds, decided from numbers alone.

What must be there comes first and is all or an error: system, tools, what a person pinned, and the
last user message. Then the newest steps claim what room is left, whole and without gaps. The cut
moves in blocks, not with every message, so that the prompt's prefix stays the same for a while and
providers' caches hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memory_app.core.policy import Policy
from memory_app.core.steps import Unit
from sessions_app.core import errors

BLOCKS = 4
NEAR_MISSES = 3

BUDGET = "budget"
BLOCK = "block"
TURNS = "turns"


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens that a context may hold, and what is taken of them before any message: by the system
    text, the tools, and a lead that the provider's form may need."""

    limit: int
    system: int = 0
    tools: int = 0
    lead: int = 0

    @property
    def fixed(self) -> int:
        return self.system + self.tools + self.lead


@dataclass(frozen=True, slots=True)
class History:
    """What there is to choose from, as far as it was read.

    `units` are the newest ones in order, without a gap up to the end; `whole` says that they reach
    back to the session's beginning. `turns` is the number of the newest turn. `question` is the
    last user message and `pinned` are units that a person keeps, each with its turn's user message;
    both must be shown and need not be among `units`. `users` are user messages older than `units`
    whose turns reach into them.
    """

    units: Sequence[Unit]
    whole: bool
    turns: int
    question: Unit | None = None
    pinned: Sequence[Unit] = ()
    users: Sequence[Unit] = ()


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A unit that nearly got in: how many tokens it was short of, and what kept it out."""

    seq: int
    tokens: int
    short_by: int
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen units by part, each in order of seq.

    `cut` says why nothing older was taken: BUDGET, BLOCK, TURNS, or None when nothing was older.
    `stalled` tells that not even the newest step fits.
    """

    retained: tuple[Unit, ...]
    recent: tuple[Unit, ...]
    new: tuple[Unit, ...]
    cut: str | None
    near_misses: tuple[NearMiss, ...]
    used: int
    stalled: bool

    def units(self) -> list[Unit]:
        """All chosen units in order of seq."""
        chosen = (*self.retained, *self.recent, *self.new)
        return sorted(chosen, key=lambda unit: unit.first.seq)


def first_turn(policy: Policy, turns: int) -> int:
    """The oldest turn that may be shown when `turns` have begun.

    It moves on by a third of the turns kept at a time, so their number is an upper bound.
    """
    if policy.strategy != "last_turns" or turns <= policy.turns:
        return 0
    block = max(1, policy.turns // 3)
    return -(-(turns - policy.turns) // block) * block + 1


def select(budget: Budget, history: History, policy: Policy) -> Selection:
    """The units of a context. Raises BudgetTooSmall, naming the least that would do."""
    must = _must(history)
    least = budget.fixed + sum(unit.tokens for unit in must.values())
    if least > budget.limit:
        raise errors.BudgetTooSmall(param="tokens", least=least)
    tail = _Tail(history, must)
    room = budget.limit - least
    cut, why = _cut(tail, room, first_turn(policy, history.turns))
    if why == BUDGET:
        cut, why = _aligned(tail, cut, (budget.limit - budget.fixed) // BLOCKS)
    if cut == 0 and why is None and not history.whole:
        why = BUDGET
    recent = tail.taken(cut)
    return Selection(
        *_parts(must, recent, history.question),
        cut=why,
        near_misses=_near_misses(tail, cut, room, why),
        used=least + tail.cost(cut),
        stalled=_stalled(tail, cut),
    )


def _must(history: History) -> dict[int, Unit]:
    question = (history.question,) if history.question else ()
    return {unit.first.seq: unit for unit in (*history.pinned, *question)}


class _Tail:
    """The usable units, and what it costs to take all from one of them on."""

    def __init__(self, history: History, must: dict[int, Unit]) -> None:
        self.units = [unit for unit in history.units if unit.broken is None]
        self.must = must
        users = [unit for unit in self.units if unit.kind == "user"]
        self.users = {unit.first.seq: unit for unit in (*history.users, *users)}
        self._sums = [0]
        for unit in reversed(self.units):
            free = unit.first.seq in must
            self._sums.append(self._sums[-1] + (0 if free else unit.tokens))
        self._sums.reverse()

    def cost(self, index: int) -> int:
        """Tokens of units[index:] beyond what must be there anyway, and of the user message
        that the turn of the first of them begins with."""
        user = self.outside(index)
        return self._sums[index] + (user.tokens if user else 0)

    def outside(self, index: int) -> Unit | None:
        """The user message of the turn that units[index] belongs to, when it lies before it."""
        if index >= len(self.units):
            return None
        first = self.units[index].first
        user = self.users.get(first.turn_start)
        if user is None or user.first.seq >= first.seq or user.first.seq in self.must:
            return None
        return user

    def taken(self, index: int) -> list[Unit]:
        """units[index:], led by the user message of the turn they begin in."""
        user = self.outside(index)
        return [*([user] if user else []), *self.units[index:]]


def _cut(tail: _Tail, room: int, oldest_turn: int) -> tuple[int, str | None]:
    """The index from which units fit, going back from the newest; and what ended it."""
    for index in range(len(tail.units) - 1, -1, -1):
        if tail.units[index].first.turn < oldest_turn:
            return index + 1, TURNS
        if tail.cost(index) > room:
            return index + 1, BUDGET
    return 0, None


def _aligned(tail: _Tail, cut: int, block: int) -> tuple[int, str]:
    """Moves a cut on to the next multiple of `block` tokens since the session began.

    The same multiple serves until a block's worth of new messages has come. Where units are too
    large for that, the cut stays where the budget put it: losing more than a block is no bargain.
    """
    if block <= 0 or cut >= len(tail.units):
        return cut, BUDGET
    start = tail.units[cut].start
    line = -(-start // block) * block
    for index in range(cut, len(tail.units)):
        if tail.units[index].start - start > block:
            break
        if tail.units[index].start >= line:
            return index, BUDGET if index == cut else BLOCK
    return cut, BUDGET


def _parts(
    must: dict[int, Unit], recent: list[Unit], question: Unit | None
) -> tuple[tuple[Unit, ...], tuple[Unit, ...], tuple[Unit, ...]]:
    """(retained, recent, new): the question is new while nothing answers it."""
    chosen = {unit.first.seq: unit for unit in recent}
    if question:
        chosen.setdefault(question.first.seq, question)
    retained = tuple(unit for seq, unit in sorted(must.items()) if seq not in chosen)
    order = [unit for _, unit in sorted(chosen.items())]
    if question and order[-1].first.seq == question.first.seq:
        return retained, tuple(order[:-1]), (order[-1],)
    return retained, tuple(order), ()


def _near_misses(
    tail: _Tail, cut: int, room: int, why: str | None
) -> tuple[NearMiss, ...]:
    found = []
    for index in range(cut - 1, -1, -1):
        unit = tail.units[index]
        if unit.first.seq in tail.must:
            continue
        short = max(0, tail.cost(index) - room)
        reason = TURNS if why == TURNS else BUDGET if short else BLOCK
        found.append(NearMiss(unit.first.seq, unit.tokens, short, reason))
        if len(found) == NEAR_MISSES:
            break
    return tuple(found)


def _stalled(tail: _Tail, cut: int) -> bool:
    return bool(tail.units) and cut == len(tail.units) and tail.units[-1].kind == "step"


# -- what was left out ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A range of messages that the context does not hold, and why. `first`..`last` in seq."""

    first: int
    last: int
    tokens: int
    fate: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of messages under one heading; `before` and `total` are running totals of tokens
    before its first and after its last message."""

    first: int
    last: int
    before: int
    total: int
    fate: str = "verbatim"
    reason: str = ""


def left_out(stretches: Iterable[Stretch]) -> list[LeftOut]:
    """Stretches in order, neighbours of the same fate and reason joined."""
    found: list[LeftOut] = []
    for item in stretches:
        tokens = item.total - item.before
        last = found[-1] if found else None
        if last and (last.last + 1, last.fate, last.reason) == (
            item.first,
            item.fate,
            item.reason,
        ):
            found[-1] = LeftOut(
                last.first, item.last, last.tokens + tokens, last.fate, last.reason
            )
        else:
            found.append(LeftOut(item.first, item.last, tokens, item.fate, item.reason))
    return found
