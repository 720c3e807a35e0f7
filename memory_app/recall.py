"""Finds earlier turns of a user that a question needs: gathers them, and lets `core.rank` rank.

The turns of a user's sessions, or of the session alone where it has no user, are held in this
process as an index that grows: at a question what was said since the last one is read and added.
Nothing of it is on the path of an append, and the rows stay the truth: a session that is gone, a
message that was retracted or erased is left out whatever an index still holds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from memory_app import statements as sql
from memory_app.core import passages, rank, retention
from memory_app.core.index import Index, Turn
from memory_app.core.passages import SPOKEN, Passage
from memory_app.core.rank import Ranking, Scored
from sessions_app import clock
from sessions_app.core import instants
from sessions_app.core.entries import FORM_NAMES
from sessions_app.core.replay import in_ranges
from sessions_app.store.base import Snapshot
from sessions_app.store.reading import Reader

MOST_SESSIONS = 500
"""Sessions of a user that are looked through, the latest ones."""
MOST_TURNS = 50_000
"""Turns of one index; one that would get larger is begun anew with the latest sessions."""
MOST_HELD = 32
"""Indexes that a process keeps, the last used ones."""
QUOTE = 500
"""Characters of a turn that a source quotes."""
AROUND = 8
"""Messages before new ones that say what these answer."""


class Source(NamedTuple):
    """A session that turns come from, and what of it was retracted."""

    id: UUID
    retracted: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Held:
    """The turns of one owner as far as they were `read`: by session the last seq. `tokens` are
    those of their messages."""

    index: Index = field(default_factory=Index)
    tokens: list[int] = field(default_factory=list)
    read: dict[int, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


Owner = tuple[str, int, int, bool]
"""Database alias, project, and the number of the end user (True) or of the session (False)."""

_held: OrderedDict[Owner, Held] = OrderedDict()
_guard = Lock()


class Found(NamedTuple):
    """A question's view of an owner's turns, whose messages have these `tokens`; `sources` are the
    sessions they may come from."""

    ranking: Ranking
    tokens: Sequence[int]
    sources: dict[int, Source]

    @property
    def listed(self) -> bool:
        """Whether the question asks for several things."""
        return self.ranking.listed

    def may_show(self, turn: Turn) -> bool:
        """Whether a turn's session is there and the turn was not taken back."""
        source = self.sources.get(turn.session)
        return source is not None and not in_ranges(turn.seq, source.retracted)

    def best(self, count: int) -> list[Scored]:
        """The best turns in order; none where what was asked for was never said."""
        if not self.ranking.found:
            return []
        found: list[Scored] = []
        for place in self.ranking.order().tolist():
            if len(found) == count:
                break
            if self.may_show(self.ranking.index.turns[place]):
                found.append(self.ranking.scored(place))
        return found


def recall(store: Reader, session: Snapshot, query: str, *, now: int, alone: bool = False) -> Found:
    """The turns of the session's user, or of the session where it has none or is taken `alone`, as
    `query` sees them; `now` in microseconds says what "last week" is."""
    user = None if alone else _user(store, session)
    rows = _sessions(store, session, user)
    sources = {int(row[0]): Source(UUID(str(row[1])), _retracted(store, row)) for row in rows}
    held = _of(store, session, user)
    # An index is not made for two threads: the ranking reads what a new turn would change.
    with held.lock:
        _catch_up(store, held, rows)
        return Found(rank.rank(held.index, query, now=now), held.tokens, sources)


def forget() -> None:
    """Empties this process's memory of turns: what was purged must not live on there."""
    with _guard:
        _held.clear()


def _user(store: Reader, session: Snapshot) -> int | None:
    """The number of the session's end user."""
    if session.user is None:
        return None
    with store.db.reading():
        row = store.db.row(sql.END_USER, (session.project, session.user))
    return int(row[0]) if row else None


def _of(store: Reader, session: Snapshot, user: int | None) -> Held:
    if store.db.nested:
        return Held()  # what is read may never be committed
    number = session.number if user is None else user
    owner = (store.db.alias, session.project, number, user is not None)
    with _guard:
        held = _held.setdefault(owner, Held())
        _held.move_to_end(owner)
        while len(_held) > MOST_HELD:
            _held.popitem(last=False)
    return held


Row = tuple[int, str, int, int]
"""A session's number, id, messages and the version of what is retracted or pinned."""


def _sessions(store: Reader, session: Snapshot, user: int | None) -> list[Row]:
    if user is None:
        return [(session.number, session.id.hex, session.messages, session.overlay_version)]
    with store.db.reading():
        rows = store.db.rows(sql.SESSIONS_OF_USER, (user, MOST_SESSIONS))
    return [(int(row[0]), str(row[1]), int(row[2]), int(row[3] or 0)) for row in rows]


def _retracted(store: Reader, row: Row) -> tuple[tuple[int, int], ...]:
    return store.overlaid(row[0], row[3]).retracted


def _catch_up(store: Reader, held: Held, rows: Sequence[Row]) -> None:
    """Adds what was said since; the oldest sessions first."""
    missing = sum(max(0, messages - held.read.get(number, 0)) for number, _, messages, _ in rows)
    if len(held.index) + missing > MOST_TURNS and len(held.index):
        held.index, held.tokens, held.read = Index(), [], {}
    room = MOST_TURNS - len(held.index)
    behind = []
    for number, _, messages, _ in rows:
        read = max(held.read.get(number, 0), messages - room)
        if read < messages and room > 0:
            behind.append((number, read))
            room -= messages - read
    for number, read in sorted(behind):
        found = list(_said(store, number, max(0, read - AROUND)))
        new = [passage for passage in found if passage.seq > read]
        before = [passage for passage in found if passage.seq <= read]
        turns = list(_turns(number, new, before))
        held.index.add([turn for turn, _ in turns])
        held.tokens += [tokens for _, tokens in turns]
        held.read[number] = max([read, *(passage.seq for passage in new)])


def _said(store: Reader, number: int, after: int) -> Iterator[Passage]:
    """The messages of a session after a seq that say something; not what tools gave."""
    with store.db.reading():
        rows = store.db.rows(sql.SAID, (number, after))
    for seq, role, form, body, tokens, created_us in rows:
        if body:
            yield passages.passage(
                seq, role, FORM_NAMES[form], orjson.loads(body), tokens=tokens, at=created_us
            )


def _turns(
    number: int, new: Sequence[Passage], before: Sequence[Passage]
) -> Iterator[tuple[Turn, int]]:
    """The turns with the tokens of their messages."""
    verdicts = retention.judge(new, before=before)
    for passage, verdict in zip(new, verdicts, strict=True):
        if passage.role in SPOKEN and passage.text.strip():
            said = (passage.author, passage.role, passage.text, passage.at)
            yield Turn(number, passage.seq, *said, verdict.score), passage.tokens


# -- as hits ---------------------------------------------------------------------------------------


def hits(store: Reader, session: Snapshot, query: str, limit: int) -> list[dict[str, Any]]:
    """The best turns as the contract shows them, with the parts of their scores."""
    found = recall(store, session, query, now=clock.now_us())
    return [_hit(found, one) for one in found.best(limit)]


def _hit(found: Found, one: Scored) -> dict[str, Any]:
    turn = one.turn
    source = {
        "session": str(found.sources[turn.session].id),
        "seq": turn.seq,
        "quote": turn.text[:QUOTE],
    }
    return {
        "kind": "message",
        "text": turn.text,
        "role": turn.role,
        "author": turn.author or None,
        "said_at": instants.render(turn.at),
        "score": round(one.score, 4),
        "parts": {name: round(part, 4) for name, part in one.parts.items()},
        "sources": [source],
    }
