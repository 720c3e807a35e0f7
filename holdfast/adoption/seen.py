"""Which rows a session holds: the `metadata.source` of its messages, each read once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID

import orjson
from django.db import transaction

from sessions_app.core.entries import StoredMessage
from sessions_app.importers.base import sources_of
from sessions_app.store.base import PAGE_OCTETS, Snapshot, Window
from sessions_app.store.durable import DurableStore

PAGE = 500
SESSIONS = 128


@dataclass(slots=True)
class Seen:
    """The sources of messages 1 to `seq`; the log never changes there, so it only grows. `at` is
    when the last of them was stored, in microseconds; None where that was not told yet."""

    seq: int = 0
    sources: set[str] = field(default_factory=set)
    at: int | None = None

    def read(self, store: DurableStore, session: Snapshot) -> None:
        """Goes on to the end of the session; from its beginning where the log is not the one that
        was read, as after a restore of the database."""
        log = said(store, session, max(0, self.seq - 1))
        if self.seq and not self._ends_with(next(log, None)):
            self.seq, self.sources, log = 0, set(), said(store, session)
        for stored in log:
            self.add(sources(stored), upto=stored.seq, at=stored.created_us)

    def _ends_with(self, stored: StoredMessage | None) -> bool:
        """Whether the last message that was read is this one. No two logs have one at the same
        microsecond."""
        if stored is None or stored.seq != self.seq:
            return False
        if self.at is None:  # it was stored here, so it has a source
            return bool(self.sources.intersection(sources(stored)))
        return self.at == stored.created_us

    def add(self, sources: Sequence[str], *, upto: int, at: int | None = None) -> None:
        self.sources.update(sources)
        self.seq, self.at = upto, at


def said(store: DurableStore, session: Snapshot, after: int = 0) -> Iterator[StoredMessage]:
    """The messages of a session in order, a page at a time."""
    while after < session.messages:
        page = store.messages(session, Window(after=after, limit=PAGE, octets=PAGE_OCTETS))
        if not page:
            return
        yield from page
        after = page[-1].seq


def sources(stored: StoredMessage) -> tuple[str, ...]:
    """The rows that a stored message was made of."""
    if '"source"' not in stored.body:
        return ()
    return sources_of(orjson.loads(stored.body).get("metadata"))


# What this process has read of the sessions it writes to. Reading a long session anew for each
# message would make its every append cost as much as it is long.
_remembered: OrderedDict[tuple[str, UUID], Seen] = OrderedDict()
_lock = Lock()


def remembered(store: DurableStore, session: Snapshot) -> Seen:
    """The sources of a session as the caller's transaction sees it.

    They are remembered when that transaction has committed: what it stored itself, and what it
    therefore saw, would be wrong after a rollback.
    """
    key = (store.db.alias, session.id)
    with _lock:
        known = _remembered.get(key, Seen())
        seen = Seen(known.seq, set(known.sources), known.at)
    seen.read(store, session)
    if seen.seq < known.seq:
        _remembered.pop(key, None)  # of a log that is not there any longer
    transaction.on_commit(lambda: _remember(key, seen), using=store.db.alias)
    return seen


def _remember(key: tuple[str, UUID], seen: Seen) -> None:
    with _lock:
        if key not in _remembered or _remembered[key].seq <= seen.seq:
            _remembered[key] = seen
        _remembered.move_to_end(key)
        while len(_remembered) > SESSIONS:
            _remembered.popitem(last=False)
