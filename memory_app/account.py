"""The account of a context: which messages it does not hold, how large they are, and why.

What was never read is accounted for by the running totals at its borders. Of what is folded the
newest runs of one fate stand one by one; all before them are counted together, a line for each
fate, from totals kept with the summary: an account costs the same however long the session is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

import orjson

from memory_app.core import assembly
from memory_app.core.assembly import LeftOut, Stretch
from memory_app.core.lines import BODY, TOKENS, TOTAL
from memory_app.core.steps import Unit
from memory_app.history import HistoryReader, Reading
from memory_app.keeping import FATE_NAMES
from memory_app.models import FateRun, Summary
from sessions_app.core.held import Held, Name, Stamp
from sessions_app.core.replay import State

SHOWN = ""
REASONS = {
    assembly.BUDGET: "does not fit the budget",
    assembly.BLOCK: "cut in blocks so that the prefix stays",
    assembly.TURNS: "older than the turns kept",
    None: "does not fit the budget",
}
MOST_RUNS = 200
FOLDED_BY = "folded by compression "
"""Before the ordinal of a compression."""
NO_ROOM = "kept word for word, but there is no room"


class Fated(NamedTuple):
    """A run of folded messages with one fate, given by the `ordinal`-th compression; `rule` is
    that of retained ones. `reason` is why a context does not show it."""

    first: int
    last: int
    tokens: int
    fate: str
    ordinal: int
    rule: str
    reason: str


class Folded(NamedTuple):
    """What is folded at a version: the newest runs, in order, and what all before them come to, by
    fate: how many messages and tokens. The runs begin at `start` and end before `border`. `told` is
    what contexts said of them: most say the same as the one before."""

    runs: tuple[Fated, ...]
    before: tuple[tuple[str, int, int], ...]
    start: Border
    border: Border
    compressions: int
    version: int
    told: dict[tuple[str, tuple[Stretch, ...]], list[LeftOut]]


Border = tuple[int, int]
"""A message, and the tokens before it."""
NOTHING = Folded((), (), (1, 0), (1, 0), 0, 0, {})
MOST_TOLD = 4
Span = tuple[int, int, int, int]
"""The first and the last message of a run, and the tokens up to it and with it."""


def left_out(
    reader: HistoryReader,
    state: State,
    end: int,
    reading: Reading,
    shown: Iterable[Stretch],
    why: str | None,
) -> tuple[LeftOut, ...]:
    """Every message of 1..`end` that is not among the runs `shown`, as ranges in order."""
    shown = list(shown)
    folds = folded(reader, state)
    marks = [*shown, *_retracted(reader, end), *_broken(reading), *_erased(reader)]
    marks.sort()
    border, reason = folds.border, REASONS[why]
    older = _of_runs(reader, folds, tuple(_until(marks, border)), reason)
    newer = _stretches(_from(marks, border), border, (end, reader.total(end)), reason)
    return (*_together(reader, state, folds, marks), *_adjoined(older, assembly.left_out(newer)))


def _of_runs(
    reader: HistoryReader, folds: Folded, marks: tuple[Stretch, ...], why: str
) -> list[LeftOut]:
    """What a context with these marks before the border leaves out of the newest runs."""
    if not folds.runs:
        return []
    told = folds.told.get((why, marks))
    if told is None:
        end, tokens = folds.border[0] - 1, folds.border[1]
        stretches = _stretches(_from(marks, folds.start), folds.start, (end, tokens), why)
        told = assembly.left_out(_fated(stretches, folds, reader))
        if len(folds.told) >= MOST_TOLD:
            folds.told.clear()
        folds.told[why, marks] = told
    return told


def _adjoined(older: list[LeftOut], newer: list[LeftOut]) -> list[LeftOut]:
    """Both in order; one that goes on over the border between them is one."""
    if older and newer:
        left, right = older[-1], newer[0]
        if (left.last + 1, left.fate, left.reason) == (right.first, right.fate, right.reason):
            both = right._replace(first=left.first, tokens=left.tokens + right.tokens)
            return [*older[:-1], both, *newer[1:]]
    return older + newer


def folded(reader: HistoryReader, state: State) -> Folded:
    """The fates of what this state has folded, without later retractions and pins."""
    if not state.folded:
        return NOTHING
    if (known := reader.known) is None:
        return _read(reader, state.fold_version)
    # What a compression decided never changes, and its id is like no other.
    name = Name(reader.store.db.alias, (reader.session.id, state.summary))
    stamp = Stamp(known.epoch, ())
    held = _held.get(name, stamp)
    if held is None:
        held = _read(reader, state.fold_version)
        _held.put(name, stamp, held, len(held.runs) * RUN)
    return held


MOST_HELD = 16 * 1024 * 1024
"""Octets of fates that a process holds."""
RUN = 900
"""About the octets of a run, and of what is told of it."""
_held = Held[Folded](MOST_HELD)


def _read(reader: HistoryReader, version: int) -> Folded:
    alias, number = reader.store.db.alias, reader.session.number
    rows = FateRun.objects.using(alias).at(number, version)
    newest = list(rows.order_by("-first")[: MOST_RUNS + 1])
    summary = Summary.objects.using(alias).filter(session_id=number, version=version).first()
    if summary is None or not newest:
        return NOTHING
    runs = [_run(row) for row in reversed(newest)]
    before: list[tuple[str, int, int]] = []
    if len(runs) > MOST_RUNS:
        runs = runs[1:]
        before = _rest(orjson.loads(summary.totals), runs)
    start = (runs[0].first if before else 1, sum([tokens for _, _, tokens in before]))
    border = (summary.last + 1, start[1] + sum([run.tokens for run in runs]))
    return Folded(tuple(runs), tuple(before), start, border, summary.ordinal, version, {})


def _run(row: FateRun) -> Fated:
    fate = FATE_NAMES[row.fate]
    reason = NO_ROOM if fate == "retained" else f"{FOLDED_BY}{row.ordinal}"
    return Fated(row.first, row.last, row.tokens, fate, row.ordinal, row.rule, reason)


def _rest(totals: dict[str, list[int]], runs: Sequence[Fated]) -> list[tuple[str, int, int]]:
    for run in runs:
        count = totals[run.fate]
        count[0] -= run.last - run.first + 1
        count[1] -= run.tokens
    return [(fate, messages, tokens) for fate, (messages, tokens) in totals.items()]


def forget() -> None:
    """Empties this process's memory of fates: what was purged must not live on there."""
    _held.clear()


def runs(reader: HistoryReader, units: Iterable[Unit]) -> list[Stretch]:
    """The messages of `units`, which were read, as runs without gaps, in order; with the tokens
    that they have in the log, however they are shown."""
    spans: list[Span] = []
    for unit in units:
        items = unit.items
        last = items[-1]
        if last.seq - unit.seq + 1 == len(items):
            spans.append((unit.seq, last.seq, unit.start, last.total))
        else:
            spans += [(item.seq, item.seq, _before(reader, item.seq), item.total) for item in items]
    spans.sort()
    return list(_joined(spans))


def stretches(
    reader: HistoryReader, seqs: Sequence[int], known: dict[int, Span] | None = None
) -> list[Stretch]:
    """Messages that are shown though they were not read, as runs without gaps. `known` are those of
    this log whose places are known already, and grow by what is read."""
    places = {} if known is None else known
    missing = [seq for seq in seqs if seq not in places]
    if missing:
        sizes = reader.store.sizes_in(reader.session.number, missing)
        places.update({seq: (seq, seq, total - size, total) for seq, size, total in sizes})
    return list(_joined(places[seq] for seq in sorted(set(seqs)) if seq in places))


def _before(reader: HistoryReader, seq: int) -> int:
    line = reader.lines[seq]
    return line[TOTAL] - line[TOKENS]


def _joined(spans: Iterable[Span]) -> Iterator[Stretch]:
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


def _from(marks: Iterable[Stretch], start: Border) -> Iterator[Stretch]:
    """The marks as far as they are not before a message, which so many tokens precede."""
    first, before = start
    for mark in marks:
        if mark.first >= first:
            yield mark
        elif mark.last >= first:
            yield mark._replace(first=first, before=before)


def _until(marks: Iterable[Stretch], border: Border) -> Iterator[Stretch]:
    """The marks as far as they are before a message, which so many tokens precede."""
    first, before = border
    for mark in marks:
        if mark.last < first:
            yield mark
        elif mark.first < first:
            yield mark._replace(last=first - 1, total=before)


def _stretches(
    marks: Iterable[Stretch], start: Border, whole: Border, why: str
) -> Iterator[Stretch]:
    """All from a message on that is not shown: the marked, and what lies between the marks. Both
    ends are a seq with the running total there."""
    end, tokens = whole
    at, total = start
    for mark in marks:
        if mark.first > at:
            yield Stretch(at, mark.first - 1, total, mark.before, "verbatim", why)
        if mark.fate is not SHOWN:
            yield mark
        at, total = mark.last + 1, mark.total
    if at <= end:
        yield Stretch(at, end, total, tokens, "verbatim", why)


def _fated(stretches: Iterable[Stretch], folds: Folded, reader: HistoryReader) -> Iterator[Stretch]:
    """The stretches, cut where the fates of what is folded change."""
    index = 0
    for stretch in stretches:
        if stretch.fate == "retracted" or stretch.first >= folds.border[0]:
            yield stretch
            continue
        while index < len(folds.runs) and folds.runs[index].last < stretch.first:
            index += 1
        yield from _cut(stretch, folds, index, reader)


def _cut(stretch: Stretch, folds: Folded, index: int, reader: HistoryReader) -> Iterator[Stretch]:
    at, end, before = stretch.first, stretch.last, stretch.before
    for run in islice(folds.runs, index, None):
        first, last, tokens, fate, _, _, reason = run
        if first > end:
            break
        if first == at and last <= end:
            total = before + tokens
        else:
            last = min(last, end)
            total = stretch.total if last == end else reader.total(last)
        yield Stretch(at, last, before, total, fate, reason)
        at, before = last + 1, total
    if at <= end:
        yield stretch._replace(first=at, before=before)


def _together(
    reader: HistoryReader, state: State, folds: Folded, marks: Sequence[Stretch]
) -> Iterator[LeftOut]:
    """What was folded before the newest runs, a line for each fate."""
    if not folds.before:
        return
    first = folds.runs[0].first
    left = {fate: [messages, tokens] for fate, messages, tokens in folds.before}
    gone = [0, 0]
    for fate, mark in _of_folded(reader, state, folds, marks):
        many, tokens = mark.last - mark.first + 1, mark.total - mark.before
        left[fate][0] -= many
        left[fate][1] -= tokens
        if mark.fate == "retracted":
            gone[0] += many
            gone[1] += tokens
    left["retracted"] = gone
    several = f"folded by compressions 1 to {folds.compressions}"
    reason = several if folds.compressions > 1 else f"{FOLDED_BY}1"
    reasons = {"retained": NO_ROOM, "retracted": "retracted"}
    for fate, (messages, tokens) in left.items():
        if messages:
            why = reasons.get(fate, reason)
            yield LeftOut(1, first - 1, tokens, fate, why, messages)


def _of_folded(
    reader: HistoryReader, state: State, folds: Folded, marks: Sequence[Stretch]
) -> Iterator[tuple[str, Stretch]]:
    """What is shown or retracted of the messages before the newest runs, with the fate that each
    piece of it was given. Most of it is retained; of the rest the fates are read at once."""
    first = folds.runs[0].first
    others: list[Stretch] = []
    for mark in marks:
        if mark.first >= first or not (mark.fate is SHOWN or mark.fate == "retracted"):
            continue
        if mark.last < first and _within(mark, state.retained):
            yield "retained", mark
        else:
            others.append(mark._replace(last=min(mark.last, first - 1)))
    pieces = _pieces(reader, folds, others)
    totals = reader.totals([seq for _, mark in pieces for seq in (mark.first - 1, mark.last)])
    for fate, mark in pieces:
        yield fate, mark._replace(before=totals[mark.first - 1], total=totals[mark.last])


def _pieces(
    reader: HistoryReader, folds: Folded, marks: Sequence[Stretch]
) -> list[tuple[str, Stretch]]:
    """These stretches, cut where their fates change; their totals are to be read."""
    if not marks:
        return []
    rows = FateRun.objects.using(reader.store.db.alias).at(reader.session.number, folds.version)
    found = list(rows.touching(min(mark.first for mark in marks), max(mark.last for mark in marks)))
    return [
        (
            FATE_NAMES[run.fate],
            mark._replace(first=max(run.first, mark.first), last=min(run.last, mark.last)),
        )
        for mark in marks
        for run in _touching(found, mark)
    ]


def _touching(runs: Sequence[FateRun], mark: Stretch) -> Iterator[FateRun]:
    """Those of the runs, which are in order, that have a message of a stretch."""
    for run in islice(runs, bisect_left(runs, mark.first, key=_last), None):
        if run.first > mark.last:
            return
        yield run


def _last(run: FateRun) -> int:
    return run.last


def _within(mark: Stretch, ranges: Sequence[tuple[int, int]]) -> bool:
    """Whether one of these ranges, which are in order, holds all of a stretch."""
    place = bisect_right(ranges, mark.first, key=itemgetter(0)) - 1
    return place >= 0 and mark.last <= ranges[place][1]
