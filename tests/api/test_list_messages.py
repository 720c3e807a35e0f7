from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.personas import Persona, answer, refused


@pytest.fixture
def session(owner: Persona) -> str:
    """Ten messages: m1 .. m10."""
    made = owner.opened()["id"]
    owner.said(made, *(f"m{number}" for number in range(1, 11)))
    return f"/sessions/{made}/messages"


def seqs(caller: Persona, path: str, **query: Any) -> list[int]:
    return [row["seq"] for row in answer(caller.get(f"{path}?{urlencode(query)}"))["data"]]


def walk(caller: Persona, path: str, *, keep: bool, **query: Any) -> Iterator[list[int]]:
    """Every page; `keep` sends the first page's parameters with each cursor."""
    while True:
        page = answer(caller.get(f"{path}?{urlencode(query)}"))
        yield [row["seq"] for row in page["data"]]
        if page["next"] is None:
            return
        kept = {name: query[name] for name in query if keep or name in ("limit", "q")}
        query = {**kept, "after": page["next"]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, list(range(1, 11))),
        ({"limit": 3}, [1, 2, 3]),
        ({"after": 7}, [8, 9, 10]),
        ({"after": 7, "limit": 1}, [8]),
        ({"after": 10}, []),
        ({"after": 2**62}, []),
        ({"before": 4}, [1, 2, 3]),
        ({"before": 4, "limit": 2}, [2, 3]),
        ({"before": 0}, []),
        ({"around": 5, "limit": 5}, [3, 4, 5, 6, 7]),
        ({"around": 1, "limit": 4}, [1, 2, 3, 4]),
        ({"around": 10, "limit": 4}, [8, 9, 10]),
        ({"order": "desc", "limit": 3}, [10, 9, 8]),
        ({"order": "desc", "before": 4, "limit": 2}, [3, 2]),
        ({"order": "desc", "after": 7, "limit": 2}, [9, 8]),
        ({"order": "desc", "around": 5, "limit": 3}, [6, 5, 4]),
        ({"at": 4}, [1, 2, 3]),
        ({"at": 4, "order": "desc", "limit": 2}, [3, 2]),
        ({"at": 1}, []),
        ({"q": "M1"}, [1, 10]),
        ({"q": "m1", "order": "desc"}, [10, 1]),
        ({"q": "m1", "at": 4}, [1]),
        ({"q": "m", "after": 8}, [9, 10]),
        ({"q": "m", "before": 3}, [1, 2]),
        ({"q": "content"}, []),
        ({"q": "(m+)+$"}, []),
        ({"q": "%"}, []),
        ({"q": "_1"}, []),
        ({"q": '"m1'}, []),
        ({"q": "NEAR("}, []),
        ({"q": "*"}, []),
    ],
)
def test_a_page_holds_what_was_asked_for(
    owner: Persona, session: str, query: dict[str, Any], expected: list[int]
) -> None:
    assert seqs(owner, session, **query) == expected


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    ("query", "pages"),
    [
        ({"limit": 4}, [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]),
        ({"limit": 5}, [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]),
        ({"limit": 4, "order": "desc"}, [[10, 9, 8, 7], [6, 5, 4, 3], [2, 1]]),
        ({"limit": 2, "before": 6}, [[4, 5], [2, 3], [1]]),
        ({"limit": 2, "before": 6, "order": "desc"}, [[5, 4], [3, 2], [1]]),
        ({"limit": 3, "around": 6}, [[5, 6, 7], [8, 9, 10]]),
        ({"limit": 1, "q": "m1"}, [[1], [10]]),
    ],
)
def test_next_leads_through_all_pages(
    owner: Persona, session: str, keep: bool, query: dict[str, Any], pages: list[list[int]]
) -> None:
    assert list(walk(owner, session, keep=keep, **query)) == pages


def test_at_keeps_its_cut_on_every_page(owner: Persona, session: str) -> None:
    assert list(walk(owner, session, keep=True, limit=2, at=4)) == [[1, 2], [3]]


def test_search_finds_quotes_backslashes_lines_and_other_letters(owner: Persona) -> None:
    made = owner.opened()["id"]
    text = 'He said "NEAR(" to C:\\temp\nÉté 100%_'
    owner.said(made, text, "nothing")
    for wanted in ('"near("', "c:\\TEMP\nÉ", "Été", "100%_", text):
        assert seqs(owner, f"/sessions/{made}/messages", q=wanted) == [1], wanted


def test_search_looks_beyond_many_matches_of_field_names(owner: Persona) -> None:
    made = owner.opened()["id"]
    for _ in range(2):
        owner.said(made, *["filler"] * 400)
    owner.said(made, "the content")
    path = f"/sessions/{made}/messages"
    assert seqs(owner, path, q="content", limit=1) == [801]


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("after=1&before=5", "invalid_field", "before"),
        ("before=5&around=2", "invalid_field", "around"),
        ("after=-1", "invalid_field", "after"),
        ("after=1.0", "invalid_field", "after"),
        ("after=1e3", "invalid_field", "after"),
        ("after=", "invalid_field", "after"),
        (f"after={2**64}", "invalid_field", "after"),
        ("before=x", "invalid_field", "before"),
        ("around=true", "invalid_field", "around"),
        ("order=up", "invalid_field", "order"),
        ("at=0", "invalid_field", "at"),
        ("at=12", "version_not_found", "at"),
        ("at=12&q=m", "version_not_found", "at"),
        ("offset=1", "unknown_filter", "offset"),
        ("limit=1&limit=2", "invalid_field", "limit"),
        (f"q={'x' * 513}", "too_long", "q"),
        ("q=%00", "nul_character", "q"),
    ],
)
def test_a_bad_parameter_is_named(
    owner: Persona, session: str, query: str, code: str, param: str
) -> None:
    assert refused(owner.get(f"{session}?{query}"), 422, code)["param"] == param


def test_a_cursor_belongs_to_its_session_search_and_order(owner: Persona, session: str) -> None:
    following = quote(answer(owner.get(f"{session}?limit=1"))["next"])
    other = f"/sessions/{owner.opened()['id']}/messages"
    for path in (
        *(f"{other}?after=", f"{session}?q=m&after=", f"{session}?at=3&after="),
        *(f"{session}?order=desc&after=", f"{session.replace('messages', 'events')}?after="),
    ):
        refused(owner.get(f"{path}{following}"), 400, "bad_cursor")
    refused(owner.get(f"{session}?after={following}x"), 400, "bad_cursor")
    refused(owner.get(f"{session}?after=first"), 400, "bad_cursor")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [("Köln am Rhein", "KÖLN"), ("ПРИВЕТ", "привет"), ("100% Ärger_x", "ä"), ("Ωmega", "ωMEGA")],
)
def test_a_search_ignores_the_case_of_all_letters(owner: Persona, said: str, wanted: str) -> None:
    made = owner.opened()["id"]
    owner.said(made, "Kiln am Rhein", said, "100% argerxx", "пирог")
    assert seqs(owner, f"/sessions/{made}/messages", q=wanted) == [2]
