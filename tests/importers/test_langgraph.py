"""Threads of LangGraph, in the tables its SqliteSaver makes."""

from __future__ import annotations

import contextlib
import json
import pickle
import sqlite3
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sessions_app.importers import msgpack
from tests.examples import examples
from tests.importers.importing import Importing, Record

FORM = "langgraph"
SCHEMA = """
    CREATE TABLE checkpoints (thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '',
        checkpoint_id TEXT NOT NULL, parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB,
        metadata BLOB, PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id));
    CREATE TABLE writes (thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '',
        checkpoint_id TEXT NOT NULL, task_id TEXT NOT NULL, idx INTEGER NOT NULL,
        channel TEXT NOT NULL, type TEXT, value BLOB, task_path TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx));
"""
CLASSES = {
    "human": "HumanMessage", "ai": "AIMessage", "system": "SystemMessage", "tool": "ToolMessage",
    "function": "FunctionMessage", "remove": "RemoveMessage", "chat": "ChatMessage",
}  # fmt: skip


def packed(value: Any) -> bytes:
    """MessagePack of plain values and extensions, in its widest forms."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, msgpack.Extension):
        return struct.pack(">BIb", 0xC9, len(value.data), value.code) + value.data
    if isinstance(value, int):
        return struct.pack(">Bq", 0xD3, value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xC6, len(value)) + value
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        return struct.pack(">BI", 0xDB, len(raw)) + raw
    if isinstance(value, dict):
        pairs = b"".join(packed(key) + packed(entry) for key, entry in value.items())
        return struct.pack(">BI", 0xDF, len(value)) + pairs
    return struct.pack(">BI", 0xDD, len(value)) + b"".join(map(packed, value))


def built(module: str, called: str, fields: Any, code: int = 5) -> msgpack.Extension:
    return msgpack.Extension(code, packed([module, called, fields, "model_validate_json"]))


def message(kind: str, content: Any, known: str | None = None, **more: Any) -> msgpack.Extension:
    """A message as LangGraph packs one."""
    fields = {"content": content, "additional_kwargs": {}, "response_metadata": {}, "type": kind}
    return built("langchain_core.messages", CLASSES[kind], {**fields, "id": known, **more})


def human(text: Any, known: str | None = None) -> msgpack.Extension:
    return message("human", text, known or f"id {text}")


class Saver:
    """A file of checkpoints as the SqliteSaver would write it."""

    def __init__(self, folder: Path, name: str = "graph.db", schema: str = SCHEMA) -> None:
        self.path = folder / name
        self.steps = 0
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(schema)

    def run(self, statement: str, *given: Any) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(statement, given)

    def put(
        self, messages: Any, parent: str | None = None, *, thread: Any = "1", **more: Any
    ) -> str:
        """A checkpoint with these messages; returns its id. `more` replaces what is in its row."""
        self.steps += 1
        known = f"1f0-{self.steps:06}"
        at = f"2026-01-02T03:04:{self.steps % 60:02}+00:00"
        versions = {"messages": self.steps}
        values = {} if messages is None else {"messages": messages}
        value = {
            "v": 4,
            "ts": at,
            "id": known,
            "channel_values": values,
            "channel_versions": versions,
        }
        row: Record = {
            "thread_id": thread, "checkpoint_ns": "", "checkpoint_id": known,
            "parent_checkpoint_id": parent, "type": "msgpack", "checkpoint": packed(value), **more,
        }  # fmt: skip
        places = ", ".join("?" * len(row))
        put = f"INTO checkpoints ({', '.join(row)}) VALUES ({places})"
        self.run(f"INSERT {put}", *row.values())
        return known

    def write(self, checkpoint: str, value: Any) -> None:
        put = "INSERT INTO writes (thread_id, checkpoint_id, task_id, idx, channel, type, value)"
        self.steps += 1
        self.run(
            f"{put} VALUES ('1', ?, 't', ?, 'messages', 'msgpack', ?)",
            *(checkpoint, self.steps, packed(value)),
        )

    def grow(self, *lists: Any, parent: str | None = None, thread: str = "1") -> str:
        """One checkpoint for each list, each behind the one before."""
        for listed in lists:
            parent = self.put(listed, parent, thread=thread)
        assert parent is not None
        return parent


@pytest.fixture
def saver(importing: Importing) -> Saver:
    return Saver(importing.folder)


def keys(importing: Importing) -> list[str]:
    """The session first, then its forks."""
    return sorted((key for key in importing.keys() if key), key=len)  # noqa: SIM118


def only(importing: Importing) -> str:
    (key,) = keys(importing)
    return key


A, B, C, D = (human(text) for text in "abcd")


# -- what becomes what ---------------------------------------------------------------------------


def test_messages_become_messages_with_calls_results_and_usage(
    importing: Importing, saver: Saver
) -> None:
    blocks = [
        {"type": "text", "text": "Let me count."},
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "tool_use", "id": "c1", "name": "count", "input": {"a": 1}},
    ]
    calls = [{"name": "count", "args": {"a": 1}, "id": "c1", "type": "tool_call"}]
    broken = [{"name": "count", "args": "{a", "id": "c2", "error": "no JSON"}]
    usage = {"input_tokens": 5, "output_tokens": 6, "total_tokens": 11}
    told = {"model_name": "gpt-x", "finish_reason": "stop"}
    listed = [
        message("system", "Be brief.", "s"),
        human("How many?"),
        message("ai", blocks, "a1", tool_calls=calls, invalid_tool_calls=broken),
        message("tool", "7", "t1", tool_call_id="c1", name="count", status="success"),
        message("tool", "?", "t2", tool_call_id="c2", status="error", artifact={"raw": b"\x00"}),
        message("ai", "Seven.", "a2", usage_metadata=usage, response_metadata=told),
    ]
    saver.grow(listed[:2], listed[:3], listed[:5], listed)
    report = importing.run(FORM, saver.path)
    assert (report.sessions, report.new, report.unknown, report.errors) == (1, 5, 0, [])
    key = only(importing)
    session = importing.session(key)
    assert session.title == "How many?"
    assert importing.store.prompt(session).data["system"] == "Be brief."
    said = [stored.message() for stored in importing.said(key)]
    assert [one.role for one in said] == ["user", "assistant", "tool", "tool", "assistant"]
    called = said[1].body
    assert (called["content"], called["reasoning_content"]) == ("Let me count.", "Hm.")
    assert [(one["id"], one["function"]["arguments"]) for one in called["tool_calls"]] == [
        ("c1", '{"a": 1}'),
        ("c2", "{a"),
    ]
    assert called["metadata"]["extra"]["content"] == blocks
    assert [one.body["tool_call_id"] for one in said[2:4]] == ["c1", "c2"]
    assert said[3].body["metadata"]["extra"]["status"] == "error"
    assert said[3].body["metadata"]["extra"]["artifact"]["raw"]["bytes"] == 1
    assert (said[4].body["usage"], said[4].body["model"]) == (usage, "gpt-x")
    assert [one.created_at for one in said[:2]] == [1_767_323_041_000_000, 1_767_323_042_000_000]


def test_older_functions_chats_and_images_are_taken(importing: Importing, saver: Saver) -> None:
    function = {"function_call": {"name": "count", "arguments": "{}"}}
    image = {"type": "image", "base64": "AAAA", "mime_type": "image/png"}
    listed = [
        message("human", ["Look:", image, {"type": "image_url", "image_url": "https://x/y"}], "h"),
        message("ai", "", "a", additional_kwargs=function),
        message("function", "7", "f", name="count"),
        message("chat", "As you wish.", "c", role="assistant"),
        message("chat", "Beep.", "r", role="robot"),
    ]
    saver.grow(listed)
    report = importing.run(FORM, saver.path)
    assert (report.new, report.unknown, report.errors) == (4, 1, [])
    said = [stored.message() for stored in importing.said(only(importing))]
    assert [part["type"] for part in said[0].body["content"]] == ["text", "image_url", "image_url"]
    assert said[1].body["tool_calls"][0]["id"] == said[2].body["tool_call_id"]
    assert said[3].role == "assistant"


def test_json_checkpoints_and_plain_dicts_are_read(importing: Importing, saver: Saver) -> None:
    where = ["langchain", "schema", "messages", "HumanMessage"]
    old = {"lc": 1, "type": "constructor", "id": where, "kwargs": {"content": "a", "id": "h"}}
    plain = {"role": "assistant", "content": "b"}
    value = {
        "ts": "2026-01-02T03:04:05+00:00",
        "channel_values": {"chat": [old, plain, ["ai", "c"]]},
    }
    saver.put(None, type="json", checkpoint=json.dumps(value).encode())
    assert importing.run(FORM, saver.path).new == 3
    said = [stored.message() for stored in importing.said(only(importing))]
    assert [(one.role, one.body["content"]) for one in said] == [
        ("user", "a"),
        ("assistant", "b"),
        ("assistant", "c"),
    ]


def test_threads_and_namespaces_are_sessions_of_their_own(
    importing: Importing, saver: Saver
) -> None:
    saver.grow([A])
    saver.grow([A, B], thread="2")
    saver.put([A, C], checkpoint_ns="agent:77")
    other = Saver(importing.folder, "other.db")
    other.grow([human("a", "another id")])
    assert importing.run(FORM, importing.folder).new == 6
    assert sorted(map(tuple, map(importing.texts, keys(importing)))) == [
        ("a",),
        ("a",),
        ("a", "b"),
        ("a", "c"),
    ]
    assert any(":agent:77:" in key for key in keys(importing))


# -- branches, edits, removals -------------------------------------------------------------------


def test_importing_twice_stores_nothing_and_a_grown_file_what_is_new(
    importing: Importing, saver: Saver
) -> None:
    tip = saver.grow([A], [A, B])
    importing.run(FORM, saver.path)
    assert str(importing.run(FORM, saver.path)) == "0 new, 2 skipped"
    saver.grow([A, B, C], parent=tip)
    assert str(importing.run(FORM, saver.path)) == "1 new, 2 skipped"
    assert importing.texts(only(importing)) == ["a", "b", "c"]


def test_the_newest_branch_is_the_session_and_others_are_forks(
    importing: Importing, saver: Saver
) -> None:
    first = saver.grow([A], [A, B])
    left = saver.grow([A, B, C], parent=first)
    importing.run(FORM, saver.path)
    saver.grow([A, B, D], parent=first)
    report = importing.run(FORM, saver.path)
    assert (report.sessions, report.errors) == (2, [])
    session, fork = keys(importing)
    assert fork.startswith(f"{session}:")
    assert importing.texts(session) == ["a", "b", "d"]
    assert importing.texts(fork) == ["a", "b", "c"]
    assert importing.run(FORM, saver.path).new == 0
    saver.grow([A, B, C, human("e")], parent=left)
    importing.run(FORM, saver.path)
    assert importing.texts(session) == ["a", "b", "c", "e"]


def test_what_was_left_goes_before_what_was_removed_is_noted(
    importing: Importing, saver: Saver
) -> None:
    first = saver.grow([A], [A, B])
    saver.grow([A, B, C], parent=first)
    importing.run(FORM, saver.path)
    saver.grow([B], [B, D], parent=first)
    importing.run(FORM, saver.path)
    session = keys(importing)[0]
    assert importing.texts(session) == ["a", "b", "d"]
    events = importing.store.events(importing.session(session), limit=10)
    assert [event.kind for event in events][1:] == ["retracted", "imported_boundary"]


def test_a_leaf_that_says_nothing_else_is_no_fork(importing: Importing, saver: Saver) -> None:
    first = saver.grow([A], [A, B])
    saver.grow([A, B, C], parent=first)
    saver.grow([A, B], parent=first)
    saver.grow([A, B, C], parent=first)
    assert importing.run(FORM, saver.path).sessions == 1
    assert importing.texts(only(importing)) == ["a", "b", "c"]


def test_removed_messages_stay_behind_a_boundary(importing: Importing, saver: Saver) -> None:
    summary = human("a and b, in short")
    tip = saver.grow([A, B, C], [summary, C], [summary, C, D])
    report = importing.run(FORM, saver.path)
    key = only(importing)
    assert importing.texts(key) == ["a", "b", "c", "a and b, in short", "d"]
    (boundary,) = importing.events(key, "imported_boundary")
    assert (boundary["trigger"], boundary["removed"]) == ("removed", ["id a", "id b"])
    assert (report.new, importing.run(FORM, saver.path).new) == (5, 0)
    assert len(importing.events(key, "imported_boundary")) == 1
    saver.grow([], parent=tip)
    importing.run(FORM, saver.path)
    assert len(importing.events(key, "imported_boundary")) == 2


def test_an_edited_message_is_the_new_one_and_the_old_is_kept(
    importing: Importing, saver: Saver
) -> None:
    edited = human("B!", "id b")
    tip = saver.grow([A, B, C])
    importing.run(FORM, saver.path)
    saver.grow([A, edited, C], [A, edited, C, D], parent=tip)
    importing.run(FORM, saver.path)
    key = only(importing)
    assert importing.texts(key) == ["a", "B!", "c", "d"]
    ((kept,),) = [event["records"] for event in importing.events(key, "imported_records")]
    assert kept["record"]["before"]["content"] == "b"
    assert importing.run(FORM, saver.path).new == 0


def test_what_only_became_better_known_is_no_edit(importing: Importing, saver: Saver) -> None:
    tip = saver.grow([A, message("ai", "b", "x")])
    importing.run(FORM, saver.path)
    known = message("ai", "b", "x", usage_metadata={"input_tokens": 1})
    saver.grow([A, known, C], parent=tip)
    assert importing.run(FORM, saver.path).new == 1


def test_a_system_message_that_changes_is_said_again(importing: Importing, saver: Saver) -> None:
    first, second = (message("system", text, "s") for text in ("Be brief.", "Be long."))
    saver.grow([first, A], [second, A, B])
    importing.run(FORM, saver.path)
    key = only(importing)
    assert importing.texts(key) == ["a", "Be long.", "b"]
    assert importing.store.prompt(importing.session(key)).data["system"] == "Be brief."
    assert importing.run(FORM, saver.path).new == 0


def test_messages_without_ids_are_told_apart_by_what_they_say(
    importing: Importing, saver: Saver
) -> None:
    one, two = message("human", "hi"), message("ai", "yes")
    tip = saver.grow([one], [one, two], [one, two, one])
    assert importing.run(FORM, saver.path).new == 3
    saver.grow([one, two, one, two], parent=tip)
    assert str(importing.run(FORM, saver.path)) == "1 new, 3 skipped"
    assert importing.texts(only(importing)) == ["hi", "yes", "hi", "yes"]


def test_a_pruned_file_is_the_same_session(importing: Importing, saver: Saver) -> None:
    saver.grow([A], [A, B], [A, B, C])
    importing.run(FORM, saver.path)
    saver.run("DELETE FROM checkpoints WHERE checkpoint_id < '1f0-000003'")
    assert str(importing.run(FORM, saver.path)) == "0 new, 3 skipped"


def test_lists_kept_as_changes_are_put_together(importing: Importing, saver: Saver) -> None:
    snapshot = msgpack.Extension(7, packed([A, B]))
    first = saver.put(snapshot)
    saver.write(first, [C])
    second = saver.put(None, first)
    saver.write(second, [message("remove", "", "id a"), D])
    third = saver.put(None, second)
    assert importing.run(FORM, saver.path).errors == []
    key = only(importing)
    assert importing.texts(key) == ["a", "b", "c", "d"]
    assert importing.events(key, "imported_boundary")[0]["removed"] == ["id a"]
    saver.grow([B, C, D, human("e")], parent=third)
    assert str(importing.run(FORM, saver.path)) == "1 new, 4 skipped"


# -- hostile files -------------------------------------------------------------------------------


class Bomb:
    """What runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return (pytest.exit, ("unpickled",))


DEEP = b"\x91" * 1_000_000 + b"\xc0"
GOOD = packed({"ts": "", "channel_values": {"messages": [human("x")]}})
HOSTILE = [
    ("pickle", pickle.dumps(Bomb()), "is pickled"),
    (None, pickle.dumps(Bomb()), "is pickled"),
    ("msgpack", GOOD[:-5], "is cut off"),
    ("msgpack", GOOD + b"\x00", "goes on behind its end"),
    ("msgpack", DEEP, "is nested too deeply"),
    ("msgpack", b"\xdd\xff\xff\xff\xff", "is cut off"),
    ("msgpack", b"\xc1", "is not MessagePack"),
    ("msgpack", b"", "is cut off"),
    ("msgpack", packed([1, 2]), "holds no checkpoint"),
    ("msgpack+aes", GOOD, "is stored as msgpack+aes"),
    ("json", b"[" * 1_000_000, "is not valid JSON"),
    ("json", b'{"a": \xff}', "is not valid UTF-8"),
    (7, 7, "is stored as 7"),
    ("null", None, "holds no checkpoint"),
]


@pytest.mark.parametrize(("kind", "blob", "reason"), HOSTILE)
def test_a_bad_checkpoint_costs_only_itself_and_is_named(
    importing: Importing, saver: Saver, kind: Any, blob: Any, reason: str
) -> None:
    first = saver.grow([A])
    bad = saver.put(None, first, type=kind, checkpoint=blob)
    saver.grow([A, B], parent=bad)
    report = importing.run(FORM, saver.path)
    assert importing.texts(only(importing)) == ["a", "b"]
    ((_, row, why),) = report.errors
    assert row == 2
    assert "row 2 of checkpoints" in why
    assert reason in why


def nested(levels: int) -> Any:
    """Lists in objects of some class, in each other."""
    value: Any = "deep"
    for level in range(levels):
        value = built("x", "Y", {"a": value}) if level % 3 else [value]
    return value


ODD = [
    message("human", nested(30), "n30"),
    message("human", nested(90), "n90"),
    message("human", nested(400), "n400"),
    message("human", json.loads("[" * 120 + "]" * 120), "l120"),
    msgpack.Extension(5, b"\x91" * 500),
    msgpack.Extension(5, packed([1])),
    msgpack.Extension(-1, b"\x00\x00\x00\x00"),
    built("os", "system", ["echo"], 0),
    built("x", "HumanMessage", {"content": [[[["deep"]]]], "id": 7}),
    built("x", "HumanMessage", {"type": {"a": 1}, "content": float("nan"), "id": "n"}),
    built("x", "AIMessage", {"content": 5, "tool_calls": [1, {"args": []}], "id": "t"}),
    built("x", "ToolMessage", {"content": "no call", "id": "u"}),
    {"type": "human", "content": {"a": b"\xff"}},
    {"lc": 1, "type": "constructor", "id": [], "kwargs": 5},
    {1: 2, (): None},
    "words",
    None,
    2**62,
    [["human"]],
]


@pytest.mark.parametrize("odd", ODD, ids=map(str, range(len(ODD))))
def test_an_odd_message_costs_no_other(importing: Importing, saver: Saver, odd: Any) -> None:
    saver.grow([A, odd, B])
    importing.run(FORM, saver.path)
    texts = importing.texts(only(importing)) if keys(importing) else ["a", "b"]
    assert [text for text in texts if text in ("a", "b")] == ["a", "b"]
    assert importing.run(FORM, saver.path).new == 0


def test_nul_and_lone_surrogates_are_repaired(importing: Importing, saver: Saver) -> None:
    saver.grow([human("a\0b\ud800c", "\0\ud800")])
    report = importing.run(FORM, saver.path)
    assert (report.new, report.repaired) == (1, 1)
    assert importing.texts(only(importing))[0].startswith("a\ufffdb")
    assert str(importing.run(FORM, saver.path)) == "0 new, 1 skipped"


def test_circles_of_parents_and_missing_ones_are_read_all_the_same(
    importing: Importing, saver: Saver
) -> None:
    saver.put([A], "1f0-000003")
    saver.put([A, B], "1f0-000001")
    saver.put([A, B, C], "1f0-000002")
    saver.put([A, B, C, D], "gone")
    saver.put([A, B, C, D, human("e")], "1f0-000005")
    report = importing.run(FORM, saver.path)
    assert report.errors == []
    assert importing.texts(keys(importing)[0]) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("value", [7, 1.5, b"\xff\x00", "a\0b", "x" * 100_000, None])
def test_any_type_in_any_column_is_taken(importing: Importing, value: Any) -> None:
    columns = "thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint"
    saver = Saver(importing.folder, schema=f"CREATE TABLE checkpoints ({columns});")
    odd = {"checkpoint_id": value, "parent_checkpoint_id": value}
    saver.put([A], thread=value, checkpoint_ns=value, **odd)
    saver.put([B], thread="good")
    report = importing.run(FORM, saver.path)
    assert (report.new, report.errors) == (2, [])
    assert importing.run(FORM, saver.path).new == 0


def test_files_of_other_kinds_are_refused_with_a_reason(importing: Importing) -> None:
    Saver(importing.folder, "other.db", "CREATE TABLE notes (id);")
    older = "CREATE TABLE checkpoints (thread_id, thread_ts, parent_ts, checkpoint);"
    Saver(importing.folder, "older.db", older)
    Saver(importing.folder, "quiet.db").put(None)
    report = importing.run(FORM, importing.folder)
    older, other = (why for _, _, why in report.errors)
    assert "its table checkpoints has no column checkpoint_id: it is of a release" in older
    assert "has no table checkpoints; it holds notes" in other
    assert "holds no messages" in report.warnings[0]


def test_memory_holds_an_index_and_never_the_texts(importing: Importing, saver: Saver) -> None:
    talk = [human(f"{number} " + "w" * 20_000, f"h{number}") for number in range(60)]
    saver.grow(*(talk[: end + 1] for end in range(60)))
    size = saver.path.stat().st_size
    del talk
    importing.run(FORM, saver.path, dry_run=True)
    tracemalloc.start()
    report = importing.run(FORM, saver.path, dry_run=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.new == 60
    assert size > 30_000_000
    assert peak < 10_000_000


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
    | st.text() | st.binary(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=20,
)  # fmt: skip


@given(value=plain)
def test_what_was_packed_is_unpacked(value: Any) -> None:
    assert msgpack.unpacked(packed(value), depth=50) == value


@given(raw=st.binary(max_size=200))
@example(raw=b"\xdf\x00\x00\x00\x01\x90\xc0")
def test_any_bytes_are_a_value_or_broken(raw: bytes) -> None:
    with contextlib.suppress(msgpack.Broken):
        msgpack.unpacked(raw, depth=20)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"\x7f\xff"[:1], 127),
        (b"\xe0", -32),
        (b"\xcc\xff", 255),
        (b"\xcf" + b"\xff" * 8, 2**64 - 1),
        (b"\xd1\x80\x00", -32768),
        (b"\xca\x3f\xc0\x00\x00", 1.5),
        (b"\xa3abc", "abc"),
        (b"\xd9\x01a", "a"),
        (b"\xc4\x02\x00\x01", b"\x00\x01"),
        (b"\x92\x01\xc3", [1, True]),
        (b"\x82\xa1a\x01\x02\xc0", {"a": 1, "2": None}),
        (b"\xdc\x00\x01\x05", [5]),
        (b"\xde\x00\x01\xa1k\x05", {"k": 5}),
        (b"\xd4\x05\x01", msgpack.Extension(5, b"\x01")),
        (b"\xd8\xff" + b"z" * 16, msgpack.Extension(-1, b"z" * 16)),
        (b"\xc7\x03\x07abc", msgpack.Extension(7, b"abc")),
    ],
)
def test_each_form_of_messagepack_is_read(raw: bytes, value: Any) -> None:
    assert msgpack.unpacked(raw, depth=3) == value


moves = st.lists(
    st.tuples(st.sampled_from(["say", "edit", "remove"]), st.integers(0, 9), st.integers(0, 5)),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(moves=moves)
def test_the_session_is_the_branch_of_the_newest_message(
    importing: Importing,
    tmp_path_factory: pytest.TempPathFactory,
    moves: list[tuple[str, int, int]],
) -> None:
    """Each move is a checkpoint behind any one there is: it adds, edits or removes a message.
    What is expected is (id, text) pairs: all that was said on the way, edits in their place."""
    saver = Saver(tmp_path_factory.mktemp("grown"))
    mark = saver.path.parent.name
    first = (f"{mark} first", "first")
    states = [(saver.put([human(*reversed(first))], thread=mark), [first], [first])]
    newest = [first]
    leaves = {states[0][0]: newest}
    for number, (move, of, which) in enumerate(moves):
        parent, live, log = states[-1 - of % len(states)]
        live, log = list(live), list(log)
        if move == "say" or len(live) < 2:
            live.append((f"{mark} {number}", f"text {number}"))
            newest = log = [*log, live[-1]]
        elif move == "edit":
            old = live[1 + which % (len(live) - 1)]
            new = (old[0], f"edit {number}")
            live, log = ([new if one == old else one for one in listed] for listed in (live, log))
            newest = log
        else:
            live.pop(1 + which % (len(live) - 1))
        listed = [human(text, known) for known, text in live]
        states.append((saver.put(listed, parent, thread=mark), live, log))
        leaves.pop(parent, None)
        leaves[states[-1][0]] = log
        assert importing.run(FORM, saver.path).errors == []
        ours = [key for key in keys(importing) if f":{mark}:" in key]
        assert importing.texts(ours[0]) == [text for _, text in newest]
        told = [importing.texts(key) for key in ours]
        for log in leaves.values():
            assert any(one[: len(log)] == [text for _, text in log] for one in told)
    assert importing.run(FORM, saver.path).new == 0
