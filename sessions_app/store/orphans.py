"""Tool results without their call: no context shows them, so the answer to their append says so.

Only an append that holds a tool result looks, once, at the newest step of the log. Of a step larger
than that look nothing is said: contexts say it in any case.

On PostgreSQL an append looks before it is made, without a lock: what it saw is true of one version,
and only at that version the append is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sessions_app.core import errors
from sessions_app.core.appending import Prepared
from sessions_app.core.open_calls import OpenCalls
from sessions_app.core.replay import in_ranges
from sessions_app.store import statements as sql
from sessions_app.store.base import Guard
from sessions_app.store.database import Row
from sessions_app.store.packed import whole
from sessions_app.store.reading import Reader

MOST_MESSAGES, MOST_OCTETS = 200, 256 * 1024
"""How much of the log is looked at."""
TIED = ("assistant", "tool")

Ranges = Sequence[tuple[int, int]]


def orphans(
    store: Reader, number: int, end: int, retracted: Ranges, batch: Sequence[Prepared]
) -> list[int]:
    """The seqs of the tool results without their call in a batch that follows message `end`."""
    rows: list[Row] | None = []
    if batch[0].role in TIED:
        low = max(0, end - MOST_MESSAGES)
        params = (number, end, number, low, number, low, low)
        rows = store.db.rows_within(MOST_OCTETS, sql.NEWEST_STEP, (*params, MOST_MESSAGES))
        rows = _looked_at(store, number, rows, end)
    return [] if rows is None else _judged(rows, end, retracted, batch)


def guarded(
    store: Reader, project: int, session: UUID, batch: Sequence[Prepared], guard: Guard
) -> Guard | None:
    """The guard under which each tool result of a batch has its call; None where one has none, or
    where that takes more than a look. For PostgreSQL."""
    if not _judged([], 0, (), batch):  # what went before only adds to the calls that are open
        return guard
    if batch[0].role not in TIED:
        return None
    most = MOST_MESSAGES
    with store.db.reading():
        params = (most, most, most, most, MOST_OCTETS, session.hex, project)
        found = store.db.rows(sql.STANDING_AND_STEP, params)
        if not found:
            return None
        number, version, end, overlay = found[0][:4]
        if guard.expected not in (None, version):
            return None
        rows = [row[4:] for row in found if row[4] is not None]
        looked = _looked_at(store, number, rows, end)
    if looked is None:
        return None
    retracted = store.overlaid(number, overlay).retracted
    if _judged(looked, end, retracted, batch):
        return None
    return replace(guard, expected=version)


def _judged(
    rows: Sequence[Row], end: int, retracted: Ranges, batch: Sequence[Prepared]
) -> list[int]:
    """The seqs of the orphans in a batch that follows these rows, up to message `end`."""
    calls = OpenCalls()
    for seq, role, form, body in rows:
        if body and not in_ranges(seq, retracted):
            calls.takes(role, form, body)
    return [
        seq
        for seq, item in enumerate(batch, end + 1)
        if not calls.takes(item.role, item.form, item.body)
    ]


def _looked_at(store: Reader, number: int, rows: list[Row], end: int) -> list[Row] | None:
    """(seq, role, form, body) of the log from its newest step on, with whole bodies; None where
    that is too large or damaged, which is no reason to refuse an append."""
    low = max(0, end - MOST_MESSAGES)
    if rows and (rows[-1][0] != end or (low and rows[0][0] <= low + 1)):
        return None
    try:
        return whole(store.db, number, rows)
    except errors.MessageDamaged:
        return None
