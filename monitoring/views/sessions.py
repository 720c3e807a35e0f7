"""The list of sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from sessions_app import answers, auth, clock, listing, savedviews, search
from sessions_app.core import instants
from sessions_app.core.errors import InvalidField
from sessions_app.http import json_response
from sessions_app.listing import Page
from sessions_app.search import Hits
from sessions_app.store.base import Snapshot

from .. import access, facets, rows, saved, told
from ..asked import query
from ..rendering import show, twin_address
from ..rows import NO_HITS, Known
from ..titles import titles

MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the list. `hits` are by session number, `behind` is how many sessions the search
    could not look into yet, `counted` how many there are in all; each is None unless asked for."""

    page: Page
    hits: Mapping[int, Hits] | None = None
    behind: int | None = None
    counted: int | None = None


NOTHING = Found(Page([]))


@access.page
def page(request: HttpRequest) -> HttpResponse:
    """The list as a page; a time range that cannot be is told beside its fields."""
    wanted, now, project = facets.read(request), clock.now_us(), access.project()
    wrong = facets.trouble(wanted)
    found = NOTHING if wrong else _found(project, wanted, now)
    texts = facets.texts(request, wanted)
    context = {
        "section": "sessions",
        "wanted": wanted,
        "wrong": wrong,
        "twin": twin_address(request),
        "editor": access.may(request, access.EDITOR),
        **_kept(project, texts),
        **_told(project, wanted),
        **_narrowing(wanted, texts, found),
        **_table(wanted, texts, found, now),
        **_around(request, wanted, texts, found.page),
    }
    response = show(request, "sessions", context)
    response.status_code = wrong.status if wrong else 200
    return response


@access.twin
def twin(request: HttpRequest) -> HttpResponse:
    """The same list as the API's page of sessions, with the hits and the count of the page."""
    wanted = facets.read(request)
    wrong = facets.trouble(wanted)
    if wrong:
        raise wrong
    now = clock.now_us()
    found = _found(access.project(), wanted, now)
    answer: dict[str, Any] = {
        "data": [_session_out(session, found, now) for session in found.page.sessions],
        "next": found.page.next,
        "previous": found.page.previous,
    }
    if found.behind is not None:
        answer["not_searchable_yet"] = found.behind
    if found.counted is not None:
        answer["count"] = min(found.counted, MOST_COUNTED)
        answer["more_than_counted"] = found.counted > MOST_COUNTED
    return json_response(200, answer)


@access.page
def home(request: HttpRequest) -> HttpResponse:
    """The start is the list."""
    return redirect("holdfast_pages:sessions")


def _found(project: int, wanted: Mapping[str, Any], now: int) -> Found:
    """Raises InvalidField for two places at once, and BadCursor."""
    if "after" in wanted and "before" in wanted:
        raise InvalidField("Send only one of `after` and `before`.", param="before")
    alias, asked = auth.alias(), facets.for_listing(project, wanted)
    found = listing.both_ways(alias, project, asked, now)
    counted = None
    if wanted.get("count"):
        counted = listing.count(alias, project, asked, now, most=MOST_COUNTED)
    hits = search.hits(alias, found.sessions, wanted["q"]) if "q" in wanted else None
    searched = "q" in wanted or "errors" in wanted
    return Found(found, hits, search.behind(alias, project) if searched else None, counted)


def _session_out(session: Snapshot, found: Found, now: int) -> dict[str, Any]:
    out = answers.session_out(session, None, now)
    if found.hits is not None:
        out["hits"] = _hits_out(found.hits.get(session.number, NO_HITS))
    return out


def _hits_out(hits: Hits) -> dict[str, Any]:
    shown = [
        {
            "seq": hit.seq,
            "role": hit.role,
            "at": instants.render(hit.at),
            "pieces": [{"text": text, "hit": is_hit} for text, is_hit in hit.pieces],
        }
        for hit in hits.hits
    ]
    return {"total": hits.total, "data": shown}


def _narrowing(wanted: Mapping[str, Any], texts: Mapping[str, str], found: Found) -> dict[str, Any]:
    """What the list is narrowed by, and what else it could be."""
    chips, placed = facets.chips(texts, wanted), bool(facets.place(wanted))
    shown = found.page.sessions
    return {
        "facets": facets.facets(texts),
        "chips": chips,
        "clear": query(_only(texts, "sort")),
        "since": facets.field(wanted, "active_since"),
        "until": facets.field(wanted, "active_until"),
        "kept": _without(texts, "q"),
        "kept_by_fields": _without(texts, "user", "tag", "active_since", "active_until"),
        "empty": not (shown or chips or placed),
        "left": placed and not shown,
    }


def _kept(project: int, texts: Mapping[str, str]) -> dict[str, Any]:
    """The views that members keep, and whether this list could be one."""
    links = saved.links(savedviews.of(auth.alias(), project), texts)
    open_now = [link.view for link in links if link.chosen]
    return {
        "views": links,
        "open_view": open_now[0] if open_now else None,
        "all_sessions": query(_only(texts, "sort")),
        "is_all": not _without(texts, "sort"),
        "keepable": bool(texts) and not open_now,
        "longest_name": savedviews.LONGEST_NAME,
    }


def _told(project: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What a form has just done; an address that is too old for it is only the list."""
    text = wanted.get("told", "")
    did = told.read(project, text) if text else None
    return {"note": told.note(did, text) if did else None}


def _table(
    wanted: Mapping[str, Any], texts: Mapping[str, str], found: Found, now: int
) -> dict[str, Any]:
    sessions = found.page.sessions
    known = Known(now, titles(auth.alias(), sessions), found.hits)
    shown = rows.rows(sessions, known, texts)
    return {
        "rows": shown,
        "users": sorted({row.user.label for row in shown if row.user}),
        "tags": sorted({tag.label for row in shown for tag in row.tags}),
        "columns": rows.columns(texts),
        "find": query({"q": wanted["q"]}) if "q" in wanted else "",
        "behind": found.behind,
        "counted": found.counted,
        "most": MOST_COUNTED,
    }


def _around(
    request: HttpRequest, wanted: Mapping[str, Any], texts: Mapping[str, str], page: Page
) -> dict[str, Any]:
    """The ways to the pages around this one, and to the length of the list."""
    here = facets.place(wanted)
    return {
        "first": query(texts) if here else None,
        "previous": query(texts, before=page.previous) if page.previous else None,
        "next": query(texts, after=page.next) if page.next else None,
        "count": query(texts, **here, count="true"),
        "here": query(texts, **here),
    }


def _only(texts: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name in names}


def _without(texts: Mapping[str, str], *names: str) -> dict[str, str]:
    """What a form keeps of the query beside its own fields."""
    return {name: text for name, text in texts.items() if name not in names}
