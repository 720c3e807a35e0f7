"""Django's WSGI handler as the product's own server has it: requests whose texts are UTF-8,
whatever they say of themselves, and calls of the API that go past what only pages need.

Django takes a query apart by the charset of the Content-Type while it makes the request, before any
view or middleware could answer for it. A charset that is no encoding of text (`hex`) would be an
error of the server then, as would a thousand parameters beside any charset; and one that can write
half a surrogate pair would put it into a form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, cast
from weakref import ReferenceType

import django
from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest, get_script_name
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.security import SecurityMiddleware
from django.urls import ResolverMatch, get_resolver, set_script_prefix
from django.utils.log import log_response

from sessions_app.http import AT_ONCE, PREFIX, is_busy

SECURITY = "django.middleware.security.SecurityMiddleware"
OF_PAGES = frozenset(
    {
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    }
)
"""Middleware of which a call needs nothing: it has no cookie, no login, no form and no frame."""


LONGEST_KNOWN = 200
"""Characters of a path that is kept in memory; a longer one goes the way of pages."""


class Request(WSGIRequest):
    """A request that is read as UTF-8; the API refuses a body that says it is something else."""

    _host: str | None = None

    def get_host(self) -> str:
        """The host, which several ask for. Raises DisallowedHost."""
        if self._host is None:
            self._host = super().get_host()
        return self._host

    @property
    def encoding(self) -> str | None:
        """None, which stands for that of the settings: UTF-8."""
        return None

    @encoding.setter
    def encoding(self, said: str | None) -> None:
        """Django tells here what the Content-Type says."""


class Whole:
    """The body of a call's answer, in one piece."""

    streaming = False

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content

    def close(self) -> None:
        """Lets go of connections: PostgreSQL's go back to the pool, broken ones are closed."""
        close_old_connections()


class Handler(WSGIHandler):
    """Makes such requests, and answers a call without the middleware of pages, which took as long
    as the rest of a read. Where the site has any other middleware, all of it is for calls too."""

    request_class = Request

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The answer to a WSGI environment. Of a call nobody is told that it began and ended, where
        only Django would listen: all that is left to do then is to let go of connections."""
        if PREFIX in environ["PATH_INFO"] and self._is_unheard():
            request = Request(environ)
            match = _call_of(request)
            if match is not None:
                set_script_prefix(get_script_name(environ))
                response = self._answered(request, match)
                status = f"{response.status_code} {response.reason_phrase}"
                start_response(status, [*response.items()])
                return Whole(response.content)
        return super().__call__(environ, start_response)

    def _is_unheard(self) -> bool:
        """Whether nobody but Django would learn of a call, as far as this may be known at all."""
        return self._alone and not settings.DEBUG and _listeners() == self._listeners

    def load_middleware(self, is_async: bool = False) -> None:
        """Also makes what calls go through instead: nothing but the headers of security."""
        super().load_middleware(is_async)
        self._alone = {SECURITY, *OF_PAGES}.issuperset(settings.MIDDLEWARE)
        self._listeners = _listeners() if _only_django_listens() else None
        secured = SECURITY in settings.MIDDLEWARE
        call = SecurityMiddleware(self._call) if secured else self._call
        self._called = cast(
            Callable[[HttpRequest], HttpResponse], convert_exception_to_response(call)
        )

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """The answer to a request, a page or a call."""
        match = _call_of(request) if self._alone else None
        return super().get_response(request) if match is None else self._answered(request, match)

    def _answered(self, request: HttpRequest, match: ResolverMatch) -> HttpResponse:
        request.resolver_match = match
        response: HttpResponse = self._called(request)
        response._resource_closers.append(request.close)  # type: ignore[attr-defined]
        response.headers.setdefault("Content-Length", str(len(response.content)))
        if response.status_code >= 400 and not _asked_again(request, response):
            told = response.reason_phrase, request.path
            log_response("%s: %s", *told, response=response, request=request)
        return response

    def _call(self, request: HttpRequest) -> HttpResponseBase:
        match = cast(ResolverMatch, request.resolver_match)
        view = self.make_view_atomic(match.func)
        return cast(HttpResponse, view(request, *match.args, **match.kwargs))


def application() -> Handler:
    """The WSGI application of the product, with its apps loaded."""
    django.setup(set_prefix=False)
    return Handler()


def _listeners() -> list[Any]:
    """What tells each receiver from all others."""
    return [one[0] for one in (*request_started.receivers, *request_finished.receivers)]


def _only_django_listens() -> bool:
    """Whether nobody else wants to know of each request when it begins and when it ends."""
    told = [*request_started.receivers, *request_finished.receivers]
    # A receiver is held weakly if it is one that may go.
    found = [one[1]() if isinstance(one[1], ReferenceType) else one[1] for one in told]
    places = [getattr(one, "__module__", None) or "" for one in found if one is not None]
    return all(place.startswith("django.") for place in places)


def _asked_again(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether a thread makes the answer anew, so that this one means nothing."""
    return AT_ONCE in request.META and is_busy(response.status_code, response.content)


def _call_of(request: HttpRequest) -> ResolverMatch | None:
    """The call that a request is for, if it is for one."""
    path = request.path_info
    if PREFIX not in path or len(path) > LONGEST_KNOWN:
        return None
    return _resolved(settings.ROOT_URLCONF, path)


@lru_cache(maxsize=1_024)
def _resolved(urlconf: str, path: str) -> ResolverMatch | None:
    # Django tries one address after the other; who asks for a session asks again soon.
    try:
        match = get_resolver(urlconf).resolve(path)
    except Http404:
        return None
    return match if getattr(match.func, "is_call", False) else None
