"""Where the messages of a window stand, read in a constant number of statements.

Fates are stored as runs; what a compression decided about each message stands in its row as JSON,
so only the compressions are read that decided something about the window.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from memory_app import fates
from memory_app.fates import Run
from memory_app.models import Compression
from sessions_app import auth
from sessions_app.core.entries import StoredEvent
from sessions_app.core.replay import State
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from . import fate
from .fate import Decision, Fate, Fold

COMPRESSED = "compressed"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The fate of each message of a window, none where nothing of its session was ever folded; and
    the compressions that are told of in it, by the version of their event."""

    fates: Mapping[int, Fate] = field(default_factory=dict)
    folds: Mapping[int, Fold] = field(default_factory=dict)


NOWHERE = Whereabouts()


def state(session: Snapshot) -> State:
    """What is retracted, pinned and folded now; costs nothing for a session with none of it."""
    store = get_store(auth.alias())
    folded = store.fold(session)
    return replace(
        store.overlay(session),
        folded=folded.folded,
        retained=folded.retained,
        summary=folded.summary,
        fold_version=session.fold_version,
    )


def runs(session: Snapshot, now: State) -> list[Run]:
    """The fates of all messages, as runs."""
    return _runs(session, now, (1, session.messages)) if session.messages else []


def read(
    session: Snapshot, now: State, span: tuple[int, int], events: Sequence[StoredEvent]
) -> Whereabouts:
    """The fates of the messages of `span`, and the compressions among `events`."""
    if not session.fold_version:
        return NOWHERE
    found = _runs(session, now, span) if span[0] <= span[1] else []
    decided = {run.decided for run in found if run.decided}
    told = {event.version for event in events if event.kind == COMPRESSED}
    folds = _folds(session, decided, told)
    return Whereabouts(fate.of_runs(found, folds), folds)


def _runs(session: Snapshot, now: State, span: tuple[int, int]) -> list[Run]:
    store = get_store(auth.alias())
    with store.db.reading():
        return fates.runs(store, session, now, span)


def _folds(session: Snapshot, decided: Collection[int], told: Collection[int]) -> dict[int, Fold]:
    """The decisions of `decided` and the mere names of `told`, in one statement."""
    if not decided and not told:
        return {}
    store = get_store(auth.alias())
    rows = Compression.objects.of(session.project).using(auth.alias())
    with store.db.reading():
        found = rows.telling(session.number, {*decided, *told}, decisions_of=decided)
    return {
        version or 0: Fold(
            str(key),
            ordinal or 0,
            fate.lost_in(orjson.loads(audit)),
            {item[0]: Decision(*item) for item in orjson.loads(decisions)},
        )
        for version, key, ordinal, audit, decisions in found
    }
