"""A context of 8,000 tokens, against the SELECT and the parsing of the rows it shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from uuid import UUID

import holdfast
from bench import raw
from bench.append import endless
from bench.ground import POSTGRES, SQLITE, Ground, Place
from bench.measuring import Block, Samples, interleaved, timed
from bench.report import Figure, compared
from memory_app import context, policies, records
from memory_app.pipeline import Pipeline
from sessions_app import search
from sessions_app.store.base import UNGUARDED

DATABASES = (SQLITE, POSTGRES)
RAW, BUILD, KEPT, AGAIN = "the raw SELECT", "build", "build and record", "asked for again"
MESSAGES, TOKENS = 2_000, 8_000
PLAIN = "no recall"
"""A policy under which nothing is looked for: what fits of the newest messages."""
MOST_MS = {PLAIN: 0.15, "token_trim": 0.3, "default": 0.3}
MOST_AGAIN_MS = 0.15
MOST_OCTETS = 400.0
ROWS = """
    SELECT COUNT(*), COALESCE(SUM(
        LENGTH(CAST(id AS TEXT)) + LENGTH(kind) + LENGTH(form) + LENGTH(policy_name)
        + LENGTH(query) + LENGTH(model) + LENGTH(account) + LENGTH(digest) + 7 * 8
    ), 0) FROM holdfast_context
"""


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """From 2,000 messages of a session without a user: under a policy without recall, and under
    two that a project begins with, of which `token_trim` fills the budget and `default` has folded
    what is old, as a worker does."""
    place = ground.place(database)
    control = raw.beside(place)
    control.fill(MESSAGES)
    rules = {"strategy": "token_trim", "recalled": 0, "facts": 0, "retained": 0}
    policies.put(place.store, place.project, PLAIN, rules)
    for policy in MOST_MS:
        session = place.session(policy, MESSAGES, policy=policy)
        pipeline = Pipeline(place.store)
        while pipeline.work():
            pass
        yield from of_session(place, session, control, policy, rounds=20 if quick else 150)
        yield from of_repeats(place, policy, rounds=20 if quick else 150)
        yield from of_records(place, session, policy, rounds=5 if quick else 50)
        yield of_changes(place, session, policy, rounds=5 if quick else 20)


def of_session(
    place: Place, session: UUID, control: raw.Raw, policy: str, *, rounds: int
) -> Iterator[Figure]:
    found = context.build(place.store, place.project, session, context.Ask(tokens=TOKENS))
    shown = len(found.messages)
    calls = {RAW: timed(lambda: control.last(shown)), BUILD: timed(built(place, session))}
    samples = interleaved(calls, rounds=rounds)
    named = f"context of 8,000 tokens from 2,000 messages, policy `{policy}`"
    how = f"{shown} messages in it, {found.tokens} tokens"
    yield _milliseconds(named, place, samples, how, MOST_MS[policy])
    yield compared(f"{named}, over reading its rows", place.database, samples, (BUILD, RAW))


def of_repeats(place: Place, policy: str, *, rounds: int) -> Iterator[Figure]:
    """The same for a session that has not changed since, as `session.context` gives it: parsed."""
    session = holdfast.open(policy, database=place.address)
    samples = interleaved({AGAIN: timed(lambda: session.context(tokens=TOKENS))}, rounds=rounds)
    named = f"the same asked for again, policy `{policy}`"
    again, how = samples[AGAIN], "held in this process, the session row read each time"
    taken = samples.as_json()
    yield Figure(named, place.database, again.p50, "ms", MOST_AGAIN_MS, how, taken, p99=again.p99)


def of_changes(place: Place, session: UUID, policy: str, *, rounds: int) -> Figure:
    """The same for a session that has changed since the last one was built."""
    samples = interleaved({BUILD: after_append(place, session)}, rounds=rounds)
    named = f"the same right after an append, policy `{policy}`"
    return _milliseconds(named, place, samples, "the append itself not counted")


def _milliseconds(
    named: str, place: Place, samples: Samples, how: str, most: float | None = None
) -> Figure:
    build, taken = samples[BUILD], samples.as_json()
    return Figure(named, place.database, build.p50, "ms", most, how, taken, p99=build.p99)


def of_records(place: Place, session: UUID, policy: str, *, rounds: int) -> Iterator[Figure]:
    """What keeping a context adds to building it, and what a record takes."""
    calls = {BUILD: timed(built(place, session)), KEPT: timed(kept(place, session))}
    before = rows(place)
    samples = interleaved(calls, rounds=rounds)
    named = f"context with record over without, policy `{policy}`"
    yield compared(named, place.database, samples, (KEPT, BUILD))
    number, octets = (after - first for after, first in zip(rows(place), before, strict=True))
    yield Figure(
        f"a record of a context, policy `{policy}`",
        place.database,
        octets / number,
        "bytes",
        MOST_OCTETS,
        f"the values of its row; {number} records",
    )


def rows(place: Place) -> tuple[int, int]:
    """How many records there are, and the bytes in their rows: integers count 8."""
    with place.store.db.reading():
        found = place.store.db.row(ROWS)
    return (int(found[0]), int(found[1])) if found else (0, 0)


def kept(place: Place, session: UUID) -> Callable[[], object]:
    """Builds it and keeps a record of it."""
    store, project, ask = place.store, place.project, context.Ask(tokens=TOKENS)
    return lambda: records.build(store, project, session, ask, UNGUARDED)


def built(place: Place, session: UUID) -> Callable[[], object]:
    """Builds it from the session's public id."""
    store, project, ask = place.store, place.project, context.Ask(tokens=TOKENS)
    return lambda: context.build(store, project, session, ask)


def after_append(place: Place, session: UUID) -> Block:
    """A block of builds, each of a session that has changed since the one before; the search index
    follows between blocks, as it does within a second in use."""
    build, messages = built(place, session), endless()

    def block(count: int) -> list[int]:
        while not search.bring_up_to_date(place.alias, seconds=10):
            pass
        found = []
        for _ in range(count):
            place.store.append(place.project, session, [next(messages)])
            began = time.perf_counter_ns()
            build()
            found.append(time.perf_counter_ns() - began)
        return found

    return block
