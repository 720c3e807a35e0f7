"""I4: what was said stays as it was said; the head of every version goes on from the one before."""

from __future__ import annotations

import pytest
from django.db import connection

from sessions_app.core import chain
from sessions_app.store.base import Edit, Prompt, Snapshot
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import heads, verify
from tests.store.saying import filled, said, turn


def log(session: Snapshot) -> list[tuple[object, ...]]:
    """Every column of every entry."""
    found = []
    with connection.cursor() as cursor:
        for table in ("message", "event"):
            cursor.execute(
                f"SELECT * FROM holdfast_{table} WHERE session_id = %s ORDER BY version",  # noqa: S608
                [session.number],
            )
            found += [
                tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor
            ]
    return found


@pytest.fixture
def session(store: DurableStore, project: int) -> Snapshot:
    return store.get(project, filled(store, project))


def test_no_later_change_touches_a_stored_entry(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    before = log(session)
    place = project, session.id
    store.retract(*place, (1, 3), "typo")
    store.edit(*place, Edit(title="B", prompt=Prompt("New."), tags=("x",)))
    store.pin(*place, 2)
    store.append(*place, turn("more"))
    store.end(*place)
    store.reopen(*place)
    store.fork(*place, 4)
    store.delete(*place)
    store.restore(*place)
    after = log(session)
    assert [row for row in after if row in before] == before
    assert len(after) == store.get(*place).version


def test_each_head_links_the_one_before_with_the_batch(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    done = store.append(project, session.id, [said("1"), said("2"), said("3")])
    after = store.get(project, session.id)
    links = store.links(session.number, done.version)[-3:]
    assert [item.batch_end for item in links] == [False, False, True]
    assert after.head == chain.link(session.head, [item.digest for item in links])


def test_a_fork_proves_its_own_entries_also_when_cut_inside_a_batch(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    store.append(project, session.id, [said("1"), said("2"), said("3")])
    for version in range(1, 11):
        made = store.fork(project, session.id, version).session
        linked = list(chain.heads(store.links(made.number, made.version)))
        assert linked[-1] == (made.version, made.head)
    assert list(verify(store)) == []


def test_equal_texts_have_different_digests(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    store.append(project, session.id, [said("same"), said("same")])
    digests = [item.digest for item in store.links(session.number, session.version + 2)]
    assert len(set(digests)) == len(digests)


def test_every_session_has_one_head_to_keep(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    gone = filled(store, project)
    store.delete(project, gone)
    assert {head.session for head in heads(store)} == {session.id, gone}
