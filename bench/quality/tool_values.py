"""Value survival: of what a writing tool call needs, how much stands in a small context.

Agent runs of an airline's desk (tau-bench). At each call that changes something, the values of its
arguments that were said or returned before are looked for in the context as text, at word borders.
The context is the newest whole steps and, for everything older, the block of values; the system
text is neither searched nor paid for. Nothing of the call or of what follows it is known to either.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from bench.quality.rows import Row, load
from memory_app.core import values
from memory_app.core.passages import Passage, passage
from memory_app.core.steps import Item, group
from sessions_app.core import tokens
from sessions_app.core.forms import FORMS
from sessions_app.core.messages import Message

GATE = "value survival"
WRITES = re.compile(r"book_reservation|cancel_reservation|send_certificate|update_reservation_\w+")
ENCODER = "o200k_base"
TARGETS = {600: 92.0, 1_200: 98.0, 2_400: 99.5}
BLOCK = 0.6
"""The share of a context that newest steps leave to the block when not all fits."""


class Said(NamedTuple):
    """A message with what it costs, and itself as text: words and calls."""

    passage: Passage
    item: Item
    text: str


class Moment(NamedTuple):
    """A writing call: what was before it in whole units, and the values it needs."""

    run: int
    units: list[list[Said]]
    needed: list[str]


class Tally(NamedTuple):
    """Of one run: values needed and found, calls and those with all values."""

    needed: int = 0
    found: int = 0
    calls: int = 0
    whole: int = 0


Context = Callable[[list[list[Said]], int], str]


def measure() -> Iterator[Row]:
    """The share of values, and of calls with all of them, at each budget. Raises NoData."""
    known = list(moments(load("tau_airline_dev.json")))
    for budget, target in TARGETS.items():
        ours, last, ranked, steady = (
            tallies(known, budget, way) for way in (with_block, last_n, bm25, never_whole)
        )
        beside = (("last-N", last), ("BM25 of whole units", ranked), ("block alone", steady))
        yield Row(
            GATE,
            f"values at {budget:,} tokens",
            share(ours),
            error(ours),
            target,
            tuple((name, share(tally)) for name, tally in beside),
        )
        yield Row(
            GATE,
            f"calls with all values at {budget:,} tokens",
            calls(ours),
            beside=tuple((name, calls(tally)) for name, tally in beside),
        )


# -- the moments ---------------------------------------------------------------------------------


def moments(runs: Sequence[dict[str, Any]]) -> Iterator[Moment]:
    """Every writing call of the runs that needs something said or returned before."""
    for number, run in enumerate(runs):
        said = list(messages(run["traj"]))
        for place, one in enumerate(said):
            before = "\n".join([older.text for older in said[:place]])
            for tool, arguments in one.passage.calls:
                if WRITES.fullmatch(tool):
                    needed = [v for v in leaves(json.loads(arguments)) if stands(v, before)]
                    if needed:
                        yield Moment(number, units(said[:place]), needed)


def messages(trajectory: Sequence[dict[str, Any]]) -> Iterator[Said]:
    """The messages behind the system text, counted as they are at an append."""
    total = turn = turn_start = 0
    spoken = (body for body in trajectory if body["role"] != "system")
    for seq, body in enumerate(spoken, 1):
        role = body["role"]
        kept = {k: v for k, v in body.items() if k != "role" and v is not None}
        cost = tokens.count(Message(role, "openai", kept), ENCODER)[0]
        total += cost
        if role == "user":
            turn, turn_start = turn + 1, seq
        made = passage(seq, role, "openai", kept, tokens=cost, turn=turn)
        parts = FORMS["openai"].parts(role, kept)
        called = tuple(str(p["id"]) for p in parts if p["type"] == "tool_call")
        answered = tuple(str(p["id"]) for p in parts if p["type"] == "tool_call_response")
        item = Item(seq, role, turn, turn_start, cost, total, called, answered)
        text = "\n".join([made.text, *(f"{tool} {given}" for tool, given in made.calls)])
        yield Said(made, item, text)


def units(said: Sequence[Said]) -> list[list[Said]]:
    """User messages and steps, in order."""
    return [
        [said[item.seq - 1] for item in unit.items] for unit in group([one.item for one in said])
    ]


def leaves(value: Any) -> Iterator[str]:
    """The values of arguments as they are written in JSON, strings without quotes."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for element in value:
            yield from leaves(element)
    elif value not in (None, ""):
        yield value if isinstance(value, str) else json.dumps(value)


def stands(value: str, text: str) -> bool:
    """Whether a value is in a text, and not as a part of a longer word or number."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


# -- the contexts --------------------------------------------------------------------------------


def with_block(units: list[list[Said]], budget: int) -> str:
    """The newest whole units and the block; everything where everything fits."""
    return newest_and_block(units, budget, budget - round(budget * BLOCK))


def never_whole(units: list[list[Said]], budget: int) -> str:
    """The block of all messages and no whole one."""
    return newest_and_block(units, budget, 0)


def newest_and_block(units: list[list[Said]], budget: int, room: int) -> str:
    whole = newest(units, budget)
    if len(whole) == len(units):
        return text_of(whole)
    near = newest(units, room)
    older = units[: len(units) - len(near)]
    points = values.block(
        [analysed(one.passage) for unit in older for one in unit],
        size=budget - sum(map(cost, near)) - tokens.FRAMING,
        count=counted,
        near=[analysed(one.passage) for unit in near for one in unit],
    )
    return "\n".join([*(point.text for point in points), text_of(near)])


def last_n(units: list[list[Said]], budget: int) -> str:
    """The newest whole units."""
    return text_of(newest(units, budget))


def bm25(units: list[list[Said]], budget: int) -> str:
    """Whole units: the newest, then in the order of their BM25 score for the last user message."""
    left, chosen = budget, []
    for place in dict.fromkeys([len(units) - 1, *ranking(units)]):
        if cost(units[place]) <= left:
            left -= cost(units[place])
            chosen.append(place)
    return text_of([units[place] for place in sorted(chosen)])


def ranking(units: list[list[Said]]) -> list[int]:
    texts = [Counter(re.findall(r"\w+", text_of([unit]).lower())) for unit in units]
    asked = next((one.text for unit in reversed(units) for one in unit if is_user(one)), "")
    average = sum(text.total() for text in texts) / len(texts)
    scores = [0.0] * len(units)
    for word in set(re.findall(r"\w+", asked.lower())):
        there = sum(word in text for text in texts)
        rarity = math.log(1 + (len(texts) - there + 0.5) / (there + 0.5))
        for place, text in enumerate(texts):
            damped = text[word] + 1.2 * (0.25 + 0.75 * text.total() / average)
            scores[place] += rarity * text[word] * 2.2 / damped
    return sorted(range(len(units)), key=lambda place: (-scores[place], -place))


def is_user(one: Said) -> bool:
    return one.passage.role == "user"


def newest(units: list[list[Said]], room: int) -> list[list[Said]]:
    for place in range(len(units) - 1, -1, -1):
        room -= cost(units[place])
        if room < 0:
            return units[place + 1 :]
    return units


def cost(unit: list[Said]) -> int:
    return sum(one.passage.tokens for one in unit)


def text_of(units: list[list[Said]]) -> str:
    return "\n".join([one.text for unit in units for one in unit])


@cache
def counted(text: str) -> int:
    return tokens.count_text(text, ENCODER)


@cache
def analysed(one: Passage) -> values.Analysis:
    return values.analysis(one)


# -- the figures ---------------------------------------------------------------------------------


def tallies(known: Sequence[Moment], budget: int, way: Context) -> list[Tally]:
    """A tally for each run."""
    found: dict[int, Tally] = {}
    for moment in known:
        text = way(moment.units, budget)
        there = sum(stands(value, text) for value in moment.needed)
        needed = len(moment.needed)
        old = found.get(moment.run, Tally())
        new = (needed, there, 1, int(there == needed))
        found[moment.run] = Tally(*(a + b for a, b in zip(old, new, strict=True)))
    return list(found.values())


def share(found: Sequence[Tally]) -> float:
    """Values found, in per cent of those needed."""
    return 100 * sum(one.found for one in found) / sum(one.needed for one in found)


def calls(found: Sequence[Tally]) -> float:
    """Calls with all their values, in per cent."""
    return 100 * sum(one.whole for one in found) / sum(one.calls for one in found)


def error(found: Sequence[Tally]) -> float:
    """The standard error of `share` over runs."""
    mean = share(found) / 100
    squares = sum((one.found - mean * one.needed) ** 2 for one in found)
    spread = math.sqrt(squares * len(found) / max(1, len(found) - 1))
    return 100 * spread / sum(one.needed for one in found)
