"""Vectors are made of what was said: all of it, once, whatever fails meanwhile."""

from __future__ import annotations

import threading

import pytest
from pytest_django import Settings

from memory_app import embedding as module
from memory_app import vectors
from memory_app.core.work import REJECTED, TIMEOUT, WRONG_DIMENSION, EngineFailed
from memory_app.embedding import Embedding
from memory_app.models import Embedded, Vector
from memory_app.vectors import Model
from memory_app.worker import Worker
from tests.compression.conftest import Desk
from tests.memory.histories import assistant, user
from tests.vectors.conftest import (
    PLACE,
    Newer,
    Topics,
    all_done,
    down,
    lag,
    seqs,
    talk,
    upto,
)

SECONDS = 30


# -- what goes wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [TIMEOUT, REJECTED, WRONG_DIMENSION])
def test_a_failure_stores_nothing_and_leaves_the_session_alone_for_a_while(
    desk: Desk, embedding: Embedding, reason: str
) -> None:
    made = talk(desk, "alice", "My cat is ill.")
    Topics.broken = EngineFailed(reason, "why")
    with pytest.raises(EngineFailed) as caught:
        embedding.work()
    assert caught.value.reason == reason
    assert seqs(desk, made) == []
    Topics.broken = None
    assert not embedding.work()
    Embedded.objects.update(claim_until_us=0)
    embedding = Embedding(desk.store, Topics())
    assert embedding.work()
    assert seqs(desk, made) == [1, 2]


def test_one_session_that_cannot_be_done_does_not_hold_up_the_others(
    desk: Desk, embedding: Embedding
) -> None:
    first, last = talk(desk, "alice", "My cat is ill."), talk(desk, "bob", "My boat leaks.")
    Topics.broken = down
    with pytest.raises(EngineFailed):
        embedding.work()
    Topics.broken = None
    assert all_done(embedding) == 1
    assert sorted([seqs(desk, first), seqs(desk, last)]) == [[], [1, 2]]


def test_a_text_that_the_model_refuses_is_passed_over_alone(
    desk: Desk, embedding: Embedding, caplog: pytest.LogCaptureFixture
) -> None:
    made = talk(desk, "alice", "My cat is ill.", "Unspeakable.", "My boat leaks.")
    Topics.refused = "Unspeakable"
    all_done(embedding)
    assert seqs(desk, made) == [1, 2, 4, 5, 6]
    assert upto(desk, made) == ("topics", 6)
    assert "1 messages get no vector" in caplog.text
    assert "Unspeakable" not in caplog.text


def test_a_session_that_is_purged_meanwhile_leaves_no_vector(
    desk: Desk, embedding: Embedding
) -> None:
    made = talk(desk, "alice", "My cat is ill.")
    Topics.before = lambda: desk.store.purge(desk.project, made)
    assert embedding.work()
    assert Vector.objects.count() == Embedded.objects.count() == 0


def test_who_is_too_slow_stores_nothing(desk: Desk, embedding: Embedding) -> None:
    made = talk(desk, "alice", "My cat is ill.")
    other = Embedding(desk.store, Topics())

    def overtaken() -> None:
        Embedded.objects.update(claim_until_us=0)
        assert other.work()
        desk.say(made, [user("My boat leaks.")])

    Topics.before = overtaken
    assert embedding.work()
    assert upto(desk, made) == ("topics", 2)
    assert all_done(embedding) == 1
    assert seqs(desk, made) == [1, 2, 3]


def test_a_claimed_session_is_nobody_elses_until_its_time_is_over(desk: Desk) -> None:
    talk(desk, "alice", "My cat is ill.")
    number = vectors.behind_after(desk.store.db, Model.of(Topics()), 0, 10)[0]
    model = Model.of(Topics())
    assert vectors.claim(desk.store.db, number, model, seconds=60) is not None
    assert vectors.claim(desk.store.db, number, model, seconds=60) is None
    assert vectors.behind_after(desk.store.db, model, 0, 10) == []
    Embedded.objects.update(claim_until_us=0)
    assert vectors.claim(desk.store.db, number, model, seconds=60) is not None


# -- what is made ----------------------------------------------------------------------------------


def test_what_people_and_the_model_say_has_a_vector_and_what_tools_give_has_none(
    desk: Desk, embedding: Embedding
) -> None:
    made = desk.session(
        [
            user("My cat is ill."),
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "vet", "arguments": "{}"},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "Closed."},
            assistant("The vet is closed."),
        ]
    )
    all_done(embedding)
    assert seqs(desk, made) == [1, 4]
    assert upto(desk, made) == ("topics", 4)
    stored = Vector.objects.of_session(desk.now(made).number)
    assert {len(bytes(one.vector)) for one in stored} == {2 * Topics.dimensions}


def test_only_what_is_new_is_made(desk: Desk, embedding: Embedding) -> None:
    made = talk(desk, "alice", "My cat is ill.")
    all_done(embedding)
    Topics.asked.clear()
    desk.say(made, [user("My boat leaks.")])
    all_done(embedding)
    assert Topics.asked == [["My boat leaks."]]


def test_a_long_session_is_done_in_batches(
    desk: Desk, embedding: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MESSAGES", 4)
    made = talk(desk, "alice", *[f"Cat {number}" for number in range(5)])
    assert all_done(embedding) == 3
    assert seqs(desk, made) == list(range(1, 11))
    assert [len(texts) for texts in Topics.asked] == [4, 4, 2]


def test_another_model_makes_all_vectors_anew(desk: Desk, embedding: Embedding) -> None:
    made = talk(desk, "alice", "My cat is ill.")
    all_done(embedding)
    newer = Embedding(desk.store, Newer())
    all_done(newer)
    stored = Vector.objects.of_session(desk.now(made).number)
    assert {len(bytes(one.vector)) for one in stored} == {2 * Newer.dimensions}
    assert upto(desk, made) == ("newer", 2)


def test_of_two_models_each_fills_what_the_other_left_and_none_mixes_them(
    desk: Desk, embedding: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = talk(desk, "alice", "My cat is ill.", "My boat leaks.")
    all_done(embedding)
    monkeypatch.setattr(module, "MESSAGES", 2)
    assert Embedding(desk.store, Newer()).work()
    assert upto(desk, made) == ("newer", 2)
    assert seqs(desk, made) == [1, 2]


def test_sessions_of_long_ago_are_found_too(desk: Desk, embedding: Embedding) -> None:
    made = desk.session([{**user("My cat is ill."), "created_at": "2020-01-01T00:00:00Z"}])
    desk.due(made)
    all_done(embedding)
    assert seqs(desk, made) == [1]


def test_deleted_sessions_are_not_sent_anywhere(desk: Desk, embedding: Embedding) -> None:
    made = talk(desk, "alice", "My cat is ill.")
    desk.store.delete(desk.project, made)
    assert not embedding.work()
    assert lag(desk) == (0, 0)


def test_the_lag_counts_sessions_and_messages(desk: Desk, embedding: Embedding) -> None:
    assert lag(desk) == (0, 0)
    made = talk(desk, "alice", "My cat is ill.", "My boat leaks.")
    talk(desk, "bob", "The bank is shut.")
    assert lag(desk) == (2, 6)
    all_done(embedding)
    assert lag(desk) == (0, 0)
    desk.say(made, [user("My cat is well.")])
    assert lag(desk) == (1, 1)
    all_done(Embedding(desk.store, Newer()))
    assert lag(desk) == (2, 7)


# -- what goes with a session ----------------------------------------------------------------------


def test_a_purge_takes_vectors_along_and_counts_them(desk: Desk, embedding: Embedding) -> None:
    made, other = talk(desk, "alice", "My cat is ill."), talk(desk, "bob", "My boat leaks.")
    all_done(embedding)
    counts = desk.store.purge(desk.project, made).counts
    assert (counts["vectors"], counts["embedded"]) == (2, 1)
    assert Vector.objects.count() == 2
    assert seqs(desk, other) == [1, 2]


def test_a_fork_begins_with_the_vectors_of_its_messages(desk: Desk, embedding: Embedding) -> None:
    made = talk(desk, "alice", "My cat is ill.", "My boat leaks.")
    all_done(embedding)
    Topics.asked.clear()
    fork = desk.store.fork(desk.project, made, 3).session.id
    assert seqs(desk, fork) == [1, 2]
    assert not embedding.work()
    assert Topics.asked == []


def test_a_fork_of_a_session_without_vectors_gets_its_own(desk: Desk, embedding: Embedding) -> None:
    made = talk(desk, "alice", "My cat is ill.")
    fork = desk.store.fork(desk.project, made, 3).session.id
    assert upto(desk, fork) is None
    all_done(embedding)
    assert seqs(desk, fork) == seqs(desk, made) == [1, 2]


# -- the worker ------------------------------------------------------------------------------------


def test_without_an_embedder_a_worker_makes_no_vectors(desk: Desk) -> None:
    talk(desk, "alice", "My cat is ill.")
    worker = Worker(pipeline=desk.pipeline())
    assert worker.embedding is None
    assert not worker.embed_once()


@pytest.mark.django_db(transaction=True)
def test_a_started_worker_makes_vectors_of_what_is_said_and_stops(
    committed: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HOLDFAST_EMBEDDER = PLACE
    monkeypatch.setattr("memory_app.worker.BESIDE_LOOK_SECONDS", 0.02)
    stored = threading.Event()
    store = vectors.store

    def telling(*args: object) -> bool:
        done = store(*args)  # type: ignore[arg-type]
        stored.set()
        return done

    monkeypatch.setattr(vectors, "store", telling)
    worker = Worker(pipeline=committed.pipeline())
    worker.start()
    try:
        made = talk(committed, "alice", "My cat is ill.")
        assert stored.wait(SECONDS)
    finally:
        assert worker.stop(SECONDS)
    assert seqs(committed, made)


@pytest.mark.django_db(transaction=True)
def test_a_worker_goes_on_after_an_embedder_that_failed(
    committed: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HOLDFAST_EMBEDDER = PLACE
    monkeypatch.setattr("memory_app.worker.BESIDE_LOOK_SECONDS", 0.02)
    monkeypatch.setattr("memory_app.worker.TROUBLE_SECONDS", 0.02)
    monkeypatch.setattr(module, "LATER_SECONDS", 0.0)
    failed, stored = threading.Event(), threading.Event()
    store = vectors.store

    def telling(*args: object) -> bool:
        done = store(*args)  # type: ignore[arg-type]
        stored.set()
        return done

    monkeypatch.setattr(vectors, "store", telling)
    Topics.broken, Topics.before = down, failed.set
    talk(committed, "alice", "My cat is ill.")
    worker = Worker(pipeline=committed.pipeline())
    worker.start()
    try:
        assert failed.wait(SECONDS)
        Topics.broken = None
        assert stored.wait(SECONDS)
    finally:
        assert worker.stop(SECONDS)
