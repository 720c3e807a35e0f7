"""Stores of vectors for tests: the real ones by name, and some that fail or lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from zlib import crc32

import numpy as np
import pytest

from memory_app.core.index import Matrix, Vector
from memory_app.core.work import CONNECTION, EngineFailed
from memory_app.vector_stores import Hit, Home, Model, Owner, VectorStore
from memory_app.vectors import DatabaseVectors
from sessions_app.store.database import Database

STORES = ("database", "qdrant")
OUTSIDE = ("qdrant",)
NOT_REACHED = EngineFailed(CONNECTION, "nobody answers")


@contextmanager
def opened(name: str, db: Database) -> Iterator[VectorStore]:
    """An empty store of a kind; the test is skipped where that is not installed."""
    if name == "database":
        yield DatabaseVectors(db)
        return
    if find_spec("qdrant_client") is None:
        pytest.skip("qdrant-client is not installed")
    from qdrant_client import QdrantClient

    from memory_app.qdrant_store import QdrantVectors

    client = QdrantClient(":memory:")
    try:
        yield QdrantVectors(client, local=True)
    finally:
        client.close()


class Numbers:
    """Vectors of small whole numbers that a text decides, so that equals are common."""

    name = "numbers"
    dimensions = 4
    unlike: float | None = None

    def embed(self, texts: Sequence[str], *, seconds: float) -> Matrix:
        return np.array([numbers(text) for text in texts], np.float32)


def numbers(text: str) -> Vector:
    drawn = np.random.default_rng(crc32(text.encode())).integers(-2, 3, Numbers.dimensions)
    return np.asarray(drawn if drawn.any() else drawn + 1, np.float32)


class Outside:
    """A store in memory that does what it promises, unless a test says otherwise: `down` refuses
    all, `before` is called once before something is put, `lies` is what it answers."""

    name = "outside"
    in_database = False

    def __init__(self) -> None:
        self.held: dict[tuple[Model, str, int], tuple[Home, Vector]] = {}
        self.down = False
        self.before: Callable[[], object] | None = None
        self.lies: list[Hit] | None = None
        self.asked = 0

    def put(self, home: Home, model: Model, made: Mapping[int, Vector], *, seconds: float) -> None:
        self._reach()
        if self.before is not None:
            once, self.before = self.before, None
            once()
        for seq, vector in made.items():
            self.held[model, home.place, seq] = home, vector

    def nearest(
        self, owner: Owner, model: Model, vector: Vector, most: int, *, seconds: float
    ) -> list[Hit]:
        self.asked += 1
        self._reach()
        if self.lies is not None:
            return self.lies
        found = [
            Hit(home.session, place, seq, float(kept @ vector))
            for (whose, place, seq), (home, kept) in self.held.items()
            if whose == model and _is_theirs(home, owner)
        ]
        return sorted(found, key=lambda hit: -hit.cosine)[:most]

    def forget(self, model: Model, place: str, *, seconds: float) -> None:
        self._reach()
        for key in [key for key in self.held if key[:2] == (model, place)]:
            del self.held[key]

    def _reach(self) -> None:
        if self.down:
            raise NOT_REACHED


def _is_theirs(home: Home, owner: Owner) -> bool:
    number = home.user if owner.is_user else home.session
    return (home.project, number) == (owner.project, owner.number)
