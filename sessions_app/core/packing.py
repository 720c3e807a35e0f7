"""A large body as it is stored: zstd bytes, and the beginning of the text that lists read.

Nothing but the store sees this form. Everybody else has the whole text: what digests, exports,
searches and contexts are made of is the same for a packed body and a plain one.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import zstandard

LEAST = 4 * 1024
"""Bytes of text from which on a body is packed. See docs/design.md for the measurement."""
MOST = 64 * 1024 * 1024
"""Bytes of text up to which a body is packed, so no stored size makes a reader take more."""
LEVEL = 3
WORDS, ACT = 1_200, 4_000
"""Characters that lists read of what a user said, and of what an assistant did."""
BEGINNINGS = {"user": WORDS, "assistant": ACT}
_WIDEST = 4  # bytes of a character in UTF-8

_of_thread = threading.local()  # neither of zstd's objects may be used by two threads at once


class Damaged(ValueError):
    """What is stored is not the text that was packed; says in what way."""


class Stored(NamedTuple):
    """The last columns of a message: a plain body alone, or the beginning of a packed one, how
    many bytes its text has in UTF-8, and its zstd frame."""

    body: str
    octets: int | None = None
    packed: bytes | None = None


def stored(role: str, text: str) -> Stored:
    """How this body is stored: packed if it is large and that makes it smaller."""
    if len(text) * _WIDEST < LEAST:
        return Stored(text)
    raw = text.encode()
    if not LEAST <= len(raw) <= MOST:
        return Stored(text)
    beginning = text[: BEGINNINGS.get(role, 0)]
    packed = _compressor().compress(raw)
    if len(packed) + len(beginning.encode()) >= len(raw):
        return Stored(text)
    return Stored(beginning, len(raw), packed)


def whole(body: str, octets: int | None, packed: bytes | memoryview | None) -> str:
    """The text behind these columns. Raises Damaged."""
    if octets is None:
        if packed is not None:
            raise Damaged("the size of the packed body is missing")
        return body
    if packed is None:
        raise Damaged("the packed body is missing")
    text = _unpacked(bytes(packed), octets)
    if not text.startswith(body):
        raise Damaged("the packed body does not begin as the list says")
    return text


def _unpacked(packed: bytes, octets: int) -> str:
    """Takes no more memory than the stored size allows, whatever the frame says."""
    if not 0 < octets <= MOST:
        raise Damaged(f"the packed body is said to have {octets} bytes")
    try:
        size = zstandard.frame_content_size(packed)
        if size != octets:
            raise Damaged(f"the packed body has {size} bytes, not {octets}")
        return _decompressor().decompress(packed, allow_extra_data=False).decode()
    except (zstandard.ZstdError, UnicodeDecodeError) as error:
        raise Damaged(f"the packed body cannot be read: {error}") from error


def _compressor() -> zstandard.ZstdCompressor:
    found: zstandard.ZstdCompressor | None = getattr(_of_thread, "compressor", None)
    if found is None:
        found = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        _of_thread.compressor = found
    return found


def _decompressor() -> zstandard.ZstdDecompressor:
    found: zstandard.ZstdDecompressor | None = getattr(_of_thread, "decompressor", None)
    if found is None:
        found = _of_thread.decompressor = zstandard.ZstdDecompressor()
    return found
