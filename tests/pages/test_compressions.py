"""The pages of compressions: what each did, decided, wrote and lost; the form that asks for one."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

from holdfast.projects import ensure_project
from memory_app.models import Compression, Fact
from sessions_app import ids
from sessions_app.models import Project
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore
from tests.pages.folded import begun, compress, folded, told
from tests.pages.markup import Markup
from tests.pages.samples import session, statements, talk

local = pytest.mark.usefixtures("local")


def opened(client: Client, address: str) -> Markup:
    response = client.get(address)
    assert response.status_code == 200, response.content
    return Markup(response)


def listed(client: Client, made: Snapshot, rest: str = "") -> Markup:
    return opened(client, f"/sessions/{made.id}/compressions/{rest}")


def one(client: Client, row: Compression | None = None, rest: str = "") -> Markup:
    found = row or Compression.everything.order_by("-number").first()
    assert found is not None
    return opened(client, f"/compressions/{found.id}/{rest}")


def row_of(made: Snapshot, **more: Any) -> Compression:
    """A row as the pipeline would have stored it."""
    known: dict[str, Any] = {
        "id": ids.new_id(),
        "project_id": made.project,
        "session_id": made.number,
        "trigger": "60",
        "policy_name": "small",
        "policy_version": 1,
        "queued_us": made.created_us,
    }
    return Compression.everything.create(**{**known, **more})


def foreign(made: Snapshot, **more: Any) -> Compression:
    """What another tool is known to have compacted."""
    audit = {
        "score": 0.5,
        "lost_items": 1,
        "kept": {"date": {"kept": 1, "all": 2}},
        "lost": [{"kind": "date", "text": "17:40", "subject": "gate", "seq": 2}],
    }
    values = {"trigger": "claude-code", "engine": "claude-code", "outcome": "applied"}
    numbers = {"first": 1, "last": 4, "tokens_before": 900, "tokens_after": 120, "attempts": 1}
    return row_of(made, **{**values, **numbers, "audit": json.dumps(audit), **more})


def accounts(shown: Markup) -> list[str]:
    """The ids of the compressions that a list names, in its order."""
    links = [
        attrs.get("href") or "" for tag, attrs in shown.tags if tag == "a" and "data-open" in attrs
    ]
    return [link.split("/")[2] for link in links if link.startswith("/compressions/")]


def verdicts(shown: Markup) -> list[int]:
    """The messages that the table of verdicts names, in its order."""
    links = [
        attrs.get("href") or "" for tag, attrs in shown.tags if tag == "a" and "data-open" in attrs
    ]
    return [int(link.split("/")[-2]) for link in links if "/m/" in link]


# -- the list --------------------------------------------------------------------------------------


@local
def test_the_list_tells_each_compression_with_its_figures(client: Client, project: Project) -> None:
    made = folded(project, times=2)
    text = listed(client, made).text
    for row in Compression.everything.all():
        assert f"Compression {row.ordinal}" in text
        assert f"{row.tokens_before:,} → {row.tokens_after:,}" in text
    assert text.index("Compression 2") < text.index("Compression 1")
    assert f"{made.folded} of {made.messages} messages folded" in text


@local
def test_a_session_without_any_says_how_to_have_one(client: Client, project: Project) -> None:
    shown = listed(client, session(project))
    assert "Nothing was folded yet" in shown.text
    assert "/compress" in shown.text
    assert shown.count("table") == 0


@local
def test_a_failed_attempt_stands_there_with_its_reason(client: Client, project: Project) -> None:
    made = begun(project, told(6))
    tried = [{"engine": "gpt-x", "reason": "timed out", "at": "2026-11-28T05:00:00Z"}]
    row_of(made, outcome="failed", error="timed out", attempts=3, tried=json.dumps(tried))
    for shown in (listed(client, made), one(client)):
        assert "gpt-x" in shown.text
        assert "timed out" in shown.text
        assert "– → –" in shown.text


@local
@pytest.mark.parametrize("outcome", ["queued", "running"])
def test_one_that_is_not_done_shows_no_figures(
    client: Client, project: Project, outcome: str
) -> None:
    made = begun(project, told(6))
    row_of(made, outcome=outcome, tokens_before=900, tokens_after=900)
    text = one(client).text
    assert f"Compression, {outcome}" in text
    assert "900 → –" in text
    assert "every message is as it was" in text


@local
def test_pages_of_the_list_join_without_gap(client: Client, project: Project) -> None:
    made = begun(project, told(3))
    rows = [row_of(made, outcome="failed", error=f"no {n}") for n in range(60)]
    seen: list[str] = []
    address: str | None = ""
    while address is not None:
        shown = listed(client, made, address)
        seen += accounts(shown)
        following = [link for link in shown.links if link.startswith("?after=")]
        address = following[0] if following else None
    assert seen == [str(row.id) for row in reversed(rows)]


@local
def test_few_and_many_rows_take_as_many_statements(client: Client, project: Project) -> None:
    few, many = folded(project), folded(project, times=8)
    counts = []
    for made in (few, many):
        listed(client, made)
        with statements() as ran:
            listed(client, made)
        counts.append(len(ran))
        assert not any("decisions" in statement for statement in ran)
    assert counts[0] == counts[1]


@local
def test_the_twins_answer_what_the_api_does(client: Client, project: Project) -> None:
    made = folded(project, times=2)
    api = client.get(f"/api/v1/sessions/{made.id}/compressions").json()
    assert client.get(f"/sessions/{made.id}/compressions.json").json() == api
    for row in Compression.everything.all():
        whole = client.get(f"/api/v1/compressions/{row.id}").json()
        assert client.get(f"/compressions/{row.id}.json").json() == whole


@local
def test_the_newest_facts_stand_below_with_their_messages(client: Client, project: Project) -> None:
    made = folded(project, turns=20)
    shown = listed(client, made)
    newest = Fact.everything.order_by("-number").first()
    assert newest is not None
    assert newest.text in shown.text
    assert f"/sessions/{made.id}/m/{newest.seq}/" in shown.links


# -- one of them -----------------------------------------------------------------------------------


@local
def test_every_verdict_is_there_with_its_reason(client: Client, project: Project) -> None:
    folded(project)
    row = Compression.everything.get()
    decisions = json.loads(row.decisions)
    shown = one(client)
    assert verdicts(shown) == [item[0] for item in decisions]
    assert all(item[5] in shown.text for item in decisions)


@local
def test_a_fate_narrows_the_verdicts_and_the_counts_stay(client: Client, project: Project) -> None:
    folded(project)
    decisions = json.loads(Compression.everything.get().decisions)
    fates = {item[1] for item in decisions}
    counts = {name: sum(item[1] == name for item in decisions) for name in fates}
    for name in fates:
        shown = one(client, rest=f"?fate={name}")
        assert verdicts(shown) == [item[0] for item in decisions if item[1] == name]
        for other, number in counts.items():
            assert f"{other} {number}" in shown.text


@local
def test_hundreds_of_verdicts_come_by_pages(client: Client, project: Project) -> None:
    folded(project, turns=110)
    every = [item[0] for item in json.loads(Compression.everything.get().decisions)]
    assert len(every) > 200
    first = verdicts(one(client))
    second = verdicts(one(client, rest=f"?after={first[-1]}"))
    assert first + second == every[:200]
    around = one(client, rest=f"?around={every[150]}")
    assert every[150] in verdicts(around)
    assert "here" in around.values("class")


@local
def test_the_summary_shows_what_changed_since_the_one_before(
    client: Client, project: Project
) -> None:
    folded(project, turns=14, times=2)
    first, second = Compression.everything.order_by("number")
    assert one(client, first).count("ins") == 0
    shown = one(client, second)
    assert "what changed since compression 1" in shown.text
    assert shown.count("ins") + shown.count("del") > 0


@local
def test_what_was_lost_is_listed_with_a_way_to_keep_it(client: Client, project: Project) -> None:
    made = folded(project, turns=20)
    row = Compression.everything.get()
    audit = json.loads(row.audit)
    audit["lost"] = [{"kind": "date", "text": "17:40", "subject": "gate closes", "seq": 4}]
    audit["lost_items"] = 1
    Compression.everything.update(audit=json.dumps(audit))
    shown = one(client)
    for words in ("1 item lost", "17:40", "of gate closes", "Pin message 4"):
        assert words in shown.text
    assert f"/sessions/{made.id}/m/4/pin/" in shown.values("formaction")
    client.post(f"/sessions/{made.id}/m/4/pin/", {"pinned": "true"})
    assert "Unpin message 4" in one(client).text


@local
def test_facts_name_the_message_they_come_from(client: Client, project: Project) -> None:
    made = folded(project, turns=20)
    shown = one(client)
    for fact in Fact.everything.all():
        assert fact.text in shown.text
        assert f"/sessions/{made.id}/m/{fact.seq}/" in shown.links


@local
def test_the_neighbours_are_a_key_away(client: Client, project: Project) -> None:
    folded(project, times=3)
    first, second, third = Compression.everything.order_by("number")
    found = [
        (attrs["rel"], attrs["href"]) for _, attrs in one(client, second).tags if "rel" in attrs
    ]
    assert ("prev", f"/compressions/{first.id}/") in found
    assert ("next", f"/compressions/{third.id}/") in found


@local
def test_few_and_many_verdicts_take_as_many_statements(client: Client, project: Project) -> None:
    counts = []
    for turns in (10, 50):
        folded(project, turns=turns)
        one(client)
        with statements() as ran:
            one(client)
        counts.append(len(ran))
    assert counts[0] == counts[1]


@local
def test_a_foreign_compaction_is_told_as_one(client: Client, project: Project) -> None:
    made = session(project, key="claude-code:1")
    row = foreign(made)
    for shown in (listed(client, made), one(client, row)):
        assert "Compacted by Claude Code" in shown.text
        assert "1 item lost" in shown.text
        assert "900 → 120" in shown.text
    assert "does not say what it decided" in one(client, row).text


@local
def test_what_the_other_tool_wrote_is_its_summary(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project, key="claude-code:1")
    row = foreign(made)
    assert "is not in the log" in one(client, row).text
    store.note(project.pk, made.id, "imported_summary", {"summary": "The seat is 12C."})
    assert "The seat is 12C." in one(client, row).text


@local
def test_what_is_unknown_of_a_foreign_one_is_a_dash(client: Client, project: Project) -> None:
    row = foreign(session(project), tokens_before=0, tokens_after=0, audit="{}", engine="")
    text = one(client, row).text
    assert "– → –" in text
    assert "not audited" in text


@local
def test_another_projects_compression_is_in_no_list_but_its_own(
    client: Client, project: Project
) -> None:
    other = folded(ensure_project("elsewhere"))
    row = Compression.everything.get()
    assert client.get("/compressions.json").json()["data"] == []
    (told,) = client.get("/compressions.json?project=elsewhere").json()["data"]
    assert (told["id"], told["session"]) == (str(row.id), str(other.id))
    assert client.get(f"/compressions/{uuid4()}/").status_code == 404


@local
def test_of_a_deleted_session_nothing_is_shown(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = folded(project)
    row = Compression.everything.get()
    store.delete(project.pk, made.id)
    assert client.get(f"/compressions/{row.id}/").status_code == 410


# -- the form --------------------------------------------------------------------------------------


def form(client: Client, made: Snapshot, **sent: Any) -> Any:
    return client.post(f"/sessions/{made.id}/compress/", sent)


@local
def test_it_shows_what_would_be_done_and_changes_nothing(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = begun(project, told(12))
    response = form(client, made)
    assert response.status_code == 200
    shown = Markup(response)
    assert "nothing is changed" in shown.text
    assert re.search(r"Fold 1–\d+", shown.text)
    assert store.get(project.pk, made.id) == made
    assert not Compression.everything.exists()


@local
def test_what_was_shown_is_what_is_done(client: Client, project: Project) -> None:
    made = begun(project, told(12))
    shown = Markup(form(client, made, instructions="Keep prices"))
    response = form(client, made, instructions="Keep prices", sure="true", version=made.version)
    row = Compression.everything.get()
    assert response.status_code == 302
    assert response.headers["Location"] == f"/compressions/{row.id}/"
    assert f"{row.tokens_before:,} → {row.tokens_after:,}" in shown.text
    assert row.instructions == "Keep prices"
    assert "Keep prices" in one(client).text


@local
def test_a_session_that_grew_in_between_is_shown_anew(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = begun(project, told(12))
    store.pin(project.pk, made.id, 1)
    response = form(client, made, sure="true", version=made.version)
    assert response.status_code == 409
    assert "changed in between" in Markup(response).text
    assert f"{made.version + 1}" in Markup(response).values("value")
    assert not Compression.everything.exists()


@local
def test_where_there_is_nothing_to_fold_it_says_so(client: Client, project: Project) -> None:
    made = begun(project, talk(1))
    for sent in ({}, {"sure": "true", "version": made.version}):
        response = form(client, made, **sent)
        assert response.status_code == 302
        assert "nothing to fold" in opened(client, response.headers["Location"]).text


@local
def test_a_refusal_is_told_with_its_reason(client: Client, project: Project) -> None:
    """So few words would not shrink."""
    response = form(client, begun(project, told(5)))
    shown = Markup(response)
    assert response.status_code == 200
    assert "refused too long: the session would not shrink" in shown.text
    assert "Nothing was changed" in shown.text
    assert "sure" not in [attrs.get("name") for tag, attrs in shown.tags if tag == "button"]
    assert "strong" not in shown.values("class")


@local
@pytest.mark.parametrize(
    ("sent", "status"),
    [({"policy": "no-such"}, 422), ({"policy": "x" * 65}, 422), ({"instructions": "\0"}, 422)],
)
def test_what_cannot_be_asked_is_refused(
    client: Client, project: Project, sent: dict[str, str], status: int
) -> None:
    assert form(client, begun(project, told(12)), **sent).status_code == status
    assert not Compression.everything.exists()


def test_a_foreign_page_compresses_nothing(settings: Settings, project: Project) -> None:
    settings.HOLDFAST_LOCAL = True
    made = begun(project, told(12))
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    assert form(client, made, sure="true").status_code == 403
    assert not Compression.everything.exists()


@pytest.mark.parametrize(("group", "status"), [("lookers", 403), ("writers", 200)])
def test_members_who_may_only_look_compress_nothing(
    settings: Settings, project: Project, group: str, status: int
) -> None:
    settings.HOLDFAST_LOCAL = False
    settings.HOLDFAST_ROLES = {"lookers": "viewer", "writers": "editor"}
    made, someone = begun(project, told(12)), User.objects.create_user("ada")
    someone.groups.add(Group.objects.create(name=group))
    client = Client(SERVER_NAME="localhost")
    client.force_login(someone)
    assert form(client, made).status_code == status
    shown = listed(client, made)
    assert any(action.endswith("/compress/") for action in shown.values("action")) is (
        status == 200
    )
    compress(project, made)
    assert bool(one(client).values("formaction")) <= (status == 200)
