"""What providers measured, in each of their words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core.usage import Measured, measured


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4}, Measured(9)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 5}}, Measured(9, 5)),
        ({"prompt_tokens": 9, "prompt_tokens_details": None}, Measured(9)),
        ({"input_tokens": 9, "output_tokens": 4}, Measured(9)),
        ({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 0}}, Measured(9, 0)),
        (
            {"input_tokens": 2, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3},
            Measured(10, 5),
        ),
        ({"input_tokens": 2, "cache_creation_input_tokens": 3}, Measured(5, 0)),
        ({"prompt_tokens": 0}, Measured(0)),
        ({"prompt_tokens": True}, None),
        ({"prompt_tokens": -1}, None),
        ({"prompt_tokens": 2**53}, None),
        ({"prompt_tokens": "9"}, None),
        ({"total_tokens": 9}, None),
        ({}, None),
        (None, None),
        ([9], None),
    ],
)
def test_what_was_sent_is_read_of_every_form(usage: Any, told: Measured | None) -> None:
    assert measured(usage) == told


NAMES = st.sampled_from(
    ["prompt_tokens", "input_tokens", "input_tokens_details", "cache_read_input_tokens"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda some: st.lists(some) | st.dictionaries(NAMES | st.text(), some),
)


@given(JSON | st.dictionaries(NAMES, JSON))
def test_no_usage_is_too_strange(usage: Any) -> None:
    told = measured(usage)
    assert told is None or told.tokens >= (told.cached or 0) or "cached_tokens" in str(usage)
