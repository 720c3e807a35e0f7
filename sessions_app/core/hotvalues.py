"""A value of the hot tier: one line of JSON that says of what it is, then the JSON that is kept.

Whoever else writes to the same Redis, whatever release filled it and whichever dump it was restored
from: a value counts only where this line names the database, project, session and schema that the
reader wants, and the rest is as long as it says and has its checksum.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import orjson

SCHEMA = 1
MOST_OCTETS = 1024 * 1024
"""Bytes of a value at most; a larger one is not kept."""

SHAPE, OLD, DATABASE, PROJECT, SESSION = "shape", "schema", "database", "project", "session"


class Refused(ValueError):
    """A value that is not what its reader wants; its text is one of the names above."""


class Whose(NamedTuple):
    """What a reader wants a value to be of: `database` is the digest of its identity, `session` its
    id in hex."""

    database: str
    project: int
    session: str


class Kept(NamedTuple):
    """What is kept of a session as it was at `version`, whose `head` (hex) is the digest of all
    that was said by then. `lasting` says that it stays right as long as the head stays; `body` is
    JSON."""

    whose: Whose
    version: int
    head: str
    lasting: bool
    body: bytes | memoryview


def pack(kept: Kept) -> bytes:
    """The value as it is stored."""
    first: dict[str, Any] = {
        "schema": SCHEMA,
        **kept.whose._asdict(),
        "version": kept.version,
        "head": kept.head,
        "lasting": kept.lasting,
        "octets": len(kept.body),
        "sum": zlib.crc32(kept.body),
    }
    return b"\n".join((orjson.dumps(first), kept.body))


def read(raw: bytes, wanted: Whose) -> Kept:
    """What `pack` was given. Raises Refused."""
    end = raw.find(b"\n")
    view = memoryview(raw)  # the body is not copied: it may be a megabyte
    line, body = view[: max(0, end)], view[end + 1 :]
    try:
        first = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Refused(SHAPE) from None
    if not isinstance(first, dict):
        raise Refused(SHAPE)
    if first.get("schema") != SCHEMA:
        raise Refused(OLD)
    if first.get("database") != wanted.database:
        raise Refused(DATABASE)
    if first.get("project") != wanted.project:
        raise Refused(PROJECT)
    if first.get("session") != wanted.session:
        raise Refused(SESSION)
    version, head, lasting = first.get("version"), first.get("head"), first.get("lasting")
    if type(version) is not int or not isinstance(head, str) or not isinstance(lasting, bool):
        raise Refused(SHAPE)
    if end < 0 or first.get("octets") != len(body) or first.get("sum") != zlib.crc32(body):
        raise Refused(SHAPE)
    return Kept(wanted, version, head, lasting, body)
