"""The account of a context: which messages it does not hold, how large they are, and why.

What was never read is accounted for by the running totals at its borders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memory_app.core import assembly
from memory_app.core.assembly import LeftOut, Stretch
from memory_app.core.steps import Unit
from memory_app.history import BODY, TOKENS, TOTAL, HistoryReader, Reading

SHOWN = ""
REASONS = {
    assembly.BUDGET: "does not fit the budget",
    assembly.BLOCK: "cut in blocks so that the prefix stays",
    assembly.TURNS: "older than the turns kept",
    None: "does not fit the budget",
}


def left_out(
    reader: HistoryReader, end: int, reading: Reading, shown: Iterable[Stretch], why: str | None
) -> tuple[LeftOut, ...]:
    """Every message of 1..`end` that is not among the runs `shown`, as ranges in order."""
    marks = [*shown, *_retracted(reader, end), *_broken(reading), *_erased(reader)]
    marks.sort()
    return tuple(assembly.left_out(_stretches(marks, (end, reader.total(end)), REASONS[why])))


def runs(units: Iterable[Unit]) -> list[Stretch]:
    """The messages of `units` as runs without gaps, in order."""
    spans: list[tuple[int, int, int, int]] = []
    for unit in units:
        items = unit.items
        last = items[-1]
        if last.seq - unit.seq + 1 == len(items):
            spans.append((unit.seq, last.seq, unit.start, last.total))
        else:
            spans += [(item.seq, item.seq, item.total - item.tokens, item.total) for item in items]
    spans.sort()
    return list(_joined(spans))


def _joined(spans: Iterable[tuple[int, int, int, int]]) -> Iterator[Stretch]:
    first, last, before, total = 0, -1, 0, 0
    for span in spans:
        if span[0] != last + 1:
            if first:
                yield Stretch(first, last, before, total, SHOWN, SHOWN)
            first, before = span[0], span[2]
        last, total = span[1], span[3]
    if first:
        yield Stretch(first, last, before, total, SHOWN, SHOWN)


def _retracted(reader: HistoryReader, end: int) -> Iterator[Stretch]:
    for first, last in reader.retracted:
        if first <= end:
            stop = min(last, end)
            before, total = reader.total(first - 1), reader.total(stop)
            yield Stretch(first, stop, before, total, "retracted", "retracted")


def _broken(reading: Reading) -> Iterator[Stretch]:
    for unit in reading.history.units:
        if unit.broken is not None:
            for item in unit.items:
                before = item.total - item.tokens
                yield Stretch(item.seq, item.seq, before, item.total, "verbatim", unit.broken)


def _erased(reader: HistoryReader) -> Iterator[Stretch]:
    for seq, line in reader.lines.items():
        if not line[BODY] and not reader.gone(seq):
            total = line[TOTAL]
            yield Stretch(seq, seq, total - line[TOKENS], total, "verbatim", "erased")


def _stretches(marks: Iterable[Stretch], whole: tuple[int, int], why: str) -> Iterator[Stretch]:
    """All that is not shown: the marked, and what lies between the marks."""
    end, tokens = whole
    at, total = 1, 0
    for mark in marks:
        if mark.first > at:
            yield Stretch(at, mark.first - 1, total, mark.before, "verbatim", why)
        if mark.fate is not SHOWN:
            yield mark
        at, total = mark.last + 1, mark.total
    if at <= end:
        yield Stretch(at, end, total, tokens, "verbatim", why)
