"""Policies are read strictly and keep their meaning."""

from __future__ import annotations

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


@given(
    window=st.integers(256, 10_000_000),
    turns=st.integers(1, 10_000),
    strategy=st.sampled_from(rules.STRATEGIES),
    share=st.floats(0, 1),
)
def test_whatever_is_within_bounds_is_taken(
    window: int, turns: int, strategy: str, share: float
) -> None:
    reserve = int((window - 128) * share)
    data = {"window": window, "reserve": reserve, "turns": turns, "strategy": strategy}
    read = rules.read(data)
    assert rules.as_json(read) == data | {"marks": [0.6, 0.8, 0.9]}


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
    ],
)
def test_a_bad_value_names_its_field(
    data: dict[str, Any], error: type[errors.HoldfastError], param: str
) -> None:
    with pytest.raises(error) as caught:
        rules.read(data)
    assert caught.value.param == param
