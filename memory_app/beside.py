"""What memory keeps beside a session: it goes with it, a fork begins with a copy of it, and it
travels with an export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from memory_app import account, front, recalling
from memory_app.core import policy as rules
from memory_app.statements import FACT, RUN, SUMMARY, names
from sessions_app import ids
from sessions_app.core.errors import InvalidRequest
from sessions_app.core.logbook import Forged
from sessions_app.store.base import Snapshot
from sessions_app.store.beside import Companion, Exported, register
from sessions_app.store.database import Database

FOR_EVER = 2**62
COMPRESSION = (
    "version", "ordinal", "trigger", "policy_name", "policy_version", "first", "last", "engine",
    "instructions", "tokens_before", "tokens_after", "decisions", "audit", "facts", "queued_us",
    "started_us", "finished_us", "attempts", "tried", "outcome", "error",
)  # fmt: skip
JSON = ("points", "totals", "decisions", "audit", "tried", "sources", "data")

PURGE = {
    "injections": """
        DELETE FROM holdfast_injection
        WHERE context_id IN (SELECT number FROM holdfast_context WHERE session_id = ?)
    """,
    "contexts": "DELETE FROM holdfast_context WHERE session_id = ?",
    "facts": "DELETE FROM holdfast_fact WHERE session_id = ?",
    "fate_runs": "DELETE FROM holdfast_fate_run WHERE session_id = ?",
    "summaries": "DELETE FROM holdfast_summary WHERE session_id = ?",
    "compressions": "DELETE FROM holdfast_compression WHERE session_id = ?",
}


COPY_SUMMARIES = f"""
    INSERT INTO holdfast_summary (session_id, {names(SUMMARY)})
    SELECT ?, {names(SUMMARY)} FROM holdfast_summary WHERE session_id = ? AND version <= ?
"""
COPY_FATE_RUNS = f"""
    INSERT INTO holdfast_fate_run (session_id, {names(RUN)}, until)
    SELECT ?, {names(RUN)}, CASE WHEN until > ? THEN {FOR_EVER} ELSE until END
    FROM holdfast_fate_run WHERE session_id = ? AND since <= ?
"""
COMPRESSIONS = """
    SELECT number FROM holdfast_compression
    WHERE session_id = ? AND version <= ? ORDER BY number
"""
COPY_COMPRESSION = f"""
    INSERT INTO holdfast_compression (id, session_id, project_id, {names(COMPRESSION)})
    SELECT ?, ?, project_id, {names(COMPRESSION)} FROM holdfast_compression WHERE number = ?
"""
FACTS = "SELECT number FROM holdfast_fact WHERE session_id = ? AND since <= ? ORDER BY number"
COPY_FACT = f"""
    INSERT INTO holdfast_fact (id, session_id, project_id, end_user_id, {names(FACT)}, until)
    SELECT ?, ?, project_id, end_user_id, {names(FACT)},
        CASE WHEN until > ? THEN {FOR_EVER} ELSE until END
    FROM holdfast_fact WHERE number = ?
"""

# An unfinished compression is work to be done here, and does not travel.
EXPORTED: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "compression": (
        "holdfast_compression",
        ("id", *COMPRESSION),
        "AND outcome NOT IN ('queued', 'running') ORDER BY number",
    ),
    "summary": ("holdfast_summary", SUMMARY, "ORDER BY version"),
    "fate_run": ("holdfast_fate_run", (*RUN, "until"), "ORDER BY id"),
    "fact": ("holdfast_fact", ("id", *FACT, "until"), "ORDER BY number"),
}
POLICY = ("name", "version", "window_tokens", "capacity", "due_tokens", "notice_tokens",
          "resume_us", "data")  # fmt: skip
POLICIES = f"""
    SELECT {names(POLICY)} FROM holdfast_policy WHERE project_id = ? AND name = ? AND version = ?
"""
ADOPT_POLICY = f"""
    INSERT INTO holdfast_policy (project_id, created_us, {names(POLICY)})
    VALUES (?, ?, {names("?" * len(POLICY))}) ON CONFLICT DO NOTHING
"""
OF_A_PROJECT = ("compression", "fact")
OWNER = "SELECT end_user_id FROM holdfast_session WHERE number = ?"


def copy(db: Database, parent: Snapshot, number: int, at: int) -> None:
    """Everything that held at version `at` of the parent, with its numbers and times. Facts of a
    fork name the messages they came from where these were said: in the parent."""
    if not parent.fold_version:
        return
    db.run(COPY_SUMMARIES, (number, parent.number, at))
    db.run(COPY_FATE_RUNS, (number, at, parent.number, at))
    for (row,) in db.rows(COMPRESSIONS, (parent.number, at)):
        db.run(COPY_COMPRESSION, (ids.new_id().hex, number, row))
    for (row,) in db.rows(FACTS, (parent.number, at)):
        db.run(COPY_FACT, (ids.new_id().hex, number, at, row))


def export(db: Database, session: Snapshot) -> Iterator[Exported]:
    """Every row of a session, and the version of the policy it is under."""
    policy = (session.project, session.policy_name, session.policy_version)
    with db.reading():
        found = db.row(POLICIES, policy)
    if found is not None:
        yield "policy", dict(zip(POLICY, found, strict=True))
    for name, (table, columns, rest) in EXPORTED.items():
        statement = f"SELECT {names(columns)} FROM {table} WHERE session_id = ? {rest}"
        with db.reading():
            rows = db.rows(statement, (session.number,))
        for row in rows:
            cells = zip(columns, row, strict=True)
            yield name, {column: _plain(column, cell) for column, cell in cells}


def _plain(column: str, cell: Any) -> Any:
    if column == "id":
        return UUID(str(cell)).hex
    return bool(cell) if column == "pinned" else cell


def adopt(db: Database, session: Snapshot, rows: Sequence[Exported]) -> None:
    """Stores the rows of an export for a session that has none; a version of a policy that is here
    already stays what it is. Raises Forged."""
    owner = db.row(OWNER, (session.number,))
    for name, row in rows:
        if name == "policy":
            _adopt_policy(db, session, row)
            continue
        if name not in EXPORTED:
            raise Forged(f"there is no table {name!r} beside a session")
        table, columns, _ = EXPORTED[name]
        _check(row, columns)
        given = {"session_id": session.number, **row}
        if name in OF_A_PROJECT:
            given["project_id"] = session.project
        if name == "fact":
            given["end_user_id"] = owner[0] if owner else None
        marks = names("?" * len(given))
        statement = f"INSERT INTO {table} ({names(list(given))}) VALUES ({marks})"
        db.run(statement, list(given.values()))


def _adopt_policy(db: Database, session: Snapshot, row: Mapping[str, Any]) -> None:
    _check(row, POLICY)
    try:
        rules.read(orjson.loads(row["data"]))
    except InvalidRequest as error:
        raise Forged(f"its policy is none: {error}") from None
    since = (session.project, session.created_us)
    db.run(ADOPT_POLICY, (*since, *(row[name] for name in POLICY)))


def _check(row: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Raises Forged unless the row has these columns, and JSON where JSON is read."""
    if row.keys() != set(columns):
        raise Forged("a row beside the session has other columns than it should")
    try:
        for name in JSON:
            if name in row:
                orjson.loads(row[name])
        UUID(row.get("id", "0" * 32))
    except (ValueError, TypeError, AttributeError):
        raise Forged("a row beside the session holds what cannot be read") from None


def forget() -> None:
    """Empties this process's memory of summaries, fates and messages."""
    for module in (account, front, recalling):
        module.forget()


def ready() -> None:
    """Says so to the store."""
    register(Companion("memory", PURGE, copy, export, adopt, forget))
