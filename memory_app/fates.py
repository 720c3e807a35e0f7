"""Where every message of a session stands at a version: one fate each, as runs and as counts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from memory_app.keeping import FATE_NAMES
from memory_app.models import Compression, FateRun
from sessions_app.core.replay import State
from sessions_app.store.base import Snapshot
from sessions_app.store.reading import Reader

FATES = ("verbatim", "retained", "summarised", "extracted", "discarded", "retracted")


class Run(NamedTuple):
    """Messages first..last with one fate; `decided` is the version of the compression that gave
    it, 0 where none did; `rule` is why retained ones are."""

    first: int
    last: int
    fate: str
    decided: int = 0
    rule: str = ""


def at(store: Reader, session: Snapshot, version: int | None = None) -> tuple[int, list[Run]]:
    """(messages, runs in order) at a version (None: now). Raises VersionNotFound."""
    if version is None:
        state, messages = store.present(session), session.messages
    else:
        state, messages = store.state(session, version), store.messages_at(session, version)
    return messages, runs(store, session, state, (1, messages))


def runs(store: Reader, session: Snapshot, state: State, span: tuple[int, int]) -> list[Run]:
    """The fates of the messages of `span`, in order, as runs."""
    first, last = span
    folded: list[Run] = []
    if state.folded >= first:
        rows = FateRun.objects.using(store.db.alias).at(session.number, state.fold_version)
        # Of a long session there are thousands, for a bar that a page draws of them.
        found = rows.touching(first, last).values_list("first", "last", "fate", "decided", "rule")
        folded = [
            Run(max(begin, first), min(end, last), FATE_NAMES[fate], decided, rule)
            for begin, end, fate, decided, rule in found
        ]
    if last > state.folded:
        folded.append(Run(max(first, state.folded + 1), last, "verbatim"))
    pinned = [(seq, seq) for seq in state.pinned if first <= seq <= min(last, state.folded)]
    overlaid = _overlaid(folded, pinned, "retained", "pinned")
    return list(_joined(_overlaid(overlaid, state.retracted, "retracted", "")))


def _overlaid(
    found: Iterable[Run], ranges: Iterable[tuple[int, int]], fate: str, rule: str
) -> list[Run]:
    """The runs with another fate where `ranges` lie over them."""
    over = list(ranges)
    if not over:
        return list(found)
    cut: list[Run] = []
    for run in found:
        at_ = run.first
        for first, last in over:
            begin, end = max(first, at_), min(last, run.last)
            if begin > end:
                continue
            if begin > at_:
                cut.append(run._replace(first=at_, last=begin - 1))
            decided = run.decided if fate == "retained" else 0
            cut.append(Run(begin, end, fate, decided, rule))
            at_ = end + 1
        if at_ <= run.last:
            cut.append(run._replace(first=at_))
    return cut


def _joined(found: Iterable[Run]) -> Iterator[Run]:
    last: Run | None = None
    for run in found:
        if last and (last.last + 1, *last[2:]) == (run.first, *run[2:]):
            last = last._replace(last=run.last)
            continue
        if last:
            yield last
        last = run
    if last:
        yield last


def of_message(store: Reader, session: Snapshot, seq: int) -> str:
    """The present fate of one message."""
    return runs(store, session, store.present(session), (seq, seq))[0].fate


def of_messages(store: Reader, session: Snapshot, seqs: Sequence[int]) -> dict[int, str]:
    """The present fate of each of these messages, which are in order; read at once."""
    if not seqs:
        return {}
    found = runs(store, session, store.present(session), (seqs[0], seqs[-1]))
    ends = [run.last for run in found]
    return {seq: found[bisect_left(ends, seq)].fate for seq in seqs}


def fates_out(store: Reader, session: Snapshot, version: int | None) -> dict[str, Any]:
    """The fates of a session as the contract shows them."""
    messages, found = at(store, session, version)
    ids = compression_ids(store, session)
    counts = dict.fromkeys(FATES, 0)
    for run in found:
        counts[run.fate] += run.last - run.first + 1
    return {
        "version": session.version if version is None else version,
        "messages": messages,
        "runs": [
            {
                "from": run.first,
                "to": run.last,
                "fate": run.fate,
                "compression": ids.get(run.decided),
            }
            for run in found
        ],
        "counts": counts,
    }


def compression_ids(store: Reader, session: Snapshot) -> dict[int, str]:
    """The ids of a session's applied compressions by the version of their event."""
    if not session.fold_version:
        return {}
    rows = Compression.objects.of(session.project).using(store.db.alias)
    found = rows.of_session(session.number).applied().values_list("version", "id")
    return {version or 0: str(id_) for version, id_ in found}
