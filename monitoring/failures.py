"""Errors as pages: what failed, whether data is safe, what to do, and the request id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from sessions_app.core import instants
from sessions_app.core.errors import HoldfastError
from sessions_app.http import request_id

from .rendering import show


@dataclass(frozen=True, slots=True)
class Advice:
    """What failed, in a heading; whether data is safe; what to do, if the error does not say."""

    title: str
    safe: str
    do: str = ""


_UNTOUCHED = "Nothing was changed; everything stored is as it was."
_OTHER = Advice("This page cannot be shown", _UNTOUCHED)
_ADVICE: Mapping[str, Advice] = {
    "not_found": Advice(
        "There is nothing at this address",
        _UNTOUCHED,
        "Check the address. A session that was deleted for good leaves nothing behind.",
    ),
    "not_found project": Advice("There is no such project", _UNTOUCHED),
    "session_deleted": Advice(
        "This session was deleted",
        "Its messages are still stored, and hidden.",
        "To have it back, restore it with the API before it is purged.",
    ),
    "version_not_found": Advice("The session has no such version", _UNTOUCHED),
    "forbidden": Advice("You may not see this page", _UNTOUCHED),
    "bad_cursor": Advice(
        "This page of the list is gone",
        _UNTOUCHED,
        "Its address belongs to another list. Begin at the list's first page.",
    ),
    "body_too_large": Advice("That is more than a form takes", _UNTOUCHED),
    "bad_host": Advice("This server has another name", _UNTOUCHED),
    "store_busy": Advice("The database is busy", _UNTOUCHED, "Load the page again in a moment."),
    "store_unavailable": Advice(
        "The database cannot be reached",
        "What was acknowledged is stored. The page only reads, so nothing was lost by it.",
        "Load the page again. If it stays, look at the health page of this server.",
    ),
    "internal": Advice("Something failed on our side", _UNTOUCHED),
}


def page(request: HttpRequest, error: HoldfastError) -> HttpResponse:
    """The page of an error, with its status."""
    advice = _ADVICE.get(f"{error.code} {error.param}") or _ADVICE.get(error.code, _OTHER)
    purge_at = error.details.get("purge_at")
    response = show(
        request,
        "error",
        {
            "advice": advice,
            "do": advice.do or error.message,
            "param": error.param,
            "purge_us": instants.parse(purge_at) if purge_at else None,
            "request_id": request_id(request),
            "status": error.status,
        },
    )
    response.status_code = error.status
    if "allow" in error.details:
        response.headers["Allow"] = ", ".join(error.details["allow"])
    if error.status == 503:
        response.headers["Retry-After"] = "1"
    return response
