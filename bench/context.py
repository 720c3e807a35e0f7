"""A context of 8,000 tokens, against the SELECT and the parsing of the rows it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from bench import raw
from bench.ground import POSTGRES, SQLITE, Ground, Place
from bench.measuring import interleaved, timed
from bench.report import Figure, compared
from memory_app import context, records
from memory_app.pipeline import Pipeline
from sessions_app.store.base import UNGUARDED

DATABASES = (SQLITE, POSTGRES)
RAW, BUILD, KEPT = "the raw SELECT", "build", "build and record"
MESSAGES, TOKENS = 2_000, 8_000
MOST_MS = 0.3
MOST_OCTETS = 400.0
ROWS = """
    SELECT COUNT(*), COALESCE(SUM(
        LENGTH(CAST(id AS TEXT)) + LENGTH(kind) + LENGTH(form) + LENGTH(policy_name)
        + LENGTH(query) + LENGTH(model) + LENGTH(account) + LENGTH(digest) + 7 * 8
    ), 0) FROM holdfast_context
"""


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """From 2,000 messages, under each policy a project begins with: `token_trim` fills the budget,
    `default` has folded what is old, as a worker does."""
    place = ground.place(database)
    control = raw.beside(place)
    control.fill(MESSAGES)
    for policy in ("token_trim", "default"):
        session = place.session(policy, MESSAGES, policy=policy)
        pipeline = Pipeline(place.store)
        while pipeline.work():
            pass
        yield from of_session(place, session, control, policy, rounds=20 if quick else 150)
        yield from of_records(place, session, policy, rounds=5 if quick else 50)


def of_session(
    place: Place, session: UUID, control: raw.Raw, policy: str, *, rounds: int
) -> Iterator[Figure]:
    found = context.build(place.store, place.project, session, context.Ask(tokens=TOKENS))
    shown = len(found.messages)
    calls = {RAW: timed(lambda: control.last(shown)), BUILD: timed(built(place, session))}
    samples = interleaved(calls, rounds=rounds)
    named = f"context of 8,000 tokens from 2,000 messages, policy `{policy}`"
    p50, p99 = samples[BUILD].p50, samples[BUILD].p99
    how = f"{shown} messages in it, {found.tokens} tokens; p99 {p99:.3f} ms"
    yield Figure(f"{named}, p50", place.database, p50, "ms", MOST_MS, how)
    yield compared(f"{named}, over reading its rows", place.database, samples, (BUILD, RAW))


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
