"""Where vectors are kept, and who is asked for those nearest to a question: the promise, the
choice, and what is held against an answer.

Without a setting they are rows of the database (`vectors.DatabaseVectors`). An outside store is an
index and never the truth: what it answers counts only where the rows say so, what it is to forget
stands in a row until it has, and all it holds can be made again from the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

from memory_app.core.index import Vector
from memory_app.core.work import CRASHED, INVALID_ANSWER, MISCONFIGURED, EngineFailed
from memory_app.embedders import Embedder

if TYPE_CHECKING:
    from sessions_app.store.database import Database

QDRANT = "memory_app.vector_stores.qdrant"
"""A store that comes with Holdfast."""
MOST_NEAR = 1_000
"""How many of the nearest are asked for. With 200 of 520 turns (LoCoMo) as much is found as with
all of them, with 50 a point less."""


class Model(NamedTuple):
    """Whose vectors: two models have nothing to say to one another, nor do two sizes of one. And
    the name of the store that keeps them, which is "" for the database."""

    name: str
    dimensions: int
    store: str = ""

    @classmethod
    def of(cls, embedder: Embedder, store: str = "") -> Model:
        return cls(embedder.name, embedder.dimensions, store)


class Owner(NamedTuple):
    """Whose vectors are asked for: an end user's of a project, or those of one session of it."""

    project: int
    number: int
    is_user: bool


class Home(NamedTuple):
    """The session that vectors are of, whose it is, and the `place` an outside store keeps them
    under: 32 hexadecimal digits that nothing else was ever kept under."""

    project: int
    user: int | None
    session: int
    place: str


class Hit(NamedTuple):
    """A message whose vector is near, by its session, the place of its vectors, and its seq."""

    session: int
    place: str
    seq: int
    cosine: float


class VectorStore(Protocol):
    """Keeps vectors of length one. Each method raises EngineFailed when it cannot do it within
    `seconds`, and may be called by several threads."""

    @property
    def name(self) -> str:
        """What is kept here is known by; another name, and all vectors are made anew there."""
        ...

    @property
    def in_database(self) -> bool:
        """True for rows of Holdfast's own database: `put` is called in a transaction then, and
        recall reads the rows. All others are called outside any, and asked by `nearest`."""
        ...

    def put(self, home: Home, model: Model, made: Mapping[int, Vector], *, seconds: float) -> None:
        """Keeps the vectors of a session by seq, for good when it returns; the same again changes
        nothing."""
        ...

    def nearest(
        self, owner: Owner, model: Model, vector: Vector, most: int, *, seconds: float
    ) -> list[Hit]:
        """The `most` vectors of the owner that are nearest to one, the nearest first; all where
        there are fewer. None of any other project, user or model."""
        ...

    def forget(self, model: Model, place: str, *, seconds: float) -> None:
        """Removes what is kept under a place, for good when it returns; nothing where none is."""
        ...


def qdrant() -> VectorStore:
    """The Qdrant server, or folder, that the HOLDFAST_QDRANT settings name."""
    from memory_app.qdrant_store import QdrantVectors

    return QdrantVectors.named(
        getattr(settings, "HOLDFAST_QDRANT", None) or "",
        key=getattr(settings, "HOLDFAST_QDRANT_KEY", None) or "",
        prefix=getattr(settings, "HOLDFAST_QDRANT_COLLECTION", None) or "holdfast",
    )


def kept(db: Database) -> VectorStore:
    """The store of this installation: what HOLDFAST_VECTOR_STORE names, called without arguments;
    the database without. Raises EngineFailed; `manage.py check` and the log say why."""
    path = getattr(settings, "HOLDFAST_VECTOR_STORE", None)
    if not path:
        from memory_app.vectors import DatabaseVectors

        return DatabaseVectors(db)
    try:
        return cast(VectorStore, import_string(path)())
    except EngineFailed:
        raise
    except Exception as error:  # whatever a host's own code does
        raise EngineFailed(MISCONFIGURED, f"HOLDFAST_VECTOR_STORE {path!r}: {error}") from error


@contextmanager
def asking(kept: VectorStore) -> Iterator[None]:
    """A call of a store: it raises EngineFailed, whatever a host's own one raises."""
    try:
        yield
    except EngineFailed:
        raise
    except Exception as error:
        raise EngineFailed(CRASHED, f"{kept.name}: {type(error).__name__}") from error


def nearest(
    kept: VectorStore, owner: Owner, model: Model, vector: Vector, *, seconds: float
) -> list[Hit]:
    """The nearest as an outside store answers, checked. Raises EngineFailed."""
    with asking(kept):
        found = kept.nearest(owner, model, vector, MOST_NEAR, seconds=seconds)
        if len(found) > MOST_NEAR or not all(isfinite(hit.cosine) for hit in found):
            raise EngineFailed(INVALID_ANSWER, f"{kept.name} gives hits that are none")
    return found
