"""What a store of sessions promises, and the values that go in and out of it.

A project is named by its row number, a session by its public UUID; the two are always resolved
together, so that nothing outside the project is ever found. Times are microseconds since the epoch.
Every changing verb takes `guard`: the version the caller expects, and the idempotency key of the
request, and the token of the lease the caller holds. A repeated request is answered from what was
kept, before anything else is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from sessions_app.core.appending import Prepared
from sessions_app.core.entries import StoredEvent, StoredMessage
from sessions_app.core.leases import Lease
from sessions_app.core.logbook import LogEntry
from sessions_app.core.replay import State


@dataclass(frozen=True, slots=True)
class Request:
    """An idempotent request: its key and the sha256 of method, path, query and body."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Guard:
    """What must hold for a change: the version (None: any), the request (None: no key), and the
    token of the lease it is made under (None: under none)."""

    expected: int | None = None
    request: Request | None = None
    lease: int | None = None


UNGUARDED = Guard()
NEVER = 2**62
"""More tokens, or microseconds, than there ever are."""


class Snapshot(NamedTuple):
    """A session row as it stood at one moment."""

    number: int
    id: UUID
    project: int
    user: str | None
    key: str | None
    title: str
    status: str
    version: int
    messages: int
    turns: int
    tokens: int
    active_tokens: int
    capacity: int
    window: int
    prompt_version: int
    overlay_version: int
    policy_name: str
    policy_version: int
    head: bytes
    metadata: str
    tags: str
    created_us: int
    last_activity_us: int
    purge_us: int | None
    forked_from: UUID | None
    forked_at: int | None
    folded: int = 0
    fold_version: int = 0
    compressions: int = 0
    facts: int = 0
    lease_token: int = 0
    lease_until_us: int = 0
    lease_holder: str = ""

    @property
    def lease(self) -> Lease:
        """The newest lease, which may be over."""
        return Lease(self.lease_token, self.lease_until_us, self.lease_holder)

    @property
    def level(self) -> float:
        """Active tokens over what the policy leaves for them; above 1 when over."""
        return round(self.active_tokens / self.capacity, 4)


class InEpoch(NamedTuple):
    """A session row, and as the same statement read them the epoch of its database and the digest
    of the session's newest event, of which there is one like no other: by them may be told whether
    what a process holds still is what the database would say, a restored one too."""

    session: Snapshot
    epoch: str
    event: bytes = b""


class Appended(NamedTuple):
    """What an append is answered with; messages are seq first_seq .. first_seq + len(tokens) - 1,
    versions end at `version`, the last `events` of which are events. `told` is what else the caller
    answered with and needs again."""

    session: UUID
    version: int
    first_seq: int
    tokens: tuple[int, ...]
    window: int
    capacity: int
    used: int
    durable: bool
    durable_by: str | None = None
    told: Mapping[str, Any] | None = None
    notices: tuple[Mapping[str, Any], ...] = ()
    events: int = 0


Check = Callable[[Appended], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Changed:
    """A session after a change, and how durable the change is. `made` tells a new session."""

    session: Snapshot
    durable: bool
    durable_by: str | None = None
    made: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """System text and tool definitions with their tokens, framing included."""

    system: str | None = None
    tools: tuple[Any, ...] = ()
    system_tokens: int = 0
    tools_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A version of a policy to be stored; `data` is its JSON text, the numbers are those of
    `models.Policy`: tokens, and the pause in microseconds."""

    name: str
    window: int
    capacity: int
    data: str
    due_tokens: int = NEVER
    notice_tokens: int = NEVER
    resume_us: int = NEVER


class PolicyNumbers(NamedTuple):
    """What a session row copies of a version of its policy."""

    name: str
    version: int
    window: int
    capacity: int
    due_tokens: int
    notice_tokens: int
    resume_us: int


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a session is made from."""

    key: str | None = None
    user: str | None = None
    title: str = ""
    prompt: Prompt = Prompt()
    policy: str = "default"
    metadata: Mapping[str, Any] | None = None
    tags: tuple[str, ...] = ()
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """New values for a session's own state; None leaves one as it is.

    `halves` names what of `prompt` is new: the other half stays as it is then.
    """

    title: str | None = None
    metadata: Mapping[str, Any] | None = None
    tags: tuple[str, ...] | None = None
    policy: str | None = None
    prompt: Prompt | None = None
    halves: tuple[str, ...] = ("system", "tools")


# How much of bodies is in memory at once: a page of a log ends with the row that reaches it.
GONE = 2**53
"""The version of a session that was purged or erased: later than any."""
PAGE_OCTETS = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Window:
    """Which messages to read: seq after / before / around a number, at most `limit`.

    `newest_first` turns the order of the answer; `at` hides what came after that version. With
    `octets` the answer ends early: the message with which the bodies reach so many bytes is its
    last but one, so that there is one more exactly where there is more to read.
    """

    after: int | None = None
    before: int | None = None
    around: int | None = None
    limit: int = 50
    newest_first: bool = False
    at: int | None = None
    octets: int | None = None


@dataclass(frozen=True, slots=True)
class Adopted:
    """What came of taking over a session's log: messages stored and messages there before."""

    session: Snapshot
    new: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a purge removed: rows per table, the last head, and when."""

    session: UUID
    counts: Mapping[str, int]
    head: bytes
    at: int


class Store(Protocol):
    """Sessions and their logs. Errors are `sessions_app.core.errors`; each verb may also raise
    StoreBusy, StoreUnavailable or StorageFull, and then has changed nothing."""

    def open(self, project: int, new: NewSession, guard: Guard = UNGUARDED) -> Changed:
        """The session with `new.key`, made now if there is none. Raises UserMismatch,
        SessionDeleted, InvalidField (no such policy)."""

    def append(
        self,
        project: int,
        session: UUID,
        batch: Sequence[Prepared],
        guard: Guard = UNGUARDED,
        *,
        check: Check | None = None,
    ) -> Appended:
        """Stores all of `batch` or nothing. `check` sees a new answer before it is committed; what
        it raises undoes the append. Raises NotFound, SessionDeleted, SessionEnded, SessionBusy,
        LeaseLost, StaleVersion, IdempotencyMismatch."""

    def edit(self, project: int, session: UUID, edit: Edit, guard: Guard = UNGUARDED) -> Changed:
        """Stores new values as events; nothing new, no event."""

    def retract(
        self,
        project: int,
        session: UUID,
        span: tuple[int, int | None],
        reason: str | None = None,
        guard: Guard = UNGUARDED,
    ) -> Changed:
        """Takes seq from..to (to the end if None) out of view; the log keeps them."""

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

    def fork(
        self,
        project: int,
        session: UUID,
        at: int,
        key: str | None = None,
        guard: Guard = UNGUARDED,
    ) -> Changed:
        """A new session that begins with everything up to version `at`, numbers and times kept."""

    def end(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Changed:
        """No more messages from here on. `end`, `archive` and `reopen` each make a session what
        they say, whatever it was; one that is so already stays as it is, at its version."""

    def archive(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Changed:
        """Ended, and out of the daily list."""

    def reopen(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Changed: ...

    def note(
        self,
        project: int,
        session: UUID,
        kind: str,
        data: Mapping[str, Any],
        guard: Guard = UNGUARDED,
    ) -> Changed:
        """Keeps something that happened elsewhere as an event; `kind` is one of NOTES."""

    def adopt(
        self,
        project: int,
        row: Mapping[str, Any],
        entries: Iterable[LogEntry],
        rows: Mapping[str, Sequence[tuple[str, dict[str, Any]]]] | None = None,
    ) -> Adopted:
        """Takes over a session's log with its ids, numbers, times and digests, and what stands
        beside it, all or nothing."""

    def delete(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Changed:
        """Hides the session; it is purged seven days later."""

    def restore(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Changed: ...

    def purge(self, project: int, session: UUID, guard: Guard = UNGUARDED) -> Receipt:
        """Removes every row of the session now, for good."""

    def purge_due(self, now: int) -> list[Receipt]:
        """Purges what was deleted long enough ago, in every project."""

    def get(self, project: int, session: UUID, *, deleted: bool = False) -> Snapshot:
        """The session row. Raises NotFound; SessionDeleted unless `deleted`."""

    def messages(self, session: Snapshot, window: Window) -> list[StoredMessage]: ...

    def events(
        self, session: Snapshot, *, after: int = 0, before: int | None = None, limit: int = 50
    ) -> list[StoredEvent]:
        """Events with after < version < before, in order."""

    def state(self, session: Snapshot, version: int | None = None) -> State:
        """The session's own state at a version (None: now). Raises VersionNotFound."""
