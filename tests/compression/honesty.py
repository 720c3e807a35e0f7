"""What makes a fate honest, as a check that raises AssertionError with the place."""

from __future__ import annotations

import json
from uuid import UUID

from memory_app import fates
from memory_app.core import audit, passages
from memory_app.core.passages import Passage
from memory_app.gathering import read_points
from memory_app.models import Fact, Summary
from sessions_app.core.entries import FORM_NAMES, StoredMessage
from sessions_app.store.base import Window
from tests.compression.conftest import Desk

SHARE = 0.9


def check(desk: Desk, session: UUID) -> int:
    """At every version that a compression made, nine tenths of what is audited in a message stand
    where its fate says: in the summary of that version, or in facts of that very message. Returns
    how many messages were looked at."""
    now = desk.now(session)
    log = desk.store.messages(now, Window(limit=20_000))
    looked = 0
    for summary in Summary.objects.filter(session_id=now.number).order_by("version"):
        points = [point.text for point in read_points(summary.points)]
        for run in fates.at(desk.store, now, summary.version)[1]:
            for seq in range(run.first, run.last + 1):
                if run.fate == "summarised":
                    check_one(log[seq - 1], points)
                elif run.fate == "extracted":
                    check_one(log[seq - 1], facts(now.number, summary.version, seq))
                looked += run.fate in ("summarised", "extracted")
    return looked


def facts(number: int, version: int, seq: int) -> list[str]:
    rows = Fact.everything.of_session(number, version).filter(seq=seq)
    return [fact.text for fact in rows]


def check_one(row: StoredMessage, carriers: list[str]) -> None:
    found = audit.items(passage(row))
    stands = audit.carried(found, carriers)
    assert sum(stands) >= SHARE * len(found), (row.seq, found, carriers)


def passage(row: StoredMessage) -> Passage:
    return passages.passage(row.seq, row.role, FORM_NAMES[row.form], json.loads(row.body))
