"""Below a prefix of somebody else's site: every address of ours inside it, none of theirs taken."""

from __future__ import annotations

import pytest

from tests.guest.hosting import PREFIX, Guest
from tests.guest.visiting import Visitor
from tests.pages.markup import Markup

OURS = (f"{PREFIX}/", "/static/holdfast/", "/static/django_htmx/")
SIGN_IN = f"/sign-in/?next={PREFIX}/sessions/"


def ours_but_logout(path: str) -> bool:
    return path.startswith(OURS) and "/logout/" not in path


def test_every_address_on_our_pages_leads_inside_the_prefix(vera: Visitor) -> None:
    found = vera.crawl(f"{PREFIX}/", ours_but_logout)
    assert len([path for path in found if path.startswith(f"{PREFIX}/sessions/")]) > 5
    assert len([path for path in found if path.startswith("/static/")]) > 3
    for path, answer in found.items():
        expected = {f"{PREFIX}/": 302, f"{PREFIX}/login/": 302}
        assert answer.status == expected.get(path, 200), path
        named = answer.addresses() if answer.is_page else []
        assert [one for one in named if not one.startswith((*OURS, "?", "#"))] == [], path


@pytest.mark.long
def test_every_page_has_its_twin(guest: Guest, vera: Visitor) -> None:
    for page in guest.pages():
        path, _, query = page.partition("?")
        assert vera.get(page).status == 200, page
        assert vera.get(f"{path.removesuffix('/')}.json?{query}").json(), page


@pytest.mark.long
def test_an_address_without_its_slash_leads_to_the_page(vera: Visitor) -> None:
    assert vera.get(PREFIX).headers["Location"] == f"{PREFIX}/"
    assert vera.get(f"{PREFIX}/").headers["Location"] == f"{PREFIX}/sessions/"
    assert vera.get(f"{PREFIX}/sessions").headers["Location"] == f"{PREFIX}/sessions/"


@pytest.mark.long
def test_nobody_is_sent_to_the_login_of_the_site(guest: Guest, address: str) -> None:
    for page in guest.pages():
        answer = Visitor(address).get(page)
        assert answer.status == 302
        assert answer.headers["Location"].startswith(SIGN_IN)
    assert Visitor(address).get(f"{PREFIX}/sessions.json").status == 401


@pytest.mark.long
def test_our_own_login_is_no_way_around_that_of_the_site(address: str) -> None:
    visitor = Visitor(address)
    visitor.get("/sign-in/")
    for answer in (visitor.get(f"{PREFIX}/login/"), visitor.post(f"{PREFIX}/login/")):
        assert (answer.status, answer.headers["Location"]) == (302, "/sign-in/")


@pytest.mark.long
def test_logging_out_ends_at_the_login_of_the_site(address: str) -> None:
    visitor = Visitor(address).sign_in("vera")
    left = visitor.post(f"{PREFIX}/logout/")
    assert left.status == 302
    assert visitor.get(left.headers["Location"]).headers["Location"] == "/sign-in/"
    assert visitor.get(f"{PREFIX}/sessions/").headers["Location"] == SIGN_IN


@pytest.mark.long
def test_an_account_without_a_mapped_group_is_refused(guest: Guest, address: str) -> None:
    visitor = Visitor(address).sign_in("nora")
    for page in guest.pages():
        answer = visitor.get(page)
        assert answer.status == 403
        assert "Ask an administrator" in Markup(answer).text
    assert visitor.get(f"{PREFIX}/sessions.json").json()["error"]["code"] == "forbidden"


@pytest.mark.long
@pytest.mark.parametrize("name", ["vera", "edda", "olga", "rita"])
def test_every_mapped_group_and_superusers_may_look(guest: Guest, address: str, name: str) -> None:
    assert Visitor(address).sign_in(name).get(guest.pages()[0]).status == 200


@pytest.mark.long
def test_the_api_takes_a_key_below_the_prefix(guest: Guest, address: str) -> None:
    visitor, bearer = Visitor(address), f"Bearer {guest.made['key']}"
    assert visitor.send("GET", f"{PREFIX}/api/v1/sessions").status == 401
    listed = visitor.send("GET", f"{PREFIX}/api/v1/sessions", Authorization=bearer)
    assert {"long", "short"} <= {row["key"] for row in listed.json()["data"]}
    made = visitor.send("POST", f"{PREFIX}/api/v1/sessions", {}, Authorization=bearer)
    assert made.status == 201
    path = f"{PREFIX}/api/v1/sessions/{made.json()['id']}/messages"
    said = visitor.send("POST", path, {"role": "user", "content": "x"}, Authorization=bearer)
    assert said.json()["durable"] is True


@pytest.mark.long
def test_being_logged_in_is_no_key(rita: Visitor) -> None:
    assert rita.send("GET", f"{PREFIX}/api/v1/sessions").status == 401


@pytest.mark.long
def test_the_document_and_the_health_need_neither_key_nor_login(address: str) -> None:
    document = Visitor(address).get(f"{PREFIX}/api/v1/openapi.json").json()
    assert document["servers"] == [{"url": PREFIX}]
    assert "/api/v1/sessions" in document["paths"]
    assert Visitor(address).get(f"{PREFIX}/health").json()["mode"] == "full"


@pytest.mark.long
def test_errors_are_json_below_our_api_alone(rita: Visitor) -> None:
    missing = rita.send("GET", f"{PREFIX}/api/v1/nothing")
    assert (missing.status, missing.json()["error"]["code"]) == (404, "not_found")
    wrong = rita.send("DELETE", f"{PREFIX}/api/v1/sessions")
    assert (wrong.status, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    for path in ("/nothing/", "/api/v1/nothing", f"{PREFIX}/nothing/", f"{PREFIX}/api/"):
        theirs = rita.get(path)
        assert theirs.status == 404
        assert b"The requested resource was not found" in theirs.content
    assert rita.get("/api/v1/stock").json() == {"tyres": 1200}


@pytest.mark.long
def test_the_pages_of_the_site_are_its_own(rita: Visitor) -> None:
    assert "The workshop's thermometers" in Markup(rita.get("/monitoring/")).text
    assert "/memory/sessions/" in Markup(rita.get("/")).links
    for path in ("/admin/", "/admin/accounts/user/", "/admin/monitoring/reading/"):
        assert rita.get(path).status == 200
