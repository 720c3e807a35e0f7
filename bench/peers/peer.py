"""What is measured of each library, and how durable its commits are."""

from __future__ import annotations

from dataclasses import dataclass

from bench.ground import POSTGRES, SQLITE
from bench.measuring import Block

ASKED = {SQLITE: "PRAGMA synchronous", POSTGRES: "SHOW synchronous_commit"}
"""What a library's own connection is asked."""
LEVELS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}


@dataclass(frozen=True)
class Conversations:
    """The work: so many conversations of `size` messages each; `last` of one are read."""

    number: int
    size: int
    last: int


@dataclass(frozen=True)
class Peer:
    """A library's session: appends of one message, reads of the last, by turns over the
    conversations; `durability` is what its own connection says."""

    name: str
    durability: str
    append: Block
    last: Block


def durability(database: str, said: object) -> str:
    """The answer to what is ASKED, in words. In WAL mode a SQLite below FULL may lose what was
    acknowledged when the power fails; the bench's PostgreSQL has fsync on."""
    if database == POSTGRES:
        return f"{'not durable' if said == 'off' else 'durable'} (synchronous_commit={said})"
    level = int(str(said))
    return f"{'durable' if level >= 2 else 'not durable'} (synchronous={LEVELS[level]})"
