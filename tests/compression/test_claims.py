"""I8: no lock while an engine works, one compression whoever works, and nothing of who was late."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from memory_app import asking, fates
from memory_app.asking import Asked
from memory_app.core.work import INVALID_ANSWER
from memory_app.models import Compression, Fact, FateRun, Summary
from sessions_app.models import Event, Session
from sessions_app.store.base import Edit
from sessions_app.verifying import verify
from tests.building import ROOT
from tests.compression import engines
from tests.compression.conftest import Desk
from tests.compression.engines import Engine
from tests.compression.stopping import POINTS
from tests.store.racing import race


def said(first: int, count: int) -> list[dict[str, Any]]:
    return [
        message
        for n in range(first, first + count)
        for message in (
            {"role": "user", "content": f"Order {n}17 must go to Lisbon by May {n % 28 + 1}."},
            {"role": "assistant", "content": f"I will send order {n}17 with box {n}4 to Rosa."},
        )
    ]


@pytest.fixture
def session(committed: Desk) -> UUID:
    """A session that is due."""
    name = committed.policy("small", window=1_000, reserve=0, turns=2)
    return committed.session(said(0, 30), policy=name)


def check_one(desk: Desk, session: UUID, count: int = 1) -> Compression:
    """Exactly so many compressions are stored, each whole; the newest of them."""
    now = desk.now(session)
    rows = desk.rows(session)
    applied = [row for row in rows if row.outcome == Compression.APPLIED]
    versions = [row.version for row in applied]
    assert len(applied) == count == now.compressions
    assert len(rows) == count, "an attempt of its own"
    of = {"session_id": now.number}
    assert list(
        Event.objects.filter(**of, kind="compressed").values_list("version", flat=True)
    ) == (versions)
    assert list(Summary.objects.filter(**of).values_list("version", flat=True)) == versions
    assert set(FateRun.objects.filter(**of).values_list("since", flat=True)) <= set(versions)
    assert set(Fact.everything.filter(**of).values_list("since", flat=True)) <= set(versions)
    messages, runs = fates.at(desk.store, now)
    assert sum(run.last - run.first + 1 for run in runs) == messages
    assert list(verify(desk.store)) == []
    return applied[-1]


def test_i08_two_workers_at_once_do_it_once(committed: Desk, session: UUID) -> None:
    done = race(2, lambda _: committed.pipeline().work())
    assert sorted(done) in ([False, True], [True, True])
    check_one(committed, session)


def test_i08_nobody_else_gets_a_session_while_its_engine_works(
    committed: Desk, session: UUID
) -> None:
    second: list[bool] = []
    meanwhile = engines.while_working(lambda: second.append(committed.pipeline().work()))
    assert committed.pipeline(Engine(meanwhile)).work()
    assert second == [False]
    assert check_one(committed, session).engine == "fake"


def test_i08_no_transaction_is_open_while_an_engine_works(committed: Desk, session: UUID) -> None:
    def look() -> None:
        assert not connection.in_atomic_block
        race(1, lambda _: committed.say(session, said(40, 1)))

    assert committed.pipeline(Engine(engines.while_working(look))).work()
    check_one(committed, session)


@pytest.mark.parametrize("late", [engines.honest, engines.fails(), engines.fails(INVALID_ANSWER)])
def test_i08_who_was_overtaken_stores_nothing(committed: Desk, session: UUID, late: Any) -> None:
    """Another one took over and finished the work that this one still believes to be its own."""
    seen: list[Any] = []

    def overtaken(work: Any) -> Any:
        committed.overtake(session)
        assert committed.pipeline().work()
        seen.append(Compression.everything.filter(session__id=session).values().get())
        return late(work)

    assert committed.pipeline(Engine(overtaken)).work()
    assert check_one(committed, session).engine == "embedded"
    assert [Compression.everything.filter(session__id=session).values().get()] == seen


@pytest.mark.parametrize("late", [engines.honest, engines.fails(), engines.fails(INVALID_ANSWER)])
def test_i08_who_was_overtaken_leaves_the_work_to_the_other(
    committed: Desk, session: UUID, late: Any
) -> None:
    """Another one has only just taken over."""
    claims = []

    def overtaken(work: Any) -> Any:
        committed.overtake(session)
        claims.append(committed.claim(session))
        return late(work)

    before = committed.now(session)
    assert committed.pipeline(Engine(overtaken)).work()
    assert committed.now(session) == before
    (row,) = committed.rows(session)
    assert (row.outcome, row.attempts, row.tried) == (Compression.RUNNING, 1, "[]")
    assert committed.due(session).claim_until_us > 0
    committed.pipeline().run(claims[0])
    check_one(committed, session)


def test_i08_what_is_said_while_an_engine_works_stays_verbatim(
    committed: Desk, session: UUID
) -> None:
    before = committed.now(session).messages
    more = engines.while_working(lambda: committed.say(session, said(40, 3)))
    assert committed.pipeline(Engine(more)).work()
    row = check_one(committed, session)
    assert row.last < before
    runs = fates.at(committed.store, committed.now(session))[1]
    assert (runs[-1].fate, runs[-1].last) == ("verbatim", before + 6)
    assert "Order 4217" in committed.context(session).messages[-2]["content"]


@pytest.mark.parametrize("change", ["retract", "pin", "unpin"])
def test_i08_what_was_changed_meanwhile_is_folded_anew(
    committed: Desk, session: UUID, change: str
) -> None:
    """A fold over a state that is gone is not stored; the work is done again over the new one."""
    committed.pin(session, 10)
    deeds = {
        "retract": lambda: committed.retract(session, 6, 6),
        "pin": lambda: committed.pin(session, 6),
        "unpin": lambda: committed.unpin(session, 10),
    }
    fake = Engine(engines.while_working(deeds[change]))
    worker = committed.pipeline(fake)
    assert worker.work()
    assert committed.now(session).compressions == 0
    assert not Summary.objects.exists()
    assert worker.work()
    check_one(committed, session)
    first, second = [{passage.seq for passage in work.passages} for work in fake.asked]
    now = committed.now(session)
    if change == "unpin":
        assert 10 in second - first
        assert fates.of_message(committed.store, now, 10) != "verbatim"
    else:
        fate = {"retract": "retracted", "pin": "retained"}[change]
        assert 6 in first - second
        assert fates.of_message(committed.store, now, 6) == fate


def test_a_policy_given_meanwhile_decides_when_it_is_due_again(
    committed: Desk, session: UUID
) -> None:
    committed.policy("tiny", window=300, reserve=0, turns=1)
    edit = engines.while_working(
        lambda: committed.store.edit(committed.project, session, Edit(policy="tiny"))
    )
    assert committed.pipeline(Engine(edit)).work()
    assert committed.due(session).due_tokens == 180
    assert committed.pipeline().work()
    assert committed.now(session).compressions == 2
    assert [row.policy_name for row in committed.rows(session)] == ["small", "tiny"]


def test_a_compression_under_another_policy_leaves_the_sessions_own_marks(
    committed: Desk, session: UUID
) -> None:
    committed.policy("large", window=10_000, reserve=0, turns=3, retained=0)
    done = committed.compress(session, policy="large")
    assert done["outcome"] == "applied"
    assert committed.due(session).due_tokens <= 1_000
    committed.say(session, said(50, 20))
    assert committed.pipeline().work()


def test_what_is_asked_for_while_another_works_is_done_next(committed: Desk, session: UUID) -> None:
    """Nobody forgets a request because the level made the session due before."""
    asked: list[UUID] = []
    meanwhile = engines.while_working(lambda: asked.append(committed.queue(session)))
    assert committed.pipeline(Engine(meanwhile)).work()
    committed.say(session, said(60, 4))
    assert committed.pipeline().work()
    assert not committed.pipeline().work()
    (row,) = Compression.everything.filter(id=asked[0])
    assert (row.outcome, row.trigger) == (Compression.APPLIED, "manual")


def test_two_who_ask_at_once_both_get_an_answer(committed: Desk, session: UUID) -> None:
    done = race(2, lambda _: asking.compress(committed.store, committed.project, session, Asked()))
    outcomes = sorted(str(one["outcome"]) for one in done)
    assert outcomes in (["applied", "applied"], ["applied", "nothing"])
    assert committed.now(session).compressions == outcomes.count("applied")
    assert not Compression.everything.unfinished().exists()
    assert list(verify(committed.store)) == []


@pytest.mark.parametrize("point", POINTS)
def test_i08_a_worker_that_is_killed_leaves_no_half_summary(
    committed: Desk, session: UUID, point: str
) -> None:
    settings = {"DATABASE_URL": address(), "DJANGO_SETTINGS_MODULE": "holdfast.settings"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.compression.stopping", point],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"reached\n"
        worker.kill()
    done = point == "after the commit"
    assert committed.now(session).compressions == done
    assert Summary.objects.count() == done
    assert not committed.pipeline().work(), "its claim still holds"
    committed.overtake(session)
    assert committed.pipeline().work() is not done
    check_one(committed, session)
    assert Session.everything.get(id=session).due_us is None


def address() -> str:
    """The database of this test as another process names it."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{connection.settings_dict['NAME']}"
    connection.ensure_connection()
    info = connection.connection.info
    return f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"
