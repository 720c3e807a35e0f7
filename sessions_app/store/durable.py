"""The only writer of sessions: every change of the log goes through here, in one transaction.

Which row is the truth: the session row. A change begins with a conditional UPDATE of it, gets its
place from what that UPDATE returns, and stores entries, head and request key before the commit.
A crash at any line leaves the state before or the state after, never a part.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

import orjson

from sessions_app import clock, ids, waking
from sessions_app.core import appending, chain, errors, leases, packing, replay
from sessions_app.core.appending import MessageRow, Prepared
from sessions_app.core.entries import entries_out
from sessions_app.core.leases import Lease
from sessions_app.core.logbook import EventRow, Ledger, LogEntry
from sessions_app.core.packing import Stored
from sessions_app.models import HOUR_US, Policy, Project
from sessions_app.store import at_once, beside, fulltext, kept, leading
from sessions_app.store import statements as sql
from sessions_app.store.base import (
    GONE,
    NEVER,
    UNGUARDED,
    Adopted,
    Appended,
    Changed,
    Check,
    Edit,
    Guard,
    NewSession,
    PolicyNumbers,
    PolicyVersion,
    Prompt,
    Receipt,
    Request,
    Snapshot,
)
from sessions_app.store.database import Database, Row
from sessions_app.store.durability import ON_COMMIT, Durability
from sessions_app.store.failures import OF_THE_DATABASE
from sessions_app.store.orphans import guarded, learn, orphans
from sessions_app.store.placed import Placed, Standing
from sessions_app.store.reading import (
    Reader,
    check_version,
    deleted_error,
    forget_events,
    snapshot,
)
from sessions_app.store.replicas import Replicas
from sessions_app.store.salts import salts

PURGE_AFTER_US = 7 * 86_400 * 1_000_000
KEEP_REQUESTS_US = 24 * 3600 * 1_000_000
KEEP_OUTAGES_US = 90 * 86_400 * 1_000_000
MISSED = 50
NOTES = ("imported_boundary", "imported_summary", "imported_records")
ADOPT_ROWS = 500
ADOPTED_AS_THEY_ARE = (
    "title", "status", "active_tokens", "capacity", "policy_version", "created_us",
    "last_activity_us", "forked_at",
)  # fmt: skip
ADOPTED_FROM_LOG = (
    "version", "messages", "turns", "turn_start", "tokens", "prompt_version", "overlay_version",
    "folded", "fold_version", "compressions", "facts", "head",
)  # fmt: skip
KEPT_IN_FORK = (
    "title", "prompt_version", "overlay_version", "folded", "fold_version", "compressions", "facts",
)  # fmt: skip
DIVERGED = "The session here and the one in the export have gone different ways."

Happening = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """What a verb decided: events to store and new values of session columns. Columns without an
    event are no part of the log: the version stays."""

    events: Sequence[Happening] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] | None = None


Decide = Callable[[Snapshot], Change]
NOTHING = Change()


P = ParamSpec("P")
R = TypeVar("R")


class _KeyTaken(Exception):
    """Another request with the same key committed first: this one leaves its transaction."""


def replayed(verb: Callable[P, R]) -> Callable[P, R]:
    """Tries `verb` again when its idempotency key was taken meanwhile: then the answer is there."""

    @wraps(verb)
    def trying(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(2):
            try:
                return verb(*args, **kwargs)
            except _KeyTaken:
                continue
        raise errors.StoreBusy

    return trying


class _Said(NamedTuple):
    """What an append brings, and when."""

    project: int
    session: UUID
    batch: Sequence[Prepared]
    bodies: Sequence[Stored]
    guard: Guard
    now: int


class DurableStore(Reader):
    """`Store` on the database behind a Django alias, with the replicas that stand beside it."""

    replicas: Replicas | None = None

    # -- append ------------------------------------------------------------------------------

    @replayed
    def append(
        self,
        project: int,
        session: UUID,
        batch: Sequence[Prepared],
        guard: Guard = UNGUARDED,
        *,
        check: Check | None = None,
    ) -> Appended:
        """Stores all of `batch` or nothing. `check` sees a new answer before it is committed: what
        it returns is kept with the answer, what it raises undoes the append. Raises NotFound,
        SessionDeleted, SessionEnded, SessionBusy, LeaseLost, StaleVersion, IdempotencyMismatch."""
        done = self._stored(project, session, batch, guard, check)
        self.moved(session, done.version)
        return done

    def _stored(
        self,
        project: int,
        session: UUID,
        batch: Sequence[Prepared],
        guard: Guard,
        check: Check | None,
    ) -> Appended:
        now = clock.now_us()
        bodies = [packing.stored(item.role, item.body) for item in batch]  # before the lock
        said = _Said(project, session, batch, bodies, guard, now)
        if check is None and at_once.suits(self.db, batch):
            done = self._at_once(said)
            if done is not None:
                return done
        if check is None:
            return leading.together(self.db, said, self._append_all)
        with self.db.transaction() as durability:
            before = self._admitted(said, placed := Placed())
            if isinstance(before, Appended):
                return before
            return self._append(before, said, durability, placed, check)

    def _at_once(self, said: _Said) -> Appended | None:
        """The append by one statement, or None where that stored nothing. Tool results go this way
        only if they have their calls, and as long as nobody else writes."""
        project, session, batch, bodies, guard, now = said
        found: Guard | None = guard
        if "tool" in [item.role for item in batch]:
            found = guarded(self, project, session, batch, guard)
        if found is None:
            return None
        done = at_once.append(self.db, project, session, batch, bodies, found, now)
        learn(self, session, batch, None if done is None else done.version)
        return done

    def _append_all(
        self, asked: Sequence[_Said], durability: Durability
    ) -> list[Appended | errors.HoldfastError]:
        """Places each behind the one before it, and stores all of them at the end, or before that
        where one has to see what is stored."""
        placed, found = Placed(), list[Appended | errors.HoldfastError]()
        for said in asked:
            try:
                before = self._admitted(said, placed)
            except OF_THE_DATABASE:
                raise
            except errors.HoldfastError as refused:
                found.append(refused)
                continue
            if isinstance(before, Standing):
                found.append(self._append(before, said, durability, placed))
            else:
                found.append(before)
        self._store(placed)
        return found

    def _admitted(self, said: _Said, placed: Placed) -> Standing | Appended:
        """Where the session stands, or the answer to the same request before. Raises what forbids
        the append; nothing is changed for it yet."""
        project, session, guard = said.project, said.session, said.guard
        key = (session.hex, project)
        before = placed.standing(key)
        if before is None:
            statement = sql.STANDING_ON_SQLITE if self.db.is_sqlite else sql.STANDING
            row = self.db.locked_row(statement, key)
            before = None if row is None else Standing._make(row)
        if (known := self.known(project, guard.request)) is not None:
            return kept.read_appended(known)
        if before is not None and self._appendable(before, guard):
            return before
        self._store(placed)
        raise _closed(self._at(project, session, guard))

    def _appendable(self, before: Standing, guard: Guard) -> bool:
        """Whether the guard's append may be made there. Raises what the session's lease has against
        it. Where nobody holds it, as mostly, that is no statement more."""
        if before.status != "active":
            return False
        if guard.lease is not None or before.lease_until_us:
            lease = Lease(before.lease_token, before.lease_until_us, before.lease_holder)
            now = self.db.now_us()
            if guard.lease is None:
                leases.check_free(lease, now)
            else:
                leases.check_token(lease, guard.lease, now)
        return guard.expected is None or guard.expected == before.version

    def _append(
        self,
        before: Standing,
        said: _Said,
        durability: Durability,
        placed: Placed,
        check: Check | None = None,
    ) -> Appended:
        project, session, batch, guard = said.project, said.session, said.batch, said.guard
        used, notices = self._place(before, said, placed)
        done = _appended(session, before, batch, used=used, durability=durability)
        if notices:
            done = _noticed(done, before)
        if "tool" in [item.role for item in batch]:
            self._store(placed)
            done = self._with_orphans(project, before, batch, done)
        if check is not None:
            self._store(placed)
            done = done._replace(told=check(done))
        if guard.request is not None:
            self.remember(project, guard.request, 201, kept.appended(done), now=said.now)
        return done

    def _place(self, before: Standing, said: _Said, placed: Placed) -> tuple[int, bool]:
        """Places the batch and moves the session on; returns its active tokens, and whether there
        is something to notice about them."""
        batch, now, number = said.batch, said.now, before.number
        rows = appending.place_rows(before.place, batch, now=now, salts=salts(len(batch)))
        last = rows[-1]
        used = before.active_tokens + last.tokens_total - before.tokens
        activity = max(before.last_activity_us, appending.last_moment(batch, now))
        head = chain.link(bytes(before.head), [item.digest for item in rows])
        version, notices = last.version, used >= before.notice_tokens
        if notices and before.active_tokens < before.notice_tokens:
            version += 1
            level = appending.level(used, before.capacity)
            happened = [("notice", appending.nearly_full(level))]
            head = self._insert_events(number, version, head, happened, now)
        moved = (version, last.seq, last.turn, last.turn_start, last.tokens_total, used)
        key, bodies = (said.session.hex, said.project), said.bodies
        placed.add(key, before, (*moved, activity, head), _message_rows(number, rows, bodies))
        if self._mark(before, said, used, activity):
            self._store(placed)
        return used, notices

    def _mark(self, before: Standing, said: _Said, used: int, activity: int) -> bool:
        """Sets what seldom changes with an append; says whether it set anything."""
        now, number, idle = said.now, before.number, activity - before.last_activity_us
        marked = False
        if said.guard.lease is None and before.lease_until_us:
            self.db.run(sql.LEASE_OVER, (number, before.lease_token))
            marked = True
        if activity // HOUR_US != before.last_activity_us // HOUR_US:
            self.db.run(sql.SET_ACTIVE_HOUR, (activity // HOUR_US, number))
            marked = True
        if before.index_due_us is None:
            self.db.run(sql.SET_INDEX_DUE, (now, number))
            marked = True
        if used >= before.due_tokens:
            if before.due_us is None:
                self._set_due(now, "", 0, number)
                marked = True
        elif idle >= before.resume_us and before.messages:
            self._set_due(now, "resume", before.messages, number)
            marked = True
        return marked

    def _store(self, placed: Placed) -> None:
        """Stores what was placed."""
        moves, rows = placed.take()
        if not moves:
            return
        if self.db.run_many(sql.ADVANCE, moves) != len(moves):
            raise errors.StoreBusy
        self._insert_messages(rows)

    def _with_orphans(
        self, project: int, before: Standing, batch: Sequence[Prepared], done: Appended
    ) -> Appended:
        """The answer with a notice for each tool result without its call."""
        retracted: Sequence[tuple[int, int]] = ()
        if before.overlay_version:
            retracted = self.overlay(self._by_number(project, before.number)).retracted
        found = orphans(self, before.number, before.messages, retracted, batch)
        told = [{"code": "tool_result_without_its_call", "seq": seq} for seq in found]
        return done._replace(notices=(*done.notices, *told))

    def _set_due(self, *params: Any) -> None:
        self.db.run(sql.SET_DUE, params)
        self.db.after_commit(waking.ring)

    def _insert_messages(self, rows: Sequence[Row]) -> None:
        self.db.run_many(sql.INSERT_MESSAGE, rows)

    def check(self, found: Snapshot, guard: Guard) -> None:
        """Raises LeaseLost and StaleVersion unless the session is as the guard wants it."""
        if guard.lease is not None:
            with self.db.reading():
                leases.check_token(found.lease, guard.lease, self.db.now_us())
        if guard.expected not in (None, found.version):
            raise self.stale(found, guard.expected or 0)

    def stale(self, session: Snapshot, expected: int) -> errors.StaleVersion:
        """The error of who expected another version, with what they missed."""
        said, events = self.entries_after(session, min(expected, session.version), MISSED)
        missed = entries_out(session.id, said, events)[:MISSED]
        return errors.StaleVersion(param="If-Match", current_version=session.version, missed=missed)

    # -- sessions ----------------------------------------------------------------------------

    @replayed
    def open(self, project: int, new: NewSession, guard: Guard = UNGUARDED) -> Changed:
        """The session with `new.key`, made now if there is none. Raises UserMismatch,
        SessionDeleted, InvalidField (no such policy)."""
        if new.key is not None and guard.request is None:
            found = self.find(project, new.key)
            if found is not None:
                return Changed(_same_user(found, new.user), **_as_read(self.db))
        policy = self._policy(project, new.policy)
        now = clock.now_us()
        at = now if new.at is None else min(new.at, now)
        with self.db.transaction() as durability:
            user = self.end_user(project, new.user)
            number = self._insert_session(project, new, policy=policy, user=user, at=at)
            if (known := self.known(project, guard.request)) is not None:
                if number is not None:
                    self._discard(number)
                return kept.read_changed(known)
            if number is None:
                found = self.find(project, new.key or "")
                if found is None:
                    raise errors.StoreBusy()
                made, result = False, _same_user(found, new.user)
            else:
                self._begin(number, new, policy, at)
                made, result = True, self._by_number(project, number)
            done = _changed(result, durability, made=made)
            status = 201 if made else 200
            self.remember(project, guard.request, status, kept.changed(done), result.number)
        return done

    def _policy(self, project: int, name: str) -> PolicyNumbers:
        with self.db.reading():
            row = self.db.row(sql.NEWEST_POLICY, (project, name))
        if row is None:
            raise errors.InvalidField(
                f"There is no policy named {name!r} in this project. GET /policies lists them.",
                param="policy",
            )
        return PolicyNumbers._make(row)

    def end_user(self, project: int, key: str | None, *, locked: bool = False) -> int | None:
        """The row of the caller's user, made at first sight; locked to the end of the transaction
        if asked."""
        if key is None:
            return None
        ask = self.db.locked_row if locked else self.db.row
        with self.db.reading():
            row = ask(sql.END_USER, (project, key))
            if row is None:
                self.db.run(sql.INSERT_END_USER, (project, key, clock.now_us()))
                row = ask(sql.END_USER, (project, key))
        return int(row[0]) if row else None

    def _insert_session(
        self, project: int, new: NewSession, *, policy: PolicyNumbers, user: int | None, at: int
    ) -> int | None:
        row = {
            **_new_row(project, new.key, user, at),
            **_policy_columns(policy),
            "title": new.title,
            "active_tokens": new.prompt.system_tokens + new.prompt.tools_tokens,
            "metadata": _json(new.metadata or {}),
            "tags": _json(new.tags),
        }
        return self._insert_row(row)

    def _insert_row(self, row: Mapping[str, Any]) -> int | None:
        """The number of the new session; None when its key is taken."""
        found = self.db.row(sql.INSERT_SESSION, [row[name] for name in sql.INSERTED])
        return int(found[0]) if found else None

    def _begin(self, number: int, new: NewSession, policy: PolicyNumbers, at: int) -> None:
        prompt = new.prompt
        data = {
            **_dropped({"key": new.key, "user": new.user}),
            **_prompt_data(prompt.system, prompt.tools),
            "system_tokens": prompt.system_tokens,
            "tools_tokens": prompt.tools_tokens,
            "policy": policy.name,
            "policy_version": policy.version,
            "title": new.title,
            "metadata": new.metadata or {},
            "tags": list(new.tags),
        }
        head = self._insert_events(number, 1, chain.GENESIS, [("created", data)], at)
        self.db.run(sql.SET_HEAD, (head, number))
        self._set_tags(number, new.tags)

    def _discard(self, number: int) -> None:
        self.db.run(sql.DELETE_SESSION, (number,))

    def edit(self, project: int, session: UUID, edit: Edit, guard: Guard = UNGUARDED) -> Changed:
        """Stores new values as events; nothing new, no event."""
        policy = None if edit.policy is None else self._policy(project, edit.policy)

        def decide(now: Snapshot) -> Change:
            return _edited(now, self.state(now), edit, policy)

        return self.change(project, session, decide, guard)

    def retract(
        self,
        project: int,
        session: UUID,
        span: tuple[int, int | None],
        reason: str | None = None,
        guard: Guard = UNGUARDED,
    ) -> Changed:
        """Takes seq from..to (to the end if None) out of view; the log keeps them."""

        def decide(now: Snapshot) -> Change:
            first, last = _checked_span(span, now.messages)
            state = self.present(now)
            ranges = replay.merge_ranges([*state.retracted, (first, last)])
            if ranges == state.retracted:
                return NOTHING
            data = {"from": first, "to": last, **_dropped({"reason": reason})}
            left = replace(state, retracted=ranges)
            columns = {
                "active_tokens": self.active_tokens(now.number, left, (now.messages, now.tokens)),
                "overlay_version": now.version + 1,
            }
            return Change([("retracted", data)], columns)

        return self.change(project, session, decide, guard)

    def pin(
        self,
        project: int,
        session: UUID,
        seq: int,
        *,
        pinned: bool = True,
        reason: str | None = None,
        guard: Guard = UNGUARDED,
    ) -> Changed:
        """Keeps a message word for word in every context, or no longer."""

        def decide(now: Snapshot) -> Change:
            _check_seq(seq, now.messages, "seq")
            state = self.present(now)
            if (seq in state.pinned) == pinned:
                return NOTHING
            data = {"seq": seq, **_dropped({"reason": reason})}
            kind = "pinned" if pinned else "unpinned"
            columns = {"overlay_version": now.version + 1}
            if seq <= now.folded:
                after = replay.fold(state, replay.Entry(now.version + 1, kind, 0, data))
                end = (now.messages, now.tokens)
                columns["active_tokens"] = self.active_tokens(now.number, after, end)
            return Change([(kind, data)], columns)

        return self.change(project, session, decide, guard)

    def end(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Changed:
        """No more messages from here on; ending an ended session changes nothing."""
        return self.change(project, session, _ended, guard)

    def archive(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Changed:
        """Ends the session and takes it out of the daily list; an archived one stays as it is."""
        return self.change(project, session, _archived, guard)

    def reopen(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Changed:
        """Takes messages again; reopening an active session changes nothing."""
        return self.change(project, session, _reopened, guard)

    def delete(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Changed:
        """Hides the session; it is purged seven days later."""
        purge_us = clock.now_us() + PURGE_AFTER_US

        def decide(now: Snapshot) -> Change:
            columns = {"status": "deleted", "purge_us": purge_us}
            return Change([("deleted", {"was": now.status, "purge_us": purge_us})], columns)

        return self.change(project, session, decide, guard)

    def restore(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Changed:
        """Brings a deleted session back as it was; one that is not deleted stays as it is."""

        def decide(now: Snapshot) -> Change:
            if now.status != "deleted":
                return NOTHING
            was = self._status_before_deletion(now)
            columns = {"status": was, "purge_us": None}
            return Change([("restored", {"status": was})], columns)

        return self.change(project, session, decide, guard, deleted=True)

    def _status_before_deletion(self, session: Snapshot) -> str:
        newest = self.events_back(session, session.version + 1, 1)[0]
        return str(newest.entry().data.get("was", "active"))

    # -- fork --------------------------------------------------------------------------------

    @replayed
    def fork(
        self,
        project: int,
        session: UUID,
        at: int,
        key: str | None = None,
        guard: Guard = UNGUARDED,
    ) -> Changed:
        """A new session that begins with everything up to version `at`, numbers and times kept."""
        with self.db.transaction() as durability:
            self.lock(project, session)
            if (known := self.known(project, guard.request)) is not None:
                return kept.read_changed(known)
            parent = self._at(project, session, guard)
            check_version(parent, at)
            number = self._insert_fork(parent, at, key)
            if number is None:
                done = _changed(self._same_fork(parent, at, key), durability, made=False)
            else:
                self._copy_entries(parent, number, at)
                for companion in beside.companions():
                    companion.copy(self.db, parent, number, at)
                self._finish_fork(parent, number, at)
                done = _changed(self._by_number(project, number), durability, made=True)
            self.remember(project, guard.request, 201, kept.changed(done), done.session.number)
        return done

    def _insert_fork(self, parent: Snapshot, at: int, key: str | None) -> int | None:
        """The row of a fork, its counters as they stood at `at`."""
        state = self.state(parent, at)
        seq = self.messages_at(parent, at)
        tokens, turns, turn_start = self.totals(parent.number, seq)
        user = self.end_user(parent.project, parent.user)
        row = {
            **_new_row(parent.project, key, user, clock.now_us()),
            **_policy_columns(self._policy_version(parent, *state.policy)),
            **{name: getattr(state, name) for name in KEPT_IN_FORK},
            "version": at,
            "messages": seq,
            "turns": turns,
            "turn_start": turn_start,
            "tokens": tokens,
            "active_tokens": self.active_tokens(parent.number, state, (seq, tokens)),
            "metadata": _json(state.metadata),
            "tags": _json(state.tags),
            "forked_from": parent.id.hex,
            "forked_at": at,
        }
        return self._insert_row(row)

    def _policy_version(self, parent: Snapshot, name: str, version: int) -> PolicyNumbers:
        """One version of a policy; it is never changed in place."""
        row = self.db.row(sql.POLICY_NUMBERS, (parent.project, name, version))
        if row is not None:
            return PolicyNumbers._make(row)
        numbers = (parent.window, parent.capacity, NEVER, NEVER, NEVER)
        return PolicyNumbers(name, version, *numbers)

    def _copy_entries(self, parent: Snapshot, number: int, at: int) -> None:
        seq = self.messages_at(parent, at)
        self.db.run(sql.COPY_MESSAGES, (number, at, True, parent.number, seq))
        self.db.run(sql.COPY_EVENTS, (number, at, True, parent.number, at))

    def _finish_fork(self, parent: Snapshot, number: int, at: int) -> None:
        head = chain.head_at(self.links(number, at))
        data = {"session": str(parent.id), "at": at}
        head = self._insert_events(number, at + 1, head, [("forked", data)], clock.now_us())
        self.db.run(sql.SET_VERSION, (at + 1, head, number))
        self._set_tags(number, orjson.loads(self._by_number(parent.project, number).tags))

    def _same_fork(self, parent: Snapshot, at: int, key: str | None) -> Snapshot:
        found = self.find(parent.project, key or "")
        if found and (found.forked_from, found.forked_at) == (parent.id, at):
            if found.status == "deleted":
                raise deleted_error(found)
            return found
        raise errors.InvalidField(
            "Another session has this key. Choose another, or leave it out.", param="key"
        )

    # -- what comes from elsewhere -----------------------------------------------------------

    def note(
        self,
        project: int,
        session: UUID,
        kind: str,
        data: Mapping[str, Any],
        guard: Guard = UNGUARDED,
    ) -> Changed:
        """Keeps something that happened elsewhere as an event; `kind` is one of NOTES."""
        if kind not in NOTES:
            raise errors.InvalidField(f"`kind` must be one of {', '.join(NOTES)}.", param="kind")

        def decide(now: Snapshot) -> Change:
            check_active(now)
            return Change([(kind, data)])

        return self.change(project, session, decide, guard)

    def adopt(
        self,
        project: int,
        row: Mapping[str, Any],
        entries: Iterable[LogEntry],
        rows: Mapping[str, Sequence[beside.Exported]] | None = None,
    ) -> Adopted:
        """Takes over a session's log with its ids, numbers, times and digests, all or nothing.

        `row` has the fields of an export's session line. A session that is here already and is
        a beginning of that log goes on with the rest of it; one that went another way is a
        Conflict. `rows` are what other apps exported beside it, read once the entries are. Raises
        `Forged` when the log does not agree with itself.
        """
        done = self._adopt(project, row, entries, rows)
        self.moved(done.session.id, done.session.version)
        return done

    def _adopt(
        self,
        project: int,
        row: Mapping[str, Any],
        entries: Iterable[LogEntry],
        rows: Mapping[str, Sequence[beside.Exported]] | None,
    ) -> Adopted:
        with self.db.transaction():
            before = self._adopted_before(project, row)
            number = before.number if before else self._insert_adopted(project, row)
            ledger = self._take_over(number, entries, before)
            ledger.check_end(row)
            if before and ledger.version <= before.version:
                self._check_beginning(before, ledger)
                return Adopted(before, 0, ledger.messages)
            self._set_adopted(number, row, ledger)
            known = before.messages if before else 0
            adopted = self._by_number(project, number)
            if before:
                self.renew_epoch()  # what is beside the log changes without an event of it
            for companion in beside.companions():
                self._delete(companion.purge, number)
                companion.adopt(self.db, adopted, (rows or {}).get(companion.name, ()))
            self._follow_policy(adopted)
            return Adopted(adopted, ledger.messages - known, known)

    def _follow_policy(self, adopted: Snapshot) -> None:
        """Gives an adopted session the numbers of its policy, where there is such a version."""
        policy = (adopted.project, adopted.policy_name, adopted.policy_version)
        row = self.db.row(sql.POLICY_NUMBERS, policy)
        if row is None:
            return
        columns = _policy_columns(PolicyNumbers._make(row))
        names = ("due_tokens", "notice_tokens", "resume_us")
        self._set_columns(adopted.number, {name: columns[name] for name in names})

    def _adopted_before(self, project: int, row: Mapping[str, Any]) -> Snapshot | None:
        session = UUID(row["id"])
        owner = self.db.row(sql.SESSION_PROJECT, (session.hex,))
        if owner is not None:
            if owner[0] != project:
                raise errors.Conflict("This session is in another project of this database.")
            self.lock(project, session)
            return self.get(project, session)
        if row["key"] is not None and self.find(project, row["key"]) is not None:
            raise errors.Conflict("Another session of this project has the same key.")
        return None

    def _insert_adopted(self, project: int, row: Mapping[str, Any]) -> int:
        new = NewSession(row["key"], row["user"], row["title"])
        numbers = (row["window"], row["capacity"], NEVER, NEVER, NEVER)
        policy = PolicyNumbers(row["policy"], row["policy_version"], *numbers)
        user = self.end_user(project, row["user"])
        at = row["created_us"]
        number = self._insert_session(project, new, policy=policy, user=user, at=at)
        if number is None:
            raise errors.StoreBusy()
        return number

    def _take_over(
        self, number: int, entries: Iterable[LogEntry], before: Snapshot | None
    ) -> Ledger:
        """Stores the entries behind those that are there; all are checked."""
        ledger, waiting = Ledger(), list[MessageRow | EventRow]()
        for entry in entries:
            added = ledger.add(entry)
            if before is not None and entry.version <= before.version:
                if entry.version == before.version:
                    _check_same(before, ledger)
                continue
            waiting.append(added)
            if len(waiting) >= ADOPT_ROWS:
                self._insert_rows(number, waiting)
                waiting.clear()
        self._insert_rows(number, waiting)
        return ledger

    def _insert_rows(self, number: int, rows: Sequence[MessageRow | EventRow]) -> None:
        said = [row for row in rows if isinstance(row, MessageRow)]
        events = [(number, *row) for row in rows if isinstance(row, EventRow)]
        if said:
            bodies = [packing.stored(row.role, row.body) for row in said]
            self._insert_messages(_message_rows(number, said, bodies))
        if events:
            self.db.run_many(sql.INSERT_EVENT, events)

    def _check_beginning(self, before: Snapshot, ledger: Ledger) -> None:
        if chain.head_at(self.links(before.number, ledger.version)) != ledger.head:
            raise errors.Conflict(DIVERGED)

    def _set_adopted(self, number: int, row: Mapping[str, Any], ledger: Ledger) -> None:
        columns = {
            **{name: row[name] for name in ADOPTED_AS_THEY_ARE},
            **{name: getattr(ledger, name) for name in ADOPTED_FROM_LOG},
            "id": UUID(row["id"]).hex,
            "active_hour": row["last_activity_us"] // HOUR_US,
            "policy_name": row["policy"],
            "window_tokens": row["window"],
            "metadata": _json(row["metadata"]),
            "tags": _json(row["tags"]),
            "forked_from": UUID(row["forked_from"]).hex if row["forked_from"] else None,
            "index_due_us": clock.now_us(),
        }
        self._set_columns(number, columns)
        self.db.run(sql.DELETE_TAGS, (number,))
        self._set_tags(number, row["tags"])

    # -- projects and policies ---------------------------------------------------------------

    def project(self, name: str, policies: Sequence[PolicyVersion]) -> Project:
        """The project with this name, made with `policies` if there is none."""
        found = Project.objects.using(self.db.alias).filter(name=name).first()
        if found is not None:
            return found
        with self.db.transaction():
            made, new = Project.objects.using(self.db.alias).get_or_create(
                name=name, defaults={"created_us": clock.now_us()}
            )
            if new:
                for policy in policies:
                    self._insert_policy(made.pk, policy, 1)
        return made

    def put_policy(self, project: int, policy: PolicyVersion) -> tuple[Policy, bool]:
        """Stores the next version of a policy; (row, False) when the newest says the same."""
        with self.db.transaction():
            self.db.run(sql.LOCK_PROJECT, (project,))
            rows = Policy.objects.of(project).using(self.db.alias).filter(name=policy.name)
            newest = rows.order_by("-version").first()
            if newest is not None and newest.data == policy.data:
                return newest, False
            return self._insert_policy(project, policy, newest.version + 1 if newest else 1), True

    def _insert_policy(self, project: int, policy: PolicyVersion, version: int) -> Policy:
        return Policy.everything.using(self.db.alias).create(
            project_id=project,
            name=policy.name,
            version=version,
            window_tokens=policy.window,
            capacity=policy.capacity,
            due_tokens=policy.due_tokens,
            notice_tokens=policy.notice_tokens,
            resume_us=policy.resume_us,
            data=policy.data,
            created_us=clock.now_us(),
        )

    # -- purge -------------------------------------------------------------------------------

    def purge(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Receipt:
        """Removes every row of the session now, for good. The receipt names what went."""
        return self._purge(project, session, guard)

    def _purge(
        self, project: int, session: UUID, guard: Guard = UNGUARDED, *, due: int | None = None
    ) -> Receipt:
        """`due`: only if it still is deleted and its time has come; else NotFound."""
        with self.db.transaction():
            self.lock(project, session)
            found = self._at(project, session, guard, deleted=True)
            if due is not None and (found.purge_us is None or found.purge_us > due):
                raise errors.NotFound
            fulltext.remove_session(self.db, found.number)
            counts: dict[str, int] = {}
            for companion in beside.companions():
                counts |= companion.leave(self.db, found)
                counts |= self._delete(companion.purge, found.number)
            counts |= self._delete(sql.PURGE, found.number)
            self.db.run(sql.DELETE_SESSION, (found.number,))
            self.renew_epoch()
        self.forget([session])
        forget_events()
        for companion in beside.companions():
            companion.forget()
        return Receipt(found.id, counts, found.head, clock.now_us())

    def _delete(self, statements: Mapping[str, str], number: int) -> dict[str, int]:
        return {
            table: self.db.run(statement, (number,)).rowcount
            for table, statement in statements.items()
        }

    def renew_epoch(self) -> None:
        """Nothing that is kept elsewhere of rows is believed once this transaction is committed. It
        comes last in it, because all that purge or erase wait for the one row."""
        self.db.run(sql.NEW_EPOCH, (os.urandom(16).hex(),))

    def purge_due(self, now: int) -> list[Receipt]:
        """Purges what was deleted long enough ago, in every project; forgets old request keys and
        outages."""
        with self.db.reading():
            due = self.db.rows(sql.DUE, (now,))
        receipts = []
        for project, session in due:
            try:
                receipts.append(self._purge(project, UUID(str(session)), due=now))
            except errors.NotFound:
                continue
        with self.db.transaction():
            self.db.run(sql.DELETE_OLD_REQUEST_KEYS, (now - KEEP_REQUESTS_US,))
            self.db.run(sql.DELETE_OLD_OUTAGES, (now - KEEP_OUTAGES_US,))
        return receipts

    # -- the common way of a change ----------------------------------------------------------

    def change(
        self,
        project: int,
        session: UUID,
        decide: Decide,
        guard: Guard,
        *,
        deleted: bool = False,
    ) -> Changed:
        """What `decide` says of the locked session, which must be as the guard wants it."""
        done = self._change(project, session, decide, guard, deleted=deleted)
        self.moved(session, done.session.version)
        return done

    def moved(self, session: UUID, version: int) -> None:
        """A session is at this version now, or will be when the caller's transaction commits:
        whoever keeps something of it beside the database hears so."""
        if self.replicas is not None:
            self.replicas.heard(session, version)

    def forget(self, sessions: Sequence[UUID]) -> None:
        """The texts of sessions go: nobody tells what is kept of them elsewhere."""
        if self.replicas is not None:
            for session in sessions:
                self.replicas.heard(session, GONE)

    @replayed
    def _change(
        self,
        project: int,
        session: UUID,
        decide: Decide,
        guard: Guard,
        *,
        deleted: bool = False,
    ) -> Changed:
        with self.db.transaction() as durability:
            # The lock comes first: a repeated request waits here until the first one is kept.
            self.lock(project, session)
            if (known := self.known(project, guard.request)) is not None:
                return kept.read_changed(known)
            before = self._at(project, session, guard, deleted=deleted)
            change = decide(before)
            if change.events or change.columns:
                self._write(before, change)
                before = self._by_number(project, before.number)
            done = _changed(before, durability)
            self.remember(project, guard.request, 200, kept.changed(done), before.number)
        return done

    def lock(self, project: int, session: UUID) -> None:
        """Holds the session row, if there is one, to the end of the transaction."""
        self.db.locked_row(sql.LOCK, (session.hex, project))

    def _at(self, project: int, session: UUID, guard: Guard, *, deleted: bool = False) -> Snapshot:
        """The locked session row, which must be as the guard wants it."""
        found = self.get(project, session, deleted=deleted)
        self.check(found, guard)
        return found

    def _write(self, before: Snapshot, change: Change) -> None:
        columns = dict(change.columns)
        if change.events:
            columns["version"] = before.version + len(change.events)
            columns["head"] = self._insert_events(
                before.number, before.version + 1, before.head, change.events, clock.now_us()
            )
        self._set_columns(before.number, columns)
        if change.tags is not None:
            self.db.run(sql.DELETE_TAGS, (before.number,))
            self._set_tags(before.number, change.tags)

    def _set_columns(self, number: int, columns: Mapping[str, Any]) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        self.db.run(sql.SET_COLUMNS.format(names=names), (*columns.values(), number))

    def _insert_events(
        self, number: int, version: int, head: bytes, events: Sequence[Happening], at: int
    ) -> bytes:
        """Stores `events` as one batch from `version` on; returns the new head."""
        digests, rows = [], []
        for offset, (salt, (kind, data)) in enumerate(zip(salts(len(events)), events, strict=True)):
            text = _json(data)
            digest = chain.event_digest(salt, version + offset, kind, at, text)
            last = offset == len(events) - 1
            rows.append((number, version + offset, kind, last, at, salt, digest, text))
            digests.append(digest)
        self.db.run_many(sql.INSERT_EVENT, rows)
        return chain.link(head, digests)

    def _set_tags(self, number: int, tags: Sequence[str]) -> None:
        if tags:
            self.db.run_many(sql.INSERT_TAG, [(number, tag) for tag in tags])

    def _by_number(self, project: int, number: int) -> Snapshot:
        row = self.db.row(sql.SESSION_BY_NUMBER, (number, project))
        if row is None:
            raise errors.NotFound()
        return snapshot(row)

    def known(self, project: int, request: Request | None) -> str | None:
        """The kept answer to this request. Raises IdempotencyMismatch for another one."""
        if request is None:
            return None
        row = self.db.row(sql.REQUEST_KEY, (project, request.key))
        if row is None:
            return None
        if bytes(row[0]) != request.fingerprint:
            raise errors.IdempotencyMismatch(param="Idempotency-Key")
        return str(row[2])

    def remember(
        self,
        project: int,
        request: Request | None,
        status: int,
        answer: str,
        number: int | None = None,
        *,
        now: int | None = None,
    ) -> None:
        if request is None:
            return
        at = clock.now_us() if now is None else now
        params = (project, request.key, request.fingerprint, number, status, answer, at)
        if not self.db.run(sql.INSERT_REQUEST_KEY, params).rowcount:
            raise _KeyTaken


# -- decisions ---------------------------------------------------------------------------------


def _edited(
    now: Snapshot,
    state: replay.State,
    edit: Edit,
    policy: PolicyNumbers | None,
) -> Change:
    events: list[Happening] = []
    columns: dict[str, Any] = {}
    details = _new_details(state, edit)
    if details:
        events.append(("details", details))
        columns |= {
            name: value if name == "title" else _json(value) for name, value in details.items()
        }
        columns["index_due_us"] = clock.now_us()
    prompt = _new_prompt(state, edit)
    if prompt is not None:
        tokens = {"system_tokens": prompt.system_tokens, "tools_tokens": prompt.tools_tokens}
        events.append(("prompt", {**_prompt_data(prompt.system, prompt.tools), **tokens}))
        old = state.system_tokens + state.tools_tokens
        columns["active_tokens"] = now.active_tokens - old + sum(tokens.values())
        columns["prompt_version"] = now.version + len(events)
    if policy is not None and policy[:2] != state.policy:
        events.append(("policy", {"policy": policy.name, "policy_version": policy.version}))
        columns |= _policy_columns(policy)
        if columns.get("active_tokens", now.active_tokens) >= policy.due_tokens:
            columns["due_us"] = clock.now_us()
    return Change(events, columns, details.get("tags"))


def _new_row(project: int, key: str | None, user: int | None, at: int) -> dict[str, Any]:
    """A session row as it begins; what is not in it is the caller's to say."""
    nothing = dict.fromkeys(
        ("messages", "turns", "turn_start", "tokens", "overlay_version", "folded", "fold_version",
         "compressions", "facts"), 0
    )  # fmt: skip
    return {
        **nothing,
        "id": ids.new_id().hex,
        "project_id": project,
        "end_user_id": user,
        "key": key,
        "status": "active",
        "version": 1,
        "prompt_version": 1,
        "head": chain.GENESIS,
        "created_us": at,
        "last_activity_us": at,
        "active_hour": at // HOUR_US,
        "forked_from": None,
        "forked_at": None,
    }


def _policy_columns(policy: PolicyNumbers) -> dict[str, Any]:
    names = ("policy_name", "policy_version", "window_tokens", "capacity", "due_tokens",
             "notice_tokens", "resume_us")  # fmt: skip
    return dict(zip(names, policy, strict=True))


def _new_prompt(state: replay.State, edit: Edit) -> Prompt | None:
    """The whole prompt after an edit that may have named only one half of it, if it is another."""
    if edit.prompt is None:
        return None
    system, tools = edit.prompt, edit.prompt
    kept = Prompt(state.system, state.tools, state.system_tokens, state.tools_tokens)
    if "system" not in edit.halves:
        system = kept
    if "tools" not in edit.halves:
        tools = kept
    new = Prompt(system.system, tools.tools, system.system_tokens, tools.tools_tokens)
    same = _json([new.system, new.tools]) == _json([kept.system, kept.tools])
    return None if same else new


def _new_details(state: replay.State, edit: Edit) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if edit.title is not None and edit.title != state.title:
        wanted["title"] = edit.title
    # As JSON, because in Python 1, 1.0 and true are equal.
    if edit.metadata is not None and _json(dict(edit.metadata)) != _json(dict(state.metadata)):
        wanted["metadata"] = dict(edit.metadata)
    if edit.tags is not None and edit.tags != state.tags:
        wanted["tags"] = list(edit.tags)
    return wanted


def _check_same(before: Snapshot, ledger: Ledger) -> None:
    if not ledger.at_batch_end() or ledger.head != before.head:
        raise errors.Conflict(DIVERGED)


def _ended(now: Snapshot) -> Change:
    if now.status == "ended":
        return NOTHING
    return Change([("ended", {})], {"status": "ended"})


def _archived(now: Snapshot) -> Change:
    if now.status == "archived":
        return NOTHING
    return Change([("archived", {})], {"status": "archived"})


def _reopened(now: Snapshot) -> Change:
    if now.status == "active":
        return NOTHING
    return Change([("reopened", {})], {"status": "active"})


def check_active(session: Snapshot) -> None:
    """Raises SessionEnded for a session that takes nothing new."""
    if session.status != "active":
        raise _closed(session)


def _closed(session: Snapshot) -> errors.SessionEnded:
    if session.status != "archived":
        return errors.SessionEnded(status=session.status)
    return errors.SessionEnded(
        "The session is archived. Reopen it with POST /sessions/{id}/reopen to go on.",
        status=session.status,
    )


def _check_seq(seq: int, messages: int, param: str) -> None:
    if not 1 <= seq <= messages:
        raise errors.InvalidField(
            f"There is no message {seq}; the session has messages 1 to {messages}.", param=param
        )


def _checked_span(span: tuple[int, int | None], messages: int) -> tuple[int, int]:
    first, last = span
    _check_seq(first, messages, "from")
    if last is None:
        return first, messages
    _check_seq(last, messages, "to")
    if last < first:
        raise errors.InvalidField("`to` comes before `from`.", param="to")
    return first, last


def _same_user(found: Snapshot, user: str | None) -> Snapshot:
    if found.status == "deleted":
        raise deleted_error(found)
    if user is not None and user != found.user:
        raise errors.UserMismatch(param="user")
    return found


def _changed(session: Snapshot, durability: Durability, *, made: bool = False) -> Changed:
    return Changed(session, durability.durable, durability.by, made)


def _as_read(db: Database) -> dict[str, Any]:
    durability = ON_COMMIT if db.nested else db.durability()
    return {"durable": durability.durable, "durable_by": durability.by}


def _appended(
    session: UUID,
    before: Standing,
    batch: Sequence[Prepared],
    *,
    used: int,
    durability: Durability,
) -> Appended:
    return Appended(
        session,
        before.version + len(batch),
        before.messages + 1,
        tuple(item.tokens for item in batch),
        before.window,
        before.capacity,
        used,
        durability.durable,
        durability.by,
    )


def _noticed(done: Appended, before: Standing) -> Appended:
    """The answer with what is to be noticed about the session's size."""
    level = appending.level(done.used, before.capacity)
    notices = appending.size_notices(level, before.tokens, before.capacity)
    events = int(before.active_tokens < before.notice_tokens)
    return done._replace(version=done.version + events, notices=notices, events=events)


def _message_rows(number: int, rows: Sequence[MessageRow], bodies: Sequence[Stored]) -> list[Row]:
    """The rows of the table, with the bodies as they are stored."""
    return [(number, *row[:-1], *body) for row, body in zip(rows, bodies, strict=True)]


def _prompt_data(system: str | None, tools: Sequence[Any]) -> dict[str, Any]:
    return {"system": system, "tools": list(tools)}


def _dropped(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
