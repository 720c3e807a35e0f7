"""Literal search in what was said. No pattern of the caller's is ever run as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sessions_app.core import messages
from sessions_app.core.entries import StoredMessage
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore

_BATCH = 500


def forward(
    store: DurableStore, session: Snapshot, text: str, *, after: int, end: int, limit: int
) -> list[StoredMessage]:
    """Up to `limit` messages with after < seq < end whose words hold `text`, upwards."""

    def batch(last: StoredMessage | None) -> Sequence[StoredMessage]:
        start = last.seq if last else after
        return store.containing(session, text, after=start, before=end, limit=_BATCH)

    return _saying(text, limit, batch)


def backward(
    store: DurableStore, session: Snapshot, text: str, *, before: int, limit: int
) -> list[StoredMessage]:
    """Up to `limit` messages with seq < before whose words hold `text`, downwards."""

    def batch(last: StoredMessage | None) -> Sequence[StoredMessage]:
        end = last.seq if last else before
        return store.containing(session, text, before=end, limit=_BATCH, newest_first=True)

    return _saying(text, limit, batch)


def _saying(
    text: str, limit: int, batch: Callable[[StoredMessage | None], Sequence[StoredMessage]]
) -> list[StoredMessage]:
    """The database finds `text` in the stored JSON, whose field names are no one's words."""
    found: list[StoredMessage] = []
    wanted = text.lower()
    rows = batch(None)
    while rows and len(found) < limit:
        found += [row for row in rows if wanted in messages.text_of(row.message()).lower()]
        rows = batch(rows[-1]) if len(rows) == _BATCH else ()
    return found[:limit]
