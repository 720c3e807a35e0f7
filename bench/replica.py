"""What is read of a standby of PostgreSQL with `max_stale`: the last 20 messages against the SELECT
of them there, a context against the same of the primary."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

import orjson

from bench import raw
from bench.ground import POSTGRES, Ground, Place
from bench.measuring import interleaved, timed
from bench.report import Figure, Skipped, compared
from memory_app import context, hotcontexts
from memory_app.context import Ask
from memory_app.hotcontexts import Wanted
from sessions_app.store.newest import Asked, newest
from sessions_app.store.replicas import Replicas

DATABASES = (POSTGRES,)
RAW, REPLICA = "the raw SELECT on the standby", "a replica"
OF_PRIMARY, OF_REPLICA = "the primary", "a context of a replica"
MESSAGES, LAST, TOKENS, SECONDS = 2_000, 20, 8_000, 60
ALIAS, PATIENCE = "bench_standby", 30.0


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """From the session's public id to messages, both sides parse; and to the bytes of a context."""
    place = ground.place(database)
    session = place.session("replica", MESSAGES)
    control = cast(raw.RawPostgres, raw.beside(place))
    control.fill(MESSAGES)
    with ground.standby(place) as address, _replicated(place, address) as replicas:
        there, ask = control.at(address), Ask(tokens=TOKENS)
        read = _last(place, session)
        _wait(replicas, read)
        before, calls = _answers(replicas), _Counted()
        wanted = Wanted(place.project, session, ask, SECONDS)
        samples = interleaved(
            {
                RAW: timed(lambda: there.last(LAST)),
                REPLICA: timed(calls.counting(read)),
                OF_PRIMARY: timed(_built(place, session, ask)),
                OF_REPLICA: timed(calls.counting(lambda: hotcontexts.answer(place.store, wanted))),
            },
            rounds=20 if quick else 100,
        )
        answered = _answers(replicas) - before
    named = "last 20 messages with `max_stale=`, from a replica, parsed"
    yield compared(named, database, samples, (REPLICA, RAW))
    named = "context of 8,000 tokens with `max_stale=`, from a replica"
    yield compared(named, database, samples, (OF_REPLICA, OF_PRIMARY))
    if answered < calls.made:
        raise Skipped(f"of {calls.made} reads the standby answered {answered}: it lagged")


class _Counted:
    """How many calls were made that a replica is to answer."""

    made = 0

    def counting(self, call: Callable[[], object]) -> Callable[[], object]:
        def counted() -> object:
            self.made += 1
            return call()

        return counted


@contextmanager
def _replicated(place: Place, address: str) -> Iterator[Replicas]:
    """The place's store with the standby beside it."""
    from django.db import connections

    from holdfast import environ

    known: Any = {**connections.settings, ALIAS: environ.replica("url", address)}
    connections.settings[ALIAS] = connections.configure_settings(known)[ALIAS]
    place.store.replicas = Replicas(place.alias, [ALIAS])
    try:
        yield place.store.replicas
    finally:
        place.store.replicas = None
        connection: Any = connections[ALIAS]
        connection.close()
        connection.close_pool()


def _last(place: Place, session: UUID) -> Callable[[], object]:
    asked = Asked(place.project, session, LAST, SECONDS)
    return lambda: [item.message() for item in newest(place.store, asked).rows]


def _built(place: Place, session: UUID, ask: Ask) -> Callable[[], object]:
    """The context as the bytes of its answer, made anew."""

    def call() -> object:
        built = context.build(place.store, place.project, session, ask)
        return orjson.dumps(built.as_json(), option=orjson.OPT_NON_STR_KEYS)

    return call


def _wait(replicas: Replicas, read: Callable[[], object]) -> None:
    """Until the standby proves how old it is. Raises Skipped where it never does."""
    end = time.monotonic() + PATIENCE
    while not _answers(replicas):
        if time.monotonic() > end:
            raise Skipped("the standby never proved how old it is")
        read()
        time.sleep(0.05)


def _answers(replicas: Replicas) -> int:
    return sum(each.part.counts().get("answers", 0) for each in replicas.all)
