"""A user reads the facts of another one, of another project, by a link and by nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.projects import ensure_project
from memory_app import contextfacts, endusers, facts, factsearch, links, relations, telling
from memory_app.facts import By, Stated
from memory_app.models import Fact, FactRevision, UserLink
from sessions_app import clock
from sessions_app.core import errors
from sessions_app.store import get_store
from sessions_app.store.base import NewSession
from tests.api.test_document import fits
from tests.examples import examples
from tests.personas import Persona, answer, refused

BEES = "Keeps bees in Lisbon."
TIED = {"subject": "Ann", "object": "bees"}
NOON, EVENING = "1970-01-01T12:00:00Z", "1970-01-03T12:00:00Z"
DAY = 86_400_000_000


@pytest.fixture
def session(owner: Persona) -> str:
    """A session of the owner's alice."""
    made = owner.opened(user="alice")["id"]
    owner.said(made, "Good morning!")
    return str(made)


def stored(whose: Persona, text: str = BEES, user: str = "alice", **fields: Any) -> dict[str, Any]:
    body = {"user": user, "text": text, **TIED, **fields}
    made: dict[str, Any] = answer(whose.post("/facts", body), 201)
    return made


def row(whose: Persona, user: str = "alice") -> int:
    found = get_store().end_user(whose.project.pk, user)
    assert found is not None
    return found


def link(reader: Persona, linked: Persona, user: str = "alice") -> tuple[int, int]:
    pair = row(reader), row(linked, user)
    links.make(get_store(), *pair)
    return pair


def context(owner: Persona, session: str, **asked: Any) -> dict[str, Any]:
    query = urlencode({"query": "Who keeps bees?", **asked})
    found: dict[str, Any] = answer(owner.get(f"/sessions/{session}/context?{query}"))
    return found


def in_context(owner: Persona, session: str, **asked: Any) -> list[str]:
    return [fact for part in context(owner, session, **asked)["parts"] for fact in part["facts"]]


def search(owner: Persona, user: str = "alice", **more: Any) -> list[dict[str, Any]]:
    body = {"user": user, "query": "bees", "limit": 50, **more}
    found: list[dict[str, Any]] = answer(owner.post("/facts/search", body))["data"]
    return found


def related(owner: Persona, user: str = "alice", **more: Any) -> list[dict[str, Any]]:
    path = f"/users/{quote(user)}/relations?{urlencode({'of': 'Ann', **more})}"
    return [one["fact"] for one in answer(owner.get(path))["data"]]


def block(owner: Persona, user: str = "alice") -> list[str]:
    found: list[str] = answer(owner.get(f"/users/{user}/context"))["facts"]
    return found


def read(owner: Persona, session: str) -> list[set[str]]:
    """The ids of facts that each way of reading gives now."""
    return [
        set(in_context(owner, session)),
        {one["id"] for one in search(owner)},
        {one["id"] for one in related(owner)},
        set(block(owner)),
    ]


# ── What crosses ─────────────────────────────────────────────────────────────────────────────


def test_i10_without_a_link_nothing_crosses(
    owner: Persona, stranger: Persona, session: str
) -> None:
    stored(stranger)
    assert in_context(owner, session) == []
    assert search(owner) == []
    own = stored(owner, "Keeps no bees.")["id"]
    assert read(owner, session) == [{own}] * 4


def test_a_link_lets_facts_be_read_everywhere_and_ends_at_once(
    owner: Persona, stranger: Persona, session: str
) -> None:
    own, theirs = stored(owner, "Keeps no bees.")["id"], stored(stranger)["id"]
    pair = link(owner, stranger)
    assert read(owner, session) == [{own, theirs}] * 4
    assert BEES in str(context(owner, session)["messages"])
    assert links.remove(get_store(), *pair)
    assert read(owner, session) == [{own}] * 4
    assert not links.remove(get_store(), *pair)


def test_a_user_without_facts_of_their_own_reads_linked_ones(
    owner: Persona, stranger: Persona, session: str
) -> None:
    theirs = stored(stranger)["id"]
    link(owner, stranger)
    assert read(owner, session) == [{theirs}] * 4


def test_i10_a_link_goes_one_way_and_one_step(
    owner: Persona, stranger: Persona, session: str
) -> None:
    stored(owner)
    middle = stored(stranger, user="bob")["id"]
    far = stored(stranger, user="carol")
    links.make(get_store(), row(owner), row(stranger, "bob"))
    links.make(get_store(), row(stranger, "bob"), row(stranger, "carol"))
    assert far["id"] not in {one["id"] for one in search(owner)}
    assert middle in {one["id"] for one in search(owner)}
    assert {one["id"] for one in search(stranger, "bob")} == {middle, far["id"]}
    assert {one["id"] for one in search(stranger, "carol")} == {far["id"]}
    assert block(stranger, "carol") == [far["id"]]


def test_users_who_read_each_other_read_two_lots_of_facts(
    owner: Persona, stranger: Persona, session: str
) -> None:
    own, theirs = stored(owner, "Keeps no bees.")["id"], stored(stranger)["id"]
    link(owner, stranger)
    link(stranger, owner)
    assert read(owner, session) == [{own, theirs}] * 4
    assert {one["id"] for one in search(stranger)} == {own, theirs}


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": Fact.QUARANTINED},
        {"status": Fact.SUPERSEDED},
        {"status": Fact.RETIRED},
        {"valid_us": 2**60},
        {"invalid_us": 1},
    ],
)
def test_what_does_not_stand_or_hold_is_not_read_over_a_link(
    owner: Persona, stranger: Persona, session: str, wrong: dict[str, Any]
) -> None:
    theirs = stored(stranger)
    link(owner, stranger)
    Fact.everything.filter(id=theirs["id"]).update(**wrong)
    assert read(owner, session) == [set()] * 4


def test_the_facts_of_a_deleted_session_are_not_read_over_a_link(
    owner: Persona, stranger: Persona, session: str
) -> None:
    theirs = stranger.opened(user="alice")["id"]
    body = {"session": theirs, "text": BEES, **TIED}
    fact = answer(stranger.post("/facts", body), 201)["id"]
    link(owner, stranger)
    assert read(owner, session) == [{fact}] * 4
    assert stranger.delete(f"/sessions/{theirs}").status_code == 204
    assert read(owner, session) == [set()] * 4


def test_of_two_with_one_key_the_own_one_stands(
    owner: Persona, stranger: Persona, session: str
) -> None:
    theirs = stored(stranger, "Bees, says the other.", key="hobby")["id"]
    link(owner, stranger)
    assert read(owner, session) == [{theirs}] * 4
    own = stored(owner, "Bees, says the user.", key="hobby")["id"]
    assert read(owner, session) == [{own}] * 4
    answer(owner.post(f"/facts/{own}/retire", {}))
    assert read(owner, session) == [{theirs}] * 4
    here = {"session": session, "text": "Bees.", "key": "hobby", **TIED}
    own = answer(owner.post("/facts", here), 201)["id"]
    assert read(owner, session) == [{own}] * 4
    at = answer(owner.get(f"/sessions/{session}"))["version"]
    assert in_context(owner, session, at=at) == [own]


def test_turns_episodes_and_counts_are_not_shared(
    owner: Persona, stranger: Persona, session: str
) -> None:
    theirs = stranger.opened(user="alice")["id"]
    stranger.said(theirs, "My bees live on the roof of the theatre.")
    body = {"user": "alice", "summary": "Moved the bees.", "from": NOON, "to": NOON}
    answer(stranger.post("/episodes", body), 201)
    stored(stranger, key="hobby")
    link(owner, stranger)
    found = answer(owner.post(f"/sessions/{session}/recall", {"query": "Where do my bees live?"}))
    assert "theatre" not in str(found)
    assert "theatre" not in str(context(owner, session, query="Where do my bees live?"))
    assert len(answer(stranger.get("/episodes?user=alice"))["data"]) == 1
    assert answer(owner.get("/episodes?user=alice"))["data"] == []
    user = answer(owner.get("/users/alice"))
    assert (user["facts"], user["preferences"]) == (0, {})
    assert answer(owner.get("/users/alice/export"))["facts"] == []


# ── As of a version or a time ────────────────────────────────────────────────────────────────


def test_i14_as_of_a_version_what_was_linked_by_then_is_read_as_it_was(
    owner: Persona, stranger: Persona, session: str
) -> None:
    before = answer(owner.get(f"/sessions/{session}"))["version"]
    fact = stored(stranger, "Keeps red bees.")["id"]
    pair = link(owner, stranger)
    version = owner.said(session, "And now?")["version"]
    assert in_context(owner, session, at=version) == [fact]
    answer(stranger.patch(f"/facts/{fact}", {"text": "Keeps blue bees."}))
    owner.said(session, "And then?")
    assert "red bees" in str(context(owner, session, at=version)["messages"])
    assert "blue bees" in str(context(owner, session)["messages"])
    assert in_context(owner, session, at=before) == []
    links.remove(get_store(), *pair)
    assert in_context(owner, session, at=version) == []


def test_i14_a_link_made_later_changes_no_context_of_an_older_version(
    owner: Persona, stranger: Persona, session: str
) -> None:
    fact = stored(stranger, pinned=True)["id"]
    version = owner.said(session, "And now?")["version"]
    owner.said(session, "And then?")
    digest = context(owner, session, at=version)["digest"]
    link(owner, stranger)
    assert context(owner, session, at=version)["digest"] == digest
    assert in_context(owner, session) == [fact]


def test_at_a_time_what_was_linked_and_known_then_is_found(
    owner: Persona, stranger: Persona
) -> None:
    fact = stored(stranger, "Keeps red bees.")["id"]
    answer(stranger.patch(f"/facts/{fact}", {"text": "Keeps blue bees."}))
    stored(stranger, "Says the other: bees.", key="hobby")
    own = stored(owner, "Says the user: bees.", key="hobby")["id"]
    link(owner, stranger)
    # As if each had been done on a day of its own.
    Fact.everything.update(created_us=0)
    UserLink.objects.update(created_us=2 * DAY)
    FactRevision.objects.update(created_us=4 * DAY)
    assert [one["id"] for one in search(owner, at=NOON)] == [own]
    assert [one["id"] for one in related(owner, at=NOON)] == [own]
    texts = {"Keeps red bees.", "Says the user: bees."}
    assert {one["text"] for one in search(owner, at=EVENING)} == texts
    assert {one["text"] for one in related(owner, at=EVENING)} == texts


# ── How it is told ───────────────────────────────────────────────────────────────────────────


def test_a_linked_fact_is_told_without_where_it_was_said(owner: Persona, stranger: Persona) -> None:
    theirs = stranger.opened(user="bob")["id"]
    stranger.said(theirs, "I keep bees.")
    sources = [{"session": theirs, "seq": 1, "quote": "keep bees"}]
    about = {"sources": sources, "metadata": {"ticket": theirs}, "session": theirs}
    fact = answer(stranger.post("/facts", {"text": BEES, **TIED, **about}), 201)
    own = stored(owner)
    link(owner, stranger, "bob")
    published = answer(owner.get("/openapi.json"))
    body = answer(owner.post("/facts/search", {"user": "alice", "query": "bees"}))
    assert fits(body, published["components"]["schemas"]["FoundFacts"], published)
    for found in (body["data"], related(owner)):
        (told,) = (one for one in found if one["id"] == fact["id"])
        expected = {**fact, "session": None, "sources": [], "metadata": {}, "linked": True}
        del expected["durable"], expected["durable_by"]
        assert {name: told[name] for name in expected} == expected
        assert theirs not in str(found)
        (mine,) = (one for one in found if one["id"] == own["id"])
        assert "linked" not in mine


def test_i10_a_linked_fact_is_no_fact_of_the_readers_project(
    owner: Persona, stranger: Persona, session: str
) -> None:
    theirs = stored(stranger, "Keeps bees.", pinned=True)
    link(owner, stranger)
    assert in_context(owner, session) == [theirs["id"]]
    path = f"/facts/{theirs['id']}"
    for ending in ("", "/history", "/uses"):
        refused(owner.get(f"{path}{ending}"), 404, "not_found")
    refused(owner.patch(path, {"text": "Keeps wasps."}), 404, "not_found")
    for verb in ("retire", "pin", "unpin", "accept"):
        refused(owner.post(f"{path}/{verb}", {}), 404, "not_found")
    assert answer(owner.get("/facts"))["data"] == []
    own = stored(owner, "Keeps bees.")
    into = {"into": theirs["id"]}
    assert owner.post(f"/facts/{own['id']}/merge", into).status_code in (404, 422)
    stored(owner, "Keeps bees, too.", key="hobby")
    assert answer(stranger.get(path)) == {
        name: value for name, value in theirs.items() if not name.startswith("durable")
    }


def test_i10_uses_in_a_readers_sessions_are_told_to_the_reader_alone(
    owner: Persona, stranger: Persona, session: str
) -> None:
    theirs = stored(stranger, pinned=True)
    link(owner, stranger)
    kept = answer(owner.get(f"/sessions/{session}/context?record=true"))
    assert in_context(owner, session) == [theirs["id"]]
    assert [one["uses"] for one in search(owner)] == [1]
    assert answer(stranger.get(f"/facts/{theirs['id']}/uses"))["data"] == []
    assert answer(stranger.get(f"/facts/{theirs['id']}"))["uses"] == 0
    assert kept["id"] not in str(answer(stranger.get("/users/alice/export")))


def test_a_kept_context_is_proved_also_when_the_link_has_ended(
    owner: Persona, stranger: Persona, session: str
) -> None:
    theirs = stored(stranger, "Keeps red bees.", pinned=True)["id"]
    pair = link(owner, stranger)
    kept = context(owner, session, record="true")
    answer(stranger.patch(f"/facts/{theirs}", {"text": "Keeps blue bees."}))
    links.remove(get_store(), *pair)
    shown = answer(owner.get(f"/contexts/{kept['id']}"))
    assert (shown["proved"], shown["differs"]) == (True, [])
    assert "Keeps red bees." in str(shown["messages"])


# ── Making and erasing ───────────────────────────────────────────────────────────────────────


def test_a_link_is_made_once_and_never_to_oneself(owner: Persona, stranger: Persona) -> None:
    link(owner, stranger)
    link(owner, stranger)
    assert UserLink.objects.count() == 1
    with pytest.raises(errors.InvalidField):
        link(owner, owner)


def test_a_user_who_is_gone_cannot_be_linked(owner: Persona, stranger: Persona) -> None:
    stored(stranger)
    gone = row(stranger)
    answer(stranger.delete("/users/alice"))
    for pair in ((row(owner), gone), (gone, row(owner))):
        with pytest.raises(errors.NotFound):
            links.make(get_store(), *pair)
    assert not UserLink.objects.exists()


@pytest.mark.parametrize("whose", ["reader", "linked"])
def test_an_erasure_takes_the_links_of_a_user_along(
    owner: Persona, stranger: Persona, session: str, whose: str
) -> None:
    stored(stranger)
    stranger.opened(user="alice")
    link(owner, stranger)
    links.make(get_store(), row(stranger, "bob"), row(stranger, "carol"))
    erased = owner if whose == "reader" else stranger
    receipt = answer(erased.delete("/users/alice"))
    assert receipt["counts"]["links"] == 1
    assert (receipt["kept"]["sessions"], UserLink.objects.count()) == (1, 1)
    stored(stranger)
    assert read(owner, session)[:2] == [set(), set()]


def test_what_is_held_for_searches_follows_links(
    transactional_db: None, owner: Persona, stranger: Persona
) -> None:
    own, theirs = stored(owner, "Keeps no bees.")["id"], stored(stranger)["id"]
    for _ in range(2):
        assert [one["id"] for one in search(owner)] == [own]
    pair = link(owner, stranger)
    for _ in range(2):
        assert {one["id"] for one in search(owner)} == {own, theirs}
    assert links.remove(get_store(), *pair)
    for _ in range(2):
        assert [one["id"] for one in search(owner)] == [own]
    link(owner, stranger)
    assert len(search(owner)) == 2
    answer(stranger.delete("/users/alice"))
    assert [one["id"] for one in search(owner)] == [own]


def test_many_facts_of_a_linked_user_crowd_out_none_of_the_users_own(
    owner: Persona, stranger: Persona, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "MOST", 3)
    monkeypatch.setattr(contextfacts, "MOST_FACTS", 3)
    own = {stored(owner, f"Keeps {n} bees.")["id"] for n in range(2)}
    theirs = {stored(stranger, f"Keeps {n} wild bees.", pinned=True)["id"] for n in range(5)}
    link(owner, stranger)
    for found in read(owner, session):
        assert own < found
        assert len(found & theirs) == 1


# ── Any users, links and facts ───────────────────────────────────────────────────────────────

USERS = [(project, user) for project in ("default", "elsewhere", "third") for user in ("a", "b")]
WHO = st.integers(0, len(USERS) - 1)
FACTS = st.lists(st.tuples(WHO, st.sampled_from(["", "k", "l"]), st.booleans()), max_size=12)
LINKS = st.lists(st.tuples(WHO, WHO), max_size=8)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=FACTS, linked=LINKS, removed=LINKS)
def test_i10_what_is_read_is_exactly_ones_own_and_what_is_directly_linked(
    db: None,
    made: list[tuple[int, str, bool]],
    linked: list[tuple[int, int]],
    removed: list[tuple[int, int]],
) -> None:
    store = get_store()
    Fact.everything.all().delete()
    UserLink.objects.all().delete()
    projects = [ensure_project(project).pk for project, _ in USERS]
    rows = [store.end_user(projects[who], user) or 0 for who, (_, user) in enumerate(USERS)]
    active: dict[int, dict[UUID, str]] = {who: {} for who in range(len(USERS))}
    for number, (who, key, stays) in enumerate(made):
        text, user = f"Keeps {number} bees.", USERS[who][1]
        stated = Stated(text, user=user, key=key, subject="Ann", object="bees")
        (fact,) = facts.keep(store, projects[who], [stated], By("tester")).facts
        kept = {one: named for one, named in active[who].items() if not key or named != key}
        active[who] = {**kept, fact.id: key} if stays else kept
        if not stays:
            facts.change(store, projects[who], fact.id, facts.retiring, By("tester"))
    pairs = {(one, other) for one, other in linked if one != other}
    for one, other in pairs:
        links.make(store, rows[one], rows[other])
    for one, other in pairs & set(removed):
        links.remove(store, rows[one], rows[other])
    for who in active:
        expected = _expected(active, who, pairs - set(removed))
        for found in _read(projects[who], USERS[who][1]):
            assert found == expected


def _expected(
    active: Mapping[int, Mapping[UUID, str]], who: int, pairs: set[tuple[int, int]]
) -> set[str]:
    keys = set(active[who].values()) - {""}
    theirs = [active[other] for reader, other in pairs if reader == who]
    crossing = {fact for some in theirs for fact, key in some.items() if key not in keys}
    return {str(fact) for fact in {*active[who], *crossing}}


def _read(project: int, user: str) -> list[set[str]]:
    """The ids of facts that each way of reading gives, now and as of now."""
    store, now = get_store(), clock.now_us() + 1
    found = endusers.one(store, project, user)
    session = store.open(project, NewSession(user=user)).session
    query = {"user": user, "query": "bees", "limit": 50}
    near: dict[str, Any] = {"of": "Ann", "limit": 500}
    times: list[dict[str, Any]] = [{}, {"at": now}]
    searches = [factsearch.hits(store, project, query | at) for at in times]
    walks = [relations.page(store, project, found, near | at)[0] for at in times]
    contexts = [contextfacts.of_user(store, session, "", at) for at in (None, now + 1)]
    return [
        *({str(one.id) for one in told} for told in contexts),
        *({one["id"] for one in hits} for hits in searches),
        *({one["fact"]["id"] for one in walk} for walk in walks),
        set(telling.block(store, project, found, tokens=100_000)["facts"]),
    ]
