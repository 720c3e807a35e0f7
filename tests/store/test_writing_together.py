"""Threads that write to one SQLite file stand in line, and one commit answers for many of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Semaphore, Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connections, transaction

from sessions_app import conditions
from sessions_app.core import errors
from sessions_app.store import line
from sessions_app.store.base import UNGUARDED, Appended
from sessions_app.store.database import Database
from sessions_app.store.durable import DurableStore
from sessions_app.store.immediate import Immediate
from sessions_app.store.line import Line, Place
from sessions_app.verifying import verify
from tests.store.racing import race
from tests.store.saying import at, filled, keyed, opened, said, turn

pytestmark = pytest.mark.usefixtures("on_sqlite")


BODY = -2
"""Its place in the row of a message."""


class Crowd:
    """Threads that stand in line behind the one who made it; `disperse` lets them go on."""

    def __init__(self, store: DurableStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self._turns = line.of(store.db.alias)
        self._waits = Semaphore(0)
        self._threads: list[Thread] = []
        self.answers: list[Any] = []
        self.transactions = 0
        self._patch = monkeypatch

    def __enter__(self) -> Crowd:
        patience, begin = Database.patience, Immediate.__enter__

        def counted(immediate: Immediate) -> None:
            self.transactions += 1
            begin(immediate)

        def waiting(database: Database) -> float:
            seconds = patience(database)
            self._waits.release()
            return seconds

        self._patch.setattr(line, "MOMENT", 0.0)
        self._patch.setattr(Database, "patience", waiting)
        self._patch.setattr(Immediate, "__enter__", counted)
        self._turns.enter(Place(), lambda: 0.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._turns.leave()
        for thread in self._threads:
            thread.join()

    def joins(self, call: Callable[[], Any]) -> None:
        """Somebody who is in line when this is over."""
        number = len(self.answers)
        self.answers.append(None)

        def run() -> None:
            try:
                self.answers[number] = call()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                self.answers[number] = error
            finally:
                connections.close_all()

        thread = Thread(target=run)
        thread.start()
        self._threads.append(thread)
        assert self._waits.acquire(timeout=60)


@pytest.fixture
def crowd(store: DurableStore, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    return Crowd(store, monkeypatch)


def test_those_in_line_are_stored_in_order_by_one_transaction(
    store: DurableStore, project: int, crowd: Crowd
) -> None:
    sessions = [opened(store, project) for _ in range(3)]
    with crowd:
        for number in range(12):
            crowd.joins(partial(store.append, project, sessions[number % 3], turn(str(number))))
    assert crowd.transactions == 1
    assert [done.version for done in crowd.answers] == [3] * 3 + [5] * 3 + [7] * 3 + [9] * 3
    assert all(done.durable for done in crowd.answers)
    assert list(verify(store)) == []


def test_what_is_refused_undoes_nothing_of_the_others(
    store: DurableStore, project: int, crowd: Crowd
) -> None:
    session, ended = opened(store, project), filled(store, project)
    store.end(project, ended)
    refused = {
        0: (ended, UNGUARDED, errors.SessionEnded),
        2: (session, at(99), errors.StaleVersion),
        4: (UUID(int=0), UNGUARDED, errors.NotFound),
    }
    with crowd:
        for number in range(6):
            where, guard, _ = refused.get(number, (session, UNGUARDED, None))
            crowd.joins(partial(store.append, project, where, turn(str(number)), guard))
    assert crowd.transactions == 1
    for number, answer in enumerate(crowd.answers):
        assert isinstance(answer, refused[number][2] if number in refused else Appended)
    assert store.get(project, session).messages == 6
    assert list(verify(store)) == []


def test_one_key_twice_in_a_commit_is_one_append(
    store: DurableStore, project: int, crowd: Crowd
) -> None:
    session = opened(store, project)
    with crowd:
        for key, text in (("a", "x"), ("a", "x"), ("b", "y"), ("a", "x")):
            crowd.joins(partial(store.append, project, session, turn(text), keyed(key)))
        crowd.joins(partial(store.append, project, session, turn(), keyed("a", b"o" * 32)))
    first, second, other, third, mismatch = crowd.answers
    assert first == second == third
    assert other.version == first.version + 2
    assert isinstance(mismatch, errors.IdempotencyMismatch)
    assert store.get(project, session).messages == 4


def test_an_error_of_the_database_fails_all_and_stores_nothing(
    store: DurableStore, project: int, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(store, project)
    insert = DurableStore._insert_messages

    def full(self: DurableStore, rows: Any) -> None:
        if any("3" in row[BODY] for row in rows):
            raise OperationalError("database or disk is full")
        insert(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(DurableStore, "_insert_messages", full)
        with crowd:
            for number in range(6):
                crowd.joins(partial(store.append, project, session, [said(str(number))]))
    assert [type(answer) for answer in crowd.answers] == [errors.StorageFull] * 6
    assert len({id(answer) for answer in crowd.answers}) == 6
    assert store.get(project, session).messages == 0
    assert store.append(project, session, turn()).version == 3


def test_what_nobody_foresaw_fails_alone(
    store: DurableStore, project: int, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(store, project)
    ended = filled(store, project)
    store.end(project, ended)
    insert = DurableStore._insert_messages

    def failing(self: DurableStore, rows: Any) -> None:
        insert(self, rows)
        if any("3" in row[BODY] for row in rows):
            raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(DurableStore, "_insert_messages", failing)
        with crowd:
            for number in range(6):
                where = ended if number == 2 else session
                crowd.joins(
                    partial(store.append, project, where, [said(str(number))], keyed(str(number)))
                )
    assert crowd.transactions == 1 + 6
    assert isinstance(crowd.answers[2], errors.SessionEnded)
    assert isinstance(crowd.answers[3], ZeroDivisionError)
    kept = [one for one in crowd.answers if isinstance(one, Appended)]
    assert [one.version for one in kept] == [2, 3, 4, 5]
    assert store.get(project, session).messages == 4
    again = store.append(project, session, [said("5")], keyed("5"))
    assert again == crowd.answers[5]
    assert list(verify(store)) == []


def test_a_database_that_fails_ends_the_second_try_for_all_that_are_left(
    store: DurableStore, project: int, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(store, project)
    insert = DurableStore._insert_messages

    def failing(self: DurableStore, rows: Any) -> None:
        if len(rows) > 1:
            raise ZeroDivisionError
        if "1" in rows[0][BODY]:
            raise OperationalError("database or disk is full")
        insert(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(DurableStore, "_insert_messages", failing)
        with crowd:
            for number in range(3):
                crowd.joins(partial(store.append, project, session, [said(str(number))]))
    kinds = [type(answer) for answer in crowd.answers]
    assert kinds == [Appended, errors.StorageFull, errors.StorageFull]
    assert store.get(project, session).messages == 1


def test_a_commit_that_fails_answers_nobody(
    store: DurableStore, project: int, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(store, project)

    def failing(self: Immediate) -> None:
        self._roll_back()
        raise OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(Immediate, "_commit", failing)
        with crowd:
            for number in range(4):
                crowd.joins(partial(store.append, project, session, [said(str(number))]))
    assert [type(answer) for answer in crowd.answers] == [errors.StorageFull] * 4
    assert store.get(project, session).messages == 0


@pytest.mark.parametrize("where", ["settle", "commit"])
def test_what_fails_behind_a_commit_does_nothing_twice(
    store: DurableStore,
    project: int,
    crowd: Crowd,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    session, commit = opened(store, project), Immediate._commit

    def failing(*_: Any) -> None:
        raise OSError("no host name")

    def committing(self: Immediate) -> None:
        commit(self)
        failing()

    with monkeypatch.context() as patch:
        if where == "settle":
            patch.setattr(conditions, "works", failing)
        else:
            patch.setattr(Immediate, "_commit", committing)
        with crowd:
            for number in range(3):
                crowd.joins(partial(store.append, project, session, [said(str(number))]))
    expected = Appended if where == "settle" else errors.StoreUnavailable
    assert [type(answer) for answer in crowd.answers] == [expected] * 3
    assert store.get(project, session).messages == 3


def test_who_is_interrupted_as_the_lock_is_taken_leaves_it(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, begin = opened(store, project), Immediate.__enter__

    def interrupted(immediate: Immediate) -> None:
        begin(immediate)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Immediate, "__enter__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.append(project, session, turn())
    assert store.append(project, session, turn()).durable


def test_another_change_gets_its_own_transaction_in_its_turn(
    store: DurableStore, project: int, crowd: Crowd
) -> None:
    session = opened(store, project)
    with crowd:
        crowd.joins(partial(store.append, project, session, turn()))
        crowd.joins(partial(store.end, project, session))
        crowd.joins(partial(store.append, project, session, turn()))
    assert crowd.transactions == 2
    assert store.get(project, session).status == "ended"
    assert store.get(project, session).messages == 4


def test_a_callers_transaction_and_a_lone_caller_wait_for_nobody(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "patience", lambda _: pytest.fail("it stood in line"))
    session = opened(store, project)
    store.append(project, session, turn())
    with transaction.atomic():
        assert store.append(project, session, turn()).durable_by == "commit"
    assert store.get(project, session).messages == 4


def test_who_waits_too_long_is_told_so_and_was_not_stored(
    store: DurableStore, project: int, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(store, project)
    with crowd:
        monkeypatch.setattr(Database, "patience", lambda _: 0.0)
        with pytest.raises(errors.StoreBusy):
            store.append(project, session, turn())
        with pytest.raises(errors.StoreBusy):
            store.end(project, session)
    assert store.get(project, session).version == 1
    assert store.append(project, session, turn()).version == 3


def test_many_threads_lose_and_double_nothing(store: DurableStore, project: int) -> None:
    sessions = [opened(store, project) for _ in range(3)]

    def write(number: int) -> list[Appended]:
        return [
            store.append(
                project, sessions[(number + n) % 3], turn(f"{number}.{n}"), keyed(f"{number}.{n}")
            )
            for n in range(30)
        ]

    done = [one for each in race(16, write) for one in each]
    for session in sessions:
        versions = sorted(one.version for one in done if one.session == session)
        assert versions == list(range(3, 3 + 2 * len(versions), 2))
    assert len(done) == 480
    assert list(verify(store)) == []


# -- the line by itself -------------------------------------------------------------------------


def test_the_line_is_in_order() -> None:
    turns, order = Line(), list[int]()
    turns.enter(Place(), lambda: 0.0)
    waits = Semaphore(0)

    def stand(number: int) -> None:
        def patient() -> float:
            waits.release()
            return 60.0

        place = Place()
        turns.enter(place, patient)
        assert place.leads
        order.append(number)
        turns.leave()

    threads = [Thread(target=stand, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
        assert waits.acquire(timeout=60)
    turns.leave()
    for thread in threads:
        thread.join()
    assert order == list(range(5))


def test_who_is_interrupted_leaves_the_line_moving() -> None:
    turns = Line()

    def interrupted() -> float:
        raise KeyboardInterrupt

    turns.enter(Place(), lambda: 0.0)
    with pytest.raises(KeyboardInterrupt):
        turns.enter(Place(), interrupted)
    assert turns.follow() == []
    turns.leave()
    place = Place()
    turns.enter(place, lambda: pytest.fail("nobody is here"))
    assert place.leads


def test_who_is_interrupted_when_called_hands_the_turn_on() -> None:
    turns = Line()

    def called_and_interrupted() -> float:
        turns.leave()
        raise KeyboardInterrupt

    turns.enter(Place(), lambda: 0.0)
    with pytest.raises(KeyboardInterrupt):
        turns.enter(Place(), called_and_interrupted)
    place = Place()
    turns.enter(place, lambda: pytest.fail("nobody is here"))
    assert place.leads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="about a forked process")
def test_a_forked_process_waits_for_none_of_its_parents_threads() -> None:
    with led("forked"):
        child = os.fork()
        if child == 0:
            place = Place()
            line.of("forked").enter(place, lambda: 0.0)
            os._exit(0 if place.leads else 1)
        assert os.waitpid(child, 0)[1] == 0


@contextmanager
def led(alias: str) -> Iterator[None]:
    line.of(alias).enter(Place(), lambda: 0.0)
    try:
        yield
    finally:
        line.of(alias).leave()
