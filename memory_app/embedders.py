"""Who makes vectors of texts: the promise, the choice, and what is held against an answer.

There is none by default. The embedder is a setting of the installation, as what tokens are counted
with is: vectors of two models have nothing to say to one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string

from memory_app.core.index import Matrix
from memory_app.core.work import (
    CRASHED,
    INVALID_ANSWER,
    MISCONFIGURED,
    WRONG_DIMENSION,
    EngineFailed,
)

MINILM = "memory_app.embedders.minilm"
URL = "https://api.openai.com/v1"
TIMEOUT = 60
HALF = np.dtype("<f2")
"""How a number of a vector is stored."""


class Embedder(Protocol):
    """Makes vectors of texts; knows no database and is called outside any transaction."""

    @property
    def name(self) -> str:
        """What its vectors are stored under; another name, and all are made anew."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers each of its vectors has."""
        ...

    @property
    def unlike(self) -> float | None:
        """The cosine up to which two texts have nothing to do with one another; None where nobody
        has measured it. Then vectors tell turns apart, and do not say that any of them answers."""
        ...

    def embed(self, texts: Sequence[str], *, seconds: float) -> Matrix:
        """A row of `dimensions` numbers for each text, of any length but zero, within `seconds`.

        Raises EngineFailed; then nothing of the answer may be used.
        """
        ...


def minilm() -> Embedder:
    """all-MiniLM-L6-v2 in this process."""
    from memory_app.minilm import MiniLM

    return MiniLM()


def openai() -> Embedder:
    """The model that the HOLDFAST_EMBEDDER settings name."""
    from memory_app.openai_embedder import OpenAIEmbedder

    return OpenAIEmbedder(
        url=getattr(settings, "HOLDFAST_EMBEDDER_URL", URL),
        model=getattr(settings, "HOLDFAST_EMBEDDER_MODEL", None) or "",
        dimensions=getattr(settings, "HOLDFAST_EMBEDDER_DIMENSIONS", None) or 0,
        key=getattr(settings, "HOLDFAST_EMBEDDER_KEY", None) or "",
        timeout=getattr(settings, "HOLDFAST_EMBEDDER_TIMEOUT", TIMEOUT),
        local=getattr(settings, "HOLDFAST_EMBEDDER_LOCAL", False),
    )


def embedder() -> Embedder | None:
    """The embedder of this installation: what HOLDFAST_EMBEDDER names, called without arguments.
    Raises EngineFailed where that gives none; `manage.py check` and the log say why."""
    path = getattr(settings, "HOLDFAST_EMBEDDER", None)
    if not path:
        return None
    try:
        return cast(Embedder, import_string(path)())
    except Exception as error:  # whatever a host's own code does
        raise EngineFailed(MISCONFIGURED, f"HOLDFAST_EMBEDDER {path!r}: {error}") from error


def vectors(embedder: Embedder, texts: Sequence[str], *, seconds: float) -> Matrix:
    """What an embedder gives, checked and of length one. Raises EngineFailed, whatever a host's
    own one raises."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            found = np.asarray(embedder.embed(texts, seconds=seconds), np.float32)
    except EngineFailed:
        raise
    except Exception as error:
        raise EngineFailed(CRASHED, f"{embedder.name}: {type(error).__name__}") from error
    if found.ndim != 2 or len(found) != len(texts):
        said = f"{embedder.name} gives {found.shape} numbers for {len(texts)} texts"
        raise EngineFailed(INVALID_ANSWER, said)
    if found.shape[1] != embedder.dimensions:
        said = f"{embedder.name} gives vectors of {found.shape[1]} numbers, not of"
        raise EngineFailed(WRONG_DIMENSION, f"{said} {embedder.dimensions}")
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise EngineFailed(INVALID_ANSWER, f"{embedder.name} gives vectors without a direction")
    return np.asarray(found / lengths, np.float32)


def packed(vector: Matrix) -> bytes:
    """A vector as it is stored: two bytes a number."""
    return vector.astype(HALF).tobytes()


def unpacked(stored: bytes) -> Matrix:
    """A stored vector."""
    return np.frombuffer(stored, HALF).astype(np.float32)
