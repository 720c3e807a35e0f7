"""The sections of the settings: what each is called, where it is, and who may see it."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from sessions_app.core.errors import HoldfastError

from . import access
from .asked import query
from .rendering import show, twin_address
from .scope import link


class Section(NamedTuple):
    """A part of the settings, and the least role that may see it."""

    name: str
    label: str
    least: str = access.VIEWER


SECTIONS = (
    Section("settings", "Overview"),
    Section("projects", "Projects", access.ADMIN),
    Section("keys", "Keys", access.ADMIN),
    Section("members", "Members", access.ADMIN),
    Section("policies", "Policies"),
    Section("retention", "Retention"),
)


class Tab(NamedTuple):
    """A section that the member may see, as a link."""

    label: str
    address: str
    chosen: bool


def shown(
    request: HttpRequest,
    template: str,
    section: str,
    context: dict[str, Any],
    wrong: HoldfastError | None = None,
) -> HttpResponse:
    """A page of a section; `wrong` is what was wrong with a form, which decides the status. The
    project is looked up on each, so that the header is the same on all."""
    access.project()
    around = {
        "section": "settings",
        "part": section,
        "tabs": _tabs(request, section),
        "admin": access.may(request, access.ADMIN),
        "wrong": wrong,
        "twin": twin_address(request) if request.method != "POST" or wrong else None,
    }
    response = show(request, template, {**around, **context})
    response.status_code = wrong.status if wrong else 200
    return response


def address(section: str, **asks: Any) -> str:
    """Where a section is, for the project that the page is about."""
    found = query({**link(), **asks}).removesuffix("?")
    return f"{reverse(f'holdfast_pages:{section}')}{found}"


def _tabs(request: HttpRequest, section: str) -> list[Tab]:
    return [
        Tab(one.label, address(one.name), one.name == section)
        for one in SECTIONS
        if access.may(request, one.least)
    ]
