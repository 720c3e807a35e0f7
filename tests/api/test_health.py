from __future__ import annotations

import json
from typing import Any

from django.db import connection
from django.test import Client

from holdfast.version import VERSION


def test_health_needs_no_key_and_names_its_parts(client: Client, db: None) -> None:
    response = client.get("/health")
    shown: dict[str, Any] = json.loads(response.content)
    assert response.status_code == 200
    assert (shown["mode"], shown["version"]) == ("full", VERSION)
    assert shown["parts"]["database"] == {"ok": True, "vendor": connection.vendor}
    assert response["Cache-Control"] == "no-store"


def test_health_is_503_when_the_database_cannot_be_read(
    client: Client, transactional_db: None
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE holdfast_project RENAME TO holdfast_gone")
    try:
        response = client.get("/health")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE holdfast_gone RENAME TO holdfast_project")
    assert response.status_code == 503
    shown = json.loads(response.content)
    assert (shown["mode"], shown["parts"]["database"]["ok"]) == ("degraded", False)


def test_health_is_only_read(client: Client, db: None) -> None:
    assert client.head("/health").status_code == 200
    response = client.post("/health")
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


def test_health_takes_no_body_but_json(client: Client, db: None) -> None:
    for path in ("/health", "/api/v1/openapi.json"):
        response = client.generic("GET", path, b"hello", "text/plain")
        assert response.status_code == 415
        assert json.loads(response.content)["error"]["code"] == "unsupported_media_type"


def test_health_under_a_foreign_host_is_refused_in_json(
    client: Client, db: None, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["holdfast.example"]
    response = client.get("/health", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert json.loads(response.content)["error"]["code"] == "bad_host"
