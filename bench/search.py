"""Search over all messages: the list with its hits, what the index takes, how fast it follows."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import accumulate
from random import Random

import orjson
import psycopg

from bench.ground import POSTGRES, SQLITE, Ground, Place
from bench.measuring import Series, timed
from bench.report import Figure
from bench.storage import pages
from sessions_app import clock, listing, search
from sessions_app.core.appending import Prepared
from sessions_app.store.base import NewSession

DATABASES = (SQLITE, POSTGRES)
EACH, WORDS, VOCABULARY = 10, 95, 20_000
LIST_MS, BYTES = 300.0, 400.0
ASKED = {"rare": "w7919", "common": "w40", "two common words": "w40 w55", "a beginning": "w79"}
DBSTAT = "SELECT SUM(pgsize) FROM dbstat WHERE name LIKE 'holdfast_search%'"
RELATION = "SELECT pg_total_relation_size('holdfast_search')"


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Sessions of ten messages of 95 words, few of which are most of what is said."""
    place = ground.place(database)
    sessions = 300 if quick else 3_000
    write(place, sessions)
    before, messages = pages(place) if database == SQLITE else 0, sessions * EACH
    began = time.monotonic()
    while not search.bring_up_to_date(place.alias, seconds=10):
        pass
    rate = messages / (time.monotonic() - began)
    yield Figure("taken into the index, a second", database, rate, "messages")
    found, counted = size(place, before)
    how = f"{messages:,} messages of {WORDS} words; {counted}"
    most = BYTES if database == SQLITE else None  # PostgreSQL keeps the words in the row as well
    yield Figure("the search index, a message", database, found / messages, "bytes", most, how)
    if database == POSTGRES:
        place.analyze()
    for name, text in ASKED.items():
        took = Series([timed(asking(place, text))(10 if quick else 50)])
        how = f"{messages:,} messages"
        named = f"list of sessions and their hits, {name}"
        taken = {"search": took.as_json()}
        yield Figure(named, database, took.p50, "ms", LIST_MS, how, taken, p99=took.p99)


def write(place: Place, sessions: int) -> None:
    """As many sessions, in transactions of a hundred."""
    random = Random(7)
    shares = list(accumulate(1 / (rank + 3) for rank in range(VOCABULARY)))
    known = [f"w{rank}" for rank in range(VOCABULARY)]

    def said() -> Prepared:
        text = " ".join(random.choices(known, cum_weights=shares, k=WORDS))
        body = orjson.dumps({"content": text}).decode()
        return Prepared("user", 0, body, len(body) // 4, estimated=False)

    for first in range(0, sessions, 100):
        with place.store.db.transaction():
            for number in range(first, first + 100):
                new = NewSession(f"search-{number}", f"user-{number % 50}")
                session = place.store.open(place.project, new).session.id
                place.store.append(place.project, session, [said() for _ in range(EACH)])


def asking(place: Place, text: str) -> Callable[[], object]:
    def call() -> object:
        rows, _ = listing.page(place.alias, place.project, {"q": text}, clock.now_us())
        return search.hits(place.alias, rows, text)

    return call


def size(place: Place, before: int) -> tuple[float, str]:
    """Bytes of the index, and how they were counted."""
    if place.database == POSTGRES:
        with psycopg.connect(place.address) as connection:
            row = connection.execute(RELATION).fetchone()
        assert row
        return float(row[0]), "pg_total_relation_size"
    try:
        with closing(sqlite3.connect(place.address)) as connection:
            return float(connection.execute(DBSTAT).fetchone()[0]), "dbstat"
    except sqlite3.OperationalError:
        return float(pages(place) - before), "growth of the file"
