"""Contexts of the test's database, as files and built again from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import holdfast.testing
from holdfast.testing import Turn
from memory_app import context, records, turns
from memory_app.context import Ask
from sessions_app.store.base import UNGUARDED
from tests.compression.conftest import Desk, desk
from tests.learning import conftest as learning

__all__ = ["desk"]


class Files:
    """Writes turns to a folder."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self.folder = folder

    def write(self, session: UUID, ask: Ask) -> Path:
        """The file of a context at a version."""
        store, found = self.desk.store, self.desk.now(session)
        built = context.build(store, found.project, found, ask)
        return self._put(turns.file(store, turns.Turn(found, ask, built)))

    def write_kept(self, session: UUID, ask: Ask) -> tuple[UUID, Path]:
        """A context that is kept now, by its id, and its file."""
        made = records.build(self.desk.store, self.desk.project, session, ask, UNGUARDED)
        return made.id, self.write_record(made.id)

    def write_record(self, record: UUID) -> Path:
        store = self.desk.store
        row = records.one(store, self.desk.project, record)
        found = store.get(self.desk.project, row.session.id)
        built = records.again(store, found, row)
        assert built.digest == bytes(row.digest).hex()
        asked = Ask(row.room, row.query or None, row.form, row.version)
        return self._put(turns.file(store, turns.Turn(found, asked, built, row)))

    def _put(self, data: bytes) -> Path:
        path = self.folder / "turn.json"
        path.write_bytes(data)
        return path

    def again(self, session: UUID, *, changes: dict[str, Any] | None = None, **ask: Any) -> Turn:
        """A context built again from its file."""
        return holdfast.testing.turn(self.write(session, Ask(**ask)), policy=changes)


@pytest.fixture
def files(desk: Desk, tmp_path: Path) -> Files:
    return Files(desk, tmp_path)


@pytest.fixture
def learner(desk: Desk) -> learning.Desk:
    """The same desk, at which a worker learns what users say of themselves."""
    return learning.Desk(desk.store, desk.project)
