"""What Django answers with when no view did: the one JSON shape for programs, else a plain page."""

from __future__ import annotations

import re
from http import HTTPStatus

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from sessions_app.core.errors import (
    BadHost,
    Forbidden,
    HoldfastError,
    Internal,
    InvalidRequest,
    NotFound,
)
from sessions_app.http import error_response

from . import access, failures

_FOR_PROGRAMS = re.compile(r"/(?:api|ws|health|metrics)(?:/|\Z)")
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<p>{advice}</p>
<p><a href="/">Back to the start</a></p>
</html>
"""


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """400: what Django itself refuses."""
    error = BadHost() if isinstance(exception, DisallowedHost) else InvalidRequest()
    return _answer(request, error, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """403."""
    return _answer(request, Forbidden("You do not have the right to do that."), 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """403: a form of another page, or of one that was open for very long."""
    error = Forbidden("The form was not sent from a page of this site. Load the page again.")
    return _answer(request, error, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """404."""
    return _answer(request, NotFound("There is nothing at this address."), 404)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """500."""
    return _answer(request, Internal(), 500)


def _accepted(request: HttpRequest) -> str:
    """What the caller asks for by name; a program that takes anything gets JSON."""
    return request.headers.get("Accept", "")


def _answer(request: HttpRequest, error: HoldfastError, status: int) -> HttpResponseBase:
    return access.secured(request, _unsecured(request, error, status))


def _unsecured(request: HttpRequest, error: HoldfastError, status: int) -> HttpResponseBase:
    if _FOR_PROGRAMS.match(request.path_info) or "text/html" not in _accepted(request):
        return error_response(error, request)
    if status in (403, 404):
        return failures.page(request, error)
    # Here the request's host is not to be trusted, or the templates may be what failed.
    page = _PAGE.format(title=HTTPStatus(status).phrase, advice=error.message)
    return HttpResponse(page, status=status)
