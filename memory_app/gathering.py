"""Reads what a compression is decided on: a snapshot of a session, as texts and units.

At most MOST messages are read at once; a longer backlog is folded in several compressions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import orjson

from memory_app import statements as sql
from memory_app.core import pacing, passages, steps
from memory_app.core.lines import SEQ, TOKENS, TURN, Line
from memory_app.core.passages import Passage, Point
from memory_app.core.plan import Ground
from memory_app.core.policy import Policy
from memory_app.core.steps import Unit
from memory_app.history import HistoryReader
from memory_app.models import FateRun
from sessions_app.core.replay import State
from sessions_app.store.base import Snapshot
from sessions_app.store.reading import Reader

MOST = 4_000


class Gathered(NamedTuple):
    """A session as it is to be compressed: its state, what is not folded yet (`ground`), the
    messages kept from earlier folds as units, the summary so far, and where the reading ended."""

    session: Snapshot
    state: State
    ground: Ground
    retained: tuple[Unit, ...]
    points: tuple[Point, ...]
    reader: HistoryReader

    def passages(self, seqs: Iterable[int]) -> list[Passage]:
        """These messages, which were read, as texts."""
        return [_passage(self.reader, seq) for seq in seqs]


def gather(
    store: Reader, session: Snapshot, policy: Policy, *, trigger: str = "", pause: int = 0
) -> Gathered:
    """Reads a session for a compression under `policy`."""
    state = store.present(session)
    reader = HistoryReader(store, session, state)
    rows = store.lines_from(session.number, state.folded, session.messages, MOST)
    end = not rows or rows[-1][SEQ] == session.messages
    units = steps.group(reader.items(reader.visible(rows)))
    if not end:
        units = _whole_ones(units, rows)
    ground = Ground(
        policy=policy,
        units=units,
        turns=reader.turns(session.messages, whole=True),
        trigger=trigger,
        pause=pause,
        end=end,
        rest=0 if end else session.tokens - reader.total(rows[-1][SEQ]),
    )
    return Gathered(
        session,
        state,
        ground,
        reader.kept(state.retained),
        summary_points(store, session, state),
        reader,
    )


def summary_points(store: Reader, session: Snapshot, state: State) -> tuple[Point, ...]:
    """The points of the summary that this state names."""
    if not state.fold_version:
        return ()
    with store.db.reading():
        row = store.db.row(sql.POINTS, (session.number, state.fold_version))
    return read_points(row[0]) if row else ()


def read_points(text: str) -> tuple[Point, ...]:
    """Points from their stored form."""
    return tuple(Point(said, tuple(seqs), score) for said, seqs, score in orjson.loads(text))


def kept_scores(store: Reader, number: int, version: int) -> dict[int, tuple[str, float]]:
    """By which rule and score each message is kept that the session `number` retains since the
    compression whose event has this version."""
    with store.db.reading():
        rows = store.db.rows(sql.RETAINED, (number, version, version))
    return {
        seq: (rule, score) for first, last, rule, score in rows for seq in range(first, last + 1)
    }


def summarised(store: Reader, session: Snapshot, state: State, seqs: Sequence[int]) -> list[int]:
    """Those of these messages whose words stand in the summary alone."""
    if not seqs:
        return []
    rows = FateRun.objects.using(store.db.alias).at(session.number, state.fold_version)
    runs = rows.filter(fate=FateRun.SUMMARISED).touching(min(seqs), max(seqs))
    spans = sorted(runs.values_list("first", "last"))  # at one version none reaches into another
    begins = [first for first, _ in spans]
    return [
        seq for seq in seqs if (at := bisect_right(begins, seq)) > 0 and seq <= spans[at - 1][1]
    ]


def read_more(gathered: Gathered, seqs: Sequence[int]) -> list[int]:
    """Reads further messages; returns those of them that are in view or folded, not gone."""
    reader = gathered.reader
    lines = reader.store.lines_in(gathered.session.number, seqs)
    return [line[SEQ] for line in reader.visible(lines)]


def _whole_ones(units: Sequence[Unit], rows: Sequence[Line]) -> list[Unit]:
    """Those that surely do not go on behind the last row."""
    last = rows[-1]
    while units and (units[-1].broken or units[-1].items[-1].seq == last[SEQ]):
        units = units[:-1]
    return list(units)


def _passage(reader: HistoryReader, seq: int) -> Passage:
    pacing.step()
    line = reader.lines[seq]
    (said,) = reader.decode((seq,))
    return passages.passage(
        seq, said.role, said.form, said.body, tokens=line[TOKENS], turn=line[TURN]
    )


def unit_passages(gathered: Gathered, units: Iterable[Unit]) -> Iterator[Passage]:
    """The messages of these units as texts, each with its unit."""
    for unit in units:
        for item in unit.items:
            yield _passage(gathered.reader, item.seq)._replace(unit=unit.seq)
