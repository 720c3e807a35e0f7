"""The compressions of the whole project: what other tools lost, and every one with its outcome."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from holdfast.projects import ensure_project
from memory_app.models import Compression
from sessions_app.models import Project
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore
from tests.pages.folded import begun, folded, told
from tests.pages.samples import session, statements
from tests.pages.test_compressions import accounts, foreign, opened, row_of

pytestmark = pytest.mark.usefixtures("local")

PAGE = "/compressions/"


def compacted(project: Project, lost: int = 1, **more: Any) -> tuple[Snapshot, Compression]:
    """A session that another tool compacted, with so many items lost."""
    made = session(project, **more)
    items = [
        {"kind": "path", "text": f"/srv/{n}.py", "subject": "loader", "seq": 1 + n % 4}
        for n in range(lost)
    ]
    kept = {"path": {"kept": 3, "all": 3 + lost}}
    audit = {"score": 3 / (3 + lost), "lost_items": lost, "kept": kept, "lost": items}
    return made, foreign(made, audit=json.dumps(audit))


def test_before_anything_was_compressed_it_says_how_to_begin(
    client: Client, project: Project
) -> None:
    shown = opened(client, PAGE)
    assert "Nothing was compressed yet" in shown.text
    assert "holdfast import claude-code" in shown.text
    assert shown.count("table") == 0


def test_a_project_that_is_not_there_yet_is_empty(client: Client, db: None) -> None:
    assert "Nothing was compressed yet" in opened(client, PAGE).text


def test_what_other_tools_lost_is_said_first_and_leads_to_its_messages(
    client: Client, project: Project
) -> None:
    made, row = compacted(project, lost=9, title="The importer")
    shown = opened(client, PAGE)
    first = shown.text.index("1 of your sessions was compacted by Claude Code; 9 paths were lost.")
    assert first < shown.text.index("The importer") < shown.text.index("Outcome")
    assert "/srv/0.py of loader" in shown.text
    assert f"/sessions/{made.id}/m/1/" in shown.links
    assert "and 4 more" in shown.text
    assert f"/compressions/{row.id}/#lost" in shown.links


def test_where_nothing_was_lost_it_says_so_calmly(client: Client, project: Project) -> None:
    compacted(project, lost=0)
    text = opened(client, PAGE).text
    assert "compacted by Claude Code; nothing that was audited was lost." in text
    assert "Every number, date, name, path and promise" in text


def test_where_no_other_tool_compacted_it_says_so_calmly(client: Client, project: Project) -> None:
    folded(project)
    assert "No session of yours was compacted by another tool." in opened(client, PAGE).text


def test_every_compression_stands_there_newest_first(client: Client, project: Project) -> None:
    folded(project, times=2, title="Long talk")
    compacted(project, title="Imported")
    failed = row_of(begun(project, told(6)), outcome="failed", error="timed out")
    shown = opened(client, PAGE)
    rows = [str(row.id) for row in Compression.everything.order_by("-number")]
    assert accounts(shown) == rows
    assert rows[0] == str(failed.id)
    for words in ("Long talk", "Imported", "Compression 2", "timed out", "Run again"):
        assert words in shown.text


def test_each_filter_keeps_what_it_says(client: Client, project: Project) -> None:
    folded(project)
    own = Compression.everything.get()
    other = compacted(project)[1]
    made = begun(project, told(6))
    failed, refused, queued, running = (
        row_of(made, outcome=name) for name in ("failed", "refused", "queued", "running")
    )
    Compression.everything.filter(pk=own.pk).update(audit='{"score":1.0,"lost_items":0,"lost":[]}')
    wanted = {
        "?outcome=applied": [other, own],
        "?outcome=failed": [failed],
        "?outcome=refused": [refused],
        "?outcome=unfinished": [running, queued],
        "?whose=ours": [running, queued, refused, failed, own],
        "?whose=others": [other],
        "?lost=true": [other],
        "?whose=ours&outcome=applied": [own],
    }
    for query, rows in wanted.items():
        assert accounts(opened(client, PAGE + query)) == [str(row.id) for row in rows], query
        answer = client.get(f"/compressions.json{query}").json()
        assert [one["id"] for one in answer["data"]] == [str(row.id) for row in rows], query


def test_filters_that_leave_nothing_can_be_cleared(client: Client, project: Project) -> None:
    folded(project)
    shown = opened(client, f"{PAGE}?outcome=failed")
    assert "No compression matches" in shown.text
    assert "?" in shown.links


@pytest.mark.parametrize("query", ["?outcome=no", "?whose=me", "?lost=false", "?after=x", "?a=b"])
def test_what_cannot_be_asked_is_refused(client: Client, project: Project, query: str) -> None:
    assert client.get(PAGE + query).status_code in (400, 422)
    assert client.get(f"/compressions.json{query}").status_code in (400, 422)


def test_pages_join_without_gap_and_keep_their_filter(client: Client, project: Project) -> None:
    made = begun(project, told(3))
    rows = [row_of(made, outcome=("failed", "refused")[n % 2], error="no") for n in range(120)]
    seen: list[str] = []
    address: str | None = "?outcome=failed"
    while address is not None:
        shown = opened(client, PAGE + address)
        seen += accounts(shown)
        following = [attrs["href"] for _, attrs in shown.tags if attrs.get("rel") == "next"]
        address = following[0] if following else None
    assert seen == [str(row.id) for row in reversed(rows) if row.outcome == "failed"]


def test_a_cursor_of_other_filters_is_refused(client: Client, project: Project) -> None:
    made = begun(project, told(3))
    for _ in range(30):
        row_of(made, outcome="failed")
    cursor = client.get("/compressions.json?outcome=failed").json()["next"]
    assert client.get("/compressions.json", {"after": cursor}).status_code == 400


def test_few_and_many_take_as_many_statements_and_stay_small(
    client: Client, project: Project
) -> None:
    counts = []
    for number in (1, 40):
        for n in range(number):
            compacted(project, lost=60, title=f"Imported {n}")
            row_of(begun(project, told(3)), outcome="failed", error="no answer", decisions="[]")
        client.get(PAGE)
        with statements() as ran:
            response = client.get(PAGE)
        counts.append(len(ran))
        assert not any('"decisions"' in statement for statement in ran)
        assert len(response.content) < 150_000
    assert counts[0] == counts[1]


def test_another_projects_and_deleted_sessions_are_not_there(
    client: Client, project: Project, store: DurableStore
) -> None:
    compacted(ensure_project("elsewhere"), title="Elsewhere")
    made, _ = compacted(project, title="Deleted since")
    store.delete(project.pk, made.id)
    shown = opened(client, PAGE)
    assert "Nothing was compressed yet" in shown.text
    assert client.get("/compressions.json").json()["compacted_by_others"] == []


def test_the_twin_says_the_same_without_what_is_large(client: Client, project: Project) -> None:
    made, row = compacted(project, lost=2)
    answer = client.get("/compressions.json").json()
    whole = client.get(f"/compressions/{row.id}.json").json()
    (one,) = answer["data"]
    assert one == {name: whole[name] for name in one}
    assert set(whole) - set(one) == {"decisions", "summary", "facts"}
    assert answer["compacted_by_others"] == [
        {"tool": "claude-code", "sessions": 1, "compactions": 1, "lost": 2}
    ]
    assert one["session"] == str(made.id)


def test_it_is_one_press_from_every_page(client: Client, project: Project) -> None:
    assert PAGE in opened(client, "/sessions/").links


def test_how_much_was_lost_follows_the_audit(project: Project) -> None:
    """The database reads it from the audit, whoever writes that."""
    _, row = compacted(project, lost=3)
    row.refresh_from_db()
    assert row.lost == 3
    named = json.dumps({"lost": [{"text": 'says "lost_items":9'}], "lost_items": 2})
    for audit, wanted in (
        ('{"lost_items":7}', 7),
        ("{}", None),
        ('{"score":1.0}', None),
        (named, 2),
        ('{"lost":[{"text":"a\\u0000b"}],"lost_items":4}', 4),
    ):
        Compression.everything.filter(pk=row.pk).update(audit=audit)
        row.refresh_from_db()
        assert row.lost == wanted
