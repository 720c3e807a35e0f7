"""The newest step where even it does not fit: its tool results are shown by what they hold.

A result is never just cut: JSON becomes values, text its head, errors and tail. The log keeps it
whole; the context says which results it shortened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memory_app import keeping
from memory_app.core import assembly, passages, values
from memory_app.core.assembly import Budget, History
from memory_app.core.steps import Item, Unit, unit
from memory_app.history import HistoryReader, Said
from sessions_app.core import tokens

SHARE = 0.75
"""Of the room that such a step may take; the rest is for what else there is to say."""
LEAST = 48
"""Tokens under which a result says nothing any more."""


def shortened(
    reader: HistoryReader, budget: Budget, history: History
) -> tuple[History, tuple[int, ...]]:
    """The history with its newest step made to fit, and the seqs of the results that were
    shortened; as it was where the step fits, or where nothing would make it fit."""
    place = _newest_step(history.units)
    if place is None:
        return history, ()
    step = history.units[place]
    must = assembly.musts(history)
    room = budget.limit - budget.fixed - sum([item.tokens for item in must.values()])
    if step.seq in must or step.tokens <= room:
        return history, ()
    found = _fitted(reader, step, int(room * SHARE))
    if found is None:
        return history, ()
    fitted, seqs = found
    units = [*history.units[:place], fitted, *history.units[place + 1 :]]
    return replace(history, units=units), seqs


def _newest_step(units: Sequence[Unit]) -> int | None:
    usable = [at for at, unit_ in enumerate(units) if unit_.broken is None]
    return usable[-1] if usable and units[usable[-1]].kind == "step" else None


def _fitted(reader: HistoryReader, step: Unit, room: int) -> tuple[Unit, tuple[int, ...]] | None:
    results = [item for item in step.items if len(item.results) == 1]
    large = sum([item.tokens for item in results])
    room -= step.tokens - large
    if not results or room < LEAST * len(results):
        return None
    sizes = {item.seq: max(LEAST, room * item.tokens // large) for item in results}
    items = [
        _short(reader, item, sizes[item.seq])
        if item.seq in sizes and item.tokens > sizes[item.seq]
        else item
        for item in step.items
    ]
    changed = tuple(item.seq for item, old in zip(items, step.items, strict=True) if item != old)
    return unit(step.kind, items)._replace(start=step.start), changed


def _short(reader: HistoryReader, item: Item, size: int) -> Item:
    """The result within so many tokens, in the form that every provider's comes from."""
    (said,) = reader.decode((item.seq,))
    text = passages.passage(item.seq, said.role, said.form, said.body).text
    short = values.shorten(text, size=size - tokens.FRAMING, count=keeping.count)
    body = {"tool_call_id": item.results[0], "content": short}
    reader.decoded[item.seq] = Said("tool", "openai", body)
    return item._replace(tokens=keeping.count(short) + tokens.FRAMING)
