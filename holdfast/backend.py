"""What the facade stands on: one protocol of the HTTP contract's verbs, spoken locally or remotely.

Bodies, queries and answers are the contract's JSON objects as Python values, already read by
`holdfast.bodies`; sessions are named by their public id. Errors are those of
`sessions_app.core.errors` on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from holdfast.values import Json


@dataclass(frozen=True, slots=True)
class Expect:
    """What must hold for a change: the session's version (None: any), the idempotency key, and the
    token of the lease it is made under (None: under none)."""

    version: int | None = None
    key: str | None = None
    lease: int | None = None


class Backend(Protocol):
    """One project, seen through a database or through a server."""

    def open(self, body: Json) -> Json:
        """The session with the body's `key`, made if there is none."""

    def session(self, session: str) -> Json: ...

    def append(self, session: str, body: Json, expect: Expect) -> Json:
        """`body` is one message, or several as `{"messages": [...]}`."""

    def context(self, session: str, query: Json) -> Json:
        """The context; its `left_out` may be `values.Unread`."""

    def messages(self, session: str, query: Json) -> list[Json]: ...

    def events(self, session: str, query: Json) -> list[Json]: ...

    def compress(self, session: str, body: Json, expect: Expect) -> Json:
        """The compression, done or not yet."""

    def edit(self, session: str, body: Json, expect: Expect) -> Json:
        """The session afterwards."""

    def retract(self, session: str, body: Json, expect: Expect) -> Json:
        """At least `version` and how durable it is."""

    def pin(self, session: str, body: Json, expect: Expect) -> Json:
        """The pinned message."""

    def unpin(self, session: str, seq: int, expect: Expect) -> Json:
        """The message that is pinned no longer."""

    def fork(self, session: str, body: Json, expect: Expect) -> Json:
        """The new session."""

    def end(self, session: str, expect: Expect) -> Json: ...

    def reopen(self, session: str, expect: Expect) -> Json: ...

    def restore(self, session: str, expect: Expect) -> Json: ...

    def delete(self, session: str, expect: Expect) -> None: ...

    def purge(self, session: str, expect: Expect) -> Json:
        """The receipt."""

    def lease(self, session: str, body: Json, expect: Expect) -> Json:
        """The new lease, or SessionBusy after the body's `wait`, or before."""

    def renew(self, session: str, body: Json, expect: Expect) -> Json:
        """The lease whose token is in the body."""

    def release(self, session: str, expect: Expect) -> Json:
        """What is left of the lease whose token is in `expect`."""

    def store_fact(self, body: Json, expect: Expect) -> Json:
        """The stored fact."""

    def search_facts(self, body: Json) -> list[Json]:
        """The facts that answer a question, the best first, with their scores."""

    def user_context(self, user: str, query: Json) -> Json:
        """A user's memory as one block. Raises NotFound for a user who is not known yet."""

    def relations(self, user: str, query: Json) -> list[Json]:
        """The facts near a thing, the nearest first. Raises NotFound for a user who is not known
        yet."""

    def episodes(self, query: Json) -> list[Json]:
        """What happened, the newest first."""
