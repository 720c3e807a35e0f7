"""The index follows the log: never behind for long, nothing twice, nothing left of what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from holdfast.upkeep import Upkeep
from sessions_app import clock, search
from sessions_app.core import words
from sessions_app.models import Session
from sessions_app.store import fulltext
from sessions_app.store import statements as sql
from sessions_app.store.base import Edit
from sessions_app.store.database import Database
from sessions_app.store.durable import DurableStore
from tests.search.asking import entries, found, number_of, told
from tests.search.test_sessions import counted
from tests.store.racing import Blocker, race
from tests.store.saying import opened


def texts(first: int, last: int) -> list[str]:
    return [f"message number{seq}" for seq in range(first, last + 1)]


def expected(first: int, last: int) -> list[tuple[int, str]]:
    """What the index has of `texts`."""
    return sorted(
        (seq, word) for seq in range(first, last + 1) for word in ("message", f"number{seq}")
    )


@pytest.fixture
def session(store: DurableStore, project: int) -> UUID:
    return opened(store, project)


def test_messages_appended_after_a_search_are_found(
    store: DurableStore, project: int, session: UUID
) -> None:
    for seq in range(1, 4):
        told(store, project, session, *texts(seq, seq))
        assert found(project, f"number{seq}") == [session]
    assert entries(store, session) == expected(1, 3)


def test_an_append_does_not_touch_the_index(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(store, project, session, *texts(1, 1))
    with monkeypatch.context() as patch:
        first = counted(patch)
        told(store, project, session, *texts(2, 2))
        second = counted(patch)
        told(store, project, session, *texts(3, 3))
    assert not any("holdfast_search" in statement for statement in (*first, *second))
    assert entries(store, session) == []


def test_only_the_first_append_after_indexing_marks_the_session(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    search.bring_up_to_date("default")
    row, now = Session.everything.filter(id=session), clock.now_us()
    assert row.get().index_due_us is None
    for seq in (1, 2):
        monkeypatch.setattr(clock, "now_us", lambda seq=seq: now + seq)
        told(store, project, session, *texts(seq, seq))
        assert row.get().index_due_us == now + 1


def test_what_was_indexed_is_not_read_again(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(store, project, session, *texts(1, 5))
    assert search.bring_up_to_date("default")
    assert search.behind("default", project) == 0
    statements = counted(monkeypatch)
    assert search.bring_up_to_date("default")
    assert len(statements) == 1


def test_messages_that_come_while_others_are_indexed_leave_the_session_due(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(store, project, session, *texts(1, 3))
    after_reading(monkeypatch, lambda: told(store, project, session, *texts(4, 5)))
    search.bring_up_to_date("default")
    assert search.behind("default", project) == 1
    assert entries(store, session) == expected(1, 3)
    search.bring_up_to_date("default")
    assert search.behind("default", project) == 0
    assert entries(store, session) == expected(1, 5)


def after_reading(patch: pytest.MonkeyPatch, happens: Any) -> None:
    """Once, between the making of documents and their storing."""
    right = fulltext.store

    def store(db: Database, waiting: Sequence[fulltext.Portion]) -> None:
        patch.setattr(fulltext, "store", right)
        happens()
        right(db, waiting)

    patch.setattr(fulltext, "store", store)


def test_a_session_indexed_by_another_meanwhile_is_not_indexed_twice(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(store, project, session, *texts(1, 3))
    db = Database("default")
    after_reading(monkeypatch, lambda: fulltext.catch_up(db, 0))
    search.bring_up_to_date("default")
    assert entries(store, session) == expected(1, 3)


def test_a_title_that_changes_meanwhile_is_in_the_index_in_the_end(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.edit(project, session, Edit(title="first"))
    after_reading(monkeypatch, lambda: store.edit(project, session, Edit(title="second")))
    search.bring_up_to_date("default")
    search.bring_up_to_date("default")
    assert entries(store, session) == [(0, "second")]


def test_indexers_at_once_neither_double_nor_lose(store: DurableStore, project: int) -> None:
    sessions = [told(store, project, opened(store, project), *texts(1, 9)) for _ in range(30)]

    def work(number: int) -> None:
        if number % 4:
            for _ in range(20):
                fulltext.catch_up(Database("default"), 0)
        else:
            for session in sessions:
                told(store, project, session, *texts(10, 10))

    race(5, work)
    while not search.bring_up_to_date("default"):
        pass
    for session in sessions:
        assert entries(store, session)[:18] == expected(1, 9)[:18]
        assert len(entries(store, session)) == 22


def test_a_crash_between_batches_loses_and_doubles_nothing(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(store, project, session, *texts(1, 250))
    write, calls = fulltext._write, list[int]()

    def dies_after_the_second(*args: Any) -> None:
        calls.append(1)
        write(*args)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fulltext, "DOCUMENTS", 100)
    with monkeypatch.context() as patch:
        patch.setattr(fulltext, "_write", dies_after_the_second)
        with pytest.raises(KeyboardInterrupt):
            search.bring_up_to_date("default")
    assert entries(store, session) == expected(1, 100)
    assert search.behind("default", project) == 1
    search.bring_up_to_date("default")
    assert entries(store, session) == expected(1, 250)


def test_a_search_takes_no_longer_than_it_may_and_tells_what_is_behind(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        told(store, project, opened(store, project), *texts(1, 3))
    assert search.bring_up_to_date("default", seconds=0) is False
    assert search.behind("default", project) == 4


def test_what_was_touched_last_is_indexed_first(store: DurableStore, project: int) -> None:
    sessions = [opened(store, project) for _ in range(5)]
    search.bring_up_to_date("default")
    told(store, project, sessions[2], *texts(1, 1))
    for session in sessions[:2]:
        store.db.run(sql.SET_INDEX_DUE, (0, number_of(store, session)))
    search.bring_up_to_date("default", seconds=0)
    assert entries(store, sessions[2]) == expected(1, 1)


def test_one_session_can_be_indexed_before_all_others(store: DurableStore, project: int) -> None:
    first, second = (told(store, project, opened(store, project), *texts(1, 1)) for _ in range(2))
    search.bring_up_to_date("default", session=number_of(store, first))
    assert entries(store, first) == expected(1, 1)
    assert entries(store, second) == []


def test_another_writer_never_makes_a_search_fail(
    store: DurableStore,
    project: int,
    session: UUID,
    blocker: Blocker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fulltext, "PATIENCE_MS", 20)
    told(store, project, session, *texts(1, 1))
    blocker.take()
    assert found(project, "number1") == []
    assert search.behind("default", project) == 1
    blocker.give()
    assert found(project, "number1") == [session]


def test_the_usual_patience_is_back_after_indexing(
    store: DurableStore, project: int, session: UUID
) -> None:
    name = "PRAGMA busy_timeout" if store.db.is_sqlite else "SHOW lock_timeout"
    before = store.db.rows(name)
    told(store, project, session, *texts(1, 1))
    search.bring_up_to_date("default")
    assert store.db.rows(name) == before


def test_in_a_callers_transaction_indexing_is_a_part_of_it(
    store: DurableStore, project: int, session: UUID
) -> None:
    with transaction.atomic():
        told(store, project, session, *texts(1, 2))
        assert found(project, "number2") == [session]
        assert entries(store, session) == expected(1, 2)
        transaction.set_rollback(True)
    assert entries(store, session) == []
    assert found(project, "number2") == []
    told(store, project, session, *texts(1, 1))
    assert found(project, "number1") == [session]


def test_a_purged_session_leaves_nothing_in_the_index(
    store: DurableStore, project: int, session: UUID
) -> None:
    told(store, project, session, *texts(1, 205))
    store.edit(project, session, Edit(title="Secret", tags=("hush",)))
    number = number_of(store, session)
    search.bring_up_to_date("default")
    told(store, project, session, *texts(206, 207))
    assert len(entries(store, number)) == 2 * 205 + 2
    store.purge(project, session)
    assert entries(store, number) == []
    search.bring_up_to_date("default")
    assert entries(store, number) == []


def test_a_session_purged_while_it_is_indexed_leaves_nothing(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(store, project, session, *texts(1, 3))
    number = number_of(store, session)
    after_reading(monkeypatch, lambda: store.purge(project, session))
    search.bring_up_to_date("default")
    assert entries(store, number) == []


@pytest.mark.parametrize("indexed_before", [True, False])
def test_messages_taken_out_before_they_are_blanked_are_gone(
    store: DurableStore,
    project: int,
    session: UUID,
    indexed_before: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told(store, project, session, *texts(1, 4))
    if indexed_before:
        search.bring_up_to_date("default")
    number = number_of(store, session)

    def erase() -> None:
        with store.db.transaction():
            fulltext.remove_messages(store.db, number, (2, 4))
            store.db.run(
                "UPDATE holdfast_message SET body = '' WHERE session_id = ? AND seq IN (2, 4)",
                (number,),
            )

    after_reading(monkeypatch, erase)
    fulltext.store(store.db, list(prepared(store, number)))
    left = [entry for entry in expected(1, 4) if entry[0] in (1, 3)]
    assert entries(store, session) == left
    search.bring_up_to_date("default")
    assert entries(store, session) == left
    assert found(project, "number2") == []
    store.purge(project, session)
    assert entries(store, number) == []


def prepared(store: DurableStore, number: int) -> list[fulltext.Portion]:
    """What another process has made of a session."""
    (state,) = fulltext._states(store.db, sql.INDEX_STATE, (number,))
    return list(fulltext.portions(store.db, state))


def test_a_session_that_an_older_program_appended_to_is_found_after_mending(
    store: DurableStore, project: int, session: UUID
) -> None:
    told(store, project, session, *texts(1, 2))
    store.db.run("UPDATE holdfast_session SET index_due_us = NULL")
    assert found(project, "number1") == []
    assert search.mend("default") == 1
    assert search.mend("default") == 0
    assert found(project, "number1") == [session]


def test_the_server_indexes_by_itself(store: DurableStore, project: int, session: UUID) -> None:
    told(store, project, session, *texts(1, 2))
    assert Upkeep("default").index() is True
    assert entries(store, session) == expected(1, 2)


def test_a_large_message_is_indexed_up_to_the_limit(
    store: DurableStore, project: int, session: UUID
) -> None:
    many = " ".join(f"w{number:06}" for number in range(149_000))
    told(store, project, session, many)
    assert found(project, "w000001") == [session]
    assert found(project, f"w{words.MOST_BYTES // 7 - 1:06}") == [session]
    assert found(project, f"w{words.MOST_BYTES // 7:06}") == []
    number = number_of(store, session)
    store.purge(project, session)
    assert entries(store, number) == []


def test_the_index_is_sound_after_all_of_it(
    store: DurableStore, project: int, session: UUID, on_sqlite: None
) -> None:
    for seq in range(1, 40):
        told(store, project, session, *texts(seq, seq))
        store.edit(project, session, Edit(title=f"title {seq}"))
        search.bring_up_to_date("default")
    other = told(store, project, opened(store, project), *texts(1, 9))
    search.bring_up_to_date("default")
    store.purge(project, session)
    assert entries(store, other) == expected(1, 9)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO holdfast_search (holdfast_search) VALUES ('integrity-check')")
