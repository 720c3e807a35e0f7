"""I5, I8: a compression that fails changes nothing but the account of the attempt."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from memory_app import context, fates
from memory_app.context import Ask
from memory_app.core.passages import Point
from memory_app.core.work import (
    CRASHED,
    INVALID_ANSWER,
    RATE_LIMITED,
    SERVER_ERROR,
    EngineFailed,
    Work,
)
from memory_app.models import Compression, Fact, FateRun, Summary
from memory_app.pipeline import ATTEMPTS, Pipeline
from sessions_app import clock
from sessions_app.models import Event, Message, Session
from sessions_app.verifying import verify
from tests.compression import engines
from tests.compression.conftest import Desk
from tests.compression.engines import Engine

PLACE = ("due_us", "due_trigger", "due_seq", "due_tokens", "claim", "claim_until_us")
"""What a session's row says about who compresses it and when; it may change."""


@pytest.fixture
def session(desk: Desk) -> UUID:
    """A session over its first mark."""
    name = desk.policy("small", window=1_000, reserve=0, turns=2)
    said = []
    for n in range(30):
        said.append({"role": "user", "content": f"Order {n}17 must go to Lisbon by May {n % 28}."})
        said.append({"role": "assistant", "content": f"I will send order {n}17 with box {n}4."})
    made = desk.session(said, system="Be kind.", policy=name)
    assert desk.due(made).due_us is not None
    return made


def everything(desk: Desk, session: UUID) -> list[Any]:
    """All that a failed compression must leave alone."""
    row = {
        name: value
        for name, value in Session.everything.filter(id=session).values().get().items()
        if name not in PLACE
    }
    tables: list[Any] = [
        list(model._base_manager.order_by("pk").values_list())
        for model in (Message, Event, Summary, FateRun, Fact)
    ]
    now = desk.now(session)
    built = [
        context.build(desk.store, desk.project, session, Ask(tokens=tokens)).digest
        for tokens in (None, 300)
    ]
    return [row, tables, fates.at(desk.store, now), built]


BAD = {
    "it raises": (engines.fails(INVALID_ANSWER), INVALID_ANSWER),
    "it crashes": (engines.crashes, CRASHED),
    "nothing": (engines.empty, "empty"),
    "blanks": (engines.blank, "no words"),
    "too long": (engines.too_long, "too long"),
    "repeats itself": (engines.repeats, "degenerate"),
}


@pytest.mark.parametrize("bad", BAD)
def test_i05_what_is_no_summary_changes_nothing(desk: Desk, session: UUID, bad: str) -> None:
    """With a fallback that is as bad, so that nothing else repairs it."""
    answer, reason = BAD[bad]
    before = everything(desk, session)
    fake = Engine(answer)
    assert Pipeline(desk.store, engine=fake, fallback=Engine(answer, "fallback")).work()
    assert everything(desk, session) == before
    (row,) = desk.rows(session)
    assert row.outcome in (Compression.FAILED, Compression.REFUSED)
    assert row.error.startswith(reason)
    assert row.tokens_after == row.tokens_before == desk.now(session).active_tokens
    assert [(one["engine"], one["reason"].partition(":")[0]) for one in tried(row)] == [
        ("fake", reason),
        ("fallback", reason),
    ]
    assert (row.version, row.finished_us is not None) == (None, True)
    assert list(verify(desk.store)) == []


@pytest.mark.parametrize("bad", BAD)
def test_what_a_model_cannot_do_the_embedded_engine_does(
    desk: Desk, session: UUID, bad: str
) -> None:
    answer, reason = BAD[bad]
    assert desk.pipeline(Engine(answer)).work()
    (row,) = desk.rows(session)
    assert (row.outcome, row.engine, row.error) == (Compression.APPLIED, "embedded", "")
    assert [one["reason"].partition(":")[0] for one in tried(row)] == [reason]
    assert desk.now(session).active_tokens == row.tokens_after < row.tokens_before


def test_i05_a_lie_carries_nothing(desk: Desk, session: UUID) -> None:
    """A summary with other numbers may be written; no message is said to stand in it."""
    assert desk.pipeline(Engine(engines.lies)).work()
    (row,) = desk.rows(session)
    assert row.outcome == Compression.APPLIED
    points = Summary.objects.get(session_id=desk.now(session).number).points
    facts = " ".join(fact.text for fact in Fact.everything.filter(session__id=session))
    decided = {one[0]: one[1] for one in json.loads(row.decisions)}
    assert set(decided.values()) > {"extracted"}
    for seq, fate in decided.items():
        number = f"{(seq - 1) // 2}17"
        assert not (fate == "summarised" and number not in points), seq
        assert not (fate == "extracted" and number not in facts), seq


def tried(row: Compression) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(row.tried)
    return found


def test_what_may_pass_is_tried_again_later_and_then_by_the_embedded_engine(
    desk: Desk, session: UUID
) -> None:
    fake = Engine(engines.fails(SERVER_ERROR))
    before = everything(desk, session)
    for attempt in range(1, ATTEMPTS):
        now = clock.now_us()
        desk.pipeline(fake).run(desk.claim(session))
        (row,) = desk.rows(session)
        due = desk.due(session)
        assert (row.outcome, row.attempts) == (Compression.RUNNING, attempt)
        assert row.tokens_after == row.tokens_before
        assert due.due_us is not None
        assert due.due_us > now + 1_000_000
        assert due.claim_until_us == 0
        assert not desk.pipeline(fake).work()
        assert everything(desk, session) == before
    desk.pipeline(fake).run(desk.claim(session))
    (row,) = desk.rows(session)
    assert (row.outcome, row.engine) == (Compression.APPLIED, "embedded")
    assert (row.attempts, len(fake.asked)) == (ATTEMPTS, ATTEMPTS)
    assert [one["engine"] for one in tried(row)] == ["fake"] * ATTEMPTS
    assert list(verify(desk.store)) == []


def test_the_pause_grows_and_is_never_endless(desk: Desk, session: UUID) -> None:
    pauses = []
    for _ in range(ATTEMPTS - 1):
        now = clock.now_us()
        desk.pipeline(Engine(engines.fails())).run(desk.claim(session))
        pauses.append(((desk.due(session).due_us or 0) - now) / 1_000_000)
    assert all(3 < pause < 700 for pause in pauses)
    assert pauses[1] > pauses[0] * 0.9


def test_an_endpoint_that_says_when_is_asked_then(desk: Desk, session: UUID) -> None:
    def later(_: Work) -> list[Point]:
        raise EngineFailed(RATE_LIMITED, after=33.0)

    now = clock.now_us()
    assert desk.pipeline(Engine(later)).work()
    due = desk.due(session).due_us
    assert due is not None
    assert 32_000_000 < due - now < 60_000_000


def test_when_the_last_engine_fails_too_the_session_rests_until_it_has_grown(
    desk: Desk, session: UUID
) -> None:
    bad = Engine(engines.fails(INVALID_ANSWER), "embedded")
    worker = Pipeline(desk.store, engine=bad, fallback=bad)
    assert worker.work()
    (row,) = desk.rows(session)
    assert (row.outcome, row.attempts) == (Compression.FAILED, 1)
    assert not worker.work()
    due = desk.due(session)
    assert due.due_us is None
    assert due.due_tokens > due.active_tokens
    while desk.due(session).due_us is None:
        assert desk.now(session).active_tokens < due.due_tokens
        desk.say(session, [{"role": "user", "content": "And order 9917 to Faro, please."}])
    assert desk.now(session).active_tokens >= due.due_tokens
    assert desk.pipeline().work()
    assert [row.outcome for row in desk.rows(session)] == [Compression.FAILED, Compression.APPLIED]


def test_a_bug_in_an_engine_is_not_hidden_and_ends_no_worker(
    desk: Desk, session: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    assert desk.pipeline(Engine(engines.crashes)).work()
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.exc_info
    assert record.exc_info[0] is ZeroDivisionError
    (row,) = desk.rows(session)
    assert (row.outcome, row.engine) == (Compression.APPLIED, "embedded")
    assert "crashed: ZeroDivisionError" in row.tried


def test_a_session_deleted_meanwhile_is_done_once_it_is_back(desk: Desk, session: UUID) -> None:
    claim = desk.claim(session)
    desk.store.delete(desk.project, session)
    desk.pipeline().run(claim)
    assert not desk.pipeline().work()
    desk.store.restore(desk.project, session)
    assert desk.pipeline().work()
    assert desk.now(session).compressions == 1


def test_a_session_purged_meanwhile_is_no_trouble(desk: Desk, session: UUID) -> None:
    purged = engines.while_working(lambda: desk.store.purge(desk.project, session))
    assert desk.pipeline(Engine(purged)).work()
    assert not Summary.objects.exists()
    assert not Compression.everything.exists()
