"""One bridge between the two colours of function: sync work, called from an event loop.

Django refuses its database in a thread that runs an event loop (a notebook cell, an `async def`).
Such calls go to a few long-lived threads, each with its own connection. Everywhere else the call
stays where it is, so that it takes part in the caller's transaction.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial, wraps
from threading import Barrier
from typing import Any, ParamSpec, TypeVar

WORKERS = 8

P = ParamSpec("P")
R = TypeVar("R")


def _new_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="holdfast")


_pool = _new_pool()


def here(call: Callable[P, R]) -> Callable[P, R]:
    """`call`, run in the caller's thread, or beside it where that thread runs an event loop."""

    @wraps(call)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        if loop_is_running():
            return _submit(partial(call, *args, **kwargs)).result()
        return call(*args, **kwargs)

    return called


def twin(call: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """The `async def` twin of `call`: same arguments, same answer, `a` before the name."""

    @wraps(call)
    async def called(*args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.wrap_future(_submit(partial(call, *args, **kwargs)))

    _name_after(called, call)
    return called


def loop_is_running() -> bool:
    """Whether the calling thread is inside an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def beside(call: Callable[[], object]) -> None:
    """Makes a call in one of the threads, whose end nobody waits for."""
    _submit(call)


def as_twin(call: Callable[..., Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Makes an `async def` the twin of `call`, where that calls something of the caller's: it has
    the same signature and words, and `a` before the name."""

    def named(own: Callable[P, R]) -> Callable[P, R]:
        twin = wraps(call)(own)
        _name_after(twin, call)
        return own

    return named


def _name_after(twin: Any, call: Any) -> None:
    twin.__name__ = f"a{call.__name__}"
    twin.__qualname__ = ".".join([*call.__qualname__.split(".")[:-1], twin.__name__])


def _submit(call: Callable[[], R]) -> Future[R]:
    return _pool.submit(copy_context().run, call)


def close() -> None:
    """End the threads and their database connections; the next call starts new ones."""
    global _pool
    old, _pool = _pool, _new_pool()
    together = Barrier(WORKERS)
    for _ in range(WORKERS):
        old.submit(_close_connections, together)
    old.shutdown(wait=True)


def _close_connections(together: Barrier) -> None:
    # Each thread waits for the others, so that none takes the task twice.
    together.wait()
    disconnect()


def disconnect() -> None:
    """Closes the database connections of the calling thread, which will need none again."""
    if "django.db" in sys.modules:
        from django.conf import settings
        from django.db import connections

        if settings.configured:
            connections.close_all()


# Threads do not survive a fork; a child that waited for them would wait for ever.
def _renew_in_child() -> None:
    global _pool
    _pool = _new_pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)
