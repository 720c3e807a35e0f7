"""Templates with what all of them need; it does not depend on a site's context processors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from sessions_app import clock


def show(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """A page from templates/holdfast; `now` (microseconds) and `member` are there in each."""
    user = getattr(request, "user", None)
    member = user if user is not None and user.is_authenticated else None
    values = {"now": clock.now_us(), "member": member, **context}
    return render(request, f"holdfast/{template}.html", values)


def twin_address(request: HttpRequest) -> str:
    """Where the JSON of a page is: its path with .json for the last slash, and the same query."""
    query = request.META.get("QUERY_STRING", "")
    return f"{request.path.removesuffix('/')}.json{'?' * bool(query)}{query}"
