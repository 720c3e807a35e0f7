"""Which project a page is about."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client

from holdfast.projects import ensure_project
from memory_app import asking, policies, records
from memory_app.asking import Asked
from memory_app.context import Ask
from memory_app.models import Fact
from monitoring import access, scope
from sessions_app import ids, savedviews
from sessions_app.models import EndUser, Project, SavedView, Session
from sessions_app.savedviews import NewView
from sessions_app.store import get_store
from sessions_app.store.base import UNGUARDED
from tests.pages.markup import Markup
from tests.pages.samples import session, statements, talk

pytestmark = pytest.mark.usefixtures("local")

SALES = "sales & more"
ASKS = "project=sales+%26+more"


@pytest.fixture
def sales(project: Project) -> Project:
    """A second project, whose name must be escaped in an address."""
    return ensure_project(SALES)


def objects(project: Project) -> list[str]:
    """A page of every kind of object, in a project."""
    store = get_store()
    policies.put(store, project.pk, "small", {"window": 2_000, "reserve": 200, "turns": 2})
    made = session(project, talk(40), title="Sold", user="ann", tags=("hot",), policy="small")
    fold = asking.compress(store, project.pk, made.id, Asked())
    kept = records.build(store, project.pk, made.id, Ask(), UNGUARDED)
    view = savedviews.put(store, project.pk, NewView("Hot", "tag=hot", "ann"))
    one = f"/sessions/{made.id}"
    return [
        f"{one}/",
        f"{one}/m/2/",
        f"{one}/context/",
        f"{one}/compressions/",
        f"{one}/forgot/",
        f"/compressions/{fold['id']}/",
        f"/contexts/{kept.id}/",
        f"/views/{view.pk}/",
    ]


def lists(shown: Markup) -> list[str]:
    """Where the page leads to a list."""
    begins = ("/sessions/?", "/compressions/?", "?")
    return [link for link in shown.links if link.startswith(begins) or link in begins] + [
        link for link in shown.links if link in ("/sessions/", "/compressions/")
    ]


def test_a_page_of_an_object_finds_its_project_by_the_object(
    client: Client, sales: Project
) -> None:
    for address in objects(sales):
        response = client.get(address)
        assert response.status_code == 200, address
        assert client.get(f"{address[:-1]}.json").status_code == 200, address
        there = lists(Markup(response))
        assert there
        there = [link for link in there if link[0] == "/"]
        assert all(ASKS in link for link in there if link != "/sessions/"), there
        assert there.count("/sessions/") == 1  # the switch to the other project


def test_what_a_page_of_an_object_changes_is_the_objects_own(
    client: Client, sales: Project
) -> None:
    one, *_, view = objects(sales)
    assert client.post(f"{one}m/2/pin/", {"pinned": "true"}).status_code == 302
    gone = client.post(f"{view}delete/")
    assert gone.headers["Location"].startswith(f"/sessions/?{ASKS}&told=")
    assert "View deleted" in Markup(client.get(gone.headers["Location"])).text
    assert not SavedView.everything.exists()


def test_a_list_shows_the_project_that_its_address_names(client: Client, sales: Project) -> None:
    session(sales, title="Sold here")
    session(Project.objects.get(name="default"), title="At home")
    assert "Sold here" not in Markup(client.get("/sessions/")).text
    shown = Markup(client.get(f"/sessions/?{ASKS}"))
    assert "Sold here" in shown.text
    assert "At home" not in shown.text
    assert client.get(f"/sessions.json?{ASKS}").json()["data"][0]["title"] == "Sold here"
    assert client.get("/sessions.json?project=default").json()["data"][0]["title"] == "At home"


def test_every_link_and_form_of_a_list_keeps_the_project(client: Client, sales: Project) -> None:
    objects(sales)
    for page in ("/sessions/", "/compressions/"):
        for more in ("", "&q=Sold&sort=tokens", "&status=archived"):
            if more and page == "/compressions/":
                continue
            shown = Markup(client.get(f"{page}?{ASKS}{more}"))
            there = lists(shown)
            assert [link for link in there if ASKS not in link] == [page], there
            posted = [to for to in shown.values("action") if "/logout/" not in to]
            assert all(to == "/sessions/" or to.endswith(f"?{ASKS}") for to in posted), posted
            assert f"{page[:-1]}.json?{ASKS}{more}" in shown.links


def test_a_form_of_a_list_changes_the_project_of_the_list(client: Client, sales: Project) -> None:
    made = session(sales)
    sent = {"do": "archive", "session": str(made.id), "sure": "true", "list": f"?{ASKS}&sort=level"}
    done = client.post(f"/sessions/bulk/?{ASKS}", sent)
    back = done.headers["Location"]
    assert back.startswith(f"/sessions/?{ASKS}&sort=level&told=")
    assert "1 session archived" in Markup(client.get(back)).text
    assert get_store().get(sales.pk, made.id).status == "archived"


def test_a_view_keeps_no_project_but_opens_its_own(client: Client, sales: Project) -> None:
    session(sales), session(Project.objects.get(name="default"))
    sent = {"name": "Long ones", "list": f"?{ASKS}&sort=tokens"}
    assert client.post(f"/views/?{ASKS}", sent).status_code == 302
    kept = SavedView.everything.get()
    assert (kept.project_id, kept.query) == (sales.pk, "sort=tokens")
    assert f"/sessions/?{ASKS}&sort=tokens" in Markup(client.get(f"/views/{kept.pk}/")).links
    assert "Long ones" in Markup(client.get(f"/sessions/?{ASKS}")).text
    assert "Long ones" not in Markup(client.get("/sessions/")).text


def test_users_are_listed_by_project_and_a_fact_is_found_by_itself(
    client: Client, sales: Project
) -> None:
    made = session(sales, user="ann")
    fact = Fact.everything.create(
        id=ids.new_id(),
        project=sales,
        end_user=EndUser.everything.get(key="ann"),
        text="Takes the aisle seat.",
        trust="user",
        tokens=5,
        since=made.version,
        created_us=made.created_us,
    )
    shown = Markup(client.get(f"/users/?{ASKS}"))
    assert f"/users/ann/?{ASKS}" in shown.links
    assert "ann" not in Markup(client.get("/users/")).text
    assert client.get(f"/users/ann/?{ASKS}").status_code == 200
    assert client.get(f"/users/ann.json?{ASKS}").status_code == 200
    assert client.get("/users/ann/").status_code == 404
    shown = Markup(client.get(f"/facts/{fact.id}/"))
    assert "Takes the aisle seat." in shown.text
    assert f"/users/?{ASKS}" in shown.links
    assert client.get(f"/facts/{fact.id}.json").status_code == 200


def test_a_name_that_is_none_is_told_calmly(client: Client, project: Project) -> None:
    response = client.get("/sessions/?project=nope")
    assert response.status_code == 404
    assert "There is no such project" in Markup(response).text
    assert "There is no project 'nope' here." in Markup(response).text
    assert "/sessions/" in Markup(response).links
    twin = client.get("/sessions.json?project=nope")
    assert (twin.status_code, twin.json()["error"]["param"]) == (404, "project")
    for name in ("%00", "x" * 65, "%ff"):
        assert client.get(f"/sessions/?project={name}").status_code in (400, 404, 422)
    assert client.get("/compressions/?project=").status_code == 200


def test_an_address_of_an_object_names_no_project(client: Client, project: Project) -> None:
    assert client.get(f"/sessions/{session(project).id}/?project=default").status_code == 422


def test_with_one_project_nobody_sees_that_there_could_be_more(
    client: Client, project: Project
) -> None:
    for address in ("/sessions/", f"/sessions/{session(project).id}/"):
        shown = client.get(address).content.decode()
        assert 'class="projects"' not in shown
        assert "project=" not in shown


def test_the_switch_leads_to_the_same_list_and_from_an_object_to_its_sessions(
    client: Client, sales: Project
) -> None:
    assert f"/compressions/?{ASKS}" in Markup(client.get("/compressions/?lost=true")).links
    at_home = session(Project.objects.get(name="default"))
    assert f"/sessions/?{ASKS}" in Markup(client.get(f"/sessions/{at_home.id}/")).links


def test_many_projects_are_offered_up_to_a_bound_with_the_own_one(
    client: Client, project: Project
) -> None:
    Project.objects.bulk_create(Project(name=f"p{n:03}", created_us=1) for n in range(99))
    shown = client.get("/sessions/?project=p090").content.decode()
    offered = shown[shown.index('class="projects"') :].partition("</details>")[0]
    assert offered.count("<li>") == scope.MOST_OFFERED
    assert 'aria-current="true"><bdi>p090</bdi>' in offered


def test_a_page_looks_its_project_up_in_one_statement(client: Client, project: Project) -> None:
    made = session(project)
    for address in ("/sessions/", f"/sessions/{made.id}/", "/compressions/"):
        with statements() as ran:
            client.get(address)
        assert len([sql for sql in ran if 'FROM "holdfast_project"' in sql]) == 1, address


def test_another_project_costs_one_statement_more_on_an_object_and_none_on_a_list(
    client: Client, project: Project
) -> None:
    made = session(project)
    addresses = ("/sessions/", f"/sessions/{made.id}/")
    counts: list[list[int]] = []
    for number in (1, 2, 30):
        while Project.objects.count() < number:
            ensure_project(f"p{Project.objects.count()}")
        counts.append([])
        for address in addresses:
            with statements() as ran:
                client.get(address)
            counts[-1].append(len(ran))
    alone, two, thirty = counts
    assert two == thirty == [alone[0], alone[1] + 1]


def test_a_deleted_session_is_told_as_deleted_in_whichever_project(
    client: Client, sales: Project
) -> None:
    made = session(sales)
    get_store().delete(sales.pk, made.id)
    assert client.get(f"/sessions/{made.id}/").status_code == 410
    Session.everything.all().delete()
    assert client.get(f"/sessions/{made.id}/").status_code == 404


def test_a_scope_ends_with_its_request_and_is_a_threads_own(project: Project) -> None:
    request = HttpRequest()
    with scope.of(request, {"session": session(project).id}):
        assert access.project() == project.pk
        with ThreadPoolExecutor() as pool:
            assert pool.submit(lambda: scope.current().owned).result() is False
    assert scope.current().path == {}


def test_nobody_learns_what_projects_there_are_without_a_login(
    client: Client, sales: Project, settings: pytest.FixtureRequest
) -> None:
    settings.HOLDFAST_LOCAL = False  # type: ignore[attr-defined]
    for name in (SALES, "nope"):
        assert client.get("/sessions/", {"project": name}).status_code == 302
        assert client.get("/sessions.json", {"project": name}).status_code == 401
    client.force_login(User.objects.create_user("guest"))
    assert client.get("/sessions/?project=nope").status_code == 403


def test_a_form_that_names_two_projects_changes_neither(client: Client, sales: Project) -> None:
    session(sales, user="ann")
    sent = {"user": "ann", "typed": "ann"}
    for asks in (f"{ASKS}&project=default", f"project=default&{ASKS}"):
        assert client.post(f"/erase/sure/?{asks}", sent).status_code == 422
        assert client.get(f"/users/?{asks}").status_code == 422
        assert client.get(f"/users.json?{asks}").status_code == 422
    assert client.post(f"/erase/sure/?{ASKS}", sent).status_code == 302
