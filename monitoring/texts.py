"""Long texts on a page: which part of one is shown, and how long all of them together may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_CHARACTERS = 8_000
MOST_FOLDED = 4_000
PAGE_OCTETS = 230_000
"""What all texts of a window may weigh together, for a page of less than 500 kB."""
_MARKUP = {"&": 4, "<": 3, ">": 3, '"': 5, "'": 5}


@dataclass(slots=True)
class Text:
    """A text, or a part of it: `skipped` characters stand before what is shown and `left` behind
    it; `octets` is its whole size."""

    shown: str
    octets: int
    skipped: int = 0
    left: int = 0

    @property
    def hidden(self) -> int:
        """Characters that are not shown."""
        return self.skipped + self.left


def whole(text: str) -> Text:
    return Text(text, len(text.encode()))


def clip(text: Text, most: int, at: int = 0) -> None:
    """Leaves at most so many characters of a whole text; `at` is a place that must be in sight."""
    length = len(text.shown)
    if length <= most:
        return
    start = 0 if at < most else min(at - most // 2, length - most)
    text.skipped, text.left = start, length - start - most
    text.shown = text.shown[start : start + most]


def weight(text: Text) -> int:
    """Bytes of a text as HTML."""
    more = sum(text.shown.count(char) * octets for char, octets in _MARKUP.items())
    return text.octets + more


def fair(sizes: Sequence[int], room: int) -> int:
    """The largest size that all may have and still fit into `room` together."""
    left = room
    for index, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - index)
        if size > share:
            return share
        left -= size
    return max(sizes, default=0)


def share(texts: Sequence[Text], room: int = PAGE_OCTETS) -> list[int]:
    """How many characters each text may have, so that all fit into `room` bytes of HTML; the small
    ones are left whole."""
    weights = [weight(text) for text in texts]
    most = fair(weights, room)
    return [
        len(text.shown) if size <= most else max(1, len(text.shown) * most // size)
        for text, size in zip(texts, weights, strict=True)
    ]
