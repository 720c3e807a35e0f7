"""Duplicates, contradictions and what a person must decide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_app.core.meeting import RANK, Meeting, Statement, about, meet

STATEMENTS = st.builds(
    Statement,
    st.sampled_from("ab"),
    st.sampled_from(["", "key seat"]),
    st.sampled_from(["aisle", "window"]),
    st.sampled_from([*RANK, "other"]),
    st.tuples(st.integers(0, 3), st.integers(1, 2)),
    st.sampled_from("12"),
)


def of(
    text: str, trust: str = "user", at: int = 1, user: str = "ines", says: str = ""
) -> Statement:
    return Statement(user, "key seat", text, trust, (at, 1), "1", says)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (of("Aisle."), "duplicate"),
        (of("window", at=2), "supersedes"),
        (of("window", at=0), "older"),
        (of("window", at=1), "quarantined"),
        (of("window", "tool", at=2), "quarantined"),
        (of("window", "editor", at=0), "quarantined"),
        (of("window", "tool", at=0), "older"),
    ],
)
def test_the_outcome_goes_by_date_and_source(said: Statement, outcome: str) -> None:
    assert meet(said, [of("aisle")]) == Meeting(outcome, "1")


def test_the_same_in_other_words_is_a_duplicate() -> None:
    said = of("I always sit by the aisle", at=2, says="sits aisle")
    assert meet(said, [of("Aisle, please", says="sits Aisle")]).outcome == "duplicate"


def test_another_users_fact_is_never_met() -> None:
    assert meet(of("window", at=2), [of("aisle", user="bo")]) == Meeting("new")


def test_to_like_and_to_dislike_one_thing_contradict_each_other() -> None:
    assert about("", "likes", "Olives") == about("", "dislikes", "olives") != ""
    assert about("", "plans", "olives") == about("", "likes", "") == ""


@given(STATEMENTS, st.lists(STATEMENTS, max_size=4))
def test_a_lesser_source_never_supersedes(said: Statement, standing: list[Statement]) -> None:
    found = meet(said, standing)
    met = [fact for fact in standing if fact.id == found.fact and fact.user == said.user]
    if found.outcome == "supersedes":
        assert any(RANK.get(fact.trust, 0) <= RANK.get(said.trust, 0) for fact in met)
