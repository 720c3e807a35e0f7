"""Contexts that the caller's own code put together and sent: kept as how they stand to the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from memory_app import context, records
from memory_app.core import alignment
from memory_app.core.alignment import Alignment, Atom
from memory_app.models import ContextRecord
from sessions_app import answers, clock, ids, preparing
from sessions_app.core import errors, messages, replay
from sessions_app.core.entries import StoredMessage
from sessions_app.core.messages import Message
from sessions_app.core.packing import octets_of
from sessions_app.core.replay import State
from sessions_app.store.base import PAGE_OCTETS, Guard, Snapshot, Window
from sessions_app.store.durable import DurableStore, replayed

MOST_COMPARED = 4_000
"""Newest messages of a log that are compared; what was sent of older ones counts as foreign."""
LEAST_COMPARED = 64
MOST_OCTETS = 4 * PAGE_OCTETS
"""Bytes of their bodies after which no more are read."""
MOST_TOLD = 100
"""Altered and foreign messages that are named; all are counted."""


class Sent(NamedTuple):
    """What was sent: its messages as read, each with its place; how many they were; tokens; the
    digest of a context that sends just this; model; query."""

    messages: tuple[tuple[int, Message], ...]
    given: int
    tokens: int
    digest: bytes
    model: str
    query: str


def read(payloads: Sequence[object], model: str | None, query: str | None) -> Sent:
    """Reads messages as an append does. Raises its errors, TooLong for more than 500."""
    if not payloads:
        raise errors.InvalidField("Send at least one message.", param="messages")
    if len(payloads) > preparing.MAX_BATCH:
        raise errors.TooLong(
            f"At most {preparing.MAX_BATCH} messages in one call.", param="messages"
        )
    found = tuple(
        (index, message)
        for index, payload in enumerate(payloads)
        for message in messages.read(payload, path=f"messages[{index}]")
    )
    return Sent(
        found,
        len(payloads),
        sum(preparing.prepared(message).tokens for _, message in found),
        bytes.fromhex(context.digest(None, [], payloads)),
        model or "",
        query or "",
    )


@replayed
def observe(
    store: DurableStore, project: int, session: UUID, sent: Sent, guard: Guard
) -> dict[str, Any]:
    """Keeps what was sent and answers how it stands to the log; the session stays as it is.

    A repeated request gets the record of the first. Raises NotFound, SessionDeleted, LeaseLost,
    StaleVersion, IdempotencyMismatch.
    """
    with store.db.reading():
        known = store.known(project, guard.request)
    if known is not None:
        record, durable, by = orjson.loads(known)["observed"]
        return _answer(store, project, UUID(record), durable=durable, by=by)
    found = store.get(project, session)
    store.check(found, guard)
    account = _account(store, found, sent)
    record = ids.new_id()
    row = (
        record.hex, found.number, ContextRecord.OBSERVED, found.version, sent.messages[0][1].form,
        found.policy_name, found.policy_version, sent.query, sent.model, 0, sent.tokens,
        orjson.dumps(account).decode(), sent.digest, clock.now_us(), records.choices_text(None),
    )  # fmt: skip
    with records.unless_purged(), store.db.transaction() as worth:
        records.insert(store, row)
        answer = orjson.dumps({"observed": [record.hex, worth.durable, worth.by]}).decode()
        store.remember(project, guard.request, 201, answer, found.number)
    return _answer(store, project, record, durable=worth.durable, by=worth.by)


def _answer(
    store: DurableStore, project: int, record: UUID, *, durable: bool, by: str | None
) -> dict[str, Any]:
    shown = records.shown(store, project, record)
    return {**shown, **answers.durability_out(durable=durable, by=by)}


def _account(store: DurableStore, session: Snapshot, sent: Sent) -> dict[str, Any]:
    given: list[list[Atom]] = [[] for _ in range(sent.given)]
    for index, message in sent.messages:
        given[index] += alignment.atoms(message.role, message.form, message.body)
    with store.db.reading():
        state = store.present(session)
        said = _said(store, session, {atom.key for atoms in given for atom in atoms})
    ours = [*_system(state), str(context.LEAD["content"])]
    found = alignment.align(given, said, ours=ours)
    absent = _absent(session, state, found)
    first = said[0][0] if said else 1
    return {
        "sent": sent.given,
        "compared": [first, session.messages],
        "there": alignment.runs(found.there),
        "ours": list(found.ours),
        "altered": [asdict(one) for one in found.altered[:MOST_TOLD]],
        "absent": absent,
        "foreign": [asdict(one) for one in found.foreign[:MOST_TOLD]],
        "counts": _counts(found, absent),
    }


def _system(state: State) -> list[str]:
    """The system text, whole and by its blocks."""
    if not state.system:
        return []
    body = {"content": state.system}
    texts = [atom.text for atom in alignment.atoms("system", "openai", body)]
    return [*texts, "\n\n".join(texts)]


def _said(
    store: DurableStore, session: Snapshot, wanted: set[tuple[str, str, str]]
) -> list[tuple[int, list[Atom]]]:
    """The newest messages, as many as hold all that was sent, or MOST_COMPARED of them, or those
    that come to MOST_OCTETS and a page more."""
    found: list[tuple[int, list[Atom]]] = []
    missing, end, octets = set(wanted), session.messages + 1, 0
    chunk = max(LEAST_COMPARED, 2 * len(wanted))
    while end > 1 and (missing or not found):
        if len(found) >= MOST_COMPARED or octets >= MOST_OCTETS:
            break
        most = min(chunk, MOST_COMPARED - len(found))
        page = Window(before=end, limit=most, newest_first=True, octets=PAGE_OCTETS)
        some = store.messages(session, page)
        if not some:
            break
        found += [(message.seq, _atoms(message)) for message in some]
        missing -= {atom.key for _, atoms in found[-len(some) :] for atom in atoms}
        octets += sum(octets_of(message.body) for message in some)
        end, chunk = some[-1].seq, 2 * chunk
    return found[::-1]


def _atoms(message: StoredMessage) -> list[Atom]:
    """What a message says; nothing if it was erased."""
    if not message.body:
        return []
    read = message.message()
    return alignment.atoms(read.role, read.form, read.body)


def _absent(session: Snapshot, state: State, found: Alignment) -> list[list[int]]:
    """The messages, as ranges, of which nothing was sent; without those that were retracted."""
    sent = replay.merge_ranges([(seq, seq) for seq in found.seqs])
    hidden = replay.merge_ranges([*sent, *state.retracted])
    return [list(span) for span in replay.without([(1, session.messages)], hidden)]


def _counts(found: Alignment, absent: Sequence[Sequence[int]]) -> dict[str, int]:
    return {
        "there": len({seq for _, seq in found.there}),
        "altered": len({one.seq for one in found.altered}),
        "absent": sum(last - first + 1 for first, last in absent),
        "foreign": len({one.index for one in found.foreign}),
    }
