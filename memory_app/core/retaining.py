"""Which folded messages stay word for word, within their share.

What a person pinned stays for ever, and so does the user message of a turn that is still in view;
neither counts against the share. The rest is chosen by what it is worth for what it costs, in whole
units: a call without its result could be shown to no provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from memory_app.core import retention
from memory_app.core.passages import Passage
from memory_app.core.retention import Verdict
from memory_app.core.steps import Unit
from memory_app.core.talk import DISCARD, KEEP

Retained = dict[int, tuple[str, float]]
"""By seq: the rule that keeps a message, and its score."""

Judge = Callable[[Sequence[Passage]], Sequence[Verdict]]

FORCED = ("pinned", "turn_start")


@dataclass(frozen=True, slots=True)
class Choice:
    """What there is to choose from; `room` in tokens. `all_kinds` lets in whatever may not simply
    go, not only what must be kept."""

    units: Sequence[Unit]
    verdicts: Mapping[int, Verdict]
    pinned: frozenset[int]
    openers: frozenset[int]
    room: int
    all_kinds: bool = False


def judged(
    fresh: Sequence[Passage], older: Sequence[Passage], kept: Retained, judge: Judge
) -> dict[int, Verdict]:
    """The verdict of `judge` on every message. One that is kept already stays what it was found to
    be; what it was kept for by force says nothing about it, so it is judged now."""
    found = {verdict.seq: verdict for verdict in judge(fresh)}
    for passage in older:
        rule, score = kept.get(passage.seq, ("turn_start", 0.0))
        if rule in FORCED:
            (verdict,) = judge((passage,))
        else:
            verdict = Verdict(passage.seq, KEEP, rule, score, "it was kept before")
        found[passage.seq] = verdict
    return found


def choose(choice: Choice) -> Retained:
    """Who stays."""
    retained: Retained = {}
    open_units: list[Unit] = []
    for unit in choice.units:
        if unit.broken is not None:
            continue
        seqs = {item.seq for item in unit.items}
        if seqs & choice.pinned:
            retained |= dict.fromkeys(seqs, ("pinned", 1.0))
        elif unit.seq in choice.openers:
            retained[unit.seq] = ("turn_start", 1.0)
        else:
            open_units.append(unit)
    return retained | _within_share(choice, open_units)


def _within_share(choice: Choice, units: Sequence[Unit]) -> Retained:
    best = {unit.seq: _best(choice, unit) for unit in units}
    candidates = [unit for unit in units if _may_stay(choice, best[unit.seq])]
    tokens = {unit.seq: unit.tokens for unit in candidates}
    verdicts = [best[unit.seq]._replace(seq=unit.seq) for unit in candidates]
    chosen = set(retention.choose(verdicts, tokens, room=choice.room))
    return {
        item.seq: (best[unit.seq].rule, best[unit.seq].score)
        for unit in candidates
        if unit.seq in chosen
        for item in unit.items
    }


def _best(choice: Choice, unit: Unit) -> Verdict:
    """The weightiest verdict on a unit's messages."""
    found = [choice.verdicts[item.seq] for item in unit.items]
    return max(found, key=lambda verdict: (verdict.klass == KEEP, verdict.score))


def _may_stay(choice: Choice, verdict: Verdict) -> bool:
    return verdict.klass == KEEP or (choice.all_kinds and verdict.klass != DISCARD)
