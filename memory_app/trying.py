"""A compression as it would be done now: tried in the same way, in less time, and stored nowhere.

A model that fails, or is not done in time, is left to the embedded engine, as in a compression that
is done. Whom that concerns sees it in `engine` and `tried`. To answer with an error instead would
tell nothing, and each further try would be paid for and thrown away.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Thread
from typing import Any

import orjson
from django.db import connections

from memory_app import compressions, keeping, pipeline
from memory_app.core.passages import Point
from memory_app.core.work import TIMEOUT, EngineFailed, Work
from memory_app.engines import Summariser
from memory_app.pipeline import Pipeline, Refused, Step


class InTime:
    """An engine that is given up when it has not answered by `deadline`, in monotonic seconds."""

    def __init__(self, engine: Summariser, deadline: float) -> None:
        self.name = engine.name
        self._engine = engine
        self._deadline = deadline

    def summarise(self, work: Work) -> list[Point]:
        """What the engine says. Raises EngineFailed, also where it takes too long."""
        answer = Future[list[Point]]()
        Thread(target=self._ask, args=(work, answer), daemon=True).start()
        try:
            return answer.result(max(0.0, self._deadline - time.monotonic()))
        except TimeoutError:
            raise EngineFailed(TIMEOUT, "it took too long for a dry run") from None

    def _ask(self, work: Work, answer: Future[list[Point]]) -> None:
        try:
            answer.set_result(self._engine.summarise(work))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            answer.set_exception(error)
        finally:
            connections.close_all()


def would_be(worker: Pipeline, step: Step, deadline: float) -> dict[str, Any]:
    """What a step would do, as the contract shows a compression; a model has until `deadline`."""
    prepared = pipeline.prepare(step, worker.classifier)
    row = compressions.row_of(step)
    for engine in _engines(worker, deadline):
        try:
            done = pipeline.attempt(worker.store, step, prepared, engine)
        except (EngineFailed, Refused) as failure:
            compressions.account(row, engine.name, failure)
            row.outcome = compressions.outcome_of(failure)
        else:
            return {**keeping.would_be(step, done), "tried": orjson.loads(row.tried)}
    shown = compressions.shown(step.session.id, row, summary=None, facts=[])
    return {**shown, "id": None, "dry_run": True}


def _engines(worker: Pipeline, deadline: float) -> Iterator[Summariser]:
    if worker.engine.name != worker.fallback.name:
        yield InTime(worker.engine, deadline)
    yield worker.fallback
