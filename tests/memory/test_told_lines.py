"""A block of what was said earlier takes what its lines take, counted one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_app import keeping, retelling
from memory_app.core.index import Turn
from sessions_app.core import tokens

DAY = 86_400_000_000
PIECES = st.sampled_from(
    [
        *("\n", "\r\n", "\n\n", " \n", "\n ", "/", "//\n", "- ", "a", "Tom's", "'s", "123", "4567"),
        *(".", "...\n", "!?", "</recalled>", "\t", "\x1c", "\u00a0", "\u2028", "\u3000"),
        *("e\u0301", "\u6c34", "_", "((", "\U0001f600", "Monday, 5 May"),
    ]
)
TEXTS = st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=30)


@pytest.mark.parametrize("encoder", tokens.ENCODERS)
@given(texts=st.lists(TEXTS, min_size=1, max_size=6))
def test_no_token_reaches_over_the_end_of_a_line(encoder: str, texts: list[str]) -> None:
    lines = [f"- user: {text}\n" for text in texts]
    whole = tokens.count_text("".join(lines), encoder)
    assert sum(tokens.count_text(line, encoder) for line in lines) == whole


@given(st.lists(st.tuples(TEXTS, st.integers(0, 3)), min_size=1, max_size=8))
def test_a_block_takes_what_its_lines_take(said: list[tuple[str, int]]) -> None:
    turns = [Turn(1, seq, "", "user", text, day * DAY) for seq, (text, day) in enumerate(said, 1)]
    told = retelling._told(turns)
    assert told.tokens == keeping.block_tokens(told.text)
    assert told.text.count("</recalled>") == 1


def test_a_block_longer_than_a_slice_is_counted_whole() -> None:
    turns = [Turn(1, seq, "", "user", f"{seq} {'x' * 9_000}", 0) for seq in range(1, 8)]
    told = retelling._told(turns)
    assert len(told.text) > tokens.SLICE
    assert told.tokens == keeping.block_tokens(told.text)
