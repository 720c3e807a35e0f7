"""I11: a long session costs what a short one does. Statements and rows are counted, never time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from sessions_app.store import statements as sql
from sessions_app.store.base import Snapshot, Window
from sessions_app.store.database import Database
from sessions_app.store.durable import DurableStore
from tests.store.saying import at, keyed, opened, said, turn

SHORT, LONG = 20, 10_000


@pytest.fixture
def sessions(store: DurableStore, project: int) -> tuple[UUID, UUID]:
    """A session of 20 messages and one of 10,000."""
    found = []
    for size in (SHORT, LONG):
        session = opened(store, project)
        for start in range(0, size, 500):
            batch = [said(str(n), "user" if n % 2 else "assistant") for n in range(1, 501)]
            store.append(project, session, batch[: size - start])
        found.append(session)
    return found[0], found[1]


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Statements sent through the store, and rows that came back."""
    counts = {"statements": 0, "rows": 0}
    run, rows, row = Database.run, Database.rows, Database.row
    numbered = Database.numbered_row

    def counted(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            counts["statements"] += 1
            found = method(*args)
            counts["rows"] += len(found) if isinstance(found, list) else 1
            return found

        return call

    with monkeypatch.context() as patch:
        for name, method in (("run", run), ("rows", rows), ("row", row)):
            patch.setattr(Database, name, counted(method))
        patch.setattr(Database, "numbered_row", counted(numbered))
        yield counts


Work = Callable[[DurableStore, int, Snapshot], Any]
WORK: dict[str, Work] = {
    "append": lambda store, project, row: store.append(project, row.id, turn()),
    "append with a key": lambda store, project, row: store.append(
        project, row.id, [said()], keyed(f"k{row.number}")
    ),
    "append of a tool result": lambda store, project, row: store.append(
        project, row.id, [said("12", "tool")]
    ),
    "append at a version": lambda store, project, row: store.append(
        project, row.id, turn(), at(row.version)
    ),
    "newest 20": lambda store, _, row: store.messages(row, Window(limit=20, newest_first=True)),
    "20 around the middle": lambda store, _, row: store.messages(
        row, Window(around=row.messages // 2, limit=20)
    ),
    "totals of a range": lambda store, _, row: store.totals(row.number, row.messages // 2),
    "at an old version": lambda store, _, row: store.messages(row, Window(at=15, limit=10)),
    "prompt": lambda store, _, row: store.prompt(row),
    "overlay": lambda store, _, row: store.overlay(row),
    "pin": lambda store, project, row: store.pin(project, row.id, row.messages - 1),
    "retract": lambda store, project, row: store.retract(project, row.id, (row.messages - 1, None)),
    "end": lambda store, project, row: store.end(project, row.id),
    "archive": lambda store, project, row: store.archive(project, row.id),
}


@pytest.mark.parametrize("work", WORK)
def test_it_sends_and_reads_as_much_for_10000_messages_as_for_20(
    store: DurableStore,
    project: int,
    sessions: tuple[UUID, UUID],
    monkeypatch: pytest.MonkeyPatch,
    work: str,
) -> None:
    found = []
    for session in sessions:
        row = store.get(project, session)
        with counting(monkeypatch) as counts:
            WORK[work](store, project, row)
        found.append(counts)
    assert found[0] == found[1]
    assert found[0]["statements"] < 20


def test_only_an_append_of_a_tool_result_looks_at_the_log(
    store: DurableStore,
    project: int,
    sessions: tuple[UUID, UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, session = sessions
    found = {}
    for role in ("user", "assistant", "tool"):
        with counting(monkeypatch) as counts:
            store.append(project, session, [said(role=role)])
        found[role] = counts["statements"]
    assert found["assistant"] == found["user"]
    if store.db.is_sqlite:
        assert found["user"] <= found["tool"] <= found["user"] + 1


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize("work", ["append", "append with a key", "append at a version"])
def test_an_append_is_one_statement(
    store: DurableStore,
    project: int,
    sessions: tuple[UUID, UUID],
    monkeypatch: pytest.MonkeyPatch,
    work: str,
) -> None:
    row = store.get(project, sessions[1])
    with counting(monkeypatch) as counts:
        WORK[work](store, project, row)
    assert counts["statements"] == 1


HOT = {
    "standing": (sql.STANDING, ("0" * 32, 1)),
    "session": (sql.SESSION_BY_ID, ("0" * 32, 1)),
    "session by key": (sql.SESSION_BY_KEY, (1, "k")),
    "messages": (sql.MESSAGES_FROM, (1, 0, 9, 5)),
    "messages back": (sql.MESSAGES_BACK, (1, 0, 9, 5)),
    "totals": (sql.TOTALS_AT, (1, 5)),
    "events": (sql.EVENTS, (1, 0, 9, 5)),
    "event": (sql.EVENT, (1, 1)),
    "request key": (sql.REQUEST_KEY, (1, "k")),
    "newest step": (sql.NEWEST_STEP, (1, 900, 1, 700, 1, 700, 700, 200)),
    "advance": (sql.ADVANCE, (2, 1, 1, 1, 1, 1, 1, b"", 1, 1)),
    "set columns": (sql.SET_COLUMNS.format(names="title = ?"), ("x", 1)),
    "policy": (sql.NEWEST_POLICY, (1, "default")),
    "end user": (sql.END_USER, (1, "alice")),
}


@pytest.mark.usefixtures("on_sqlite")
@pytest.mark.parametrize("name", HOT)
def test_no_hot_statement_scans_or_sorts(store: DurableStore, name: str) -> None:
    statement, params = HOT[name]
    plan = [row[3] for row in store.db.rows(f"EXPLAIN QUERY PLAN {statement}", params)]
    assert plan
    assert all(step.startswith(("SEARCH", "SCALAR SUBQUERY")) for step in plan), plan


def plan_of(store: DurableStore, statement: str, params: tuple[Any, ...]) -> str:
    """The plan where scans and sorts are the last resort: of a few rows they would be cheapest."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan=off; SET enable_sort=off")
        rows = store.db.rows(f"EXPLAIN {statement}", params)
        cursor.execute("RESET enable_seqscan; RESET enable_sort")
    return "\n".join(row[0] for row in rows)


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize("name", sorted(HOT))
def test_postgres_has_an_index_for_every_hot_statement(store: DurableStore, name: str) -> None:
    statement, params = HOT[name]
    plan = plan_of(store, statement, params)
    assert "Seq Scan" not in plan, plan
    assert "Sort" not in plan, plan
