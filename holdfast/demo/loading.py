"""Sample sessions into the store, once, the way any caller would put them there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.demo.sample import MODEL, Line, Payload, Sample
from memory_app import facts, observing, records
from memory_app.context import Ask
from memory_app.facts import By, Stated
from sessions_app import preparing
from sessions_app.core import instants
from sessions_app.store.base import UNGUARDED, NewSession, Snapshot
from sessions_app.store.durable import DurableStore

SECOND_US = 1_000_000
WEEK_US = 7 * 86_400 * SECOND_US
# A Monday at midnight, UTC: the day on which samples with weekdays begin.
MONDAY_US = 1_736_121_600 * SECOND_US


def load(store: DurableStore, project: int, samples: Iterable[Sample], now: int) -> list[str]:
    """Stores the samples that are not there yet and returns their keys. `now` in microseconds.

    A sample that was deleted stays so, and one that a crash cut short is finished.
    """
    return [sample.key for sample in samples if _load(store, project, sample, now)]


def _load(store: DurableStore, project: int, sample: Sample, now: int) -> bool:
    found = store.find(project, sample.key)
    if found is not None and (found.status != "active" or found.messages >= _size(sample)):
        return False
    session = found or _opened(store, project, sample, now)
    _fill(store, project, session, sample)
    return True


def _size(sample: Sample) -> int:
    return len(sample.lines) + (sample.second_try is not None)


def _opened(store: DurableStore, project: int, sample: Sample, now: int) -> Snapshot:
    new = NewSession(
        key=sample.key,
        user=sample.user,
        title=sample.title,
        prompt=preparing.prompt(sample.system, sample.tools),
        metadata=sample.metadata,
        tags=sample.tags,
        at=beginning(sample, now),
    )
    with store.db.transaction():
        _remember(store, project, sample, beginning(sample, now))
        return store.open(project, new).session


def _remember(store: DurableStore, project: int, sample: Sample, at: int) -> None:
    stated = [
        Stated(user=sample.user, text=text, key=key, category=facts.PREFERENCE, valid_us=at)
        for key, text in sample.known
    ]
    if stated:
        facts.keep(store, project, stated, By("demo"))


def beginning(sample: Sample, now: int) -> int:
    """When the sample begins, so that it stopped `ago` before now. Microseconds."""
    start = now - (sample.lines[-1].at + sample.ago) * SECOND_US
    if sample.weekly:
        return MONDAY_US + (start - MONDAY_US) // WEEK_US * WEEK_US
    return start


def _fill(store: DurableStore, project: int, session: Snapshot, sample: Sample) -> None:
    payloads = [_payload(line, session.created_us) for line in sample.lines]
    alone = 0 if sample.sent else len(payloads) - sample.asked
    for part in _parts(payloads[session.messages : alone], preparing.MAX_BATCH):
        store.append(project, session.id, preparing.batch(part))
    for place in range(max(session.messages, alone), len(payloads)):
        said = payloads[place]
        if said["role"] == "assistant":
            said["context"] = _given(store, session, sample, payloads[:place])
        store.append(project, session.id, preparing.single(said))
    if sample.second_try is not None:
        last = len(sample.lines)
        store.retract(project, session.id, (last, last), "Answered again on request")
        again = {**sample.lines[-1].payload, "content": sample.second_try}
        store.append(project, session.id, preparing.single(again))
    if sample.ended:
        store.end(project, session.id)


def _parts(payloads: list[Payload], size: int) -> Iterator[list[Payload]]:
    for first in range(0, len(payloads), size):
        yield payloads[first : first + size]


def _given(store: DurableStore, session: Snapshot, sample: Sample, said: list[Payload]) -> str:
    """Keeps what the model was given for an answer and returns its id: a context of ours, or what
    the caller's own code sent, as it would report it."""
    if sample.sent is None:
        asked = Ask(query=said[-1]["content"])
        return str(records.build(store, session.project, session.id, asked, UNGUARDED).id)
    sent = observing.read([_plain(payload) for payload in said[-sample.sent :]], MODEL, None)
    return str(observing.observe(store, session.project, session.id, sent, UNGUARDED)["id"])


def _plain(payload: Payload) -> Payload:
    """A message as a provider takes it."""
    return {name: payload[name] for name in ("role", "content")}


def _payload(line: Line, start: int) -> Payload:
    return {**line.payload, "created_at": instants.render(start + line.at * SECOND_US)}
