from __future__ import annotations

import json

import pytest
from django.test import Client
from pytest_django import Settings

from holdfast.projects import ensure_project
from memory_app import factbodies, facts, links, policies
from memory_app.context import FORMS, ORDER
from memory_app.facts import By
from memory_app.models import Compression, Fact, Summary
from monitoring import budget
from sessions_app.models import Project
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore
from tests.building import ROOT
from tests.pages.folded import folded
from tests.pages.markup import Markup
from tests.pages.samples import TOOL, session, statements, talk, user

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


def test_what_a_context_provider_says_stands_under_its_part(
    client: Client, project: Project, settings: Settings
) -> None:
    settings.HOLDFAST_CONTEXT_PROVIDERS = [
        "tests.api.providers.Clock", "tests.api.providers.Failing",
    ]  # fmt: skip
    shown = page(client, session(project))
    assert "It is Friday, 17:05, in Lisbon." in shown.text
    assert budget.PROVIDED in shown.text
    assert "p-clock" in widths(shown)
    assert "A context provider has no part in it: failing, failed." in shown.text


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


@pytest.mark.parametrize(
    ("at", "before", "after"), [(2, None, 4), (3, 2, 4), (4, 2, 6), (5, 4, 6), (9, 8, None)]
)
def test_turns_are_stepped_through_with_the_same_question(
    client: Client, project: Project, at: int, before: int | None, after: int | None
) -> None:
    made = session(project, talk(4))
    shown = page(client, made, f"{at}/?tokens=500")
    led = {
        attrs["rel"]: attrs["href"] for tag, attrs in shown.tags if "rel" in attrs and tag == "a"
    }
    address = f"/sessions/{made.id}/context/{{}}/?tokens=500"
    wanted = {"prev": before, "next": after}
    assert led == {rel: address.format(version) for rel, version in wanted.items() if version}
    (slider,) = (attrs for _, attrs in shown.tags if attrs.get("id") == "versions")
    assert (slider["value"], slider["max"]) == (str(at), str(made.version))


def test_the_summary_is_there_with_its_points_and_its_compression(
    client: Client, project: Project
) -> None:
    made = folded(project, turns=20)
    row, summary = Compression.everything.get(), Summary.objects.get()
    shown = page(client, made)
    assert f"/compressions/{row.id}/" in shown.links
    assert "Compression 1" in shown.text
    for text, _, _ in json.loads(summary.points):
        assert " ".join(text.split()) in shown.text
    assert widths(shown)["p-summary"] > 0


def test_the_facts_are_there_with_their_messages(client: Client, project: Project) -> None:
    made = folded(project, turns=20)
    answer = client.get(f"/sessions/{made.id}/context.json").json()
    (part,) = [part for part in answer["parts"] if part["name"] == "facts"]
    shown = page(client, made)
    for fact in Fact.everything.filter(id__in=part["facts"]):
        assert fact.text in shown.text
        assert f"/sessions/{made.id}/m/{fact.seq}/" in shown.links
    assert f"{len(part['facts'])} facts" in shown.text
    assert widths(shown)["p-facts"] > 0


def test_a_fact_from_elsewhere_leads_where_it_was_said(client: Client, project: Project) -> None:
    before, made = (session(project, talk(2), user="alice") for _ in range(2))
    told = {"session": str(before.id), "seq": 1, "quote": "Question"}
    body = {
        "facts": [
            {"user": "alice", "text": "Sits by the <b>aisle</b>.", "key": "seat"},
            {"user": "alice", "text": "Never eats fish.", "sources": [told], "pinned": True},
        ]
    }
    facts.keep(get_store(), project.pk, factbodies.stated(body), By("editor"))
    shown = page(client, made)
    assert "2 facts" in shown.text
    assert "Sits by the <b>aisle</b>." in shown.text
    assert "another session, #1" in shown.text
    assert f"/sessions/{before.id}/m/1/" in shown.links
    assert f"/sessions/{made.id}/m/0/" not in shown.links


def test_a_linked_users_fact_is_there_and_its_session_is_not(
    client: Client, project: Project
) -> None:
    other = ensure_project("elsewhere")
    before, made = session(other, talk(2), user="alice"), session(project, talk(2), user="alice")
    told = {"session": str(before.id), "seq": 1, "quote": "Question"}
    body = {"user": "alice", "text": "Never eats fish.", "sources": [told], "pinned": True}
    facts.keep(get_store(), other.pk, factbodies.stated(body), By("editor"))
    rows = [get_store().end_user(of.pk, "alice") or 0 for of in (project, other)]
    links.make(get_store(), *rows)
    shown = page(client, made)
    assert "Never eats fish." in shown.text
    assert not any(str(before.id) in link for link in shown.links)
    assert str(before.id) not in shown.text
    assert "another session" not in shown.text


def test_where_everything_else_went_is_counted_by_fate(client: Client, project: Project) -> None:
    made = folded(project, turns=20)
    answer = client.get(f"/sessions/{made.id}/context.json").json()
    sums: dict[str, int] = {}
    for item in answer["left_out"]:
        sums[item["fate"]] = sums.get(item["fate"], 0) + item["messages"]
    shown = page(client, made)
    for fate, number in sums.items():
        assert f"{fate} {number}" in shown.text
    inside = sum(last - first + 1 for part in answer["parts"] for first, last in part["messages"])
    assert sum(sums.values()) + inside == made.messages
    row = Compression.everything.get()
    assert any(link.startswith(f"/compressions/{row.id}/?around=") for link in shown.links)


def test_a_folded_context_says_so_in_words(client: Client, project: Project) -> None:
    assert "the model sees a summary" in page(client, folded(project, turns=20)).text


def test_one_and_many_compressions_take_as_many_statements(
    client: Client, project: Project
) -> None:
    counts = []
    for times in (4, 6):  # in both a tool has answered in between
        made = folded(project, turns=12, times=times)
        page(client, made)
        with statements() as ran:
            page(client, made)
        counts.append(len(ran))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ORDER)
def test_every_part_has_a_colour_and_a_reason(name: str) -> None:
    css = (ROOT / "static/holdfast/context.css").read_text()
    assert f".p-{name}" in css
    assert name in budget.WHY


@pytest.mark.parametrize("form", FORMS)
def test_what_was_recalled_is_shown_as_it_was_sent(
    client: Client, project: Project, form: str
) -> None:
    made = folded(project, turns=20, times=2)
    answer = client.get(f"/sessions/{made.id}/context.json", {"format": form}).json()
    assert "recalled" in [part["name"] for part in answer["parts"]]
    sent = json.dumps(answer["messages"])
    block = sent[sent.index("<recalled>") : sent.index("</recalled>")]
    lines = [json.loads(f'"{line}"') for line in block.split("\\n- ")[1:]]
    shown = page(client, made, f"?format={form}")
    holds = shown.text[: shown.text.index("Payload")]
    assert all(" ".join(line.split()) in holds for line in lines)
