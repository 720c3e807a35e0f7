"""Walks over facts: each once at its least steps, whichever way it reads, in one order."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_app.core import factrank, relations
from memory_app.core.factrank import Document, Documents
from memory_app.core.relations import Graph, Reached, Tie, thing

NAMES = st.sampled_from(["Ann", "Bo", "Cy", "Acme", "Lima", ""])
ENDS = st.lists(st.tuples(NAMES, NAMES), max_size=12)


def ties(ends: Sequence[tuple[str, str]]) -> list[Tie]:
    return [Tie(number, *pair) for number, pair in enumerate(ends, 1)]


def reached(ends: Sequence[tuple[str, str]], of: str, steps: int = 2) -> list[Reached]:
    return Graph(ties(ends)).near([thing(of)], steps=steps)


def far(ends: Sequence[tuple[str, str]], of: str, steps: int = 2) -> dict[int, int]:
    return {one.fact: one.steps for one in reached(ends, of, steps)}


def expected(ends: Sequence[tuple[str, str]], of: str) -> dict[int, int]:
    """The same by the words of the contract alone."""
    first = {at for at, pair in enumerate(ends, 1) if of in pair}
    beside = {name for at in first for name in ends[at - 1] if name}
    second = {at for at, pair in enumerate(ends, 1) if beside.intersection(pair)}
    return dict.fromkeys(second - first, 2) | dict.fromkeys(first, 1)


@given(ENDS, NAMES.filter(bool))
def test_a_walk_ends_with_every_fact_once_at_its_least_steps(
    ends: list[tuple[str, str]], of: str
) -> None:
    found = reached(ends, of)
    assert far(ends, of) == expected(ends, of)
    assert len({one.fact for one in found}) == len(found)
    assert far(ends, of, 1) == {at: 1 for at, steps in far(ends, of).items() if steps == 1}


@given(ENDS, NAMES.filter(bool), st.data())
def test_which_way_a_fact_reads_makes_no_difference(
    ends: list[tuple[str, str]], of: str, data: st.DataObject
) -> None:
    turned = [pair[::-1] if data.draw(st.booleans()) else pair for pair in ends]
    assert reached(turned, of) == reached(ends, of)


@given(ENDS, NAMES.filter(bool), NAMES.filter(bool))
def test_two_things_are_as_far_from_each_other_both_ways(
    ends: list[tuple[str, str]], one: str, other: str
) -> None:
    def distance(of: str, to: str) -> int | None:
        return min((n for at, n in far(ends, of).items() if to in ends[at - 1]), default=None)

    assert distance(one, other) == distance(other, one)


@given(ENDS, NAMES.filter(bool), st.integers(0, 12), st.randoms())
def test_a_walk_has_one_order_and_its_beginning_is_what_a_bound_leaves(
    ends: list[tuple[str, str]], of: str, most: int, random: object
) -> None:
    shuffled = ties(ends)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = reached(ends, of)
    assert Graph(shuffled).near([thing(of)], most=most) == found[:most]
    assert [one.place for one in found] == sorted(one.place for one in found)


@given(ENDS, NAMES.filter(bool))
def test_a_path_leads_from_the_thing_to_the_fact_over_facts_that_meet(
    ends: list[tuple[str, str]], of: str
) -> None:
    for one in reached(ends, of):
        walked = [set(filter(None, ends[at - 1])) for at in one.path]
        assert one.path[-1] == one.fact
        assert len(one.path) == one.steps
        assert of in walked[0]
        assert all(here & there for here, there in pairwise(walked))


def test_a_circle_and_a_fact_that_ties_a_thing_to_itself_end_a_walk() -> None:
    circle = [("Ann", "Bo"), ("Bo", "Cy"), ("Cy", "Ann"), ("Ann", "Ann")]
    assert far(circle, "Ann") == {1: 1, 3: 1, 4: 1, 2: 2}


def test_a_thing_without_a_name_ties_nothing() -> None:
    assert far([("", ""), ("Ann", ""), ("", "Bo")], "Ann") == {2: 1}
    assert Graph(ties([("Ann", " "), (" ", "Bo")])).near([thing(" ")]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann Lee", "  ann \t LEE "),
        ("Straße", "STRASSE"),
        ("\uff21\uff23\uff2d\uff25", "acme"),
        ("ﬁn", "FIN"),
        ("™", "tm"),
        ("Zoe\u0308", "Zoë"),
        ("Ann\u00a0Lee", "ann lee"),
    ],
)
def test_names_of_one_thing_are_the_same_thing(one: str, other: str) -> None:
    assert thing(one) == thing(other)


@given(st.text(max_size=20))
def test_a_name_stays_what_it_is(name: str) -> None:
    assert thing(thing(name)) == thing(name)
    assert thing(unicodedata.normalize("NFD", name)) == thing(name)


@pytest.mark.parametrize(
    ("question", "things"),
    [
        ("Where does Ann Lee work?", ["ann lee"]),
        ("Where does ann  LEE's boss live?", ["ann lee"]),
        ("Where does Ann work? And Lee?", []),
        ("Is the train late?", ["trains"]),
        ("東京にいますか", ["東京"]),
        ("The it?", []),
        ("Did Elan call? And X-ray?", ["élan", "x-ray"]),
        ("Is 7 up?", ["7"]),
        ("", []),
    ],
)
def test_a_question_names_a_thing_by_all_of_its_words_in_a_row(
    question: str, things: list[str]
) -> None:
    names = ("Ann Lee", "trains", "東京", "the it", "?", "Élan", "X-Ray", "7")
    known = Graph(Tie(number, name, "") for number, name in enumerate(names))
    assert known.named(question) == things


def test_what_everything_is_about_is_begun_from_and_not_walked_through() -> None:
    many = [("Ann", f"thing {n}") for n in range(4)]
    graph = Graph(ties([("Bo", "Ann"), *many]))
    assert len(graph.near(["bo"], widest=4)) == 1
    assert len(graph.near(["bo"], widest=5)) == 5
    assert len(graph.near(["ann"], widest=4)) == 5


# -- in the ranking of facts ---------------------------------------------------------------------

WORKS = Document(1, "Works at Acme as a nurse.", subject="Ann", object="Acme")
SITS = Document(2, "The head office is by the harbour.", subject="Acme", object="Lisbon")
RAINS = Document(3, "It rains there in winter.", subject="Lisbon", object="rain")
BEES = Document(4, "Keeps bees in May.", subject="Bo", object="bees")
ALL = (WORKS, SITS, RAINS, BEES)


def best(question: str, *facts: Document, count: int = 10) -> list[tuple[int, dict[str, float]]]:
    found = factrank.best(Documents(facts or ALL), question, now=0, count=count)
    return [(one.turn.session, dict(one.parts)) for one in found]


def test_a_question_that_names_a_thing_finds_what_is_one_and_two_steps_from_it() -> None:
    found = dict(best("What colour is the car of Ann?"))
    assert list(found) == [1, 2]
    assert found[1] == {"relation": factrank.RELATION}
    assert found[2] == {"relation": factrank.RELATION / 2}


def test_a_question_that_names_nothing_is_given_nothing_by_a_walk() -> None:
    assert best("What colour is the kitchen?") == []
    assert [number for number, _ in best("Who keeps bees?")] == [4]


def test_what_answers_the_question_itself_goes_before_what_a_walk_finds() -> None:
    found = factrank.best(Documents(ALL), "Does Ann work as a nurse?", now=0, count=10)
    assert [one.turn.session for one in found] == [1, 2]
    assert "relation" not in found[0].parts
    assert 0 < found[1].score <= found[0].score
    assert best("Does Ann work as a nurse?", count=1)[0][0] == 1


@given(st.lists(st.sampled_from(["Ann", "Acme", "nurse", "bees", "harbour", "winter"])))
def test_whatever_is_asked_no_fact_that_only_hangs_on_it_has_the_better_score(
    words: list[str],
) -> None:
    found = factrank.best(Documents(ALL), " ".join(words), now=0, count=10)
    walked = ["relation" in one.parts for one in found]
    assert walked == sorted(walked)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert relations.MOST_STEPS == 2
