"""What is broken is told while it is, reads go on, and afterwards a row says how long it was."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from sessions_app import clock, conditions
from sessions_app.core import errors
from sessions_app.models import Outage, Project
from sessions_app.store import durable, fulltext
from sessions_app.store import statements as sql
from sessions_app.store.base import Window
from sessions_app.store.durable import DurableStore
from tests.store.racing import Blocker
from tests.store.saying import filled, keyed, turn
from tests.store.test_faults import forget_connection

MINUTE_US = 60_000_000


@pytest.fixture
def session(store: DurableStore, local: int) -> UUID:
    return filled(store, local)


@pytest.fixture
def local(store: DurableStore, project: int, settings: Any) -> int:
    """The one project of local use."""
    settings.HOLDFAST_LOCAL = True
    Project.objects.filter(pk=project).update(name="default")
    return project


@pytest.fixture
def browser() -> Client:
    return Client(SERVER_NAME="localhost")


def told(browser: Client, path: str) -> dict[str, Any]:
    response = browser.get(path)
    assert response.status_code == 200
    shown: dict[str, Any] = json.loads(response.content)
    return shown


def blocked(store: DurableStore, project: int, session: UUID, blocker: Blocker) -> None:
    """Another process holds the database, and a write found out."""
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout=50" if sqlite else "SET lock_timeout='50ms'")
    blocker.take()
    with pytest.raises(errors.StoreBusy):
        store.append(project, session, turn())


def test_reads_go_on_and_say_that_writes_fail(
    store: DurableStore, local: int, session: UUID, blocker: Blocker, browser: Client
) -> None:
    api = f"/api/v1/sessions/{session}"
    assert told(browser, api)["mode"] == "full"
    blocked(store, local, session, blocker)
    try:
        assert told(browser, api)["mode"] == "degraded"
        assert told(browser, f"{api}/context")["mode"] == "degraded"
        assert len(told(browser, f"{api}/messages")["data"]) == 6
        health = told(browser, "/health")
        assert (health["mode"], health["parts"]["database"]["ok"]) == ("degraded", True)
        assert health["parts"]["writes"]["error"] == "store_busy"
        page = browser.get(f"/sessions/{session}/").content.decode()
        assert "Writes fail since" in page
    finally:
        blocker.give()
        forget_connection()


def test_the_next_write_heals_and_keeps_how_long_it_was(
    store: DurableStore,
    local: int,
    session: UUID,
    blocker: Blocker,
    browser: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocked(store, local, session, blocker)
    blocker.give()
    forget_connection()
    (broken,) = conditions.broken()
    later = broken.since_us + MINUTE_US
    monkeypatch.setattr(clock, "now_us", lambda: later)
    done = store.append(local, session, turn(), keyed("k"))
    assert conditions.broken() == []
    (row,) = Outage.objects.all()
    assert (row.part, row.cause) == ("writes", "store_busy")
    assert (row.since_us, row.lasted_us) == (broken.since_us, MINUTE_US)
    assert told(browser, f"/api/v1/sessions/{session}")["mode"] == "full"
    (shown,) = told(browser, "/settings.json")["outages"]
    assert (shown["part"], shown["seconds"]) == ("writes", 60.0)
    assert "What was broken" in browser.get("/settings/").content.decode()
    assert store.append(local, session, turn(), keyed("k")) == done


def test_an_outage_that_cannot_be_kept_undoes_no_write(
    store: DurableStore, local: int, session: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditions.broke(conditions.REDIS, "ConnectionError")
    conditions.works(conditions.REDIS)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE holdfast_outage RENAME TO holdfast_gone")
    try:
        version = store.append(local, session, turn()).version
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE holdfast_gone RENAME TO holdfast_outage")
    assert store.get(local, session).version == version


def test_a_callers_transaction_keeps_nothing_of_outages(
    store: DurableStore, local: int, session: UUID
) -> None:
    conditions.broke(conditions.WRITES, "store_busy", store.db.alias)
    with store.db.transaction():
        store.append(local, session, turn())
        assert [one.part for one in conditions.broken()] == ["writes"]
    assert conditions.broken() == []
    assert Outage.objects.count() == 1


def test_what_breaks_twice_is_one_outage_until_it_works() -> None:
    conditions.broke("redis", "TimeoutError")
    first = conditions.broken()
    conditions.broke("redis", "ConnectionError")
    assert conditions.broken() == first
    assert conditions.worse("full") == conditions.worse("partial") == "degraded"
    conditions.works("redis")
    conditions.works("redis")
    assert conditions.worse("partial") == "partial"
    assert [one.cause for one in conditions.over()] == ["TimeoutError"]
    assert conditions.over() == []


def test_work_that_gives_way_to_writers_breaks_nothing(
    store: DurableStore, local: int, session: UUID, blocker: Blocker
) -> None:
    blocker.take()
    try:
        with pytest.raises(errors.StoreBusy), fulltext._patient(store.db):
            store.db.locked_row(sql.LOCK, (session.hex, local))
    finally:
        blocker.give()
    assert conditions.broken() == []
    assert not store.db.hurried


def test_a_write_to_one_database_says_nothing_of_another(
    store: DurableStore, local: int, session: UUID
) -> None:
    conditions.broke(conditions.WRITES, "store_busy", "other")
    store.append(local, session, turn())
    assert len(conditions.broken()) == 1
    conditions.works(conditions.WRITES, "other")
    store.append(local, session, turn())
    assert Outage.objects.count() == 0
    assert len(conditions.over("other")) == 1


def test_old_outages_are_forgotten(store: DurableStore, local: int) -> None:
    now = clock.now_us()
    for until in (now - durable.KEEP_OUTAGES_US - 1, now):
        Outage.objects.create(
            part="redis", cause="x", since_us=until, until_us=until, process="vm:1"
        )
    store.purge_due(now)
    assert [one.until_us for one in Outage.objects.all()] == [now]


def test_a_reader_is_served_though_nobody_can_write(
    store: DurableStore, local: int, session: UUID, blocker: Blocker
) -> None:
    blocked(store, local, session, blocker)
    try:
        row = store.get(local, session)
        assert len(store.messages(row, Window(limit=20))) == 6
    finally:
        blocker.give()
        forget_connection()
