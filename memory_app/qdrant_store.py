"""Vectors in Qdrant: a server, or in one process a folder or memory (its local mode).

A collection holds the vectors of one model. A point is a message; project, user and session stand
in its payload and in the filter of each question. Nothing else imports `qdrant_client`.
"""

from __future__ import annotations

import atexit
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from threading import RLock
from typing import Any
from uuid import UUID, uuid5

from memory_app.core.index import Vector
from memory_app.core.work import CONNECTION, MISCONFIGURED, REJECTED, SERVER_ERROR, EngineFailed
from memory_app.vector_stores import Hit, Home, Model, Owner

MISSING = "Install holdfast[qdrant]."
MEMORY = ":memory:"
TIMEOUT = 30
"""Seconds for a call that names none."""
OWNERS = ("project", "user", "session")


class QdrantVectors:
    """What a client reaches, in collections whose names begin with `prefix`."""

    in_database = False

    def __init__(self, client: Any, *, prefix: str = "holdfast", local: bool = False) -> None:
        self.name = f"qdrant:{prefix}"
        self._client = client
        self._prefix = prefix
        self._local = local
        self._known: set[str] = set()
        self._made: set[str] = set()
        # The local mode is Python objects that no lock guards.
        self._guard = RLock()

    @classmethod
    def named(cls, place: str, *, key: str = "", prefix: str = "holdfast") -> QdrantVectors:
        """What is at an http address, in a folder, or in this process's memory. The same object
        for the same place: a folder has one client. Raises EngineFailed."""
        if not place:
            raise EngineFailed(MISCONFIGURED, "HOLDFAST_QDRANT names no server and no folder")
        return _opened(place, key, prefix)

    def put(self, home: Home, model: Model, made: Mapping[int, Vector], *, seconds: float) -> None:
        """Points whose ids say what they are of, so the same again overwrites itself."""
        payload = {
            "project": home.project,
            "user": home.user,
            "session": home.session,
            "place": home.place,
        }
        points = [
            _models().PointStruct(
                id=str(uuid5(UUID(home.place), str(seq))),
                vector=vector.tolist(),
                payload={**payload, "seq": seq},
            )
            for seq, vector in made.items()
        ]
        with self._calling(model) as collection:
            self._make(collection, model.dimensions)
            self._client.upsert(collection, points, wait=True, timeout=math.ceil(seconds))

    def nearest(
        self, owner: Owner, model: Model, vector: Vector, most: int, *, seconds: float
    ) -> list[Hit]:
        """The nearest by the filter of the owner."""
        wanted = _matching(
            project=owner.project, **{"user" if owner.is_user else "session": owner.number}
        )
        with self._calling(model) as collection:
            if not self._has(collection):
                return []
            found = self._client.query_points(
                collection,
                query=vector.tolist(),
                query_filter=wanted,
                limit=most,
                with_payload=["session", "place", "seq"],
                timeout=math.ceil(seconds),
            )
        return [
            Hit(one.payload["session"], one.payload["place"], one.payload["seq"], one.score)
            for one in found.points
        ]

    def forget(self, model: Model, place: str, *, seconds: float) -> None:
        """All points of a place."""
        with self._calling(model) as collection:
            if self._has(collection):
                self._client.delete(
                    collection, _matching(place=place), wait=True, timeout=math.ceil(seconds)
                )

    @contextmanager
    def _calling(self, model: Model) -> Iterator[str]:
        """The model's collection; the driver's errors become ours."""
        wrong = import_module("qdrant_client.http.exceptions")
        named = sha256(model.name.encode()).hexdigest()[:16]
        collection = f"{self._prefix}_{model.dimensions}_{named}"
        try:
            with self._guard if self._local else _free():
                yield collection
        except wrong.ResponseHandlingException as error:
            raise EngineFailed(CONNECTION, f"Qdrant: {type(error.source).__name__}") from error
        except ValueError as error:  # as the local mode says it
            self._dropped(collection)
            raise EngineFailed(REJECTED, f"Qdrant: {type(error).__name__}") from error
        except wrong.UnexpectedResponse as error:
            self._dropped(collection)  # that may be why
            status = error.status_code or 0
            reason = SERVER_ERROR if status >= 500 else REJECTED
            raise EngineFailed(reason, f"Qdrant: status {status}") from error

    def _has(self, collection: str) -> bool:
        if collection not in self._known and self._client.collection_exists(collection):
            self._known.add(collection)
        return collection in self._known

    def _make(self, collection: str, dimensions: int) -> None:
        """Once a process: whoever made the collection may have died before its indexes."""
        if collection in self._made:
            return
        if not self._has(collection):
            kept = _models().VectorParams(
                size=dimensions,
                distance=_models().Distance.COSINE,
                datatype=_models().Datatype.FLOAT16,
            )
            self._client.create_collection(collection, vectors_config=kept)
        if not self._local:
            kinds = _models().PayloadSchemaType
            for name in OWNERS:
                self._client.create_payload_index(collection, name, kinds.INTEGER)
            self._client.create_payload_index(collection, "place", kinds.KEYWORD)
        self._made.add(collection)

    def _dropped(self, collection: str) -> None:
        self._known.discard(collection)
        self._made.discard(collection)


@contextmanager
def _free() -> Iterator[None]:
    yield


def _models() -> Any:
    return import_module("qdrant_client.models")


def _matching(**wanted: int | str) -> Any:
    return _models().Filter(
        must=[
            _models().FieldCondition(key=name, match=_models().MatchValue(value=value))
            for name, value in wanted.items()
        ]
    )


@lru_cache
def _opened(place: str, key: str, prefix: str) -> QdrantVectors:
    """Raises EngineFailed."""
    try:
        client = import_module("qdrant_client").QdrantClient
    except ImportError as error:
        raise EngineFailed(MISCONFIGURED, f"qdrant-client is not installed. {MISSING}") from error
    if place.startswith(("http://", "https://")):
        made = client(url=place, api_key=key or None, timeout=TIMEOUT, check_compatibility=False)
        return QdrantVectors(made, prefix=prefix)
    how = {"location": MEMORY} if place == MEMORY else {"path": place}
    try:
        made = client(**how, force_disable_check_same_thread=True)
    except RuntimeError as error:  # another process has the folder
        raise EngineFailed(MISCONFIGURED, f"HOLDFAST_QDRANT {place!r}: {error}") from error
    atexit.register(made.close)
    return QdrantVectors(made, prefix=prefix, local=True)
