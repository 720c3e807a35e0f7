"""The end users of the project, and what is remembered of each."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from memory_app import endusers, factlists
from sessions_app import auth
from sessions_app.http import json_response
from sessions_app.store import get_store

from .. import access
from ..rendering import show, twin_address

PAGE = 50


@access.page
def page(request: HttpRequest) -> HttpResponse:
    """The list."""
    rows = endusers.rows(get_store(auth.alias()), access.project()).order_by("pk")
    with get_store(auth.alias()).db.unprepared():
        found = list(rows[:PAGE])
    context = {"section": "users", "users": found, "twin": twin_address(request)}
    return show(request, "users", context)


@access.twin
def twin(request: HttpRequest) -> HttpResponse:
    """The list as the API tells it."""
    rows = endusers.rows(get_store(auth.alias()), access.project()).order_by("pk")
    with get_store(auth.alias()).db.unprepared():
        return json_response(200, {"data": [endusers.user_out(user) for user in rows[:PAGE]]})


@access.page
def one(request: HttpRequest, user: str) -> HttpResponse:
    """A user, with the facts that are remembered."""
    store = get_store(auth.alias())
    found = endusers.one(store, access.project(), user, counted=True)
    facts, _ = factlists.page(store, access.project(), {"user": user})
    context = {
        "section": "users",
        "user_shown": found,
        "facts": facts,
        "twin": twin_address(request),
    }
    return show(request, "user", context)


@access.twin
def one_twin(request: HttpRequest, user: str) -> HttpResponse:
    """The user as the API tells of one."""
    store = get_store(auth.alias())
    found = endusers.one(store, access.project(), user, counted=True)
    return json_response(200, endusers.whole_out(store, access.project(), found))
