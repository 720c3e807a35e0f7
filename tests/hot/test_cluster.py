"""Redis Cluster: each session is with one of several servers, which the product finds out."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from redis.crc import key_slot

from sessions_app.core.breaker import PAUSE
from sessions_app.store import hot
from sessions_app.store.hot import Hot
from tests.hot import asking
from tests.hot.asking import Clock, context, counted, hits, plain
from tests.servers import SLOTS, Server, ServerMissing, missing, running_redis_cluster
from tests.store.saying import filled, turn

DATABASE = "ours"
ASKED = {"tokens": 2_000}


def clustered() -> Iterator[list[Server]]:
    try:
        with running_redis_cluster() as found:
            yield found
    except ServerMissing as error:
        missing(str(error))


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    """Those of all tests here that harm none."""
    yield from clustered()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of this is about how long anything takes."""
    monkeypatch.setattr(hot, "TIMEOUT_SECONDS", 20.0)


@pytest.fixture
def own_servers() -> Iterator[list[Server]]:
    yield from clustered()


def place(session: UUID) -> int:
    """Which of three servers has a session."""
    return key_slot(asking.key(session).encode()) * 3 // SLOTS


def sessions() -> list[UUID]:
    """Some of each server."""
    found = [UUID(int=number) for number in range(60)]
    assert {place(session) for session in found} == {0, 1, 2}
    return found


def keep(ours: Hot, session: UUID, version: int, raw: bytes) -> bool:
    return ours.put_if_newer(
        session, "c", raw, database=DATABASE, version=version, age_ms=0, keep_ms=60_000
    )


def raw(ours: Hot, session: UUID) -> bytes | None:
    return ours.read(session, "c", DATABASE).raw


def test_each_session_is_kept_by_the_server_that_has_it(servers: list[Server]) -> None:
    for server in servers:
        with asking.client(server.url) as client:
            client.flushall()
    ours = Hot(servers[0].url)
    for session in sessions():
        assert keep(ours, session, 1, session.bytes)
        assert raw(ours, session) == session.bytes
    for number, server in enumerate(servers):
        with asking.client(server.url) as client:
            assert client.dbsize() == sum(place(one) == number for one in sessions())
    assert ours.counts().get("errors", 0) == 0
    assert ours.look().version


def test_what_is_newer_wins_and_what_is_forgotten_stays_so(servers: list[Server]) -> None:
    ours = Hot(servers[1].url)
    for session in sessions():
        keep(ours, session, 1, b"old")
        ours.moved(session, 2)
        assert raw(ours, session) is None
        assert not keep(ours, session, 1, b"late")
        assert keep(ours, session, 2, b"new")
    ours.forget(sessions())
    assert [raw(ours, session) for session in sessions()] == [None] * 60
    assert not any(keep(ours, session, 3, b"purged") for session in sessions())
    assert ours.counts().get("errors", 0) == 0


def test_a_context_is_told_from_a_cluster(project: int, servers: list[Server]) -> None:
    store = asking.tier(servers[2].url)
    for _ in range(6):
        session = filled(store, project, turns=4)
        first = context(store, project, session, **ASKED)
        before = hits(store)
        assert context(store, project, session, max_stale=60, **ASKED) == first
        assert hits(store) == before + 1
        store.append(project, session, turn())
        told = context(store, project, session, **ASKED)
        assert told == context(plain(), project, session, **ASKED) != first
    assert counted(store, "errors") == 0


def test_slots_that_move_are_followed(own_servers: list[Server]) -> None:
    ours = Hot(own_servers[0].url)
    for session in sessions():
        keep(ours, session, 1, b"before")
    clients = [asking.client(server.url) for server in own_servers]
    new = clients[1].cluster("MYID")
    moved = [session for session in sessions() if place(session) == 0]
    for client in clients:
        client.flushall()
        for slot in sorted({key_slot(asking.key(session).encode()) for session in moved}):
            client.execute_command("CLUSTER SETSLOT", slot, "NODE", new)
    for session in sessions():
        assert raw(ours, session) is None
        assert keep(ours, session, 1, b"after")
    assert clients[1].dbsize() == sum(place(session) < 2 for session in sessions())
    assert ours.counts().get("errors", 0) == 0


def test_one_server_that_is_gone_takes_nothing_but_its_own(own_servers: list[Server]) -> None:
    clock = Clock()
    ours = Hot(own_servers[0].url, now=clock)
    for session in sessions():
        keep(ours, session, 1, b"kept")
    lost = [session for session in sessions() if place(session) == 1]
    others = [session for session in sessions() if place(session) == 2]
    own_servers[1].kill()
    assert raw(ours, lost[0]) is None
    assert raw(ours, others[0]) == b"kept"
    for session in lost[:3]:
        assert raw(ours, session) is None
    assert ours.part.left_alone
    own_servers[1].start_again()
    clock.now += PAUSE
    assert raw(ours, others[0]) == b"kept"
    assert not ours.part.left_alone
