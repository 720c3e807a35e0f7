from __future__ import annotations

import pytest

from holdfast.projects import ensure_project
from sessions_app.models import Session
from tests.personas import Persona, answer, refused

HERE = "localhost:8000"


@pytest.fixture
def me(transactional_db: None, settings: object) -> Persona:
    """The one person of local mode, who has no key."""
    settings.HOLDFAST_LOCAL = True  # type: ignore[attr-defined]
    settings.ALLOWED_HOSTS = ["*"]  # type: ignore[attr-defined]
    return Persona(ensure_project(), None)


def test_no_key_is_needed(me: Persona) -> None:
    made = answer(me.post("/sessions", {}, Host=HERE), 201)
    assert answer(me.get(f"/sessions/{made['id']}", Host=HERE))["id"] == made["id"]
    answer(me.put("/policies/mine", {}, Host=HERE))


def test_before_the_first_start_there_is_no_project(me: Persona) -> None:
    me.project.delete()
    refused(me.get("/sessions", Host=HERE), 404, "not_found")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1:80", "127.1.2.3", "[::1]:9"])
def test_a_local_host_is_answered(me: Persona, host: str) -> None:
    answer(me.get("/sessions", Host=host))


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]"],
)
def test_a_name_that_was_bound_to_this_machine_is_refused(me: Persona, host: str) -> None:
    refused(me.get("/sessions", Host=host), 400, "bad_host")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": f"https://{HERE}"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": f"http://{HERE}", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_page_of_another_origin_changes_nothing(me: Persona, headers: dict[str, str]) -> None:
    for method in ("POST", "PATCH", "PUT", "DELETE"):
        path = "/policies/mine" if method == "PUT" else "/sessions"
        path = f"/sessions/{'0' * 32}" if method in ("PATCH", "DELETE") else path
        response = me.call(method, path, {}, Host=HERE, **headers)
        refused(response, 403, "foreign_origin")
    assert not Session.everything.exists()


def test_our_own_pages_may_change_things(me: Persona) -> None:
    headers = {"Origin": f"http://{HERE}", "Sec-Fetch-Site": "same-origin"}
    answer(me.post("/sessions", {}, Host=HERE, **headers), 201)


def test_reading_from_elsewhere_is_left_to_the_browser(me: Persona) -> None:
    response = me.get("/sessions", Host=HERE, Origin="https://evil.example")
    answer(response)
    assert "Access-Control-Allow-Origin" not in response


def test_a_key_that_is_sent_is_checked(me: Persona, owner: Persona) -> None:
    answer(owner.get("/sessions", Host=HERE))
    refused(me.get("/sessions", Host=HERE, Authorization="Bearer hf_x"), 401, "unauthorized")


def test_outside_local_mode_a_key_may_come_from_any_page(owner: Persona, settings: object) -> None:
    answer(owner.post("/sessions", {}, Origin="https://app.example"), 201)
