"""Bytes on disk for each message: both tables of the log with their indexes. Of small messages, and
of large tool outputs, which are stored packed."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from unittest.mock import patch

import psycopg

from bench import payload
from bench.ground import POSTGRES, SQLITE, Ground, Place
from bench.report import Figure
from sessions_app import preparing
from sessions_app.core import packing
from sessions_app.core.appending import Prepared

DATABASES = (SQLITE, POSTGRES)
TABLES = ("holdfast_message", "holdfast_event")
EACH = 100
MOST = 850.0
LARGE = 64 * 1024
NAMES = ("Ada", "Bela", "Chiara", "Dov", "Elif", "Femi", "Gita", "Hana")

DBSTAT = """
    SELECT SUM(pgsize) FROM dbstat
    WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name IN (?, ?))
"""
RELATIONS = "SELECT SUM(pg_total_relation_size(name::regclass)) FROM UNNEST(%s::text[]) AS name"


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Conversations that grow side by side, one message at a time, as they do in use."""
    sessions = 10 if quick else 50
    found, counted = written(ground.place(database), sessions, EACH, small)
    how = f"{payload.BYTES} bytes of them payload; {sessions} sessions of {EACH}; {counted}"
    named = "the log with its indexes, a message"
    yield Figure(named, database, found, "bytes", MOST, how)

    each = EACH // 5
    named = f"the same, tool outputs of {LARGE // 1024} KiB of JSON"
    how = f"{sessions} sessions of {each}; {counted}"
    found, _ = written(ground.place(database), sessions, each, tool_output)
    yield Figure(named, database, found, "bytes", None, how)
    with patch.object(packing, "LEAST", packing.MOST):
        found, _ = written(ground.place(database), sessions, each, tool_output)
    yield Figure(f"{named}, not packed", database, found, "bytes", None, how)


def small(_: int, number: int) -> list[Prepared]:
    return payload.prepared(1, number)


def tool_output(session: int, number: int) -> list[Prepared]:
    """What a tool that lists orders answers; no two are the same."""
    chance = random.Random(session * EACH + number)
    lines: list[str] = []
    while sum(map(len, lines)) < LARGE:
        lines.append(json.dumps(_order(chance)))
    said = {"role": "tool", "tool_call_id": f"call_{number}", "content": f"[{','.join(lines)}]"}
    return [preparing.single(said)[0]]


def _order(chance: random.Random) -> dict[str, object]:
    return {
        "order_id": f"{chance.getrandbits(64):016x}",
        "created_at": f"2025-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T08:30:00Z",
        "status": chance.choice(("paid", "shipped", "refunded", "open")),
        "customer": {"name": chance.choice(NAMES), "number": chance.randrange(10**6)},
        "total_cents": chance.randrange(100, 90_000),
        "note": " ".join(chance.choices(payload.text(0).split(), k=6)),
    }


def written(
    place: Place, sessions: int, each: int, batch: Callable[[int, int], list[Prepared]]
) -> tuple[float, str]:
    """Bytes of the log a message, and how they were counted."""
    before = pages(place) if place.database == SQLITE else 0
    opened = [place.session(f"storage-{number}") for number in range(sessions)]
    for number in range(each):
        for at, session in enumerate(opened):
            place.store.append(place.project, session, batch(at, number))
    found, counted = size(place, before)
    return found / (sessions * each), counted


def size(place: Place, before: int) -> tuple[int, str]:
    """Bytes of the log, and how they were counted."""
    if place.database == POSTGRES:
        with psycopg.connect(place.address) as connection:
            row = connection.execute(RELATIONS, [list(TABLES)]).fetchone()
        assert row
        return int(row[0]), "pg_total_relation_size"
    try:
        with closing(sqlite3.connect(place.address)) as connection:
            return int(connection.execute(DBSTAT, TABLES).fetchone()[0]), "dbstat"
    except sqlite3.OperationalError:
        return pages(place) - before, "growth of the file, session rows included"


def pages(place: Place) -> int:
    """Bytes in the pages of a SQLite file, those in its log too."""
    with closing(sqlite3.connect(os.fspath(place.address))) as connection:
        (count,) = connection.execute("PRAGMA page_count").fetchone()
        (each,) = connection.execute("PRAGMA page_size").fetchone()
    return int(count) * int(each)
