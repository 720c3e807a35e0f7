"""The checks of this suite are shown to fail: each bug put in on purpose is caught by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from sessions_app.core import chain, errors, leases
from sessions_app.store import at_once, transactions
from sessions_app.store import statements as sql
from sessions_app.store.base import UNGUARDED
from sessions_app.store.database import Database
from sessions_app.store.durability import DURABLE, Durability
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import Problem, verify
from tests.passing import DatabaseTime
from tests.store import test_i01_order as i01
from tests.store import test_i02_durable as i02
from tests.store import test_i03_exactly_once as i03
from tests.store import test_leases
from tests.store.saying import filled, keyed, opened, said, turn


@pytest.fixture(autouse=True)
def _reading_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bugs are put into the way that both databases have; for the other see test_at_once.py."""
    monkeypatch.setattr(at_once, "suits", lambda *_: False)


def test_without_the_key_lookup_a_repeat_is_not_the_first_answer(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DurableStore, "known", lambda *_: None)
    with pytest.raises((AssertionError, errors.StoreBusy)):
        i03.test_a_repeated_request_gets_the_first_answer(store, project, i03.VERBS["append"])


def test_without_keeping_the_answer_a_repeat_is_a_second_change(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DurableStore, "remember", lambda *_, **__: None)
    with pytest.raises(AssertionError):
        i03.test_a_repeated_request_gets_the_first_answer(store, project, i03.VERBS["append"])


def test_without_the_expected_version_more_than_one_writer_wins(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    right: Any = DurableStore._appendable
    monkeypatch.setattr(
        DurableStore, "_appendable", lambda self, before, _: right(self, before, UNGUARDED)
    )
    with pytest.raises(AssertionError):
        i01.test_one_of_eight_writers_at_the_same_version_wins(store, project, "append")


def test_without_lock_and_version_a_lost_update_is_seen(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that goes on from where the session stood before another one wrote."""
    session = filled(store, project)
    old = store.db.row(sql.STANDING, (session.hex, project))
    store.append(project, session, turn())
    blind = sql.ADVANCE.replace("WHERE number = ? AND version = ?", "WHERE number = ? AND ? > 0")
    monkeypatch.setattr(sql, "ADVANCE", blind)
    monkeypatch.setattr(Database, "locked_row", lambda *_: old)
    without_key = sql.INSERT_MESSAGE.replace("VALUES (?, ?,", "VALUES (?, ? + 100,")
    monkeypatch.setattr(sql, "INSERT_MESSAGE", without_key)
    store.append(project, session, turn())
    assert {"version", "seq", "head"} <= kinds(store)


def test_the_version_condition_alone_stops_a_lost_update(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = filled(store, project)
    old = store.db.row(sql.STANDING, (session.hex, project))
    store.append(project, session, turn())
    monkeypatch.setattr(Database, "locked_row", lambda *_: old)
    with pytest.raises(errors.StoreBusy):
        store.append(project, session, turn())
    assert kinds(store) == set()


def test_an_answer_before_the_commit_is_seen(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def forgetful(self: Database, *, leads: bool = False) -> Iterator[Durability]:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            yield DURABLE
            cursor.execute("ROLLBACK")

    session = opened(store, project)
    monkeypatch.setattr(Database, "transaction", forgetful)
    done = store.append(project, session, turn())
    assert store.get(project, session).version != done.version


def test_a_constant_durability_is_seen(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "ON_COMMIT", DURABLE)
    with pytest.raises(AssertionError):
        i02.test_a_callers_transaction_makes_it_durable_by_its_commit(store, project)


def constant_salt(*_: Any) -> bytes:
    return bytes(32)


Bug = Callable[[pytest.MonkeyPatch], None]
WRITERS: dict[str, tuple[Bug, set[str]]] = {
    "a head that forgets the batch": (
        lambda patch: patch.setattr(chain, "link", lambda head, _: head),
        {"head"},
    ),
    "a digest without its place": (
        lambda patch: patch.setattr(chain, "message_digest", constant_salt),
        {"digest"},
    ),
    "messages that are not stored": (
        lambda patch: patch.setattr(DurableStore, "_insert_messages", lambda *_: None),
        {"version", "batch", "head", "counter"},
    ),
    "tokens that are not counted": (
        lambda patch: patch.setattr(
            sql, "ADVANCE", sql.ADVANCE.replace("tokens = ?, active", "tokens = 0 * ?, active")
        ),
        {"counter"},
    ),
}


@pytest.mark.parametrize("bug", WRITERS)
def test_verify_sees_a_writer_that_is_wrong(store: DurableStore, project: int, bug: str) -> None:
    session = filled(store, project)
    with pytest.MonkeyPatch.context() as patch:
        WRITERS[bug][0](patch)
        store.append(project, session, [said()], keyed("k"))
    assert kinds(store)
    assert kinds(store) <= WRITERS[bug][1]


def kinds(store: DurableStore) -> set[str]:
    problems: list[Problem] = list(verify(store))
    return {problem.kind for problem in problems}


@pytest.mark.parametrize("change", ["append", "edit", "fork", "purge"])
def test_without_a_look_at_the_token_a_late_holder_writes(
    store: DurableStore,
    project: int,
    database_time: DatabaseTime,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    monkeypatch.setattr(leases, "check_token", lambda *_: None)
    session, work = filled(store, project), test_leases.CHANGES[change]
    late = test_leases.test_a_holder_that_was_frozen_past_its_lease_stores_nothing
    with pytest.raises(pytest.fail.Exception):
        late(store, project, session, database_time, work)


def test_without_a_look_at_the_time_two_agents_hold_a_session(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "check_free", lambda *_: None)
    with pytest.raises(AssertionError):
        test_leases.test_of_eight_threads_one_gets_the_lease(store, project, filled(store, project))
