"""A session's log as it travels from one database to another: every entry with its proof.

What can be worked out again (turns, running totals) does not travel. A `Ledger` takes the entries
in version order, checks each against its digest, and knows where the session stands after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from sessions_app.core import chain
from sessions_app.core.appending import MessageRow
from sessions_app.core.replay import FACT_KINDS, FOLD_KINDS, OVERLAY_KINDS, PROMPT_KINDS


@dataclass(frozen=True, slots=True)
class LogMessage:
    """A message with its proof; after an erasure `salt` and `body` are empty. `at` in
    microseconds."""

    seq: int
    version: int
    role: str
    form: int
    tokens: int
    estimated: bool
    batch_end: bool
    at: int
    salt: bytes
    digest: bytes
    body: str


@dataclass(frozen=True, slots=True)
class LogEvent:
    """An event with its proof; after an erasure `salt` and `data` are empty."""

    version: int
    kind: str
    batch_end: bool
    at: int
    salt: bytes
    digest: bytes
    data: str


LogEntry = LogMessage | LogEvent


class EventRow(NamedTuple):
    """An event; the fields of the `holdfast_event` table in their order."""

    version: int
    kind: str
    batch_end: bool
    created_us: int
    salt: bytes
    digest: bytes
    data: str


class Forged(ValueError):
    """An entry is not what its digest, its number or the head says it is."""


@dataclass(slots=True)
class Ledger:
    """Where a session stands after the entries added so far. `head` covers whole batches; `told`
    holds the newest title, metadata, tags and policy that events speak of."""

    version: int = 0
    messages: int = 0
    turns: int = 0
    turn_start: int = 0
    tokens: int = 0
    prompt_version: int = 0
    overlay_version: int = 0
    folded: int = 0
    fold_version: int = 0
    compressions: int = 0
    facts: int = 0
    erased: int = 0
    head: bytes = chain.GENESIS
    told: dict[str, Any] = field(default_factory=dict)
    _open: list[bytes] = field(default_factory=list)

    def add(self, entry: LogEntry) -> MessageRow | EventRow:
        """The row to store for the next entry. Raises Forged."""
        if entry.version != self.version + 1:
            raise Forged(f"version {entry.version} does not follow version {self.version}")
        row = self._message(entry) if isinstance(entry, LogMessage) else self._event(entry)
        self.version = entry.version
        self._open.append(entry.digest)
        if entry.batch_end:
            self.head = chain.link(self.head, self._open)
            self._open.clear()
        return row

    def at_batch_end(self) -> bool:
        """Whether `head` covers everything added."""
        return not self._open

    def check_end(self, row: Mapping[str, Any]) -> None:
        """Raises Forged unless the session row fits the log that was added."""
        stands = {
            "version": self.version,
            "messages": self.messages,
            "head": self.head,
            **self.told,
        }
        for name, value in stands.items():
            if row[name] != value:
                raise Forged(f"the {name} of the session is not the one its log leads to")
        if not self.at_batch_end():
            raise Forged("the last batch is not complete")

    def _message(self, entry: LogMessage) -> MessageRow:
        if entry.seq != self.messages + 1:
            raise Forged(f"message {entry.seq} does not follow message {self.messages}")
        place = (entry.version, entry.seq)
        digest = chain.message_digest(entry.salt, place, entry.role, entry.at, entry.body)
        self._check(right=entry.digest == digest, blank=not entry.salt and not entry.body)
        self.messages = entry.seq
        self.tokens += entry.tokens
        if entry.role == "user":
            self.turns, self.turn_start = self.turns + 1, entry.seq
        return MessageRow(
            seq=entry.seq,
            version=entry.version,
            turn=self.turns,
            turn_start=self.turn_start,
            role=entry.role,
            form=entry.form,
            tokens=entry.tokens,
            tokens_total=self.tokens,
            tokens_estimated=entry.estimated,
            batch_end=entry.batch_end,
            created_us=entry.at,
            salt=entry.salt,
            digest=entry.digest,
            body=entry.body,
        )

    def _event(self, entry: LogEvent) -> EventRow:
        if entry.version == 1 and entry.kind != "created":
            raise Forged("the log does not begin with `created`")
        digest = chain.event_digest(entry.salt, entry.version, entry.kind, entry.at, entry.data)
        self._check(right=entry.digest == digest, blank=not entry.salt and not entry.data)
        if entry.kind in PROMPT_KINDS:
            self.prompt_version = entry.version
        if entry.kind in OVERLAY_KINDS:
            self.overlay_version = entry.version
        if entry.kind in FOLD_KINDS and entry.data:
            data = orjson.loads(entry.data)
            self.fold_version, self.folded, self.facts = entry.version, data["to"], data["facts"]
            self.compressions += 1
        if entry.kind in FACT_KINDS and entry.data:
            self.facts = orjson.loads(entry.data)["facts"]
        self._hear(entry)
        return EventRow(
            entry.version,
            entry.kind,
            entry.batch_end,
            entry.at,
            entry.salt,
            entry.digest,
            entry.data,
        )

    def _hear(self, entry: LogEvent) -> None:
        names: tuple[str, ...] = ()
        if entry.kind in ("created", "details"):
            names += ("title", "metadata", "tags")
        if entry.kind in ("created", "policy"):
            names += ("policy", "policy_version")
        if not names:
            return
        if not entry.data:
            self.told.clear()
            return
        data = orjson.loads(entry.data)
        self.told |= {name: data[name] for name in names if name in data}

    def _check(self, *, right: bool, blank: bool) -> None:
        if blank:
            self.erased += 1
        elif not right:
            raise Forged("the content does not match its digest")
