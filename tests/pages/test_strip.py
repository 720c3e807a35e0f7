"""The session as a bar: every message has one cell and one fate, and the counts add up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitoring.strip import BINS, EACH, strip
from sessions_app.core.replay import State, in_ranges, merge_ranges


@st.composite
def states(draw: st.DrawFn) -> tuple[int, State]:
    messages = draw(st.one_of(st.integers(1, 40), st.integers(EACH - 1, 20_000)))
    seqs = st.integers(1, messages)
    spans = draw(st.lists(st.tuples(seqs, seqs), max_size=5))
    ranges = merge_ranges([(min(span), max(span)) for span in spans])
    return messages, State(retracted=ranges, pinned=tuple(sorted(draw(st.sets(seqs, max_size=3)))))


@given(states())
def test_cells_cover_all_messages_and_counts_add_up(made: tuple[int, State]) -> None:
    messages, state = made
    found = strip(messages, state)
    assert sum(found.counts.values()) == messages
    assert sum(cell.size for cell in found.cells) == messages
    assert [cell.first for cell in found.cells[1:]] == [cell.last + 1 for cell in found.cells[:-1]]
    assert len(found.cells) <= (EACH if messages <= EACH else BINS)


@given(states())
def test_no_retracted_and_no_pinned_message_is_hidden_in_a_cell(made: tuple[int, State]) -> None:
    messages, state = made
    for cell in strip(messages, state).cells:
        seqs = range(cell.first, cell.last + 1)
        gone = any(in_ranges(seq, state.retracted) for seq in seqs)
        assert cell.fate == ("retracted" if gone else "verbatim")
        assert cell.pinned == any(seq in state.pinned for seq in seqs)


def test_an_empty_session_has_no_cells() -> None:
    assert strip(0, State()).cells == []


def test_a_cell_tells_who_spoke() -> None:
    user, assistant, tool = strip(3, State(), {1: "user", 2: "assistant", 3: "tool"}).cells
    assert user.height > assistant.height > tool.height
