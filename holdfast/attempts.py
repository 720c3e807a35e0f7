"""Deciding again when somebody else wrote in between: three times, never at the same moment."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from sessions_app.core.errors import StaleVersion

if TYPE_CHECKING:
    from holdfast.facade import Session

TRIES = 3
FIRST_PAUSE = 0.05

R = TypeVar("R")


def attempt(session: Session, decide: Callable[[Session], R]) -> R:
    """What `decide` gives; see `Session.attempt`."""
    for tried in range(TRIES - 1):
        with suppress(StaleVersion):
            return decide(session.refresh())
        time.sleep(pause(tried))
    return decide(session.refresh())


async def aattempt(session: Session, decide: Callable[[Session], Awaitable[R]]) -> R:
    """What `decide` gives, awaited; see `Session.attempt`."""
    for tried in range(TRIES - 1):
        with suppress(StaleVersion):
            return await decide(await session.arefresh())
        await asyncio.sleep(pause(tried))
    return await decide(await session.arefresh())


def pause(tried: int) -> float:
    """Seconds to wait after so many tries before: longer each time, and never alike."""
    return FIRST_PAUSE * float(2**tried) * random.uniform(1, 2)  # noqa: S311 - no secret
