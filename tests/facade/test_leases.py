"""Leases in Python, over the database and over a server: who carries one, what becomes of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from django.db import connections, transaction

from holdfast import attempts, leases
from holdfast.facade import Client, Session
from holdfast.leases import Lease
from sessions_app.core import errors
from sessions_app.store.database import Database
from tests.facade.conftest import local_client
from tests.passing import DatabaseTime

R = TypeVar("R")


@pytest.fixture
def session(client: Client) -> Session:
    return client.open("support-42")


def said(session: Session, text: str = "x", **more: Any) -> int:
    return session.append(role="user", content=text, **more).seq


def texts(session: Session) -> list[str]:
    return [item["content"] for item in session.messages()]


def told(session: Session) -> list[str]:
    events = [event["data"] for event in session.events() if event["kind"] == "lease"]
    return [f"{data['action']} {data['holder']}" for data in events]


def elsewhere(work: Callable[[], R]) -> R:
    """What `work` gives in a thread that is in no lease."""

    def run() -> R:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(120)


class Pulse(threading.Event):
    """What a heartbeat waits for: the end of its lease, or a test that says `beat`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float | None] = []
        self._turn = threading.Semaphore(0)
        self._waits = threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout)
        self._waits.release()
        self._turn.acquire()
        return self.is_set()

    def set(self) -> None:
        super().set()
        self._turn.release()

    def beat(self) -> None:
        """Comes back when the heartbeat waits again, or has ended."""
        self._turn.release()

    def waits(self) -> None:
        assert self._waits.acquire(timeout=60)


@pytest.fixture
def pulses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Pulse]]:
    """Every heartbeat's, the newest last."""
    made: list[Pulse] = []

    def make() -> Pulse:
        made.append(Pulse())
        return made[-1]

    monkeypatch.setattr(leases, "Event", make)
    yield made
    for pulse in made:
        pulse.set()


# -- what is refused ---------------------------------------------------------------------------


def test_who_shares_the_session_object_with_the_holder_is_somebody_else(session: Session) -> None:
    with session.lease("planner"):
        with pytest.raises(errors.SessionBusy) as caught:
            elsewhere(lambda: said(session, "by accident"))
        assert caught.value.details["holder"] == "planner"
        assert caught.value.retryable
        with pytest.raises(errors.SessionBusy):
            elsewhere(lambda: session.lease("planner").__enter__())
        said(session, "by the holder")
    assert texts(session) == ["by the holder"]


def test_a_late_holder_is_told_and_stores_nothing(
    client: Client, session: Session, database_time: DatabaseTime
) -> None:
    def take_over() -> None:
        with client.open("support-42").lease("writer") as lease:
            said(lease.session, "by the writer")

    with session.lease("planner") as lease:
        said(session, "in time")
        database_time.passes(31)
        elsewhere(take_over)
        known = lease.lost
        assert not known
        before = session.refresh().as_json()
        for change in (
            lambda: said(session, "late"),
            lambda: session.edit(title="late"),
            lambda: session.retract(1),
            lambda: session.pin(1),
            lambda: session.unpin(1),
            lambda: session.fork(2),
            session.compress,
            session.end,
            session.reopen,
            session.restore,
            session.delete,
            lambda: session.delete(purge=True),
        ):
            with pytest.raises(errors.LeaseLost):
                change()
        assert lease.lost
        assert session.refresh().as_json() == before
    assert texts(session) == ["in time", "by the writer"]
    assert told(session) == ["acquired planner", "taken_over writer", "released writer"]


def test_what_the_block_raised_is_raised_whatever_becomes_of_the_release(
    session: Session, database_time: DatabaseTime
) -> None:
    with pytest.raises(KeyError), session.lease("planner"):  # noqa: PT012
        database_time.passes(31)
        raise KeyError
    with pytest.raises(KeyError), session.lease("planner"):
        raise KeyError
    assert told(session)[-1] == "released planner"


def test_a_release_that_fails_raises_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise errors.StoreUnavailable

    with session.lease("planner", ttl=1) as lease:
        said(session)
        monkeypatch.setattr(lease._backend, "release", fail, raising=False)
    assert lease.over
    assert not lease.lost
    assert texts(session) == ["x"]


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"holder": ""}, "holder"),
        ({"holder": 5}, "holder"),
        ({"holder": "x" * 256}, "holder"),
        ({"ttl": 0}, "ttl"),
        ({"ttl": 3601}, "ttl"),
        ({"ttl": True}, "ttl"),
        ({"wait": -1}, "wait"),
        ({"wait": float("nan")}, "wait"),
        ({"wait": float("inf")}, "wait"),
        ({"wait": True}, "wait"),
        ({"wait": "1"}, "wait"),
    ],
)
def test_a_bad_wish_names_its_argument(session: Session, asked: Any, param: str) -> None:
    with (
        pytest.raises(errors.InvalidRequest) as caught,
        session.lease(**{"holder": "planner", **asked}),
    ):
        pytest.fail("it cannot be entered")
    assert caught.value.param == param
    assert session.refresh().version == 1


def test_an_ended_session_gives_no_lease(session: Session) -> None:
    session.end()
    with pytest.raises(errors.SessionEnded), session.lease("planner"):
        pytest.fail("it cannot be entered")


def test_a_lease_is_entered_once_at_a_time(session: Session) -> None:
    lease = session.lease("planner")
    with lease:
        with pytest.raises(RuntimeError), lease:
            pytest.fail("it cannot be entered")
        first = lease.token
    with lease:
        assert lease.token == first + 1
    assert told(session) == ["acquired planner", "released planner"] * 2


# -- who carries it ----------------------------------------------------------------------------


def test_changes_inside_carry_the_lease_through_any_session_object(
    client: Client, session: Session
) -> None:
    with session.lease("planner", ttl=60) as lease:
        assert (lease.holder, lease.ttl, lease.token) == ("planner", 60, 1)
        assert lease.expires_at.endswith("Z")
        assert not lease.lost
        assert session.version == 2
        said(session, "one")
        said(client.open("support-42"), "two")
        session.edit(title="B")
        fork = session.fork(3)
        said(fork, "a fork has no lease")
    assert lease.over
    said(session, "after")
    assert elsewhere(lambda: said(session, "by anybody")) == 4
    assert told(session) == ["acquired planner", "released planner"]


def test_a_thread_of_the_holder_uses_the_session_of_the_lease(session: Session) -> None:
    with session.lease("planner") as lease:
        assert elsewhere(lambda: said(lease.session, "a tool's answer")) == 1
        left = lease.session
    with pytest.raises(errors.LeaseLost):
        said(left, "too late")


def test_after_an_early_release_changes_are_anybody_s(session: Session) -> None:
    with session.lease("planner") as lease:
        lease.release()
        assert lease.over
        said(session, "without")
        elsewhere(lambda: said(session, "by anybody"))
        lease.release()
    assert told(session) == ["acquired planner", "released planner"]
    assert not lease.lost


def test_who_lost_a_lease_is_late_also_after_another_one_inside(
    session: Session, database_time: DatabaseTime
) -> None:
    with session.lease("planner"):
        database_time.passes(31)
        with session.lease("writer"):
            said(session, "in time")
        with pytest.raises(errors.LeaseLost):
            said(session, "late")
    assert texts(session) == ["in time"]


def test_a_lease_left_in_another_thread_is_over_everywhere(session: Session) -> None:
    lease = session.lease("planner")
    lease.__enter__()
    elsewhere(lambda: lease.__exit__(None, None, None))
    said(session, "without")
    assert told(session)[-1] == "released planner"


# -- the heartbeat -----------------------------------------------------------------------------


def test_it_is_renewed_at_every_third_of_its_time(
    session: Session, pulses: list[Pulse], database_time: DatabaseTime
) -> None:
    with session.lease("planner", ttl=30) as lease:
        pulse = pulses[-1]
        pulse.waits()
        for _ in range(4):
            database_time.passes(29)
            pulse.beat()
            pulse.waits()
        said(session)
        assert pulse.asked == [10.0] * 5
        lease.renew(ttl=300)
        pulse.beat()
        pulse.waits()
        assert pulse.asked[-1] == 100.0
    assert not lease.lost
    assert lease._beating is not None
    assert not lease._beating.is_alive()
    assert told(session) == ["acquired planner", "released planner"]


def test_a_heartbeat_that_comes_too_late_tells_that_the_lease_is_lost(
    session: Session, pulses: list[Pulse], database_time: DatabaseTime
) -> None:
    with session.lease("planner") as lease:
        pulses[-1].waits()
        database_time.passes(31)
        pulses[-1].beat()
        assert lease._beating is not None
        lease._beating.join(60)
        assert lease.lost
        with pytest.raises(errors.LeaseLost):
            said(session)
    assert told(session) == ["acquired planner"]


def test_a_heartbeat_goes_on_after_a_failure_that_passes(
    session: Session,
    pulses: list[Pulse],
    database_time: DatabaseTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> None:
        raise errors.StoreBusy

    with session.lease("planner") as lease:
        pulses[-1].waits()
        with monkeypatch.context() as patch:
            patch.setattr(lease._backend, "renew", fail, raising=False)
            pulses[-1].beat()
            pulses[-1].waits()
        assert not lease.lost
        database_time.passes(20)
        pulses[-1].beat()
        pulses[-1].waits()
        database_time.passes(20)
        said(session)


def test_in_a_callers_transaction_it_is_not_renewed(
    transactional_db: None, pulses: list[Pulse]
) -> None:
    session = local_client().open("k")
    with transaction.atomic():
        with session.lease("planner") as lease:
            assert lease._beating is None
            said(session)
        transaction.set_rollback(True)
    assert session.refresh().version == 1


# -- waiting -----------------------------------------------------------------------------------


@pytest.fixture
def found_busy(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when somebody who waits has found the session held."""
    found = threading.Event()
    monkeypatch.setattr(Database, "rest", lambda _: found.set())
    return found


def test_who_waits_gets_the_lease_after_its_release(
    session: Session, found_busy: threading.Event
) -> None:
    def wait() -> int:
        try:
            with session.lease("writer", wait=600) as lease:
                return lease.token
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with session.lease("planner"):
            waiting = pool.submit(wait)
            assert found_busy.wait(60)
        assert waiting.result(120) == 2


def test_who_waits_in_vain_is_told_so(session: Session) -> None:
    with session.lease("planner"), pytest.raises(errors.SessionBusy):
        elsewhere(lambda: session.lease("writer", wait=0.01).__enter__())


def test_of_eight_threads_each_has_its_turn(session: Session) -> None:
    def work(number: int) -> None:
        try:
            with session.lease(f"agent {number}", wait=600):
                said(session, f"{number} begins")
                said(session, f"{number} ends")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    found = texts(session)
    assert len(found) == 16
    for begins, ends in zip(found[::2], found[1::2], strict=True):
        assert begins.split()[0] == ends.split()[0]


# -- asynchronous ------------------------------------------------------------------------------


async def test_a_task_carries_the_lease_and_so_do_the_tasks_it_starts(client: Client) -> None:
    session = await client.aopen("k")
    entered, done = asyncio.Event(), asyncio.Event()

    async def other() -> None:
        await entered.wait()
        with pytest.raises(errors.SessionBusy):
            await session.aappend(role="user", content="by accident")
        done.set()

    beside = asyncio.create_task(other())
    async with session.lease("planner") as lease:
        entered.set()
        await done.wait()
        await asyncio.gather(
            *(session.aappend(role="user", content=str(number)) for number in range(4))
        )
        await lease.arenew()
    await beside
    assert len(await session.amessages()) == 4
    assert lease.over
    async with await session.alease("writer") as lease:
        await lease.arelease()
    await session.aappend(role="user", content="without")


async def test_more_tasks_wait_than_there_are_threads(client: Client) -> None:
    session = await client.aopen("k")

    async def work(number: int) -> int:
        async with session.lease(f"agent {number}", wait=600) as lease:
            await session.aappend(role="user", content="x")
            return lease.token

    found = await asyncio.gather(*(work(number) for number in range(12)))
    assert sorted(found) == list(range(1, 13))


async def test_what_is_taken_for_a_task_that_left_is_given_back(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await client.aopen("k")
    lease = session.lease("planner")
    right, back = lease._backend.lease, lease._backend.release
    begun, go_on, released = threading.Event(), threading.Event(), threading.Event()

    def slow(*args: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return right(*args)

    def release(*args: Any) -> Any:
        done = back(*args)
        released.set()
        return done

    monkeypatch.setattr(lease._backend, "lease", slow, raising=False)
    monkeypatch.setattr(lease._backend, "release", release, raising=False)
    entering = asyncio.create_task(lease.__aenter__())
    assert await asyncio.to_thread(begun.wait, 60)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    go_on.set()
    assert await asyncio.to_thread(released.wait, 60)
    assert told(session) == ["acquired planner", "released planner"]


async def test_the_sync_form_works_inside_a_running_loop(client: Client) -> None:
    session = client.open("notebook")
    with session.lease("cell"):
        said(session)
    assert told(session) == ["acquired cell", "released cell"]


# -- deciding again ----------------------------------------------------------------------------


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """No pause between tries; which pauses there would have been."""
    asked: list[int] = []

    def pause(tried: int) -> float:
        asked.append(tried)
        return 0.0

    monkeypatch.setattr(attempts, "pause", pause)
    return asked


@pytest.mark.parametrize(("others", "tries"), [(0, 1), (1, 2), (2, 3)])
def test_what_was_decided_on_an_old_version_is_decided_anew(
    client: Client, session: Session, at_once: list[int], others: int, tries: int
) -> None:
    other, seen = client.open("support-42"), []

    def decide(session: Session) -> int:
        seen.append(session.version)
        if len(seen) <= others:
            said(other, "in between")
        return said(session, f"{len(seen)}", expected_version=session.version)

    assert session.attempt(decide) == others + 1
    assert seen == list(range(1, tries + 1))
    assert at_once == list(range(others))
    assert texts(session)[-1] == f"{tries}"


def test_the_third_conflict_is_raised_and_nothing_was_stored(
    client: Client, session: Session, at_once: list[int]
) -> None:
    other = client.open("support-42")

    def decide(session: Session) -> int:
        said(other, "in between")
        return said(session, "never", expected_version=session.version)

    with pytest.raises(errors.StaleVersion):
        session.attempt(decide)
    assert texts(session) == ["in between"] * 3


def test_any_other_error_is_raised_at_once(session: Session, at_once: list[int]) -> None:
    session.end()
    with pytest.raises(errors.SessionEnded):
        session.attempt(said)
    assert not at_once


async def test_an_asynchronous_decision_is_decided_anew(client: Client, at_once: list[int]) -> None:
    session, other = await client.aopen("k"), await client.aopen("k")

    async def decide(session: Session) -> int:
        if not at_once:
            await other.aappend(role="user", content="in between")
        expected = session.version
        done = await session.aappend(role="user", content="x", expected_version=expected)
        return done.seq

    assert await session.aattempt(decide) == 2
    assert at_once == [0]


def test_pauses_grow_and_are_never_alike() -> None:
    first, second = ({attempts.pause(tried) for _ in range(20)} for tried in (0, 1))
    assert len(first) == len(second) == 20
    assert min(first) >= 0.05
    assert max(first) <= 0.1 <= min(second)
    assert max(second) <= 0.2


def test_a_lease_shows_what_it_is(session: Session) -> None:
    lease: Lease = session.lease("planner")
    assert repr(lease) == f"<Lease of planner on {session.id}, over>"
    with lease:
        assert repr(lease) == f"<Lease of planner on {session.id}, token 1>"
