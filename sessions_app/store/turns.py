"""The turns of a session as a list of contents: where they begin, and what was done in them."""

from __future__ import annotations

from typing import NamedTuple

from sessions_app.core.packing import ACT, HEAD, WORDS, beginning
from sessions_app.store import statements as sql
from sessions_app.store.base import Snapshot
from sessions_app.store.database import Database


class Beginning(NamedTuple):
    """The user message that begins a turn; `body` is the beginning of its JSON."""

    seq: int
    turn: int
    body: str


class Act(NamedTuple):
    """An assistant's message; `body` is its JSON, cut off after ACT characters."""

    seq: int
    turn_start: int
    form: int
    body: str


def beginnings(alias: str, session: Snapshot, first: int, last: int) -> tuple[list[Beginning], int]:
    """The beginnings of turns first..last in their order, found without a look at other messages,
    and the seq that follows the last of them."""
    db, end = Database(alias), session.messages + 1
    with db.reading():
        found = db.row(sql.TURN_BEGINS, (end, last + 1, last + 1, session.number))
        after = int(found[0]) if found else end
        params = (after - 1, session.number, last - first + 1, WORDS + HEAD, session.number)
        rows = db.rows(sql.TURNS_BACK, (session.number, *params))
    said = [Beginning(seq, turn, beginning(body, WORDS)) for seq, turn, body in rows]
    return [item for item in said if item.turn >= first], after


def acts(alias: str, session: Snapshot, first: int, last: int) -> list[Act]:
    """What assistants said in messages first..last."""
    db = Database(alias)
    with db.reading():
        rows = db.rows(sql.ACTS, (ACT + HEAD, session.number, first, last))
    return [Act(seq, start, form, beginning(body, ACT)) for seq, start, form, body in rows]
