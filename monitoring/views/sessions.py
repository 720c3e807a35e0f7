"""The list of sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from sessions_app import answers, auth, clock, listing, parameters
from sessions_app.calls import Parameter
from sessions_app.http import json_response
from sessions_app.parameters import SEARCH
from sessions_app.store.base import Snapshot

from .. import access
from ..asked import asked, query
from ..rendering import show, twin_address
from ..titles import titles

SORTS = tuple(f"{sign}{name}" for name in listing.SORTS for sign in ("", "-"))
ASKED: Mapping[str, Parameter] = {
    "q": parameters.text(SEARCH, "Title, key, user or id."),
    "user": parameters.text(255, "Of this user."),
    "status": parameters.choice("In this status.", "active", "idle", "ended", "archived"),
    "tag": parameters.text(255, "With this tag."),
    "sort": parameters.choice("In this order.", *SORTS),
    "after": parameters.cursor(),
}
STATUSES = (("", "All"), ("active", "Active"), ("idle", "Idle"), ("ended", "Ended"))
COLUMNS = (
    ("", "Session", ""),
    ("", "User", ""),
    ("", "Status", ""),
    ("", "Turns", "num"),
    ("messages", "Messages", "num"),
    ("tokens", "Tokens", "num"),
    ("level", "Level", ""),
    ("last_activity", "Last activity", ""),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A session in the list."""

    session: Snapshot
    title: str
    status: str
    tags: list[str]


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; `sort` is the query that a press on it leads to, `order` how it is sorted now."""

    label: str
    kind: str
    sort: str
    order: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter that one press sets or takes away."""

    label: str
    query: str
    chosen: bool = False


@access.page
def page(request: HttpRequest) -> HttpResponse:
    """The list as a page."""
    wanted = asked(request, ASKED)
    found, following = _listed(wanted)
    filters = {name: wanted[name] for name in ("q", "user", "status", "tag") if name in wanted}
    kept = {name: value for name, value in wanted.items() if name != "after"}
    context = {
        "rows": _rows(found),
        "section": "sessions",
        "wanted": wanted,
        "kept": _without(kept, "q"),
        "kept_by_filters": _without(kept, "user", "tag"),
        "narrowed": bool(filters),
        "filters": _filters(kept),
        "statuses": _statuses(kept),
        "columns": _columns(kept),
        "first": query(kept) if "after" in wanted else None,
        "next": query(kept, after=following) if following else None,
        "empty": not found and not filters and "after" not in wanted,
        "twin": twin_address(request),
    }
    return show(request, "sessions", context)


@access.twin
def twin(request: HttpRequest) -> HttpResponse:
    """The same list as the API's page of sessions."""
    found, following = _listed(asked(request, ASKED))
    now = clock.now_us()
    data = [answers.session_out(session, None, now) for session in found]
    return json_response(200, {"data": data, "next": following})


@access.page
def home(request: HttpRequest) -> HttpResponse:
    """The start is the list."""
    return redirect("holdfast_pages:sessions")


def _without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What a form keeps of the query beside its own fields."""
    return {name: value for name, value in values.items() if name not in names}


def _listed(wanted: Mapping[str, Any]) -> tuple[list[Snapshot], str | None]:
    tags = {"tag": [wanted["tag"]]} if "tag" in wanted else {}
    return listing.page(auth.alias(), access.project(), {**wanted, **tags}, clock.now_us())


def _rows(found: list[Snapshot]) -> list[Row]:
    names, now = titles(auth.alias(), found), clock.now_us()
    return [
        Row(
            session,
            names[session.number],
            answers.status(session, now),
            orjson.loads(session.tags),
        )
        for session in found
    ]


def _statuses(kept: Mapping[str, Any]) -> list[Choice]:
    chosen = kept.get("status", "")
    return [
        Choice(label, query(kept, status=name or None), name == chosen) for name, label in STATUSES
    ]


def _filters(kept: Mapping[str, Any]) -> list[Choice]:
    """What narrows the list now; a press takes it away."""
    return [
        Choice(f"{name} {kept[name]}", query(kept, **{name: None}))
        for name in ("q", "user", "tag")
        if name in kept
    ]


def _columns(kept: Mapping[str, Any]) -> list[Column]:
    now = kept.get("sort", "last_activity")
    found = []
    for sort, label, kind in COLUMNS:
        order = {sort: "descending", f"-{sort}": "ascending"}.get(now, "") if sort else ""
        turned = f"-{sort}" if order == "descending" else sort
        found.append(Column(label, kind, query(kept, sort=turned) if sort else "", order))
    return found
