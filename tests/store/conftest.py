"""A project with one policy, and the stores that keep the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from sessions_app.models import Policy, Project
from sessions_app.store import Store, get_store
from sessions_app.store.durable import DurableStore
from sessions_app.store.hot import Hot
from sessions_app.store.tiered import TieredStore
from tests.servers import Server, free_port
from tests.store.racing import Blocker


def beside(url: str) -> TieredStore:
    return TieredStore("default", Hot(url))


def durable(_: pytest.FixtureRequest) -> Store:
    return DurableStore()


def tiered(request: pytest.FixtureRequest) -> Store:
    server: Server = request.getfixturevalue("redis_server")
    return beside(server.url)


def without_its_redis(_: pytest.FixtureRequest) -> Store:
    return beside(f"redis://127.0.0.1:{free_port()}/0")


STORES = {"durable": durable, "tiered": tiered, "tiered, no Redis": without_its_redis}


def make_project(name: str) -> int:
    """A project with the policy `default`, for 128,000 tokens of which 120,000 can be used."""
    project = Project.objects.create(name=name, created_us=0)
    Policy.everything.create(
        project=project,
        name="default",
        version=1,
        window_tokens=128_000,
        capacity=120_000,
        data="{}",
        created_us=0,
    )
    return int(project.pk)


@pytest.fixture(params=STORES)
def any_store(request: pytest.FixtureRequest, db: None) -> Store:
    """Each store in turn, inside a caller's transaction."""
    return STORES[request.param](request)


@pytest.fixture
def project(db: None) -> int:
    return make_project("ours")


@pytest.fixture
def foreign(db: None) -> int:
    """A project of somebody else."""
    return make_project("theirs")


@pytest.fixture
def store(transactional_db: None) -> DurableStore:
    """The durable store with real commits, as other threads and processes see them."""
    return get_store()


@pytest.fixture
def blocker(store: DurableStore) -> Iterator[Blocker]:
    """Another process at the same database, which can take its write lock and give it back."""
    with Blocker.beside(connection) as other:
        yield other


@pytest.fixture
def on_sqlite() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")


@pytest.fixture
def on_postgres() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("about PostgreSQL")
