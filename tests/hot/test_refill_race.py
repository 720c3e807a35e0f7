"""A late fill by a slow reader never takes the place of a newer value, nor brings back one that was
dropped meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from sessions_app.core import hotvalues
from sessions_app.core.hotvalues import Kept, Whose
from sessions_app.store.hot import NOTHING_SEEN, Hot, Seen
from sessions_app.store.tiered import Standing, TieredStore
from tests.hot import asking
from tests.hot.asking import key
from tests.store.saying import filled, turn

NAME = "context:x"


class Naive(Hot):
    """What a cache beside a database does in every handbook: whoever has read, sets."""

    def put_if_newer(
        self,
        session: UUID,
        name: str,
        raw: bytes,
        *,
        database: str,
        version: int,
        age_ms: int,
        keep_ms: int,
        wrong: Seen = NOTHING_SEEN,
    ) -> bool:
        fields: dict[str, Any] = {name: raw, f"t:{name}": 0, "id": database, "at": version}
        self._found()("").hset(key(session), mapping=fields)
        return True

    def moved(self, session: UUID, version: int) -> None:
        self._found()("").delete(key(session))


def fill(store: TieredStore, standing: Standing) -> None:
    store.keep(NAME, b"{}", standing, lasting=True)


def kept_version(store: TieredStore, url: str, session: UUID, project: int) -> int | None:
    """The version of the value that is there."""
    with asking.client(url) as client:
        raw = client.hget(key(session), NAME)
    if raw is None:
        return None
    assert isinstance(raw, bytes)
    database = store.standing(project, session).database
    return hotvalues.read(raw, Whose(database, project, session.hex)).version


def late_after_refill(store: TieredStore, project: int, session: UUID) -> None:
    """A reader reads; a writer writes and another reader fills; the first one fills."""
    slow = store.standing(project, session)
    store.append(project, session, turn("meanwhile"))
    fill(store, store.standing(project, session))
    fill(store, slow)


def late_after_drop(store: TieredStore, project: int, session: UUID) -> None:
    """A reader reads; a writer writes; the reader fills."""
    slow = store.standing(project, session)
    store.append(project, session, turn("meanwhile"))
    fill(store, slow)


def test_a_late_fill_does_not_replace_a_newer_one(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = filled(tiered, project)
    late_after_refill(tiered, project, session)
    now = tiered.get(project, session).version
    assert kept_version(tiered, redis_url, session, project) == now


def test_a_late_fill_does_not_bring_back_what_was_dropped(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = filled(tiered, project)
    late_after_drop(tiered, project, session)
    assert kept_version(tiered, redis_url, session, project) is None


@pytest.mark.parametrize("race", [late_after_refill, late_after_drop])
def test_with_a_plain_set_the_late_fill_wins(
    redis_url: str, project: int, race: Callable[[TieredStore, int, UUID], None]
) -> None:
    store = TieredStore("default", Naive(redis_url))
    session = filled(store, project)
    race(store, project, session)
    assert (
        kept_version(store, redis_url, session, project) == store.get(project, session).version - 2
    )


def test_a_late_fill_does_not_bring_back_what_was_purged(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = filled(tiered, project)
    slow = tiered.standing(project, session)
    fill(tiered, slow)
    tiered.purge(project, session)
    fill(tiered, slow)
    with asking.client(redis_url) as client:
        assert client.hkeys(key(session)) == [b"at"]


def test_an_older_look_at_the_same_version_does_not_make_it_look_older(
    tiered: TieredStore, redis_url: str, project: int
) -> None:
    session = filled(tiered, project)
    slow = tiered.standing(project, session)._replace(since=-1e6)
    fill(tiered, tiered.standing(project, session))
    with asking.client(redis_url) as client:
        before = client.hget(key(session), f"t:{NAME}")
        fill(tiered, slow)
        assert client.hget(key(session), f"t:{NAME}") == before


def test_a_value_says_when_it_was_true_and_not_when_it_was_stored(
    tiered: TieredStore, project: int
) -> None:
    session = filled(tiered, project)
    standing = tiered.standing(project, session)
    fill(tiered, standing._replace(since=standing.since - 40))
    looked = tiered.look(session, NAME)
    assert looked.found.age_ms >= 40_000
    assert tiered.believed(looked, (project, session), max_stale=30) is None
    assert isinstance(tiered.believed(looked, (project, session), max_stale=60), Kept)
