"""Gate 5: what a person changed in a task dialogue, once the dialogue is folded.

Where a slot's state changes ("make it six instead"), the latest value must stand in the context,
and what it was before must not stand there without it. Where both do, the order, the numbers of
messages and the words themselves tell which one holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count
from math import sqrt
from typing import Any, NamedTuple

from bench.ground import SQLITE, Place, ground
from bench.quality.rows import Row, load
from memory_app import policies
from memory_app.pipeline import Pipeline

FILES = ("sgd_dev_001.json", "sgd_dev_007.json")
PRESENT, STALE = 95.0, 2.0
SHARES = (60, 40)
"""Sizes of a context, in per cent of what was said."""
TOGETHER = 6
"""Dialogues that are one session, about 90 messages."""
_RULES = {"strategy": "rolling_summary", "turns": 4, "reserve": 100}
_names = (f"changed {number}" for number in count())


class Change(NamedTuple):
    """A slot that was given another value: how the latest is written, and how the ones before."""

    latest: frozenset[str]
    stale: frozenset[str]


def measure() -> Iterator[Row]:
    """The share of latest values present and of stale ones told as current, in per cent of all
    changes; with the newest messages that fit beside. Raises NoData."""
    dialogues = [dialogue for name in FILES for dialogue in load(name)]
    cases = list(_sessions(dialogues))
    with ground() as here:
        place = here.place(SQLITE)
        for share in SHARES:
            yield from _rows(place, cases, share)


def _sessions(dialogues: Sequence[dict[str, Any]]) -> Iterator[tuple[list[str], list[Change]]]:
    """What is said in a session of several dialogues, and what is changed in it."""
    for first in range(0, len(dialogues), TOGETHER):
        some = dialogues[first : first + TOGETHER]
        found = [change for one in some for change in changes(one["turns"])]
        if found:
            yield [text for one in some for text in spoken(one)], found


def _rows(
    place: Place, cases: Sequence[tuple[list[str], list[Change]]], share: int
) -> Iterator[Row]:
    there: list[bool] = []
    told: list[bool] = []
    newest: list[bool] = []
    for said, found in cases:
        shown = folded(place, said, share)
        last = said[len(said) - len(said) * share // 100 :]
        there += [present(one, shown) for one in found]
        told += [current(one, shown) for one in found]
        newest += [present(one, last) for one in found]
    beside = (("newest", _percent(newest)),)
    name = f"latest value present in {share} % of the tokens ({len(there)})"
    yield Row("corrections", name, _percent(there), _error(there), PRESENT, beside)
    name = f"stale value not told as current in {share} %"
    fresh = [not one for one in told]
    yield Row("corrections", name, _percent(fresh), _error(fresh), 100 - STALE)


def spoken(dialogue: dict[str, Any]) -> list[str]:
    """The texts of a dialogue; the user's are the first and every other one."""
    return [turn["utterance"] for turn in dialogue["turns"]]


def changes(turns: Sequence[dict[str, Any]]) -> Iterator[Change]:
    """The slots whose state changes, of those whose latest value was said last of all."""
    texts = [turn["utterance"] for turn in turns]
    told: dict[tuple[str, str], list[frozenset[str]]] = {}
    for turn in turns:
        for frame in turn["frames"]:
            for slot, values in frame.get("state", {}).get("slot_values", {}).items():
                history = told.setdefault((frame["service"], slot), [])
                written = frozenset(map(str.lower, values))
                if not history or history[-1].isdisjoint(written):
                    history.append(written)
    for *before, latest in told.values():
        stale = frozenset().union(*before) - latest
        one = Change(latest, stale)
        if stale and "dontcare" not in latest and _place(texts, latest) > _place(texts, stale) >= 0:
            yield one


def folded(place: Place, said: Sequence[str], share: int) -> list[str]:
    """The lines of a context of this share of the tokens, after all but the end was folded."""
    import holdfast

    name = next(_names)
    total = sum(len(text) // 4 + 8 for text in said)
    policies.put(place.store, place.project, name, {**_RULES, "window": total * 6 // 10})
    session = holdfast.open(name, database=place.address, policy=name)
    roles = ("user", "assistant")
    session.append([{"role": roles[at % 2], "content": text} for at, text in enumerate(said)])
    pipeline = Pipeline(place.store)
    while pipeline.work():
        pass
    shown = session.context(tokens=total * share // 100)
    return [line for message in shown.messages for line in str(message["content"]).split("\n")]


def present(change: Change, lines: Sequence[str]) -> bool:
    return _place(lines, change.latest) >= 0


def current(change: Change, lines: Sequence[str]) -> bool:
    """Whether what was before stands there without the latest value."""
    return _place(lines, change.stale) >= 0 and not present(change, lines)


def _place(lines: Sequence[str], values: frozenset[str]) -> int:
    """The last line that says one of these values; -1 where none does."""
    said = re.compile("|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in sorted(values)))
    return max((at for at, line in enumerate(lines) if said.search(line.lower())), default=-1)


def _percent(found: Sequence[bool]) -> float:
    return 100 * sum(found) / len(found)


def _error(found: Sequence[bool]) -> float:
    share = sum(found) / len(found)
    return 100 * sqrt(share * (1 - share) / len(found))
