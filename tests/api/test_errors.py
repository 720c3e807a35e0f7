"""Whatever goes wrong below `/api/`, the answer is the one JSON shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from sessions_app.models import Session
from tests.personas import Persona, answer, refused


@pytest.mark.parametrize(
    "path", ["/nothing", "/sessions/", "/", "", "/sessions/x/y/z", "/metrics", "/%00", "/docs"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "BREW"])
def test_an_unknown_path_is_not_found(owner: Persona, method: str, path: str) -> None:
    refused(owner.call(method, path), 404, "not_found")


@pytest.mark.parametrize("path", ["/api/", "/api", "/api/v2/sessions", "/api/v1"])
def test_all_below_api_is_json(client: Client, path: str) -> None:
    refused(client.post(path), 404, "not_found")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/sessions", "GET, HEAD, POST"),
        ("PUT", "/sessions", "GET, HEAD, POST"),
        ("TRACE", "/sessions", "GET, HEAD, POST"),
        ("OPTIONS", "/sessions", "GET, HEAD, POST"),
        ("POST", f"/sessions/{'0' * 32}", "DELETE, GET, HEAD, PATCH"),
        ("GET", f"/sessions/{'0' * 32}/end", "POST"),
        ("HEAD", f"/sessions/{'0' * 32}/end", "POST"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_taken_is_told_which_are(
    owner: Persona, method: str, path: str, allow: str
) -> None:
    response = owner.call(method, path)
    assert response["Allow"] == allow
    if method != "HEAD":
        refused(response, 405, "method_not_allowed")


def test_a_host_that_is_not_ours_is_refused_in_json(owner: Persona, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["holdfast.example"]
    refused(owner.get("/sessions", Host="evil.example"), 400, "bad_host")
    browser = {"Host": "evil.example", "Accept": "text/html"}
    response = owner.client.get("/nowhere", headers=browser)
    assert (response.status_code, response["Content-Type"]) == (400, "text/html; charset=utf-8")


def test_a_host_is_checked_without_any_middleware(owner: Persona, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["holdfast.example"]
    settings.MIDDLEWARE = []
    refused(owner.get("/sessions", Host="evil.example"), 400, "bad_host")


@pytest.mark.parametrize("debug", [False, True])
def test_a_fault_of_ours_shows_no_trace(
    owner: Persona, settings: Any, monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    settings.DEBUG = debug

    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("sessions_app.listing.page", broken)
    response = owner.get("/sessions", X_Request_Id="abc-1")
    error = refused(response, 500, "internal")
    assert error["request_id"] == "abc-1"
    assert b"secret" not in response.content


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_the_database_asks_to_try_again(
    owner: Persona, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.opened()
    table = Session._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO gone")
    try:
        refused(owner.get("/sessions"), 500, "internal")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE gone RENAME TO {table}")


def test_a_page_that_does_not_exist_is_a_page_for_a_browser(client: Client, db: None) -> None:
    response = client.get("/no/such/<page>", headers={"Accept": "text/html,*/*;q=0.8"})
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert b"<page>" not in response.content


def test_an_answer_without_a_request_id_gets_one(owner: Persona) -> None:
    assert len(owner.get("/sessions")["X-Request-Id"]) == 32
    assert owner.get("/sessions", X_Request_Id="bad id\t")["X-Request-Id"] != "bad id\t"


def test_answers_are_json_in_utf_8(owner: Persona) -> None:
    made = owner.post("/sessions", {"title": "é💡"})
    assert made["Content-Type"] == "application/json"
    assert json.loads(made.content.decode("utf-8"))["title"] == "é💡"
    assert answer(owner.get("/sessions"))["data"][0]["title"] == "é💡"


@pytest.mark.parametrize("path", ["/metrics", "/health/", "/ws/v1/sessions/x"])
def test_an_address_for_programs_that_does_not_exist_is_json(client: Client, path: str) -> None:
    refused(client.get(path), 404, "not_found")  # type: ignore[arg-type]


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"Accept": "application/json"}])
def test_a_caller_that_does_not_ask_for_html_gets_none(
    client: Client, headers: dict[str, str]
) -> None:
    refused(client.get("/no/such/page", headers=headers), 404, "not_found")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/sessions"),
        ("PATCH", "/sessions/{s}"),
        ("POST", "/sessions/{s}/end"),
        ("POST", "/sessions/{s}/messages"),
        ("POST", "/sessions/{s}/context"),
        ("PUT", "/policies/p"),
    ],
)
def test_a_body_of_null_is_no_object(owner: Persona, method: str, path: str) -> None:
    made = owner.opened()
    refused(owner.call(method, path.format(s=made["id"]), b"null"), 422, "invalid_field")
    assert answer(owner.get(f"/sessions/{made['id']}"))["head"] == made["head"]
