"""Proves that stored sessions are what was acknowledged, by reading every row; never writes.

Digests and heads show corruption, and edits by anyone who does not rewrite the rest to match.
Who can rewrite everything is found only by heads kept out of their reach: `heads` tells them,
`verify(..., heads=...)` looks for each of them in the chain.
"""

from __future__ import annotations

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from sessions_app.core.inspection import EventProof, Finding, Inspection, MessageProof, Proof
from sessions_app.store import kept
from sessions_app.store import statements as sql
from sessions_app.store.base import PAGE_OCTETS
from sessions_app.store.database import Database, Row
from sessions_app.store.packed import inspected
from sessions_app.store.reading import Reader

PAGE = 500
BEFORE_ALL = -(2**62)

_HEAD_LINE = re.compile(
    r"(?P<session>[0-9a-f-]{36}) (?P<version>[0-9]{1,18}) (?P<head>[0-9a-f]{64})"
)
_ROW = (
    "version",
    "messages",
    "turns",
    "turn_start",
    "tokens",
    "active_tokens",
    "status",
    "title",
    "policy_name",
    "policy_version",
    "prompt_version",
    "overlay_version",
    "folded",
    "fold_version",
    "compressions",
    "facts",
    "head",
    "metadata",
    "tags",
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in the store that does not fit; `kind` is for programs, `text` for people."""

    session: UUID
    kind: str
    text: str
    version: int | None = None
    seq: int | None = None

    def __str__(self) -> str:
        place = "" if self.version is None else f" version {self.version}"
        place += "" if self.seq is None else f" seq {self.seq}"
        return f"{self.session}{place}: {self.text} ({self.kind})"


class Head(NamedTuple):
    """A session's head at one version, to be kept where the store's owner cannot reach it."""

    session: UUID
    version: int
    head: str

    def __str__(self) -> str:
        return f"{self.session} {self.version} {self.head}"


class _Listed(NamedTuple):
    number: int
    id: UUID
    project: int
    version: int
    head: bytes


def heads(store: Reader, *, project: int | None = None) -> Iterator[Head]:
    """The present head of every session, deleted ones too; `str` of one is a line to keep."""
    for session in _sessions(store.db, project):
        yield Head(session.id, session.version, session.head.hex())


def read_heads(lines: Iterable[str]) -> Iterator[Head]:
    """Heads from the lines of a kept file; blank lines and `#` comments are skipped.

    Raises ValueError that names the line.
    """
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _HEAD_LINE.fullmatch(text)
        if match is None:
            raise ValueError(f"line {number} is not `<session id> <version> <head in hex>`")
        yield Head(UUID(match["session"]), int(match["version"]), match["head"])


def verify(
    store: Reader, *, project: int | None = None, heads: Iterable[Head] | None = None
) -> Iterator[Problem]:
    """Everything that does not fit in one project's sessions, or in all.

    Safe beside writers: each session is looked at up to the version it has when its turn comes.
    Memory holds a page of rows, and the `heads` given. A kept head of a session that is gone is a
    problem too: compare it with the receipts of purges.
    """
    wanted = _by_session(heads or ())
    for session in _sessions(store.db, project):
        problems = list(_session(store, session, dict(wanted.pop(session.id, {}))))
        if problems and _exists(store.db, session.number):
            yield from problems
    yield from _absent(store.db, wanted)
    yield from _requests(store.db, project)


def _by_session(kept_heads: Iterable[Head]) -> dict[UUID, dict[int, str]]:
    found: dict[UUID, dict[int, str]] = defaultdict(dict)
    for head in kept_heads:
        found[head.session][head.version] = head.head
    return found


def _sessions(db: Database, project: int | None) -> Iterator[_Listed]:
    number, only = 0, project or 0
    while rows := _rows(db, sql.VERIFY_SESSIONS, (number, only, only, PAGE)):
        for row in rows:
            session = UUID(str(row[1]))
            yield _Listed(row[0], session, row[2], row[3], bytes(row[4]))
        number = rows[-1][0]


def _session(store: Reader, session: _Listed, wanted: dict[int, str]) -> Iterator[Problem]:
    """Newest entries are read before the row: they are never ahead of it in a sound store."""
    newest = _rows(store.db, sql.VERIFY_NEWEST, (session.number, session.number))[0]
    rows = _rows(store.db, sql.VERIFY_SESSION, (session.number,))
    if not rows:
        return
    row = dict(zip(_ROW, rows[0], strict=True))
    row |= {"head": bytes(row["head"]), **_parsed(row)}
    inspection = Inspection(wanted)
    for finding in _findings(store, session.number, inspection, row):
        yield _problem(session.id, finding)
    beyond = max((version for version in newest if version is not None), default=0)
    if beyond > row["version"]:
        text = f"entries reach version {beyond}, the session only {row['version']}"
        yield Problem(session.id, "beyond", text, version=beyond)


def _parsed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata and tags as values: what is no JSON stays the text it is, and then fits nothing."""
    found = {}
    for name in ("metadata", "tags"):
        try:
            found[name] = orjson.loads(row[name])
        except ValueError:
            found[name] = row[name]
    return found


def _findings(
    store: Reader, number: int, inspection: Inspection, row: Mapping[str, Any]
) -> Iterator[Finding]:
    version = row["version"]
    streams = _messages(store.db, number, version), _events(store.db, number, version)
    for proof in heapq.merge(*streams, key=_version):
        yield from inspection.entry(proof)
    yield from inspection.end(row)
    yield from _active_tokens(store, number, inspection, row)
    yield from _tags(store.db, number, row)


def _version(proof: Proof) -> int:
    return proof.version


def _messages(db: Database, number: int, version: int) -> Iterator[Proof]:
    seq = BEFORE_ALL
    while rows := _page(db, sql.VERIFY_MESSAGES, (number, seq, version, PAGE)):
        for row, damage in inspected(db, number, rows):
            salt, digest = bytes(row[9]), bytes(row[10])
            place = (*row[:7], bool(row[7]), row[8])
            yield MessageProof._make((*place, salt, digest, row[11], damage))
        seq = rows[-1][0]
        del rows, row


def _events(db: Database, number: int, version: int) -> Iterator[Proof]:
    last = BEFORE_ALL
    while rows := _page(db, sql.VERIFY_EVENTS, (number, last, version, PAGE)):
        for row in rows:
            salt, digest = bytes(row[4]), bytes(row[5])
            yield EventProof._make((*row[:2], bool(row[2]), row[3], salt, digest, row[6]))
        last = rows[-1][0]
        del rows, row


def _active_tokens(
    store: Reader, number: int, inspection: Inspection, row: Mapping[str, Any]
) -> Iterator[Finding]:
    """Prompt, summary, and what is in view and not retracted."""
    if inspection.erased:
        return
    end = (inspection.seq, inspection.tokens)
    right = store.active_tokens(number, inspection.state, end)
    if row["active_tokens"] != right:
        text = f"active_tokens is {row['active_tokens']}; the log says {right}"
        yield Finding("counter", text, version=row["version"])


def _tags(db: Database, number: int, row: Mapping[str, Any]) -> Iterator[Finding]:
    """Rows that change with the session: they are of its version only if that still stands."""
    rows = sorted(str(tag) for (tag,) in _rows(db, sql.TAGS, (number,)))
    now = _rows(db, sql.VERIFY_SESSION, (number,))
    if rows != sorted(row["tags"]) and now and now[0][0] == row["version"]:
        text = f"the tag rows are {rows}, the session says {row['tags']}"
        yield Finding("state", text, version=row["version"])


def _absent(db: Database, wanted: Mapping[UUID, Mapping[int, str]]) -> Iterator[Problem]:
    """Kept heads of sessions that were not looked at: gone, or of another project."""
    for session, versions in wanted.items():
        if not _rows(db, sql.VERSION_OF, (session.hex,)):
            text = "the session is gone: purged with a receipt, or removed by hand"
            yield Problem(session, "gone", text, version=max(versions))


def _requests(db: Database, project: int | None) -> Iterator[Problem]:
    """Kept answers that speak of a version their session has not reached."""
    place, only = (BEFORE_ALL, ""), project or 0
    while rows := _rows(db, sql.VERIFY_REQUEST_KEYS, (place[0], *place, only, only, PAGE)):
        for row in rows:
            yield from _request(db, row)
        place = rows[-1][0], rows[-1][1]


def _request(db: Database, row: Row) -> Iterator[Problem]:
    told = kept.told(row[2])
    if told is None:
        return
    session, version = told
    found = _rows(db, sql.VERSION_OF, (session.hex,))
    if found and found[0][0] < version:
        text = f"a kept answer tells version {version}; the session is at {found[0][0]}"
        yield Problem(session, "request_key", text, version=version)


def _exists(db: Database, number: int) -> bool:
    """A session purged while it was read is no problem."""
    return bool(_rows(db, sql.VERIFY_SESSION, (number,)))


def _problem(session: UUID, finding: Finding) -> Problem:
    return Problem(session, finding.kind, finding.text, finding.version, finding.seq)


def _page(db: Database, statement: str, params: tuple[Any, ...]) -> list[Row]:
    with db.reading():
        return db.rows_within(PAGE_OCTETS, statement, params)


def _rows(db: Database, statement: str, params: tuple[Any, ...]) -> list[Row]:
    with db.reading():
        return db.rows(statement, params)
