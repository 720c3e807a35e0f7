"""What memory keeps beside a session: it goes with it, and a fork begins with a copy of it."""

from __future__ import annotations

from memory_app import account, front, recalling
from sessions_app import ids
from sessions_app.store.base import Snapshot
from sessions_app.store.beside import Companion, register
from sessions_app.store.database import Database

PURGE = {
    "facts": "DELETE FROM holdfast_fact WHERE session_id = ?",
    "fate_runs": "DELETE FROM holdfast_fate_run WHERE session_id = ?",
    "summaries": "DELETE FROM holdfast_summary WHERE session_id = ?",
    "compressions": "DELETE FROM holdfast_compression WHERE session_id = ?",
}

_SUMMARY = "version, first, last, style, points, tokens, ordinal, totals"
COPY_SUMMARIES = f"""
    INSERT INTO holdfast_summary (session_id, {_SUMMARY})
    SELECT ?, {_SUMMARY} FROM holdfast_summary WHERE session_id = ? AND version <= ?
"""
_RUN = "first, last, fate, tokens, rule, score, ordinal, decided, since"
COPY_FATE_RUNS = f"""
    INSERT INTO holdfast_fate_run (session_id, {_RUN}, until)
    SELECT ?, {_RUN}, CASE WHEN until > ? THEN {2**62} ELSE until END
    FROM holdfast_fate_run WHERE session_id = ? AND since <= ?
"""
_COMPRESSION = (
    "project_id, version, ordinal, trigger, policy_name, policy_version, first, last, engine, "
    "instructions, tokens_before, tokens_after, decisions, audit, facts, queued_us, started_us, "
    "finished_us, attempts, tried, outcome, error"
)
COMPRESSIONS = """
    SELECT number FROM holdfast_compression
    WHERE session_id = ? AND version <= ? ORDER BY number
"""
COPY_COMPRESSION = f"""
    INSERT INTO holdfast_compression (id, session_id, {_COMPRESSION})
    SELECT ?, ?, {_COMPRESSION} FROM holdfast_compression WHERE number = ?
"""
_FACT = (
    "project_id, end_user_id, text, category, status, pinned, score, confidence, trust, sources, "
    "seq, tokens, words, since, revision, created_us"
)
FACTS = "SELECT number FROM holdfast_fact WHERE session_id = ? AND since <= ? ORDER BY number"
COPY_FACT = f"""
    INSERT INTO holdfast_fact (id, session_id, {_FACT}, until)
    SELECT ?, ?, {_FACT}, CASE WHEN until > ? THEN {2**62} ELSE until END
    FROM holdfast_fact WHERE number = ?
"""


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


def forget() -> None:
    """Empties this process's memory of summaries, fates and messages."""
    for module in (account, front, recalling):
        module.forget()


def ready() -> None:
    """Says so to the store."""
    register(Companion("memory", PURGE, copy, forget))
