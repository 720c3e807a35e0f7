"""One fact: what it says, whose word it is, and what became of it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from memory_app import facts
from sessions_app import auth
from sessions_app.http import json_response
from sessions_app.store import get_store

from .. import access
from ..rendering import show, twin_address


@access.page
def page(request: HttpRequest, fact: UUID) -> HttpResponse:
    """The fact."""
    found = facts.one(get_store(auth.alias()), access.project(), fact)
    context = {"section": "users", "fact": found, "twin": twin_address(request)}
    return show(request, "fact", context)


@access.twin
def twin(request: HttpRequest, fact: UUID) -> HttpResponse:
    """What the API answers."""
    found = facts.one(get_store(auth.alias()), access.project(), fact)
    return json_response(200, facts.fact_out(found))
