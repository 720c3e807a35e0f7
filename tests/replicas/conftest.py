"""A standby of the run's own PostgreSQL, and a store that reads of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import Settings

from holdfast import environ
from holdfast.projects import ensure_project
from sessions_app import store as stores
from sessions_app.store.durable import DurableStore
from sessions_app.store.replicas import Replicas
from tests.hot.asking import Clock
from tests.replicas.asking import Following
from tests.servers import Server, ServerMissing, missing, running_standby


@contextmanager
def following() -> Iterator[Server]:
    if connection.vendor != "postgresql":
        pytest.skip("a file has no standby")
    try:
        with running_standby(os.environ["DATABASE_URL"]) as server:
            yield server
    except ServerMissing as error:
        missing(str(error))


@pytest.fixture(scope="session")
def standby() -> Iterator[Server]:
    """One of the whole run, which nobody harms."""
    with following() as server:
        yield server


@pytest.fixture
def own_standby() -> Iterator[Server]:
    """One of the test, to be harmed."""
    with following() as server:
        yield server


@pytest.fixture
def project(transactional_db: None) -> int:
    """A project with its policies, for commits that others see."""
    return int(ensure_project("ours").pk)


@contextmanager
def reading(server: Server, alias: str = "standby") -> Iterator[str]:
    """The alias by which the test's database is read of a standby."""
    port = server.url.rpartition(":")[2].partition("/")[0]
    url = f"postgresql://postgres@127.0.0.1:{port}/{connection.settings_dict['NAME']}"
    known = {**connections.settings, alias: environ.replica("url", url)}
    connections.settings[alias] = connections.configure_settings(known)[alias]
    ensure = BaseDatabaseWrapper.ensure_connection

    def allowed(self: Any) -> None:
        """Django's tests connect only to what was in the settings when they began."""
        if self.alias != alias:
            ensure(self)
        elif self.connection is None:
            with self.wrap_database_errors:
                self.connect()

    try:
        with patch.object(BaseDatabaseWrapper, "ensure_connection", allowed):
            yield alias
    finally:
        connections[alias].close()
        connections[alias].close_pool()  # type: ignore[attr-defined]
        del connections[alias]
        del connections.settings[alias]


def beside(*aliases: str) -> Following:
    """A store with these replicas and no other state."""
    clock = Clock()
    store = DurableStore("default")
    store.replicas = Replicas("default", aliases, now=clock)
    return Following(store, store.replicas, clock)


@pytest.fixture
def alias(standby: Server, project: int) -> Iterator[str]:
    with reading(standby) as name:
        yield name


@pytest.fixture
def found(alias: str) -> Following:
    """A store beside the standby of the run."""
    return beside(alias)


@pytest.fixture
def harmed(own_standby: Server, project: int) -> Iterator[Following]:
    """A store beside a standby of the test's own."""
    with reading(own_standby) as name:
        yield beside(name)


@pytest.fixture
def named(alias: str, settings: Settings) -> Iterator[str]:
    """The settings name the standby of the run."""
    settings.HOLDFAST_REPLICAS = [alias]
    yield alias
    stores._store.cache_clear()
