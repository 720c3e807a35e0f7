"""The API keys of a project: a new one, shown once, and the end of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from memory_app import projects
from sessions_app import auth, paging, parameters
from sessions_app.calls import Parameter
from sessions_app.core import strict
from sessions_app.core.errors import HoldfastError
from sessions_app.http import json_response
from sessions_app.models import ApiKey, Project
from sessions_app.store import get_store

from .. import access, scope, sections
from ..asked import asked, query

PAGE = 50
ASKED: Mapping[str, Parameter] = {
    "after": parameters.cursor(),
    "revoked": parameters.text(12, "The key that was just revoked."),
}
SCOPES: Mapping[str, str] = {
    auth.READ: "sessions, contexts, facts",
    auth.WRITE: "and append, compress, edit facts",
    auth.ADMIN: "and policies, purges, erasures",
}
"""What each scope may do, beside what the one before it may."""


@access.admin_page
def page(request: HttpRequest) -> HttpResponse:
    """The keys of a project, newest first, with the form of a new one."""
    return _page(request, asked(request, ASKED))


@access.admin_twin
def twin(request: HttpRequest) -> HttpResponse:
    """The same as JSON. No secret is stored, so none can be told."""
    found, following = _rows(asked(request, ASKED))
    return json_response(200, {"data": [auth.key_out(key) for key in found], "next": following})


@access.admin_change
def create(request: HttpRequest) -> HttpResponse:
    """Makes a key and shows its text on this one answer: no address, cookie or log has it."""
    scopes, label = request.POST.getlist("scope"), request.POST.get("label", "").strip()
    try:
        strict.check(label, "label")
        key, text = auth.create_key(_project(), scopes, label)
    except HoldfastError as error:
        if error.param not in ("scopes", "label"):
            raise
        return _page(request, {}, scopes, label, error)
    context = {"key": key, "text": text, "named": scope.current().name or scope.DEFAULT}
    return sections.shown(request, "settings_key_made", "keys", context)


@access.admin_page
def one(request: HttpRequest, key: str) -> HttpResponse:
    """A key, and the question whether it is to end."""
    asked(request, {})
    return _one(request, auth.key_named(key))


@access.admin_twin
def one_twin(request: HttpRequest, key: str) -> HttpResponse:
    """The key as JSON."""
    asked(request, {})
    return json_response(200, auth.key_out(auth.key_named(key)))


@access.admin_change
def revoke(request: HttpRequest, key: str) -> HttpResponse:
    """Ends a key at once, for ever."""
    access.project()  # for the list that it leads back to
    auth.revoke_key(key)
    return redirect(sections.address("keys", revoked=key))


def _project() -> Project:
    """The one that the address names; the default one is made at its first use."""
    number = access.project()
    if number == scope.NO_PROJECT:
        return projects.ensure(get_store(auth.alias()))
    return Project.objects.using(auth.alias()).get(pk=number)


def _page(
    request: HttpRequest,
    wanted: Mapping[str, Any],
    scopes: Sequence[str] = (auth.WRITE,),
    label: str = "",
    wrong: HoldfastError | None = None,
) -> HttpResponse:
    found, following = _rows(wanted)
    context = {
        "rows": found,
        "named": scope.current().name or scope.DEFAULT,
        "scopes": [(name, what, name in scopes) for name, what in SCOPES.items()],
        "label": label,
        "longest": auth.LONGEST_LABEL,
        "revoked": wanted.get("revoked"),
        "first": query({}) if "after" in wanted else None,
        "next": query({}, after=following) if following else None,
    }
    return sections.shown(request, "settings_keys", "keys", context, wrong)


def _one(request: HttpRequest, key: ApiKey) -> HttpResponse:
    return sections.shown(request, "settings_key", "keys", {"key": key})


def _rows(wanted: Mapping[str, Any]) -> tuple[list[ApiKey], str | None]:
    project = access.project()
    cursors = f"keys {project}"
    before = paging.read(cursors, wanted["after"])[0] if "after" in wanted else None
    found = auth.page_of_keys(project, before, PAGE + 1)
    more = len(found) > PAGE
    return found[:PAGE], paging.sign(cursors, [found[PAGE - 1].pk]) if more else None
