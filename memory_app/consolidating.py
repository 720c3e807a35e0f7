"""Prunes the facts of users by rule: what says the same twice, what ended, what nobody ever used.

`core.consolidating` decides over the facts as they were read, without a lock; each change is then a
transaction of its own through the one door of `facts`, at the revision that was read, so whoever
edits a fact meanwhile wins and the fact stays for another day. Each is a revision like a person's,
and `revert` undoes it; what was put back has a revision of a person and is never touched again.

Which row is the truth: `holdfast_consolidated` says when a user's turn was. It is claimed before
anything is decided, so that of two workers one does it, and one that dies leaves the rest to the
next day.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from memory_app import facts, factuses
from memory_app import statements as sql
from memory_app.core import consolidating as core
from memory_app.core.consolidating import Intent, Known
from memory_app.core.facts import HOLDFAST
from memory_app.facts import By, Decide
from memory_app.models import FactRevision
from sessions_app.core import errors
from sessions_app.store.base import Guard
from sessions_app.store.durable import DurableStore
from sessions_app.store.reading import Reader

log = logging.getLogger("holdfast.consolidating")

DAY_US = 86_400_000_000
MOST_USERS = 50
"""Users whose turn it is at a look of a worker."""
ENOUGH = 100
"""Changes after which a look ends: compressions wait for it. The next goes on behind that user."""
STRIDE = 2_000
"""Users among whom a look finds them: so many by turns."""
MOST_CHANGES = 100
"""Changes of one user's facts a day; what is left follows the next one."""

_LEFT = (
    errors.NotFound,
    errors.SessionDeleted,
    errors.StaleVersion,
    errors.StoreBusy,
    errors.InvalidField,
)
"""Somebody else was there, or holds the row: the fact stays as it is."""
_place: dict[str, int] = {}


class Owner(NamedTuple):
    """A user of a project, by the number of the row and the caller's name."""

    user: int
    project: int
    key: str


class Plan(NamedTuple):
    """What would be done to a user's facts, these by their numbers."""

    owner: Owner
    facts: dict[int, Any]
    intents: list[Intent]


# -- whose turn it is ----------------------------------------------------------------------------


def prune(store: DurableStore, now: int) -> int:
    """Prunes the facts of some users whose turn it is; returns how many facts changed."""
    alias = store.db.alias
    start, newest = _place.get(alias, 0), _newest(store)
    if start >= newest:
        start = 0
    owners = _due(store, start, now, most=MOST_USERS)
    _place[alias] = owners[-1].user if len(owners) == MOST_USERS else start + STRIDE
    done = 0
    for owner in owners:
        done += prune_one(store, owner, now)
        if done >= ENOUGH:
            _place[alias] = owner.user
            break
    return done


def due(store: Reader, now: int) -> Iterator[Owner]:
    """All users whose turn it is."""
    for start in range(0, _newest(store), STRIDE):
        yield from _due(store, start, now, most=STRIDE)


def _newest(store: Reader) -> int:
    with store.db.reading():
        row = store.db.row(sql.NEWEST_END_USER, ())
    return int(row[0] or 0) if row else 0


def _due(store: Reader, start: int, now: int, *, most: int) -> list[Owner]:
    with store.db.reading():
        rows = store.db.rows(sql.TO_CONSOLIDATE, (start, start + STRIDE, now - DAY_US, most))
    return [Owner(*row) for row in rows]


def _claim(store: DurableStore, user: int, now: int) -> bool:
    """Whether it is our turn; the user's row is locked for it, so that an erasure comes before or
    after."""
    with store.db.transaction():
        if not store.db.run(sql.LOCK_END_USER, (user,)).rowcount:
            return False
        claimed = store.db.run(sql.CLAIM_CONSOLIDATED, (user, now, now - DAY_US))
    return bool(claimed.rowcount > 0)


# -- one user ------------------------------------------------------------------------------------


def prune_one(store: DurableStore, owner: Owner, now: int) -> int:
    """Prunes the facts of a user, where nobody did within a day; returns how many changed."""
    if not _claim(store, owner.user, now):
        return 0
    found = plan(store, owner, now)
    revisions = {number: fact.revision for number, fact in found.facts.items()}
    done = sum(_do(store, found, intent, revisions) for intent in found.intents)
    if done:
        log.info("Pruned %d facts of user %d.", done, owner.user)
    return done


def plan(store: Reader, owner: Owner, now: int) -> Plan:
    """What of a user's facts, the newest MOST of them, would be done; nothing is changed."""
    rows = facts.of_project(store, owner.project).of_end_user(owner.user).active().shown()
    with store.db.reading():
        found = {row.number: row for row in rows.order_by("-number")[: facts.MOST]}
        edits = FactRevision.objects.using(store.db.alias).of_end_user(owner.user)
        by_people = edits.exclude(editor=HOLDFAST).order_by().values_list("fact_id", flat=True)
        edited = set(by_people.distinct())
    doubtful = [row for row in found.values() if row.confidence < core.SURE]
    used = {row.number for row in factuses.counted(store, owner.project, doubtful) if row.uses}
    known = [
        _known(row, used=row.number in used, edited=row.number in edited) for row in found.values()
    ]
    return Plan(owner, found, core.decide(known, now=now, most=MOST_CHANGES))


def _known(row: Any, *, used: bool, edited: bool) -> Known:
    return Known(
        fact=row.number,
        text=row.text,
        created_us=row.created_us,
        trust=row.trust,
        session=row.session_id,
        category=row.category,
        names=(row.key, row.subject, row.relation, row.object),
        confidence=row.confidence,
        pinned=row.pinned,
        used=used,
        edited=edited,
        sources=tuple(orjson.loads(row.sources)),
        valid_us=row.valid_us,
        invalid_us=row.invalid_us,
    )


def _do(store: DurableStore, plan: Plan, intent: Intent, revisions: dict[int, int]) -> bool:
    """Whether it was done; `revisions` of facts move on with what they are given here."""
    fact = plan.facts[intent.fact]
    decide: Decide = facts.retiring
    if intent.into is not None:
        decide = _merging(plan.facts[intent.into].id, intent.into, revisions)
    by = By(HOLDFAST, core.REASONS[intent.rule])
    try:
        facts.change(store, plan.owner.project, fact.id, decide, by, Guard(fact.revision))
    except _LEFT as left:
        log.debug("Fact %s is left as it is: %s", fact.id, left)
        return False
    return True


def _merging(into: UUID, number: int, revisions: dict[int, int]) -> Decide:
    """Merges into a fact that nobody else has changed since it was read. Raises StaleVersion."""

    def decide(edits: Any, fact: Any) -> None:
        if facts.one(edits.store, edits.project, into).revision != revisions[number]:
            raise errors.StaleVersion("The fact to merge into was edited meanwhile.")
        facts.merging(into)(edits, fact)
        revisions[number] = facts.one(edits.store, edits.project, into).revision

    return decide
