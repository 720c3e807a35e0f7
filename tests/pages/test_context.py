from __future__ import annotations

import json

import pytest
from django.test import Client

from memory_app import policies
from sessions_app.models import Project
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore
from tests.pages.markup import Markup
from tests.pages.samples import TOOL, session, talk, user

pytestmark = pytest.mark.usefixtures("local")


def page(client: Client, made: Snapshot, rest: str = "") -> Markup:
    response = client.get(f"/sessions/{made.id}/context/{rest}")
    assert response.status_code == 200
    return Markup(response)


def widths(shown: Markup) -> dict[str, float]:
    """The segments of the budget bar, each by its name."""
    found: dict[str, float] = {}
    for tag, attrs in shown.tags:
        if tag == "rect" and attrs.get("height") == "28" and attrs.get("class"):
            found[str(attrs["class"])] = float(str(attrs["width"]))
    return found


def test_the_parts_and_what_is_free_fill_the_bar(client: Client, project: Project) -> None:
    made = session(project, talk(30), system="Be brief.", tools=[TOOL])
    shown = widths(page(client, made, "?tokens=400"))
    assert set(shown) >= {"p-system", "p-tools", "p-recent", "p-free"}
    assert sum(shown.values()) == pytest.approx(1000, abs=0.1)


def test_the_reserve_stands_beside_the_policys_own_budget(client: Client, project: Project) -> None:
    shown = page(client, session(project))
    assert widths(shown)["p-reserve"] == pytest.approx(8_000 / 128, abs=0.01)
    assert "8,000 kept for the answer" in shown.text


def test_the_payload_is_what_the_twin_answers(client: Client, project: Project) -> None:
    made = session(project, system="Be <b>brief</b> & kind.", tools=[TOOL])
    for form in ("openai", "anthropic", "responses"):
        response = client.get(f"/sessions/{made.id}/context/", {"format": form})
        answer = client.get(f"/sessions/{made.id}/context.json", {"format": form}).json()
        text = "".join(Markup(response).pieces)
        shown = json.JSONDecoder().raw_decode(text, text.index("{\n"))[0]
        assert shown == {name: answer[name] for name in ("system", "tools", "messages")}
        assert answer["digest"] in text


def test_an_older_version_holds_what_was_said_by_then(client: Client, project: Project) -> None:
    shown = page(client, session(project, talk(3)), "3/")
    assert "Answer 0" in shown.text
    assert "Question 1" not in shown.text
    assert "Context at version 3" in shown.text


def test_a_version_names_the_reply_that_was_answered_from_it(
    client: Client, project: Project
) -> None:
    made = session(project, talk(2))
    shown = page(client, made, "2/")
    assert "answered by #2" in shown.text
    assert f"/sessions/{made.id}/m/2/" in shown.links
    assert "answered by" not in page(client, made, "3/").text


def test_left_out_and_near_misses_are_linked(client: Client, project: Project) -> None:
    made = session(project, talk(60))
    shown = page(client, made, "?tokens=200")
    answer = client.get(f"/sessions/{made.id}/context.json?tokens=200").json()
    for item in answer["left_out"]:
        assert f"/sessions/{made.id}/m/{item['from']}/" in shown.links
        assert item["reason"] in shown.text
    assert answer["near_misses"]
    for miss in answer["near_misses"]:
        assert f"/sessions/{made.id}/m/{miss['seq']}/" in shown.links


def test_a_retracted_message_is_left_out_by_name(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project)
    store.retract(project.pk, made.id, (4, 4))
    assert "retracted" in page(client, made).text


def test_too_small_a_budget_is_a_calm_page_that_names_the_least(
    client: Client, project: Project
) -> None:
    made = session(project, [user("word " * 100)])
    shown = page(client, made, "?tokens=20")
    error = client.get(f"/sessions/{made.id}/context.json?tokens=20")
    assert error.status_code == 422
    least = error.json()["error"]["least"]
    assert f"?tokens={least}" in shown.links
    assert str(least) in shown.text
    page(client, made, f"?tokens={least}")


def test_a_question_larger_than_the_window_is_no_failure(
    client: Client, project: Project, store: DurableStore
) -> None:
    policies.put(store, project.pk, "short", {"window": 4_000, "reserve": 500, "turns": 1})
    made = session(project, [user("word " * 5_000)])
    for asked in ("?policy=short", "?policy=short&tokens=5000"):
        shown = page(client, made, asked)
        assert "too few" in shown.text
        assert "more than the window of 4,000" in shown.text


def test_another_policy_may_be_tried(client: Client, project: Project, store: DurableStore) -> None:
    policies.put(store, project.pk, "short", {"window": 4_000, "reserve": 500, "turns": 1})
    shown = page(client, session(project, talk(5)), "?policy=short&tokens=")
    assert "short v1" in shown.text
    assert "3,500" in shown.text


@pytest.mark.parametrize("query", ["tokens=0", "tokens=ten", "format=pdf", "policy=none", "x=1"])
def test_a_bad_question_is_a_page_that_names_it(
    client: Client, project: Project, query: str
) -> None:
    response = client.get(f"/sessions/{session(project).id}/context/?{query}")
    assert response.status_code == 422
    assert query.partition("=")[0] in Markup(response).text


@pytest.mark.parametrize("version", [0, 99, 10**30])
def test_a_version_that_is_not_there_is_refused(
    client: Client, project: Project, version: int
) -> None:
    response = client.get(f"/sessions/{session(project).id}/context/{version}/")
    assert response.status_code == 422
    assert "no such version" in Markup(response).text


def test_versions_are_stepped_through_with_the_same_question(
    client: Client, project: Project
) -> None:
    made = session(project)
    links = page(client, made, "3/?tokens=500").links
    for version in (2, 4):
        assert f"/sessions/{made.id}/context/{version}/?tokens=500" in links
