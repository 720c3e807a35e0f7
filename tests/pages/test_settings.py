"""The settings: who may see and change which of them, and the overview."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

from holdfast.projects import ensure_project
from memory_app import checkup
from memory_app.core.health import Check
from monitoring.access import ADMIN, CSP, EDITOR, VIEWER
from sessions_app import auth
from sessions_app.models import ApiKey, Project
from tests.pages.markup import Markup
from tests.pages.samples import session, statements

local = pytest.mark.usefixtures("local")

FOR_ALL = ("/settings/", "/settings/retention/", "/settings/policies/")
FOR_ADMINS = ("/settings/projects/", "/settings/keys/", "/settings/members/")
POSTS = (
    "/settings/projects/",
    "/settings/keys/",
    "/settings/policies/",
    "/settings/policies/default/",
    "/settings/members/",
)


def pages(project: Project) -> Iterator[tuple[str, str]]:
    """Every page of the settings with the least role that sees it."""
    yield from ((address, VIEWER) for address in FOR_ALL)
    yield "/settings/policies/default/", VIEWER
    yield from ((address, ADMIN) for address in FOR_ADMINS)
    key, _ = auth.create_key(project, ["read"])
    yield f"/settings/keys/{key.prefix}/", ADMIN


def posts(project: Project) -> Iterator[str]:
    """Every address that a form of the settings posts to; all are for administrators."""
    yield from POSTS
    key, _ = auth.create_key(project, ["read"])
    yield f"/settings/keys/{key.prefix}/"


def of_role(role: str | None, settings: Settings) -> Client:
    """A browser of somebody with a role by group; None is an account that is no member."""
    settings.HOLDFAST_ROLES = {name: name for name in (VIEWER, EDITOR, ADMIN)}
    user = User.objects.create_user(f"a {role}")
    if role is not None:
        user.groups.add(Group.objects.create(name=role))
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return client


RANK = (None, VIEWER, EDITOR, ADMIN)


@pytest.mark.parametrize("role", RANK)
def test_each_role_sees_what_it_may_and_its_twin(
    role: str | None, project: Project, settings: Settings
) -> None:
    client = of_role(role, settings)
    for address, least in pages(project):
        expected = 200 if RANK.index(role) >= RANK.index(least) else 403
        assert client.get(address).status_code == expected, address
        assert client.get(f"{address[:-1]}.json").status_code == expected, address
        assert client.head(address).status_code == expected, address


@pytest.mark.parametrize("role", RANK)
def test_only_administrators_change_settings(
    role: str | None, project: Project, settings: Settings
) -> None:
    client = of_role(role, settings)
    for address in posts(project):
        status = client.post(address, {}).status_code
        assert (status != 403) if role == ADMIN else (status == 403), address


def test_without_a_login_the_settings_lead_to_it(client: Client, project: Project) -> None:
    for address, _ in pages(project):
        assert client.get(address).headers["Location"].startswith("/login/?next=/settings/")
        assert client.get(f"{address[:-1]}.json").status_code == 401
    for address in posts(project):
        assert client.post(address, {}).headers["Location"].startswith("/login/")
    assert ApiKey.objects.live().count() == ApiKey.objects.count()


@local
def test_in_local_mode_the_one_person_administers(client: Client, project: Project) -> None:
    for address, _ in pages(project):
        response = client.get(address)
        assert response.status_code == 200
        assert response.headers["Content-Security-Policy"] == CSP
        assert "no-store" in response.headers["Cache-Control"]
        assert Markup(response).dangers() == []
        assert Markup(response).count("h1") == 1
    assert "whoever opens the page administers" in Markup(client.get("/settings/")).text


@local
def test_no_other_verb_is_answered(client: Client, project: Project) -> None:
    for address, _ in pages(project):
        for method in (client.put, client.patch, client.delete):
            assert method(address).status_code == 405, address
    for address in ("/settings/", "/settings/retention/"):
        assert client.post(address).status_code == 405


@local
def test_a_form_without_its_token_changes_nothing(project: Project) -> None:
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    for address in posts(project):
        sent = client.post(address, {"name": "x", "scope": "read"}, headers={"accept": "text/html"})
        assert sent.status_code == 403, address
    assert ApiKey.objects.live().count() == ApiKey.objects.count()
    assert Project.objects.count() == 1


@local
def test_a_foreign_page_changes_nothing(client: Client, project: Project) -> None:
    for address in posts(project):
        sent = client.post(address, {"name": "x"}, headers={"origin": "https://evil.example"})
        assert sent.status_code == 403, address


def test_the_sections_that_one_may_not_see_are_not_offered(
    project: Project, settings: Settings
) -> None:
    links = Markup(of_role(EDITOR, settings).get("/settings/")).links
    assert "/settings/retention/" in links
    assert not set(FOR_ADMINS) & set(links)


@local
def test_the_sections_keep_the_project(client: Client, project: Project) -> None:
    ensure_project("sales")
    for address in (*FOR_ALL, *FOR_ADMINS):
        tabs = Markup(client.get(f"{address}?project=sales")).links
        assert all(f"{other}?project=sales" in tabs for other in (*FOR_ALL, *FOR_ADMINS)), address
        assert client.get(f"{address}?project=nope").status_code == 404


@local
def test_the_overview_says_what_doctor_says(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Markup(client.get("/settings/")).text
    told = client.get("/settings.json").json()
    names = [one["name"] for one in told["checks"]]
    assert {"database", "durable", "migrations", "compression", "learning", "redis"} <= set(names)
    assert all(one["found"] in shown for one in told["checks"])
    bad = Check("compression", "7 sessions due, the first for 900 s", "Run `holdfast worker`.")
    monkeypatch.setattr(checkup, "compression", lambda alias: bad)
    shown = Markup(client.get("/settings/")).text
    assert "needs a look" in shown or "need a look" in shown
    assert "Run `holdfast worker`." in shown
    assert client.get("/settings.json").json()["ok"] is False


@local
def test_the_overview_names_no_place(client: Client, project: Project, settings: Settings) -> None:
    shown = client.get("/settings/").content.decode()
    assert str(settings.DATABASES["default"]["NAME"]) not in shown
    assert settings.SECRET_KEY not in shown


@local
def test_what_is_kept_is_read_only(client: Client, project: Project) -> None:
    shown = Markup(client.get("/settings/retention/"))
    assert "7 days" in shown.text
    assert not [to for to in shown.values("action") if "settings" in to]
    assert client.get("/settings/retention.json").json()["data"][1]["kept"] == "7 days"


@local
@pytest.mark.parametrize("of", ["projects", "keys"])
def test_a_list_takes_the_same_number_of_statements_for_10_and_100_rows(
    of: str, client: Client, project: Project
) -> None:
    counts = []
    for more in (10, 90):
        for number in range(more):
            made = ensure_project(f"p{number}") if of == "projects" else project
            session(made)
            auth.create_key(project, ["read"], f"label {number}")
        with statements() as ran:
            assert client.get(f"/settings/{of}/").status_code == 200
        counts.append(len(ran))
    # Two rows more: the second project brings the switch.
    assert counts[0] == counts[1] <= 4


# -- projects ---------------------------------------------------------------------------------


@local
def test_a_project_is_made_with_its_policies(client: Client, project: Project) -> None:
    done = client.post("/settings/projects/", {"name": " sales & more "})
    assert done.headers["Location"] == "/settings/projects/?made=sales+%26+more"
    shown = Markup(client.get(done.headers["Location"]))
    assert "Made the project sales & more" in shown.text
    assert "/sessions/?project=sales%20%26%20more" in shown.links
    assert client.get("/sessions/?project=sales%20%26%20more").status_code == 200
    made = Project.objects.get(name="sales & more")
    assert client.get("/settings/projects.json").json()["data"][1]["name"] == made.name
    session(made)
    assert client.get("/settings/projects.json").json()["data"][1]["sessions"] == 1


@local
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "Give the project a name."),
        ("   ", "Give the project a name."),
        ("default", "There is a project of this name already."),
        ("x" * 65, "at most 64 characters"),
        ("two\nlines", "no line breaks"),
        ("nul\0", "NUL"),
    ],
)
def test_a_name_that_cannot_be_is_told_beside_its_field_and_kept(
    name: str, why: str, client: Client, project: Project
) -> None:
    response = client.post("/settings/projects/", {"name": name})
    assert response.status_code == 422
    shown = Markup(response)
    assert why in shown.text
    field = next(attrs for tag, attrs in shown.tags if attrs.get("id") == "name")
    assert field["aria-invalid"] == "true"
    if "\n" not in name:
        assert field["value"] == name.strip()
    assert Project.objects.count() == 1


@local
def test_many_projects_are_a_page_at_a_time(client: Client, project: Project) -> None:
    Project.objects.bulk_create(Project(name=f"p{n:03}", created_us=1) for n in range(120))
    names, address = [], "/settings/projects.json"
    while address:
        told = client.get(address).json()
        names += [one["name"] for one in told["data"]]
        address = f"/settings/projects.json?after={told['next']}" if told["next"] else ""
    assert names == sorted(names)
    assert len(names) == 121


# -- keys -------------------------------------------------------------------------------------


def secret_of(response: Markup) -> str:
    return next(word for word in response.text.split() if word.startswith("hf_") and len(word) > 40)


@local
def test_a_key_is_shown_once_and_opens_its_project(
    client: Client, project: Project, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    sales = ensure_project("sales")
    caplog.set_level(logging.DEBUG)
    sent = {"scope": ["read", "write"], "label": "the bot"}
    response = client.post("/settings/keys/?project=sales", sent)
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    text = secret_of(Markup(response))
    assert text not in str(response.headers) + str(client.cookies)
    made = ApiKey.objects.get()
    assert (made.project_id, made.scopes, made.label) == (sales.pk, "read write", "the bot")
    settings.HOLDFAST_LOCAL = False
    held = {"authorization": f"Bearer {text}"}
    assert client.get("/api/v1/sessions", headers=held).status_code == 200
    settings.HOLDFAST_LOCAL = True
    secret = text.rpartition("_")[2]
    for address in ("keys/?project=sales", "keys.json?project=sales", f"keys/{made.prefix}/"):
        assert secret not in client.get(f"/settings/{address}").content.decode()
    assert secret not in caplog.text
    assert "the bot" not in Markup(client.get("/settings/keys/")).text


@local
def test_bad_fields_of_a_key_are_told_beside_them_and_kept(
    client: Client, project: Project
) -> None:
    for sent, why, field in (
        ({"label": "kept"}, "Name one or more of", "scopes"),
        ({"scope": "root", "label": "kept"}, "Name one or more of", "scopes"),
        ({"scope": "admin", "label": "x" * 256}, "at most 255", "label"),
    ):
        response = client.post("/settings/keys/", sent)
        assert response.status_code == 422
        shown = Markup(response)
        assert why in shown.text
        assert f"wrong-{field}" in shown.values("id")
        assert sent["label"] in shown.values("value")
    assert client.post("/settings/keys/", {"scope": "read", "label": "a\0b"}).status_code == 422
    assert not ApiKey.objects.exists()


@local
def test_a_key_is_revoked_after_a_question(client: Client, project: Project) -> None:
    ensure_project("sales")
    key, text = auth.create_key(Project.objects.get(name="sales"), ["read"], "old")
    page = f"/settings/keys/{key.prefix}/"
    asked = Markup(client.get(page))
    assert "Revoke it?" in asked.text
    assert text not in asked.text
    assert page in asked.values("action")
    done = client.post(page)
    back = f"/settings/keys/?project=sales&revoked={key.prefix}"
    assert done.headers["Location"] == back
    assert f"Revoked hf_{key.prefix}" in Markup(client.get(back)).text
    assert client.post(page).status_code == 404
    assert "opens nothing any more" in Markup(client.get(page)).text
    assert client.get("/settings/keys/abc/").status_code == 404
    assert client.get(f"/settings/keys/{key.prefix}.json").json()["revoked_at"]


@local
def test_the_first_key_makes_the_default_project(client: Client, db: None) -> None:
    assert client.post("/settings/keys/", {"scope": "write"}).status_code == 200
    assert Project.objects.get().name == "default"
