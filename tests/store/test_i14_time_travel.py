"""I14: what was at a version is the same before and after any later change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from sessions_app.core.replay import State
from sessions_app.store.base import Edit, Prompt, Store, Window
from tests.store.saying import opened, said, turn

Later = Callable[[Store, int, UUID], Any]
LATER: dict[str, Later] = {
    "append": lambda store, project, session: store.append(project, session, turn("later")),
    "edit": lambda store, project, session: store.edit(
        project, session, Edit(title="later", metadata={"n": 9}, tags=("later",))
    ),
    "prompt": lambda store, project, session: store.edit(
        project, session, Edit(prompt=Prompt("Later.", ({"n": 1},), 9, 9))
    ),
    "retract": lambda store, project, session: store.retract(project, session, (1, None)),
    "pin": lambda store, project, session: store.pin(project, session, 1),
    "unpin": lambda store, project, session: store.pin(project, session, 3, pinned=False),
    "end": lambda store, project, session: store.end(project, session),
    "archive": lambda store, project, session: store.archive(project, session),
    "fork": lambda store, project, session: store.fork(project, session, 4),
    "delete and restore": lambda store, project, session: (
        store.delete(project, session),
        store.restore(project, session),
    ),
}


def rich(store: Store, project: int) -> UUID:
    """A session in which most things have happened."""
    session = opened(store, project, title="A", prompt=Prompt("Be kind.", (), 5, 0), tags=("x",))
    store.append(project, session, turn("1"))
    store.edit(project, session, Edit(title="B", metadata={"n": 1}))
    store.append(project, session, [said("2"), said("3", "assistant"), said("4")])
    store.pin(project, session, 3)
    store.retract(project, session, (2, 2))
    store.end(project, session)
    store.reopen(project, session)
    store.append(project, session, turn("5"))
    return session


def past(store: Store, project: int, session: UUID, until: int) -> list[tuple[State, Any, Any]]:
    """State, messages and events at each version."""
    row = store.get(project, session)
    return [
        (
            store.state(row, version),
            store.messages(row, Window(at=version, limit=100)),
            store.events(row, before=version + 1, limit=100),
        )
        for version in range(1, until + 1)
    ]


@pytest.mark.parametrize("later", LATER)
def test_the_past_stays_as_it_was(any_store: Store, project: int, later: str) -> None:
    session = rich(any_store, project)
    until = any_store.get(project, session).version
    before = past(any_store, project, session, until)
    LATER[later](any_store, project, session)
    assert past(any_store, project, session, until) == before


def test_each_version_adds_one_entry(any_store: Store, project: int) -> None:
    session = rich(any_store, project)
    until = any_store.get(project, session).version
    for version, (_, said_then, events) in enumerate(past(any_store, project, session, until), 1):
        assert len(said_then) + len(events) == version


def test_windows_in_the_past_end_there(any_store: Store, project: int) -> None:
    row = any_store.get(project, rich(any_store, project))
    newest = any_store.messages(row, Window(at=6, limit=2, newest_first=True))
    assert [item.seq for item in newest] == [4, 3]
    around = any_store.messages(row, Window(at=6, around=4, limit=4))
    assert [item.seq for item in around] == [2, 3, 4]


def test_what_was_read_in_a_transaction_that_failed_is_not_remembered(
    any_store: Store, project: int
) -> None:
    session = opened(any_store, project, prompt=Prompt("Old.", (), 5, 0))
    with transaction.atomic():
        any_store.edit(project, session, Edit(prompt=Prompt("Never.", (), 9, 0)))
        inside = any_store.get(project, session)
        assert any_store.prompt(inside).data["system"] == "Never."  # type: ignore[attr-defined]
        transaction.set_rollback(True)
    any_store.edit(project, session, Edit(prompt=Prompt("New.", (), 7, 0)))
    now = any_store.get(project, session)
    assert any_store.prompt(now).data["system"] == "New."  # type: ignore[attr-defined]
