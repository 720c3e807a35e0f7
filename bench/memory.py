"""What memory costs: a fact stored, a context that recalls and is recorded, the whole database."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from typing import Any

import psycopg

import holdfast
from bench import raw, talk
from bench.append import endless
from bench.ground import POSTGRES, SQLITE, Ground, Place
from bench.measuring import Series, interleaved, timed
from bench.report import Figure, compared
from memory_app.pipeline import Pipeline
from sessions_app import search

DATABASES = (SQLITE, POSTGRES)
MESSAGES, TURNS = 2_000, 2_000
FACT, P50_MS, P99_MS, OCTETS = 2.0, 8.0, 20.0, 3_000.0
STORED = "store_fact"
PARTS = {
    "log": ("message", "event", "session"),
    "search": ("search",),
    "fates": ("fate",),
    "compressions": ("compression", "summary"),
    "facts": ("fact",),
    "contexts": ("context", "injection"),
}
"""Which tables, by how their names go on behind "holdfast_", each part is made of."""

DBSTAT = """
    SELECT tbl_name, SUM(pgsize) FROM dbstat JOIN sqlite_schema USING (name) GROUP BY tbl_name
"""
RELATIONS = """
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relname LIKE 'holdfast%'
"""


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Facts of a hundred users, one user's questions, one session with all that is kept of it."""
    place = ground.place(database)
    yield of_facts(place, rounds=20 if quick else 150)
    yield from of_questions(place, calls=100 if quick else 1_000)
    yield of_size(ground.place(database), turns=100 if quick else TURNS)


def of_facts(place: Place, *, rounds: int) -> Figure:
    """A fact of one of a hundred users, against one raw transaction."""
    control, rows = raw.beside(place), endless()
    users = [holdfast.memory(f"user {at}", database=place.address) for at in range(100)]
    numbers = count()

    def stored() -> None:
        at = next(numbers)
        users[at % 100].store_fact(f"The flat of number {at} has {at % 7} rooms and a garden.")

    bare = raw.name(place.database)
    calls = {bare: timed(lambda: control.append(next(rows))), STORED: timed(stored)}
    samples = interleaved(calls, rounds=rounds)
    named = "a fact stored by `store_fact`"
    return compared(named, place.database, samples, (STORED, bare), FACT)


def of_questions(place: Place, *, calls: int) -> Iterator[Figure]:
    """Contexts with a query and a record of a folded session, each query another one."""
    session = _said(place, "asked", MESSAGES)
    questions = endless_questions()
    took = Series([timed(asking(session, questions))(calls)])
    how = f"{calls} queries, no two the same"
    taken = {"questions": took.as_json()}
    named = f"context with recall and a record, {MESSAGES:,} messages"
    p99: Any = {"p99": took.p99, "target_p99": P99_MS}
    yield Figure(named, place.database, took.p50, "ms", P50_MS, how, taken, **p99)


def endless_questions() -> Iterator[str]:
    said = (message["content"] for message in talk.messages(200_000, 99))
    return (f"What did we say about this: {text}" for text in said)


def asking(session: Any, questions: Iterator[str]) -> Callable[[], object]:
    return lambda: session.context(tokens=8_000, query=next(questions), record=True)


def of_size(place: Place, *, turns: int) -> Figure:
    """Bytes on disk a message, once each turn was answered from a kept context with recall and all
    was folded and indexed that was due."""
    session = holdfast.open("whole", user="whole", database=place.address)
    pipeline, said = Pipeline(place.store), talk.messages(2 * turns)
    for question, answer in zip(said, said, strict=True):
        session.append(question)
        shown = session.context(tokens=8_000, query=question["content"], record=True)
        session.append(answer, context=shown)
        while pipeline.work():
            pass
    while not search.bring_up_to_date(place.alias, seconds=10):
        pass
    parts = Counter[str]()
    for table, octets in tables(place):
        parts[part(table)] += octets
    each = {name: octets / (2 * turns) for name, octets in parts.most_common()}
    how = f"{turns:,} turns; " + ", ".join(f"{name} {octets:.0f}" for name, octets in each.items())
    named = "the whole database, a message"
    return Figure(named, place.database, sum(each.values()), "bytes", OCTETS, how)


def tables(place: Place) -> list[tuple[str, int]]:
    """The bytes of each table with its indexes."""
    if place.database == POSTGRES:
        with psycopg.connect(place.address) as connection:
            return connection.execute(RELATIONS).fetchall()
    with closing(sqlite3.connect(place.address)) as connection:
        return connection.execute(DBSTAT).fetchall()


def part(table: str) -> str:
    """The part that a table belongs to, "rest" where none names it."""
    name = table.removeprefix("holdfast_")
    found = (part for part, begins in PARTS.items() if name.startswith(begins))
    return next(found, "rest")


def _said(place: Place, key: str, messages: int) -> Any:
    """A session of so many messages under the default policy, with what is due folded."""
    session = holdfast.open(key, user=key, database=place.address)
    said = list(talk.messages(messages))
    for begin in range(0, messages, 200):
        session.append(said[begin : begin + 200])
    pipeline = Pipeline(place.store)
    while pipeline.work():
        pass
    return session
