"""The full-text index: which words stand in which document, on both databases alike.

A document is a message, or seq 0: what the session itself is called by (title, key, user, tags).
Its id is the session's number and the seq in one whole number, so a session is a range of ids and
nothing maps one to the other. SQLite keeps it in an FTS5 table without the text, PostgreSQL in a
column of lexemes; both are given the words of `core.words` and are asked for these alone.

The index follows the log and is never part of an append: `catch_up` takes in what sessions have
marked as due. What a session row says the index has (`indexed_messages`, `indexed_words`) moves in
the transaction that stores the documents, so a crash loses and doubles nothing, and of two that
make the same documents one stores them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from sessions_app.core import words as core
from sessions_app.core.entries import FORM_NAMES
from sessions_app.core.legible import failed, legible
from sessions_app.core.messages import Message
from sessions_app.core.words import Query
from sessions_app.store import statements as sql
from sessions_app.store.database import Database, Row
from sessions_app.store.packed import found_whole, whole_or_blank

SEQ_BITS = 24
SESSIONS = 200
PORTION = 100
"""Messages that are read at once; a message can be a mebibyte."""
DOCUMENTS, WORDS = 100, 10_000
"""What one transaction takes in: a millisecond or two in which nobody else can write. With three
times as many a document costs no less, and whoever writes meanwhile waits three times as long."""
UNSORTED = 500
"""Documents after which the index is sorted: well before the list of new words is full. The pages
of that list stay in the index: at 4,000 messages those of 3,000 documents were most of it."""
PATIENCE_MS = 500
LAST = 2**62

Document = tuple[int, list[str]]


class State(NamedTuple):
    """What the index has of a session and what the session has; INDEX_STATE_COLUMNS in order."""

    number: int
    version: int
    messages: int
    indexed_messages: int
    indexed_words: str
    title: str
    key: str | None
    user: str | None
    tags: str
    due_us: int | None

    def own_words(self) -> str:
        """The words of seq 0."""
        names = (self.title, self.key, self.user, *orjson.loads(self.tags))
        return " ".join(core.words("\n".join(filter(None, names))))


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of a session ready to be taken in: messages up to `upto`, and seq 0."""

    before: State
    upto: int
    own: str
    documents: Sequence[Document]


def document_id(number: int, seq: int) -> int:
    """The id of a document."""
    return number << SEQ_BITS | seq


def place(document: int) -> tuple[int, int]:
    """(number of the session, seq) of a document's id."""
    return document >> SEQ_BITS, document & (1 << SEQ_BITS) - 1


# -- taking in ---------------------------------------------------------------------------------


def catch_up(db: Database, until: float, *, only: int | None = None) -> bool:
    """Takes in what is due, what was touched last first, until that `time.monotonic()`; always
    some of it. Returns whether it came to the end. `only` is the number of one session. Raises
    StoreBusy, StoreUnavailable, StorageFull: what was taken in before stays."""
    waiting: list[Portion] = []
    unsorted = 0
    for portion in _due_portions(db, only):
        waiting.append(portion)
        over = time.monotonic() >= until
        if over or _is_full(waiting):
            unsorted += _store(db, waiting)
            waiting = []
        if over or unsorted >= UNSORTED:
            _sort_in(db)
            unsorted = 0
        if over:
            return False
    if unsorted + _store(db, waiting):
        _sort_in(db)
    return True


def _store(db: Database, waiting: Sequence[Portion]) -> int:
    """`store`, and how many documents that were."""
    store(db, waiting)
    return sum(len(portion.documents) for portion in waiting)


def _sort_in(db: Database) -> None:
    """New words wait in a list of PostgreSQL's index, and whoever fills it sorts them in. That is
    done here, where no session is locked, so that no append waits for it."""
    if not db.is_sqlite and not db.nested:
        db.row(sql.SORT_INDEX, ())


def _due_portions(db: Database, only: int | None) -> Iterator[Portion]:
    states = _due(db) if only is None else _states(db, sql.INDEX_STATE, (only,))
    for state in states:
        if state.due_us is not None:
            yield from portions(db, state)


def _due(db: Database) -> Iterator[State]:
    """What was touched last comes first, whatever else there is to take in."""
    place: tuple[int | None, int] = LAST, LAST
    while found := _states(db, sql.INDEX_DUE, (*place, SESSIONS)):
        yield from found
        place = found[-1].due_us, found[-1].number


def _states(db: Database, statement: str, params: tuple[Any, ...]) -> list[State]:
    with db.reading():
        return list(map(State._make, db.rows(statement, params)))


def _is_full(waiting: Iterable[Portion]) -> bool:
    documents = [words for portion in waiting for _, words in portion.documents]
    return len(documents) >= DOCUMENTS or sum(map(len, documents)) >= WORDS


def portions(db: Database, state: State) -> Iterator[Portion]:
    """What the index lacks of a session, read without a lock; one at least, which tells how far
    the index is when nothing is lacking."""
    own = state.own_words()
    while True:
        rows = _bodies(db, state.number, state.indexed_messages, state.messages)
        upto = rows[-1][0] if len(rows) == PORTION else state.messages
        yield Portion(state, upto, own, _documents(state.number, rows))
        if upto >= state.messages:
            return
        state = state._replace(indexed_messages=upto, indexed_words=own)


def _bodies(db: Database, number: int, after: int, last: int) -> list[Row]:
    if after >= last:
        return []
    with db.reading():
        rows = db.rows(sql.INDEX_BODIES, (number, after, last, PORTION))
        return whole_or_blank(db, number, rows)


def _documents(number: int, rows: Iterable[Row]) -> list[Document]:
    """Documents of (seq, role, form, body); an erased message is none."""
    return [
        (document_id(number, seq), message_words(role, form, body))
        for seq, role, form, body in rows
        if body
    ]


def message_words(role: str, form: int, body: str) -> list[str]:
    """The words of a message as the index has them."""
    message = Message(role, FORM_NAMES[form], orjson.loads(body))
    found = core.words(legible(message))
    return [*found, core.FAILED] if failed(message) else found


def store(db: Database, waiting: Sequence[Portion]) -> None:
    """Stores the documents of portions whose session is still where they were made from, in one
    transaction. A session whose row is locked (an import holds it for long) is left for later."""
    if not waiting:
        return
    # In the order of ids: FTS5 writes out what it holds whenever one is not above the last, and
    # rows locked in one order lead to no deadlock.
    ordered = sorted(waiting, key=lambda portion: (portion.before.number, portion.upto))
    with _patient(db):
        free = _locked(db, {portion.before.number for portion in ordered})
        moved = [part for part in ordered if part.before.number in free and _move(db, part)]
        if moved:
            _write(db, *_changes(moved))


def _locked(db: Database, numbers: set[int]) -> set[int]:
    if db.is_sqlite:
        return numbers
    statement = (
        "SELECT number FROM holdfast_session WHERE number = ANY(?)"
        " ORDER BY number FOR NO KEY UPDATE SKIP LOCKED"
    )
    return {row[0] for row in db.rows(statement, (sorted(numbers),))}


def _move(db: Database, portion: Portion) -> bool:
    before = portion.before
    now = (portion.upto, portion.own, before.version, portion.upto)
    was = (before.number, before.indexed_messages, before.indexed_words)
    return bool(db.run(sql.INDEX_MOVE, (*now, *was)).rowcount)


def _changes(moved: Sequence[Portion]) -> tuple[list[Document], list[Document]]:
    """The documents to take out and those to put in."""
    out, into = [], []
    for portion in moved:
        before = portion.before
        if portion.own != before.indexed_words:
            name = document_id(before.number, 0)
            out.append((name, before.indexed_words.split()))
            into.append((name, portion.own.split()))
        into += portion.documents
    return out, into


# -- taking out --------------------------------------------------------------------------------


def remove_session(db: Database, number: int) -> None:
    """Takes a session out of the index, in the transaction that purges it, while its messages are
    still there."""
    if not db.is_sqlite:
        span = document_id(number, 0), document_id(number + 1, 0)
        db.run("DELETE FROM holdfast_search WHERE id >= ? AND id < ?", span)
        return
    for state in _states(db, sql.INDEX_STATE, (number,)):
        _write(db, [(document_id(number, 0), state.indexed_words.split())], [])
        seq = 0
        while rows := _bodies(db, number, seq, state.indexed_messages):
            _write(db, _documents(number, rows), [])
            seq = rows[-1][0]


def remove_messages(db: Database, number: int, seqs: Sequence[int]) -> None:
    """Takes messages of a session out of the index for good, in the transaction that blanks them,
    before it does. The session must be locked. What the index lacked is taken in first: words that
    another process has made of them by now are then of no use to it."""
    for state in _states(db, sql.INDEX_STATE, (number,)):
        if state.indexed_messages < max(seqs, default=0):
            store(db, list(portions(db, state)))
    for first in range(0, len(seqs), PORTION):
        some = seqs[first : first + PORTION]
        marks = ", ".join("?" * len(some))
        rows = db.rows(sql.INDEX_BODIES_IN.format(marks=marks), (number, *some))
        _write(db, _documents(number, whole_or_blank(db, number, rows)), [])


def mend(db: Database) -> int:
    """Marks sessions as due whose newest messages were never taken in, as after appends by an
    older version of this program; returns how many. Reads every session row."""
    with db.reading():
        missed = [row[0] for row in db.rows(sql.INDEX_MISSED)]
    for first in range(0, len(missed), SESSIONS):
        some = [(0, number) for number in missed[first : first + SESSIONS]]
        with db.transaction():
            db.run_many(sql.SET_INDEX_DUE, some)
    return len(missed)


def _write(db: Database, out: Iterable[Document], into: Iterable[Document]) -> None:
    """Documents without words have no row."""
    gone = [(name, words) for name, words in out if words]
    new = [(name, words) for name, words in into if words]
    if db.is_sqlite:
        rows: list[tuple[str | None, int, str]]
        rows = [("delete", name, " ".join(words)) for name, words in gone]
        rows += [(None, name, " ".join(words)) for name, words in new]
        rows.sort(key=lambda row: row[1])  # stable: a document goes out before it comes in
        statement = "INSERT INTO holdfast_search (holdfast_search, rowid, words) VALUES (?, ?, ?)"
        db.run_many(statement, rows)
        return
    if gone:
        names = [name for name, _ in gone]
        db.run("DELETE FROM holdfast_search WHERE id = ANY(?)", (names,))
    db.run_many(
        "INSERT INTO holdfast_search (id, words) VALUES (?, array_to_tsvector(?::text[]))", new
    )


@contextmanager
def _patient(db: Database) -> Iterator[None]:
    """A transaction that does not wait for another writer as long as others do."""
    if db.nested:
        with db.transaction():
            yield
    elif db.is_sqlite:
        ((usual,),) = db.rows("PRAGMA busy_timeout")
        db.run(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        try:
            with db.in_a_hurry(), db.transaction():
                yield
        finally:
            db.run(f"PRAGMA busy_timeout = {int(usual)}")
    else:
        with db.in_a_hurry(), db.transaction():
            db.run(f"SET LOCAL lock_timeout = {PATIENCE_MS}")
            yield


# -- asking ------------------------------------------------------------------------------------


class Asking(NamedTuple):
    """What finds the documents of a query: under which name their id is, the condition, and its
    parameters."""

    id: str
    where: str
    params: tuple[str, ...]

    def select(self, columns: str) -> str:
        named = columns.format(id=self.id)
        return f"SELECT {named} FROM holdfast_search WHERE {self.where}"  # noqa: S608 - see below


def asking(db: Database, wanted: Query) -> Asking:
    """How this database is asked. Terms hold nothing but letters and digits and are quoted.

    On PostgreSQL the query stands in the statement: as a parameter it would be unknown to a
    prepared plan, and one that expects few documents looks each session up in all of them.
    """
    if db.is_sqlite:
        text = " AND ".join(f'"{term.text}"' + " *" * term.prefix for term in wanted.terms)
        return Asking("rowid", "holdfast_search MATCH ?", (text,))
    text = " & ".join(f"''{term.text}''" + ":*" * term.prefix for term in wanted.terms)
    return Asking("id", f"words @@ '{text}'::tsquery", ())


def sessions_with(db: Database, wanted: Query) -> tuple[str, list[Any]]:
    """The statement that gives the numbers of sessions with a document that has all the words, of
    every project, and its parameters."""
    asked = asking(db, wanted)
    return asked.select(f"{{id}} >> {SEQ_BITS}"), list(asked.params)


def newest_in(
    db: Database, numbers: Sequence[int], wanted: Query, each: int
) -> list[tuple[int, int]]:
    """(document, how many its session has) of the newest `each` messages with all the words in
    each of these sessions, newest first."""
    asked = asking(db, wanted)
    marks = ", ".join("?" * len(numbers))
    found = asked.select(
        f"{{id}} AS id, COUNT(*) OVER (PARTITION BY {{id}} >> {SEQ_BITS}) AS total,"
        f" ROW_NUMBER() OVER (PARTITION BY {{id}} >> {SEQ_BITS} ORDER BY {{id}} DESC) AS nth"
    )
    among = f"{asked.id} >> {SEQ_BITS} IN ({marks}) AND {asked.id} & {(1 << SEQ_BITS) - 1} > 0"
    statement = f"SELECT id, total FROM ({found} AND {among}) AS f WHERE nth <= ?"  # noqa: S608
    with db.unprepared():
        rows = db.rows(f"{statement} ORDER BY id DESC", (*asked.params, *numbers, each))
    return [(row[0], row[1]) for row in rows]


def seqs_in(db: Database, number: int, wanted: Query) -> list[int]:
    """Seqs of all messages of a session with all the words. All, because a word that may go on is
    looked up for every session at once: to count them and to read a page would do that twice."""
    asked = asking(db, wanted)
    statement = f"{asked.select('{id}')} AND {asked.id} BETWEEN ? AND ? ORDER BY {asked.id}"
    span = document_id(number, 1), document_id(number + 1, 0) - 1
    with db.unprepared():
        rows = db.rows(statement, (*asked.params, *span))
    return [place(row[0])[1] for row in rows]


def said(db: Database, places: Sequence[tuple[int, int]]) -> list[Row]:
    """(session number, seq, role, form, created_us, body) of messages by (number, seq)."""
    if not places:
        return []
    marks = ", ".join("(?, ?)" for _ in places)
    with db.reading():
        rows = db.rows(
            sql.INDEX_SAID.format(marks=marks), [value for pair in places for value in pair]
        )
        return found_whole(db, rows)


def behind(db: Database, project: int | None) -> int:
    """How many sessions, of one project or of all, have what the index may not have."""
    with db.reading():
        row = (
            db.row(sql.INDEX_BEHIND) if project is None else db.row(sql.INDEX_BEHIND_OF, (project,))
        )
    return int(row[0]) if row else 0
