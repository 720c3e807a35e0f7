"""A read of large bodies ends early, and no more than that is read."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import partial

import pytest

from sessions_app import exporting, search
from sessions_app.store import get_store
from sessions_app.store.base import PAGE_OCTETS, Snapshot, Window
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import verify
from tests import large
from tests.large import FULL, MEBIBYTE, MESSAGES, MOST, peak
from tests.store.saying import filled, opened, said

# The message that reaches the bound, and one more.
READ = list(range(1, FULL + 2))


@pytest.fixture
def store(db: None) -> DurableStore:
    """Inside the test's own transaction, so that nothing large is left."""
    return get_store()


@pytest.fixture
def session(store: DurableStore, project: int) -> Snapshot:
    return large.filled(store, project)


def seqs(store: DurableStore, session: Snapshot, window: Window) -> list[int]:
    return [message.seq for message in store.messages(session, window)]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(), READ),
        (Window(after=10), [seq + 10 for seq in READ]),
        (Window(after=MESSAGES - 3), [MESSAGES - 2, MESSAGES - 1, MESSAGES]),
        (Window(limit=3), [1, 2, 3]),
        (Window(newest_first=True), [MESSAGES + 1 - seq for seq in READ]),
        (Window(before=30), [30 - seq for seq in READ[::-1]]),
        (Window(around=20), [20 - seq for seq in READ[::-1]] + [19 + seq for seq in READ]),
    ],
)
def test_a_window_ends_with_one_more_than_reaches_the_bound(
    store: DurableStore, session: Snapshot, window: Window, expected: list[int]
) -> None:
    assert seqs(store, session, replace(window, octets=PAGE_OCTETS)) == expected


def test_without_a_bound_a_window_has_its_limit(store: DurableStore, project: int) -> None:
    session = store.get(project, filled(store, project, 3))
    assert seqs(store, session, Window(limit=500)) == [1, 2, 3, 4, 5, 6]
    assert seqs(store, session, Window(limit=500, octets=PAGE_OCTETS)) == [1, 2, 3, 4, 5, 6]


def test_bytes_count_and_not_characters(store: DurableStore, project: int) -> None:
    made = opened(store, project)
    for _ in range(5):
        store.append(project, made, [said("é" * 100)])
    session = store.get(project, made)
    size = len(store.messages(session, Window(limit=1))[0].body.encode())
    assert size > 200
    assert seqs(store, session, Window(octets=2 * size)) == [1, 2, 3]
    assert seqs(store, session, Window(octets=2 * size + 1)) == [1, 2, 3, 4]
    assert seqs(store, session, Window(octets=1)) == [1, 2]


def test_no_more_than_the_page_is_in_memory(store: DurableStore, session: Snapshot) -> None:
    window = Window(limit=500, octets=PAGE_OCTETS)
    assert peak(lambda: store.messages(session, window)) < MOST
    assert peak(lambda: store.messages(session, Window(limit=500))) > MOST


def test_an_export_and_a_check_hold_a_page_at_a_time(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    for export in (exporting.holdfast, exporting.openai_chat):
        lines = export(store, project, session.id)
        assert peak(partial(deque, lines, maxlen=0)) < MOST
    assert peak(lambda: list(verify(store, project=project))) < MOST


def test_an_export_in_pages_has_every_message(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    found = [line.count(b"x" * MEBIBYTE) for line in exporting.holdfast(store, project)]
    assert sum(found) == MESSAGES
    (line,) = b"".join(exporting.openai_chat(store, project)).splitlines()
    assert line.count(b"x" * MEBIBYTE) == MESSAGES


def test_a_search_to_the_letter_goes_on_behind_a_short_batch(
    store: DurableStore, session: Snapshot
) -> None:
    end = MESSAGES + 1
    all_of_them = search.forward(store, session, "x", limit=500, after=0, end=end)
    assert [message.seq for message in all_of_them] == list(range(1, MESSAGES + 1))
    bounded = search.forward(store, session, "x", limit=500, octets=PAGE_OCTETS, after=0, end=end)
    assert [message.seq for message in bounded] == READ
    newest = search.backward(store, session, "x", before=end, limit=500, octets=PAGE_OCTETS)
    assert [message.seq for message in newest] == [MESSAGES + 1 - seq for seq in READ]
    last = search.forward(store, session, f"{MESSAGES - 1} x", limit=500, after=0, end=end)
    assert [message.seq for message in last] == [MESSAGES]
