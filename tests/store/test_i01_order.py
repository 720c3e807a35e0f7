"""I1: seq 1..m and version 1..n without a gap, whoever writes at the same time."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from sessions_app.core import errors
from sessions_app.store.base import Edit, NewSession, Window
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import verify
from tests.store.racing import failures, race
from tests.store.saying import at, opened, said, turn


def test_eight_threads_on_one_hot_session_leave_no_gap(store: DurableStore, project: int) -> None:
    session = opened(store, project)

    def work(number: int) -> list[int]:
        found: list[int] = []
        for step in range(10):
            done = store.append(project, session, [said(f"{number}/{step}")] * (1 + step % 3))
            found += range(done.version - len(done.tokens) + 1, done.version + 1)
            if step % 5 == 4:
                store.edit(project, session, Edit(title=f"{number}/{step}"))
        return found

    versions = sorted(version for found in race(8, work) for version in found)
    row = store.get(project, session)
    events = [event.version for event in store.events(row, limit=100)]
    assert sorted(versions + events) == list(range(1, row.version + 1))
    messages = store.messages(row, Window(limit=1000))
    assert [item.seq for item in messages] == list(range(1, row.messages + 1))
    assert [item.version for item in messages] == versions
    assert list(verify(store)) == []


def test_threads_on_several_sessions_do_not_mix_them_up(store: DurableStore, project: int) -> None:
    sessions = [opened(store, project) for _ in range(4)]

    def work(number: int) -> None:
        for step in range(12):
            store.append(project, sessions[(number + step) % 4], turn(f"{number}/{step}"))

    assert failures(race(8, work)) == []
    assert [store.get(project, session).messages for session in sessions] == [48] * 4
    assert list(verify(store)) == []


@pytest.mark.parametrize("verb", ["append", "edit", "retract", "end", "fork", "delete", "pin"])
def test_one_of_eight_writers_at_the_same_version_wins(
    store: DurableStore, project: int, verb: str
) -> None:
    session = opened(store, project)
    store.append(project, session, turn())
    guard = at(3)
    verbs = {
        "append": lambda n: store.append(project, session, turn(str(n)), guard),
        "edit": lambda n: store.edit(project, session, Edit(title=f"t{n}"), guard),
        "retract": lambda n: store.retract(project, session, (1, 1), str(n), guard),
        "end": lambda _: store.end(project, session, guard),
        "fork": lambda n: store.fork(project, session, 2, f"fork {n}", guard),
        "delete": lambda _: store.delete(project, session, guard),
        "pin": lambda _: store.pin(project, session, 1, guard=guard),
    }
    answers = race(8, verbs[verb])
    lost = failures(answers)
    # A fork changes nothing of its parent, so all of them may succeed.
    assert len(lost) == (0 if verb == "fork" else 7)
    assert {type(error) for error in lost} <= {errors.StaleVersion, errors.SessionDeleted}
    assert list(verify(store)) == []


def test_two_opens_of_one_key_race_to_one_session(store: DurableStore, project: int) -> None:
    answers = race(8, lambda n: store.open(project, NewSession(key="trip", title=str(n))))
    assert failures(answers) == []
    assert len({answer.session.id for answer in answers}) == 1
    assert sum(answer.made for answer in answers) == 1


def test_a_new_user_seen_by_eight_threads_is_one_row(store: DurableStore, project: int) -> None:
    answers = race(8, lambda _: store.open(project, NewSession(user="alice")))
    assert failures(answers) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM holdfast_end_user")
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("table", ["message", "event"])
def test_the_database_itself_refuses_a_second_row_at_a_place(
    store: DurableStore, project: int, table: str
) -> None:
    session = opened(store, project)
    store.append(project, session, turn())
    columns = {
        "message": "session_id, seq, version, turn, turn_start, role, form, tokens, tokens_total,"
        " tokens_estimated, batch_end, created_us, salt, digest, body",
        "event": "session_id, version, kind, batch_end, created_us, salt, digest, data",
    }[table]
    copy = f"INSERT INTO holdfast_{table} ({columns}) SELECT {columns} FROM holdfast_{table}"  # noqa: S608
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(copy)
