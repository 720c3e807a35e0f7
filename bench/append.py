"""One durable append, against one raw transaction that keeps the same 608 bytes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import holdfast
from bench import payload, raw
from bench.ground import APPENDS_BEFORE, POSTGRES, SQLITE, Ground, Place
from bench.measuring import Block, awaited, interleaved, timed
from bench.report import Figure, Skipped, compared
from sessions_app.store.base import Guard, Request

DATABASES = (SQLITE, POSTGRES)
STORE, KEYED, FACADE = "store", "store, keyed", "facade"
AGENTS, STEPS = "agents", "a raw transaction of four round trips"
P50, P99 = {SQLITE: 1.4, POSTGRES: 1.3}, 1.5


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """store.append, the same with an idempotency key, the facade, another library's session."""
    place, bare = ground.place(database), raw.name(database)
    calls: dict[str, Block] = {bare: timed(raw_append(place))}
    calls |= {STORE: timed(store_append(place)), KEYED: timed(keyed_append(place))}
    calls[FACADE] = timed(facade_append(place))
    rival = agents_append(place) if database == SQLITE else None
    if rival is not None:
        calls[AGENTS] = rival[0]
    if database == POSTGRES:
        calls[STEPS] = timed(stepwise_append(place))
    rounds = 20 if quick else 150
    samples = interleaved(calls, rounds=rounds, warm_up=APPENDS_BEFORE[database])
    named = "append, `store.append`"
    yield compared(named, database, samples, (STORE, bare), P50[database], p99=P99)
    if database == POSTGRES:
        yield compared(f"{named}, over UPDATE and INSERT apart", database, samples, (STORE, STEPS))
    yield compared("append with an idempotency key", database, samples, (KEYED, bare))
    named = "append, `session.append(role=, content=)`, tokens counted"
    yield compared(named, database, samples, (FACADE, bare))
    if rival is not None:
        named = f"append, `SQLiteSession.add_items` of openai-agents, {rival[1]}"
        yield compared(named, database, samples, (AGENTS, bare))
    elif database == SQLITE:
        raise Skipped("its last row: openai-agents is not installed")


def raw_append(place: Place) -> Callable[[], object]:
    control, messages = raw.beside(place), endless()
    return lambda: control.append(next(messages))


def stepwise_append(place: Place) -> Callable[[], object]:
    control, messages = raw.beside(place), endless()
    assert isinstance(control, raw.RawPostgres)
    return lambda: control.append_in_steps(next(messages))


def store_append(place: Place) -> Callable[[], object]:
    session, messages = place.session("store"), endless()
    append, project = place.store.append, place.project
    done = append(project, session, [next(messages)])
    if not done.durable:
        raise Skipped(f"appends are not durable here ({done.durable_by})")
    return lambda: append(project, session, [next(messages)])


def keyed_append(place: Place) -> Callable[[], object]:
    session, messages, numbers = place.session("keyed"), endless(), count()
    append, project, fingerprint = place.store.append, place.project, bytes(32)

    def call() -> object:
        request = Request(f"request-{next(numbers)}", fingerprint)
        return append(project, session, [next(messages)], Guard(None, request))

    return call


def facade_append(place: Place) -> Callable[[], object]:
    session = holdfast.open("facade", database=place.address)
    numbers = count()
    return lambda: session.append(**payload.message(next(numbers)))


def endless() -> Iterator[Any]:
    messages = payload.prepared(2 * payload.KINDS)
    return (messages[number % len(messages)] for number in count())


def agents_append(place: Place) -> tuple[Block, str] | None:
    """Its async verb, awaited one after the other on one loop, and how durable its commits are."""
    try:
        from agents import SQLiteSession
    except ImportError:
        return None
    path = Path(f"{place.address}-agents.sqlite3")
    session, numbers, loop = SQLiteSession("bench", path), count(), asyncio.new_event_loop()

    def add() -> Awaitable[None]:
        items: Any = [payload.message(next(numbers))]
        return session.add_items(items)

    place.stack.callback(loop.close)
    place.stack.callback(session.close)
    place.stack.callback(lambda: loop.run_until_complete(loop.shutdown_default_executor()))
    return awaited(loop, add), durability_of(path)


def durability_of(path: Path) -> str:
    """What a connection that sets no level of its own gets from this build of SQLite."""
    with closing(sqlite3.connect(path)) as connection:
        (level,) = connection.execute("PRAGMA synchronous").fetchone()
    name = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}[level]
    return f"synchronous={name}" + (", so not durable" if level < 2 else "")
