"""Keeping a message word for word: who may ask for it, and what the page shows then."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

from memory_app.models import Compression
from sessions_app.models import Project
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore
from tests.pages.folded import folded
from tests.pages.markup import Markup
from tests.pages.samples import session


def address(made: Snapshot, seq: int = 1) -> str:
    return f"/sessions/{made.id}/m/{seq}/pin/"


def pinned(store: DurableStore, made: Snapshot) -> tuple[int, ...]:
    return store.overlay(store.get(made.project, made.id)).pinned


@pytest.mark.usefixtures("local")
def test_a_message_is_pinned_and_unpinned(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project)
    response = client.post(address(made, 4), {"pinned": "true"})
    assert response.status_code == 302
    assert response.headers["Location"] == f"/sessions/{made.id}/m/4/"
    assert pinned(store, made) == (4,)
    assert "Pinned #4" in Markup(client.get(f"/sessions/{made.id}/")).text
    client.post(address(made, 4), {"pinned": "false"})
    assert pinned(store, made) == ()


@pytest.mark.usefixtures("local")
def test_the_button_says_what_a_press_would_do(client: Client, project: Project) -> None:
    made = session(project)
    client.post(address(made, 4), {"pinned": "true"})
    tags = Markup(client.get(f"/sessions/{made.id}/")).tags
    buttons = {attrs["data-pin"]: attrs["value"] for _, attrs in tags if "data-pin" in attrs}
    assert buttons == {"1": "true", "2": "true", "3": "true", "4": "false"}


@pytest.mark.usefixtures("local")
def test_htmx_gets_the_row_alone(client: Client, project: Project) -> None:
    made = session(project)
    asking = {"HX-Request": "true", "HX-Target": "m4"}
    shown = Markup(client.post(address(made, 4), {"pinned": "true"}, headers=asking))
    assert shown.count("article") == 1
    assert "pinned" in shown.text
    assert not shown.count("html")


@pytest.mark.usefixtures("local")
def test_pinning_a_result_gives_the_row_of_its_call(client: Client, project: Project) -> None:
    made = session(project)
    asking = {"HX-Request": "true", "HX-Target": "m2"}
    shown = Markup(client.post(address(made, 3), {"pinned": "true"}, headers=asking))
    assert shown.count("article") == 1
    assert {"m2", "m3"} <= set(shown.values("id"))


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize("sent", [{}, {"pinned": "yes"}, {"pinned": ""}])
def test_what_says_neither_pins_nothing(
    client: Client, project: Project, store: DurableStore, sent: dict[str, str]
) -> None:
    made = session(project)
    assert client.post(address(made), sent).status_code == 422
    assert pinned(store, made) == ()


@pytest.mark.usefixtures("local")
def test_a_message_that_is_not_there_is_not_pinned(client: Client, project: Project) -> None:
    made = session(project)
    assert client.post(address(made, 99), {"pinned": "true"}).status_code in (404, 422)


@pytest.mark.usefixtures("local")
def test_a_lost_item_is_pinned_on_the_page_that_tells_of_it(
    client: Client, project: Project
) -> None:
    made = folded(project)
    key = Compression.everything.get().id
    response = client.post(address(made, 1), {"pinned": "true", "back": str(key)})
    assert response.headers["Location"] == f"/compressions/{key}/#lost"


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example/", "x"])
def test_a_form_leads_nowhere_else(client: Client, project: Project, back: str) -> None:
    made = session(project)
    response = client.post(address(made), {"pinned": "true", "back": back})
    assert response.headers["Location"] == f"/sessions/{made.id}/m/1/"


@pytest.mark.usefixtures("local")
def test_a_compression_of_nobody_is_no_way_back(client: Client, project: Project) -> None:
    made = session(project)
    sent = {"pinned": "true", "back": str(uuid4())}
    assert client.post(address(made), sent).status_code == 404


def test_a_foreign_page_pins_nothing(
    settings: Settings, project: Project, store: DurableStore
) -> None:
    settings.HOLDFAST_LOCAL = True
    made = session(project)
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    assert client.post(address(made), {"pinned": "true"}).status_code == 403
    assert pinned(store, made) == ()


@pytest.mark.parametrize(("group", "status"), [("lookers", 403), ("writers", 302)])
def test_members_who_may_only_look_pin_nothing(
    settings: Settings, project: Project, group: str, status: int
) -> None:
    settings.HOLDFAST_LOCAL = False
    settings.HOLDFAST_ROLES = {"lookers": "viewer", "writers": "editor"}
    made, someone = session(project), User.objects.create_user("ada")
    someone.groups.add(Group.objects.create(name=group))
    client = Client(SERVER_NAME="localhost")
    client.force_login(someone)
    assert client.post(address(made), {"pinned": "true"}).status_code == status
    shown = Markup(client.get(f"/sessions/{made.id}/"))
    assert bool(shown.values("data-pin")) is (status == 302)
