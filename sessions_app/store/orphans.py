"""Tool results without their call: no context shows them, so the answer to their append says so.

Only an append that holds a tool result looks, once, at the newest step of the log. Of a step larger
than that look nothing is said: contexts say it in any case.
"""

from __future__ import annotations

from collections.abc import Sequence

from sessions_app.core import errors
from sessions_app.core.appending import Prepared
from sessions_app.core.open_calls import OpenCalls
from sessions_app.core.replay import in_ranges
from sessions_app.store import statements as sql
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
    calls = OpenCalls()
    if batch[0].role in TIED:
        rows = _newest_step(store, number, end)
        if rows is None:
            return []
        for seq, role, form, body in rows:
            if body and not in_ranges(seq, retracted):
                calls.takes(role, form, body)
    return [
        seq
        for seq, item in enumerate(batch, end + 1)
        if not calls.takes(item.role, item.form, item.body)
    ]


def _newest_step(store: Reader, number: int, end: int) -> list[Row] | None:
    """(seq, role, form, body) of the log from its newest step on; None where that is too large
    or damaged, which is no reason to refuse an append."""
    low = max(0, end - MOST_MESSAGES)
    params = (number, end, number, low, number, low, low)
    rows = store.db.rows_within(MOST_OCTETS, sql.NEWEST_STEP, (*params, MOST_MESSAGES))
    if rows and (rows[-1][0] != end or (low and rows[0][0] <= low + 1)):
        return None
    try:
        return whole(store.db, number, rows)
    except errors.MessageDamaged:
        return None
