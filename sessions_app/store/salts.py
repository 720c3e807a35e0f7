"""Salts of entries: what keeps anybody from guessing a text that was erased by its digest."""

from __future__ import annotations

import ssl

from sessions_app.core.chain import SALT_BYTES


def salts(count: int) -> list[bytes]:
    """So many, of the generator that keys are made with. Unlike `os.urandom` it asks the system
    for nothing, so a thread need not give way to all others in the midst of an append."""
    drawn = ssl.RAND_bytes(count * SALT_BYTES)
    return [drawn[at : at + SALT_BYTES] for at in range(0, len(drawn), SALT_BYTES)]
