"""I2: `durable` is what the connection really has; a caller's transaction decides for itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from sessions_app.core import errors
from sessions_app.store import durability
from sessions_app.store.base import Edit, NewSession
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import verify
from tests.store.racing import failures, race
from tests.store.saying import keyed, opened, turn


class Undone(Exception):
    """Ends a transaction that is to be rolled back."""


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.usefixtures("on_sqlite")
@pytest.mark.parametrize(
    ("level", "answer"),
    [
        (0, (False, "operating_system")),
        (1, (False, "checkpoint")),
        (2, (True, None)),
        (3, (True, None)),
    ],
)
def test_sqlite_answers_by_its_synchronous_level(
    store: DurableStore, project: int, level: int, answer: tuple[bool, str | None]
) -> None:
    session = opened(store, project)
    execute(f"PRAGMA synchronous={level}")
    try:
        done = store.append(project, session, turn())
        changed = store.edit(project, session, Edit(title=str(level)))
    finally:
        connection.close()
    assert (done.durable, done.durable_by) == answer
    assert (changed.durable, changed.durable_by) == answer


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize(
    ("level", "answer"),
    [("off", (False, "wal_writer")), ("local", (True, None)), ("on", (True, None))],
)
def test_postgres_answers_by_its_synchronous_commit(
    store: DurableStore, project: int, level: str, answer: tuple[bool, str | None]
) -> None:
    session = opened(store, project)
    execute(f"SET synchronous_commit={level}")
    try:
        done = store.append(project, session, turn())
    finally:
        execute("RESET synchronous_commit")
    assert (done.durable, done.durable_by) == answer


def test_a_callers_transaction_makes_it_durable_by_its_commit(
    store: DurableStore, project: int
) -> None:
    session = opened(store, project)
    with transaction.atomic():
        done = store.append(project, session, turn())
        changed = store.edit(project, session, Edit(title="B"))
        found = store.open(project, NewSession(key="new"))
        again = store.open(project, NewSession(key="new"))
    for answer in (done, changed, found, again):
        assert (answer.durable, answer.durable_by) == (False, "commit")
    assert store.get(project, session).version == 4
    assert store.append(project, session, turn()).durable


def test_a_callers_rollback_removes_everything(store: DurableStore, project: int) -> None:
    session = opened(store, project)
    before = store.get(project, session)
    with transaction.atomic():
        store.append(project, session, turn(), keyed("k"))
        store.edit(project, session, Edit(title="B", tags=("x",)))
        store.open(project, NewSession(key="new", user="alice"))
        transaction.set_rollback(True)
    assert store.get(project, session) == before
    assert store.find(project, "new") is None
    assert store.append(project, session, turn(), keyed("k", b"o" * 32)).first_seq == 1
    assert list(verify(store)) == []


def test_a_refused_verb_leaves_the_callers_transaction_whole(
    store: DurableStore, project: int
) -> None:
    session = opened(store, project)
    with transaction.atomic():
        store.append(project, session, turn())
        with pytest.raises(errors.InvalidField):
            store.retract(project, session, (9, None))
        store.append(project, session, turn())
    assert store.get(project, session).messages == 4


def test_nothing_is_promised_in_a_transaction_that_can_only_roll_back(
    store: DurableStore, project: int
) -> None:
    session = opened(store, project)
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            store.append(project, session, turn())


@pytest.mark.usefixtures("on_postgres")
def test_without_autocommit_it_is_the_callers_commit_that_counts(
    store: DurableStore, project: int
) -> None:
    session = opened(store, project)
    transaction.set_autocommit(False)
    try:
        done = store.append(project, session, turn())
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    assert (done.durable, done.durable_by) == (False, "commit")
    assert store.get(project, session).messages == 0


def test_what_waits_for_the_commit_runs_after_it_or_never(
    store: DurableStore, project: int
) -> None:
    seen: list[bool | str] = []

    def failing() -> None:
        with store.db.transaction():
            transaction.on_commit(lambda: seen.append("never"))
            raise Undone

    with store.db.transaction():
        transaction.on_commit(lambda: seen.append(connection.in_atomic_block))
        with transaction.atomic():
            transaction.on_commit(lambda: seen.append("inner"))
        assert seen == []
    assert seen == [False, "inner"]
    with pytest.raises(Undone):
        failing()
    with store.db.transaction():
        pass
    assert seen == [False, "inner"]


def test_a_rolled_back_part_leaves_the_rest_of_a_transaction(
    store: DurableStore, project: int
) -> None:
    with store.db.transaction():
        first = opened(store, project)
        with transaction.atomic():
            second = opened(store, project)
            transaction.set_rollback(True)
    assert store.get(project, first).version == 1
    with pytest.raises(errors.NotFound):
        store.get(project, second)


def test_a_transaction_marked_for_rollback_is_rolled_back(
    store: DurableStore, project: int
) -> None:
    with store.db.transaction():
        session = opened(store, project)
        transaction.set_rollback(True)
    with pytest.raises(errors.NotFound):
        store.get(project, session)
    assert opened(store, project)


KILLED = """
import os, sys
import django
django.setup()
from django.db import connections
from sessions_app.store import get_store
from tests.store.saying import turn
from uuid import UUID
connections.settings["default"]["NAME"] = sys.argv[1]
connections["default"].settings_dict["NAME"] = sys.argv[1]
store = get_store()
for number in range(5):
    print(store.append(int(sys.argv[2]), UUID(sys.argv[3]), turn(str(number))).version, flush=True)
with store.db.transaction():
    store.append(int(sys.argv[2]), UUID(sys.argv[3]), turn("never"))
    os.kill(os.getpid(), 9)
"""


def test_a_killed_process_keeps_what_it_acknowledged_and_nothing_else(
    store: DurableStore, project: int
) -> None:
    session = opened(store, project)
    name = str(connection.settings_dict["NAME"])
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, name, str(project), str(session)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "holdfast.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -9, ended.stderr
    assert ended.stdout.split() == ["3", "5", "7", "9", "11"]
    assert store.get(project, session).version == 11
    assert list(verify(store)) == []


@pytest.mark.usefixtures("on_sqlite")
def test_a_site_without_a_transaction_mode_gets_the_write_lock_all_the_same(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "transaction_mode", None)
    connection.close()
    session = opened(store, project)

    def work(number: int) -> None:
        for step in range(6):
            store.append(project, session, turn(f"{number}/{step}"), keyed(f"{number}/{step}"))
            store.edit(project, session, Edit(title=f"{number}/{step}"))

    try:
        assert failures(race(6, work)) == []
        # Under the site's own transaction, which begins without a lock, the append takes it first.
        with transaction.atomic():
            assert connection.transaction_mode is None  # type: ignore[attr-defined]
            store.append(project, session, turn())
    finally:
        connection.close()
    assert store.get(project, session).messages == 74
    assert list(verify(store)) == []


@pytest.mark.usefixtures("on_sqlite")
def test_memory_is_never_durable(monkeypatch: pytest.MonkeyPatch, store: DurableStore) -> None:
    monkeypatch.setattr(connection, "is_in_memory_db", lambda: True)
    assert store.db.durability() == durability.Durability(durable=False, by="never")
