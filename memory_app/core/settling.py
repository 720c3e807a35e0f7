"""What becomes of each folded message, once the summary is written.

A message is `summarised` only when nine tenths of what the audit looks for stand in the summary.
Otherwise its words become facts (`extracted`), or a rule says that it may go (`discarded`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from memory_app.core import audit
from memory_app.core.audit import Item
from memory_app.core.passages import Passage, Point
from memory_app.core.retention import Verdict

HONEST = 0.9
"""The share of a message's audited items that must stand where its fate says."""
MOST_QUOTES = 24
"""Facts of one message; a tool's answer with more values stays in the log alone."""
TRUST = {"user": "user", "assistant": "model", "tool": "tool"}
DETAIL = "detail"

RETAINED, SUMMARISED, EXTRACTED, DISCARDED = "retained", "summarised", "extracted", "discarded"


Found = Mapping[int, Sequence[Item]]
"""By seq: what is audited in a message."""


class Decision(NamedTuple):
    """The fate of one message, as the contract shows it."""

    seq: int
    fate: str
    klass: str
    rule: str
    score: float
    reason: str


class Draft(NamedTuple):
    """A fact to be stored: a quote of a message, what kind of statement, whose word it is."""

    seq: int
    text: str
    category: str
    score: float
    trust: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Decisions in order of seq, the facts, the summary's points with all their sources, and what
    of the range nothing carries. `carried` is the share of items that is, 0..1, without those of
    messages that a rule lets go: what was fetched again, or is too long a list of values. They are
    named as lost and stay in the log, where contexts recall values from."""

    decisions: tuple[Decision, ...]
    facts: tuple[Draft, ...]
    points: tuple[Point, ...]
    audit: audit.Audit
    carried: float


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be settled.

    `passages` leave view, new ones and ones that were retained or summarised before; `verdicts`
    are by seq; `retained` says by which rule those stay word for word, with a score; `range` are
    the seqs of this fold, which the audit is about.
    """

    passages: Sequence[Passage]
    verdicts: Mapping[int, Verdict]
    retained: Mapping[int, tuple[str, float]]
    range: range
    before: Collection[int] = ()


def settle(case: Case, points: Sequence[Point]) -> Outcome:
    """The fate of every message of the case under a summary of these points."""
    found = {passage.seq: audit.items(passage) for passage in case.passages}
    carried = _carried(found, [point.text for point in points])
    honest = {seq for seq, held in carried.items() if sum(map(bool, held)) >= HONEST * len(held)}
    sourced = tuple(_sourced(points, carried, honest))
    told = {seq for point in sourced for seq in point.seqs}
    decisions: list[Decision] = []
    facts: list[Draft] = []
    for passage in case.passages:
        stands = passage.seq in honest and passage.seq in told
        if stands and passage.seq in case.before:
            continue
        decision, drafts = _settled(case, passage, found[passage.seq], stands=stands)
        decisions.append(decision)
        facts += drafts
    audited = _audited(case, found, carried, decisions)
    free = {one.seq for one in decisions if one.fate == DISCARDED}
    return Outcome(
        tuple(sorted(decisions)), tuple(facts), sourced, audited, _share(found, audited, case, free)
    )


def _settled(
    case: Case, passage: Passage, items: Sequence[Item], *, stands: bool
) -> tuple[Decision, list[Draft]]:
    verdict = case.verdicts[passage.seq]
    if passage.seq in case.retained:
        rule, score = case.retained[passage.seq]
        reason = _REASONS.get(rule, verdict.reason)
        return Decision(passage.seq, RETAINED, verdict.klass, rule, score, reason), []
    if stands and verdict.klass != "keep":
        return _decision(verdict, SUMMARISED, "it stands in the summary"), []
    if verdict.klass == "discard":
        return _decision(verdict, DISCARDED, verdict.reason), []
    return _extracted(passage, verdict, items)


def _extracted(
    passage: Passage, verdict: Verdict, items: Sequence[Item]
) -> tuple[Decision, list[Draft]]:
    quotes = audit.quotes(passage) if items else _whole_quotes(passage, verdict)
    if passage.role == "tool" and len(quotes) > MOST_QUOTES:
        reason = f"an answer of {len(items)} values; it stays whole in the log"
        return _decision(verdict, DISCARDED, reason, rule="tool_payload"), []
    if not quotes:
        reason = "it holds no figure, name, negation or promise, and scores low"
        return _decision(verdict, DISCARDED, reason, rule="nothing_to_keep"), []
    category = verdict.rule if verdict.klass == "keep" else DETAIL
    trust = TRUST.get(passage.role, "model")
    drafts = [Draft(passage.seq, text, category, verdict.score, trust) for text, _ in quotes]
    reason = verdict.reason if verdict.klass == "keep" else "the summary had no room for it"
    return _decision(verdict, EXTRACTED, f"{reason}; its words are facts"), drafts


def _whole_quotes(passage: Passage, verdict: Verdict) -> list[tuple[str, tuple[Item, ...]]]:
    """The text of what the audit finds nothing in: where it must be kept, where nobody could judge
    it, and where it matters as much as most of what is said."""
    text = passage.text.strip()
    wanted = verdict.klass == "keep" or verdict.rule in UNKNOWN or verdict.score >= WORTH
    return [(text[:QUOTE], ())] if text and wanted else []


QUOTE = 600
WORTH = 0.3
"""The score from which a statement without figures or names is a fact; below it is chat."""
UNKNOWN = ("unknown_language",)
_REASONS = {
    "pinned": "a person pinned it",
    "turn_start": "the turn it began is still in view",
}


def _decision(verdict: Verdict, fate: str, reason: str, rule: str = "") -> Decision:
    named = rule or verdict.rule
    return Decision(verdict.seq, fate, verdict.klass, named, round(verdict.score, 3), reason)


def _carried(found: Found, texts: Sequence[str]) -> dict[int, list[frozenset[int]]]:
    """In which of the texts each item of each message stands; all are looked for at once."""
    every = [item for items in found.values() for item in items]
    held = iter(audit.carrying(every, texts))
    return {seq: [next(held) for _ in items] for seq, items in found.items()}


def _sourced(
    points: Sequence[Point],
    carried: Mapping[int, Sequence[frozenset[int]]],
    honest: Collection[int],
) -> Iterator[Point]:
    """The points, each with every message that it carries an item of: when the point goes, it is
    known whose words went."""
    more: dict[int, set[int]] = defaultdict(set)
    for seq in honest:
        for number in frozenset().union(*carried[seq]):
            more[number].add(seq)
    for number, point in enumerate(points):
        yield point._replace(seqs=tuple(sorted({*point.seqs, *more[number]})))


def _share(found: Found, audited: audit.Audit, case: Case, free: Collection[int]) -> float:
    """The share of items carried of those that had to be."""
    owed = sum([len(found.get(seq, ())) for seq in case.range if seq not in free])
    lost = sum([item.seq not in free for item in audited.lost])
    return 1 - lost / owed if owed else 1.0


def _audited(
    case: Case,
    found: Found,
    carried: Mapping[int, Sequence[frozenset[int]]],
    decisions: Sequence[Decision],
) -> audit.Audit:
    """What of the range stands neither in summary, facts nor retained messages. A message that is
    retained or whose words are facts carries all of its items: its quotes hold each of them."""
    whole = {one.seq for one in decisions if one.fate in (RETAINED, EXTRACTED)}
    items: list[Item] = []
    flags: list[bool] = []
    for seq in case.range:
        if seq in found:
            items += found[seq]
            flags += [True] * len(found[seq]) if seq in whole else map(bool, carried[seq])
    return audit.told(items, flags)
