"""What memory keeps beside a session: it goes with it, a fork begins with a copy of it, and it
travels with an export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from memory_app import (
    account,
    contextfacts,
    contextsummary,
    facts,
    factsearch,
    hotcontexts,
    keeping,
    recall,
    recalling,
    recent,
    removals,
    retelling,
)
from memory_app.core import policy as rules
from memory_app.statements import (
    COPY_EMBEDDED,
    COPY_LEARNT,
    COPY_VECTORS,
    EPISODE,
    IMPORTED,
    REMOVE_OUTSIDE,
    REVISION,
    RUN,
    SUMMARY,
    WHOLE_FACT,
    names,
)
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
JSON = ("points", "totals", "decisions", "audit", "tried", "sources", "data", "metadata", "changes")
IDS = ("id", "superseded_by", "fact")

PURGE = {
    "episodes": "DELETE FROM holdfast_episode WHERE session_id = ?",
    "injections": """
        DELETE FROM holdfast_injection
        WHERE context_id IN (SELECT number FROM holdfast_context WHERE session_id = ?)
    """,
    "contexts": "DELETE FROM holdfast_context WHERE session_id = ?",
    "fact_revisions": "DELETE FROM holdfast_fact_revision WHERE session_id = ?",
    "facts": "DELETE FROM holdfast_fact WHERE session_id = ?",
    "fate_runs": "DELETE FROM holdfast_fate_run WHERE session_id = ?",
    "summaries": "DELETE FROM holdfast_summary WHERE session_id = ?",
    "compressions": "DELETE FROM holdfast_compression WHERE session_id = ?",
    "vector_removals": REMOVE_OUTSIDE,
    "learnt_revisions": """
        DELETE FROM holdfast_fact_revision
        WHERE fact_id IN (SELECT number FROM holdfast_fact WHERE learnt_in_id = ?)
    """,
    "learnt_facts": "DELETE FROM holdfast_fact WHERE learnt_in_id = ?",
    "learnt": "DELETE FROM holdfast_learnt WHERE session_id = ?",
    # This row first: who stores vectors changes it before, and then finds it gone.
    "embedded": "DELETE FROM holdfast_embedded WHERE session_id = ?",
    "vectors": "DELETE FROM holdfast_vector WHERE session_id = ?",
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
FACTS = """
    SELECT number, revision FROM holdfast_fact
    WHERE session_id = ? AND since <= ? ORDER BY number
"""
COPY_FACT = f"""
    INSERT INTO holdfast_fact (id, session_id, project_id, end_user_id, {names(WHOLE_FACT)}, until)
    SELECT ?, ?, project_id, end_user_id, {names(WHOLE_FACT)},
        CASE WHEN until > ? THEN {FOR_EVER} ELSE until END
    FROM holdfast_fact WHERE number = ? RETURNING number
"""
COPY_REVISIONS = f"""
    INSERT INTO holdfast_fact_revision (fact_id, session_id, {names(REVISION)})
    SELECT ?, ?, {names(REVISION)} FROM holdfast_fact_revision WHERE fact_id = ? AND version <= ?
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
    "fact": ("holdfast_fact", ("id", *WHOLE_FACT, "until"), "ORDER BY number"),
    "episode": ("holdfast_episode", EPISODE, "ORDER BY number"),
}
REVISIONS = f"""
    SELECT f.id, {", ".join(f"r.{name}" for name in REVISION)}
    FROM holdfast_fact_revision r JOIN holdfast_fact f ON f.number = r.fact_id
    WHERE r.session_id = ? ORDER BY r.number
"""
ADOPT_REVISION = f"""
    INSERT INTO holdfast_fact_revision (fact_id, session_id, {names(REVISION)})
    SELECT number, session_id, {names("?" * len(REVISION))}
    FROM holdfast_fact WHERE id = ? AND session_id = ?
"""
# What exports of before had not got.
SINCE_ADDED: Mapping[str, Mapping[str, Any]] = {
    "fact": {
        **dict.fromkeys(("key", "subject", "relation", "object"), ""),
        **dict.fromkeys(("valid_us", "invalid_us", "superseded_by", "confirmed_us")),
        "metadata": "{}",
    }
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
OF_A_PROJECT = ("compression", "fact", "episode")
OF_A_USER = ("fact", "episode")
OWNER = "SELECT end_user_id FROM holdfast_session WHERE number = ?"


def copy(db: Database, parent: Snapshot, number: int, at: int) -> None:
    """Everything that held at version `at` of the parent, with its numbers and times. Facts of a
    fork name the messages they came from where these were said: in the parent."""
    db.run(COPY_LEARNT, (False, parent.number, number))
    db.run(COPY_EMBEDDED, (parent.number, number))
    db.run(COPY_VECTORS, (parent.number, number))
    if parent.facts:
        _copy_facts(db, parent, number, at)
    if not parent.fold_version:
        return
    db.run(COPY_SUMMARIES, (number, parent.number, at))
    db.run(COPY_FATE_RUNS, (number, at, parent.number, at))
    for (row,) in db.rows(COMPRESSIONS, (parent.number, at)):
        db.run(COPY_COMPRESSION, (ids.new_id().hex, number, row))


def _copy_facts(db: Database, parent: Snapshot, number: int, at: int) -> None:
    copies: dict[int, int] = {}
    for row, revision in db.rows(FACTS, (parent.number, at)):
        copied = db.row(COPY_FACT, (ids.new_id().hex, number, at, row))
        if revision > 1 and copied is not None:
            copies[row] = copied[0]
            db.run(COPY_REVISIONS, (copied[0], number, row, at))
    facts.copies_as_of(db.alias, copies, parent.number, at)


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
    with db.reading():
        revised = db.rows(REVISIONS, (session.number,))
    for fact, *values in revised:
        yield (
            "fact_revision",
            {"fact": _plain("fact", fact), **dict(zip(REVISION, values, strict=True))},
        )


def _plain(column: str, cell: Any) -> Any:
    if column in IDS and cell is not None:
        return UUID(str(cell)).hex
    return bool(cell) if column == "pinned" else cell


def adopt(db: Database, session: Snapshot, rows: Sequence[Exported]) -> None:
    """Stores the rows of an export for a session that has none; a version of a policy that is here
    already stays what it is. Raises Forged."""
    owner = db.row(OWNER, (session.number,))
    # Who wrote these messages was not seen here.
    db.run(IMPORTED, (session.number, session.messages, False))
    for name, row in rows:
        if name == "policy":
            _adopt_policy(db, session, row)
            continue
        if name == "fact_revision":
            _check(row, ("fact", *REVISION))
            cells = (*map(row.__getitem__, REVISION), row["fact"], session.number)
            db.run(ADOPT_REVISION, cells)
            continue
        if name not in EXPORTED:
            raise Forged(f"there is no table {name!r} beside a session")
        table, columns, _ = EXPORTED[name]
        whole = {**SINCE_ADDED.get(name, {}), **row}
        _check(whole, columns)
        given = {"session_id": session.number, **whole}
        if name in OF_A_PROJECT:
            given["project_id"] = session.project
        if name in OF_A_USER:
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
        for name in IDS:
            if name in row and (row[name] is not None or name != "superseded_by"):
                UUID(row[name])
    except (ValueError, TypeError, AttributeError):
        raise Forged("a row beside the session holds what cannot be read") from None


def leave(db: Database, session: Snapshot) -> Mapping[str, int]:
    """Facts of the session's user that are not of the session stay, without its quotes; vectors
    that are kept outside go after the session."""
    return {
        "quotes": facts.without_quotes(db, session),
        "vectors_outside": removals.announced(db, session.number),
    }


def forget() -> None:
    """Empties this process's memory of summaries, fates, messages and contexts."""
    of_contexts = (contextfacts, contextsummary, hotcontexts, account, recalling, recent, retelling)
    for module in (*of_contexts, factsearch, keeping, recall):
        module.forget()


def ready() -> None:
    """Says so to the store."""
    register(Companion("memory", PURGE, copy, export, adopt, leave, forget))
