"""The newest messages of a session as contexts read them, held in this process for the next one.

The log is never rewritten, so after an append only what is new need be read. It is read with the
message that was the newest before, whose digest has a salt like no other: where another one stands
there, as after a restore, nothing that is held is believed. An erasure renews the epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memory_app.core.lines import BODY, SEQ, Line
from memory_app.core.steps import Item
from sessions_app.core.held import Held, Name, Stamp
from sessions_app.store.base import InEpoch, Snapshot
from sessions_app.store.reading import Reader

MOST_OCTETS = 32 * 1024 * 1024
ITS_OCTETS = MOST_OCTETS // 8
"""Within which the messages of one session are held."""
MOST_NEW, MOST_TOOLS = 200, 100
ROW = 1_000
"""About the octets of a message beside its body."""


class Recent(NamedTuple):
    """The newest messages, newest first and without a gap, of a session that had this head; the
    digest of the first of them, what cutting made of some, by seq, between which messages a tool
    answered, and about the octets of all that."""

    head: bytes
    digest: bytes
    lines: list[Line]
    items: dict[int, Item]
    tools: dict[tuple[int, int], bool]
    octets: int


_held = Held[Recent](MOST_OCTETS)


def forget() -> None:
    """Holds nothing any longer."""
    _held.clear()


class Tail:
    """The newest messages for one context. Of a session that was not `known` in its epoch all is
    read anew, and nothing is held."""

    def __init__(self, store: Reader, session: Snapshot, known: InEpoch | None) -> None:
        self._store = store
        self._session = session
        self._known = known
        self._digest = b""
        self._changed = False
        self._used = 0
        self._octets = 0
        self._lines: list[Line] = []
        self.items: dict[int, Item] = {}
        """By seq, what cutting made of messages of this session; all who read it add to it."""
        self._tools: dict[tuple[int, int], bool] = {}
        if known is not None:
            self._take(_held.get(*_named(store, known)))

    def back(self, end: int, limit: int) -> list[Line]:
        """The newest `limit` messages with seq < `end`, newest first."""
        if self._known is None:
            return self._store.lines(self._session.number, end, limit)
        if not self._lines:
            # What is held begins with the very newest message, or it would not be followed.
            if end <= self._session.messages:
                return self._store.lines(self._session.number, end, limit)
            return self._begun(end, limit)
        skip = self._lines[0][SEQ] + 1 - end
        if not 0 <= skip <= len(self._lines):
            return self._store.lines(self._session.number, end, limit)
        self._used = max(self._used, skip + limit)
        inside = self._lines[skip : skip + limit]
        missing, oldest = limit - len(inside), self._lines[-1][SEQ]
        if not missing or oldest == 1:
            return inside
        older = self._store.lines(self._session.number, oldest, missing)
        self._lines = self._lines + older
        self._come(older)
        return inside + older

    def tool_between(self, after: int, before: int) -> bool:
        """Whether a tool answered in one of the messages with after < seq < before."""
        found = self._tools.get((after, before))
        if found is None:
            found = self._store.tool_between(self._session.number, after, before)
            if len(self._tools) >= MOST_TOOLS:
                self._tools.clear()
            self._tools[after, before] = found
        return found

    def keep(self) -> None:
        """Holds what was read, for the next context; not much more than this one used."""
        if self._known is None or not self._changed or not self._digest:
            return
        lines, items, octets = self._lines, self.items, self._octets
        if octets > ITS_OCTETS or len(lines) > 2 * self._used + MOST_NEW:
            lines = _within(lines[: self._used], ITS_OCTETS)
            items = {line[SEQ]: items[line[SEQ]] for line in lines if line[SEQ] in items}
            octets = _octets(lines)
        if lines:
            recent = Recent(self._session.head, self._digest, lines, items, self._tools, octets)
            _held.put(*_named(self._store, self._known), recent, octets)

    def _come(self, lines: Sequence[Line]) -> None:
        self._changed = True
        self._octets += _octets(lines)

    def _take(self, held: Recent | None) -> None:
        """What is held, with what came since; nothing where that does not follow it."""
        if held is None:
            return
        self._digest, lines = held.digest, held.lines
        if held.head != self._session.head:
            new = self._since(lines[0][SEQ])
            if new is None:
                return
            lines = new + lines
            self._come(new)
        self._lines = lines
        self._octets += held.octets
        self.items, self._tools = held.items, held.tools

    def _since(self, last: int) -> list[Line] | None:
        """What came after the message that was the newest; None where another one stands there, or
        too much came."""
        new = self._session.messages - last
        if not 0 <= new <= MOST_NEW:
            return None
        found = self._with_digest(last, self._session.messages + 1, new + 1)
        if len(found) != new + 1 or found[-1][1] != self._digest:
            return None
        self._digest = found[0][1]
        return [line for line, _ in found[:-1]]

    def _begun(self, end: int, limit: int) -> list[Line]:
        self._used = limit
        found = self._with_digest(1, end, limit)
        self._lines = [line for line, _ in found]
        if found:
            self._digest = found[0][1]
            self._come(self._lines)
        return self._lines

    def _with_digest(self, first: int, end: int, limit: int) -> list[tuple[Line, bytes]]:
        rows = self._store.lines_with_digest(self._session.number, first, end, limit)
        return [((*row[:BODY], row[-1]), bytes(row[BODY])) for row in rows]


def _octets(lines: Sequence[Line]) -> int:
    return sum([len(line[BODY]) for line in lines]) + ROW * len(lines)


def _within(lines: list[Line], most: int) -> list[Line]:
    """The newest of these that take no more octets than that."""
    room = most
    for number, line in enumerate(lines):
        room -= len(line[BODY]) + ROW
        if room < 0:
            return lines[:number]
    return lines


def _named(store: Reader, known: InEpoch) -> tuple[Name, Stamp]:
    session = known.session
    return Name(store.db.alias, session.id), Stamp(known.epoch, session.number)
