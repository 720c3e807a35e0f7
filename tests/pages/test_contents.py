"""The table of contents of a session, around a place in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import contents
from sessions_app.core import packing
from sessions_app.core.replay import State
from sessions_app.models import Project
from sessions_app.store import turns
from sessions_app.store.turns import Act, Beginning
from tests.pages.samples import CALL, TALK, Payload, assistant, result, session, statements, user

ROLES = st.lists(st.sampled_from(["user", "assistant", "system"]), min_size=1, max_size=40)


def beginning(seq: int, turn: int, text: str = "Go on") -> Beginning:
    return Beginning(seq, turn, f'{{"content":"{text}"}}')


def named(*names: str) -> Act:
    calls = ",".join(
        f'{{"id":"c","type":"function","function":{{"name":"{name}","arguments":"{{}}"}}}}'
        for name in names
    )
    return Act(2, 1, 0, f'{{"content":null,"tool_calls":[{calls}]}}')


def test_steps_stand_below_their_turn_with_what_they_called() -> None:
    acts = [named("run", "read_file", "run"), Act(4, 1, 0, '{"content":"Done."}')]
    (turn,) = contents.contents([beginning(1, 1)], acts, State())
    assert (turn.number, turn.words) == (1, "Go on")
    assert [(step.seq, step.words) for step in turn.steps] == [
        (2, "run \N{MULTIPLICATION SIGN}2, read_file")
    ]


def test_more_than_three_kinds_of_tools_are_counted() -> None:
    (turn,) = contents.contents([beginning(1, 1)], [named("a", "b", "c", "d", "e")], State())
    assert turn.steps[0].words == "a, b, c, 2 more"


def test_a_very_long_step_is_told_from_its_beginning() -> None:
    body = '{"tool_calls":[{"function":{"name":"run","arguments":"' + "x" * packing.ACT
    long, plain = (
        Act(2, 1, 0, body[: packing.ACT]),
        Act(3, 1, 0, '{"content":"' + "x" * packing.ACT),
    )
    (turn,) = contents.contents([beginning(1, 1)], [long, plain], State())
    assert [step.words for step in turn.steps] == ["run"]


def test_what_was_retracted_says_so() -> None:
    (turn,) = contents.contents([beginning(1, 1)], [named("run")], State(retracted=((1, 2),)))
    assert turn.retracted
    assert turn.steps[0].retracted


@given(st.integers(1, 5_000), st.integers(1, 5_000))
def test_a_table_is_full_and_holds_the_turn_one_is_in(turn: int, count: int) -> None:
    turn = min(turn, count)
    reach = contents.reach(turn, 10, count)
    assert reach.first <= turn <= reach.last
    assert reach.last - reach.first + 1 == min(count, 2 * contents.TURNS + 1)


def log(roles: list[str]) -> list[Payload]:
    return [{"role": role, "content": f"{role} {number}"} for number, role in enumerate(roles, 1)]


@pytest.mark.parametrize(
    "roles",
    [
        ["user"],
        ["system", "assistant"],
        ["system", "user", "assistant", "user", "user", "assistant", "assistant", "user"],
        ["assistant", "user", "assistant", "assistant", "assistant"],
    ],
)
def test_turns_are_found_wherever_they_begin(project: Project, roles: list[str]) -> None:
    made = session(project, log(roles))
    wanted = [seq for seq, role in enumerate(roles, 1) if role == "user"]
    for first in range(1, made.turns + 1):
        for last in range(first, made.turns + 1):
            rows, after = turns.beginnings("default", made, first, last)
            assert [row.seq for row in rows] == wanted[first - 1 : last]
            assert [row.turn for row in rows] == list(range(first, last + 1))
            assert after == (wanted[last] if last < made.turns else len(roles) + 1)


def test_the_turns_of_long_runs_cost_two_statements(project: Project) -> None:
    step = [assistant(tool_calls=[CALL]), result("ok")]
    made = session(project, [user("a"), *step * 200, user("b"), *step * 200, user("c")])
    with statements() as ran:
        rows, _ = turns.beginnings("default", made, 1, 3)
    assert [row.seq for row in rows] == [1, 402, 803]
    assert len(ran) == 2


def test_acts_are_those_of_a_range(project: Project) -> None:
    made = session(project, TALK)
    assert [act.seq for act in turns.acts("default", made, 1, 3)] == [2]
