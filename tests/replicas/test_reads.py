"""A replica tells what the primary told so many seconds ago at most, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from memory_app import endusers
from sessions_app.core import beats, errors
from sessions_app.store import database
from sessions_app.store.durable import DurableStore
from tests.hot.asking import context, plain, tail
from tests.replicas.asking import Following, paused, until
from tests.replicas.conftest import beside, reading
from tests.servers import Server
from tests.store.saying import filled, opened, said, turn


@contextmanager
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The alias of the database of each statement meanwhile."""
    ran: list[str] = []
    execute = database._executed

    def noted(connection: Any, sql: str, params: Any) -> Any:
        ran.append(connection.alias)
        return execute(connection, sql, params)

    with monkeypatch.context() as patch:
        patch.setattr(database, "_executed", noted)
        yield ran


def of_a_user(found: Following, project: int) -> UUID:
    session = opened(found.store, project, user="alice")
    found.store.append(project, session, turn("I am vegetarian."))
    return session


def test_a_replica_answers_alone_and_as_the_primary_does(
    found: Following, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = of_a_user(found, project)
    found.beaten()
    expected = context(plain(), project, session, tokens=2_000)
    rows = tail(plain(), project, session, limit=5)
    found.replicas.epochs.recent()
    with asked(monkeypatch) as ran:
        assert found.tail(project, session, limit=5) == rows
        assert found.context(project, session, tokens=2_000) == expected
    assert set(ran) == {"standby"}
    assert found.counted("answers") == 2


def test_the_newest_messages_are_one_statement(
    found: Following, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = filled(found.store, project, 30)
    found.beaten()
    found.replicas.epochs.recent()
    with asked(monkeypatch) as ran:
        found.tail(project, session, limit=20)
    assert ran == ["standby"]


@pytest.mark.parametrize("limit", [1, 3, 20])
@pytest.mark.parametrize("turns", [0, 1, 5])
def test_any_page_is_the_primarys(found: Following, project: int, turns: int, limit: int) -> None:
    session = filled(found.store, project, turns)
    found.beaten()
    assert found.tail(project, session, limit=limit) == tail(plain(), project, session, limit=limit)
    assert found.counted("answers") == 1


def test_packed_bodies_come_whole(found: Following, project: int) -> None:
    session = opened(found.store, project)
    found.store.append(project, session, [said("ab" * 4_000)])
    found.beaten()
    (row,) = found.tail(project, session)
    assert "ab" * 4_000 in row.body
    assert found.counted("answers") == 1


def test_who_takes_nothing_old_is_never_answered_by_a_replica(
    found: Following, project: int
) -> None:
    session = filled(found.store, project)
    found.beaten()
    found.tail(project, session, max_stale=0)
    found.context(project, session, max_stale=0)
    assert found.counted("answers") == 0


def test_with_a_question_the_primary_is_asked(found: Following, project: int) -> None:
    session = filled(found.store, project)
    found.beaten()
    found.context(project, session, query="question 1")
    assert found.counted("answers") == 0


def test_in_a_callers_transaction_the_primary_is_asked(found: Following, project: int) -> None:
    session = filled(found.store, project)
    found.beaten()
    with transaction.atomic():
        found.store.append(project, session, turn("not committed"))
        assert "not committed" in str(found.tail(project, session))
        assert "not committed" in str(found.context(project, session))
    assert found.counted("answers") == 0


@pytest.mark.parametrize("max_stale", [1, 10, 60])
def test_nothing_is_told_that_may_be_older_than_its_reader_takes(
    found: Following, standby: Server, project: int, max_stale: int
) -> None:
    session = filled(found.store, project)
    found.beaten(max_stale)
    with paused(standby):
        before = found.tail(project, session, max_stale)
        plain().append(project, session, turn("since then"))
        known = found.replicas.beats.known[-1]
        found.clock.now = known.at + max_stale
        assert found.tail(project, session, max_stale) == before
        found.clock.now += 0.01
        assert found.tail(project, session, max_stale) == tail(plain(), project, session)
        assert found.counted("answers") == 2


def test_an_idle_primary_makes_no_replica_old(found: Following, project: int) -> None:
    """Nothing was committed for an hour, and the replica has all of it."""
    session = filled(found.store, project)
    for _ in range(3):
        found.clock.now += 3_600
        found.beaten()
        found.tail(project, session)
    assert found.counted("answers") == 3


def test_whoever_writes_sees_what_they_wrote(
    found: Following, standby: Server, project: int
) -> None:
    session = filled(found.store, project)
    found.beaten()
    with paused(standby):
        found.tail(project, session)
        found.store.append(project, session, turn("just now"))
        assert "just now" in str(found.tail(project, session))
        assert "just now" in str(found.context(project, session))
        assert found.counted("behind") == 2


def test_what_one_replica_told_no_other_takes_back(
    alias: str, standby: Server, own_standby: Server, project: int
) -> None:
    session = filled(plain(), project)
    with reading(own_standby, "ahead") as ahead:
        both = beside(alias, ahead)
        both.beaten()
        with paused(standby):
            plain().append(project, session, turn("since then"))
            until(lambda: "since then" in str(tail_of(ahead, session, project)))
            versions = [max(row.version for row in both.tail(project, session)) for _ in range(6)]
    assert versions == sorted(versions)
    assert both.counted("answers") >= 3


def tail_of(alias: str, session: UUID, project: int) -> Any:
    return tail(DurableStore(alias), project, session)


def test_what_was_purged_is_told_by_nobody(found: Following, standby: Server, project: int) -> None:
    session, other = filled(found.store, project), filled(found.store, project)
    found.beaten()
    with paused(standby):
        found.tail(project, session)
        plain().purge(project, session)  # as another process does
        found.replicas.epochs.learn(None, float("-inf"))
        for asking in (found.tail, found.context):
            with pytest.raises(errors.NotFound):
                asking(project, session)
            asking(project, other)
        assert found.counted("gone") == 4


def test_what_was_erased_of_a_user_is_told_by_nobody(
    found: Following, standby: Server, project: int
) -> None:
    session = of_a_user(found, project)
    found.beaten()
    with paused(standby):
        endusers.erase(found.store, project, "alice")
        found.context(project, session)
        assert found.counted("answers") == 0


def test_what_is_not_there_or_wrong_the_primary_says(found: Following, project: int) -> None:
    session = filled(found.store, project)
    found.store.delete(project, session)
    found.beaten()
    with pytest.raises(errors.SessionDeleted):
        found.tail(project, session)
    with pytest.raises(errors.NotFound):
        found.tail(project + 1, session)
    other = filled(found.store, project)
    found.beaten()
    with pytest.raises(errors.BudgetTooSmall):
        found.context(project, other, tokens=1)
    with pytest.raises(errors.InvalidField):
        found.context(project, other, policy="nobody's")
    assert found.counted("errors") == 0


def test_a_beat_of_another_process_proves_nothing(found: Following, project: int) -> None:
    session = filled(found.store, project)
    other = beside("standby")
    found.beaten()
    other.beaten_alone()
    other.replicas._process.name = found.replicas.process  # so it finds a token that is not its own
    assert other.tail(project, session) == tail(plain(), project, session)
    assert (other.counted("answers"), other.counted("lags")) == (0, 1)


def test_the_primary_itself_is_no_replica(project: int) -> None:
    if database.Database("default").is_sqlite:
        pytest.skip("about PostgreSQL")
    found = beside("default")
    session = filled(found.store, project)
    found.beaten()
    assert found.tail(project, session) == tail(plain(), project, session)
    assert found.counted("lags") == 1


def test_old_beats_of_other_processes_go(found: Following, project: int) -> None:
    db = database.Database("default")
    db.run("INSERT INTO holdfast_beat (process, token, at_us) VALUES ('gone', 't', 1)")
    found.beaten()
    rows = db.rows("SELECT process FROM holdfast_beat WHERE process = ?", ("gone",))
    assert rows == []


def test_without_the_proof_it_would_tell_what_is_too_old(
    found: Following, standby: Server, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above can fail: they catch a replica that is simply believed."""
    session = filled(found.store, project)
    found.beaten()
    monkeypatch.setattr(beats, "refusal", lambda *_: None)
    with paused(standby):
        plain().append(project, session, turn("since then"))
        found.clock.now = found.replicas.beats.known[-1].at + 10.0
        found.replicas._process.beats = found.replicas.beats.asking(found.clock.now)
        assert found.tail(project, session) != tail(plain(), project, session)
