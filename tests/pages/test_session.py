from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from holdfast.projects import ensure_project
from sessions_app import exporting, preparing
from sessions_app.models import Project
from sessions_app.store import leasing
from sessions_app.store.base import Edit, Snapshot
from sessions_app.store.durable import DurableStore
from tests import large
from tests.pages.markup import Markup
from tests.pages.samples import (
    CALL,
    TALK,
    TOOL,
    assistant,
    result,
    session,
    statements,
    talk,
    user,
)
from tests.passing import DatabaseTime

pytestmark = pytest.mark.usefixtures("local")


def page(client: Client, made: Snapshot, rest: str = "") -> Markup:
    response = client.get(f"/sessions/{made.id}/{rest}")
    assert response.status_code == 200
    return Markup(response)


def seqs(shown: Markup) -> list[int]:
    """The messages that have a place on the page."""
    return [int(name[1:]) for name in shown.values("id") if name[:1] == "m" and name[1:].isdigit()]


def test_the_header_tells_what_the_session_is(client: Client, project: Project) -> None:
    made = session(project, title="Flight", user="alice", tags=("vip",), system="Be brief.")
    text = page(client, made).text
    for told in ("Flight", "alice", "active", "vip", "default", "of 120,000", "Be brief."):
        assert told in text


def test_the_header_tells_which_agent_holds_the_session_for_as_long_as_it_does(
    client: Client, project: Project, store: DurableStore, database_time: DatabaseTime
) -> None:
    made = session(project)
    assert "held by" not in page(client, made).text
    leasing.acquire(store, project.pk, made.id, "planner", 30)
    shown = page(client, made)
    assert "held by planner" in shown.text
    assert "Lease taken by" in shown.text
    assert shown.values("data-holder") == ["planner"]
    database_time.passes(30)
    assert "held by" not in page(client, made).text
    leasing.acquire(store, project.pk, made.id, "writer", 30)
    leasing.release(store, project.pk, made.id, 2)
    text = page(client, made).text
    assert "held by" not in text
    for told in ("Taken over from planner, whose lease ran out, by", "Lease released by"):
        assert told in text


def test_the_prompt_names_its_tools(client: Client, project: Project) -> None:
    assert "search_flights" in page(client, session(project, [], tools=[TOOL])).text


def test_a_call_and_its_result_stand_together(client: Client, project: Project) -> None:
    shown = page(client, session(project))
    assert seqs(shown) == [1, 2, 3, 4]
    assert shown.count("article") == 3
    assert "ME 422 at 13:20" in shown.text


def test_a_reply_links_to_what_it_was_answered_from(client: Client, project: Project) -> None:
    made = session(project)
    links = page(client, made).links
    for version in (2, 4):
        assert f"/sessions/{made.id}/context/{version}/" in links


def test_every_message_has_its_permalink(client: Client, project: Project) -> None:
    made = session(project)
    links = page(client, made).links
    assert all(f"/sessions/{made.id}/m/{seq}/" in links for seq in (1, 2, 3, 4))


def test_a_retracted_message_stays_and_says_so(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project)
    store.retract(project.pk, made.id, (4, 4), "wrong day")
    shown = page(client, made)
    assert "ME 422 leaves at 13:20." in shown.text
    assert "Retracted #4" in shown.text
    assert "wrong day" in shown.text
    assert any("retracted" in name.split() for name in shown.values("class"))


def test_events_stand_in_the_order_of_versions(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project)
    store.edit(project.pk, made.id, Edit(title="New title"))
    store.end(project.pk, made.id)
    text = page(client, made).text
    places = [text.index(told) for told in ("Created", "ME 422 leaves", "Changed: title", "Ended")]
    assert places == sorted(places)


def test_a_fork_links_to_where_it_came_from(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project)
    fork = store.fork(project.pk, made.id, 3).session
    shown = page(client, fork)
    assert "Forked at version 3" in shown.text
    assert f"/sessions/{made.id}/" in shown.links


def test_a_long_session_shows_its_newest_hundred(client: Client, project: Project) -> None:
    made = session(project, talk(150))
    shown = page(client, made)
    assert seqs(shown) == list(range(201, 301))
    assert f"/sessions/{made.id}/?before=201" in shown.links
    assert f"/sessions/{made.id}/?after=300" not in shown.links


def test_earlier_and_later_pages_join_without_gap(client: Client, project: Project) -> None:
    made = session(project, talk(120))
    newest, before = page(client, made), page(client, made, "?before=141")
    assert seqs(before) == list(range(41, 141))
    assert seqs(page(client, made, "?after=140")) == seqs(newest)
    assert f"/sessions/{made.id}/?after=140" in before.links


@pytest.mark.parametrize("seq", [1, 60, 150, 300])
def test_a_message_opens_in_its_window(client: Client, project: Project, seq: int) -> None:
    made = session(project, talk(150))
    shown = page(client, made, f"m/{seq}/")
    assert seq in seqs(shown)
    assert len(seqs(shown)) == 100
    (pointed,) = [attrs for tag, attrs in shown.tags if "autofocus" in attrs]
    assert pointed["id"] == f"m{seq}"


def test_a_tool_result_opens_with_its_call(client: Client, project: Project) -> None:
    shown = page(client, session(project), "m/3/")
    (pointed,) = [attrs for tag, attrs in shown.tags if "autofocus" in attrs]
    assert pointed["id"] == "m2"
    assert [tag for tag, attrs in shown.tags if "open" in attrs] == ["details"]


def test_no_event_is_lost_between_two_windows(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project, talk(50))
    store.pin(project.pk, made.id, 7)
    store.append(project.pk, made.id, preparing.batch(talk(50)))
    said = [page(client, made, query).text.count("Pinned #7") for query in ("?before=101", "")]
    assert said == [0, 1]


def test_huge_content_is_cut_with_its_size_and_shown_whole_on_request(
    client: Client, project: Project
) -> None:
    made = session(project, [user("head " + "x" * 30_000 + " the last words")])
    cut = page(client, made)
    assert "the last words" not in cut.text
    assert "of 30.0 kB are not shown" in cut.text
    address = f"/sessions/{made.id}/m/1/?whole=true"
    assert address in cut.links
    assert "the last words" in Markup(client.get(address)).text


def test_counts_that_are_estimated_say_so(client: Client, project: Project) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    shown = page(client, session(project, [{"role": "user", "content": [image]}]))
    assert "~" in shown.text
    assert not shown.count("img")


def test_the_statements_do_not_grow_with_the_session(client: Client, project: Project) -> None:
    counts = []
    for turns in (5, 50):
        made = session(project, talk(turns))
        with statements() as ran:
            page(client, made)
        counts.append(len(ran))
    assert counts[0] == counts[1] <= 14


def test_the_twin_holds_messages_and_events_of_the_window(client: Client, project: Project) -> None:
    made = session(project, TALK, title="Flight")
    found = client.get(f"/sessions/{made.id}.json").json()
    assert found["session"]["title"] == "Flight"
    assert [entry["version"] for entry in found["entries"]] == [1, 2, 3, 4, 5]
    assert (found["earlier"], found["later"]) == (None, None)


def test_the_twin_of_a_message_holds_its_window(client: Client, project: Project) -> None:
    made = session(project, talk(150))
    found = client.get(f"/sessions/{made.id}/m/100.json").json()
    assert (found["earlier"], found["later"]) == (50, 149)


@pytest.mark.parametrize("rest", ["m/0/", "m/9/", f"m/{10**30}/", "nowhere/"])
def test_a_message_that_is_not_there_is_404(client: Client, project: Project, rest: str) -> None:
    assert client.get(f"/sessions/{session(project).id}/{rest}").status_code == 404


def test_a_session_that_is_not_there_says_what_to_do(client: Client, project: Project) -> None:
    response = client.get(f"/sessions/{uuid4()}/")
    text = Markup(response).text
    assert response.status_code == 404
    assert "Nothing was changed" in text
    assert response.headers["X-Request-Id"] in text


def test_a_deleted_session_is_410_and_says_until_when(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project)
    store.delete(project.pk, made.id)
    response = client.get(f"/sessions/{made.id}/")
    assert response.status_code == 410
    assert "still stored" in Markup(response).text
    assert client.get(f"/sessions/{made.id}.json").json()["error"]["code"] == "session_deleted"


def test_an_error_that_was_recorded_is_shown(client: Client, project: Project) -> None:
    made = session(project, [user("x"), assistant("y", error="rate limited")])
    assert "rate limited" in page(client, made).text


HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize(
    ("target", "query", "ids"),
    [
        ("earlier", "?before=201", {"earlier"}),
        ("later", "?after=100", {"later"}),
        ("rows", "", {"earlier", "later"}),
    ],
)
def test_htmx_gets_a_chunk_with_the_edges_it_asked_for(
    client: Client, project: Project, target: str, query: str, ids: set[str]
) -> None:
    made = session(project, talk(150))
    response = client.get(f"/sessions/{made.id}/{query}", headers={**HTMX, "HX-Target": target})
    shown = Markup(response)
    assert not shown.count("html")
    assert len(seqs(shown)) == 100
    assert {"earlier", "later"} & set(shown.values("id")) == ids
    assert {"HX-Request", "HX-Target"} <= {name.strip() for name in response["Vary"].split(",")}


@pytest.mark.parametrize(
    "more", [{}, {"HX-Boosted": "true"}, {"HX-History-Restore-Request": "true"}]
)
def test_a_shared_address_never_shows_a_bare_chunk(
    client: Client, project: Project, more: dict[str, str]
) -> None:
    made = session(project, talk(150))
    headers = {**HTMX, "HX-Target": "earlier", **more} if more else {}
    response = client.get(f"/sessions/{made.id}/?before=201", headers=headers)
    assert Markup(response).count("html") == 1
    assert "HX-Request" in response["Vary"]


def test_htmx_gets_the_contents_around_a_place(client: Client, project: Project) -> None:
    made = session(project, talk(150))
    headers = {**HTMX, "HX-Target": "contents"}
    shown = Markup(client.get(f"/sessions/{made.id}/?around=21", headers=headers))
    assert not shown.count("html")
    assert "Question 10" in shown.text
    assert "Question 149" not in shown.text


def test_only_one_place_can_be_asked_for(client: Client, project: Project) -> None:
    made = session(project, talk(150))
    assert client.get(f"/sessions/{made.id}/?before=9&around=9").status_code == 422
    assert client.get(f"/sessions/{made.id}.json?after=9&before=9").status_code == 422


@pytest.mark.parametrize("seq", [1, 120, 10**9])
def test_a_place_is_shown_without_being_pointed_out(
    client: Client, project: Project, seq: int
) -> None:
    shown = page(client, session(project, talk(150)), f"?around={seq}")
    assert min(seq, 300) in seqs(shown)
    assert not [attrs for _, attrs in shown.tags if "autofocus" in attrs]


def test_a_pair_that_a_window_parts_is_linked_from_both_sides(
    client: Client, project: Project
) -> None:
    made = session(project, [*talk(49), user("x"), assistant(tool_calls=[CALL]), result("ok")])
    said = page(client, made, "?before=101")
    assert "result in #101" in said.text
    assert "no result" not in said.text
    after = page(client, made, "?after=100")
    assert "Result of the call in #100" in after.text
    assert f"/sessions/{made.id}/m/100/" in after.links


def test_the_page_of_a_hundred_huge_messages_stays_small(client: Client, project: Project) -> None:
    said = [user(f"<{number}> " + '\'"quoted" & more ' * 2_000) for number in range(100)]
    response = client.get(f"/sessions/{session(project, said).id}/")
    assert response.status_code == 200
    assert len(response.content) < 500_000
    assert len(seqs(Markup(response))) == 100


def test_the_words_of_a_message_can_be_taken_away(client: Client, project: Project) -> None:
    made = session(project, [user("<b>all</b> of it " * 2_000)])
    response = client.get(f"/sessions/{made.id}/m/1.txt")
    assert response.content.decode() == "<b>all</b> of it " * 2_000
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"/sessions/{made.id}/m/2.txt").status_code == 404


def test_the_export_is_the_one_that_import_reads(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project)
    response = client.get(f"/sessions/{made.id}/export.jsonl")
    assert response["Content-Disposition"].endswith(f'session-{made.id}.jsonl"')
    lines = exporting.holdfast(store, project.pk, made.id)
    assert response.getvalue() == b"".join(lines)
    foreign = session(ensure_project("other"))
    assert client.get(f"/sessions/{foreign.id}/export.jsonl").status_code == 200


def test_the_export_of_a_large_session_is_streamed(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = large.filled(store, project.pk)
    response = client.get(f"/sessions/{made.id}/export.jsonl")
    sizes: list[int] = []
    held = large.peak(lambda: sizes.extend(map(len, response)))
    assert sum(sizes) > large.MESSAGES * large.MEBIBYTE
    assert held < large.MOST


def test_stored_json_is_shown_on_the_page_and_for_one_message(
    client: Client, project: Project
) -> None:
    made = session(project)
    shown = page(client, made, "?view=json")
    assert '"tool_call_id": "call_1"' in shown.text
    assert seqs(shown) == [1, 2, 3, 4]
    headers = {**HTMX, "HX-Target": "m4"}
    one = Markup(client.get(f"/sessions/{made.id}/m/4/?view=json", headers=headers))
    assert one.count("article") == 1
    assert '"model": "gpt-5-mini"' in one.text


def test_words_are_found_counted_and_marked(client: Client, project: Project) -> None:
    made = session(project, [*talk(60), user("The red kite"), *talk(60), user("A kite again")])
    first = page(client, made, "?q=kite")
    assert 121 in seqs(first)
    assert first.count("mark") == 3
    assert f"/sessions/{made.id}/m/242/?q=kite" in first.links
    second = page(client, made, "m/242/?q=kite")
    assert "2 of 2" in second.text
    found = client.get(f"/sessions/{made.id}/m/242.json?q=kite").json()["found"]
    assert found == {"number": 2, "total": 2, "seqs": [121, 242]}


def test_words_that_nobody_said_are_told_so(client: Client, project: Project) -> None:
    shown = page(client, session(project), "?q=zebra")
    assert "No message has this" in shown.text
    assert seqs(shown) == [1, 2, 3, 4]


def test_forks_and_the_parent_are_linked_and_deleted_ones_are_not(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project, title="Parent")
    forks = [store.fork(project.pk, made.id, at).session for at in (2, 3)]
    store.delete(project.pk, forks[1].id)
    links = page(client, made).links
    assert f"/sessions/{forks[0].id}/" in links
    assert f"/sessions/{forks[1].id}/" not in links
    assert "forked from Parent" in page(client, forks[0]).text
    store.purge(project.pk, made.id)
    assert "forked from a session that is gone" in page(client, forks[0]).text


def test_every_page_of_a_session_is_there_in_whichever_project(
    client: Client, project: Project, store: DurableStore
) -> None:
    foreign = session(ensure_project("other"))
    for rest in ("", "m/1/", "m/1.txt", "m/1/?review=true"):
        assert client.get(f"/sessions/{foreign.id}/{rest}").status_code == 200


def test_the_whole_session_is_a_bar_of_cells(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project, talk(20))
    store.retract(project.pk, made.id, (5, 8))
    shown = page(client, made)
    cells = [
        attrs for tag, attrs in shown.tags if tag == "rect" and attrs.get("class") == "f-retracted"
    ]
    assert [cell["x"] for cell in cells] == ["4", "5", "6", "7"]
    assert "verbatim 36" in shown.text
    assert "retracted 4" in shown.text


@pytest.mark.parametrize(
    "rest", ["?around=30", "m/30/", "?q=answer", "?view=json", "m/30/?review=true"]
)
def test_no_way_of_looking_costs_more_in_a_long_session(
    client: Client, project: Project, rest: str
) -> None:
    counts = []
    for turns in (20, 200):
        made = session(project, talk(turns))
        page(client, made, rest)
        with statements() as ran:
            page(client, made, rest)
        # The search index's own (`--`) are as many as it has segments, which it merges in time.
        counts.append(len([one for one in ran if not one.startswith("--")]))
    assert counts[0] >= counts[1] - 2
