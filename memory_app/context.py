"""The context of a session: what the model sees next, within a token budget, and why.

`build` gathers rows, lets `core.assembly` decide, and renders the choice for a provider. The same
session, version, policy and budget give the same messages and digest for ever.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import inf
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from memory_app import (
    account,
    contextfacts,
    contextsummary,
    policies,
    providing,
    recall,
    recalling,
    retelling,
    shortening,
)
from memory_app import (
    facts as remembered,
)
from memory_app.contextfacts import Remembered
from memory_app.contextsummary import Told
from memory_app.core import assembly
from memory_app.core.assembly import Budget, History, LeftOut, NearMiss, Selection, Stretch
from memory_app.core.policy import Policy
from memory_app.core.steps import Unit
from memory_app.history import MARGIN, Extent, HistoryReader, Reading
from memory_app.policies import Stored
from memory_app.providing import Answer
from memory_app.recall import Found
from memory_app.retelling import Candidates, Retold
from sessions_app import clock, conditions, ids
from sessions_app.core import errors, forms
from sessions_app.core.appending import FAR_PAST_ITS_USE
from sessions_app.core.replay import State
from sessions_app.store.base import InEpoch, Snapshot
from sessions_app.store.reading import Reader

FORMS = ("openai", "anthropic", "responses")
PARTS = ("retained", "recent", "new")
ORDER = (
    "system", "tools", "summary", "resume", "facts", "retained", "recent", "recalled", "new",
)  # fmt: skip
"""Parts in the order in which they are sent; facts that were asked for come later."""
ASKED_ORDER = (*(name for name in ORDER[:-1] if name != "facts"), "facts", "new")
VOLATILE = ("recalled", "new")

_WITHOUT = ("recalled_without_vectors", "provider_left_out")
"""Notices of a part that did not answer."""
_NO_FAILURES = ("no_room", "past_version")

# Anthropic takes no conversation that begins with the assistant. Where one does, it is led by this
# user message, which is paid for like the rest.
LEAD = {"role": "user", "content": "(The conversation begins with the assistant.)"}
LEAD_TOKENS = 14


@dataclass(frozen=True, slots=True)
class Ask:
    """What context is wanted: at most `tokens` (None: what the policy leaves), in a provider's
    `form`, as of version `at` (None: now), under `policy` (None: the session's own), of which
    `policy_version` names one version (None: the newest as of then). `tried` are rules that stand
    in the place of any stored policy, `pinned` messages that are shown as if they were pinned."""

    tokens: int | None = None
    query: str | None = None
    form: str = "openai"
    at: int | None = None
    policy: str | None = None
    policy_version: int | None = None
    tried: Stored | None = None
    pinned: tuple[int, ...] = ()


class Choices(NamedTuple):
    """What was chosen for a context by what was known then, beside the log: with them the same
    context can be built whatever is remembered, edited or ranked otherwise since.

    `now_us` is when, `reserved` the tokens kept from the newest messages for what stands beside
    them, `must` those of facts that had to be there, `likely` whether earlier turns may have
    answered. `turns` are the earlier turns told, by session (its number) their seqs, and
    `revisions` those of the facts, in their order.
    """

    now_us: int
    reserved: int
    must: int
    likely: bool
    turns: Mapping[int, Sequence[int]]
    revisions: tuple[int, ...]


class Chosen(NamedTuple):
    """The choices for a context that was kept, and the ids of the facts in it."""

    choices: Choices
    facts: tuple[UUID, ...]


class Part(NamedTuple):
    """One part of a context: its tokens, the ranges of messages in it, (from, to) in seq, the ids
    of its facts, and the id of the compression whose summary it is."""

    name: str
    tokens: int
    messages: tuple[tuple[int, int], ...] = ()
    facts: tuple[str, ...] = ()
    summary: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The part as the HTTP contract shows it."""
        return {
            "name": self.name,
            "tokens": self.tokens,
            "messages": [list(span) for span in self.messages],
            "facts": list(self.facts),
            "summary": self.summary,
        }


@dataclass(frozen=True, slots=True)
class Context:
    """What goes to the model, and the account of it. `messages` are in the provider's `form`;
    `system` is apart for Anthropic and None elsewhere; `digest` covers all that is sent. `provided`
    are the names of context providers and what of theirs is sent."""

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
    mode: str = conditions.FULL
    volatile: tuple[str, ...] = ("new",)
    provided: tuple[tuple[str, str], ...] = ()
    choices: Choices | None = None
    retold: Retold | None = None

    @property
    def stable_prefix_tokens(self) -> int:
        """Tokens before the first part that the next turn surely changes."""
        return self.tokens - sum(part.tokens for part in self.parts if part.name in self.volatile)

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
            "near_misses": [_near_miss_json(miss) for miss in self.near_misses],
            "stable_prefix_tokens": self.stable_prefix_tokens,
            "notices": [dict(notice) for notice in self.notices],
            "digest": self.digest,
            "mode": self.mode,
            "took_ms": self.took_ms,
        }


def build(
    store: Reader,
    project: int,
    session: UUID | Snapshot | InEpoch,
    ask: Ask = Ask(),
    found: Found | None = None,
    answers: Sequence[Answer] | None = None,
    before: Chosen | None = None,
) -> Context:
    """The context of a session; `found` is what was found for the query already, and `answers` what
    context providers said already. These are host code: in a transaction they must be given. With
    `before` nothing is chosen anew that was chosen then. Of a session without its epoch all is read
    anew.

    Raises NotFound, SessionDeleted, VersionNotFound, BudgetTooSmall (with `least`), InvalidField.
    """
    with store.db.reading():
        began = time.perf_counter()
        frame = _frame(store, project, session, ask)
        reader = HistoryReader(store, frame.session, frame.state, frame.known)
        extent = _extent(reader, frame)
        frame, reading = _shortened(reader, frame, extent, reader.read(extent))
        frame, reading = _fronted(reader, frame, reading)
        if answers is None:
            answers = providing.answers(frame.session, ask.query, past=ask.at is not None)
        frame = _with_provided(frame, reading, answers)
        candidates = None
        if before is None:
            frame = _with_facts(reader, frame, ask, reading)
            frame = _with_values(reader, frame, reading)
            candidates = _candidates(reader, frame, ask, reading, found)
            frame = _with_turns(frame, reading, candidates)
        else:
            frame = _as_before(_with_values(reader, frame, reading), before.choices)
        chosen = _chosen(reader, frame, reading)
        if before is None:
            told = _tells(reader, frame, ask, chosen.selection, candidates)
        else:
            told = _told_before(reader, frame, ask, chosen.selection, before)
        made = _Made(frame, reading, _with_tells(reader, frame, chosen, told), told, candidates)
        reader.tail.keep()
        return _context(reader, made, began)


class _Made(NamedTuple):
    """All that a context is put together from."""

    frame: _Frame
    reading: Reading
    chosen: _Chosen
    told: _Tells
    candidates: Candidates | None


def _context(reader: HistoryReader, made: _Made, began: float) -> Context:
    """The context with its account; `began` is when building it did, by the performance counter."""
    frame, reading, (selection, rendered, _), told, candidates = made
    tools = forms.tools(frame.form, list(frame.state.tools))
    runs = {name: account.runs(reader, getattr(selection, name)) for name in PARTS}
    places = candidates.found.places if candidates else None
    runs["recalled"] = account.stretches(reader, told.turns.seqs, places) if told.turns else []
    shown = [run for part in runs.values() for run in part]
    used = selection.used + told.tokens
    notices = (
        *frame.notices,
        *_notices(reader, frame, selection, reading),
        *(candidates.found.notices if candidates else ()),
    )
    return Context(
        id=ids.new_id(),
        session=frame.session.id,
        version=frame.version,
        form=frame.form,
        policy=(frame.policy.name, frame.policy.version),
        messages=rendered.messages,
        system=rendered.system,
        tools=tools,
        tokens=used,
        limit=frame.budget.limit,
        parts=_parts(frame, selection, runs, told),
        left_out=account.left_out(reader, frame.state, frame.end, reading, shown, selection.cut),
        near_misses=(
            *_near_misses(frame, reading.history, selection.near_misses),
            *told.near_misses,
        ),
        notices=notices,
        digest=digest(rendered.system, tools, rendered.messages),
        took_ms=round((time.perf_counter() - began) * 1000, 3),
        mode=_mode(notices),
        volatile=_volatile(frame),
        provided=tuple((block.name, block.said_by) for block in frame.provided),
        choices=_choices(frame, told),
        retold=told.turns,
    )


def _mode(notices: Sequence[Mapping[str, Any]]) -> str:
    """`partial` where something that was asked, or was to be, did not answer."""
    for notice in notices:
        if notice["code"] in _WITHOUT and notice.get("reason") not in _NO_FAILURES:
            return conditions.PARTIAL
    return conditions.FULL


def _choices(frame: _Frame, told: _Tells) -> Choices:
    return Choices(
        frame.now_us,
        frame.reserved,
        frame.must,
        frame.likely,
        told.turns.turns if told.turns else {},
        told.facts.revisions if told.facts else (),
    )


def _as_before(frame: _Frame, choices: Choices) -> _Frame:
    return replace(
        frame,
        now_us=choices.now_us,
        reserved=choices.reserved,
        must=choices.must,
        likely=choices.likely,
    )


def _volatile(frame: _Frame) -> tuple[str, ...]:
    """The parts that change with every question, or with what the host has to say."""
    asked = ("facts", *VOLATILE) if frame.queried else VOLATILE
    return (*asked, *(block.name for block in frame.provided))


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
    policy: Stored
    budget: Budget
    state: State
    notices: tuple[Mapping[str, Any], ...]
    queried: bool = False
    summary: Told | None = None
    values: bool = False
    reserved: int = 0
    facts: Sequence[Remembered] = ()
    must: int = 0
    now_us: int = 0
    likely: bool = False
    provided: tuple[providing.Block, ...] = ()
    known: InEpoch | None = None

    @property
    def floor(self) -> int:
        """The messages 1..floor are folded, as far as this policy folds."""
        return self.state.folded if self.policy.rules.folds else 0


def _known(store: Reader, project: int, session: UUID | Snapshot | InEpoch) -> InEpoch | Snapshot:
    """The session row, read now where only its name is given."""
    return store.get_in_epoch(project, session) if isinstance(session, UUID) else session


def _frame(store: Reader, project: int, session: UUID | Snapshot | InEpoch, ask: Ask) -> _Frame:
    if ask.form not in FORMS:
        raise errors.InvalidField(f"`format` must be one of {', '.join(FORMS)}.", param="format")
    known = _known(store, project, session)
    in_epoch = known if isinstance(known, InEpoch) else None
    found = known.session if isinstance(known, InEpoch) else known
    state = store.present(known) if ask.at is None else store.state(found, ask.at)
    if ask.pinned:
        state = state.with_pins(ask.pinned)
    policy = _policy(store, known, ask, state)
    limit, notices = _limit(ask.tokens, policy.rules)
    spare = LEAD_TOKENS if ask.form == "anthropic" else 0
    return _Frame(
        session=found,
        version=found.version if ask.at is None else ask.at,
        end=found.messages if ask.at is None else store.messages_at(found, ask.at),
        form=ask.form,
        policy=policy,
        budget=Budget(limit, state.system_tokens, state.tools_tokens, spare=spare),
        state=state,
        notices=notices,
        queried=bool(ask.query),
        # What is read in a transaction may never be committed, and then was another way.
        known=None if store.db.nested else in_epoch,
    )


def _policy(store: Reader, known: InEpoch | Snapshot, ask: Ask, state: State) -> Stored:
    """The policy that was asked for, as it stood at the version, else the session's own."""
    if ask.tried is not None:
        return ask.tried
    session = known.session if isinstance(known, InEpoch) else known
    if ask.policy is None and ask.at is None and isinstance(known, InEpoch):
        return policies.of_session(store, known)
    if ask.policy is None:
        return policies.stored(store, session.project, *state.policy)
    if ask.policy_version is not None:
        return policies.stored(store, session.project, ask.policy, ask.policy_version)
    at = None if ask.at is None else _time_of(store, session, ask.at)
    return policies.named_at(store, session.project, ask.policy, at)


def _time_of(store: Reader, session: Snapshot, version: int) -> int:
    """When the entry with this version was stored, in microseconds."""
    said, events = store.entries_after(session, version - 1, 1)
    times = [(entry.version, entry.created_us) for entry in said]
    times += [(entry.version, entry.created_us) for entry in events]
    return min(times)[1]


def _limit(tokens: int | None, policy: Policy) -> tuple[int, tuple[Mapping[str, Any], ...]]:
    if tokens is None:
        return policy.capacity, ()
    if tokens < 1:
        raise errors.InvalidField("`tokens` must be at least 1.", param="tokens")
    if tokens > policy.window:
        return policy.window, ({"code": "tokens_clamped", "limit": policy.window},)
    return tokens, ()


# -- choosing ----------------------------------------------------------------------------------


class _Chosen(NamedTuple):
    """What is sent, and whether LEAD is in it."""

    selection: Selection
    rendered: forms.Rendered
    led: bool = False


def _chosen(reader: HistoryReader, frame: _Frame, reading: Reading) -> _Chosen:
    """What is sent, led by LEAD where Anthropic would see it begin with the assistant."""
    if frame.form != "anthropic":
        return _selected(reader, frame, frame.budget, reading)
    must = assembly.musts(reading.history)
    if not _begins_with_user(_rendered(reader, frame, [must[seq] for seq in sorted(must)])):
        return _led(reader, frame, reading)
    plain = _selected(reader, frame, frame.budget, reading)
    if _begins_with_user(plain.rendered):
        return plain
    try:
        return _led(reader, frame, reading)
    except errors.BudgetTooSmall as error:
        # There is room for what must be there and not for LEAD, which that alone does not need.
        limit = int(error.details["least"]) - LEAD_TOKENS
        return _selected(reader, frame, replace(frame.budget, limit=limit), reading)


def _led(reader: HistoryReader, frame: _Frame, reading: Reading) -> _Chosen:
    """The choice with LEAD paid for; if it begins with the user, LEAD is not needed after all."""
    budget = replace(frame.budget, lead=LEAD_TOKENS, spare=0)
    led = _selected(reader, frame, budget, reading)
    if _begins_with_user(led.rendered):
        return _without_lead(led)
    messages = [dict(LEAD), *led.rendered.messages]
    return led._replace(rendered=replace(led.rendered, messages=messages), led=True)


def _without_lead(chosen: _Chosen) -> _Chosen:
    used = chosen.selection.used - LEAD_TOKENS
    return _Chosen(replace(chosen.selection, used=used), chosen.rendered)


def _selected(reader: HistoryReader, frame: _Frame, budget: Budget, reading: Reading) -> _Chosen:
    room = replace(budget, limit=budget.limit - frame.reserved)
    selection = assembly.select(room, reading.history, frame.policy.rules)
    return _Chosen(selection, _rendered(reader, frame, selection.units()))


def _rendered(reader: HistoryReader, frame: _Frame, units: Iterable[Unit]) -> forms.Rendered:
    seqs = [item.seq for unit in units for item in unit.items]
    said = reader.decode(seqs)
    if frame.summary is not None:
        said = [frame.summary.said(), *said]
    return forms.render(frame.form, said, system=frame.state.system)


def _with_tells(reader: HistoryReader, frame: _Frame, chosen: _Chosen, told: _Tells) -> _Chosen:
    """What is sent, with the blocks in it. Facts that nobody asked for stand behind the summary and
    stay as long as it does; what changes with every question stands right before it, or before the
    newest step where the question was answered."""
    if not told.tokens and not frame.provided:
        return chosen
    selection = chosen.selection
    seqs = [item.seq for unit in selection.units() for item in unit.items]
    said = reader.decode(seqs)
    newest = selection.new or selection.recent[-1:]
    at = len(said) - sum(len(unit.items) for unit in newest)
    first = [frame.summary] if frame.summary else []
    last = [told.recalled] if told.recalled else []
    if told.turns is not None:
        last.append(told.turns.told)
    if told.facts is not None:
        (last if frame.queried else first).append(told.facts)
    last += [block.told for block in frame.provided]
    blocks_ = [block.said() for block in last]
    said = [*(block.said() for block in first), *said[:at], *blocks_, *said[at:]]
    rendered = forms.render(frame.form, said, system=frame.state.system)
    if not chosen.led:
        return chosen._replace(rendered=rendered)
    if _begins_with_user(rendered):
        return _without_lead(chosen._replace(rendered=rendered))
    messages = [dict(LEAD), *rendered.messages]
    return chosen._replace(rendered=replace(rendered, messages=messages))


def _extent(reader: HistoryReader, frame: _Frame) -> Extent:
    turns = reader.turns(frame.end, whole=frame.end == frame.session.messages)
    tokens = assembly.needed(frame.budget)
    oldest = assembly.first_turn(frame.policy.rules, turns)
    guess = _guess(frame.session, tokens, turns - oldest + 1)
    room = assembly.room(frame.budget)
    return Extent(frame.end, turns, room, tokens, oldest, guess, frame.floor)


def _shortened(
    reader: HistoryReader, frame: _Frame, extent: Extent, reading: Reading
) -> tuple[_Frame, Reading]:
    """The reading with a newest step that fits, where shortening its results makes it fit; and as
    much more of what is older as that leaves room for."""
    if not frame.policy.rules.folds:
        return frame, reading
    fitted, seqs = shortening.shortened(reader, frame.budget, reading.history)
    if fitted is None:
        return frame, reading
    units = reading.history.units
    saved = sum([unit.tokens for unit in units if unit.seq == fitted.seq]) - fitted.tokens
    room, tokens = extent.room + saved, extent.tokens + saved
    more = reader.read(replace(extent, room=room, tokens=tokens))
    units = [fitted if unit.seq == fitted.seq else unit for unit in more.history.units]
    told = ({"code": "tool_output_shortened", "seq": seq} for seq in seqs)
    notices = (*frame.notices, *told)
    return replace(frame, notices=notices), more._replace(
        history=replace(more.history, units=units)
    )


def _fronted(reader: HistoryReader, frame: _Frame, reading: Reading) -> tuple[_Frame, Reading]:
    """The frame with room for the summary in it, and the reading with what is kept."""
    rules = frame.policy.rules
    found = contextsummary.front(reader, frame.state, frame.budget, reading.history, rules)
    notices = frame.notices
    if found.short:
        notices = (*notices, {"code": "summary_shortened"})
    budget = replace(frame.budget, summary=found.summary.tokens if found.summary else 0)
    history = replace(reading.history, kept=found.kept)
    changed = replace(frame, budget=budget, summary=found.summary, notices=notices)
    return changed, reading._replace(history=history)


def _with_facts(reader: HistoryReader, frame: _Frame, ask: Ask, reading: Reading) -> _Frame:
    """The frame with what is known of the session's user from elsewhere, and room reserved for what
    of it must be there. As of a version that is what was known when it came, for ever."""
    session = frame.session
    if session.user is None or not frame.policy.rules.folds:
        return frame
    until = None if ask.at is None else _time_of(reader.store, session, frame.version) + 1
    frame = replace(frame, now_us=clock.now_us() if until is None else until)
    found = contextfacts.of_user(reader.store, session, ask.query, until)
    old_us = contextfacts.old_us(frame.policy.rules.preference_days, frame.now_us)
    must = contextfacts.room_for([fact for fact in found if contextfacts.must(fact)], old_us)
    share = int(frame.policy.rules.facts * frame.budget.limit)
    room = min(must, share, contextsummary.free(frame.budget, reading.history)) if must else 0
    return replace(frame, facts=found, must=room, reserved=frame.reserved + room)


def _with_provided(frame: _Frame, reading: Reading, answers: Sequence[Answer]) -> _Frame:
    """The frame with what context providers said, as far as there is room beside what must be
    there: it goes before the newest steps, as the host gave it a budget of its own."""
    if not answers:
        return frame
    room = contextsummary.free(frame.budget, reading.history)
    blocks_, notices = providing.fitted(answers, room)
    return replace(
        frame,
        budget=replace(frame.budget, provided=sum([block.told.tokens for block in blocks_])),
        notices=(*frame.notices, *notices),
        provided=blocks_,
    )


def _with_values(reader: HistoryReader, frame: _Frame, reading: Reading) -> _Frame:
    """The frame with room reserved for values of earlier tool results: where not everything fits,
    and a tool answered."""
    history, budget = reading.history, frame.budget
    if not frame.policy.rules.folds:
        return frame
    all_ = _all(budget, history)
    if all_ <= budget.limit and not frame.floor:
        return frame
    if not recalling.is_wanted(reader, history.units, frame.end):
        return frame
    room = _of_values(frame, budget, history, all_)
    return replace(frame, values=True, reserved=frame.reserved + room)


def _of_values(frame: _Frame, budget: Budget, history: History, all_: float) -> int:
    """What is reserved for values within a budget, where a tool answered; all that is not folded
    would take `all_`."""
    free = contextsummary.free(budget, history) if all_ > budget.limit else 0
    most = int(frame.policy.rules.recalled * budget.limit)
    return min(max(0, free - frame.must), most, recalling.MOST)


def _near_misses(
    frame: _Frame, history: History, found: tuple[NearMiss, ...]
) -> tuple[NearMiss, ...]:
    """The near misses of messages, by what the whole budget is short of: of what it rises by,
    values take their share."""
    if not frame.values:
        return found
    all_ = _all(frame.budget, history)
    reserved = _of_values(frame, frame.budget, history, all_)

    def gained(more: int) -> int:
        wider = replace(frame.budget, limit=frame.budget.limit + more)
        return more - _of_values(frame, wider, history, all_) + reserved

    return tuple(
        [miss._replace(short_by=assembly.least_rise(miss.short_by, gained)) for miss in found]
    )


def _candidates(
    reader: HistoryReader, frame: _Frame, ask: Ask, reading: Reading, found: Found | None
) -> Candidates | None:
    """The earlier turns that may answer the question; None where nothing is asked. As of an earlier
    version they are of this session alone: what the others said since is not known apart."""
    if not ask.query or not frame.policy.rules.folds:
        return None
    session, store = frame.session, reader.store
    if found is not None:
        pass
    elif ask.at is None:
        found = recall.recall(store, session, ask.query)
    else:
        found = recall.recall_at(store, session, ask.query, frame.end, frame.state)
    # A step without its results is named as left out, and stays so.
    broken = {
        item.seq for unit in reading.history.units if unit.broken is not None for item in unit.items
    }
    return Candidates(found, session.number, frame.end, broken)


def _with_turns(frame: _Frame, reading: Reading, candidates: Candidates | None) -> _Frame:
    """The frame with room reserved for earlier turns beside the newest ones."""
    if candidates is None or not candidates.turns:
        return frame
    history, budget = reading.history, frame.budget
    free = contextsummary.free(budget, history) - frame.reserved
    rules = frame.policy.rules
    kept = sum([unit.tokens for unit in history.kept])
    # What retained messages leave of their share goes to earlier turns too.
    most = int((rules.recalled + rules.retained) * budget.limit) - kept - frame.reserved
    room = retelling.reserved(candidates, budget, history, free=free, most=most)
    return replace(frame, likely=True, reserved=frame.reserved + room)


def _all(budget: Budget, history: History) -> float:
    """What all that is not folded would take; without end where not all of it was read."""
    there = [*assembly.musts(history).values(), *history.kept]
    seqs = {unit.seq for unit in there}
    shown = [unit for unit in history.units if unit.broken is None and unit.seq not in seqs]
    tokens = sum([unit.tokens for unit in (*there, *shown)])
    return budget.fixed + tokens if history.whole else inf


class _Tells(NamedTuple):
    """The blocks beside messages: facts, values of earlier results, earlier turns."""

    facts: Told | None = None
    recalled: Told | None = None
    turns: Retold | None = None

    facts_missed: tuple[NearMiss, ...] = ()

    @property
    def near_misses(self) -> tuple[NearMiss, ...]:
        return (*self.facts_missed, *(self.turns.near_misses if self.turns else ()))

    @property
    def tokens(self) -> int:
        blocks_ = (self.facts, self.recalled, self.turns.told if self.turns else None)
        return sum([told.tokens for told in blocks_ if told is not None])


def _tells(
    reader: HistoryReader,
    frame: _Frame,
    ask: Ask,
    selection: Selection,
    candidates: Candidates | None,
) -> _Tells:
    """What fits beside the messages. The room of facts moves in quarters of their share, so that a
    session that fills up changes them seldom."""
    rules = frame.policy.rules
    if not rules.folds:
        return _Tells()
    free = frame.budget.limit - selection.used
    recalled = _values(reader, frame, ask, selection, free)
    free -= recalled.tokens if recalled else 0
    seqs = {item.seq for unit in selection.units() for item in unit.items}
    facts, missed = _facts(reader, frame, ask, free, seqs)
    free -= facts.tokens if facts else 0
    turns = None
    if candidates is not None:
        turns = retelling.retold(candidates, seqs, room=free)
    return _Tells(facts, recalled, turns, missed)


def _told_before(
    reader: HistoryReader, frame: _Frame, ask: Ask, selection: Selection, before: Chosen
) -> _Tells:
    """What stood beside the messages then."""
    if not frame.policy.rules.folds:
        return _Tells()
    store, number = reader.store, frame.session.number
    recalled = _values(reader, frame, ask, selection, frame.budget.limit - selection.used)
    revisions = dict(zip(before.facts, before.choices.revisions, strict=True))
    rows = remembered.at_revisions(store, revisions) if revisions else []
    old_us = contextfacts.old_us(frame.policy.rules.preference_days, frame.now_us)
    facts = contextfacts.stated(rows, number, old_us) if rows else None
    return _Tells(facts, recalled, retelling.again(store, before.choices.turns, number))


def _values(
    reader: HistoryReader, frame: _Frame, ask: Ask, selection: Selection, free: int
) -> Told | None:
    """Values of earlier tool results, as many as fit; so many tokens are free."""
    if not frame.values:
        return None
    # Where messages were cut, what these left is better spent on values than on nothing.
    most = free if selection.cut is not None else frame.policy.rules.summary_tokens
    if frame.likely:
        most = min(most, free // 2)
    return recalling.recalled(
        reader, selection, frame.end, room=min(free - frame.must, most), query=ask.query
    )


def _facts(
    reader: HistoryReader, frame: _Frame, ask: Ask, free: int, shown: Container[int]
) -> tuple[Told | None, tuple[NearMiss, ...]]:
    share = int(frame.policy.rules.facts * frame.budget.limit)
    quarter = max(1, share // 4)
    room = max(min(share, free // quarter * quarter), min(frame.must, free))
    wanted = contextfacts.Wanted(
        frame.version,
        room,
        ask.query,
        frame.state.retracted,
        frame.summary.text if frame.summary else "",
        frame.facts,
        shown,
        contextfacts.old_us(frame.policy.rules.preference_days, frame.now_us),
        frame.known,
    )
    return contextfacts.facts(reader.store, frame.session, wanted)


def _guess(session: Snapshot, tokens: int, turns: int) -> int:
    """How many messages `tokens` or `turns` come to, going by the session's averages."""
    said = max(1, session.messages)
    by_tokens = tokens * said // max(1, session.tokens)
    by_turns = turns * said // max(1, session.turns)
    return min(by_tokens, by_turns) + MARGIN + 4


def _begins_with_user(rendered: forms.Rendered) -> bool:
    return not rendered.messages or rendered.messages[0]["role"] == "user"


# -- the account -------------------------------------------------------------------------------


def _parts(
    frame: _Frame, selection: Selection, runs: Mapping[str, list[Stretch]], told: _Tells
) -> tuple[Part, ...]:
    budget, summary = frame.budget, frame.summary
    named = {"system": Part("system", budget.system), "tools": Part("tools", budget.tools)}
    if summary is not None:
        named[summary.name] = Part(summary.name, summary.tokens, summary=frame.state.summary)
    provided = {block.name: Part(block.name, block.told.tokens) for block in frame.provided}
    named |= provided
    named |= {name: _part(name, getattr(selection, name), runs[name]) for name in PARTS}
    lead = selection.used - sum([part.tokens for part in named.values()])
    if lead:
        named["recent"] = named["recent"]._replace(tokens=named["recent"].tokens + lead)
    if told.facts is not None:
        named["facts"] = Part("facts", told.facts.tokens, facts=told.facts.facts)
    recalled = [told.recalled, told.turns.told if told.turns else None]
    tokens = sum([block.tokens for block in recalled if block is not None])
    if tokens:
        spans = tuple([(run.first, run.last) for run in runs["recalled"]])
        named["recalled"] = Part("recalled", tokens, spans)
    order = ASKED_ORDER if frame.queried else ORDER
    found = [named[name] for name in (*order[:-1], *provided, order[-1]) if name in named]
    return tuple([part for part in found if part.tokens or part.messages])


def _part(name: str, units: Sequence[Unit], runs: list[Stretch]) -> Part:
    ranges = tuple([(run.first, run.last) for run in runs])
    return Part(name, sum([unit.tokens for unit in units]), ranges)


def _notices(
    reader: HistoryReader, frame: _Frame, selection: Selection, reading: Reading
) -> Iterable[Mapping[str, Any]]:
    if selection.stalled:
        yield {"code": "newest_step_left_out"}
    for seq in reading.lost_pins:
        yield {"code": "pinned_left_out", "seq": seq}
    yield from _about_size(reader, frame)


def _about_size(reader: HistoryReader, frame: _Frame) -> Iterable[Mapping[str, Any]]:
    """What there is to say about how full the session was at this version."""
    session, rules = frame.session, frame.policy.rules
    if not rules.folds:
        return
    tokens, active = reader.total(frame.end), session.active_tokens
    if frame.version != session.version:
        active = reader.store.active_tokens(session.number, frame.state, (frame.end, tokens))
    level = round(active / rules.capacity, 4)
    if frame.summary is not None:
        yield {"code": "context_summarised", "level": level}
    if active >= rules.notice_tokens:
        yield {"code": "context_nearly_full", "level": level}
    if tokens >= FAR_PAST_ITS_USE * rules.capacity:
        yield {"code": "reset_advised", "tokens": tokens}


def _near_miss_json(miss: NearMiss) -> dict[str, Any]:
    shown = {
        "seq": miss.seq or None,
        "tokens": miss.tokens,
        "short_by": miss.short_by,
        "reason": miss.reason,
    }
    return {**shown, "fact": miss.fact} if miss.fact else shown


def _left_out_json(item: LeftOut) -> dict[str, Any]:
    return {
        "from": item.first,
        "to": item.last,
        "messages": item.messages,
        "tokens": item.tokens,
        "fate": item.fate,
        "reason": item.reason,
    }
