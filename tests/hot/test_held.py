"""Contexts that a process holds itself, before Redis: both end alike."""

from __future__ import annotations

import pytest

from memory_app import hotcontexts
from memory_app.core.held import Held
from sessions_app.store.tiered import TieredStore
from tests.hot import asking
from tests.hot.asking import context, counted, plain
from tests.store.saying import filled, turn


@pytest.fixture(autouse=True)
def held(nothing_held: None, monkeypatch: pytest.MonkeyPatch) -> Held:
    """The memory of this process, empty."""
    empty = Held(hotcontexts.MOST_HELD)
    monkeypatch.setattr(hotcontexts, "_held", empty)
    return empty


def test_what_is_held_is_told_without_a_look_at_redis(tiered: TieredStore, project: int) -> None:
    session = filled(tiered, project)
    first = context(tiered, project, session)
    attempts = counted(tiered, "attempts")
    assert context(tiered, project, session) == first
    assert counted(tiered, "attempts") == attempts


def test_what_redis_gave_is_held_too(tiered: TieredStore, project: int, held: Held) -> None:
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
