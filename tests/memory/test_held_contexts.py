"""Contexts that this process holds are never told once anything that decides them has changed.

What another process does is done here too, but with this process's memory not told of it: it may
learn of it from the database alone.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from threading import Thread
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import connection, transaction

from memory_app import context as building
from memory_app import (
    contextfacts,
    contextsummary,
    endusers,
    facts,
    hotcontexts,
    known,
    links,
    policies,
    recent,
)
from memory_app.facts import By, Stated
from memory_app.hotcontexts import Wanted
from memory_app.pipeline import Pipeline
from sessions_app.core import errors
from sessions_app.core.held import Held
from sessions_app.store.base import Edit, NewSession
from sessions_app.store.durable import DurableStore
from tests.memory.conftest import Desk

pytestmark = pytest.mark.django_db(transaction=True)

TURNS = [
    {"role": role, "content": f"{role} {number}: the hotel in Graz costs {number} euros."}
    for number in range(20)
    for role in ("user", "assistant")
]


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> Held[bytes]:
    """The memory of this process, empty."""
    empty = Held[bytes](hotcontexts.MOST_HELD)
    monkeypatch.setattr(hotcontexts, "_held", empty)
    return empty


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> DurableStore:
    """The database as another process uses it: this one's memory is told of nothing."""
    for module in (contextfacts, contextsummary, hotcontexts, recent):
        monkeypatch.setattr(module, "forget", lambda: None)
    return DurableStore("default")


def asked(desk: Desk, session: UUID, **ask: Any) -> dict[str, Any]:
    """A context without what is of one call."""
    wanted = Wanted(desk.project, session, building.Ask(**ask))
    told: dict[str, Any] = orjson.loads(hotcontexts.answer(desk.store, wanted))
    return {name: value for name, value in told.items() if name not in ("id", "mode", "took_ms")}


def fresh(desk: Desk, session: UUID, **ask: Any) -> dict[str, Any]:
    """The same, built of what the database says and nothing else: the row is without its epoch."""
    told = building.build(
        desk.store, desk.project, desk.now(session), building.Ask(**ask)
    ).as_json()
    same: dict[str, Any] = orjson.loads(orjson.dumps(told))
    return {name: value for name, value in same.items() if name not in ("id", "mode", "took_ms")}


def of_a_user(desk: Desk, user: str = "alice") -> UUID:
    session = desk.store.open(desk.project, NewSession(user=user)).session.id
    desk.say(session, [{"role": "user", "content": "hello"}])
    return session


# -- what is held ----------------------------------------------------------------------------------


def test_a_session_that_did_not_change_has_its_context_built_once(
    desk: Desk, built: list[int]
) -> None:
    session = desk.session(TURNS)
    first, second = asked(desk, session), asked(desk, session)
    assert first == second
    assert len(built) == 1
    assert first == fresh(desk, session)


def test_a_held_answer_differs_from_the_first_in_its_id_and_time_alone(desk: Desk) -> None:
    wanted = Wanted(desk.project, desk.session(TURNS), building.Ask(tokens=500))
    first, second = (hotcontexts.answer(desk.store, wanted) for _ in range(2))
    one, two = orjson.loads(first), orjson.loads(second)
    assert one["id"] != two["id"]
    assert orjson.dumps({**one, "id": two["id"], "took_ms": two["took_ms"]}) == second


@pytest.mark.parametrize(
    "ask",
    [
        {"tokens": 300},
        {"form": "anthropic"},
        {"form": "responses"},
        {"query": "the hotel"},
        {"policy": "last_turns"},
        {"at": 3},
        {"at": 5},
    ],
)
def test_each_way_of_asking_has_an_answer_of_its_own(desk: Desk, ask: dict[str, Any]) -> None:
    session = desk.session(TURNS)
    for _ in range(2):
        asked(desk, session)
        asked(desk, session, tokens=200)
        assert asked(desk, session, **ask) == fresh(desk, session, **ask)


@pytest.mark.parametrize(
    "ask", [{"query": "hotel"}, {"policy": "last_turns"}, {"at": 3}, {"pinned": (1,)}]
)
def test_what_more_than_the_log_decides_is_not_held(
    desk: Desk, held: Held[bytes], ask: dict[str, Any]
) -> None:
    asked(desk, desk.session(TURNS), **ask)
    assert held.octets == 0


def test_nothing_is_held_of_a_session_whose_user_may_become_known(
    desk: Desk, held: Held[bytes]
) -> None:
    asked(desk, of_a_user(desk))
    assert held.octets == 0


def test_inside_a_transaction_nothing_is_held_or_told(
    desk: Desk, held: Held[bytes], built: list[int]
) -> None:
    session = desk.session(TURNS)
    asked(desk, session)
    before = held.octets
    with transaction.atomic():
        desk.say(session, [{"role": "user", "content": "not yet"}])
        assert "not yet" in str(asked(desk, session))
        asked(desk, session, tokens=300)
        transaction.set_rollback(True)
    assert held.octets == before
    assert "not yet" not in str(asked(desk, session))
    assert len(built) == 3


def test_the_hosts_own_texts_are_asked_for_each_time(
    desk: Desk, held: Held[bytes], settings: Any
) -> None:
    settings.HOLDFAST_CONTEXT_PROVIDERS = ["tests.hot.test_contexts.Weather"]
    for _ in range(2):
        parts = asked(desk, desk.session(TURNS))["parts"]
        assert "weather" in [part["name"] for part in parts]
    assert held.octets == 0


def test_who_counts_otherwise_is_answered_anew(desk: Desk, settings: Any) -> None:
    session = desk.session(TURNS)
    asked(desk, session)
    settings.HOLDFAST_ENCODER = "cl100k_base"
    assert asked(desk, session) == fresh(desk, session)


# -- what another process does ---------------------------------------------------------------------


Done = Callable[[Desk, DurableStore, UUID], None]


def said(desk: Desk, store: DurableStore, session: UUID) -> None:
    Desk(store, desk.project).say(session, [{"role": "user", "content": "meanwhile"}])


def retracted(desk: Desk, store: DurableStore, session: UUID) -> None:
    Desk(store, desk.project).retract(session, 40)


def pinned(desk: Desk, store: DurableStore, session: UUID) -> None:
    from sessions_app.store.base import UNGUARDED

    store.pin(desk.project, session, 1, pinned=True, reason=None, guard=UNGUARDED)


def given_another_policy(desk: Desk, store: DurableStore, session: UUID) -> None:
    store.edit(desk.project, session, Edit(policy="token_trim"))


def given_a_new_version_of_its_policy(desk: Desk, store: DurableStore, session: UUID) -> None:
    policies.put(store, desk.project, "default", {"strategy": "last_turns", "turns": 1})
    store.edit(desk.project, session, Edit(policy="default"))


def given_another_prompt(desk: Desk, store: DurableStore, session: UUID) -> None:
    Desk(store, desk.project).prompt(session, "You answer in rhymes.")


CHANGES: tuple[Done, ...] = (
    said, retracted, pinned, given_another_policy, given_a_new_version_of_its_policy,
    given_another_prompt,
)  # fmt: skip


@pytest.mark.parametrize("done", CHANGES, ids=lambda done: done.__name__)
def test_a_change_is_in_the_next_answer(
    desk: Desk, elsewhere: DurableStore, done: Done, built: list[int]
) -> None:
    session = desk.session(TURNS)
    before = [asked(desk, session), asked(desk, session)][1]
    assert len(built) == 1
    done(desk, elsewhere, session)
    after = asked(desk, session)
    assert after == fresh(desk, session)
    assert after != before


@pytest.fixture
def folded(desk: Desk) -> UUID:
    """A session of which much is folded, so that its context tells facts."""
    small = desk.policy("small", window=2_000, reserve=200)
    said = [
        {"role": "user", "content": f"Please never send parcels to door {n}, I moved to flat {n}."}
        for n in range(30)
    ]
    session = desk.session([*said, *TURNS * 3], policy=small)
    while Pipeline(desk.store).work():
        pass
    now = desk.now(session)
    assert now.facts
    assert desk.store.present(now).retained
    return session


def test_a_fact_of_the_session_that_is_edited_is_told_as_it_is_now(
    desk: Desk, elsewhere: DurableStore, folded: UUID
) -> None:
    stated = [Stated("Sleeps in the attic.", session=folded, pinned=True)]
    ((fact,), *_) = facts.keep(desk.store, desk.project, stated, By("mia"))
    assert "attic" in str([asked(desk, folded), asked(desk, folded)][1])
    changed = facts.editing({"text": "Sleeps in the cellar."})
    facts.change(elsewhere, desk.project, fact.id, changed, By("mia"))
    told = asked(desk, folded)
    assert "cellar" in str(told)
    assert "attic" not in str(told)
    facts.change(elsewhere, desk.project, fact.id, facts.retiring, By("mia"))
    assert "cellar" not in str(asked(desk, folded))


def test_what_is_folded_meanwhile_is_told_as_a_summary(desk: Desk, elsewhere: DurableStore) -> None:
    small = desk.policy("small", window=2_000, reserve=200)
    session = desk.session(TURNS * 3, policy=small)
    before = [asked(desk, session), asked(desk, session)][1]
    while Pipeline(elsewhere).work():
        pass
    after = asked(desk, session)
    assert after["version"] > before["version"]
    assert after == fresh(desk, session)


class Elsewhere:
    """Another process that does to a session what anybody may."""

    def __init__(self, desk: Desk, store: DurableStore, session: UUID, random: Random) -> None:
        self.desk, self.session, self.random = Desk(store, desk.project), session, random
        stated = [Stated(f"Owns boat {n}.", session=session, pinned=n == 0) for n in range(6)]
        kept = facts.keep(store, desk.project, stated, By("mia"))
        self.boats = [fact.id for fact in kept.facts]

    def says(self) -> None:
        role = self.random.choice(("user", "assistant"))
        self.desk.say(self.session, [{"role": role, "content": "So it is. " * 9}])

    def says_more(self) -> None:
        self.desk.say(self.session, TURNS[:20])

    def changes(self, decide: facts.Decide) -> None:
        boat = self.random.choice(self.boats)
        facts.change(self.desk.store, self.desk.project, boat, decide, By("mia"))

    def edits(self) -> None:
        self.changes(facts.editing({"text": f"Owns ship {self.random.random()}."}))

    def pins(self) -> None:
        self.changes(facts.pinning(pinned=self.random.random() < 0.5))

    def retires(self) -> None:
        self.changes(facts.retiring)

    def retracts(self) -> None:
        now = self.desk.now(self.session)
        kept = [first for first, _ in self.desk.store.present(now).retained]
        anywhere = self.random.randint(1, now.messages)
        self.desk.retract(self.session, self.random.choice([*kept, anywhere]))

    def pins_a_message(self) -> None:
        pinned(self.desk, self.desk.store, self.session)

    def folds(self) -> None:
        Pipeline(self.desk.store).work()

    def acts(self) -> None:
        """Something of all that, mostly that something is said."""
        often = (self.says, self.says, self.says, self.says_more, self.folds)
        seldom = (self.edits, self.pins, self.retires, self.retracts, self.pins_a_message)
        self.random.choice((*often, *seldom))()


ASKS: tuple[dict[str, Any], ...] = ({}, {"tokens": 500}, {"tokens": 900, "form": "anthropic"})


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_elsewhere_is_told_at_once(
    desk: Desk, elsewhere: DurableStore, folded: UUID, seed: int
) -> None:
    other = Elsewhere(desk, elsewhere, folded, Random(seed))
    for _ in range(30):
        other.acts()
        for ask in ASKS:
            try:
                expected = fresh(desk, folded, **ask)
            except errors.BudgetTooSmall:
                continue
            assert asked(desk, folded, **ask) == expected
            assert desk.context(folded, **ask).digest == expected["digest"]


def test_what_is_kept_of_a_fold_is_read_once_however_much_is_appended(
    desk: Desk, folded: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(desk, folded)
    read: list[object] = []
    monkeypatch.setattr(desk.store, "lines_in", lambda *about: read.append(about))
    monkeypatch.setattr(known, "of_session", lambda *about: read.append(about))
    for number in range(3):
        desk.say(folded, [{"role": "user", "content": f"And now {number}?"}])
        assert f"And now {number}?" in str(asked(desk, folded))
    assert read == []


def test_a_deleted_session_is_gone_and_is_back_once_it_is_restored(
    desk: Desk, elsewhere: DurableStore
) -> None:
    session = desk.session(TURNS)
    asked(desk, session)
    elsewhere.delete(desk.project, session)
    with pytest.raises(errors.SessionDeleted):
        asked(desk, session)
    elsewhere.restore(desk.project, session)
    assert asked(desk, session) == fresh(desk, session)


def test_a_purged_session_is_gone(desk: Desk, elsewhere: DurableStore) -> None:
    session = desk.session(TURNS)
    asked(desk, session)
    elsewhere.purge(desk.project, session)
    with pytest.raises(errors.NotFound):
        asked(desk, session)


def test_another_project_is_told_nothing(desk: Desk) -> None:
    session = desk.session(TURNS)
    asked(desk, session)
    with pytest.raises(errors.NotFound):
        asked(Desk(desk.store, desk.project + 1), session)


@pytest.mark.parametrize("gone", ["purged", "erased", "unlinked"])
def test_whatever_takes_texts_away_ends_all_that_is_held(
    desk: Desk, elsewhere: DurableStore, gone: str, held: Held[bytes], built: list[int]
) -> None:
    other, session = of_a_user(desk), desk.session(TURNS)
    for user in ("alice", "bob"):
        facts.keep(desk.store, desk.project, [Stated("Eats no meat.", user=user)], By("mia"))
    asked(desk, session)
    assert held.octets
    if gone == "purged":
        elsewhere.purge(desk.project, other)
    elif gone == "erased":
        endusers.erase(elsewhere, desk.project, "alice")
    else:
        reader, linked = (endusers.one(elsewhere, desk.project, one).pk for one in ("alice", "bob"))
        links.make(elsewhere, reader, linked)
        links.remove(elsewhere, reader, linked)
    built.clear()
    asked(desk, desk.session(TURNS[:2]))
    small = held.octets
    assert len(built) == 1
    asked(desk, session)
    assert len(built) == 2
    assert held.octets > small


def test_a_log_that_came_another_way_to_the_same_version_is_another(
    desk: Desk, elsewhere: DurableStore
) -> None:
    session = desk.session(TURNS)
    asked(desk, session)
    with connection.cursor() as cursor:  # as a restored backup that went on otherwise
        cursor.execute("SELECT number, head FROM holdfast_session")
        ((number, head),) = cursor.fetchall()
        other = bytes(reversed(bytes(head)))
        cursor.execute("UPDATE holdfast_session SET head = %s, title = 'x'", [other])
        cursor.execute(
            "UPDATE holdfast_message SET body = %s, digest = %s WHERE session_id = %s AND seq = 40",
            ['{"content":"otherwise"}', other, number],
        )
    assert "otherwise" in str(asked(desk, session))


def test_facts_of_a_log_that_was_restored_are_those_of_the_restored_one(
    desk: Desk, elsewhere: DurableStore
) -> None:
    session = desk.session(TURNS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, version, head, facts, overlay_version FROM holdfast_session")
        ((number, version, head, *rest),) = cursor.fetchall()
    stated = Stated("The lost fact is A.", session=session)
    facts.keep(elsewhere, desk.project, [stated], By("mia"))
    assert "lost fact" in str(desk.context(session).messages)
    with connection.cursor() as cursor:  # as a backup of before that
        cursor.execute("DELETE FROM holdfast_fact WHERE session_id = %s", [number])
        cursor.execute(
            "DELETE FROM holdfast_event WHERE session_id = %s AND version > %s", [number, version]
        )
        cursor.execute(
            "UPDATE holdfast_session SET version = %s, head = %s, facts = %s, overlay_version = %s",
            [version, bytes(head), *rest],
        )
    stated = Stated("The present fact is B.", session=session)
    facts.keep(elsewhere, desk.project, [stated], By("mia"))
    told = str(desk.context(session).messages)
    assert "present fact" in told
    assert "lost fact" not in told


# -- this process ----------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", ["purged", "erased"])
def test_nothing_that_went_stays_in_memory(desk: Desk, held: Held[bytes], gone: str) -> None:
    other, session = of_a_user(desk), desk.session(TURNS)
    facts.keep(desk.store, desk.project, [Stated("Eats no meat.", user="alice")], By("mia"))
    asked(desk, session)
    assert held.octets
    if gone == "purged":
        desk.store.purge(desk.project, other)
    else:
        endusers.erase(desk.store, desk.project, "alice")
    assert held.octets == 0


def test_many_threads_are_told_the_same(desk: Desk) -> None:
    session = desk.session(TURNS)
    expected, found = asked(desk, session), list[dict[str, Any]]()

    def several() -> None:
        try:
            found.extend(asked(desk, session, tokens=None) for _ in range(20))
        finally:
            connection.close()

    threads = [Thread(target=several) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(one == expected for one in found)
