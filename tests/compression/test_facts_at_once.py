"""Several who change the facts of one owner at once: one of a key is active, no edit is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from memory_app import facts
from memory_app.facts import By, Stated
from memory_app.models import Fact, FactRevision
from sessions_app.core import errors
from sessions_app.store.base import Guard, Request
from tests.compression.conftest import Desk

WORKERS = 4


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except errors.HoldfastError as error:
            return error.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run, calls))


def test_of_facts_stored_at_once_under_a_key_one_is_active(committed: Desk) -> None:
    desk = committed
    session = desk.session()

    def keep(number: int) -> Callable[[], Any]:
        owner: dict[str, Any] = {"user": "alice"} if number % 2 else {"session": session}
        stated = Stated(str(number), key="k", **owner)
        return lambda: facts.keep(desk.store, desk.project, [stated], By("x"))

    assert not [code for code in at_once([keep(n) for n in range(24)]) if isinstance(code, str)]
    active = Fact.everything.active()
    assert active.count() == 2
    assert Fact.everything.filter(status="superseded", superseded_by=None).count() == 0
    assert FactRevision.objects.count() == Fact.everything.count() - 2 == 22
    assert desk.now(session).facts == 12


def test_no_edit_is_lost_and_none_is_made_twice(committed: Desk) -> None:
    desk = committed
    fact = facts.keep(desk.store, desk.project, [Stated("0", user="alice")], By("x")).facts[0].id

    def edit(number: int) -> Callable[[], Any]:
        guard = Guard(1 if number < 8 else None, Request(f"key-{number % 16}", b"same"))
        decide = facts.editing({"text": str(number % 16 + 1)})
        return lambda: facts.change(desk.store, desk.project, fact, decide, By("x"), guard)

    done = at_once([edit(n) for n in range(32)])
    assert {code for code in done if isinstance(code, str)} <= {"stale_version"}
    now = facts.one(desk.store, desk.project, fact)
    edits = list(FactRevision.objects.order_by("revision").values_list("revision", flat=True))
    assert edits == list(range(2, now.revision + 1))
    assert 9 <= now.revision <= 17
