"""A compression as its pages show it, from the form in which the API tells of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sessions_app.core import instants

from . import boundaries, fate
from .amounts import UNKNOWN, span_of
from .fate import FATES

Told = Mapping[str, Any]
MOST_LOST, MOST_FACTS = 200, 200
UNFINISHED = ("queued", "running")
NEVER_STOOD = ("failed", "refused")
OUTCOMES = {"applied": "done", "nothing": "nothing to fold"}
TOOLS = {"claude-code": "Claude Code", "import": "another tool"}


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt that failed: whose, why, and when in microseconds."""

    engine: str
    reason: str
    at: int | None


@dataclass(frozen=True, slots=True)
class Kind:
    """Audited items of a kind: how many there were and how many are carried."""

    name: str
    kept: int
    all: int

    @property
    def share(self) -> float:
        return self.kept / self.all if self.all else 1.0


@dataclass(frozen=True, slots=True)
class Lost:
    """An item that nothing carries: its kind, text, and the words it belongs to."""

    kind: str
    text: str
    subject: str


@dataclass(frozen=True, slots=True)
class LostOf:
    """What was lost of a message."""

    seq: int
    items: Sequence[Lost]


@dataclass(frozen=True, slots=True)
class Audit:
    """`score` is the share of items that are carried, None where nothing was audited."""

    score: float | None
    kinds: Sequence[Kind]
    lost: Sequence[LostOf]
    lost_in_all: int | None

    @property
    def words(self) -> str:
        return fate.lost(self.lost_in_all)

    @property
    def untold(self) -> int:
        """How many lost items are not listed."""
        return (self.lost_in_all or 0) - sum(len(one.items) for one in self.lost)


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a compression. Times are microseconds, durations microseconds; what is not
    known is None. `foreign` is one that another tool made before the session came here."""

    id: UUID | None
    ordinal: int | None
    foreign: bool
    trigger: str
    engine: str
    outcome: str
    folded: str
    messages: int | None
    before: int | None
    after: int | None
    facts: int
    queued: int
    started: int | None
    finished: int | None
    attempts: int
    error: str
    tries: Sequence[Try]
    audit: Audit

    @property
    def name(self) -> str:
        """What it is called by where it is spoken of."""
        if self.foreign:
            return f"Compacted by {self.engine}"
        if self.ordinal:
            return f"Compression {self.ordinal}"
        return f"Compression, {self.outcome}"

    @property
    def applied(self) -> bool:
        return self.outcome == "applied"

    @property
    def again(self) -> bool:
        """Whether it can be asked for once more."""
        return self.id is not None and self.outcome in NEVER_STOOD

    @property
    def state(self) -> str:
        return OUTCOMES.get(self.outcome, self.outcome)

    @property
    def ratio(self) -> float | None:
        """How much of the tokens is left."""
        return self.after / self.before if self.before and self.after is not None else None

    @property
    def waited(self) -> int | None:
        return None if self.started is None or self.foreign else self.started - self.queued

    @property
    def worked(self) -> int | None:
        known = self.finished is not None and self.started is not None and not self.foreign
        return (self.finished or 0) - (self.started or 0) if known else None


def tool(name: str) -> str:
    """A tool as people call it."""
    return TOOLS.get(name, name) or TOOLS["import"]


def account(told: Told, facts: int | None = None) -> Account:
    """The account of a compression as the contract shows it; `facts` how many it made, where the
    facts themselves were not read."""
    applied = told["outcome"] == "applied"
    foreign = applied and told["version"] is None and not told.get("dry_run")
    first, last = told["range"] or (0, 0)
    named = last > 0
    return Account(
        id=UUID(told["id"]) if told["id"] else None,
        ordinal=told.get("ordinal"),
        foreign=foreign,
        trigger=boundaries.trigger(told["trigger"]),
        engine=tool(told.get("engine") or told["trigger"]) if foreign else told.get("engine") or "",
        outcome=told["outcome"],
        folded=span_of(first, last) if named else UNKNOWN,
        messages=last - first + 1 if named else None,
        before=told["tokens_before"] or None,
        after=(told["tokens_after"] or None) if applied else None,
        facts=len(told["facts"]) if facts is None else facts,
        queued=_us(told.get("queued_at")) or 0,
        started=_us(told.get("started_at")),
        finished=_us(told.get("finished_at")),
        attempts=told["attempts"],
        error=told["error"] or "",
        tries=[_try(one) for one in told.get("tried") or ()],
        audit=audit(told.get("audit") or {}),
    )


def audit(told: Told) -> Audit:
    """An audit in its stored form; {} where none was made."""
    lost = told.get("lost") or ()
    kinds = [Kind(name, one["kept"], one["all"]) for name, one in (told.get("kept") or {}).items()]
    return Audit(
        told.get("score"),
        sorted(kinds, key=lambda kind: (kind.share, -kind.all)),
        _lost(lost[:MOST_LOST]),
        fate.lost_in(told),
    )


def _lost(items: Iterable[Told]) -> list[LostOf]:
    """By message, so that one press can keep what a message says."""
    found: dict[int, list[Lost]] = {}
    for item in items:
        lost = Lost(str(item["kind"]), str(item["text"]), str(item.get("subject") or ""))
        found.setdefault(item["seq"], []).append(lost)
    return [LostOf(seq, found[seq]) for seq in sorted(found)]


def _try(one: Told) -> Try:
    return Try(str(one.get("engine") or ""), str(one.get("reason") or ""), _us(one.get("at")))


def _us(text: str | None) -> int | None:
    return instants.parse(text) if text else None


# -- verdicts --------------------------------------------------------------------------------------

PAGE = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about a message, and the first words of it."""

    seq: int
    fate: str
    klass: str
    rule: str
    score: float
    reason: str
    role: str = ""
    words: str = ""

    @property
    def plainly(self) -> str:
        return fate.plain(self.rule)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """A page of decisions, and how many there are of each fate in all; `earlier` and `later` are
    the seqs to ask for more from, None where there are none."""

    counts: Mapping[str, int]
    page: Sequence[Told]
    earlier: int | None
    later: int | None


def verdicts(
    decisions: Iterable[Told], wanted: str | None, after: int = 0, around: int | None = None
) -> Verdicts:
    """The decisions of a fate (None: of all) behind message `after`, or the page with `around`."""
    every = list(decisions)
    counts = dict.fromkeys(FATES, 0)
    for one in every:
        counts[one["fate"]] += 1
    chosen = [one for one in every if wanted in (None, one["fate"])]
    place = around if around is not None else after + 1
    index = next((at for at, one in enumerate(chosen) if one["seq"] >= place), len(chosen))
    start = index if around is None else index - index % PAGE
    shown = chosen[start : start + PAGE]
    back = max(0, start - PAGE)
    return Verdicts(
        {name: number for name, number in counts.items() if number},
        shown,
        (chosen[back]["seq"] - 1) if start else None,
        shown[-1]["seq"] if start + PAGE < len(chosen) else None,
    )
