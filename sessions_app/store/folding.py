"""Compressions as the log sees them: which sessions are due, who works on one, what it folds.

A worker claims a due session by a conditional UPDATE that counts `claim` up and holds the row for
a while; it stores by another one that the same count allows. Whoever was too slow finds another
count and has changed nothing. The time of a claim is the database's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from sessions_app import clock
from sessions_app.core import errors
from sessions_app.core.replay import State
from sessions_app.store import statements as sql
from sessions_app.store.base import UNGUARDED, Changed, Guard, Snapshot
from sessions_app.store.database import Database
from sessions_app.store.durable import Change, DurableStore, replayed

CLAIM_SECONDS = 10.0
TRIES = 3


class Claim(NamedTuple):
    """The right to compress one session, until it is lost. `trigger` and `seq` are what the session
    was due for: "" where the level made it due, and the last message before what it is for.
    `due_us` says since when it waits; `policy` is the name and version it had."""

    project: int
    session: UUID
    number: int
    holder: int
    due_us: int
    trigger: str
    seq: int
    policy: tuple[str, int]

    def doing(self, trigger: str) -> Claim:
        """The claim for what is done under it. Where that is something else, such as a row that
        somebody asked for, what the session is due for still waits afterwards."""
        return self if trigger == self.trigger else self._replace(trigger="", seq=0)


class Held(NamedTuple):
    """What a claimed row says when the work is stored or given back."""

    trigger: str
    seq: int
    policy_name: str
    policy_version: int
    active_tokens: int
    due_tokens: int

    def waits(self, claim: Claim) -> bool:
        """Whether the session is due for something that this claim did not do."""
        return (self.trigger, self.seq) != (claim.trigger, claim.seq)

    def rest(self, claim: Claim, due_tokens: int) -> int:
        """The active tokens from which it is due again: a policy that it was given meanwhile has
        its own."""
        same = (self.policy_name, self.policy_version) == claim.policy
        return due_tokens if same else self.due_tokens


@dataclass(frozen=True, slots=True)
class Fold:
    """What a compression takes out of view, and on which state that was decided.

    `event` is the data of its event, its `facts` the new ones alone; from `due_tokens` active
    tokens on the next one is due, if the session still has this `policy`.
    """

    claim: Claim
    fold_version: int
    overlay_version: int
    policy: tuple[str, int]
    event: Mapping[str, Any]
    state: State
    due_tokens: int


Asked = Callable[[int], bool]
"""Whether a compression of the session with this number is asked for and not done."""


def nobody_asked(number: int) -> bool:
    return False


Write = Callable[[Snapshot, int], None]
"""Stores what belongs to a fold, in its transaction: takes the session as it was before and the
version of the event."""


Queue = Callable[[Snapshot], UUID]
"""Stores the row of a compression that is asked for; returns its id."""


@replayed
def ask(
    store: DurableStore,
    project: int,
    session: UUID,
    *,
    queue: Queue,
    guard: Guard = UNGUARDED,
) -> tuple[UUID, bool]:
    """Makes a session due, with the row that says what for; what else it is due for waits. Returns
    the row's id, and whether it is new: a repeated request gets that of the first one. Raises
    NotFound, SessionDeleted, LeaseLost, StaleVersion, IdempotencyMismatch."""
    with store.db.transaction():
        store.db.locked_row(sql.LOCK, (session.hex, project))
        if (known := store.known(project, guard.request)) is not None:
            return UUID(orjson.loads(known)[1]), False
        found = store.get(project, session)
        store.check(found, guard)
        store.db.run(sql.SET_DUE_AT, (clock.now_us(), found.number))
        row = queue(found)
        answer = orjson.dumps(["compression", str(row)]).decode()
        store.remember(project, guard.request, 200, answer, found.number)
    return row, True


def claim_next(store: DurableStore, *, newest: bool = False) -> Claim | None:
    """A due session that nobody works on, claimed; None when there is none.

    The one that waits longest, or the one that became due last: a worker that takes turns between
    the two starves neither an old backlog nor what comes now.
    """
    db = store.db
    statement = sql.DUE_NEWEST if newest else sql.DUE_OLDEST
    for _ in range(TRIES):
        now = clock.now_us()
        with db.reading():
            # Without a lock first: mostly nothing is due, and on SQLite there is one lock for all.
            if db.row(statement, (now, now)) is None:
                return None
        with db.transaction():
            now = db.now_us()
            row = db.row(statement if db.is_sqlite else statement + sql.SKIP_LOCKED, (now, now))
            if row is not None and _take(db, row, now):
                return _claimed(row)
    return None


def backlog(store: DurableStore) -> tuple[int, int]:
    """How many sessions are due, and for how many microseconds the first of them waits."""
    now = clock.now_us()
    with store.db.reading():
        row = store.db.row(sql.DUE_COUNT, (now,))
    count, oldest = row if row else (0, None)
    return int(count), now - int(oldest) if oldest is not None else 0


def claim_one(store: DurableStore, project: int, session: UUID) -> Claim | None:
    """This session, due or not, claimed; None while somebody else has it."""
    db = store.db
    with db.transaction():
        row = db.locked_row(sql.DUE_ONE, (session.hex, project))
        if row is None or not _take(db, row, db.now_us()):
            return None
    return _claimed(row)


def _take(db: Database, row: tuple[Any, ...], now: int) -> bool:
    until = now + int(CLAIM_SECONDS * 1_000_000)
    return bool(db.run(sql.CLAIM, (until, row[2], row[3], now)).rowcount)


def _claimed(row: tuple[Any, ...]) -> Claim:
    project, session, number, holder, due, trigger, seq, *policy = row
    place = (project, UUID(str(session)), number, holder + 1, due or 0)
    return Claim(*place, trigger, seq, (policy[0], policy[1]))


def renew(store: DurableStore, claim: Claim) -> bool:
    """Holds the session for another while; False when it is lost."""
    with store.db.transaction():
        until = store.db.now_us() + int(CLAIM_SECONDS * 1_000_000)
        return bool(store.db.run(sql.RENEW, (until, claim.number, claim.holder)).rowcount)


def release(
    store: DurableStore,
    claim: Claim,
    *,
    due_us: int | None,
    due_tokens: int,
    asked: Asked = nobody_asked,
) -> bool:
    """Gives the session back without a fold, to be tried again at `due_us` for what it is due for.

    None: that is done with. The session is due when it has grown to `due_tokens`; at once where it
    has already, where it became due for something else meanwhile, or where somebody asked. A policy
    that it was given meanwhile has its own `due_tokens`. False when the claim was lost.
    """
    with store.db.transaction():
        # Whoever makes it due takes the row's lock, which is ours now: nothing comes unseen.
        held = _held(store, claim)
        if held is None:
            return False
        waits = due_us is not None or held.waits(claim)
        due_tokens = held.rest(claim, due_tokens)
        if due_us is None and (waits or held.active_tokens >= due_tokens or asked(claim.number)):
            due_us = clock.now_us()
        for_ = (held.trigger, held.seq) if waits else ("", 0)
        params = (due_us, *for_, due_tokens, claim.number, claim.holder)
        return bool(store.db.run(sql.RELEASE, params).rowcount)


def check_held(store: DurableStore, claim: Claim) -> None:
    """Raises LeaseLost when another has taken over; else holds the row to the end of the caller's
    transaction, so that nobody does before what is stored now is committed."""
    if _held(store, claim) is None:
        raise errors.LeaseLost


def _held(store: DurableStore, claim: Claim) -> Held | None:
    """The claimed row, locked to the end of the transaction; None when the claim is lost."""
    row = store.db.locked_row(sql.HELD, (claim.number, claim.holder))
    return None if row is None else Held._make(row)


def give_back(store: DurableStore, claim: Claim) -> None:
    """Ends a claim whose work is not done: the session stays due, and nobody can store under it."""
    with store.db.transaction():
        store.db.run(sql.GIVE_BACK, (claim.number, claim.holder))


def idle(
    store: DurableStore,
    policy: tuple[int, str, int],
    *,
    hours: tuple[int, int],
    quiet_since: int,
    tokens: int,
    most: int,
) -> list[tuple[int, int, str]]:
    """(number, version, id) of active sessions under a policy (project, name, version) that nothing
    happened in since `quiet_since`, and not for longer than `hours` say, with so many tokens."""
    params = (*policy, *hours, quiet_since, tokens, most)
    with store.db.reading():
        return [(int(row[0]), int(row[1]), str(row[2])) for row in store.db.rows(sql.IDLE, params)]


def mark_idle(store: DurableStore, number: int, version: int) -> bool:
    """Makes a session due that is still as it was read."""
    with store.db.transaction():
        params = (clock.now_us(), number, version)
        return bool(store.db.run(sql.MARK_IDLE, params).rowcount)


def fold(
    store: DurableStore,
    work: Fold,
    write: Write,
    guard: Guard = UNGUARDED,
    *,
    asked: Asked = nobody_asked,
) -> Changed:
    """Takes the range out of view: event, columns and what `write` stores, in one transaction. The
    session is due again where what is left is too much, where somebody asked meanwhile, or where it
    became due for something else.

    Raises LeaseLost when another has taken over, or when what it was decided on has changed: an
    earlier fold, a retraction, a pin. Messages that arrived meanwhile stay as they are.
    """
    claim = work.claim

    def decide(now: Snapshot) -> Change:
        held = _checked(store, now, work)
        waits = held.waits(claim)
        end = (now.messages, now.tokens)
        after = replace(
            store.present(now),
            folded=work.state.folded,
            retained=work.state.retained,
            summary_tokens=work.state.summary_tokens,
        )
        active = store.active_tokens(now.number, after, end)
        write(now, now.version + 1)
        # Facts that were stored by hand meanwhile count too.
        event = {**work.event, "facts": now.facts + work.event["facts"]}
        same = (now.policy_name, now.policy_version) == work.policy
        again = waits or not same or active >= work.due_tokens or asked(now.number)
        columns = {
            "active_tokens": active,
            "folded": work.state.folded,
            "fold_version": now.version + 1,
            "compressions": now.compressions + 1,
            "facts": event["facts"],
            "due_us": clock.now_us() if again else None,
            "due_trigger": held.trigger if waits else "",
            "due_seq": held.seq if waits else 0,
            "claim_until_us": 0,
        }
        if same:
            columns["due_tokens"] = work.due_tokens
        return Change([("compressed", event)], columns)

    return store.change(claim.project, claim.session, decide, guard)


def _checked(store: DurableStore, now: Snapshot, work: Fold) -> Held:
    """The claimed row, which must be as it was decided on."""
    held = _held(store, work.claim)
    if held is None:
        raise errors.LeaseLost
    if (now.fold_version, now.overlay_version) != (work.fold_version, work.overlay_version):
        raise errors.LeaseLost("A retraction, a pin or another compression came in between.")
    return held
