"""A replica beside a Redis: what it tells is kept as old as it may be, and Redis knows how far it
must be."""

from __future__ import annotations

from uuid import UUID

import pytest

from sessions_app.core import errors
from sessions_app.store.replicas import Replicas
from sessions_app.store.tiered import TieredStore
from tests.hot import asking
from tests.hot.asking import Clock, context, hits, plain, tail
from tests.replicas.asking import Following, paused
from tests.servers import Server
from tests.store.saying import filled, turn


@pytest.fixture
def redis_url(redis_server: Server) -> str:
    with asking.client(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def both(alias: str, redis_url: str) -> Following:
    """A store with a Redis and a replica. Its clock is that of the process: ages go to Redis."""
    store = asking.tier(redis_url)
    store.replicas = Replicas("default", [alias], now=(clock := Clock()))
    return Following(store, store.replicas, clock)


def of(found: Following) -> TieredStore:
    assert isinstance(found.store, TieredStore)
    return found.store


def test_a_context_of_a_replica_is_kept_for_others_who_take_what_is_old(
    both: Following, redis_url: str, project: int
) -> None:
    session = filled(both.store, project)
    both.beaten()
    expected = context(plain(), project, session)
    assert both.context(project, session) == expected
    assert both.counted("answers") == 1
    other = asking.tier(redis_url)
    assert context(other, project, session, max_stale=60) == expected
    assert hits(other) == 1


def test_it_is_held_against_the_database_by_who_takes_nothing_old(
    both: Following, standby: Server, redis_url: str, project: int
) -> None:
    session = filled(both.store, project)
    both.beaten()
    with paused(standby):
        plain().append(project, session, turn("since then"))  # Redis does not hear of it
        assert "since then" not in str(both.context(project, session))
        assert both.counted("answers") == 1
        assert "since then" in str(context(asking.tier(redis_url), project, session))


def test_what_another_server_wrote_is_seen_though_the_replica_lags(
    both: Following, standby: Server, redis_url: str, project: int
) -> None:
    session = filled(both.store, project)
    both.beaten()
    with paused(standby):
        asking.tier(redis_url).append(project, session, turn("by another"))
        assert "by another" in str(both.tail(project, session))
        assert "by another" in str(both.context(project, session))
    assert both.counted("behind") == 2


def test_what_was_purged_is_told_by_neither(
    both: Following, standby: Server, redis_url: str, project: int
) -> None:
    session, other = filled(both.store, project), filled(both.store, project)
    both.beaten()
    with paused(standby):
        both.context(project, session)
        both.context(project, other)
        asking.tier(redis_url).purge(project, session)
        both.replicas.epochs.learn(None, float("-inf"))
        of(both).epochs.learn(None, float("-inf"))
        with pytest.raises(errors.NotFound):
            both.context(project, session)
        with pytest.raises(errors.NotFound):
            both.tail(project, session)
        before = hits(of(both))
        both.context(project, other)
        assert hits(of(both)) == before


def age_ms(store: TieredStore, session: UUID) -> int:
    with asking.client(store.hot._url) as client:
        (then_ms,) = [
            int(value)
            for name, value in client.hgetall(asking.key(session)).items()
            if name.startswith(b"t:")
        ]
        now = client.time()
    return int(now[0] * 1000 + now[1] // 1000 - then_ms)


def test_it_is_kept_as_old_as_the_replica_may_have_been(
    alias: str, standby: Server, redis_url: str, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock of the process, since ages go to Redis."""
    store = asking.tier(redis_url)
    session = filled(store, project)
    clock = Clock()
    monkeypatch.setattr("sessions_app.clock.elapsed", clock)
    store.replicas = Replicas("default", [alias], now=clock)
    found = Following(store, store.replicas, clock)
    found.beaten(30)
    clock.now += 20
    found.context(project, session, 30)
    assert found.counted("answers") == 1
    assert age_ms(store, session) >= 20_000
    assert tail(store, project, session, max_stale=0) == tail(plain(), project, session)
