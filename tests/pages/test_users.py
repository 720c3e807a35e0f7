"""The pages of users: their list, one of them, and what can be done there without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from holdfast.projects import ensure_project
from memory_app import links, userlists
from memory_app.models import Episode, Fact, FactRevision
from monitoring import deeds, useraddress, userpage
from monitoring.views import users
from sessions_app import ids
from sessions_app.models import EndUser, Project
from sessions_app.store.durable import DurableStore
from tests.pages.listed import Listed
from tests.pages.markup import Markup
from tests.pages.remembered import now, seen, stored, waits
from tests.pages.samples import session, statements, user
from tests.pages.test_bulk import Form

local = pytest.mark.usefixtures("local")

KEYS = (
    "..", ".", "a/../b", "a/./b", "/", "/etc", "a//b", "a/", "a/b", "x.json", ".json", "facts",
    'q"uo\'te', "100%", "%2e%2e", "%2F", "a?b#c", "a&b=c", "a+b c", " ", "  pad  ", "line\nend",
    "tab\there", "back\\slash", "\u202egnp.exe", "\u05d0\u05d1", "\u65e5\u672c", "\U0001f980",
    "e\u0301", "a;b", "x" * 255, "\u00e9" * 255, "inbox", "<b>",
)  # fmt: skip


def opened(client: Client, address: str, status: int = 200) -> Listed:
    response = client.get(address)
    assert response.status_code == status, address
    return Listed(response)


def people(shown: Markup) -> list[str]:
    """Where the rows of the list lead."""
    return [attrs["href"] or "" for _, attrs in shown.tags if "data-open" in attrs]


def row_of(project: Project, key: str) -> EndUser:
    found: EndUser = EndUser.objects.of(project.pk).get(key=key)
    return found


@contextmanager
def member(client: Client, settings: Settings, role: str) -> Iterator[None]:
    settings.HOLDFAST_ROLES = {"Team": role}
    person = User.objects.create_user(role)
    person.groups.add(Group.objects.get_or_create(name="Team")[0])
    client.force_login(person)
    yield
    client.logout()


# -- keys ----------------------------------------------------------------------------------------


@local
@pytest.mark.parametrize(
    "key",
    [
        *KEYS[::6],
        *(pytest.param(key, marks=pytest.mark.long) for key in KEYS if key not in KEYS[::6]),
    ],
)
def test_whatever_the_key_its_page_is_reached_by_its_link(
    client: Client, project: Project, key: str
) -> None:
    stored(project, "Likes tea.", who=key)
    (address,) = people(opened(client, "/users/"))
    shown = opened(client, address)
    assert "Likes tea." in shown.text
    twin = next(link for link in shown.links if urlsplit(link).path.endswith(".json"))
    assert client.get(twin).json()["user"] == key
    for link in {link for link in shown.links if "state=" in link}:
        assert opened(client, link).text.count("Used") or "No fact" in opened(client, link).text
    assert client.get("/erase.json", {"user": key}).json()["user"] == key
    fact = next(link for link in shown.links if link.startswith("/facts/"))
    assert opened(client, fact).links.count(address) == 2


@given(st.text(min_size=1, max_size=60).filter(lambda key: "\0" not in key))
def test_no_path_has_a_part_that_a_browser_takes_out(key: str) -> None:
    address = useraddress.of(key)
    parts = address.path.split("/")
    assert not {".", ".."} & set(parts)
    assert "" not in parts[1:-1]
    assert bool(address.fixed) != useraddress.travels(key)


@given(st.text(min_size=1, max_size=60))
def test_a_key_is_the_same_behind_a_form(key: str) -> None:
    written = useraddress.written(key)
    assert useraddress.read(written) == key
    assert not {"\r", "\n"} & set(written)


@local
@pytest.mark.parametrize("key", [" ", "\u200b", "\u202e"])
def test_a_key_that_nobody_sees_is_written_out(client: Client, project: Project, key: str) -> None:
    seen(project, key)
    assert ascii(key) in opened(client, "/users/").text


# -- the list ------------------------------------------------------------------------------------


@local
def test_before_anybody_came_it_says_how_to_begin(client: Client, project: Project) -> None:
    shown = opened(client, "/users/")
    assert "No user yet" in shown.text
    assert 'user="ines"' in shown.text
    assert shown.count("table") == 0


@local
def test_a_project_that_is_not_there_yet_is_empty(client: Client, db: None) -> None:
    assert "No user yet" in opened(client, "/users/").text
    assert client.get("/users.json").json() == {"data": [], "next": None}


@local
def test_what_matches_nothing_can_be_cleared(client: Client, project: Project) -> None:
    seen(project, "ines")
    for query in ("?q=nobody", "?to_review=true", "?q=Ines"):
        shown = opened(client, f"/users/{query}")
        assert "No user matches" in shown.text
        assert "No user yet" not in shown.text
        assert shown.leading_to("Clear filters")


@local
@pytest.mark.parametrize(
    "query", ["?sort=facts", "?after=x", "?to_review=false", "?a=b", f"?q={'x' * 256}"]
)
def test_what_cannot_be_asked_of_the_list_is_refused(
    client: Client, project: Project, query: str
) -> None:
    assert client.get(f"/users/{query}").status_code in (400, 422)
    assert client.get(f"/users.json{query}").status_code in (400, 422)


@local
def test_a_cursor_of_another_order_or_list_is_refused(client: Client, project: Project) -> None:
    for number in range(51):
        seen(project, f"u{number:02}")
    cursor = client.get("/users.json").json()["next"]
    assert client.get("/users.json", {"after": cursor}).status_code == 200
    for other in ({"sort": "user"}, {"q": "u"}, {"to_review": "true"}):
        assert client.get("/users.json", {"after": cursor, **other}).status_code == 400


@local
def test_each_user_has_their_figures_and_no_others(client: Client, project: Project) -> None:
    tea = stored(project, "Likes tea.")
    stored(project, "Old.", key="k")
    stored(project, "New.", key="k")
    waits(project, "No tea.", tea)
    made = session(project, user="ines")
    seen(project, "bo")
    stored(ensure_project("elsewhere"), "Elsewhere.")
    told = {one["user"]: one for one in client.get("/users.json").json()["data"]}
    assert set(told) == {"ines", "bo"}
    ines, bo = told["ines"], told["bo"]
    assert (ines["facts"], ines["quarantined"], ines["sessions"]) == (2, 1, 1)
    assert (bo["facts"], bo["quarantined"], bo["sessions"]) == (0, 0, 0)
    assert (ines["last_activity_at"] is None, bo["last_activity_at"]) == (False, None)
    assert made.last_activity_us
    assert ines["more_than_counted"] == []


@local
def test_what_belongs_to_deleted_sessions_is_not_counted(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = session(project, user="ines")
    fact = stored(project, "Said there.")
    Fact.everything.filter(pk=fact.pk).update(learnt_in=made.number)
    store.delete(project.pk, made.id)
    (ines,) = client.get("/users.json").json()["data"]
    assert (ines["facts"], ines["sessions"], ines["last_activity_at"]) == (0, 0, None)


@local
def test_counts_end_at_a_thousand_and_say_so(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(userlists, "MOST_COUNTED", 2)
    monkeypatch.setattr(users, "MOST_COUNTED", 2)
    monkeypatch.setattr(userpage, "MOST_COUNTED", 2)
    for number in range(3):
        stored(project, f"Fact {number}.")
    (ines,) = client.get("/users.json").json()["data"]
    assert (ines["facts"], ines["more_than_counted"]) == (2, ["facts"])
    assert ">2" in opened(client, "/users/").text
    assert "Active >2" in opened(client, "/users/ines/").text


@local
@pytest.mark.parametrize(("sort", "first"), [("", "u59"), ("created", "u00"), ("user", "u00")])
@pytest.mark.parametrize("turned", [False, True])
def test_pages_join_without_gap_in_every_order(
    client: Client, project: Project, sort: str, first: str, turned: bool
) -> None:
    for number in range(60):
        seen(project, f"u{number:02}")
    wanted = f"{'-' if turned else ''}{sort}" if sort else "-created"
    order: list[str] = []
    address: str | None = f"/users/?sort={wanted}"
    while address is not None:
        shown = opened(client, address)
        order += [link.split("/")[2] for link in people(shown)]
        following = [str(attrs["href"]) for _, attrs in shown.tags if attrs.get("rel") == "next"]
        address = f"/users/{following[0]}" if following else None
    assert len(order) == 60
    assert order == sorted(order, reverse=wanted.startswith("-"))
    assert order[0] == (first if not (turned and sort) else "u59")


@local
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("an", {"ana", "anb", "an_", "an%"}),
        ("an%", {"an%"}),
        ("an_", {"an_"}),
        ("An", {"Ana"}),
        ("\u00e9", {"\u00e9va"}),
        ("ana", {"ana"}),
        ("\U0001f980", {"\U0001f980crab"}),
        ("b", set()),
    ],
)
def test_a_key_is_found_by_how_it_begins_to_the_letter(
    client: Client, project: Project, text: str, found: set[str]
) -> None:
    for key in ("ana", "anb", "an_", "an%", "Ana", "\u00e9va", "\U0001f980crab", "zan"):
        seen(project, key)
    answer = client.get("/users.json", {"q": text}).json()
    assert {one["user"] for one in answer["data"]} == found


@local
def test_those_with_facts_to_review_are_found(client: Client, project: Project) -> None:
    seen(project, "bo")
    porto = stored(project, "In Porto.", key="home")
    waits(project, "In Lisbon.", porto)
    shown = opened(client, "/users/?to_review=true")
    assert people(shown) == ["/users/ines/"]
    assert "1 fact waits for a decision." in opened(client, "/users/").text
    waits(project, "In Faro.", porto)
    assert "2 facts wait for a decision." in opened(client, "/users/").text
    assert "/inbox/" in shown.links


@local
def test_the_list_takes_as_many_statements_for_ten_and_for_a_hundred(
    client: Client, project: Project
) -> None:
    counts = []
    for many in (10, 100):
        for number in range(many):
            key = f"{many} {number}"
            session(project, [user("Hi")], user=key)
            waits(project, "Or not.", stored(project, "Likes tea.", who=key), who=key)
        client.get("/users/")
        with statements() as ran:
            response = client.get("/users/")
        counts.append(len(ran))
        assert not [one for one in ran if "OFFSET" in one.upper()]
        assert len(response.content) < 100_000
    assert counts[0] == counts[1]


# -- one user ------------------------------------------------------------------------------------


@local
def test_a_user_that_is_not_there_is_told_so(client: Client, project: Project) -> None:
    stored(ensure_project("elsewhere"), "Elsewhere.", who="ines")
    for address in ("/users/ines/", "/user/?key=ines", "/user/", "/user/?key=%00"):
        response = client.get(address)
        assert response.status_code in (404, 422)
        assert "Elsewhere" not in response.content.decode()
    assert client.get("/users/ines.json").status_code == 404


@local
@pytest.mark.parametrize(
    "query", ["?state=gone", "?after=x", "?a=b", "?prompt=maybe", f"?q={'x' * 513}", "?key=x"]
)
def test_what_cannot_be_asked_of_a_user_is_refused(
    client: Client, project: Project, query: str
) -> None:
    seen(project, "ines")
    assert client.get(f"/users/ines/{query}").status_code in (400, 422)
    assert client.get(f"/users/ines.json{query}").status_code in (400, 422)


@local
def test_a_user_of_whom_nothing_is_known_says_so_calmly(client: Client, project: Project) -> None:
    seen(project, "ines")
    text = opened(client, "/users/ines/").text
    assert "Nothing is remembered yet" in text
    assert "no session" in text
    assert "Preferences" not in text


@pytest.fixture
def known(project: Project) -> dict[str, Fact]:
    """Facts in every state."""
    old = stored(project, "Old home.", key="home")
    new = stored(project, "New home.", key="home", pinned=True)
    gone = stored(project, "Gone.")
    Fact.everything.filter(pk=gone.pk).update(status="retired")
    plain = stored(project, "Plain tea.", category="drink")
    waiting = waits(project, "Other home.", new)
    found = {"superseded": old, "pinned": new, "retired": gone, "active": plain}
    return {**found, "quarantined": waiting}


@local
def test_each_segment_has_its_facts_and_their_number(
    client: Client, known: dict[str, Fact]
) -> None:
    texts = {name: fact.text for name, fact in known.items()}
    wanted = {name: {texts[name]} for name in texts}
    wanted["active"] |= wanted["pinned"]
    wanted["all"] = set(texts.values())
    for state, expected in wanted.items():
        answer = client.get("/users/ines.json", {"state": state}).json()
        assert {fact["text"] for fact in answer["data"]} == expected, state
        text = opened(client, f"/users/ines/?state={state}").text
        assert all(one in text for one in expected)
        assert state == "all" or answer["states"][state] == len(expected)
    shown = opened(client, "/users/ines/").text
    for words in ("Active 2", "Pinned 1", "Superseded 1", "Retired 1", "To review 1"):
        assert words in shown


@local
def test_facts_are_found_by_words_and_category_together(
    client: Client, known: dict[str, Fact]
) -> None:
    shown = opened(client, "/users/ines/?state=all&q=tea&category=drink")
    assert [text for text in shown.inside("a") if text == "Plain tea."]
    assert "Gone." not in shown.text
    away = next(link for text, link in shown.chips.items() if text == "category drink")
    assert "category" not in away
    assert "q=tea" in away
    assert "state=all" in away
    nothing = opened(client, "/users/ines/?q=tea&category=profile")
    assert "No fact matches" in nothing.text
    assert nothing.leading_to("Clear filters") == ["/users/ines/"]


@local
def test_a_fact_leads_to_its_page_and_its_message(client: Client, project: Project) -> None:
    made = session(project, [user("I like tea."), user("Yes, I like tea.")], user="ines")
    sources = tuple(
        {"session": str(made.id), "seq": seq, "quote": "I like tea."[: -3 * (seq == 2)].lower()[2:]}
        for seq in (1, 2)
    )
    fact = stored(project, "Likes tea.", sources=sources, valid_us=1_700_000_000_000_000)
    shown = opened(client, "/users/ines/")
    assert f"/facts/{fact.id}/" in shown.links
    assert f"/sessions/{made.id}/m/2/" in shown.links
    assert "since 2023-11-14" in shown.text
    assert "the user" in shown.text
    assert "never" in shown.text
    assert any("/sessions/?user=ines" in link for link in shown.links)


@local
def test_preferences_relations_and_episodes_stand_beside_the_facts(
    client: Client, project: Project
) -> None:
    stored(project, "Window, please.", key="seat", category="preference")
    tie = {"subject": "Ines", "relation": "works at", "object": "Acme"}
    stored(project, "Ines works at Acme.", **tie)
    stored(project, "Acme is in Faro.", subject="Acme", relation="is in", object="Faro")
    stored(project, "Rex barks.", subject="Rex", relation="says", object="wuff")
    Episode.everything.create(
        id=ids.new_id(), project=project, end_user=row_of(project, "ines"), text="They met.",
        begun_us=1, ended_us=2, created_us=3,
    )  # fmt: skip
    shown = opened(client, "/users/ines/")
    assert "seat Window, please." in shown.text
    assert "Ines works at Acme" in shown.text
    assert "They met." in shown.text
    near = opened(client, "/users/ines/?of=Ines")
    assert "Relations of Ines" in near.text
    assert "Acme is in Faro fact two steps" in near.text
    assert "wuff" not in near.text
    twin = client.get("/users/ines.json", {"of": "Ines"}).json()
    assert [one["steps"] for one in twin["relations"]] == [1, 2]
    assert "No fact that holds names it." in opened(client, "/users/ines/?of=Nobody").text


@local
def test_linked_users_are_named_and_those_of_another_project_only_named(
    client: Client, project: Project, store: DurableStore
) -> None:
    for key in ("ines", "bo"):
        seen(project, key)
    other = ensure_project("elsewhere")
    seen(other, "far")
    ines = row_of(project, "ines")
    links.make(store, ines.pk, row_of(project, "bo").pk)
    links.make(store, ines.pk, row_of(other, "far").pk)
    shown = opened(client, "/users/ines/")
    assert "reads also bo , far of elsewhere" in shown.text
    assert "/users/bo/" in shown.links
    assert "reads also" not in opened(client, "/users/bo/").text


@local
def test_what_a_prompt_would_get_is_the_block_of_the_api(client: Client, project: Project) -> None:
    stored(project, "Likes tea & <facts> cake.")
    assert "tokens" not in opened(client, "/users/ines/").text
    shown = opened(client, "/users/ines/?prompt=true")
    block = client.get("/api/v1/users/ines/context").json()
    assert " ".join(block["text"].split()) in shown.text
    assert f"{block['tokens']} tokens, 1 fact" in shown.text
    twin = client.get("/users/ines.json", {"query": "which car?"}).json()
    assert twin["prompt"] == client.get("/api/v1/users/ines/context?query=which car?").json()
    Fact.everything.update(status="retired")
    assert "no active fact holds now" in opened(client, "/users/ines/?query=which+car").text


@local
def test_a_user_takes_as_many_statements_for_ten_facts_and_for_a_hundred(
    client: Client, project: Project
) -> None:
    counts = []
    made = session(project, [user("I like it all.")], user="ines")
    source = {"session": str(made.id), "seq": 1, "quote": "I like it all."}
    for many in (10, 100):
        for number in range(many):
            tie = {"subject": f"s{number}", "object": f"o{number}", "relation": "likes"}
            stored(project, f"Likes {number}.", key=f"{many} {number}", sources=(source,), **tie)
        client.get("/users/ines/")
        with statements() as ran:
            response = client.get("/users/ines/?prompt=true&of=s1")
        counts.append(len(ran))
        assert not [one for one in ran if "OFFSET" in one.upper()]
        assert len(response.content) < 150_000
    assert counts[0] == counts[1]


@local
def test_pages_of_facts_join_without_gap_and_keep_their_filters(
    client: Client, project: Project
) -> None:
    for number in range(70):
        stored(project, f"Fact {number}.", category="odd" if number % 2 else "even")
    found: list[str] = []
    address: str | None = "/users/ines/?category=even&q=fact"
    while address is not None:
        shown = opened(client, address)
        found += [text for text in shown.inside("a") if text.startswith("Fact ")]
        following = [str(attrs["href"]) for _, attrs in shown.tags if attrs.get("rel") == "next"]
        address = following[0] if following else None
    assert found == [f"Fact {number}." for number in range(68, -1, -2)]


# -- adding --------------------------------------------------------------------------------------


def added(client: Client, **sent: str) -> Any:
    return client.post("/facts/new/", {"user": "ines", **sent})


@local
@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"text": ""}, "text"),
        ({"text": "  "}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "x" * 8_001}, "text"),
        ({"text": "Tea.", "category": "c" * 65}, "category"),
        ({"text": "Tea.", "key": "k" * 256}, "key"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(
    client: Client, project: Project, sent: dict[str, str], param: str
) -> None:
    stored(project, "Before.")
    response = added(client, **sent)
    assert response.status_code == 422
    shown = Listed(response)
    wrong = [attrs for _, attrs in shown.tags if attrs.get("aria-invalid")]
    assert [attrs["name"] for attrs in wrong] == [param]
    typed = [*shown.values("value"), shown.text]
    for value in sent.values():
        assert any(value.strip() in one for one in typed)
    assert Fact.everything.count() == 1
    assert any(tag == "details" and "open" in attrs for tag, attrs in shown.tags)
    assert "/users/ines/?state=retired" in shown.links


@local
def test_a_fact_of_nobody_known_is_not_stored(client: Client, project: Project) -> None:
    assert added(client, text="Tea.").status_code == 404
    assert not EndUser.objects.of(project.pk).exists()


@local
def test_a_fact_is_added_by_the_word_of_who_adds_it(client: Client, project: Project) -> None:
    old = stored(project, "Coffee.", key="drink")
    response = added(client, text="Tea,\r\nreally.", key="drink", category="taste")
    assert response.status_code == 302
    assert "1 fact stored." in opened(client, response.headers["Location"]).text
    fact = Fact.everything.get(text="Tea,\nreally.")
    assert (fact.trust, fact.category, fact.key) == ("editor", "taste", "drink")
    assert now(old).superseded_by == fact.id


# -- many at once --------------------------------------------------------------------------------


def ticked(found: list[Fact], **more: str) -> dict[str, Any]:
    return {"fact": [str(fact.id) for fact in found], "user": "ines", **more}


@local
@pytest.mark.parametrize(
    "sent",
    [
        {"do": "erase"},
        {"do": "retire", "fact": "x"},
        {"do": "retire", "reason": "x" * 256},
        {"do": "retire", "list": "?nonsense=1"},
        {"do": "retire", "list": f"?q={'x' * 600}"},
    ],
)
def test_what_a_form_cannot_have_sent_changes_nothing(
    client: Client, project: Project, sent: dict[str, str]
) -> None:
    fact = stored(project, "Tea.")
    answer = client.post("/facts/bulk/", {**ticked([fact], sure="true"), **sent})
    assert answer.status_code == 422
    assert (now(fact).status, now(fact).revision) == ("active", 1)


@local
def test_an_undo_that_has_nowhere_to_lead_back_to_undoes_nothing(
    client: Client, project: Project
) -> None:
    fact = stored(project, "Tea.")
    done = client.post("/facts/bulk/", ticked([fact], do="pin", sure="true"))
    undo = Form(client.get(done.headers["Location"])).sent("/facts/undo/", list="?nonsense=1")
    assert client.post("/facts/undo/", undo).status_code == 422
    assert now(fact).pinned


@local
def test_a_question_names_the_number_and_changes_nothing(client: Client, project: Project) -> None:
    found = [stored(project, f"Tea {number}.") for number in range(7)]
    question = Form(client.post("/facts/bulk/", ticked(found, do="retire")))
    for words in ("Retire 7 facts?", "Tea 4.", "and 2 more", "They hold no longer"):
        assert words in question.text
    assert "Tea 5." not in question.text
    assert {now(fact).revision for fact in found} == {1}
    assert "No fact is selected" in Form(client.post("/facts/bulk/", ticked([], do="pin"))).text


@local
@pytest.mark.parametrize("do", ["retire", "pin"])
def test_many_are_changed_with_a_reason_and_put_back(
    client: Client, project: Project, do: str
) -> None:
    found = [stored(project, f"Tea {number}.") for number in range(3)]
    here = "?state=all&q=tea"
    question = Form(client.post("/facts/bulk/", ticked(found, do=do, list=here)))
    sent = question.sent("/facts/bulk/", reason="Tidying up.")
    done = client.post("/facts/bulk/", sent)
    address = done.headers["Location"]
    assert address.startswith("/users/ines/?state=all&q=tea&told=")
    shown = Form(client.get(address))
    assert "3 facts" in shown.text
    assert all(now(fact).revision == 2 for fact in found)
    history = client.get(f"/api/v1/facts/{found[0].id}/history").json()["data"]
    assert history[-1]["reason"] == "Tidying up."
    back = client.post("/facts/undo/", shown.sent("/facts/undo/"))
    assert "3 facts put back as before." in opened(client, back.headers["Location"]).text
    assert all((now(fact).status, now(fact).pinned) == ("active", False) for fact in found)


@local
def test_an_undo_leaves_what_somebody_changed_since(client: Client, project: Project) -> None:
    first, second = (stored(project, f"Tea {number}.") for number in range(2))
    done = client.post("/facts/bulk/", ticked([first, second], do="pin", sure="true"))
    undo = Form(client.get(done.headers["Location"])).sent("/facts/undo/")
    client.post(f"/api/v1/facts/{first.id}/unpin", content_type="application/json")
    client.post(f"/api/v1/facts/{first.id}/pin", content_type="application/json")
    back = opened(client, client.post("/facts/undo/", undo).headers["Location"])
    assert "1 fact put back" in back.text
    assert "1 left as it is: 1 changed meanwhile." in back.text
    assert now(first).pinned
    assert not now(second).pinned


@local
def test_what_is_so_already_or_gone_is_counted(client: Client, project: Project) -> None:
    pinned, plain = stored(project, "Tea.", pinned=True), stored(project, "Cake.")
    sent = ticked([pinned, plain], do="pin", sure="true")
    sent["fact"].append(str(ids.new_id()))
    shown = opened(client, client.post("/facts/bulk/", sent).headers["Location"])
    assert "1 fact pinned." in shown.text
    assert "1 was pinned already." in shown.text
    assert "1 not found" in shown.text


@local
@pytest.mark.parametrize("text", ["", "x", "a:b:c"])
def test_nobody_undoes_what_we_have_not_signed(client: Client, project: Project, text: str) -> None:
    assert client.post("/facts/undo/", {"user": "ines", "told": text}).status_code == 422


@local
def test_a_deed_is_of_its_project_alone(client: Client, project: Project) -> None:
    other = ensure_project("elsewhere")
    fact = stored(other, "Tea.", who="ines")
    seen(project, "ines")
    told = deeds.write(other.pk, deeds.Deed("pin", [[(fact.pk, 2)]]))
    assert client.post("/facts/undo/", {"user": "ines", "told": told}).status_code == 422
    shown = opened(client, f"/users/ines/?told={quote(told)}")
    assert "pinned." not in shown.text
    sent = ticked([fact], do="retire", sure="true")
    assert (
        "1 not found" in opened(client, client.post("/facts/bulk/", sent).headers["Location"]).text
    )
    assert now(fact).status == "active"


# -- who may -------------------------------------------------------------------------------------


def test_a_viewer_sees_and_takes_away_and_changes_nothing(
    client: Client, project: Project, settings: Settings
) -> None:
    fact = stored(project, "Tea.")
    told = deeds.write(project.pk, deeds.Deed("pin", [[(fact.pk, 1)]]))
    with member(client, settings, "viewer"):
        shown = opened(client, f"/users/ines/?told={quote(told)}")
        for control in ("Add a fact", "Retire ", "Undo"):
            assert control not in shown.text.replace("Retired", "")
        assert "Tea." in shown.text
        assert shown.count("input type=checkbox") == 0
        assert client.get("/users/").status_code == 200
        assert client.post("/facts/new/", {"user": "ines", "text": "x"}).status_code == 403
        assert client.post("/facts/bulk/", ticked([fact], do="pin")).status_code == 403
        assert client.post("/facts/undo/", {"told": told}).status_code == 403
        assert client.post("/user/export/", {"user": "ines"}).status_code == 200
    assert now(fact).revision == 1


def test_an_editor_changes_and_is_named_in_the_history(
    client: Client, project: Project, settings: Settings
) -> None:
    fact = stored(project, "Tea.")
    with member(client, settings, "editor"):
        sent = ticked([fact], do="pin", sure="true")
        assert client.post("/facts/bulk/", sent).status_code == 302
        assert client.get(f"/facts/{fact.id}.json").json()["pinned"]
    assert FactRevision.objects.get(fact=fact.pk).editor == "editor"


@local
def test_the_export_is_that_of_the_api_as_a_file(client: Client, project: Project) -> None:
    stored(project, "Tea.", who="..")
    response = client.post("/user/export/", {"user": ".."})
    assert "attachment" in response.headers["Content-Disposition"]
    told = response.json()
    assert (told["user"], [fact["text"] for fact in told["facts"]]) == ("..", ["Tea."])
    assert client.post("/user/export/", {"user": "nobody"}).status_code == 404
    assert client.get("/user/export/").status_code == 405


def test_forms_ask_for_the_token(project: Project, settings: Settings) -> None:
    settings.HOLDFAST_LOCAL = True
    strict = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    fact = stored(project, "Tea.")
    for address in ("/facts/new/", "/facts/bulk/", "/facts/undo/", "/user/export/"):
        assert strict.post(address, ticked([fact], do="pin", sure="true")).status_code == 403
    assert now(fact).revision == 1
