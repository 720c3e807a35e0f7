"""The HTTP calls about episodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from ninja import Router

from memory_app import episodes, factbodies
from memory_app.episodes import Told
from sessions_app import bodies, clock, parameters
from sessions_app.auth import WRITE
from sessions_app.calls import Call, Gives, Parameter, Takes, route, store
from sessions_app.core import errors, fields
from sessions_app.core.fields import Fields
from sessions_app.http import json_response
from sessions_app.parameters import LARGEST_PAGE, SEARCH
from sessions_app.schemas import ID, INSTANT, TEXT, WHOLE, listed, maybe, page, thing

told = Router(tags=["episodes"])

LISTED: Mapping[str, Parameter] = {
    "user": parameters.text(255, "The user whose episodes they are."),
    "from": parameters.instant("Those that ended at or after."),
    "to": parameters.instant("Those that began at or before."),
    "q": parameters.text(
        SEARCH,
        "Words that an episode must all have, in any order, without accents and case; the last may"
        " be a beginning.",
    ),
    "after": parameters.cursor(),
    "limit": parameters.limit(),
}
STORED: Fields = {
    "user": bodies.KEY,
    "from": factbodies.INSTANT,
    "to": factbodies.INSTANT,
    "q": fields.text(SEARCH),
    "after": fields.text(4_096),
    "limit": fields.integer(1, LARGEST_PAGE),
    "summary": factbodies.TEXT,
    "outcome": factbodies.NAME,
}
SCHEMAS: Mapping[str, dict[str, Any]] = {
    "Episode": thing(
        {
            "id": ID,
            "user": maybe(TEXT),
            "session": maybe(ID),
            "summary": TEXT,
            "outcome": maybe(TEXT),
            "from": INSTANT,
            "to": INSTANT,
            "messages": maybe(listed(WHOLE)),
            "created_at": INSTANT,
        }
    ),
    "Episodes": page("Episode"),
}


@route(told, "GET", "/episodes", takes=Takes(query=LISTED), gives=Gives({200: "Episodes"}))
def list_episodes(call: Call) -> HttpResponse:
    """List what happened, the newest first: of a user, in a span of time, with words."""
    return _page(call, call.query)


@route(
    told,
    "POST",
    "/episodes",
    takes=Takes(fields=STORED, keyed=True),
    gives=Gives({200: "Episodes", 201: "Episode"}, errors=(404, 409)),
)
def search_or_store_episodes(call: Call) -> HttpResponse:
    """List episodes as GET does; with a `summary`, store one of a `user`.

    That needs the scope `write`; `from` is now when left out, and `to` is `from`.
    """
    if "summary" not in call.body:
        return _page(call, call.body)
    call.caller.need(WRITE)
    made = episodes.keep(store(), call.project, _told(call.body), call.key)
    return json_response(201, made)


def _page(call: Call, asked: Mapping[str, Any]) -> HttpResponse:
    if "outcome" in asked:
        raise errors.InvalidField("`outcome` is for storing: add a `summary`.", param="outcome")
    data, following = episodes.page(store(), call.project, asked)
    return json_response(200, {"data": data, "next": following})


def _told(body: Mapping[str, Any]) -> Told:
    for name in ("q", "after", "limit"):
        if name in body:
            raise errors.InvalidField(
                f"`{name}` is for listing, `summary` for storing.", param=name
            )
    if "user" not in body:
        raise errors.InvalidField("An episode is of a `user`: name one.", param="user")
    begun = body.get("from", clock.now_us())
    ended = body.get("to", begun)
    if ended < begun:
        raise errors.InvalidField("`to` must not be before `from`.", param="to")
    return Told(body["user"], body["summary"], begun, ended, body.get("outcome", ""))
