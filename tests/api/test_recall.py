"""POST /sessions/{id}/recall: earlier turns that answer a question, with why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.personas import Persona, answer, refused

SAID = (
    "My budget deadline is the 12th of May.",
    "The project deadline is the 3rd of June.",
    "I am allergic to peanuts, so no satay for me.",
    "We painted the kitchen green last week.",
    "The invoice number is QX7-55912.",
)


def path(session: dict[str, Any]) -> str:
    return f"/sessions/{session['id']}"


def talk(owner: Persona, *texts: str, **fields: Any) -> dict[str, Any]:
    """A session in which each text was said and answered."""
    session = owner.opened(**fields)
    said = [
        {"role": role, "content": content}
        for text in texts
        for role, content in (("user", text), ("assistant", "Noted."))
    ]
    answer(owner.post(f"{path(session)}/messages", {"messages": said}), 201)
    return session


def recall(owner: Persona, session: dict[str, Any], query: str, **more: Any) -> list[Any]:
    found: list[Any] = answer(owner.post(f"{path(session)}/recall", {"query": query, **more}))[
        "data"
    ]
    return found


def test_the_asked_one_of_two_like_turns_comes_first_with_its_score_parts(owner: Persona) -> None:
    session = talk(owner, *SAID)
    best = recall(owner, session, "When is the project deadline?")[0]
    assert best["text"] == SAID[1]
    assert best["sources"] == [{"session": session["id"], "seq": 3, "quote": SAID[1]}]
    assert best["score"] == pytest.approx(sum(best["parts"].values()), abs=0.01)
    assert recall(owner, session, "When is the budget deadline?")[0]["text"] == SAID[0]


def test_sessions_of_the_same_user_are_looked_through_and_nobody_elses(owner: Persona) -> None:
    talk(owner, *SAID, user="alice")
    talk(owner, "Peanuts are what bob is fond of.", user="bob")
    now = talk(owner, "Let us plan the dinner.", user="alice")
    found = recall(owner, now, "Which peanuts am I allergic to?")
    assert found[0]["text"] == SAID[2]
    assert not any("bob" in one["text"] for one in found)
    alone = talk(owner, "Let us plan the dinner.")
    assert recall(owner, alone, "Which peanuts am I allergic to?") == []


def test_a_question_that_is_appended_with_its_context_finds_other_sessions(
    owner: Persona,
) -> None:
    talk(owner, *SAID, user="erin")
    now = talk(owner, "Let us plan the dinner.", user="erin")
    query = "Which peanuts am I allergic to?"
    body = {"append": {"role": "user", "content": query}, "query": query}
    found = answer(owner.post(f"{path(now)}/context", body, Idempotency_Key="once"))
    assert SAID[2] in str(found["messages"])
    assert found["messages"][-1]["content"] == query
    again = answer(owner.post(f"{path(now)}/context", body, Idempotency_Key="once"))
    assert again["digest"] == found["digest"]


def test_what_was_never_said_brings_nothing(owner: Persona) -> None:
    session = talk(owner, *SAID)
    assert recall(owner, session, "What is the name of my grandfather's parrot?") == []


def test_what_is_said_later_is_found_and_what_is_taken_back_is_not(owner: Persona) -> None:
    session = talk(owner, *SAID, user="carol")
    query = "What is the gate code of the warehouse?"
    assert recall(owner, session, query) == []
    new = {"role": "user", "content": "The gate code of the warehouse is 4477."}
    seq = answer(owner.post(f"{path(session)}/messages", new), 201)["messages"][0]["seq"]
    assert recall(owner, session, query)[0]["sources"][0]["seq"] == seq
    answer(owner.post(f"{path(session)}/retract", {"from": seq}))
    assert all(one["sources"][0]["seq"] != seq for one in recall(owner, session, query))


def test_a_deleted_session_is_no_source(owner: Persona) -> None:
    gone = talk(owner, *SAID, user="dave")
    now = talk(owner, "Hello again.", user="dave")
    assert recall(owner, now, "What is the invoice number?")
    assert owner.delete(path(gone)).status_code == 204
    assert recall(owner, now, "What is the invoice number?") == []


def test_no_more_than_asked_for(owner: Persona) -> None:
    session = talk(owner, *SAID)
    assert len(recall(owner, session, "What about the deadline?", limit=1)) == 1


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "invalid_field", "query"),
        ({"query": ""}, "invalid_field", "query"),
        ({"query": 7}, "invalid_field", "query"),
        ({"query": "x" * 513}, "too_long", "query"),
        ({"query": "x\x00"}, "nul_character", "query"),
        ({"query": "x", "limit": 0}, "invalid_field", "limit"),
        ({"query": "x", "limit": True}, "invalid_field", "limit"),
        ({"query": "x", "top": 1}, "unknown_field", "top"),
    ],
)
def test_bad_input_is_refused(owner: Persona, body: Any, code: str, param: str) -> None:
    session = talk(owner, SAID[0])
    assert refused(owner.post(f"{path(session)}/recall", body), 422, code)["param"] == param


@pytest.mark.parametrize("query", ["?", "…", "👍", " ", '" OR 1=1 --', "%_\\", "的"])
def test_odd_questions_are_answered(owner: Persona, query: str) -> None:
    session = talk(owner, *SAID)
    assert isinstance(recall(owner, session, query), list)


def test_an_empty_session_has_nothing(owner: Persona) -> None:
    assert recall(owner, owner.opened(), "Anything?") == []
