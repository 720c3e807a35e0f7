from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from memory_app import facts
from memory_app.facts import By, Stated
from monitoring.access import CSP, MOST_POSTED
from sessions_app import reviews
from sessions_app.models import Project
from sessions_app.reviews import MOST_CHARACTERS
from sessions_app.store import get_store
from tests.pages.markup import Markup
from tests.pages.samples import session

HOST = "tests.pages.host_urls"


def addresses(project: Project) -> list[str]:
    one = f"/sessions/{session(project).id}"
    told = facts.keep(get_store(), project.pk, [Stated("He is.", user="bo")], By("ana"))
    return [
        f"/facts/{told.facts[0].id}/",
        "/sessions/",
        "/compressions/",
        "/users/",
        "/inbox/",
        f"{one}/",
        f"{one}/m/1/",
        f"{one}/context/",
        f"{one}/context/2/",
        f"{one}/context/2/test/",
    ]


def twin_of(address: str) -> str:
    return address[:-1] + ".json"


def test_nobody_is_sent_to_the_login_and_back(client: Client, project: Project) -> None:
    for address in addresses(project):
        response = client.get(address, {"a": "b"})
        assert response.status_code == 302
        assert response.headers["Location"].startswith(f"/login/?next={address}")


def test_a_twin_answers_nobody_with_401(client: Client, project: Project) -> None:
    for address in addresses(project):
        assert client.get(twin_of(address)).status_code == 401


def test_an_account_that_is_no_member_is_refused(client: Client, project: Project) -> None:
    client.force_login(User.objects.create_user("guest"))
    for address in addresses(project):
        response = client.get(address)
        assert response.status_code == 403
        assert "Ask an administrator" in Markup(response).text
        assert client.get(twin_of(address)).status_code == 403


def test_a_member_sees_every_page_and_its_twin(client: Client, project: Project) -> None:
    client.force_login(User.objects.create_user("ana", is_staff=True))
    for address in addresses(project):
        assert client.get(address).status_code == 200
        assert client.get(twin_of(address)).status_code == 200


def test_a_member_logs_in_where_they_wanted_to_go_and_out_again(
    client: Client, project: Project
) -> None:
    User.objects.create_user("ana", password="a long password", is_staff=True)
    sent = {"username": "ana", "password": "a long password", "next": "/sessions/?q=x"}
    response = client.post("/login/", sent)
    assert response.headers["Location"] == "/sessions/?q=x"
    assert "Log out" in Markup(client.get("/sessions/")).text
    assert client.post("/logout/").headers["Location"] == "/login/"
    assert client.get("/sessions/").status_code == 302


def test_the_login_leads_to_no_other_site(client: Client, project: Project) -> None:
    User.objects.create_user("ana", password="a long password", is_staff=True)
    sent = {"username": "ana", "password": "a long password", "next": "https://evil.example/"}
    assert client.post("/login/", sent).headers["Location"] == "/sessions/"


def test_a_wrong_password_is_told_calmly(client: Client, db: None) -> None:
    response = client.post("/login/", {"username": "ana", "password": "no"})
    assert response.status_code == 200
    assert "Please enter a correct" in Markup(response).text


def test_logging_in_and_out_asks_for_the_token(project: Project) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login/", {"username": "a", "password": "b"}).status_code == 403
    assert client.post("/logout/").status_code == 403


@pytest.mark.usefixtures("local")
def test_local_mode_needs_no_login_but_a_local_host(
    client: Client, project: Project, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    for address in addresses(project):
        assert client.get(address, headers={"host": "localhost:8000"}).status_code == 200
        assert client.get(address, headers={"host": "rebound.example"}).status_code == 400
        assert client.get(twin_of(address), headers={"host": "rebound.example"}).status_code == 400


@pytest.mark.usefixtures("local")
def test_every_page_is_sent_with_the_strict_policy(client: Client, project: Project) -> None:
    for address in (*addresses(project), "/login/", "/sessions/?nonsense=1"):
        headers = client.get(address).headers
        assert headers["Content-Security-Policy"] == CSP
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "no-store" in headers["Cache-Control"]
    assert "unsafe" not in CSP


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_what_django_itself_answers_has_the_strict_policy(
    client: Client, project: Project, kind: str
) -> None:
    client.raise_request_exception = False
    for address, host, status in (("/nothing/", "localhost", 404), ("/sessions/", "rebound", 400)):
        sent = client.get(address, headers={"accept": kind, "host": host})
        assert sent.status_code == status
        assert sent.headers["Content-Security-Policy"] == CSP
        assert kind in sent.headers["Content-Type"]


@pytest.mark.usefixtures("local")
def test_pages_only_read(client: Client, project: Project) -> None:
    for address in addresses(project):
        for method in (client.post, client.put, client.delete):
            assert method(address).status_code == 405


@pytest.mark.usefixtures("local")
def test_pages_work_below_a_prefix_and_without_middleware(
    client: Client, project: Project, settings: Settings
) -> None:
    settings.ROOT_URLCONF = HOST
    settings.MIDDLEWARE = []
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "OPTIONS": {}}]
    for address in addresses(project):
        response = client.get(f"/memory{address}")
        assert response.status_code == 200
        shown = Markup(response)
        own = [link for link in shown.links if link[0] == "/" and not link.startswith("/static/")]
        assert own
        assert all(link.startswith("/memory/") for link in own)
        assert response.headers["Content-Security-Policy"] == CSP


@pytest.mark.usefixtures("local")
def test_a_locale_with_decimal_commas_changes_no_number(
    client: Client, project: Project, settings: Settings
) -> None:
    settings.USE_I18N = True
    settings.LANGUAGE_CODE = "de"
    settings.USE_THOUSAND_SEPARATOR = True
    for address in addresses(project):
        shown = Markup(client.get(address))
        for name in ("x", "width", "x1", "x2"):
            assert not [value for value in shown.values(name) if "," in value]
        assert not [link for link in shown.links if "," in link or "\xa0" in link]


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_form_that_is_too_large_is_refused_before_it_is_read(project: Project, kind: str) -> None:
    made = session(project)
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    address = f"/sessions/{made.id}/m/1/review/"
    sent = client.post(address, b"x" * (MOST_POSTED + 1), content_type=kind)
    assert sent.status_code == 413
    assert "Nothing was changed" in Markup(sent).text
    assert sent.headers["Content-Security-Policy"] == CSP
    assert client.post(address, b"x" * MOST_POSTED, content_type=kind).status_code == 403


@pytest.mark.usefixtures("local")
def test_the_largest_review_fits_into_a_form(client: Client, project: Project) -> None:
    made = session(project)
    comment = "\N{WAVING HAND SIGN}" * MOST_CHARACTERS
    body = urlencode({"comment": comment, "rating": "good"})
    kind = "application/x-www-form-urlencoded"
    sent = client.post(f"/sessions/{made.id}/m/1/review/", body, content_type=kind)
    assert sent.status_code == 302
    assert reviews.between("default", made, 1, 1)[1].comment == comment


@pytest.mark.usefixtures("local")
def test_a_form_is_read_as_utf_8_whatever_it_says(client: Client, project: Project) -> None:
    said = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    fields = (("user", "bo\\ud800"), ("name", "new\\ud800"))
    body = "".join(said.format(*field) for field in fields) + "--x--\r\n"
    kind = "multipart/form-data; boundary=x; charset=raw_unicode_escape"
    assert client.post("/user/export/", body.encode(), content_type=kind).status_code == 404
    made = client.post("/settings/projects/", body.encode(), content_type=kind)
    assert made.headers["Location"].endswith("made=new%5Cud800")
