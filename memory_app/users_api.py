"""The HTTP calls about end users: what is remembered of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from ninja import Router

from memory_app import endusers, factbodies, facts, telling
from sessions_app import paging, parameters
from sessions_app.auth import ADMIN, WRITE
from sessions_app.calls import Call, Gives, Parameter, Takes, ref, route, store
from sessions_app.core import errors
from sessions_app.http import json_response
from sessions_app.parameters import PAGE, SEARCH
from sessions_app.schemas import (
    DURABILITY,
    ID,
    INSTANT,
    TEXT,
    WHOLE,
    listed,
    maybe,
    page,
    thing,
)

users = Router(tags=["users"])

LARGEST_BUDGET = 2**53
ASKED: Mapping[str, Parameter] = {
    "query": parameters.text(SEARCH, "What it should help to answer."),
    "tokens": parameters.integer(
        1, LARGEST_BUDGET, f"The most tokens; {telling.TOKENS} when left out."
    ),
}
_USER = {"user": TEXT, "facts": WHOLE, "sessions": WHOLE, "created_at": INSTANT}
_COUNTS = {"type": "object", "additionalProperties": WHOLE}
SCHEMAS: Mapping[str, dict[str, Any]] = {
    "User": thing(_USER),
    "Users": page("User"),
    "UserWithPreferences": thing(
        {
            **_USER,
            "preferences": {"type": "object", "additionalProperties": TEXT},
            "learnt": thing({"messages": WHOLE, "found": WHOLE, "injected": WHOLE}),
        }
    ),
    "UserContext": thing(
        {"user": TEXT, "text": TEXT, "tokens": WHOLE, "facts": listed(ID), "left_out": WHOLE}
    ),
    "UserExport": thing(
        {
            "user": TEXT,
            "created_at": INSTANT,
            "exported_at": INSTANT,
            "facts": listed(ref("ExportedFact")),
            "episodes": listed(ref("Episode")),
            "sessions": listed(
                thing({"id": ID, "key": maybe(TEXT), "title": TEXT, "messages": WHOLE})
            ),
        }
    ),
    "ExportedFact": {
        "allOf": [ref("Fact"), thing({"history": listed(ref("FactRevision"))})],
    },
    "Erasure": thing(
        {"user": TEXT, "counts": _COUNTS, "kept": _COUNTS, "at": INSTANT},
        optional={"kept_because": TEXT, **DURABILITY},
    ),
}


@route(
    users,
    "GET",
    "/users",
    takes=Takes(query={"after": parameters.cursor(), "limit": parameters.limit()}),
    gives=Gives({200: "Users"}),
)
def list_users(call: Call) -> HttpResponse:
    """List users, in the order they were first seen, with how many facts and sessions each has."""
    limit, scope = call.query.get("limit", PAGE), f"users {call.project}"
    rows = endusers.rows(store(), call.project).order_by("pk")
    if "after" in call.query:
        (number,) = paging.read(scope, call.query["after"])
        rows = rows.filter(pk__gt=number)
    with store().db.unprepared():
        found = list(rows[: limit + 1])
    following = paging.sign(scope, [found[limit - 1].pk]) if len(found) > limit else None
    data = [endusers.user_out(user) for user in found[:limit]]
    return json_response(200, {"data": data, "next": following})


@route(
    users,
    "PUT",
    "/users/{path:user}/preferences/{path:key}",
    takes=Takes(WRITE, fields=factbodies.PREFERRED),
    gives=Gives({200: "Fact"}, errors=(404,)),
)
def put_preference(call: Call, user: str, key: str) -> HttpResponse:
    """Store a preference: a fact with a key, in the place of the one that has it.

    The same text and other fields as now make no new one.
    """
    user, key = _named("user", user), _named("key", key)
    stated = factbodies.preferred(call.body, user, key, facts.PREFERENCE)
    by = factbodies.by({}, call.caller.name)
    done = facts.prefer(store(), call.project, stated, by)
    return json_response(200, facts.one_out(done))


def _named(name: str, text: str) -> str:
    if "\0" in text:
        raise errors.NotFound
    if len(text) > 255:
        raise errors.TooLong(f"`{name}` is over 255 characters. Shorten it.", param=name)
    return text


@route(
    users,
    "GET",
    "/users/{path:user}/export",
    takes=Takes(),
    gives=Gives({200: "UserExport"}, errors=(404,)),
)
def export_user(call: Call, user: str) -> HttpResponse:
    """Export what is remembered of a user: every fact with its revisions, every episode."""
    found = endusers.one(store(), call.project, user)
    return json_response(200, endusers.export_out(store(), call.project, found))


@route(
    users,
    "GET",
    "/users/{path:user}/context",
    takes=Takes(query=ASKED),
    gives=Gives({200: "UserContext"}, errors=(404,)),
)
def get_user_context(call: Call, user: str) -> HttpResponse:
    """Read a user's memory as one block for any prompt, never over `tokens`."""
    found = endusers.one(store(), call.project, user)
    asked = {name: call.query[name] for name in ASKED if name in call.query}
    return json_response(200, telling.block(store(), call.project, found, **asked))


@route(
    users,
    "GET",
    "/users/{path:user}",
    takes=Takes(),
    gives=Gives({200: "UserWithPreferences"}, errors=(404,)),
)
def get_user(call: Call, user: str) -> HttpResponse:
    """Read a user, with their preferences."""
    found = endusers.one(store(), call.project, user, counted=True)
    return json_response(200, endusers.whole_out(store(), call.project, found))


@route(
    users,
    "DELETE",
    "/users/{path:user}",
    takes=Takes(ADMIN),
    gives=Gives({200: "Erasure"}, errors=(404,)),
)
def erase_user(call: Call, user: str) -> HttpResponse:
    """Erase a user's memory, for good: every fact and its revisions, and episodes.

    The receipt counts what went, and what stays: the messages of the user's sessions, and what
    compressions wrote of them, until these sessions are purged.
    """
    return json_response(200, endusers.erase(store(), call.project, user))
