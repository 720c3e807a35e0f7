"""One session: its header and a window of its transcript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from sessions_app import answers, auth, clock, exporting, parameters, reviews
from sessions_app.calls import Parameter
from sessions_app.core.entries import entries_out
from sessions_app.core.errors import InvalidField
from sessions_app.http import json_response
from sessions_app.parameters import LARGEST, SEARCH
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access, excerpt, finding, fragments, sessionpage, windows
from ..asked import asked
from ..excerpt import Excerpt
from ..finding import Found
from ..rendering import show
from ..sessionpage import Place

VIEW = parameters.choice("As people read it, or as it is stored.", *sessionpage.VIEWS)
FIND = parameters.text(SEARCH, "Words to find in this session.")
ASKED: Mapping[str, Parameter] = {
    "before": parameters.integer(1, LARGEST, "The messages before this one."),
    "after": parameters.integer(0, LARGEST, "The messages after this one."),
    "around": parameters.integer(1, LARGEST, "The messages around this one."),
    "q": FIND,
    "view": VIEW,
}
_PLACES = ("before", "after", "around")


@access.page
def page(request: HttpRequest, session: UUID) -> HttpResponse:
    """The newest messages, those at a place, or around the first that holds some words."""
    wanted = asked(request, ASKED)
    found = get_store(auth.alias()).get(access.project(), session)
    if fragments.target(request) == sessionpage.CONTENTS:
        seq = min(wanted.get("around", found.messages), found.messages)
        around = sessionpage.contents_around(found, seq, _kept(wanted))
        return _told(show(request, "_contents", around))
    part, place = _window(found, wanted)
    return shown(request, part, place)


@access.twin
def twin(request: HttpRequest, session: UUID) -> HttpResponse:
    """The same as JSON."""
    found = get_store(auth.alias()).get(access.project(), session)
    part, place = _window(found, asked(request, ASKED))
    return answered(part, place.found)


@access.page
def export(request: HttpRequest, session: UUID) -> StreamingHttpResponse:
    """The session to take away, in the lossless form that `holdfast import` reads."""
    asked(request, {})
    lines = exporting.holdfast(get_store(auth.alias()), access.project(), session)
    name = f'attachment; filename="session-{session}.jsonl"'
    headers = {"Content-Disposition": name}
    return StreamingHttpResponse(lines, content_type="application/x-ndjson", headers=headers)


def shown(request: HttpRequest, part: Excerpt, place: Place) -> HttpResponse:
    """The page, or the part of it that htmx asks for."""
    context = sessionpage.log(request, part, place)
    target = fragments.target(request)
    if target in sessionpage.EDGES:
        edges = sessionpage.EDGES[target]
        return _told(show(request, "_transcript", {**context, "edges": edges}))
    if place.anchor and target == f"m{place.anchor}":
        row = next((r for r in context["rows"] if getattr(r, "seq", None) == place.anchor), None)
        if row is not None:  # else it is a result, folded into its call
            return _told(show(request, "_message", {**context, "row": row}))
    whole = {**context, **sessionpage.around_log(part, place), "edges": sessionpage.BOTH}
    return _told(show(request, "session", whole))


def answered(part: Excerpt, found: Found | None) -> HttpResponse:
    """The window as JSON: the session, its entries, and what members think of them."""
    session, store = part.session, get_store(auth.alias())
    payload: dict[str, Any] = {
        "session": answers.session_out(session, store.prompt(session), clock.now_us()),
        "entries": entries_out(session.id, part.messages, part.events),
        "earlier": part.span.earlier,
        "later": part.span.later,
        "reviews": [reviews.review_out(review) for review in part.reviews.values()],
        "to_review": reviews.needed(auth.alias(), session),
        "fates": [
            {
                "seq": seq,
                "fate": found.name,
                "rule": found.rule or None,
                "score": found.score,
                "reason": found.reason or None,
                "compression": found.compression,
            }
            for seq, found in part.standing.fates.items()
        ],
    }
    if found is not None:
        payload["found"] = {
            "number": found.number,
            "total": found.total,
            "seqs": [hit.seq for hit in found.hits],
        }
    return json_response(200, payload)


def _told(response: HttpResponse) -> HttpResponse:
    return fragments.told_apart(response)


def _window(session: Snapshot, wanted: Mapping[str, Any]) -> tuple[Excerpt, Place]:
    """What is shown, and where one stands in it."""
    if sum(name in wanted for name in _PLACES) > 1:
        raise InvalidField("Send only one of `before`, `after` and `around`.", param="before")
    kept = _kept(wanted)
    if any(name in wanted for name in _PLACES):
        part = excerpt.read(session, _span(session.messages, wanted))
        found = _found(session, kept, wanted.get("around"))
        return part, Place(kept, found=found, around=wanted.get("around"))
    found = _found(session, kept, None)
    if found is not None and found.seq is not None:
        return excerpt.around(session, found.seq), Place(kept, found.seq, found=found)
    part = excerpt.read(session, windows.newest(session.messages))
    return part, Place(kept, found=found)


def _kept(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: wanted[name] for name in ("q", "view") if name in wanted}


def _span(messages: int, wanted: Mapping[str, Any]) -> windows.Span:
    if "before" in wanted:
        return windows.before(messages, wanted["before"])
    if "after" in wanted:
        return windows.after(messages, wanted["after"])
    return windows.around(messages, min(wanted["around"], max(1, messages)))


def _found(session: Snapshot, kept: Mapping[str, Any], seq: int | None) -> Found | None:
    if "q" not in kept:
        return None
    return finding.find(auth.alias(), session, kept["q"], seq)
