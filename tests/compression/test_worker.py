"""What is due gets done: by turns the oldest and the newest, until told to stop."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import pytest

from memory_app.core.passages import Point
from memory_app.core.work import Work
from memory_app.engines import Embedded
from memory_app.worker import Worker
from sessions_app import waking
from sessions_app.store import folding
from tests.compression.conftest import Desk

RULES: dict[str, Any] = {"window": 1_200, "reserve": 200, "turns": 2}
SECONDS = 30


def full(desk: Desk, number: int) -> UUID:
    """A session over its first mark."""
    made = desk.session(policy="small")
    said = [
        {"role": role, "content": f"Order {number}-{turn} goes to pier {turn} at 17:{turn:02d}."}
        for turn in range(22)
        for role in ("user", "assistant")
    ]
    desk.say(made, said)
    assert desk.due(made).due_us is not None
    return made


def test_the_oldest_and_the_newest_are_done_by_turns(desk: Desk) -> None:
    desk.policy("small", **RULES)
    sessions = [full(desk, number) for number in range(4)]
    worker = Worker(pipeline=desk.pipeline())
    order = []
    while worker.run_once():
        order += [
            at
            for at, session in enumerate(sessions)
            if desk.now(session).compressions and at not in order
        ]
    assert order == [3, 0, 2, 1]
    assert folding.backlog(desk.store)[0] == 0


def test_an_append_that_makes_a_session_due_calls_within_the_process(committed: Desk) -> None:
    called = threading.Event()
    leave = waking.listen(called.set)
    try:
        committed.policy("small", **RULES)
        full(committed, 1)
        assert called.is_set()
    finally:
        leave()


@pytest.mark.django_db(transaction=True)
def test_a_started_worker_does_what_becomes_due_and_stops(committed: Desk) -> None:
    done = threading.Event()

    class Telling(Embedded):
        def summarise(self, work: Work) -> list[Point]:
            points = super().summarise(work)
            done.set()
            return points

    pipeline = committed.pipeline()
    pipeline.fallback = Telling()
    worker = Worker(pipeline=pipeline)
    worker.start()
    try:
        committed.policy("small", **RULES)
        session = full(committed, 1)
        assert done.wait(SECONDS)
    finally:
        assert worker.stop(SECONDS)
    assert committed.now(session).compressions == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_not_finished_in_time_is_given_back(committed: Desk) -> None:
    begun, release = threading.Event(), threading.Event()

    class Slow(Embedded):
        name = "slow"

        def summarise(self, work: Work) -> list[Point]:
            begun.set()
            assert release.wait(SECONDS)
            return super().summarise(work)

    committed.policy("small", **RULES)
    session = full(committed, 1)
    worker = Worker(pipeline=committed.pipeline(Slow()))
    worker.start()
    assert begun.wait(SECONDS)
    assert not worker.stop(0)
    # Another may begin at once, and what the slow one says at last is dropped.
    assert committed.pipeline().work()
    release.set()
    worker._thread.join(SECONDS)
    assert committed.now(session).compressions == 1
    assert [row.engine for row in committed.rows(session) if row.outcome == "applied"] == [
        "embedded"
    ]
