"""What is purged is gone, and what was restored meanwhile is not purged."""

from __future__ import annotations

from typing import Any

import pytest

from sessions_app.core import errors
from sessions_app.store import statements as sql
from sessions_app.store.base import Prompt
from sessions_app.store.database import Database
from sessions_app.store.durable import DurableStore
from tests.store.saying import filled, opened


def test_a_session_restored_just_before_its_purge_is_kept(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, kept = filled(store, project), filled(store, project)
    store.delete(project, gone)
    due = store.delete(project, kept).session.purge_us
    assert due is not None
    rows = Database.rows

    def restored_after(db: Database, statement: str, params: Any = ()) -> Any:
        found = rows(db, statement, params)
        if statement == sql.DUE:
            store.restore(project, kept)
        return found

    monkeypatch.setattr(Database, "rows", restored_after)
    assert [receipt.session for receipt in store.purge_due(due)] == [gone]
    assert store.get(project, kept).messages == 6


def test_nothing_of_a_purged_session_is_remembered(store: DurableStore, project: int) -> None:
    session = opened(store, project, prompt=Prompt("Secret.", (), 3, 0))
    row = store.get(project, session)
    assert store.prompt(row).data["system"] == "Secret."
    store.purge(project, session)
    with pytest.raises(errors.NotFound):
        store.prompt(row)
