"""Templates with what all of them need, rendered the same in every site.

The engine is ours: a host's may be without these loaders, escape nothing, fill in what is not
there (`string_if_invalid`), or write our numbers by its own language.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.template import RequestContext
from django.template.backends.django import DjangoTemplates
from django.utils.encoding import escape_uri_path

from sessions_app import clock

from . import scope

HERE = Path(__file__).resolve().parent
FOLDERS = (HERE / "templates", HERE.parent / "templates")
"""In the wheel beside this file, in the source tree beside its folder."""


def show(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """A page from templates/holdfast. In each there are `now` (microseconds), `member`, and what
    links to lists need to know of the project: `in_project` begins a query with it, `and_project`
    goes on with one; both are empty for the default project."""
    user = getattr(request, "user", None)
    member = user if user is not None and user.is_authenticated else None
    values = {"now": clock.now_us(), "member": member, **_project(request), **context}
    found = _engine().get_template(f"holdfast/{template}.html").template
    return HttpResponse(found.render(RequestContext(request, values, use_l10n=False)))


def _project(request: HttpRequest) -> dict[str, Any]:
    asks = urlencode(scope.link())
    return {
        "project_name": scope.current().name,
        "in_project": f"?{asks}" if asks else "",
        "and_project": f"&{asks}" if asks else "",
        "projects": scope.choices(request),
    }


@lru_cache(maxsize=1)
def _engine() -> DjangoTemplates:
    folders = [folder for folder in FOLDERS if folder.is_dir()]
    options = {"context_processors": ["django.template.context_processors.request"]}
    return DjangoTemplates(
        {"NAME": "holdfast", "DIRS": folders, "APP_DIRS": False, "OPTIONS": options}
    )


def twin_address(request: HttpRequest) -> str:
    """Where the JSON of a page is: its path with .json for the last slash, and the same query."""
    query = request.META.get("QUERY_STRING", "")
    path = escape_uri_path(request.path.removesuffix("/"))
    return f"{path}.json{'?' * bool(query)}{query}"
