"""Whatever happens to a replica: the primary answers, nothing is raised, and few calls find out."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from sessions_app import conditions
from sessions_app.core.beats import STILL
from sessions_app.core.breaker import FAILURES, PAUSE
from sessions_app.store import replicated
from sessions_app.store.database import Database
from sessions_app.store.reading import Reader
from sessions_app.store.replicas import LAGS
from sessions_app.store.replicated import Old, Stood
from tests.hot.asking import context, plain, tail
from tests.replicas.asking import Following, ordered, paused, told, until
from tests.replicas.conftest import beside, reading
from tests.servers import Server, free_port
from tests.store.saying import filled, turn

ASKED = {"tokens": 2_000}


def as_the_primary(found: Following, project: int, session: UUID) -> None:
    """Every read is answered as if there were no replica."""
    assert found.tail(project, session) == tail(plain(), project, session)
    expected = context(plain(), project, session, **ASKED)
    assert found.context(project, session, **ASKED) == expected


def attempts(found: Following, call: Callable[[], Any]) -> int:
    """How many times a replica was asked meanwhile."""
    before = sum(found.counted(name) for name in ("answers", "lags", "errors"))
    call()
    return sum(found.counted(name) for name in ("answers", "lags", "errors")) - before


@contextmanager
def killed(server: Server) -> Iterator[None]:
    server.process.send_signal(signal.SIGQUIT)  # what a crash does, and nobody is left behind
    server.process.wait(60)
    yield


@contextmanager
def shut_down(server: Server) -> Iterator[None]:
    server.process.send_signal(signal.SIGINT)
    server.process.wait(60)
    yield


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    with server.frozen():
        yield


FAILING = {
    "killed": killed,
    "shut down": shut_down,
    "frozen": frozen,
}


@pytest.mark.parametrize("fault", FAILING)
def test_while_a_replica_fails_the_primary_answers_and_three_calls_find_out(
    harmed: Following, own_standby: Server, project: int, fault: str
) -> None:
    session = filled(harmed.store, project)
    harmed.beaten()
    as_the_primary(harmed, project, session)
    assert harmed.counted("answers") == 2
    with FAILING[fault](own_standby):
        plain().append(project, session, turn("since then"))

        def everything() -> None:
            harmed.beaten_alone()
            for _ in range(3):
                as_the_primary(harmed, project, session)

        assert attempts(harmed, everything) == FAILURES
        (broken,) = conditions.broken()
        assert broken.part == conditions.REPLICA
        assert harmed.counted("openings") == 1
        harmed.clock.now += PAUSE
        harmed.beaten_alone()
        assert attempts(harmed, lambda: as_the_primary(harmed, project, session)) == 1
        assert conditions.broken() == [broken]


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_a_replica_that_comes_back_is_asked_again_after_one_probe(
    harmed: Following, own_standby: Server, project: int, fault: str
) -> None:
    session = filled(harmed.store, project)
    harmed.beaten()
    with FAILING[fault](own_standby):
        for _ in range(FAILURES):
            harmed.beaten_alone()
            harmed.tail(project, session)
        assert [one.part for one in conditions.broken()] == [conditions.REPLICA]
    if fault == "killed":
        own_standby.start_again()
    harmed.beaten()
    assert attempts(harmed, lambda: harmed.tail(project, session)) == 1
    assert harmed.counted("answers") == 1
    assert conditions.broken() == []
    as_the_primary(harmed, project, session)
    assert harmed.counted("answers") == 3


def test_a_replica_that_stands_still_is_asked_once_in_a_while_and_then_named(
    harmed: Following, own_standby: Server, project: int
) -> None:
    """Every second one caller finds that it is too old still, and once nobody can take what it has
    any longer, it is as one that fails."""
    session = filled(harmed.store, project)
    harmed.beaten()
    as_the_primary(harmed, project, session)
    with paused(own_standby):
        plain().append(project, session, turn("since then"))
        asked = [
            attempts(harmed, lambda: several(harmed, project, session))
            for _ in range(int(STILL) // 11 + 1)
        ]
        assert asked == [1] * len(asked)
        assert conditions.broken() == []
        for _ in range(FAILURES):
            assert conditions.broken() == []
            assert attempts(harmed, lambda: several(harmed, project, session)) == 1
        (broken,) = conditions.broken()
        assert (broken.part, broken.cause) == (conditions.REPLICA, LAGS)
        assert harmed.counted("openings") == 1
    harmed.beaten()
    assert attempts(harmed, lambda: harmed.tail(project, session)) == 1
    assert conditions.broken() == []
    answers = harmed.counted("answers")
    as_the_primary(harmed, project, session)
    assert harmed.counted("answers") == answers + 2


def several(found: Following, project: int, session: UUID) -> None:
    """A little later, reads of those who take what is ten seconds old."""
    found.beaten_alone()
    for _ in range(3):
        as_the_primary(found, project, session)


def test_a_replica_that_is_too_old_for_some_goes_on_answering_the_others(
    own_standby: Server, project: int
) -> None:
    session = filled(plain(), project)
    ordered(own_standby, "recovery_min_apply_delay = '2s'")
    with reading(own_standby) as alias:
        found = beside(alias)
        found.beaten()
        for lenient in range(1, 3 * FAILURES):
            found.clock.now += 1  # so that it is asked again by who takes little
            found.replicas.choose(1)
            found.clock.now += 0.4
            plain().append(project, session, turn("since then"))
            for _ in range(3):
                assert found.tail(project, session, 1) == tail(plain(), project, session)
            assert found.counted("lags") == lenient
            found.tail(project, session, 60)
            assert found.counted("answers") == lenient
        assert conditions.broken() == []
        assert found.counted("openings") == 0


def test_a_server_that_follows_nobody_any_longer_is_left_alone_at_once(
    harmed: Following, own_standby: Server, project: int
) -> None:
    session = filled(harmed.store, project)
    harmed.beaten()
    assert told(own_standby, "SELECT pg_promote()")
    for _ in range(FAILURES):
        harmed.beaten_alone()
        as_the_primary(harmed, project, session)
    assert [one.part for one in conditions.broken()] == [conditions.REPLICA]
    assert harmed.counted("answers") == 0


def test_a_replica_that_is_absent_at_the_start_costs_three_calls(
    project: int, own_standby: Server
) -> None:
    session = filled(plain(), project)
    own_standby.url = f"postgresql://postgres@127.0.0.1:{free_port()}/postgres"
    with reading(own_standby) as alias:
        found = beside(alias)
        found.beaten_alone()
        for _ in range(FAILURES):
            as_the_primary(found, project, session)
    assert found.counted("errors") == FAILURES


def test_a_replica_that_applies_later_on_purpose_answers_who_takes_what_is_so_old(
    own_standby: Server, project: int
) -> None:
    session = filled(plain(), project)
    ordered(own_standby, "recovery_min_apply_delay = '1s'")
    with reading(own_standby) as alias:
        found = beside(alias)
        found.clock.now += 10
        found.replicas.choose(10)
        found.clock.now += 0.5
        plain().append(project, session, turn("since then"))
        assert found.tail(project, session, 1) == tail(plain(), project, session)
        assert found.counted("lags") == 1
        found.beaten()
        assert found.tail(project, session, 10) == tail(plain(), project, session)
        assert found.counted("answers") == 1


def test_two_replicas_share_the_reads_and_one_alone_goes_on(
    alias: str, own_standby: Server, project: int
) -> None:
    session = filled(plain(), project)
    with reading(own_standby, "other") as other:
        found = beside(alias, other)
        found.beaten()
        for _ in range(4):
            found.tail(project, session)
        assert [each.part.counts()["answers"] for each in found.replicas.all] == [2, 2]
        with killed(own_standby):
            for _ in range(2 * FAILURES):
                as_the_primary(found, project, session)
            assert [one.part for one in conditions.broken()] == [f"{conditions.REPLICA} 2"]
            assert attempts(found, lambda: as_the_primary(found, project, session)) == 2


def test_a_read_that_recovery_cancels_is_the_primarys(
    own_standby: Server, project: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What a standby replays goes before what it is asked."""
    session = filled(plain(), project)
    ordered(own_standby, "max_standby_streaming_delay = 0")
    with reading(own_standby) as alias:
        found = beside(alias)
        found.beaten()
        met: list[Exception] = []

        def make(reader: Reader, _: Stood) -> None:
            reader.db.row("SELECT COUNT(*) FROM holdfast_outage")
            Database("default").run("TRUNCATE holdfast_outage")
            try:
                while True:
                    reader.db.row("SELECT pg_sleep(0.01)")
            except Exception as error:
                met.append(error)
                raise

        old = Old(project, session, 10)
        assert replicated.made(found.store, old, make) is None
        assert "conflict with recovery" in str(met[0])
        assert found.counted("errors") == 1
        before = found.counted("answers")
        found.beaten()
        as_the_primary(found, project, session)
        assert found.counted("answers") == before + 2


def test_connections_that_were_ended_cost_no_answer(
    found: Following, standby: Server, project: int
) -> None:
    session = filled(found.store, project)
    found.beaten()
    as_the_primary(found, project, session)
    told(
        standby,
        "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    )
    as_the_primary(found, project, session)
    found.beaten()

    def answered() -> bool:
        as_the_primary(found, project, session)
        return found.counted("answers") >= 4

    until(answered)


def test_a_primary_that_takes_no_beat_answers_itself(found: Following, project: int) -> None:
    session = filled(found.store, project)
    db = Database("default")
    db.run("ALTER TABLE holdfast_beat RENAME TO hidden")
    try:
        found.clock.now += 11
        as_the_primary(found, project, session)
        found.clock.now += 1
        as_the_primary(found, project, session)
    finally:
        db.run("ALTER TABLE hidden RENAME TO holdfast_beat")
    assert found.counted("answers") == 0
    assert conditions.broken() == []


def test_what_is_told_of_a_failure_names_no_address(
    harmed: Following, own_standby: Server, project: int, caplog: pytest.LogCaptureFixture
) -> None:
    session = filled(harmed.store, project)
    harmed.beaten()
    with killed(own_standby):
        for _ in range(FAILURES):
            harmed.tail(project, session)
        said = f"{conditions.broken()} {harmed.replicas.all[0].look()}"
    assert "127.0.0.1" not in said
    assert "OperationalError" in said or "PoolTimeout" in said or "AdminShutdown" in said
