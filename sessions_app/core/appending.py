"""What one write adds to a session, worked out without a database.

`Entry` rows get their seq, version and running totals from where the session stands; the store
decides that place by a conditional UPDATE and only then asks for the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sessions_app.core import chain

FAR_PAST_ITS_USE = 20
"""Windows' worth of tokens after which a session had better be followed by a new one."""


class Prepared(NamedTuple):
    """A message ready to be stored: checked, encoded and counted. `at` in microseconds, or now."""

    role: str
    form: int
    body: str
    tokens: int
    estimated: bool
    at: int | None = None


class Place(NamedTuple):
    """Where a session stood before a write."""

    version: int
    seq: int
    turn: int
    turn_start: int
    tokens: int


class MessageRow(NamedTuple):
    """A message with its place; the fields of the `holdfast_message` table in their order, with
    the whole text as its last."""

    seq: int
    version: int
    turn: int
    turn_start: int
    role: str
    form: int
    tokens: int
    tokens_total: int
    tokens_estimated: bool
    batch_end: bool
    created_us: int
    salt: bytes
    digest: bytes
    body: str


def level(used: int, capacity: int) -> float:
    """How full a session of so many active tokens is, as notices say it."""
    return round(used / capacity, 4)


def nearly_full(level: float) -> dict[str, Any]:
    """The notice of a session that is as full as that."""
    return {"code": "context_nearly_full", "level": level}


def size_notices(level: float, tokens: int, capacity: int) -> tuple[dict[str, Any], ...]:
    """What an append is told that finds a session over its mark, which had `tokens` before."""
    if tokens < FAR_PAST_ITS_USE * capacity:
        return (nearly_full(level),)
    return nearly_full(level), {"code": "reset_advised", "tokens": tokens}


def last_moment(batch: Sequence[Prepared], now: int) -> int:
    """The time of the newest message, never later than `now`."""
    return min(max(now if item.at is None else item.at for item in batch), now)


def place_rows(
    before: Place, batch: Sequence[Prepared], *, now: int, salts: Sequence[bytes]
) -> list[MessageRow]:
    """The rows of `batch` right after `before`; the last one ends the batch."""
    rows = []
    turn, turn_start, total = before.turn, before.turn_start, before.tokens
    for offset, item in enumerate(batch, 1):
        version, seq = before.version + offset, before.seq + offset
        if item.role == "user":
            turn, turn_start = turn + 1, seq
        total += item.tokens
        at = now if item.at is None else item.at
        salt = salts[offset - 1]
        digest = chain.message_digest(salt, (version, seq), item.role, at, item.body)
        rows.append(
            MessageRow(
                seq,
                version,
                turn,
                turn_start,
                item.role,
                item.form,
                item.tokens,
                total,
                item.estimated,
                offset == len(batch),
                at,
                salt,
                digest,
                item.body,
            )
        )
    return rows
