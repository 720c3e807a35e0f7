"""The inbox of contradictions: what waits, beside what it stands against, and the decision."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest
from django.test import Client
from pytest_django import Settings

from holdfast.projects import ensure_project
from memory_app import facts
from memory_app.facts import By
from memory_app.models import Fact, FactRevision
from sessions_app.models import Project
from sessions_app.store.durable import DurableStore
from tests.pages.markup import Markup
from tests.pages.remembered import contradicted, now, stored, waits
from tests.pages.samples import session, statements, user
from tests.pages.test_bulk import Form
from tests.pages.test_users import member, opened

local = pytest.mark.usefixtures("local")

PAGE = "/inbox/"


def decided(client: Client, fact: Fact, do: str, **more: Any) -> Any:
    sent = {"fact": str(fact.id), "revision": str(fact.revision), "do": do, **more}
    return client.post("/inbox/decide/", sent)


def told(client: Client, response: Any) -> Form:
    """The page that a decision leads to."""
    assert response.status_code == 302
    return Form(client.get(response.headers["Location"]))


def waiting(shown: Markup) -> list[str]:
    """The facts that wait, as they stand on the page."""
    return [(attrs["href"] or "").split("/")[2] for _, attrs in shown.tags if "data-open" in attrs]


def edited(store: DurableStore, fact: Fact, text: str) -> None:
    by = By("bo", "It was imprecise.")
    facts.change(store, fact.project_id, fact.id, facts.editing({"text": text}), by)


# -- shown ---------------------------------------------------------------------------------------


@local
def test_where_nothing_waits_it_says_so_calmly(client: Client, project: Project) -> None:
    stored(project, "Likes tea.")
    assert "Nothing waits" in opened(client, PAGE).text
    assert client.get("/inbox.json").json() == {
        "data": [], "next": None, "count": 0, "more_than_counted": False,
    }  # fmt: skip


@local
def test_a_project_that_is_not_there_yet_has_an_empty_inbox(client: Client, db: None) -> None:
    assert "Nothing waits" in opened(client, PAGE).text


@local
@pytest.mark.parametrize("query", ["?after=x", "?a=b", "?user=ines"])
def test_what_cannot_be_asked_is_refused(client: Client, project: Project, query: str) -> None:
    assert client.get(f"{PAGE}{query}").status_code in (400, 422)
    assert client.get(f"/inbox.json{query}").status_code in (400, 422)


@local
def test_both_sides_stand_there_with_whose_word_they_are(client: Client, project: Project) -> None:
    said = session(project, [user("I live in Lisbon.")], user="ines")
    porto, lisbon = contradicted(project, said)
    shown = opened(client, PAGE)
    for words in (
        "Waits I live in Lisbon. word of the user",
        "#1 I live in Lisbon.",
        "Against Ines lives in Porto. word of an editor",
        "No message says it.",
    ):
        assert words in shown.text
    assert {f"/facts/{porto.id}/", f"/facts/{lisbon.id}/", f"/sessions/{said.id}/m/1/"} <= set(
        shown.links
    )
    assert "/users/ines/" in shown.links
    (one,) = client.get("/inbox.json").json()["data"]
    assert one["fact"]["text"] == "I live in Lisbon."
    assert [other["id"] for other in one["against"]] == [str(porto.id)]


@local
def test_a_fact_that_holds_its_key_stands_against_it_too(client: Client, project: Project) -> None:
    named = stored(project, "Likes tea.")
    keyed = stored(project, "Lives in Faro.", key="home")
    stored(project, "Bo lives in Rome.", who="bo", key="home")
    fact = waits(project, "I live in Lisbon.", named)
    (one,) = client.get("/inbox.json").json()["data"]
    assert [other["id"] for other in one["against"]] == [str(named.id), str(keyed.id)]
    decided(client, fact, "accept")
    assert [now(other).status for other in (named, keyed)] == ["superseded", "superseded"]


@local
@pytest.mark.parametrize("metadata", [{}, {"contradicts": "x"}, {"contradicts": 7}, {"a": [1]}])
def test_what_names_nothing_that_is_there_is_shown_and_accepted(
    client: Client, project: Project, metadata: dict[str, Any]
) -> None:
    fact = waits(project, "I live in Lisbon.", None, key="")
    Fact.everything.filter(pk=fact.pk).update(metadata=orjson.dumps(metadata).decode())
    shown = opened(client, PAGE)
    assert "Against nothing that is left" in shown.text
    assert "Merge" not in shown.text
    assert decided(client, fact, "accept").status_code == 302
    assert now(fact).status == "active"


@local
def test_the_fact_of_somebody_else_is_never_shown_beside_it(
    client: Client, project: Project
) -> None:
    theirs = stored(project, "Bo's secret.", who="bo")
    elsewhere = stored(ensure_project("elsewhere"), "Elsewhere's secret.")
    for other in (theirs, elsewhere):
        waits(project, "I live in Lisbon.", other, key="")
    assert "secret" not in opened(client, PAGE).text


@local
def test_what_was_said_in_a_deleted_session_waits_no_more(
    client: Client, project: Project, store: DurableStore
) -> None:
    said = session(project, [user("I live in Lisbon.")], user="ines")
    _, lisbon = contradicted(project, said)
    Fact.everything.filter(pk=lisbon.pk).update(learnt_in=said.number)
    store.delete(project.pk, said.id)
    assert "Nothing waits" in opened(client, PAGE).text


@local
def test_pages_join_without_gap_newest_first(client: Client, project: Project) -> None:
    porto = stored(project, "In Porto.")
    found = [waits(project, f"In {number}.", porto, key="") for number in range(60)]
    seen: list[str] = []
    address: str | None = PAGE
    while address is not None:
        shown = opened(client, address)
        seen += waiting(shown)
        following = [str(attrs["href"]) for _, attrs in shown.tags if attrs.get("rel") == "next"]
        address = f"{PAGE}{following[0]}" if following else None
    assert seen == [str(fact.id) for fact in reversed(found)]


@local
def test_ten_and_a_hundred_take_as_many_statements(client: Client, project: Project) -> None:
    counts = []
    for many in (10, 100):
        for number in range(many):
            who = f"{many} {number}"
            waits(project, "Lisbon.", stored(project, "Porto.", who=who, key="home"), who=who)
        client.get(PAGE)
        with statements() as ran:
            response = client.get(PAGE)
        counts.append(len(ran))
        assert len(response.content) < 150_000
    assert counts[0] == counts[1]


# -- decided -------------------------------------------------------------------------------------


@local
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"do": "erase"}, 422),
        ({"do": ""}, 422),
        ({"do": "merge"}, 422),
        ({"do": "merge", "into": "x"}, 422),
        ({"do": "merge", "into": str(UUID(int=9))}, 404),
        ({"do": "accept", "fact": "x"}, 422),
        ({"do": "accept", "fact": str(UUID(int=9))}, 404),
        ({"do": "accept", "revision": "x"}, 422),
        ({"do": "accept", "revision": ""}, 422),
        ({"do": "accept", "revision": "-1"}, 422),
        ({"do": "dismiss", "reason": "x" * 256}, 422),
        ({"do": "dismiss", "reason": "a\0b"}, 422),
    ],
)
def test_what_a_form_cannot_have_sent_decides_nothing(
    client: Client, project: Project, sent: dict[str, str], status: int
) -> None:
    porto, lisbon = contradicted(project)
    whole = {"fact": str(lisbon.id), "revision": "1", **sent}
    assert client.post("/inbox/decide/", whole).status_code == status
    assert (now(porto).revision, now(lisbon).revision) == (1, 1)


@local
def test_accepted_it_stands_and_the_other_gives_way_until_it_is_undone(
    client: Client, project: Project
) -> None:
    porto, lisbon = contradicted(project)
    shown = told(client, decided(client, lisbon, "accept", reason="She moved."))
    assert "1 fact accepted. 1 fact gave way." in shown.text
    assert "Nothing waits" in shown.text
    assert (now(lisbon).status, now(lisbon).trust) == ("active", "editor")
    assert (now(porto).status, now(porto).superseded_by) == ("superseded", lisbon.id)
    assert FactRevision.objects.get(fact=lisbon.pk).reason == "She moved."
    again = told(client, client.post("/facts/undo/", shown.sent("/facts/undo/")))
    assert "1 fact put back as before." in again.text
    assert waiting(again) == [str(lisbon.id)]
    assert (now(lisbon).status, now(lisbon).trust) == ("quarantined", "user")
    assert (now(porto).status, now(porto).superseded_by) == ("active", None)


@local
def test_dismissed_it_is_retired_with_the_reason_until_it_is_undone(
    client: Client, project: Project
) -> None:
    porto, lisbon = contradicted(project)
    shown = told(client, decided(client, lisbon, "dismiss", reason="A joke."))
    assert "1 fact dismissed." in shown.text
    assert (now(lisbon).status, now(porto).revision) == ("retired", 1)
    assert FactRevision.objects.get(fact=lisbon.pk).reason == "A joke."
    told(client, client.post("/facts/undo/", shown.sent("/facts/undo/")))
    assert (now(lisbon).status, now(lisbon).invalid_us) == ("quarantined", None)


@local
def test_merged_its_sources_go_to_the_other_until_it_is_undone(
    client: Client, project: Project
) -> None:
    porto, lisbon = contradicted(project)
    shown = told(client, decided(client, lisbon, "merge", into=str(porto.id)))
    assert "1 fact merged." in shown.text
    assert (now(lisbon).status, now(lisbon).superseded_by) == ("superseded", porto.id)
    assert now(porto).sources == lisbon.sources
    told(client, client.post("/facts/undo/", shown.sent("/facts/undo/")))
    assert (now(lisbon).status, now(porto).sources) == ("quarantined", "[]")


@local
def test_an_undo_that_would_lose_somebodys_edit_puts_nothing_back(
    client: Client, project: Project, store: DurableStore
) -> None:
    porto, lisbon = contradicted(project)
    shown = told(client, decided(client, lisbon, "accept"))
    edited(store, porto, "Ines lived in Porto.")
    again = told(client, client.post("/facts/undo/", shown.sent("/facts/undo/")))
    assert "No fact put back as before." in again.text
    assert "1 changed meanwhile" in again.text
    assert now(lisbon).status == "active"
    assert now(porto).text == "Ines lived in Porto."


@local
@pytest.mark.parametrize("do", ["accept", "dismiss", "merge"])
def test_a_decision_on_what_somebody_changed_meanwhile_shows_both_texts(
    client: Client, project: Project, store: DurableStore, do: str
) -> None:
    porto, lisbon = contradicted(project)
    edited(store, lisbon, "I live near Lisbon.")
    response = decided(client, lisbon, do, into=str(porto.id), reason="I know it.")
    assert response.status_code == 409
    shown = Form(response)
    for words in (
        "Nothing was done",
        "What you decided about I live in Lisbon.",
        "What it says now I live near Lisbon.",
        "Revision 2 by bo : It was imprecise.",
    ):
        assert words in shown.text
    assert (now(lisbon).status, now(porto).revision) == ("quarantined", 1)
    again = shown.sent("/inbox/decide/", do=do)
    assert again["reason"] == ["I know it."]
    assert client.post("/inbox/decide/", again).status_code == 302
    assert now(lisbon).status != "quarantined"


@local
def test_what_somebody_decided_already_is_not_decided_twice(
    client: Client, project: Project
) -> None:
    _, lisbon = contradicted(project)
    decided(client, lisbon, "dismiss")
    response = decided(client, lisbon, "accept")
    assert response.status_code == 409
    shown = Markup(response)
    assert "What it says now I live in Lisbon. retired" in shown.text
    assert "Accept" not in shown.text
    assert now(lisbon).status == "retired"


@local
def test_a_decision_leads_back_to_the_page_it_was_made_on(client: Client, project: Project) -> None:
    porto = stored(project, "In Porto.")
    found = [waits(project, f"In {number}.", porto, key="") for number in range(30)]
    after = client.get("/inbox.json").json()["next"]
    response = decided(client, found[0], "dismiss", after=after)
    assert f"after={after[:20]}" in response.headers["Location"]
    assert len(waiting(told(client, response))) == 4


@local
def test_a_fact_of_another_project_is_not_found(client: Client, project: Project) -> None:
    other = ensure_project("elsewhere")
    fact = waits(other, "Lisbon.", stored(other, "Porto."))
    assert decided(client, fact, "accept").status_code == 404
    assert now(fact).revision == 1


def test_a_viewer_reads_it_and_decides_nothing(
    client: Client, project: Project, settings: Settings
) -> None:
    _, lisbon = contradicted(project)
    with member(client, settings, "viewer"):
        shown = opened(client, PAGE)
        assert "I live in Lisbon." in shown.text
        assert "Accept" not in shown.text
        assert decided(client, lisbon, "accept").status_code == 403
    with member(client, settings, "editor"):
        assert "Accept" in opened(client, PAGE).text
        assert decided(client, lisbon, "accept").status_code == 302
    assert FactRevision.objects.get(fact=lisbon.pk).editor == "editor"


def test_nobody_sees_it(client: Client, project: Project) -> None:
    assert client.get(PAGE).status_code == 302
    assert client.get("/inbox.json").status_code == 401
