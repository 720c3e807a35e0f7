"""Works through what is due, one session after the other, until it is told to stop: compresses,
learns what users say of themselves, and where there is an embedder makes vectors, each in a thread
of its own that no model of the other kind holds up.

As many of them as wanted may run, in threads and in processes: each session is claimed by one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from threading import Event, Thread

from django.db import DatabaseError, connections

from memory_app import (
    consolidating,
    embedders,
    episodes,
    extractors,
    idling,
    removals,
    vector_stores,
)
from memory_app.core import pacing
from memory_app.core.work import EngineFailed
from memory_app.embedding import Embedding
from memory_app.learning import Learning
from memory_app.pipeline import Pipeline
from memory_app.vector_stores import VectorStore
from sessions_app import clock, waking
from sessions_app.core.errors import HoldfastError
from sessions_app.store import folding, get_store

log = logging.getLogger("holdfast.compression")

LOOK_SECONDS = 0.5
"""How often a worker looks without being called: what another process made due."""
TROUBLE_SECONDS = 5.0
IDLE_SECONDS = 60.0
BESIDE_LOOK_SECONDS = 1.0
"""How often what was said is looked for that has no vector, or was not learnt from."""
BESIDE_APART_SECONDS = 0.25
"""How far apart two such looks begin at least while they find something. A steady stream is taken
in handfuls, for each of which is one commit, and not message by message."""
BESIDE_LOOK_SHARE = 50
"""So many times as long as it took to find nothing it waits at least: among many thousand sessions
of the last hour a look takes milliseconds."""
LONGEST_TROUBLE_SECONDS = 60.0
STOP_SECONDS = 10.0
SLICE_SECONDS, REST_SECONDS = 0.002, 0.002
"""Beside requests a worker computes for so long and rests for so long: an append meanwhile takes
3 ms at most (p99) instead of 44."""


def _kept(pipeline: Pipeline) -> VectorStore | None:
    """Who keeps vectors."""
    try:
        return vector_stores.kept(pipeline.store.db)
    except EngineFailed as failed:
        log.error("No vectors are made or removed: %s", failed)
        return None


def _embedding(pipeline: Pipeline, kept: VectorStore | None) -> Embedding | None:
    """Who makes vectors; where none can be made, compressions go on."""
    try:
        embedder = embedders.embedder()
    except EngineFailed as failed:
        log.error("No vectors are made: %s", failed)
        return None
    return Embedding(pipeline.store, embedder, kept) if embedder and kept else None


def _learning(pipeline: Pipeline) -> Learning | None:
    """Who learns; where nobody can, compressions go on."""
    try:
        return Learning(pipeline.store, extractors.extractor())
    except EngineFailed as failed:
        log.error("Nothing is learnt: %s", failed)
        return None


class Worker:
    """Compresses due sessions in a daemon thread, from `start()` to `stop()`.

    `alone` says that its process has nothing else to do; otherwise it makes way for the rest.
    """

    def __init__(
        self, alias: str = "default", pipeline: Pipeline | None = None, *, alone: bool = False
    ) -> None:
        self.pipeline = pipeline or Pipeline(get_store(alias))
        self._alias = alias
        self._stopped = Event()
        self._called = Event()
        self._newest = False
        self._idle_at = 0.0
        self._alone = alone
        self._thread = self._threaded(self._work, "holdfast-worker")
        self.kept = _kept(self.pipeline)
        self.embedding = _embedding(self.pipeline, self.kept)
        self.learning = _learning(self.pipeline)
        self._beside = [
            self._threaded(partial(self._repeatedly, once, what), f"holdfast-{name}")
            for made, once, what, name in (
                (self.embedding, self.embed_once, "Vectors were not made", "embedder"),
                (self._outside, self.remove_once, "Vectors were not removed", "remover"),
                (self.learning, self.learn_once, "Nothing was learnt", "learner"),
            )
            if made is not None
        ]

    def start(self) -> None:
        """Begin."""
        self._leave = waking.listen(self._called.set)
        self._thread.start()
        for thread in self._beside:
            thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Take no more; wait for the session at hand. Where that takes longer it is given back, to
        be done by another. True when the work at hand was finished."""
        self._stopped.set()
        self._called.set()
        self._leave()
        self._thread.join(seconds)
        for thread in self._beside:
            if thread.is_alive():
                thread.join(BESIDE_LOOK_SECONDS)  # a batch that is not stored is made again
        if self._thread.is_alive():
            self.give_back()
            return False
        return True

    def give_back(self) -> None:
        """Ends the claim on the session at hand: what the engine still says of it is dropped."""
        claim = self.pipeline.claim
        if claim is not None:
            folding.give_back(self.pipeline.store, claim)

    def run_once(self) -> bool:
        """Compresses one due session; False when there is none."""
        # By turns the one that waits longest and the newest: neither starves the other.
        self._newest = not self._newest
        return self.pipeline.work(newest=self._newest)

    def embed_once(self) -> bool:
        """Makes the vectors of one batch; False when there is none to make. Raises EngineFailed."""
        return self.embedding is not None and self.embedding.work()

    def remove_once(self) -> int:
        """Has the vectors of purged sessions removed where they are kept outside; how many sessions
        that was. Raises EngineFailed."""
        return removals.work(self.pipeline.store.db, self._outside) if self._outside else 0

    @property
    def _outside(self) -> VectorStore | None:
        return self.kept if self.kept and not self.kept.in_database else None

    def learn_once(self) -> bool:
        """Looks through one stretch of messages; False when there is none. Raises EngineFailed."""
        return self.learning is not None and self.learning.work()

    def _threaded(self, work: Callable[[], None], name: str) -> Thread:
        return Thread(target=self._run, args=(work,), name=name, daemon=True)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            with nullcontext() if self._alone else pacing.paced(Rest()):
                work()
        finally:
            connections.close_all()

    def _repeatedly(self, once: Callable[[], int], failure: str) -> None:
        trouble = TROUBLE_SECONDS
        while not self._stopped.is_set():
            begun = time.monotonic()
            try:
                found = once()
                took = time.monotonic() - begun
                wait = max(0.0, BESIDE_APART_SECONDS - took)
                if not found:
                    wait = max(BESIDE_LOOK_SECONDS, took * BESIDE_LOOK_SHARE)
                trouble = TROUBLE_SECONDS
            except (EngineFailed, HoldfastError, DatabaseError) as error:
                log.warning("%s; it will be tried again: %s", failure, error)
                wait = max(trouble, getattr(error, "after", None) or 0.0)
                trouble = min(2 * trouble, LONGEST_TROUBLE_SECONDS)
            except Exception:  # one session that we cannot do must not end the thread for all
                log.exception("%s; it will be tried again.", failure)
                wait = trouble
            finally:
                self._return_connection()
            self._stopped.wait(wait)

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._called.clear()
            if not self._round():
                self._called.wait(LOOK_SECONDS)

    def _round(self) -> bool:
        """One session, or a look at the idle ones. What fails here is tried again later."""
        try:
            if self.run_once():
                return True
            self._look_at_idle()
        except (HoldfastError, DatabaseError) as error:
            log.warning("The compression worker will try again: %s", error)
            self._stopped.wait(TROUBLE_SECONDS)
        except Exception:  # one session that we cannot do must not end the worker for all
            log.exception("The compression worker will try again.")
            self._stopped.wait(TROUBLE_SECONDS)
        finally:
            self._return_connection()
        return False

    def _look_at_idle(self) -> None:
        if time.monotonic() >= self._idle_at:
            self._idle_at = time.monotonic() + IDLE_SECONDS
            idling.mark(self.pipeline.store, clock.now_us())
            episodes.tell(self.pipeline.store, clock.now_us())
            consolidating.prune(self.pipeline.store, clock.now_us())

    def _return_connection(self) -> None:
        connection = connections[self._alias]
        # SQLite checkpoints whenever its last connection closes; PostgreSQL's goes to the pool.
        if connection.vendor != "sqlite" and not connection.in_atomic_block:
            connection.close()


class Rest:
    """Sleeps after every slice of work."""

    def __init__(self) -> None:
        self._until = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if now >= self._until:
            time.sleep(REST_SECONDS)
            self._until = time.monotonic() + SLICE_SECONDS
