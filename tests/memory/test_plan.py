"""What a fold takes out of view, decided from numbers alone."""

from __future__ import annotations

import pytest

from memory_app.core import plan
from memory_app.core.plan import Ground
from memory_app.core.policy import Policy
from memory_app.core.steps import Item, Unit, unit

POLICY = Policy(window=10_000, reserve=0, turns=3)
SIZE = 100


def turns(count: int, *, steps: int = 1, size: int = SIZE) -> list[Unit]:
    """So many turns of a question and steps, each a call with its result behind it."""
    units: list[Unit] = []
    seq = total = 0

    def item(role: str, turn: int, start: int) -> Item:
        nonlocal seq, total
        seq, total = seq + 1, total + size
        return Item(seq, role, turn, start or seq, size, total)

    for turn in range(1, count + 1):
        units.append(unit("user", [item("user", turn, 0)]))
        start = seq
        units += [
            unit("step", [item("assistant", turn, start), item("tool", turn, start)])
            for _ in range(steps)
        ]
    return units


def ground(units: list[Unit], policy: Policy = POLICY, **more: object) -> Ground:
    return Ground(policy, units, units[-1].items[0].turn, **more)  # type: ignore[arg-type]


def folded(found: plan.Folding | None) -> tuple[int, int] | None:
    return None if found is None else (found.first, found.last)


def test_all_before_the_kept_turns_is_folded() -> None:
    found = plan.folding(ground(turns(10), trigger="manual"), 0)
    assert folded(found) == (1, 21)
    assert found is not None
    assert found.openers == frozenset()


def test_it_goes_on_where_the_last_fold_ended() -> None:
    units = [item for item in turns(10) if item.seq > 6]
    assert folded(plan.folding(ground(units, trigger="manual"), 6)) == (7, 21)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_where_there_are_only_kept_turns_nothing_is_folded(count: int) -> None:
    assert plan.folding(ground(turns(count), trigger="manual"), 0) is None


def test_what_is_not_worth_a_new_prefix_waits_unless_somebody_asks() -> None:
    """A fiftieth of the capacity, which is 200 tokens here."""
    small = turns(4, size=60)
    assert plan.folding(ground(small), 0) is None
    assert folded(plan.folding(ground(small, trigger="manual"), 0)) == (1, 3)
    assert folded(plan.folding(ground(turns(4, size=70)), 0)) == (1, 3)


def test_kept_turns_that_fill_half_of_the_room_are_cut_down_to_three_eighths() -> None:
    """Their oldest steps go; the question that began the turn stays."""
    units = turns(1, steps=30)
    found = plan.folding(ground(units), 0)
    assert found is not None
    left = sum(item.tokens for item in units) - sum(item.tokens for item in found.units)
    assert left <= 3_750 < left + 2 * SIZE
    assert found.openers == {1}


def test_kept_turns_of_less_than_half_are_left_alone() -> None:
    assert plan.folding(ground(turns(1, steps=24)), 0) is None


def test_neither_the_last_question_nor_the_newest_step_is_ever_folded() -> None:
    huge = turns(2, steps=1, size=9_000)
    found = plan.folding(ground(huge), 0)
    assert found is not None
    assert found.last < huge[-1].seq
    asked = [*huge, unit("user", [Item(7, "user", 3, 7, 9_000, 63_000)])]
    found = plan.folding(ground(asked), 0)
    assert folded(found) == (1, 6)


def test_no_unit_is_cut() -> None:
    """A late result may lie behind the unit that follows its call: both go, or neither."""
    units = turns(5)
    late = units[3]
    behind = units[4]
    units[3] = unit("step", [late.items[0], behind.items[0]._replace(role="tool")])
    units[4] = unit("user", [late.items[1]._replace(role="user", turn=3, turn_start=6)])
    found = plan.folding(ground(units, trigger="manual"), 0)
    assert found is not None
    kept = [item.seq for one in units[len(found.units) :] for item in one.items]
    assert found.last == max(item.seq for one in found.units for item in one.items)
    assert not kept or found.last < min(kept)


def test_after_a_long_pause_two_turns_before_it_stay_in_view() -> None:
    units = turns(12)
    pause = units[19].items[-1].seq  # the end of turn 10
    policy = Policy(window=10_000, reserve=0, turns=8)
    found = plan.folding(ground(units, policy, trigger="resume", pause=pause), 0)
    assert folded(found) == (1, 24)
    # What came after the pause is never folded for it.
    late = plan.folding(ground(units, Policy(window=10_000, reserve=0, turns=1),
                               trigger="resume", pause=12), 0)  # fmt: skip
    assert late is not None
    assert late.last <= 12


@pytest.mark.parametrize(
    ("active", "name", "style"),
    [
        (5_999, "60", "narrative"), (6_000, "60", "narrative"), (7_999, "60", "narrative"),
        (8_000, "80", "key_facts"), (9_000, "90", "key_facts"), (20_000, "90", "key_facts"),
    ],
)  # fmt: skip
def test_the_highest_mark_that_was_passed_names_it(active: int, name: str, style: str) -> None:
    assert plan.trigger_name(POLICY, active, "") == name
    assert plan.trigger_name(POLICY, active, "manual") == "manual"
    assert plan.style(POLICY, active) == style


def test_the_next_one_is_due_when_the_session_has_grown_by_a_twentieth() -> None:
    assert plan.next_due(POLICY, 1_000) == 6_000
    assert plan.next_due(POLICY, 5_800) == 6_300
