from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.test import Client

from holdfast.projects import ensure_project
from monitoring.views import sessions
from sessions_app import reviews, search
from sessions_app.core import instants
from sessions_app.models import HOUR_US, Project, Session
from sessions_app.reviews import Opinion
from sessions_app.store.durable import DurableStore
from tests.pages.canaries import CANARY
from tests.pages.folded import folded
from tests.pages.listed import Listed
from tests.pages.markup import Markup
from tests.pages.samples import assistant, session, statements, talk, user
from tests.pages.test_compressions import foreign

pytestmark = pytest.mark.usefixtures("local")


def page(client: Client, **query: Any) -> Listed:
    response = client.get("/sessions/", query)
    assert response.status_code == 200
    return Listed(response)


def follow(client: Client, shown: Listed, label: str) -> Listed:
    """The page that the one link of this label leads to."""
    (link,) = shown.leading_to(label)
    return Listed(client.get(f"/sessions/{link}"))


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


@pytest.fixture
def three(project: Project, store: DurableStore) -> None:
    """Sessions that differ in all that the list can be narrowed by."""
    failed = assistant("It broke.", error="timeout")
    session(project, [user("word " * 1200), failed], title="First", user="ana", tags=("vip", "eu"))
    second = session(project, [user("hello")], title="Second", user="bo", tags=("eu",))
    reviews.put(store, second, 1, Opinion(needs_review=True), "ana")
    store.end(project.pk, second.id)
    Session.everything.filter(id=second.id).update(capacity=4)
    third = session(project, [user("hello")], title="Third", user="cy")
    store.archive(project.pk, third.id)
    reviews.put(store, third, 1, Opinion("good"), "ana")
    foreign(second, audit='{"lost_items": 2}')
    foreign(third, audit='{"lost_items": 0}')


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"q": "first"}, "First"),
        ({"q": "HELL"}, "Second Third"),
        ({"user": "bo"}, "Second"),
        ({"tag": "vip"}, "First"),
        ({"tag": "eu"}, "First Second"),
        ({"status": "active"}, "First"),
        ({"status": "idle"}, ""),
        ({"status": "ended"}, "Second"),
        ({"status": "archived"}, "Third"),
        ({"min_level": "0.6"}, "Second"),
        ({"min_tokens": "1000"}, "First"),
        ({"min_tokens": "0"}, "First Second"),
        ({"user": "cy"}, ""),
        ({"user": "cy", "status": "archived"}, "Third"),
        ({"user": "cy", "q": "hello"}, "Third"),
        ({"errors": "true"}, "First"),
        ({"needs_review": "true"}, "Second"),
        ({"lost": "true"}, "Second"),
        ({"lost": "true", "status": "archived"}, ""),
        ({"rating": "good", "status": "archived"}, "Third"),
        ({"rating": "bad"}, ""),
        ({"span": "1h"}, "First Second"),
        ({"tag": "eu", "status": "ended", "q": "hello", "needs_review": "true"}, "Second"),
        ({"tag": "eu", "q": "hello", "errors": "true"}, ""),
        ({"user": "ana", "tag": "vip", "min_tokens": "1000", "errors": "true"}, "First"),
        ({"q": "", "user": "", "tag": "", "active_since": "", "errors": ""}, "First Second"),
        ({"q": "  "}, "First Second"),
    ],
)
def test_a_filter_keeps_what_matches(client: Client, query: dict[str, str], names: str) -> None:
    assert set(page(client, **query).titles) == set(names.split())
    told = client.get("/sessions.json", query).json()["data"]
    assert {item["title"] for item in told} == set(names.split())


@pytest.mark.usefixtures("three")
def test_a_facet_is_one_press_and_another_press_takes_it_away(client: Client) -> None:
    shown = follow(client, page(client, tag="eu"), "Ended")
    assert set(shown.titles) == {"Second"}
    assert set(follow(client, shown, "Ended").titles) == {"First", "Second"}


@pytest.mark.usefixtures("three")
def test_each_chosen_filter_is_a_chip_that_takes_it_alone_away(client: Client) -> None:
    query = {"status": "active", "user": "ana", "min_tokens": "1000", "sort": "tokens"}
    shown = page(client, **query)
    told = {"status": "active", "user": "user ana", "min_tokens": "from 1,000 tokens"}
    assert set(shown.chips) == set(told.values())
    for name, label in told.items():
        left = {part: value for part, value in query.items() if part != name}
        assert dict(parse_qsl(shown.chips[label][1:])) == left
    assert shown.leading_to("Clear filters") == ["?sort=tokens"]


@pytest.mark.usefixtures("three")
def test_users_and_tags_of_the_page_are_suggested_and_lead_to_their_sessions(
    client: Client,
) -> None:
    shown = page(client)
    assert [attrs["value"] for tag, attrs in shown.tags if tag == "option"] == [
        *("ana", "bo"),
        *("eu", "vip"),
    ]
    assert "?user=bo" in shown.links
    assert "?tag=vip" in shown.links


DAY = 86_400 * 1_000_000
NOON = instants.parse("2026-03-10T12:00:00Z")


@pytest.fixture
def spread(project: Project) -> None:
    """Sessions active around the 10th of March from 00:00 to 24:00."""
    spans = {
        "Before": (-3 * DAY, -DAY),
        "Into": (-3 * DAY, 0),
        "Within": (-3_600_000_000, 3_600_000_000),
        "Over": (-3 * DAY, 3 * DAY),
        "Out of": (0, 3 * DAY),
        "After": (DAY, 3 * DAY),
    }
    for title, (begins, ends) in spans.items():
        made = session(project, [user("x")], title=title)
        Session.everything.filter(id=made.id).update(
            created_us=NOON + begins,
            last_activity_us=NOON + ends,
            active_hour=(NOON + ends) // HOUR_US,
        )


@pytest.mark.usefixtures("spread")
@pytest.mark.parametrize(
    ("since", "until", "names"),
    [
        ("2026-03-10T00:00", "2026-03-11T00:00", {"Into", "Within", "Over", "Out of"}),
        ("2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z", {"Into", "Within", "Over", "Out of"}),
        ("2026-03-10T01:00+01:00", "", {"Into", "Within", "Over", "Out of", "After"}),
        ("", "2026-03-10T00:00", {"Before", "Into", "Over"}),
        ("2026-03-10T12:00", "2026-03-10T12:00", {"Into", "Within", "Over", "Out of"}),
        ("2026-03-14T00:00", "", set()),
    ],
)
def test_a_range_keeps_whatever_was_active_at_some_time_of_it(
    client: Client, since: str, until: str, names: set[str]
) -> None:
    for sort in ("last_activity", "-last_activity", "created"):
        shown = page(client, active_since=since, active_until=until, sort=sort)
        assert set(shown.titles) == names


@pytest.mark.usefixtures("spread")
def test_a_time_up_to_now_keeps_what_was_active_in_it(client: Client, project: Project) -> None:
    session(project, [user("x")], title="Now")
    assert set(page(client, span="1h").titles) == {"Now"}


def test_a_range_in_the_fields_takes_the_place_of_a_time_up_to_now(
    client: Client, project: Project
) -> None:
    session(project, title="Now")
    shown = page(client, span="1h", active_until="2026-01-01T00:00")
    assert set(shown.titles) == set()
    assert list(shown.chips) == ["until 2026-01-01 00:00 UTC"]
    assert not [
        link for link in shown.links if link[0] == "?" and "span=1h" in link and "until" in link
    ]


def test_a_range_that_ends_before_it_begins_is_told_beside_its_fields(
    client: Client, project: Project
) -> None:
    session(project, title="Flight")
    query = {"active_since": "2026-03-10T00:00", "active_until": "2026-03-09T00:00:30"}
    response = client.get("/sessions/", query)
    shown = Listed(response)
    assert response.status_code == 422
    assert "The time ends before it begins" in shown.text
    assert {"2026-03-10T00:00:00", "2026-03-09T00:00:30"} <= set(shown.values("value"))
    assert shown.values("aria-describedby") == ["wrong", "wrong"]
    assert set(shown.titles) == set()
    assert "No session yet" not in shown.text
    error = client.get("/sessions.json", query)
    assert (error.status_code, error.json()["error"]["param"]) == (422, "active_until")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "deleted"),
        ("span", "2h"),
        ("min_level", "high"),
        ("min_tokens", "-1"),
        ("errors", "yes"),
        ("needs_review", "1"),
        ("active_since", "yesterday"),
        ("active_until", "2026-02-30T00:00"),
        ("sort", "title"),
        ("count", "1"),
        ("q", "x" * 513),
    ],
)
def test_an_invalid_value_is_refused_and_named(
    client: Client, project: Project, name: str, value: str
) -> None:
    response = client.get("/sessions/", {name: value})
    assert response.status_code == 422
    assert name in Markup(response).text
    assert client.get("/sessions.json", {name: value}).status_code == 422


def test_the_list_sorts_by_a_column_both_ways(client: Client, project: Project) -> None:
    session(project, [user("short")], title="Small")
    session(project, [user("long " * 50)], title="Large")
    down, up = page(client, sort="tokens").text, page(client, sort="-tokens").text
    assert down.index("Large") < down.index("Small")
    assert up.index("Small") < up.index("Large")


def many(project: Project, count: int) -> None:
    """Some of them alike in what they are sorted by."""
    for number in range(count):
        said = [user("word " * (number % 3 + 1))]
        session(project, said, tags=("odd",) if number % 2 else ("even",))


@pytest.mark.parametrize("sort", ["last_activity", "-created", "tokens", "-level", "messages"])
def test_pages_follow_each_other_both_ways_without_gap_or_repeat(
    client: Client, project: Project, sort: str
) -> None:
    many(project, 108)
    shown = page(client, sort=sort)
    whole = client.get("/api/v1/sessions", {"sort": sort, "limit": "200"}).json()["data"]
    pages = [shown.ids]
    while shown.leading_to("Next page"):
        shown = follow(client, shown, "Next page")
        pages.append(shown.ids)
    assert [made for part in pages for made in part] == [item["id"] for item in whole]
    assert [len(part) for part in pages] == [50, 50, 8]
    for part in pages[-2::-1]:
        shown = follow(client, shown, "Previous page")
        assert shown.ids == part
    assert shown.leading_to("Previous page") == []


def test_pages_keep_the_filters(client: Client, project: Project) -> None:
    many(project, 58)
    shown = page(client, tag="odd", span="24h", q="word", min_tokens="4")
    second = follow(client, shown, "Next page")
    assert [len(shown.ids), len(second.ids)] == [25, 4]
    assert set(shown.chips) == set(second.chips)
    assert follow(client, second, "First page").ids == shown.ids
    assert follow(client, second, "Previous page").ids == shown.ids


def test_a_page_that_has_emptied_leads_to_the_first(client: Client, project: Project) -> None:
    many(project, 51)
    (following,) = page(client).leading_to("Next page")
    Session.everything.update(status="deleted")
    shown = Listed(client.get(f"/sessions/{following}"))
    assert "Nothing on this page any more" in shown.text
    assert "No session" not in shown.text


def test_only_one_place_of_the_list_can_be_asked_for(client: Client, project: Project) -> None:
    many(project, 51)
    (following,) = page(client).leading_to("Next page")
    response = client.get(f"/sessions/{following}&before=x")
    assert response.status_code == 422


def test_all_are_counted_when_asked_and_only_so_far(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(project, 52)
    shown = page(client)
    assert "50 shown, more below" in shown.text
    assert "50 shown of 52" in follow(client, shown, "Count all").text
    assert page(client, tag="even").leading_to("Count all") == []
    assert client.get("/sessions.json?count=true").json()["count"] == 52
    monkeypatch.setattr(sessions, "MOST_COUNTED", 51)
    assert "50 shown of more than 51" in page(client, count="true").text
    told = client.get("/sessions.json?count=true&tag=even").json()
    assert (told["count"], told["more_than_counted"]) == (26, False)


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
    assert counts[0] == counts[1] <= 5


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


# -- search ------------------------------------------------------------------------------------


def test_a_word_deep_in_a_session_is_found_shown_and_linked(
    client: Client, project: Project
) -> None:
    said = [*talk(40), user("The code is Zanzibar-7, remember it"), *talk(40)]
    made = session(project, said, title="Long")
    session(project, title="Other")
    shown = page(client, q="zanzibar remember")
    assert set(shown.titles) == {"Long"}
    assert shown.inside("mark") == ["Zanzibar", "remember"]
    (hit,) = [link for link in shown.links if "/m/" in link]
    assert hit == f"/sessions/{made.id}/m/81/?q=zanzibar+remember"


def test_more_hits_than_are_shown_lead_into_the_session(client: Client, project: Project) -> None:
    made = session(project, [user(f"apple {number}") for number in range(5)], title="Fruit")
    shown = page(client, q="apple")
    assert [link.split("/")[4] for link in shown.links if "/m/" in link] == ["5", "4", "3"]
    assert shown.leading_to("2 more in this session") == [f"/sessions/{made.id}/?q=apple"]


def test_a_session_found_by_its_name_says_so(client: Client, project: Project) -> None:
    session(project, title="Zanzibar trip", key="k-1", tags=("vip",))
    for text in ("zanzibar", "vip", "k-"):
        assert "In its title, tags, key, user or id" in page(client, q=text).text


def test_hits_become_no_markup(client: Client, project: Project) -> None:
    session(project, [user(f"before {CANARY} after onerror")], title="Canary")
    shown = page(client, q="onerror")
    assert shown.dangers() == []
    assert shown.inside("mark")
    assert "<img src=x" in shown.text


def test_the_twin_carries_the_hits(client: Client, project: Project) -> None:
    session(project, [user("red apple"), assistant("green apple")], title="Fruit")
    session(project, [], title="Apple")
    told = client.get("/sessions.json?q=apple").json()
    hits = {item["title"]: item["hits"] for item in told["data"]}
    assert hits["Apple"] == {"total": 0, "data": []}
    assert hits["Fruit"]["total"] == 2
    newest = hits["Fruit"]["data"][0]
    assert (newest["seq"], newest["role"]) == (2, "assistant")
    assert newest["pieces"] == [{"text": "green ", "hit": False}, {"text": "apple", "hit": True}]
    assert told["not_searchable_yet"] == 0
    assert "hits" not in client.get("/sessions.json").json()["data"][0]


def test_what_is_not_searchable_yet_is_told(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "bring_up_to_date", lambda _: None)
    session(project, [user("apple")])
    session(project, [user("apple")])
    assert "2 sessions are not searchable yet" in page(client, q="apple").text
    assert "searchable" not in page(client).text


def test_nothing_of_another_project_is_found_counted_or_suggested(
    client: Client, project: Project
) -> None:
    other = ensure_project("other")
    session(other, [user("apple"), assistant("x", error="y")], user="eve", tags=("theirs",))
    session(project, [user("apple")], title="Ours")
    for query in ({}, {"q": "apple"}, {"count": "true"}):
        shown = page(client, **query)
        assert len(shown.ids) == 1
        assert "eve" not in shown.values("value")
    assert client.get("/sessions.json?q=apple&count=true").json()["count"] == 1
    assert page(client, errors="true").ids == page(client, tag="theirs").ids == []


def test_a_search_takes_the_same_number_of_statements_for_10_and_100_sessions(
    client: Client, project: Project
) -> None:
    counts = []
    for more in (10, 90):
        for _ in range(more):
            session(project, [user("apple"), assistant("apple pie")])
        page(client, q="apple")
        with statements() as ran:
            assert "apple" in page(client, q="apple").text
        # The full-text index of SQLite runs statements of its own, which are told with a dash.
        counts.append(len([statement for statement in ran if not statement.startswith("--")]))
    assert counts[0] == counts[1] <= 8


def test_a_row_tells_how_often_it_was_folded_and_how_many_facts_came_of_it(
    client: Client, project: Project
) -> None:
    made = folded(project, turns=14, times=2, title="Folded")
    session(project, title="Plain")
    shown = page(client)
    assert f"2\N{MULTIPLICATION SIGN} {made.facts}" in shown.text
    assert f"/sessions/{made.id}/compressions/" in shown.links
    assert "\N{EN DASH} \N{EN DASH}" in shown.text


def test_the_list_can_be_narrowed_to_what_was_compressed(client: Client, project: Project) -> None:
    folded(project, title="Folded")
    session(project, title="Plain")
    shown = page(client, compressed="true")
    assert set(shown.titles) == {"Folded"}
    assert "compressed" in shown.chips
    told = client.get("/sessions.json", {"compressed": "true"}).json()["data"]
    assert [item["title"] for item in told] == ["Folded"]
