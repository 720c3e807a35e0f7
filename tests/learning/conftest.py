"""Desks at which users speak and a worker learns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import pytest

from holdfast.projects import ensure_project
from memory_app.extractors import Extractor, Rules
from memory_app.learning import Learning
from memory_app.models import Fact
from sessions_app.store import get_store
from sessions_app.store.base import NewSession
from tests.compression import conftest as compression


@dataclass
class Desk(compression.Desk):
    extractor: Extractor = field(default_factory=Rules)

    def of(self, user: str | None, *texts: str, **given: Any) -> UUID:
        """A session of a user who says these texts."""
        made = self.store.open(self.project, NewSession(user=user, **given)).session.id
        self.say(made, [{"role": "user", "content": text} for text in texts])
        return made

    def tell(self, session: UUID, text: str, role: str = "user", **more: Any) -> None:
        self.say(session, [{"role": role, "content": text, **more}])

    def learn(self) -> None:
        """Until there is nothing to look through."""
        learning = Learning(self.store, self.extractor)
        while learning.work():
            pass

    def facts(self, user: str, *statuses: str) -> list[Fact]:
        rows = Fact.objects.of(self.project).of_user(user).shown().order_by("number")
        return list(rows.filter(status__in=statuses) if statuses else rows)

    def texts(self, user: str, status: str = "active") -> list[str]:
        return [fact.text for fact in self.facts(user, status)]


def sources(fact: Fact) -> list[tuple[str, int, str]]:
    return [(one["session"], one["seq"], one["quote"]) for one in orjson.loads(fact.sources)]


@pytest.fixture
def desk(db: None) -> Desk:
    """Inside a transaction that is rolled back."""
    return Desk(get_store(), ensure_project().pk)


@pytest.fixture
def committed(transactional_db: None) -> Desk:
    """With real commits, as other threads and processes see them."""
    return Desk(get_store(), ensure_project().pk)
