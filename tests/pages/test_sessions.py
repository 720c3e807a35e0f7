from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from sessions_app.models import Project
from sessions_app.store.durable import DurableStore
from tests.pages.markup import Markup
from tests.pages.samples import session, statements, user

pytestmark = pytest.mark.usefixtures("local")


def page(client: Client, **query: Any) -> Markup:
    response = client.get("/sessions/", query)
    assert response.status_code == 200
    return Markup(response)


def test_the_start_leads_to_the_list(client: Client, project: Project) -> None:
    response = client.get("/")
    assert (response.status_code, response.headers["Location"]) == (302, "/sessions/")


def test_without_sessions_the_page_shows_how_to_make_one(client: Client, project: Project) -> None:
    shown = page(client)
    assert "No session yet" in shown.text
    assert "holdfast.open(" in shown.text


def test_before_the_first_start_the_page_is_empty_too(client: Client, db: None) -> None:
    assert "No session yet" in page(client).text


def test_filters_that_leave_nothing_are_told_apart_from_an_empty_store(
    client: Client, project: Project
) -> None:
    session(project)
    shown = page(client, q="nowhere")
    assert "No session matches" in shown.text
    assert "Clear filters" in shown.text
    assert "No session yet" not in shown.text


def test_a_row_tells_title_user_status_and_size(client: Client, project: Project) -> None:
    session(project, [user("x " * 4000)], title="Flight to Friday", user="alice", tags=("vip",))
    text = page(client).text
    for told in ("Flight to Friday", "alice", "active", "vip", "4,0"):
        assert told in text


def test_a_session_without_title_is_called_by_its_first_words(
    client: Client, project: Project
) -> None:
    session(project, [user('Where is my "parcel"?\nIt is late. ' + "word " * 500)], key="k")
    assert 'Where is my "parcel"? It is late.' in page(client).text


def test_a_session_in_which_nothing_was_said_is_called_by_its_key(
    client: Client, project: Project
) -> None:
    session(project, [], key="support-42")
    assert "support-42" in page(client).text


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"q": "first"}, {"First"}),
        ({"user": "bo"}, {"Second"}),
        ({"tag": "vip"}, {"First"}),
        ({"status": "ended"}, {"Second"}),
        ({"status": "active"}, {"First"}),
        ({"q": "", "user": "", "tag": ""}, {"First", "Second"}),
    ],
)
def test_a_filter_keeps_what_matches(
    client: Client,
    project: Project,
    store: DurableStore,
    query: dict[str, str],
    titles: set[str],
) -> None:
    session(project, title="First", user="ana", tags=("vip",))
    store.end(project.pk, session(project, title="Second", user="bo").id)
    text = page(client, **query).text
    assert {title for title in ("First", "Second") if title in text} == titles


def test_the_list_sorts_by_a_column_both_ways(client: Client, project: Project) -> None:
    session(project, [user("short")], title="Small")
    session(project, [user("long " * 50)], title="Large")
    down, up = page(client, sort="tokens").text, page(client, sort="-tokens").text
    assert down.index("Large") < down.index("Small")
    assert up.index("Small") < up.index("Large")


def test_pages_follow_each_other_without_gap_or_repeat(client: Client, project: Project) -> None:
    made = {str(session(project, [user("x")]).id) for _ in range(60)}
    first = page(client)
    (following,) = {link for link in first.links if "after=" in link}
    second = Markup(client.get(f"/sessions/{following}"))
    listed = [[link for link in part.links if link.count("-") == 4] for part in (first, second)]
    assert [len(part) for part in listed] == [50, 10]
    assert {link.split("/")[2] for part in listed for link in part} == made


def test_a_cursor_of_another_list_is_refused(client: Client, project: Project) -> None:
    for _ in range(51):
        session(project, [user("x")])
    (following,) = {link for link in page(client).links if "after=" in link}
    response = client.get(f"/sessions/{following}&sort=tokens")
    assert response.status_code == 400
    assert "Begin at the list" in Markup(response).text


def test_an_unknown_parameter_is_refused_and_named(client: Client, project: Project) -> None:
    response = client.get("/sessions/", {"session__secret": "1"})
    assert response.status_code == 422
    assert "session__secret" in Markup(response).text


def test_deleted_sessions_are_not_listed(
    client: Client, project: Project, store: DurableStore
) -> None:
    store.delete(project.pk, session(project, title="Gone").id)
    assert "Gone" not in page(client).text


def test_the_number_of_statements_is_the_same_for_10_and_100_sessions(
    client: Client, project: Project
) -> None:
    counts = []
    for more in (10, 90):
        for _ in range(more):
            session(project, [user("untitled")])
        with statements() as ran:
            page(client)
        counts.append(len(ran))
    assert counts[0] == counts[1] <= 4


def test_the_list_never_counts_and_never_skips(client: Client, project: Project) -> None:
    session(project)
    with statements() as ran:
        page(client)
    assert not [sql for sql in ran if "COUNT(" in sql.upper() or "OFFSET" in sql.upper()]


def test_the_twin_says_the_same_as_json(client: Client, project: Project) -> None:
    made = session(project, user="alice")
    session(project, user="bo")
    answer = client.get("/sessions.json", {"user": "alice"})
    assert [item["id"] for item in answer.json()["data"]] == [str(made.id)]
    assert answer.json()["next"] is None
    assert "/sessions.json?user=alice" in page(client, user="alice").links


def test_the_page_stands_on_one_heading_and_landmarks(client: Client, project: Project) -> None:
    session(project)
    shown = page(client)
    assert [shown.count(tag) for tag in ("h1", "main", "header", "footer")] == [1, 1, 1, 1]
