"""The settings in a site of its own: they work below its prefix, and give nobody its accounts."""

from __future__ import annotations

import pytest

from tests.guest.hosting import PREFIX
from tests.guest.visiting import Visitor
from tests.pages.markup import Markup

pytestmark = pytest.mark.long

SETTINGS = f"{PREFIX}/settings"
PARTS = ("", "projects/", "keys/", "members/", "policies/", "policies/default/", "retention/")


@pytest.mark.parametrize("where", ["address", "address_apart"])
def test_every_section_is_there_for_who_administers(
    where: str, request: pytest.FixtureRequest
) -> None:
    olga = Visitor(request.getfixturevalue(where)).sign_in("olga")
    for part in PARTS:
        shown = olga.get(f"{SETTINGS}/{part}")
        assert shown.status == 200, part
        assert Markup(shown).dangers() == []
        assert olga.get(f"{SETTINGS}/{part}".removesuffix("/") + ".json").json()
    checks = olga.get(f"{SETTINGS}.json").json()["checks"]
    assert {"database", "migrations", "compression"} <= {one["name"] for one in checks}


def test_the_page_of_members_tells_and_gives_nothing(address: str) -> None:
    olga = Visitor(address).sign_in("olga")
    shown = Markup(olga.get(f"{SETTINGS}/members/"))
    assert "this site's own" in shown.text
    assert "vera@example.com viewer" in shown.text
    assert "nora@example.com" not in shown.text
    told = olga.get(f"{SETTINGS}/members.json").json()
    roles = {one["name"]: (one["role"], one["by"]) for one in told["data"]}
    assert roles["rita@example.com"] == ("admin", "superuser")
    assert roles["edda@example.com"] == ("editor", "group Leads")
    sent = {"name": "eve", "password": "a quiet harbour", "role": "admin"}
    assert olga.post(f"{SETTINGS}/members/", **sent).status == 404
    for one in told["data"]:
        page = f"{SETTINGS}/members/{one['id']}/"
        assert olga.post(page, do="password", password="a quiet harbour").status == 404
        assert olga.get(page).status == 404


def test_a_key_is_made_on_the_page_and_opens_the_api(address: str) -> None:
    olga = Visitor(address).sign_in("olga")
    olga.get(f"{SETTINGS}/keys/")
    made = olga.post(f"{SETTINGS}/keys/", scope="read", label="from the page")
    assert made.status == 200
    text = next(word for word in Markup(made).text.split() if word.startswith("hf_"))
    held = Visitor(address).get(f"{PREFIX}/api/v1/policies", Authorization=f"Bearer {text}")
    assert held.status == 200


def test_who_may_only_look_sees_policies_and_health_alone(vera: Visitor) -> None:
    for part in PARTS:
        expected = 403 if part in ("projects/", "keys/", "members/") else 200
        assert vera.get(f"{SETTINGS}/{part}").status == expected, part
