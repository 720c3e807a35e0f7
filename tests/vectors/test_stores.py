"""What every store of vectors promises: the nearest of one owner, and nothing of anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, pairwise
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from holdfast.projects import ensure_project
from memory_app import recall, removals, vectors
from memory_app.core.index import Vector
from memory_app.embedding import Embedding
from memory_app.models import Embedded
from memory_app.vector_stores import Hit, Model, Owner, VectorStore
from sessions_app.models import EndUser
from tests.compression.conftest import Desk
from tests.examples import examples
from tests.memory.histories import user
from tests.vectors import keeping
from tests.vectors.conftest import PLACE, Newer, Topics, all_done, talk
from tests.vectors.keeping import Numbers, numbers

HALF = 2e-3
"""How far a cosine of vectors of half words may be off."""
OWNERS = (("one", "alice"), ("one", "bob"), ("two", "alice"), ("one", None), ("two", None))
names = (f"talk {number}" for number in count())


@pytest.fixture(params=keeping.STORES)
def kept(request: pytest.FixtureRequest, desk: Desk) -> Iterator[VectorStore]:
    with keeping.opened(request.param, desk.store.db) as store:
        yield store


def owner_of(desk: Desk, session: UUID) -> Owner:
    found = desk.now(session)
    if found.user is None:
        return Owner(desk.project, found.number, is_user=False)
    row = EndUser.objects.of(desk.project).get(key=found.user).pk
    return Owner(desk.project, row, is_user=True)


def near(kept: VectorStore, owner: Owner, query: str = "the cat", most: int = 50) -> list[Hit]:
    vector = Topics().embed([query], seconds=1)[0]
    return kept.nearest(
        owner,
        Model.of(Topics(), kept.name),
        vector / np.linalg.norm(vector),
        most,
        seconds=5,
    )


def unit(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


# -- brute force ---------------------------------------------------------------------------------


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    said=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 40)), min_size=1, max_size=24),
    query=st.integers(0, 40),
    most=st.integers(1, 10),
)
def test_the_nearest_are_those_of_brute_force_and_never_anybody_elses(
    desk: Desk, kept: VectorStore, said: list[tuple[int, int]], query: int, most: int
) -> None:
    tag = next(names)
    embedding = Embedding(desk.store, Numbers(), kept)
    spoken: dict[int, dict[tuple[int, int], Vector]] = {place: {} for place in range(len(OWNERS))}
    desks, sessions = {}, {}
    for place, number in said:
        project, whose = OWNERS[place]
        if place not in sessions:
            desks[place] = Desk(desk.store, ensure_project(f"{tag} {project}").pk)
            sessions[place] = talk(desks[place], whose)
        text = f"{tag} {number}"
        desks[place].say(sessions[place], [user(text)])
        now = desks[place].now(sessions[place])
        spoken[place][now.number, now.messages] = unit(numbers(text))
    all_done(embedding)
    asked = unit(numbers(f"{tag} {query}"))
    for place, session in sessions.items():
        owner = owner_of(desks[place], session)
        hits = kept.nearest(owner, Model.of(Numbers(), kept.name), asked, most, seconds=5)
        agrees(hits, spoken[place], asked, most)


def agrees(
    hits: list[Hit], spoken: dict[tuple[int, int], Vector], asked: Vector, most: int
) -> None:
    """Up to the precision of half words, within which any order is right."""
    brute = {place: float(vector @ asked) for place, vector in spoken.items()}
    found = {(hit.session, hit.seq): hit.cosine for hit in hits}
    assert len(found) == len(hits) == min(most, len(brute))
    assert found.keys() <= brute.keys()
    assert all(abs(cosine - brute[place]) < HALF for place, cosine in found.items())
    cosines = [hit.cosine for hit in hits]
    assert all(one >= other - HALF for one, other in pairwise(cosines))
    missed = [brute[place] for place in brute.keys() - found.keys()]
    assert max(missed, default=-2.0) <= min(cosines) + HALF


# -- what goes and what is made again ------------------------------------------------------------


def test_a_store_that_holds_nothing_finds_nothing(desk: Desk, kept: VectorStore) -> None:
    now = talk(desk, "alice", "My cat is ill.")
    assert near(kept, owner_of(desk, now)) == []
    kept.forget(Model.of(Topics(), kept.name), "0" * 32, seconds=5)


def test_a_purged_session_is_in_no_store(desk: Desk, kept: VectorStore) -> None:
    made, other = talk(desk, "alice", "My cat is ill."), talk(desk, "alice", "My cat is well.")
    all_done(Embedding(desk.store, Topics(), kept))
    owner = owner_of(desk, made)
    assert len(near(kept, owner)) == 4
    purged = desk.now(made).number
    desk.store.purge(desk.project, made)
    removals.work(desk.store.db, kept)
    assert {hit.session for hit in near(kept, owner)} == {desk.now(other).number} - {purged}
    assert removals.left(desk.store.db) == []


def test_another_model_asks_for_its_own_alone(desk: Desk, kept: VectorStore) -> None:
    now = talk(desk, "alice", "My cat is ill.")
    all_done(Embedding(desk.store, Topics(), kept))
    owner, newer = owner_of(desk, now), Model.of(Newer(), kept.name)
    asked = np.ones(Newer.dimensions, np.float32) / Newer.dimensions**0.5
    assert kept.nearest(owner, newer, asked, 5, seconds=5) == []
    all_done(Embedding(desk.store, Newer(), kept))
    assert len(kept.nearest(owner, newer, asked, 5, seconds=5)) == 2
    removals.work(desk.store.db, kept)
    assert near(kept, owner) == []


def test_what_is_put_twice_is_there_once(desk: Desk, kept: VectorStore) -> None:
    now = talk(desk, "alice", "My cat is ill.")
    model = Model.of(Topics(), kept.name)
    claim = vectors.claim(desk.store.db, desk.now(now).number, model, seconds=60)
    assert claim is not None
    made = {1: unit(numbers("a")), 2: unit(numbers("b"))}
    kept.put(claim.home, model, made, seconds=5)
    assert vectors.store(desk.store.db, kept, claim, model, 2, made)
    assert sorted(hit.seq for hit in near(kept, owner_of(desk, now))) == [1, 2]


def test_all_of_a_store_can_be_made_again_from_the_log(desk: Desk, kept: VectorStore) -> None:
    now = talk(desk, "alice", "My cat is ill.", "My boat leaks.")
    embedding = Embedding(desk.store, Topics(), kept)
    all_done(embedding)
    before = near(kept, owner_of(desk, now))
    with keeping.opened("qdrant" if kept.name else "database", desk.store.db) as empty:
        vectors.make_anew(desk.store.db)
        all_done(Embedding(desk.store, Topics(), empty))
        again = near(empty, owner_of(desk, now))
    assert [hit.cosine for hit in again] == pytest.approx([hit.cosine for hit in before])
    assert {hit.seq for hit in again} == {hit.seq for hit in before}


def test_recall_finds_the_same_whatever_keeps_the_vectors(
    desk: Desk, kept: VectorStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HOLDFAST_EMBEDDER = PLACE
    said = ("My kitten hid in the attic.", "The bank refused us.", "We sail on Sunday.")
    talk(desk, "alice", *said)
    now = talk(desk, "alice", "Good morning!")
    talk(desk, "bob", "My cat is not of this story.")
    all_done(Embedding(desk.store, Topics()))
    expected = recall.hits(desk.store, desk.now(now), "What about the cat?", 5)
    assert expected["data"][0]["text"] == said[0]
    monkeypatch.setattr("memory_app.vector_stores.kept", lambda _: kept)
    all_done(Embedding(desk.store, Topics(), kept))
    found = recall.hits(desk.store, desk.now(now), "What about the cat?", 5)
    assert [hit["text"] for hit in found["data"]] == [hit["text"] for hit in expected["data"]]
    for one, other in zip(found["data"], expected["data"], strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=0.02)
    assert Embedded.objects.first().store == kept.name  # type: ignore[union-attr]
