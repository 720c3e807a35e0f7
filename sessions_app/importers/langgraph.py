"""Threads of LangGraph: the SQLite file of its SqliteSaver, which keeps the state at every step.

A checkpoint holds the whole list of messages as it stood. Reading the checkpoints from a thread's
first one to a leaf tells what was said on that branch: a message that is new in a list was said
there; one that is gone from it was removed or summarised, so it stays in the log behind an
`imported_boundary` event; one that changed under its id is the new one on this branch, and the
older version is kept in an `imported_records` event. A leaf that says something else is a fork.
Lists that are kept as changes only (DeltaChannel) are put together from the `writes` table.

The branch of the newest message is the session `langgraph:<thread id>`, with the namespace of a
subgraph, and a mark of the first message's id behind it: thread ids like `1` are in every file. A
leading system message is the session's system text; what replaces it later is a message. A
message's source is its id with a mark of all that was said before it.

Nothing is unpickled: `langchain.py` reads what a value was made of as plain data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sessions_app.core import instants
from sessions_app.importers import base, databases, langchain, tips, values
from sessions_app.importers.base import (
    Conversation,
    Fork,
    Item,
    Kept,
    Noted,
    Progress,
    Record,
    Said,
    Trouble,
    Unreadable,
    Warned,
)
from sessions_app.importers.databases import Cell, Database, select, text_of, word_of
from sessions_app.importers.msgpack import Extension

name = "langgraph"
suffixes = databases.SUFFIXES

TABLE = "checkpoints"
COLUMNS = ("thread_id", "checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "checkpoint")
WRITES = ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx", "channel", "value")
CHANNELS = ("messages", "__root__")
REMOVE_ALL = "__remove_all__"
PICKLED = b"\x80"
SHARED = 50
SHOWN_REMOVED = 100
TEXTS_FOR_TITLE = 20
PROGRESS_EVERY = 20


def find() -> list[Path]:
    """There is no usual place for such files."""
    return []


def holds(found: Any) -> bool:
    """Whether a database has checkpoints."""
    return isinstance(found, Database) and found.has(TABLE, *COLUMNS)


def read(path: Path) -> Iterator[Item]:
    """The sessions of one file. Raises Unreadable for a file that cannot be used at all."""
    with databases.opened(path) as database:
        database.need(TABLE, *COLUMNS)
        database.index(TABLE, "thread_id", "checkpoint_ns")
        database.index("writes", "thread_id", "checkpoint_ns", "checkpoint_id")
        listed = select("min(rowid)", TABLE, "GROUP BY thread_id, checkpoint_ns ORDER BY 1")
        found = database.row(select("count(*)", TABLE))
        steps = _Steps(found[0] if found else 0)
        told = False
        for (first,) in database.rows(listed):
            for item in _Thread(database, first, steps).items():
                told = told or isinstance(item, Conversation)
                yield item
        if not told:
            yield Warned(0, "holds no messages in any thread")


@dataclass(slots=True)
class _Steps:
    """How many checkpoints were read; each is read about twice."""

    total: int
    done: int = 0

    def taken(self) -> Iterator[Progress]:
        self.done += 1
        if self.done % PROGRESS_EVERY == 0:
            yield Progress(min(self.done, 2 * self.total), 2 * self.total)


# -- what was said, step by step ---------------------------------------------------------------


class _Place(NamedTuple):
    """Where a message stands: the row of a table, and which message of its list."""

    table: str
    row: int
    nth: int


class _Seen(NamedTuple):
    """A message in a list: its id and a mark of what it says."""

    id: str
    mark: str
    system: bool
    place: _Place


@dataclass(slots=True, eq=False)
class _Entry:
    """What a branch said last, and all before it, as of checkpoint `step`. `removed` are the ids of
    messages that were taken away, instead of a message; `before` is where an older version of the
    message stands."""

    parent: _Entry | None
    seen: _Seen | None
    at: int | None
    step: str
    removed: tuple[str, ...] = ()
    before: _Place | None = None
    chain: str = ""

    def __post_init__(self) -> None:
        said = [self.seen.id, self.seen.mark] if self.seen else ["removed", *self.removed]
        before = self.parent.chain if self.parent else ""
        self.chain = _mark([before, *said])

    @property
    def source(self) -> str:
        return base.bounded_key(f"{self.seen.id if self.seen else 'removed'}:{self.chain[:12]}")


class _State:
    """A branch as it stands at one checkpoint: what was said, and what is in the list now. All
    branches share `undone`, the sources of what stood behind an edit until it was made."""

    def __init__(self, of: _State | None = None) -> None:
        self.undone: set[str] = of.undone if of else set()
        self.tip: _Entry | None = of.tip if of else None
        self.live: dict[str, _Seen] = dict(of.live) if of else {}
        self.known: dict[str, _Entry] = dict(of.known) if of else {}

    def take(self, listed: list[_Seen], at: int | None, step: str) -> None:
        """The list as it stands at the next checkpoint."""
        changed = {
            seen.id: seen
            for seen in listed
            if seen.id in self.known and self._differs(seen) and not seen.system
        }
        if changed:
            self._say_again(changed, step)
        now = {seen.id: seen for seen in listed}
        removed = tuple(known for known in self.live if known not in now)
        if removed:
            self.tip = _Entry(self.tip, None, at, step, removed)
        for seen in listed:
            if seen.id not in self.known or self._differs(seen):
                self._add(_Entry(self.tip, seen, at, step))
        self.live = now

    def _differs(self, seen: _Seen) -> bool:
        known = self.known[seen.id].seen
        return known is not None and known.mark != seen.mark

    def _add(self, entry: _Entry) -> None:
        self.tip = entry
        if entry.seen is not None:
            self.known[entry.seen.id] = entry

    def _say_again(self, changed: dict[str, _Seen], step: str) -> None:
        """Everything from the first changed message on, with what changed."""
        behind: list[_Entry] = []
        waiting = set(changed)
        while waiting and self.tip is not None:
            behind.append(self.tip)
            if self.tip.seen is not None:
                waiting.discard(self.tip.seen.id)
            self.tip = self.tip.parent
        self.undone.update(old.source for old in behind)
        for old in reversed(behind):
            new = changed.get(old.seen.id) if old.seen else None
            if new is None or old.seen is None:
                self._add(_Entry(self.tip, old.seen, old.at, step, old.removed, old.before))
            else:
                self._add(_Entry(self.tip, new, old.at, step, before=old.seen.place))


# -- one thread --------------------------------------------------------------------------------


class _Thread:
    """The checkpoints of one thread and namespace as a session and its forks."""

    def __init__(self, database: Database, first: int, steps: _Steps) -> None:
        self.database = database
        self.first = first
        self.steps = steps
        self.lists = _Lists(database, first)
        self.ids: dict[int, str] = {}
        self.children: dict[int, list[int]] = {}
        self.leaves: list[tuple[str, _Entry]] = []
        self.oldest: tuple[str, _Entry] | None = None
        self.said: set[str] = set()

    def items(self) -> Iterator[Item]:
        yield from self._follow()
        if self.oldest is None:
            return
        self.leaves.sort(key=lambda leaf: (_last_word(leaf[1]), leaf[0]), reverse=True)
        entries: dict[str, _Entry] = {}
        for _, tip in self.leaves:
            entry: _Entry | None = tip
            while entry is not None and entry.chain not in entries:
                entries[entry.chain] = entry
                entry = entry.parent
        yield from self._sessions(entries)

    # -- the first pass --------------------------------------------------------------------

    def _follow(self) -> Iterator[Item]:
        """Takes in every checkpoint behind the one it came from."""
        waiting: list[tuple[int, int | None, _State]] = []
        placed: set[int] = set()
        for root in self._roots():
            if root in placed:
                continue
            begun = _State()
            begun.undone = self.said
            waiting.append((root, None, begun))
            while waiting:
                row, parent, state = waiting.pop()
                placed.add(row)
                yield from self._step(row, parent, state)
                born = [child for child in self.children.get(row, ()) if child not in placed]
                if not born and state.tip is not None:
                    self.leaves.append((self.ids[row], state.tip))
                waiting += [(child, row, _State(state)) for child in born[1:]]
                waiting += [(child, row, state) for child in born[:1]]

    def _roots(self) -> list[int]:
        """The checkpoints that came from none, then all others: those that only a circle of
        parents leads to begin where they are met."""
        rows: dict[str, int] = {}
        parents: dict[int, str] = {}
        listed = select("rowid, checkpoint_id, parent_checkpoint_id", TABLE, self.lists.where())
        for row, known, parent in self.database.rows(f"{listed} ORDER BY rowid", *self.lists.of):
            self.ids[row] = word_of(known)
            rows[self.ids[row]] = row
            parents[row] = word_of(parent)
        roots = []
        for row, parent in parents.items():
            if parent in rows:
                self.children.setdefault(rows[parent], []).append(row)
            else:
                roots.append(row)
        return [*roots, *parents]

    def _step(self, row: int, parent: int | None, state: _State) -> Iterator[Item]:
        yield from self.steps.taken()
        try:
            listed, at = self.lists.at(row, parent, state)
        except Unreadable as error:
            yield Trouble(row, f"row {row} of {TABLE} {error.reason}")
            return
        state.take(listed, at, self.ids[row])
        root = state.tip
        if root is not None and (self.oldest is None or self.ids[row] < self.oldest[0]):
            while root.parent is not None:
                root = root.parent
            self.oldest = (self.ids[row], root)

    # -- the second pass -------------------------------------------------------------------

    def _sessions(self, entries: dict[str, _Entry]) -> Iterator[Item]:
        parents = {chain: _chain_of(entry.parent) for chain, entry in entries.items()}
        newest, *others = [tip for _, tip in self.leaves]
        heads = [newest, *(word for tip in others if (word := _last_message(tip)) is not None)]
        found = tips.tails([head.chain for head in heads], parents)
        key = self._key()
        firsts = [tail.nodes[0] if tail.nodes else "" for tail in found]
        keys = [key, *(base.bounded_key(f"{key}:{first[:12]}") for first in firsts[1:])]
        told = [entries[chain] for chain in found[0].nodes]
        self.said.update(entry.source for entry in entries.values())
        yield self._beginning(key, told, self._left(told))
        yield from self._said(told)
        for number, tail in enumerate(found[1:], 1):
            if tail.nodes:
                on_it = [entries[chain] for chain in tips.path(tail.nodes[-1], parents)]
                yield from self._fork(keys[number], keys[tail.of or 0], on_it, len(tail.nodes))

    def _left(self, on_it: list[_Entry]) -> frozenset[str]:
        """What was said anywhere but on this branch."""
        return frozenset(self.said.difference(entry.source for entry in on_it))

    def _fork(self, key: str, parent: str, on_it: list[_Entry], own: int) -> Iterator[Item]:
        """A branch that parts behind the last message it shares; what was removed after that, on
        either branch, is told anew."""
        while own < len(on_it) and on_it[-own - 1].seen is None:
            own += 1
        behind = tuple(entry.source for entry in on_it[:-own] if entry.seen is not None)
        yield Conversation(key=key, fork=Fork(parent, behind[-SHARED:]), left=self._left(on_it))
        yield from self._said(on_it[-own:])

    def _key(self) -> str:
        words = [name, *[word for word in self._names() if word]]
        first = self.oldest[1] if self.oldest else None
        words.append(_mark([first.seen.id if first and first.seen else ""])[:8])
        return base.bounded_key(":".join(words))

    def _names(self) -> tuple[str, str]:
        """The thread's id and the namespace."""
        listed = select("thread_id, checkpoint_ns", TABLE, "WHERE rowid = ?")
        thread, namespace = self.database.row(listed, self.first) or (None, None)
        return word_of(thread), word_of(namespace)

    def _beginning(self, key: str, told: list[_Entry], left: frozenset[str]) -> Conversation:
        thread, namespace = self._names()
        metadata: Record = {"imported_from": name, "thread_id": thread[: base.MAX_KEY]}
        if namespace:
            metadata["checkpoint_ns"] = namespace[: base.MAX_KEY]
        texts = []
        for entry in told[:TEXTS_FOR_TITLE]:
            fields = self._fields(entry.seen)
            if fields and langchain.role_of(fields) == "user":
                texts.append(langchain.text_of(fields.get("content")))
        return Conversation(
            key=key,
            title=base.title_from(texts),
            system=self._system(),
            metadata=metadata,
            at=next((entry.at for entry in told if entry.at is not None), None),
            left=left,
        )

    def _system(self) -> str | None:
        """The text of the system message that the thread began with."""
        first = self.oldest[1].seen if self.oldest else None
        fields = self._fields(first) if first is not None and first.system else None
        return langchain.text_of(fields.get("content")) or None if fields else None

    def _fields(self, seen: _Seen | None) -> Record | None:
        try:
            return self.lists.message(seen.place)[0] if seen else None
        except Unreadable:
            return None

    def _said(self, told: Iterable[_Entry]) -> Iterator[Item]:
        speaker = langchain.Speaker()
        lifted = self.oldest[1].chain if self.oldest and self._system() else None
        for entry in told:
            yield from self.steps.taken()
            if entry.seen is None:
                yield _removal(entry)
            elif entry.chain != lifted:
                try:
                    yield from list(self._message(speaker, entry, entry.seen))
                except Unreadable as error:
                    row = entry.seen.place.row
                    yield Trouble(row, f"row {row} of {entry.seen.place.table} {error.reason}")

    def _message(self, speaker: langchain.Speaker, entry: _Entry, seen: _Seen) -> Iterator[Item]:
        """A message, with what it replaced and what it has no room for. Raises Unreadable."""
        fields, raw = self.lists.message(seen.place)
        row, source = seen.place.row, entry.source
        role = langchain.role_of(fields) if fields is not None else None
        if fields is None or role is None:
            record = langchain.plain(raw) if fields is None else fields
            yield Kept(source, values.checked(record, row)[0])
            return
        made = speaker.payload(role, fields, source)
        found, mended = values.checked([made, langchain.around(fields)], row)
        payload = {key: value for key, value in found[0].items() if value is not None}
        if entry.at is not None:
            payload["created_at"] = instants.render(entry.at)
        yield from base.said(Said(payload, (source,), line=row, repaired=mended), found[1])
        if entry.before is not None:
            yield from self._older(entry.before, source)

    def _older(self, place: _Place, source: str) -> Iterator[Item]:
        fields, raw = self.lists.message(place)
        record = fields if fields is not None else langchain.plain(raw)
        kept = values.checked({"edited": source, "before": record}, place.row)[0]
        yield Kept(f"{source}:before", kept, unknown=False)


def _last_message(tip: _Entry) -> _Entry | None:
    entry: _Entry | None = tip
    while entry is not None and entry.seen is None:
        entry = entry.parent
    return entry


def _last_word(tip: _Entry) -> str:
    """The checkpoint at which a branch said its last message."""
    entry = _last_message(tip)
    return entry.step if entry is not None else ""


def _chain_of(entry: _Entry | None) -> str | None:
    return entry.chain if entry is not None else None


def _removal(entry: _Entry) -> Noted:
    data: Record = {"source": entry.source, "trigger": "removed", "messages": len(entry.removed)}
    if entry.at is not None:
        data["at"] = instants.render(entry.at)
    data["removed"] = list(entry.removed[:SHOWN_REMOVED])
    return Noted("imported_boundary", entry.source, data)


# -- lists of messages as they are stored ------------------------------------------------------


class _Lists:
    """The message lists of one thread, from its checkpoints and writes."""

    def __init__(self, database: Database, first: int) -> None:
        self.database = database
        self.of = (first, first)
        self.channel: str | None = None
        self._ids: dict[bytes, tuple[str, str, bool]] = {}
        self._held: tuple[tuple[str, int], list[Any]] | None = None
        self._writes = database.has("writes", *WRITES)

    def where(self) -> str:
        one = select("thread_id", TABLE, "WHERE rowid = ?")
        other = select("checkpoint_ns", TABLE, "WHERE rowid = ?")
        return f"WHERE thread_id IS ({one}) AND checkpoint_ns IS ({other})"

    def at(self, row: int, parent: int | None, state: _State) -> tuple[list[_Seen], int | None]:
        """The list at a checkpoint, and the time of it. Raises Unreadable."""
        checkpoint = self._value(TABLE, row)
        if not isinstance(checkpoint, dict):
            raise Unreadable(row, "holds no checkpoint")
        at = databases.moment_of(str(checkpoint.get("ts")).encode("utf-8", "replace"))
        found = self._listed(checkpoint.get("channel_values"))
        if found is not None:
            self._held = ((TABLE, row), found)
            return self._seen(TABLE, row, found), at
        channel = self.channel or CHANNELS[0]
        versions = checkpoint.get("channel_versions")
        if isinstance(versions, dict) and channel in versions and parent is not None:
            return self._written(parent, channel, state), at
        return [*state.live.values()], at

    def message(self, place: _Place) -> tuple[Record | None, Any]:
        """The fields of a message, and how it is stored. Raises Unreadable."""
        if self._held is None or self._held[0] != place[:2]:
            value = self._value(place.table, place.row)
            if place.table == TABLE:
                found = self._listed(value.get("channel_values")) or []
            else:
                found = _as_list(value)
            self._held = (place[:2], found)
        raw = self._held[1][place.nth]
        return langchain.fields_of(raw), raw

    def _value(self, table: str, row: int) -> Any:
        column = "checkpoint" if table == TABLE else "value"
        kind = "type" if self.database.has(table, "type") else "NULL"
        found = self.database.row(select(f"{kind}, {column}", table, "WHERE rowid = ?"), row)
        if found is None:
            raise Unreadable(row, "is gone")
        return _decoded(word_of(found[0]), found[1], row)

    def _listed(self, channels: Any) -> list[Any] | None:
        """The list among the values of a checkpoint; None where there is none."""
        if not isinstance(channels, dict):
            return None
        if self.channel is None:
            usual = [channel for channel in CHANNELS if channel in channels]
            others = sorted(key for key in channels if not key.startswith("__"))
            self.channel = next((key for key in [*usual, *others] if _talks(channels[key])), None)
        if self.channel is None or self.channel not in channels:
            return None
        return _as_list(channels[self.channel])

    def _written(self, parent: int, channel: str, state: _State) -> list[_Seen]:
        """The list before with what the steps behind the parent wrote."""
        now = dict(state.live)
        if not self._writes:
            return [*now.values()]
        same = select("checkpoint_id", TABLE, "WHERE rowid = ?")
        path = "task_path, " if self.database.has("writes", "task_path") else ""
        where = f"{self.where()} AND checkpoint_id IS ({same}) AND CAST(channel AS TEXT) = ?"
        listed = select("rowid", "writes", f"{where} ORDER BY {path}task_id, idx")
        for (row,) in list(self.database.rows(listed, *self.of, parent, channel)):
            written = _as_list(self._value("writes", row))
            for seen, raw in zip(self._seen("writes", row, written), written, strict=True):
                fields = langchain.fields_of(raw) or {}
                if fields.get("type") != "remove":
                    now[seen.id] = seen
                elif seen.id == REMOVE_ALL:
                    now.clear()
                else:
                    now.pop(seen.id, None)
        return [*now.values()]

    def _seen(self, table: str, row: int, found: list[Any]) -> list[_Seen]:
        """Each message with an id of its own: one without gets one made of what it says."""
        counts: dict[str, int] = {}
        seen = []
        for index, raw in enumerate(found):
            known, mark, system = self._identity(raw)
            counts[known] = counts.get(known, 0) + 1
            unique = known if counts[known] == 1 else f"{known}#{counts[known]}"
            seen.append(_Seen(unique, mark, system, _Place(table, row, index)))
        return seen

    def _identity(self, raw: Any) -> tuple[str, str, bool]:
        data = raw.data if isinstance(raw, Extension) else _spelled(raw)
        digest = hashlib.sha256(data).digest()[:16]
        if digest not in self._ids:
            self._ids[digest] = _identity(raw)
        return self._ids[digest]


def _identity(raw: Any) -> tuple[str, str, bool]:
    """The id of a message, a mark of what it says, and whether it is a system message."""
    fields = langchain.fields_of(raw)
    if fields is None:
        mark = _mark([_spelled(langchain.plain(raw)).decode()])
        return f"-{mark}", mark, False
    mark = _mark([_spelled([fields.get(key) for key in langchain.SAID_BY]).decode()])
    known = fields.get("id")
    known = word_of(known.encode("utf-8", "surrogateescape")) if isinstance(known, str) else ""
    return base.bounded_key(known) or f"-{mark}", mark, langchain.role_of(fields) == "system"


def _mark(words: list[str]) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:32]


def _spelled(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, default=repr).encode()


def _decoded(kind: str, cell: Cell, row: int) -> Any:
    """The value of a blob, extensions left as they are. Raises Unreadable."""
    raw = cell if isinstance(cell, bytes) else (text_of(cell) or "").encode()
    if not kind:
        kind = "json" if raw[:1] in (b"{", b"[") else "pickle" if raw[:1] == PICKLED else "msgpack"
    if kind in ("null", "empty"):
        return None
    if kind == "json":
        return databases.json_of(raw, row)[0]
    if kind == "pickle":
        raise Unreadable(row, "is pickled; it is not read, since that could run what stands in it")
    if kind != "msgpack":
        raise Unreadable(row, f"is stored as {kind[:40]}, which cannot be read here")
    return langchain.unpacked(raw, row)


def _as_list(value: Any) -> list[Any]:
    """The messages of a channel: a list of them, one alone, or a snapshot of either."""
    if isinstance(value, Extension) and value.code == langchain.DELTA:
        return _as_list(langchain.unpacked(value.data))
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _talks(value: Any) -> bool:
    """Whether a channel holds messages."""
    listed = _as_list(value) if isinstance(value, list | Extension) else []
    try:
        return bool(listed) and langchain.fields_of(listed[0]) is not None
    except Unreadable:
        return False
