"""The budget of a context as a bar: its parts, what is free, what is reserved. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memory_app.context import Part

WIDTH = 1_000
MARKS = (0.6, 0.8, 0.9)
_MAGNIFIED_BELOW = 0.3

WHY = {
    "system": "always there",
    "tools": "always there",
    "summary": "what was folded, in short",
    "resume": "where it stood when it went on after a long pause",
    "retained": "kept word for word: pinned, chosen by a rule, or the question of a turn in view",
    "recent": "the newest turns that fit",
    "facts": "of the user and of what was folded: what must be there, then what fits the share",
    "recalled": "earlier turns, and values of tool results, that the question may need",
    "new": "the question, always there",
}
PROVIDED = "what a context provider of this site says"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a bar, `x` and `width` in thousandths of it."""

    name: str
    tokens: int
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A line at a share of the budget; `at` is the same place in percent."""

    x: str
    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """All segments add up to limit + reserve. `magnified` is what is used, drawn larger where it
    would hardly be seen; else empty."""

    segments: tuple[Segment, ...]
    magnified: tuple[Segment, ...]
    marks: tuple[Mark, ...]
    label: str


def bar(parts: Sequence[Part], limit: int, reserve: int) -> Bar:
    """The bar of a budget of `limit` tokens with `reserve` beside it."""
    used = sum(part.tokens for part in parts)
    said = [(part.name, part.tokens) for part in parts]
    whole = limit + reserve
    return Bar(
        _segments([*said, ("free", limit - used), ("reserve", reserve)], whole),
        _segments(said, used) if 0 < used < whole * _MAGNIFIED_BELOW else (),
        tuple(_mark(mark, limit / max(1, whole)) for mark in MARKS),
        f"{used:,} of {limit:,} tokens used",
    )


def _mark(share: float, budget: float) -> Mark:
    at = share * budget
    return Mark(f"{at * WIDTH:.2f}", f"{at * 100:.2f}%", f"{share * 100:.0f} %")


def _segments(named: Sequence[tuple[str, int]], whole: int) -> tuple[Segment, ...]:
    found, at = [], 0
    for name, tokens in named:
        if tokens > 0:
            found.append(Segment(name, tokens, _place(at, whole), _place(tokens, whole)))
            at += tokens
    return tuple(found)


def _place(tokens: float, whole: int) -> str:
    """A place on the bar; written out, because a site's locale may have decimal commas."""
    return f"{tokens * WIDTH / max(1, whole):.2f}"
