"""A context of 8,000 tokens, against the SELECT and the parsing of the rows it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from bench import raw
from bench.ground import POSTGRES, SQLITE, Ground, Place
from bench.measuring import interleaved, timed
from bench.report import Figure, compared
from memory_app import context

DATABASES = (SQLITE, POSTGRES)
RAW, BUILD = "the raw SELECT", "build"
MESSAGES, TOKENS = 2_000, 8_000
MOST_MS = 0.3


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Built from 2,000 messages; nothing is kept from one call to the next but the policy."""
    place = ground.place(database)
    session = place.session("context", MESSAGES)
    found = context.build(place.store, place.project, session, context.Ask(tokens=TOKENS))
    shown = len(found.messages)
    control = raw.beside(place)
    control.fill(MESSAGES)
    calls = {RAW: timed(lambda: control.last(shown)), BUILD: timed(built(place, session))}
    samples = interleaved(calls, rounds=30 if quick else 150)
    named, how = "context of 8,000 tokens from 2,000 messages", f"{shown} messages in it"
    p50, p99 = samples[BUILD].p50, samples[BUILD].p99
    how += f", {found.tokens} tokens; p99 {p99:.3f} ms"
    yield Figure(f"{named}, p50", database, p50, "ms", MOST_MS, how)
    yield compared(f"{named}, over reading its rows", database, samples, (BUILD, RAW))


def built(place: Place, session: UUID) -> Callable[[], object]:
    """Builds it from the session's public id."""
    store, project, ask = place.store, place.project, context.Ask(tokens=TOKENS)
    return lambda: context.build(store, project, session, ask)
