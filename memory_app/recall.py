"""Finds earlier turns of a user that a question needs: gathers them, and lets `core.rank` rank.

The turns of a user's sessions, or of the session alone where it has no user, are held in this
process as an index that grows: at a question what was said since the last one is read and added.
Nothing of it is on the path of an append, and the rows stay the truth: a session that is gone, a
message that was retracted or erased is left out whatever an index still holds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np

from memory_app import questions, spoken, vector_stores, vectors
from memory_app import statements as sql
from memory_app.core import rank, retention
from memory_app.core.index import Index, Near, Turn, Vector
from memory_app.core.passages import Passage
from memory_app.core.rank import Ranking, Scored
from memory_app.questions import NOBODY, Asked
from memory_app.vector_stores import MOST_NEAR, Hit, Model
from sessions_app import clock
from sessions_app.core import instants
from sessions_app.core.replay import State, in_ranges
from sessions_app.store.base import Snapshot
from sessions_app.store.reading import Reader

MOST_SESSIONS = 500
"""Sessions of a user that are looked through, the latest ones."""
MOST_TURNS = 20_000
"""Turns of one index; one that would get larger is begun anew with the latest sessions."""
MOST_HELD, MOST_IN_ALL = 32, 60_000
"""Indexes that a process keeps, the last used ones, and the turns of all of them: about 1.5 kB
each, and as many turns more as their vectors have bytes for."""
TURN_BYTES = 1_500
QUOTE = 500
"""Characters of a turn that a source quotes."""
BLOCK, AROUND = 32, 8
"""What a turn is worth is judged within its block of messages, with so many before it. Blocks begin
at fixed seqs, so the same log gives the same worth however it was read."""


Place = tuple[int, int, int, int]
"""A message's seq, twice, and the tokens up to it and with it."""


class Source(NamedTuple):
    """A session that turns come from, and what of it was retracted."""

    id: UUID
    retracted: tuple[tuple[int, int], ...]


class Read(NamedTuple):
    """How far a session was read: up to a seq, when its log had this `head`; `newest` are the seq
    and the time of the last message up to there that says something (None: none does)."""

    seq: int
    head: bytes
    newest: tuple[int, int] | None = None


NOT_READ = Read(0, b"")


class Held:
    """The turns of one owner as far as they were `read`, by session. `tokens` are those of their
    messages, `places` where those of them stand that were told again. The turns up to `given`, by
    session, were given vectors of `model` where they have some."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.clear()

    def clear(self) -> None:
        """Begins anew."""
        self.index = Index()
        self.tokens: list[int] = []
        self.read: dict[int, Read] = {}
        self.places: dict[int, dict[int, Place]] = {}
        self.model: Model | None = None
        self.given: dict[int, int] = {}
        self._places: dict[tuple[int, int], int] = {}

    @property
    def size(self) -> int:
        """In turns without vectors."""
        return len(self.index) + self.index.vector_bytes // TURN_BYTES

    def newest(self, number: int) -> int | None:
        """The place of a session's newest turn."""
        for place in range(len(self.index) - 1, -1, -1):
            if self.index.turns[place].session == number:
                return place
        return None

    def take(self, number: int, said: Sequence[Passage], read: int) -> None:
        """Adds the messages of a session after `read`; `said` begins a little before the block that
        this seq lies in."""
        new = [one for one in said if one.seq > read and spoken.speaks(one)]
        for place, one in enumerate(new, len(self.index)):
            self._places[number, one.seq] = place
        self.index.add(Turn(number, one.seq, one.author, one.role, one.text, one.at) for one in new)
        self.tokens += [one.tokens for one in new]
        first = read - read % BLOCK
        while first < said[-1].seq if said else False:
            before = [one for one in said if first - AROUND < one.seq <= first]
            block = [one for one in said if first < one.seq <= first + BLOCK]
            verdicts = retention.judge(block, before=before)
            self.index.value(
                {
                    self._places[number, verdict.seq]: verdict.score
                    for verdict in verdicts
                    if (number, verdict.seq) in self._places
                }
            )
            first += BLOCK

    def give(self, number: int, found: Iterable[tuple[int, Vector]]) -> None:
        """Gives vectors, by seq, to the turns of a session."""
        places = self._places
        self.index.give(
            {places[number, seq]: vector for seq, vector in found if (number, seq) in places}
        )

    def near(self, hits: Sequence[Hit], made: Mapping[int, vectors.Made]) -> Near:
        """The turns that an outside store found near, as far as the rows say that they are the
        owner's and still there: whatever else it answers is dropped."""
        cosines = {
            self._places[hit.session, hit.seq]: hit.cosine
            for hit in hits
            if (hit.session, hit.seq) in self._places
            and hit.session in made
            and hit.place == made[hit.session].place
            and hit.seq <= made[hit.session].messages
        }
        places = np.array(list(cosines), np.intp)
        embedded = sum(
            seq <= made[number].messages for number, seq in self._places if number in made
        )
        found = np.array(list(cosines.values()), np.float32)
        return Near(places, found, embedded, whole=len(hits) < MOST_NEAR)

    def use(self, model: Model) -> None:
        """Lets those of any other model go."""
        if self.model != model:
            self.index.forget_vectors()
            self.model, self.given = model, {}


Owner = tuple[str, int, int, bool]
"""Database alias, project, and the number of the end user (True) or of the session (False)."""

_held: OrderedDict[Owner, Held] = OrderedDict()
_guard = Lock()


class Found(NamedTuple):
    """A question's view of an owner's turns, whose messages have these `tokens`; `sources` are the
    sessions they may come from, `notices` what an answer must say of how it was found. `places` are
    known ones of the asked session's own messages, by seq; whoever reads more adds them."""

    ranking: Ranking
    tokens: Sequence[int]
    sources: dict[int, Source]
    hidden: frozenset[int] = frozenset()
    notices: tuple[Mapping[str, Any], ...] = ()
    places: dict[int, Place] | None = None

    @property
    def listed(self) -> bool:
        """Whether the question asks for several things."""
        return self.ranking.listed

    def may_show(self, turn: Turn) -> bool:
        """Whether a turn's session is there and the turn was not taken back."""
        source = self.sources.get(turn.session)
        if source is None:
            return False
        return not source.retracted or not in_ranges(turn.seq, source.retracted)

    def best(self, count: int) -> list[Scored]:
        """The best turns in order; none where what was asked for was never said."""
        if not self.ranking.found:
            return []
        found: list[Scored] = []
        for place in self.ranking.order().tolist():
            if len(found) == count:
                break
            if place not in self.hidden and self.may_show(self.ranking.index.turns[place]):
                found.append(self.ranking.scored(place))
        return found


def recall(store: Reader, session: Snapshot, query: str, *, now: int | None = None) -> Found:
    """The turns of the session's user, or of the session where it has none, as `query` sees them.
    `now`, in microseconds, says what "last week" is; without it the session's newest turn does."""
    user = _user(store, session)
    rows = _sessions(store, session, user)
    sources = {int(row[0]): Source(UUID(str(row[1])), _retracted(store, row)) for row in rows}
    held = _of(store, session, user)
    number = session.number if user is None else user
    owner = vector_stores.Owner(session.project, number, user is not None)
    asked = questions.asked(query, store.db, owner)
    near = None
    # An index is not made for two threads: the ranking reads what a new turn would change.
    with held.lock:
        _catch_up(store, held, rows)
        if asked.model is not None and asked.near is not None:
            near = held.near(asked.near, vectors.progress(store.db, owner, asked.model))
        elif asked.model is not None and asked.vector is not None:
            _give(store, held, owner, asked.model)
        return _ranked(held, session, query, sources, now=now, asked=asked, near=near)


def recall_at(store: Reader, session: Snapshot, query: str, end: int, state: State) -> Found:
    """The same as of an earlier version, at which the session had the messages 1..`end`: of this
    session alone, since what the others said by then is not known."""
    held = Held()
    _catch_up(store, held, [(session.number, session.id.hex, end, 0, session.head)])
    sources = {session.number: Source(session.id, state.retracted)}
    return _ranked(held, session, query, sources)


def _ranked(
    held: Held,
    session: Snapshot,
    query: str,
    sources: dict[int, Source],
    *,
    now: int | None = None,
    asked: Asked = NOBODY,
    near: Near | None = None,
) -> Found:
    place = held.newest(session.number)
    if now is None:
        now = session.created_us if place is None else held.index.turns[place].at
    plain = " ".join(query.split()).casefold()
    said = held.index.turns[place].text if place is not None else ""
    # Mostly the question is what was said last; it must not bear itself out.
    itself = [place] if place is not None and " ".join(said.split()).casefold() == plain else []
    held.index.hidden = itself
    try:
        ranking = rank.rank(
            held.index, query, now=now, vector=asked.vector, near=near, unlike=asked.unlike
        )
    finally:
        held.index.hidden = ()
    places = held.places.setdefault(session.number, {})
    return Found(ranking, held.tokens, sources, frozenset(itself), asked.notices(), places)


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
        while len(_held) > 1 and (len(_held) > MOST_HELD or _in_all() > MOST_IN_ALL):
            _held.popitem(last=False)
    return held


def _in_all() -> int:
    return sum([held.size for held in _held.values()])


Row = tuple[int, str, int, int, bytes]
"""A session's number, id, messages, the version of what is retracted or pinned, and its head."""


def _sessions(store: Reader, session: Snapshot, user: int | None) -> list[Row]:
    if user is None:
        told = (session.messages, session.overlay_version, session.head)
        return [(session.number, session.id.hex, *told)]
    with store.db.reading():
        rows = store.db.rows(sql.SESSIONS_OF_USER, (user, MOST_SESSIONS))
    return [(int(row[0]), str(row[1]), int(row[2]), row[3] or 0, bytes(row[4])) for row in rows]


def _retracted(store: Reader, row: Row) -> tuple[tuple[int, int], ...]:
    return store.overlaid(row[0], row[3]).retracted


def _catch_up(store: Reader, held: Held, rows: Sequence[Row]) -> None:
    """Adds what was said since; the oldest sessions first. Where a session's log is not the one
    that was read, as after a restore of the database, all is read anew."""
    if not _added(store, held, rows):
        held.clear()
        _added(store, held, rows)


def _added(store: Reader, held: Held, rows: Sequence[Row]) -> bool:
    """Whether what is held was of these logs, and what was said since could be added."""
    read = {row[0]: held.read.get(row[0], NOT_READ) for row in rows}
    if any(messages < read[number].seq for number, _, messages, *_ in rows):
        return False
    missing = sum(messages - read[number].seq for number, _, messages, *_ in rows)
    if len(held.index) + missing > MOST_TURNS:
        held.clear()
        read = dict.fromkeys(read, NOT_READ)
    # Begun anew it is not filled to the brim, or the next message would have it begun again.
    room = MOST_TURNS - len(held.index) if held.read else MOST_TURNS * 3 // 4
    behind = []
    for number, _, messages, _, head in rows:
        if read[number].head == head:
            continue
        first = max(read[number].seq, messages - room)
        # What there is no room for counts as read: it is not missed at every question.
        held.read[number] = Read(messages, head, read[number].newest)
        if first < messages or read[number].newest is not None:
            behind.append((number, first, messages))
        room -= messages - first
    try:
        return all(_took(store, held, span, read[span[0]].newest) for span in sorted(behind))
    except BaseException:
        held.clear()  # it counts what it was about to read as read
        raise


def _took(
    store: Reader, held: Held, span: tuple[int, int, int], newest: tuple[int, int] | None
) -> bool:
    """Adds what a session says after a seq and up to another; not where the `newest` message that
    was read of it is not there as it was: two logs have no message at one microsecond."""
    number, read, end = span
    after = read - read % BLOCK - AROUND
    begin = after if newest is None else min(after, newest[0] - 1)
    said = list(spoken.said(store, number, begin, end))
    if newest is not None and all((one.seq, one.at) != newest for one in said):
        return False
    if said:
        last = (said[-1].seq, said[-1].at)
        held.read[number] = held.read[number]._replace(newest=last)
    held.take(number, [one for one in said if one.seq > after], read)
    return True


def _give(store: Reader, held: Held, owner: vector_stores.Owner, model: Model) -> None:
    """Gives the turns the vectors that were made since; some may not have theirs yet."""
    held.use(model)
    for number, made in vectors.progress(store.db, owner, model).items():
        read = held.read.get(number, NOT_READ).seq
        span = (held.given.get(number, 0), min(made.messages, read))
        if span[0] < span[1]:
            held.give(number, vectors.read(store.db, owner, model, number, span))
            held.given[number] = span[1]


# -- as hits ---------------------------------------------------------------------------------------


def hits(store: Reader, session: Snapshot, query: str, limit: int) -> dict[str, Any]:
    """The best turns as the contract shows them, with the parts of their scores; and notices."""
    found = recall(store, session, query, now=clock.now_us())
    data = [_hit(found, one) for one in found.best(limit)]
    return {"data": data, "notices": [dict(one) for one in found.notices]}


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
