"""A large body as it is stored: a zstd frame, and beside it a mark with the text's beginning.

Nothing but the store sees this form. Everybody else has the whole text: what digests, exports,
searches and contexts are made of is the same for a packed body and a plain one.

A plain body is the text of a JSON object. The `body` of a packed one is a mark, the bytes of its
text in eight digits, and the beginning of the text that lists read: `~00065536{"content":"...`.
So a reader of small messages asks for no other column than before, and sees by the text itself
that a frame is to be fetched.
"""

from __future__ import annotations

import re
import threading
from typing import NamedTuple

import zstandard

LEAST = 4 * 1024
"""Bytes of text from which on a body is packed. See docs/design.md for the measurement."""
MOST = 64 * 1024 * 1024
"""Bytes of text up to which a body is packed, so no stored size makes a reader take more."""
LEVEL = 3
MARK = "~"
"""Above all that a stored text begins with, which is a brace or, if imported, a blank."""
HEAD = 9
"""Characters of the mark and the number after it; SQL counts on both, see `statements.within`."""
WORDS, ACT = 1_200, 4_000
"""Characters that lists read of what a user said, and of what an assistant did."""
BEGINNINGS = {"user": WORDS, "assistant": ACT}
_HEAD = re.compile(r"~([0-9]{8})")
_WIDEST = 4  # bytes of a character in UTF-8

_of_thread = threading.local()  # neither of zstd's objects may be used by two threads at once


class Damaged(ValueError):
    """What is stored is not the text that was packed; says in what way."""


class Stored(NamedTuple):
    """The last columns of a message: a plain body alone, or a marked one and its zstd frame."""

    body: str
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
    if HEAD + len(packed) + len(beginning.encode()) >= len(raw):
        return Stored(text)
    return Stored(f"{MARK}{len(raw):08d}{beginning}", packed)


def octets_of(body: str) -> int:
    """How many bytes a text has in UTF-8; of a marked body the text behind it."""
    if body.startswith(MARK) and (head := _HEAD.match(body)):
        return int(head[1])
    return len(body) if body.isascii() else len(body.encode())


def beginning(body: str, most: int) -> str:
    """The first `most` characters of the text, as far as a body has them, cut off or not."""
    return (body[HEAD:] if body >= MARK else body)[:most]


def whole(body: str, packed: bytes | memoryview | None) -> str:
    """The text behind these columns. Raises Damaged."""
    if body < MARK:
        return body
    head = _HEAD.match(body)
    if head is None:
        raise Damaged("the mark of the packed body has no size")
    if packed is None:
        raise Damaged("the packed body is missing")
    text = _unpacked(bytes(packed), int(head[1]))
    if not text.startswith(body[HEAD:]):
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
