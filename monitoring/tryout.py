"""What a policy would make of a session now: tried without a model, and stored nowhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from memory_app import context as contexts
from memory_app import engines, pipeline, providing, trying
from memory_app.context import ORDER, Ask, Context, Part
from memory_app.core import differing
from memory_app.core.differing import Spans
from memory_app.core.policy import Policy
from memory_app.pipeline import Pipeline
from memory_app.policies import Stored
from memory_app.providing import Answer
from sessions_app.core.errors import BudgetTooSmall
from sessions_app.core.replay import without
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore

from . import budget, fate, ledger
from .budget import Bar
from .ledger import Account

MOST_FOLDED = 4_000
"""Messages that are not folded yet, up to which a compression is tried for a page."""
MOST_WORK = 300_000_000
"""The session's tokens times those that its summary may take, up to which it is tried: each
sentence is held against each point, which at this size takes some five seconds. The server has a
few threads, and whoever may look may ask."""
MOST_RANGES = 10
_MAGNIFIED_BELOW = 0.3
IN_VIEW = "in the context"


@dataclass(frozen=True, slots=True)
class Side:
    """A session under one policy. `context` is None where not even what must be there fits, and
    then `least` is what that takes. `fold` is what a compression would do now: None where none is
    due, and `fates` are what it would make of how many messages."""

    rules: Policy
    active: int
    context: Context | None
    least: int = 0
    fold: Account | None = None
    fates: Mapping[str, int] = field(default_factory=dict)
    untried: bool = False

    @property
    def due(self) -> bool:
        """Whether the session would be compressed now."""
        return self.rules.folds and self.active >= self.rules.due_tokens

    @property
    def level(self) -> float:
        """How full the session is under it."""
        return self.active / self.rules.capacity

    @property
    def used(self) -> float:
        """How much of its budget the context takes."""
        return self.context.tokens / self.context.limit if self.context else 1.0

    @property
    def codes(self) -> list[str]:
        """The notices of its context, each once."""
        found = self.context.notices if self.context else ()
        return list(dict.fromkeys(str(notice["code"]) for notice in found))


class Moved(NamedTuple):
    """Messages that come into the context or leave it: the first ranges, how many ranges more,
    and how many messages."""

    spans: Spans
    more: int
    messages: int


class Line(NamedTuple):
    """A figure under both policies."""

    name: str
    before: int
    after: int

    @property
    def change(self) -> int:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Tryout:
    """A session under a policy as it is and as it would be."""

    session: Snapshot
    before: Side
    after: Side

    @property
    def sides(self) -> list[tuple[str, Side, Bar | None]]:
        """Both with a name, and as bars on one scale: of the larger budget, or where hardly
        anything of that is used, of what is used."""
        built = [side.context for side in (self.before, self.after) if side.context]
        limit = max((one.limit for one in built), default=1)
        used = max((one.tokens for one in built), default=1)
        scale = used if self.magnified else limit
        return [
            (name, side, budget.bar(side.context.parts, scale, 0) if side.context else None)
            for name, side in (("now", self.before), ("then", self.after))
        ]

    @property
    def magnified(self) -> bool:
        """Whether the bars show what is used and not the budgets."""
        built = [side.context for side in (self.before, self.after) if side.context]
        limit = max((one.limit for one in built), default=1)
        return all(one.tokens / limit < _MAGNIFIED_BELOW for one in built)

    @property
    def parts(self) -> list[Line]:
        """The tokens of each part, in the order in which they are sent."""
        old, new = (_parts(side.context) for side in (self.before, self.after))
        names = [*(name for name in ORDER if name in old or name in new)]
        names += [name for name in (*old, *new) if name not in names]
        return [Line(name, old.get(name, 0), new.get(name, 0)) for name in dict.fromkeys(names)]

    @property
    def messages(self) -> list[Line]:
        """Where how many messages are."""
        old, new = (_where(side.context) for side in (self.before, self.after))
        names = [IN_VIEW, *fate.FATES]
        return [
            Line(name if name == IN_VIEW else f"left out, {name}", old[name], new[name])
            for name in names
            if old[name] or new[name]
        ]

    @property
    def come(self) -> Moved:
        """Messages that would be in the context and are not now."""
        return _moved(self.after.context, self.before.context)

    @property
    def gone(self) -> Moved:
        """Messages that are in the context and would not be."""
        return _moved(self.before.context, self.after.context)

    @property
    def same(self) -> bool:
        """Whether both send the same."""
        old, new = self.before.context, self.after.context
        return old is not None and new is not None and old.digest == new.digest

    def as_json(self) -> dict[str, Any]:
        """The same for the twin of the page."""
        return {
            "session": str(self.session.id),
            "version": self.session.version,
            "same": self.same,
            "now": _told(self.before),
            "then": _told(self.after),
        }


def tried(store: DurableStore, session: Snapshot, before: Stored, after: Stored) -> Tryout:
    """The session under both. Context providers are asked once: they are the host's code."""
    answers = providing.answers(session, None, past=False)
    now = _side(store, session, before, answers)
    same = after.rules == before.rules
    return Tryout(session, now, now if same else _side(store, session, after, answers))


def _side(
    store: DurableStore, session: Snapshot, stored: Stored, answers: Sequence[Answer]
) -> Side:
    context, least = None, 0
    try:
        context = contexts.build(
            store, session.project, session, Ask(tried=stored), answers=answers
        )
    except BudgetTooSmall as error:
        least = int(error.details["least"])
    fold, fates, untried = _fold(store, session, stored)
    return Side(stored.rules, session.active_tokens, context, least, fold, fates, untried)


def _fold(
    store: DurableStore, session: Snapshot, stored: Stored
) -> tuple[Account | None, Mapping[str, int], bool]:
    """What a compression would do if one is due, by the embedded engine: a model would cost."""
    if session.messages - session.folded > MOST_FOLDED:
        return None, {}, True
    step = pipeline.plan_step(store, session, tried=stored)
    if step is None:
        return None, {}, False
    if session.active_tokens * stored.rules.summary_tokens > MOST_WORK:
        return None, {}, True
    worker = Pipeline(store, engine=engines.Embedded())
    done = trying.would_be(worker, step, time.monotonic())
    return ledger.account(done), ledger.verdicts(done["decisions"], None).counts, False


def _parts(context: Context | None) -> dict[str, int]:
    return {part.name: part.tokens for part in context.parts} if context else {}


def _where(context: Context | None) -> Counter[str]:
    found: Counter[str] = Counter()
    if context is not None:
        found[IN_VIEW] = sum(last - first + 1 for first, last in _spans(context))
        for item in context.left_out:
            found[item.fate] += item.messages
    return found


def _spans(context: Context | None) -> Spans:
    parts: Sequence[Part] = context.parts if context else ()
    return differing.merged(span for part in parts for span in part.messages)


def _moved(has: Context | None, other: Context | None) -> Moved:
    spans = tuple(without(_spans(has), _spans(other)))
    return Moved(
        spans[:MOST_RANGES],
        max(0, len(spans) - MOST_RANGES),
        sum(last - first + 1 for first, last in spans),
    )


def _told(side: Side) -> dict[str, Any]:
    built = side.context
    return {
        "due": side.due,
        "due_tokens": side.rules.due_tokens if side.rules.folds else None,
        "level": round(side.level, 4),
        "limit": built.limit if built else None,
        "tokens": built.tokens if built else None,
        "least": side.least or None,
        "parts": _parts(built),
        "messages": dict(_where(built)),
        "notices": side.codes,
        "compression": None if side.fold is None else {
            "tokens_before": side.fold.before,
            "tokens_after": side.fold.after,
            "outcome": side.fold.outcome,
            "fates": dict(side.fates),
        },
    }  # fmt: skip
