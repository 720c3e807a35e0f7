"""The last 20 messages, parsed, against the SELECT of them, parsed by the same JSON reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import holdfast
from bench import raw
from bench.ground import POSTGRES, SQLITE, Ground, Place
from bench.measuring import interleaved, timed
from bench.report import Figure, compared
from sessions_app.store.base import Window

DATABASES = (SQLITE, POSTGRES)
RAW, STORE, FACADE = "the raw SELECT", "store", "facade"
MESSAGES, LAST = 2_000, 20
MOST = 3.0


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """From the session's public id to messages; both sides parse the JSON of all 20 with orjson."""
    place = ground.place(database)
    session = place.session("reading", MESSAGES)
    control = raw.beside(place)
    control.fill(MESSAGES)
    facade = holdfast.open("reading", database=place.address)
    calls = {
        RAW: timed(lambda: control.last(LAST)),
        STORE: timed(last(place, session)),
        FACADE: timed(lambda: facade.messages(limit=LAST, order="desc")),
    }
    samples = interleaved(calls, rounds=30 if quick else 150)
    named = "last 20 messages, `store.get` + `store.messages`, parsed"
    yield compared(named, database, samples, (STORE, RAW), MOST)
    named = "last 20 messages, `session.messages`, as the API shows them"
    yield compared(named, database, samples, (FACADE, RAW))


def last(place: Place, session: UUID) -> Callable[[], object]:
    """Reads the newest 20 through the store: the session row, the messages, their JSON."""
    store, project, window = place.store, place.project, Window(limit=LAST, newest_first=True)

    def call() -> object:
        found = store.messages(store.get(project, session), window)
        return [item.message() for item in found]

    return call
