"""Which part of a long session one page shows."""

from __future__ import annotations

from dataclasses import dataclass

PAGE = 100


@dataclass(frozen=True, slots=True)
class Span:
    """Messages first..last in seq, of `messages` in all; last < first when there are none."""

    first: int
    last: int
    messages: int

    @property
    def earlier(self) -> int | None:
        """Earlier messages are those before this seq; None when there are none."""
        return self.first if self.first > 1 else None

    @property
    def later(self) -> int | None:
        """Later messages are those after this seq; None when there are none."""
        return self.last if self.last < self.messages else None


def newest(messages: int) -> Span:
    """The newest messages."""
    return Span(max(1, messages - PAGE + 1), messages, messages)


def around(messages: int, anchor: int) -> Span:
    """A full page with the anchor as near to its middle as the ends allow."""
    last_start = max(1, messages - PAGE + 1)
    first = min(max(1, anchor - PAGE // 2), last_start)
    return Span(first, min(messages, first + PAGE - 1), messages)


def before(messages: int, seq: int) -> Span:
    """The page that ends before a message; the first page where nothing is before it."""
    last = min(seq - 1, messages)
    if last < 1:
        return Span(1, min(messages, PAGE), messages)
    return Span(max(1, last - PAGE + 1), last, messages)


def after(messages: int, seq: int) -> Span:
    """The page that begins after a message; the newest where nothing is after it."""
    if seq >= messages:
        return newest(messages)
    return Span(seq + 1, min(messages, seq + PAGE), messages)
