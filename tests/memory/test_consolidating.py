"""Which facts of a user can go: by rule, never what a person said of a fact."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_app.core import consolidating as core
from memory_app.core.consolidating import DUPLICATE, ENDED, UNPROVEN, Intent, Known
from memory_app.core.facts import MOST_SOURCES

NOW = 10**15
OLD = NOW - core.AGE_US - 1


def known(number: int, text: str = "Sits by the aisle.", **fields: Any) -> Known:
    return Known(number, text, **{"created_us": OLD + number, "trust": "user", **fields})


def decided(*facts: Known, now: int = NOW, most: int = 100) -> list[Intent]:
    return core.decide(facts, now=now, most=most)


def source(number: int) -> dict[str, Any]:
    return {"session": "s", "seq": number, "quote": "q"}


# -- the same said twice -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Sits by the aisle.",
        "sits  by the AISLE",
        "\u201cSits by the aisle!\u201d",
        "Sits, by the a\u0069\u0301sle",
    ],
)
def test_facts_of_the_same_words_become_the_older_one(text: str) -> None:
    assert decided(known(2, text), known(1)) == [Intent(2, DUPLICATE, 1)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Likes C++.", "Likes C."),
        ("It is -5 there.", "It is 5 there."),
        ("Costs 1.500 euros.", "Costs 1,500 euros."),
        ("Ann likes Bo.", "Bo likes Ann."),
        ("Likes tea?", "Likes tea."),
        ("\U0001f642", "\U0001f641"),
    ],
)
def test_what_only_looks_alike_stays(one: str, other: str) -> None:
    assert decided(known(1, one), known(2, other)) == []


@pytest.mark.parametrize("place", range(4))
def test_facts_of_other_names_say_something_else(place: int) -> None:
    names = ["", "", "", ""]
    names[place] = "x"
    assert decided(known(1), known(2, names=tuple(names))) == []
    assert decided(known(1, names=tuple(names)), known(2, names=tuple(names)))


def test_the_more_trusted_one_stays_then_the_older_one() -> None:
    trusts = ("import", "tool", "model", "user")
    facts = [known(number, trust=trust) for number, trust in enumerate(trusts, 1)]
    assert {intent.into for intent in decided(*facts)} == {4}
    twice = (known(1, created_us=5), known(2, created_us=4), known(3, created_us=4))
    assert decided(*twice) == [Intent(3, DUPLICATE, 2), Intent(1, DUPLICATE, 2)]


def test_a_fact_stands_for_another_where_every_context_shows_it_that_showed_that() -> None:
    here, there, everywhere = (known(n, session=s) for n, s in ((1, 7), (2, 8), (3, None)))
    assert decided(here, there) == []
    assert decided(here, everywhere) == []
    older = known(0, session=None)
    assert decided(here, there, older) == [Intent(1, DUPLICATE, 0), Intent(2, DUPLICATE, 0)]
    assert decided(here, known(4, session=7)) == [Intent(4, DUPLICATE, 1)]


def test_what_is_true_at_other_times_stays() -> None:
    assert decided(known(1), known(2, invalid_us=NOW + 1)) == []
    assert decided(known(1), known(2, valid_us=NOW + 1)) == []
    assert decided(known(1), known(2, valid_us=NOW - 1)) == [Intent(2, DUPLICATE, 1)]


def test_more_sources_than_a_fact_may_have_begin_another_one() -> None:
    many = [known(n, sources=tuple(source(n * 30 + at) for at in range(30))) for n in range(1, 5)]
    assert MOST_SOURCES == 50
    assert decided(*many) == []
    few = known(5, sources=tuple(source(at) for at in range(100, 120)))
    assert decided(*many, few) == [Intent(5, DUPLICATE, 1)]
    same = known(6, sources=many[2].sources)
    assert decided(*many, few, same) == [Intent(5, DUPLICATE, 1), Intent(6, DUPLICATE, 3)]


# -- what ended, what nobody used ----------------------------------------------------------------


def test_what_was_true_until_now_is_retired_and_what_still_is_stays() -> None:
    assert decided(known(1, invalid_us=NOW), known(2, "x", invalid_us=NOW + 1)) == [
        Intent(1, ENDED)
    ]


DOUBTFUL: dict[str, Any] = {"trust": "tool", "confidence": 0.49, "created_us": OLD}


@pytest.mark.parametrize(
    ("fields", "goes"),
    [
        ({}, True),
        ({"trust": "import"}, True),
        ({"trust": "model"}, False),
        ({"trust": "user"}, False),
        ({"confidence": 0.5}, False),
        ({"used": True}, False),
        ({"created_us": OLD + 1}, False),
        ({"pinned": True}, False),
    ],
)
def test_of_low_confidence_untrusted_unused_and_old_is_all_it_takes(
    fields: dict[str, Any], goes: bool
) -> None:
    found = decided(known(1, **{**DOUBTFUL, **fields}))
    assert found == ([Intent(1, UNPROVEN)] if goes else [])


def test_a_fact_that_goes_is_nothing_to_merge_with() -> None:
    ended = known(1, invalid_us=NOW - 1)
    twice = known(2, invalid_us=NOW - 1)
    assert decided(ended, twice) == [Intent(1, ENDED), Intent(2, ENDED)]
    assert decided(known(1, **DOUBTFUL), known(2)) == [Intent(1, UNPROVEN)]


# -- what no rule touches ------------------------------------------------------------------------

LEFT_ALONE = (
    {"pinned": True},
    {"edited": True},
    {"trust": "editor"},
    {"category": "correction"},
    {"category": "preference", "names": ("seat", "", "", "")},
)


@pytest.mark.parametrize("fields", LEFT_ALONE)
def test_a_persons_word_is_neither_retired_nor_merged_nor_merged_into(
    fields: dict[str, Any],
) -> None:
    theirs = known(1, **fields)
    other = known(2, names=theirs.names, created_us=NOW)
    assert decided(theirs, other) == []
    assert decided(theirs._replace(invalid_us=NOW - 1)) == []
    assert decided(theirs._replace(**{**DOUBTFUL, **fields})) == []
    another = other._replace(fact=3)
    assert decided(theirs, other, another) == [Intent(3, DUPLICATE, 2)]


FACTS = st.builds(
    Known,
    fact=st.just(0),
    text=st.sampled_from(["a b", "A, b.", "c", ""]),
    created_us=st.sampled_from([OLD, NOW]),
    trust=st.sampled_from(["user", "model", "tool", "import", "editor"]),
    session=st.sampled_from([None, 1, 2]),
    category=st.sampled_from(["profile", "correction"]),
    confidence=st.sampled_from([0.2, 1.0]),
    pinned=st.booleans(),
    used=st.booleans(),
    edited=st.booleans(),
    sources=st.lists(st.integers(1, 90), max_size=40, unique=True).map(
        lambda found: tuple(map(source, found))
    ),
    valid_us=st.sampled_from([None, NOW - 5, NOW + 5]),
    invalid_us=st.sampled_from([None, NOW - 1, NOW + 1]),
)


@given(st.lists(FACTS, max_size=12), st.integers(0, 12), st.randoms())
def test_whatever_is_known_each_fact_is_done_to_once_and_what_it_goes_into_stays(
    found: list[Known], most: int, random: Any
) -> None:
    facts = {n: fact._replace(fact=n) for n, fact in enumerate(found)}
    intents = decided(*facts.values(), most=1_000)
    gone = [intent.fact for intent in intents]
    assert len(set(gone)) == len(gone)
    assert not {intent.into for intent in intents}.intersection(gone)
    assert not any(core.is_left_alone(facts[at]) for at in gone)
    for intent in intents:
        into = intent.into
        assert (into is not None) == (intent.rule == DUPLICATE)
        if into is not None:
            assert not core.is_left_alone(facts[into])
            sources = [*facts[into].sources]
            merged = [facts[one.fact] for one in intents if one.into == into]
            assert len({str(s) for s in sources + [s for f in merged for s in f.sources]}) <= 50
    shuffled = list(facts.values())
    random.shuffle(shuffled)
    assert decided(*shuffled, most=most) == intents[:most]
    rest = [fact for n, fact in facts.items() if n not in gone]
    assert not [one for one in decided(*rest) if one.rule != DUPLICATE]
