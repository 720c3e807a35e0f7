"""The projects of this installation, and a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from memory_app import projects
from memory_app.projects import Listed
from sessions_app import auth, paging, parameters
from sessions_app.calls import Parameter
from sessions_app.core import instants
from sessions_app.core.errors import HoldfastError
from sessions_app.http import json_response
from sessions_app.store import get_store

from .. import access, sections
from ..asked import asked, query

PAGE = 50
MOST_COUNTED = 1_000
MADE = parameters.text(projects.LONGEST, "The project that was just made.")
ASKED: Mapping[str, Parameter] = {"after": parameters.cursor(), "made": MADE}
_CURSORS = "projects"


@access.admin_page
def page(request: HttpRequest) -> HttpResponse:
    """The list with the form of a new one."""
    return _page(request, asked(request, ASKED))


@access.admin_twin
def twin(request: HttpRequest) -> HttpResponse:
    """The same as JSON; more sessions than are counted are told so."""
    found, following = _rows(asked(request, ASKED))
    return json_response(200, {"data": [_told(one) for one in found], "next": following})


@access.admin_change
def make(request: HttpRequest) -> HttpResponse:
    """Makes a project with the default policies; a name that cannot be is asked for again."""
    name = request.POST.get("name", "").strip()
    try:
        made = projects.make(get_store(auth.alias()), name)
    except HoldfastError as error:
        if error.param != "name":
            raise
        return _page(request, {}, name, error)
    return redirect(sections.address("projects", made=made.name))


def _page(
    request: HttpRequest,
    wanted: Mapping[str, Any],
    name: str = "",
    wrong: HoldfastError | None = None,
) -> HttpResponse:
    found, following = _rows(wanted)
    context = {
        "rows": found,
        "most": MOST_COUNTED,
        "default": projects.DEFAULT,
        "name": name,
        "longest": projects.LONGEST,
        "made": wanted.get("made"),
        "first": query({}) if "after" in wanted else None,
        "next": query({}, after=following) if following else None,
    }
    return sections.shown(request, "settings_projects", "projects", context, wrong)


def _rows(wanted: Mapping[str, Any]) -> tuple[list[Listed], str | None]:
    after = paging.read(_CURSORS, wanted["after"])[0] if "after" in wanted else ""
    found = projects.listed(get_store(auth.alias()), after, PAGE + 1, most=MOST_COUNTED)
    more = len(found) > PAGE
    return list(found[:PAGE]), paging.sign(_CURSORS, [found[PAGE - 1].name]) if more else None


def _told(one: Listed) -> dict[str, Any]:
    return {
        "name": one.name,
        "created_at": instants.render(one.created_us),
        "sessions": min(one.sessions, MOST_COUNTED),
        "more_than_counted": one.sessions > MOST_COUNTED,
    }
