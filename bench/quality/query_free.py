"""Gate 2: how much of what questions will need is kept word for word when nobody has asked yet.

Of each long conversation, messages are retained within 60 % and 40 % of its tokens, chosen by the
verdicts alone. The figure is the share of gold evidence turns among them, a turn counted as often
as questions name it. Beside it: the longest messages first, the newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import mean, stdev

from bench.quality.locomo import Conversation, conversations
from bench.quality.rows import Row
from memory_app.core.passages import Passage
from memory_app.core.retention import choose, judge

TARGETS = {60: 82.0, 40: 62.0}

Way = Callable[[list[Passage], int], list[int]]


def measure() -> Iterator[Row]:
    """Four rows: two shares, with the second person as the assistant and with both as users.
    Raises NoData."""
    for named, assistant in (("user and assistant", True), ("two users", False)):
        talks = conversations(assistant=assistant)
        for percent, target in TARGETS.items():
            figures = [survival(talk, by_verdicts, percent) for talk in talks]
            beside = tuple(
                (name, mean(survival(talk, way, percent) for talk in talks))
                for name, way in (("longest first", longest), ("newest first", newest))
            )
            error = stdev(figures) / len(figures) ** 0.5
            name = f"evidence kept in {percent} % of the tokens, {named}"
            yield Row("query-free", name, mean(figures), error, target, beside)


def survival(talk: Conversation, way: Way, percent: int) -> float:
    """The share of evidence turns, in per cent, that a way keeps within a share of the tokens."""
    room = sum(passage.tokens for passage in talk.passages) * percent // 100
    kept = set(way(talk.passages, room))
    found = sum(count for seq, count in talk.evidence.items() if seq in kept)
    return 100.0 * found / talk.evidence.total()


def by_verdicts(passages: list[Passage], room: int) -> list[int]:
    """What the product retains."""
    sizes = {passage.seq: passage.tokens for passage in passages}
    return choose(judge(passages), sizes, room=room)


def longest(passages: list[Passage], room: int) -> list[int]:
    return _fitting(sorted(passages, key=lambda passage: -passage.tokens), room)


def newest(passages: list[Passage], room: int) -> list[int]:
    return _fitting(passages[::-1], room)


def _fitting(passages: list[Passage], room: int) -> list[int]:
    kept: list[int] = []
    for passage in passages:
        if passage.tokens <= room:
            room -= passage.tokens
            kept.append(passage.seq)
    return kept


if __name__ == "__main__":
    for row in measure():
        print(row)
