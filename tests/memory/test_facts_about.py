"""Which facts come first in a context: what must be there apart from what a question asks for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_app import contextfacts, keeping
from memory_app.models import Fact
from sessions_app.models import Project

pytestmark = pytest.mark.django_db


def fact(number: int, text: str, **fields: Any) -> Fact:
    return Fact(
        number=number,
        text=text,
        created_us=number,
        **{"trust": "user", "category": "profile", **fields},
        **keeping.measures(text),
    )


def order(query: str, *facts: Fact) -> list[int]:
    return [one.number for one in contextfacts.about(facts, query)]


def test_no_facts_are_in_no_order() -> None:
    assert order("anything") == []


@pytest.mark.parametrize("query", ["*", "(a+)+$", "  ", "🙂", '"'])
def test_a_question_without_words_leaves_what_says_most_first(query: str) -> None:
    facts = (fact(1, "Has a cat.", score=0.1), fact(2, "Has a dog.", score=0.9))
    assert order(query, *facts) == [2, 1]


def test_the_asked_one_of_two_like_facts_comes_first() -> None:
    budget = fact(1, "The budget deadline is the 12th of May.", score=0.9)
    project = fact(2, "The project deadline is the 3rd of June.", score=0.1)
    assert order("When is the project deadline?", budget, project) == [2, 1]
    assert order("When is the budget deadline?", budget, project) == [1, 2]


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({"pinned": True}, 2),
        ({"category": "correction"}, 2),
        ({"category": "correction", "trust": "editor"}, 2),
        ({"category": "correction", "trust": "tool"}, 1),
        ({"category": "correction", "trust": "import"}, 1),
        ({"category": "correction", "trust": "model"}, 1),
        ({}, 1),
    ],
)
def test_what_must_be_there_goes_before_what_is_asked_for(
    fields: dict[str, Any], first: int
) -> None:
    asked, other = fact(1, "Prefers an aisle seat."), fact(2, "Has a cat.", **fields)
    assert order("Which seat?", asked, other)[0] == first


def test_sql_and_python_agree_on_what_must_be_there() -> None:
    project = Project.objects.create(name="own", created_us=0)
    kinds = [
        {"pinned": pinned, "category": category, "trust": trust}
        for pinned in (False, True)
        for category in ("profile", "correction")
        for trust in ("user", "editor", "tool", "model", "import")
    ]
    for number, kind in enumerate(kinds, 1):
        made = fact(number, "x", **kind)
        made.id, made.project_id = UUID(int=number), project.pk
        made.save(force_insert=True)
    rows = list(Fact.everything.order_by("number"))
    wanted = [row.number for row in rows if contextfacts.must(row)]
    assert [row.number for row in Fact.everything.all().must().order_by("number")] == wanted
    best = [row.number for row in Fact.everything.all().best(100)]
    assert set(best[: len(wanted)]) == set(wanted)
    assert 0 < len(wanted) < len(rows)


def test_what_hangs_on_a_named_thing_stands_behind_what_shares_words_and_before_the_rest() -> None:
    first = fact(1, "Works there.", subject="Ann", object="Acme")
    other = fact(2, "Near the harbour.", subject="Acme", object="Lisbon")
    rest = fact(3, "Keeps bees.", score=2.0)
    asked = [
        fact(number, f"Office {number}.") for number in range(4, 4 + contextfacts.MOST_RANKED + 5)
    ]
    found = order("Office of Ann?", rest, other, first, *asked)
    assert set(found[: len(asked)]) == {one.number for one in asked}
    assert found[len(asked) :] == [1, 2, 3]


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(1, 900))
def test_as_many_facts_are_told_as_fit_and_the_next_one_would_not(
    lengths: list[int], room: int
) -> None:
    chosen = [fact(n, f"Flat {n} " + "has rooms " * many) for n, many in enumerate(lengths, 1)]
    told, over = contextfacts._roomed(chosen, 1, contextfacts.Wanted(version=1, room=room))
    kept = len(chosen) - len(over)
    assert [*chosen[:kept], *over] == chosen
    assert told is None or told.tokens <= room
    assert (told is None) == (kept == 0)
    if over:
        assert contextfacts.stated(chosen[: kept + 1], 1, 0).tokens > room
