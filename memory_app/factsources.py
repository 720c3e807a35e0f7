"""The messages that a fact comes from, and what became of them since.

A quote is kept with the fact, so it is told even where its message is not there any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from memory_app import statements as sql
from sessions_app.core.replay import in_ranges
from sessions_app.models import Session
from sessions_app.store.reading import Reader

RETRACTED, ERASED, DELETED, GONE = "retracted", "erased", "session deleted", "gone"


class Quoted(NamedTuple):
    """A source of a fact: the message by its session and seq, the words, who said them ("" where
    nobody knows any more), and in `state` what became of it, "" for nothing. `session` is the
    number of the session's row, None where it is gone."""

    id: UUID
    seq: int
    quote: str
    role: str
    state: str
    session: int | None = None

    @property
    def there(self) -> bool:
        """Whether its message can be opened."""
        return self.state in ("", RETRACTED, ERASED)


def told(store: Reader, project: int, sources: str) -> list[Quoted]:
    """The sources of a fact, in their order: at most three queries, however many they are."""
    given: list[dict[str, Any]] = orjson.loads(sources)
    sessions = _sessions(store, project, {UUID(source["session"]) for source in given})
    places = [
        (sessions[UUID(source["session"])].number, source["seq"])
        for source in given
        if UUID(source["session"]) in sessions
    ]
    said, retracted = _said(store, places), _retracted(store, list(sessions.values()))
    return [_quoted(source, sessions, said, retracted) for source in given]


def _quoted(
    source: dict[str, Any],
    sessions: dict[UUID, Session],
    said: dict[tuple[int, int], tuple[str, bool]],
    retracted: dict[int, list[tuple[int, int]]],
) -> Quoted:
    session = sessions.get(UUID(source["session"]))
    at = (session.number if session else 0, source["seq"])
    role, blank = said.get(at, ("", False))
    if session is None or not role:
        state = GONE
    elif session.status == Session.DELETED:
        state = DELETED
    elif blank:
        state = ERASED
    else:
        state = RETRACTED if in_ranges(at[1], retracted.get(at[0], ())) else ""
    number = session.number if session else None
    return Quoted(UUID(source["session"]), at[1], source["quote"], role, state, number)


def _sessions(store: Reader, project: int, ids: set[UUID]) -> dict[UUID, Session]:
    if not ids:
        return {}
    rows = Session.everything.using(store.db.alias).filter(project_id=project, id__in=ids)
    with store.db.reading():
        return {row.id: row for row in rows.only("number", "id", "status", "overlay_version")}


def _said(
    store: Reader, places: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[str, bool]]:
    """By place the role of a message, and whether its words were erased."""
    if not places:
        return {}
    statement = sql.STANDS_AT.format(marks=", ".join(["(?, ?)"] * len(places)))
    with store.db.reading():
        rows = store.db.rows(statement, [value for place in places for value in place])
    return {(session, seq): (role, bool(blank)) for session, seq, role, blank in rows}


def _retracted(store: Reader, sessions: Sequence[Session]) -> dict[int, list[tuple[int, int]]]:
    """The ranges that are retracted, by session; those where nothing is are not asked."""
    numbers = [session.number for session in sessions if session.overlay_version]
    found: dict[int, list[tuple[int, int]]] = {}
    if numbers:
        statement = sql.RETRACTED_IN.format(marks=", ".join("?" * len(numbers)))
        with store.db.reading():
            rows = store.db.rows(statement, numbers)
        for number, data in rows:
            event = orjson.loads(data)
            found.setdefault(number, []).append((event["from"], event["to"]))
    return found
