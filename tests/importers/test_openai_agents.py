"""Sessions of the OpenAI Agents SDK, in the tables its session classes make."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.importers.importing import Importing, Record

FORM = "openai-agents"
MADE = "2026-01-02 03:04:05"
KEY = f"{FORM}:user_1:2026-01-02T03:04:05"
TURN: list[Record] = [
    {"role": "user", "content": "How many?"},
    {"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "Count."}]},
    {"type": "function_call", "call_id": "c1", "name": "count", "arguments": "{}", "id": "f1"},
    {"type": "function_call_output", "call_id": "c1", "output": "7"},
    {
        "type": "message",
        "id": "m1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Seven.", "annotations": []}],
    },
]
STRUCTURE = """
    CREATE TABLE message_structure (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
        message_id INTEGER NOT NULL, branch_id TEXT NOT NULL DEFAULT 'main',
        message_type TEXT NOT NULL, sequence_number INTEGER NOT NULL, user_turn_number INTEGER,
        branch_turn_number INTEGER, tool_name TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        FOREIGN KEY (message_id) REFERENCES agent_messages(id));
    CREATE TABLE turn_usage (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
        branch_id TEXT NOT NULL DEFAULT 'main', user_turn_number INTEGER NOT NULL,
        requests INTEGER DEFAULT 0, input_tokens INTEGER DEFAULT 0, output_tokens INTEGER DEFAULT 0,
        total_tokens INTEGER DEFAULT 0, input_tokens_details JSON, output_tokens_details JSON,
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
"""


def tables(messages: str = "agent_messages", sessions: str = "agent_sessions") -> str:
    return f"""
        CREATE TABLE {sessions} (session_id TEXT PRIMARY KEY,
            created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
            updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
        CREATE TABLE {messages} (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
            message_data TEXT NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
            FOREIGN KEY (session_id) REFERENCES {sessions} (session_id) ON DELETE CASCADE);
        CREATE INDEX idx_{messages} ON {messages} (session_id, id);
    """


class Sessions:
    """A database file as the SDK would write it."""

    def __init__(self, folder: Path, name: str = "agents.db", schema: str = "") -> None:
        self.path = folder / name
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript((schema or tables()) + STRUCTURE)

    def run(self, statement: str, *given: Any) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(statement, given)

    def add(self, items: Sequence[Any], session: Any = "user_1", table: str = "agent") -> None:
        """Items, as values or as the very bytes of the column."""
        made = f"INTO {table}_sessions (session_id, created_at) VALUES (?, ?)"
        self.run(f"INSERT OR IGNORE {made}", session, MADE)
        for item in items:
            data = item if isinstance(item, bytes) else json.dumps(item)
            put = f"INSERT INTO {table}_messages (session_id, message_data, created_at)"
            self.run(f"{put} VALUES (?, ?, ?)", session, data, MADE)

    def place(self, branch: str, rows: Sequence[int], session: str = "user_1") -> None:
        """Puts rows on a branch, each a turn of its own."""
        for turn, row in enumerate(rows, 1):
            self.run(
                "INSERT INTO message_structure (session_id, message_id, branch_id, message_type,"
                " sequence_number, user_turn_number, branch_turn_number) SELECT ?, ?, ?, 'user',"
                " coalesce(max(sequence_number), 0) + 1, ?, ? FROM message_structure",
                *(session, row, branch, turn, turn),
            )


@pytest.fixture
def sessions(importing: Importing) -> Sessions:
    return Sessions(importing.folder)


def user(text: str) -> Record:
    return {"role": "user", "content": text}


def test_every_item_is_a_message_and_calls_are_calls(
    importing: Importing, sessions: Sessions
) -> None:
    sessions.add(TURN)
    report = importing.run(FORM, sessions.path)
    assert (report.sessions, report.new, report.unknown, report.errors) == (1, 5, 0, [])
    said = [stored.message() for stored in importing.said(KEY)]
    roles = [message.role for message in said]
    assert roles == ["user", "assistant", "assistant", "tool", "assistant"]
    assert said[2].body["arguments"] == "{}"
    assert said[3].body["output"] == "7"
    assert {message.created_at for message in said} == {1_767_323_045_000_000}
    assert importing.session(KEY).title == "How many?"


def test_importing_twice_stores_nothing_and_a_grown_file_what_is_new(
    importing: Importing, sessions: Sessions
) -> None:
    sessions.add(TURN)
    importing.run(FORM, sessions.path)
    assert str(importing.run(FORM, sessions.path)) == "0 new, 5 skipped"
    sessions.add([user("And now?")])
    sessions.add([user("Another")], "user_2")
    assert str(importing.run(FORM, sessions.path)) == "2 new, 5 skipped"
    assert importing.texts(KEY)[-1] == "And now?"


def test_the_file_is_not_changed_and_nothing_appears_beside_it(
    importing: Importing, sessions: Sessions
) -> None:
    sessions.run("PRAGMA journal_mode = WAL")
    sessions.add(TURN)
    before = (sessions.path.read_bytes(), sessions.path.stat().st_mtime_ns)
    beside = sorted(importing.folder.iterdir())
    assert importing.run(FORM, sessions.path).new == 5
    assert (sessions.path.read_bytes(), sessions.path.stat().st_mtime_ns) == before
    assert sorted(importing.folder.iterdir()) == beside


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_file_that_is_being_written_to_is_read_as_far_as_it_is_committed(
    importing: Importing, sessions: Sessions, mode: str
) -> None:
    sessions.run(f"PRAGMA journal_mode = {mode}")
    with closing(sqlite3.connect(sessions.path, isolation_level=None)) as writer:
        sessions.add(TURN)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO agent_messages (session_id, message_data) VALUES ('u', '{}')")
        assert importing.run(FORM, sessions.path).new == 5
        writer.execute("COMMIT")


def test_files_of_a_folder_are_told_by_their_suffix_and_may_be_packed(
    importing: Importing,
) -> None:
    for name in ("a.db", "b.sqlite", "c.sqlite3", "d.txt"):
        Sessions(importing.folder, name).add([user(name)], name)
    packed = Sessions(importing.folder, "e.db")
    packed.add([user("e")], "e")
    (importing.folder / "f.db.gz").write_bytes(gzip.compress(packed.path.read_bytes()))
    packed.path.unlink()
    report = importing.run(FORM, importing.folder)
    assert (report.new, report.errors) == (4, [])
    assert importing.run(FORM, importing.folder / "d.txt").new == 1


def test_two_files_that_use_one_session_id_are_two_sessions(importing: Importing) -> None:
    for number, made in enumerate(("2026-01-02 03:04:05", "2026-02-02 03:04:05")):
        sessions = Sessions(importing.folder, f"{number}.db")
        sessions.add([user(f"Hello {number}")])
        sessions.run("UPDATE agent_sessions SET created_at = ?", made)
    assert str(importing.run(FORM, importing.folder)) == "2 new, 0 skipped"
    assert len(importing.keys()) == 2


def test_files_of_one_second_with_one_session_id_lose_nothing(importing: Importing) -> None:
    for number in range(2):
        Sessions(importing.folder, f"{number}.db").add([user(f"Hello {number}")])
    importing.run(FORM, importing.folder)
    assert importing.texts(KEY) == ["Hello 0", "Hello 1"]


def test_tables_of_other_names_are_found(importing: Importing) -> None:
    schema = tables() + tables("my_messages", "my_sessions")
    sessions = Sessions(importing.folder, schema=schema)
    sessions.add([user("mine")], table="my")
    sessions.add([user("usual")])
    assert importing.run(FORM, sessions.path).new == 2
    assert importing.texts(f"{FORM}:my_messages:user_1:2026-01-02T03:04:05") == ["mine"]


def test_branches_are_forks_behind_what_they_share(
    importing: Importing, sessions: Sessions
) -> None:
    sessions.add([user(text) for text in ("a", "b", "c", "d", "e")])
    sessions.place("main", [1, 2, 3])
    sessions.place("other", [1, 2, 4])
    sessions.place("third", [1, 2, 4, 5])
    report = importing.run(FORM, sessions.path)
    assert (report.sessions, report.new) == (3, 5)
    assert importing.texts(KEY) == ["a", "b", "c"]
    assert importing.texts(f"{KEY}:other") == ["a", "b", "d"]
    assert importing.texts(f"{KEY}:third") == ["a", "b", "d", "e"]
    assert str(importing.run(FORM, sessions.path)) == "0 new, 5 skipped"
    sessions.add([user("f")])
    sessions.place("other", [6])
    assert str(importing.run(FORM, sessions.path)) == "1 new, 5 skipped"
    assert importing.texts(f"{KEY}:other") == ["a", "b", "d", "f"]


def test_usage_stands_at_the_last_item_of_its_turn(
    importing: Importing, sessions: Sessions
) -> None:
    sessions.add([user("a"), TURN[-1]])
    sessions.place("main", [1, 2])
    put = "INSERT INTO turn_usage (session_id, branch_id, user_turn_number, requests, input_tokens,"
    put += (
        " output_tokens, total_tokens, output_tokens_details) VALUES (?, 'main', 2, 1, 5, 6, 11, ?)"
    )
    sessions.run(put, "user_1", '{"reasoning_tokens": 4}')
    report = importing.run(FORM, sessions.path)
    assert (report.new, report.unknown) == (2, 0)
    usage = importing.said(KEY)[1].message().body["usage"]
    assert (usage["input_tokens"], usage["output_tokens_details"]) == (5, {"reasoning_tokens": 4})
    ((kept,),) = [event["records"] for event in importing.events(KEY, "imported_records")]
    assert kept["record"]["turn_usage"]["usage"]["total_tokens"] == 11
    importing.run(FORM, sessions.path)
    assert len(importing.events(KEY, "imported_records")) == 1


def test_unknown_and_encrypted_items_are_kept_as_they_are(
    importing: Importing, sessions: Sessions
) -> None:
    odd = [{"type": "hologram", "x": 1}, {"__enc__": 1, "payload": "abc"}, [1, 2], "words"]
    sessions.add([user("a"), *odd])
    report = importing.run(FORM, sessions.path)
    assert (report.new, report.unknown, report.errors) == (1, 4, [])
    assert any("encrypted" in warning for warning in report.warnings)
    ((*records,),) = [event["records"] for event in importing.events(KEY, "imported_records")]
    assert [record["record"] for record in records] == odd


HOSTILE: list[tuple[bytes, str]] = [
    (b"{'role': 'user'}", "is not valid JSON"),
    (b'{"role": "user", "content": "cut', "is not valid JSON"),
    (b"[" * 1_000_000, "is not valid JSON"),
    (b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}", "nested deeper"),
    (b'{"role": "user", "content": "\xff"}', "is not valid UTF-8"),
    (b'{"a": NaN}', "NaN"),
    (b"", "is not valid JSON"),
]


@pytest.mark.parametrize(("data", "reason"), HOSTILE)
def test_a_bad_row_costs_only_itself_and_is_named(
    importing: Importing, sessions: Sessions, data: bytes, reason: str
) -> None:
    sessions.add([user("a"), data, user("b")])
    report = importing.run(FORM, sessions.path)
    assert importing.texts(KEY) == ["a", "b"]
    ((path, row, why),) = report.errors
    assert (path, row) == (str(sessions.path), 2)
    assert "row 2 of agent_messages" in why
    assert reason in why


def test_nul_and_lone_surrogates_are_repaired_and_marked(
    importing: Importing, sessions: Sessions
) -> None:
    sessions.add([user("a\0b\ud800c")])
    report = importing.run(FORM, sessions.path)
    assert (report.new, report.repaired) == (1, 1)
    assert importing.texts(KEY) == ["a\ufffdb\ufffdc"]
    assert str(importing.run(FORM, sessions.path)) == "0 new, 1 skipped"


@pytest.mark.parametrize("value", [7, 1.5, b"\xff\x00", "a\0b", "x" * 100_000, "", "'; DROP"])
def test_any_type_in_any_column_is_taken(
    importing: Importing, sessions: Sessions, value: Any
) -> None:
    sessions.run("CREATE TABLE loose_sessions (session_id, created_at)")
    columns = "id INTEGER PRIMARY KEY, session_id, message_data, created_at"
    key = "FOREIGN KEY (session_id) REFERENCES loose_sessions (session_id)"
    sessions.run(f"CREATE TABLE loose_messages ({columns}, {key})")
    sessions.run("INSERT INTO loose_sessions VALUES (?, ?)", value, value)
    put = "INSERT INTO loose_messages (session_id, message_data, created_at) VALUES (?, ?, ?)"
    sessions.run(put, value, json.dumps(user("good")), value)
    sessions.run(put, value, value, value)
    report = importing.run(FORM, sessions.path)
    assert report.new == 1
    (own,) = importing.keys()
    assert own is not None
    assert importing.texts(own) == ["good"]


def test_branches_that_name_rows_of_nobody_are_left_out(
    importing: Importing, sessions: Sessions
) -> None:
    sessions.add([user("a"), user("b")])
    sessions.add([user("theirs")], "user_2")
    sessions.place("main", [1, 1, 99])
    sessions.place("other", [3, 99])
    assert importing.run(FORM, sessions.path).new == 3
    assert importing.texts(KEY) == ["a", "b"]


def not_a_database(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)


def an_empty_file(path: Path) -> None:
    path.write_bytes(b"")


def other_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE notes (id)")


def a_newer_schema(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE agent_messages (id INTEGER PRIMARY KEY, session_id, body)")


def a_view(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE VIEW agent_messages AS"
            " WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n)"
            " SELECT x AS id, 's' AS session_id, '{}' AS message_data FROM n"
        )


def a_damaged_file(path: Path) -> None:
    other_tables(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:100] + b"\xff" * (len(raw) - 100))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (not_a_database, "is not a SQLite database"),
        (an_empty_file, "is empty"),
        (other_tables, "has no table agent_messages; it holds notes"),
        (a_newer_schema, "has no column message_data"),
        (a_view, "has no table agent_messages"),
        (a_damaged_file, "cannot be"),
    ],
)
@pytest.mark.parametrize("form", [FORM])
def test_what_cannot_be_used_is_refused_with_a_reason(
    importing: Importing, make: Any, reason: str, form: str
) -> None:
    path = importing.folder / "odd.db"
    make(path)
    ((_, line, why),) = importing.run(form, path).errors
    assert line == 0
    assert reason in why
    assert importing.keys() == []


def test_a_locked_file_is_given_up(
    importing: Importing, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions_app.importers.databases.WAIT", 0.01)
    with closing(sqlite3.connect(sessions.path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        ((_, _, why),) = importing.run(FORM, sessions.path).errors
    assert "locked" in why


def test_a_value_over_the_limit_costs_its_row(
    importing: Importing, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions_app.importers.base.MAX_LINE", 50_000)
    sessions.add([user("a"), user("x" * 100_000), user("b")])
    report = importing.run(FORM, sessions.path)
    assert importing.texts(KEY) == ["a", "b"]
    assert [error[1] for error in report.errors] == [2]


branches = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=8
)


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=branches)
def test_every_item_stands_on_its_branch_however_the_file_grew(
    importing: Importing,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, int, int]],
) -> None:
    """Each step goes on with a branch, or begins one behind some row of another."""
    sessions = Sessions(tmp_path_factory.mktemp("grown"))
    session = sessions.path.parent.name
    told: dict[str, list[int]] = {"main": []}
    texts: dict[int, str] = {}
    for number, (of, behind, more) in enumerate(steps):
        names = list(told)
        parent = names[of % len(names)]
        branch = parent
        if behind < len(told[parent]):
            branch = f"b{number}"
            told[branch] = told[parent][:behind]
            sessions.place(branch, told[branch], session)
        for one in range(more + 1):
            row = len(texts) + 1
            texts[row] = f"{session} {number} {one}"
            sessions.add([user(texts[row])], session)
            sessions.place(branch, [row], session)
            told[branch].append(row)
        report = importing.run(FORM, sessions.path)
        assert (report.new, report.errors) == (more + 1, [])
    key = f"{FORM}:{session}:2026-01-02T03:04:05"
    for branch, rows in told.items():
        if rows:
            own = key if branch == "main" else f"{key}:{branch}"
            assert importing.texts(own) == [texts[row] for row in rows]
