"""Bytes on disk for each message: both tables of the log with their indexes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import psycopg

from bench import payload
from bench.ground import POSTGRES, SQLITE, Ground, Place
from bench.report import Figure

DATABASES = (SQLITE, POSTGRES)
TABLES = ("holdfast_message", "holdfast_event")
EACH = 100
MOST = 850.0

DBSTAT = """
    SELECT SUM(pgsize) FROM dbstat
    WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name IN (?, ?))
"""
RELATIONS = "SELECT SUM(pg_total_relation_size(name::regclass)) FROM UNNEST(%s::text[]) AS name"


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Conversations that grow side by side, one message at a time, as they do in use."""
    place = ground.place(database)
    sessions = 10 if quick else 50
    before = pages(place) if database == SQLITE else 0
    write(place, sessions)
    found, counted = size(place, before)
    how = f"{payload.BYTES} bytes of them payload; {sessions} sessions of {EACH}; {counted}"
    named = "the log with its indexes, a message"
    yield Figure(named, database, found / (sessions * EACH), "bytes", MOST, how)


def write(place: Place, sessions: int) -> None:
    opened = [place.session(f"storage-{number}") for number in range(sessions)]
    for number in range(EACH):
        for session in opened:
            place.store.append(place.project, session, payload.prepared(1, number))


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
