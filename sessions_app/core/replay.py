"""The state of a session at a version, folded from its events.

Events hold new values, so folding is taking the last one of each. Kinds this release does not
know are kept in the log and skipped here: an older release may read what a newer one wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as replay needs it; `data` is its parsed JSON."""

    version: int
    kind: str
    at: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """A session's own state, without its messages. Ranges are (from, to) in seq, inclusive.

    Messages 1..`folded` are out of view but for those in `retained`; the compression `summary`
    (its id) tells of the others in `summary_tokens`. `facts` came of it in all, extracted or
    stored by hand.
    """

    version: int = 0
    events: int = 0
    status: str = "active"
    title: str = ""
    system: str | None = None
    tools: tuple[Any, ...] = ()
    system_tokens: int = 0
    tools_tokens: int = 0
    policy: tuple[str, int] = ("default", 1)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    retracted: tuple[tuple[int, int], ...] = ()
    pinned: tuple[int, ...] = ()
    prompt_version: int = 0
    overlay_version: int = 0
    folded: int = 0
    retained: tuple[tuple[int, int], ...] = ()
    summary: str | None = None
    summary_tokens: int = 0
    compressions: int = 0
    facts: int = 0
    fold_version: int = 0

    def with_pins(self, seqs: Iterable[int]) -> State:
        """The state as it would be with these messages pinned too."""
        return replace(self, pinned=tuple(sorted({*self.pinned, *seqs})))


def _prompt(state: State, entry: Entry) -> State:
    data = entry.data
    return replace(
        state,
        system=data.get("system"),
        tools=tuple(data.get("tools") or ()),
        system_tokens=data.get("system_tokens", 0),
        tools_tokens=data.get("tools_tokens", 0),
        prompt_version=entry.version,
    )


def _policy(state: State, entry: Entry) -> State:
    return replace(state, policy=(entry.data["policy"], entry.data["policy_version"]))


def _details(state: State, entry: Entry) -> State:
    data = entry.data
    return replace(
        state,
        title=data.get("title", state.title),
        metadata=data.get("metadata", state.metadata),
        tags=tuple(data.get("tags", state.tags)),
    )


def _created(state: State, entry: Entry) -> State:
    return _details(_policy(_prompt(state, entry), entry), entry)


def _retracted(state: State, entry: Entry) -> State:
    added = (entry.data["from"], entry.data["to"])
    ranges = merge_ranges([*state.retracted, added])
    return replace(state, retracted=ranges, overlay_version=entry.version)


def _pinned(state: State, entry: Entry) -> State:
    return replace(state.with_pins([entry.data["seq"]]), overlay_version=entry.version)


def _unpinned(state: State, entry: Entry) -> State:
    seqs = tuple(seq for seq in state.pinned if seq != entry.data["seq"])
    return replace(state, pinned=seqs, overlay_version=entry.version)


def _compressed(state: State, entry: Entry) -> State:
    data = entry.data
    return replace(
        state,
        folded=data["to"],
        retained=tuple([(first, last) for first, last in data["retained"]]),
        summary=data["compression"],
        summary_tokens=data["summary_tokens"],
        compressions=state.compressions + 1,
        facts=data["facts"],
        fold_version=entry.version,
    )


def _remembered(state: State, entry: Entry) -> State:
    return replace(state, facts=entry.data.get("facts", state.facts))


def _status(status: str) -> Callable[[State, Entry], State]:
    def fold(state: State, entry: Entry) -> State:
        return replace(state, status=status)

    return fold


def _restored(state: State, entry: Entry) -> State:
    return replace(state, status=entry.data["status"])


FOLDS: Mapping[str, Callable[[State, Entry], State]] = {
    "created": _created,
    "prompt": _prompt,
    "policy": _policy,
    "details": _details,
    "retracted": _retracted,
    "pinned": _pinned,
    "unpinned": _unpinned,
    "compressed": _compressed,
    "remembered": _remembered,
    "forked": _status("active"),
    "ended": _status("ended"),
    "archived": _status("archived"),
    "reopened": _status("active"),
    "deleted": _status("deleted"),
    "restored": _restored,
}
PROMPT_KINDS = ("created", "prompt")
OVERLAY_KINDS = ("retracted", "pinned", "unpinned")
FOLD_KINDS = ("compressed",)
FACT_KINDS = ("remembered",)


def fold(state: State, entry: Entry) -> State:
    """`state` after one more event."""
    step = FOLDS.get(entry.kind)
    changed = step(state, entry) if step else state
    return replace(changed, version=entry.version, events=state.events + 1)


def replay(entries: Iterable[Entry]) -> State:
    """The state after `entries`, which are the session's events in version order."""
    state = State()
    for entry in entries:
        state = fold(state, entry)
    return state


def merge_ranges(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The same numbers as sorted ranges that neither touch nor overlap."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def without(
    ranges: Iterable[tuple[int, int]], holes: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
    """What is left of sorted ranges where `holes`, sorted too, are cut out of them."""
    holes = list(holes)
    left = []
    for first, last in ranges:
        for begin, end in holes:
            if end < first or begin > last:
                continue
            if begin > first:
                left.append((first, begin - 1))
            first = end + 1
        if first <= last:
            left.append((first, last))
    return left


def in_ranges(number: int, ranges: Iterable[tuple[int, int]]) -> bool:
    """Whether one of `ranges` holds `number`."""
    return any(first <= number <= last for first, last in ranges)
