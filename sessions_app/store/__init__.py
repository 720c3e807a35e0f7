"""The store in use. `get_store()` is the only way the rest of the code comes by one."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.db import connections

from sessions_app.store import hot
from sessions_app.store.base import Store
from sessions_app.store.durable import DurableStore
from sessions_app.store.replicas import Replicas
from sessions_app.store.tiered import TieredStore

__all__ = ["Store", "get_store", "redis_url", "replica_aliases"]


def get_store(alias: str = "default") -> DurableStore:
    """The store on the database behind a Django alias, with what is named beside it: Redis, and
    replicas. It holds no state of its own that anything depends on."""
    named = replica_aliases()
    return _store(alias, redis_url(), named if named and alias == _home() else ())


def redis_url() -> str | None:
    """Where the hot tier is; None where there is none."""
    return getattr(settings, "HOLDFAST_REDIS_URL", None) or None


def replica_aliases() -> tuple[str, ...]:
    """The aliases of the replicas of the database that has our rows."""
    named = getattr(settings, "HOLDFAST_REPLICAS", None)
    return tuple(named) if isinstance(named, list | tuple) else ()


def _home() -> str:
    return str(getattr(settings, "HOLDFAST_DATABASE", "default"))


@lru_cache(maxsize=8)
def _store(alias: str, url: str | None, replicas: tuple[str, ...]) -> DurableStore:
    store = DurableStore(alias) if url is None else TieredStore(alias, hot.of(url))
    if replicas and connections[alias].vendor == "postgresql":
        store.replicas = Replicas(alias, replicas)
    return store
