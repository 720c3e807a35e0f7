"""Engines that do what engines do on a bad day. None of them is a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from memory_app.core.passages import Point
from memory_app.core.work import SERVER_ERROR, EngineFailed, Work
from memory_app.engines import Embedded


@dataclass
class Engine:
    """Answers what `answer` makes of the work, and counts how often it was asked."""

    answer: Callable[[Work], list[Point]]
    name: str = "fake"
    asked: list[Work] = field(default_factory=list)

    def summarise(self, work: Work) -> list[Point]:
        self.asked.append(work)
        return self.answer(work)


def whole(work: Work) -> tuple[int, ...]:
    return tuple(passage.seq for passage in work.passages)


def honest(work: Work) -> list[Point]:
    """What the embedded engine would say."""
    return Embedded().summarise(work)


def fails(reason: str = SERVER_ERROR) -> Callable[[Work], list[Point]]:
    def answer(_: Work) -> list[Point]:
        raise EngineFailed(reason, "as always")

    return answer


def crashes(_: Work) -> list[Point]:
    """What a host's own engine may do."""
    raise ZeroDivisionError


def empty(_: Work) -> list[Point]:
    return []


def blank(work: Work) -> list[Point]:
    return [Point("  \n ", whole(work), 1.0)]


def too_long(work: Work) -> list[Point]:
    text = " ".join(f"word{n}" for n in range(work.size * 2))
    return [Point(text, whole(work), 1.0)]


def repeats(work: Work) -> list[Point]:
    return [Point("the same again " * (work.size // 5), whole(work), 1.0)]


def lies(work: Work) -> list[Point]:
    """Says what was said with other numbers: honest in form, not in fact."""
    digits = str.maketrans("0123456789", "5678901234")
    return [point._replace(text=point.text.translate(digits)) for point in honest(work)]


def half(work: Work) -> list[Point]:
    """Says half of each point and names its messages as if it were the whole."""
    return [point._replace(text=point.text[: len(point.text) // 2]) for point in honest(work)]


def while_working(deed: Callable[[], object]) -> Callable[[Work], list[Point]]:
    """Does something else in the middle, once; then answers honestly."""
    done: list[object] = []

    def answer(work: Work) -> list[Point]:
        if not done:
            done.append(deed())
        return honest(work)

    return answer
