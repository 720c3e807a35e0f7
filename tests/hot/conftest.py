"""A Redis of the run, emptied for each test, and one of its own for tests that harm it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from holdfast.projects import ensure_project
from memory_app import hotcontexts
from sessions_app.core.held import Held
from sessions_app.store.tiered import TieredStore
from tests.hot import asking
from tests.servers import Server, ServerMissing, missing, running_redis


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process holds no contexts of its own: Redis is what these tests look at."""
    monkeypatch.setattr(hotcontexts, "_held", Held[bytes](0))


@pytest.fixture
def project(transactional_db: None) -> int:
    """A project with its policies, for commits that others see."""
    return int(ensure_project("ours").pk)


@pytest.fixture
def redis_url(redis_server: Server) -> str:
    with asking.client(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def tiered(project: int, redis_url: str) -> TieredStore:
    return asking.tier(redis_url)


@pytest.fixture
def own_redis() -> Iterator[Server]:
    try:
        with running_redis() as server:
            yield server
    except ServerMissing as error:
        missing(str(error))
