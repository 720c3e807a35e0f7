"""Samples of calls that take turns, so that whatever slows the machine slows all of them alike."""

from __future__ import annotations

import gc
import time
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any

MOST_SECONDS, LEAST_ROUNDS = 15.0, 5

# Makes so many calls and returns what each took, in nanoseconds.
Block = Callable[[int], list[int]]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of `values` do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, ceil(len(ranked) * share) - 1)]


@dataclass(frozen=True)
class Series:
    """The samples of one call, in the blocks they were taken in; percentiles in milliseconds."""

    blocks: list[list[int]]

    def percentile(self, share: float) -> float:
        return percentile([value for block in self.blocks for value in block], share) / 1e6

    @property
    def p50(self) -> float:
        return self.percentile(0.5)

    @property
    def p99(self) -> float:
        return self.percentile(0.99)

    def medians(self) -> list[float]:
        return [percentile(block, 0.5) for block in self.blocks]

    def over(self, control: Series) -> tuple[float, float]:
        """How far the ratio to `control` spreads: the middle 80 % of block against block."""
        pairs = zip(self.medians(), control.medians(), strict=True)
        ratios = [mine / its for mine, its in pairs]
        return percentile(ratios, 0.1), percentile(ratios, 0.9)

    def as_json(self) -> dict[str, Any]:
        samples = sum(map(len, self.blocks))
        return {"p50_ms": round(self.p50, 4), "p99_ms": round(self.p99, 4), "samples": samples}


@dataclass
class Collections:
    """What Python's garbage collector did meanwhile; it stays on, as in real use."""

    count: int = 0
    ms: float = 0.0
    _began: float = field(default=0.0, repr=False)

    def __call__(self, phase: str, _info: Mapping[str, Any]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self.count += 1
            self.ms += (time.perf_counter() - self._began) * 1000

    def as_json(self) -> dict[str, Any]:
        return {"count": self.count, "ms": round(self.ms, 2)}


@dataclass(frozen=True)
class Samples:
    """One run of calls that took turns."""

    series: dict[str, Series]
    collections: Collections

    def __getitem__(self, name: str) -> Series:
        return self.series[name]

    def as_json(self) -> dict[str, Any]:
        taken = {name: series.as_json() for name, series in self.series.items()}
        return {"series": taken, "gc": self.collections.as_json()}


def timed(call: Callable[[], object]) -> Block:
    """A block of plain calls."""

    def block(count: int) -> list[int]:
        found = []
        for _ in range(count):
            began = time.perf_counter_ns()
            call()
            found.append(time.perf_counter_ns() - began)
        return found

    return block


def awaited(loop: AbstractEventLoop, call: Callable[[], Awaitable[object]]) -> Block:
    """A block of calls of an async verb, awaited one after the other on one loop."""

    async def several(count: int) -> list[int]:
        found = []
        for _ in range(count):
            began = time.perf_counter_ns()
            await call()
            found.append(time.perf_counter_ns() - began)
        return found

    return lambda count: loop.run_until_complete(several(count))


def interleaved(
    calls: Mapping[str, Block], *, rounds: int, per_block: int = 20, warm_up: int = 20
) -> Samples:
    """Each call's block in turn, `rounds` times (fewer on a machine so busy that it would take
    long), another one first each time; `warm_up` calls of each go before and are thrown away."""
    names = list(calls)
    taken: dict[str, list[list[int]]] = {name: [] for name in names}
    for name in names:
        calls[name](warm_up)
    with watched_collections() as collections:
        stop = time.monotonic() + MOST_SECONDS
        for turn in range(rounds):
            if turn >= LEAST_ROUNDS and time.monotonic() > stop:
                break
            shift = turn % len(names)
            for name in names[shift:] + names[:shift]:
                taken[name].append(calls[name](per_block))
    return Samples({name: Series(blocks) for name, blocks in taken.items()}, collections)


@contextmanager
def watched_collections() -> Iterator[Collections]:
    """Begins with nothing to collect, and counts."""
    gc.collect()
    collections = Collections()
    gc.callbacks.append(collections)
    try:
        yield collections
    finally:
        gc.callbacks.remove(collections)
