"""`holdfast consolidate`: says what it would do, does it once, and has nothing left to do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.running import Shell

FILL = """
import sys, holdfast
session = holdfast.open("k", user="alice", database=sys.argv[1])
session.append(role="user", content="I sit by the aisle.")
memory = holdfast.memory("alice", database=sys.argv[1])
for text, quote in (("Sits by the aisle.", "I sit"), ("sits by the AISLE", "aisle")):
    memory.store_fact(text, sources=[{"session": session.id, "seq": 1, "quote": quote}])
"""


@pytest.mark.long
def test_what_would_be_done_is_done_once(shell: Shell) -> None:
    database = shell.home / "facts.sqlite3"
    subprocess.run([sys.executable, "-c", FILL, str(database)], env=shell.environment, check=True)
    line, count = dry = shell.run(
        "consolidate", "--dry-run", "--database", database
    ).stdout.splitlines()
    assert line.startswith("merge ")
    assert line.endswith(" of alice: duplicate: sits by the AISLE")
    assert count == "1 fact would change."
    assert shell.run("consolidate", "--dry-run", "--database", database).stdout.splitlines() == dry
    result = shell.run("consolidate", "--database", database)
    assert (result.returncode, result.stdout) == (0, "1 fact changed.\n")
    again = shell.run("consolidate", "--database", database)
    assert again.stdout == "0 facts changed.\n"
    result = shell.run("consolidate", "--dry-run", "--database", database)
    assert result.stdout == "0 facts would change.\n"


def test_a_database_that_is_not_there_is_not_made(shell: Shell) -> None:
    database = shell.home / "none.sqlite3"
    shell.refused(2, "consolidate", "--database", database)
    assert not database.exists()
