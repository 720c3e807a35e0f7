"""Contexts that a process holds itself, before Redis: both end alike."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from memory_app import endusers, hotcontexts
from memory_app.context import Ask
from memory_app.hotcontexts import Wanted
from sessions_app.core import errors
from sessions_app.core.held import Held
from sessions_app.store.tiered import TieredStore
from tests.hot import asking
from tests.hot.asking import client, context, counted, key, plain
from tests.hot.test_contexts import aged, of_a_user, refused_statements, remembered, told_epoch
from tests.servers import Server
from tests.store.saying import filled, turn


@pytest.fixture(autouse=True)
def held(nothing_held: None, monkeypatch: pytest.MonkeyPatch) -> Held[bytes]:
    """The memory of this process, empty."""
    empty = Held[bytes](hotcontexts.MOST_HELD)
    monkeypatch.setattr(hotcontexts, "_held", empty)
    return empty


def test_what_is_held_is_told_without_a_look_at_redis(tiered: TieredStore, project: int) -> None:
    session = filled(tiered, project)
    first = context(tiered, project, session)
    attempts = counted(tiered, "attempts")
    assert context(tiered, project, session) == first
    assert counted(tiered, "attempts") == attempts


def test_what_redis_gave_is_held_too(tiered: TieredStore, project: int, held: Held[bytes]) -> None:
    session = filled(tiered, project)
    first = context(tiered, project, session)
    held.clear()
    assert context(tiered, project, session) == first
    assert held.octets
    attempts = counted(tiered, "attempts")
    assert context(tiered, project, session) == first
    assert counted(tiered, "attempts") == attempts


@pytest.mark.parametrize("max_stale", [0, 60])
def test_an_append_of_another_process_is_told(
    tiered: TieredStore, redis_url: str, project: int, max_stale: int
) -> None:
    session = filled(tiered, project)
    for stale in (0, 60):
        context(tiered, project, session, max_stale=stale)
    asking.tier(redis_url).append(project, session, turn("just now"))
    found = context(tiered, project, session, max_stale=max_stale)
    assert found == context(plain(), project, session)
    assert "just now" in str(found)


def test_an_append_that_redis_did_not_hear_of_is_told(tiered: TieredStore, project: int) -> None:
    session = filled(tiered, project)
    context(tiered, project, session)
    plain().append(project, session, turn("just now"))
    assert "just now" in str(context(tiered, project, session))


# -- some seconds old: the mark in Redis says whether what is held still is what is there ----------


def held_of(store: TieredStore, project: int, session: UUID) -> dict[str, Any]:
    """A context of a user's session, which this process then has as Redis gave it."""
    context(store, project, session, max_stale=60)
    return context(store, project, session, max_stale=60)


def drop_values(url: str, session: UUID) -> None:
    """Takes the values out of Redis and leaves their marks, so that nobody can get them there."""
    with client(url) as redis:
        for name in redis.hkeys(key(session)):
            if name.startswith(b"context:"):
                redis.hdel(key(session), name)


def test_what_is_held_is_told_by_its_mark_alone(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = of_a_user(tiered, project)
    expected = held_of(tiered, project, session)
    drop_values(redis_url, session)
    attempts = counted(tiered, "attempts")
    with refused_statements():
        assert context(tiered, project, session, max_stale=60) == expected
    assert counted(tiered, "attempts") == attempts + 1


def test_a_value_that_another_process_put_there_since_is_told(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = of_a_user(tiered, project)
    before = held_of(tiered, project, session)
    remembered(project, "Alice eats no meat")
    context(asking.tier(redis_url), project, session)  # does not know that there is something old
    with client(redis_url) as redis:
        redis.delete(key(session))
    other = context(asking.tier(redis_url), project, session, max_stale=60)
    assert other != before
    assert context(tiered, project, session, max_stale=60) == other


@pytest.mark.parametrize(("age", "told"), [(9, "old"), (11, "new")])
def test_nothing_older_than_the_caller_takes_is_told(
    tiered: TieredStore, redis_url: str, project: int, age: int, told: str
) -> None:
    session = of_a_user(tiered, project)
    aged(redis_url, session, age)
    before = held_of(tiered, project, session)
    aged(redis_url, session, age)
    context(tiered, project, session, max_stale=60)  # it is held as of then
    remembered(project, "Alice eats no meat")
    drop_values(redis_url, session)
    assert (context(tiered, project, session, max_stale=10) == before) == (told == "old")


def test_nothing_of_another_epoch_is_told(
    tiered: TieredStore, redis_url: str, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered(project, "Alice eats no meat")
    session = of_a_user(tiered, project)
    assert "no meat" in str(held_of(tiered, project, session))
    monkeypatch.setattr(hotcontexts, "forget", lambda: None)  # as another process does it
    endusers.erase(plain(), project, "alice")
    wanted = Wanted(project, session, Ask(), 60, told_epoch(tiered))
    assert b"no meat" not in hotcontexts.answer(tiered, wanted)


def test_an_emptied_redis_gives_nothing_that_is_held(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = of_a_user(tiered, project)
    held_of(tiered, project, session)
    remembered(project, "Alice eats no meat")
    with client(redis_url) as redis:
        redis.flushall()
    assert "no meat" in str(context(tiered, project, session, max_stale=60))


def test_another_project_is_told_nothing(tiered: TieredStore, project: int) -> None:
    session = of_a_user(tiered, project)
    held_of(tiered, project, session)
    with pytest.raises(errors.NotFound):
        context(tiered, project + 1, session, max_stale=60)


def test_a_redis_that_is_away_is_asked_once(project: int, own_redis: Server) -> None:
    store = asking.tier(own_redis.url)
    session = of_a_user(store, project)
    held_of(store, project, session)
    remembered(project, "Alice eats no meat")
    own_redis.process.kill()
    own_redis.process.wait()
    attempts = counted(store, "attempts")
    assert "no meat" in str(context(store, project, session, max_stale=60))
    assert counted(store, "attempts") == attempts + 1
