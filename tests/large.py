"""A session of messages of a mebibyte each, and how much memory somebody takes who reads it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

from sessions_app.store import Store
from sessions_app.store.base import PAGE_OCTETS, NewSession, Snapshot
from tests.store.saying import said

MEBIBYTE = 1024 * 1024
MESSAGES = 40
FULL = PAGE_OCTETS // MEBIBYTE
"""How many of these messages a page holds: each is a little larger than a mebibyte."""

# A page with its one more, and a message on its way, for which the JSON writer alone sets aside
# eight bytes a character and doubles that as it grows.
MOST = PAGE_OCTETS + 24 * MEBIBYTE


def filled(
    store: Store, project: int, text: str = "x" * MEBIBYTE, *, key: str | None = None
) -> Snapshot:
    session = store.open(project, NewSession(key=key)).session.id
    for number in range(MESSAGES):
        store.append(project, session, [said(f"{number} {text}")])
    return store.get(project, session)


def peak(act: Callable[[], Any]) -> int:
    """The most bytes that Python holds at once during this, beyond what it held before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        act()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
