"""The HTTP calls about sessions, their messages and their events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from sessions_app import (
    answers,
    auth,
    bodies,
    clock,
    conditions,
    listing,
    paging,
    parameters,
    preparing,
    search,
)
from sessions_app.auth import ADMIN, WRITE
from sessions_app.calls import (
    OF_A_SESSION,
    Call,
    Gives,
    Parameter,
    Takes,
    ref,
    route,
    session_id,
    store,
)
from sessions_app.core import errors, fields
from sessions_app.core.appending import Prepared
from sessions_app.core.entries import StoredEvent, StoredMessage, event_out, message_out
from sessions_app.core.fields import Field
from sessions_app.http import json_response
from sessions_app.parameters import LARGEST, SEARCH
from sessions_app.store.base import PAGE_OCTETS, Changed, Snapshot, Window
from sessions_app.store.newest import Asked as Newest
from sessions_app.store.newest import newest

sessions = Router(tags=["sessions"])
messages = Router(tags=["messages"])

OF_A_CHANGE = (*OF_A_SESSION, 409)

LISTED: Mapping[str, Parameter] = {
    "key": parameters.text(255, "The caller's own name of the session."),
    "user": parameters.text(255, "The user whose sessions they are."),
    "status": parameters.choice("Deleted ones are left out otherwise.", *listing.STATUSES),
    "tag": parameters.text(255, "A tag; several must all be there.", many=True),
    "q": parameters.text(
        SEARCH,
        "Words that a message, or title, key, user and tags, must all have, in any order, without"
        " accents and case; the last may be a beginning. Or the beginning of a key or id.",
    ),
    "active_since": parameters.instant("Anything happened at or after."),
    "active_until": parameters.instant("Began at or before."),
    "min_tokens": parameters.integer(0, LARGEST, "At least so many tokens in all."),
    "min_level": parameters.level("At least so full, as a share of the window less the reserve."),
    "sort": parameters.choice(
        "Newest or largest first; with `-` the other way.",
        *listing.SORTS,
        *(f"-{name}" for name in listing.SORTS),
    ),
    "after": parameters.cursor(),
    "limit": parameters.limit(),
}
ORDER = parameters.choice("asc when left out.", "asc", "desc")
READ_MESSAGES: Mapping[str, Parameter] = {
    "after": parameters.place_or_cursor("Those after this seq, or a page's `next`."),
    "before": parameters.integer(0, LARGEST, "The last ones before this seq."),
    "around": parameters.integer(0, LARGEST, "Those on both sides of this seq."),
    "limit": parameters.limit(),
    "order": ORDER,
    "at": parameters.integer(1, LARGEST, "As the session stood at this version."),
    "q": parameters.text(SEARCH, "Text that they hold, to the letter; a-z match in either case."),
    "max_stale": parameters.max_stale(
        "The newest page (`order=desc` and no place) may be of so many seconds ago; its `version`"
        " says of what."
    ),
}
NEWEST = {"order", "limit", "max_stale"}
"""What a question for the newest page may say."""
READ_EVENTS: Mapping[str, Parameter] = {
    "after": parameters.place_or_cursor("Those after this version, or a page's `next`."),
    "before": parameters.integer(0, LARGEST, "The last ones before this version."),
    "limit": parameters.limit(),
    "order": ORDER,
}
APPENDED = {
    "oneOf": [
        ref("MessageIn"),
        {
            "type": "object",
            "required": ["messages"],
            "additionalProperties": False,
            "properties": {"messages": {"type": "array", "items": ref("MessageIn")}},
        },
    ]
}


# ── Sessions ─────────────────────────────────────────────────────────────────────────────────


@route(
    sessions,
    "POST",
    "/sessions",
    takes=Takes(WRITE, fields=bodies.OPENED, keyed=True),
    gives=Gives({201: "Session", 200: "Session"}, errors=(409, 410)),
)
def open_session(call: Call) -> HttpResponse:
    """Open a session.

    With a `key` that is known the stored session is the answer (200) and the other fields are
    ignored.
    """
    new = bodies.new_session(call.body)
    done = store().open(call.project, new, call.guard)
    return _changed(done, 201 if done.made else 200)


@route(
    sessions,
    "GET",
    "/sessions",
    takes=Takes(query=LISTED),
    gives=Gives({200: "Sessions"}),
)
def list_sessions(call: Call) -> HttpResponse:
    """List sessions.

    `active_since` and `active_until` want those whose time of activity overlaps that span.
    """
    now = clock.now_us()
    rows, following = listing.page(auth.alias(), call.project, call.query, now)
    mode = conditions.worse(conditions.FULL)
    data = [answers.session_out(row, None, now, mode=mode) for row in rows]
    return json_response(200, {"data": data, "next": following})


@route(
    sessions,
    "GET",
    "/sessions/{session}",
    takes=Takes(),
    gives=Gives({200: "Session"}, errors=OF_A_SESSION),
)
def get_session(call: Call, session: str) -> HttpResponse:
    """Read a session."""
    known = store().get_in_epoch(call.project, session_id(session))
    mode = conditions.worse(conditions.FULL)
    shown = answers.session_out(known.session, store().prompt(known), clock.now_us(), mode=mode)
    return json_response(200, shown)


@route(
    sessions,
    "PATCH",
    "/sessions/{session}",
    takes=Takes(WRITE, fields=bodies.EDITED, matched=True, leased=True),
    gives=Gives({200: "Session"}, errors=OF_A_CHANGE),
)
def edit_session(call: Call, session: str) -> HttpResponse:
    """Change a session.

    A field that is left out stays as it is; null or an empty value clears; `metadata`, `tags` and
    `tools` are replaced as a whole.
    """
    edit = bodies.edit(call.body)
    return _changed(store().edit(call.project, session_id(session), edit, call.guard))


@route(
    sessions,
    "DELETE",
    "/sessions/{session}",
    takes=Takes(
        WRITE,
        query={"purge": parameters.choice("Remove everything at once, for good.", "now")},
        matched=True,
        leased=True,
    ),
    gives=Gives({204: None, 200: "Receipt"}, errors=OF_A_CHANGE),
)
def delete_session(call: Call, session: str) -> HttpResponse:
    """Delete a session.

    It is hidden and can be restored until it is purged. `purge=now` removes it for good, needs
    the scope `admin` and answers with a receipt.
    """
    if "purge" in call.query:
        call.caller.need(ADMIN)
        receipt = store().purge(call.project, session_id(session), call.guard)
        return json_response(200, answers.receipt_out(receipt))
    store().delete(call.project, session_id(session), call.guard)
    return HttpResponse(status=204)


def _verb(
    name: str, change: Callable[[Call, UUID], Changed], summary: str, *, errors: tuple[int, ...]
) -> None:
    """A POST that takes no fields and answers with the session."""

    def view(call: Call, session: str) -> HttpResponse:
        return _changed(change(call, session_id(session)))

    view.__name__, view.__doc__ = f"{name}_session", summary
    takes = Takes(WRITE, keyed=True, matched=True, leased=True)
    gives = Gives({200: "Session"}, errors=errors)
    route(sessions, "POST", f"/sessions/{{session}}/{name}", takes=takes, gives=gives)(view)


_verb(
    "end",
    lambda call, session: store().end(call.project, session, call.guard),
    "End a session: it takes no more messages.",
    errors=OF_A_CHANGE,
)
_verb(
    "reopen",
    lambda call, session: store().reopen(call.project, session, call.guard),
    "Reopen an ended session.",
    errors=OF_A_CHANGE,
)
_verb(
    "restore",
    lambda call, session: store().restore(call.project, session, call.guard),
    "Restore a deleted session, as it was.",
    errors=(404, 409),
)


@route(
    sessions,
    "POST",
    "/sessions/{session}/fork",
    takes=Takes(WRITE, fields=bodies.FORKED, keyed=True, matched=True, leased=True),
    gives=Gives({201: "Session", 200: "Session"}, errors=OF_A_CHANGE),
)
def fork_session(call: Call, session: str) -> HttpResponse:
    """Fork a session at a version.

    The new one begins with everything up to there, numbers and times kept. 200 when this very
    fork exists under `key`.
    """
    at, key = call.body["at"], call.body.get("key")
    done = store().fork(call.project, session_id(session), at, key, call.guard)
    return _changed(done, 201 if done.made else 200)


def _changed(done: Changed, status: int = 200) -> HttpResponse:
    return json_response(status, answers.changed_out(done, store().prompt(done.session)))


# ── Messages ─────────────────────────────────────────────────────────────────────────────────


@route(
    messages,
    "POST",
    "/sessions/{session}/messages",
    takes=Takes(WRITE, fields=None, schema=APPENDED, keyed=True, matched=True, leased=True),
    gives=Gives({201: "Appended"}, errors=OF_A_CHANGE),
)
def append_messages(call: Call, session: str) -> HttpResponse:
    """Append a message, or up to 500 of them: all or none."""
    number = session_id(session)
    batch = _batch(call.payload)
    done = store().append(call.project, number, batch, call.guard)
    return json_response(201, answers.appended_out(done))


def _batch(payload: Any) -> list[Prepared]:
    if not isinstance(payload, dict):
        raise errors.InvalidField('Send one message as an object, or {"messages": [...]}.')
    if "messages" not in payload:
        return preparing.single(payload)
    given = fields.read(payload, {"messages": fields.needed(_ANY_LIST)})["messages"]
    return preparing.batch(given)


def _a_list(value: Any, place: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise errors.InvalidField(f"`{place}` must be a list of messages.", param=place)
    return value


_ANY_LIST = Field(_a_list, {"type": "array"})


@route(
    messages,
    "GET",
    "/sessions/{session}/messages",
    takes=Takes(query=READ_MESSAGES),
    gives=Gives({200: "Messages"}, errors=OF_A_SESSION),
)
def list_messages(call: Call, session: str) -> HttpResponse:
    """Read messages, a page at a time, or search them."""
    if call.query.get("max_stale") and call.query.keys() <= NEWEST and _descends(call.query):
        return _newest_messages(call, session_id(session))
    found = store().get(call.project, session_id(session))
    at, text = call.query.get("at"), call.query.get("q")
    scope = f"messages {call.project} {found.id.hex} {at} {text}"
    asked = paging.span(call.query, scope)
    log = _said(found, at) if text is None else _found(found, at, text)
    rows, following = log.page(asked, scope)
    data = [message_out(found.id, row) for row in rows]
    return json_response(200, {"data": data, "next": following})


def _descends(query: Mapping[str, Any]) -> bool:
    return query.get("order") == "desc"


def _newest_messages(call: Call, session: UUID) -> HttpResponse:
    """The newest page, which may be some seconds old."""
    scope = f"messages {call.project} {session.hex} None None"
    asked = paging.span(call.query, scope)
    max_stale, epoch = call.query["max_stale"], call.caller.epoch
    wanted = Newest(call.project, session, asked.limit + 1, max_stale, epoch, PAGE_OCTETS)
    found = newest(store(), wanted)
    log = paging.Log(_none_after, lambda _, limit: found.rows[:limit], _seq, _body)
    rows, following = log.page(asked, scope)
    data = [message_out(session, row) for row in rows]
    return json_response(200, {"data": data, "next": following, "version": found.version})


def _none_after(_after: int, _limit: int) -> Sequence[StoredMessage]:
    return ()


def _seq(row: StoredMessage) -> int:
    return row.seq


def _body(row: StoredMessage) -> str:
    return row.body


def _said(session: Snapshot, at: int | None) -> paging.Log[StoredMessage]:
    def forward(after: int, limit: int) -> Sequence[StoredMessage]:
        window = Window(after=after, limit=limit, at=at, octets=PAGE_OCTETS)
        return store().messages(session, window)

    def backward(before: int, limit: int) -> Sequence[StoredMessage]:
        window = Window(before=before, limit=limit, newest_first=True, at=at, octets=PAGE_OCTETS)
        return store().messages(session, window)

    return paging.Log(forward, backward, _seq, _body)


def _found(session: Snapshot, at: int | None, text: str) -> paging.Log[StoredMessage]:
    end = session.messages + 1 if at is None else store().messages_at(session, at) + 1

    def forward(after: int, limit: int) -> Sequence[StoredMessage]:
        return search.forward(
            store(), session, text, after=after, end=end, limit=limit, octets=PAGE_OCTETS
        )

    def backward(before: int, limit: int) -> Sequence[StoredMessage]:
        return search.backward(
            store(), session, text, before=min(before, end), limit=limit, octets=PAGE_OCTETS
        )

    return paging.Log(forward, backward, _seq, _body)


@route(
    messages,
    "GET",
    "/sessions/{session}/events",
    takes=Takes(query=READ_EVENTS),
    gives=Gives({200: "Events"}, errors=OF_A_SESSION),
)
def list_events(call: Call, session: str) -> HttpResponse:
    """Read what else happened, a page at a time."""
    found = store().get(call.project, session_id(session))
    scope = f"events {call.project} {found.id.hex}"
    rows, following = _happened(found).page(paging.span(call.query, scope), scope)
    return json_response(200, {"data": [event_out(row) for row in rows], "next": following})


def _happened(session: Snapshot) -> paging.Log[StoredEvent]:
    def forward(after: int, limit: int) -> Sequence[StoredEvent]:
        return store().events(session, after=after, limit=limit, octets=PAGE_OCTETS)

    def backward(before: int, limit: int) -> Sequence[StoredEvent]:
        return store().events_back(session, before, limit, PAGE_OCTETS)

    return paging.Log(forward, backward, lambda row: row.version, lambda row: row.data)


@route(
    messages,
    "POST",
    "/sessions/{session}/retract",
    takes=Takes(WRITE, fields=bodies.RETRACTED, keyed=True, matched=True, leased=True),
    gives=Gives({200: "Retracted"}, errors=OF_A_CHANGE),
)
def retract_messages(call: Call, session: str) -> HttpResponse:
    """Retract messages `from` to `to`, or to the end.

    They stay in the log, and no context shows them from here on.
    """
    span = (call.body["from"], call.body.get("to"))
    reason = call.body.get("reason")
    number = session_id(session)
    done = store().retract(call.project, number, span, reason, call.guard)
    return json_response(200, answers.retracted_out(done, span))
