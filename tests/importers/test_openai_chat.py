"""Conversations in OpenAI chat form, in every shape they are kept in."""

from __future__ import annotations

import json
import os
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_app import exporting, preparing
from sessions_app.core import forms, instants
from sessions_app.importers import base, openai_chat
from sessions_app.store.base import NewSession
from tests.examples import examples
from tests.importers.importing import Importing, Record

FORM = "openai-chat"
ROOT = Path(__file__).parent.parent.parent
TALK: list[Record] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "How many?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "count", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "7"},
    {"role": "assistant", "content": "Seven."},
]


def only_key(importing: Importing) -> str:
    (key,) = importing.keys()
    assert key is not None
    return key


def system_of(importing: Importing, key: str) -> Any:
    return importing.store.prompt(importing.session(key)).data["system"]


SHAPES: dict[str, str] = {
    "a-conversation-a-line.jsonl": json.dumps({"messages": TALK}) + "\n",
    "a-list-a-line.jsonl": json.dumps(TALK) + "\n",
    "a-message-a-line.jsonl": "".join(json.dumps(message) + "\n" for message in TALK),
    "a-message-a-line.txt": "\n".join(json.dumps(message) for message in TALK),
    "a-list.json": json.dumps(TALK, indent=2),
    "a-list-of-lists.json": json.dumps([TALK]),
    "a-list-of-conversations.json": json.dumps([{"messages": TALK}]),
    "one-conversation.json": json.dumps({"messages": TALK}, indent=1),
    "under-history.json": json.dumps({"info": {"a": 1}, "history": TALK}),
    "under-sessions.json": json.dumps({"sessions": [{"messages": TALK}], "source": "here"}),
    "with-a-mark.json": "\ufeff" + json.dumps(TALK),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_the_same_session(importing: Importing, name: str) -> None:
    path = importing.folder / name
    path.write_text(SHAPES[name], encoding="utf-8")
    report = importing.run(FORM, path)
    assert (report.sessions, report.new, report.errors) == (1, 4, [])
    key = only_key(importing)
    assert system_of(importing, key) == "Be brief."
    assert importing.session(key).title == "How many?"
    roles = [stored.role for stored in importing.said(key)]
    assert roles == ["user", "assistant", "tool", "assistant"]
    assert str(importing.run(FORM, path)) == "0 new, 4 skipped"


def test_a_grown_conversation_gets_only_what_is_new(importing: Importing) -> None:
    importing.run(FORM, importing.write("talk.jsonl", [{"messages": TALK[:3]}]))
    report = importing.run(FORM, importing.write("talk.jsonl", [{"messages": TALK}]))
    assert str(report) == "2 new, 2 skipped"
    older = importing.run(FORM, importing.write("talk.jsonl", [{"messages": TALK[:3]}]))
    assert str(older) == "0 new, 2 skipped"


def test_a_file_that_differs_from_the_session_is_refused(importing: Importing) -> None:
    importing.run(FORM, importing.write("talk.jsonl", [{"id": "x", "messages": TALK}]))
    other = [*TALK[:4], {"role": "assistant", "content": "Eight."}]
    report = importing.run(FORM, importing.write("talk.jsonl", [{"id": "x", "messages": other}]))
    assert report.new == 0
    assert "message 4 is not the one" in report.errors[0][2]
    assert importing.session("openai-chat:x").messages == 4


def test_conversations_of_one_file_are_apart(importing: Importing) -> None:
    twice = [{"messages": TALK}, {"messages": TALK}]
    assert importing.run(FORM, importing.write("talk.jsonl", twice)).sessions == 2
    assert str(importing.run(FORM, importing.folder / "talk.jsonl")) == "0 new, 8 skipped"


def test_fields_no_message_has_go_to_its_metadata(importing: Importing) -> None:
    message = {"role": "user", "content": "hi", "thought": "none", "metadata": {"a": 1}, "x": None}
    importing.run(FORM, importing.write("talk.jsonl", [[message]]))
    (stored,) = importing.said(only_key(importing))
    assert stored.message().body == {
        "content": "hi",
        "metadata": {"a": 1, "extra": {"thought": "none"}},
    }


def test_fields_too_large_for_metadata_are_kept_beside_it(importing: Importing) -> None:
    message = {"role": "user", "content": "hi", "trace": "x" * 20_000}
    importing.run(FORM, importing.write("talk.jsonl", [[message]]))
    key = only_key(importing)
    assert importing.said(key)[0].message().body == {"content": "hi"}
    (event,) = importing.events(key, "imported_records")
    assert event["records"][0]["record"] == {"of": 1, "trace": "x" * 20_000}


def test_fields_around_messages_become_metadata_or_records(importing: Importing) -> None:
    doc = {"environment": "main", "info": {"cost": 0}, "trajectory": [{"action": "ls"}]}
    path = importing.folder / "run.json"
    path.write_text(json.dumps({**doc, "history": TALK}))
    report = importing.run(FORM, path)
    key = only_key(importing)
    assert '"environment":"main"' in importing.session(key).metadata
    (event,) = importing.events(key, "imported_records")
    kept = [record["record"] for record in event["records"]]
    assert kept == [{"info": {"cost": 0}}, {"trajectory": {"action": "ls"}}]
    assert report.unknown == 1


def test_a_system_text_of_the_file_holds_for_its_sessions(importing: Importing) -> None:
    path = importing.folder / "all.json"
    sessions = [{"messages": TALK[1:], "task_id": n} for n in range(2)]
    path.write_text(json.dumps({"sessions": sessions, "system_prompt": "Be kind."}))
    assert importing.run(FORM, path).sessions == 2
    keys = importing.keys()
    assert {system_of(importing, str(key)) for key in keys} == {"Be kind."}


def test_times_and_usage_are_kept(importing: Importing) -> None:
    lines: list[Record] = [
        {"role": "user", "content": "a", "timestamp": 1_700_000_000.5},
        {"role": "assistant", "content": "b", "created_at": "2020-01-01T00:00:00Z", "model": "m"},
        {"role": "user", "content": "c", "created_at": "some day"},
    ]
    lines[1]["usage"] = {"completion_tokens": 3}
    importing.run(FORM, importing.write("talk.jsonl", [lines]))
    first, second, third = importing.said(only_key(importing))
    assert first.created_us == 1_700_000_000_500_000
    assert instants.render(second.created_us) == "2020-01-01T00:00:00Z"
    assert second.message().body["usage"] == {"completion_tokens": 3}
    assert third.message().body["metadata"]["extra"] == {"created_at": "some day"}


def test_tools_become_the_tools_of_the_session(importing: Importing) -> None:
    tools = [{"type": "function", "function": {"name": "count", "parameters": {}}}]
    importing.run(FORM, importing.write("t.jsonl", [{"messages": TALK, "tools": tools}]))
    assert importing.store.prompt(importing.session(only_key(importing))).data["tools"] == tools


def test_a_large_list_is_read_piece_by_piece(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_LINE", 2 * 1024 * 1024)
    long = [{"role": "user", "content": f"{n} " + "word " * 1000} for n in range(800)]
    path = importing.folder / "long.json"
    path.write_text(json.dumps(long))
    assert path.stat().st_size > base.MAX_LINE
    assert str(importing.run(FORM, path)) == "800 new, 0 skipped"


def test_a_document_that_is_cut_off_gives_its_good_part(importing: Importing) -> None:
    path = importing.folder / "cut.json"
    whole = json.dumps(TALK, indent=0)
    path.write_text(whole[: whole.index("Seven")])
    report = importing.run(FORM, path)
    assert report.new == 3
    ((_, line, reason),) = report.errors
    assert reason == "is cut off"
    assert line > 1
    path.write_text(whole)
    assert str(importing.run(FORM, path)) == "1 new, 3 skipped"


@pytest.mark.parametrize("text", ["{}", '{"a": 1}', "[]", '[{"a": 1}]', '"text"', "7"])
def test_a_document_without_messages_is_refused(importing: Importing, text: str) -> None:
    path = importing.folder / "none.json"
    path.write_text(text)
    report = importing.run(FORM, path)
    assert (report.sessions, len(report.errors)) == (0, 1)


def shared_file(name: str) -> Path:
    folder = Path(os.environ.get("HOLDFAST_SHARED", str(ROOT.parent / "shared")))
    path = folder / "data" / name
    if not path.is_file():
        pytest.skip(f"{name} is not here; HOLDFAST_SHARED names its folder")
    return path


def assert_valid_for_the_provider(importing: Importing, key: str) -> None:
    """Every call is answered right behind it, every answer has its call."""
    history = [stored.message() for stored in importing.said(key)]
    waiting: list[str] = []
    for message in forms.render("openai", history).messages:
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
            continue
        assert waiting == []
        waiting = [call["id"] for call in message.get("tool_calls", ())]
    assert waiting == []


def test_the_airline_sessions_come_in_whole(importing: Importing) -> None:
    path = shared_file("tau_airline_sample.json")
    report = importing.run(FORM, path)
    assert (report.sessions, report.new, report.unknown, report.errors) == (34, 944, 0, [])
    keys = list(map(str, importing.keys()))
    for key in keys:
        assert_valid_for_the_provider(importing, key)
    assert system_of(importing, keys[0]).startswith("# Airline Agent Policy")
    assert '"task_id":0' in importing.session(keys[0]).metadata
    assert str(importing.run(FORM, path)) == "0 new, 944 skipped"


def test_the_coding_agents_session_comes_in_whole(importing: Importing) -> None:
    path = shared_file("swe_agent_sample.json")
    report = importing.run(FORM, path)
    assert (report.sessions, report.new, report.errors, report.warnings) == (1, 23, [], [])
    key = only_key(importing)
    assert_valid_for_the_provider(importing, key)
    first = importing.said(key)[1].message()
    assert first.body["metadata"]["extra"]["message_type"] == "action"
    assert len(importing.events(key, "imported_records")) > 0
    assert str(importing.run(FORM, path)) == "0 new, 23 skipped"


# -- there and back ----------------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
names = st.text(string.ascii_letters, min_size=1, max_size=8)
texts = words | st.lists(
    st.fixed_dictionaries({"type": st.just("text"), "text": words}), min_size=1, max_size=2
)
ours = {
    "metadata": st.dictionaries(names, words | st.integers(-(2**63), 2**64 - 1), max_size=2),
    "name": names,
    "created_at": st.integers(-(10**15), 10**15).map(instants.render),
}
calls = st.fixed_dictionaries(
    {
        "id": names,
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": names, "arguments": words}),
    }
)
plain = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer", "user"]), "content": texts}, optional=ours
)
answers = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": texts},
    optional={
        **ours,
        "tool_calls": st.lists(calls, min_size=1, max_size=2),
        "usage": st.dictionaries(names, st.integers(0, 10**6), max_size=2),
        "model": names,
    },
)
results = st.fixed_dictionaries(
    {"role": st.just("tool"), "content": texts, "tool_call_id": names}, optional=ours
)


@settings(
    max_examples=examples(40),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    payloads=st.lists(plain | answers | results, min_size=1, max_size=6),
    system=st.none() | words.filter(bool),
)
def test_messages_exported_and_imported_are_the_same(
    importing: Importing, payloads: list[Record], system: str | None
) -> None:
    store, project = importing.store, importing.project
    new = NewSession(prompt=preparing.prompt(system, []))
    made = store.open(project, new).session
    store.append(project, made.id, preparing.batch(payloads))
    path = importing.folder / f"{made.id}.jsonl"
    path.write_bytes(b"".join(exporting.openai_chat(store, project, made.id)))
    assert importing.run(FORM, path).errors == []
    copy = list(store.sessions(project))[-1]
    assert copy.key is not None

    def shown(number: int) -> list[tuple[Any, ...]]:
        with store.db.reading():
            rows = store.db.rows(
                "SELECT role, form, body, created_us FROM holdfast_message"
                " WHERE session_id = ? ORDER BY seq",
                (number,),
            )
        return [tuple(row) for row in rows]

    assert shown(copy.number) == shown(made.number)
    assert store.prompt(copy).data["system"] == system


def test_no_place_is_usual_for_these_files() -> None:
    assert openai_chat.find() == []
