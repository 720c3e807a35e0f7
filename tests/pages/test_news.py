"""What an open session page asks for again and again: no news are cheap, and news fit on."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.projects import ensure_project
from monitoring import news
from monitoring.news import Tail
from monitoring.transcript import Boundary, Gap, Row, Said
from sessions_app import preparing
from sessions_app.models import Project, Session
from sessions_app.store import leasing
from sessions_app.store.base import Edit, Snapshot
from sessions_app.store.durable import DurableStore
from tests.examples import examples
from tests.pages.canaries import poisoned
from tests.pages.markup import Markup
from tests.pages.samples import CALL, assistant, result, session, statements, talk, user
from tests.passing import DatabaseTime

pytestmark = pytest.mark.usefixtures("local")


def ask(client: Client, made: Snapshot, **changes: Any) -> Any:
    """What a page gets that was opened at `made` and shows its newest messages."""
    known = {
        "version": made.version,
        "status": "active",
        "messages": made.messages,
        "first": max(1, made.messages - 99),
        "last": made.messages,
        "until": made.version,
        **changes,
    }
    asked = {name: value for name, value in known.items() if value is not None}
    return client.get(f"/sessions/{made.id}/news/", asked)


def seqs(shown: Markup) -> list[int]:
    return [int(seq) for seq in shown.values("data-seq") if seq.isdigit()]


def rows(shown: Markup) -> list[int]:
    return [int(a["data-seq"] or 0) for tag, a in shown.tags if tag == "article"]


def grow(store: DurableStore, made: Snapshot, *said: Any) -> None:
    store.append(made.project, made.id, preparing.batch(list(said)))


def test_where_nothing_is_new_the_answer_is_empty_and_cheap(
    client: Client, project: Project
) -> None:
    made = session(project, talk(20))
    ask(client, made)
    with statements() as ran:
        response = ask(client, made)
    assert (response.status_code, response.content) == (204, b"")
    assert len(ran) <= 4
    assert "no-store" in response["Cache-Control"]


def test_new_messages_come_as_rows_with_the_figures(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project, talk(60), title="Growing")
    grow(store, made, user("And then?"), assistant("Then that."))
    shown = Markup(ask(client, made))
    assert rows(shown) == [121, 122]
    assert "And then?" in shown.text
    assert "messages 122" in shown.text
    assert shown.values("data-version") == ["123", "123"]
    assert [a["x"] for tag, a in shown.tags if tag == "rect" and a["class"] == "f-verbatim"] == [
        "120",
        "121",
    ]
    assert not shown.count("html")


def test_a_page_of_older_messages_gets_the_figures_alone(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project, talk(60))
    grow(store, made, user("And then?"))
    shown = Markup(ask(client, made, until=None))
    assert rows(shown) == []
    assert "messages 121" in shown.text


def test_a_late_result_comes_with_the_row_of_its_call(
    client: Client, project: Project, store: DurableStore
) -> None:
    other = {**CALL, "id": "call_2"}
    made = session(project, [user("Go"), assistant(tool_calls=[CALL, other])])
    grow(store, made, result("first", "call_1"))
    shown = Markup(ask(client, made))
    assert rows(shown) == [2]
    assert "first" in shown.text
    assert "no result" in shown.text
    grow(store, made, result("second", "call_2"), assistant("Done"))
    now = store.get(project.pk, made.id)
    later = Markup(ask(client, made, until=made.version + 1, last=3, version=now.version))
    assert rows(later) == [2, 5]
    assert "second" in later.text


def test_a_result_whose_call_is_not_on_the_page_is_a_row_of_its_own(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project, [*talk(20), user("Go"), assistant(tool_calls=[CALL])])
    grow(store, made, result("found"))
    shown = Markup(ask(client, made, first=43))
    assert rows(shown) == [43]
    assert "Result of the call in #42" in shown.text


def test_events_come_as_lines_and_change_the_rows_they_are_about(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project, talk(20))
    store.pin(project.pk, made.id, 3)
    store.retract(project.pk, made.id, (37, 38))
    store.end(project.pk, made.id)
    shown = Markup(ask(client, made))
    assert rows(shown) == [3, 37, 38]
    for told in ("Pinned #3", "Retracted #37 to #38", "Ended", "retracted 2"):
        assert told in shown.text
    assert shown.values("data-status") == ["ended"]
    assert len([1 for tag, _ in shown.tags if tag == "rect"]) > 40


def test_a_session_that_turned_idle_says_so(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project, talk(2))
    shown = Markup(ask(client, made, status="idle"))
    assert shown.values("data-status") == ["active"]
    assert rows(shown) == []


def test_an_open_page_hears_who_took_the_lease_and_that_it_ran_out(
    client: Client, project: Project, store: DurableStore, database_time: DatabaseTime
) -> None:
    made = session(project, talk(2))
    leasing.acquire(store, project.pk, made.id, "planner", 30)
    shown = Markup(ask(client, made, holder=""))
    assert "held by planner" in shown.text
    assert "Lease taken by" in shown.text
    assert shown.values("data-holder") == ["planner"]
    now = store.get(project.pk, made.id)
    assert ask(client, now, holder="planner").status_code == 204
    leasing.renew(store, project.pk, made.id, 1, 60)
    assert ask(client, now, holder="planner").status_code == 204
    database_time.passes(60)
    later = Markup(ask(client, now, holder="planner"))
    assert "held by" not in later.text
    assert later.values("data-holder") == [""]
    assert ask(client, now, holder="").status_code == 204


def test_no_way_of_asking_costs_more_in_a_long_session(
    client: Client, project: Project, store: DurableStore
) -> None:
    counts = []
    for turns in (20, 200):
        made = session(project, talk(turns))
        store.pin(project.pk, made.id, made.messages)
        grow(store, made, assistant(tool_calls=[CALL]), result("ok"))
        ask(client, made)
        with statements() as ran:
            ask(client, made)
        counts.append(len(ran))
    assert counts[0] == counts[1] <= 20


def test_news_become_no_markup(client: Client, project: Project) -> None:
    made = poisoned(project)
    shown = Markup(ask(client, made, version=1, messages=0, first=1, last=0, until=0))
    assert len(rows(shown)) == 7
    assert shown.dangers() == []


@pytest.mark.parametrize("rest", [{"version": "x"}, {"status": "gone"}, {"more": 1}, {"last": -1}])
def test_a_wrong_question_is_refused(
    client: Client, project: Project, rest: dict[str, Any]
) -> None:
    assert ask(client, session(project), **rest).status_code in (400, 422)


def test_a_page_that_knows_more_than_there_is_gets_no_rows(
    client: Client, project: Project
) -> None:
    made = session(project, talk(3))
    shown = ask(client, made, version=99, messages=99, first=1, last=99, until=99)
    assert shown.status_code == 200
    assert rows(Markup(shown)) == []


def test_a_session_of_any_project_is_heard_and_a_purged_one_is_not(
    client: Client, project: Project
) -> None:
    foreign = session(ensure_project("other"))
    assert ask(client, foreign).status_code == 204
    Session.everything.all().delete()
    assert ask(client, foreign).status_code == 404


def named(row: Row) -> tuple[str, int]:
    if isinstance(row, Gap):
        return "gap", row.at
    return row.kind, row.version


step = st.sampled_from(["user", "call", "result", "edit", "pin"])


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, min_size=1, max_size=12), cuts=st.sets(st.integers(1, 12)))
def test_parts_fit_together_whenever_one_asks(
    project: Project, store: DurableStore, steps: list[str], cuts: set[int]
) -> None:
    """However a log grows between two looks, every row comes once and in its order."""
    made = session(project, [user("Begin")])
    tail, found = Tail(1, 1, made.version), []
    for number, kind in enumerate(steps, 1):
        _take(store, made, kind, number)
        if number in cuts or number == len(steps):
            part = news.read(store.get(project.pk, made.id), tail)
            assert not part.more
            found += [named(row) for row in part.added]
            tail = Tail(1, part.span.last, part.version)
    whole = news.read(store.get(project.pk, made.id), Tail(1, 1, made.version))
    assert found == [named(row) for row in whole.added]


def _take(store: DurableStore, made: Snapshot, kind: str, number: int) -> None:
    if kind == "edit":
        store.edit(made.project, made.id, Edit(title=f"Title {number}"))
    elif kind == "pin":
        store.pin(made.project, made.id, 1)
    elif kind == "call":
        grow(store, made, assistant(tool_calls=[{**CALL, "id": "same"}]))
    else:
        grow(store, made, user(f"{number}") if kind == "user" else result("ok", "same"))


def test_what_is_much_comes_in_parts(project: Project, store: DurableStore) -> None:
    made = session(project, talk(1))
    for number in range(230):
        if number % 2:
            store.edit(project.pk, made.id, Edit(title=f"Title {number}"))
        grow(store, made, user(f"{number}"))
    now, tail = store.get(project.pk, made.id), Tail(1, 2, made.version)
    found: list[Row] = []
    for _ in range(3):
        part = news.read(now, tail)
        found += part.added
        tail = Tail(1, part.span.last, part.version)
    assert not part.more
    assert [row.seq for row in found if isinstance(row, Said)] == list(range(3, 233))
    assert len([row for row in found if isinstance(row, Boundary)]) == 115
    versions = [named(row)[1] for row in found if not isinstance(row, Gap)]
    assert versions == list(range(made.version + 1, now.version + 1))
