"""The newest messages of a session as this process read them last: what is appended is added.

A message never changes, so of a session that grew by two messages two are read and not the hundred
that its context looks at. What is held counts for one epoch of the database, and for a row that has
not gone back: a session of an older version, or of another head at the same one, is read anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from memory_app.core.held import Held, Name, Stamp
from sessions_app.store.base import Snapshot
from sessions_app.store.reading import Reader

Line = tuple[Any, ...]
"""A message as `Reader.lines` gives it, its seq first and its body last."""
MOST_HELD = 32 * 1024 * 1024
"""Octets of the messages that a process holds."""
MOST_LINES = 500
"""Messages of one session; with more the oldest go."""
ROW = 500
"""About the octets of a line without its body."""


class _Tail(NamedTuple):
    """Messages without a gap up to the last one, newest first, and the row of that time."""

    lines: Sequence[Line]
    version: int
    head: bytes


_held = Held[_Tail](MOST_HELD)


def forget() -> None:
    """Empties this process's memory of messages: what was purged must not live on there."""
    _held.clear()


def lines(store: Reader, session: Snapshot, epoch: str, end: int, limit: int) -> Sequence[Line]:
    """The newest `limit` messages with seq < `end` of a session whose row was read in this epoch,
    newest first, as `Reader.lines` gives them."""
    behind = session.messages + 1 - end
    wanted = behind + limit
    if wanted > MOST_LINES:
        return store.lines(session.number, end, limit)
    name, stamp = Name(store.db.alias, session.number), Stamp(epoch, session.id)
    held = _standing(_held.get(name, stamp), session)
    found = _grown(store, session, held, limit)
    if len(found) < min(wanted, session.messages):
        first = found[-1][0] if found else session.messages + 1
        found = [*found, *store.lines(session.number, first, wanted - len(found))]
    if held is None or found is not held.lines:
        tail = _Tail(found[: 2 * wanted], session.version, session.head)
        _held.put(name, stamp, tail, sum([len(line[-1]) + ROW for line in tail.lines]))
    return found[behind:wanted]


def _standing(held: _Tail | None, session: Snapshot) -> _Tail | None:
    if held is None or held.version > session.version:
        return None
    return None if held.version == session.version and held.head != session.head else held


def _grown(store: Reader, session: Snapshot, held: _Tail | None, limit: int) -> Sequence[Line]:
    """What is held, with what was said since before it; nothing where that is more than is wanted,
    or does not go on from there."""
    if held is None or not held.lines:
        return []
    new = session.messages - held.lines[0][0]
    if not new:
        return held.lines
    if not 0 < new < limit:
        return []
    said = store.lines(session.number, session.messages + 1, new)
    _, _, _, _, tokens, total, _, _ = said[-1]
    return [*said, *held.lines] if total - tokens == held.lines[0][5] else []
