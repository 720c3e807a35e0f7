"""What stands or falls together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memory_app.core import steps
from memory_app.core.steps import (
    NO_ANSWER,
    NO_CALL,
    NO_RESULT,
    PIECE,
    THOUGHT,
    WAITING,
    WHOLE,
    Item,
)


def items(*said: str) -> list[Item]:
    """From words like `user`, `assistant`, `call:a,b`, `result:a`, `piece`, `piece:a`,
    `thought`, each of 10 tokens."""
    found = []
    for seq, word in enumerate(said, 1):
        kind, _, ids = word.partition(":")
        names = tuple(filter(None, ids.split(",")))
        role = {"result": "tool", "user": "user", "note": "system"}.get(kind, "assistant")
        piece = {"piece": PIECE, "thought": THOUGHT}.get(kind, WHOLE)
        calls, results = ((), names) if role == "tool" else (names, ())
        found.append(Item(seq, role, 1, 1, 10, 10 * seq, calls, results, piece))
    return found


def grouped(*said: str) -> list[tuple[list[int], str | None]]:
    return [([item.seq for item in unit.items], unit.broken) for unit in steps.group(items(*said))]


def test_users_notes_and_plain_answers_stand_alone() -> None:
    units = steps.group(items("note", "user", "assistant", "assistant", "user"))
    assert [unit.kind for unit in units] == ["note", "user", "step", "step", "user"]


def test_a_step_is_a_call_with_all_its_results() -> None:
    assert grouped("user", "call:a,b", "result:b", "result:a", "assistant") == [
        ([1], None),
        ([2, 3, 4], None),
        ([5], None),
    ]


def test_a_unit_knows_its_size_and_what_came_before() -> None:
    step = steps.group(items("user", "call:a", "result:a"))[1]
    assert (step.seq, step.tokens, step.start) == (2, 20, 10)


def test_parallel_calls_given_one_by_one_are_one_step() -> None:
    assert grouped("call:a", "call:b", "result:a", "result:b") == [([1, 2, 3, 4], None)]


def test_one_message_may_hold_several_results() -> None:
    assert grouped("call:a,b", "result:a,b") == [([1, 2], None)]


def test_a_call_without_its_result_is_broken() -> None:
    assert grouped("call:a", "user") == [([1], NO_RESULT), ([2], None)]
    assert grouped("call:a,b", "result:a", "user") == [([1, 2], NO_RESULT), ([3], None)]


def test_a_step_at_the_end_may_still_wait() -> None:
    assert grouped("user", "call:a,b", "result:b") == [([1], None), ([2, 3], WAITING)]


def test_a_result_without_its_call_is_broken() -> None:
    assert grouped("user", "result:a") == [([1], None), ([2], NO_CALL)]
    assert grouped("call:a", "result:a", "result:a") == [([1, 2], None), ([3], NO_CALL)]


def test_a_late_result_comes_too_late() -> None:
    assert grouped("call:a", "user", "result:a") == [
        ([1], NO_RESULT),
        ([2], None),
        ([3], NO_CALL),
    ]


def test_a_call_that_was_cut_off_does_not_take_its_repetition_with_it() -> None:
    assert grouped("user", "call:a", "call:b", "result:b", "assistant") == [
        ([1], None),
        ([2], NO_RESULT),
        ([3, 4], None),
        ([5], None),
    ]


def test_results_of_two_answers_in_one_message_bind_them() -> None:
    assert grouped("call:a,c", "call:b", "result:a,b") == [([1, 2, 3], WAITING)]


def test_an_id_used_twice_in_a_step_breaks_it() -> None:
    assert grouped("call:a,a", "result:a", "user") == [([1, 2], NO_RESULT), ([3], None)]
    assert grouped("call:a", "call:a", "result:a")[0] == ([1, 2, 3], NO_RESULT)


def test_an_id_may_come_again_in_another_step() -> None:
    said = ("call:a", "result:a", "call:a", "result:a")
    assert grouped(*said) == [([1, 2], None), ([3, 4], None)]


def test_a_thought_goes_with_the_piece_that_came_of_it() -> None:
    assert grouped("thought", "piece:a", "piece:b", "result:a", "result:b", "thought", "piece") == [
        ([1, 2, 3, 4, 5], None),
        ([6, 7], None),
    ]


def test_a_thought_that_nothing_came_of_is_broken() -> None:
    assert grouped("thought", "user") == [([1], NO_ANSWER), ([2], None)]
    assert grouped("thought", "piece:a", "thought", "result:a") == [
        ([1, 2, 4], None),
        ([3], NO_ANSWER),
    ]


def test_a_thought_is_lost_with_its_call() -> None:
    said = ("thought", "piece:a", "thought", "piece:b", "result:b", "user")
    assert grouped(*said) == [([1, 2], NO_RESULT), ([3, 4, 5], None), ([6], None)]


PLAIN = ("user", "note", "assistant", "thought", "piece", "piece:a", "piece:b")
TIED = ("call:a", "call:b", "call:a,b", "result:a", "result:b", "result:a,b", "result:c")
histories = st.lists(st.sampled_from(PLAIN + TIED), max_size=16)


@given(histories)
def test_every_message_is_in_one_unit_and_units_are_in_order(said: list[str]) -> None:
    units = steps.group(items(*said))
    seqs = [item.seq for unit in units for item in unit.items]
    assert sorted(seqs) == list(range(1, len(said) + 1))
    assert [unit.seq for unit in units] == sorted(unit.seq for unit in units)


@given(histories)
def test_a_sound_unit_answers_just_what_it_calls(said: list[str]) -> None:
    for unit in steps.group(items(*said)):
        if unit.broken is None:
            calls = sorted(call for item in unit.items for call in item.calls)
            assert calls == sorted(call for item in unit.items for call in item.results)
            assert len(set(calls)) == len(calls)


@given(histories, st.integers(0, 16))
def test_what_is_cut_off_changes_no_unit_behind_a_sure_beginning(said: list[str], cut: int) -> None:
    everything = items(*said)
    rest = everything[cut:]
    sure = rest[steps.whole_from(rest) :]
    whole = steps.group(everything)
    if sure:
        assert steps.group(sure) == [unit for unit in whole if unit.seq >= sure[0].seq]
