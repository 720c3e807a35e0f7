"""Ranges of messages in few characters: what is shown again is mostly many short ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Span = tuple[int, int]
"""The first and the last seq."""


def packed(spans: Iterable[Span]) -> str:
    """Words between blanks, one for each: how far it begins behind the end of the one before, and
    where it has more than one message "+" and how many more. Ranges that are in order make small
    numbers."""
    found: list[str] = []
    end = 0
    for first, last in spans:
        more = f"+{last - first}" if last != first else ""
        found.append(f"{first - end}{more}")
        end = last
    return " ".join(found)


def unpacked(text: str | Sequence[int]) -> tuple[Span, ...]:
    """The ranges that were packed; once this was a list of two numbers for each."""
    numbers = _numbers(text) if isinstance(text, str) else zip(text[::2], text[1::2], strict=True)
    found: list[Span] = []
    end = 0
    for gap, more in numbers:
        first = end + gap
        end = first + more
        found.append((first, end))
    return tuple(found)


def _numbers(text: str) -> Iterator[Span]:
    for word in text.split():
        gap, _, more = word.partition("+")
        yield int(gap), int(more or 0)
