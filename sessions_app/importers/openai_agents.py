"""Sessions of the OpenAI Agents SDK: the SQLite file of its SQLiteSession, of an SQLAlchemySession
on SQLite, or of an AdvancedSQLiteSession with its branches.

Each row of the messages table is one item of the Responses API and becomes one message: words,
calls, outputs and thoughts alike. Items of a kind that is not known here, and those of an
EncryptedSession, are kept as they are. Usage of a turn stands at its last item, and
verbatim in an `imported_records` event.

A session has the key `openai-agents:<session id>:<time it was made>`: ids are of the caller's
choosing, so two files may use one for two conversations. A message's source is its row and what
stands in it. Branch `main` is the session, every other one a fork behind what it shares with the
branch it is nearest to. Rows that the SDK took back or compacted away stay in the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessions_app.core import instants
from sessions_app.core.forms import responses
from sessions_app.importers import base, databases, shapes
from sessions_app.importers.base import (
    Conversation,
    Fork,
    Item,
    Kept,
    Progress,
    Record,
    Said,
    Trouble,
    Unreadable,
    Warned,
)
from sessions_app.importers.databases import Cell, Database, quoted, select

name = "openai-agents"
suffixes = databases.SUFFIXES

MESSAGES = ("id", "session_id", "message_data")
STRUCTURE = ("session_id", "message_id", "branch_id", "sequence_number", "user_turn_number")
USAGE = ("session_id", "branch_id", "user_turn_number")
NUMBERS = ("requests", "input_tokens", "output_tokens", "total_tokens")
DETAILS = ("input_tokens_details", "output_tokens_details")
DEFAULT_TABLE = "agent_messages"
MAIN = "main"
ITEM_ROLES = ("user", "assistant", "system", "developer")
ENCRYPTED = "__enc__"
HEAD = 20
SHARED = 50
PROGRESS_EVERY = 200


def find() -> list[Path]:
    """There is no usual place for such files."""
    return []


def holds(found: Any) -> bool:
    """Whether a database has messages of sessions."""
    return isinstance(found, Database) and bool(_tables(found))


def read(path: Path) -> Iterator[Item]:
    """The sessions of one file. Raises Unreadable for a file that cannot be used at all."""
    with databases.opened(path) as database:
        tables = _tables(database)
        if not tables:
            database.need(DEFAULT_TABLE, *MESSAGES)
        for table in tables:
            yield from _File(database, table).items()


def _tables(database: Database) -> list[str]:
    """The tables of messages."""
    return sorted(table for table in database.tables if database.has(table, *MESSAGES))


@dataclass(slots=True)
class _Branch:
    """The rows of a branch in order; `turns` says for the last row of a turn whose usage it has."""

    name: str
    rows: list[int]
    turns: dict[int, int] = field(default_factory=dict)


class _File:
    """The sessions of one table of messages. Rows are named by their rowid, and a session by its
    first row: a column holds whatever was put there, but a rowid is a number."""

    def __init__(self, database: Database, table: str) -> None:
        self.database = database
        self.table = table
        self.sessions = self._sessions_table()
        at = "created_at" if "created_at" in database.tables[table] else "NULL"
        self._row = select(f"message_data, {at}", table, "WHERE rowid = ?")
        self._of_session = f"WHERE session_id IS ({select('session_id', table, 'WHERE rowid = ?')})"
        for one in (table, "message_structure", "turn_usage"):
            database.index(one, "session_id")
        found = database.row(select("count(*)", table))
        self.total = found[0] if found else 0
        self.done = 0
        self._structured = database.has("message_structure", *STRUCTURE) and self._owns()

    def _sessions_table(self) -> str | None:
        """The table the messages refer to."""
        for key in self.database.rows(f"PRAGMA foreign_key_list({quoted(self.table)})"):
            target = databases.word_of(key[2])
            if self.database.has(target, "session_id", "created_at"):
                return target
        return None

    def _owns(self) -> bool:
        """Whether the branches in this file are of these messages."""
        keys = self.database.rows("PRAGMA foreign_key_list(message_structure)")
        targets = {databases.word_of(key[2]) for key in keys}
        return not targets or self.table in targets

    def items(self) -> Iterator[Item]:
        listed = select("min(rowid), session_id", self.table, "GROUP BY session_id ORDER BY 1")
        for first, session in self.database.rows(listed):
            yield from self._session(first, databases.word_of(session))

    def _session(self, first: int, session: str) -> Iterator[Item]:
        key, made = self._key(first, session)
        branches = self._branches(first)
        yield self._beginning(key, session, made, branches[0])
        yield from self._said(first, branches[0], branches[0].rows)
        yield from self._usage(first)
        tree = _Tree(branches[0])
        for branch in branches[1:]:
            nearest, shared = tree.add(branch)
            parent = key if nearest is branches[0] else _fork_key(key, nearest)
            sources = tuple(self._sources(branch.rows[:shared]))
            yield Conversation(key=_fork_key(key, branch), fork=Fork(parent, sources))
            yield from self._said(first, branch, branch.rows[shared:])

    def _key(self, first: int, session: str) -> tuple[str, int | None]:
        """The key of a session, and when it was made."""
        words = [name, session] if self.table == DEFAULT_TABLE else [name, self.table, session]
        made = None
        if self.sessions is not None:
            stated = select("created_at", self.sessions, self._of_session)
            made = (self.database.row(stated, first) or (None,))[0]
        if made is not None:
            words.append(databases.word_of(made).replace(" ", "T"))
        return base.bounded_key(":".join(words)), databases.moment_of(made)

    def _beginning(self, key: str, session: str, made: int | None, main: _Branch) -> Conversation:
        texts: list[str] = []
        at = made
        for row in main.rows[:HEAD]:
            try:
                data, moment = self._cells(row)
                item, _ = databases.json_of(data, row)
            except Unreadable:
                continue
            at = databases.moment_of(moment) if at is None else at
            if isinstance(item, dict) and item.get("role") == "user":
                texts += shapes.texts(item.get("content"))
        return Conversation(
            key=key,
            title=base.title_from(texts),
            metadata={"imported_from": name, "session_id": session[: base.MAX_KEY]},
            at=at,
        )

    # -- branches --------------------------------------------------------------------------

    def _branches(self, first: int) -> list[_Branch]:
        """`main` with every row that is on no branch, then the others, the oldest first."""
        main = _Branch(MAIN, [])
        found = {MAIN: main}
        listed = select("rowid", self.table, f"{self._of_session} ORDER BY rowid")
        rows = dict.fromkeys(row for (row,) in self.database.rows(listed, first))
        loose = dict(rows)
        for branch, row, turn in self._structure(first):
            if row not in rows:
                continue
            own = found.setdefault(branch, _Branch(branch, []))
            own.rows.append(row)
            loose.pop(row, None)
            if turn is not None:
                own.turns[turn] = row
        for own in found.values():
            own.rows = list(dict.fromkeys(own.rows))
        if loose:
            main.rows = sorted([*main.rows, *loose])
        return list(found.values())

    def _structure(self, first: int) -> Iterator[tuple[str, int, int | None]]:
        if not self._structured:
            return
        columns = "branch_id, message_id, user_turn_number"
        rest = f"{self._of_session} ORDER BY sequence_number, rowid"
        listed = select(columns, "message_structure", rest)
        for branch, row, turn in self.database.rows(listed, first):
            if type(row) is int:
                yield databases.word_of(branch) or MAIN, row, turn if type(turn) is int else None

    def _sources(self, rows: list[int]) -> Iterator[str]:
        """The sources of the last of these rows; one of them was stored if any was."""
        for row in rows[-SHARED:]:
            try:
                data, _ = self._cells(row)
            except Unreadable:
                continue
            yield _source(row, data)

    # -- items -----------------------------------------------------------------------------

    def _said(self, first: int, branch: _Branch, rows: list[int]) -> Iterator[Item]:
        usage = self._usage_by_row(first, branch)
        warned = False
        for row in rows:
            self.done += 1
            if self.done % PROGRESS_EVERY == 0:
                yield Progress(min(self.done, self.total), self.total)
            try:
                found = list(self._message(row, usage.get(row)))
            except Unreadable as error:
                yield Trouble(row, f"row {row} of {self.table} {error.reason}")
                continue
            if not warned and any(_is_encrypted(item) for item in found):
                warned = True
                yield Warned(row, "holds encrypted items; they are kept as they are")
            yield from found

    def _message(self, row: int, usage: Record | None) -> Iterator[Item]:
        data, made = self._cells(row)
        item, mended = databases.json_of(data, row)
        at = databases.moment_of(made)
        source = _source(row, data)
        if not _is_message(item):
            yield Kept(source, item)
            return
        payload = dict(item)
        extra = {"created_at": payload.pop("created_at")} if "created_at" in payload else {}
        if at is not None:
            payload["created_at"] = instants.render(at)
        if usage is not None:
            payload.setdefault("usage", usage)
        yield from base.said(Said(payload, (source,), line=row, repaired=mended), extra)

    def _cells(self, row: int) -> tuple[Cell, Cell]:
        found = self.database.row(self._row, row)
        if found is None:
            raise Unreadable(row, "is gone")
        return found[0], found[1]

    # -- usage -----------------------------------------------------------------------------

    def _usage_by_row(self, first: int, branch: _Branch) -> dict[int, Record]:
        """For the last row of a turn, what the turn used."""
        if not branch.turns:
            return {}
        found: dict[int, Record] = {}
        for of, turn, usage in self._turns(first):
            row = branch.turns.get(turn) if of == branch.name else None
            if row is not None:
                found[row] = usage
        return found

    def _usage(self, first: int) -> Iterator[Item]:
        for branch, turn, usage in self._turns(first):
            record = {"branch_id": branch, "user_turn_number": turn, "usage": usage}
            source = f"usage:{branch}:{turn}:{_digest(repr(usage).encode())}"
            yield Kept(base.bounded_key(source), {"turn_usage": record}, unknown=False)

    def _turns(self, first: int) -> Iterator[tuple[str, int, Record]]:
        if not self._structured or not self.database.has("turn_usage", *USAGE):
            return
        shown = sorted(self.database.tables["turn_usage"] & {*NUMBERS, *DETAILS})
        columns = ", ".join(["branch_id, user_turn_number", *shown])
        listed = select(columns, "turn_usage", f"{self._of_session} ORDER BY rowid")
        for branch, turn, *cells in self.database.rows(listed, first):
            found = dict(zip(shown, map(_number_or_details, cells), strict=True))
            usage = {key: value for key, value in found.items() if value is not None}
            if type(turn) is int:
                yield databases.word_of(branch) or MAIN, turn, usage


class _Tree:
    """Which branch has which beginning: a node for each row behind the rows before it."""

    def __init__(self, main: _Branch) -> None:
        self._nodes: dict[tuple[int, int], tuple[int, _Branch]] = {}
        self._main = main
        self.add(main)

    def add(self, branch: _Branch) -> tuple[_Branch, int]:
        """The branch before this one that shares the longest beginning with it, and how long."""
        node, shared, nearest = 0, 0, self._main
        for row in branch.rows:
            known = self._nodes.get((node, row))
            if known is None:
                known = self._nodes[node, row] = (len(self._nodes) + 1, branch)
            else:
                shared += 1
                nearest = known[1]
            node = known[0]
        return nearest, shared


def _number_or_details(cell: Cell) -> Any:
    if cell is None or type(cell) is int:
        return cell
    try:
        return databases.json_of(cell, 0)[0]
    except Unreadable:
        return databases.word_of(cell)


def _fork_key(key: str, branch: _Branch) -> str:
    return base.bounded_key(f"{key}:{branch.name}")


def _source(row: int, data: Cell) -> str:
    raw = data if isinstance(data, bytes) else repr(data).encode()
    return f"{row}:{_digest(raw)}"


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:8]


def _is_message(item: Any) -> bool:
    """Whether the item is of a kind that a message can be."""
    if not isinstance(item, dict):
        return False
    kind = item.get("type")
    if kind is None or kind == "message":
        return item.get("role") in ITEM_ROLES
    return kind in responses.ITEM_TYPES


def _is_encrypted(item: Item) -> bool:
    return isinstance(item, Kept) and isinstance(item.record, dict) and ENCRYPTED in item.record
