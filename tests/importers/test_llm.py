"""The log of the `llm` tool, in the tables of its first, later and newest releases."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_app.importers import llm
from tests.examples import examples
from tests.importers.importing import Importing, Record

FORM = "llm"
AT = "2026-01-02T03:04:05.250000+00:00"
AT_US = 1_767_323_045_250_000
FIRST = """
    CREATE TABLE log (id INTEGER PRIMARY KEY, model TEXT, timestamp TEXT, prompt TEXT, system TEXT,
        response TEXT, chat_id INTEGER);
"""
LATER = """
    CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
    CREATE TABLE schemas (id TEXT PRIMARY KEY, content TEXT);
    CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT,
        prompt_json TEXT, options_json TEXT, response TEXT, response_json TEXT,
        conversation_id TEXT, duration_ms INTEGER, datetime_utc TEXT, input_tokens INTEGER,
        output_tokens INTEGER, token_details TEXT, schema_id TEXT, resolved_model TEXT);
    CREATE TABLE attachments (id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB);
    CREATE TABLE prompt_attachments (response_id TEXT, attachment_id TEXT, "order" INTEGER,
        PRIMARY KEY (response_id, attachment_id));
    CREATE TABLE fragments (id INTEGER PRIMARY KEY, hash TEXT, content TEXT, datetime_utc TEXT,
        source TEXT);
    CREATE TABLE prompt_fragments (response_id TEXT, fragment_id INTEGER, "order" INTEGER);
    CREATE TABLE system_fragments (response_id TEXT, fragment_id INTEGER, "order" INTEGER);
    CREATE TABLE tools (id INTEGER PRIMARY KEY, hash TEXT, name TEXT, description TEXT,
        input_schema TEXT, plugin TEXT);
    CREATE TABLE tool_responses (tool_id INTEGER, response_id TEXT);
    CREATE TABLE tool_calls (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT,
        arguments TEXT, tool_call_id TEXT);
    CREATE TABLE tool_results (id INTEGER PRIMARY KEY, response_id TEXT, tool_id INTEGER, name TEXT,
        output TEXT, tool_call_id TEXT, exception TEXT);
"""
NEWEST = """
    CREATE TABLE messages (hash TEXT PRIMARY KEY, parent_hash TEXT, role TEXT,
        provider_metadata TEXT);
    CREATE TABLE parts (id INTEGER PRIMARY KEY, message_hash TEXT, position INTEGER, type TEXT,
        tool_name TEXT, text TEXT, payload TEXT);
    CREATE TABLE threads (id TEXT PRIMARY KEY, name TEXT, tip_message_hash TEXT, forked_from TEXT,
        datetime_utc TEXT);
    CREATE TABLE turns (id TEXT PRIMARY KEY, thread_id TEXT, parent_message_hash TEXT,
        tip_message_hash TEXT, model TEXT, resolved_model TEXT, options_json TEXT, schema_id TEXT,
        input_tokens INTEGER, output_tokens INTEGER, token_details TEXT, duration_ms INTEGER,
        datetime_utc TEXT, response_json TEXT);
    CREATE TABLE turn_tools (turn_id TEXT, tool_id INTEGER, instance_id INTEGER);
"""


class Log:
    """A logs.db as the tool would write it."""

    def __init__(self, folder: Path, schema: str, name: str = "logs.db") -> None:
        self.path = folder / name
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(schema)

    def put(self, table: str, **fields: Any) -> None:
        names = ", ".join(f'"{name}"' for name in fields)
        places = ", ".join("?" * len(fields))
        with closing(sqlite3.connect(self.path)) as connection, connection:
            statement = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608
            connection.execute(statement, tuple(fields.values()))

    def run(self, statement: str, *given: Any) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(statement, given)

    def exchange(self, known: str, prompt: Any, response: Any, **more: Any) -> None:
        """A prompt and its answer as of the later releases."""
        fields = {"model": "gpt-x", "conversation_id": "talk", "datetime_utc": AT, **more}
        self.put("responses", id=known, prompt=prompt, response=response, **fields)

    def say(self, parent: str | None, role: str, *parts: str | Record) -> str:
        """A message of the newest releases behind another; returns its hash."""
        known = f"b2:{parent or ''}/{role[0]}{json.dumps(parts)}"
        with closing(sqlite3.connect(self.path)) as connection, connection:
            put = "INSERT OR IGNORE INTO messages (hash, parent_hash, role) VALUES (?, ?, ?)"
            if not connection.execute(put, (known, parent, role)).rowcount:
                return known
        for position, part in enumerate(parts):
            if isinstance(part, str):
                fields: Record = {"type": "text", "text": part}
            else:
                payload = {key: value for key, value in part.items() if key != "type"}
                fields = {"type": part["type"], "payload": json.dumps(payload)}
            self.put("parts", message_hash=known, position=position, **fields)
        return known

    def turn(self, thread: str, start: str | None, tip: str, **more: Any) -> None:
        """A model call that led from one message to another, and the thread with it."""
        fields = {"model": "gpt-x", "duration_ms": 1500, "datetime_utc": AT, **more}
        known = f"{thread}/{tip}"
        self.put(
            "turns", id=known, thread_id=thread, parent_message_hash=start, tip_message_hash=tip,
            **fields,
        )  # fmt: skip
        self.run("INSERT OR IGNORE INTO threads (id, name) VALUES (?, ?)", thread, "named")
        self.run("UPDATE threads SET tip_message_hash = ? WHERE id = ?", tip, thread)

    def talk(self, thread: str, parent: str | None, *turns: str) -> str:
        """Prompts and their answers; returns the newest message."""
        tip = parent
        for turn in turns:
            start = self.say(tip, "user", turn)
            tip = self.say(start, "assistant", f"re {turn}")
            self.turn(thread, start, tip)
        assert tip is not None
        return tip


def keys(importing: Importing, start: str) -> list[str]:
    every = importing.keys()
    return [key for key in every if key is not None and key.startswith(start)]


def system_of(importing: Importing, key: str) -> Any:
    return importing.store.prompt(importing.session(key)).data["system"]


def tools_of(importing: Importing, key: str) -> Any:
    return importing.store.prompt(importing.session(key)).data["tools"]


def kinds(importing: Importing, key: str) -> list[tuple[str, Any]]:
    said = [stored.message() for stored in importing.said(key)]
    return [(message.role, message.body.get("content")) for message in said]


# -- the first releases --------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["log", "logs"])
def test_the_first_releases_keep_chats_in_one_table(importing: Importing, table: str) -> None:
    log = Log(importing.folder, FIRST.replace("log", table))
    log.put(
        table, model="m", timestamp="2023-05-06 07:08:09", prompt="a", system="Be.", response="b"
    )
    log.put(table, model="m", prompt="c", response="d", chat_id=1)
    log.put(table, model="m", prompt="alone", response="yes")
    assert str(importing.run(FORM, log.path)) == "6 new, 0 skipped"
    (first,) = keys(importing, f"llm:{table}:1:")
    assert importing.texts(first) == ["a", "b", "c", "d"]
    assert system_of(importing, first) == "Be."
    assert importing.said(first)[0].message().created_at == 1_683_356_889_000_000
    assert str(importing.run(FORM, log.path)) == "0 new, 6 skipped"


def test_chats_of_two_first_files_are_not_mixed(importing: Importing) -> None:
    for name in ("a", "b"):
        Log(importing.folder, FIRST, f"{name}.db").put("log", prompt=name, response="x")
    importing.run(FORM, importing.folder)
    assert len(importing.keys()) == 2


# -- conversations and responses -----------------------------------------------------------------


@pytest.fixture
def later(importing: Importing) -> Log:
    log = Log(importing.folder, LATER)
    log.put("conversations", id="talk", name="A talk", model="gpt-x")
    return log


def test_prompts_and_answers_are_messages_with_model_usage_and_times(
    importing: Importing, later: Log
) -> None:
    counted: Record = {"input_tokens": 5, "output_tokens": 6, "token_details": '{"cached": 1}'}
    later.exchange(
        "r1",
        "hi",
        "hello",
        system="Be brief.",
        duration_ms=1500,
        options_json='{"t": 0}',
        **counted,
    )
    report = importing.run(FORM, later.path)
    assert (report.sessions, report.new, report.errors) == (1, 2, [])
    key = "llm:talk"
    assert importing.session(key).title == "A talk"
    assert system_of(importing, key) == "Be brief."
    question, answer = (stored.message() for stored in importing.said(key))
    assert (question.created_at, answer.created_at) == (AT_US, AT_US + 1_500_000)
    body = answer.body
    assert (body["model"], body["latency_ms"]) == ("gpt-x", 1500)
    assert body["usage"] == {"input_tokens": 5, "output_tokens": 6, "details": {"cached": 1}}
    assert body["metadata"]["extra"]["options"] == {"t": 0}


def test_a_system_text_that_changes_midway_is_a_message_there(
    importing: Importing, later: Log
) -> None:
    for number, system in enumerate(("Be brief.", None, "Be brief.", "Be long.", None)):
        later.exchange(f"r{number}", f"q{number}", f"a{number}", system=system)
    importing.run(FORM, later.path)
    told = [kind for kind in kinds(importing, "llm:talk") if kind[0] == "system"]
    assert told == [("system", "Be long.")]
    assert importing.texts("llm:talk").index("Be long.") == 6


def test_tools_calls_and_results_are_real_ones(importing: Importing, later: Log) -> None:
    later.put("tools", id=1, name="count", description="Counts", input_schema='{"type": "object"}')
    later.exchange("r1", "how many", "")
    later.put("tool_responses", tool_id=1, response_id="r1")
    for known in ("c1", None):
        later.put(
            "tool_calls", response_id="r1", name="count", arguments='{"a": 1}', tool_call_id=known
        )
    later.exchange("r2", "", "seven")
    later.put("tool_results", response_id="r2", name="count", output="7", tool_call_id="c1")
    later.put("tool_results", response_id="r2", name="count", output="", exception="broke")
    report = importing.run(FORM, later.path)
    assert (report.new, report.errors) == (5, [])
    said = [stored.message() for stored in importing.said("llm:talk")]
    assert [message.role for message in said] == ["user", "assistant", "tool", "tool", "assistant"]
    calls = said[1].body["tool_calls"]
    assert [call["id"] for call in calls] == ["c1", "call_2"]
    assert [message.body["tool_call_id"] for message in said[2:4]] == ["c1", "call_2"]
    assert said[3].body["error"] == "broke"
    assert tools_of(importing, "llm:talk")[0]["function"]["name"] == "count"


def test_attachments_are_named_and_fragments_are_text(importing: Importing, later: Log) -> None:
    later.exchange("r1", "look", "yes")
    later.put("attachments", id="x", type="image/png", content=b"1234567")
    later.put("attachments", id="y", type="image/png", url="https://example.com/y.png")
    later.put("fragments", id=1, hash="h", content="A long text", source="book.txt")
    for order, known in enumerate(("x", "y", "gone")):
        later.put("prompt_attachments", response_id="r1", attachment_id=known, order=order)
    later.put("prompt_fragments", response_id="r1", fragment_id=1, order=0)
    importing.run(FORM, later.path)
    body = importing.said("llm:talk")[0].message().body
    assert body["content"] == [
        {"type": "text", "text": "A long text"},
        {"type": "text", "text": "look"},
        {"type": "attachment", "id": "x", "media_type": "image/png", "bytes": 7},
        {"type": "image_url", "image_url": {"url": "https://example.com/y.png"}},
        {"type": "attachment", "missing": True},
    ]
    assert body["metadata"]["extra"]["fragments"] == [{"hash": "h", "source": "book.txt"}]


def test_a_grown_log_adds_what_is_new(importing: Importing, later: Log) -> None:
    later.exchange("r1", "a", "b", system="S")
    importing.run(FORM, later.path)
    assert str(importing.run(FORM, later.path)) == "0 new, 2 skipped"
    later.exchange("r2", "c", "d", system="T")
    later.exchange("r3", "x", "y", conversation_id="other")
    later.exchange("r4", "x", "y", conversation_id=None)
    assert str(importing.run(FORM, later.path)) == "7 new, 2 skipped"
    assert importing.texts("llm:talk") == ["a", "b", "T", "c", "d"]
    assert importing.texts("llm:response:4") == ["x", "y"]


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": b"\xff\xfe", "response": 7, "model": 1.5},
        {"prompt": "a\0b", "response": "\ud83d".encode("utf-8", "surrogatepass"), "model": None},
        {"prompt": "p", "response": "r", "duration_ms": "soon", "input_tokens": b"x"},
        {"prompt": "p", "response": "r", "options_json": "[" * 1_000_000, "token_details": "{"},
        {"prompt": "p", "response": "r", "datetime_utc": "yesterday", "system": b"\x00"},
        {"prompt": "p", "response": "r", "duration_ms": 2**62},
        {
            "prompt": "p",
            "response": "r",
            "datetime_utc": "9999-12-31 23:59:59",
            "duration_ms": 9**9,
        },
        {"prompt": "p", "response": "r", "response_json": '{"a":' * 150 + "1" + "}" * 150},
    ],
)
def test_any_type_in_any_column_costs_no_message(
    importing: Importing, later: Log, fields: Record
) -> None:
    later.exchange("r1", "before", "good")
    later.exchange("r2", **fields)
    later.exchange("r3", "after", "good")
    report = importing.run(FORM, later.path)
    assert importing.texts("llm:talk")[:2] == ["before", "good"]
    assert importing.texts("llm:talk")[-2:] == ["after", "good"]
    assert report.errors == []
    again = importing.run(FORM, later.path)
    assert again.new == 0


def test_a_row_over_the_limit_is_named_and_costs_only_itself(
    importing: Importing, later: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions_app.importers.base.MAX_LINE", 50_000)
    later.exchange("r1", "x" * 100_000, "a")
    later.exchange("r2", "b", "c")
    report = importing.run(FORM, later.path)
    assert importing.texts("llm:talk") == ["b", "c"]
    ((_, row, why),) = report.errors
    assert row == 1
    assert "row 1 of responses" in why


# -- threads of messages -------------------------------------------------------------------------


@pytest.fixture
def newest(importing: Importing) -> Log:
    return Log(importing.folder, LATER + NEWEST)


def test_a_thread_is_a_session_with_what_its_turns_know(importing: Importing, newest: Log) -> None:
    system = newest.say(None, "system", "Be brief.")
    asked = newest.say(system, "user", "hi", {"type": "attachment", "attachment": {"id": "x"}})
    newest.put("attachments", id="x", type="text/plain", path="notes.txt")
    thought = {"type": "reasoning", "text": "Hm."}
    answer = newest.say(asked, "assistant", thought, "hello")
    newest.turn("t", asked, answer, input_tokens=5, output_tokens=6, resolved_model="gpt-x-1")
    report = importing.run(FORM, newest.path)
    assert (report.sessions, report.new, report.errors, report.warnings) == (1, 2, [], [])
    assert system_of(importing, "llm:t") == "Be brief."
    question, told = (stored.message() for stored in importing.said("llm:t"))
    assert question.body["content"][1]["path"] == "notes.txt"
    assert (question.created_at, told.created_at) == (AT_US, AT_US + 1_500_000)
    assert (told.body["reasoning_content"], told.body["content"]) == ("Hm.", "hello")
    assert told.body["usage"] == {"input_tokens": 5, "output_tokens": 6}
    assert told.body["metadata"]["extra"]["resolved_model"] == "gpt-x-1"


def test_calls_of_a_thread_are_calls_and_each_result_a_message(
    importing: Importing, newest: Log
) -> None:
    newest.put("tools", id=1, name="count", description="Counts", input_schema="{}")
    asked = newest.say(None, "user", "how many")
    call = {"type": "tool_call", "name": "count", "arguments": {"a": 1}}
    called = newest.say(asked, "assistant", {**call, "tool_call_id": "c1"}, call)
    newest.turn("t", asked, called)
    newest.put("turn_tools", turn_id=f"t/{called}", tool_id=1)
    result = {"type": "tool_result", "name": "count", "output": "7"}
    results = newest.say(called, "tool", {**result, "tool_call_id": "c1"}, result)
    server = {"type": "tool_call", "name": "search", "arguments": {}, "server_executed": True}
    newest.turn("t", results, newest.say(results, "assistant", server, "seven"))
    report = importing.run(FORM, newest.path)
    assert (report.new, report.errors) == (5, [])
    said = [stored.message() for stored in importing.said("llm:t")]
    calls = [call["id"] for call in said[1].body["tool_calls"]]
    assert [message.body["tool_call_id"] for message in said[2:4]] == calls
    assert [part["type"] for part in said[4].body["content"]] == ["tool_call", "text"]
    assert tools_of(importing, "llm:t")[0]["function"]["name"] == "count"
    assert str(importing.run(FORM, newest.path)) == "0 new, 5 skipped"


def test_text_that_borrows_fragments_is_whole(importing: Importing, newest: Log) -> None:
    newest.put("fragments", id=3, hash="h", content="BOOK")
    pieces = [{"fragment": 3}, {"literal": "\nwhat?"}, {"fragment": 99}]
    asked = newest.say(None, "user", {"type": "text", "text_ref": pieces})
    newest.turn("t", asked, newest.say(asked, "assistant", "that"))
    importing.run(FORM, newest.path)
    assert importing.texts("llm:t") == ["BOOK\nwhat?", "that"]


def test_a_forked_thread_is_a_fork(importing: Importing, newest: Log) -> None:
    first = newest.talk("t", None, "a")
    newest.talk("t", first, "b")
    newest.talk("f", first, "c")
    newest.run("UPDATE threads SET forked_from = 't' WHERE id = 'f'")
    report = importing.run(FORM, newest.path)
    assert (report.sessions, report.new) == (2, 6)
    assert importing.texts("llm:t") == ["a", "re a", "b", "re b"]
    assert importing.texts("llm:f") == ["a", "re a", "c", "re c"]
    assert str(importing.run(FORM, newest.path)) == "0 new, 6 skipped"


def test_threads_that_only_begin_alike_are_sessions_of_their_own(
    importing: Importing, newest: Log
) -> None:
    newest.talk("t", None, "hi", "b")
    newest.talk("u", None, "hi", "c")
    importing.run(FORM, newest.path)
    assert importing.texts("llm:t") == ["hi", "re hi", "b", "re b"]
    assert importing.texts("llm:u") == ["hi", "re hi", "c", "re c"]


def test_a_chain_that_the_thread_has_left_is_a_fork(importing: Importing, newest: Log) -> None:
    first = newest.talk("t", None, "a")
    newest.talk("t", first, "b")
    importing.run(FORM, newest.path)
    newest.talk("t", first, "c")
    report = importing.run(FORM, newest.path)
    assert importing.texts("llm:t") == ["a", "re a", "c", "re c"]
    (fork,) = keys(importing, "llm:t:")
    assert importing.texts(fork) == ["a", "re a", "b", "re b"]
    assert (report.sessions, report.errors) == (2, [])
    assert importing.run(FORM, newest.path).new == 0


def test_a_thread_set_back_takes_the_rest_out_of_view_with_nothing_new_said(
    importing: Importing, newest: Log
) -> None:
    first = newest.talk("t", None, "a")
    newest.talk("t", first, "b")
    importing.run(FORM, newest.path)
    newest.run("UPDATE threads SET tip_message_hash = ? WHERE id = 't'", first)
    importing.run(FORM, newest.path, dry_run=True)
    assert importing.texts("llm:t") == ["a", "re a", "b", "re b"]
    importing.run(FORM, newest.path)
    assert importing.texts("llm:t") == ["a", "re a"]
    (fork,) = keys(importing, "llm:t:")
    assert importing.texts(fork) == ["a", "re a", "b", "re b"]
    version = importing.session("llm:t").version
    assert importing.run(FORM, newest.path).new == 0
    assert importing.session("llm:t").version == version


def test_a_conversation_continued_under_a_newer_release_is_one_session(
    importing: Importing, newest: Log
) -> None:
    newest.exchange("r1", "a", "re a", system="Be brief.", conversation_id="t")
    newest.exchange("r2", "b", "re b", system="Be long.", conversation_id="t")
    importing.run(FORM, newest.path)
    tip = newest.say(None, "system", "Be brief.")
    for text in ("a", "b"):
        tip = newest.say(tip, "system", "Be long.") if text == "b" else tip
        tip = newest.say(newest.say(tip, "user", text), "assistant", f"re {text}")
    newest.talk("t", tip, "c")
    assert str(importing.run(FORM, newest.path)) == "2 new, 5 skipped"
    told = ["a", "re a", "Be long.", "b", "re b", "c", "re c"]
    assert importing.texts("llm:t") == told
    newest.talk("f", tip, "d")
    newest.run("UPDATE threads SET forked_from = 't' WHERE id = 'f'")
    importing.run(FORM, newest.path)
    assert importing.texts("llm:f") == [*told[:5], "d", "re d"]


def test_parents_that_lead_in_a_circle_or_nowhere_cost_only_themselves(
    importing: Importing, newest: Log
) -> None:
    for thread in ("good", "circle", "orphan"):
        newest.talk(thread, None, f"{thread} 1", f"{thread} 2")
    newest.run("UPDATE messages SET parent_hash = (SELECT hash FROM messages WHERE rowid = 8)"
               " WHERE rowid = 5")  # fmt: skip
    newest.run("UPDATE messages SET parent_hash = 'gone' WHERE rowid = 9")
    report = importing.run(FORM, newest.path)
    assert report.new == 12
    reasons = [(row, why.partition("names")[2]) for _, row, why in report.errors]
    assert reasons == [
        (5, " a parent that leads back to itself"),
        (9, " a parent that is not there"),
    ]
    assert importing.texts("llm:orphan") == ["orphan 1", "re orphan 1", "orphan 2", "re orphan 2"]


@pytest.mark.parametrize(
    "payload", ["{", "[" * 1_000_000, '{"a": NaN}', '{"a":' * 200 + "1" + "}" * 200]
)
def test_a_bad_part_costs_its_message_and_is_named(
    importing: Importing, newest: Log, payload: str
) -> None:
    tip = newest.talk("t", None, "a")
    bad = newest.say(tip, "user", {"type": "text"})
    newest.run("UPDATE parts SET payload = ?, text = NULL WHERE message_hash = ?", payload, bad)
    newest.talk("t", bad, "b")
    report = importing.run(FORM, newest.path)
    assert importing.texts("llm:t") == ["a", "re a", "b", "re b"]
    assert [(row, "row 3 of messages" in why) for _, row, why in report.errors] == [(3, True)]


def test_what_no_thread_knows_is_counted_in_a_warning(importing: Importing, newest: Log) -> None:
    newest.talk("t", None, "a")
    newest.say(newest.say(None, "user", "loose"), "robot", "beep")
    report = importing.run(FORM, newest.path)
    assert report.new == 2
    assert [warning.partition(": ")[2] for warning in report.warnings] == [
        "2 messages belong to no thread; they are not imported"
    ]


@pytest.mark.parametrize("kind", ["text", "reasoning", "tool_call", "tool_result", "attachment", 5])
@pytest.mark.parametrize("role", ["user", "assistant", "tool", "system"])
@pytest.mark.parametrize("payload", [None, "{}", "[1]", '{"attachment": 1, "text": 5, "name": 1}'])
def test_a_part_without_what_it_should_hold_costs_no_other(
    importing: Importing, newest: Log, kind: Any, role: str, payload: str | None
) -> None:
    tip = newest.talk("t", None, "a")
    odd = newest.say(tip, role)
    newest.put("parts", message_hash=odd, position=0, type=kind, payload=payload)
    newest.talk("t", odd, "b")
    assert importing.run(FORM, newest.path).errors == []
    texts = importing.texts("llm:t")
    assert (texts[:2], texts[-2:]) == (["a", "re a"], ["b", "re b"])
    assert importing.run(FORM, newest.path).new == 0


def test_a_role_or_part_that_is_not_known_is_kept(importing: Importing, newest: Log) -> None:
    asked = newest.say(None, "user", "a")
    odd = newest.say(newest.say(asked, "robot", "beep"), "tool", {"type": "hologram", "x": 1})
    newest.turn("t", asked, newest.say(odd, "assistant", {"type": "hologram", "x": 2}, "b"))
    report = importing.run(FORM, newest.path)
    assert (report.new, report.unknown, report.errors) == (2, 2, [])
    assert importing.texts("llm:t")[1][0] == {"x": 2, "type": "hologram"}


def test_a_newer_release_is_warned_of_and_foreign_tables_refused(
    importing: Importing, newest: Log
) -> None:
    newest.run("CREATE TABLE _llm_migrations (name TEXT, applied_at TEXT)")
    newest.run("INSERT INTO _llm_migrations VALUES ('m099_telepathy', '')")
    newest.talk("t", None, "a")
    report = importing.run(FORM, newest.path)
    assert report.new == 2
    assert "newer release (m099_telepathy)" in report.warnings[0]
    other = Log(importing.folder, "CREATE TABLE notes (id);", "other.db")
    ((_, _, why),) = importing.run(FORM, other.path).errors
    assert "it holds notes" in why


def test_the_log_is_found_where_the_tool_keeps_it(
    importing: Importing, newest: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_USER_PATH", str(importing.folder))
    assert llm.find() == [newest.path]
    monkeypatch.setenv("LLM_USER_PATH", str(importing.folder / "nowhere"))
    assert llm.find() == []
    monkeypatch.delenv("LLM_USER_PATH")
    monkeypatch.setenv("HOME", str(importing.folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert llm.find() == []


steps = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6)), min_size=1, max_size=8)


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=steps)
def test_every_chain_stands_on_its_session_however_the_file_grew(
    importing: Importing, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    """Each step is a turn of a thread behind any message there is, or behind none."""
    log = Log(tmp_path_factory.mktemp("grown"), LATER + NEWEST)
    mark = log.path.parent.name
    chains: dict[str | None, list[str]] = {None: []}
    tips: dict[str, str] = {}
    for number, (of, behind) in enumerate(steps):
        parent = list(chains)[behind % len(chains)]
        thread = f"{mark}-{of}"
        text = f"{mark} {number}"
        tip = log.talk(thread, parent, text)
        chains[tip] = [*chains[parent], text, f"re {text}"]
        tips[thread] = tip
        assert importing.run(FORM, log.path).errors == []
        for own, at in tips.items():
            assert importing.texts(f"llm:{own}") == chains[at]
    report = importing.run(FORM, log.path)
    assert (report.new, report.warnings) == (0, [])
    told = {tuple(importing.texts(key)) for key in keys(importing, f"llm:{mark}-")}
    for chain in chains.values():
        assert any(tuple(chain) == one[: len(chain)] for one in told)
