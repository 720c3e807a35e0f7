"""The store in use. `get_store()` is the only way the rest of the code comes by one."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from sessions_app.store import hot
from sessions_app.store.base import Store
from sessions_app.store.durable import DurableStore
from sessions_app.store.tiered import TieredStore

__all__ = ["Store", "condition", "get_store", "redis_url"]


def get_store(alias: str = "default") -> DurableStore:
    """The store on the database behind a Django alias, with Redis beside it where that is named; it
    holds no state of its own that anything depends on."""
    return _store(alias, redis_url())


def redis_url() -> str | None:
    """Where the hot tier is; None where there is none."""
    return getattr(settings, "HOLDFAST_REDIS_URL", None) or None


def condition() -> hot.Condition | None:
    """What is broken beside the database, and since when; None while nothing is, as far as anybody
    asked."""
    url = redis_url()
    return None if url is None else hot.of(url).condition()


@lru_cache(maxsize=8)
def _store(alias: str, url: str | None) -> DurableStore:
    return DurableStore(alias) if url is None else TieredStore(alias, hot.of(url))
