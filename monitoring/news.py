"""What is new in a session since an open page of it was made, and which rows that changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sessions_app import auth, reviews
from sessions_app.core.entries import StoredEvent, StoredMessage
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot, Window

from . import transcript, whereabouts
from .excerpt import AROUND, MOST_EVENTS
from .transcript import Boundary, Gap, Look, Row, Said
from .whereabouts import COMPRESSED
from .windows import PAGE, Span

MOST_SHOWN = 400
"""How many messages an open page holds."""

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a log as a page shows it: messages first..last, and all until `version`."""

    first: int
    last: int
    version: int


@dataclass(frozen=True, slots=True)
class News:
    """Rows to add behind the tail, rows of the page that look different now, and the tail after
    that; `more` tells that the next part can be asked for from there."""

    added: list[Row]
    changed: list[Said]
    span: Span
    version: int
    more: bool


def read(session: Snapshot, tail: Tail, find: str = "", *, stored: bool = False) -> News:
    """What follows the tail, at most one page of it: a result of a call that the page shows
    stands in the call's row, which is among the changed ones then."""
    said, events, version = _after(session, tail)
    touched = [found for event in events for found in _touched(event, tail)]
    start = _start(tail, said, touched)
    behind = _behind(session, tail, start)
    old = [row for row in behind if row.seq >= start]
    last = said[-1].seq if said else tail.last
    state = whereabouts.state(session)
    standing = whereabouts.read(session, state, (start, last), events)
    look = Look(
        state,
        find=find,
        stored=stored,
        lead=[row for row in behind if row.seq < start],
        reviews=reviews.between(auth.alias(), session, start, last),
        fates=standing.fates,
        folds=standing.folds,
    )
    rows = transcript.rows([*old, *said], events, look)
    return News(
        list(_added(rows, tail)),
        [row for row in rows if isinstance(row, Said) and _changed(row, tail, touched)],
        Span(tail.last + 1, last, session.messages),
        version,
        version < session.version,
    )


def _after(session: Snapshot, tail: Tail) -> tuple[list[StoredMessage], list[StoredEvent], int]:
    """Messages and events behind the tail, and the version up to which they are all of them."""
    store = get_store(auth.alias())
    room = min(PAGE, session.messages - tail.last)
    said = store.messages(session, Window(after=tail.last, limit=room)) if room > 0 else []
    is_all = tail.last + len(said) >= session.messages
    version = session.version if is_all else said[-1].version
    events = store.events(session, after=tail.version, before=version + 1, limit=MOST_EVENTS)
    if len(events) == MOST_EVENTS:
        version = events[-1].version
        said = [row for row in said if row.version <= version]
    return said, events, version


def _touched(event: StoredEvent, tail: Tail) -> Iterator[Range]:
    """Which messages of the page an event makes look different."""
    data = event.entry().data
    if event.kind == "retracted" and data:
        yield max(tail.first, int(data["from"])), min(tail.last, int(data["to"]))
    elif event.kind in ("pinned", "unpinned") and data:
        seq = int(data["seq"])
        if tail.first <= seq <= tail.last:
            yield seq, seq
    elif event.kind == COMPRESSED and data:
        # What an earlier one kept may go with this one, so all up to its end is looked at again.
        yield tail.first, min(tail.last, int(data["to"]))


def _start(tail: Tail, said: Sequence[StoredMessage], touched: Sequence[Range]) -> int:
    """The first message of the page that has to be looked at again: what was touched may be the
    result of a call before it."""
    starts = [tail.last + 1, *(first - AROUND for first, last in touched if first <= last)]
    if any(row.role == "tool" for row in said):
        starts.append(tail.last + 1 - PAGE)
    return max(min(starts), tail.first, tail.last + 1 - MOST_SHOWN)


def _behind(session: Snapshot, tail: Tail, start: int) -> list[StoredMessage]:
    """The page's messages from `start` on, and some before it for calls and pauses."""
    after = max(0, start - 1 - AROUND)
    if tail.last <= after:
        return []
    window = Window(after=after, limit=tail.last - after)
    return get_store(auth.alias()).messages(session, window)


def _added(rows: Sequence[Row], tail: Tail) -> Iterator[Row]:
    """The rows behind the tail; a pause stands with the message that ends it."""
    for row, after in zip_longest(rows, rows[1:]):
        place = after if isinstance(row, Gap) else row
        if isinstance(row, Boundary) or (isinstance(place, Said) and place.seq > tail.last):
            yield row


def _changed(row: Said, tail: Tail, touched: Sequence[Range]) -> bool:
    if row.seq > tail.last:
        return False
    results = [block.result.seq for block in row.blocks if block.result]
    return any(seq > tail.last for seq in results) or any(
        first <= seq <= last for seq in (row.seq, *results) for first, last in touched
    )
