"""Contexts from Redis: which are kept, when one counts, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from memory_app import context as building
from memory_app import endusers, facts, hotcontexts, links
from memory_app.facts import Stated
from memory_app.hotcontexts import Wanted
from sessions_app.core import errors
from sessions_app.core.hotvalues import MOST_OCTETS
from sessions_app.store import epochs
from sessions_app.store.base import Edit, NewSession
from sessions_app.store.hot import LASTING_MS, PASSING_MS
from sessions_app.store.tiered import TieredStore
from tests.hot import asking
from tests.hot.asking import context, counted, hits, key, plain, tail
from tests.servers import free_port
from tests.store.saying import filled, said, turn

PROVIDER = "tests.hot.test_contexts.Weather"


class Weather:
    """A host's own code that has something to say."""

    name, tokens, deadline_ms = "weather", 100, 1_000

    def __call__(self, _: object) -> str:
        return "It rains."


def of_a_user(store: TieredStore, project: int, user: str = "alice") -> UUID:
    session = store.open(project, NewSession(user=user)).session.id
    store.append(project, session, turn("hello"))
    return session


def remembered(project: int, text: str, user: str = "alice") -> None:
    facts.keep(plain(), project, [Stated(text=text, user=user, pinned=True)], facts.By("test"))


def names(url: str, session: UUID) -> set[bytes]:
    """What is kept of a session."""
    with asking.client(url) as client:
        found = client.hkeys(key(session))
    assert isinstance(found, list)
    return {name for name in found if name.startswith((b"context:", b"tail"))}


# -- checked against the session row ---------------------------------------------------------------


def test_a_context_is_built_once_for_a_version(
    tiered: TieredStore, project: int, built: list[int]
) -> None:
    session = filled(tiered, project)
    first, second = (context(tiered, project, session) for _ in range(2))
    tiered.append(project, session, turn("more"))
    third = context(tiered, project, session)
    assert first == second
    assert third["version"] == first["version"] + 2
    assert built == [first["version"], third["version"]]


def test_a_kept_context_is_the_answer_to_the_byte_but_for_its_id_and_time(
    tiered: TieredStore, project: int
) -> None:
    session = filled(tiered, project)
    wanted = Wanted(project, session, building.Ask(tokens=500))
    first, second = (hotcontexts.answer(tiered, wanted) for _ in range(2))
    assert hits(tiered) == 1
    one, two = orjson.loads(first), orjson.loads(second)
    assert list(one) == list(two)
    assert one["id"] != two["id"]
    assert orjson.dumps({**one, "id": two["id"], "took_ms": two["took_ms"]}) == second


@pytest.mark.parametrize(
    "ask",
    [
        {"tokens": 400},
        {"tokens": 500},
        {"form": "anthropic"},
        {"form": "responses"},
        {"query": "question 1"},
        {"query": "question 2"},
        {"policy": "last_turns"},
        {"at": 3},
        {"at": 5},
    ],
)
def test_each_way_of_asking_has_an_answer_of_its_own(
    tiered: TieredStore, project: int, ask: dict[str, Any]
) -> None:
    session = filled(tiered, project, turns=6)
    for stale in (0, 60):
        context(tiered, project, session, max_stale=stale)
        context(tiered, project, session, max_stale=stale, tokens=300)
        context(tiered, project, session, max_stale=stale, query="question 3")
    for stale in (0, 60, 60):
        found = context(tiered, project, session, max_stale=stale, **ask)
        assert found == context(plain(), project, session, **ask)


def test_a_policy_of_the_session_that_changes_changes_its_context(
    tiered: TieredStore, project: int
) -> None:
    session = filled(tiered, project)
    context(tiered, project, session)
    tiered.edit(project, session, Edit(policy="last_turns"))
    assert context(tiered, project, session)["policy"]["name"] == "last_turns"


def test_a_named_policy_with_a_new_version_is_not_answered_by_the_old_one(
    tiered: TieredStore, project: int
) -> None:
    from memory_app import policies

    policies.put(tiered, project, "mine", {"strategy": "last_turns", "turns": 3})
    session = filled(tiered, project)
    context(tiered, project, session, policy="mine", max_stale=60)
    policies.put(tiered, project, "mine", {"strategy": "last_turns", "turns": 1})
    found = context(tiered, project, session, policy="mine")
    assert found["policy"] == {"name": "mine", "version": 2}


def test_what_becomes_known_of_a_user_is_in_the_next_context(
    tiered: TieredStore, project: int
) -> None:
    session = of_a_user(tiered, project)
    before = context(tiered, project, session)
    remembered(project, "Alice eats no meat")
    after = context(tiered, project, session)
    assert before["version"] == after["version"]
    assert "no meat" in orjson.dumps(after["messages"]).decode()
    assert hits(tiered) == 0


def test_a_hosts_own_texts_are_asked_for_each_time_and_never_kept(
    tiered: TieredStore, redis_url: str, project: int, settings: Any
) -> None:
    settings.HOLDFAST_CONTEXT_PROVIDERS = [PROVIDER]
    session = filled(tiered, project)
    for stale in (0, 60):
        parts = context(tiered, project, session, max_stale=stale)["parts"]
        assert "weather" in [part["name"] for part in parts]
    assert names(redis_url, session) == set()


def test_inside_a_transaction_nothing_is_taken_from_redis_or_sent_there(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = filled(tiered, project)
    context(tiered, project, session, max_stale=60)
    before = names(redis_url, session)
    with transaction.atomic():
        tiered.append(project, session, turn("not yet"))
        assert "not yet" in str(context(tiered, project, session, max_stale=60))
        assert "not yet" in str(tail(tiered, project, session, max_stale=60))
        assert names(redis_url, session) == before
        transaction.set_rollback(True)
    assert "not yet" not in str(context(tiered, project, session))
    assert hits(tiered) == 1


def test_redis_hears_of_a_change_when_the_callers_transaction_commits(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = filled(tiered, project)
    context(tiered, project, session)
    with transaction.atomic():
        tiered.append(project, session, turn("now"))
        assert len(names(redis_url, session)) == 1
    assert names(redis_url, session) == set()


def test_a_context_larger_than_a_value_may_be_is_not_kept(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = filled(tiered, project)
    tiered.append(project, session, [said("x" * MOST_OCTETS)])
    assert context(tiered, project, session) == context(plain(), project, session)
    assert names(redis_url, session) == set()
    assert counted(tiered, "too_large") == 1


def test_many_ways_of_asking_do_not_pile_up(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = filled(tiered, project)
    for tokens in range(100, 300):
        context(tiered, project, session, tokens=tokens)
    assert 0 < len(names(redis_url, session)) <= 32


def test_what_may_hold_texts_of_other_sessions_is_kept_no_longer_than_it_is_believed(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    alone, theirs = filled(tiered, project), of_a_user(tiered, project)
    for session in (alone, theirs):
        context(tiered, project, session, max_stale=60)
        tail(tiered, project, session, max_stale=60)
    with asking.client(redis_url) as client:
        assert PASSING_MS < client.pttl(key(alone)) <= LASTING_MS
        assert 0 < client.pttl(key(theirs)) <= PASSING_MS
        client.pexpire(key(alone), 10_000)
        context(tiered, project, alone)
        assert client.pttl(key(alone)) > 10_000


# -- some seconds old ------------------------------------------------------------------------------


@contextmanager
def changed_behind(store: TieredStore) -> Iterator[TieredStore]:
    """The same database by a process that does not reach this Redis."""
    yield TieredStore("default", asking.tier(f"redis://127.0.0.1:{free_port()}/0").hot)


def test_who_takes_what_is_old_is_answered_without_the_database(
    tiered: TieredStore, project: int
) -> None:
    session = of_a_user(tiered, project)
    expected = context(tiered, project, session, max_stale=30)
    rows = tail(tiered, project, session, max_stale=30)
    attempts = counted(tiered, "attempts")
    with CaptureQueriesContext(connection) as statements, refused_statements():
        assert context(tiered, project, session, max_stale=30) == expected
        assert tail(tiered, project, session, max_stale=30) == rows
    assert len(statements) == 0
    assert counted(tiered, "attempts") == attempts + 2


@contextmanager
def refused_statements() -> Iterator[None]:
    """The store's statements go below Django's cursors: they fail while this holds."""
    held = connection.connection
    connection.connection = Nothing()
    try:
        yield
    finally:
        connection.connection = held


class Nothing:
    """A driver's connection that nothing may be asked of."""

    def execute(self, statement: str, *_: object) -> None:
        raise AssertionError(statement)


def test_an_old_answer_says_of_which_version_it_is_and_a_fresh_one_is_fresh(
    tiered: TieredStore, project: int
) -> None:
    session = filled(tiered, project)
    then = context(tiered, project, session, max_stale=60)
    with changed_behind(tiered) as other:
        other.append(project, session, turn("meanwhile"))
    assert context(tiered, project, session, max_stale=60)["version"] == then["version"]
    now = context(tiered, project, session)
    assert now["version"] == then["version"] + 2
    assert now == context(plain(), project, session)
    # And from then on, nobody is told what is older.
    assert context(tiered, project, session, max_stale=60) == now


@pytest.mark.parametrize(("age", "max_stale", "told"), [(9, 10, "old"), (11, 10, "new")])
def test_nothing_older_than_the_caller_takes_is_told(
    tiered: TieredStore, redis_url: str, project: int, age: int, max_stale: int, told: str
) -> None:
    session = filled(tiered, project)
    then = context(tiered, project, session, max_stale=60)
    first = tail(tiered, project, session, max_stale=60)
    with changed_behind(tiered) as other:
        other.append(project, session, turn("meanwhile"))
    aged(redis_url, session, age)
    found = context(tiered, project, session, max_stale=max_stale)
    assert (found == then) == (told == "old")
    aged(redis_url, session, 0)
    rows = tail(tiered, project, session, max_stale=max_stale)
    assert (rows == first) == (told == "old")


def aged(url: str, session: UUID, seconds: int) -> None:
    """Has what is kept be true so many seconds earlier, by the clock of Redis."""
    with asking.client(url) as client:
        for name in client.hkeys(key(session)):
            if name.startswith(b"t:"):
                client.hincrby(key(session), name.decode(), -1_000 * seconds)


def test_a_context_that_was_found_right_is_believed_anew_from_then_on(
    tiered: TieredStore, redis_url: str, project: int, built: list[int]
) -> None:
    session = filled(tiered, project)
    context(tiered, project, session, max_stale=10)
    aged(redis_url, session, 30)
    built.clear()
    context(tiered, project, session, max_stale=10)
    unchecked = counted(tiered, "hits_unchecked")
    context(tiered, project, session, max_stale=10)
    assert counted(tiered, "hits_unchecked") == unchecked + 1
    assert built == []


def test_a_writer_sees_what_it_wrote_whatever_it_takes(tiered: TieredStore, project: int) -> None:
    session = filled(tiered, project)
    context(tiered, project, session, max_stale=60)
    tail(tiered, project, session, max_stale=60)
    tiered.append(project, session, turn("just now"))
    assert "just now" in str(context(tiered, project, session, max_stale=60))
    assert "just now" in str(tail(tiered, project, session, max_stale=60))


def test_a_deleted_session_is_gone_for_everybody(tiered: TieredStore, project: int) -> None:
    session = filled(tiered, project)
    context(tiered, project, session, max_stale=60)
    tail(tiered, project, session, max_stale=60)
    tiered.delete(project, session)
    with pytest.raises(errors.SessionDeleted):
        context(tiered, project, session, max_stale=60)
    with pytest.raises(errors.SessionDeleted):
        tail(tiered, project, session, max_stale=60)


@pytest.mark.parametrize("max_stale", [0, 60])
def test_another_project_finds_nothing(tiered: TieredStore, project: int, max_stale: int) -> None:
    session = filled(tiered, project)
    for stale in (0, 60):
        context(tiered, project, session, max_stale=stale)
        tail(tiered, project, session, max_stale=stale)
    with pytest.raises(errors.NotFound):
        context(tiered, project + 1, session, max_stale=max_stale)
    with pytest.raises(errors.NotFound):
        tail(tiered, project + 1, session, max_stale=max_stale)
    # And who asked in vain has ended nothing for its owner.
    before = hits(tiered)
    context(tiered, project, session, max_stale=60)
    assert hits(tiered) == before + 1


@pytest.mark.parametrize("limit", [1, 5, 64, 65, 200])
def test_the_newest_messages_are_those_of_the_database(
    tiered: TieredStore, project: int, limit: int
) -> None:
    session = filled(tiered, project, turns=50)
    expected = tail(plain(), project, session, limit=limit)
    for _ in range(3):
        assert tail(tiered, project, session, limit=limit, max_stale=60) == expected
    tail(tiered, project, session, limit=3, max_stale=60)
    assert tail(tiered, project, session, limit=limit, max_stale=60) == expected


def test_large_messages_are_told_whole_whatever_of_them_is_kept(
    tiered: TieredStore, project: int
) -> None:
    session = filled(tiered, project)
    tiered.append(project, session, [said("x" * 200_000) for _ in range(5)])
    expected = tail(plain(), project, session, limit=4)
    for limit in (1, 4):
        for _ in range(2):
            found = tail(tiered, project, session, limit=limit, max_stale=60)
            assert found == expected[:limit]


# -- what must go ----------------------------------------------------------------------------------


def everything_asked(store: TieredStore, project: int, session: UUID) -> None:
    for stale in (0, 60):
        context(store, project, session, max_stale=stale)
        context(store, project, session, max_stale=stale, query="hello")
    tail(store, project, session, max_stale=60)


def test_a_purge_drops_what_redis_holds(tiered: TieredStore, redis_url: str, project: int) -> None:
    session = filled(tiered, project)
    everything_asked(tiered, project, session)
    assert names(redis_url, session)
    tiered.purge(project, session)
    assert names(redis_url, session) == set()
    with pytest.raises(errors.NotFound):
        context(tiered, project, session, max_stale=60)


def test_an_erasure_drops_what_redis_holds_of_the_users_sessions(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    remembered(project, "Alice eats no meat")
    session = of_a_user(tiered, project)
    everything_asked(tiered, project, session)
    assert names(redis_url, session)
    endusers.erase(tiered, project, "alice")
    assert names(redis_url, session) == set()


def test_an_erasure_that_is_undone_drops_nothing(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    remembered(project, "Alice eats no meat")
    session = of_a_user(tiered, project)
    everything_asked(tiered, project, session)
    before = names(redis_url, session)
    with transaction.atomic():
        endusers.erase(tiered, project, "alice")
        transaction.set_rollback(True)
    assert names(redis_url, session) == before
    unchecked = counted(tiered, "hits_unchecked")
    assert "no meat" in str(context(tiered, project, session, max_stale=60))
    assert counted(tiered, "hits_unchecked") == unchecked + 1


def test_facts_of_a_linked_user_are_told_by_nothing_old_once_the_link_has_ended(
    tiered: TieredStore, project: int
) -> None:
    remembered(project, "Bob keeps bees", user="bob")
    session = of_a_user(tiered, project)
    reader, linked = (endusers.one(tiered, project, user).pk for user in ("alice", "bob"))
    links.make(tiered, reader, linked)
    assert "bees" in str(context(tiered, project, session, max_stale=60))
    links.remove(tiered, reader, linked)
    wanted = Wanted(project, session, building.Ask(), 60, told_epoch(tiered))
    assert b"bees" not in hotcontexts.answer(tiered, wanted)


@pytest.mark.parametrize("gone", ["erased", "other session purged"])
def test_a_text_that_went_while_redis_was_not_reached_is_never_told_again(
    tiered: TieredStore, redis_url: str, project: int, gone: str
) -> None:
    remembered(project, "Alice eats no meat")
    session, other = of_a_user(tiered, project), of_a_user(tiered, project)
    everything_asked(tiered, project, session)
    assert "no meat" in str(context(tiered, project, session, max_stale=60))
    with changed_behind(tiered) as elsewhere:
        if gone == "erased":
            endusers.erase(elsewhere, project, "alice")
        else:
            elsewhere.purge(project, other)
    assert names(redis_url, session)  # nobody could drop it
    unchecked = counted(tiered, "hits_unchecked")
    wanted = Wanted(project, session, building.Ask(), 60, told_epoch(tiered))
    found = orjson.loads(hotcontexts.answer(tiered, wanted))
    assert counted(tiered, "hits_unchecked") == unchecked
    assert counted(tiered, "refused_database") > 0
    assert ("no meat" in str(found)) == (gone != "erased")


def told_epoch(store: TieredStore) -> str:
    """The epoch as the look-up of a key brings it."""
    row = store.db.row("SELECT token FROM holdfast_epoch")
    assert row is not None
    return str(row[0])


def test_who_has_no_key_learns_of_a_purge_that_redis_missed_within_a_second(
    tiered: TieredStore, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, other = of_a_user(tiered, project), of_a_user(tiered, project)
    context(tiered, project, session, max_stale=60)
    with changed_behind(tiered) as elsewhere:
        elsewhere.purge(project, other)
    monkeypatch.setattr(epochs, "EPOCH_SECONDS", 0.0)
    unchecked = counted(tiered, "hits_unchecked")
    context(tiered, project, session, max_stale=60)
    assert counted(tiered, "hits_unchecked") == unchecked


def test_every_purge_and_every_erasure_begins_another_epoch(
    tiered: TieredStore, project: int
) -> None:
    epochs = [told_epoch(tiered) if tiered.db.row("SELECT 1 FROM holdfast_epoch") else ""]
    remembered(project, "Alice eats no meat")
    for store in (tiered, plain()):
        store.purge(project, filled(store, project))
        epochs.append(told_epoch(tiered))
    endusers.erase(plain(), project, "alice")
    epochs.append(told_epoch(tiered))
    assert len(set(epochs)) == 4
