"""What a server does beside requests, and what that must not cost them."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest
from django.db import connection

from holdfast import upkeep
from holdfast.projects import ensure_project
from sessions_app.store import get_store
from sessions_app.store.base import NewSession


def test_the_collector_passes_over_what_was_there_at_the_start() -> None:
    try:
        upkeep.spare_collections()
        assert gc.get_freeze_count() > len(gc.get_objects())
    finally:
        gc.unfreeze()


@pytest.mark.django_db(transaction=True)
def test_what_was_written_is_moved_out_of_the_log_of_sqlite() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has a process for that")
    running = upkeep.Upkeep("default")
    running.index()  # the tables themselves may be in the log alone
    made = get_store().open(ensure_project().pk, NewSession(key="moved")).session
    assert made.id.hex not in in_the_file()
    running.index()
    assert made.id.hex in in_the_file()


ALONE = """
import sqlite3, sys
for (id,) in sqlite3.connect(sys.argv[1], uri=True).execute("SELECT id FROM holdfast_session"):
    print(id)
"""


def in_the_file() -> list[str]:
    """The ids of sessions for somebody who does not look into the log. Another process, because to
    close the file in this one would end the locks of its connections."""
    name = f"file:{connection.settings_dict['NAME']}?immutable=1"
    command = [sys.executable, "-c", ALONE, name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
