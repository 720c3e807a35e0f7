"""Ranges of messages in few characters: what is shown again is mostly many short ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Span = tuple[int, int]
"""The first and the last seq."""


def packed(spans: Iterable[Span]) -> list[int]:
    """Two numbers for each: how far it begins behind the end of the one before, and how many more
    messages it has than one. Ranges that are in order make small numbers."""
    found: list[int] = []
    end = 0
    for first, last in spans:
        found += (first - end, last - first)
        end = last
    return found


def unpacked(numbers: Sequence[int]) -> tuple[Span, ...]:
    """The ranges that were packed."""
    found: list[Span] = []
    end = 0
    for gap, more in zip(numbers[::2], numbers[1::2], strict=True):
        first = end + gap
        end = first + more
        found.append((first, end))
    return tuple(found)
