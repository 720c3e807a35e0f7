"""The facade's backend over a database of this process: no server, the same answers.

Import it only when Django is ready; `holdfast.bootstrap` makes it so.
"""

from __future__ import annotations

from uuid import UUID

import orjson

from holdfast import bootstrap
from holdfast.backend import Backend, Expect
from holdfast.projects import LOCAL, ensure_project
from holdfast.sparing import sparing
from holdfast.values import Json, Unread
from memory_app import (
    asking,
    context,
    endusers,
    episodes,
    episodes_api,
    factbodies,
    facts,
    factsearch,
    fates,
    hotcontexts,
    records,
    relations,
    telling,
)
from memory_app.api import COMPRESSED
from memory_app.hotcontexts import Wanted
from sessions_app import answers, bodies, clock, conditions, preparing
from sessions_app.core import fields
from sessions_app.core.entries import event_out, message_out
from sessions_app.core.errors import NotFound
from sessions_app.http import fingerprint
from sessions_app.store import get_store, leasing
from sessions_app.store.base import UNGUARDED, Changed, Guard, Request, Snapshot, Window
from sessions_app.store.newest import Asked as Newest
from sessions_app.store.newest import newest

PREFIX = "/api/v1"


def backend(alias: str, project: str | None = None) -> Backend:
    """The backend of one project (None: the one of local use), made at first use."""
    made = LocalBackend(alias, ensure_project(project or LOCAL, alias).pk)
    # The connections of a host site are its own, whatever state it gave them.
    return sparing(made, alias) if bootstrap.is_ours(alias) else made


class LocalBackend:
    """`Backend` on the store behind a Django alias."""

    def __init__(self, alias: str, project: int) -> None:
        self._store = get_store(alias)
        self._project = project

    # -- sessions ----------------------------------------------------------------------------

    def open(self, body: Json) -> Json:
        new = bodies.new_session(fields.read(body, bodies.OPENED))
        return self._changed(self._store.open(self._project, new))

    def session(self, session: str) -> Json:
        known = self._store.get_in_epoch(*self._named(session))
        mode = conditions.worse(conditions.FULL)
        prompt = self._store.prompt(known)
        return answers.session_out(known.session, prompt, clock.now_us(), mode=mode)

    def edit(self, session: str, body: Json, expect: Expect) -> Json:
        edit = bodies.edit(fields.read(body, bodies.EDITED))
        return self._changed(self._store.edit(*self._named(session), edit, _guard(expect)))

    def fork(self, session: str, body: Json, expect: Expect) -> Json:
        read = fields.read(body, bodies.FORKED)
        named, guard = self._named(session), _guard(expect)
        done = self._store.fork(*named, read["at"], read.get("key"), guard)
        return self._changed(done)

    def end(self, session: str, expect: Expect) -> Json:
        return self._changed(self._store.end(*self._named(session), _guard(expect)))

    def reopen(self, session: str, expect: Expect) -> Json:
        return self._changed(self._store.reopen(*self._named(session), _guard(expect)))

    def restore(self, session: str, expect: Expect) -> Json:
        return self._changed(self._store.restore(*self._named(session), _guard(expect)))

    def delete(self, session: str, expect: Expect) -> None:
        self._store.delete(*self._named(session), _guard(expect))

    def purge(self, session: str, expect: Expect) -> Json:
        return answers.receipt_out(self._store.purge(*self._named(session), _guard(expect)))

    # -- the log -----------------------------------------------------------------------------

    def append(self, session: str, body: Json, expect: Expect) -> Json:
        # The body as a server would read it: tuples become lists, texts of other types plain ones.
        raw = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
        read = orjson.loads(raw)
        if body.keys() == {"messages"}:
            batch = preparing.batch(read["messages"])
        else:
            batch = preparing.single(read)
        guard = _guard(expect, f"{PREFIX}/sessions/{session}/messages", raw)
        done = self._store.append(*self._named(session), batch, guard)
        return answers.appended_out(done)

    def messages(self, session: str, query: Json) -> list[Json]:
        window = Window(
            after=query.get("after"),
            before=query.get("before"),
            around=query.get("around"),
            limit=query["limit"],
            newest_first=query["order"] == "desc",
            at=query.get("at"),
        )
        if query.get("max_stale") and window == Window(limit=window.limit, newest_first=True):
            return self._newest(session, window.limit, query["max_stale"])
        found = self._get(session)
        return [message_out(found.id, item) for item in self._store.messages(found, window)]

    def _newest(self, session: str, limit: int, max_stale: int) -> list[Json]:
        project, name = self._named(session)
        found = newest(self._store, Newest(project, name, limit, max_stale))
        return [message_out(name, item) for item in found.rows]

    def events(self, session: str, query: Json) -> list[Json]:
        found = self._get(session)
        after, before, limit = query.get("after"), query.get("before"), query["limit"]
        descending = query["order"] == "desc"
        backward = before is not None or (descending and after is None)
        if backward:
            end = found.version + 1 if before is None else before
            shown = self._store.events_back(found, end, limit)
        else:
            shown = self._store.events(found, after=after or 0, limit=limit)
        if descending != backward:
            shown.reverse()
        return [event_out(event) for event in shown]

    def retract(self, session: str, body: Json, expect: Expect) -> Json:
        read = fields.read(body, bodies.RETRACTED)
        span, reason = (read["from"], read.get("to")), read.get("reason")
        named, guard = self._named(session), _guard(expect)
        done = self._store.retract(*named, span, reason, guard)
        return answers.retracted_out(done, span)

    def pin(self, session: str, body: Json, expect: Expect) -> Json:
        read = fields.read(body, bodies.PINNED)
        reason = read.get("reason")
        return self._pin(session, read["seq"], expect, pinned=True, reason=reason)

    def unpin(self, session: str, seq: int, expect: Expect) -> Json:
        if seq > self._get(session).messages:
            raise NotFound(f"There is no message {seq} in this session.")
        return self._pin(session, seq, expect, pinned=False, reason=None)

    def context(self, session: str, query: Json) -> Json:
        ask = context.Ask(
            tokens=query.get("tokens"),
            query=query.get("query"),
            form=query["format"],
            at=query.get("at"),
            policy=query.get("policy"),
        )
        named = self._named(session)
        if query.get("record"):
            return records.build(self._store, *named, ask, UNGUARDED).as_json()
        wanted = Wanted(*named, ask, query.get("max_stale", 0))
        found = hotcontexts.parsed(self._store, wanted)
        found.told["left_out"] = Unread(found.left_out)
        return found.told

    def compress(self, session: str, body: Json, expect: Expect) -> Json:
        read = fields.read(body, COMPRESSED)
        asked = asking.Asked(
            policy=read.get("policy"),
            instructions=read.get("instructions") or "",
            dry_run=bool(read.get("dry_run")),
        )
        return asking.compress(self._store, *self._named(session), asked, _guard(expect))

    # -- leases ------------------------------------------------------------------------------

    def lease(self, session: str, body: Json, expect: Expect) -> Json:
        read = fields.read(body, bodies.LEASED)
        wanted = (read["holder"], read.get("ttl", bodies.SECONDS))
        named, wait = self._named(session), read.get("wait", 0)
        done = leasing.acquire(self._store, *named, *wanted, _guard(expect), wait=wait)
        return answers.lease_out(done)

    def renew(self, session: str, body: Json, expect: Expect) -> Json:
        read = fields.read(body, bodies.RENEWED)
        wanted = (read["token"], read.get("ttl", bodies.SECONDS))
        done = leasing.renew(self._store, *self._named(session), *wanted, _guard(expect))
        return answers.lease_out(done)

    def release(self, session: str, expect: Expect) -> Json:
        token, guard = expect.lease or 0, Guard(expect.version)
        return answers.lease_out(leasing.release(self._store, *self._named(session), token, guard))

    # -- memory ------------------------------------------------------------------------------

    def store_fact(self, body: Json, expect: Expect) -> Json:
        raw = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
        stated = factbodies.stated(orjson.loads(raw))
        request = _guard(expect, f"{PREFIX}/facts", raw).request
        done = facts.keep(self._store, self._project, stated, facts.By("local"), request)
        return facts.one_out(done)

    def search_facts(self, body: Json) -> list[Json]:
        asked = fields.read(body, factbodies.SEARCHED)
        return factsearch.hits(self._store, self._project, asked)

    def user_context(self, user: str, query: Json) -> Json:
        found = endusers.one(self._store, self._project, user)
        return telling.block(self._store, self._project, found, **query)

    def relations(self, user: str, query: Json) -> list[Json]:
        asked = fields.read(query, factbodies.RELATED)
        found = endusers.one(self._store, self._project, user)
        return relations.page(self._store, self._project, found, asked)[0]

    def episodes(self, query: Json) -> list[Json]:
        asked = fields.read(query, episodes_api.STORED)
        return episodes.page(self._store, self._project, asked)[0]

    # -- what they share ---------------------------------------------------------------------

    def _named(self, session: str) -> tuple[int, UUID]:
        return self._project, _uuid(session)

    def _get(self, session: str) -> Snapshot:
        return self._store.get(*self._named(session))

    def _pin(
        self, session: str, seq: int, expect: Expect, *, pinned: bool, reason: str | None
    ) -> Json:
        named, guard = self._named(session), _guard(expect)
        done = self._store.pin(*named, seq, pinned=pinned, reason=reason, guard=guard)
        (message,) = self._store.picked(done.session.number, (seq,))
        fate = fates.of_message(self._store, done.session, seq)
        return answers.pinned_out(done, message, self._store.overlay(done.session), fate=fate)

    def _changed(self, done: Changed) -> Json:
        return answers.changed_out(done, self._store.prompt(done.session))


def _guard(expect: Expect, path: str = "", raw: bytes = b"") -> Guard:
    if expect.key is None:
        return Guard(expect.version, lease=expect.lease)
    request = Request(expect.key, fingerprint("POST", path, raw))
    return Guard(expect.version, request, expect.lease)


def _uuid(session: str) -> UUID:
    try:
        return UUID(session)
    except ValueError:
        raise NotFound from None
