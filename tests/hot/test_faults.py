"""Whatever happens to Redis: the answers are those of the database, nothing is raised, and few
calls find out."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

import orjson
import pytest

from sessions_app import conditions
from sessions_app.core.breaker import FAILURES, PAUSE
from sessions_app.store.hot import Hot
from sessions_app.store.tiered import TieredStore
from tests.hot import asking
from tests.hot.asking import Clock, context, counted, key, plain, tail
from tests.servers import Server, free_port
from tests.store.saying import filled, opened, turn

Client = Any
ASKED = {"tokens": 2_000}


def same_as_durable(store: TieredStore, project: int, session: UUID) -> None:
    """Every kind of read, twice, because the second one meets what the first one left."""
    for _ in range(2):
        expected = context(plain(), project, session, **ASKED)
        assert context(store, project, session, **ASKED) == expected
        assert context(store, project, session, max_stale=60, **ASKED) == expected
        rows = tail(plain(), project, session)
        assert tail(store, project, session) == rows
        assert tail(store, project, session, max_stale=60) == rows


def warmed(store: TieredStore, project: int) -> UUID:
    """A session of which Redis holds a context and the newest messages."""
    session = filled(store, project, turns=4)
    context(store, project, session, **ASKED)
    context(store, project, session, max_stale=60, **ASKED)
    tail(store, project, session, max_stale=60)
    return session


def calls_in(store: TieredStore, work: Callable[[], object]) -> int:
    before = counted(store, "attempts")
    work()
    return counted(store, "attempts") - before


# -- Redis is not there, or does not do what it should --------------------------------------------


@contextmanager
def killed(server: Server, _: Client) -> Iterator[None]:
    server.kill()
    yield


@contextmanager
def stopped(server: Server, _: Client) -> Iterator[None]:
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


@contextmanager
def replica(_: Server, client: Client) -> Iterator[None]:
    client.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
    yield


@contextmanager
def locked(_: Server, client: Client) -> Iterator[None]:
    client.config_set("requirepass", "a secret")
    client.execute_command("CLIENT", "KILL", "TYPE", "normal")
    yield


FAILING = {"killed": killed, "stopped": stopped, "replica": replica, "locked": locked}


@pytest.mark.parametrize("fault", FAILING)
def test_while_redis_fails_the_database_answers_and_three_calls_find_out(
    own_redis: Server, project: int, fault: str
) -> None:
    clock = Clock()
    store = asking.tier(own_redis.url, clock)
    session = warmed(store, project)
    with asking.client(own_redis.url) as client, FAILING[fault](own_redis, client):

        def everything() -> None:
            store.append(project, session, turn("more"))
            same_as_durable(store, project, session)
            store.append(project, session, turn("and more"))

        assert calls_in(store, everything) == FAILURES
        assert (counted(store, "errors"), counted(store, "openings")) == (FAILURES, 1)
        broken = conditions.broken()
        assert [one.part for one in broken] == [conditions.REDIS]
        clock.now += PAUSE
        assert calls_in(store, everything) == 1
        assert conditions.broken() == broken


def test_a_redis_that_comes_back_is_asked_again_after_one_probe(
    own_redis: Server, project: int, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    store = asking.tier(own_redis.url, clock)
    session = warmed(store, project)
    with asking.client(own_redis.url) as client, stopped(own_redis, client):
        same_as_durable(store, project, session)
    clock.now += PAUSE
    store.append(project, session, turn("afterwards"))
    same_as_durable(store, project, session)
    assert conditions.broken() == []
    assert [record.message for record in caplog.records] == [
        "Redis is left alone, the database answers: TimeoutError",
        "Redis answers again.",
    ]
    before = asking.hits(store)
    context(store, project, session, **ASKED)
    assert asking.hits(store) == before + 1


def test_a_redis_that_is_absent_at_the_start_costs_three_calls(project: int) -> None:
    store = asking.tier(f"redis://127.0.0.1:{free_port()}/0")
    session = filled(store, project)
    same_as_durable(store, project, session)
    assert counted(store, "attempts") == FAILURES


@pytest.mark.parametrize("max_stale", [0, 60])
def test_no_read_waits_for_a_redis_that_hangs_twice(
    own_redis: Server, project: int, max_stale: int
) -> None:
    store = asking.tier(own_redis.url)
    session = warmed(store, project)
    with asking.client(own_redis.url) as client, stopped(own_redis, client):
        asked = partial(context, store, project, session, max_stale=max_stale, **ASKED)
        assert calls_in(store, asked) == 1
        assert calls_in(store, partial(tail, store, project, session, max_stale=60)) == 1
        assert calls_in(store, partial(store.append, project, session, turn("more"))) == 1


def test_making_a_store_connects_to_nothing(project: int) -> None:
    store = asking.tier("redis://127.0.0.1:1/0")
    assert counted(store, "attempts") == 0
    assert conditions.broken() == []


@pytest.mark.parametrize(
    "line",
    [
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        b"-MASTERDOWN Link with MASTER is down\r\n",
        b"-CLUSTERDOWN Hash slot not served\r\n",
        b"-BUSY Redis is busy running a script\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xfe\xfd\r\n",
    ],
)
def test_a_server_that_answers_with_an_error_is_left_alone(project: int, line: bytes) -> None:
    with asking.refusing(line) as url:
        store = asking.tier(url)
        session = filled(store, project)
        same_as_durable(store, project, session)
        assert counted(store, "attempts") == FAILURES
        assert [one.part for one in conditions.broken()] == [conditions.REDIS]


@pytest.mark.parametrize("line", [b":1\r\n", b"$-1\r\n", b"+OK\r\n", b"*1\r\n:5\r\n", b"*0\r\n"])
def test_answers_that_make_no_sense_are_no_values(project: int, line: bytes) -> None:
    with asking.refusing(line) as url:
        store = asking.tier(url)
        session = filled(store, project)
        same_as_durable(store, project, session)
        assert asking.hits(store) == 0


def test_a_redis_without_room_keeps_nothing_more_and_costs_no_answer(
    own_redis: Server, project: int
) -> None:
    store = asking.tier(own_redis.url)
    session = warmed(store, project)
    with asking.client(own_redis.url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        same_as_durable(store, project, session)
        store.append(project, session, turn("more"))
        same_as_durable(store, project, session)
        assert client.hkeys(key(session)) == [b"at"]  # the older version is gone all the same
    assert counted(store, "errors") > 0


def test_a_redis_that_evicts_loses_nothing_but_speed(own_redis: Server, project: int) -> None:
    store = asking.tier(own_redis.url)
    with asking.client(own_redis.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", str(3 * 1024 * 1024))
        session = warmed(store, project)
        client.config_set("maxmemory-samples", "64")
        for number in range(30_000):
            client.set(f"other:{number}", "x" * 2_000)
            if number >= 3_000 and not client.exists(key(session)):
                break  # which keys go is drawn by lot
        assert not client.exists(key(session))
        same_as_durable(store, project, session)
    assert counted(store, "errors") == 0


# -- what it holds is not what it should ----------------------------------------------------------


def emptied(client: Client, _: UUID) -> None:
    client.flushall()
    client.script_flush()


def of_another_kind(client: Client, session: UUID) -> None:
    client.set(key(session), "a text")


def each(client: Client, session: UUID, change: Callable[[bytes], bytes]) -> None:
    """Every value of a session as `change` makes it of what it is."""
    found = client.hgetall(key(session))
    assert isinstance(found, dict)
    values = {name: raw for name, raw in found.items() if b"\n" in raw}
    assert len(values) == 2
    client.hset(key(session), mapping={name: change(raw) for name, raw in values.items()})


def renamed(**fields: object) -> Callable[[bytes], bytes]:
    """A value with other fields in its first line."""

    def change(raw: bytes) -> bytes:
        line, _, body = raw.partition(b"\n")
        return orjson.dumps({**orjson.loads(line), **fields}) + b"\n" + body

    return change


def garbled(client: Client, session: UUID) -> None:
    each(client, session, lambda raw: os.urandom(len(raw)))


def cut(client: Client, session: UUID) -> None:
    each(client, session, lambda raw: raw[:-7])


def altered(client: Client, session: UUID) -> None:
    each(client, session, lambda raw: raw.replace(b"question", b"answered"))


def of_an_older_schema(client: Client, session: UUID) -> None:
    each(client, session, renamed(schema=0))


def of_another_project(client: Client, session: UUID) -> None:
    each(client, session, renamed(project=10_000))


def of_another_database(client: Client, session: UUID) -> None:
    each(client, session, renamed(database="0" * 32))
    client.hset(key(session), "id", "0" * 32)


def of_another_log(client: Client, session: UUID) -> None:
    """As after a restore from a backup that then went another way."""
    each(client, session, renamed(head="0" * 64))


def of_the_future(client: Client, session: UUID) -> None:
    each(client, session, renamed(version=1_000))
    client.hset(key(session), "at", 1_000)


def without_a_time(client: Client, session: UUID) -> None:
    for name in client.hkeys(key(session)):
        if name.startswith(b"t:"):
            client.hset(key(session), name.decode(), "never")


def from_later(client: Client, session: UUID) -> None:
    """As after the clock of Redis went back."""
    for name in client.hkeys(key(session)):
        if name.startswith(b"t:"):
            client.hset(key(session), name.decode(), "9999999999999")


WRONG = [
    emptied, of_another_kind, garbled, cut, altered, of_an_older_schema, of_another_project,
    of_another_database, without_a_time, from_later,
]  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_a_value_that_is_not_ours_is_never_told_and_is_replaced(
    tiered: TieredStore, redis_url: str, project: int, fault: Callable[[Client, UUID], None]
) -> None:
    session = warmed(tiered, project)
    with asking.client(redis_url) as client:
        fault(client, session)
    before = asking.hits(tiered)
    expected = context(plain(), project, session, **ASKED)
    assert context(tiered, project, session, max_stale=60, **ASKED) == expected
    assert asking.hits(tiered) == before
    same_as_durable(tiered, project, session)
    assert asking.hits(tiered) > before
    assert conditions.broken() == []


@pytest.mark.parametrize("garbage", [{"at": "x"}, {"keep": "y"}, {"id": b"\xff", "at": "inf"}])
def test_garbage_beside_a_value_opens_no_breaker(
    tiered: TieredStore, redis_url: str, project: int, garbage: dict[str, str]
) -> None:
    session = warmed(tiered, project)
    with asking.client(redis_url) as client:
        client.hset(key(session), mapping=garbage)
    same_as_durable(tiered, project, session)
    tiered.append(project, session, turn("more"))
    same_as_durable(tiered, project, session)
    assert counted(tiered, "errors") == 0


@pytest.mark.parametrize("fault", [of_another_log, of_the_future])
def test_what_was_filled_before_a_restore_from_a_backup_is_not_believed(
    tiered: TieredStore, redis_url: str, project: int, fault: Callable[[Client, UUID], None]
) -> None:
    session = warmed(tiered, project)
    with asking.client(redis_url) as client:
        fault(client, session)
    before = asking.hits(tiered)
    expected = context(plain(), project, session, **ASKED)
    assert context(tiered, project, session, **ASKED) == expected
    assert asking.hits(tiered) == before
    assert context(tiered, project, session, **ASKED) == expected
    assert asking.hits(tiered) == before + 1


def test_another_sessions_value_under_our_key_is_refused(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session, other = warmed(tiered, project), opened(tiered, project)
    tiered.append(project, other, turn("a secret"))
    for stale in (0, 60):
        context(tiered, project, other, max_stale=stale, **ASKED)
    tail(tiered, project, other, max_stale=60)
    with asking.client(redis_url) as client:
        dumped = client.dump(key(other))
        assert isinstance(dumped, bytes)
        client.restore(key(session), 60_000, dumped, replace=True)
    same_as_durable(tiered, project, session)
    assert counted(tiered, "refused_session") > 0


def test_a_redis_that_comes_back_as_an_older_dump_is_not_believed(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = warmed(tiered, project)
    with asking.client(redis_url) as client:
        dumped = client.dump(key(session))
        assert isinstance(dumped, bytes)
        tiered.append(project, session, turn("since then"))
        client.restore(key(session), 60_000, dumped, replace=True)
        expected = context(plain(), project, session, **ASKED)
        assert context(tiered, project, session, **ASKED) == expected
        assert tail(tiered, project, session) == tail(plain(), project, session)
        # Nor by who takes what is a minute old, once it is older than that.
        client.restore(key(session), 60_000, dumped, replace=True)
        for name in client.hkeys(key(session)):
            if name.startswith(b"t:"):
                client.hincrby(key(session), name.decode(), -61_000)
    same_as_durable(tiered, project, session)


def test_what_redis_says_of_a_failure_names_no_address_and_no_password(project: int) -> None:
    hot = Hot(f"redis://me:very-secret@127.0.0.1:{free_port()}/0")
    store = TieredStore("default", hot)
    same_as_durable(store, project, filled(store, project))
    said = f"{hot!r} {conditions.broken()} {hot.look()} {hot.counts()}"
    assert conditions.broken() != []
    assert "very-secret" not in said
    assert "127.0.0.1" not in said
