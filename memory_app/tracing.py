"""Where a phrase lives: who said it, how long word for word, who carries it, where it was lost.

The phrase is looked for literally, case aside. At each compression it is asked whether anything
in view still holds it: a message, the summary of that compression, a fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from memory_app import fates, records
from memory_app.compressions import text_of
from memory_app.gathering import read_points
from memory_app.models import Compression, Fact, FateRun, Summary
from memory_app.records import Phrase, Traced, Without
from sessions_app import search
from sessions_app.core.entries import StoredMessage
from sessions_app.core.replay import State, in_ranges, merge_ranges
from sessions_app.store.base import PAGE_OCTETS, Snapshot
from sessions_app.store.reading import Reader

MOST_SAID = 200


class _Fold(NamedTuple):
    """An applied compression: its row's id, its version, how far it folded."""

    id: str
    ordinal: int
    version: int
    last: int


class Life(NamedTuple):
    """The life of a phrase in a session, as the contract shows it, and the kept contexts that were
    looked through for it."""

    told: dict[str, Any]
    traced: Sequence[Traced]


def trace(store: Reader, session: Snapshot, text: str) -> dict[str, Any]:
    """The life of a phrase in a session as the contract shows it."""
    return life(store, session, text).told


def life(store: Reader, session: Snapshot, text: str) -> Life:
    """The life of a phrase in a session."""
    said = _said(store, session, text)
    folds = _folds(store, session)
    summaries = _summaries(store, session, text)
    facts = _facts(store, session, text)
    state = store.present(session)
    ids = {fold.version: fold for fold in folds}
    fated = fates.of_messages(store, session, [item.seq for item in said])
    lost = _lost_at(store, session, said, folds, summaries, facts)
    known = [version for version in summaries if version in ids]
    phrase = Phrase(
        [item.seq for item in said], [ids[one].id for one in known], [fact.id for fact in facts]
    )
    traced = records.traced(store, session, phrase)
    told = {
        "text": text,
        "version": session.version,
        "said": [_said_out(item, fated[item.seq], folds) for item in said],
        "summaries": [
            {"compression": ids[version].id, "ordinal": ids[version].ordinal, "version": version}
            for version in known
        ],
        "facts": [
            {"id": str(fact.id), "text": fact.text, "seq": fact.seq, "status": fact.status}
            for fact in facts
        ],
        "carried": _carried_now(said, state.folded, _kept(state), summaries, facts, session),
        "lost_at": None
        if lost is None
        else {"compression": lost.id, "ordinal": lost.ordinal, "version": lost.version},
        "contexts": records.holding(traced),
    }
    return Life(told, traced)


def answered_without(store: Reader, session: Snapshot, found: Life) -> list[Without]:
    """The newest answers that were given from contexts without a phrase."""
    said = found.told["said"]
    return records.without(store, session, found.traced, said[0]["version"]) if said else []


def _said(store: Reader, session: Snapshot, text: str) -> list[StoredMessage]:
    end = session.messages + 1
    return search.forward(
        store, session, text, after=0, end=end, limit=MOST_SAID, octets=PAGE_OCTETS
    )


def _folds(store: Reader, session: Snapshot) -> list[_Fold]:
    rows = Compression.objects.of(session.project).using(store.db.alias)
    applied = rows.of_session(session.number).applied().order_by("version")
    return [
        _Fold(str(row.id), row.ordinal or 0, row.version or 0, row.last)
        for row in applied.only("id", "ordinal", "version", "last")
    ]


def _summaries(store: Reader, session: Snapshot, text: str) -> list[int]:
    """The versions whose summary holds the phrase."""
    wanted = text.casefold()
    rows = Summary.objects.using(store.db.alias).filter(session_id=session.number)
    return [
        row.version
        for row in rows.order_by("version")
        if wanted in text_of(read_points(row.points)).casefold()
    ]


def _facts(store: Reader, session: Snapshot, text: str) -> list[Fact]:
    rows = Fact.objects.of(session.project).using(store.db.alias).told_by(session)
    return list(rows.filter(text__icontains=text).order_by("number")[:MOST_SAID])


def _said_out(item: StoredMessage, fate: str, folds: Sequence[_Fold]) -> dict[str, Any]:
    until = next((fold for fold in folds if fold.last >= item.seq), None)
    return {
        "seq": item.seq,
        "version": item.version,
        "role": item.role,
        "fate": fate,
        "verbatim_until": until.version if until else None,
        "compression": until.id if until else None,
    }


def _kept(state: State) -> Sequence[tuple[int, int]]:
    """The messages that stay word for word: retained by compressions, or pinned by a person."""
    return merge_ranges([*state.retained, *((seq, seq) for seq in state.pinned)])


def _carried_now(
    said: Sequence[StoredMessage],
    folded: int,
    kept: Sequence[tuple[int, int]],
    summaries: Sequence[int],
    facts: Sequence[Fact],
    session: Snapshot,
) -> list[str]:
    """What holds the phrase at present: verbatim, retained, summary, facts."""
    found = []
    if any(item.seq > folded for item in said):
        found.append("verbatim")
    if any(in_ranges(item.seq, kept) for item in said):
        found.append("retained")
    if session.fold_version in summaries:
        found.append("summary")
    if any(_holds(fact, session.version) for fact in facts):
        found.append("facts")
    return found


def _lost_at(
    store: Reader,
    session: Snapshot,
    said: Sequence[StoredMessage],
    folds: Sequence[_Fold],
    summaries: Sequence[int],
    facts: Sequence[Fact],
) -> _Fold | None:
    """The first compression after which nothing in view held the phrase any more."""
    if not said:
        return None
    kept = _retained_until(store, session, said)
    for fold in folds:
        before = [item for item in said if item.version < fold.version]
        if not before or any(item.seq > fold.last for item in before):
            continue
        carried = (
            fold.version in summaries
            or any(since <= fold.version < until for since, until in kept)
            or any(_holds(fact, fold.version) for fact in facts)
        )
        if not carried:
            return fold
    return None


def _holds(fact: Fact, version: int) -> bool:
    """Whether a fact holds at a version; what is of a user alone has none, and holds while it is
    active."""
    if fact.session_id is None:
        return bool(fact.status == Fact.ACTIVE)
    return fact.since <= version < fact.until


def _retained_until(
    store: Reader, session: Snapshot, said: Sequence[StoredMessage]
) -> list[tuple[int, int]]:
    """The versions (since, until) between which one of these messages was retained."""
    first, last = said[0].seq, said[-1].seq
    rows = FateRun.objects.using(store.db.alias).filter(session_id=session.number)
    runs = rows.filter(fate=FateRun.RETAINED).touching(first, last)
    seqs = {item.seq for item in said}
    return [
        (run.since, run.until)
        for run in runs
        if any(seq in seqs for seq in range(run.first, run.last + 1))
    ]
