"""Digests of entries and the chain of heads: what makes a change of the log visible.

A digest covers the salt, the place and the content of one entry. A head covers all entries up to
it: it links the head before it with the digests of one batch, that is, of what one write stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

GENESIS = bytes(32)
SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Linked:
    """What the chain needs of an entry: its version, digest, and whether it ends a batch."""

    version: int
    digest: bytes
    batch_end: bool


def message_digest(salt: bytes, place: tuple[int, int], role: str, at: int, body: str) -> bytes:
    """sha256 over a message; `place` is (version, seq), `at` microseconds, `body` its JSON text."""
    version, seq = place
    return sha256(salt + f"{version}\n{seq}\n{role}\n{at}\n{body}".encode()).digest()


def event_digest(salt: bytes, version: int, kind: str, at: int, data: str) -> bytes:
    """sha256 over an event; `at` in microseconds, `data` its JSON text."""
    return sha256(salt + f"{version}\n\n{kind}\n{at}\n{data}".encode()).digest()


def link(head: bytes, digests: Iterable[bytes]) -> bytes:
    """The head after a batch with these digests."""
    return sha256(head + sha256(b"".join(digests)).digest()).digest()


def heads(entries: Iterable[Linked], start: bytes = GENESIS) -> Iterable[tuple[int, bytes]]:
    """(version, head) at the end of each batch of `entries`, which come in version order."""
    head, batch = start, []
    for entry in entries:
        batch.append(entry.digest)
        if entry.batch_end:
            head, batch = link(head, batch), []
            yield entry.version, head


def head_at(entries: Iterable[Linked]) -> bytes:
    """The head after all of `entries`, the last of them taken as the end of its batch."""
    head, batch = GENESIS, []
    for entry in entries:
        batch.append(entry.digest)
        if entry.batch_end:
            head, batch = link(head, batch), []
    return link(head, batch) if batch else head
