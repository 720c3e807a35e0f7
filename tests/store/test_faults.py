"""A database that is locked, full, read-only or gone: an error of the contract, and then it works.

The disk is made full by a page limit, the file read-only by the connection's own switch: both fail
with the driver's own error for it, also where the tests run as root.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections, transaction

from sessions_app.core import errors
from sessions_app.store.base import Edit, NewSession, Window
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import verify
from tests.store.racing import Blocker
from tests.store.saying import filled, keyed, said, turn

Change = Callable[[DurableStore, int, Any], Any]
CHANGES: dict[str, Change] = {
    "open": lambda store, project, _: store.open(project, NewSession(key="new")),
    "open for a user": lambda store, project, _: store.open(project, NewSession(user="alice")),
    "append": lambda store, project, session: store.append(project, session, turn()),
    "append with a key": lambda store, project, session: store.append(
        project, session, turn(), keyed("k")
    ),
    "edit": lambda store, project, session: store.edit(project, session, Edit(title="B")),
    "retract": lambda store, project, session: store.retract(project, session, (1, 2)),
    "pin": lambda store, project, session: store.pin(project, session, 1),
    "fork": lambda store, project, session: store.fork(project, session, 3),
    "end": lambda store, project, session: store.end(project, session),
    "archive": lambda store, project, session: store.archive(project, session),
    "reopen": lambda store, project, session: store.reopen(project, session),
    "delete": lambda store, project, session: store.delete(project, session),
    "restore": lambda store, project, session: store.restore(project, session),
    "purge": lambda store, project, session: store.purge(project, session),
}


@pytest.fixture(params=CHANGES)
def change(request: pytest.FixtureRequest) -> Change:
    return CHANGES[request.param]


@pytest.fixture
def impatient(store: DurableStore) -> Iterator[None]:
    """A connection that waits 50 ms for a lock."""
    connection.ensure_connection()
    sqlite = "PRAGMA busy_timeout=50"
    with connection.cursor() as cursor:
        cursor.execute(sqlite if connection.vendor == "sqlite" else "SET lock_timeout='50ms'")
    yield
    forget_connection()


def forget_connection() -> None:
    """Closes this thread's connection, and on PostgreSQL the pool it would go back to as it is."""
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]


def fill_disk() -> str:
    """Lets the file grow no more, on this connection; returns a text it has no room for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count"
        )
        free, pages = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count={pages + 2}")
    return os.urandom(4096 * int(free + 50)).hex()  # random: nothing else stays large when packed


def snapshot_of_everything() -> list[Any]:
    found = []
    with connection.cursor() as cursor:
        for table in ("session", "message", "event", "request_key", "end_user"):
            cursor.execute(f"SELECT * FROM holdfast_{table} ORDER BY 1, 2, 3")  # noqa: S608
            found.append(
                [[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in cursor]
            )
    return found


@pytest.mark.usefixtures("impatient")
def test_a_change_of_a_locked_database_is_busy_and_stores_nothing(
    store: DurableStore, project: int, blocker: Blocker, change: Change
) -> None:
    session = filled(store, project)
    before = snapshot_of_everything()
    blocker.take()
    try:
        with pytest.raises(errors.StoreBusy):
            change(store, project, session)
    finally:
        blocker.give()
    assert snapshot_of_everything() == before
    change(store, project, session)
    assert list(verify(store)) == []


@pytest.mark.usefixtures("impatient")
def test_reads_go_on_in_a_locked_database(
    store: DurableStore, project: int, blocker: Blocker
) -> None:
    session = filled(store, project)
    blocker.take()
    row = store.get(project, session)
    assert len(store.messages(row, Window())) == 6
    assert [event.kind for event in store.events(row)] == ["created"]
    assert store.state(row, 3).events == 1
    assert store.prompt(row).kind == "created"
    assert store.find(project, "none") is None
    assert list(verify(store)) == []
    blocker.give()


@pytest.mark.usefixtures("impatient")
def test_a_known_key_is_found_while_the_database_is_locked(
    store: DurableStore, project: int, blocker: Blocker
) -> None:
    store.open(project, NewSession(key="trip"))
    blocker.take()
    assert not store.open(project, NewSession(key="trip")).made
    blocker.give()


@pytest.mark.usefixtures("on_sqlite")
def test_a_full_disk_stores_nothing_and_recovers(store: DurableStore, project: int) -> None:
    session = filled(store, project)
    before = store.get(project, session)
    large = fill_disk()
    with pytest.raises(errors.StorageFull) as caught:
        store.append(project, session, [said(large)], keyed("k"))
    assert "full" in caught.value.details["cause"]
    assert store.get(project, session) == before
    done = store.append(project, session, [said(large)], keyed("k"))
    assert done.first_seq == 7
    assert list(verify(store)) == []


@pytest.mark.usefixtures("on_sqlite")
def test_a_full_disk_in_a_callers_transaction_is_told_and_rolled_back(
    store: DurableStore, project: int
) -> None:
    session = filled(store, project)
    large = fill_disk()
    try:
        with transaction.atomic():
            store.append(project, session, [said("small")])
            with pytest.raises(errors.StorageFull):
                store.append(project, session, [said(large)])
            transaction.set_rollback(True)
    finally:
        connection.close()
    assert store.get(project, session).messages == 6
    assert store.append(project, session, turn()).durable


@pytest.mark.usefixtures("on_sqlite")
def test_a_read_only_file_stores_nothing_and_recovers(
    store: DurableStore, project: int, change: Change
) -> None:
    session = filled(store, project)
    before = snapshot_of_everything()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only=ON")
    with pytest.raises(errors.StorageFull):
        change(store, project, session)
    assert snapshot_of_everything() == before
    change(store, project, session)


@pytest.mark.usefixtures("on_sqlite")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("content", [None, b"not a database at all" * 100])
def test_a_file_that_is_missing_or_foreign_is_unavailable(
    store: DurableStore,
    project: int,
    content: bytes | None,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = filled(store, project)
    bad = tmp_path / "none" / "file" if content is None else tmp_path / "file"
    if content is not None:
        bad.write_bytes(content)
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "NAME", str(bad))
        with pytest.raises(errors.StoreUnavailable):
            store.append(project, session, turn())
        with pytest.raises(errors.StoreUnavailable):
            store.get(project, session)
        gc.collect()  # Django drops a connection whose first statement fails without closing it.
    connection.close()
    assert store.append(project, session, turn()).first_seq == 7
    if content is not None:
        assert bad.read_bytes() == content


def end_backend() -> None:
    """Ends the server's side of this thread's connection, as an administrator would."""
    pid = connection.connection.info.backend_pid
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    finally:
        other.close()


@pytest.mark.usefixtures("on_postgres")
def test_a_killed_backend_is_unavailable_and_the_next_call_works(
    store: DurableStore, project: int, change: Change
) -> None:
    session = filled(store, project)
    before = snapshot_of_everything()
    end_backend()
    with pytest.raises(errors.StoreUnavailable):
        change(store, project, session)
    assert snapshot_of_everything() == before
    change(store, project, session)
    assert list(verify(store)) == []


@pytest.mark.usefixtures("on_postgres")
def test_a_read_over_a_killed_backend_is_unavailable_once(
    store: DurableStore, project: int
) -> None:
    session = filled(store, project)
    store.get(project, session)
    end_backend()
    with pytest.raises(errors.StoreUnavailable):
        store.get(project, session)
    assert store.get(project, session).messages == 6


@pytest.mark.usefixtures("on_postgres")
def test_a_read_only_server_is_told_as_storage(store: DurableStore, project: int) -> None:
    session = filled(store, project)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        with pytest.raises(errors.StorageFull):
            store.append(project, session, turn())
        transaction.set_rollback(True)
    assert store.append(project, session, turn()).first_seq == 7


@pytest.mark.usefixtures("on_postgres")
def test_a_refused_statement_does_not_spoil_a_callers_transaction(
    store: DurableStore, project: int
) -> None:
    session = filled(store, project)
    store.append(project, session, turn(), keyed("k"))
    with transaction.atomic():
        with pytest.raises(errors.IdempotencyMismatch):
            store.append(project, session, turn(), keyed("k", b"o" * 32))
        done = store.append(project, session, turn(), keyed("l"))
    assert done.first_seq == 9
