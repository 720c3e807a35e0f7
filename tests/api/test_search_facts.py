"""POST /facts/search: what is remembered of a user that answers a question, with why."""

from __future__ import annotations

from typing import Any

import pytest

from memory_app.models import Fact, FactRevision
from tests.personas import Persona, answer, refused

KNOWN = (
    "My budget deadline is the 12th of May.",
    "The project deadline is the 3rd of June.",
    "Allergic to peanuts.",
    "Prefers an aisle seat on long flights.",
    "Lives in Lisbon with two cats.",
    "The invoice number is QX7-55912.",
)


def known(owner: Persona, *texts: str, user: str = "alice", **fields: Any) -> list[str]:
    body = [{"user": user, "text": text, **fields} for text in texts]
    return [fact["id"] for fact in answer(owner.post("/facts", {"facts": body}), 201)["facts"]]


def search(owner: Persona, query: str, **more: Any) -> list[Any]:
    body = {"user": "alice", "query": query, **more}
    found: list[Any] = answer(owner.post("/facts/search", body))["data"]
    return found


def texts(owner: Persona, query: str, **more: Any) -> list[str]:
    return [found["text"] for found in search(owner, query, **more)]


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"query": ""}, "invalid_field", "query"),
        ({"query": None}, "invalid_field", "query"),
        ({"query": "x" * 513}, "too_long", "query"),
        ({"query": "a\0b"}, "nul_character", "query"),
        ({"query": ["a"]}, "invalid_field", "query"),
        ({"user": ""}, "invalid_field", "user"),
        ({"user": "u" * 256}, "too_long", "user"),
        ({"limit": 0}, "invalid_field", "limit"),
        ({"limit": True}, "invalid_field", "limit"),
        ({"limit": 10**9}, "invalid_field", "limit"),
        ({"at": "noon"}, "invalid_field", "at"),
        ({"at": 3}, "invalid_field", "at"),
        ({"status__startswith": "a"}, "unknown_field", "status__startswith"),
    ],
)
def test_a_bad_search_is_refused_by_the_name_of_its_field(
    owner: Persona, wrong: dict[str, Any], code: str, param: str
) -> None:
    body = {"user": "alice", "query": "x", **wrong}
    assert refused(owner.post("/facts/search", body), 422, code)["param"] == param


@pytest.mark.parametrize(
    "query",
    ["(a+)+$", '"', "'", "NEAR(", "*", "%", "_", "AND OR NOT", "\\", " ", "?", "🙂", "])}"],
)
def test_marks_and_operators_are_looked_for_as_they_stand(owner: Persona, query: str) -> None:
    assert search(owner, query) == []
    known(owner, *KNOWN)
    assert search(owner, query) == []


def test_of_a_user_nobody_knows_nothing_is_found(owner: Persona) -> None:
    assert search(owner, "Which seat?") == []


def test_what_was_never_stated_brings_nothing_back(owner: Persona) -> None:
    known(owner, *KNOWN)
    assert texts(owner, "What colour is the kitchen painted?") == []


def test_i10_facts_of_other_users_and_projects_are_not_found(
    owner: Persona, stranger: Persona
) -> None:
    known(owner, "Fond of peanuts.", user="bob")
    known(stranger, "Sells peanuts.")
    assert texts(owner, "peanuts") == []
    known(owner, *KNOWN)
    assert texts(owner, "peanuts") == [KNOWN[2]]


def test_the_asked_one_of_two_like_facts_comes_first_with_its_score_parts(owner: Persona) -> None:
    ids = known(owner, *KNOWN)
    best = search(owner, "When is the project deadline?")[0]
    assert (best["id"], best["text"]) == (ids[1], KNOWN[1])
    assert best["score"] == pytest.approx(sum(best["parts"].values()), abs=0.01)
    assert texts(owner, "When is the budget deadline?")[0] == KNOWN[0]
    fact = answer(owner.get(f"/facts/{ids[1]}"))
    assert {name: best[name] for name in fact} == fact


def test_a_lone_fact_is_found_by_a_word_of_the_question(owner: Persona) -> None:
    known(owner, KNOWN[3])
    assert texts(owner, "Which seat?") == [KNOWN[3]]


def test_a_fact_is_found_by_its_key_its_object_and_its_kind(owner: Persona) -> None:
    known(owner, "It is Ana.", key="doctor")
    known(owner, "Not after nine.", category="preference")
    assert texts(owner, "doctor") == ["It is Ana."]
    found = search(owner, "preference")
    assert [one["text"] for one in found] == ["Not after nine."]
    assert found[0]["parts"]["category"] > 0


def test_of_two_that_say_the_same_the_pinned_one_is_first(owner: Persona) -> None:
    first, second = known(owner, "Keeps bees in May.", "Keeps bees in May.")
    assert [one["id"] for one in search(owner, "bees")] == [second, first]
    answer(owner.post(f"/facts/{first}/pin", {}))
    found = search(owner, "bees")
    assert [one["id"] for one in found] == [first, second]
    assert found[0]["parts"]["pinned"] > 0


def test_who_is_asked_about_is_told_from_others(owner: Persona) -> None:
    known(owner, "Likes tea.", subject="Maria")
    known(owner, "Likes tea.", subject="Jonas")
    assert search(owner, "Does Maria like tea?")[0]["subject"] == "Maria"
    assert search(owner, "Does Jonas like tea?")[0]["subject"] == "Jonas"


def test_what_holds_no_longer_or_not_yet_is_not_found(owner: Persona) -> None:
    (retired,) = known(owner, "Drives a red van.")
    known(owner, "Will drive a blue van.", valid_at="2100-01-01T00:00:00Z")
    assert texts(owner, "van") == ["Drives a red van."]
    answer(owner.post(f"/facts/{retired}/retire", {}))
    assert texts(owner, "van") == []


def test_an_edit_and_a_new_fact_are_found_at_once(owner: Persona) -> None:
    (fact,) = known(owner, "Drives a red van.")
    assert len(texts(owner, "van")) == 1
    answer(owner.patch(f"/facts/{fact}", {"text": "Rides a bicycle."}))
    assert texts(owner, "van") == []
    known(owner, "Sold the bicycle.")
    assert len(texts(owner, "bicycle")) == 2


def test_at_a_time_what_was_known_and_held_then_is_found_as_it_was(owner: Persona) -> None:
    (fact,) = known(owner, "Drives a red van.")
    answer(owner.patch(f"/facts/{fact}", {"text": "Drives a blue van."}))
    answer(owner.post(f"/facts/{fact}/retire", {}))
    # As if each had been done on a day of its own.
    day = 86_400_000_000
    Fact.everything.update(created_us=day)
    for revision in FactRevision.objects.all():
        FactRevision.objects.filter(pk=revision.pk).update(created_us=day * revision.revision)
    assert texts(owner, "van") == []
    assert texts(owner, "van", at="1970-01-01T12:00:00Z") == []
    assert texts(owner, "van", at="1970-01-02T12:00:00Z") == ["Drives a red van."]
    assert texts(owner, "van", at="1970-01-03T12:00:00Z") == ["Drives a blue van."]
    assert texts(owner, "van", at="1970-01-05T00:00:00Z") == []


def test_no_more_come_back_than_were_asked_for(owner: Persona) -> None:
    known(owner, *(f"Keeps {n} bees." for n in range(15)))
    assert len(search(owner, "bees", limit=3)) == 3
    assert len(search(owner, "bees")) == 10
