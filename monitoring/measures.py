"""What the figures of a context rest on, and how long its room lasts at the pace of its session."""

from __future__ import annotations

from typing import NamedTuple

from memory_app.context import Context
from sessions_app.core.replay import in_ranges, merge_ranges
from sessions_app.core.usage import Measured, measured
from sessions_app.store.base import Snapshot
from sessions_app.store.reading import Reader

TURNS = 10
"""The newest whole turns that the pace is taken of."""


class Guessed(NamedTuple):
    """Messages whose tokens are an estimate, such as images, and their tokens."""

    messages: int
    tokens: int


class Pace(NamedTuple):
    """How much a turn takes, on average over the newest `turns`, and how many more like these have
    room."""

    turns: int
    tokens: int
    left: int


class Compared(NamedTuple):
    """What the provider measured for the answer `seq`, beside what was counted here."""

    seq: int
    said: Measured
    counted: int

    @property
    def off(self) -> str:
        """How far the count is off, in percent of what was measured, with its sign."""
        share = (self.counted - self.said.tokens) / self.said.tokens * 100
        return f"{share:+.1f}".replace("-", "\N{MINUS SIGN}")


def guessed(store: Reader, session: Snapshot, built: Context) -> Guessed:
    """Which of the messages in a context were not counted but guessed."""
    spans = merge_ranges(span for part in built.parts for span in part.messages)
    if not spans:
        return Guessed(0, 0)
    rows = store.estimated(session.number, spans[0][0], spans[-1][1])
    found = [tokens for seq, tokens in rows if in_ranges(seq, spans)]
    return Guessed(len(found), sum(found))


def pace(store: Reader, session: Snapshot, built: Context) -> Pace | None:
    """The pace of the session up to a context; None before its first whole turn."""
    end = store.messages_at(session, built.version)
    began = [seq for seq, _ in store.questions(session.number, end, TURNS + 1)]
    if len(began) < 2:
        return None
    newest, oldest = (store.totals(session.number, seq - 1)[0] for seq in (began[0], began[-1]))
    turns = len(began) - 1
    each = max(1, round((newest - oldest) / turns))
    return Pace(turns, each, (built.limit - built.tokens) // each)


def compared(store: Reader, session: Snapshot, seq: int | None, built: Context) -> Compared | None:
    """What the provider says of the answer `seq`, which was given to a context; None where it says
    nothing."""
    rows = store.picked(session.number, (seq,)) if seq else []
    found = measured(rows[0].message().body.get("usage")) if rows and rows[0].body else None
    return Compared(rows[0].seq, found, built.tokens) if found and found.tokens else None
