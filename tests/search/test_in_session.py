"""Find in session: by words, else to the letter."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from sessions_app import search
from sessions_app.search import Hits
from sessions_app.store.durable import DurableStore
from tests.search.asking import told
from tests.store.saying import opened


@pytest.fixture
def session(store: DurableStore, project: int) -> UUID:
    """Ten messages; every third is about a flight."""
    found = opened(store, project)
    texts = [f"flight {seq}" if seq % 3 == 0 else f"talk {seq} (a+)+$" for seq in range(1, 11)]
    return told(store, project, found, *texts)


def look(project: int, session: UUID, text: str, **asked: Any) -> Hits:
    row = DurableStore("default").get(project, session)
    return search.in_session("default", row, text, **asked)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [3, 6, 9]),
        ({"newest_first": True}, [9, 6, 3]),
        ({"limit": 2}, [3, 6]),
        ({"limit": 2, "newest_first": True}, [9, 6]),
        ({"after": 3}, [6, 9]),
        ({"before": 9}, [3, 6]),
        ({"after": 3, "before": 9}, [6]),
        ({"after": 9}, []),
        ({"before": 1}, []),
        ({"before": 2**62}, [3, 6, 9]),
    ],
)
def test_messages_with_the_words_are_found(
    project: int, session: UUID, asked: dict[str, Any], expected: list[int]
) -> None:
    found = look(project, session, "fligh", **asked)
    assert [hit.seq for hit in found.hits] == expected
    assert found.total == 3
    assert not found.literal


@pytest.mark.parametrize(
    ("text", "expected"),
    [("LIGH", [3, 6, 9]), ("+)+$", [1, 2, 4, 5, 7, 8, 10]), ("alk 5 (A+)", [5]), ("+)+%", [])],
)
def test_a_text_whose_words_nobody_said_is_found_to_the_letter(
    project: int, session: UUID, text: str, expected: list[int]
) -> None:
    found = look(project, session, text)
    assert [hit.seq for hit in found.hits] == expected
    assert found.literal


def test_a_literal_search_keeps_to_its_part_in_both_directions(project: int, session: UUID) -> None:
    for asked in ({}, {"newest_first": True}):
        found = look(project, session, "ligh", after=3, before=9, **asked)
        assert [hit.seq for hit in found.hits] == [6]
        assert found.total is None


def test_nothing_is_found_where_there_is_nothing(project: int, session: UUID) -> None:
    assert look(project, session, "zanzibarite").hits == []
    assert look(project, session, "%").hits == []


def test_the_same_words_in_another_session_are_not_found(
    store: DurableStore, project: int, session: UUID
) -> None:
    other = told(store, project, opened(store, project), "nothing")
    assert look(project, other, "flight").hits == []
    assert [hit.seq for hit in look(project, session, "flight").hits] == [3, 6, 9]
