"""GET /facts/{id}/uses, and how often a fact was used."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memory_app.models import Fact, Injection
from tests.api.folding import filled
from tests.personas import Persona, answer, refused


def contexts(owner: Persona, path: str, count: int) -> list[Any]:
    """So many recorded contexts, each with at least one fact."""
    made = [answer(owner.get(f"{path}/context?record=true")) for _ in range(count)]
    assert all(facts_in(context) for context in made)
    return made


def facts_in(context: dict[str, Any]) -> list[str]:
    return [fact for part in context["parts"] for fact in part["facts"]]


@pytest.fixture
def path(owner: Persona) -> str:
    """A folded session of alice that has facts."""
    found = filled(owner, 24, user="alice")
    answer(owner.post(f"{found}/compress"), 200)
    return found


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?limit=0", 422, "invalid_field"),
        ("?limit=501", 422, "invalid_field"),
        ("?after=x", 400, "bad_cursor"),
        ("?fact__id=1", 422, "unknown_filter"),
    ],
)
def test_uses_take_what_they_know(owner: Persona, query: str, status: int, code: str) -> None:
    fact = answer(owner.post("/facts", {"user": "alice", "text": "x"}), 201)
    refused(owner.get(f"/facts/{fact['id']}/uses{query}"), status, code)


def test_a_cursor_of_another_fact_is_refused(owner: Persona, path: str) -> None:
    first, second = facts_in(contexts(owner, path, 2)[0])[:2]
    cursor = answer(owner.get(f"/facts/{first}/uses?limit=1"))["next"]
    refused(owner.get(f"/facts/{second}/uses?after={cursor}"), 400, "bad_cursor")


def test_a_fact_that_was_never_used_has_no_uses(owner: Persona, path: str) -> None:
    fact = answer(owner.post("/facts", {"user": "alice", "text": "x"}), 201)
    assert answer(owner.get(f"/facts/{fact['id']}/uses")) == {"data": [], "next": None}
    assert (fact["uses"], fact["last_used_at"]) == (0, None)


def test_a_context_that_is_not_kept_is_no_use(owner: Persona, path: str) -> None:
    used = facts_in(answer(owner.get(f"{path}/context")))[0]
    assert answer(owner.get(f"/facts/{used}"))["uses"] == 0


def test_uses_name_the_contexts_newest_first_a_page_at_a_time(owner: Persona, path: str) -> None:
    made = contexts(owner, path, 3)
    fact = facts_in(made[0])[0]
    first = answer(owner.get(f"/facts/{fact}/uses?limit=2"))
    rest = answer(owner.get(f"/facts/{fact}/uses?limit=2&after={first['next']}"))
    found = [*first["data"], *rest["data"]]
    assert [use["id"] for use in found] == [context["id"] for context in reversed(made)]
    assert rest["next"] is None
    for use in found:
        record = answer(owner.get(f"/contexts/{use['id']}"))
        assert use == {name: record[name] for name in use}
    shown = answer(owner.get(f"/facts/{fact}"))
    assert (shown["uses"], shown["last_used_at"]) == (3, found[0]["created_at"])


def test_contexts_of_a_deleted_session_are_no_uses_any_more(owner: Persona, path: str) -> None:
    fact = answer(owner.post("/facts", {"user": "alice", "text": "x"}), 201)["id"]
    contexts(owner, path, 1)
    injection = Injection.objects.latest("context", "place")
    Injection.objects.filter(pk=injection.pk).update(fact_id=_number(fact))
    assert len(answer(owner.get(f"/facts/{fact}/uses"))["data"]) == 1
    owner.delete(path)
    assert answer(owner.get(f"/facts/{fact}/uses"))["data"] == []
    assert answer(owner.get(f"/facts/{fact}"))["uses"] == 0


def test_an_edited_fact_and_the_export_tell_its_uses(owner: Persona, path: str) -> None:
    fact = facts_in(contexts(owner, path, 2)[0])[0]
    assert answer(owner.post(f"/facts/{fact}/pin", {}))["uses"] == 2
    exported = answer(owner.get("/users/alice/export"))["facts"]
    assert {found["id"]: found["uses"] for found in exported}[fact] == 2


def test_a_list_of_facts_costs_the_same_queries_however_many_were_used(
    owner: Persona, path: str
) -> None:
    contexts(owner, path, 2)
    with CaptureQueriesContext(connection) as one:
        answer(owner.get("/facts?user=alice&limit=1"))
    with CaptureQueriesContext(connection) as many:
        listed = answer(owner.get("/facts?user=alice&limit=50"))["data"]
    assert len(listed) > 1
    assert any(fact["uses"] == 2 for fact in listed)
    assert len(one) == len(many)


def _number(fact: str) -> int:
    return Fact.everything.get(id=fact).number


def test_a_preference_stated_again_tells_how_often_it_was_used(owner: Persona, path: str) -> None:
    wanted = "/users/alice/preferences/seat"
    fact = answer(owner.put(wanted, {"text": "Sits by the aisle."}))["id"]
    (made,) = contexts(owner, path, 1)
    assert fact in facts_in(made)
    again = answer(owner.put(wanted, {"text": "Sits by the aisle."}))
    assert (again["id"], again["uses"]) == (fact, 1)
    assert again["last_used_at"]
