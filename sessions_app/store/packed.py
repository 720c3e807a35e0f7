"""Rows of messages with their whole text, whether it is stored plain or packed.

A row ends in the body as it is stored. Rows without a mark are given back as they are; for those
with one, one more statement fetches the frames. It reads the bodies too, so that mark and frame
are of one moment though the row is read a second time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from sessions_app.core import errors, packing
from sessions_app.core.packing import MARK, Damaged
from sessions_app.store import statements as sql
from sessions_app.store.database import Database, Row

log = logging.getLogger("holdfast.store")

AT_ONCE = 500
"""Messages that one statement names."""

Place = tuple[int, int]
"""(number of the session, seq)."""


def whole(db: Database, number: int, rows: list[Row]) -> list[Row]:
    """Rows of a session that begin with the seq. Raises MessageDamaged, and NotFound where the
    session was purged meanwhile."""
    last = len(rows[0]) - 1 if rows else 0  # a look that costs half of one at row[-1]
    packed = [(number, row[0]) for row in rows if row[last] >= MARK]
    if not packed:
        return rows
    texts = _texts(db, packed)
    return [_with(row, (number, row[0]), texts, _raised) for row in rows]


def whole_or_blank(db: Database, number: int, rows: list[Row]) -> list[Row]:
    """As `whole`, but what is damaged or gone is blank: for the index, which goes on with the
    others."""
    texts = _texts(db, [(number, row[0]) for row in rows if row[-1] >= MARK])
    return [_with(row, (number, row[0]), texts, _blank) for row in rows]


def found_whole(db: Database, rows: list[Row]) -> list[Row]:
    """As `whole_or_blank` of rows that begin with the session's number and the seq."""
    texts = _texts(db, [(row[0], row[1]) for row in rows if row[-1] >= MARK])
    return [_with(row, (row[0], row[1]), texts, _blank) for row in rows]


def inspected(db: Database, number: int, rows: list[Row]) -> Iterator[tuple[Row, str]]:
    """For `verify`: each row, and what is wrong with its text, which then is blank."""
    texts = _texts(db, [(number, row[0]) for row in rows if row[-1] >= MARK])
    for row in rows:
        found = texts.get((number, row[0]), row[-1])
        damaged = isinstance(found, Damaged)
        yield (*row[:-1], "" if damaged else found), str(found) if damaged else ""


def _with(
    row: Row, place: Place, texts: dict[Place, str | Damaged], told: Callable[[int, Damaged], str]
) -> Row:
    if row[-1] < MARK:
        return row
    found = texts[place]
    return (*row[:-1], told(place[1], found) if isinstance(found, Damaged) else found)


class _Gone(Damaged):
    """The message was purged since its mark was read."""


def _texts(db: Database, places: Sequence[Place]) -> dict[Place, str | Damaged]:
    """By place the text, or what is wrong with it."""
    texts: dict[Place, str | Damaged] = {place: _Gone("the message is gone") for place in places}
    for first in range(0, len(places), AT_ONCE):
        some = places[first : first + AT_ONCE]
        statement = sql.PACKED.format(marks=", ".join(["(?, ?)"] * len(some)))
        with db.reading():
            rows = db.rows(statement, [value for place in some for value in place])
        texts |= ((row[:2], _text(row)) for row in rows)
    return texts


def _text(row: Row) -> str | Damaged:
    try:
        return packing.whole(*row[2:])
    except Damaged as error:
        return error


def _raised(seq: int, error: Damaged) -> str:
    if isinstance(error, _Gone):
        raise errors.NotFound("The session was purged meanwhile.")
    raise errors.MessageDamaged(_said(seq, error), seq=seq) from error


def _blank(seq: int, error: Damaged) -> str:
    log.warning("%s", _said(seq, error))
    return ""


def _said(seq: int, error: Damaged) -> str:
    return (
        f"Message {seq} is damaged in the database: {error}. Run `holdfast verify`, and restore"
        " the message from a backup or an export."
    )
