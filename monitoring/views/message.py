"""One message: the window around it, pointed out; its words to take away; what members think."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_protect

from sessions_app import auth, parameters
from sessions_app.calls import Parameter
from sessions_app.core import messages
from sessions_app.core.errors import NotFound
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access, excerpt, finding, fragments
from ..asked import asked
from ..excerpt import Excerpt
from ..rendering import show
from ..sessionpage import Place
from . import reviews
from . import session as sessions

ASKED: Mapping[str, Parameter] = {
    "whole": parameters.boolean("All of the message, however long."),
    "review": parameters.boolean("With the form to say what one thinks of it."),
    "q": sessions.FIND,
    "view": sessions.VIEW,
}


@access.page
@csrf_protect  # for the cookie that the form's token belongs to, where a host has no middleware
def page(request: HttpRequest, session: UUID, seq: int) -> HttpResponse:
    """The messages around one, which is pointed out."""
    wanted = asked(request, ASKED)
    part, place = _around(session, seq, wanted)
    if place.reviewing and fragments.target(request) == f"review-{seq}":
        context = reviews.form(request, part.session, seq)
        return fragments.told_apart(show(request, "_review_form", context))
    return sessions.shown(request, part, place)


@access.twin
def twin(request: HttpRequest, session: UUID, seq: int) -> HttpResponse:
    """The same as JSON."""
    part, place = _around(session, seq, asked(request, ASKED))
    return sessions.answered(part, place.found)


@access.page
def text(request: HttpRequest, session: UUID, seq: int) -> HttpResponse:
    """All words of a message, to take away."""
    asked(request, {})
    found = get_store(auth.alias()).get(access.project(), session)
    rows = get_store(auth.alias()).picked(found.number, (seq,)) if _exists(found, seq) else []
    if not rows:
        raise NotFound(f"The session has no message {seq}; it has {found.messages}.")
    name = f'attachment; filename="session-{session}-{seq}.txt"'
    return HttpResponse(
        messages.text_of(rows[0].message()),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": name},
    )


def _exists(session: Snapshot, seq: int) -> bool:
    return 1 <= seq <= session.messages


def _around(session: UUID, seq: int, wanted: Mapping[str, Any]) -> tuple[Excerpt, Place]:
    found = get_store(auth.alias()).get(access.project(), session)
    part = excerpt.around(found, seq)
    kept = {name: wanted[name] for name in ("q", "view") if name in wanted}
    return part, Place(
        kept,
        anchor=seq,
        whole=wanted.get("whole", False),
        reviewing=wanted.get("review", False),
        found=finding.find(auth.alias(), found, kept["q"], seq) if "q" in kept else None,
    )
