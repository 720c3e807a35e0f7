"""Recall with vectors: other words for the same find each other, and what fails costs no answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from pytest_django import Settings

from memory_app import questions, recall, vector_stores, vectors
from memory_app.core.index import Matrix
from memory_app.core.work import EngineFailed
from memory_app.embedding import Embedding
from memory_app.models import Embedded, Vector
from memory_app.worker import Worker
from sessions_app.models import EndUser
from tests.compression.conftest import Desk
from tests.memory.histories import user
from tests.vectors.conftest import Newer, Topics, all_done, down, talk

SAID = ("My kitten hid in the attic.", "The bank refused us.", "We sail on Sunday.")
QUERY = "What about the cat?"
pytestmark = pytest.mark.usefixtures("installed")


def found(desk: Desk, session: UUID, query: str = QUERY) -> dict[str, Any]:
    return recall.hits(desk.store, desk.now(session), query, 1)


def texts(answer: dict[str, Any]) -> list[str]:
    return [hit["text"] for hit in answer["data"]]


def weighs(answer: dict[str, Any]) -> bool:
    """Whether vectors had a part in the scores."""
    return any("cosine" in hit["parts"] for hit in answer["data"])


# -- what goes wrong -------------------------------------------------------------------------------


def test_an_embedder_that_fails_costs_the_vectors_and_the_answer_says_so(
    desk: Desk, embedding: Embedding
) -> None:
    now = talk(desk, "alice", *SAID)
    all_done(embedding)
    Topics.broken = down
    answer = found(desk, now, "Who refused us?")
    assert texts(answer) == [SAID[1]]
    assert not weighs(answer)
    assert answer["notices"] == [{"code": "recalled_without_vectors", "reason": "connection"}]
    built = desk.context(now, query="Who refused us?")
    assert answer["notices"][0] in built.notices


def test_one_that_failed_is_left_alone_for_a_moment_and_then_asked_again(
    desk: Desk, embedding: Embedding
) -> None:
    now = talk(desk, "alice", *SAID)
    all_done(embedding)
    Topics.broken = down
    found(desk, now)
    Topics.broken = None
    Topics.asked.clear()
    assert found(desk, now)["notices"]
    assert Topics.asked == []
    questions.wake()
    answer = found(desk, now)
    assert answer["notices"] == []
    assert texts(answer) == [SAID[0]]


def test_one_that_hangs_is_left_behind_at_the_deadline(
    desk: Desk, embedding: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = talk(desk, "alice", *SAID)
    all_done(embedding)
    monkeypatch.setattr(questions, "SECONDS", 0.05)
    released = threading.Event()
    Topics.before = lambda: released.wait(30)
    answer = found(desk, now, "Who refused us?")
    released.set()
    assert texts(answer) == [SAID[1]]
    assert answer["notices"] == [{"code": "recalled_without_vectors", "reason": "timeout"}]


class Wider(Topics):
    """Says that its vectors are smaller than they are."""

    def embed(self, texts: Sequence[str], *, seconds: float) -> Matrix:
        return np.ones((len(texts), self.dimensions + 1), np.float32)


def test_vectors_of_a_wrong_dimension_are_told_by_that_name(desk: Desk, settings: Settings) -> None:
    settings.HOLDFAST_EMBEDDER = f"{__name__}.Wider"
    now = talk(desk, "alice", *SAID)
    answer = found(desk, now, "Who refused us?")
    assert texts(answer) == [SAID[1]]
    assert answer["notices"] == [{"code": "recalled_without_vectors", "reason": "wrong_dimension"}]
    with pytest.raises(EngineFailed):
        Embedding(desk.store, Wider()).work()


class Crashing(Topics):
    """What a host's own code may do."""

    def embed(self, texts: Sequence[str], *, seconds: float) -> Matrix:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        (f"{__name__}.Crashing", "crashed"),
        (f"{__name__}.Nobody", "misconfigured"),
        ("nowhere", "misconfigured"),
        (f"{__name__}.found", "misconfigured"),
    ],
)
def test_an_embedder_that_is_broken_in_any_way_costs_no_answer_and_stops_no_worker(
    desk: Desk, settings: Settings, named: str, reason: str
) -> None:
    settings.HOLDFAST_EMBEDDER = named
    now = talk(desk, "alice", *SAID)
    answer = found(desk, now, "Who refused us?")
    assert texts(answer) == [SAID[1]]
    assert answer["notices"] == [{"code": "recalled_without_vectors", "reason": reason}]
    worker = Worker(pipeline=desk.pipeline())
    if worker.embedding is not None:
        with pytest.raises(EngineFailed, match="crashed"):
            worker.embed_once()


def test_without_any_vector_words_find_what_they_did(desk: Desk) -> None:
    now = talk(desk, "alice", *SAID)
    answer = found(desk, now, "Who refused us?")
    assert texts(answer) == [SAID[1]]
    assert not weighs(answer)
    assert answer["notices"] == []
    assert found(desk, now)["data"] == []


def test_where_most_vectors_are_missing_words_alone_decide(
    desk: Desk, embedding: Embedding
) -> None:
    now = talk(desk, "alice", SAID[0])
    all_done(embedding)
    assert weighs(found(desk, now))
    desk.say(now, [user(f"The bank refused us, {number}.") for number in range(4)])
    assert not weighs(found(desk, now, "Who refused us?"))
    all_done(embedding)
    assert weighs(found(desk, now, "Who refused us?"))


def test_a_turn_whose_vector_is_not_there_yet_is_found_among_those_with_one(
    desk: Desk, embedding: Embedding
) -> None:
    now = talk(desk, "alice", *SAID)
    all_done(embedding)
    desk.say(now, [user("The gate code of the depot is 4477."), user("Good night!")])
    answer = found(desk, now, "What is the gate code of the depot?")
    assert texts(answer) == ["The gate code of the depot is 4477."]
    assert weighs(answer)


def test_vectors_of_another_model_are_not_compared(
    desk: Desk, embedding: Embedding, settings: Settings
) -> None:
    now = talk(desk, "alice", *SAID)
    all_done(embedding)
    assert texts(found(desk, now)) == [SAID[0]]
    settings.HOLDFAST_EMBEDDER = "tests.vectors.conftest.Newer"
    assert found(desk, now)["data"] == []
    all_done(Embedding(desk.store, Newer()))
    assert texts(found(desk, now)) == [SAID[0]]


def test_nobody_elses_vectors_are_read(desk: Desk, embedding: Embedding) -> None:
    talk(desk, "bob", *SAID)
    talk(desk, None, *SAID)
    now = talk(desk, "alice", "Good morning!")
    all_done(embedding)
    assert found(desk, now)["data"] == []


def test_the_question_for_vectors_names_project_and_user(desk: Desk, embedding: Embedding) -> None:
    made = desk.now(talk(desk, "alice", *SAID))
    all_done(embedding)
    model = vector_stores.Model.of(Topics())
    row = EndUser.objects.of(desk.project).get(key="alice").pk
    owners = {
        (project, number): vector_stores.Owner(project, number, is_user=True)
        for project in (desk.project, desk.project + 1)
        for number in (row, row + 1)
    }
    found = {
        place: len(list(vectors.read(desk.store.db, owner, model, made.number, (0, 99))))
        for place, owner in owners.items()
    }
    assert {place for place, count in found.items() if count} == {(desk.project, row)}
    assert [bool(vectors.progress(desk.store.db, owner, model)) for owner in owners.values()] == [
        bool(count) for count in found.values()
    ]


def test_a_session_without_a_user_has_its_own(desk: Desk, embedding: Embedding) -> None:
    talk(desk, None, *SAID)
    other, now = talk(desk, None, "Good morning!"), talk(desk, None, *SAID)
    all_done(embedding)
    assert texts(found(desk, now)) == [SAID[0]]
    assert found(desk, other)["data"] == []


def test_what_was_taken_back_is_not_found_by_its_vector(desk: Desk, embedding: Embedding) -> None:
    now = talk(desk, "alice", *SAID)
    all_done(embedding)
    assert texts(found(desk, now)) == [SAID[0]]
    desk.retract(now, 1)
    assert SAID[0] not in texts(found(desk, now))


def test_a_question_that_was_said_last_is_not_its_own_answer(
    desk: Desk, embedding: Embedding
) -> None:
    now = talk(desk, "alice", "The bank refused us.", "Good morning!")
    desk.say(now, [user(QUERY)])
    all_done(embedding)
    assert found(desk, now)["data"] == []


# -- what is found ---------------------------------------------------------------------------------


def test_other_words_for_the_same_are_found_in_another_session(
    desk: Desk, embedding: Embedding
) -> None:
    talk(desk, "alice", *SAID)
    now = talk(desk, "alice", "Good morning!")
    all_done(embedding)
    answer = found(desk, now)
    assert texts(answer) == [SAID[0]]
    assert weighs(answer)
    assert SAID[0] in str(desk.context(now, query=QUERY).messages)


def test_vectors_that_come_later_are_taken_into_an_index_that_is_there(
    desk: Desk, embedding: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = recall.Held()
    monkeypatch.setattr(recall, "_of", lambda *_: held)
    now = talk(desk, "alice", *SAID)
    assert found(desk, now)["data"] == []
    all_done(embedding)
    assert texts(found(desk, now)) == [SAID[0]]
    desk.say(now, [user("We met a pet shop's owner.")])
    all_done(embedding)
    found(desk, now)
    assert len(held.index.has_vector) == len(held.index) == 7


def test_vectors_count_for_what_a_process_holds(
    desk: Desk, embedding: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = recall.Held()
    monkeypatch.setattr(recall, "_of", lambda *_: held)
    monkeypatch.setattr(recall, "TURN_BYTES", 4 * Topics.dimensions)
    now = talk(desk, "alice", *SAID)
    found(desk, now)
    assert held.size == 6
    all_done(embedding)
    found(desk, now)
    assert held.size == 12


def test_an_earlier_version_is_the_same_with_and_without_vectors(
    desk: Desk, embedding: Embedding
) -> None:
    now = talk(desk, "alice", *SAID)
    ask = {"query": "Who refused us?", "at": desk.now(now).version}
    before = desk.context(now, **ask)
    all_done(embedding)
    desk.say(now, [user("Good night!")])
    assert desk.context(now, **ask).digest == before.digest


def test_rows_that_vanished_are_no_error(desk: Desk, embedding: Embedding) -> None:
    now = talk(desk, "alice", *SAID)
    all_done(embedding)
    Vector.objects.all().delete()
    assert texts(found(desk, now, "Who refused us?")) == [SAID[1]]
    Embedded.objects.all().delete()
    assert texts(found(desk, now, "Who refused us?")) == [SAID[1]]
