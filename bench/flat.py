"""Whether cost grows with a session: the same verbs on a short one and on one of 10,000."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from bench.append import endless
from bench.context import built
from bench.ground import APPENDS_BEFORE, POSTGRES, SQLITE, Ground, Place
from bench.measuring import Samples, interleaved, timed
from bench.reading import last
from bench.report import Figure, Skipped, compared

DATABASES = (SQLITE, POSTGRES)
LONG, SHORT, TENTH = 10_000, 200, 1_000
OLD, NEW = "a session of 10,000", "a session of 200"
FIRST, FINAL = "the first tenth", "the last tenth"
MOST = 1.2

Verb = Callable[[Place, UUID], Callable[[], object]]


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Reading the last 20 and building a context at 10,000 over 200; appends' last tenth over
    their first, each in a database of its own."""
    if quick and database == POSTGRES:
        raise Skipped("only in a full run")
    place = ground.place(database)
    old = place.session("old", LONG, policy="token_trim")
    new = place.session("new", SHORT, policy="token_trim")
    for verb, name in ((last, "last 20 messages"), (built, "context of 8,000 tokens")):
        samples = both(place, verb, (old, new), rounds=30 if quick else 150)
        named = f"{name}, at 10,000 over at 200 messages"
        yield compared(named, database, samples, (OLD, NEW), MOST)
    samples = tenths(ground, database, appends=200 if quick else TENTH)
    named = "append, last tenth over first tenth of 10,000"
    yield compared(named, database, samples, (FINAL, FIRST), MOST)


def both(place: Place, verb: Verb, sessions: tuple[UUID, UUID], *, rounds: int) -> Samples:
    old, new = sessions
    calls = {OLD: timed(verb(place, old)), NEW: timed(verb(place, new))}
    return interleaved(calls, rounds=rounds)


def tenths(ground: Ground, database: str, *, appends: int) -> Samples:
    """Two databases, one with 9,000 messages before it begins, one empty, in turns."""
    calls = {}
    for name, before in ((FINAL, LONG - TENTH), (FIRST, 0)):
        place = ground.place(database)
        timed(appending(place, place.session("before")))(APPENDS_BEFORE[database])
        calls[name] = timed(appending(place, place.session("tenths", before)))
    return interleaved(calls, rounds=appends // 20, warm_up=0)


def appending(place: Place, session: UUID) -> Callable[[], object]:
    messages, append, project = endless(), place.store.append, place.project
    return lambda: append(project, session, [next(messages)])
