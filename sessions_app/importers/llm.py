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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import platformdirs

from sessions_app.core import instants
from sessions_app.importers import base, databases, tips, values
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
from sessions_app.importers.databases import Cell, Database, select, text_of, word_of

name = "llm"
suffixes = databases.SUFFIXES

OLD_TABLES = ("logs", "log")
EXCHANGE = ("prompt", "response")
MESSAGES = ("hash", "parent_hash", "role")
PARTS = ("message_hash", "position", "type", "text", "payload")
THREADS = ("id", "tip_message_hash")
TURNS = ("thread_id", "parent_message_hash", "tip_message_hash")
TIMES = ("datetime_utc", "timestamp_utc", "timestamp")
COUNTS = ("input_tokens", "output_tokens")
EXTRA = ("provider", "resolved_model", "debug", "reply_to_id")
EXTRA_JSON = ("options_json", "prompt_json", "response_json")
OF_RESPONSE = (
    "tool_calls", "tool_results", "tool_responses", "prompt_attachments", "prompt_fragments",
    "system_fragments",
)  # fmt: skip
ROLES = ("system", "user", "assistant", "tool")
NEWEST_MIGRATION = 27
LONGEST_MS = 366 * 24 * 3600 * 1000
SHARED = 50
PROGRESS_EVERY = 100


def find() -> list[Path]:
    """The log where `llm` keeps it: in LLM_USER_PATH or its folder of this user."""
    own = os.environ.get("LLM_USER_PATH")
    folder = (
        Path(own)
        if own
        else platformdirs.user_config_path("io.datasette.llm", appauthor=False, roaming=True)
    )
    return [path for path in (folder / "logs.db",) if path.is_file()]


def read(path: Path) -> Iterator[Item]:
    """The sessions of one file. Raises Unreadable for a file that cannot be used at all."""
    with databases.opened(path) as database:
        old = [table for table in OLD_TABLES if database.has(table, *EXCHANGE)]
        if not old and not database.has("responses", *EXCHANGE) and not _has_turns(database):
            reason = "has none of the tables log, responses and turns as `llm` makes them"
            raise Unreadable(0, f"{reason}; {database.contents()}")
        yield from _newer(database)
        for table in old:
            yield from _old_chats(_Exchanges(database, table))
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


# -- one message -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Message:
    """A message on its way: `extra` is what a message has no field for."""

    payload: Record
    source: str
    row: int
    at: int | None = None
    extra: Record = field(default_factory=dict)

    def items(self) -> Iterator[Item]:
        """As it is said. Raises Unreadable."""
        found, mended = values.checked([_filled(self.payload), _filled(self.extra)], self.row)
        payload, extra = found
        if self.at is not None:
            payload["created_at"] = instants.render(self.at)
        marks: Record = {"source": self.source, **({"repaired": True} if mended else {})}
        payload, over = base.fitted(payload, marks, extra)
        yield Said(payload, (self.source,), line=self.row, repaired=mended)
        if over:
            yield Kept(f"{self.source}:fields", {"of": self.source, **over}, unknown=False)


def _filled(fields: Record) -> Record:
    return {key: value for key, value in fields.items() if value is not None}


class _Calls:
    """The calls that wait for a result: what the file names by position only gets its id here."""

    def __init__(self) -> None:
        self._open: list[tuple[str, str]] = []

    def made(self, calls: list[Record]) -> None:
        self._open = [(call["id"], call["function"]["name"]) for call in calls] or self._open

    def answered(self, given: str, called: str, otherwise: str) -> str:
        """The id of the call that a result answers."""
        for call in self._open:
            if call[0] == given or (not given and call[1] == called):
                self._open.remove(call)
                return call[0]
        return given or otherwise


def _call(id_: str, called: str, arguments: str) -> Record:
    function = {"name": called or "unnamed", "arguments": arguments}
    return {"id": id_, "type": "function", "function": function}


def _content(parts: list[Record]) -> Any:
    """A single text as a plain string, as most are."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts


def _text_part(text: str) -> Record:
    return {"type": "text", "text": text}


def _json_or_text(cell: Cell, row: int) -> Any:
    """What a JSON column holds; its text where that is no JSON, nothing for an empty object."""
    try:
        value, _ = databases.json_of(cell, row)
    except Unreadable:
        return text_of(cell)
    return value if value not in ({}, [], "") else None


class _Attachments:
    """Attachments and fragments, which both kinds of tables refer to."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._attachments = database.has("attachments", "id", "type", "path", "url", "content")
        self._fragments = database.has("fragments", "id", "content")

    def part(self, where: str, given: Any) -> Record:
        """The attachment that a condition on `attachments` finds, as a part."""
        found = None
        if self._attachments:
            columns = "id, type, path, url, length(content)"
            found = self.database.row(select(columns, "attachments", where), given)
        if found is None:
            return {"type": "attachment", "missing": True}
        known, kind, path, url = map(text_of, found[:4])
        if url and (kind or "").startswith("image/"):
            return {"type": "image_url", "image_url": {"url": url}}
        told = {"id": known, "media_type": kind, "path": path, "url": url, "bytes": found[4]}
        return {"type": "attachment", **_filled(told)}

    def fragment(self, number: Any) -> tuple[str | None, Record]:
        """The text of a fragment, and where it came from."""
        if not self._fragments:
            return None, {}
        columns = self.database.tables["fragments"] & {"hash", "source"}
        listed = ", ".join(["content", *sorted(columns)])
        found = self.database.row(select(listed, "fragments", "WHERE id = ?"), number)
        if found is None:
            return None, {}
        told = zip(sorted(columns), map(text_of, found[1:]), strict=True)
        return text_of(found[0]), _filled(dict(told))


# -- prompts and answers -----------------------------------------------------------------------


class _Exchanges:
    """A table whose rows are a prompt with its answer."""

    def __init__(self, database: Database, table: str) -> None:
        self.database = database
        self.table = table
        self.attached = _Attachments(database)
        known = ("id", "chat_id", "model", "system", *EXCHANGE, "reasoning", "duration_ms")
        wanted = (*known, *TIMES, *COUNTS, "token_details", "schema_id", *EXTRA, *EXTRA_JSON)
        self.columns = [column for column in wanted if column in database.tables[table]]
        for child in OF_RESPONSE:
            database.index(child, "response_id")
        database.index("tool_results_attachments", "tool_result_id")
        self._of_row = f"WHERE response_id IS ({select('id', table, 'WHERE rowid = ?')})"

    def row(self, row: int) -> dict[str, Cell]:
        found = self.database.row(
            select(", ".join(self.columns), self.table, "WHERE rowid = ?"), row
        )
        return dict(zip(self.columns, found or (), strict=False))

    def beginning(self, rows: Iterable[int]) -> tuple[str, str | None, int | None]:
        """The words of the first prompt, the first system text, and the first time."""
        for row in rows:
            try:
                cells = self.row(row)
            except Unreadable:
                continue
            system = self._joined("system_fragments", row, word_of(cells.get("system")))
            return word_of(cells.get("prompt")), system or None, _moment(cells)
        return "", None, None

    def items(self, rows: Iterable[int], prefix: str, system: str | None) -> Iterator[Item]:
        """Every row as messages."""
        calls = _Calls()
        for number, row in enumerate(rows, 1):
            if number % PROGRESS_EVERY == 0:
                yield Progress(1, 2)
            try:
                made = list(self._messages(row, prefix, calls))
                if made and made[0].payload["role"] == "system":
                    told = made[0].payload["content"]
                    made = made[told == system :]
                    system = told
                yield from [item for message in made for item in message.items()]
            except Unreadable as error:
                yield Trouble(row, f"row {row} of {self.table} {error.reason}")

    def texts(self, rows: Iterable[int], prefix: str) -> Iterator[tuple[str, str, str]]:
        """(source, role, text) of every message but system texts."""
        for row in rows:
            try:
                made = list(self._messages(row, prefix, _Calls()))
            except Unreadable:
                continue
            for message in made:
                role = message.payload["role"]
                if role != "system":
                    yield message.source, role, _words(message.payload.get("content"))

    def _messages(self, row: int, prefix: str, calls: _Calls) -> Iterator[_Message]:
        cells = self.row(row)
        source = base.bounded_key(f"{prefix}{word_of(cells.get('id')) or row}")
        at = _moment(cells)
        system = self._joined("system_fragments", row, text_of(cells.get("system")))
        if system:
            yield _Message({"role": "system", "content": system}, f"{source}:system", row, at)
        results = list(self._results(row, source, calls))
        for result in results:
            result.at = at
            yield result
        parts, extra = self._prompt(row, cells)
        if parts or not results:
            payload = {"role": "user", "content": _content(parts or [_text_part("")])}
            yield _Message(payload, f"{source}:prompt", row, at, extra)
        yield self._answer(row, cells, source, calls)

    def _prompt(self, row: int, cells: dict[str, Cell]) -> tuple[list[Record], Record]:
        parts: list[Record] = []
        sources: list[Record] = []
        for text, told in self._fragments("prompt_fragments", row):
            parts.append(_text_part(text))
            sources += [told] if told else []
        prompt = text_of(cells.get("prompt"))
        parts += [_text_part(prompt)] if prompt else []
        if self._joins("prompt_attachments", "attachment_id"):
            listed = select(
                "attachment_id", "prompt_attachments", self._ordered("prompt_attachments")
            )
            for (known,) in self.database.rows(listed, row):
                parts.append(self.attached.part("WHERE id = ?", _bound(known)))
        return parts, {"fragments": sources or None}

    def _joined(self, table: str, row: int, text: str | None) -> str:
        fragments = [found for found, _ in self._fragments(table, row)]
        return "\n".join([*fragments, *([text] if text else [])])

    def _fragments(self, table: str, row: int) -> Iterator[tuple[str, Record]]:
        if not self._joins(table, "fragment_id"):
            return
        for (number,) in self.database.rows(
            select("fragment_id", table, self._ordered(table)), row
        ):
            text, told = self.attached.fragment(number)
            if text is not None:
                yield text, told

    def _answer(self, row: int, cells: dict[str, Cell], source: str, calls: _Calls) -> _Message:
        made = list(self._calls(row))
        calls.made(made)
        text = text_of(cells.get("response")) or ""
        took = _took(cells)
        payload: Record = {
            "role": "assistant",
            "content": text if text or not made else None,
            "reasoning_content": text_of(cells.get("reasoning")) or None,
            "tool_calls": made or None,
            "model": word_of(cells.get("model"))[:255] or None,
            "latency_ms": took,
            "usage": _usage(cells, row),
        }
        extra = _extra(cells, row)
        extra["schema"] = _schema(self.database, cells.get("schema_id"), row)
        return _Message(payload, source, row, _answered(cells), extra)

    def _calls(self, row: int) -> Iterator[Record]:
        if self._joins("tool_calls", "name", "arguments", "tool_call_id"):
            columns = "rowid, name, arguments, tool_call_id"
            listed = select(columns, "tool_calls", f"{self._of_row} ORDER BY rowid")
            for number, called, arguments, given in self.database.rows(listed, row):
                known = word_of(given) or f"call_{number}"
                yield _call(known, word_of(called), text_of(arguments) or "{}")

    def _results(self, row: int, source: str, calls: _Calls) -> Iterator[_Message]:
        needed = ("name", "output", "tool_call_id")
        if not self._joins("tool_results", *needed):
            return
        failed = "exception" if self.database.has("tool_results", "exception") else "NULL"
        columns = f"rowid, name, output, tool_call_id, {failed}"
        listed = select(columns, "tool_results", f"{self._of_row} ORDER BY rowid")
        for number, called, output, given, error in self.database.rows(listed, row):
            known = calls.answered(word_of(given), word_of(called), f"result_{number}")
            payload = {
                "role": "tool",
                "tool_call_id": known,
                "name": word_of(called)[:255] or None,
                "content": text_of(output) or "",
                "error": text_of(error) or None,
            }
            attached = list(self._attached(number))
            extra = {"attachments": attached} if attached else {}
            yield _Message(payload, f"{source}:result:{number}", row, extra=extra)

    def _attached(self, result: int) -> Iterator[Record]:
        table = "tool_results_attachments"
        if self.database.has(table, "tool_result_id", "attachment_id"):
            listed = select("attachment_id", table, "WHERE tool_result_id = ? ORDER BY rowid")
            for (known,) in self.database.rows(listed, result):
                yield self.attached.part("WHERE id = ?", _bound(known))

    def tools(self, rows: list[int]) -> list[Record]:
        """The tools that any of the rows was given."""
        if not self._joins("tool_responses", "tool_id"):
            return []
        listed = select("tool_id", "tool_responses", self._of_row)
        given = [known for row in rows for (known,) in self.database.rows(listed, row)]
        return _tools(self.database, given)

    def _joins(self, table: str, *columns: str) -> bool:
        return self.database.has(self.table, "id") and self.database.has(
            table, "response_id", *columns
        )

    def _ordered(self, table: str) -> str:
        by = '"order", rowid' if self.database.has(table, "order") else "rowid"
        return f"{self._of_row} ORDER BY {by}"


def _bound(cell: Cell) -> Any:
    """A cell as a value to look up: text is text again."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return cell


def _words(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def _moment(cells: Mapping[str, Cell]) -> int | None:
    found = (databases.moment_of(cells.get(column)) for column in TIMES)
    return next((at for at in found if at is not None), None)


def _took(cells: Mapping[str, Cell]) -> int | None:
    """How many milliseconds the answer took."""
    duration = cells.get("duration_ms")
    return duration if type(duration) is int and 0 <= duration <= LONGEST_MS else None


def _answered(cells: Mapping[str, Cell]) -> int | None:
    """When the answer was complete."""
    at = _moment(cells)
    return None if at is None else min(at + (_took(cells) or 0) * 1000, instants.LAST)


def _usage(cells: Mapping[str, Cell], row: int) -> Record | None:
    usage: Record = {key: cells[key] for key in COUNTS if type(cells.get(key)) is int}
    if cells.get("token_details") is not None:
        usage["details"] = _json_or_text(cells["token_details"], row)
    return _filled(usage) or None


def _extra(cells: Mapping[str, Cell], row: int) -> Record:
    extra: Record = {key: text_of(cells.get(key)) for key in EXTRA}
    for key in EXTRA_JSON:
        extra[key.removesuffix("_json")] = _json_or_text(cells.get(key), row)
    return extra


def _schema(database: Database, known: Cell, row: int) -> Any:
    if known is None or not database.has("schemas", "id", "content"):
        return None
    found = database.row(select("content", "schemas", "WHERE id = ?"), _bound(known))
    return _json_or_text(found[0], row) if found else None


def _tools(database: Database, given: Iterable[Cell]) -> list[Record]:
    """Tool definitions, each once, by the numbers of their rows."""
    if not database.has("tools", "id", "name", "description", "input_schema"):
        return []
    found: list[Record] = []
    for number in dict.fromkeys(given):
        columns = "name, description, input_schema"
        cells = database.row(select(columns, "tools", "WHERE id = ?"), number)
        if cells is None:
            continue
        schema = _json_or_text(cells[2], 0)
        function = {"name": word_of(cells[0]), "description": word_of(cells[1]) or None}
        parameters = schema if isinstance(schema, dict) else None
        found.append(
            {"type": "function", "function": _filled({**function, "parameters": parameters})}
        )
    return found


def _old_chats(exchanges: _Exchanges) -> Iterator[Item]:
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
        self.attached = _Attachments(database)
        self.parents: dict[str, str | None] = {}
        self.rows: dict[str, int] = {}
        self.threads: dict[str, _Thread] = {}
        self._turned = _Exchanges(database, "turns") if "turns" in database.tables else None
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
        return _tools(
            self.database, [one for row in rows for (one,) in self.database.rows(listed, row)]
        )

    # -- one node --------------------------------------------------------------------------

    def role(self, node: str) -> str:
        found = self.database.row(select("role", "messages", "WHERE rowid = ?"), self.rows[node])
        return word_of(found[0]) if found else ""

    def messages(
        self, node: str, calls: _Calls, origin: tuple[int, bool] | None = None
    ) -> list[_Message | Kept]:
        """What a node says: one message, or one for each tool result. Raises Unreadable."""
        role, row = self.role(node), self.rows[node]
        parts = list(self._parts(node))
        if role not in ROLES:
            return [Kept(node, {"role": role, "parts": parts})]
        if role == "tool":
            told = list(self._results(node, parts, calls))
        else:
            told = [self._spoken(node, role, parts, calls)]
        if origin is not None and isinstance(told[-1], _Message):
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
            known = piece if isinstance(piece, dict) else {}
            if isinstance(known.get("literal"), str):
                texts.append(known["literal"])
            elif type(known.get("fragment")) is int:
                texts.append(self.attached.fragment(known["fragment"])[0] or "")
        return "".join(texts)

    def _spoken(self, node: str, role: str, parts: list[Record], calls: _Calls) -> _Message:
        content: list[Record] = []
        thoughts: list[str] = []
        made: list[Record] = []
        extra: Record = {}
        for number, part in enumerate(parts):
            kind, text = part["type"], part.get("text")
            if isinstance(part.get("provider_metadata"), dict | list):
                extra[f"part_{number}"] = part["provider_metadata"]
            if kind == "text" and isinstance(text, str):
                content.append(_text_part(text))
            elif kind == "reasoning" and isinstance(text, str) and role == "assistant":
                thoughts += [text] if text else []
            elif kind == "attachment" and isinstance(part.get("attachment"), dict):
                content.append(self.attached.part("WHERE id = ?", _known(part["attachment"])))
            elif kind == "tool_call" and not part.get("server_executed") and role == "assistant":
                known = _known(part, "tool_call_id") or f"call_{node[-8:]}_{number}"
                arguments = orjson.dumps(part.get("arguments") or {}).decode()
                made.append(_call(known, _known(part, "name"), arguments))
            else:
                content.append({**part, "type": "other"} if kind == "text" else part)
        calls.made(made)
        payload = {
            "role": role,
            "content": _content(content) if content or not made else None,
            "reasoning_content": "\n".join(thoughts) or None,
            "tool_calls": made or None,
        }
        payload["content"] = "" if payload["content"] == [] else payload["content"]
        return _Message(payload, node, self.rows[node], extra=extra)

    def _results(self, node: str, parts: list[Record], calls: _Calls) -> Iterator[_Message | Kept]:
        row = self.rows[node]
        for number, part in enumerate(parts):
            source = f"{node}:{number}" if number else node
            if part["type"] != "tool_result":
                yield Kept(source, part)
                continue
            called = _known(part, "name")
            otherwise = f"result_{node[-8:]}_{number}"
            output = part.get("output")
            attached = part.get("attachments")
            payload = {
                "role": "tool",
                "tool_call_id": calls.answered(_known(part, "tool_call_id"), called, otherwise),
                "name": called[:255] or None,
                "content": output if isinstance(output, str) else orjson.dumps(output).decode(),
                "error": _known(part, "exception") or None,
            }
            found = [
                self.attached.part("WHERE id = ?", _known(one))
                for one in (attached if isinstance(attached, list) else ())
                if isinstance(one, dict)
            ]
            yield _Message(payload, source, row, extra={"attachments": found or None})
        if not parts:
            yield Kept(node, {"role": "tool", "parts": []})

    def _credit(self, told: list[_Message | Kept], origin: tuple[int, bool], row: int) -> None:
        """What the turn knows of its messages: times, and of its answer model, usage, options."""
        turn, answered = origin
        if self._turned is None:
            return
        cells = self._turned.row(turn)
        for message in told:
            if isinstance(message, Kept):
                continue
            message.at = _answered(cells) if answered else _moment(cells)
            if not answered:
                continue
            message.payload["latency_ms"] = _took(cells)
            message.payload["model"] = word_of(cells.get("model"))[:255] or None
            message.payload["usage"] = _usage(cells, row)
            schema = _schema(self.database, cells.get("schema_id"), row)
            message.extra |= {**_extra(cells, row), "schema": schema}


def _known(fields: Record, key: str = "id") -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


# -- conversations -----------------------------------------------------------------------------


class _Log:
    """Conversations of all releases: rows of `responses`, threads, or the one behind the other."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.chains = _Chains(database)
        self.exchanges: _Exchanges | None = None
        self.spoken: dict[str, list[int]] = {}
        self.covered: set[str] = set()
        if database.has("responses", *EXCHANGE):
            self.exchanges = _Exchanges(database, "responses")
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
            told = self.chains.messages(node, _Calls())
        except Unreadable:
            return None
        payload = told[0].payload if isinstance(told[0], _Message) else {}
        return str(values.checked(_words(payload.get("content")), 0)[0]) or None

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
        calls = _Calls()
        at = 0
        for number, node in enumerate(nodes):
            if self._is(node, "system"):
                continue
            try:
                told = [
                    one for one in self.chains.messages(node, calls) if isinstance(one, _Message)
                ]
            except Unreadable:
                break
            for message in told:
                source, role, text = next(spoken, ("", "", ""))
                payload = message.payload
                same = role == payload["role"] and text == _words(payload.get("content"))
                if not same:
                    return nodes[at:]
                self.aliases.setdefault(node, source)
            at = number + 1
        return nodes[at:]

    def _said(self, nodes: Iterable[str]) -> Iterator[Item]:
        calls = _Calls()
        for number, node in enumerate(nodes, 1):
            if number % PROGRESS_EVERY == 0:
                yield Progress(1, 2)
            if node in self.lifted:
                continue
            row = self.chains.rows[node]
            try:
                told = self.chains.messages(node, calls, self.origins.get(node))
                found = [one.items() if isinstance(one, _Message) else [one] for one in told]
                yield from [item for items in found for item in items]
            except Unreadable as error:
                yield Trouble(row, f"row {row} of messages {error.reason}")


def _short(node: str) -> str:
    return hashlib.sha256(node.encode()).hexdigest()[:12]
