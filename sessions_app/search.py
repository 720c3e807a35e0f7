"""Search in what was said: by words over everything, to the letter within one session.

Nothing the caller writes is ever run as a pattern. The index follows the log; a search first takes
in what is new, for a moment at most, and what is left then is told by `behind`.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple

import orjson

from sessions_app.core import messages, words
from sessions_app.core.entries import FORM_NAMES, StoredMessage
from sessions_app.core.errors import HoldfastError
from sessions_app.core.legible import legible
from sessions_app.core.messages import Message
from sessions_app.core.packing import octets_of
from sessions_app.core.words import Piece, Query
from sessions_app.store import fulltext
from sessions_app.store.base import PAGE_OCTETS, Snapshot
from sessions_app.store.database import Database, Row
from sessions_app.store.durable import DurableStore
from sessions_app.store.reading import Reader, like_escaped
from sessions_app.store.statements import INDEX_BY_ID, INDEX_BY_NAME

log = logging.getLogger("holdfast.search")

BUDGET_SECONDS = 2.0
SHORTEST_ID = 8
EXCERPT = 160
FAILED = Query((words.Term(words.FAILED),))

_BATCH = 50
"""Messages that are looked through at once; a message can be a mebibyte."""
_ID_DIGITS = 32
# One catches up, others in this process wait for it: two would do the same work twice.
_catching_up: defaultdict[str, Lock] = defaultdict(Lock)


class Hit(NamedTuple):
    """A message with the words; `pieces` are its text around them, `at` is in microseconds."""

    seq: int
    role: str
    at: int
    pieces: tuple[Piece, ...]


class Hits(NamedTuple):
    """Messages of a session that were found, and of how many; `total` is None where they were not
    counted. `literal` when they hold the text to the letter rather than its words."""

    hits: list[Hit]
    total: int | None
    literal: bool = False


# -- the index ---------------------------------------------------------------------------------


def bring_up_to_date(
    alias: str, *, seconds: float = BUDGET_SECONDS, session: int | None = None
) -> bool:
    """Takes into the index what is due, of one session (its number) or of all, for about so long;
    returns whether it came to the end.

    What cannot be taken in now (another writer, a full disk) is left for the next time: a search
    goes on with what the index has. Inside a caller's transaction it is a part of that.
    """
    db, until = Database(alias), time.monotonic() + seconds
    lock = _catching_up[alias]
    if not lock.acquire(timeout=seconds):
        return False
    try:
        return fulltext.catch_up(db, until, only=session)
    except HoldfastError as error:
        log.info("The search index is left as it is: %s", error)
        return False
    finally:
        lock.release()


def behind(alias: str, project: int | None = None) -> int:
    """How many sessions, of one project or of all, the index has not all of."""
    return fulltext.behind(Database(alias), project)


def mend(alias: str) -> int:
    """Marks sessions as due whose newest messages the index was never told of; how many."""
    return fulltext.mend(Database(alias))


# -- over all sessions -------------------------------------------------------------------------


def matching(alias: str, project: int, text: str) -> tuple[str, list[object]]:
    """The statement that gives the numbers of sessions that `text` finds, for a query that is
    scoped by project, and its parameters: a document with all its words, or a key or id (from
    SHORTEST_ID digits on) that begins with it."""
    db = Database(alias)
    parts: list[tuple[str, Sequence[object]]] = []
    wanted = words.query(text)
    if wanted:
        parts.append(fulltext.sessions_with(db, wanted))
    parts.append((INDEX_BY_NAME, (project, f"{like_escaped(text)}%")))
    digits = text.strip().replace("-", "").lower()
    if SHORTEST_ID <= len(digits) <= _ID_DIGITS and set(digits) <= set("0123456789abcdef"):
        ends = digits.ljust(_ID_DIGITS, "0"), digits.ljust(_ID_DIGITS, "f")
        parts.append((INDEX_BY_ID, (project, *ends)))
    statement = " UNION ALL ".join(part for part, _ in parts)
    return statement.replace("?", "%s"), [value for _, values in parts for value in values]


def failing(alias: str) -> tuple[str, list[object]]:
    """The same for sessions with a message that carries an error or a failed tool's result."""
    statement, params = fulltext.sessions_with(Database(alias), FAILED)
    return statement.replace("?", "%s"), params


def hits(alias: str, sessions: Sequence[Snapshot], text: str, each: int = 3) -> dict[int, Hits]:
    """The newest `each` messages of each session that have all the words of `text`, by session
    number; sessions without any are left out. Two queries, however many sessions."""
    wanted, numbers = words.query(text), [session.number for session in sessions]
    if not wanted or not numbers:
        return {}
    db = Database(alias)
    found = fulltext.newest_in(db, numbers, wanted, each)
    places = {fulltext.place(document): total for document, total in found}
    rows = {(row[0], row[1]): row for row in fulltext.said(db, list(places))}
    shown: dict[int, Hits] = {}
    for (number, seq), total in places.items():
        row = rows.get((number, seq))
        if row is not None:
            shown.setdefault(number, Hits([], total)).hits.append(_hit(row, wanted))
    return shown


def _hit(row: Row, wanted: Query) -> Hit:
    _, seq, role, form, at, body = row
    message = Message(role, FORM_NAMES[form], orjson.loads(body) if body else {}, at)
    return Hit(seq, role, at, words.excerpt(legible(message), wanted, EXCERPT))


# -- within one session ------------------------------------------------------------------------


def in_session(
    alias: str,
    session: Snapshot,
    text: str,
    *,
    after: int = 0,
    before: int | None = None,
    limit: int = 50,
    newest_first: bool = False,
) -> Hits:
    """Messages with after < seq < before that have all the words of `text`; where no message of
    the session has them, those that hold the text to the letter, ignoring case."""
    bring_up_to_date(alias, session=session.number)
    db, wanted = Database(alias), words.query(text)
    found = fulltext.seqs_in(db, session.number, wanted) if wanted else []
    if not found:
        return _literally(alias, session, text, (after, before), limit, newest_first)
    seqs = [seq for seq in found if after < seq and (before is None or seq < before)]
    page = seqs[::-1][:limit] if newest_first else seqs[:limit]
    rows = {row[1]: row for row in fulltext.said(db, [(session.number, seq) for seq in page])}
    return Hits([_hit(rows[seq], wanted) for seq in page if seq in rows], len(found))


def _literally(
    alias: str,
    session: Snapshot,
    text: str,
    span: tuple[int, int | None],
    limit: int,
    newest_first: bool,
) -> Hits:
    store, after = DurableStore(alias), span[0]
    end = session.messages + 1 if span[1] is None else span[1]
    if newest_first:
        rows = backward(store, session, text, after=after, before=end, limit=limit)
    else:
        rows = forward(store, session, text, after=after, end=end, limit=limit)
    return Hits([_literal_hit(row, text) for row in rows], None, literal=True)


def _literal_hit(row: StoredMessage, text: str) -> Hit:
    shown = messages.text_of(row.message())
    return Hit(row.seq, row.role, row.created_us, words.literal_excerpt(shown, text, EXCERPT))


def forward(
    store: Reader,
    session: Snapshot,
    text: str,
    *,
    after: int,
    end: int,
    limit: int,
    octets: int | None = None,
) -> list[StoredMessage]:
    """Up to `limit` messages with after < seq < end that hold `text`, upwards; with `octets` as a
    Window has them."""

    def batch(last: StoredMessage | None) -> Sequence[StoredMessage]:
        start = last.seq if last else after
        return store.containing(session, text, after=start, before=end, limit=_BATCH)

    return _saying(text, limit, batch, octets)


def backward(
    store: Reader,
    session: Snapshot,
    text: str,
    *,
    before: int,
    limit: int,
    after: int = 0,
    octets: int | None = None,
) -> list[StoredMessage]:
    """Up to `limit` messages with after < seq < before that hold `text`, downwards."""

    def batch(last: StoredMessage | None) -> Sequence[StoredMessage]:
        end = last.seq if last else before
        return store.containing(
            session, text, after=after, before=end, limit=_BATCH, newest_first=True
        )

    return _saying(text, limit, batch, octets)


def _saying(
    text: str,
    limit: int,
    batch: Callable[[StoredMessage | None], Sequence[StoredMessage]],
    octets: int | None,
) -> list[StoredMessage]:
    """The database finds `text` in the stored JSON, whose field names are no one's words."""
    found: list[StoredMessage] = []
    held, wanted = 0, text.lower()
    rows = batch(None) if limit else ()
    while rows:
        for row in rows:
            if wanted not in messages.text_of(row.message()).lower():
                continue
            found.append(row)
            if len(found) == limit or (octets is not None and held >= octets):
                return found
            held += octets_of(row.body)
        # A batch of large messages ends early, and then there may be more too.
        more = len(rows) == _BATCH or sum(octets_of(row.body) for row in rows) >= PAGE_OCTETS
        rows = batch(rows[-1]) if more else ()
    return found
