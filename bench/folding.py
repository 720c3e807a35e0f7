"""Compressions by the embedded engine: a long session, many short ones, appends beside them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

import holdfast
from bench import talk
from bench.append import store_append
from bench.ground import APPENDS_BEFORE, POSTGRES, SQLITE, Ground, Place
from bench.measuring import Series, timed
from bench.report import Figure
from memory_app import policies
from memory_app.models import Compression
from memory_app.pipeline import Pipeline
from memory_app.worker import Worker

DATABASES = (SQLITE, POSTGRES)
LONG, SHORT = 2_000, 40
LONG_MS, SHORT_MS = 300.0, 5.0
WINDOWS = {LONG: 40_000, SHORT: 1_500}


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """A fold of 2,000 messages, sessions of 40 by one worker, appends while another works."""
    place = ground.place(database)
    pipeline = Pipeline(place.store)
    _policies(place)
    _fill(place, "first", SHORT, 0)
    pipeline.work()  # reads what is read once
    yield _long(place, pipeline, rounds=2 if quick else 5)
    yield _short(place, pipeline, sessions=40 if quick else 200)
    yield from _beside(ground.place(database), appends=500 if quick else 3_000)


def _policies(place: Place) -> None:
    for messages, window in WINDOWS.items():
        rules = {"strategy": "rolling_summary", "window": window, "reserve": 200}
        policies.put(place.store, place.project, f"folds {messages}", rules)


def _fill(place: Place, key: str, count: int, seed: int) -> None:
    session = holdfast.open(key, database=place.address, policy=f"folds {count}")
    said = list(talk.messages(count, seed))
    for begin in range(0, count, 500):
        session.append(said[begin : begin + 500])


def _long(place: Place, pipeline: Pipeline, *, rounds: int) -> Figure:
    took = []
    for number in range(rounds):
        _fill(place, f"long {number}", LONG, number)
        took.append(_worked(pipeline)[1])
    row = Compression.everything.using(place.alias).order_by("-number").first()
    assert row is not None
    assert row.outcome == Compression.APPLIED, row.error
    how = f"{row.last:,} messages folded, {row.tokens_before:,} tokens to {row.tokens_after:,}"
    ms = median(took) * 1000
    return Figure("fold of a session of 2,000 messages", place.database, ms, "ms", LONG_MS, how)


def _short(place: Place, pipeline: Pipeline, *, sessions: int) -> Figure:
    for number in range(sessions):
        _fill(place, f"short {number}", SHORT, number)
    done, took = _worked(pipeline)
    assert done == sessions, (done, sessions)
    ms = took / sessions * 1000
    how = f"{sessions / took:.0f} sessions a second by one worker"
    named = "compression of a session of 40 messages"
    return Figure(named, place.database, ms, "ms", SHORT_MS, how)


def _worked(pipeline: Pipeline) -> tuple[int, float]:
    began, done = time.perf_counter(), 0
    while pipeline.work():
        done += 1
    return done, time.perf_counter() - began


def _beside(place: Place, *, appends: int) -> Iterator[Figure]:
    """Appends alone, and while a worker of the same process compresses without a pause."""
    append = timed(store_append(place))
    append(APPENDS_BEFORE[place.database])
    alone = Series([append(appends)])
    _policies(place)
    for number in range(1 + appends // 100):
        _fill(place, f"beside {number}", LONG, number)
    worker = Worker(place.alias)
    worker.start()
    try:
        beside = Series([append(appends)])
    finally:
        worker.stop()
    how = f"{alone.p50:.3f} ms without one, p99 {alone.p99:.3f}"
    named = "append while a worker of the same process compresses"
    yield Figure(named, place.database, beside.p50, "ms", None, how, p99=beside.p99)
