"""Holdfast in Python: sessions over the database of this process, or over a server.

Every verb has an `a...` twin for `async def` code; both do the same and take the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast import attempts, bodies, bridge, leases, values
from holdfast.backend import Backend, Expect
from holdfast.leases import Lease
from holdfast.values import Appended, Changed, Context, Json, UserContext
from sessions_app.core.errors import NotFound

if TYPE_CHECKING:
    from memory_app.worker import Worker

R = TypeVar("R")


class Session:
    """One conversation. Attributes are as of the last answer; `refresh()` asks again.

    Every verb may raise `holdfast.errors.HoldfastError` leaves: NotFound, SessionDeleted,
    StoreBusy, StoreUnavailable, StorageFull, LeaseLost where it changes something in a lease, and
    those it names itself.
    """

    def __init__(self, backend: Backend, row: Json, lease: Lease | None = None) -> None:
        self._backend = backend
        self._row = row
        self._lease = lease

    def __repr__(self) -> str:
        return f"<Session {self.key or self.id} at version {self.version}>"

    @property
    def id(self) -> str:
        return str(self._row["id"])

    @property
    def key(self) -> str | None:
        found: str | None = self._row["key"]
        return found

    @property
    def user(self) -> str | None:
        found: str | None = self._row["user"]
        return found

    @property
    def title(self) -> str:
        return str(self._row["title"])

    @property
    def system(self) -> str | None:
        found: str | None = self._row.get("system")
        return found

    @property
    def tools(self) -> list[Json]:
        return list(self._row.get("tools") or ())

    @property
    def policy(self) -> str:
        return str(self._row["policy"])

    @property
    def status(self) -> str:
        """active, idle, ended, archived or deleted."""
        return str(self._row["status"])

    @property
    def version(self) -> int:
        return int(self._row["version"])

    @property
    def metadata(self) -> Json:
        return dict(self._row["metadata"])

    @property
    def tags(self) -> list[str]:
        return list(self._row["tags"])

    def as_json(self) -> Json:
        """The session of the HTTP contract, as of the last answer that held all of it."""
        return dict(self._row)

    # -- what was said -----------------------------------------------------------------------

    @bridge.here
    def append(
        self,
        message: object = None,
        /,
        *,
        role: str | None = None,
        content: object = None,
        context: Context | str | None = None,
        created_at: datetime | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        expected_version: int | None = None,
        **fields: Any,
    ) -> Appended:
        """Store a message, all of several or none: role= and content=, a dict, a list, an answer
        object of the openai or anthropic package, or a finished stream of one.

        `context` is what the model was shown for it. Raises the errors of reading messages,
        SessionEnded, SessionBusy (another agent has the lease), StaleVersion (not at
        `expected_version`), IdempotencyMismatch.
        """
        named = {"role": role, "content": content, "context": context, **fields}
        named |= {"created_at": created_at, "metadata": metadata}
        body = bodies.messages(message, named)
        with self._writing(expected_version, idempotency_key) as expect:
            done = values.appended(self._backend.append(self.id, body, expect))
        self._moved(done.version)
        return done

    @bridge.here
    def messages(
        self,
        *,
        after: int | None = None,
        before: int | None = None,
        around: int | None = None,
        limit: int = 50,
        order: str = "asc",
        at: int | None = None,
        max_stale: int | None = None,
    ) -> list[Json]:
        """Messages by seq, at most `limit` (1 to 500), each as the HTTP contract shows it.

        At most one of `after`, `before`, `around`; `at` reads as of that version. With `max_stale`
        the newest ones (`order="desc"`) may be of so many seconds ago (0 to 60).
        Raises InvalidField, VersionNotFound.
        """
        query = bodies.place(after, before, around) | bodies.page(limit, order)
        query |= bodies.version(at) | bodies.max_stale(max_stale)
        return self._backend.messages(self.id, query)

    @bridge.here
    def events(
        self,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = 50,
        order: str = "asc",
    ) -> list[Json]:
        """Events by version, each `{version, kind, created_at, data}`. Raises InvalidField."""
        query = bodies.place(after, before) | bodies.page(limit, order)
        return self._backend.events(self.id, query)

    @bridge.here
    def retract(
        self,
        from_: int,
        to: int | None = None,
        reason: str | None = None,
        *,
        expected_version: int | None = None,
    ) -> Changed:
        """Take messages out of view, to the end if `to` is None; the log keeps them."""
        body = bodies.given(**{"from": from_, "to": to, "reason": reason})
        with self._writing(expected_version) as expect:
            return self._changed(self._backend.retract(self.id, body, expect))

    @bridge.here
    def pin(
        self, seq: int, reason: str | None = None, *, expected_version: int | None = None
    ) -> Json:
        """Keep a message word for word in every context; returns it with its fate."""
        body = bodies.given(seq=seq, reason=reason)
        with self._writing(expected_version) as expect:
            return self._pinned(self._backend.pin(self.id, body, expect))

    @bridge.here
    def unpin(self, seq: int, *, expected_version: int | None = None) -> Json:
        """Keep it no longer; returns the message with its fate."""
        number = bodies.whole("seq", seq, 1, bodies.MOST)
        with self._writing(expected_version) as expect:
            return self._pinned(self._backend.unpin(self.id, number or 0, expect))

    @bridge.here
    def compress(
        self,
        *,
        dry_run: bool = False,
        policy: str | None = None,
        instructions: str | None = None,
        expected_version: int | None = None,
    ) -> Json:
        """Fold everything before the kept turns now, at any level; returns the compression of the
        HTTP contract. Its `outcome` is `applied`, `nothing`, `failed` or `refused`, or `queued` or
        `running` when it was not done within five seconds. `dry_run` changes nothing.

        Raises StaleVersion, InvalidField (no such policy).
        """
        body = bodies.given(dry_run=dry_run or None, policy=policy, instructions=instructions)
        with self._writing(expected_version) as expect:
            done = self._backend.compress(self.id, body, expect)
        if not dry_run and done["version"]:
            self._moved(done["version"])
        return done

    # -- what the model sees -----------------------------------------------------------------

    @bridge.here
    def context(
        self,
        tokens: int | None = None,
        query: str | None = None,
        format: str = "openai",  # noqa: A002 - the contract's word
        at: int | None = None,
        policy: str | None = None,
        *,
        record: bool = False,
        max_stale: int | None = None,
    ) -> Context:
        """The messages for one inference call, never over `tokens` (None: the window less the
        reserve), in the form of `openai`, `anthropic` or `responses`.

        `at` builds it as of that version; `record` keeps what it is made of under its id. With
        `max_stale` one that was right so many seconds ago (0 to 60) will do. Raises
        BudgetTooSmall, VersionNotFound, InvalidField.
        """
        what = {"tokens": tokens, "query": query, "format": format, "at": at, "policy": policy}
        asked = bodies.context(**what, record=record, max_stale=max_stale)
        return values.context(self._backend.context(self.id, asked))

    # -- the session itself ------------------------------------------------------------------

    @bridge.here
    def edit(
        self,
        *,
        title: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] | None = None,
        policy: str | None = None,
        system: str | None = None,
        tools: Sequence[Any] | None = None,
        expected_version: int | None = None,
    ) -> Changed:
        """Give the session new values; None leaves one as it is. Raises InvalidField."""
        state = {"title": title, "metadata": metadata, "tags": tags, "policy": policy}
        body = bodies.given(**state, system=system, tools=tools)
        with self._writing(expected_version) as expect:
            return self._replaced(self._backend.edit(self.id, body, expect))

    @bridge.here
    def fork(self, at: int, key: str | None = None) -> Session:
        """A new session with everything up to version `at`. Raises VersionNotFound."""
        body = bodies.given(at=at, key=key)
        with self._writing() as expect:
            return Session(self._backend, self._backend.fork(self.id, body, expect))

    @bridge.here
    def end(self, *, expected_version: int | None = None) -> Changed:
        """Take no more messages until `reopen()`."""
        with self._writing(expected_version) as expect:
            return self._replaced(self._backend.end(self.id, expect))

    @bridge.here
    def reopen(self, *, expected_version: int | None = None) -> Changed:
        """Take messages again."""
        with self._writing(expected_version) as expect:
            return self._replaced(self._backend.reopen(self.id, expect))

    @bridge.here
    def delete(self, *, purge: bool = False, expected_version: int | None = None) -> Json | None:
        """Hide the session; it is purged seven days later. With `purge`, remove it now for good
        and return the receipt `{session, counts, head, at}`."""
        with self._writing(expected_version) as expect:
            if purge:
                return self._backend.purge(self.id, expect)
            self._backend.delete(self.id, expect)
        return None

    @bridge.here
    def restore(self) -> Changed:
        """Bring a deleted session back as it was."""
        with self._writing() as expect:
            return self._replaced(self._backend.restore(self.id, expect))

    @bridge.here
    def refresh(self) -> Session:
        """Ask for the session's present state; returns the session itself."""
        self._row = self._backend.session(self.id)
        return self

    # -- one writer at a time ----------------------------------------------------------------

    def lease(self, holder: str, *, ttl: int = 30, wait: float = 0) -> Lease:
        """The right to append alone, for `with` or `async with`: taken on entering for `ttl`
        seconds (1 to 3600), renewed while the block runs, released at its end. Changes inside carry
        it by themselves; once it is lost they raise LeaseLost and store nothing.

        `holder` is a name for people to read. Entering raises SessionBusy, after `wait` seconds,
        while somebody else holds the session, SessionEnded, InvalidField, TooLong.
        """
        return Lease(self._backend, self, holder, ttl=ttl, wait=wait)

    def attempt(self, decide: Callable[[Session], R]) -> R:
        """Calls `decide(session)` with the session as it is now, and returns what that returns.
        Where it raises StaleVersion, because somebody else wrote after it read, it is called again
        with the session read anew: three times in all, after pauses that are never alike.

        `decide` reads, and writes with `expected_version=session.version`.
        """
        return attempts.attempt(self, decide)

    @bridge.as_twin(attempt)
    async def aattempt(self, decide: Callable[[Session], Awaitable[R]]) -> R:
        return await attempts.aattempt(self, decide)

    alease = bridge.twin(lease)
    aappend = bridge.twin(append)
    amessages = bridge.twin(messages)
    aevents = bridge.twin(events)
    aretract = bridge.twin(retract)
    apin = bridge.twin(pin)
    aunpin = bridge.twin(unpin)
    acompress = bridge.twin(compress)
    acontext = bridge.twin(context)
    aedit = bridge.twin(edit)
    afork = bridge.twin(fork)
    aend = bridge.twin(end)
    areopen = bridge.twin(reopen)
    adelete = bridge.twin(delete)
    arestore = bridge.twin(restore)
    arefresh = bridge.twin(refresh)

    def _under(self, lease: Lease) -> Session:
        """The session as an object of its own, whose changes carry a lease in any thread."""
        return Session(self._backend, self._row, lease)

    def _moved(self, version: int) -> None:
        """Answers to concurrent calls come in any order; the version only goes up."""
        self._row = {**self._row, "version": max(self.version, version)}

    @contextmanager
    def _writing(self, version: object = None, key: object = None) -> Iterator[Expect]:
        """What a change expects, and the lease that it is made under."""
        expect = bodies.expect(version, key)
        lease = self._lease or leases.current(self.id)
        if lease is None:
            yield expect
            return
        with lease.told():
            yield replace(expect, lease=lease.token)

    def _changed(self, answer: Json) -> Changed:
        done = values.changed(answer)
        self._moved(done.version)
        return done

    def _pinned(self, message: Json) -> Json:
        self._moved(message["session_version"])
        return message

    def _replaced(self, answer: Json) -> Changed:
        self._row = answer
        return values.changed(answer)


class Memory:
    """What is remembered of one end user, over all their sessions.

    Every verb may raise StoreBusy, StoreUnavailable and StorageFull, and those it names itself.
    """

    def __init__(self, backend: Backend, user: str) -> None:
        self._backend = backend
        self._user = bodies.user(user)

    def __repr__(self) -> str:
        return f"<Memory of {self._user}>"

    @property
    def user(self) -> str:
        return self._user

    @bridge.here
    def store_fact(
        self,
        text: str,
        *,
        category: str | None = None,
        key: str | None = None,
        subject: str | None = None,
        relation: str | None = None,
        object: str | None = None,  # noqa: A002 - the contract's word
        pinned: bool | None = None,
        valid_at: datetime | str | None = None,
        sources: Sequence[Mapping[str, Any]] | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Json:
        """Remember a statement; returns the fact of the HTTP contract. With a `key` it stands in
        the place of the fact that has it. `sources` are `{session, seq, quote}`, the quote to the
        letter.

        Raises InvalidField or TooLong naming the field, IdempotencyMismatch.
        """
        named: Json = {"category": category, "key": key, "subject": subject, "relation": relation}
        named |= {"object": object, "pinned": pinned, "valid_at": valid_at}
        body = bodies.fact(user=self._user, text=text, sources=sources, metadata=metadata, **named)
        return self._backend.store_fact(body, bodies.expect(key=idempotency_key))

    @bridge.here
    def get_context(self, query: str | None = None, tokens: int | None = None) -> UserContext:
        """The user's facts as one block for any prompt, never over `tokens` (None: 1,000): what is
        pinned, then what shares most words with `query` or says most. Raises InvalidField."""
        asked = bodies.user_context(query=query, tokens=tokens)
        try:
            return values.user_context(self._backend.user_context(self._user, asked))
        except NotFound:
            return UserContext(self._user)

    @bridge.here
    def search(
        self, query: str, limit: int = 10, *, at: datetime | str | None = None
    ) -> list[Json]:
        """The user's facts that answer `query`, the best first: each a fact of the HTTP contract
        with its `score` and the `parts` of it; behind them those that hang on a thing it names.
        None where no fact bears out enough of the question. Of active ones that hold now, or of
        those known at the time `at`.

        Raises InvalidField, TooLong.
        """
        asked = bodies.search(query, limit, at)
        return self._backend.search_facts({"user": self._user, **asked})

    @bridge.here
    def relations(
        self, of: str, steps: int = 2, limit: int = 50, *, at: datetime | str | None = None
    ) -> list[Json]:
        """The user's facts that hang together with a thing, the subject or object of some: each
        `{fact, steps, path}`, the nearest first, up to `steps` (1 or 2) away; `path` names the
        facts walked by their ids. Of active ones that hold now, or of those known at the time `at`.

        Raises InvalidField, TooLong.
        """
        asked = bodies.relations(of, steps, limit, at)
        try:
            return self._backend.relations(self._user, asked)
        except NotFound:
            return []

    @bridge.here
    def episodes(
        self,
        query: str | None = None,
        limit: int = 50,
        *,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
    ) -> list[Json]:
        """What happened in the user's sessions, the newest first: each an episode of the HTTP
        contract. With `query` those that have all its words, with `since` and `until` those whose
        time overlaps that span.

        Raises InvalidField, TooLong.
        """
        asked = bodies.episodes(query, since, until, limit)
        return self._backend.episodes({"user": self._user, **asked})

    astore_fact = bridge.twin(store_fact)
    aget_context = bridge.twin(get_context)
    asearch = bridge.twin(search)
    arelations = bridge.twin(relations)
    aepisodes = bridge.twin(episodes)


class Client:
    """Sessions of one project, over the database of this process or over a server."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @bridge.here
    def open(
        self,
        key: str | None,
        user: str | None = None,
        *,
        title: str | None = None,
        system: str | None = None,
        tools: Sequence[Any] | None = None,
        policy: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] | None = None,
    ) -> Session:
        """The session with this key, made at first use; what is known is left as it is.

        Raises UserMismatch, SessionDeleted, and InvalidField or TooLong naming the field.
        """
        body = bodies.given(
            key=key,
            user=user,
            title=title,
            system=system,
            tools=tools,
            policy=policy,
            metadata=metadata,
            tags=tags,
        )
        return Session(self._backend, self._backend.open(body))

    @bridge.here
    def memory(self, user: str) -> Memory:
        """What is remembered of an end user. Raises InvalidField, TooLong."""
        return Memory(self._backend, user)

    aopen = bridge.twin(open)  # noqa: A003 - the method above
    amemory = bridge.twin(memory)


@bridge.here
def open(  # noqa: A001 - `holdfast.open`, as in the design
    key: str | None,
    user: str | None = None,
    *,
    title: str | None = None,
    system: str | None = None,
    tools: Sequence[Any] | None = None,
    policy: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Sequence[str] | None = None,
    database: str | Path | None = None,
    project: str | None = None,
) -> Session:
    """The session with this key in a database of this machine, made at first use.

    `database` is a file or a URL; by default DATABASE_URL, else one file in the user's data
    folder. In a site that uses Django it is the site's own. Raises UserMismatch, SessionDeleted,
    UnusableDatabase, and InvalidField or TooLong naming the field.
    """
    from holdfast import bootstrap

    alias = bootstrap.ready(database)
    bootstrap.work_when_called(alias)
    from holdfast import local  # needs Django ready

    return Client(local.backend(alias, project)).open(
        key,
        user,
        title=title,
        system=system,
        tools=tools,
        policy=policy,
        metadata=metadata,
        tags=tags,
    )


aopen = bridge.twin(open)


@bridge.here
def memory(user: str, *, database: str | Path | None = None, project: str | None = None) -> Memory:
    """What is remembered of an end user, in a database of this machine as `open` finds it.

    Raises UnusableDatabase, and InvalidField or TooLong.
    """
    from holdfast import bootstrap

    alias = bootstrap.ready(database)
    from holdfast import local  # needs Django ready

    return Memory(local.backend(alias, project), user)


amemory = bridge.twin(memory)


@bridge.here
def worker(database: str | Path | None = None) -> Worker:
    """A started worker that compresses what is due in a database, in a thread of this process,
    until its `stop()`. A bare script has one from the first session that becomes due; `holdfast
    serve` always has; in a site, whoever wants one there asks for it here.
    """
    from holdfast import bootstrap

    alias = bootstrap.ready(database)
    from memory_app.worker import Worker  # needs Django ready

    started = Worker(alias)
    started.start()
    return started


aworker = bridge.twin(worker)


def connect(url: str, key: str | None = None, *, timeout: float = 30.0) -> Client:
    """Sessions of the project that `key` belongs to, over the server at `url`.

    `timeout` in seconds is for one attempt. Nothing is sent before the first verb.
    Raises ValueError for what is no http:// or https:// address.
    """
    from holdfast import remote

    return Client(remote.backend(url, key, timeout=timeout))
