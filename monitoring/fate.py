"""Where a message stands, in words: its fate, by which rule, and where its words went. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

FATES = ("verbatim", "retained", "summarised", "extracted", "discarded", "retracted")
"""In the order in which they are shown."""
VERBATIM, RETAINED, SUMMARISED, EXTRACTED, DISCARDED, RETRACTED = FATES
PINNED = "pinned"
_PLAIN = {"none": "", "turn_start": "its turn is in view", "nothing_to_keep": "nothing to keep"}


class Run(Protocol):
    """Messages first..last with one fate; `decided` is the version of the compression that gave
    it, 0 where none did."""

    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def fate(self) -> str: ...
    @property
    def decided(self) -> int: ...
    @property
    def rule(self) -> str: ...


class Decision(NamedTuple):
    """What a compression said of a message, as it is stored."""

    seq: int
    fate: str
    klass: str
    rule: str
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Fold:
    """An applied compression: its id, its place among those of its session, how many audited items
    it lost (None: not known), and what it decided, by seq."""

    id: str
    ordinal: int
    lost: int | None
    decisions: Mapping[int, Decision]


@dataclass(frozen=True, slots=True)
class Fate:
    """`text` says the fate and why in few words, `reason` in a sentence where there is more to say;
    `compression` is the id of the one that decided it."""

    name: str
    text: str
    reason: str = ""
    compression: str | None = None
    rule: str = ""
    score: float | None = None


def of_runs(runs: Iterable[Run], folds: Mapping[int, Fold]) -> dict[int, Fate]:
    """The fate of every message of these runs, by seq; `folds` by the version of their event."""
    return {
        seq: _fate(run, seq, folds.get(run.decided))
        for run in runs
        for seq in range(run.first, run.last + 1)
    }


def _fate(run: Run, seq: int, fold: Fold | None) -> Fate:
    found = fold.decisions.get(seq) if fold else None
    decision = found if found and found.fate == run.fate else None
    rule = run.rule or (decision.rule if decision else "")
    score = decision.score if decision and run.rule in ("", decision.rule) else None
    return Fate(
        run.fate,
        _text(run.fate, rule, score, fold),
        _reason(run.fate, rule, decision),
        fold.id if fold else None,
        rule,
        score,
    )


def _text(fate: str, rule: str, score: float | None, fold: Fold | None) -> str:
    named = plain(rule)
    if fate == SUMMARISED and fold:
        return f"in summary {fold.ordinal}"
    if fate == RETAINED and named and score is not None and rule not in (PINNED, "turn_start"):
        return f"{fate} · {named}, score {score:.2f}"
    shown = "in facts" if fate == EXTRACTED else fate
    return f"{shown} · {named}" if named and fate != RETRACTED else shown


def _reason(fate: str, rule: str, decision: Decision | None) -> str:
    """Why, where the fate and the rule do not say it already."""
    if decision is None or fate == SUMMARISED or rule == PINNED:
        return ""
    return decision.reason


def plain(rule: str) -> str:
    """A rule as people read it."""
    return _PLAIN.get(rule, rule.replace("_", " "))


def counts(runs: Iterable[Run]) -> dict[str, int]:
    """How many messages have each fate."""
    found = dict.fromkeys(FATES, 0)
    for run in runs:
        found[run.fate] += run.last - run.first + 1
    return found


def lost(number: int | None) -> str:
    """How many audited items a compression lost, in words."""
    if number is None:
        return "not audited"
    return "nothing lost" if not number else f"{number:,} item{'s' * (number != 1)} lost"


def lost_in(audit: Mapping[str, Any]) -> int | None:
    """The number of lost items in a stored audit, of which it may hold only the first; None where
    there is none."""
    found = audit.get("lost")
    return int(audit.get("lost_items", len(found))) if isinstance(found, list) else None
