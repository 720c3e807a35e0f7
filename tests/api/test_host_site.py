"""In somebody else's site: their prefix, their lack of middleware."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import include, path

from tests.personas import Persona, answer, refused


class HostUrls:
    """A site that has everything of ours below `chat/`."""

    urlpatterns = (path("chat/", include("holdfast.urls")),)


@pytest.fixture
def site(owner: Persona, settings: Any) -> Persona:
    settings.ROOT_URLCONF = HostUrls
    settings.MIDDLEWARE = []
    return owner


def test_it_works_below_any_prefix_without_middleware(
    site: Persona, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.personas.BASE", "/chat/api/v1")
    made = answer(site.post("/sessions", {}), 201)
    answer(site.get(f"/sessions/{made['id']}"))
    refused(site.get("/nothing"), 404, "not_found")
    assert site.client.get("/chat/health").status_code == 200
