"""GET /users/{user}/relations: the facts that hang together with a thing."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from memory_app.models import Fact, FactRevision
from tests.api.test_document import fits
from tests.personas import Persona, answer, refused

CHAIN = (("Ann", "Acme"), ("Acme", "Lisbon"), ("Lisbon", "Portugal"))


def tied(owner: Persona, subject: str, thing: str, user: str = "alice", **fields: Any) -> str:
    body = {"user": user, "text": f"{subject} and {thing}.", "subject": subject, **fields}
    body |= {"object": thing} if thing else {}
    return str(answer(owner.post("/facts", body), 201)["id"])


def page(owner: Persona, of: str, user: str = "alice", **more: Any) -> dict[str, Any]:
    query = urlencode({"of": of, **more})
    found: dict[str, Any] = answer(owner.get(f"/users/{quote(user, safe='')}/relations?{query}"))
    return found


def steps(owner: Persona, of: str, **more: Any) -> dict[str, int]:
    return {one["fact"]["id"]: one["steps"] for one in page(owner, of, **more)["data"]}


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("", "invalid_field", "of"),
        ("of=", "invalid_field", "of"),
        ("of=%20%09", "invalid_field", "of"),
        ("of=a%00b", "nul_character", "of"),
        (f"of={'x' * 256}", "too_long", "of"),
        ("of=a&of=b", "invalid_field", "of"),
        ("of=a&steps=0", "invalid_field", "steps"),
        ("of=a&steps=3", "invalid_field", "steps"),
        ("of=a&steps=two", "invalid_field", "steps"),
        ("of=a&limit=0", "invalid_field", "limit"),
        ("of=a&limit=501", "invalid_field", "limit"),
        ("of=a&at=noon", "invalid_field", "at"),
        ("of=a&subject__in=x", "unknown_filter", "subject__in"),
    ],
)
def test_a_bad_question_is_refused_by_the_name_of_its_parameter(
    owner: Persona, query: str, code: str, param: str
) -> None:
    tied(owner, "Ann", "Acme")
    error = refused(owner.get(f"/users/alice/relations?{query}"), 422, code)
    assert error["param"] == param


def test_of_a_user_nobody_knows_there_is_nothing_to_read(owner: Persona) -> None:
    refused(owner.get("/users/nobody/relations?of=Ann"), 404, "not_found")


def test_facts_one_and_two_steps_away_come_with_their_paths(owner: Persona, published: Any) -> None:
    first, second, third = (tied(owner, *ends) for ends in CHAIN)
    found = page(owner, " aNN ")
    assert [(one["fact"]["id"], one["steps"], one["path"]) for one in found["data"]] == [
        (first, 1, [first]),
        (second, 2, [first, second]),
    ]
    assert found["next"] is None
    assert found["data"][0]["fact"] == answer(owner.get(f"/facts/{first}"))
    assert steps(owner, "portugal") == {third: 1, second: 2}
    assert steps(owner, "Acme", steps=1) == {second: 1, first: 1}
    assert steps(owner, "nothing") == {}
    assert fits(found, published["components"]["schemas"]["Relations"], published)


@pytest.fixture
def published(owner: Persona) -> Any:
    return answer(owner.get("/openapi.json"))


def test_circles_and_facts_about_themselves_end(owner: Persona) -> None:
    circle = [tied(owner, *ends) for ends in (("a", "b"), ("b", "c"), ("c", "a"), ("a", "A"))]
    assert steps(owner, "a") == dict(zip(circle, (1, 2, 1, 1), strict=True))


def test_a_fact_that_names_nothing_is_never_reached(owner: Persona) -> None:
    answer(owner.post("/facts", {"user": "alice", "text": "Ann."}), 201)
    lone = tied(owner, "Ann", "")
    assert steps(owner, "Ann") == {lone: 1}


def test_i10_no_walk_leads_to_another_user_or_project(owner: Persona, stranger: Persona) -> None:
    own = tied(owner, "Ann", "Acme")
    tied(owner, "Acme", "Lisbon", user="bob")
    tied(stranger, "Acme", "Madrid")
    assert steps(owner, "Ann") == {own: 1}
    refused(stranger.get("/users/bob/relations?of=Acme"), 404, "not_found")


@pytest.mark.parametrize("verb", ["retire", "merge"])
def test_what_is_retired_or_superseded_is_no_way(owner: Persona, verb: str) -> None:
    first, second, _ = (tied(owner, *ends) for ends in CHAIN)
    other = tied(owner, "x", "y")
    body = {"into": other} if verb == "merge" else {}
    answer(owner.post(f"/facts/{second}/{verb}", body))
    assert steps(owner, "Ann") == {first: 1}
    assert steps(owner, "Acme") == {first: 1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": Fact.QUARANTINED},
        {"status": Fact.SUPERSEDED},
        {"valid_us": 2**60},
        {"invalid_us": 1},
    ],
)
def test_what_does_not_stand_or_hold_is_no_way(owner: Persona, wrong: dict[str, Any]) -> None:
    first, second, _ = (tied(owner, *ends) for ends in CHAIN)
    Fact.everything.filter(id=second).update(**wrong)
    assert steps(owner, "Ann") == {first: 1}


def test_the_facts_of_a_deleted_session_are_no_way(owner: Persona) -> None:
    session = owner.opened(user="alice")["id"]
    first = tied(owner, "Ann", "Acme")
    body = {"session": session, "text": "x", "subject": "Acme", "object": "Lisbon"}
    own = answer(owner.post("/facts", body), 201)["id"]
    assert steps(owner, "Ann") == {first: 1, own: 2}
    owner.delete(f"/sessions/{session}")
    assert steps(owner, "Ann") == {first: 1}


def test_at_a_time_what_was_known_and_held_then_is_walked_as_it_was(owner: Persona) -> None:
    first, second, third = (tied(owner, *ends) for ends in CHAIN)
    answer(owner.patch(f"/facts/{second}", {"object": "Oslo"}))
    answer(owner.post(f"/facts/{first}/retire", {}))
    # As if each had been done on a day of its own.
    day = 86_400_000_000
    Fact.everything.update(created_us=day)
    FactRevision.objects.filter(fact__id=second).update(created_us=day * 2)
    FactRevision.objects.filter(fact__id=first).update(created_us=day * 3)
    assert steps(owner, "Ann") == {}
    assert steps(owner, "Ann", at="1970-01-01T12:00:00Z") == {}
    then = page(owner, "Lisbon", at="1970-01-02T12:00:00Z")["data"]
    assert [one["fact"]["object"] for one in then] == ["Portugal", "Lisbon", "Acme"]
    assert steps(owner, "Lisbon", at="1970-01-03T12:00:00Z") == {third: 1}
    assert steps(owner, "Ann", at="1970-01-03T12:00:00Z") == {first: 1, second: 2}


def test_pages_follow_each_other_without_gap_or_repeat(owner: Persona) -> None:
    for n in range(3):
        tied(owner, "Ann", f"thing {n}")
        tied(owner, f"thing {n}", f"place {n}")
    whole = page(owner, "Ann")["data"]
    assert [one["steps"] for one in whole] == [1, 1, 1, 2, 2, 2]
    found: list[Any] = []
    more: dict[str, Any] = {}
    while True:
        part = page(owner, "Ann", limit=2, **more)
        found += part["data"]
        if part["next"] is None:
            break
        more = {"after": part["next"]}
    assert found == whole
    cursor = page(owner, "Ann", limit=2)["next"]
    query = urlencode({"of": "Acme", "after": cursor})
    refused(owner.get(f"/users/alice/relations?{query}"), 400, "bad_cursor")


def test_a_user_with_a_stroke_in_the_name_is_asked_for(owner: Persona) -> None:
    own = tied(owner, "Ann", "Acme", user="org/alice")
    assert steps(owner, "Ann", user="org/alice") == {own: 1}


# ── In searches and blocks ───────────────────────────────────────────────────────────────────


def search(owner: Persona, query: str, **more: Any) -> list[Any]:
    body = {"user": "alice", "query": query, **more}
    found: list[Any] = answer(owner.post("/facts/search", body))["data"]
    return found


def test_a_search_finds_what_hangs_on_a_thing_it_names_behind_what_answers(
    owner: Persona,
) -> None:
    first, second, _ = (tied(owner, *ends) for ends in CHAIN)
    found = search(owner, "Is it Ann?")
    assert [one["id"] for one in found] == [first, second]
    assert "relation" not in found[0]["parts"]
    assert found[1]["parts"] == {"relation": found[1]["score"]}
    assert found[1]["score"] <= found[0]["score"]
    assert search(owner, "What colour is the kitchen?") == []
    assert len(search(owner, "Is it Ann?", limit=1)) == 1
    answer(owner.post(f"/facts/{second}/retire", {}))
    assert [one["id"] for one in search(owner, "Is it Ann?")] == [first]


def test_i10_a_search_walks_over_the_facts_of_its_user_alone(
    owner: Persona, stranger: Persona
) -> None:
    own = tied(owner, "Ann", "Acme")
    tied(owner, "Acme", "Lisbon", user="bob")
    tied(stranger, "Acme", "Madrid")
    assert [one["id"] for one in search(owner, "Ann")] == [own]


def test_a_users_block_has_what_hangs_on_the_named_thing_before_the_rest(owner: Persona) -> None:
    first, second, third = (tied(owner, *ends) for ends in CHAIN)
    Fact.everything.filter(id=third).update(score=2.0)
    query = urlencode({"query": "Where is the office of Ann?"})
    assert answer(owner.get(f"/users/alice/context?{query}"))["facts"] == [first, second, third]
    query = urlencode({"query": "Where is the office?"})
    assert answer(owner.get(f"/users/alice/context?{query}"))["facts"][0] == third
