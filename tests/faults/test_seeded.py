"""The checker on real servers that have a bug: each bug is seen, by the rule that is for it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.faults import running, seeded
from tests.faults.checking import violations
from tests.faults.system import System

DATABASE = os.environ.get("HOLDFAST_TEST_DATABASE") or "sqlite"
SEEN_BY = {
    "acknowledge_before_commit": "acknowledged_messages_stand_where_they_were_told",
    "skip_the_key": "nothing_is_stored_twice",
    "drop_the_lock": "numbers_have_no_gap",
    "ignore_the_version": "one_writer_wins_a_version",
    "trust_the_cache": "reads_have_all_that_was_acknowledged",
}
BARE = """
    BEGIN IMMEDIATE;
    CREATE TABLE bare AS SELECT * FROM holdfast_message;
    DROP TABLE holdfast_message;
    ALTER TABLE bare RENAME TO holdfast_message;
    COMMIT;
"""


def unconstrained(system: System) -> None:
    """Takes the primary key of messages away: what the lock lets through is not stopped by it."""
    if system.postgres is None:
        with closing(sqlite3.connect(system.database)) as connection:
            connection.executescript(BARE)
        return
    with psycopg.connect(system.postgres.url) as connection:
        connection.execute("ALTER TABLE holdfast_message DROP CONSTRAINT holdfast_message_pkey")


def test_every_bug_has_a_rule_that_is_for_it() -> None:
    assert SEEN_BY.keys() == seeded.BUGS.keys()


@pytest.mark.long
@pytest.mark.parametrize("bug", SEEN_BY)
def test_a_seeded_bug_is_seen(bug: str, tmp_path: Path) -> None:
    prepare = unconstrained if bug == "drop_the_lock" else None
    plan = running.Plan(7, DATABASE, writes=250, bug=bug, prepare=prepare)
    rules = {text.partition(":")[0] for text in violations(running.run(plan, tmp_path))}
    assert SEEN_BY[bug] in rules, rules
