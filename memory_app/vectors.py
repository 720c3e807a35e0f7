"""The rows of vectors: who may make those of a session, how far they are, and whose are read.

A worker claims a session, reads what it lacks, makes the vectors without any lock, and stores them
by an UPDATE that the count of its claim allows, in one transaction. The session row is locked for
both, so that a purge comes before or after and never between. What an outside store keeps is sent
there before that transaction, under a name that the claim has written down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from uuid import uuid4

import numpy as np

from memory_app import embedders
from memory_app import statements as sql
from memory_app.core.index import Vector
from memory_app.vector_stores import Hit, Home, Model, Owner, VectorStore, asking
from sessions_app import clock
from sessions_app.store.database import Database, Row
from sessions_app.store.statements import SKIP_LOCKED

SEND_SECONDS = 30.0
"""For what is sent to an outside store at once."""


class Claim(NamedTuple):
    """The right to store the vectors of a session that come after message `after`; it has
    `messages`."""

    home: Home
    holder: int
    after: int
    messages: int

    @property
    def number(self) -> int:
        return self.home.session


class DatabaseVectors:
    """Vectors as rows beside the messages; who asks for the nearest reads all of an owner.

    Recall does not ask: the rows of an owner are in its index, which reads what is new.
    """

    name = ""
    in_database = True

    def __init__(self, db: Database) -> None:
        self.db = db

    def put(
        self, home: Home, model: Model, made: Mapping[int, Vector], *, seconds: float = 0.0
    ) -> None:
        """Stores them in the transaction at hand."""
        rows = [(home.session, seq, embedders.packed(vector)) for seq, vector in made.items()]
        self.db.run_many(sql.INSERT_VECTOR, rows)

    def nearest(
        self, owner: Owner, model: Model, vector: Vector, most: int, *, seconds: float = 0.0
    ) -> list[Hit]:
        statement = sql.ALL_VECTORS_OF.format(whose=_whose(owner))
        with self.db.reading():
            rows = self.db.rows(statement, (*model, owner.project, owner.number))
        rows = [row for row in rows if len(row[3]) == model.dimensions * embedders.HALF.itemsize]
        if not rows:
            return []
        cosines = np.stack([embedders.unpacked(bytes(row[3])) for row in rows]) @ vector
        best = np.argsort(-cosines, kind="stable")[:most].tolist()
        return [
            Hit(
                int(rows[place][0]), str(rows[place][1]), int(rows[place][2]), float(cosines[place])
            )
            for place in best
        ]

    def forget(self, model: Model, place: str, *, seconds: float = 0.0) -> None:
        """Nothing: rows go with their session."""


def claim(db: Database, number: int, model: Model, *, seconds: float) -> Claim | None:
    """A session claimed for so long; None where there is nothing to do or somebody has it. Where
    what is there is another model's, or in another store, it is given up."""
    with db.transaction():
        row = locked(db, number)
        if row is None:
            return None
        messages, project, user = row
        now = clock.now_us()
        until = now + int(seconds * 1_000_000)
        known = db.row(sql.EMBEDDED, (number,))
        home = Home(project, user, number, uuid4().hex if model.store else "")
        if known is None:
            db.run(sql.INSERT_EMBEDDED, (number, *model, home.place, until))
            return Claim(home, 1, 0, messages)
        *whose, after, holder, free_us, place = known
        anew = tuple(whose) != model
        if free_us > now or (after >= messages and not anew):
            return None
        if anew:
            after, place = 0, home.place
            _give_up(db, number)
            db.run(sql.BEGIN_EMBEDDED, (*model, place, number))
        if not db.run(sql.CLAIM_EMBEDDED, (until, number, holder, now)).rowcount:
            return None
    return Claim(home._replace(place=place), holder + 1, after, messages)


def _give_up(db: Database, number: int) -> None:
    """Nobody else holds the session, so what was sent outside may go at once."""
    db.run(sql.DELETE_VECTORS, (number,))
    db.run(sql.REMOVE_OUTSIDE, (number,))


def store(
    db: Database,
    kept: VectorStore,
    held: Claim,
    model: Model,
    upto: int,
    made: Mapping[int, Vector],
) -> bool:
    """Stores vectors by seq, and that messages up to `upto` were looked at; False where the claim
    was lost or the session is gone. Then nothing is stored in the database, and what an outside
    store got is removed: whoever took the session wrote down its place. Raises EngineFailed."""
    if made and not kept.in_database:
        if not _may_send(db, held):
            return False
        with asking(kept):
            kept.put(held.home, model, made, seconds=SEND_SECONDS)
    with db.transaction():
        if locked(db, held.number) is None:
            return False
        outside = 0 if kept.in_database else len(made)
        if not db.run(sql.SET_EMBEDDED, (upto, outside, held.number, held.holder)).rowcount:
            return False
        if kept.in_database:
            kept.put(held.home, model, made, seconds=0.0)
    return True


def _may_send(db: Database, held: Claim) -> bool:
    """Whether the claim still holds. It is renewed for twice the time that sending may take, since
    what we gave up may still be under way: a purge that comes meanwhile has what was sent removed
    after that, when nothing can come any more."""
    until = clock.now_us() + int(2 * SEND_SECONDS * 1_000_000)
    with db.transaction():
        if locked(db, held.number) is None:
            return False
        return bool(db.run(sql.POSTPONE_EMBEDDED, (until, held.number, held.holder)).rowcount)


def postpone(db: Database, held: Claim, seconds: float) -> None:
    """Leaves a session that could not be done alone for a while."""
    until = clock.now_us() + int(seconds * 1_000_000)
    with db.transaction():
        db.run(sql.POSTPONE_EMBEDDED, (until, held.number, held.holder))


def make_anew(db: Database) -> None:
    """Lets all vectors be made again from the log, as after a store that lost some: what is there
    goes. Whoever is making some loses the session, and so neither stores nor sends them."""
    with db.transaction():
        db.run(sql.END_ALL_CLAIMS, ())
        db.run(sql.REMOVE_ALL_OUTSIDE, ())
        db.run(sql.DELETE_ALL_EMBEDDED, ())
        db.run(sql.DELETE_ALL_VECTORS, ())


def locked(db: Database, number: int) -> Row | None:
    """How many messages a session has, and whose it is, its row locked; None where it is gone, or
    an import holds it for long."""
    if db.is_sqlite:
        return db.locked_row(sql.TO_EMBED, (number,))
    return db.row(sql.TO_EMBED + SKIP_LOCKED, (number,))


# -- reading ---------------------------------------------------------------------------------------


class Made(NamedTuple):
    """Up to which message a session has vectors, and the name of its place in an outside store."""

    messages: int
    place: str


def progress(db: Database, owner: Owner, model: Model) -> dict[int, Made]:
    """By session of an owner, how far its vectors of this model are."""
    statement = sql.EMBEDDED_OF.format(whose=_whose(owner))
    with db.reading():
        rows = db.rows(statement, (*model, owner.project, owner.number))
    return {int(number): Made(int(messages), str(place)) for number, messages, place in rows}


def _whose(owner: Owner) -> str:
    return sql.OF_USER if owner.is_user else sql.OF_SESSION


def read(
    db: Database, owner: Owner, model: Model, number: int, span: tuple[int, int]
) -> Iterator[tuple[int, Vector]]:
    """(seq, vector) of an owner's session: those after the first and up to the last of a span."""
    statement = sql.VECTORS_OF.format(whose=_whose(owner))
    params = (*model, owner.project, owner.number, number, *span)
    with db.reading():
        rows = db.rows(statement, params)
    for seq, stored in rows:
        vector = embedders.unpacked(bytes(stored))
        # A model changed between two reads; the next question finds all of its vectors.
        if len(vector) == model.dimensions:
            yield int(seq), vector


def behind_lately(db: Database, model: Model, hour: int, most: int) -> list[int]:
    """Sessions in which something was said since an hour that has no vectors, the newest first."""
    with db.reading():
        rows = db.rows(sql.BEHIND_LATELY, (*model, clock.now_us(), hour, most))
    return [int(row[0]) for row in rows]


def behind_after(db: Database, model: Model, number: int, most: int) -> list[int]:
    """Any such sessions, in the order of their numbers, after one."""
    with db.reading():
        rows = db.rows(sql.BEHIND_AFTER, (*model, clock.now_us(), number, most))
    return [int(row[0]) for row in rows]


class Lag(NamedTuple):
    """What has no vectors yet: so many sessions, with so many messages that were not looked at."""

    sessions: int
    messages: int


def lag(db: Database, model: Model) -> Lag:
    """How far vectors are behind what was said. Reads every session row."""
    with db.reading():
        row = db.row(sql.BEHIND, (*model, *model))
    return Lag(int(row[0]), int(row[1])) if row else Lag(0, 0)
