"""What a summary has to carry, whoever writes it: the values of the messages that must be kept and
leave view. An engine that is a model is told them, and its answer is refused without them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from memory_app.core.audit import Item, items
from memory_app.core.passages import Passage
from memory_app.core.retention import Verdict
from memory_app.core.talk import KEEP

VALUES = frozenset(("number", "date", "name", "id", "path", "code"))
"""Kinds that can be asked for word for word; how a negation or a promise is put is the engine's."""


def texts(
    passages: Iterable[Passage],
    verdicts: Mapping[int, Verdict],
    *,
    room: int,
    count: Callable[[str], int],
) -> tuple[str, ...]:
    """The values of the weightiest messages first, without doubles, in at most `room` tokens.

    The others are not lost: what a summary does not carry becomes facts.
    """
    kept = [passage for passage in passages if verdicts[passage.seq].klass == KEEP]
    kept.sort(key=lambda passage: (-verdicts[passage.seq].score, passage.seq))
    found: dict[str, None] = {}
    for passage in kept:
        for value in _values(items(passage)):
            size = count(value)
            if value not in found and size <= room:
                room -= size
                found[value] = None
        if room <= 0:
            break
    return tuple(found)


def _values(found: Iterable[Item]) -> list[str]:
    return [item.text for item in found if item.kind in VALUES]
