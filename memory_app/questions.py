"""The vector of a question: made while somebody waits for the answer, so within a short time.

Whoever asks has an answer without vectors too, so whatever goes wrong here costs that and no more;
the answer says so. An embedder that failed is left alone for a moment, or every question would
wait for it in vain.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from threading import Event, Lock, Thread
from typing import Any, NamedTuple

from memory_app import embedders
from memory_app.core.index import Vector
from memory_app.core.work import TIMEOUT, EngineFailed
from memory_app.embedders import Embedder
from memory_app.vectors import Model

log = logging.getLogger("holdfast.embedding")

SECONDS = 2.0
"""How long a question waits for its vector."""
REST_SECONDS = 10.0
"""How long an embedder that failed is not asked again."""

_guard = Lock()
_resting: dict[Model, tuple[float, str]] = {}


class Asked(NamedTuple):
    """A question's `vector` and the model that made it, with the cosine up to which nothing is
    alike. `failed` says why there is none where there should be."""

    model: Model | None = None
    vector: Vector | None = None
    unlike: float | None = None
    failed: str = ""

    def notices(self) -> tuple[Mapping[str, Any], ...]:
        """What an answer says of it."""
        if not self.failed:
            return ()
        return ({"code": "recalled_without_vectors", "reason": self.failed},)


NOBODY = Asked()


def asked(query: str) -> Asked:
    """A question as this installation's embedder sees it; it never raises for an embedder."""
    try:
        embedder = embedders.embedder()
    except EngineFailed as failed:
        log.warning("A question was asked without vectors: %s", failed)
        return Asked(failed=failed.reason)
    if embedder is None:
        return NOBODY
    model = Model.of(embedder)
    if reason := _rests(model):
        return Asked(model, failed=reason)
    try:
        return Asked(model, _in_time(embedder, query), embedder.unlike)
    except EngineFailed as failed:
        log.warning("A question was asked without vectors: %s", failed)
        with _guard:
            _resting[model] = (time.monotonic() + REST_SECONDS, failed.reason)
        return Asked(model, failed=failed.reason)


def wake() -> None:
    """Forgets which embedders failed."""
    with _guard:
        _resting.clear()


def _rests(model: Model) -> str:
    with _guard:
        until, reason = _resting.get(model, (0.0, ""))
        return reason if time.monotonic() < until else ""


def _in_time(embedder: Embedder, query: str) -> Vector:
    """The vector, or EngineFailed at the deadline: whoever is late is left behind in a thread."""
    found: list[Vector | EngineFailed] = []
    done = Event()

    def ask() -> None:
        try:
            found.append(embedders.vectors(embedder, [query], seconds=SECONDS)[0])
        except EngineFailed as failed:
            found.append(failed)
        finally:
            done.set()

    Thread(target=ask, name="holdfast-question", daemon=True).start()
    done.wait(SECONDS)
    if not found:
        raise EngineFailed(TIMEOUT, f"{embedder.name} gave no vector within {SECONDS:g} s")
    if isinstance(found[0], EngineFailed):
        raise found[0]
    return found[0]
