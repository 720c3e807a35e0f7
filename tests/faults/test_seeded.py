"""The checker on real servers that have bugs: each bug is seen, by the rule that is for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.faults import running, seeded
from tests.faults.checking import violations
from tests.faults.nemeses import Step
from tests.faults.system import POSTGRES, System
from tests.servers import chosen_database

DATABASE = chosen_database()
SEEN_BY = {
    "acknowledge_before_commit": "acknowledged_messages_stand_where_they_were_told",
    "skip_the_key": "nothing_is_stored_twice",
    "drop_the_lock": "numbers_have_no_gap",
    "ignore_the_version": "one_writer_wins_a_version",
    "trust_the_cache": "reads_have_all_that_was_acknowledged",
    "let_a_late_token_through": "only_the_holder_writes",
    "believe_a_replica": "reads_have_all_that_was_acknowledged",
}
TOGETHER = (
    ("acknowledge_before_commit", "drop_the_lock"),
    ("skip_the_key", "ignore_the_version", "trust_the_cache"),
    ("let_a_late_token_through",),
    ("believe_a_replica",),
)
"""Bugs of one run: what one of them does is nothing to the rules that are for the others."""
BROUGHT_OUT: dict[str, Any] = {
    # Of those who write under a lease some are late, and none is soon done.
    "let_a_late_token_through": {"writers": 0, "writes": 40},
    "believe_a_replica": {"steps": [Step("lag_standby", 0, 25)]},
}
"""What else a run is for a bug that comes out seldom."""
OF_POSTGRES = ("believe_a_replica",)
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
    assert SEEN_BY.keys() == seeded.BUGS.keys() == {bug for bugs in TOGETHER for bug in bugs}


@pytest.mark.long
@pytest.mark.parametrize("bugs", TOGETHER, ids="+".join)
def test_each_seeded_bug_is_seen(bugs: tuple[str, ...], tmp_path: Path) -> None:
    prepare = unconstrained if "drop_the_lock" in bugs else None
    if DATABASE != POSTGRES and set(bugs) & set(OF_POSTGRES):
        pytest.skip("a file has no standby")
    given = {"writers": 8, "writes": 250, **BROUGHT_OUT.get(bugs[0], {})}
    plan = running.Plan(7, DATABASE, bugs=bugs, prepare=prepare, **given)
    rules = {text.partition(":")[0] for text in violations(running.run(plan, tmp_path))}
    assert {SEEN_BY[bug] for bug in bugs} <= rules
