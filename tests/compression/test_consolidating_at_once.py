"""Workers that prune a user's facts at one time, and people who edit them meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from memory_app import consolidating, endusers, facts
from memory_app.core import consolidating as core
from memory_app.facts import By, Stated
from memory_app.models import Consolidated, Fact, FactRevision
from sessions_app import clock
from sessions_app.core import errors
from sessions_app.models import EndUser
from sessions_app.store.base import Guard
from tests.compression.conftest import Desk
from tests.compression.test_facts_at_once import at_once
from tests.store.racing import failures, race

SECONDS = 60
TWICE = 12


@pytest.fixture(autouse=True)
def from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consolidating, "_place", {})


def told(desk: Desk, *texts: str) -> list[UUID]:
    """Facts of alice, as if she had said them."""
    stated = [Stated(text, user="alice") for text in texts]
    made = facts.keep(desk.store, desk.project, stated, By("x")).facts
    Fact.everything.update(trust="user")
    return [fact.id for fact in made]


def prune(desk: Desk, days: int = 0) -> int:
    first = EndUser.everything.order_by("pk").values_list("pk", flat=True)[:1]
    consolidating._place.setdefault(desk.store.db.alias, next(iter(first), 1) - 1)
    return consolidating.prune(desk.store, clock.now_us() + days * consolidating.DAY_US)


def now(desk: Desk, fact: UUID) -> Any:
    return facts.one(desk.store, desk.project, fact)


def revised() -> list[tuple[int, list[tuple[int, str]]]]:
    """The revisions of each fact, in their order, with who made them."""
    found: dict[int, list[tuple[int, str]]] = {}
    for edit in FactRevision.objects.order_by("fact_id", "revision"):
        found.setdefault(edit.fact_id, []).append((edit.revision, edit.editor))
    return sorted(found.items())


def test_of_workers_at_one_time_one_prunes_a_user(committed: Desk) -> None:
    told(committed, *["Sits by the aisle."] * TWICE)
    done = race(4, lambda _: prune(committed))
    assert failures(done) == []
    assert sorted(done) == [0, 0, 0, TWICE - 1]
    assert Fact.everything.active().count() == 1
    assert FactRevision.objects.count() == TWICE - 1


def test_an_edit_between_the_decision_and_the_change_wins(
    committed: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = committed
    first, second, third = told(desk, *["Sits by the aisle."] * 3)
    decided, edited = Event(), Event()
    decide = core.decide

    def waiting(*known: Any, **how: Any) -> Any:
        intents = decide(*known, **how)
        decided.set()
        assert edited.wait(SECONDS)
        return intents

    def edit() -> None:
        assert decided.wait(SECONDS)
        decision = facts.editing({"text": "Sits at the window."})
        facts.change(desk.store, desk.project, second, decision, By("ann"), Guard(1))
        edited.set()

    monkeypatch.setattr(core, "decide", waiting)
    assert at_once([lambda: prune(desk), edit])[0] == 1
    assert [now(desk, fact).status for fact in (first, second, third)] == [
        "active",
        "active",
        "superseded",
    ]
    assert now(desk, second).text == "Sits at the window."


def test_nothing_is_merged_into_a_fact_that_was_edited_meanwhile(
    committed: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = committed
    first, second = told(desk, *["Sits by the aisle."] * 2)
    merging, edited = Event(), Event()
    real = facts.change

    def late(*given: Any) -> Any:
        merging.set()
        assert edited.wait(SECONDS)
        return real(*given)

    def edit() -> None:
        assert merging.wait(SECONDS)
        decision = facts.editing({"text": "Sits at the window."})
        real(desk.store, desk.project, first, decision, By("ann"), Guard(1))
        edited.set()

    monkeypatch.setattr(facts, "change", late)
    assert at_once([lambda: prune(desk), edit])[0] == 0
    assert [now(desk, fact).status for fact in (first, second)] == ["active", "active"]


def test_beside_people_no_edit_is_lost_and_none_is_undone(committed: Desk) -> None:
    desk = committed
    found = told(desk, *(f"Keeps {n // 3} bees." for n in range(TWICE)))

    def edit(fact: UUID) -> Callable[[], Any]:
        decision = facts.editing({"category": "garden"})
        return lambda: facts.change(desk.store, desk.project, fact, decision, By("ann"))

    calls: list[Callable[[], Any]] = [edit(fact) for fact in found[1::3]]
    calls[2:2] = [lambda: prune(desk)]
    codes = {code for code in at_once(calls) if isinstance(code, str)}
    assert codes <= {"store_busy"}
    for _, edits in revised():
        assert [revision for revision, _ in edits] == list(range(2, len(edits) + 2))
        # Once a person edited it, nobody but people did.
        by = [editor for _, editor in edits]
        assert "holdfast" not in by[by.index("ann") :] if "ann" in by else True
    for each in range(0, TWICE, 3):
        group = [now(desk, fact) for fact in found[each : each + 3]]
        assert any(fact.status == "active" for fact in group)
        for fact in group:
            if fact.status == "superseded":
                assert now(desk, fact.superseded_by).status == "active"


def test_an_erasure_at_one_time_leaves_nothing_behind(committed: Desk) -> None:
    desk = committed
    for round_ in range(4):
        told(desk, *["Sits by the aisle."] * 3)
        calls: list[Callable[[], Any]] = [
            partial(prune, desk, round_),
            partial(endusers.erase, desk.store, desk.project, "alice"),
        ]
        assert not [code for code in at_once(calls) if isinstance(code, str)]
        assert not Fact.everything.exists()
        assert not FactRevision.objects.exists()
        assert not Consolidated.objects.exists()


def test_a_change_that_finds_the_database_busy_leaves_the_fact(
    committed: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = committed
    (fact,) = told(desk, "x")
    Fact.everything.update(invalid_us=1)

    def busy(self: Any, *given: Any, **more: Any) -> None:
        raise errors.StoreBusy

    with monkeypatch.context() as patched:
        patched.setattr(facts.Edits, "revise", busy)
        assert prune(desk) == 0
    assert now(desk, fact).status == "active"
    assert prune(desk, days=1) == 1
    connections.close_all()
