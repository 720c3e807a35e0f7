"""Looking through one session's log for whatever does not fit, entry by entry, in version order.

Nothing is raised: every finding is a value, and after each the inspection goes on from what the
row says, so that one wrong row is named once and not by every row behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from sessions_app.core import chain, replay
from sessions_app.core.replay import Entry, State

ERASURE = "erased"
CONTENT_KINDS = ("created", "details", "prompt", "policy")


class MessageProof(NamedTuple):
    """A message with everything its place and digest can be checked by; `damage` says why its
    body could not be read."""

    seq: int
    version: int
    turn: int
    turn_start: int
    role: str
    tokens: int
    tokens_total: int
    batch_end: bool
    created_us: int
    salt: bytes
    digest: bytes
    body: str
    damage: str = ""


class EventProof(NamedTuple):
    """An event with everything its place and digest can be checked by."""

    version: int
    kind: str
    batch_end: bool
    created_us: int
    salt: bytes
    digest: bytes
    data: str


Proof = MessageProof | EventProof


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit; `kind` is for programs, `text` for people."""

    kind: str
    text: str
    version: int | None = None
    seq: int | None = None


@dataclass(slots=True)
class Inspection:
    """Where a session stands after the entries given to `entry` so far.

    `wanted` holds heads kept elsewhere, by version; those found in the chain are taken out of it.
    """

    wanted: dict[int, str] = field(default_factory=dict)
    version: int = 0
    seq: int = 0
    turn: int = 0
    turn_start: int = 0
    tokens: int = 0
    head: bytes = chain.GENESIS
    state: State = field(default_factory=State)
    erased: bool = False
    blank: list[int] = field(default_factory=list)
    _batch: list[bytes] = field(default_factory=list)

    def entry(self, proof: Proof) -> Iterator[Finding]:
        """What does not fit of the next entry."""
        yield from self._place(proof.version)
        if isinstance(proof, MessageProof):
            yield from self._message(proof)
        else:
            yield from self._event(proof)
        self._link(proof)

    def end(self, row: Mapping[str, Any]) -> Iterator[Finding]:
        """What of the session row is not what the log leads to; after the last entry."""
        if self.version < row["version"]:
            yield self._missing("version", self.version + 1, row["version"])
        if self._batch:
            yield Finding("batch", "the last batch has no end", version=self.version)
        elif self.head != row["head"]:
            yield Finding(
                "head", "the head is not what the digests lead to", version=row["version"]
            )
        for kind, figures in (("counter", self._counters()), ("state", self._columns())):
            for name, value in figures.items():
                if row[name] != value:
                    text = f"{name} is {row[name]!r}; the log says {value!r}"
                    yield Finding(kind, text, version=row["version"])
        for version in self.blank:
            yield Finding("blank", "blank, though no erasure is on record", version=version)
        for version in sorted(self.wanted):
            yield Finding(
                "kept_head", "the head kept elsewhere is no part of this chain", version=version
            )

    def _place(self, version: int) -> Iterator[Finding]:
        if version > self.version + 1:
            yield self._missing("version", self.version + 1, version - 1)
        elif version <= self.version:
            yield Finding("version", f"version {version} comes twice", version=version)
        self.version = max(self.version, version)

    def _missing(self, name: str, first: int, last: int) -> Finding:
        numbers = f"{name} {first} is" if first == last else f"{name} {first} to {last} are"
        return Finding(name, f"{numbers} missing", **{name: first})

    def _message(self, row: MessageProof) -> Iterator[Finding]:
        place = (row.version, row.seq)
        digest = chain.message_digest(row.salt, place, row.role, row.created_us, row.body)
        if row.damage:
            yield Finding("damaged", row.damage, *place)
        elif not row.salt and not row.body:
            self.blank.append(row.version)
        elif digest != row.digest:
            yield Finding("digest", "the message is not what its digest says", *place)
        if row.seq == self.seq + 1:
            yield from self._totals(row)
        elif row.seq > self.seq + 1:
            yield self._missing("seq", self.seq + 1, row.seq - 1)
        else:
            yield Finding("seq", f"seq {row.seq} is out of order", *place)
        self.seq, self.turn, self.turn_start = row.seq, row.turn, row.turn_start
        self.tokens = row.tokens_total

    def _totals(self, row: MessageProof) -> Iterator[Finding]:
        begins = row.role == "user"
        right = {
            "turn": self.turn + begins,
            "turn_start": row.seq if begins else self.turn_start,
            "tokens_total": self.tokens + row.tokens,
        }
        for name, value in right.items():
            if getattr(row, name) != value:
                text = f"{name} is {getattr(row, name)}; the messages before say {value}"
                yield Finding("total", text, row.version, row.seq)

    def _event(self, row: EventProof) -> Iterator[Finding]:
        digest = chain.event_digest(row.salt, row.version, row.kind, row.created_us, row.data)
        if not row.salt and not row.data:
            self.blank.append(row.version)
            self.erased = self.erased or row.kind in CONTENT_KINDS
        elif digest != row.digest:
            yield Finding("digest", "the event is not what its digest says", row.version)
        if row.kind == ERASURE:
            self.blank.clear()
        if not self._fold(row) and row.data:
            yield Finding("event", f"the {row.kind} event cannot be read", row.version)

    def _fold(self, row: EventProof) -> bool:
        try:
            data = orjson.loads(row.data or "{}")
            self.state = replay.fold(self.state, Entry(row.version, row.kind, row.created_us, data))
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        return True

    def _link(self, proof: Proof) -> None:
        self._batch.append(proof.digest)
        if not proof.batch_end:
            return
        self.head, self._batch = chain.link(self.head, self._batch), []
        if self.wanted.get(proof.version) == self.head.hex():
            del self.wanted[proof.version]

    def _counters(self) -> dict[str, Any]:
        return {
            "messages": self.seq,
            "turns": self.turn,
            "turn_start": self.turn_start,
            "tokens": self.tokens,
        }

    def _columns(self) -> dict[str, Any]:
        state = self.state
        columns: dict[str, Any] = {
            "status": state.status,
            "prompt_version": state.prompt_version,
            "overlay_version": state.overlay_version,
            "folded": state.folded,
            "fold_version": state.fold_version,
            "compressions": state.compressions,
            "facts": state.facts,
        }
        if self.erased:
            return columns
        name, version = state.policy
        return columns | {
            "policy_name": name,
            "policy_version": version,
            "title": state.title,
            "tags": list(state.tags),
            "metadata": dict(state.metadata),
        }
