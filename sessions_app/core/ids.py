"""Identifiers: UUIDv7 for rows, `msg_<session>_<seq>` for messages."""

from __future__ import annotations

import re
from uuid import UUID

from sessions_app.core.errors import InvalidField

RANDOM_BYTES = 8

_MESSAGE_ID = re.compile(r"msg_([0-9a-f]{32})_([1-9][0-9]{0,17})")


def uuid7(now_us: int, random: bytes) -> UUID:
    """A UUIDv7 (RFC 9562) of microseconds since 1970 and 8 random bytes, of which 62 bits count.

    The microseconds within the millisecond fill the 12 bits after it, so ids of different
    microseconds sort by time. Raises ValueError for a time before 1970 or fewer bytes.
    """
    if now_us < 0 or len(random) < RANDOM_BYTES:
        raise ValueError("uuid7 needs a time since 1970 and 8 random bytes")
    milliseconds, microseconds = divmod(now_us, 1000)
    high = (milliseconds & (2**48 - 1)) << 16 | 7 << 12 | microseconds * 4096 // 1000
    low = 0b10 << 62 | int.from_bytes(random[:RANDOM_BYTES]) & (2**62 - 1)
    return UUID(int=high << 64 | low)


def message_id(session_hex: str, seq: int) -> str:
    """The public id of message `seq` of the session with these 32 hex digits."""
    return f"msg_{session_hex}_{seq}"


def read_message_id(text: str) -> tuple[str, int]:
    """The session's 32 hex digits and the seq of a message id. Raises InvalidField."""
    match = _MESSAGE_ID.fullmatch(text)
    if match is None:
        raise InvalidField("This is not a message id. They look like msg_<session>_<seq>.")
    return match[1], int(match[2])
