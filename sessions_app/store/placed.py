"""Appends that have their place in the log and are not stored yet.

Those that one transaction stores are placed one behind the other, in memory; then one UPDATE moves
each session on, and their messages are stored together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sessions_app.core.appending import Place

Row = tuple[Any, ...]
Key = tuple[str, int]
"""The id of a session in hex, and its project."""


class Standing(NamedTuple):
    """What an append needs of a session row; the columns of STANDING in their order."""

    number: int
    status: str
    version: int
    messages: int
    turns: int
    turn_start: int
    tokens: int
    active_tokens: int
    capacity: int
    window: int
    last_activity_us: int
    head: bytes
    index_due_us: int | None
    due_us: int | None
    due_tokens: int
    notice_tokens: int
    resume_us: int
    overlay_version: int
    lease_token: int
    lease_until_us: int
    lease_holder: str

    @property
    def place(self) -> Place:
        return Place(self.version, self.messages, self.turns, self.turn_start, self.tokens)


class _Move(NamedTuple):
    """Where a session stood that was read or placed last, and where it stands now: the first
    parameters of ADVANCE. `since` is its version as stored."""

    before: Standing
    now: Row
    since: int


class Placed:
    """What one transaction is to store."""

    __slots__ = ("_moves", "_rows")

    def __init__(self) -> None:
        self._moves: dict[Key, _Move] = {}
        self._rows: list[Row] = []

    def standing(self, key: Key) -> Standing | None:
        """Where a session stands by what was placed; None if that is nothing."""
        move = self._moves.get(key)
        if move is None:
            return None
        (number, status), (capacity, window) = move.before[:2], move.before[8:10]
        tokens, last = move.now[:6], move.now[6:]
        return Standing._make((number, status, *tokens, capacity, window, *last, *move.before[12:]))

    def add(self, key: Key, before: Standing, now: Row, rows: list[Row]) -> None:
        """Messages behind `before`, and where the session stands with them."""
        move = self._moves.get(key)
        since = before.version if move is None else move.since
        self._moves[key] = _Move(before, now, since)
        self._rows += rows

    def take(self) -> tuple[list[Row], list[Row]]:
        """The parameters of ADVANCE and the rows of messages, which are the caller's to store."""
        moves = [(*move.now, move.before.number, move.since) for move in self._moves.values()]
        rows, self._rows = self._rows, []
        self._moves.clear()
        return moves, rows
