"""The breaker: who may ask something that failed, at any order of answers and failures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core.breaker import FAILURES, PAUSE, Breaker

STEPS = st.lists(
    st.tuples(st.sampled_from(["works", "fails", "silent"]), st.floats(0, 2 * PAUSE)), max_size=40
)


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker = breaker.failed(at)
    return breaker


def test_a_new_breaker_lets_everybody_ask() -> None:
    assert Breaker().admit(0.0) == (Breaker(), True)


@pytest.mark.parametrize("failures", range(FAILURES))
def test_fewer_failures_than_three_open_nothing(failures: int) -> None:
    breaker = Breaker()
    for _ in range(failures):
        breaker = breaker.failed(0.0)
    assert not breaker.is_open
    assert breaker.admit(0.0)[1]


def test_an_answer_between_failures_begins_the_count_anew() -> None:
    breaker = Breaker().failed(0.0).failed(0.0).worked().failed(0.0).failed(0.0)
    assert not breaker.is_open


def test_three_failures_in_a_row_open_it_until_the_pause_is_over() -> None:
    breaker = opened(at=100.0)
    assert breaker.is_open
    assert not breaker.admit(100.0 + PAUSE - 0.001)[1]
    assert breaker.admit(100.0 + PAUSE)[1]


def test_one_probe_is_let_through_and_nobody_beside_it() -> None:
    breaker, probe = opened().admit(PAUSE)
    beside = [breaker.admit(PAUSE + wait)[1] for wait in (0.0, 1.0, PAUSE - 0.001)]
    assert probe
    assert beside == [False] * 3


def test_a_probe_that_nobody_hears_of_again_gives_way_to_the_next() -> None:
    breaker, _ = opened().admit(PAUSE)
    assert breaker.admit(2 * PAUSE)[1]


def test_a_probe_that_fails_opens_it_for_another_pause() -> None:
    breaker = opened().admit(PAUSE)[0].failed(PAUSE + 0.05)
    assert breaker.is_open
    assert not breaker.admit(2 * PAUSE)[1]
    assert breaker.admit(2 * PAUSE + 0.05)[1]


def test_a_probe_that_works_closes_it() -> None:
    assert opened().admit(PAUSE)[0].worked() == Breaker()


@given(STEPS)
def test_whatever_happens_few_calls_fail_in_a_row_within_a_pause(
    steps: list[tuple[str, float]],
) -> None:
    now, breaker, failed = 0.0, Breaker(), list[float]()
    for outcome, wait in steps:
        now += wait
        breaker, admitted = breaker.admit(now)
        if not admitted or outcome == "silent":
            continue
        if outcome == "works":
            breaker, failed = breaker.worked(), []
        else:
            breaker = breaker.failed(now)
            failed.append(now)
        recent = [at for at in failed if at > now - PAUSE]
        assert len(recent) <= FAILURES


@given(STEPS)
def test_it_is_open_exactly_after_three_failures_in_a_row(steps: list[tuple[str, float]]) -> None:
    now, breaker, row = 0.0, Breaker(), 0
    for outcome, wait in steps:
        now += wait
        breaker, admitted = breaker.admit(now)
        if not admitted or outcome == "silent":
            continue
        row = 0 if outcome == "works" else row + 1
        breaker = breaker.worked() if outcome == "works" else breaker.failed(now)
        assert breaker.is_open == (row >= FAILURES)
