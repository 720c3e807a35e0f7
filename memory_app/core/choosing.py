"""Which earlier turns are shown again within a budget of tokens.

Whole units only, the best per token first. A score is the logarithm of how likely a unit holds the
answer, so score - log(tokens) is that of the answers per token. A part goes to the newest turns:
what a question leaves unsaid is mostly there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from math import log
from typing import NamedTuple

NEWEST = 0.1
"""Share of the room for the newest turns."""
SESSION = 0.35
"""Share of the room that one session may take first where a question asks for a list."""
NEAR_MISSES = 3
_TRIES = 4


class Candidate(NamedTuple):
    """A unit that may be shown: the place of its newest turn, the score of its best turn, its
    tokens, and the group whose header it stands under (a session's day)."""

    place: int
    score: float
    tokens: int
    group: Hashable


class Miss(NamedTuple):
    """A unit that is not shown, and how many tokens more of room would let it in."""

    place: int
    tokens: int
    short_by: int


class Choice(NamedTuple):
    """The places that are shown, in order; the tokens they take with their headers; the best of
    the others."""

    places: tuple[int, ...]
    used: int
    near_misses: tuple[Miss, ...]


def choose(
    candidates: Sequence[Candidate],
    *,
    room: int,
    header: int = 0,
    newest: float = NEWEST,
    listed: bool = False,
) -> Choice:
    """What is shown of `candidates` within `room` tokens. `header` is what the first unit of a
    group costs beside itself; `newest` the share of the room for the newest units; `listed` says
    that the question asks for several things, which mostly lie in several sessions."""
    order = sorted(candidates, key=lambda one: (log(max(1, one.tokens)) - one.score, -one.place))
    recent = sorted(candidates, key=lambda one: -one.place) if newest else []
    least = min((one.tokens for one in order), default=0)
    how = _How(order, recent, header, newest, listed, least, _Filled(room, header), order)
    if not recent and not listed:
        how = how.begun()
    filled = how.filled(room)
    taken = filled.taken
    missed = [one for one in order if one.place not in taken][:NEAR_MISSES]
    near = [miss for one in missed if (miss := how.miss(one, room, filled)) is not None]
    return Choice(tuple(sorted(taken)), room - filled.left, tuple(near))


class _Filled:
    """Room that is being filled."""

    def __init__(self, room: int, header: int) -> None:
        self.room = self.left = room
        self.header = header
        self.taken: set[int] = set()
        self.spent: dict[Hashable, int] = {}

    def larger(self, room: int) -> _Filled:
        """The same with more room."""
        found = _Filled(room, self.header)
        found.left -= self.room - self.left
        found.taken, found.spent = set(self.taken), dict(self.spent)
        return found

    def cost(self, one: Candidate) -> int:
        return one.tokens + (0 if one.group in self.spent else self.header)

    def take(self, one: Candidate) -> None:
        cost = self.cost(one)
        self.left -= cost
        self.taken.add(one.place)
        self.spent[one.group] = self.spent.get(one.group, 0) + cost

    def takes(self, one: Candidate) -> bool:
        """Takes a candidate if it is new and fits; says whether it did."""
        fits = one.place not in self.taken and self.cost(one) <= self.left
        if fits:
            self.take(one)
        return fits

    def take_what_fits(self, order: Iterable[Candidate], least: int, most: float) -> None:
        """Takes all that fit, in this order, as long as their group takes at most `most`."""
        # Hundreds of candidates, and again for each near miss: no call within.
        taken, spent, header, left = self.taken, self.spent, self.header, self.left
        for place, _, tokens, group in order:
            if left < least:
                break
            if tokens > left or place in taken:
                continue
            before = spent.get(group)
            cost = tokens + header if before is None else tokens
            after = (before or 0) + cost
            if cost <= left and after <= most:
                left -= cost
                taken.add(place)
                spent[group] = after
        self.left = left


class _How(NamedTuple):
    """The candidates in the two orders in which they are taken, and how."""

    order: Sequence[Candidate]
    recent: Sequence[Candidate]
    header: int
    newest: float
    listed: bool
    least: int
    """Tokens of the smallest candidate."""
    start: _Filled
    """What is filled in any case, and the candidates that are left then."""
    rest: Sequence[Candidate]

    def begun(self) -> _How:
        """The same with the first candidates taken that all fit, as they do in any larger room."""
        start = self.start
        refused = next((at for at, one in enumerate(self.order) if not start.takes(one)), None)
        return self._replace(rest=[] if refused is None else self.order[refused:])

    def filled(self, room: int) -> _Filled:
        """`room` is that of the start, or larger."""
        found = self.start.larger(room)
        share = room - int(room * self.newest)
        for one in self.recent:
            if found.left - found.cost(one) < share:
                break
            found.take(one)
        if self.listed:
            found.take_what_fits(self.order, self.least, room * SESSION)
        found.take_what_fits(self.rest, self.least, room)
        return found

    def miss(self, one: Candidate, room: int, filled: _Filled) -> Miss | None:
        """How much more room lets a unit in; None when a little more does not, since it would go
        to others first."""
        more = max(1, filled.cost(one) - filled.left)
        for _ in range(_TRIES):
            tried = self.filled(room + more)
            if one.place in tried.taken:
                return Miss(one.place, one.tokens, more)
            more += max(1, tried.cost(one) - tried.left)
        return None
