"""One project of one store, files written by hand, and a short way to import them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sessions_app import importers
from sessions_app.core.entries import StoredMessage
from sessions_app.importers import Report
from sessions_app.store.base import PolicyVersion, Snapshot, Window
from sessions_app.store.durable import DurableStore

Record = dict[str, Any]
POLICY = PolicyVersion("default", 128_000, 120_000, "{}")


class Importing:
    """One project of one store, and what is asked of it in these tests."""

    def __init__(self, folder: Path) -> None:
        self.store = DurableStore()
        self.project = self.store.project("default", [POLICY]).pk
        self.folder = folder

    def write(self, name: str, records: Iterable[Any]) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return path

    def run(self, form: str, *paths: Path, **options: Any) -> Report:
        return importers.run(self.store, self.project, form, list(paths), **options)

    def session(self, key: str) -> Snapshot:
        found = self.store.find(self.project, key)
        assert found is not None, f"no session {key}"
        return found

    def keys(self) -> list[str | None]:
        return [session.key for session in self.store.sessions(self.project)]

    def said(self, key: str) -> list[StoredMessage]:
        return self.store.messages(self.session(key), Window(limit=10_000))

    def texts(self, key: str) -> list[Any]:
        """The contents in view, oldest first."""
        session = self.session(key)
        hidden = self.store.overlay(session).retracted
        return [
            stored.message().body.get("content")
            for stored in self.said(key)
            if not any(first <= stored.seq <= last for first, last in hidden)
        ]

    def events(self, key: str, kind: str) -> list[Record]:
        events = self.store.events(self.session(key), limit=10_000)
        return [dict(event.entry().data) for event in events if event.kind == kind]
