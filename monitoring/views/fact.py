"""One fact: what it says, whose word it is, what it came from, and what it led to."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from memory_app import facts
from sessions_app import auth
from sessions_app.http import json_response
from sessions_app.store import get_store

from .. import access, factpage
from ..asked import asked
from ..rendering import show, twin_address


@access.page
def page(request: HttpRequest, fact: UUID) -> HttpResponse:
    """The fact; editing, merging and marking are states of the page."""
    wanted = asked(request, factpage.ASKED)
    found = facts.one(get_store(auth.alias()), access.project(), fact)
    context = factpage.context(request, found, wanted)
    return show(request, "fact", {**context, "twin": twin_address(request)})


@access.twin
def twin(request: HttpRequest, fact: UUID) -> HttpResponse:
    """What the API answers."""
    asked(request, factpage.ASKED)
    found = facts.one(get_store(auth.alias()), access.project(), fact)
    return json_response(200, facts.fact_out(found))
