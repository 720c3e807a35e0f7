"""Summaries as pages compare them: the one before, and what other tools wrote."""

from __future__ import annotations

from memory_app.compressions import text_of
from memory_app.gathering import read_points
from memory_app.models import Compression, Summary
from sessions_app import auth
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

NEAR = 20
"""Events behind the last message of a foreign compaction among which its summary is."""


def before(number: int, version: int) -> Summary | None:
    """The summary of a session that was in force before this version."""
    rows = Summary.objects.using(auth.alias()).filter(session_id=number, version__lt=version)
    with get_store(auth.alias()).db.reading():
        return rows.order_by("-version").first()


def text(summary: Summary | None) -> str:
    """A summary as it reads; "" without one."""
    return text_of(read_points(summary.points)) if summary else ""


def foreign(session: Snapshot, row: Compression) -> str:
    """What another tool wrote when it compacted the session, kept as an event by the import; ""
    where it is not found."""
    store = get_store(auth.alias())
    for last in store.picked(session.number, (row.last,)):
        for event in store.events(session, after=last.version, limit=NEAR):
            said = event.entry().data.get("summary") if event.kind == "imported_summary" else None
            if isinstance(said, str):
                return said
    return ""
