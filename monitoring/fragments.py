"""Parts of a page for htmx: the same address gives the page to whoever else asks for it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

_ASKING, _TARGET = "HX-Request", "HX-Target"
_WHOLE = ("HX-Boosted", "HX-History-Restore-Request")


def target(request: HttpRequest) -> str:
    """The id of the element that htmx will fill with the answer; "" for a whole page."""
    if request.headers.get(_ASKING) != "true":
        return ""
    if any(request.headers.get(name) == "true" for name in _WHOLE):
        return ""
    return request.headers.get(_TARGET, "")


def told_apart(response: HttpResponse) -> HttpResponse:
    """The response, for caches to keep pages and parts of them apart."""
    patch_vary_headers(response, (_ASKING, _TARGET))
    return response
