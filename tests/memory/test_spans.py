"""Ranges of messages, packed and unpacked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_app.core.spans import packed, unpacked

SPANS = st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**6)), max_size=40).map(
    lambda found: tuple((first, first + more) for first, more in found)
)


@given(SPANS)
def test_what_was_packed_is_what_comes_out(spans: tuple[tuple[int, int], ...]) -> None:
    """In any order, overlapping or not."""
    assert unpacked(packed(spans)) == spans


def test_ranges_in_order_take_small_numbers() -> None:
    assert packed([(100_017, 100_017), (100_025, 100_026)]) == "100017 8+1"


@given(SPANS)
def test_lists_of_before_are_read(spans: tuple[tuple[int, int], ...]) -> None:
    numbers, end = [], 0
    for first, last in spans:
        numbers += [first - end, last - first]
        end = last
    assert unpacked(numbers) == spans


def test_half_a_range_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        unpacked([1, 2, 3])
