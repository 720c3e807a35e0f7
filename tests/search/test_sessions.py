"""What a search over all sessions finds, on the database against the words themselves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_app import clock, listing, search
from sessions_app.core import words
from sessions_app.store.base import Edit
from sessions_app.store.durable import DurableStore
from tests.examples import examples
from tests.search.asking import body, entries, found, saying, told
from tests.search.texts import QUESTIONS, TEXTS
from tests.store.saying import opened


@pytest.fixture
def four(store: DurableStore, project: int) -> dict[str, UUID]:
    """Sessions by what they are about."""
    return {
        "flight": told(store, project, opened(store, project), "Move my FLIGHT", "to Zürich"),
        "hotel": told(store, project, opened(store, project), "A hotel near the flight desk"),
        "titled": opened(store, project, title="Lost luggage", key="case-48213", user="Zoë"),
        "tagged": opened(store, project, tags=("vip", "会议室")),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flight", "flight hotel"),
        ("move flight", "flight"),
        ("move zurich", ""),  # in two messages
        ("ZURICH", "flight"),
        ("zür", "flight"),
        ("fli hotel", ""),  # only the last word may go on
        ("hotel fli", "hotel"),
        ("lugg", "titled"),
        ("zoe", "titled"),
        ("case-482", "titled"),
        ("CASE-", "titled"),
        ("vip", "tagged"),
        ("会", "tagged"),
        ("议室", "tagged"),
        ("会议室", "tagged"),
        ("室会", ""),
        ("luggage zoe", "titled"),
        ("nothing", ""),
        ("%", ""),
        ("_", ""),
        ("😀", ""),
        ("\ufdd0", ""),
        ("", "flight hotel titled tagged"),
        ("  ", "flight hotel titled tagged"),
    ],
)
def test_a_search_finds(four: dict[str, UUID], project: int, text: str, expected: str) -> None:
    assert set(found(project, text)) == {four[name] for name in expected.split()}


@pytest.mark.parametrize(
    "text",
    [
        "(a+)+$", "'", '"', "''", '""', "NEAR(", "NEAR(xyz abc)", "*", "tal*", "-before",
        "^before", "words:xyz", "xyz AND", "OR", "NOT xyz", "{", "}", "ot:*", "!before",
        "\\", "\\'", "a'b", 'a"b', "<->", "xyz <-> abc", "; DROP TABLE holdfast_search", "§failed",
        "x" * 500, "会" * 512, "a " * 256, "xyz | abc", "(" * 512, "%s", "?", "$1", "{id}",
    ],
)  # fmt: skip
def test_no_text_is_ever_a_pattern(store: DurableStore, project: int, text: str) -> None:
    told(store, project, opened(store, project, title="xyz"), "other talk")
    session = told(store, project, opened(store, project), f"before {text} behind")
    expected = [session] if words.query(text) else []
    assert found(project, text) == expected
    rows, _ = listing.page("default", project, {}, clock.now_us())
    hits = search.hits("default", rows, text)
    assert [found.total for found in hits.values()] == [1] * len(expected)


def brute_force(documents: list[str], text: str) -> bool:
    """Whether one of the documents has every word of the question, found out the long way."""
    return any(
        all(
            any(word.startswith(t) if prefix else word == t for word in words.words(document))
            for t, prefix in words.query(text).terms
        )
        for document in documents
    )


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sessions=st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=4),
    titles=st.lists(TEXTS, min_size=4, max_size=4),
    questions=st.lists(QUESTIONS, min_size=1, max_size=4),
)
def test_the_index_finds_what_reading_everything_finds(
    store: DurableStore,
    project: int,
    sessions: list[list[str]],
    titles: list[str],
    questions: list[str],
) -> None:
    documents: dict[UUID, list[str]] = {}
    for title, texts in zip(titles, sessions, strict=False):
        session = opened(store, project, title=title[:255])
        told(store, project, session, *texts)
        documents[session] = [title[:255], *texts]
    for text in questions:
        if words.query(text):
            expected = {name for name, said in documents.items() if brute_force(said, text)}
            assert set(found(project, text)) & documents.keys() == expected


def test_an_id_is_found_by_its_beginning(four: dict[str, UUID], project: int) -> None:
    whole = str(four["titled"])
    assert found(project, whole) == [four["titled"]]
    assert four["titled"] in found(project, whole[:13])
    assert found(project, whole.replace("-", "")[:31].upper()) == [four["titled"]]
    assert found(project, whole[:7]) == []


def test_a_key_is_found_by_its_beginning_to_the_letter(store: DurableStore, project: int) -> None:
    odd = opened(store, project, key="--%_x")
    assert found(project, "--%") == [odd]
    assert found(project, "-%") == []


def test_a_search_joins_every_other_filter_and_sort(four: dict[str, UUID], project: int) -> None:
    store = DurableStore("default")
    store.edit(project, four["hotel"], Edit(tags=("vip",)))
    assert found(project, "flight", tag=["vip"]) == [four["hotel"]]
    store.end(project, four["flight"])
    assert found(project, "flight", status="ended") == [four["flight"]]
    assert found(project, "flight", sort="messages") == [four["flight"], four["hotel"]]
    assert found(project, "flight", sort="-messages") == [four["hotel"], four["flight"]]
    first, following = listing.page("default", project, {"q": "flight", "limit": 1}, 0)
    rest, end = listing.page("default", project, {"q": "flight", "limit": 1, "after": following}, 0)
    assert {first[0].id, rest[0].id} == {four["flight"], four["hotel"]}
    assert end is None


def test_nothing_of_another_project_is_found(
    four: dict[str, UUID], project: int, foreign: int
) -> None:
    assert found(foreign, "flight") == []
    assert found(foreign, str(four["flight"])) == []
    assert found(foreign, "case-") == []
    assert search.behind("default", foreign) == 0


def test_a_deleted_session_is_not_found_until_it_is_restored(
    four: dict[str, UUID], project: int
) -> None:
    store = DurableStore("default")
    store.delete(project, four["flight"])
    assert found(project, "zurich") == []
    store.restore(project, four["flight"])
    assert found(project, "zurich") == [four["flight"]]


def test_a_new_title_is_found_and_the_old_one_no_longer(
    four: dict[str, UUID], project: int, store: DurableStore
) -> None:
    assert found(project, "luggage") == [four["titled"]]
    store.edit(project, four["titled"], Edit(title="Found again", tags=("done",)))
    assert found(project, "luggage") == []
    assert found(project, "again done") == [four["titled"]]
    assert (0, "luggage") not in entries(store, four["titled"])


def test_a_fork_is_found_by_what_was_said_before_it(
    four: dict[str, UUID], project: int, store: DurableStore
) -> None:
    fork = store.fork(project, four["flight"], at=2).session.id
    assert set(found(project, "move")) == {four["flight"], fork}
    assert found(project, "zurich") == [four["flight"]]


MESSAGES: dict[str, dict[str, Any]] = {
    "a reasoning": {"content": "x", "reasoning": "ponder"},
    "a name": {"content": "x", "name": "ponder"},
    "an author": {"content": "x", "author": "ponder"},
    "an error": {"content": "x", "error": {"message": "ponder"}},
    "a refusal": {"refusal": "ponder"},
    "a part": {"content": [{"type": "text", "text": "ponder"}]},
    "an address": {
        "content": [{"type": "image_url", "image_url": {"url": "https://ponder.example/a.png"}}]
    },
    "an unknown part": {"content": [{"type": "novel", "depth": [{"of": "ponder"}]}]},
    "a tool's name": {
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "ponder", "arguments": "{}"}}
        ]
    },
    "an argument behind a line end": {
        "tool_calls": [
            {
                "id": "1",
                "type": "function",
                "function": {"name": "f", "arguments": '{"text": "first\\nponder"}'},
            }
        ]
    },
    "JSON in a text": {"content": '{"out": "first\\nponder"}'},
    "a body of no form": {"content": 5, "odd": "ponder", "tool_calls": 3},
}


@pytest.mark.parametrize("name", MESSAGES)
def test_all_that_a_person_can_read_is_found(store: DurableStore, project: int, name: str) -> None:
    session = opened(store, project)
    store.append(project, session, [body(MESSAGES[name], "assistant")])
    assert found(project, "ponder") == [session]


def test_bytes_are_not_indexed(store: DurableStore, project: int) -> None:
    session = opened(store, project)
    image = {"url": "data:image/png;base64,ponder" + "A" * 400}
    content = [
        {"type": "image_url", "image_url": image},
        {"type": "novel", "data": "ponder/" + "A" * 400},
    ]
    store.append(project, session, [body({"content": content})])
    assert found(project, "ponder") == []


def test_sessions_with_a_failure_are_a_filter(store: DurableStore, project: int) -> None:
    failed, refused, fine = (opened(store, project) for _ in range(3))
    store.append(project, failed, [body({"content": "x", "error": "timeout"}, "assistant")])
    result = {"type": "tool_result", "tool_use_id": "1", "content": "no", "is_error": True}
    store.append(project, refused, [body({"content": [result]}, "tool", 1)])
    store.append(project, fine, [saying("an error, failed, is_error: §failed")])
    assert set(found(project, "", errors=True)) == {failed, refused}
    assert found(project, "timeout", errors=True) == [failed]
    assert found(project, "failed") == [fine]


def test_hits_are_the_newest_messages_with_the_words(
    four: dict[str, UUID], project: int, store: DurableStore
) -> None:
    told(store, project, four["flight"], "no", "The flight, again", "flight", "flight 4")
    rows, _ = listing.page("default", project, {"q": "flight"}, clock.now_us())
    shown = search.hits("default", rows, "flight", each=2)
    by_id = {row.id: shown[row.number] for row in rows}
    assert by_id[four["flight"]].total == 4
    assert [hit.seq for hit in by_id[four["flight"]].hits] == [6, 5]
    (only,) = by_id[four["hotel"]].hits
    assert (only.seq, only.role, by_id[four["hotel"]].total) == (1, "user", 1)
    assert [piece.text for piece in only.pieces if piece.hit] == ["flight"]


def test_a_session_found_by_its_own_words_has_no_hits(four: dict[str, UUID], project: int) -> None:
    rows, _ = listing.page("default", project, {"q": "luggage"}, clock.now_us())
    assert len(rows) == 1
    assert search.hits("default", rows, "luggage") == {}
    assert search.hits("default", rows, "") == {}
    assert search.hits("default", [], "luggage") == {}


def test_the_number_of_queries_is_the_same_for_ten_sessions_and_a_hundred(
    store: DurableStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for more in (10, 90):
        for _ in range(more):
            told(store, project, opened(store, project), "one flight", "two flights", "flight")
        search.bring_up_to_date("default")
        with monkeypatch.context() as patch, CaptureQueriesContext(connection) as queries:
            statements = counted(patch)
            rows, _ = listing.page(
                "default", project, {"q": "flight", "limit": 500}, clock.now_us()
            )
            shown = search.hits("default", rows, "flight")
        counts.append(len(queries) + len(statements))
    assert len(shown) == len(rows) == 100
    assert counts[0] == counts[1]


def counted(patch: pytest.MonkeyPatch) -> list[str]:
    """The store's statements from here on; Django does not see them."""
    from sessions_app.store import database

    run, statements = database._executed, list[str]()

    def executed(connection: object, sql: str, params: object) -> object:
        statements.append(sql)
        return run(connection, sql, params)  # type: ignore[arg-type]

    patch.setattr(database, "_executed", executed)
    return statements
