"""The handler of the product's own server: which middleware a call and a page go through."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from holdfast.handler import Handler

pytestmark = pytest.mark.django_db(transaction=True)

CALL, PAGE = "/api/v1/sessions", "/sessions/"


def answered(handler: Handler, place: str) -> tuple[int, dict[str, str]]:
    """Status and headers."""
    begun: list[tuple[int, dict[str, str]]] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": place,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
    }

    def start(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        begun.append((int(status[:3]), dict(headers)))

    handler(environ, start).close()
    return begun[0]


def marking(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """A site's own middleware."""

    def mark(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["X-Marked"] = "yes"
        return response

    return mark


def test_a_call_has_the_headers_of_security_and_no_page_s() -> None:
    handler = Handler()
    status, headers = answered(handler, CALL)
    assert status == 401
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert int(headers["Content-Length"]) > 0
    assert "X-Frame-Options" not in headers
    assert "X-Frame-Options" in answered(handler, PAGE)[1]


def test_a_call_that_does_not_exist_is_answered_like_one() -> None:
    status, headers = answered(Handler(), "/api/v1/nothing")
    assert (status, headers["Content-Type"]) == (404, "application/json")


@pytest.mark.parametrize("place", [CALL, PAGE])
def test_a_site_s_own_middleware_is_for_calls_too(place: str) -> None:
    with override_settings(MIDDLEWARE=[f"{__name__}.marking", *settings.MIDDLEWARE]):
        headers = answered(Handler(), place)[1]
    assert (headers["X-Marked"], headers["X-Frame-Options"]) == ("yes", "DENY")


def test_plain_http_is_sent_on_where_the_site_asks_for_it() -> None:
    with override_settings(SECURE_SSL_REDIRECT=True):
        status, headers = answered(Handler(), CALL)
    assert (status, headers["Location"]) == (301, f"https://localhost{CALL}")


def test_a_page_of_the_site_below_the_same_words_is_no_call() -> None:
    with override_settings(ROOT_URLCONF=f"{__name__}"):
        status, headers = answered(Handler(), "/shop/api/v1/cart")
    assert (status, headers["X-Frame-Options"]) == (200, "DENY")


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("place", [CALL, PAGE])
def test_who_listens_to_requests_is_told_of_calls_too(place: str, early: bool) -> None:
    told: list[str] = []

    def began(**_: Any) -> None:
        told.append("began")

    def ended(**_: Any) -> None:
        told.append("ended")

    handler = None if early else Handler()
    request_started.connect(began)
    request_finished.connect(ended)
    try:
        answered(handler or Handler(), place)
    finally:
        request_started.disconnect(began)
        request_finished.disconnect(ended)
    assert told == ["began", "ended"]
    assert answered(Handler(), place)[0]


@pytest.mark.parametrize("place", [CALL, PAGE])
def test_a_connection_that_broke_is_closed_behind_the_answer(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(
        connection, "close_if_unusable_or_obsolete", lambda: looked.append(connection.alias)
    )
    answered(Handler(), place)
    assert looked


def cart(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("a page")


urlpatterns = [path("shop/api/v1/cart", cart)]
