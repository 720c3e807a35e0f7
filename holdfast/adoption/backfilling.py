"""The backfill: all conversations that a site has, in batches, as often as one likes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from holdfast.adoption.copying import BATCH, Copier, Copy, Report, Target
from holdfast.adoption.tables import Rows
from sessions_app.core import errors

BEGINNINGS = 200

OnProgress = Callable[[int], None]


def backfill(
    adoption: Rows,
    alias: str,
    *,
    batch: int = BATCH,
    limit: int | None = None,
    dry_run: bool = False,
    on_progress: OnProgress = lambda rows: None,
) -> Report:
    """Stores every row that is not stored yet, at most `batch` rows (1 to 500) a transaction, until
    `limit` or a few more are; `dry_run` reads and maps only. `on_progress` gets the rows done.

    Raises StoreBusy, StoreUnavailable, StorageFull: what was stored stays, running again goes on.
    """
    copier = Copier(adoption, alias)
    run = _Backfill(copier, batch if limit is None else min(batch, limit), dry_run=dry_run)
    for _ in run.steps():
        on_progress(run.done())
        if limit is not None and run.stored() >= limit:
            copier.report.finished = False
            break
    run.end()
    return copier.report


class _Beginning(NamedTuple):
    """A conversation that has no session yet, and fits into one batch."""

    name: str
    target: Target
    copies: list[Copy]


class _Backfill:
    """Conversation by conversation, in the order of their keys.

    Short ones are begun together: a commit waits for the disk, and a table may hold a million
    conversations of two messages. Where there is a session others write to it, so each batch of it
    is a transaction of its own.
    """

    def __init__(self, copier: Copier, batch: int, *, dry_run: bool) -> None:
        self._copier = copier
        self._batch = batch
        self._dry_run = dry_run
        self._beginnings: list[_Beginning] = []
        self._waiting = 0

    def steps(self) -> Iterator[None]:
        """One step for each batch and each short conversation."""
        copier = self._copier
        for conversation in copier.tables.conversations():
            copier.report.conversations += 1
            name = copier.tables.name(conversation)
            with copier.refusing(name):
                target = copier.target(conversation)
                if target.session is not None:
                    target.seen.read(copier.store, target.session)
                missing = self._missing(copier.tables.rows(conversation), target)
                yield from self._conversation(name, target, missing)

    def stored(self) -> int:
        """How many rows are stored, or will be at the end."""
        return self._copier.report.new + self._waiting

    def done(self) -> int:
        """How many rows were looked at."""
        report = self._copier.report
        return self.stored() + report.known + report.left_out + len(report.refused)

    def end(self) -> None:
        """Stores what waits."""
        beginnings, self._beginnings, self._waiting = self._beginnings, [], 0
        if beginnings:
            with self._copier.store.db.transaction():
                for one in beginnings:
                    with self._copier.refusing(one.name):
                        self._keep(one.target, one.copies)

    def _missing(self, keys: list[Any], target: Target) -> list[Any]:
        source = self._copier.tables.source
        missing = [key for key in keys if source(key) not in target.seen.sources]
        self._copier.report.known += len(keys) - len(missing)
        return missing

    def _conversation(self, name: str, target: Target, missing: list[Any]) -> Iterator[None]:
        copier = self._copier
        if target.session is None and len(missing) <= self._batch and not self._dry_run:
            self._begin_later(_Beginning(name, target, copier.copies(missing)))
            yield
            return
        self._retitle(target)
        for at in range(0, len(missing), self._batch):
            copies = copier.copies(missing[at : at + self._batch])
            if self._dry_run:
                copier.report.new += len(copies)
            else:
                self._keep(target, copies)
            yield

    def _retitle(self, target: Target) -> None:
        found, title = target.session, target.new.title
        if found is not None and title not in ("", found.title) and not self._dry_run:
            self._copier.lock(target)

    def _keep(self, target: Target, copies: list[Copy]) -> None:
        try:
            self._copier.append(target, copies)
        except errors.StaleVersion:
            self._copier.append_locked(target, copies)

    def _begin_later(self, one: _Beginning) -> None:
        full = self._waiting + len(one.copies) > self._batch
        if full or len(self._beginnings) == BEGINNINGS:
            self.end()
        self._beginnings.append(one)
        self._waiting += len(one.copies)
