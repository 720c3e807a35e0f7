"""Lines of a text, counted one by one, take what the whole text takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import tokens

PIECES = st.sampled_from(
    ["\n", "\r\n", "\n\n", " \n", "\n ", "/", "//\n", "- ", "a", "Tom's", "'s", "123", "4567", ".",
     "...\n", "!?", "<recalled>", "\t", "\x1c", "\u00a0", "\u2028", "\u3000", "\u00e9\u0301", "\u6c34", "_", "((", "\U0001f600"]  # noqa: E501
)  # fmt: skip


@pytest.mark.parametrize("encoder", tokens.ENCODERS)
@given(text=st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60))
def test_lines_take_what_the_text_takes(encoder: str, text: str) -> None:
    lines = tokens.lines(text)
    assert "".join(lines) == text
    whole = tokens.count_text(text, encoder)
    assert sum(tokens.count_text(line, encoder) for line in lines) == whole


def test_a_text_is_cut_at_its_lines() -> None:
    assert tokens.lines("a.\n- b\n\n c\n/d\ne") == ["a.\n", "- b\n\n c\n/d\n", "e"]
    assert tokens.lines("") == [""]
