"""Do the site's tables and the log hold the same? Conversation by conversation, row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db.models import Model

from holdfast import projects
from holdfast.adoption.seen import said, sources
from holdfast.adoption.tables import PAGE, Rows, Said, Tables, Unfit
from sessions_app.core import messages
from sessions_app.core.entries import StoredMessage
from sessions_app.core.messages import Message
from sessions_app.store import get_store
from sessions_app.store.base import NewSession, Snapshot


@dataclass(slots=True)
class Difference:
    """What differs in one conversation; rows and messages by name, `session` in words.

    `missing` rows are not stored, `extra` messages have no row, `altered` rows say another thing
    than what is stored, `misplaced` ones stand behind a later one, `refused` cannot become a
    message.
    """

    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    session: list[str] = field(default_factory=list)


KINDS = tuple(Difference.__dataclass_fields__)


@dataclass(slots=True)
class Compared:
    """One conversation: its rows that should be messages, the messages stored, what differs."""

    conversation: str
    rows: int = 0
    messages: int = 0
    difference: Difference = field(default_factory=Difference)

    def differs(self) -> bool:
        return any(getattr(self.difference, kind) for kind in KINDS)


@dataclass(slots=True)
class _Kept:
    """What is stored of a row: where its first message stands, the digest of all, their time."""

    seq: int
    digest: Any
    at: int


def compare(adoption: Rows, alias: str) -> Iterator[Compared]:
    """Every conversation, then every session whose conversation is gone; stores nothing."""
    comparison = _Comparison(adoption, alias)
    for conversation in comparison.tables.conversations():
        yield comparison.conversation(conversation)
    yield from comparison.orphans()


class _Comparison:
    def __init__(self, adoption: Rows, alias: str) -> None:
        self.tables = Tables(adoption)
        self._store = get_store(alias)
        self._project = projects.ensure_project(adoption.project, alias).pk

    def conversation(self, conversation: Model) -> Compared:
        done = Compared(self.tables.name(conversation))
        try:
            session = self._session(self.tables.session(conversation), done.difference)
        except Unfit as error:
            session = None
            done.difference.session.append(str(error))
        kept, done.messages = self._kept(session, done.difference)
        last = 0
        for row in self._rows(conversation):
            last = max(last, self._row(row, kept, last, done))
        # What no row has asked for is left.
        done.difference.extra += kept
        return done

    def orphans(self) -> Iterator[Compared]:
        """Sessions made from a conversation that is not there now."""
        names: dict[str, Snapshot] = {}
        for session in self._store.sessions(self._project):
            name = orjson.loads(session.metadata).get("source")
            if self.tables.names_conversation(name):
                names[name] = session
            if len(names) == PAGE:
                yield from self._gone(names)
                names = {}
        yield from self._gone(names)

    def _gone(self, names: dict[str, Snapshot]) -> Iterator[Compared]:
        for name in self.tables.gone(list(names)):
            reason = Difference(session=["its conversation is gone"])
            yield Compared(name, 0, names[name].messages, reason)

    def _session(self, new: NewSession, difference: Difference) -> Snapshot | None:
        found = self._store.find(self._project, new.key or "")
        if found is None or found.status == "deleted":
            difference.session.append("there is no session" if found is None else "it is deleted")
            return None
        if found.user != new.user:
            difference.session.append("another user")
        if new.title not in ("", found.title):
            difference.session.append("another title")
        return found

    def _kept(
        self, session: Snapshot | None, difference: Difference
    ) -> tuple[dict[str, _Kept], int]:
        """What is stored of each row. A message that names no row is extra, unless a person has
        taken it out of view."""
        kept: dict[str, _Kept] = {}
        if session is None:
            return kept, 0
        hidden = self._store.overlay(session).retracted
        for stored in said(self._store, session):
            names = sources(stored)
            if names:
                _add(kept, names[0], stored)
            elif not any(first <= stored.seq <= last for first, last in hidden):
                difference.extra.append(f"message {stored.seq}")
        return kept, session.messages

    def _rows(self, conversation: Model) -> Iterator[Model]:
        keys = self.tables.rows(conversation)
        for at in range(0, len(keys), PAGE):
            yield from self.tables.picked(keys[at : at + PAGE])

    def _row(self, row: Model, kept: dict[str, _Kept], last: int, done: Compared) -> int:
        """Compares a row with what is stored of it; returns where that stands, 0 for nowhere."""
        source, difference = self.tables.source(row.pk), done.difference
        try:
            one = self.tables.said(row)
        except Unfit as error:
            difference.refused.append(f"{source} ({error})")
            return 0
        if not one.found:
            return 0
        done.rows += 1
        stored = kept.pop(source, None)
        if stored is None:
            difference.missing.append(source)
            return 0
        if _differs(one, stored):
            difference.altered.append(source)
        if stored.seq < last:
            difference.misplaced.append(source)
        return stored.seq


def _add(kept: dict[str, _Kept], source: str, stored: StoredMessage) -> None:
    found = kept.setdefault(source, _Kept(stored.seq, hashlib.sha256(), stored.created_us))
    found.digest.update(f"{stored.role}\0{stored.body}\0".encode())


def _differs(one: Said, stored: _Kept) -> bool:
    at = one.found[0].created_at
    return _digest(one.found) != stored.digest.digest() or at not in (None, stored.at)


def _digest(found: Iterable[Message]) -> bytes:
    texts = (f"{message.role}\0{messages.encode(message)}\0" for message in found)
    return hashlib.sha256("".join(texts).encode()).digest()
