"""Lists of sessions that members keep under a name, for all of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

from holdfast.projects import ensure_project
from sessions_app import savedviews
from sessions_app.core import errors
from sessions_app.models import Project, SavedView
from sessions_app.savedviews import NewView
from sessions_app.store.durable import DurableStore
from tests.pages.canaries import CANARY, SHORT
from tests.pages.listed import Listed
from tests.pages.markup import Markup
from tests.pages.samples import assistant, session, statements, user
from tests.store.racing import race

local = pytest.mark.usefixtures("local")


def save(client: Client, name: str, query: str = "?errors=true&span=24h") -> Any:
    return client.post("/views/", {"name": name, "list": query})


def kept(project: Project) -> list[tuple[str, str, str]]:
    return [(view.name, view.query, view.member) for view in savedviews.of("default", project.pk)]


def views(shown: Listed) -> list[tuple[str, str]]:
    """The names and addresses of the links above the list."""
    labels = ("All", *(view.name for view in SavedView.everything.all()))
    return [(label, link) for label in labels for link in shown.leading_to(label)]


def current(shown: Markup) -> list[str | None]:
    links = [attrs for tag, attrs in shown.tags if tag == "a"]
    return [each["href"] for each in links if each.get("aria-current") == "page"][1:]


@local
def test_filters_are_kept_under_a_name_and_opened_by_one_press(
    client: Client, project: Project
) -> None:
    session(project, [user("x"), assistant("y", error="timeout")], title="Failed")
    session(project, title="Fine")
    assert "Save as a view" not in Markup(client.get("/sessions/")).text
    page = client.get("/sessions/?errors=true&span=24h")
    assert "Save as a view" in Markup(page).text
    response = save(client, " Failing today ")
    assert kept(project) == [("Failing today", "span=24h&errors=true", "local")]
    shown = Listed(client.get(response.headers["Location"]))
    assert "View saved for all members: Failing today" in shown.text
    shown = Listed(client.get("/sessions/"))
    assert views(shown) == [("All", "?"), ("Failing today", "?span=24h&errors=true")]
    assert current(shown) == ["?"]
    shown = Listed(client.get("/sessions/?errors=true&span=24h"))
    assert shown.titles == ["Failed"]
    assert current(shown) == ["?span=24h&errors=true"]
    assert "Save as a view" not in shown.text


@local
def test_a_view_keeps_filters_order_and_search_but_no_page_of_the_list(
    client: Client, project: Project
) -> None:
    for number in range(51):
        session(project, [user(f"apple {number}")], tags=("fruit",))
    first = Listed(client.get("/sessions/?q=apple&tag=fruit&sort=-created"))
    (second,) = first.leading_to("Next page")
    save(client, "Fruit", f"{second}&count=true")
    assert kept(project)[0][1] == "q=apple&tag=fruit&sort=-created"


@local
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "Give the view a name."),
        (" \t ", "Give the view a name."),
        ("x" * 65, "at most 64 characters"),
        ("a\0b", "NUL"),
        ("Taken", "Another view has this name."),
    ],
)
def test_a_name_that_cannot_be_is_asked_for_again(
    client: Client, project: Project, name: str, told: str
) -> None:
    save(client, "Taken")
    response = save(client, name, "?status=ended")
    shown = Markup(response)
    assert response.status_code == 422
    assert told in shown.text
    assert "?status=ended" in shown.values("value")
    assert len(kept(project)) == 1


@local
@pytest.mark.parametrize("query", ["", "?", "?nonsense=1", "?status=lost", "?sort=title"])
def test_a_list_that_is_none_of_ours_is_not_kept(
    client: Client, project: Project, query: str
) -> None:
    assert save(client, "Name", query).status_code == 422
    assert kept(project) == []


@local
def test_there_are_at_most_50(client: Client, project: Project) -> None:
    for number in range(50):
        assert save(client, f"View {number}").status_code == 302
    response = save(client, "One more")
    assert response.status_code == 422
    assert "There are 50 views already. Delete one first." in Markup(response).text
    assert len(kept(project)) == 50


@local
def test_before_the_first_start_there_is_nothing_to_keep_it_in(client: Client, db: None) -> None:
    assert save(client, "Name").status_code == 404


@local
def test_a_view_says_what_it_asks_for_before_it_is_deleted(
    client: Client, project: Project
) -> None:
    save(client, "Failing today")
    (view,) = savedviews.of("default", project.pk)
    text = Markup(client.get(f"/views/{view.pk}/")).text
    for told in ("Failing today", "active in the last 24 hours", "with errors", "Kept by local"):
        assert told in text
    twin = client.get(f"/views/{view.pk}.json").json()
    assert (twin["name"], twin["by"]) == ("Failing today", "local")
    assert (twin["query"], twin["why"]) == ("span=24h&errors=true", None)
    response = client.post(f"/views/{view.pk}/delete/")
    assert kept(project) == []
    assert "View deleted: Failing today" in Markup(client.get(response.headers["Location"])).text
    assert client.get(f"/views/{view.pk}/").status_code == 404
    assert client.post(f"/views/{view.pk}/delete/").status_code == 404


@local
def test_a_deleted_view_can_be_had_back(client: Client, project: Project) -> None:
    save(client, "Failing today")
    before = kept(project)
    (view,) = savedviews.of("default", project.pk)
    location = client.post(f"/views/{view.pk}/delete/").headers["Location"]
    shown = Markup(client.get(location))
    (signed,) = [attrs["value"] for tag, attrs in shown.tags if attrs.get("name") == "told"]
    response = client.post("/sessions/undo/", {"told": signed})
    assert "View kept again: Failing today" in Markup(client.get(response.headers["Location"])).text
    assert kept(project) == before
    assert client.post("/sessions/undo/", {"told": signed}).status_code == 422
    assert kept(project) == before


@local
def test_a_view_of_another_release_says_what_is_wrong_with_it(
    client: Client, project: Project
) -> None:
    session(project)
    new = NewView("Old", "mood=happy", "ana")
    view = savedviews.put(DurableStore(), project.pk, new)
    shown = Listed(client.get("/sessions/"))
    assert f"/views/{view.pk}/" in shown.links
    assert "?mood=happy" not in shown.links
    text = Markup(client.get(f"/views/{view.pk}/")).text
    assert "This view cannot be opened any more" in text
    assert "mood" in text
    twin = client.get(f"/views/{view.pk}.json").json()
    assert twin["query"] is None
    assert "mood" in twin["why"]
    location = client.post(f"/views/{view.pk}/delete/").headers["Location"]
    assert client.get(location).status_code == 200


@local
def test_views_of_another_project_are_in_its_own_list(client: Client, project: Project) -> None:
    session(project)
    other = ensure_project("other")
    view = savedviews.put(DurableStore(), other.pk, NewView("Theirs", "q=x", "eve"))
    assert "Theirs" not in Markup(client.get("/sessions/")).text
    assert client.get(f"/views/{view.pk}/").status_code == 200
    assert save(client, "Theirs").status_code == 302
    assert len(kept(other)) == 1


@local
@pytest.mark.parametrize("number", [0, 7, 2**70])
def test_a_view_that_is_not_there_is_not_found(
    client: Client, project: Project, number: int
) -> None:
    assert client.get(f"/views/{number}/").status_code == 404
    assert client.post(f"/views/{number}/delete/").status_code == 404


def test_a_viewer_opens_views_and_changes_none(
    client: Client, project: Project, settings: Settings
) -> None:
    session(project)
    view = savedviews.put(DurableStore(), project.pk, NewView("Ended", "status=ended", "ana"))
    settings.HOLDFAST_ROLES = {"Team": "viewer"}
    person = User.objects.create_user("vera")
    person.groups.add(Group.objects.create(name="Team"))
    client.force_login(person)
    shown = Listed(client.get("/sessions/?status=ended"))
    assert current(shown) == ["?status=ended"]
    assert "Save as a view" not in Markup(client.get("/sessions/?status=idle")).text
    assert "Delete" not in Markup(client.get(f"/views/{view.pk}/")).text
    assert save(client, "Mine").status_code == 403
    assert client.post(f"/views/{view.pk}/delete/").status_code == 403
    assert len(kept(project)) == 1


@local
def test_no_name_and_no_query_of_a_view_becomes_markup(client: Client, project: Project) -> None:
    name = SHORT + "<b>"
    response = client.post("/views/", {"name": name, "list": f"?q={SHORT}&tag={SHORT}"})
    (view,) = savedviews.of("default", project.pk)
    broken = savedviews.put(
        DurableStore(), project.pk, NewView(f"2{name}", f"x={CANARY}", CANARY[:255])
    )
    location = client.post(f"/views/{broken.pk}/delete/").headers["Location"]
    savedviews.put(DurableStore(), project.pk, NewView(f"3{name}", f"{CANARY}=1", CANARY[:255]))
    newest = savedviews.of("default", project.pk)[-1].pk
    again = client.post("/views/", {"name": name * 3, "list": f"?q={SHORT}"})
    session(project)
    for shown in (
        client.get(response.headers["Location"]),
        client.get(location),
        client.get("/sessions/"),
        client.get(f"/views/{view.pk}/"),
        client.get(f"/views/{newest}/"),
        again,
    ):
        assert Markup(shown).dangers() == []
        assert SHORT in Markup(shown).text or name * 3 in Markup(shown).values("value")


@local
def test_views_cost_the_list_one_statement_however_many_there_are(
    client: Client, project: Project
) -> None:
    session(project, title="One")
    counts = []
    for count in range(1, 50, 40):
        for number in range(len(kept(project)), count):
            save(client, f"View {number}", f"?min_tokens={number}")
        with statements() as ran:
            assert client.get("/sessions/").status_code == 200
        counts.append(len(ran))
    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_two_members_cannot_keep_the_same_name_or_pass_the_limit() -> None:
    project, store = ensure_project(), DurableStore()
    for number in range(savedviews.MOST - 1):
        savedviews.put(store, project.pk, NewView(f"View {number}", "q=x", "ana"))

    def keep(number: int) -> str:
        try:
            savedviews.put(DurableStore(), project.pk, NewView(f"Last {number}", "q=x", "bo"))
        except errors.InvalidField as error:
            return error.message
        return "kept"

    assert race(4, keep).count("kept") == 1
    assert len(savedviews.of("default", project.pk)) == savedviews.MOST
