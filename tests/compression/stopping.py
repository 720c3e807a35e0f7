"""A worker in a process of its own that stops at a named point, says so, and waits to be killed.

    python -m tests.compression.stopping POINT

Nothing of the product knows of it: the process changes its own functions before it begins.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import django

POINTS = (
    "claimed",
    "booked as running",
    "in the engine",
    "before the commit",
    "after the commit",
)


def stop() -> None:
    """Tells the parent and never goes on."""
    sys.stdout.write("reached\n")
    sys.stdout.flush()
    sys.stdin.read()


def stopping(function: Callable[..., Any], *, first: bool) -> Callable[..., Any]:
    """The function, stopped before or after it does its work."""

    def run(*args: Any, **kwargs: Any) -> Any:
        if first:
            stop()
        done = function(*args, **kwargs)
        if not first:
            stop()
        return done

    return run


def main(point: str) -> None:
    django.setup()
    from memory_app import keeping, pipeline
    from sessions_app.store import get_store
    from sessions_app.store.durable import DurableStore
    from tests.compression import engines

    fake = engines.Engine(engines.honest)
    if point == "claimed":
        pipeline.plan_step = stopping(pipeline.plan_step, first=True)
    elif point == "booked as running":
        pipeline.attempt = stopping(pipeline.attempt, first=True)
    elif point == "in the engine":
        fake.answer = stopping(fake.answer, first=False)
    elif point == "before the commit":
        DurableStore._write = stopping(DurableStore._write, first=False)  # type: ignore[method-assign]
    else:
        keeping.commit = stopping(keeping.commit, first=False)
    pipeline.Pipeline(get_store(), engine=fake).work()


if __name__ == "__main__":
    main(sys.argv[1])
