"""What the tests of replicas ask, and how they wait for a standby."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import psycopg

from sessions_app.core.beats import ARRIVING
from sessions_app.core.entries import StoredMessage
from sessions_app.core.errors import StoreUnavailable
from sessions_app.store import replica_statements as sql
from sessions_app.store.database import Database
from sessions_app.store.durable import DurableStore
from sessions_app.store.replicas import Replicas
from tests.hot.asking import Clock, context, tail
from tests.servers import Server

SECONDS = 60.0


@dataclass
class Following:
    """A store with replicas, whose clock goes when it is told to."""

    store: DurableStore
    replicas: Replicas
    clock: Clock

    def beaten(self, max_stale: int = 10) -> None:
        """A beat is made, and the standbys that follow have it: from now on they are asked."""
        self.beaten_alone(max_stale)
        for replica in self.replicas.all:
            arrived(self, replica.alias)

    def beaten_alone(self, max_stale: int = 10) -> None:
        """A beat is made, and had time to arrive where it can."""
        self.clock.now += max_stale + 1
        assert self.replicas.choose(max_stale) is None
        self.clock.now += ARRIVING + 0.01

    def tail(self, project: int, session: UUID, max_stale: int = 10, **ask: Any) -> Any:
        return tail(self.store, project, session, max_stale=max_stale, **ask)

    def context(self, project: int, session: UUID, max_stale: int = 10, **ask: Any) -> Any:
        return context(self.store, project, session, max_stale=max_stale, **ask)

    def counted(self, name: str) -> int:
        return sum(each.part.counts().get(name, 0) for each in self.replicas.all)


def arrived(found: Following, alias: str) -> None:
    """Waits until the standby has the newest beat, and so all that was committed before it."""
    token = found.replicas.beats.known[-1].token
    until(partial(_has, alias, token))


def _has(alias: str, token: str) -> bool:
    db = Database(alias)
    try:
        with db.reading():
            return bool(db.rows("SELECT 1 FROM holdfast_beat WHERE token = ?", (token,)))
    except StoreUnavailable:  # not back yet
        return False


def until(holds: Any) -> None:
    """Returns when it holds; another server is asked, so nothing here could ring."""
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"{holds} never held"
        time.sleep(0.01)


def told(server: Server, statement: str) -> Any:
    """What a server answers to an operator."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
    return row[0] if row else None


def ordered(server: Server, *settings: str) -> None:
    """Has a server follow other settings from now on."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        for setting in settings:
            connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def paused(server: Server) -> Iterator[None]:
    """A standby stands still: it tells what it has, and takes nothing more of its primary."""
    told(server, "SELECT pg_wal_replay_pause()::text")
    until(lambda: told(server, "SELECT pg_get_wal_replay_pause_state()") == "paused")
    try:
        yield
    finally:
        told(server, "SELECT pg_wal_replay_resume()::text")


__all__ = ["Following", "StoredMessage", "arrived", "ordered", "paused", "sql", "told", "until"]
