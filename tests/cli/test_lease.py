"""`holdfast lease`: an operator ends the lease of an agent that hangs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import Shell

HELD = """
import sys, holdfast
session = holdfast.open("trip", database=sys.argv[1])
session.lease("planner", ttl=3600).__enter__()
import os; os._exit(0)
"""


@pytest.fixture
def database(shell: Shell) -> Path:
    """With a session whose holder is gone and did not give it back."""
    found = shell.home / "held.sqlite3"
    subprocess.run([sys.executable, "-c", HELD, str(found)], env=shell.environment, check=True)
    return found


def test_a_lease_is_freed_once(shell: Shell, database: Path) -> None:
    free = ("lease", "free", "trip", "--database", database)
    assert shell.run(*free).stdout == "Freed: planner no longer holds trip.\n"
    assert "Nobody holds" in shell.refused(2, *free)


@pytest.mark.long
def test_it_is_told_in_json_too(shell: Shell, database: Path) -> None:
    told = json.loads(shell.run("lease", "free", "trip", "--json", "--database", database).stdout)
    assert told["holder"] == "planner"
    assert told.keys() == {"session", "version", "holder"}


@pytest.mark.long
def test_a_session_that_is_not_there_is_refused(shell: Shell, database: Path) -> None:
    assert "'nope'" in shell.refused(2, "lease", "free", "nope", "--database", database)
