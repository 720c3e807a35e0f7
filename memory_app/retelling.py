"""Earlier turns in a context: what a question needs is shown again word for word, with its day.

They come from the session's folded or cut part and from the other sessions of its user. A context
with a question keeps room for them beside the newest turns, as much as turns that may answer it
take, and no more.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from math import log
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

import numpy as np

from memory_app import keeping, spoken
from memory_app.contextsummary import Told
from memory_app.core import blocks
from memory_app.core.assembly import Budget, History, NearMiss
from memory_app.core.choosing import Candidate, choose
from memory_app.core.index import Turn
from memory_app.core.rank import Scored
from memory_app.recall import Found
from sessions_app.core.tokens import SLICE
from sessions_app.store.reading import Reader

MOST = 400
"""Turns that compete, the best ones."""
LIKELY = log(5_000)
"""A turn whose score is so much less than the best one's is not told. With log(200) 95 % of the
evidence of long conversations stand in 8,000 tokens instead of 99, with log(20) 81."""
WHOLE_TURNS = 3
"""The newest turns are shown whole beside what is recalled."""
MOST_ROOM = 8_000
"""Tokens of what is told again at most, however large the window is."""
LABEL = 1
"""Tokens of a line beyond those of its message, whose framing pays for most of who says it."""


class Retold(NamedTuple):
    """The block, which messages of this session stand in it, and which nearly did; `turns` are by
    session the seqs of all in it, and `found` with their `places` says how they were ranked."""

    told: Told
    seqs: tuple[int, ...]
    near_misses: tuple[NearMiss, ...]
    turns: Mapping[int, Sequence[int]] = MappingProxyType({})
    found: Found | None = None
    places: tuple[int, ...] = ()

    def scored(self) -> list[tuple[UUID, Scored]]:
        """The turns in it, each with its session, best first; nothing where they were chosen
        before."""
        if self.found is None:
            return []
        rows = [self.found.ranking.scored(place) for place in self.places]
        return [(self.found.sources[row.turn.session].id, row) for row in rows]


class Candidates:
    """The likely turns that may be told again, the best first: of the session `number` those up to
    `end` that are not `hidden`, and those of others."""

    def __init__(self, found: Found, number: int, end: int, hidden: Container[int] = ()) -> None:
        self.found = found
        self.number = number
        self.turns: list[tuple[float, Turn, int]] = []
        if not found.ranking.found:
            return
        ranking = found.ranking
        places = ranking.order()[: 2 * MOST]
        scores = ranking.scores[places]
        likely = int(np.count_nonzero(scores >= scores[:1] - LIKELY))
        every, hides = ranking.index.turns, found.hidden
        whole = {at for at, source in found.sources.items() if not source.retracted}
        for score, place in zip(scores[:likely].tolist(), places[:likely].tolist(), strict=True):
            if place in hides:
                continue
            turn = every[place]
            own = turn.session == number
            if own and (turn.seq > end or turn.seq in hidden):
                continue
            if turn.session in whole or found.may_show(turn):
                self.turns.append((score, turn, place))
            if len(self.turns) == MOST:
                break

    def without(self, shown: Container[int]) -> list[tuple[float, Turn, int]]:
        """Those that a context does not show with these messages of the session."""
        return [
            one for one in self.turns if one[1].session != self.number or one[1].seq not in shown
        ]

    def cost(self, place: int) -> int:
        """About the tokens of a turn's line."""
        return self.found.tokens[place] + LABEL

    def demand(self, shown: Container[int]) -> int:
        """The tokens of those that may well hold the answer."""
        turns, tokens = self.without(shown), self.found.tokens
        days = {_group(turn) for _, turn, _ in turns}
        said = sum([tokens[place] for _, _, place in turns])
        return said + LABEL * len(turns) + len(days) * _header_tokens()


def reserved(
    candidates: Candidates, budget: Budget, history: History, *, free: int, most: int
) -> int:
    """The room that is kept for earlier turns: beside the newest ones, which stay whole."""
    whole = [
        unit
        for unit in history.units
        if unit.broken is None and unit.items[-1].turn > history.turns - WHOLE_TURNS
    ]
    shown = {item.seq for unit in whole for item in unit.items}
    room = free - sum([unit.tokens for unit in whole])
    return max(0, min(most, room, candidates.demand(shown)))


def retold(candidates: Candidates, shown: Container[int], *, room: int) -> Retold | None:
    """What of the candidates fits `room` tokens beside the messages that are shown."""
    turns = candidates.without(shown)
    room = min(room, MOST_ROOM)
    size = room - keeping.block_tokens(blocks.block("recalled", [])) - 2
    if not turns or size <= 0:
        return None
    by_place = {place: turn for _, turn, place in turns}
    choice = choose(
        [
            Candidate(place, score, candidates.cost(place), _group(turn))
            for score, turn, place in turns
        ],
        room=size,
        header=_header_tokens(),
        newest=0.0,
        listed=candidates.found.listed,
    )
    scores = {place: score for score, _, place in turns}
    places = sorted(choice.places, key=lambda place: -scores[place])
    while places:
        told = _told([by_place[place] for place in places])
        if told.tokens <= room:
            break
        places.pop()
    else:
        return None
    own = [by_place[place].seq for place in places if by_place[place].session == candidates.number]
    near = [
        NearMiss(turn.seq, miss.tokens, miss.short_by, "budget")
        for miss in choice.near_misses
        if (turn := by_place[miss.place]).session == candidates.number
    ]
    every: dict[int, list[int]] = {}
    for turn in sorted((by_place[place] for place in places), key=lambda one: one.seq):
        every.setdefault(turn.session, []).append(turn.seq)
    return Retold(told, tuple(sorted(own)), tuple(near), every, candidates.found, tuple(places))


def again(store: Reader, turns: Mapping[int, Sequence[int]], number: int) -> Retold | None:
    """The block of turns that were told before, by session the seqs; the session is `number`. What
    was purged or erased meanwhile is missing."""
    found = [
        Turn(session, one.seq, one.author, one.role, one.text, one.at)
        for session, seqs in turns.items()
        for one in spoken.these(store, session, seqs)
    ]
    if not found:
        return None
    own = tuple(sorted(turn.seq for turn in found if turn.session == number))
    return Retold(_told(found), own, ())


def _told(turns: Sequence[Turn]) -> Told:
    lines: list[Line] = []
    for (_, day), said in groupby(sorted(turns, key=_in_time), key=_group):
        lines.append(_header_line(day))
        lines += [_line(turn.author or turn.role, turn.text) for turn in said]
    text = blocks.quoted("recalled", [line for line, _ in lines])
    if len(text) > SLICE:
        return Told("recalled", text, keeping.block_tokens(text))
    # No token reaches over the end of a line to the "-" or the letter that begins the next.
    return Told("recalled", text, _frame_tokens() + sum([tokens for _, tokens in lines]))


def _in_time(turn: Turn) -> tuple[int, int, int]:
    return turn.at // _DAY, turn.session, turn.seq


_DAY = 86_400_000_000


def _group(turn: Turn) -> tuple[int, int]:
    """The session and the day of a turn, under whose header it stands."""
    return turn.session, turn.at // _DAY


def _header(day: int) -> str:
    when = datetime.fromtimestamp(day * 86_400, UTC)
    return f"{when:%A}, {when.day} {when:%B} {when.year}"


def _header_tokens() -> int:
    return keeping.block_tokens(_header(0))


Line = tuple[str, int]
"""A line of the block and its tokens, with the break behind it."""


# A turn is told again in many contexts, and what it says never changes.
@lru_cache(maxsize=8192)
def _line(who: str, text: str) -> Line:
    line = blocks.escaped(f"- {who}: {text}")
    return line, keeping.count(f"{line}\n")


@lru_cache(maxsize=1024)
def _header_line(day: int) -> Line:
    line = _header(day)
    return line, keeping.count(f"{line}\n")


def _frame_tokens() -> int:
    return keeping.block_tokens(blocks.quoted("recalled", []))


def forget() -> None:
    """Empties this process's memory of turns: what was purged must not live on there."""
    _line.cache_clear()
