"""A desk that compresses: the desk of the memory tests with a pipeline beside it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from holdfast.projects import ensure_project
from memory_app import asking, compressions
from memory_app.asking import Asked
from memory_app.engines import Embedded, Summariser
from memory_app.models import Compression
from memory_app.pipeline import Pipeline
from sessions_app.core import errors
from sessions_app.models import Session
from sessions_app.store import folding, get_store
from sessions_app.store.base import Snapshot
from sessions_app.store.folding import Claim
from tests.memory import conftest as memory


@dataclass
class Desk(memory.Desk):
    """Says in few words what compression tests do all the time."""

    def pipeline(self, engine: Summariser | None = None) -> Pipeline:
        return Pipeline(self.store, engine=engine or Embedded())

    def ask(self, session: UUID, engine: Summariser | None = None) -> bool:
        """Asks for a compression and tries it once; False when there was nothing to fold."""
        self.queue(session)
        before = self.now(session).compressions
        self.pipeline(engine).run(self.claim(session))
        return self.now(session).compressions > before

    def queue(self, session: UUID) -> UUID:
        """A compression that is asked for and not done."""

        def queue(found: Snapshot) -> UUID:
            policy = (found.policy_name, found.policy_version)
            return compressions.queue(
                self.store, found, "manual", policy=policy, instructions=""
            ).id

        return folding.ask(self.store, self.project, session, queue=queue)[0]

    def claim(self, session: UUID) -> Claim:
        claim = folding.claim_one(self.store, self.project, session)
        assert claim is not None
        return claim

    def compress(self, session: UUID, **asked: object) -> dict[str, object]:
        return asking.compress(self.store, self.project, session, Asked(**asked))  # type: ignore[arg-type]

    def rows(self, session: UUID) -> list[Compression]:
        """The compressions of a session, oldest first."""
        return list(Compression.everything.filter(session__id=session).order_by("number"))

    def due(self, session: UUID) -> Session:
        """The session's row, for its columns about compression."""
        return Session.everything.get(id=session)

    def unpin(self, session: UUID, seq: int) -> None:
        self.store.pin(self.project, session, seq, pinned=False)

    def overtake(self, session: UUID) -> None:
        """Lets whoever holds the session lose it, as if their time were over."""
        Session.everything.filter(id=session).update(claim_until_us=0)


@pytest.fixture
def desk(db: None) -> Desk:
    """Inside a transaction that is rolled back."""
    return Desk(get_store(), ensure_project().pk)


@pytest.fixture
def committed(transactional_db: None) -> Desk:
    """With real commits, as other threads and processes see them."""
    return Desk(get_store(), ensure_project().pk)


__all__ = ["Desk", "errors"]
