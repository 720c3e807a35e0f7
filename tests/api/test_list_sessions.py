from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.personas import Persona, answer, refused

Listing = Callable[..., list[str]]


def titles(caller: Persona, **query: Any) -> list[str]:
    page = answer(caller.get(f"/sessions?{urlencode(query, doseq=True)}"))
    return [row["title"] for row in page["data"]]


def walk(caller: Persona, **query: Any) -> Iterator[list[str]]:
    """Every page, as a client that keeps its own parameters and adds `after`."""
    while True:
        page = answer(caller.get(f"/sessions?{urlencode(query)}"))
        yield [row["title"] for row in page["data"]]
        if page["next"] is None:
            return
        query["after"] = page["next"]


@pytest.fixture
def three(owner: Persona) -> Persona:
    """One, two and three: opened in this order, with 1, 3 and 2 messages; `one` spoke last."""
    ids = {}
    for title in ("one", "two", "three"):
        ids[title] = owner.opened(
            title=title, key=f"key-{title}", user=f"user-{title}", tags=["all", title]
        )["id"]
    for title, said in (("two", 3), ("three", 2), ("one", 1)):
        owner.said(ids[title], *["hello"] * said)
    return owner


def test_a_page_lists_sessions_without_their_prompts(three: Persona) -> None:
    page = answer(three.get("/sessions"))
    assert page["next"] is None
    assert [row["title"] for row in page["data"]] == ["one", "three", "two"]
    assert "system" not in page["data"][0]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("last_activity", ["one", "three", "two"]),
        ("created", ["three", "two", "one"]),
        ("tokens", ["two", "three", "one"]),
        ("messages", ["two", "three", "one"]),
        ("level", ["two", "three", "one"]),
    ],
)
def test_a_sort_runs_from_the_largest_down_and_a_minus_turns_it(
    three: Persona, sort: str, expected: list[str]
) -> None:
    assert titles(three, sort=sort) == expected
    assert titles(three, sort=f"-{sort}") == expected[::-1]


@pytest.mark.parametrize("sort", ["last_activity", "-created", "level", "-tokens"])
def test_pages_hold_every_session_once(three: Persona, sort: str) -> None:
    for title in ("four", "five"):
        three.opened(title=title)
    pages = list(walk(three, sort=sort, limit=2))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [title for page in pages for title in page] == titles(three, sort=sort)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"key": "key-two"}, ["two"]),
        ({"key": "key"}, []),
        ({"user": "user-one"}, ["one"]),
        ({"tag": "three"}, ["three"]),
        ({"tag": ["all", "three"]}, ["three"]),
        ({"tag": ["one", "three"]}, []),
        ({"q": "TW"}, ["two"]),
        ({"q": "user-"}, ["one", "three", "two"]),
        ({"q": "%"}, []),
        ({"q": "'; DROP TABLE holdfast_session --"}, []),
        ({"q": "(a+)+$"}, []),
        ({"min_tokens": 10**9}, []),
        ({"min_level": "0.9"}, []),
        ({"min_level": "0.30000000000000004"}, []),
        ({"min_level": "1e-12"}, ["one", "three", "two"]),
        ({"status": "active"}, ["one", "three", "two"]),
        ({"status": "ended"}, []),
        ({"status": "idle"}, []),
        ({"active_since": "2000-01-01T00:00:00Z"}, ["one", "three", "two"]),
        ({"active_since": "2999-01-01T00:00:00Z"}, []),
        ({"active_until": "2000-01-01T00:00:00Z"}, []),
    ],
)
def test_filters_narrow_the_list(
    three: Persona, query: dict[str, Any], expected: list[str]
) -> None:
    assert titles(three, **query) == expected


def test_a_session_is_found_by_its_whole_id(three: Persona) -> None:
    made = answer(three.get("/sessions?key=key-two"))["data"][0]["id"]
    assert titles(three, q=made) == ["two"]


def test_a_session_is_found_by_what_was_said_in_it(three: Persona, stranger: Persona) -> None:
    two = answer(three.get("/sessions?key=key-two"))["data"][0]
    three.said(two["id"], "One piece of Zanzibarité, (a+)+$ \U0001f600 'NEAR(")
    for text in ("zanzibarite", "PIECE zanzi", "(a+)+$", "'NEAR(", "x\U0001f600 piece of"):
        expected = [] if text.startswith("x") else ["two"]
        assert titles(three, q=text) == expected
        assert titles(stranger, q=text) == []
    three.said(two["id"], "and a sprocket")
    assert titles(three, q="sprocket", user="user-two", min_tokens=1) == ["two"]
    assert titles(three, q="sprocket", user="user-one") == []
    three.delete(f"/sessions/{two['id']}?purge=now")
    assert titles(three, q="zanzibarite") == []


@pytest.mark.parametrize(("text", "code"), [("a\0b", "nul_character"), ("x" * 513, "too_long")])
def test_a_search_text_is_read_strictly(owner: Persona, text: str, code: str) -> None:
    assert refused(owner.get(f"/sessions?q={quote(text)}"), 422, code)["param"] == "q"


def test_a_filter_of_the_pages_is_no_filter_of_the_api(owner: Persona) -> None:
    refused(owner.get("/sessions?errors=true"), 422, "unknown_filter")


def test_min_tokens_and_min_level_include_their_own_value(three: Persona) -> None:
    two = answer(three.get("/sessions?key=key-two"))["data"][0]
    assert titles(three, min_tokens=two["tokens"]) == ["two"]
    answer(three.put("/policies/small", {"window": 256, "reserve": 0}))
    three.opened(title="small", policy="small", system="word " * 64)
    small = answer(three.get("/sessions?q=small"))["data"][0]
    assert small["level"] > 0.2
    assert titles(three, min_level=small["active_tokens"] / 256 // 0.01 / 100) == ["small"]


def test_deleted_sessions_are_listed_only_when_asked_for(three: Persona) -> None:
    gone = answer(three.get("/sessions?key=key-two"))["data"][0]["id"]
    three.delete(f"/sessions/{gone}")
    assert titles(three) == ["one", "three"]
    assert titles(three, key="key-two") == []
    assert titles(three, status="deleted") == ["two"]


def test_the_number_of_queries_does_not_grow_with_the_list(three: Persona) -> None:
    with CaptureQueriesContext(connection) as few:
        titles(three, limit=1)
    for _ in range(10):
        three.opened()
    with CaptureQueriesContext(connection) as many:
        titles(three)
    assert len(many) == len(few)
    assert not any("holdfast_message" in query["sql"] for query in many)


def test_a_cursor_of_another_listing_is_refused(three: Persona, stranger: Persona) -> None:
    following = quote(answer(three.get("/sessions?limit=1"))["next"])
    answer(three.get(f"/sessions?limit=2&after={following}"))
    for query in ("sort=created&", "user=user-one&", "status=active&"):
        refused(three.get(f"/sessions?{query}after={following}"), 400, "bad_cursor")
    refused(stranger.get(f"/sessions?after={following}"), 400, "bad_cursor")


@pytest.mark.parametrize("cursor", ["", "x", "1", "a" * 40, "é", "MTIz", "a" * 4_096])
def test_a_forged_cursor_is_refused(owner: Persona, cursor: str) -> None:
    error = refused(owner.get(f"/sessions?after={quote(cursor)}"), 400, "bad_cursor")
    assert error["param"] == "after"


def test_nobody_sees_the_sessions_of_another_project(three: Persona, stranger: Persona) -> None:
    assert titles(stranger) == []
