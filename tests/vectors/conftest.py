"""Desks whose messages are embedded by a fake that a test can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

import numpy as np
import pytest
from pytest_django import Settings

from memory_app import questions, recall, vectors
from memory_app.core.index import Matrix
from memory_app.core.work import CONNECTION, REJECTED, EngineFailed
from memory_app.embedding import Embedding
from memory_app.models import Embedded, Vector
from memory_app.vector_stores import Model
from sessions_app.store.base import NewSession
from tests.compression.conftest import Desk, committed, desk
from tests.memory.histories import assistant, user

PLACE = f"{__name__}.Topics"
TOPICS = ("animal", "cat", "kitten", "pet"), ("money", "bank", "loan"), ("sea", "boat", "sail")


class Topics:
    """Vectors whose numbers are topics, so that words that differ mean alike. What it was given is
    in `asked`; what a test sets in `broken` or `refused` makes it fail."""

    name = "topics"
    dimensions = len(TOPICS) + 1
    unlike: float | None = 0.65
    asked: list[list[str]] = []  # noqa: RUF012 - one for each test, see `fresh`
    broken: EngineFailed | None = None
    refused = ""
    before: Callable[[], object] | None = None

    def embed(self, texts: Sequence[str], *, seconds: float) -> Matrix:
        kind = type(self)
        kind.asked.append(list(texts))
        if kind.before is not None:
            once, kind.before = kind.before, None
            once()
        if kind.broken is not None:
            raise kind.broken
        if kind.refused and any(kind.refused in text for text in texts):
            raise EngineFailed(REJECTED, "status 400")
        return np.array([_topics(text) for text in texts], np.float32)


def _topics(text: str) -> list[float]:
    found = [float(any(word in text.casefold() for word in words)) for words in TOPICS]
    return [*found, 0.1]


class Newer(Topics):
    """Another model, with other vectors."""

    name = "newer"
    dimensions = len(TOPICS) + 2

    def embed(self, texts: Sequence[str], *, seconds: float) -> Matrix:
        found = super().embed(texts, seconds=seconds)
        return np.concatenate([found, np.zeros((len(texts), 1), np.float32)], axis=1)


down = EngineFailed(CONNECTION, "the endpoint broke off")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    for kind in (Topics, Newer):
        kind.asked, kind.broken, kind.refused, kind.before = [], None, "", None
    questions.wake()
    recall.forget()
    yield
    questions.wake()
    recall.forget()


@pytest.fixture
def embedding(desk: Desk) -> Embedding:
    return Embedding(desk.store, Topics())


@pytest.fixture
def installed(settings: Settings) -> None:
    """The installation has the fake as its embedder."""
    settings.HOLDFAST_EMBEDDER = PLACE


def talk(desk: Desk, key: str | None, *texts: str) -> UUID:
    """A session of a user in which each text was said and answered."""
    made = desk.store.open(desk.project, NewSession(user=key)).session.id
    for text in texts:
        desk.say(made, [user(text), assistant("Noted.")])
    return made


def all_done(embedding: Embedding) -> int:
    """How many batches it took to make all that was missing."""
    return sum(1 for _ in iter(embedding.work, False))


def seqs(desk: Desk, session: UUID) -> list[int]:
    """The messages with a vector."""
    number = desk.now(session).number
    return list(Vector.objects.of_session(number).values_list("seq", flat=True))


def upto(desk: Desk, session: UUID) -> tuple[str, int] | None:
    """Whose vectors, and up to which message."""
    found = Embedded.objects.of_session(desk.now(session).number).first()
    return (found.model, found.messages) if found else None


def lag(desk: Desk) -> tuple[int, int]:
    found = vectors.lag(desk.store.db, Model.of(Topics()))
    return found.sessions, found.messages


__all__ = ["Desk", "committed", "desk"]
