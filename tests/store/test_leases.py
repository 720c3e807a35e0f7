"""Leases: one writer at a time, and one that comes too late stores nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections, transaction

from sessions_app import exporting, waiting
from sessions_app.core import errors
from sessions_app.core.replay import replay
from sessions_app.models import Session
from sessions_app.store import folding, leasing
from sessions_app.store.base import Edit, Guard, Snapshot
from sessions_app.store.database import Database
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import verify
from tests.passing import DatabaseTime
from tests.store.conftest import make_project
from tests.store.racing import failures, race
from tests.store.saying import at, filled, keyed, opened, said, turn, under

TTL = 30
Change = Callable[[DurableStore, int, UUID, Guard], Any]
CHANGES: dict[str, Change] = {
    "append": lambda store, project, session, guard: store.append(project, session, turn(), guard),
    "edit": lambda store, project, session, guard: store.edit(
        project, session, Edit(title="B"), guard
    ),
    "retract": lambda store, project, session, guard: store.retract(
        project, session, (1, 1), None, guard
    ),
    "pin": lambda store, project, session, guard: store.pin(project, session, 1, guard=guard),
    "fork": lambda store, project, session, guard: store.fork(project, session, 2, guard=guard),
    "end": lambda store, project, session, guard: store.end(project, session, guard),
    "archive": lambda store, project, session, guard: store.archive(project, session, guard),
    "reopen": lambda store, project, session, guard: store.reopen(project, session, guard),
    "note": lambda store, project, session, guard: store.note(
        project, session, "imported_records", {}, guard
    ),
    "compress": lambda store, project, session, guard: folding.ask(
        store, project, session, queue=lambda _: UUID(int=1), guard=guard
    ),
    "delete": lambda store, project, session, guard: store.delete(project, session, guard),
    "purge": lambda store, project, session, guard: store.purge(project, session, guard),
}


@pytest.fixture(params=CHANGES)
def change(request: pytest.FixtureRequest) -> Change:
    return CHANGES[request.param]


@pytest.fixture
def session(store: DurableStore, project: int) -> UUID:
    return filled(store, project)


def taken(store: DurableStore, project: int, session: UUID, holder: str = "planner") -> int:
    """The token of a lease of TTL seconds."""
    return leasing.acquire(store, project, session, holder, TTL).session.lease_token


def log_of(store: DurableStore, project: int, session: UUID) -> bytes:
    """The whole log with its digests, byte for byte, and the row beside it."""
    return b"".join(exporting.holdfast(store, project, session))


def row_of(session: UUID) -> dict[str, Any]:
    return dict(Session.everything.filter(id=session).values().get())


def told(store: DurableStore, project: int, session: UUID) -> list[dict[str, Any]]:
    """The data of every `lease` event."""
    events = store.events(store.get(project, session))
    return [dict(event.entry().data) for event in events if event.kind == "lease"]


# -- what must not happen ----------------------------------------------------------------------


def test_a_second_agent_is_told_who_holds_the_session_and_until_when(
    store: DurableStore, project: int, session: UUID
) -> None:
    taken(store, project, session)
    before = row_of(session)
    with pytest.raises(errors.SessionBusy) as caught:
        leasing.acquire(store, project, session, "writer", TTL)
    details = caught.value.details
    assert details["holder"] == "planner"
    assert details["expires_at"].endswith("Z")
    assert 1 <= details["retry_after"] <= 5
    assert (caught.value.status, caught.value.retryable) == (409, True)
    assert row_of(session) == before


def test_the_same_name_again_is_somebody_else(
    store: DurableStore, project: int, session: UUID
) -> None:
    taken(store, project, session)
    with pytest.raises(errors.SessionBusy):
        leasing.acquire(store, project, session, "planner", TTL)


def test_an_append_without_the_token_waits_for_its_turn(
    store: DurableStore, project: int, session: UUID
) -> None:
    token = taken(store, project, session)
    before = log_of(store, project, session)
    with pytest.raises(errors.SessionBusy):
        store.append(project, session, turn())
    with pytest.raises(errors.SessionBusy):
        store.append(project, session, turn(), at(1))
    assert log_of(store, project, session) == before
    assert store.append(project, session, turn(), under(token)).first_seq == 7


def test_a_holder_that_was_frozen_past_its_lease_stores_nothing(
    store: DurableStore,
    project: int,
    session: UUID,
    database_time: DatabaseTime,
    change: Change,
) -> None:
    late = taken(store, project, session)
    database_time.passes(TTL + 1)
    assert taken(store, project, session, "writer") == late + 1
    store.append(project, session, turn("by the writer"), under(late + 1))
    before, row = log_of(store, project, session), row_of(session)
    with pytest.raises(errors.LeaseLost):
        change(store, project, session, under(late))
    assert log_of(store, project, session) == before
    assert row_of(session) == row
    assert Session.everything.count() == 1
    assert list(verify(store)) == []


def test_a_lease_that_ran_out_is_lost_also_where_nobody_took_it(
    store: DurableStore,
    project: int,
    session: UUID,
    database_time: DatabaseTime,
    change: Change,
) -> None:
    token = taken(store, project, session)
    database_time.passes(TTL)
    before = log_of(store, project, session)
    with pytest.raises(errors.LeaseLost):
        change(store, project, session, under(token))
    with pytest.raises(errors.LeaseLost):
        leasing.renew(store, project, session, token, TTL)
    with pytest.raises(errors.LeaseLost):
        leasing.release(store, project, session, token)
    assert log_of(store, project, session) == before


@pytest.mark.parametrize("token", [0, 2, 2**62])
def test_a_token_that_nobody_was_given_is_lost(
    store: DurableStore, project: int, session: UUID, change: Change, token: int
) -> None:
    taken(store, project, session)
    before = log_of(store, project, session)
    with pytest.raises(errors.LeaseLost):
        change(store, project, session, under(token))
    assert log_of(store, project, session) == before


def test_a_token_is_lost_where_there_never_was_a_lease(
    store: DurableStore, project: int, session: UUID, change: Change
) -> None:
    for token in (0, 1):
        with pytest.raises(errors.LeaseLost):
            change(store, project, session, under(token))
    with pytest.raises(errors.LeaseLost):
        leasing.release(store, project, session, 0)


def test_a_lost_lease_goes_before_a_version_that_was_missed(
    store: DurableStore, project: int, session: UUID, change: Change
) -> None:
    taken(store, project, session)
    with pytest.raises(errors.LeaseLost):
        change(store, project, session, Guard(expected=1, lease=7))


def test_a_version_that_was_missed_is_told_to_the_holder_too(
    store: DurableStore, project: int, session: UUID, change: Change
) -> None:
    token = taken(store, project, session)
    with pytest.raises(errors.StaleVersion):
        change(store, project, session, Guard(expected=1, lease=token))


def test_what_is_gone_is_gone_for_its_holder_too(
    store: DurableStore, project: int, session: UUID, change: Change
) -> None:
    token = taken(store, project, session)
    stranger = make_project("strangers")
    with pytest.raises(errors.NotFound):
        change(store, stranger, session, under(token))
    store.delete(project, session)
    if change in (CHANGES["purge"],):
        return
    for guard in (under(token), under(token + 1)):
        with pytest.raises(errors.SessionDeleted):
            change(store, project, session, guard)


@pytest.mark.parametrize("status", ["end", "archive"])
def test_a_session_that_takes_no_messages_gives_no_lease(
    store: DurableStore, project: int, session: UUID, status: str
) -> None:
    token = taken(store, project, session)
    getattr(store, status)(project, session)
    with pytest.raises(errors.SessionEnded):
        store.append(project, session, turn(), under(token))
    leasing.release(store, project, session, token)
    with pytest.raises(errors.SessionEnded):
        leasing.acquire(store, project, session, "writer", TTL)


# -- what a holder may --------------------------------------------------------------------------


def test_every_change_is_made_under_the_lease(
    store: DurableStore, project: int, session: UUID, change: Change
) -> None:
    change(store, project, session, under(taken(store, project, session)))


@pytest.mark.parametrize("name", sorted({*CHANGES} - {"append"}))
def test_a_person_is_never_locked_out_by_an_agent(
    store: DurableStore, project: int, session: UUID, name: str
) -> None:
    taken(store, project, session)
    CHANGES[name](store, project, session, Guard())


def test_a_lease_is_taken_released_and_taken_again(
    store: DurableStore, project: int, session: UUID
) -> None:
    first = leasing.acquire(store, project, session, "planner", TTL)
    assert (first.durable, first.session.version) == (True, 8)
    assert leasing.held(store, first.session) == first.session.lease
    done = leasing.release(store, project, session, 1)
    assert (done.session.version, done.session.lease) == (9, (1, 0, ""))
    assert leasing.held(store, done.session) is None
    assert taken(store, project, session, "writer") == 2
    assert told(store, project, session) == [
        {"action": "acquired", "holder": "planner", "ttl": 30},
        {"action": "released", "holder": "planner"},
        {"action": "acquired", "holder": "writer", "ttl": 30},
    ]
    assert list(verify(store)) == []


def test_a_release_sent_twice_is_one_release(
    store: DurableStore, project: int, session: UUID
) -> None:
    token = taken(store, project, session)
    first = leasing.release(store, project, session, token)
    assert leasing.release(store, project, session, token) == first
    taken(store, project, session, "writer")
    with pytest.raises(errors.LeaseLost):
        leasing.release(store, project, session, token)


def test_a_renewed_lease_lasts_from_then_on_and_the_log_does_not_tell(
    store: DurableStore, project: int, session: UUID, database_time: DatabaseTime
) -> None:
    token = taken(store, project, session)
    before = log_of(store, project, session)
    for _ in range(5):
        database_time.passes(TTL - 1)
        leasing.renew(store, project, session, token, TTL)
    assert log_of(store, project, session) == before
    store.append(project, session, turn(), under(token))
    database_time.passes(TTL)
    with pytest.raises(errors.LeaseLost):
        store.append(project, session, turn(), under(token))


def test_a_renewal_may_shorten_a_lease(
    store: DurableStore, project: int, session: UUID, database_time: DatabaseTime
) -> None:
    token = taken(store, project, session)
    leasing.renew(store, project, session, token, 2)
    database_time.passes(3)
    assert taken(store, project, session, "writer") == token + 1


def test_a_lease_that_ran_out_is_taken_over_and_the_log_says_from_whom(
    store: DurableStore, project: int, session: UUID, database_time: DatabaseTime
) -> None:
    taken(store, project, session)
    database_time.passes(TTL)
    taken(store, project, session, "writer")
    assert told(store, project, session)[1] == {
        "action": "taken_over",
        "holder": "writer",
        "ttl": 30,
        "from": "planner",
    }


def test_once_it_ran_out_others_append_and_are_not_asked_for_the_time_again(
    store: DurableStore,
    project: int,
    session: UUID,
    database_time: DatabaseTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = taken(store, project, session)
    database_time.passes(TTL)
    store.append(project, session, turn())
    asked = []
    monkeypatch.setattr(Database, "now_us", lambda _: asked.append(1))
    store.append(project, session, turn())
    assert not asked
    monkeypatch.undo()
    with pytest.raises(errors.LeaseLost):
        store.append(project, session, turn(), under(token))
    # It was never given back, whoever wrote meanwhile.
    taken(store, project, session, "writer")
    assert told(store, project, session)[1]["from"] == "planner"


def test_a_refused_append_leaves_a_lease_that_ran_out_as_it_is(
    store: DurableStore, project: int, session: UUID, database_time: DatabaseTime
) -> None:
    taken(store, project, session)
    database_time.passes(TTL)
    before = row_of(session)
    with pytest.raises(errors.StaleVersion):
        store.append(project, session, turn(), at(1))
    assert row_of(session) == before


def test_the_time_of_the_database_decides_whatever_the_process_thinks(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("a file has the clock of its machine")
    token = taken(store, project, session)
    for now in (0, 2**60):
        monkeypatch.setattr("sessions_app.clock.now_us", lambda now=now: now)
        leasing.renew(store, project, session, token, TTL)
        with pytest.raises(errors.SessionBusy):
            leasing.acquire(store, project, session, "writer", TTL)


# -- repeated requests -------------------------------------------------------------------------


def test_a_repeated_acquire_gets_the_first_token_also_when_the_lease_is_another_s(
    store: DurableStore, project: int, session: UUID, database_time: DatabaseTime
) -> None:
    first = leasing.acquire(store, project, session, "planner", TTL, keyed("k"))
    assert leasing.acquire(store, project, session, "planner", TTL, keyed("k")) == first
    database_time.passes(TTL)
    taken(store, project, session, "writer")
    before = log_of(store, project, session)
    assert leasing.acquire(store, project, session, "planner", TTL, keyed("k")) == first
    assert log_of(store, project, session) == before
    with pytest.raises(errors.IdempotencyMismatch):
        leasing.acquire(store, project, session, "planner", TTL, keyed("k", b"o" * 32))


def test_a_busy_session_leaves_the_key_free(
    store: DurableStore, project: int, session: UUID
) -> None:
    token = taken(store, project, session)
    with pytest.raises(errors.SessionBusy):
        leasing.acquire(store, project, session, "writer", TTL, keyed("k"))
    leasing.release(store, project, session, token)
    done = leasing.acquire(store, project, session, "writer", TTL, keyed("k"))
    assert done.session.lease_holder == "writer"


def test_a_repeated_append_is_answered_before_its_lease_is_looked_at(
    store: DurableStore, project: int, session: UUID, database_time: DatabaseTime
) -> None:
    token = taken(store, project, session)
    guard = Guard(None, keyed("k").request, token)
    first = store.append(project, session, turn(), guard)
    database_time.passes(TTL)
    taken(store, project, session, "writer")
    assert store.append(project, session, turn(), guard) == first
    other = Guard(None, keyed("other").request, token)
    with pytest.raises(errors.LeaseLost):
        store.append(project, session, turn(), other)


def test_a_repeated_renewal_holds_no_longer_than_the_first(
    store: DurableStore, project: int, session: UUID, database_time: DatabaseTime
) -> None:
    token = taken(store, project, session)
    first = leasing.renew(store, project, session, token, TTL, keyed("k"))
    database_time.passes(TTL - 1)
    assert leasing.renew(store, project, session, token, TTL, keyed("k")) == first
    assert store.get(project, session).lease == first.session.lease


# -- races -------------------------------------------------------------------------------------


def test_of_eight_threads_one_gets_the_lease(
    store: DurableStore, project: int, session: UUID
) -> None:
    answers = race(8, lambda n: leasing.acquire(store, project, session, f"agent {n}", TTL))
    lost = failures(answers)
    assert [type(error) for error in lost] == [errors.SessionBusy] * 7
    (won,) = [answer for answer in answers if answer not in lost]
    assert {error.details["holder"] for error in lost} == {won.session.lease_holder}
    assert len(told(store, project, session)) == 1
    assert list(verify(store)) == []


def test_of_eight_threads_one_takes_over(
    store: DurableStore, project: int, session: UUID, database_time: DatabaseTime
) -> None:
    late = taken(store, project, session)
    database_time.passes(TTL)

    def work(number: int) -> Any:
        if number % 2:
            return store.append(project, session, [said("late")], under(late))
        return leasing.acquire(store, project, session, f"agent {number}", TTL)

    answers = race(8, work)
    kinds = [type(error) for error in failures(answers)]
    assert (kinds.count(errors.LeaseLost), kinds.count(errors.SessionBusy)) == (4, 3)
    assert store.get(project, session).messages == 6


def test_writers_with_and_without_the_token_race_and_only_the_holder_s_are_stored(
    store: DurableStore, project: int, session: UUID
) -> None:
    token = taken(store, project, session)

    def work(number: int) -> Any:
        guard = under(token) if number % 2 else Guard()
        return store.append(project, session, [said(f"{number}")], guard)

    answers = race(8, work)
    assert [type(error) for error in failures(answers)] == [errors.SessionBusy] * 4
    log = store.get(project, session)
    stored = [item.body for item in store.tail(log.number, log.messages + 1, 4)]
    assert sorted(stored) == [f'{{"content":"{number}"}}' for number in (1, 3, 5, 7)]


PROCESS = """
import sys
from uuid import UUID
import django
django.setup()
from sessions_app.core.errors import SessionBusy
from sessions_app.store import get_store, leasing
project, session, name = int(sys.argv[1]), UUID(sys.argv[2]), sys.argv[3]
store = get_store()
store.get(project, session)
print("ready", flush=True)
sys.stdin.readline()
try:
    done = leasing.acquire(store, project, session, name, 30)
    print("won", done.session.lease_token, flush=True)
except SessionBusy as error:
    print("busy", error.details["holder"], flush=True)
"""


def test_of_two_processes_one_gets_the_lease(
    store: DurableStore, project: int, session: UUID
) -> None:
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        address = f"sqlite:///{connection.settings_dict['NAME']}"
    else:
        info = connection.connection.info
        address = f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"
    found = {"DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "holdfast.settings"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(project), str(session), name],
            env={**os.environ, **found},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = sorted(process.communicate(timeout=120)[0].strip() for process in processes)
    holder = store.get(project, session).lease_holder
    assert answers == [f"busy {holder}", "won 1"]


# -- waiting -----------------------------------------------------------------------------------


def test_who_waits_gets_the_lease_the_moment_it_is_released(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the bell it would look again only after an hour."""
    monkeypatch.setattr(waiting, "FIRST_PAUSE", 3600.0)
    token = taken(store, project, session)
    refused = looked(monkeypatch)

    def wait() -> int:
        try:
            done = leasing.acquire(store, project, session, "writer", TTL, wait=3600)
            return done.session.lease_token
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        waited = pool.submit(wait)
        assert refused.wait(60)
        leasing.release(store, project, session, token)
        assert waited.result(60) == token + 1
    assert not waiting.is_heard(session)


def looked(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set as soon as somebody has found the session busy and is about to wait."""
    found = Event()
    monkeypatch.setattr(Database, "rest", lambda _: found.set())
    return found


def test_who_waits_hears_of_a_release_elsewhere_by_looking_again(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = taken(store, project, session)
    monkeypatch.setattr(waiting, "ring", lambda _: None)
    monkeypatch.setattr(Database, "rest", lambda _: leasing.release(store, project, session, token))
    done = leasing.acquire(store, project, session, "writer", TTL, wait=60)
    assert done.session.lease_token == token + 1


def test_who_waits_takes_over_what_runs_out(
    store: DurableStore,
    project: int,
    session: UUID,
    database_time: DatabaseTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = taken(store, project, session)
    monkeypatch.setattr(Database, "rest", lambda _: database_time.passes(TTL))
    done = leasing.acquire(store, project, session, "writer", TTL, wait=60)
    assert done.session.lease_token == token + 1


def test_who_waits_in_vain_is_told_so_in_the_end(
    store: DurableStore, project: int, session: UUID
) -> None:
    taken(store, project, session)
    with pytest.raises(errors.SessionBusy):
        leasing.acquire(store, project, session, "writer", TTL, wait=0.01)
    assert not waiting.is_heard(session)


def test_who_waits_holds_neither_a_transaction_nor_a_connection_of_a_pool(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = taken(store, project, session)
    seen: list[tuple[bool, bool]] = []

    class Watched(Event().__class__):  # type: ignore[misc]
        def wait(self, timeout: float | None = None) -> bool:
            open_file = connection.vendor == "sqlite"
            seen.append((connection.in_atomic_block, bool(connection.connection) == open_file))
            leasing.release(store, project, session, token)
            return bool(super().wait(timeout))

    monkeypatch.setattr(leasing, "Event", Watched)
    leasing.acquire(store, project, session, "writer", TTL, wait=60)
    assert seen == [(False, True)]


def test_nobody_waits_inside_a_transaction_in_which_nothing_would_change(
    store: DurableStore, project: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(store, project, session)
    monkeypatch.setattr(Database, "rest", lambda _: pytest.fail("waits"))
    with transaction.atomic(), pytest.raises(errors.SessionBusy):
        leasing.acquire(store, project, session, "writer", TTL, wait=60)


def test_a_lease_taken_in_a_callers_transaction_is_given_up_with_it(
    store: DurableStore, project: int, session: UUID
) -> None:
    with transaction.atomic():
        done = leasing.acquire(store, project, session, "planner", TTL)
        transaction.set_rollback(True)
    assert (done.durable, done.durable_by) == (False, "commit")
    store.append(project, session, turn())
    assert taken(store, project, session) == 1


# -- what a lease is no part of ----------------------------------------------------------------


def test_a_fork_begins_without_a_lease(store: DurableStore, project: int, session: UUID) -> None:
    token = taken(store, project, session)
    parent = store.get(project, session)
    fork = store.fork(project, session, parent.version).session
    assert fork.lease == (0, 0, "")
    store.append(project, fork.id, turn())
    with pytest.raises(errors.LeaseLost):
        store.append(project, fork.id, turn(), under(token))
    assert store.get(project, session).lease == parent.lease
    assert list(verify(store)) == []


def test_an_export_says_nothing_of_a_lease_and_an_import_begins_without_one(
    store: DurableStore, project: int, session: UUID
) -> None:
    token = taken(store, project, session)
    found = store.get(project, session)
    before = log_of(store, project, session)
    assert b"lease_token" not in before
    entries, row = list(store.log(found)), exported(found)
    store.purge(project, session)
    adopted = store.adopt(project, row, entries).session
    assert adopted.lease == (0, 0, "")
    assert log_of(store, project, session) == before
    store.append(project, session, turn())
    with pytest.raises(errors.LeaseLost):
        store.append(project, session, turn(), under(token))
    assert list(verify(store)) == []


def exported(found: Snapshot) -> dict[str, Any]:
    return {**exporting._row(found), "head": found.head}


def test_an_import_leaves_the_lease_of_a_session_that_is_here_to_its_holder(
    store: DurableStore, project: int, session: UUID
) -> None:
    taken(store, project, session)
    now = store.get(project, session)
    assert store.adopt(project, exported(now), list(store.log(now))).new == 0
    assert store.get(project, session).lease == now.lease
    store.append(project, session, turn(), under(now.lease_token))


def test_a_purge_takes_the_lease_along(store: DurableStore, project: int, session: UUID) -> None:
    token = taken(store, project, session)
    store.purge(project, session)
    for change in CHANGES.values():
        with pytest.raises(errors.NotFound):
            change(store, project, session, under(token))


def test_a_deleted_session_keeps_its_lease_until_it_is_restored(
    store: DurableStore, project: int, session: UUID
) -> None:
    token = taken(store, project, session)
    store.delete(project, session)
    with pytest.raises(errors.SessionDeleted):
        leasing.renew(store, project, session, token, TTL)
    store.restore(project, session)
    leasing.renew(store, project, session, token, TTL)


def test_the_state_at_a_version_knows_of_no_lease(
    store: DurableStore, project: int, session: UUID
) -> None:
    before = store.state(store.get(project, session))
    token = taken(store, project, session)
    leasing.release(store, project, session, token)
    events = store.events(store.get(project, session))
    after = replay(event.entry() for event in events)
    assert (after.version, after.events) == (9, 3)
    assert store.state(store.get(project, session), 7) == before


def test_an_append_that_nobody_holds_costs_no_statement_more(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(store, project)
    leasing.release(store, project, session, taken(store, project, session))
    monkeypatch.setattr(Database, "now_us", lambda _: pytest.fail("asks for the time"))
    store.append(project, session, turn())


# -- freed by a person -------------------------------------------------------------------------


def test_a_lease_that_is_freed_is_lost_to_its_holder_and_free_for_the_next(
    store: DurableStore, project: int, session: UUID
) -> None:
    token = taken(store, project, session)
    rung = Event()
    with waiting.listening(session, rung.set):
        freed = leasing.free(store, project, session)
    assert rung.is_set()
    found = store.get(project, session)
    assert freed == leasing.Freed("planner", found.version)
    assert leasing.held(store, found) is None
    for late in (
        lambda: store.append(project, session, turn(), under(token)),
        lambda: leasing.renew(store, project, session, token, TTL),
    ):
        with pytest.raises(errors.LeaseLost):
            late()
    assert taken(store, project, session, "writer") == token + 1
    (event,) = [each for each in store.events(found) if "freed" in each.data]
    assert event.entry().data == {"action": "freed", "holder": "planner"}


def test_a_lease_that_nobody_holds_is_not_freed(
    store: DurableStore, project: int, session: UUID, database_time: DatabaseTime
) -> None:
    assert leasing.free(store, project, session) is None
    token = taken(store, project, session)
    database_time.passes(TTL)
    before = store.get(project, session)
    assert leasing.free(store, project, session) is None
    assert store.get(project, session) == before
    with pytest.raises(errors.LeaseLost):
        leasing.renew(store, project, session, token, TTL)
