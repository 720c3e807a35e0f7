"""Contexts that were kept: what the model saw, to be shown and proved later.

A record holds what a context was made of and its digest, not its messages: the log has those, and
the context as of that version is built again when it is asked for. What context providers said is
not in the log, so the record has it word for word. It is written before the answer
that names it goes out, so that an id which was given is one that is found.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import IntegrityError

from memory_app import context, providing
from memory_app.context import Ask, Choices, Chosen, Context, Part
from memory_app.core import spans
from memory_app.models import ContextRecord, Injection
from memory_app.providing import Answer
from memory_app.statements import INSERT_CONTEXT, INSERT_INJECTION, KEEP_PROVIDED
from sessions_app import clock
from sessions_app.core import errors, instants
from sessions_app.store.base import PAGE_OCTETS, Guard, Snapshot, Window
from sessions_app.store.durable import DurableStore, replayed
from sessions_app.store.reading import Reader

LOOK_AHEAD = 500
"""Messages after a context that are looked through for answers to it."""
MOST_TRACED = 200
"""Newest contexts of a session in which a phrase is looked for."""
MOST_WITHOUT = 10
"""Newest of those without it that are told."""


class Kept(NamedTuple):
    """What a repeated request to record needs: the id of the record, its version, how long the
    context took to build."""

    id: UUID
    version: int
    took_ms: float


def write(store: DurableStore, session: Snapshot, built: Context, query: str | None) -> None:
    """Keeps a context that was built, with the facts in it, in a transaction of the caller's, who
    undoes it all where this fails. The session stays as it is, its version too."""
    account = [
        [part.name, part.tokens, spans.packed(part.messages), part.summary] for part in built.parts
    ]
    row = (
        built.id.hex, session.number, ContextRecord.BUILT, built.version, built.form, *built.policy,
        query or "", "", built.limit, built.tokens, orjson.dumps(account).decode(),
        bytes.fromhex(built.digest), clock.now_us(), choices_text(built.choices),
    )  # fmt: skip
    facts = [fact for part in built.parts for fact in part.facts]
    record = insert(store, row)
    if built.provided:
        store.db.run(KEEP_PROVIDED, (orjson.dumps(built.provided).decode(), record))
    if facts:
        put = [(record, place, UUID(fact).hex) for place, fact in enumerate(facts)]
        store.db.run_many(INSERT_INJECTION, put)


def choices_text(choices: Choices | None) -> str:
    """Choices as they are stored: the numbers in the order of their fields, of each session its
    number and its packed seqs."""
    if choices is None:
        return ""
    turns = [
        [number, spans.packed((seq, seq) for seq in seqs)] for number, seqs in choices.turns.items()
    ]
    edited = choices.revisions if any(one != 1 for one in choices.revisions) else ()
    now, reserved, must, likely, _, _ = choices
    return orjson.dumps([now, reserved, must, likely, turns, edited]).decode()


def choices_of(store: Reader, row: ContextRecord) -> Chosen | None:
    """What was chosen for a record; None for one of before choices were kept."""
    if not row.choices:
        return None
    now, reserved, must, likely, turns, revisions = orjson.loads(row.choices)
    told = {number: [seq for seq, _ in spans.unpacked(packed)] for number, packed in turns}
    with store.db.reading():
        facts = tuple(UUID(fact) for fact in _facts(store, row))
    every = tuple(revisions) or (1,) * len(facts)
    if len(every) != len(facts):
        facts, every = (), ()  # a fact was erased: what is left is not what was sent
    return Chosen(Choices(now, reserved, must, likely, told, every), facts)


def insert(store: DurableStore, row: Sequence[Any]) -> int:
    """Stores a row of the columns CONTEXT and gives its number."""
    ((number,),) = store.db.rows(INSERT_CONTEXT, row)
    return int(number)


@replayed
def build(store: DurableStore, project: int, session: UUID, ask: Ask, guard: Guard) -> Context:
    """The context, kept. A repeated request gets the one of the first, under the same id.

    Raises what `context.build` does, and IdempotencyMismatch.
    """
    with store.db.reading():
        known = store.known(project, guard.request)
    if known is not None:
        return _again(store, project, session, ask, Kept(*_read_kept(known)))
    found = store.get_in_epoch(project, session)
    built = context.build(store, project, found, ask)
    answer = orjson.dumps({"context": [built.id.hex, built.version, built.took_ms]}).decode()
    with unless_purged(), store.db.transaction():
        write(store, found.session, built, ask.query)
        store.remember(project, guard.request, 200, answer, found.session.number)
    return built


@contextmanager
def unless_purged() -> Iterator[None]:
    """Raises NotFound where a row has lost its session, which was purged meanwhile."""
    try:
        yield
    except IntegrityError:
        raise errors.NotFound("The session was purged meanwhile.") from None


def _read_kept(text: str) -> tuple[UUID, int, float]:
    number, version, took = orjson.loads(text)["context"]
    return UUID(number), version, took


def _again(store: Reader, project: int, session: UUID, ask: Ask, kept: Kept) -> Context:
    """The context of a record, as it was answered."""
    row = one(store, project, kept.id)
    asked = Ask(ask.tokens, ask.query, ask.form, kept.version, row.policy_name, row.policy_version)
    chosen = choices_of(store, row)
    built = context.build(store, project, session, asked, answers=_provided(row), before=chosen)
    return replace(built, id=kept.id, took_ms=kept.took_ms)


def _provided(row: ContextRecord) -> tuple[Answer, ...]:
    """What context providers said for it: the log does not have that."""
    return providing.recorded(orjson.loads(row.provided))


def provided(store: Reader, project: int, record: UUID) -> tuple[Answer, ...]:
    """What context providers said for the context with this id, none where it was not kept."""
    rows = ContextRecord.objects.of(project).using(store.db.alias)
    row = rows.filter(id=record).first()
    return () if row is None else _provided(row)


# -- shown ---------------------------------------------------------------------------------------


def one(store: Reader, project: int, record: UUID) -> ContextRecord:
    """A record by its id. Raises NotFound, SessionDeleted."""
    rows = ContextRecord.objects.of(project).using(store.db.alias)
    found: ContextRecord | None = rows.filter(id=record).select_related("session").first()
    if found is None:
        raise errors.NotFound(
            "There is no such context in this project. One is kept that was asked for with "
            "`record=true`, or sent to /sessions/{id}/contexts."
        )
    if found.session.status == found.session.DELETED:
        raise errors.SessionDeleted
    return found


def shown(store: Reader, project: int, record: UUID) -> dict[str, Any]:
    """A record as the HTTP contract shows it, with the context built again."""
    with store.db.reading():
        row = one(store, project, record)
        session = store.get(project, row.session.id)
        account = orjson.loads(row.account)
        about = {
            **_about(row, session),
            "answered_by": answers(store, session, row),
        }
        if row.kind == ContextRecord.OBSERVED:
            return {**about, "model": row.model or None, **account}
        facts = _facts(store, row)
    parts = [_part(item, facts) for item in account]
    return {**about, **_rebuilt(store, session, row, parts)}


def _about(row: ContextRecord, session: Snapshot) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "session": str(session.id),
        "kind": row.kind,
        "version": row.version,
        "query": row.query or None,
        "tokens": row.tokens,
        "digest": bytes(row.digest).hex(),
        "created_at": instants.render(row.created_us),
    }


def _facts(store: Reader, row: ContextRecord) -> tuple[str, ...]:
    rows = Injection.objects.using(store.db.alias).in_context(row.number)
    return tuple(str(found) for found in rows.values_list("fact__id", flat=True))


def _part(item: Sequence[Any], facts: tuple[str, ...]) -> Part:
    name, tokens, messages, summary = item
    held = facts if name == "facts" else ()
    return Part(name, tokens, spans.unpacked(messages), held, summary)


def _rebuilt(
    store: Reader, session: Snapshot, row: ContextRecord, parts: Sequence[Part]
) -> dict[str, Any]:
    """What the context was made of, what that gives today, and whether both are the same."""
    recorded = {
        "format": row.form,
        "policy": {"name": row.policy_name, "version": row.policy_version},
        "budget": {"limit": row.room, "used": row.tokens, "free": row.room - row.tokens},
        "parts": [part.as_json() for part in parts],
    }
    try:
        built = again(store, session, row)
    except errors.BudgetTooSmall:
        differs = [part.name for part in parts]
        return {**recorded, "messages": None, "proved": False, "differs": differs}
    rebuilt = built.as_json()
    del rebuilt["id"], rebuilt["took_ms"]
    digest = bytes(row.digest).hex()
    return {
        **rebuilt,
        **recorded,
        "tokens": row.tokens,
        "digest": digest,
        "proved": built.digest == digest,
        "rebuilt_digest": built.digest,
        "differs": [] if built.digest == digest else differing(parts, built.parts),
    }


def again(store: Reader, session: Snapshot, row: ContextRecord) -> Context:
    """The context of a record, built as it was. Raises BudgetTooSmall where what is there now
    needs more."""
    asked = Ask(
        row.room, row.query or None, row.form, row.version, row.policy_name, row.policy_version
    )
    said, chosen = _provided(row), choices_of(store, row)
    return context.build(store, session.project, session, asked, answers=said, before=chosen)


class Proof(NamedTuple):
    """A record of a context that was built here, and what it gives today: None where it cannot be
    built any more. `differs` are the parts that are not what they were."""

    row: ContextRecord
    built: Context | None
    proved: bool
    differs: Sequence[str]


def proof(store: Reader, session: Snapshot, row: ContextRecord) -> Proof:
    """Whether a record of a BUILT context gives what was sent, to the byte."""
    facts = _facts(store, row)
    parts = [_part(item, facts) for item in orjson.loads(row.account)]
    try:
        built = again(store, session, row)
    except errors.BudgetTooSmall:
        return Proof(row, None, False, [part.name for part in parts])
    proved = built.digest == bytes(row.digest).hex()
    return Proof(row, built, proved, [] if proved else differing(parts, built.parts))


def differing(before: Sequence[Part], after: Sequence[Part]) -> list[str]:
    """The names of the parts that are not the same in both; empty where only words differ."""
    first, second = ({part.name: part for part in parts} for parts in (before, after))
    names = [*first, *(name for name in second if name not in first)]
    return [name for name in names if first.get(name) != second.get(name)]


def answers(store: Reader, session: Snapshot, row: ContextRecord) -> list[int]:
    """The seqs of the messages that were appended as answers to this context. An answer follows
    its context, so only the messages right after it are read, no more of them than a page."""
    end = store.messages_at(session, row.version)
    later = store.messages(session, Window(after=end, limit=LOOK_AHEAD, octets=PAGE_OCTETS))
    names = {str(row.id), row.id.hex}
    return [message.seq for message in later if _answered(message.body) in names]


def _answered(body: str) -> str | None:
    """The context that a message says it answers."""
    if '"context"' not in body:
        return None
    found: Mapping[str, Any] = orjson.loads(body)
    value = found.get("context")
    return value if isinstance(value, str) else None


# -- traced --------------------------------------------------------------------------------------


class Phrase(NamedTuple):
    """Where a phrase stands: the seqs of messages that say it, the ids of compressions whose
    summary holds it, and the ids of facts that state it."""

    seqs: Sequence[int]
    summaries: Sequence[str]
    facts: Sequence[UUID]


class Traced(NamedTuple):
    """A kept context, and the names of the parts of it that held a phrase."""

    record: ContextRecord
    parts: Sequence[str]


def traced(store: Reader, session: Snapshot, phrase: Phrase) -> list[Traced]:
    """The newest MOST_TRACED kept contexts of a session, newest first."""
    rows = ContextRecord.objects.of(session.project).using(store.db.alias)
    rows = rows.filter(session_id=session.number).order_by("-version", "-number")[:MOST_TRACED]
    stated = _stating(store, session, phrase.facts)
    return [Traced(row, _holding(row, phrase, stated=row.number in stated)) for row in rows]


def holding(found: Sequence[Traced]) -> list[dict[str, Any]]:
    """Those that held the phrase and in which parts, as the contract shows them."""
    return [
        {"id": str(row.id), "kind": row.kind, "version": row.version, "parts": parts}
        for row, parts in found
        if parts
    ]


class Without(NamedTuple):
    """A kept context that did not hold a phrase, and the messages that answered it."""

    record: ContextRecord
    answers: Sequence[int]


def without(store: Reader, session: Snapshot, found: Sequence[Traced], since: int) -> list[Without]:
    """The newest of them that were kept at a version after `since`, did not hold the phrase, and
    were answered: at most MOST_WITHOUT, newest first."""
    rows = (row for row, parts in found if not parts and row.version > since)
    told = [Without(row, answers(store, session, row)) for row in islice(rows, MOST_WITHOUT)]
    return [one for one in told if one.answers]


def _stating(store: Reader, session: Snapshot, facts: Sequence[UUID]) -> set[int]:
    """The numbers of the session's records into which one of these facts was put."""
    if not facts:
        return set()
    rows = Injection.objects.using(store.db.alias).of_facts(facts)
    rows = rows.filter(context__session=session.number)
    return set(rows.values_list("context_id", flat=True))


def _holding(row: ContextRecord, phrase: Phrase, *, stated: bool) -> list[str]:
    account = orjson.loads(row.account)
    if row.kind == ContextRecord.OBSERVED:
        there = [(seq, seq + count - 1) for _, seq, count in account["there"]]
        return ["there"] if _any_within(phrase.seqs, there) else []
    return [
        name
        for name, _, messages, summary in account
        if (summary is not None and summary in phrase.summaries)
        or (name == "facts" and stated)
        or _any_within(phrase.seqs, spans.unpacked(messages))
    ]


def _any_within(seqs: Sequence[int], ranges: Sequence[tuple[int, int]]) -> bool:
    """Whether one of these messages, which are in order, is in one of the ranges."""
    for first, last in ranges:
        place = bisect_left(seqs, first)
        if place < len(seqs) and seqs[place] <= last:
            return True
    return False
