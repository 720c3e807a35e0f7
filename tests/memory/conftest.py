"""A project with its store, and sessions filled in one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from holdfast.projects import ensure_project
from memory_app import context, policies
from memory_app.context import Ask, Context
from sessions_app import preparing
from sessions_app.store import get_store
from sessions_app.store.base import Edit, NewSession, Snapshot
from sessions_app.store.durable import DurableStore


@dataclass
class Desk:
    """What a test needs to say to the store, in few words."""

    store: DurableStore
    project: int

    def session(
        self,
        payloads: Iterable[Any] = (),
        *,
        system: str | None = None,
        tools: list[Any] | None = None,
        policy: str = "default",
    ) -> UUID:
        prompt = preparing.prompt(system, tools)
        new = NewSession(prompt=prompt, policy=policy)
        made = self.store.open(self.project, new).session.id
        self.say(made, payloads)
        return made

    def say(self, session: UUID, payloads: Iterable[Any]) -> None:
        said = list(payloads)
        for at in range(0, len(said), 500):
            self.store.append(self.project, session, preparing.batch(said[at : at + 500]))

    def now(self, session: UUID) -> Snapshot:
        return self.store.get(self.project, session)

    def context(self, session: UUID, **ask: Any) -> Context:
        return context.build(self.store, self.project, session, Ask(**ask))

    def policy(self, name: str, **data: Any) -> str:
        policies.put(self.store, self.project, name, data)
        return name

    def prompt(self, session: UUID, system: str | None, tools: list[Any] | None = None) -> None:
        self.store.edit(self.project, session, Edit(prompt=preparing.prompt(system, tools)))

    def retract(self, session: UUID, first: int, last: int | None = None) -> None:
        self.store.retract(self.project, session, (first, last))

    def pin(self, session: UUID, seq: int) -> None:
        self.store.pin(self.project, session, seq)


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk(get_store(), ensure_project().pk)
