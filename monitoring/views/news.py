"""What an open session page asks again and again: what is new, and nothing where nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from sessions_app import answers, auth, clock, parameters
from sessions_app.calls import Parameter
from sessions_app.parameters import LARGEST
from sessions_app.store import get_store

from .. import access, sessionpage
from ..asked import asked
from ..news import Tail
from ..rendering import show
from ..sessionpage import Seen
from . import session as sessions

STATUSES = ("active", "idle", "ended", "archived")
ASKED: Mapping[str, Parameter] = {
    "version": parameters.integer(0, LARGEST, "The version that the page's figures are of."),
    "status": parameters.choice("The status that the page shows.", *STATUSES),
    "holder": parameters.text(255, "Who holds the session as the page shows it."),
    "messages": parameters.integer(0, LARGEST, "How many messages the page's bar is of."),
    "around": parameters.integer(0, LARGEST, "The message that is in sight."),
    "first": parameters.integer(0, LARGEST, "The first message on the page."),
    "last": parameters.integer(0, LARGEST, "The last one, where that was the newest."),
    "until": parameters.integer(0, LARGEST, "The version up to which the page shows all."),
    "q": sessions.FIND,
    "view": sessions.VIEW,
}


@access.page
def page(request: HttpRequest, session: UUID) -> HttpResponse:
    """204, or the part of the page that is new: figures, and rows where it shows the newest."""
    wanted = asked(request, ASKED)
    found = get_store(auth.alias()).get(access.project(), session)
    status = answers.status(found, clock.now_us())
    holder = sessionpage.holder(found)
    shown = (wanted.get("version"), wanted.get("status"), wanted.get("holder", holder))
    moved = (found.version, status, holder) != shown
    tail = _tail(wanted)
    grown = tail is not None and tail.version < found.version
    if not moved and not grown:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    kept: dict[str, Any] = {name: wanted[name] for name in ("q", "view") if name in wanted}
    context: dict[str, Any] = {"session": found, "status": status, "moved": moved}
    context["holder"] = holder
    if moved:
        context |= sessionpage.figures(found, _seen(wanted), kept)
    if tail is not None and grown:
        context |= sessionpage.behind(request, found, tail, kept)
    return show(request, "_news", context)


def _seen(wanted: Mapping[str, Any]) -> Seen:
    return Seen(wanted.get("version", 0), wanted.get("messages", 0), wanted.get("around"))


def _tail(wanted: Mapping[str, Any]) -> Tail | None:
    """Where the page ends, if it shows the newest messages."""
    if "until" not in wanted:
        return None
    return Tail(wanted.get("first", 0), wanted.get("last", 0), wanted["until"])
