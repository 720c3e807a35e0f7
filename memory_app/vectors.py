"""The rows of vectors: who may make those of a session, how far they are, and whose are read.

A worker claims a session, reads what it lacks, makes the vectors without any lock, and stores them
by an UPDATE that the count of its claim allows, in one transaction. The session row is locked for
both, so that a purge comes before or after and never between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from memory_app import embedders
from memory_app import statements as sql
from memory_app.core.index import Vector
from memory_app.embedders import Embedder
from sessions_app import clock
from sessions_app.store.database import Database, Row
from sessions_app.store.statements import SKIP_LOCKED


class Model(NamedTuple):
    """Whose vectors: two models have nothing to say to one another, nor do two sizes of one."""

    name: str
    dimensions: int

    @classmethod
    def of(cls, embedder: Embedder) -> Model:
        return cls(embedder.name, embedder.dimensions)


class Claim(NamedTuple):
    """The right to store the vectors of a session that come after message `after`; it has
    `messages`. `anew` says that those which are there are another model's."""

    number: int
    holder: int
    after: int
    messages: int
    anew: bool


class Owner(NamedTuple):
    """Whose vectors are asked for: an end user's of a project, or those of one session of it."""

    project: int
    number: int
    is_user: bool

    @property
    def whose(self) -> str:
        return sql.OF_USER if self.is_user else sql.OF_SESSION


def claim(db: Database, number: int, model: Model, *, seconds: float) -> Claim | None:
    """A session claimed for so long; None where there is nothing to do or somebody has it."""
    with db.transaction():
        row = _locked(db, number)
        if row is None:
            return None
        now = clock.now_us()
        until = now + int(seconds * 1_000_000)
        known = db.row(sql.EMBEDDED, (number,))
        if known is None:
            db.run(sql.INSERT_EMBEDDED, (number, *model, until))
            return Claim(number, 1, 0, row[0], anew=False)
        name, dimensions, after, holder, _ = known
        anew = (name, dimensions) != model
        if after >= row[0] and not anew:
            return None
        if not db.run(sql.CLAIM_EMBEDDED, (until, number, holder, now)).rowcount:
            return None
    return Claim(number, holder + 1, 0 if anew else after, row[0], anew)


def store(db: Database, held: Claim, model: Model, upto: int, made: Mapping[int, Vector]) -> bool:
    """Stores vectors by seq, and that messages up to `upto` were looked at; False where the claim
    was lost or the session is gone. Then nothing is stored."""
    rows = [(held.number, seq, embedders.packed(vector)) for seq, vector in made.items()]
    with db.transaction():
        if _locked(db, held.number) is None:
            return False
        params = (*model, upto, held.number, held.holder)
        if not db.run(sql.SET_EMBEDDED, params).rowcount:
            return False
        if held.anew:
            db.run(sql.DELETE_VECTORS, (held.number,))
        db.run_many(sql.INSERT_VECTOR, rows)
    return True


def postpone(db: Database, held: Claim, seconds: float) -> None:
    """Leaves a session that could not be done alone for a while."""
    until = clock.now_us() + int(seconds * 1_000_000)
    with db.transaction():
        db.run(sql.POSTPONE_EMBEDDED, (until, held.number, held.holder))


def _locked(db: Database, number: int) -> Row | None:
    """How many messages a session has, its row locked; None where it is gone, or an import holds
    it for long."""
    if db.is_sqlite:
        return db.locked_row(sql.TO_EMBED, (number,))
    return db.row(sql.TO_EMBED + SKIP_LOCKED, (number,))


# -- reading ---------------------------------------------------------------------------------------


def progress(db: Database, owner: Owner, model: Model) -> dict[int, int]:
    """By session of an owner, up to which message it has vectors of this model."""
    statement = sql.EMBEDDED_OF.format(whose=owner.whose)
    with db.reading():
        rows = db.rows(statement, (*model, owner.project, owner.number))
    return {int(number): int(messages) for number, messages in rows}


def read(
    db: Database, owner: Owner, model: Model, number: int, span: tuple[int, int]
) -> Iterator[tuple[int, Vector]]:
    """(seq, vector) of an owner's session: those after the first and up to the last of a span."""
    statement = sql.VECTORS_OF.format(whose=owner.whose)
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
