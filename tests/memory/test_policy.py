"""Policies are read strictly and keep their meaning."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_app.core import policy as rules
from memory_app.core.policy import DEFAULTS, Policy
from sessions_app.core import errors


def test_an_empty_policy_is_the_default() -> None:
    assert rules.read({}) == Policy() == DEFAULTS["default"]


def test_the_capacity_is_the_window_less_the_reserve() -> None:
    assert rules.read({"window": 10_000, "reserve": 3_000}).capacity == 7_000


@pytest.mark.parametrize("policy", DEFAULTS.values(), ids=DEFAULTS)
def test_a_policy_survives_being_stored(policy: Policy) -> None:
    assert rules.read(rules.as_json(policy)) == policy


WITHIN = {
    "window": st.integers(256, 10_000_000),
    "turns": st.integers(1, 10_000),
    "strategy": st.sampled_from(rules.STRATEGIES),
    "marks": st.lists(st.floats(0.01, 1), min_size=3, max_size=3, unique=True).map(sorted),
    "summary": st.integers(32, 10_000_000),
    "summary_share": st.floats(0, 0.25),
    "retained": st.floats(0, 0.9),
    "facts": st.floats(0, 0.5),
    "recalled": st.floats(0, 0.8),
    "floor": st.floats(0, 1),
    "idle": st.integers(1, rules.LONGEST),
    "resume": st.integers(1, rules.LONGEST),
    "learn": st.booleans(),
    "categories": st.dictionaries(
        st.text(min_size=1, max_size=64),
        st.lists(st.from_regex("[ab]{1,9}( c)?", fullmatch=True), min_size=1, max_size=3),
        max_size=3,
    ),
    "preference_days": st.integers(1, 3_660),
}


@given(data=st.fixed_dictionaries(WITHIN), share=st.floats(0, 1))
def test_whatever_is_within_bounds_is_taken(data: dict[str, Any], share: float) -> None:
    data |= {"reserve": int((data["window"] - 128) * share)}
    read = rules.read(data)
    assert rules.as_json(read) == data
    assert set(data) == {item.name for item in fields(Policy)}


@given(data=st.fixed_dictionaries({}, optional=WITHIN))
def test_what_is_left_out_is_filled_in(data: dict[str, Any]) -> None:
    data |= {"reserve": 0}
    assert rules.as_json(rules.read(data)) == rules.as_json(Policy()) | data


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_new_project_has_a_policy_a_strategy(name: str) -> None:
    assert DEFAULTS[name].strategy == {"default": "rolling_summary"}.get(name, name)
    assert {policy.strategy for policy in DEFAULTS.values()} == set(rules.STRATEGIES)


@given(
    window=st.integers(256, 10_000_000),
    share=st.floats(0, 1),
    size=st.integers(32, 10_000_000),
)
def test_a_summary_takes_at_most_a_quarter_of_the_capacity(
    window: int, share: float, size: int
) -> None:
    reserve = int((window - 128) * share)
    policy = rules.read({"window": window, "reserve": reserve, "summary": size})
    assert 0 < policy.summary_tokens <= policy.capacity // 4
    assert policy.due_tokens <= policy.notice_tokens <= policy.capacity


@pytest.mark.parametrize(
    ("data", "error", "param"),
    [
        ({"windw": 1_000}, errors.UnknownField, "windw"),
        ({"window": 255}, errors.NumberOutOfRange, "window"),
        ({"window": 10_000_001}, errors.NumberOutOfRange, "window"),
        ({"window": True}, errors.InvalidField, "window"),
        ({"window": 1_000.0}, errors.InvalidField, "window"),
        ({"window": "1000"}, errors.InvalidField, "window"),
        ({"window": None}, errors.InvalidField, "window"),
        ({"reserve": -1}, errors.NumberOutOfRange, "reserve"),
        ({"window": 1_000, "reserve": 873}, errors.InvalidField, "reserve"),
        ({"turns": 0}, errors.NumberOutOfRange, "turns"),
        ({"strategy": "newest"}, errors.InvalidField, "strategy"),
        ({"strategy": ["last_turns"]}, errors.InvalidField, "strategy"),
        ({"marks": [0.6, 0.8]}, errors.InvalidField, "marks"),
        ({"marks": [0.8, 0.6, 0.9]}, errors.InvalidField, "marks"),
        ({"marks": [0, 0.6, 0.9]}, errors.InvalidField, "marks"),
        ({"marks": [0.5, 0.6, 1.1]}, errors.InvalidField, "marks"),
        ({"marks": [0.5, 0.6, "1"]}, errors.InvalidField, "marks"),
        ({"marks": {"0.5": 1}}, errors.InvalidField, "marks"),
        ({"summary": 31}, errors.NumberOutOfRange, "summary"),
        ({"summary": 250.0}, errors.InvalidField, "summary"),
        ({"summary_share": 0.26}, errors.NumberOutOfRange, "summary_share"),
        ({"retained": -0.1}, errors.NumberOutOfRange, "retained"),
        ({"retained": "0.1"}, errors.InvalidField, "retained"),
        ({"retained": float("nan")}, errors.NumberOutOfRange, "retained"),
        ({"facts": 0.6}, errors.NumberOutOfRange, "facts"),
        ({"facts": True}, errors.InvalidField, "facts"),
        ({"recalled": -1}, errors.NumberOutOfRange, "recalled"),
        ({"floor": 1.1}, errors.NumberOutOfRange, "floor"),
        ({"idle": 0}, errors.NumberOutOfRange, "idle"),
        ({"resume": rules.LONGEST + 1}, errors.NumberOutOfRange, "resume"),
    ],
)
def test_a_bad_value_names_its_field(
    data: dict[str, Any], error: type[errors.HoldfastError], param: str
) -> None:
    with pytest.raises(error) as caught:
        rules.read(data)
    assert caught.value.param == param
