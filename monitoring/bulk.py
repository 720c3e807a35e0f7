"""One change to many sessions, each in a transaction of its own through the store, and its undo.

A change is decided on the session as it is read and stored only at that version, so that it is
known for certain what it changed: an undo takes back that much and no more. What stands in the way
of one session is counted, and the others go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from sessions_app.core.errors import (
    HoldfastError,
    StaleVersion,
    StorageFull,
    StoreBusy,
    StoreUnavailable,
    TooLong,
)
from sessions_app.core.fields import MAX_TAGS
from sessions_app.store.base import Edit, Guard, Snapshot
from sessions_app.store.durable import DurableStore

TRIES = 8

Step = Callable[[DurableStore, Snapshot, Guard], bool]
"""Changes one session and says whether there was anything to change."""


@dataclass(slots=True)
class Outcome:
    """What came of it: session numbers by the status they had before, how many were so already,
    and for the others how many by the code of what stood in the way."""

    done: dict[str, list[int]] = field(default_factory=dict)
    same: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    def add(self, before: Snapshot | None) -> None:
        """Counts a session as it was before its change, or None for one that was so already."""
        if before is None:
            self.same += 1
        else:
            self.done.setdefault(before.status, []).append(before.number)


def each(store: DurableStore, project: int, plan: Sequence[tuple[UUID, Step]]) -> Outcome:
    """Takes the step of every session; those that are not in the project are not found."""
    outcome = Outcome()
    for place, (session, step) in enumerate(plan):
        try:
            before = _one(store, project, session, step)
        except (StoreUnavailable, StorageFull) as error:
            outcome.failed[error.code] += len(plan) - place
            break
        except HoldfastError as error:
            outcome.failed[error.code] += 1
        else:
            outcome.add(before)
    return outcome


def _one(store: DurableStore, project: int, session: UUID, step: Step) -> Snapshot | None:
    """The session before the step changed it, or None."""
    for _ in range(TRIES):
        before = store.get(project, session, deleted=step is restored)
        with suppress(StaleVersion):
            return before if step(store, before, Guard(expected=before.version)) else None
    raise StoreBusy


def archived(store: DurableStore, session: Snapshot, guard: Guard) -> bool:
    """Archives it."""
    if session.status == "archived":
        return False
    store.archive(session.project, session.id, guard)
    return True


def deleted(store: DurableStore, session: Snapshot, guard: Guard) -> bool:
    """Deletes it; reading it has refused one that is deleted already."""
    store.delete(session.project, session.id, guard)
    return True


def tagged(tag: str) -> Step:
    """Adds a tag behind those it has. Raises TooLong where there is no room for one more."""

    def step(store: DurableStore, session: Snapshot, guard: Guard) -> bool:
        tags = orjson.loads(session.tags)
        if tag in tags:
            return False
        if len(tags) >= MAX_TAGS:
            raise TooLong
        store.edit(session.project, session.id, Edit(tags=(*tags, tag)), guard)
        return True

    return step


def untagged(tag: str) -> Step:
    """Takes a tag away."""

    def step(store: DurableStore, session: Snapshot, guard: Guard) -> bool:
        tags = orjson.loads(session.tags)
        if tag not in tags:
            return False
        kept = tuple(each for each in tags if each != tag)
        store.edit(session.project, session.id, Edit(tags=kept), guard)
        return True

    return step


def restored(store: DurableStore, session: Snapshot, guard: Guard) -> bool:
    """Brings a deleted one back as it was."""
    if session.status != "deleted":
        return False
    store.restore(session.project, session.id, guard)
    return True


def unarchived(status: str) -> Step:
    """Makes an archived one what it was before: ended, or else active."""

    def step(store: DurableStore, session: Snapshot, guard: Guard) -> bool:
        if session.status != "archived":
            return False
        verb = store.end if status == "ended" else store.reopen
        verb(session.project, session.id, guard)
        return True

    return step
