"""What is known of a user stands in the contexts of all their sessions."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.personas import Persona, answer

AISLE = "Sits by the aisle, never by the window."


@pytest.fixture
def session(owner: Persona) -> str:
    """Alice's session with one message."""
    made = owner.opened(user="alice")["id"]
    owner.said(made, "Good morning! Where do flights to Oslo leave from?")
    return str(made)


def stored(owner: Persona, text: str = AISLE, **fields: Any) -> str:
    made = answer(owner.post("/facts", {"user": "alice", "text": text, **fields}), 201)
    return str(made["id"])


def context(owner: Persona, session: str, **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer(owner.get(f"/sessions/{session}/context?{urlencode(asked)}"))
    return found


def facts(found: dict[str, Any]) -> list[str]:
    return [fact for part in found["parts"] for fact in part["facts"]]


def test_what_is_stored_of_a_user_is_in_the_next_context(owner: Persona, session: str) -> None:
    fact = stored(owner)
    found = context(owner, session)
    assert facts(found) == [fact]
    assert AISLE in found["messages"][0]["content"]
    assert found["tokens"] == sum(part["tokens"] for part in found["parts"])
    answer(owner.post(f"/facts/{fact}/retire", {}))
    assert facts(context(owner, session)) == []


def test_another_users_and_nobodys_sessions_do_not_have_it(owner: Persona, session: str) -> None:
    stored(owner)
    for user in ({"user": "bob"}, {}):
        other = owner.opened(**user)["id"]
        owner.said(other, "Sits anybody by the aisle, or by the window?")
        assert facts(context(owner, other, query="aisle window")) == []


def test_another_project_does_not_have_it(owner: Persona, stranger: Persona) -> None:
    stored(owner)
    theirs = stranger.opened(user="alice")["id"]
    stranger.said(theirs, "Sits anybody by the aisle?")
    assert facts(context(stranger, theirs, query="aisle")) == []


def test_what_came_of_another_session_is_there_where_it_matters_or_is_asked_for(
    owner: Persona, session: str
) -> None:
    before = owner.opened(user="alice")["id"]
    owner.said(before, "The shed is green. I never eat fish.")
    shed = answer(
        owner.post(
            "/facts", {"session": before, "text": "The shed is green.", "category": "detail"}
        ),
        201,
    )["id"]
    assert facts(context(owner, session)) == []
    assert facts(context(owner, session, query="which colour has the shed")) == [shed]
    answer(owner.post(f"/facts/{shed}/pin", {}))
    assert facts(context(owner, session)) == [shed]
    # Its message has a number there, not here.
    assert "(message" not in context(owner, session)["messages"][0]["content"]


def test_what_must_be_there_has_room_before_old_messages(owner: Persona, session: str) -> None:
    for number in range(40):
        owner.said(session, f"Tell me more about harbour number {number} and its ferries, please.")
    fact = stored(owner, key="seat")
    found = context(owner, session, tokens=400)
    assert facts(found) == [fact]
    assert found["tokens"] <= 400
    assert any(part["name"] == "recent" for part in found["parts"])


def test_facts_that_need_more_than_their_share_are_left_out_by_what_they_say_least(
    owner: Persona, session: str
) -> None:
    pinned = stored(owner, "Never call before ten in the morning.", pinned=True)
    for number in range(60):
        stored(owner, f"Has been to harbour number {number} and found it rather windy there.")
    found = context(owner, session, tokens=1_000)
    held = facts(found)
    assert pinned in held
    assert 1 < len(held) < 61
    (part,) = [part for part in found["parts"] if part["name"] == "facts"]
    assert part["tokens"] <= 100


def test_a_version_has_what_was_known_when_it_came_for_ever(owner: Persona, session: str) -> None:
    first = stored(owner)
    owner.said(session, "And to Tromsø?")
    version = answer(owner.get(f"/sessions/{session}"))["version"]
    before = context(owner, session, at=version)
    assert before["digest"] == context(owner, session)["digest"]
    assert facts(context(owner, session, at=version - 1)) == []
    stored(owner, "Travels light.", key="luggage")
    owner.said(session, "And to Bergen?")
    answer(owner.patch(f"/facts/{first}", {"text": "Sits by the window now."}))
    second = stored(owner, "Travels with a dog.")
    assert {first, second} < set(facts(context(owner, session)))
    then = context(owner, session, at=version)
    assert facts(then) == [first]
    assert then["digest"] == before["digest"]


def test_a_kept_context_is_proved_with_the_facts_it_had(owner: Persona, session: str) -> None:
    stored(owner)
    kept = context(owner, session, record="true")
    owner.said(session, "And to Bergen?")
    stored(owner, "Travels with a dog.")
    assert answer(owner.get(f"/contexts/{kept['id']}"))["proved"] is True
