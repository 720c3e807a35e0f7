"""Where it is measured: a temporary folder, fresh databases of both kinds, Django started once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.report import Skipped

ROOT = Path(__file__).resolve().parent.parent
SQLITE, POSTGRES = "sqlite", "postgres"
# What the product reads: a run must neither touch nor obey what its caller has set up.
PRODUCT_VARIABLES = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "DEBUG")
PREFILL = 500
ROOM = "max_connections=300"
# An append to a SQLite file whose log is still growing waits longer for the disk than one to a
# file whose log has reached its full size and is written over: so many appends fill it.
APPENDS_BEFORE = {SQLITE: 1_500, POSTGRES: 20}


@dataclass(frozen=True)
class Place:
    """One fresh database with Holdfast's tables; `address` is what `holdfast.open` takes."""

    database: str
    address: str
    alias: str
    store: Any
    project: int
    stack: ExitStack  # what is closed before the servers are stopped

    def session(self, key: str, messages: int = 0, *, policy: str | None = None) -> UUID:
        """A session with so many messages."""
        import holdfast

        found = UUID(holdfast.open(key, database=self.address, policy=policy).id)
        self.fill(found, messages)
        return found

    def fill(self, session: UUID, messages: int) -> None:
        """Append so many messages, quickly."""
        from bench.payload import prepared

        for begin in range(0, messages, PREFILL):
            size = min(PREFILL, messages - begin)
            self.store.append(self.project, session, prepared(size, begin))
        if messages and self.database == POSTGRES:
            self.analyze()

    def widen(self, threads: int) -> None:
        """Room for so many threads that keep their connection, beside the calling one. In a server
        a thread gives its connection back after each request, and fewer do."""
        from django.db import connections

        connection: Any = connections[self.alias]
        if self.database == POSTGRES:
            connection.close()
            connection.close_pool()
            connection.settings_dict["OPTIONS"]["pool"]["max_size"] = threads + 2

    def analyze(self) -> None:
        """What autovacuum does within a minute; before, PostgreSQL plans without statistics."""
        import psycopg

        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute("ANALYZE")


@dataclass
class Ground:
    """Gives out places; what they need is started at first use and gone at the end."""

    folder: Path
    _connections: ExitStack
    _servers: ExitStack
    _numbers: Iterator[int] = field(default_factory=count)
    _server: str | None = None

    def address(self, database: str) -> str:
        """A database nobody has used. Raises Skipped where there is no server for it."""
        name = f"bench_{next(self._numbers)}"
        if database == SQLITE:
            return str(self.folder / f"{name}.sqlite3")
        import psycopg
        from psycopg import sql

        server = self._postgres()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"{server.removesuffix('/postgres')}/{name}"

    def place(self, database: str) -> Place:
        """A fresh database, migrated, with its default project."""
        from holdfast import bootstrap

        address = self.address(database)
        alias = bootstrap.ready(address)
        from holdfast.projects import LOCAL, ensure_project
        from sessions_app.store import get_store

        project = ensure_project(LOCAL, alias).pk
        return Place(database, address, alias, get_store(alias), project, self._connections)

    @contextmanager
    def standby(self, place: Place) -> Iterator[str]:
        """The address of the place's database on a standby that follows the server it is on."""
        with _running("standby", self._postgres()) as url:
            yield f"{url.removesuffix('/postgres')}/{place.address.rpartition('/')[2]}"

    def _postgres(self) -> str:
        if self._server is None:
            self._server = self._servers.enter_context(_running("postgres"))
        return self._server


@contextmanager
def running_redis() -> Iterator[str]:
    """The address of an empty Redis. Raises Skipped where there is none."""
    with _running("redis") as url:
        yield url


@contextmanager
def _running(name: str, primary: str = "") -> Iterator[str]:
    try:
        from tests import servers
    except ImportError as error:
        raise Skipped(f"tests/servers.py cannot be imported: {error}") from error
    started: dict[str, Any] = {"redis": servers.running_redis}
    started["postgres"] = partial(servers.running_postgres, ROOM)
    started["standby"] = partial(servers.running_standby, primary, ROOM)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(started[name]())
        except servers.ServerMissing as error:
            raise Skipped(str(error)) from error
        url: str = server.url
        yield url


@contextmanager
def ground() -> Iterator[Ground]:
    """Everything a run needs, in one temporary folder (TMPDIR says on which disk)."""
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-bench-"))
        folder = Path(name).resolve()
        prepare_environment(folder)
        start_django(folder)
        servers, connections = ExitStack(), ExitStack()
        stack.enter_context(servers)
        stack.enter_context(connections)
        connections.callback(close_connections)
        yield Ground(folder, connections, servers)


def prepare_environment(folder: Path) -> None:
    """This process and those it starts see nothing but the run's own folder."""
    for name in set(os.environ):
        if name in PRODUCT_VARIABLES or name.startswith(("HOLDFAST_", "DJANGO_")):
            del os.environ[name]
    os.environ["XDG_DATA_HOME"] = str(folder / "data")
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))


def start_django(folder: Path) -> None:
    """Settings and apps, as `holdfast.open` starts them; the subjects import models."""
    from holdfast import bootstrap

    bootstrap.ready(folder / "first.sqlite3")
    from sessions_app import preparing, waking
    from sessions_app.core import tokens

    tokens.preload(preparing.encoder())
    # Who listens already is not joined by a worker of the script's own: what is due waits until a
    # subject works on it.
    waking.listen(lambda: None)


def close_connections() -> None:
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
