"""A pool of connections is not starved by threads that call nothing.

A thread of a script keeps the connection that Django opened for it between its calls, and until it
ends. A pool has a limited number: threads that wait for their next job would hold all of it while
another one waits for a connection until it gives up. So a thread keeps its own only as long as half
of the pool is free; beyond that it gives it back with every answer. A thread that ends gives back
what it kept: the pool would count it as in use for ever.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from threading import local
from typing import Any, TypeVar, cast

from django.db import connections

from holdfast.backend import Backend
from sessions_app.store.transactions import is_open

R = TypeVar("R")


def sparing(backend: Backend, alias: str) -> Backend:
    """The backend, each of its verbs so that the calling thread is sparing with the pool of its
    database; where there is none, the backend as it is."""
    if getattr(connections[alias], "pool", None) is None:
        return backend
    return cast(Backend, _Sparing(backend, alias))


class _Sparing:
    def __init__(self, backend: Backend, alias: str) -> None:
        self._backend = backend
        self._alias = alias

    def __getattr__(self, name: str) -> Callable[..., Any]:
        verb = _and_then_spares(getattr(self._backend, name), self._alias)
        setattr(self, name, verb)
        return verb


def _and_then_spares(verb: Callable[..., R], alias: str) -> Callable[..., R]:
    @wraps(verb)
    def called(*args: Any, **given: Any) -> R:
        try:
            return verb(*args, **given)
        finally:
            _spare(connections[alias])

    return called


def _spare(connection: Any) -> None:
    """Gives a connection back if it is one of more than half of those that the pool may have, and
    no transaction of the caller's is open on it."""
    if connection.connection is None or is_open(connection):
        return
    pool = connection.pool
    has = pool.get_stats()
    if 2 * (has["pool_size"] - has["pool_available"]) > pool.max_size:
        connection.close()
    else:
        kept = _kept.__dict__.get(connection.alias)
        if kept is None or kept.connection is not connection:
            _kept.__dict__[connection.alias] = _Kept(connection)


class _Kept:
    """What a thread keeps, given back when the thread is gone and this with it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def __del__(self) -> None:
        if not sys.is_finalizing():
            with suppress(Exception):  # whatever it is, nobody is there to hear it
                self.connection.close()


_kept = local()
