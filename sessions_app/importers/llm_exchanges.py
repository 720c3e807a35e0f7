"""The rows of an `llm` log that are a prompt with its answer, and what messages of any release are
made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sessions_app.core import instants
from sessions_app.importers import base, databases, values
from sessions_app.importers.base import Item, Progress, Record, Said, Trouble, Unreadable
from sessions_app.importers.databases import Cell, Database, select, text_of, word_of

EXCHANGE = ("prompt", "response")
TIMES = ("datetime_utc", "timestamp_utc", "timestamp")
COUNTS = ("input_tokens", "output_tokens")
EXTRA = ("provider", "resolved_model", "debug", "reply_to_id")
EXTRA_JSON = ("options_json", "prompt_json", "response_json")
OF_RESPONSE = (
    "tool_calls", "tool_results", "tool_responses", "prompt_attachments", "prompt_fragments",
    "system_fragments",
)  # fmt: skip
LONGEST_MS = 366 * 24 * 3600 * 1000
PROGRESS_EVERY = 100


# -- one message -------------------------------------------------------------------------------


@dataclass(slots=True)
class Message:
    """A message on its way: `extra` is what a message has no field for."""

    payload: Record
    source: str
    row: int
    at: int | None = None
    extra: Record = field(default_factory=dict)

    def items(self) -> Iterator[Item]:
        """As it is said. Raises Unreadable."""
        found, mended = values.checked([filled(self.payload), filled(self.extra)], self.row)
        payload, extra = found
        if self.at is not None:
            payload["created_at"] = instants.render(self.at)
        yield from base.said(Said(payload, (self.source,), (), self.row, mended), extra)


def filled(fields: Record) -> Record:
    """Without the fields that hold nothing."""
    return {key: value for key, value in fields.items() if value is not None}


class Calls:
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


def call_of(id_: str, called: str, arguments: str) -> Record:
    function = {"name": called or "unnamed", "arguments": arguments}
    return {"id": id_, "type": "function", "function": function}


def content_of(parts: list[Record]) -> Any:
    """A single text as a plain string, as most are."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts


def text_part(text: str) -> Record:
    return {"type": "text", "text": text}


def _json_or_text(cell: Cell, row: int) -> Any:
    """What a JSON column holds; its text where that is no JSON, nothing for an empty object."""
    try:
        value, _ = databases.json_of(cell, row)
    except Unreadable:
        return text_of(cell)
    return value if value not in ({}, [], "") else None


class Attachments:
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
        return {"type": "attachment", **filled(told)}

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
        return text_of(found[0]), filled(dict(told))


# -- prompts and answers -----------------------------------------------------------------------


class Exchanges:
    """A table whose rows are a prompt with its answer."""

    def __init__(self, database: Database, table: str) -> None:
        self.database = database
        self.table = table
        self.attached = Attachments(database)
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
            return word_of(cells.get("prompt")), system or None, moment_of(cells)
        return "", None, None

    def items(self, rows: Iterable[int], prefix: str, system: str | None) -> Iterator[Item]:
        """Every row as messages."""
        calls = Calls()
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
                made = list(self._messages(row, prefix, Calls()))
            except Unreadable:
                continue
            for message in made:
                role = message.payload["role"]
                if role != "system":
                    yield message.source, role, words_of(message.payload.get("content"))

    def _messages(self, row: int, prefix: str, calls: Calls) -> Iterator[Message]:
        cells = self.row(row)
        source = base.bounded_key(f"{prefix}{word_of(cells.get('id')) or row}")
        at = moment_of(cells)
        system = self._joined("system_fragments", row, text_of(cells.get("system")))
        if system:
            yield Message({"role": "system", "content": system}, f"{source}:system", row, at)
        results = list(self._results(row, source, calls))
        for result in results:
            result.at = at
            yield result
        parts, extra = self._prompt(row, cells)
        if parts or not results:
            payload = {"role": "user", "content": content_of(parts or [text_part("")])}
            yield Message(payload, f"{source}:prompt", row, at, extra)
        yield self._answer(row, cells, source, calls)

    def _prompt(self, row: int, cells: dict[str, Cell]) -> tuple[list[Record], Record]:
        parts: list[Record] = []
        sources: list[Record] = []
        for text, told in self._fragments("prompt_fragments", row):
            parts.append(text_part(text))
            sources += [told] if told else []
        prompt = text_of(cells.get("prompt"))
        parts += [text_part(prompt)] if prompt else []
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

    def _answer(self, row: int, cells: dict[str, Cell], source: str, calls: Calls) -> Message:
        made = list(self._calls(row))
        calls.made(made)
        text = text_of(cells.get("response")) or ""
        fields, extra = self.of_answer(cells, row)
        payload = {
            "role": "assistant",
            "content": text if text or not made else None,
            "reasoning_content": text_of(cells.get("reasoning")) or None,
            "tool_calls": made or None,
            **fields,
        }
        return Message(payload, source, row, answered_at(cells), extra)

    def of_answer(self, cells: Mapping[str, Cell], row: int) -> tuple[Record, Record]:
        """What a row says of its answer: fields of the message, and what it has no field for."""
        fields = {
            "model": word_of(cells.get("model"))[:255] or None,
            "latency_ms": _took_ms(cells),
            "usage": _usage(cells, row),
        }
        extra: Record = {key: text_of(cells.get(key)) for key in EXTRA}
        for key in EXTRA_JSON:
            extra[key.removesuffix("_json")] = _json_or_text(cells.get(key), row)
        extra["schema"] = self._schema(cells.get("schema_id"), row)
        return fields, extra

    def _schema(self, known: Cell, row: int) -> Any:
        if known is None or not self.database.has("schemas", "id", "content"):
            return None
        listed = select("content", "schemas", "WHERE id = ?")
        found = self.database.row(listed, _bound(known))
        return _json_or_text(found[0], row) if found else None

    def _calls(self, row: int) -> Iterator[Record]:
        if self._joins("tool_calls", "name", "arguments", "tool_call_id"):
            columns = "rowid, name, arguments, tool_call_id"
            listed = select(columns, "tool_calls", f"{self._of_row} ORDER BY rowid")
            for number, called, arguments, given in self.database.rows(listed, row):
                known = word_of(given) or f"call_{number}"
                yield call_of(known, word_of(called), text_of(arguments) or "{}")

    def _results(self, row: int, source: str, calls: Calls) -> Iterator[Message]:
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
            yield Message(payload, f"{source}:result:{number}", row, extra=extra)

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
        return tools_of(self.database, given)

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


def words_of(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def moment_of(cells: Mapping[str, Cell]) -> int | None:
    found = (databases.moment_of(cells.get(column)) for column in TIMES)
    return next((at for at in found if at is not None), None)


def _took_ms(cells: Mapping[str, Cell]) -> int | None:
    """How many milliseconds the answer took."""
    duration = cells.get("duration_ms")
    return duration if type(duration) is int and 0 <= duration <= LONGEST_MS else None


def answered_at(cells: Mapping[str, Cell]) -> int | None:
    """When the answer was complete."""
    at = moment_of(cells)
    return None if at is None else min(at + (_took_ms(cells) or 0) * 1000, instants.LAST)


def _usage(cells: Mapping[str, Cell], row: int) -> Record | None:
    usage: Record = {key: cells[key] for key in COUNTS if type(cells.get(key)) is int}
    if cells.get("token_details") is not None:
        usage["details"] = _json_or_text(cells["token_details"], row)
    return filled(usage) or None


def tools_of(database: Database, given: Iterable[Cell]) -> list[Record]:
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
            {"type": "function", "function": filled({**function, "parameters": parameters})}
        )
    return found
