"""A compression that somebody asks for: done at once, or by whoever claims it."""

from __future__ import annotations

import time
from threading import Thread
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

from memory_app import compressions, pipeline, trying
from memory_app.models import Compression
from memory_app.pipeline import Pipeline, Step
from sessions_app.core import errors
from sessions_app.store import folding
from sessions_app.store.base import UNGUARDED, Guard, Snapshot
from sessions_app.store.durable import DurableStore

WAIT_SECONDS = 5.0
LOOK_SECONDS = 0.05
DRY_SECONDS = 4.0
"""What a dry run waits for a model, so that the embedded engine can still answer in time."""


class Asked(NamedTuple):
    """What compression is wanted; `policy` None is the session's own. A dry run takes the messages
    `keep` for pinned ones; for one that is done they must be pinned before."""

    trigger: str = "manual"
    policy: str | None = None
    instructions: str = ""
    dry_run: bool = False
    keep: tuple[int, ...] = ()


def compress(
    store: DurableStore, project: int, session: UUID, asked: Asked, guard: Guard = UNGUARDED
) -> dict[str, Any]:
    """The compression as the contract shows it: finished, or `queued` or `running` when it is not
    done within WAIT_SECONDS. `outcome` is `nothing` where there is nothing to fold.

    Raises NotFound, SessionDeleted, LeaseLost, StaleVersion, InvalidField.
    """
    found = store.get(project, session)
    worker = Pipeline(store)
    step = pipeline.plan_step(
        store,
        found,
        trigger=asked.trigger,
        policy=asked.policy,
        instructions=asked.instructions,
        keep=asked.keep if asked.dry_run else (),
    )
    if asked.dry_run:
        return _dry(worker, found, step, asked, guard)
    if step is None and guard.request is None:
        return _nothing(store, found, asked, guard)
    return _asked(worker, found, step, asked, guard)


def _asked(
    worker: Pipeline, found: Snapshot, step: Step | None, asked: Asked, guard: Guard
) -> dict[str, Any]:
    """Queues it and does it; a repeated request gets the compression of the first one."""
    store = worker.store

    def queue(session: Snapshot) -> UUID:
        if step is None:
            raise _NothingToFold
        policy = (step.policy.name, step.policy.version)
        return compressions.queue(
            store, session, asked.trigger, policy=policy, instructions=asked.instructions
        ).id

    try:
        row, new = folding.ask(store, found.project, found.id, queue=queue, guard=guard)
    except _NothingToFold:
        return _nothing(store, found, asked, guard)
    if new:
        _run(worker, found, row)
    return _told(store, found, row, asked)


class _NothingToFold(Exception):
    """There is nothing to ask for; the transaction is left without a change."""


def _told(store: DurableStore, found: Snapshot, row: UUID, asked: Asked) -> dict[str, Any]:
    """The compression; it is gone again where there was nothing to fold when its turn came."""
    try:
        return one(store, found.project, row)
    except errors.NotFound:
        return _nothing(store, store.get(found.project, found.id), asked, UNGUARDED)


def _dry(
    worker: Pipeline, found: Snapshot, step: Step | None, asked: Asked, guard: Guard
) -> dict[str, Any]:
    """What would be done now. Nothing is stored, so there is no key to look at."""
    worker.store.check(found, guard)
    if step is None:
        return _nothing(worker.store, found, asked, guard)
    return trying.would_be(worker, step, time.monotonic() + DRY_SECONDS)


def _run(worker: Pipeline, found: Snapshot, row: UUID) -> None:
    """Does it here, waiting for it a while. An engine of this process is quick, and inside a
    caller's transaction nobody else could see the row."""
    deadline = time.monotonic() + WAIT_SECONDS
    if worker.engine.name == worker.fallback.name or worker.store.db.nested:
        _work(worker, found, row, deadline)
    else:
        thread = Thread(target=_apart, args=(worker, found, row, deadline), daemon=True)
        thread.start()
        thread.join(WAIT_SECONDS)


def _apart(worker: Pipeline, found: Snapshot, row: UUID, deadline: float) -> None:
    try:
        _work(worker, found, row, deadline)
    finally:
        connections.close_all()


def _work(worker: Pipeline, found: Snapshot, row: UUID, deadline: float) -> None:
    """Works on the session until the row has had its turn. While somebody else has the session,
    that may do it too."""
    while _waits(worker.store, found, row):
        claim = folding.claim_one(worker.store, found.project, found.id)
        if claim is not None:
            worker.run(claim)
        elif worker.store.db.nested or time.monotonic() >= deadline:
            return
        else:
            time.sleep(LOOK_SECONDS)


def _waits(store: DurableStore, found: Snapshot, row: UUID) -> bool:
    """Whether nobody has finished the row. One that failed and is to be tried again later waits
    for its time; one that is tried now may soon be done."""
    rows = Compression.objects.of(found.project).using(store.db.alias).filter(id=row)
    return rows.unfinished().filter(tried="[]").exists()


def one(store: DurableStore, project: int, compression: UUID) -> dict[str, Any]:
    """A compression by its id as the contract shows it. Raises NotFound, SessionDeleted."""
    with store.db.reading():
        row = compressions.one(store, project, compression)
        (shown,) = compressions.whole(store, row.session.id, [row])
    return shown


def _nothing(store: DurableStore, found: Snapshot, asked: Asked, guard: Guard) -> dict[str, Any]:
    """The answer when there is nothing to fold: no row, no change."""
    store.check(found, guard)
    return {
        "id": None,
        "session": str(found.id),
        "version": found.version,
        "trigger": asked.trigger,
        "range": None,
        "tokens_before": found.active_tokens,
        "tokens_after": found.active_tokens,
        "decisions": [],
        "summary": None,
        "facts": [],
        "attempts": 0,
        "outcome": "nothing",
        "error": None,
    }
