"""Tool results without their call: no context shows them, so the answer to their append says so.

Only an append that holds a tool result looks, once, at the newest step of the log. Of a step larger
than that look nothing is said: contexts say it in any case.

On PostgreSQL an append looks before it is made, without a lock: what it saw is true of one version,
and only at that version the append is made. Nor need it look where this process stored the calls
itself: it remembers the ids of those that are open, and the version of which that is true.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple
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
CALLING = ("_call", "tool_")
"""What the text of a message that makes a call has, and that of few others."""

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
    return [] if rows is None else _judged(_calls(rows, retracted), end, batch)


class _Known(NamedTuple):
    """Calls that are open at a version of a session; there may be others."""

    version: int
    calls: OpenCalls


MOST_KNOWN = 1_000
"""Sessions whose open calls a process remembers: ids alone, no text."""
_known: dict[tuple[str, UUID], _Known] = {}


def guarded(
    store: Reader, project: int, session: UUID, batch: Sequence[Prepared], guard: Guard
) -> Guard | None:
    """The guard under which each tool result of a batch has its call; None where one has none, or
    where that takes more than a look. For PostgreSQL."""
    first = batch[0].role
    # What went before only adds to the calls that are open.
    if first != "tool" and not _judged(OpenCalls(), 0, batch):
        return guard
    if first not in TIED:
        return None
    name = (store.db.alias, session)
    known = _known.get(name)
    if known is None or _judged(known.calls.copy(), 0, batch):
        known = _seen(store, project, session)
        if known is None or _judged(known.calls.copy(), 0, batch):
            return None
        _remember(name, known)
    return replace(guard, expected=known.version) if _allows(guard, known.version) else None


def learn(store: Reader, session: UUID, batch: Sequence[Prepared], version: int | None) -> None:
    """Remembers which calls are open once a batch is stored, up to this version and with nothing
    else; None says that it was not, so that what was known of the session is of no use."""
    name = (store.db.alias, session)
    known = _known.pop(name, None)
    if version is None:
        return
    if known is None or known.version != version - len(batch):
        if not any(word in item.body for item in batch for word in CALLING):
            return
        known = None
    calls = OpenCalls() if known is None else known.calls.copy()
    try:
        _judged(calls, 0, batch)
    except Exception:  # noqa: BLE001 - the batch is stored, whatever stands in it
        return
    if calls:
        _remember(name, _Known(version, calls))


def _remember(name: tuple[str, UUID], known: _Known) -> None:
    _known[name] = known
    while len(_known) > MOST_KNOWN:
        with suppress(StopIteration, RuntimeError):  # another thread makes room as well
            _known.pop(next(iter(_known)), None)


def _allows(guard: Guard, version: int) -> bool:
    return guard.expected in (None, version)


def _seen(store: Reader, project: int, session: UUID) -> _Known | None:
    """The open calls by a look at the log; None where it would be too large, or finds nothing."""
    most = MOST_MESSAGES
    with store.db.reading():
        params = (most, most, most, most, MOST_OCTETS, session.hex, project)
        found = store.db.rows(sql.STANDING_AND_STEP, params)
        if not found:
            return None
        number, version, end, overlay = found[0][:4]
        rows = [row[4:] for row in found if row[4] is not None]
        looked = _looked_at(store, number, rows, end)
    if looked is None:
        return None
    return _Known(version, _calls(looked, store.overlaid(number, overlay).retracted))


def _calls(rows: Sequence[Row], retracted: Ranges) -> OpenCalls:
    """What is open behind these rows."""
    calls = OpenCalls()
    for seq, role, form, body in rows:
        if body and not in_ranges(seq, retracted):
            calls.takes(role, form, body)
    return calls


def _judged(calls: OpenCalls, end: int, batch: Sequence[Prepared]) -> list[int]:
    """The seqs of the orphans in a batch that follows message `end`, where these were open."""
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
