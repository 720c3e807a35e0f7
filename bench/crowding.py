"""Runs of a fixed length in which many call at once; who takes part does so in rounds, by turns."""

from __future__ import annotations

import asyncio
import time
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from threading import Barrier
from typing import Any, NamedTuple, Protocol

from bench.measuring import percentile


@dataclass(frozen=True)
class Run:
    """What each call of one round took, in nanoseconds, how long the round was, how long the caller
    itself was at work in it where that is known, and how many calls failed."""

    took: list[int]
    seconds: float
    own: float = 0.0
    failed: int = 0

    @property
    def rate(self) -> float:
        return len(self.took) / self.seconds


@dataclass(frozen=True)
class Runs:
    """The rounds of one participant: the median of their rates, percentiles over all calls, ms."""

    runs: list[Run]

    @property
    def rate(self) -> float:
        return median(run.rate for run in self.runs)

    @property
    def failed(self) -> int:
        return sum(run.failed for run in self.runs)

    @property
    def own_share(self) -> float:
        """How much of the time the caller itself was at work."""
        return sum(run.own for run in self.runs) / sum(run.seconds for run in self.runs)

    @property
    def spread(self) -> tuple[float, float]:
        """The slowest and the fastest round, in calls a second."""
        rates = [run.rate for run in self.runs]
        return min(rates), max(rates)

    def percentile(self, share: float) -> float:
        return percentile([took for run in self.runs for took in run.took], share) / 1e6

    def as_json(self) -> dict[str, Any]:
        p50, p99 = self.percentile(0.5), self.percentile(0.99)
        taken = {"p50_ms": round(p50, 4), "p99_ms": round(p99, 4)}
        return {"rate": round(self.rate, 1), **taken, "rounds": [r.rate for r in self.runs]}


class Crowd(Protocol):
    """Some who call at once."""

    def run(self, seconds: float) -> Run: ...

    def close(self) -> None: ...


class Threads:
    """One thread for each call, which is made over and over. The threads outlive the rounds, and so
    do the connections they open unless they are given back (`give_back`) after each."""

    def __init__(self, calls: Sequence[Callable[[], object]], *, give_back: bool = False) -> None:
        self._calls, self._give_back = calls, give_back
        self._pool = ThreadPoolExecutor(len(calls), "bench-crowd")

    def run(self, seconds: float) -> Run:
        together = Barrier(len(self._calls))
        submit = self._pool.submit
        futures = [submit(_repeated, call, together, seconds) for call in self._calls]
        parts = [future.result() for future in futures]
        if self._give_back:
            self._close_connections()
        began, ended = min(part.began for part in parts), max(part.ended for part in parts)
        took = [each for part in parts for each in part.took]
        failed = sum(part.failed for part in parts)
        return Run(took, (ended - began) / 1e9, failed=failed)

    def close(self) -> None:
        self._close_connections()
        self._pool.shutdown(wait=True)

    def _close_connections(self) -> None:
        together = Barrier(len(self._calls))
        futures = [self._pool.submit(_close_connections, together) for _ in self._calls]
        for future in futures:
            future.result()


class Tasks:
    """The same with a task for each on one event loop, as code written with `await` does it."""

    def __init__(
        self, loop: AbstractEventLoop, calls: Sequence[Callable[[], Awaitable[object]]]
    ) -> None:
        self._loop, self._calls = loop, calls

    def run(self, seconds: float) -> Run:
        began = time.perf_counter_ns()
        taken = self._loop.run_until_complete(self._together(seconds))
        return Run(taken, (time.perf_counter_ns() - began) / 1e9)

    def close(self) -> None:
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _together(self, seconds: float) -> list[int]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_awaited(call, seconds)) for call in self._calls]
        return [took for task in tasks for took in task.result()]


def rounds(crowds: Mapping[str, Crowd], *, number: int, seconds: float) -> dict[str, Runs]:
    """So many rounds of each, by turns, another one first each time; one before is thrown away."""
    names = list(crowds)
    taken: dict[str, list[Run]] = {name: [] for name in names}
    for crowd in crowds.values():
        crowd.run(seconds / 2)
    for turn in range(number):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            taken[name].append(crowds[name].run(seconds))
    return {name: Runs(runs) for name, runs in taken.items()}


class Part(NamedTuple):
    """What one thread did in a round: from when to when, what its calls took, how many failed."""

    began: int
    ended: int
    took: list[int]
    failed: int


def _repeated(call: Callable[[], object], together: Barrier, seconds: float) -> Part:
    together.wait()
    found, failed, now = list[int](), 0, time.perf_counter_ns
    begin = began = now()
    stop = begin + int(seconds * 1e9)
    while began < stop:
        try:
            call()
        except Exception:  # noqa: BLE001 - told in the report
            failed += 1
        ended = now()
        found.append(ended - began)
        began = ended
    return Part(begin, began, found, failed)


async def _awaited(call: Callable[[], Awaitable[object]], seconds: float) -> list[int]:
    found, now = [], time.perf_counter_ns
    began = now()
    stop = began + int(seconds * 1e9)
    while began < stop:
        await call()
        ended = now()
        found.append(ended - began)
        began = ended
    return found


def _close_connections(together: Barrier) -> None:
    # Each thread waits for the others, so that none takes the task twice.
    together.wait()
    from django.db import connections

    connections.close_all()
