"""Which messages a context holds, decided from numbers alone.

What must be there comes first and is all or an error: system, tools, what a person pinned, and the
last user message. Then the newest steps claim what room is left, whole and without gaps. The cut
moves in blocks, not with every message, so that the prompt's prefix stays the same for a while and
providers' caches hold.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import neg
from typing import NamedTuple

from memory_app.core.policy import Policy
from memory_app.core.steps import PLACE, Item, Unit
from sessions_app.core import errors

NEAR_MISSES = 3

BUDGET = "budget"
BLOCK = "block"
TURNS = "turns"


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens that a context may hold, and what is taken of them before any message: by the system
    text, the tools, the summary, what context providers say, and a lead that the provider's form
    needs. `spare` is what such a lead may yet take when other messages are chosen."""

    limit: int
    system: int = 0
    tools: int = 0
    lead: int = 0
    spare: int = 0
    summary: int = 0
    provided: int = 0

    @property
    def fixed(self) -> int:
        return self.system + self.tools + self.lead + self.summary + self.provided


@dataclass(frozen=True, slots=True)
class History:
    """What there is to choose from, as far as it was read.

    `units` are the newest ones in order, without a gap up to the end; `whole` says that they reach
    back to the session's beginning. `turns` is the number of the newest turn. `question` is the
    last user message and `pinned` are units that a person keeps, each with its turn's user message;
    both must be shown and need not be among `units`. `users` are user messages older than `units`
    whose turns reach into them; `older` are messages just before `units`, known by size alone.
    `kept` are units of what was folded that stay word for word; they may be left out.
    """

    units: Sequence[Unit]
    whole: bool
    turns: int
    question: Unit | None = None
    pinned: Sequence[Unit] = ()
    users: Sequence[Unit] = ()
    older: Sequence[Item] = ()
    kept: Sequence[Unit] = ()


class NearMiss(NamedTuple):
    """A unit that nearly got in, or a `fact` by its id: how many tokens it was short of, and what
    kept it out. `seq` is 0 for a fact of no message here."""

    seq: int
    tokens: int
    short_by: int
    reason: str
    fact: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen units by part, each in order of seq.

    `used` counts them and what is fixed; `cut` says why nothing older was taken: BUDGET, BLOCK,
    TURNS, or None when nothing was older.
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
        return sorted((*self.retained, *self.recent, *self.new), key=PLACE)


def first_turn(policy: Policy, turns: int) -> int:
    """The oldest turn that may be shown when `turns` have begun.

    It moves on by five eighths of the turns kept at a time, so their number is an upper bound.
    Moving one by one would break the prefix at every turn; this way a chat of even turns finds
    81 % of its input in the provider's cache when 12 turns are kept, and 86 % with 16, system text
    and tools not counted. The price: a context shows 6 to 12 turns, or 7 to 16.
    """
    if policy.strategy != "last_turns" or turns <= policy.turns:
        return 0
    block = max(1, policy.turns * 5 // 8)
    return -(-(turns - policy.turns) // block) * block + 1


def block_size(tokens: int) -> int:
    """How many tokens the cut moves on at a time where messages may take up `tokens`.

    About a quarter of them: a share of s / (f * (1 - f / 2) * tokens) of the input is not in the
    cache when turns come to s tokens and blocks are the share f. A larger f pays in messages not
    shown, a smaller one in cache. Rounded down to three binary digits, so that a slightly other
    budget has the same blocks.
    """
    size = tokens // 4
    step = max(0, size.bit_length() - 3)
    return max(1, size >> step << step)


def room(budget: Budget) -> int:
    """Tokens that messages may take up."""
    return max(0, budget.limit - budget.fixed)


def needed(budget: Budget) -> int:
    """Tokens of messages, newest first, from which a context of this budget can be decided: what
    fits, and two blocks more to say how much the next older ones were short of."""
    return room(budget) + 2 * block_size(room(budget))


def musts(history: History) -> dict[int, Unit]:
    """What must be there beside system and tools, by seq: what is pinned, and the question."""
    must = {unit.seq: unit for unit in history.pinned}
    if history.question:
        must[history.question.seq] = history.question
    return must


def select(budget: Budget, history: History, policy: Policy) -> Selection:
    """The units of a context. Raises BudgetTooSmall, naming the least that would do."""
    must = musts(history)
    least = budget.fixed + sum([unit.tokens for unit in must.values()])
    if least > budget.limit:
        raise errors.BudgetTooSmall(
            f"What must be in the context takes {least} tokens. Ask for at least so many, or "
            "shorten the system text, the tools, what is pinned or the last user message.",
            param="tokens",
            least=least,
        )
    must |= {unit.seq: unit for unit in history.kept}
    tail = _Tail(budget, history, must)
    cut, why = tail.cut(first_turn(policy, history.turns))
    return Selection(
        *_parts(must, tail.taken(cut), history.question),
        cut=why,
        near_misses=tail.near_misses(cut),
        used=budget.limit - tail.room + tail.costs[cut],
        stalled=bool(tail.units) and cut == len(tail.units) and tail.units[-1].kind == "step",
    )


class _Tail:
    """The usable units, and what it costs to take all from one of them on.

    `costs[i]` are the tokens of units[i:] beyond what must be there anyway, and of the user
    message that the turn of units[i] begins with.
    """

    def __init__(self, budget: Budget, history: History, must: dict[int, Unit]) -> None:
        self.budget = budget
        self.whole = history.whole
        self.must = must
        self.question = history.question.seq if history.question else 0
        self.room = budget.limit - budget.fixed - sum([unit.tokens for unit in must.values()])
        self.units = [unit for unit in history.units if unit.broken is None]
        self.users = {unit.seq: unit for unit in history.users}
        self.users.update((unit.seq, unit) for unit in self.units if unit.kind == "user")
        self.older = history.older
        self.sums = [0, *accumulate([item.tokens for item in history.older])]
        self.bare = sum([unit.tokens for unit in self.units if unit.seq not in must])
        self.costs = self._costs()
        self.floor = 0

    def _costs(self) -> list[int]:
        must, users = self.must, self.users
        costs, total = [0], 0
        for unit in reversed(self.units):
            seq = unit.seq
            if seq not in must:
                total += unit.tokens
            start = unit.items[0].turn_start
            outside = start < seq and start in users and start not in must
            costs.append(total + users[start].tokens if outside else total)
        costs.reverse()
        return costs

    def cut(self, oldest_turn: int) -> tuple[int, str | None]:
        """The index from which units are taken, and what ended it."""
        turns = [unit.items[0].turn for unit in self.units]
        self.floor = floor = bisect_left(turns, oldest_turn)
        fit = self._first_fit(self.room)
        if fit > floor:
            return self._aligned(fit)
        return floor, TURNS if floor or not self.whole else None

    def _first_fit(self, room: int) -> int:
        """The first index whose cost is within `room`; costs never rise along the units."""
        return bisect_left(self.costs, -room, key=neg)

    def _aligned(self, fit: int) -> tuple[int, str]:
        """Moves a cut on to the first unit behind a multiple of the block size, counted in tokens
        since the session began: the same multiple serves until a block of new messages has come.

        Not further than the question, so that what fits of the steps after it is there; and not
        at all where it would leave nothing.
        """
        block = self._block(0)
        line = (self.units[fit - 1].start // block + 1) * block
        for index in range(fit, len(self.units)):
            unit = self.units[index]
            if unit.start >= line or unit.seq == self.question:
                return index, BUDGET if index == fit else BLOCK
        return fit, BUDGET

    def _block(self, more: int) -> int:
        budget = self.budget
        return block_size(budget.limit + more - budget.system - budget.tools)

    def taken(self, index: int) -> list[Unit]:
        """units[index:], led by the user message of the turn they begin in."""
        units = self.units[index:]
        if units:
            start = units[0].items[0].turn_start
            if start < units[0].seq and start in self.users and start not in self.must:
                return [self.users[start], *units]
        return units

    def near_misses(self, cut: int) -> tuple[NearMiss, ...]:
        """The newest units before a cut, each with how many tokens more would let it in."""
        found: list[NearMiss] = []
        for index in range(cut - 1, -1, -1):
            unit = self.units[index]
            if len(found) == NEAR_MISSES:
                break
            if unit.seq in self.must or (unit.kind == "user" and self._leads(unit, cut)):
                continue
            if index < self.floor:
                found.append(NearMiss(unit.seq, unit.tokens, 0, TURNS))
            elif (short := self._short_by(index)) is not None:
                reason = BUDGET if self.costs[index] > self.room else BLOCK
                found.append(NearMiss(unit.seq, unit.tokens, short, reason))
        return tuple(found)

    def _leads(self, user: Unit, cut: int) -> bool:
        """Whether a user message is there because the turn it begins is cut."""
        return cut < len(self.units) and self.units[cut].items[0].turn_start == user.seq

    def _short_by(self, index: int) -> int | None:
        """By how much the budget must rise for units[index] to be taken, blocks considered; None
        when what was read does not tell. Larger budgets have larger blocks, hence the loop."""
        short, start = 0, self.units[index].start
        for _ in range(4):
            block = self._block(short)
            cost = self._cost_from(start // block * block)
            if cost is None:
                return None
            missing = cost - self.room + self.budget.spare
            if missing <= short:
                return short
            short = missing
        return None

    def _cost_from(self, line: int) -> int | None:
        """What it would cost to take all that starts at `line` or later and that the policy
        shows; None when that is not known. Never too little: older messages may be of no use."""
        units, index = self.units, self.floor
        if index or self.whole or units[0].start <= line:
            while units[index].start < line:
                index += 1
            return self.costs[index]
        first = bisect_left(self.older, line, key=_start)
        if not first:
            return None
        if first == len(self.older):
            return self.costs[0]
        found = self._outside(self.older[first])
        between = self.sums[-1] - self.sums[first]
        return None if found is None else self.bare + found + between

    def _outside(self, first: Item) -> int | None:
        """What the user message costs that begins the turn of this older one; None if unknown."""
        start = first.turn_start
        if start in (0, first.seq) or start in self.must:
            return 0
        if start in self.users:
            return self.users[start].tokens
        return next((item.tokens for item in self.older if item.seq == start), None)


def _start(item: Item) -> int:
    return item.total - item.tokens


def _parts(
    must: dict[int, Unit], recent: list[Unit], question: Unit | None
) -> tuple[tuple[Unit, ...], tuple[Unit, ...], tuple[Unit, ...]]:
    """(retained, recent, new): the question is new while nothing answers it."""
    asked: tuple[Unit, ...] = ()
    if question and (not recent or recent[-1].seq <= question.seq):
        asked, recent = (question,), [unit for unit in recent if unit.seq != question.seq]
    elif question and all(unit.seq != question.seq for unit in recent):
        recent = sorted((*recent, question), key=PLACE)
    there = {unit.seq for unit in (*recent, *asked)}
    retained = [unit for unit in must.values() if unit.seq not in there]
    return tuple(sorted(retained, key=PLACE)), tuple(recent), asked


def least_rise(short: int, gained: Callable[[int], int]) -> int:
    """The least rise by which at least `short` is `gained`, which never falls as it rises."""
    low = high = short
    while (missing := short - gained(high)) > 0:
        low, high = high + missing, high + 2 * missing
    return bisect_left(range(high), short, lo=min(low, high), key=gained)


# -- what was left out ---------------------------------------------------------------------------


class LeftOut(NamedTuple):
    """Messages that the context does not hold, and why: all of first..last, or `some` of them
    where others there have another fate."""

    first: int
    last: int
    tokens: int
    fate: str
    reason: str
    some: int = 0

    @property
    def messages(self) -> int:
        return self.some or self.last - self.first + 1


class Stretch(NamedTuple):
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
    begin, end, tokens, fate, reason = 0, -1, 0, "", ""
    for first, last, before, total, its_fate, its_reason in stretches:
        if first == end + 1 and its_fate == fate and its_reason == reason:
            end, tokens = last, tokens + total - before
            continue
        if begin:
            found.append(LeftOut(begin, end, tokens, fate, reason))
        begin, end, tokens, fate, reason = first, last, total - before, its_fate, its_reason
    if begin:
        found.append(LeftOut(begin, end, tokens, fate, reason))
    return found
