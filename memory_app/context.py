"""The context of a session: what the model sees next, within a token budget, and why.

`build` gathers rows, lets `core.assembly` decide, and renders the choice for a provider. The same
session, version, policy and budget give the same messages and digest for ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from memory_app import policies
from memory_app.core import assembly
from memory_app.core.assembly import Budget, LeftOut, NearMiss, Selection, Stretch
from memory_app.core.policy import Policy
from memory_app.core.steps import Unit
from memory_app.history import Extent, HistoryReader, Reading
from sessions_app import ids
from sessions_app.core import errors, forms
from sessions_app.core.entries import StoredMessage
from sessions_app.core.replay import State, in_ranges
from sessions_app.store.base import Snapshot
from sessions_app.store.reading import Reader

FORMS = ("openai", "anthropic", "responses")

# Anthropic takes no conversation that begins with the assistant. Where one does, it is led by this
# user message, which is paid for like the rest.
LEAD = {"role": "user", "content": "(The conversation begins with the assistant.)"}
LEAD_TOKENS = 14


@dataclass(frozen=True, slots=True)
class Ask:
    """What context is wanted: at most `tokens` (None: what the policy leaves), in a provider's
    `form`, as of version `at` (None: now), under `policy` (None: the session's own)."""

    tokens: int | None = None
    query: str | None = None
    form: str = "openai"
    at: int | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a context: its tokens and the ranges of messages in it, (from, to) in seq."""

    name: str
    tokens: int
    messages: tuple[tuple[int, int], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The part as the HTTP contract shows it."""
        return {
            "name": self.name,
            "tokens": self.tokens,
            "messages": [list(span) for span in self.messages],
            "facts": [],
            "summary": None,
        }


@dataclass(frozen=True, slots=True)
class Context:
    """What goes to the model, and the account of it. `messages` are in the provider's `form`;
    `system` is apart for Anthropic and None elsewhere; `digest` covers all that is sent."""

    id: UUID
    session: UUID
    version: int
    form: str
    policy: tuple[str, int]
    messages: list[dict[str, Any]]
    system: Any
    tools: list[Any]
    tokens: int
    limit: int
    parts: tuple[Part, ...]
    left_out: tuple[LeftOut, ...]
    near_misses: tuple[NearMiss, ...]
    notices: tuple[Mapping[str, Any], ...]
    digest: str
    took_ms: float
    mode: str = "full"

    @property
    def stable_prefix_tokens(self) -> int:
        """Tokens before the first part that the next turn surely changes."""
        return self.tokens - sum(part.tokens for part in self.parts if part.name == "new")

    def as_json(self) -> dict[str, Any]:
        """The context as the HTTP contract shows it."""
        return {
            "id": str(self.id),
            "session": str(self.session),
            "version": self.version,
            "format": self.form,
            "policy": {"name": self.policy[0], "version": self.policy[1]},
            "system": self.system,
            "tools": self.tools,
            "messages": self.messages,
            "tokens": self.tokens,
            "budget": {
                "limit": self.limit,
                "used": self.tokens,
                "free": self.limit - self.tokens,
            },
            "parts": [part.as_json() for part in self.parts],
            "left_out": [_left_out_json(item) for item in self.left_out],
            "near_misses": [
                {
                    "seq": miss.seq,
                    "tokens": miss.tokens,
                    "short_by": miss.short_by,
                    "reason": miss.reason,
                }
                for miss in self.near_misses
            ],
            "stable_prefix_tokens": self.stable_prefix_tokens,
            "mode": self.mode,
            "notices": [dict(notice) for notice in self.notices],
            "digest": self.digest,
            "took_ms": self.took_ms,
        }


def build(store: Reader, project: int, session: UUID | Snapshot, ask: Ask = Ask()) -> Context:
    """The context of a session.

    Raises NotFound, SessionDeleted, VersionNotFound, BudgetTooSmall (with `least`), InvalidField.
    """
    began = time.perf_counter()
    frame = _frame(store, project, session, ask)
    chosen = _chosen(store, frame)
    if ask.form == "anthropic" and not _begins_with_user(chosen.rendered):
        frame = replace(frame, budget=replace(frame.budget, lead=LEAD_TOKENS))
        chosen = _led(_chosen(store, frame))
    selection, reading, rendered = chosen.selection, chosen.reading, chosen.rendered
    tools = forms.tools(ask.form, list(frame.tools))
    notices = (*frame.notices, *_notices(selection, reading))
    return Context(
        id=ids.new_id(),
        session=frame.session.id,
        version=frame.version,
        form=ask.form,
        policy=frame.policy_version,
        messages=rendered.messages,
        system=rendered.system,
        tools=tools,
        tokens=selection.used,
        limit=frame.budget.limit,
        parts=_parts(frame.budget, selection),
        left_out=tuple(assembly.left_out(_stretches(store, frame, selection, reading))),
        near_misses=selection.near_misses,
        notices=notices,
        digest=digest(rendered.system, tools, rendered.messages),
        took_ms=round((time.perf_counter() - began) * 1000, 3),
    )


def digest(system: Any, tools: Sequence[Any], messages: Sequence[Any]) -> str:
    """sha256, in hex, of the compact JSON of [system, tools, messages] as they are sent."""
    return sha256(orjson.dumps([system, tools, messages])).hexdigest()


# -- the frame: everything but the messages --------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Frame:
    session: Snapshot
    version: int
    end: int
    form: str
    policy: Policy
    policy_version: tuple[str, int]
    budget: Budget
    system: str | None
    tools: tuple[Any, ...]
    overlay: State
    notices: tuple[Mapping[str, Any], ...]


def _frame(store: Reader, project: int, session: UUID | Snapshot, ask: Ask) -> _Frame:
    if ask.form not in FORMS:
        raise errors.InvalidField(f"`format` must be one of {', '.join(FORMS)}.", param="format")
    found = session if isinstance(session, Snapshot) else store.get(project, session)
    state = _now(store, found) if ask.at is None else store.state(found, ask.at)
    version = found.version if ask.at is None else ask.at
    name, number, policy = _policy(store, found, ask, state)
    limit, notices = _limit(ask.tokens, policy)
    return _Frame(
        session=found,
        version=version,
        end=store.messages_at(found, version),
        form=ask.form,
        policy=policy,
        policy_version=(name, number),
        budget=Budget(limit, state.system_tokens, state.tools_tokens),
        system=state.system,
        tools=state.tools,
        overlay=state,
        notices=notices,
    )


def _now(store: Reader, session: Snapshot) -> State:
    """The present state from the row's pointers, without replaying all events."""
    prompt = store.prompt(session).data
    return replace(
        store.overlay(session),
        system=prompt.get("system"),
        tools=tuple(prompt.get("tools") or ()),
        system_tokens=int(prompt.get("system_tokens", 0)),
        tools_tokens=int(prompt.get("tools_tokens", 0)),
        policy=(session.policy_name, session.policy_version),
    )


def _policy(
    store: Reader, session: Snapshot, ask: Ask, state: State
) -> tuple[str, int, Policy]:
    alias = store.db.alias
    if ask.policy is None:
        name, number = state.policy
        return name, number, _stored_policy(store, session.project, name, number)
    if ask.at is None:
        row = policies.named(session.project, ask.policy, alias)
    else:
        row = policies.as_of(session.project, ask.policy, _time_of(store, session, ask.at), alias)
    return row.name, row.version, policies.parsed(row.data)


def _stored_policy(store: Reader, project: int, name: str, number: int) -> Policy:
    if store.db.connection.in_atomic_block:
        return _read_policy.__wrapped__(store.db.alias, project, name, number)
    return _read_policy(store.db.alias, project, name, number)


# A stored version of a policy never changes, so committed ones are remembered.
@lru_cache(maxsize=256)
def _read_policy(alias: str, project: int, name: str, number: int) -> Policy:
    return policies.parsed(policies.one(project, name, number, alias).data)


def _time_of(store: Reader, session: Snapshot, version: int) -> int:
    """When the entry with this version was stored, in microseconds."""
    said, events = store.entries_after(session, version - 1, 1)
    entries = [*said, *events]
    return min(entries, key=lambda entry: entry.version).created_us


def _limit(tokens: int | None, policy: Policy) -> tuple[int, tuple[Mapping[str, Any], ...]]:
    if tokens is None:
        return policy.capacity, ()
    if tokens < 1:
        raise errors.InvalidField("`tokens` must be at least 1.", param="tokens")
    if tokens > policy.window:
        return policy.window, ({"code": "tokens_clamped", "limit": policy.window},)
    return tokens, ()


# -- choosing ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Chosen:
    selection: Selection
    reading: Reading
    rendered: forms.Rendered


def _chosen(store: Reader, frame: _Frame) -> _Chosen:
    reader = HistoryReader(store, frame.session, frame.overlay)
    reading = reader.read(_extent(store, frame))
    selection = assembly.select(frame.budget, reading.history, frame.policy)
    shown = [reader.message(item.seq) for unit in selection.units() for item in unit.items]
    return _Chosen(selection, reading, forms.render(frame.form, shown, system=frame.system))


def _extent(store: Reader, frame: _Frame) -> Extent:
    session = frame.session
    turns = session.turns
    if frame.end != session.messages:
        turns = store.totals(session.number, frame.end)[1]
    tokens = frame.budget.limit - frame.budget.fixed
    oldest = assembly.first_turn(frame.policy, turns)
    return Extent(frame.end, tokens, oldest, _guess(session, tokens, turns - oldest + 1))


def _guess(session: Snapshot, tokens: int, turns: int) -> int:
    """How many messages `tokens` or `turns` come to, going by the session's averages."""
    said = max(1, session.messages)
    by_tokens = tokens * said // max(1, session.tokens)
    by_turns = turns * said // max(1, session.turns)
    return min(by_tokens, by_turns) + 4


def _begins_with_user(rendered: forms.Rendered) -> bool:
    return not rendered.messages or rendered.messages[0]["role"] == "user"


def _led(chosen: _Chosen) -> _Chosen:
    """The choice with LEAD before it, or, if it now begins with the user, without paying for it."""
    if _begins_with_user(chosen.rendered):
        unled = replace(chosen.selection, used=chosen.selection.used - LEAD_TOKENS)
        return replace(chosen, selection=unled)
    messages = [dict(LEAD), *chosen.rendered.messages]
    return replace(chosen, rendered=replace(chosen.rendered, messages=messages))


# -- the account -------------------------------------------------------------------------------


def _parts(budget: Budget, selection: Selection) -> tuple[Part, ...]:
    named = [
        Part("system", budget.system),
        Part("tools", budget.tools),
        _part("retained", selection.retained),
        _part("recent", selection.recent),
        _part("new", selection.new),
    ]
    lead = selection.used - sum(part.tokens for part in named)
    named[3] = replace(named[3], tokens=named[3].tokens + lead)
    return tuple(part for part in named if part.tokens or part.messages)


def _part(name: str, units: Sequence[Unit]) -> Part:
    seqs = sorted(item.seq for unit in units for item in unit.items)
    return Part(name, sum(unit.tokens for unit in units), _ranges(seqs))


def _ranges(seqs: Iterable[int]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for seq in seqs:
        if found and found[-1][1] + 1 == seq:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return tuple(found)


def _notices(selection: Selection, reading: Reading) -> Iterable[Mapping[str, Any]]:
    if selection.stalled:
        yield {"code": "newest_step_left_out"}
    for seq in reading.lost_pins:
        yield {"code": "pinned_left_out", "seq": seq}


_REASONS = {
    assembly.BUDGET: "does not fit the budget",
    assembly.BLOCK: "cut in blocks so that the prefix stays",
    assembly.TURNS: "older than the turns kept",
    None: "does not fit the budget",
}


def _stretches(
    store: Reader, frame: _Frame, selection: Selection, reading: Reading
) -> Iterable[Stretch]:
    """Every message that was not chosen, in order."""
    chosen = {item.seq: item for unit in selection.units() for item in unit.items}
    broken = {
        item.seq: str(unit.broken)
        for unit in reading.history.units
        if unit.broken
        for item in unit.items
    }
    why = _REASONS[selection.cut]
    suffix = reading.suffix
    unread = suffix[0].seq - 1 if suffix else frame.end
    yield from _unread(store, frame, [s for s in chosen if s <= unread], (unread, why))
    for row in suffix:
        if row.seq not in chosen:
            before = row.tokens_total - row.tokens
            fate, reason = _fate(row, frame.overlay, broken.get(row.seq, why))
            yield Stretch(row.seq, row.seq, before, row.tokens_total, fate, reason)


def _fate(row: StoredMessage, overlay: State, reason: str) -> tuple[str, str]:
    if in_ranges(row.seq, overlay.retracted):
        return "retracted", "retracted"
    return "verbatim", reason if row.body else "erased"


def _unread(
    store: Reader, frame: _Frame, chosen: Sequence[int], rest: tuple[int, str]
) -> Iterable[Stretch]:
    """The messages before those that were read, by running totals alone."""
    last, why = rest
    marks = [(seq, seq, True) for seq in chosen]
    marks += [(a, min(b, last), False) for a, b in frame.overlay.retracted if a <= last]
    at, total = 1, 0
    for first, end, shown in sorted(marks):
        before = store.totals(frame.session.number, first - 1)[0]
        after = store.totals(frame.session.number, end)[0]
        if first > at:
            yield Stretch(at, first - 1, total, before, "verbatim", why)
        if not shown:
            yield Stretch(first, end, before, after, "retracted", "retracted")
        at, total = end + 1, after
    if at <= last:
        yield Stretch(
            at, last, total, store.totals(frame.session.number, last)[0], "verbatim", why
        )


def _left_out_json(item: LeftOut) -> dict[str, Any]:
    return {
        "from": item.first,
        "to": item.last,
        "messages": item.last - item.first + 1,
        "tokens": item.tokens,
        "fate": item.fate,
        "reason": item.reason,
    }
