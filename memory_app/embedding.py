"""Makes vectors of what was said, shortly after it was: off the path of appends, in batches.

Sessions in which something was said lately are looked at first; the others, which imports, forks
and another model leave behind, in the order of their numbers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from memory_app import embedders, spoken, vectors
from memory_app.core.index import Vector
from memory_app.core.work import EngineFailed
from memory_app.embedders import Embedder
from memory_app.vector_stores import Model, VectorStore
from memory_app.vectors import Claim, DatabaseVectors
from sessions_app import clock
from sessions_app.store.durable import DurableStore

log = logging.getLogger("holdfast.embedding")

MESSAGES = 32
"""Messages that are looked at, and so at most embedded, at once."""
BATCH_SECONDS, CLAIM_SECONDS = 60.0, 150.0
"""For one call of an embedder, and for all of a batch, after which another may try."""
LATER_SECONDS = 30.0
"""How long a session is left alone that could not be done."""
LATELY_HOURS = 1
AT_ONCE = 20
SWEEP_SECONDS = 3600.0
"""How often all sessions are looked through."""
PROBE = "Hello"
HOUR_US = 3_600_000_000


class Embedding:
    """Brings vectors up to date, a batch at a time; they are `kept` in the database, or outside."""

    def __init__(
        self, store: DurableStore, embedder: Embedder, kept: VectorStore | None = None
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.kept = kept or DatabaseVectors(store.db)
        self._swept = 0
        self._sweep_at = 0.0

    def work(self) -> bool:
        """One batch; False when there is none to do. Raises EngineFailed: the session is left
        alone for a while."""
        model = Model.of(self.embedder, self.kept.name)
        for number in self._behind(model):
            claim = vectors.claim(self.store.db, number, model, seconds=CLAIM_SECONDS)
            if claim is not None:
                self._embed(claim, model)
                return True
        return False

    def _behind(self, model: Model) -> list[int]:
        hour = clock.now_us() // HOUR_US - LATELY_HOURS
        return vectors.behind_lately(self.store.db, model, hour, AT_ONCE) or self._sweep(model)

    def _sweep(self, model: Model) -> list[int]:
        """The next of all sessions that are behind; none once all were looked through lately."""
        if time.monotonic() < self._sweep_at:
            return []
        # The one at hand may not be done with this batch.
        found = vectors.behind_after(self.store.db, model, self._swept - 1, AT_ONCE)
        if found:
            self._swept = found[0]
        else:
            self._swept, self._sweep_at = 0, time.monotonic() + SWEEP_SECONDS
        return found

    def _embed(self, claim: Claim, model: Model) -> None:
        upto = min(claim.messages, claim.after + MESSAGES)
        said = [
            one
            for one in spoken.said(self.store, claim.number, claim.after, upto)
            if spoken.speaks(one)
        ]
        try:
            made = self._vectors({one.seq: one.text for one in said}) if said else {}
            vectors.store(self.store.db, self.kept, claim, model, upto, made)
        except EngineFailed:
            vectors.postpone(self.store.db, claim, LATER_SECONDS)
            raise

    def _vectors(self, texts: Mapping[int, str]) -> dict[int, Vector]:
        """By seq, but for those that the model refuses."""
        try:
            return self._at_once(texts)
        except EngineFailed as failed:
            if failed.retryable:
                raise
        found = self._one_by_one(texts)
        log.warning("%d messages get no vector: the model refuses them.", len(texts) - len(found))
        return found

    def _at_once(self, texts: Mapping[int, str]) -> dict[int, Vector]:
        found = embedders.vectors(self.embedder, list(texts.values()), seconds=BATCH_SECONDS)
        return dict(zip(texts, found, strict=True))

    def _one_by_one(self, texts: Mapping[int, str]) -> dict[int, Vector]:
        """A model may refuse one text of many, such as one too long for it, and must not hold up
        the others. Raises EngineFailed where it refuses any text."""
        self._at_once({0: PROBE})
        found: dict[int, Vector] = {}
        for seq, text in texts.items():
            try:
                found |= self._at_once({seq: text})
            except EngineFailed as failed:
                if failed.retryable:
                    raise
        return found
