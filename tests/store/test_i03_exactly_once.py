"""I3: the same key and request is one change and one answer; another request is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from sessions_app.core import errors
from sessions_app.store import leasing
from sessions_app.store.base import Edit, Guard, NewSession
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import verify
from tests.store.conftest import make_project
from tests.store.racing import failures, race
from tests.store.saying import filled, keyed, opened, said, turn

Verb = Callable[[DurableStore, int, Any, Guard], Any]
VERBS: dict[str, Verb] = {
    "append": lambda store, project, session, guard: store.append(project, session, turn(), guard),
    "open": lambda store, project, _, guard: store.open(project, NewSession(user="bob"), guard),
    "open key": lambda store, project, _, guard: store.open(project, NewSession(key="k"), guard),
    "edit": lambda store, project, session, guard: store.edit(
        project, session, Edit(title="B", metadata={"a": 1}), guard
    ),
    "retract": lambda store, project, session, guard: store.retract(
        project, session, (2, 3), "typo", guard
    ),
    "pin": lambda store, project, session, guard: store.pin(project, session, 1, guard=guard),
    "fork": lambda store, project, session, guard: store.fork(project, session, 4, guard=guard),
    "end": lambda store, project, session, guard: store.end(project, session, guard),
    "archive": lambda store, project, session, guard: store.archive(project, session, guard),
    "reopen": lambda store, project, session, guard: store.reopen(project, session, guard),
    "delete": lambda store, project, session, guard: store.delete(project, session, guard),
    "restore": lambda store, project, session, guard: store.restore(project, session, guard),
    "lease": lambda store, project, session, guard: leasing.acquire(
        store, project, session, "planner", 30, guard
    ),
}


def rows() -> dict[str, int]:
    found = {}
    with connection.cursor() as cursor:
        for table in ("session", "message", "event", "request_key"):
            cursor.execute(f"SELECT COUNT(*) FROM holdfast_{table}")  # noqa: S608
            found[table] = cursor.fetchone()[0]
    return found


@pytest.fixture(params=VERBS)
def verb(request: pytest.FixtureRequest) -> Verb:
    return VERBS[request.param]


def test_a_repeated_request_gets_the_first_answer(
    store: DurableStore, project: int, verb: Verb
) -> None:
    session = filled(store, project)
    first = verb(store, project, session, keyed("k"))
    before = rows()
    assert verb(store, project, session, keyed("k")) == first
    assert rows() == before


def test_the_answer_is_the_first_one_whatever_happened_since(
    store: DurableStore, project: int, verb: Verb
) -> None:
    session = filled(store, project)
    first = verb(store, project, session, keyed("k"))
    for change in (store.restore, store.reopen, store.end):
        change(project, session)
    before = rows()
    assert verb(store, project, session, keyed("k", expected=1)) == first
    store.delete(project, session)
    assert verb(store, project, session, keyed("k")) == first
    assert rows()["message"] == before["message"]


def test_another_request_under_the_key_is_refused(
    store: DurableStore, project: int, verb: Verb
) -> None:
    session = filled(store, project)
    verb(store, project, session, keyed("k"))
    before = rows()
    with pytest.raises(errors.IdempotencyMismatch):
        verb(store, project, session, keyed("k", b"o" * 32))
    assert rows() == before


def test_the_same_key_raced_from_eight_threads_is_one_change(
    store: DurableStore, project: int, verb: Verb
) -> None:
    session = filled(store, project)
    before = rows()
    answers = race(8, lambda _: verb(store, project, session, keyed("k")))
    assert failures(answers) == []
    assert all(answer == answers[0] for answer in answers)
    added = {table: count - before[table] for table, count in rows().items()}
    assert added["request_key"] == 1
    assert added["session"] <= 1
    assert list(verify(store)) == []


def test_one_key_raced_at_eight_sessions_changes_one_of_them(
    store: DurableStore, project: int
) -> None:
    sessions = [opened(store, project) for _ in range(8)]

    def work(number: int) -> Any:
        guard = keyed("k", bytes([number]) * 32)
        return store.append(project, sessions[number], turn(), guard)

    lost = failures(race(8, work))
    assert [type(error) for error in lost] == [errors.IdempotencyMismatch] * 7
    assert sum(store.get(project, session).messages for session in sessions) == 2
    assert list(verify(store)) == []


def test_a_key_raced_inside_callers_transactions_is_one_change(
    store: DurableStore, project: int
) -> None:
    session = opened(store, project)

    def work(_: int) -> Any:
        with transaction.atomic():
            return store.append(project, session, turn(), keyed("k"))

    answers = race(6, work)
    assert failures(answers) == []
    assert all(answer == answers[0] for answer in answers)
    assert store.get(project, session).messages == 2


def test_a_refused_request_leaves_its_key_free(store: DurableStore, project: int) -> None:
    session = opened(store, project)
    store.end(project, session)
    with pytest.raises(errors.SessionEnded):
        store.append(project, session, turn(), keyed("k"))
    with pytest.raises(errors.StaleVersion):
        store.edit(project, session, Edit(title="B"), keyed("k", expected=1))
    store.reopen(project, session)
    assert store.append(project, session, turn(), keyed("k")).first_seq == 1


def test_a_known_session_key_and_a_request_key_find_the_session(
    store: DurableStore, project: int
) -> None:
    session = opened(store, project, key="trip", title="A")
    found = store.open(project, NewSession(key="trip", title="B"), keyed("k"))
    assert (found.made, found.session.id) == (False, session)
    store.append(project, session, turn())
    assert store.open(project, NewSession(key="trip", title="B"), keyed("k")) == found
    assert rows()["session"] == 1


def test_a_key_of_another_project_is_another_key(store: DurableStore, project: int) -> None:
    other = make_project("theirs")
    store.append(project, opened(store, project), turn(), keyed("k"))
    done = store.append(other, opened(store, other), [said()], keyed("k", b"o" * 32))
    assert done.first_seq == 1


def test_old_keys_are_forgotten_after_a_day(store: DurableStore, project: int) -> None:
    session = opened(store, project)
    store.append(project, session, turn(), keyed("k"))
    now = store.get(project, session).last_activity_us
    store.purge_due(now + 23 * 3600 * 1_000_000)
    assert store.append(project, session, turn(), keyed("k")).version == 3
    store.purge_due(now + 25 * 3600 * 1_000_000)
    assert store.append(project, session, turn(), keyed("k")).version == 5
