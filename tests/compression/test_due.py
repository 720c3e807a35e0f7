"""What a session is due for stays due until it was done, whatever comes in between; and once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from memory_app.core.work import INVALID_ANSWER
from memory_app.models import Compression
from memory_app.pipeline import Pipeline
from memory_app.worker import Worker
from sessions_app.models import Session
from sessions_app.store.base import Edit, NewSession
from tests.compression import engines
from tests.compression.conftest import Desk
from tests.compression.engines import Engine

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = BEGAN + timedelta(days=9)
RULES: dict[str, Any] = {"window": 3_000, "reserve": 500, "turns": 4}


def talk(desk: Desk, session: UUID, turns: int, at: datetime, what: str = "room") -> None:
    said = [
        {"role": role, "content": text, "created_at": at.isoformat()}
        for turn in range(turns)
        for role, text in (
            ("user", f"Please book {what} {turn + 100} for the workshop on 12 May."),
            ("assistant", f"I will book {what} {turn + 100}; it costs {turn + 5} euros."),
        )
    ]
    desk.say(session, said)


@pytest.fixture
def session(desk: Desk) -> UUID:
    """A session of the past that is not due."""
    at = int(BEGAN.timestamp()) * 1_000_000
    new = NewSession(policy=desk.policy("small", **RULES), at=at)
    made = desk.store.open(desk.project, new).session.id
    talk(desk, made, 12, BEGAN)
    assert desk.due(made).due_us is None
    return made


def waiting(desk: Desk, session: UUID) -> tuple[bool, str, int]:
    """Whether a session is due, and for what."""
    row = desk.due(session)
    return row.due_us is not None, row.due_trigger, row.due_seq


def rest(desk: Desk) -> int:
    """Works until nothing is due; how often that was."""
    worker = Worker(pipeline=desk.pipeline())
    done = 0
    while worker.run_once():
        done += 1
    return done


def triggers(desk: Desk, session: UUID) -> list[str]:
    rows = desk.rows(session)
    assert all(row.outcome == Compression.APPLIED for row in rows)
    return [row.trigger for row in rows]


def goes_on(desk: Desk, session: UUID) -> Callable[[], None]:
    return lambda: talk(desk, session, 1, LATER, "hall")


def test_a_session_that_goes_on_while_another_works_is_resumed_next(
    desk: Desk, session: UUID
) -> None:
    desk.queue(session)
    meanwhile = engines.while_working(goes_on(desk, session))
    assert desk.pipeline(Engine(meanwhile)).work()
    assert waiting(desk, session) == (True, "resume", 24)
    assert rest(desk) == 1
    assert triggers(desk, session) == ["manual", "resume"]
    assert waiting(desk, session) == (False, "", 0)


def test_a_second_pause_while_the_first_is_worked_on_is_another(desk: Desk, session: UUID) -> None:
    goes_on(desk, session)()
    again = engines.while_working(
        lambda: talk(desk, session, 1, LATER + timedelta(days=9), "attic")
    )
    assert desk.pipeline(Engine(again)).work()
    assert waiting(desk, session) == (True, "resume", 26)
    assert rest(desk) == 1
    assert triggers(desk, session) == ["resume", "resume"]
    assert [row.last for row in desk.rows(session)] == [20, 22]


def test_what_was_waited_for_is_not_done_twice(desk: Desk, session: UUID) -> None:
    goes_on(desk, session)()
    assert waiting(desk, session) == (True, "resume", 24)
    assert rest(desk) == 1
    assert triggers(desk, session) == ["resume"]


def test_a_request_does_not_take_the_place_of_a_resume(desk: Desk, session: UUID) -> None:
    """Both wait: the request is its row, the resume stands with the session."""
    goes_on(desk, session)()
    asked = desk.queue(session)
    assert rest(desk) == 2
    assert sorted(triggers(desk, session)) == ["manual", "resume"]
    assert Compression.everything.get(id=asked).outcome == Compression.APPLIED
    assert waiting(desk, session) == (False, "", 0)


def test_a_resume_that_comes_while_an_engine_fails_is_still_due(desk: Desk, session: UUID) -> None:
    def failing(work: Any) -> Any:
        goes_on(desk, session)()
        return engines.fails(INVALID_ANSWER)(work)

    desk.queue(session)
    bad = engines.fails(INVALID_ANSWER)
    Pipeline(desk.store, engine=Engine(failing), fallback=Engine(bad, "fallback")).work()
    assert waiting(desk, session) == (True, "resume", 24)
    assert rest(desk) == 1
    assert [(row.trigger, row.outcome) for row in desk.rows(session)] == [
        ("manual", Compression.FAILED),
        ("resume", Compression.APPLIED),
    ]


def test_a_resume_that_is_tried_again_is_still_of_its_pause(desk: Desk, session: UUID) -> None:
    goes_on(desk, session)()
    assert desk.pipeline(Engine(engines.fails())).work()
    row = desk.due(session)
    assert (row.due_trigger, row.due_seq) == ("resume", 24)
    desk.pipeline().run(desk.claim(session))
    (done,) = desk.rows(session)
    # The two turns before the pause stay in view.
    assert (done.trigger, done.outcome, done.last) == ("resume", Compression.APPLIED, 20)
    assert waiting(desk, session) == (False, "", 0)


def test_a_resume_with_nothing_to_fold_is_done_with(desk: Desk) -> None:
    at = int(BEGAN.timestamp()) * 1_000_000
    new = NewSession(policy=desk.policy("small", **RULES), at=at)
    short = desk.store.open(desk.project, new).session.id
    talk(desk, short, 1, BEGAN)
    talk(desk, short, 1, LATER)
    assert waiting(desk, short) == (True, "resume", 2)
    assert rest(desk) == 1
    assert waiting(desk, short) == (False, "", 0)


def test_what_fills_a_session_while_an_engine_fails_is_due_at_once(
    desk: Desk, session: UUID
) -> None:
    """Nobody need say one more thing before it is looked at again."""

    def failing(work: Any) -> Any:
        talk(desk, session, 40, BEGAN, "hall")
        return engines.fails(INVALID_ANSWER)(work)

    desk.queue(session)
    bad = engines.fails(INVALID_ANSWER)
    Pipeline(desk.store, engine=Engine(failing), fallback=Engine(bad, "fallback")).work()
    assert waiting(desk, session) == (True, "", 0)
    assert rest(desk) == 1
    assert desk.now(session).compressions == 1


@pytest.mark.parametrize("reason", [INVALID_ANSWER, "server_error"])
@pytest.mark.parametrize("policy", ["tiny", "huge"])
def test_a_policy_given_while_an_engine_fails_says_when_it_is_due(
    desk: Desk, session: UUID, reason: str, policy: str
) -> None:
    desk.policy("tiny", window=300, reserve=0, turns=1)
    desk.policy("huge", window=100_000, reserve=0, turns=1)

    def failing(work: Any) -> Any:
        desk.store.edit(desk.project, session, Edit(policy=policy))
        return engines.fails(reason)(work)

    desk.queue(session)
    bad = engines.fails(reason)
    Pipeline(desk.store, engine=Engine(failing), fallback=Engine(bad, "fallback")).work()
    due = {"tiny": 180, "huge": 60_000}[policy]
    assert desk.due(session).due_tokens == due
    again = policy == "tiny" or reason == "server_error"
    assert (desk.due(session).due_us is not None) is again


def test_a_row_that_was_tried_is_not_forgotten_when_nothing_is_left(
    desk: Desk, session: UUID
) -> None:
    desk.queue(session)
    desk.pipeline(Engine(engines.fails())).run(desk.claim(session))
    desk.retract(session, 1)
    desk.pipeline().run(desk.claim(session))
    (row,) = desk.rows(session)
    assert (row.outcome, row.attempts, row.version) == (Compression.FAILED, 1, None)
    assert row.finished_us is not None
    assert row.error.startswith("server_error")
    assert "server_error" in row.tried
    assert row.tokens_after == row.tokens_before
    assert desk.due(session).due_us is None


def test_a_row_whose_worker_died_in_the_middle_is_not_forgotten_either(
    desk: Desk, session: UUID
) -> None:
    def dies(_: Any) -> Any:
        raise KeyboardInterrupt

    desk.queue(session)
    with pytest.raises(KeyboardInterrupt):
        desk.pipeline(Engine(dies)).run(desk.claim(session))
    desk.overtake(session)
    desk.retract(session, 1)
    desk.pipeline().run(desk.claim(session))
    (row,) = desk.rows(session)
    assert (row.outcome, row.attempts, row.error) == (Compression.FAILED, 1, "interrupted")


def test_a_row_that_nobody_tried_leaves_no_trace(desk: Desk, session: UUID) -> None:
    desk.queue(session)
    desk.retract(session, 1)
    desk.pipeline().run(desk.claim(session))
    assert desk.rows(session) == []
    assert Session.everything.get(id=session).due_us is None
