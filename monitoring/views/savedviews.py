"""Lists of sessions under a name: kept, looked at before they are opened, and deleted."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from sessions_app import auth, savedviews
from sessions_app.core import instants
from sessions_app.core.errors import HoldfastError, InvalidField
from sessions_app.http import json_response
from sessions_app.savedviews import NewView
from sessions_app.store import get_store

from .. import access, facets
from ..asked import asked, query
from ..rendering import show, twin_address
from ..saved import opened
from ..told import Told
from .bulk import back


@access.change
def save(request: HttpRequest) -> HttpResponse:
    """Keeps the list that the form came from; a name that cannot be is asked for again."""
    texts = facets.filters(request.POST.get("list", ""))
    if not texts:
        raise InvalidField("All sessions are no view. Choose filters first.", param="list")
    name = request.POST.get("name", "").strip()
    member = access.member(request) or access.LOCAL_MEMBER
    try:
        new = NewView(name, query(texts, project=None)[1:], member)
        savedviews.put(get_store(auth.alias()), access.project(), new)
    except HoldfastError as error:
        if error.param != "name":
            raise
        return _asked_again(request, texts, name, error)
    return back(texts, Told("save_view", of=(name,)))


@access.page
def page(request: HttpRequest, view: int) -> HttpResponse:
    """What a view asks for and who keeps it: before it is deleted, or where it cannot be opened."""
    asked(request, {})
    found = opened(savedviews.one(auth.alias(), access.project(), view))
    context = {
        "section": "sessions",
        "twin": twin_address(request),
        "opened": found,
        "view": found.view,
        "editor": access.may(request, access.EDITOR),
    }
    return show(request, "view", context)


@access.twin
def twin(request: HttpRequest, view: int) -> HttpResponse:
    """The same as JSON; `query` is None where the list cannot be opened any more."""
    asked(request, {})
    found = opened(savedviews.one(auth.alias(), access.project(), view))
    payload = {
        "id": found.view.pk,
        "name": found.view.name,
        "query": None if found.why else found.query[1:],
        "why": found.why or None,
        "by": found.view.member,
        "created_at": instants.render(found.view.created_us),
    }
    return json_response(200, payload)


@access.change
def delete(request: HttpRequest, view: int) -> HttpResponse:
    """Takes the view away for all members."""
    gone = savedviews.remove(get_store(auth.alias()), access.project(), view)
    return back({}, Told("delete_view", of=(gone.name, gone.query, gone.member)))


def _asked_again(
    request: HttpRequest, texts: dict[str, str], name: str, wrong: HoldfastError
) -> HttpResponse:
    context = {
        "section": "sessions",
        "name": name,
        "wrong": wrong,
        "here": query(texts),
        "most": savedviews.LONGEST_NAME,
    }
    response = show(request, "view_name", context)
    response.status_code = wrong.status
    return response
