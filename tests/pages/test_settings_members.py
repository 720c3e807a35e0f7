"""Who may do what, given on a page where accounts are ours."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import Group, User
from django.db import connections
from django.test import Client
from pytest_django import Settings

from holdfast.projects import ensure_project
from monitoring import access, members
from sessions_app.core.errors import InvalidField
from sessions_app.models import Project
from tests.pages.markup import Markup
from tests.pages.samples import statements

LIST = "/settings/members/"
GOOD = "a quiet harbour at dusk"


@pytest.fixture
def boss(project: Project) -> User:
    """The first administrator, as `createsuperuser` makes one."""
    return User.objects.create_superuser("boss", password=GOOD)


@pytest.fixture
def admin(boss: User) -> Client:
    client = Client(SERVER_NAME="localhost")
    client.force_login(boss)
    return client


def of(user: User) -> str:
    return f"{LIST}{user.pk}/"


def role(name: str) -> str | None:
    user = User.objects.get(username=name)
    return access.role_by(user, user.groups.values_list("name", flat=True))


def test_a_member_is_added_with_a_role_and_logs_in(admin: Client) -> None:
    sent = {"name": "ana", "password": GOOD, "role": "viewer"}
    done = admin.post(LIST, sent)
    assert done.headers["Location"] == f"{LIST}?added=ana"
    shown = Markup(admin.get(done.headers["Location"])).text
    assert "Added ana" in shown
    assert GOOD not in shown
    assert role("ana") == "viewer"
    hers = Client(SERVER_NAME="localhost")
    assert hers.post("/login/", {"username": "ana", "password": GOOD}).status_code == 302
    assert hers.get("/sessions/").status_code == 200
    assert hers.get(LIST).status_code == 403


@pytest.mark.parametrize(
    ("changed", "field", "why"),
    [
        ({"name": ""}, "name", "cannot be blank"),
        ({"name": "a b<"}, "name", "Enter a valid username"),
        ({"name": "boss"}, "name", "already exists"),
        ({"name": "x" * 151}, "name", "at most 150"),
        ({"password": "sh0rt"}, "password", "too short"),
        ({"password": "password123"}, "password", "too common"),
        ({"password": "84629403746582"}, "password", "entirely numeric"),
        ({"name": "anastasia", "password": "anastasia1"}, "password", "too similar"),
        ({"password": "nul\0nul and more"}, "password", "NUL"),
        ({"role": "owner"}, "role", "Choose one of"),
        ({"role": ""}, "role", "Choose one of"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field_and_all_but_the_password_is_kept(
    admin: Client, changed: dict[str, str], field: str, why: str
) -> None:
    sent = {"name": "ana", "password": GOOD, "role": "viewer", **changed}
    response = admin.post(LIST, sent)
    assert response.status_code == 422
    beside = response.content.decode().partition(f'id="wrong-{field}"')[2].partition("</p>")[0]
    assert why in beside
    values = Markup(response).values("value")
    assert sent["name"] in values
    assert sent["password"] not in response.content.decode() or not sent["password"]
    assert User.objects.count() == 1


def test_a_role_is_changed_and_takes_the_place_of_any_other(admin: Client) -> None:
    ana = User.objects.create_user("ana", is_staff=True)
    assert role("ana") == "editor"  # staff without a group, as before there were groups
    for wanted in ("viewer", "admin", "editor"):
        done = admin.post(of(ana), {"do": "role", "role": wanted})
        assert done.headers["Location"] == f"{of(ana)}?did=role"
        assert role("ana") == wanted
        assert ana.groups.count() == 1
    assert "Changed the role." in Markup(admin.get(done.headers["Location"])).text
    other = Group.objects.create(name="night shift")
    ana.groups.add(other)
    admin.post(of(ana), {"do": "role", "role": "viewer"})
    assert other in ana.groups.all()


def test_a_superuser_who_is_given_less_is_none_any_more(admin: Client) -> None:
    other = User.objects.create_superuser("other")
    admin.post(of(other), {"do": "role", "role": "viewer"})
    assert role("other") == "viewer"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"do": "role", "role": "viewer"}, "role"),
        ({"do": "role", "role": "editor"}, "role"),
        ({"do": "deactivate"}, "active"),
    ],
)
def test_the_last_administrator_keeps_their_right(
    admin: Client, boss: User, sent: dict[str, str], field: str
) -> None:
    User.objects.create_superuser("gone", is_active=False)
    response = admin.post(of(boss), sent)
    assert response.status_code == 422
    shown = response.content.decode().partition(f'id="wrong-{field}"')[2]
    assert "This is the last administrator." in shown.partition("</p>")[0]
    assert role("boss") == "admin"
    assert not User.objects.get(pk=boss.pk).groups.exists()


def test_the_last_administrator_may_go_when_there_is_another(admin: Client, boss: User) -> None:
    admin.post(LIST, {"name": "next", "password": GOOD, "role": "admin"})
    done = admin.post(of(boss), {"do": "role", "role": "viewer"})
    assert done.headers["Location"] == "/settings/"
    assert admin.get("/settings/").status_code == 200
    assert admin.get(LIST).status_code == 403


@pytest.mark.usefixtures("transactional_db")
def test_two_administrators_at_once_cannot_take_each_others_right() -> None:
    pair = [User.objects.create_superuser(name) for name in ("one", "other")]
    start = Barrier(2)

    def demote(user: User) -> bool:
        try:
            start.wait()
            members.give(user.pk, "viewer")
        except InvalidField:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, pair)) == [False, True]
    assert sorted(str(role(user.username)) for user in pair) == ["admin", "viewer"]


def test_who_is_deactivated_is_out_at_once_and_can_be_let_in_again(admin: Client) -> None:
    ana = User.objects.create_user("ana", password=GOOD, is_staff=True)
    hers = Client(SERVER_NAME="localhost")
    hers.force_login(ana)
    assert hers.get("/sessions/").status_code == 200
    admin.post(of(ana), {"do": "deactivate"})
    assert hers.get("/sessions/").status_code == 302
    assert "deactivated" in Markup(admin.get(LIST)).text
    admin.post(of(ana), {"do": "activate"})
    assert hers.get("/sessions/").status_code == 200


def test_a_password_is_set_by_the_validators_and_is_nowhere_to_be_read(
    admin: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ana = User.objects.create_user("ana", password="the old one it was", is_staff=True)
    refused = admin.post(of(ana), {"do": "password", "password": "short"})
    assert refused.status_code == 422
    assert "wrong-password" in Markup(refused).values("id")
    hers = Client(SERVER_NAME="localhost")
    hers.force_login(ana)
    done = admin.post(of(ana), {"do": "password", "password": GOOD})
    assert hers.get("/sessions/").status_code == 302
    hashed = User.objects.get(pk=ana.pk).password
    twins = (f"{of(ana)[:-1]}.json", "/settings/members.json")
    for address in (done.headers["Location"], LIST, *twins):
        shown = admin.get(address).content.decode()
        assert GOOD not in shown
        assert hashed not in shown
        assert hashed.rpartition("$")[2] not in shown
    assert GOOD not in caplog.text
    assert User.objects.get(pk=ana.pk).check_password(GOOD)


def test_the_twins_say_who_may_do_what(admin: Client, boss: User) -> None:
    told = admin.get("/settings/members.json").json()
    assert told["kind"] == "ours"
    assert told["data"][0]["role"] == "admin"
    assert told["data"][0]["by"] == "superuser"
    assert set(told["data"][0]) == {"id", "name", "role", "by", "active", "last_login"}
    assert admin.get(f"{of(boss)[:-1]}.json").json() == told["data"][0]
    assert admin.get(f"{LIST}999.json").status_code == 404
    assert admin.get(f"{LIST}999/").status_code == 404
    assert admin.post(f"{LIST}999/", {"do": "deactivate"}).status_code == 404
    assert admin.post(of(boss), {"do": "anything"}).status_code == 422


@pytest.mark.parametrize("who", ["viewer", "editor"])
def test_others_neither_see_nor_give(admin: Client, boss: User, who: str) -> None:
    admin.post(LIST, {"name": who, "password": GOOD, "role": who})
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username=who))
    for address in (LIST, of(boss)):
        assert client.get(address).status_code == 403
        assert client.get(f"{address[:-1]}.json").status_code == 403
    assert client.post(LIST, {"name": "x", "password": GOOD, "role": "admin"}).status_code == 403
    assert client.post(of(boss), {"do": "deactivate"}).status_code == 403
    mine = User.objects.get(username=who)
    assert client.post(of(mine), {"do": "role", "role": "admin"}).status_code == 403


def test_without_its_token_no_form_changes_anybody(boss: User) -> None:
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    client.force_login(boss)
    sent = {"name": "x", "password": GOOD, "role": "admin"}
    assert client.post(LIST, sent).status_code == 403
    assert client.post(of(boss), {"do": "deactivate"}).status_code == 403
    assert User.objects.count() == 1


def test_in_a_site_of_its_own_the_page_only_tells(
    admin: Client, boss: User, settings: Settings
) -> None:
    settings.HOLDFAST_MEMBERS = False
    settings.HOLDFAST_ROLES = {"Support": "viewer", "Owners": "admin"}
    seen = User.objects.create_user("sue")
    seen.groups.add(Group.objects.create(name="Support"))
    User.objects.create_user("customer")
    User.objects.create_user("clerk", is_staff=True)
    shown = Markup(admin.get(LIST))
    assert "this site's own" in shown.text
    assert "sue" in shown.text
    assert "customer" not in shown.text
    assert "clerk" not in shown.text
    assert not [to for to in shown.values("action") if "settings" in to]
    assert admin.post(LIST, {"name": "x", "password": GOOD, "role": "admin"}).status_code == 404
    assert admin.post(of(boss), {"do": "deactivate"}).status_code == 404
    assert admin.get(of(boss)).status_code == 404
    names = [one["name"] for one in admin.get("/settings/members.json").json()["data"]]
    assert names == ["boss", "sue"]
    settings.HOLDFAST_ROLES = None
    names = [one["name"] for one in admin.get("/settings/members.json").json()["data"]]
    assert names == ["boss", "clerk"]


@pytest.mark.usefixtures("local")
def test_in_local_mode_the_page_says_how_to_become_a_team(client: Client, project: Project) -> None:
    shown = Markup(client.get(LIST))
    assert "One person, no login" in shown.text
    assert "holdfast serve --host 0.0.0.0" in shown.text
    assert client.get("/settings/members.json").json() == {
        "kind": "local",
        "data": [],
        "next": None,
    }
    assert client.post(LIST, {"name": "x", "password": GOOD, "role": "admin"}).status_code == 404


def test_many_members_are_a_page_at_a_time_in_the_same_number_of_statements(
    admin: Client,
) -> None:
    counts = []
    viewers = Group.objects.create(name="holdfast viewers")
    for more in (10, 90):
        for number in range(more):
            User.objects.create_user(f"m{more:02}{number:02}").groups.add(viewers)
        with statements() as ran:
            assert admin.get(LIST).status_code == 200
        counts.append(len(ran))
    assert counts[0] == counts[1]
    names, address = [], "/settings/members.json"
    while address:
        told = admin.get(address).json()
        names += [one["name"] for one in told["data"]]
        address = f"/settings/members.json?after={told['next']}" if told["next"] else ""
    assert names == sorted(names)
    assert len(names) == 101


def test_members_keep_the_project_of_the_page(admin: Client, boss: User) -> None:
    ensure_project("sales")
    done = admin.post(f"{LIST}?project=sales", {"name": "ana", "password": GOOD, "role": "viewer"})
    assert done.headers["Location"] == f"{LIST}?project=sales&added=ana"
    shown = Markup(admin.get(done.headers["Location"]))
    assert f"{of(boss)}?project=sales" in shown.links
    assert "Roles are for the whole installation" in shown.text


def test_a_name_that_wants_to_be_markup_is_text(admin: Client) -> None:
    name = '"><img src=x onerror=alert(1)>{{7*7}}'
    user = User.objects.create(username=name)
    user.groups.add(Group.objects.create(name=f"{name} group"))
    for address in (LIST, of(user)):
        shown = Markup(admin.get(address))
        assert shown.dangers() == []
        assert name in shown.text
    refused = Markup(admin.post(LIST, {"name": name, "password": GOOD, "role": "viewer"}))
    assert refused.dangers() == []
    assert name in refused.values("value")


@pytest.mark.parametrize("groups", [[], ["night shift"]])
def test_staff_without_one_of_our_groups_are_editors_as_before(
    project: Project, groups: list[str]
) -> None:
    user = User.objects.create_user("ana", is_staff=True)
    user.groups.set([Group.objects.create(name=name) for name in groups])
    assert role("ana") == "editor"
    User.objects.create_user("guest")
    assert role("guest") is None
