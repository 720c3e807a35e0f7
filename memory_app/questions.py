"""The vector of a question: made while somebody waits for the answer, so within a short time.

Whoever asks has an answer without vectors too, so whatever goes wrong here costs that and no more;
the answer says so. An embedder that failed is left alone for a moment, or every question would
wait for it in vain.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, TypeVar

from memory_app import embedders, vector_stores
from memory_app.core.index import Vector
from memory_app.core.work import TIMEOUT, EngineFailed
from memory_app.embedders import Embedder
from memory_app.vector_stores import Hit, Model, Owner
from sessions_app.store.database import Database

log = logging.getLogger("holdfast.embedding")

SECONDS = 2.0
"""How long a question waits for its vector, and then for an outside store."""
REST_SECONDS = 10.0
"""How long an embedder that failed is not asked again."""

T = TypeVar("T")
_guard = Lock()
_resting: dict[Model, tuple[float, str]] = {}


class Asked(NamedTuple):
    """A question's `vector` and the model that made it, with the cosine up to which nothing is
    alike, and the messages `near` it where an outside store has them. `failed` says why there is
    nothing where there should be."""

    model: Model | None = None
    vector: Vector | None = None
    near: tuple[Hit, ...] | None = None
    unlike: float | None = None
    failed: str = ""

    def notices(self) -> tuple[Mapping[str, Any], ...]:
        """What an answer says of it."""
        if not self.failed:
            return ()
        return ({"code": "recalled_without_vectors", "reason": self.failed},)


NOBODY = Asked()


def asked(query: str, db: Database, owner: Owner) -> Asked:
    """A question as this installation's embedder sees it, and its store of vectors where these are
    outside the database; it never raises for either."""
    try:
        embedder = embedders.embedder()
        kept = vector_stores.kept(db)
    except EngineFailed as failed:
        log.warning("A question was asked without vectors: %s", failed)
        return Asked(failed=failed.reason)
    if embedder is None:
        return NOBODY
    model = Model.of(embedder, kept.name)
    if reason := _rests(model):
        return Asked(model, failed=reason)
    try:
        vector = _in_time(embedder.name, lambda: _vector(embedder, query))
        if kept.in_database:
            return Asked(model, vector, unlike=embedder.unlike)
        near = _in_time(
            kept.name,
            lambda: vector_stores.nearest(kept, owner, model, vector, seconds=SECONDS),
        )
        return Asked(model, vector, tuple(near), embedder.unlike)
    except EngineFailed as failed:
        log.warning("A question was asked without vectors: %s", failed)
        with _guard:
            _resting[model] = (time.monotonic() + REST_SECONDS, failed.reason)
        return Asked(model, failed=failed.reason)


def _vector(embedder: Embedder, query: str) -> Vector:
    made: Vector = embedders.vectors(embedder, [query], seconds=SECONDS)[0]
    return made


def wake() -> None:
    """Forgets which embedders failed."""
    with _guard:
        _resting.clear()


def _rests(model: Model) -> str:
    with _guard:
        until, reason = _resting.get(model, (0.0, ""))
        return reason if time.monotonic() < until else ""


def _in_time(name: str, work: Callable[[], T]) -> T:
    """What `work` gives, or EngineFailed at the deadline: whoever is late is left behind in a
    thread."""
    found: list[T | EngineFailed] = []
    done = Event()

    def ask() -> None:
        try:
            found.append(work())
        except EngineFailed as failed:
            found.append(failed)
        finally:
            done.set()

    Thread(target=ask, name="holdfast-question", daemon=True).start()
    done.wait(SECONDS)
    if not found:
        raise EngineFailed(TIMEOUT, f"{name} gave no answer within {SECONDS:g} s")
    if isinstance(found[0], EngineFailed):
        raise found[0]
    return found[0]
