"""The store's fixtures, and a look into the index's own tables."""

from __future__ import annotations

from tests.store.conftest import blocker, foreign, on_postgres, on_sqlite, project, store

__all__ = ["blocker", "foreign", "on_postgres", "on_sqlite", "project", "store"]
