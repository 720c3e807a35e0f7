"""Threads that start together, and another process that holds what they want."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import Any, Self

from django.db import connection, connections

from sessions_app.core.errors import HoldfastError


def race(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work(0..count-1)` answered in as many threads, started at one moment; errors of the
    contract are answers too, anything else is raised."""
    start = Barrier(count)

    def run(number: int) -> Any:
        try:
            wait_long_for_locks()
            start.wait(60)
            return work(number)
        except HoldfastError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def wait_long_for_locks() -> None:
    """SQLite gives its lock to whoever asks at the right moment, so that on a busy machine one of
    many writers may not get it within the product's ten seconds."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 120000")


def failures(answers: list[Any]) -> list[HoldfastError]:
    return [answer for answer in answers if isinstance(answer, HoldfastError)]


SQLITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
take, give = "BEGIN IMMEDIATE", "ROLLBACK"
"""
POSTGRES = """
import psycopg, sys
connection = psycopg.connect(sys.argv[1], autocommit=True)
tables = "holdfast_session, holdfast_request_key"
take, give = f"BEGIN; LOCK TABLE {tables} IN EXCLUSIVE MODE", "ROLLBACK"
"""
LOOP = """
for line in sys.stdin:
    connection.execute(take if line.strip() == "take" else give)
    print("done", flush=True)
"""


@dataclass
class Blocker:
    """Another process with a connection of its own; each verb returns when it has happened."""

    process: subprocess.Popen[str]

    @classmethod
    @contextmanager
    def beside(cls, connection: Any) -> Iterator[Self]:
        """A process at the database of a Django connection."""
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            program, address = SQLITE, str(connection.settings_dict["NAME"])
        else:
            info = connection.connection.info
            program = POSTGRES
            address = f"host={info.host} port={info.port} user={info.user} dbname={info.dbname}"
        with subprocess.Popen(
            [sys.executable, "-c", program + LOOP, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield cls(process)
            finally:
                process.kill()

    def take(self) -> None:
        """Holds the write lock; reads go on."""
        self._say("take")

    def give(self) -> None:
        """Lets go of it."""
        self._say("give")

    def _say(self, word: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"
