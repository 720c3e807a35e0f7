"""Values from earlier tool results, for a context that does not hold these results themselves.

What a tool once returned is needed again long after its message left the context: an id, a price,
a path. The messages before the shown ones are read back for a bounded while; what a message has to
show is worked out once and remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from uuid import UUID

import orjson

from memory_app import keeping
from memory_app.contextsummary import Told
from memory_app.core import blocks, passages, values
from memory_app.core.assembly import Selection
from memory_app.core.lines import BODY, FORM, ROLE, SEQ, TOKENS, TURN, Line
from memory_app.core.steps import Unit
from memory_app.core.values import Analysis
from memory_app.history import HistoryReader
from sessions_app.core.entries import FORM_NAMES

LOOK_BACK = 200
"""Messages before the shown ones that are looked through."""
NEAR = 40
"""Newest shown messages whose words say what is spoken of."""
LEAST = 48
"""Tokens under which a block is not worth its delimiters."""
SLACK = 4
MOST = 4_000
"""Tokens of a block at most: it stands behind what a provider's cache holds."""


def is_wanted(reader: HistoryReader, units: Sequence[Unit], end: int) -> bool:
    """Whether a tool answered in the newest messages or in those looked back at."""
    if any(item.results for unit in units for item in unit.items):
        return True
    first = units[0].seq if units else end + 1
    return reader.tail.tool_between(max(0, first - LOOK_BACK), first)


def recalled(
    reader: HistoryReader, selection: Selection, end: int, *, room: int, query: str | None
) -> Told | None:
    """The block of values, within `room` tokens; None when there are none or no room."""
    overhead = keeping.block_tokens(blocks.block("recalled", [])) + SLACK
    size = min(room, MOST) - overhead
    if size < LEAST:
        return None
    first = _first_shown(selection.recent, end)
    lines = reader.tail.back(first, LOOK_BACK)[::-1]
    before = reader.visible(lines)
    if not any(line[ROLE] == "tool" for line in before):
        return None
    near = _newest([*selection.recent, *selection.new])
    points = values.block(
        [_analysis(reader, line) for line in before],
        size=size,
        count=_counted,
        query=query or "",
        near=[_analysis(reader, reader.lines[seq]) for seq in near],
    )
    if not points:
        return None
    text = blocks.block("recalled", [point.text for point in points])
    tokens = keeping.block_tokens(text)
    return Told("recalled", text, tokens) if tokens <= room else None


def _first_shown(recent: Sequence[Unit], end: int) -> int:
    """Where the newest messages begin to be shown without a gap: the user message of a turn that is
    cut stands alone before them."""
    if not recent:
        return end + 1
    alone = len(recent) > 1 and recent[1].seq > recent[0].items[-1].seq + 1
    return recent[1 if alone and recent[0].kind == "user" else 0].seq


def _counted(text: str) -> int:
    """What a line takes, with what the block puts before it."""
    return keeping.count(f"- {text}")


def _newest(units: Iterable[Unit]) -> list[int]:
    return sorted(item.seq for unit in units for item in unit.items)[-NEAR:]


def _analysis(reader: HistoryReader, line: Line) -> Analysis:
    return _analysed(reader.session.id, line)


# What a message says never changes; a line whose body was erased is another line.
@lru_cache(maxsize=4096)
def _analysed(_session: UUID, line: Line) -> Analysis:
    body = orjson.loads(line[BODY] or "{}")
    known = {"tokens": line[TOKENS], "turn": line[TURN]}
    return values.analysis(
        passages.passage(line[SEQ], line[ROLE], FORM_NAMES[line[FORM]], body, **known)
    )


def forget() -> None:
    """Empties this process's memory of messages: what was purged must not live on there."""
    _analysed.cache_clear()
