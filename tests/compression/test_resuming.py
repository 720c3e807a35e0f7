"""After a long pause a session opens with where it stood; one that rests is folded meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from memory_app import gathering, idling
from memory_app.models import Summary
from memory_app.worker import Worker
from sessions_app import clock
from sessions_app.models import Session
from sessions_app.store.base import NewSession
from tests.compression.conftest import Desk

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RULES: dict[str, Any] = {"window": 3_000, "reserve": 500, "turns": 4}


def begun(desk: Desk) -> UUID:
    """A session that was begun in the past."""
    at = int(BEGAN.timestamp()) * 1_000_000
    new = NewSession(policy=desk.policy("small", **RULES), at=at)
    return desk.store.open(desk.project, new).session.id


def talk(desk: Desk, session: UUID, turns: int, at: datetime, what: str = "room") -> None:
    said = []
    for turn in range(turns):
        at += timedelta(minutes=1)
        said += [
            {
                "role": "user",
                "content": f"Please book {what} {turn + 100} for the workshop on 12 May.",
                "created_at": at.isoformat(),
            },
            {
                "role": "assistant",
                "content": f"I will book {what} {turn + 100}; it costs {turn + 5} euros.",
                "created_at": at.isoformat(),
            },
        ]
    desk.say(session, said)


def work(desk: Desk) -> int:
    worker = Worker(pipeline=desk.pipeline())
    done = 0
    while worker.run_once():
        done += 1
    return done


def test_a_session_that_goes_on_after_a_week_opens_with_a_note(desk: Desk) -> None:
    session = begun(desk)
    talk(desk, session, 8, BEGAN)
    assert work(desk) == 0
    talk(desk, session, 1, BEGAN + timedelta(days=8), what="hall")
    assert work(desk) == 1
    (row,) = desk.rows(session)
    # The two turns before the pause stay in view, and so does what came after it.
    assert (row.trigger, row.first, row.last) == ("resume", 1, 12)
    built = desk.context(session)
    assert [part.name for part in built.parts][:1] == ["resume"]
    assert "last time: Please book room 105" in built.messages[0]["content"]
    assert "went on after a long pause" in built.messages[0]["content"]
    assert built.messages[-1]["content"].startswith("I will book hall 100")


def test_a_pause_of_six_days_is_none(desk: Desk) -> None:
    session = begun(desk)
    talk(desk, session, 8, BEGAN)
    talk(desk, session, 1, BEGAN + timedelta(days=6))
    assert work(desk) == 0


def test_a_short_session_that_goes_on_is_shown_whole(desk: Desk) -> None:
    session = begun(desk)
    talk(desk, session, 2, BEGAN)
    talk(desk, session, 1, BEGAN + timedelta(days=30))
    assert work(desk) == 1
    assert desk.rows(session) == []
    assert desk.now(session).compressions == 0
    assert desk.due(session).due_us is None


def test_every_line_of_the_note_names_its_message(desk: Desk) -> None:
    session = begun(desk)
    talk(desk, session, 8, BEGAN)
    talk(desk, session, 1, BEGAN + timedelta(days=8))
    work(desk)
    summary = Summary.objects.get(session_id=desk.now(session).number)
    points = gathering.read_points(summary.points)
    assert points
    assert all(point.seqs and set(point.seqs) <= set(range(1, 13)) for point in points)


def test_a_session_that_rests_half_full_is_folded_once(desk: Desk) -> None:
    session = begun(desk)
    talk(desk, session, 26, BEGAN)
    assert 0.3 < desk.now(session).level < 0.6
    hour = int((BEGAN + timedelta(minutes=90)).timestamp()) * 1_000_000
    assert idling.mark(desk.store, hour) == 1
    assert work(desk) == 1
    assert [row.trigger for row in desk.rows(session)] == ["idle"]
    assert idling.mark(desk.store, hour) == 0


def test_neither_a_busy_nor_an_almost_empty_session_is_idle(desk: Desk) -> None:
    busy, empty = begun(desk), begun(desk)
    talk(desk, busy, 26, BEGAN)
    talk(desk, empty, 3, BEGAN)
    soon = int((BEGAN + timedelta(minutes=40)).timestamp()) * 1_000_000
    assert idling.mark(desk.store, soon) == 0
    later = int((BEGAN + timedelta(minutes=90)).timestamp()) * 1_000_000
    assert idling.mark(desk.store, later) == 1
    assert desk.due(empty).due_us is None


def test_a_clock_that_jumps_makes_at_most_a_hundred_due(desk: Desk) -> None:
    session = begun(desk)
    talk(desk, session, 26, BEGAN)
    row = desk.due(session)
    copies = [
        Session(**{
            **{field.attname: getattr(row, field.attname) for field in Session._meta.fields},
            "number": None,
            "id": UUID(int=number),
        })
        for number in range(1, 150)
    ]  # fmt: skip
    Session.everything.bulk_create(copies)
    hour = int((BEGAN + timedelta(minutes=90)).timestamp()) * 1_000_000
    assert idling.mark(desk.store, hour) == 100


def test_the_clock_is_not_the_messages_own(desk: Desk) -> None:
    """Old messages that are imported today make nothing idle today."""
    session = begun(desk)
    talk(desk, session, 26, BEGAN)
    assert idling.mark(desk.store, clock.now_us()) == 0
