"""The log of the `llm` command line tool: its logs.db, of every release.

The first releases kept one table of prompts and answers (`log`, later `logs`), the next ones
`conversations` and `responses` with what belongs to them, the newest a tree of `messages` that
`threads` and `turns` point into. All of them may stand in one file; a conversation that was begun
under an older release and continued under a newer one is one session.

A conversation has the key `llm:<its id>`. The first system text is the session's, a later one a
`system` message in its place. A prompt's fragments are parts of its text; attachments are parts
that name type, place and size, never the bytes. Options, schema and raw JSON of an answer go to
its `metadata.extra`. A thread that was forked is a fork; a chain of messages that a thread has
left is one too. What a message was made of is its source, so it is the same on every branch.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import platformdirs

from sessions_app.importers import base, databases, shapes, tips, values
from sessions_app.importers.base import (
    Conversation,
    Fork,
    Item,
    Kept,
    Progress,
    Record,
    Trouble,
    Unreadable,
    Warned,
)
from sessions_app.importers.databases import Database, select, text_of, word_of
from sessions_app.importers.llm_exchanges import (
    EXCHANGE,
    PROGRESS_EVERY,
    Attachments,
    Calls,
    Exchanges,
    Message,
    answered_at,
    call_of,
    content_of,
    moment_of,
    text_part,
    tools_of,
    words_of,
)

name = "llm"
suffixes = databases.SUFFIXES

OLD_TABLES = ("logs", "log")
MESSAGES = ("hash", "parent_hash", "role")
PARTS = ("message_hash", "position", "type", "text", "payload")
THREADS = ("id", "tip_message_hash")
TURNS = ("thread_id", "parent_message_hash", "tip_message_hash")
ROLES = ("system", "user", "assistant", "tool")
NEWEST_MIGRATION = 27
SHARED = 50


def find() -> list[Path]:
    """The log where `llm` keeps it: in LLM_USER_PATH or its folder of this user."""
    own = os.environ.get("LLM_USER_PATH")
    folder = (
        Path(own)
        if own
        else platformdirs.user_config_path("io.datasette.llm", appauthor=False, roaming=True)
    )
    return [path for path in (folder / "logs.db",) if path.is_file()]


def holds(found: Any) -> bool:
    """Whether a database is a log."""
    if not isinstance(found, Database):
        return False
    exchanges = (found.has(table, *EXCHANGE) for table in (*OLD_TABLES, "responses"))
    return any(exchanges) or _has_turns(found)


def read(path: Path) -> Iterator[Item]:
    """The sessions of one file. Raises Unreadable for a file that cannot be used at all."""
    with databases.opened(path) as database:
        if not holds(database):
            reason = "has none of the tables log, responses and turns as `llm` makes them"
            raise Unreadable(0, f"{reason}; {database.contents()}")
        yield from _newer(database)
        for table in OLD_TABLES:
            if database.has(table, *EXCHANGE):
                yield from _old_chats(Exchanges(database, table))
        yield from _Log(database).items()


def _has_turns(database: Database) -> bool:
    return (
        database.has("messages", *MESSAGES)
        and database.has("parts", *PARTS)
        and database.has("turns", *TURNS)
    )


def _newer(database: Database) -> Iterator[Item]:
    """A warning when a release later than those known here has changed the tables."""
    if database.has("_llm_migrations", "name"):
        found = database.row(select("max(name)", "_llm_migrations", "WHERE name GLOB 'm[0-9]*'"))
        newest = word_of(found[0]) if found else ""
        digits = newest[1:].partition("_")[0]
        if digits.isdigit() and int(digits[:6]) > NEWEST_MIGRATION:
            reason = f"is of a newer release ({newest}); what is new in it is not imported"
            yield Warned(0, reason)


def _old_chats(exchanges: Exchanges) -> Iterator[Item]:
    """The chats of a table from before conversations: rows that name the chat's first row."""
    by = "coalesce(chat_id, rowid)" if "chat_id" in exchanges.columns else "rowid"
    chats: dict[str, list[int]] = {}
    listed = select(f"rowid, {by}", exchanges.table, "ORDER BY rowid")
    for row, chat in exchanges.database.rows(listed):
        chats.setdefault(word_of(chat), []).append(row)
    for chat, rows in chats.items():
        words, system, at = exchanges.beginning(rows)
        told = hashlib.sha256(orjson.dumps([words, system, at])).hexdigest()[:8]
        yield Conversation(
            key=base.bounded_key(f"{name}:{exchanges.table}:{chat}:{told}"),
            title=base.title_from([words]),
            system=system,
            metadata={"imported_from": name},
            at=at,
        )
        yield from exchanges.items(rows, f"{exchanges.table}:", system)


# -- threads of messages -----------------------------------------------------------------------


@dataclass(slots=True)
class _Thread:
    """A thread: where it stands, where it came from, and its turns as (row, from, to)."""

    id: str
    title: str = ""
    tip: str = ""
    forked_from: str = ""
    at: int | None = None
    turns: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def key(self) -> str:
        return base.bounded_key(f"{name}:{self.id}")

    @property
    def tips(self) -> list[str]:
        """Where it stands, then wherever its turns led to, the newest first."""
        turned = [to or start for _, start, to in reversed(self.turns)]
        return list(dict.fromkeys(tip for tip in [self.tip, *turned] if tip))


class _Chains:
    """The tree of messages with the threads and turns that point into it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.attached = Attachments(database)
        self.parents: dict[str, str | None] = {}
        self.rows: dict[str, int] = {}
        self.threads: dict[str, _Thread] = {}
        self._turned = Exchanges(database, "turns") if "turns" in database.tables else None
        if self._turned is None or not _has_turns(database):
            return
        database.index("parts", "message_hash")
        database.index("turn_tools", "turn_id")
        for row, node, parent in database.rows(select("rowid, hash, parent_hash", "messages")):
            self.rows[word_of(node)] = row
            self.parents[word_of(node)] = word_of(parent) or None
        self._read_threads()
        of = "rowid, thread_id, parent_message_hash, tip_message_hash"
        for row, *cells in database.rows(select(of, "turns", "ORDER BY rowid")):
            thread, start, to = map(word_of, cells)
            self.threads.setdefault(thread, _Thread(thread)).turns.append((row, start, to))

    def _read_threads(self) -> None:
        if not self.database.has("threads", *THREADS):
            return
        optional = ("name", "forked_from", "datetime_utc")
        columns = [one if self.database.has("threads", one) else "NULL" for one in optional]
        listed = select(", ".join([*THREADS, *columns]), "threads", "ORDER BY rowid")
        for known, tip, title, forked_from, at in self.database.rows(listed):
            thread = _Thread(word_of(known), word_of(title), word_of(tip), word_of(forked_from))
            thread.at = databases.moment_of(at)
            self.threads[thread.id] = thread

    def families(self) -> Iterator[list[_Thread]]:
        """Threads with those forked from them, each behind the one it came from."""
        children: dict[str, list[_Thread]] = {}
        for thread in self.threads.values():
            children.setdefault(thread.forked_from, []).append(thread)
        placed: set[str] = set()
        roots = [one for one in self.threads.values() if one.forked_from not in self.threads]
        for root in [*roots, *self.threads.values()]:
            family = [root] if root.id not in placed else []
            placed.add(root.id)
            for thread in family:
                born = [child for child in children.get(thread.id, ()) if child.id not in placed]
                placed.update(child.id for child in born)
                family += born
            if family:
                yield family

    def origins(self, family: list[_Thread]) -> dict[str, tuple[int, bool]]:
        """For each message the turn that brought it, and whether it is the turn's answer."""
        found: dict[str, tuple[int, bool]] = {}
        for thread in family:
            for row, start, to in thread.turns:
                node: str | None = to or start
                answered = bool(to)
                while node is not None and node in self.parents and node not in found:
                    answered = answered and node != start
                    found[node] = (row, answered)
                    node = self.parents[node]
        return found

    def tools(self, thread: _Thread) -> list[Record]:
        """The tools that any turn of the thread was given."""
        if not self.database.has("turn_tools", "turn_id", "tool_id"):
            return []
        where = f"WHERE turn_id IS ({select('id', 'turns', 'WHERE rowid = ?')})"
        listed = select("tool_id", "turn_tools", where)
        rows = [row for row, _, _ in thread.turns]
        return tools_of(
            self.database, [one for row in rows for (one,) in self.database.rows(listed, row)]
        )

    # -- one node --------------------------------------------------------------------------

    def role(self, node: str) -> str:
        found = self.database.row(select("role", "messages", "WHERE rowid = ?"), self.rows[node])
        return word_of(found[0]) if found else ""

    def messages(
        self, node: str, calls: Calls, origin: tuple[int, bool] | None = None
    ) -> list[Message | Kept]:
        """What a node says: one message, or one for each tool result. Raises Unreadable."""
        role, row = self.role(node), self.rows[node]
        parts = list(self._parts(node))
        if role not in ROLES:
            return [Kept(node, {"role": role, "parts": parts})]
        if role == "tool":
            told = list(self._results(node, parts, calls))
        else:
            told = [self._spoken(node, role, parts, calls)]
        if origin is not None and isinstance(told[-1], Message):
            self._credit(told, origin, row)
        return told

    def _parts(self, node: str) -> Iterator[Record]:
        where = f"WHERE message_hash IS ({select('hash', 'messages', 'WHERE rowid = ?')})"
        listed = select("type, text, payload", "parts", f"{where} ORDER BY position, rowid")
        row = self.rows[node]
        for kind, text, payload in self.database.rows(listed, row):
            found = databases.json_of(payload, row)[0] if payload is not None else {}
            if not isinstance(found, dict):
                found = {"payload": found}
            found["type"] = word_of(kind) or "part"
            if text is not None:
                found["text"] = text_of(text)
            elif isinstance(found.get("text_ref"), list):
                found["text"] = self._resolved(found.pop("text_ref"))
            yield found

    def _resolved(self, pieces: list[Any]) -> str:
        """A text whose large pieces stand among the fragments."""
        texts = []
        for piece in pieces:
            known = shapes.record_of(piece)
            if isinstance(known.get("literal"), str):
                texts.append(known["literal"])
            elif type(known.get("fragment")) is int:
                texts.append(self.attached.fragment(known["fragment"])[0] or "")
        return "".join(texts)

    def _spoken(self, node: str, role: str, parts: list[Record], calls: Calls) -> Message:
        content: list[Record] = []
        thoughts: list[str] = []
        made: list[Record] = []
        extra: Record = {}
        for number, part in enumerate(parts):
            kind, text = part["type"], part.get("text")
            if isinstance(part.get("provider_metadata"), dict | list):
                extra[f"part_{number}"] = part["provider_metadata"]
            if kind == "text" and isinstance(text, str):
                content.append(text_part(text))
            elif kind == "reasoning" and isinstance(text, str) and role == "assistant":
                thoughts += [text] if text else []
            elif kind == "attachment" and isinstance(part.get("attachment"), dict):
                content.append(
                    self.attached.part("WHERE id = ?", shapes.text(part["attachment"].get("id")))
                )
            elif kind == "tool_call" and not part.get("server_executed") and role == "assistant":
                known = shapes.text(part.get("tool_call_id")) or f"call_{node[-8:]}_{number}"
                arguments = orjson.dumps(part.get("arguments") or {}).decode()
                made.append(call_of(known, shapes.text(part.get("name")), arguments))
            else:
                content.append({**part, "type": "other"} if kind == "text" else part)
        calls.made(made)
        payload = {
            "role": role,
            "content": content_of(content) if content or not made else None,
            "reasoning_content": "\n".join(thoughts) or None,
            "tool_calls": made or None,
        }
        payload["content"] = "" if payload["content"] == [] else payload["content"]
        return Message(payload, node, self.rows[node], extra=extra)

    def _results(self, node: str, parts: list[Record], calls: Calls) -> Iterator[Message | Kept]:
        row = self.rows[node]
        for number, part in enumerate(parts):
            source = f"{node}:{number}" if number else node
            if part["type"] != "tool_result":
                yield Kept(source, part)
                continue
            called = shapes.text(part.get("name"))
            otherwise = f"result_{node[-8:]}_{number}"
            output = part.get("output")
            payload = {
                "role": "tool",
                "tool_call_id": calls.answered(
                    shapes.text(part.get("tool_call_id")), called, otherwise
                ),
                "name": called[:255] or None,
                "content": output if isinstance(output, str) else orjson.dumps(output).decode(),
                "error": shapes.text(part.get("exception")) or None,
            }
            found = [self._attached(one) for one in shapes.records_of(part.get("attachments"))]
            yield Message(payload, source, row, extra={"attachments": found or None})
        if not parts:
            yield Kept(node, {"role": "tool", "parts": []})

    def _attached(self, named: Record) -> Record:
        return self.attached.part("WHERE id = ?", shapes.text(named.get("id")))

    def _credit(self, told: list[Message | Kept], origin: tuple[int, bool], row: int) -> None:
        """What the turn knows of its messages: times, and of its answer model, usage, options."""
        turn, answered = origin
        if self._turned is None:
            return
        cells = self._turned.row(turn)
        for message in told:
            if isinstance(message, Kept):
                continue
            message.at = answered_at(cells) if answered else moment_of(cells)
            if not answered:
                continue
            fields, extra = self._turned.of_answer(cells, row)
            message.payload |= fields
            message.extra |= extra


# -- conversations -----------------------------------------------------------------------------


class _Log:
    """Conversations of all releases: rows of `responses`, threads, or the one behind the other."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.chains = _Chains(database)
        self.exchanges: Exchanges | None = None
        self.spoken: dict[str, list[int]] = {}
        self.covered: set[str] = set()
        if database.has("responses", *EXCHANGE):
            self.exchanges = Exchanges(database, "responses")
            of = "conversation_id" if database.has("responses", "conversation_id") else "NULL"
            listed = select(f"rowid, {of}", "responses", "ORDER BY rowid")
            for row, conversation in database.rows(listed):
                known = word_of(conversation) or f"response:{row}"
                self.spoken.setdefault(known, []).append(row)

    def items(self) -> Iterator[Item]:
        for known, rows in self.spoken.items():
            if known not in self.chains.threads and self.exchanges is not None:
                yield self.beginning(_Thread(known), rows)
                system = self.exchanges.beginning(rows)[1]
                yield from self.exchanges.items(rows, "", system)
        for family in self.chains.families():
            yield from _Family(self, family).items()
        loose = len(self.chains.parents.keys() - self.covered)
        if loose:
            yield Warned(0, f"{loose} messages belong to no thread; they are not imported")

    def _named(self, known: str) -> str:
        if not self.database.has("conversations", "id", "name"):
            return ""
        found = self.database.row(select("name", "conversations", "WHERE id = ?"), known)
        return word_of(found[0]) if found else ""

    def beginning(self, thread: _Thread, rows: list[int], fork: Fork | None = None) -> Conversation:
        """What begins the session of a thread, or of rows alone."""
        words, system, at, tools = "", None, thread.at, self.chains.tools(thread)
        if rows and self.exchanges is not None:
            words, system, at = self.exchanges.beginning(rows)
            tools = self.exchanges.tools(rows) or tools
        return Conversation(
            key=thread.key,
            title=base.title_from([self._named(thread.id), thread.title, words]),
            system=system,
            tools=tuple(tools),
            metadata={"imported_from": name, "conversation_id": thread.id[: base.MAX_KEY]},
            at=at,
            fork=fork,
        )


class _Family:
    """Threads that may share messages, as sessions and forks of them."""

    def __init__(self, log: _Log, family: list[_Thread]) -> None:
        self.log = log
        self.chains = log.chains
        self.threads = family
        self.origins = log.chains.origins(family)
        self.aliases: dict[str, str] = {}
        self.lifted: set[str] = set()
        self.starts = [(thread, tip) for thread in family for tip in thread.tips or [""]]
        self.tails = tips.tails([tip for _, tip in self.starts], log.chains.parents)
        self.keys: list[str] = []
        self.nodes = frozenset(node for tail in self.tails for node in tail.nodes)
        log.covered |= self.nodes

    def items(self) -> Iterator[Item]:
        before = ""
        for (thread, _), tail in zip(self.starts, self.tails, strict=True):
            first = thread.id != before
            before = thread.id
            begun = f"{thread.key}:{_short(tail.nodes[0])}" if tail.nodes else ""
            self.keys.append(thread.key if first else base.bounded_key(begun))
            if first:
                yield from self._thread(thread, tail)
            elif tail.nodes:
                fork = self._fork(tail) or Fork(thread.key)
                yield Conversation(self.keys[-1], fork=fork, left=self._left(tail.nodes[-1]))
                yield from self._said(tail.nodes)

    def _left(self, tip: str | None) -> frozenset[str]:
        """What the family says anywhere but on the chain that ends at `tip`."""
        return self.nodes.difference(tips.path(tip, self.chains.parents))

    def _fork(self, tail: tips.Tail) -> Fork | None:
        if tail.of is None:
            return None
        shared = tips.path(tail.parts_at, self.chains.parents, SHARED)
        return Fork(self.keys[tail.of], tuple(self.aliases.get(node, node) for node in shared))

    def _thread(self, thread: _Thread, tail: tips.Tail) -> Iterator[Item]:
        rows = self.log.spoken.get(thread.id, [])
        fork = self._fork(tail)
        if not rows and not tail.nodes and fork is None:
            return
        begun = self.log.beginning(thread, rows, fork)
        nodes = tail.nodes
        left = self._left(thread.tips[0] if thread.tips else None)
        if rows and self.log.exchanges is not None:
            nodes = self._behind_spoken(rows, nodes)
            yield replace(begun, left=left)
            yield from self.log.exchanges.items(rows, "", begun.system)
        else:
            yield replace(self._with_first(begun, thread, nodes), left=left)
        yield from self._broken(tail)
        yield from self._said(nodes)

    def _with_first(
        self, begun: Conversation, thread: _Thread, nodes: tuple[str, ...]
    ) -> Conversation:
        """With the system text its first turn began with, and the words of its first prompt."""
        system, words = None, ""
        oldest = thread.turns[0][2] or thread.turns[0][1] if thread.turns else ""
        root = next(iter(tips.path(oldest, self.chains.parents) or nodes), None)
        if begun.fork is None and root is not None and self._is(root, "system"):
            system = self._text(root)
            self.lifted.add(root)
        for node in nodes[:SHARED] if not begun.title else ():
            if self._is(node, "user"):
                words = self._text(node) or ""
                break
        title = begun.title or base.title_from([words])
        return replace(begun, system=system, title=title)

    def _is(self, node: str, role: str) -> bool:
        return self.chains.role(node) == role

    def _text(self, node: str) -> str | None:
        try:
            told = self.chains.messages(node, Calls())
        except Unreadable:
            return None
        payload = told[0].payload if isinstance(told[0], Message) else {}
        return str(values.checked(words_of(payload.get("content")), 0)[0]) or None

    def _broken(self, tail: tips.Tail) -> Iterator[Item]:
        """A chain that does not begin where chains begin."""
        if tail.nodes and tail.parts_at is None:
            parent = self.chains.parents[tail.nodes[0]]
            if parent is not None:
                row = self.chains.rows[tail.nodes[0]]
                why = "leads back to itself" if parent in self.nodes else "is not there"
                yield Trouble(row, f"row {row} of messages names a parent that {why}")

    def _behind_spoken(self, rows: list[int], nodes: tuple[str, ...]) -> tuple[str, ...]:
        """The nodes behind those that say again what stands in `responses`. They hold no ids in
        common, so words decide."""
        if self.log.exchanges is None:
            return nodes
        spoken = self.log.exchanges.texts(rows, "")
        calls = Calls()
        at = 0
        for number, node in enumerate(nodes):
            if self._is(node, "system"):
                continue
            try:
                told = [
                    one for one in self.chains.messages(node, calls) if isinstance(one, Message)
                ]
            except Unreadable:
                break
            for message in told:
                source, role, text = next(spoken, ("", "", ""))
                payload = message.payload
                same = role == payload["role"] and text == words_of(payload.get("content"))
                if not same:
                    return nodes[at:]
                self.aliases.setdefault(node, source)
            at = number + 1
        return nodes[at:]

    def _said(self, nodes: Iterable[str]) -> Iterator[Item]:
        calls = Calls()
        for number, node in enumerate(nodes, 1):
            if number % PROGRESS_EVERY == 0:
                yield Progress(1, 2)
            if node in self.lifted:
                continue
            row = self.chains.rows[node]
            try:
                told = self.chains.messages(node, calls, self.origins.get(node))
                found = [one.items() if isinstance(one, Message) else [one] for one in told]
                yield from [item for items in found for item in items]
            except Unreadable as error:
                yield Trouble(row, f"row {row} of messages {error.reason}")


def _short(node: str) -> str:
    return hashlib.sha256(node.encode()).hexdigest()[:12]
