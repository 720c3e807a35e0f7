"""What was looked for in one session: the hits around a place, which one it is, and of how many."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from sessions_app import search
from sessions_app.core import words
from sessions_app.search import Hit
from sessions_app.store import fulltext
from sessions_app.store.base import Snapshot
from sessions_app.store.database import Database

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Found:
    """Hits in the order of the session. `number` is the place among all of the hit at `seq`;
    `number` and `total` are None where that would take too long to know."""

    text: str
    hits: list[Hit]
    seq: int | None
    number: int | None
    total: int | None

    @property
    def previous(self) -> int | None:
        before = [hit.seq for hit in self.hits if self.seq is not None and hit.seq < self.seq]
        return before[-1] if before else None

    @property
    def following(self) -> int | None:
        after = [hit.seq for hit in self.hits if self.seq is None or hit.seq > self.seq]
        return after[0] if after else None


def find(alias: str, session: Snapshot, text: str, seq: int | None) -> Found:
    """The hits around message `seq`; without one from the first hit on, and that is the place."""
    ahead = search.in_session(alias, session, text, after=(seq or 1) - 1, limit=SHOWN)
    behind = (
        search.in_session(alias, session, text, before=seq, limit=SHOWN, newest_first=True).hits
        if seq
        else []
    )
    hits = [*reversed(behind), *ahead.hits]
    place = seq if seq is not None else hits[0].seq if hits else None
    is_hit = any(hit.seq == place for hit in hits)
    total = ahead.total
    if ahead.literal:
        total = len(hits) if max(len(ahead.hits), len(behind)) < SHOWN else None
    number = len(behind) + 1 if len(behind) < SHOWN else _number(alias, session, text, place or 0)
    return Found(text, hits, place, number if is_hit else None, total)


def _number(alias: str, session: Snapshot, text: str, seq: int) -> int | None:
    wanted = words.query(text)
    found = fulltext.seqs_in(Database(alias), session.number, wanted) if wanted else []
    return bisect_right(found, seq) or None
