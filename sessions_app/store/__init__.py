"""The store in use. `get_store()` is the only way the rest of the code comes by one."""

from __future__ import annotations

from functools import lru_cache

from sessions_app.store.base import Store
from sessions_app.store.durable import DurableStore

__all__ = ["Store", "get_store"]


@lru_cache(maxsize=8)
def get_store(alias: str = "default") -> DurableStore:
    """The store on the database behind a Django alias; it holds no state of its own."""
    return DurableStore(alias)
