"""The session as a bar: every message has one cell and one fate, and the counts add up."""

from __future__ import annotations

import re
from itertools import pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from memory_app.fates import Run
from monitoring.fate import FATES
from monitoring.strip import BINS, EACH, layers, strip

BOX = re.compile(r"M(\d+) (\d+)H(\d+)v(\d+)H\1z")


@st.composite
def runs(draw: st.DrawFn) -> list[Run]:
    messages = draw(st.one_of(st.integers(1, 40), st.integers(EACH - 1, 20_000)))
    cuts = draw(st.sets(st.integers(1, messages), max_size=40))
    ends = sorted({*cuts, messages})
    fates = draw(st.lists(st.sampled_from(FATES), min_size=len(ends), max_size=len(ends)))
    starts = [1, *(end + 1 for end in ends[:-1])]
    return [Run(first, last, fate) for first, last, fate in zip(starts, ends, fates, strict=True)]


def boxes(path: str) -> list[tuple[int, int, int, int]]:
    """(from, to, top, height) of each box of a path."""
    return [
        (int(first), int(last), int(top), int(height))
        for first, top, last, height in BOX.findall(path)
    ]


@given(runs())
def test_cells_cover_all_messages_and_counts_add_up(made: list[Run]) -> None:
    messages = made[-1].last
    found = strip(made)
    assert found.counts == {
        name: sum(run.last - run.first + 1 for run in made if run.fate == name) for name in FATES
    }
    assert sum(cell.size for cell in found.cells) == messages
    assert all(one.last + 1 == other.first for one, other in pairwise(found.cells))
    assert len(found.cells) <= (EACH if messages <= EACH else BINS)


@given(runs(), st.data())
def test_a_cell_of_one_message_has_its_fate_and_pin(made: list[Run], data: st.DataObject) -> None:
    messages = min(made[-1].last, EACH)
    clipped = [run._replace(last=min(run.last, messages)) for run in made if run.first <= messages]
    pinned = data.draw(st.sets(st.integers(1, messages), max_size=3))
    for cell in strip(clipped, sorted(pinned)).cells:
        (run,) = [run for run in clipped if run.first <= cell.first <= run.last]
        assert cell.fate == run.fate
        assert cell.pinned == (cell.first in pinned)


@given(runs())
def test_columns_are_filled_and_hide_no_fate(made: list[Run]) -> None:
    found = strip(made)
    if not found.binned:
        return
    for cell in found.cells:
        there = {run.fate for run in made if run.first <= cell.last and cell.first <= run.last}
        drawn: dict[str, int] = {}
        for fate, path in found.shapes:
            for first, last, _, height in boxes(path):
                if first <= cell.x < last:
                    drawn[fate] = drawn.get(fate, 0) + height
        assert set(drawn) == there
        assert sum(drawn.values()) == 16


@given(st.dictionaries(st.sampled_from(FATES), st.integers(1, 10_000), min_size=1))
def test_a_larger_share_is_never_lower(counts: dict[str, int]) -> None:
    heights = layers(counts)
    assert sum(heights.values()) == 16
    assert all(height >= 2 for height in heights.values())
    for one, other in permutations(counts, 2):
        if counts[one] < counts[other]:
            assert heights[one] <= heights[other]


def test_thousands_of_runs_are_few_boxes() -> None:
    made = [Run(first, first + 2, FATES[1 + first // 3 % 4]) for first in range(1, 9_001, 3)]
    found = strip([*made, Run(9_001, 10_000, "verbatim")], (5, 9_999))
    assert sum(len(path) for _, path in found.shapes) < 30_000
    assert found.counts["verbatim"] == 1_000
    assert dict(found.shapes)["pinned"].count("M") == 2


def test_an_empty_session_has_no_cells() -> None:
    assert strip([]).cells == []


def test_a_cell_tells_who_spoke() -> None:
    made = [Run(1, 3, "verbatim")]
    user, assistant, tool = strip(made, (), {1: "user", 2: "assistant", 3: "tool"}).cells
    assert user.height > assistant.height > tool.height


def test_a_strip_can_begin_behind_what_is_there() -> None:
    assert [cell.first for cell in strip([Run(1, 5, "verbatim")], after=3).cells] == [4, 5]
