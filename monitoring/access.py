"""Who may see the pages, and what every page is sent with. No middleware is needed for either."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers

from monitoring import failures
from sessions_app import auth
from sessions_app.core.errors import (
    BadHost,
    Forbidden,
    HoldfastError,
    MethodNotAllowed,
    NotFound,
    Unauthorized,
)
from sessions_app.http import contract, request_id

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
NO_PROJECT = 0
"""The number of no row: a project that is not there yet shows empty pages."""

View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """A page for members: a login first where one is needed, errors as pages, a strict policy."""

    @wraps(view)
    def shown(request: HttpRequest, **path: Any) -> HttpResponseBase:
        try:
            enter(request)
            return secured(request, view(request, **path))
        except Unauthorized:
            return secured(request, redirect_to_login(request.get_full_path()))
        except DisallowedHost:
            return secured(request, failures.page(request, BadHost()))
        except HoldfastError as error:
            return secured(request, failures.page(request, error))

    return shown


def twin(view: View) -> View:
    """The JSON of a page, under the same rights; errors in the one shape of the API."""

    def answered(request: HttpRequest, /, **path: Any) -> HttpResponseBase:
        enter(request)
        return secured(request, view(request, **path))

    return wraps(view)(contract(answered))


def enter(request: HttpRequest) -> None:
    """Raises MethodNotAllowed, BadHost, Unauthorized (nobody is logged in) or Forbidden."""
    auth.check_local(request)
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(allow=["GET", "HEAD"])
    if auth.is_local():
        return
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        raise Unauthorized("Log in first.")
    if not user.is_staff:
        raise Forbidden("Your account may not see these pages. Ask an administrator for access.")


def secured(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response with what a browser may do with it: nothing foreign, no frame, no cache."""
    response.headers["Content-Security-Policy"] = CSP
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Request-Id"] = request_id(request)
    add_never_cache_headers(response)
    return response


def project() -> int:
    """The project whose sessions the pages show, or NO_PROJECT before there is one."""
    try:
        return auth.local_project()
    except NotFound:
        return NO_PROJECT


def secure_page(view: View) -> View:
    """A page for everybody, such as the login, under the same strict policy."""

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **path: Any) -> HttpResponseBase:
        response = view(request, *args, **path)
        if isinstance(response, HttpResponse) and hasattr(response, "render"):
            response.render()
        return secured(request, response)

    return shown
