"""Who may see the pages, and what every page is sent with. No middleware is needed for either."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import DisallowedHost
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt, csrf_protect, requires_csrf_token

from sessions_app import auth
from sessions_app.core.errors import (
    BadHost,
    Forbidden,
    HoldfastError,
    MethodNotAllowed,
    Unauthorized,
)
from sessions_app.http import contract, hold_body, request_id

from . import failures, scope

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
_OF_FILES = re.compile("((?:script|style|img)-src 'self')")
MOST_POSTED = 64 * 1024
"""Bytes of a form. The API reads its bodies by limits of its own, so Django's limit may be off."""

VIEWER, EDITOR, ADMIN = "viewer", "editor", "admin"
ROLES = (VIEWER, EDITOR, ADMIN)
"""What a member may do, each more than the one before it: look, change, administer."""
LOCAL_MEMBER = "local"

View = Callable[..., HttpResponseBase]


def _by_our_rules(view: View) -> View:
    """Outside a host's ATOMIC_REQUESTS, so that what a page calls durable is, and outside its
    LoginRequiredMiddleware: who may see it is decided here, and no program is sent to a login. Its
    texts are UTF-8: a charset of the caller's could put half a surrogate pair into a form."""

    @wraps(view)
    def read_as_utf8(request: HttpRequest, **path: Any) -> HttpResponseBase:
        if request.encoding is not None:
            request.encoding = "utf-8"
        return view(request, **path)

    return login_not_required(transaction.non_atomic_requests(using=auth.alias())(read_as_utf8))


def page(view: View) -> View:
    """A page for members: a login first where one is needed, errors as pages, a strict policy, and
    the cookie that its forms need in a site that has no middleware for it."""
    return _page(view, VIEWER)


def admin_page(view: View) -> View:
    """The same for administrators alone."""
    return _page(view, ADMIN)


def _page(view: View, least: str) -> View:
    @_by_our_rules
    @requires_csrf_token
    @wraps(view)
    def shown(request: HttpRequest, **path: Any) -> HttpResponseBase:
        with scope.of(request, path):
            return _answered(request, view, path, ("GET", "HEAD"), least)

    return shown


def change(view: View) -> View:
    """What a form of a page posts to: for editors, and never from a foreign page."""
    return _posted(view, EDITOR)


def takeaway(view: View) -> View:
    """What a form posts to that only takes something away to read: for every member."""
    return _posted(view, VIEWER)


def admin_change(view: View) -> View:
    """What a form posts to that gives or takes rights, or changes what all sessions cost."""
    return _posted(view, ADMIN)


def page_with_form(*, get: View, post: View) -> View:
    """A page whose form posts to its own address, so that one that is refused can be loaded again;
    each is answered by the rules of its own."""

    @_by_our_rules
    @csrf_exempt  # `post` checks by itself
    def either(request: HttpRequest, **path: Any) -> HttpResponseBase:
        return (post if request.method == "POST" else get)(request, **path)

    return either


def _posted(view: View, least: str) -> View:
    @csrf_protect
    @wraps(view)
    def answered(request: HttpRequest, **path: Any) -> HttpResponseBase:
        with scope.of(request, path):
            return _answered(request, view, path, ("POST",), least)

    @_by_our_rules
    @csrf_exempt  # the check is above; a host's own would read any body before it is measured
    @wraps(view)
    def measured(request: HttpRequest, **path: Any) -> HttpResponseBase:
        try:
            hold_body(request, limit=MOST_POSTED)
        except HoldfastError as error:
            return _failed(request, error)
        return answered(request, **path)

    return measured


def twin(view: View) -> View:
    """The JSON of a page, under the same rights; errors in the one shape of the API."""
    return _twin(view, VIEWER)


def admin_twin(view: View) -> View:
    """The JSON of a page for administrators alone."""
    return _twin(view, ADMIN)


def _twin(view: View, least: str) -> View:
    def answered(request: HttpRequest, /, **path: Any) -> HttpResponseBase:
        with scope.of(request, path):
            enter(request, ("GET", "HEAD"), least)
            return view(request, **path)

    held = contract(answered)

    @csrf_exempt  # it changes nothing, and says so to a POST in JSON
    @wraps(view)
    def told(request: HttpRequest, /, **path: Any) -> HttpResponseBase:
        return secured(request, held(request, **path))

    return _by_our_rules(told)


def _answered(
    request: HttpRequest, view: View, path: Mapping[str, Any], methods: tuple[str, ...], least: str
) -> HttpResponseBase:
    """What the view answers whoever may ask it, or the page of the error."""
    try:
        enter(request, methods, least)
        return secured(request, view(request, **path))
    except HoldfastError as error:
        return _failed(request, error)
    except DisallowedHost:
        return secured(request, failures.page(request, BadHost()))


def _failed(request: HttpRequest, error: HoldfastError) -> HttpResponseBase:
    if isinstance(error, Unauthorized) and apps.is_installed("django.contrib.auth"):
        from django.contrib.auth.views import redirect_to_login  # needs the auth app

        return secured(request, redirect_to_login(request.get_full_path()))
    return secured(request, failures.page(request, error))


def enter(request: HttpRequest, methods: tuple[str, ...], least: str) -> None:
    """Raises MethodNotAllowed, BadHost, ForeignOrigin, Unauthorized (nobody is logged in),
    Forbidden (the member's role is below `least`) or NotFound (the address names a project that is
    not there). Roles are for the whole installation, so no project asks for another one."""
    auth.check_local(request)
    if request.method not in methods:
        raise MethodNotAllowed(allow=list(methods))
    if not auth.is_local() and member(request) is None:
        raise Unauthorized("Log in first.")
    if not may(request, least):
        raise Forbidden("Your account may not do this here. Ask an administrator for access.")
    scope.current().check()


def member(request: HttpRequest) -> str | None:
    """The name that what a member does is kept under; None when nobody is logged in."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return str(user.get_username())
    return LOCAL_MEMBER if auth.is_local() else None


def may(request: HttpRequest, least: str) -> bool:
    """Whether the member's role is `least` or more."""
    role = role_of(request)
    return role is not None and ROLES.index(role) >= ROLES.index(least)


def role_of(request: HttpRequest) -> str | None:
    """The role of whoever asks. Superusers administer; a site that sets HOLDFAST_ROLES says by
    group who else may do what, and without it staff are editors. With our own settings both hold:
    staff without one of the groups are editors, as they were before there were groups."""
    if auth.is_local():
        return ADMIN
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    if getattr(user, "is_superuser", False):
        return ADMIN
    groups = user.groups.values_list("name", flat=True) if hasattr(user, "groups") else ()
    return role_by(user, groups)


def role_by(user: Any, groups: Iterable[str]) -> str | None:
    """The role of somebody in these groups, as long as the account is active."""
    if not user.is_active:
        return None
    if getattr(user, "is_superuser", False):
        return ADMIN
    by_group = roles_by_group()
    if by_group is not None:
        held = [ROLES.index(by_group[group]) for group in groups if group in by_group]
        if held or not gives_members():
            return ROLES[max(held)] if held else None
    return EDITOR if getattr(user, "is_staff", False) else None


def roles_by_group() -> Mapping[str, str] | None:
    """What a site says of its groups; None where it says nothing."""
    found: Mapping[str, str] | None = getattr(settings, "HOLDFAST_ROLES", None)
    return found


def gives_members() -> bool:
    """Whether accounts are ours to give: so it is in our own settings, not in a site's, where a
    right on our pages must not become one on all others."""
    ours = bool(getattr(settings, "HOLDFAST_MEMBERS", False))
    return ours and not auth.is_local() and settings.AUTH_USER_MODEL == "auth.User"


def secured(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response with what a browser may do with it: nothing foreign, no frame, no cache."""
    response.headers["Content-Security-Policy"] = _policy()
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Request-Id"] = request_id(request)
    add_never_cache_headers(response)
    return response


def _policy() -> str:
    """CSP, and the host's server of static files where that is another one."""
    files = urlsplit(settings.STATIC_URL or "")
    if not files.netloc:
        return CSP
    return _OF_FILES.sub(rf"\1 {files.scheme or 'https'}://{files.netloc}", CSP)


def project() -> int:
    """The project that the page is about, or NO_PROJECT before there is one; see `scope`."""
    return scope.current().found.number


def our_login(view: View) -> View:
    """Our login page, where LOGIN_URL leads to it. A host's own may ask for more than a password,
    and ours must be no way around it."""

    @login_not_required
    @wraps(view)
    def shown(request: HttpRequest, **path: Any) -> HttpResponseBase:
        login = resolve_url(settings.LOGIN_URL)
        return view(request, **path) if login == request.path else redirect(login)

    return shown


def secure_page(view: View) -> View:
    """A page for everybody, such as the login, under the same strict policy."""

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **path: Any) -> HttpResponseBase:
        response = view(request, *args, **path)
        if isinstance(response, HttpResponse) and hasattr(response, "render"):
            response.render()
        return secured(request, response)

    return shown
