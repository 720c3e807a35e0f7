"""A page of large messages is shorter than its limit, and `next` leads on."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from sessions_app.store import get_store
from sessions_app.store.base import PAGE_OCTETS
from tests import large
from tests.large import FULL, MEBIBYTE, MESSAGES, MOST, peak
from tests.personas import Persona, answer
from tests.store.saying import said

ALL = list(range(1, MESSAGES + 1))
# What is read from the database, and the same as it is shown, as bytes and in a test's answer.
ANSWERED = MOST + 3 * PAGE_OCTETS


@pytest.fixture
def path(owner: Persona) -> str:
    made = large.filled(get_store(), owner.project.pk)
    return f"/sessions/{made.id}/messages"


def pages(caller: Persona, path: str, **query: Any) -> list[list[int]]:
    """The messages of every page; of each page they hold no more than it may."""
    found = []
    while True:
        page = answer(caller.get(f"{path}?{urlencode(query)}"))
        held = [len(row["content"]) for row in page["data"]]
        assert sum(held[:-1]) < PAGE_OCTETS
        found.append([row["seq"] for row in page["data"]])
        if page["next"] is None:
            return found
        query = {**query, "after": page["next"]}
        query.pop("around", None)
        query.pop("before", None)


@pytest.mark.parametrize("query", [{}, {"q": "X"}])
def test_pages_end_early_and_miss_nothing(owner: Persona, path: str, query: dict[str, str]) -> None:
    upwards = pages(owner, path, limit=500, **query)
    assert [seq for page in upwards for seq in page] == ALL
    assert [len(page) for page in upwards[:-1]] == [FULL] * (len(upwards) - 1)
    downwards = pages(owner, path, limit=500, order="desc", **query)
    assert [seq for page in downwards for seq in page] == ALL[::-1]


@pytest.mark.parametrize("limit", [FULL - 1, FULL, FULL + 1, MESSAGES])
def test_no_limit_leads_into_an_empty_page(owner: Persona, path: str, limit: int) -> None:
    found = pages(owner, path, limit=limit)
    assert all(found)
    assert [seq for page in found for seq in page] == ALL


def test_around_a_message_it_is_there_with_its_neighbours(owner: Persona, path: str) -> None:
    found = pages(owner, path, limit=500, around=20)
    assert 20 in found[0]
    assert 19 in found[0]
    assert 21 in found[0]
    assert [seq for page in found for seq in page] == list(range(found[0][0], MESSAGES + 1))


def test_a_message_larger_than_a_page_is_a_page(owner: Persona) -> None:
    store = get_store()
    made = large.filled(store, owner.project.pk, "x" * 10)
    huge = said("x" * (PAGE_OCTETS + MEBIBYTE))
    store.append(owner.project.pk, made.id, [huge])
    store.append(owner.project.pk, made.id, [huge])
    found = pages(owner, f"/sessions/{made.id}/messages", limit=500, after=MESSAGES)
    assert found == [[MESSAGES + 1], [MESSAGES + 2]]


def test_a_page_of_the_largest_limit_holds_no_more_in_memory(owner: Persona, path: str) -> None:
    assert peak(lambda: owner.get(f"{path}?limit=500")) < ANSWERED
    assert MESSAGES * MEBIBYTE > ANSWERED - MOST
