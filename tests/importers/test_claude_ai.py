"""The data export of claude.ai, built by hand in its shapes."""

from __future__ import annotations

import json
import zipfile
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_app.core import forms, instants
from sessions_app.importers import base, claude_ai
from tests.examples import examples
from tests.importers.importing import Importing, Record

FORM = "claude-ai"
KEY = "claude-ai:c1"
ROOT = "00000000-0000-4000-8000-000000000000"


def message(uuid: str, sender: str, content: Any, parent: str | None = None, **more: Any) -> Record:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    told = {
        "uuid": uuid,
        "sender": sender,
        "text": content if isinstance(content, str) else "",
        "content": blocks,
        "created_at": "2026-03-01T09:00:00.123456Z",
        "updated_at": "2026-03-01T09:00:00.123456Z",
        "attachments": [],
        "files": [],
    }
    return {**told, **({"parent_message_uuid": parent} if parent else {}), **more}


def talk(*messages: Any, **fields: Any) -> Record:
    usual = {"uuid": "c1", "name": "Engines", "created_at": "2026-03-01T08:00:00Z"}
    return {**usual, "chat_messages": list(messages), **fields}


def plain(uuid: str = "c1") -> Record:
    asked = message("m1", "human", "How many?", ROOT)
    return talk(asked, message("m2", "assistant", "Seven.", "m1"), uuid=uuid)


def branched() -> list[Record]:
    return [
        message("m1", "human", "begin", ROOT),
        message("m2", "assistant", "begun", "m1"),
        message("m3", "human", "first thought", "m2"),
        message("m4", "assistant", "first answer", "m3"),
        message("m5", "human", "second thought", "m2"),
        message("m6", "assistant", "second answer", "m5"),
    ]


def export(importing: Importing, *talks: Any, name: str = "conversations.json") -> Path:
    path = importing.folder / name
    path.write_text(json.dumps(list(talks)))
    return path


def spoken(importing: Importing, key: str) -> list[str]:
    return [content[-1]["text"] for content in importing.texts(key)]


def bodies(importing: Importing, key: str = KEY) -> list[Any]:
    return [stored.message().body for stored in importing.said(key)]


def test_a_conversation_becomes_a_session_with_its_times(importing: Importing) -> None:
    report = importing.run(FORM, export(importing, plain()))
    assert (report.sessions, report.new, report.unknown, report.errors) == (1, 2, 0, [])
    assert spoken(importing, KEY) == ["How many?", "Seven."]
    first = importing.said(KEY)[0]
    assert instants.render(first.created_us) == "2026-03-01T09:00:00.123456Z"
    assert importing.session(KEY).title == "Engines"


def test_the_same_export_twice_adds_nothing(importing: Importing) -> None:
    path = export(importing, plain(), talk(*branched(), uuid="c2"))
    assert str(importing.run(FORM, path)) == "8 new, 0 skipped"
    assert str(importing.run(FORM, path)) == "0 new, 8 skipped"


def test_the_newest_branch_is_the_session_and_the_other_a_fork(importing: Importing) -> None:
    importing.run(FORM, export(importing, talk(*branched())))
    assert spoken(importing, KEY) == ["begin", "begun", "second thought", "second answer"]
    fork = f"{KEY}:m3"
    assert spoken(importing, fork) == ["begin", "begun", "first thought", "first answer"]
    assert importing.session(fork).forked_from == importing.session(KEY).id


def test_the_leaf_that_was_shown_decides_where_the_export_tells(importing: Importing) -> None:
    importing.run(FORM, export(importing, talk(*branched(), current_leaf_message_uuid="m4")))
    assert spoken(importing, KEY)[-1] == "first answer"


def test_an_older_export_without_parents_is_one_line(importing: Importing) -> None:
    lines = [{**one} for one in branched()]
    for line in lines:
        del line["parent_message_uuid"]
    assert importing.run(FORM, export(importing, talk(*lines))).sessions == 1
    assert len(spoken(importing, KEY)) == 6


def test_a_parent_that_is_not_there_stands_for_the_message_before(importing: Importing) -> None:
    lines = [*branched()[:2], message("m9", "human", "on", "never")]
    importing.run(FORM, export(importing, talk(*lines)))
    assert spoken(importing, KEY) == ["begin", "begun", "on"]


def test_a_grown_export_adds_what_is_new_and_leaves_the_branch_left(importing: Importing) -> None:
    importing.run(FORM, export(importing, talk(*branched()[:4])))
    report = importing.run(FORM, export(importing, talk(*branched())))
    assert spoken(importing, KEY) == ["begin", "begun", "second thought", "second answer"]
    assert spoken(importing, f"{KEY}:m3")[-1] == "first answer"
    assert report.new == 4
    assert importing.run(FORM, importing.folder).new == 0


def with_tools() -> Record:
    times = {"start_timestamp": "2026-03-01T09:00:01Z", "stop_timestamp": None, "flags": None}
    blocks = [
        {"type": "token_budget", "remaining": 190_000},
        {"type": "thinking", "thinking": "Look.", "summaries": [{"summary": "Look"}], **times},
        {"type": "tool_use", "id": "t1", "name": "count", "input": {"of": "cats"}, **times},
        {"type": "tool_use", "id": None, "name": "sum", "input": None, "icon_name": "plus"},
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "name": "count",
            "content": [{"type": "text", "text": "7", "uuid": "x"}],
            "is_error": False,
        },
        {"type": "tool_result", "content": [{"type": "knowledge", "title": "Cats", "url": "u"}]},
        {"type": "text", "text": "Seven.", "citations": [{"uuid": "c", "start_index": 0}]},
    ]
    return talk(message("m1", "human", "count", ROOT), message("m2", "assistant", blocks, "m1"))


def test_tools_become_calls_with_their_results(importing: Importing) -> None:
    report = importing.run(FORM, export(importing, with_tools()))
    assert (report.new, report.unknown, report.warnings) == (4, 0, [])
    assert [stored.role for stored in importing.said(KEY)] == [
        *("user", "assistant", "tool", "assistant"),
    ]
    _, called, answered, last = bodies(importing)
    assert called["content"][0] == {"type": "thinking", "thinking": "Look."}
    made = {"type": "tool_use", "id": "t1", "name": "count", "input": {"of": "cats"}}
    assert called["content"][1] == made
    assert called["metadata"]["extra"]["token_budget"] == [
        {"type": "token_budget", "remaining": 190_000}
    ]
    results = answered["content"]
    assert [block["tool_use_id"] for block in results] == ["t1", called["content"][2]["id"]]
    assert results[1]["content"] == [{"type": "text", "text": "Cats\nu"}]
    assert last["content"] == [{"type": "text", "text": "Seven."}]
    assert last["metadata"]["source"] == "m2:2"
    assert "citations" in last["metadata"]["extra"]["blocks"]["0"]
    assert importing.run(FORM, importing.folder).new == 0


def test_what_was_said_with_tools_can_go_on_with_the_provider(importing: Importing) -> None:
    importing.run(FORM, export(importing, with_tools()))
    history = [stored.message() for stored in importing.said(KEY)]
    sent = forms.render("anthropic", history).messages
    assert [one["role"] for one in sent] == ["user", "assistant", "user", "assistant"]
    assert [block["type"] for block in sent[1]["content"]] == ["tool_use", "tool_use"]


def test_a_fork_behind_an_answer_with_tools_has_all_of_it(importing: Importing) -> None:
    told = with_tools()
    told["chat_messages"] += [
        message("m3", "human", "first", "m2"),
        message("m4", "human", "second", "m2"),
    ]
    importing.run(FORM, export(importing, told))
    assert [len(importing.said(key)) for key in (KEY, f"{KEY}:m3")] == [5, 5]


def test_attachments_are_documents_and_files_are_named(importing: Importing) -> None:
    attached = {"file_name": "notes.txt", "file_size": 5, "extracted_content": "seven cats"}
    shown = message(
        *("m1", "human", "see", ROOT),
        attachments=[attached],
        files=[{"file_name": "cat.png", "file_kind": "image"}, {"file_name": "x"}],
    )
    importing.run(FORM, export(importing, talk(shown)))
    (body,) = bodies(importing)
    source = {"type": "text", "media_type": "text/plain", "data": "seven cats"}
    assert body["content"] == [
        {"type": "document", "source": source, "title": "notes.txt"},
        {"type": "text", "text": "[image: cat.png]"},
        {"type": "text", "text": "[file: x]"},
        {"type": "text", "text": "see"},
    ]
    assert body["metadata"]["extra"]["files"][0]["file_kind"] == "image"


def test_text_without_blocks_is_the_message(importing: Importing) -> None:
    old = message("m1", "human", [], ROOT, text="only text")
    importing.run(FORM, export(importing, talk(old)))
    assert spoken(importing, KEY) == ["only text"]


def test_unknown_blocks_stay_and_unknown_senders_are_counted(importing: Importing) -> None:
    odd = message("m2", "assistant", [{"type": "hologram", "beam": [1]}], "m1")
    report = importing.run(
        FORM,
        export(importing, talk(*branched()[:1], odd, message("m3", "narrator", "meanwhile", "m2"))),
    )
    assert (report.new, report.unknown) == (2, 1)
    assert bodies(importing)[1]["content"] == [{"type": "hologram", "beam": [1]}]


def test_empty_conversations_are_counted_and_left_out(importing: Importing) -> None:
    report = importing.run(FORM, export(importing, talk(uuid="e", name=""), plain()))
    assert report.sessions == 1
    assert "1 conversations without messages" in report.warnings[0]


def test_the_same_message_in_two_conversations_is_in_both(importing: Importing) -> None:
    assert importing.run(FORM, export(importing, plain("c1"), plain("c2"))).new == 4


def test_a_message_twice_in_one_conversation_is_said_once(importing: Importing) -> None:
    lines = [*plain()["chat_messages"], *plain()["chat_messages"]]
    report = importing.run(FORM, export(importing, talk(*lines)))
    assert report.new == 2
    assert "2 messages twice" in report.warnings[0]


def test_a_circle_is_cut_open_and_told(importing: Importing) -> None:
    lines = [
        message("m1", "human", "fine", ROOT),
        message("x", "human", "round", "y"),
        message("y", "assistant", "and round", "x"),
    ]
    report = importing.run(FORM, export(importing, talk(*lines)))
    assert report.new == 3
    assert "in a circle" in report.warnings[0]
    assert importing.run(FORM, importing.folder).new == 0


def test_a_message_of_three_megabytes_comes_in(importing: Importing) -> None:
    importing.run(
        FORM, export(importing, talk(message("m1", "human", "w" * 3_000_000)), plain("c2"))
    )
    assert len(spoken(importing, KEY)[0]) == 3_000_000


ODD: list[Any] = [
    None,
    7,
    [],
    {},
    {"uuid": 4, "sender": ["human"], "content": 5},
    message("o", "human", [None, 5, "loose", [], {"type": 3}, {"type": "text", "text": 9}]),
    message("o", "human", "x", attachments="none", files=[None, 4, {"file_name": 9}]),
    message("o", "assistant", [{"type": "tool_use", "name": "", "input": "raw"}]),
    message("o", "assistant", [{"type": "tool_result", "content": {"a": 1}}]),
    message("o", "assistant", [{"type": "image", "file_uuid": "f"}, {"type": "thinking"}]),
    message("o", "human", [{"type": "image", "source": 3}], created_at="yesterday"),
    message("o" * 999, "human", "long", "p" * 999),
    message("o", "human", "deep", settings=json.loads("[" * 99 + "]" * 99)),
]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_message_costs_no_good_neighbour(importing: Importing, odd: Any) -> None:
    lines = [message("m1", "human", "How many?", ROOT), odd, message("m2", "assistant", "7", "m1")]
    report = importing.run(FORM, export(importing, talk(*lines), plain("c2")))
    assert (report.errors, report.warnings) == ([], [])
    keys = list(map(str, importing.keys()))
    every = [body["metadata"]["source"] for key in keys for body in bodies(importing, key)]
    assert {"m1", "m2"} <= set(map(str, every))
    assert spoken(importing, "claude-ai:c2") == ["How many?", "Seven."]
    assert importing.run(FORM, importing.folder).new == 0


def test_a_conversation_that_cannot_be_read_costs_no_other(importing: Importing) -> None:
    path = importing.folder / "conversations.json"
    good = [json.dumps(plain(f"g{n}")).encode() for n in range(2)]
    path.write_bytes(b"[" + good[0] + b',\n{"chat_messages": [\xff]},\n' + good[1] + b"]")
    report = importing.run(FORM, path)
    assert report.sessions == 2
    assert (
        report.errors == [(str(path), 2, "is not valid UTF-8; this conversation is left out")]
        or report.errors[0][1] == 2
    )


def test_the_zip_that_was_sent_is_read_without_its_other_parts(importing: Importing) -> None:
    path = importing.folder / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("conversations.json", json.dumps([plain()]))
        for part in ("projects.json", "users.json", "memories.json"):
            packed.writestr(part, "[{}]")
    report = importing.run(FORM, path)
    assert (report.new, report.errors) == (2, [])
    assert report.warnings == [
        f"{path}: other parts of the export were left out: memories.json, projects.json, users.json"
    ]
    assert str(importing.run(FORM, path)) == "0 new, 2 skipped"


def test_a_folder_is_read_without_its_other_parts(importing: Importing) -> None:
    export(importing, plain())
    for part in ("projects.json", "users.json", "memories.json"):
        (importing.folder / part).write_text('[{"uuid": "p"}]')
    report = importing.run(FORM, importing.folder)
    assert (report.new, report.errors, len(report.warnings)) == (2, [], 3)


def test_another_apps_export_is_refused_by_name(importing: Importing) -> None:
    report = importing.run(FORM, export(importing, {"mapping": {}}))
    assert "no conversations of claude.ai" in report.errors[0][2]


def test_no_place_is_usual_for_an_export() -> None:
    assert claude_ai.find() == []


numbers = count(1)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    links=st.lists(st.none() | st.integers(-1, 9), min_size=1, max_size=10),
    tools=st.lists(st.booleans(), min_size=10, max_size=10),
)
def test_every_piece_of_a_message_is_once_on_each_of_its_branches(
    importing: Importing, links: list[int | None], tools: list[bool]
) -> None:
    """Wherever the links go: every message is told, no session tells one twice, a session that
    has a message has all pieces of it in order, and the second time nothing is new."""
    key = f"talk-{next(numbers)}."
    blocks = with_tools()["chat_messages"][1]["content"]
    lines = [
        message(
            f"n{index}",
            "assistant" if tools[index] else "human",
            blocks if tools[index] else f"n{index}",
            ROOT if link is None else f"n{link}",
        )
        for index, link in enumerate(links)
    ]
    path = export(importing, talk(*lines, uuid=key))
    assert importing.run(FORM, path).errors == []
    told: set[str] = set()
    keys = list(map(str, importing.keys()))
    for name in keys:
        if key in name:
            sources = [
                source
                for body in bodies(importing, name)
                for source in base.sources_of(body["metadata"])
            ]
            assert len(set(sources)) == len(sources)
            whole = [
                piece
                for source in sources
                if ":" not in source
                for piece in (
                    [source, f"{source}:1", f"{source}:2"] if tools[int(source[1:])] else [source]
                )
            ]
            assert sources == whole
            told |= set(sources)
    assert {source for source in told if ":" not in source} == {f"n{n}" for n in range(len(links))}
    assert importing.run(FORM, path).new == 0
