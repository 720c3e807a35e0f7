"""Rows of messages with their whole text, whether it is stored plain or packed.

The statements that read bodies end in `body, octets, packed`; what they are read through here
ends in the text alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from operator import itemgetter

from sessions_app.core import errors, packing
from sessions_app.store.database import Row

log = logging.getLogger("holdfast.store")

LAST = 3


_PLAIN = itemgetter(slice(0, -2))
_OCTETS, _PACKED = itemgetter(-2), itemgetter(-1)


def whole_rows(rows: Sequence[Row]) -> Iterable[Row]:
    """`whole` of many rows; where none is packed, without a call for each."""
    if any(map(_OCTETS, rows)) or any(map(_PACKED, rows)):
        return map(whole, rows)
    return map(_PLAIN, rows)


def whole(row: Row) -> Row:
    """A row whose first column is the seq. Raises MessageDamaged."""
    return row[:-2] if row[-2] is None is row[-1] else (*row[:-LAST], _text(row, 0))


def whole_of_session(row: Row) -> Row:
    """A row that begins with the session's number and the seq. Raises MessageDamaged."""
    return row[:-2] if row[-2] is None is row[-1] else (*row[:-LAST], _text(row, 1))


def whole_or_nothing(row: Row) -> Row:
    """As `whole`, but a damaged body is empty: for the index, which goes on with the others."""
    try:
        return whole(row)
    except errors.MessageDamaged as error:
        log.warning("%s", error)
        return (*row[:-LAST], "")


def inspected(row: Row) -> Row:
    """For `verify`: before the text what is wrong with it, which then is empty."""
    try:
        return (*row[:-LAST], "", packing.whole(*row[-LAST:]))
    except packing.Damaged as error:
        return (*row[:-LAST], str(error), "")


def _text(row: Row, place: int) -> str:
    try:
        return packing.whole(*row[-LAST:])
    except packing.Damaged as error:
        seq = int(row[place])
        raise errors.MessageDamaged(
            f"Message {seq} is damaged in the database: {error}. Run `holdfast verify`, and"
            " restore the message from a backup or an export.",
            seq=seq,
        ) from error
