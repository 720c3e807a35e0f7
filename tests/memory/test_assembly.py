"""The choice itself, from numbers alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_app.core import assembly, steps
from memory_app.core.assembly import BLOCK, BUDGET, TURNS, Budget, History, LeftOut, Stretch
from memory_app.core.policy import STRATEGIES, Policy
from memory_app.core.steps import Item, Unit
from sessions_app.core import errors

TRIM = Policy(strategy="token_trim")


def last(turns: int) -> Policy:
    """At most so many of the newest turns."""
    return Policy(strategy="last_turns", turns=turns)


def history(*sizes: int, pinned: tuple[int, ...] = ()) -> History:
    """A chat in which user and assistant take turns, with messages of these sizes."""
    items, total = [], 0
    for seq, tokens in enumerate(sizes, 1):
        total += tokens
        turn = (seq + 1) // 2
        role = "user" if seq % 2 else "assistant"
        items.append(Item(seq, role, turn, 2 * turn - 1, tokens, total))
    units = steps.group(items)
    users = [unit for unit in units if unit.kind == "user"]
    pins = [unit for unit in units if unit.seq in pinned]
    question = users[-1] if users else None
    return History(units, True, (len(sizes) + 1) // 2, question=question, pinned=pins)


def seqs(units: list[Unit] | tuple[Unit, ...]) -> list[int]:
    return [unit.seq for unit in units]


def test_everything_is_there_when_everything_fits() -> None:
    chosen = assembly.select(Budget(100), history(10, 20, 30), TRIM)
    assert (seqs(chosen.recent), seqs(chosen.new)) == ([1, 2], [3])
    assert (chosen.used, chosen.cut, chosen.near_misses) == (60, None, ())


def test_the_question_is_new_until_something_answers_it() -> None:
    chosen = assembly.select(Budget(100), history(10, 20, 30, 5), TRIM)
    assert (seqs(chosen.recent), seqs(chosen.new)) == ([1, 2, 3, 4], [])


def test_the_newest_steps_claim_the_room() -> None:
    chosen = assembly.select(Budget(75), history(50, 20, 30, 25), TRIM)
    assert seqs(chosen.units()) == [3, 4]
    assert chosen.cut == BUDGET
    assert chosen.used == 55


def test_a_turn_cut_between_steps_keeps_its_user_message() -> None:
    items = [Item(1, "user", 1, 1, 10, 10)]
    items += [Item(seq, "assistant", 1, 1, 30, 30 * seq - 20) for seq in range(2, 8)]
    units = steps.group(items)
    chosen = assembly.select(Budget(100), History(units, True, 1, question=units[0]), TRIM)
    assert seqs(chosen.units())[0] == 1
    assert seqs(chosen.units())[-1] == 7
    assert 2 not in seqs(chosen.units())


def test_what_is_pinned_is_there_before_anything_recent() -> None:
    chosen = assembly.select(Budget(90), history(10, 60, 10, 10, 10, pinned=(2,)), TRIM)
    assert seqs(chosen.retained) == [2]
    assert 5 in seqs(chosen.new)
    assert chosen.used <= 90


def test_the_least_is_named_and_does() -> None:
    with pytest.raises(errors.BudgetTooSmall) as caught:
        assembly.select(Budget(40, system=5, tools=6), history(10, 20, 30), TRIM)
    least = caught.value.details["least"]
    assert least == 41
    chosen = assembly.select(Budget(least, system=5, tools=6), history(10, 20, 30), TRIM)
    assert seqs(chosen.units()) == [3]


def test_a_newest_step_that_does_not_fit_is_told() -> None:
    chosen = assembly.select(Budget(50), history(10, 100), TRIM)
    assert (seqs(chosen.units()), chosen.stalled) == ([1], True)


@given(turns=st.integers(1, 400), kept=st.integers(1, 60))
def test_turns_kept_is_an_upper_bound_and_a_third_of_it_a_lower(turns: int, kept: int) -> None:
    first = assembly.first_turn(last(kept), turns)
    shown = turns - max(first, 1) + 1
    assert shown <= kept
    assert shown >= min(turns, max(1, kept * 3 // 8))


@given(kept=st.integers(1, 60), turns=st.integers(1, 400))
def test_the_first_turn_never_moves_back(kept: int, turns: int) -> None:
    policy = last(kept)
    assert assembly.first_turn(policy, turns) <= assembly.first_turn(policy, turns + 1)


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "last_turns"])
def test_other_strategies_keep_turns_as_they_fit(strategy: str) -> None:
    assert assembly.first_turn(Policy(strategy=strategy), 1_000) == 0


def test_older_turns_than_kept_stay_out_however_much_room_there_is() -> None:
    chosen = assembly.select(Budget(10_000), history(*[10] * 20), last(4))
    assert {unit.items[0].turn for unit in chosen.units()} == {7, 8, 9, 10}
    assert chosen.cut == TURNS
    assert [(miss.seq, miss.reason) for miss in chosen.near_misses] == [
        (12, TURNS),
        (11, TURNS),
        (10, TURNS),
    ]


def test_the_cut_stays_for_a_block_of_new_messages() -> None:
    firsts = [
        assembly.select(Budget(1_000), history(*[20] * count), TRIM).units()[0].seq
        for count in range(60, 121)
    ]
    assert firsts == sorted(firsts)
    assert len(set(firsts)) <= 60 * 20 // assembly.block_size(1_000) + 2


sizes = st.lists(st.integers(1, 300), min_size=1, max_size=60)


@given(sizes, st.integers(300, 5_000), st.data())
def test_a_near_miss_says_how_much_lets_it_in(
    said: list[int], limit: int, data: st.DataObject
) -> None:
    """Its figure does so whatever the blocks are, and one that is blocked would have fitted."""
    pinned = data.draw(st.sets(st.integers(1, len(said)), max_size=2))
    found = history(*said, pinned=tuple(pinned))
    try:
        chosen = assembly.select(Budget(limit), found, TRIM)
    except errors.BudgetTooSmall:
        return
    for miss in chosen.near_misses:
        assert miss.seq not in seqs(chosen.units())
        assert miss.short_by > 0
        assert miss.reason in (BUDGET, BLOCK)
        wider = assembly.select(Budget(limit + miss.short_by), found, TRIM)
        assert miss.seq in seqs(wider.units())


@given(sizes, st.integers(300, 5_000))
def test_no_more_than_a_block_of_what_fits_is_given_up(said: list[int], limit: int) -> None:
    chosen = assembly.select(Budget(limit), history(*said), TRIM)
    if chosen.cut == BLOCK:
        given_up = next(miss for miss in chosen.near_misses)
        assert limit - chosen.used <= assembly.block_size(limit) + given_up.tokens + 300


def test_neighbours_with_the_same_reason_are_one_range() -> None:
    found = assembly.left_out(
        [
            Stretch(1, 2, 0, 30, reason="old"),
            Stretch(3, 3, 30, 40, reason="old"),
            Stretch(4, 4, 40, 45, "retracted", "retracted"),
            Stretch(6, 6, 50, 55, "retracted", "retracted"),
        ]
    )
    assert found == [
        LeftOut(1, 3, 40, "verbatim", "old"),
        LeftOut(4, 4, 5, "retracted", "retracted"),
        LeftOut(6, 6, 5, "retracted", "retracted"),
    ]
