"""Vectors that another store keeps: what it says is checked, what it must forget is not lost sight
of, and that it is down costs no answer."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pytest_django import Settings

from memory_app import questions, recall, removals, vectors
from memory_app.core.work import EngineFailed
from memory_app.embedding import Embedding
from memory_app.models import Embedded, Removal, Vector
from memory_app.vector_stores import Hit, Model
from memory_app.worker import Worker
from sessions_app import clock, exporting, importers
from sessions_app.store.database import Database
from tests.compression.conftest import Desk
from tests.memory.histories import user
from tests.vectors.conftest import PLACE, Topics, all_done, talk, upto
from tests.vectors.keeping import Outside

SAID = ("My kitten hid in the attic.", "The bank refused us.", "We sail on Sunday.")
QUERY = "What about the cat?"
OURS = f"{__name__}.the_store"
SECONDS = 30
store = Outside()


def the_store() -> Outside:
    return store


@pytest.fixture(autouse=True)
def outside(settings: Settings) -> Outside:
    """The installation keeps its vectors in the fake."""
    global store
    store = Outside()
    settings.HOLDFAST_EMBEDDER = PLACE
    settings.HOLDFAST_VECTOR_STORE = OURS
    return store


@pytest.fixture
def sending(desk: Desk, outside: Outside) -> Embedding:
    return Embedding(desk.store, Topics(), outside)


def found(desk: Desk, session: UUID, query: str = QUERY) -> dict[str, Any]:
    return recall.hits(desk.store, desk.now(session), query, 1)


def texts(answer: dict[str, Any]) -> list[str]:
    return [hit["text"] for hit in answer["data"]]


def in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour later."""
    later = clock.now_us() + 3_600_000_000
    monkeypatch.setattr(clock, "now_us", lambda: later)


# -- what goes wrong -------------------------------------------------------------------------------


def test_a_store_that_is_down_costs_no_context_and_no_append_and_the_answer_says_so(
    desk: Desk, sending: Embedding, outside: Outside
) -> None:
    now = talk(desk, "alice", *SAID)
    all_done(sending)
    assert texts(found(desk, now)) == [SAID[0]]
    outside.down = True
    desk.say(now, [user("And the dog?")])
    answer = found(desk, now, "Who refused us?")
    assert texts(answer) == [SAID[1]]
    assert answer["notices"] == [{"code": "recalled_without_vectors", "reason": "connection"}]
    assert answer["notices"][0] in desk.context(now, query="Who refused us?").notices
    outside.down = False
    asked = outside.asked
    assert found(desk, now)["notices"]
    assert outside.asked == asked  # it is left alone for a moment
    questions.wake()
    assert texts(found(desk, now)) == [SAID[0]]


def test_vectors_that_cannot_be_sent_are_sent_later(
    desk: Desk, sending: Embedding, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = talk(desk, "alice", *SAID)
    outside.down = True
    with pytest.raises(EngineFailed):
        sending.work()
    assert upto(desk, now) == ("topics", 0)
    assert not sending.work()
    outside.down = False
    in_time(monkeypatch)
    all_done(Embedding(desk.store, Topics(), outside))
    assert upto(desk, now) == ("topics", 6)
    assert len(outside.held) == 6


class Cursed(Outside):
    """What a host's own code may do."""

    def _reach(self) -> None:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        (f"{__name__}.Cursed", "crashed"),
        (f"{__name__}.Nobody", "misconfigured"),
        (f"{__name__}.found", "misconfigured"),
        ("memory_app.vector_stores.qdrant", "misconfigured"),
    ],
)
def test_a_store_that_is_broken_in_any_way_costs_no_answer_and_stops_no_worker(
    desk: Desk, settings: Settings, named: str, reason: str
) -> None:
    settings.HOLDFAST_VECTOR_STORE = named
    now = talk(desk, "alice", *SAID)
    answer = found(desk, now, "Who refused us?")
    assert texts(answer) == [SAID[1]]
    assert answer["notices"] == [{"code": "recalled_without_vectors", "reason": reason}]
    worker = Worker(pipeline=desk.pipeline())
    assert not worker.run_once()
    if worker.embedding is not None:
        with pytest.raises(EngineFailed, match="crashed"):
            worker.embed_once()


# -- whose answers count ---------------------------------------------------------------------------


def test_no_hit_counts_that_is_not_the_owners_or_is_gone(
    desk: Desk, sending: Embedding, outside: Outside
) -> None:
    now, gone = talk(desk, "alice", SAID[1]), talk(desk, "alice", SAID[0])
    other = talk(desk, "bob", SAID[0])
    all_done(sending)
    places = dict(Embedded.objects.values_list("session__id", "place"))
    number = {one: desk.now(one).number for one in (now, gone, other)}
    desk.store.delete(desk.project, gone)
    outside.lies = [
        Hit(number[other], places[other], 1, 1.0),
        Hit(number[gone], places[gone], 1, 1.0),
        Hit(number[now], places[other], 1, 1.0),
        Hit(number[now], places[now], 99, 1.0),
        Hit(10**9, places[now], 1, 1.0),
    ]
    assert found(desk, now)["data"] == []
    outside.lies.append(Hit(number[now], places[now], 1, 1.0))
    assert texts(found(desk, now)) == [SAID[1]]


def test_a_hit_beyond_what_the_rows_say_does_not_count(
    desk: Desk, sending: Embedding, outside: Outside
) -> None:
    now = talk(desk, "alice", *SAID)
    all_done(sending)
    Embedded.objects.update(messages=0)
    assert found(desk, now)["data"] == []


def test_what_is_no_number_is_no_answer(desk: Desk, sending: Embedding, outside: Outside) -> None:
    now = talk(desk, "alice", *SAID)
    all_done(sending)
    place = Embedded.objects.get().place
    outside.lies = [Hit(desk.now(now).number, place, 1, float("nan"))]
    assert found(desk, now)["notices"][0]["reason"] == "invalid_answer"


# -- what must go ----------------------------------------------------------------------------------


def test_a_purge_says_how_many_vectors_are_still_outside_and_the_worker_removes_them(
    desk: Desk, sending: Embedding, outside: Outside
) -> None:
    made, other = talk(desk, "alice", *SAID), talk(desk, "bob", *SAID)
    all_done(sending)
    assert (Vector.objects.count(), len(outside.held)) == (0, 12)
    counts = desk.store.purge(desk.project, made).counts
    assert (counts["vectors"], counts["vectors_outside"]) == (0, 6)
    (left,) = removals.left(desk.store.db)
    assert left == ("outside", 1, 6, 0)
    worker = Worker(pipeline=desk.pipeline())
    assert worker.remove_once() == 1
    assert {home.session for home, _ in outside.held.values()} == {desk.now(other).number}
    assert removals.left(desk.store.db) == []
    assert not worker.remove_once()


class Killed(BaseException):
    """What ends a process."""


def test_a_removal_survives_whoever_dies_at_it_and_is_tried_again_after_a_pause(
    desk: Desk, sending: Embedding, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = talk(desk, "alice", *SAID)
    all_done(sending)
    desk.store.purge(desk.project, made)

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(outside, "forget", die)
        with pytest.raises(Killed):
            removals.work(desk.store.db, outside)
    assert Removal.objects.get().attempts == 1
    assert not removals.work(desk.store.db, outside)
    in_time(monkeypatch)
    outside.down = True
    with pytest.raises(EngineFailed):
        removals.work(desk.store.db, outside)
    assert not removals.work(desk.store.db, outside)
    assert removals.left(desk.store.db) == [("outside", 1, 6, 2)]
    outside.down = False
    in_time(monkeypatch)
    assert removals.work(desk.store.db, outside)
    assert outside.held == {}
    assert removals.left(desk.store.db) == []


def test_pauses_grow_to_an_hour(
    desk: Desk, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now_us", lambda: 0)
    model = Model.of(Topics(), outside.name)
    Removal.objects.create(
        store=model.store,
        model=model.name,
        dimensions=model.dimensions,
        place="0" * 32,
        vectors=1,
        due_us=0,
    )
    outside.down = True
    pauses = []
    for _ in range(9):
        with pytest.raises(EngineFailed):
            removals.work(desk.store.db, outside)
        pauses.append(Removal.objects.get().due_us // 60_000_000)
        Removal.objects.update(due_us=0)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_of_two_that_remove_one_tries(
    desk: Desk, sending: Embedding, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = talk(desk, "alice", *SAID)
    all_done(sending)
    desk.store.purge(desk.project, made)
    tries = removals._tries

    def overtaken(db: Database, number: int, attempts: int) -> bool:
        assert tries(db, number, attempts)
        return tries(db, number, attempts)

    monkeypatch.setattr(removals, "_tries", overtaken)
    assert removals.work(desk.store.db, outside) == 0
    assert len(outside.held) == 6


@pytest.mark.django_db(transaction=True)
def test_a_started_worker_removes_what_must_go_though_nobody_makes_vectors(
    committed: Desk, outside: Outside, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = talk(committed, "alice", *SAID)
    all_done(Embedding(committed.store, Topics(), outside))
    committed.store.purge(committed.project, made)
    settings.HOLDFAST_EMBEDDER = ""
    gone, forget = threading.Event(), outside.forget

    def telling(*args: Any, **named: Any) -> None:
        forget(*args, **named)
        gone.set()

    monkeypatch.setattr(outside, "forget", telling)
    worker = Worker(pipeline=committed.pipeline())
    worker.start()
    try:
        assert gone.wait(SECONDS)
    finally:
        assert worker.stop(SECONDS)
    assert outside.held == {}


def test_what_is_sent_while_its_session_is_purged_goes_once_nothing_can_come_any_more(
    desk: Desk, sending: Embedding, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = talk(desk, "alice", *SAID)

    def purge_and_remove() -> None:
        desk.store.purge(desk.project, made)
        assert not removals.work(desk.store.db, outside)  # too early

    outside.before = purge_and_remove
    assert sending.work()
    assert len(outside.held) == 6
    assert Embedded.objects.count() == 0
    assert removals.left(desk.store.db) == [("outside", 1, 0, 0)]
    in_time(monkeypatch)
    assert removals.work(desk.store.db, outside)
    assert outside.held == {}


def test_who_lost_a_session_sends_nothing(desk: Desk, sending: Embedding, outside: Outside) -> None:
    made = talk(desk, "alice", *SAID)
    Topics.before = lambda: desk.store.purge(desk.project, made)
    assert sending.work()
    assert outside.held == {}


def test_a_purge_that_is_taken_back_removes_nothing(
    desk: Desk, sending: Embedding, outside: Outside
) -> None:
    made = talk(desk, "alice", *SAID)
    all_done(sending)

    def fail() -> None:
        with desk.store.db.transaction():
            desk.store.purge(desk.project, made)
            raise Killed

    with pytest.raises(Killed):
        fail()
    assert not Removal.objects.exists()
    assert not removals.work(desk.store.db, outside)
    assert len(outside.held) == 6


# -- from one store to another ---------------------------------------------------------------------


def test_another_store_gets_its_own_vectors_and_the_one_before_loses_them(
    desk: Desk, sending: Embedding, outside: Outside
) -> None:
    now = talk(desk, "alice", *SAID)
    all_done(Embedding(desk.store, Topics()))
    assert Vector.objects.count() == 6
    assert vectors.lag(desk.store.db, Model.of(Topics(), outside.name)) == (1, 6)
    all_done(sending)
    assert (Vector.objects.count(), len(outside.held)) == (0, 6)
    all_done(Embedding(desk.store, Topics()))
    assert Vector.objects.count() == 6
    assert upto(desk, now) == ("topics", 6)
    assert removals.left(desk.store.db) == [("outside", 1, 6, 0)]
    assert removals.work(desk.store.db, outside)
    assert outside.held == {}


def test_a_fork_gets_vectors_of_its_own_which_do_not_go_with_the_other(
    desk: Desk, sending: Embedding, outside: Outside
) -> None:
    made = talk(desk, "alice", *SAID)
    all_done(sending)
    fork = desk.store.fork(desk.project, made, 3).session.id
    assert upto(desk, fork) is None
    all_done(sending)
    assert len(outside.held) == 8
    desk.store.purge(desk.project, made)
    removals.work(desk.store.db, outside)
    assert {home.session for home, _ in outside.held.values()} == {desk.now(fork).number}
    assert texts(found(desk, fork)) == [SAID[0]]


def test_an_import_that_takes_a_session_over_begins_anew(
    desk: Desk, sending: Embedding, outside: Outside, tmp_path: Path
) -> None:
    made = talk(desk, "alice", SAID[0])
    short, long = tmp_path / "short.jsonl", tmp_path / "long.jsonl"
    short.write_bytes(b"".join(exporting.holdfast(desk.store, desk.project)))
    desk.say(made, [user(SAID[1])])
    long.write_bytes(b"".join(exporting.holdfast(desk.store, desk.project)))
    desk.store.purge(desk.project, made)
    importers.run(desk.store, desk.project, "holdfast", [short])
    all_done(sending)
    report = importers.run(desk.store, desk.project, "holdfast", [long])
    assert (report.errors, report.new) == ([], 1)
    all_done(sending)
    assert removals.work(desk.store.db, outside) == 1
    assert sorted(seq for _, _, seq in outside.held) == [1, 2, 3]
    assert texts(found(desk, made)) == [SAID[0]]


def test_a_text_that_the_model_refuses_is_counted_nowhere(
    desk: Desk, sending: Embedding, outside: Outside
) -> None:
    made = talk(desk, "alice", "My cat is ill.", "Unspeakable.")
    Topics.refused = "Unspeakable"
    all_done(sending)
    assert desk.store.purge(desk.project, made).counts["vectors_outside"] == 3
