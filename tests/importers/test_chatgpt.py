"""The data export of ChatGPT, built by hand in its shapes."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_app.core import forms, instants
from sessions_app.importers import base, chatgpt, files
from tests.examples import examples
from tests.importers.importing import Importing, Record

FORM = "chatgpt"
KEY = "chatgpt:c1"
START = 1_700_000_000.25


def message(role: str, content: Any, **fields: Any) -> Record:
    author = {"role": role, "name": fields.pop("name", None), "metadata": {}}
    told = {"content_type": "text", "parts": [content]} if isinstance(content, str) else content
    usual = {"status": "finished_successfully", "weight": 1.0, "recipient": "all", "metadata": {}}
    return {"author": author, "content": told, "create_time": START, **usual, **fields}


def mapping(*nodes: tuple[str, str | None, Record | None]) -> Record:
    """Nodes as (id, parent, message), with the children that follow from the parents."""
    found: Record = {
        key: {"id": key, "parent": parent, "children": [], "message": told and {"id": key, **told}}
        for key, parent, told in nodes
    }
    for key, parent, _ in nodes:
        if parent in found:
            found[parent]["children"].append(key)
    return found


def talk(nodes: Record, current: str | None, **fields: Any) -> Record:
    usual = {"conversation_id": "c1", "title": "Engines", "create_time": START}
    return {**usual, "mapping": nodes, "current_node": current, **fields}


def export(importing: Importing, *talks: Any, name: str = "conversations.json") -> Path:
    path = importing.folder / name
    path.write_text(json.dumps(list(talks)))
    return path


def zipped(importing: Importing, members: dict[str, bytes | str], name: str = "e.zip") -> Path:
    path = importing.folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for member, content in members.items():
            packed.writestr(member, content)
    return path


def plain(key: str = "c1", words: str = "How many?") -> Record:
    nodes = mapping(
        ("root", None, None),
        ("s", "root", message("system", "", weight=0)),
        ("u", "s", message("user", words, create_time=START + 1)),
        ("a", "u", message("assistant", "Seven.", metadata={"model_slug": "gpt-5"})),
    )
    return talk(nodes, "a", conversation_id=key)


def branched() -> Record:
    return mapping(
        ("root", None, None),
        ("u", "root", message("user", "begin")),
        ("a", "u", message("assistant", "begun")),
        ("u1", "a", message("user", "first thought")),
        ("a1", "u1", message("assistant", "first answer")),
        ("u2", "a", message("user", "second thought")),
        ("a2", "u2", message("assistant", "second answer")),
    )


def test_a_conversation_becomes_a_session_with_its_times(importing: Importing) -> None:
    report = importing.run(FORM, export(importing, plain()))
    assert (report.sessions, report.new, report.unknown, report.errors) == (1, 2, 0, [])
    assert importing.texts(KEY) == ["How many?", "Seven."]
    asked, answered = importing.said(KEY)
    assert instants.render(asked.created_us) == "2023-11-14T22:13:21.250000Z"
    assert answered.message().body["model"] == "gpt-5"
    assert importing.session(KEY).title == "Engines"


def test_the_same_export_twice_adds_nothing(importing: Importing) -> None:
    path = export(importing, plain(), talk(branched(), "a2", conversation_id="c2"))
    assert str(importing.run(FORM, path)) == "8 new, 0 skipped"
    versions = [session.version for session in importing.store.sessions(importing.project)]
    assert str(importing.run(FORM, path)) == "0 new, 8 skipped"
    again = [session.version for session in importing.store.sessions(importing.project)]
    assert again == versions


def test_the_branch_of_the_current_node_is_the_session_and_the_other_a_fork(
    importing: Importing,
) -> None:
    importing.run(FORM, export(importing, talk(branched(), "a1")))
    assert importing.texts(KEY) == ["begin", "begun", "first thought", "first answer"]
    fork = f"{KEY}:u2"
    assert importing.texts(fork) == ["begin", "begun", "second thought", "second answer"]
    assert importing.session(fork).forked_from == importing.session(KEY).id


def test_without_a_current_node_the_newest_message_decides(importing: Importing) -> None:
    nodes = branched()
    nodes["a1"]["message"]["create_time"] = START + 99
    importing.run(FORM, export(importing, talk(nodes, "gone")))
    assert importing.texts(KEY)[-1] == "first answer"


def test_an_export_of_next_month_adds_what_is_new(importing: Importing) -> None:
    importing.run(FORM, export(importing, plain()))
    grown = plain()
    grown["mapping"] |= mapping(("u9", "a", message("user", "Sure?")))
    grown["current_node"] = "u9"
    assert str(importing.run(FORM, export(importing, grown))) == "1 new, 2 skipped"
    assert importing.texts(KEY)[-1] == "Sure?"


def test_a_branch_taken_between_two_exports_retracts_the_one_left(importing: Importing) -> None:
    importing.run(FORM, export(importing, talk(branched(), "a1")))
    importing.run(FORM, export(importing, talk(branched(), "a2")))
    assert importing.texts(KEY)[2:] == ["second thought", "second answer"]
    assert importing.texts(f"{KEY}:u1")[2:] == ["first thought", "first answer"]
    again = importing.run(FORM, export(importing, talk(branched(), "a2")))
    assert str(again) == "0 new, 6 skipped"


def test_a_fork_whose_own_branches_swap_shows_the_newer_one(importing: Importing) -> None:
    nodes = branched()
    nodes |= mapping(("x", "u1", message("assistant", "other answer")))
    nodes["u1"]["children"].append("x")
    importing.run(FORM, export(importing, talk(nodes, "a2")))
    assert importing.texts(f"{KEY}:u1")[-1] == "other answer"
    nodes |= mapping(("y", "a1", message("user", "and on")))
    nodes["a1"]["children"].append("y")
    importing.run(FORM, export(importing, talk(nodes, "a2")))
    assert importing.texts(f"{KEY}:u1")[2:] == ["first thought", "first answer", "and on"]
    assert importing.texts(f"{KEY}:x")[2:] == ["first thought", "other answer"]


def tools() -> Record:
    code = {"content_type": "code", "language": "unknown", "text": "print(6 + 1)"}
    output = {"content_type": "execution_output", "text": "7"}
    search = {"content_type": "code", "language": "json", "text": '{"query": "engines"}'}
    shown = {"content_type": "tether_browsing_display", "result": "one hit", "summary": None}
    quote = {"content_type": "tether_quote", "url": "https://a.example", "text": "Steam."}
    thought = {"content_type": "thoughts", "thoughts": [{"summary": "Sum", "content": "6 and 1"}]}
    recap = {"content_type": "reasoning_recap", "content": "Thought for 3 seconds"}
    return mapping(
        ("u", None, message("user", "count")),
        ("t", "u", message("assistant", thought)),
        ("r", "t", message("assistant", recap)),
        ("c", "r", message("assistant", code, recipient="python")),
        ("o", "c", message("tool", output, name="python")),
        ("b", "o", message("assistant", search, recipient="browser")),
        ("b1", "b", message("tool", shown, name="browser")),
        ("b2", "b1", message("tool", quote, name="browser")),
        ("a", "b2", message("assistant", "Seven.")),
    )


def test_tools_become_calls_with_their_results(importing: Importing) -> None:
    report = importing.run(FORM, export(importing, talk(tools(), "a")))
    assert (report.new, report.unknown, report.warnings) == (7, 0, [])
    said = [stored.message() for stored in importing.said(KEY)]
    assert said[1].body["content"] == [{"type": "thinking", "thinking": "Sum\n6 and 1"}]
    sent = forms.render("openai", said).messages
    assert [one["role"] for one in sent] == [
        *("user", "assistant", "tool", "assistant", "tool", "assistant"),
    ]
    assert sent[1]["tool_calls"][0]["custom"] == {"name": "python", "input": "print(6 + 1)"}
    assert (sent[2]["tool_call_id"], sent[2]["content"]) == ("c", "7")
    assert sent[3]["tool_calls"][0]["function"]["arguments"] == '{"query": "engines"}'
    texts = [part["text"] for part in sent[4]["content"]]
    assert texts == ["one hit", "https://a.example\nSteam."]
    assert str(importing.run(FORM, importing.folder)) == "0 new, 7 skipped"


def test_two_calls_at_once_get_the_results_of_their_own_tools(importing: Importing) -> None:
    nodes = mapping(
        ("u", None, message("user", "both")),
        ("c1", "u", message("assistant", "{}", recipient="web.run")),
        ("c2", "c1", message("assistant", "{}", recipient="python")),
        ("r2", "c2", message("tool", "from python", name="python")),
        ("r1", "r2", message("tool", "from the web", name="web")),
    )
    importing.run(FORM, export(importing, talk(nodes, "r1")))
    answers = [stored.message().body for stored in importing.said(KEY)][3:]
    assert [answer["tool_call_id"] for answer in answers] == ["c2", "c1"]


def test_a_result_without_a_call_is_kept_as_one(importing: Importing) -> None:
    nodes = mapping(("u", None, message("user", "look")), ("r", "u", message("tool", "found")))
    importing.run(FORM, export(importing, talk(nodes, "r")))
    assert importing.said(KEY)[1].role == "tool"
    assert importing.said(KEY)[1].message().body["tool_call_id"] == "r"


def test_images_are_named_and_described_in_the_metadata(importing: Importing) -> None:
    pointer = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://f1"}
    heard = {"content_type": "audio_transcription", "text": "as I said"}
    content = {"content_type": "multimodal_text", "parts": [pointer, heard, "What is it?", None]}
    importing.run(FORM, export(importing, talk(mapping(("u", None, message("user", content))), "")))
    body = importing.said(KEY)[0].message().body
    assert body["content"] == "[image: file-service://f1]\nas I said\nWhat is it?"
    assert body["metadata"]["extra"]["parts"] == [pointer, heard, None]


def test_custom_instructions_are_the_system_text(importing: Importing) -> None:
    told = {"user_profile": "I am Ada.", "user_instructions": "Be brief."}
    context = {"content_type": "user_editable_context", **told}
    nodes = mapping(("s", None, message("user", context)), ("u", "s", message("user", "hi")))
    report = importing.run(FORM, export(importing, talk(nodes, "u")))
    assert (report.new, report.unknown) == (1, 0)
    assert importing.store.prompt(importing.session(KEY)).data["system"] == "I am Ada.\n\nBe brief."
    (event,) = importing.events(KEY, "imported_records")
    assert event["records"][0]["record"]["content"] == context


def test_unknown_kinds_are_kept_verbatim_and_counted(importing: Importing) -> None:
    odd = {"content_type": "hologram", "beam": [1, 2]}
    nodes = mapping(
        ("u", None, message("user", "show")),
        ("h", "u", message("assistant", odd)),
        ("n", "h", message("narrator", "meanwhile")),
        ("a", "n", message("assistant", "shown")),
    )
    report = importing.run(FORM, export(importing, talk(nodes, "a")))
    assert (report.new, report.unknown) == (2, 2)
    (event,) = importing.events(KEY, "imported_records")
    assert [kept["record"]["id"] for kept in event["records"]] == ["h", "n"]
    assert event["records"][0]["record"]["content"] == odd


def test_a_missing_time_is_that_of_the_message_before(importing: Importing) -> None:
    nodes = mapping(
        ("u", None, message("user", "one", create_time=None)),
        ("a", "u", message("assistant", "two", create_time=START - 500)),
        ("v", "a", message("user", "three", create_time=None)),
    )
    importing.run(FORM, export(importing, talk(nodes, "v")))
    times = [stored.created_us for stored in importing.said(KEY)]
    assert times == [1_700_000_000_250_000, *[1_699_999_500_250_000] * 2]


def test_a_message_of_three_megabytes_comes_in(importing: Importing) -> None:
    importing.run(FORM, export(importing, plain(words="word " * 600_000)))
    assert len(importing.texts(KEY)[0]) == 3_000_000


def test_empty_conversations_are_counted_and_left_out(importing: Importing) -> None:
    empty = talk(mapping(("root", None, None)), None, conversation_id="e")
    report = importing.run(FORM, export(importing, empty, plain(), talk({}, None)))
    assert report.sessions == 1
    assert report.warnings == [
        f"{importing.folder / 'conversations.json'}: 2 conversations without messages were left out"
    ]


def test_the_same_node_in_two_conversations_is_in_both(importing: Importing) -> None:
    assert importing.run(FORM, export(importing, plain("c1"), plain("c2"))).new == 4
    assert importing.texts("chatgpt:c2") == ["How many?", "Seven."]


def test_a_circle_is_cut_open_and_told(importing: Importing) -> None:
    nodes = mapping(
        ("u", None, message("user", "fine")),
        ("x", "y", message("user", "round")),
        ("y", "x", message("assistant", "and round")),
        ("z", "z", message("user", "alone")),
    )
    report = importing.run(FORM, export(importing, talk(nodes, "u")))
    assert report.new == 4
    assert "in a circle" in report.warnings[0]
    assert importing.texts(f"{KEY}:x") == ["round", "and round"]
    assert str(importing.run(FORM, importing.folder)) == "0 new, 4 skipped"


SHAPES: list[Any] = [
    {"n": None},
    {"n": []},
    {"n": {"message": 7}},
    {"n": {"message": {"author": "me", "content": "x"}}},
    {"n": {"message": {"author": {"role": ["user"]}, "content": {"parts": 3}}}},
    {"n": {"message": {"author": {"role": "user"}, "content": {"parts": [[1], {}, 5, None]}}}},
    {"": {"message": message("user", "nameless"), "parent": ""}},
    {"n": {"message": message("tool", {"content_type": None, "thoughts": 3}), "parent": 4}},
    {"n": {"message": message("assistant", {"content_type": "thoughts", "thoughts": [3]})}},
    {"n": {"message": message("user", "hi", metadata="none", recipient=4), "children": [9, "n"]}},
    {"n" * 999: {"message": message("assistant", "x", recipient="t" * 999)}},
    {"n": {"message": message("user", "hi", metadata={"deep": json.loads("[" * 99 + "]" * 99)})}},
]


@pytest.mark.parametrize("nodes", SHAPES)
def test_an_odd_node_costs_no_good_neighbour(importing: Importing, nodes: Any) -> None:
    odd = talk({**nodes, **mapping(("u", None, message("user", "good")))}, "5", conversation_id="o")
    report = importing.run(FORM, export(importing, odd, plain()))
    assert report.errors == []
    assert importing.texts(KEY) == ["How many?", "Seven."]
    keys = list(map(str, importing.keys()))
    every = [importing.texts(key) for key in keys]
    assert any("good" in texts for texts in every)
    assert importing.run(FORM, importing.folder).new == 0


# -- files and zips ----------------------------------------------------------------------------


def test_a_conversation_that_cannot_be_read_costs_no_other(importing: Importing) -> None:
    bad = [
        b'{"mapping": {"a": 1, "a": 2}}',
        b'{"mapping": {"a": NaN}}',
        b'{"mapping": {"a": "\xff"}}',
        b'{"mapping": {"a": tru}, "b": "]}\\""}',
        b'{"mapping": ' + b"[" * 60_000 + b"]" * 60_000 + b"}",
        b"{'mapping': {}}",
        b"7",
    ]
    path = importing.folder / "conversations.json"
    good = [json.dumps(plain(f"g{n}")).encode() for n in range(len(bad))]
    path.write_bytes(
        b"[\n" + b",\n".join(b",\n".join(two) for two in zip(bad, good, strict=True)) + b"\n]"
    )
    report = importing.run(FORM, path)
    assert report.sessions == len(good)
    assert [line for _, line, _ in report.errors] == [2, 4, 6, 8, 10, 12, 14]
    reasons = [reason for _, _, reason in report.errors]
    assert "twice" in reasons[0]
    assert "not valid UTF-8" in reasons[2]


def test_a_value_over_the_limit_is_passed_over_in_bounded_memory(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_LINE", 256 * 1024)
    path = export(importing, plain("a"), plain("b", '\\"]}{' * 900_000), plain("c"))
    report = importing.run(FORM, path)
    assert importing.keys() == ["chatgpt:a", "chatgpt:c"]
    assert "holds a value of more than" in report.errors[0][2]


def test_an_export_that_is_cut_off_gives_its_good_part(importing: Importing) -> None:
    whole = json.dumps([plain("a"), plain("b")])
    path = importing.folder / "conversations.json"
    path.write_text(whole[:-30])
    report = importing.run(FORM, path)
    assert importing.keys() == ["chatgpt:a"]
    assert report.errors == [(str(path), 1, "is cut off")]


def test_a_conversation_in_a_file_of_its_own_is_read(importing: Importing) -> None:
    path = importing.folder / "engines.json"
    path.write_text(json.dumps(plain()))
    assert importing.run(FORM, path).new == 2


def test_the_zip_that_was_sent_is_read(importing: Importing) -> None:
    members: dict[str, bytes | str] = {
        "user.json": "{}",
        "chat.html": "<html>",
        "conversations-000.json": json.dumps([plain("a")]),
        "conversations-001.json": json.dumps([plain("b")]),
        "__MACOSX/._conversations.json": "\0",
    }
    path = zipped(importing, members)
    report = importing.run(FORM, path)
    assert (report.sessions, report.new, report.errors) == (2, 4, [])
    assert report.warnings[0].endswith("left out: ._conversations.json, user.json")
    assert str(importing.run(FORM, path)) == "0 new, 4 skipped"


def test_a_folder_is_read_and_what_else_is_in_it_left_out(importing: Importing) -> None:
    export(importing, plain("a"))
    export(importing, plain("b"), name="conversations-001.json")
    (importing.folder / "user.json").write_text('{"id": "user-1"}')
    report = importing.run(FORM, importing.folder)
    assert (report.sessions, report.errors) == (2, [])
    assert report.warnings == [
        f"{importing.folder / 'user.json'}: holds no conversations; it was left out"
    ]


def test_another_apps_export_is_refused_by_name(importing: Importing) -> None:
    report = importing.run(FORM, export(importing, {"uuid": "x", "chat_messages": []}))
    assert report.sessions == 0
    assert "1 entries from here on are no conversations of ChatGPT" in report.errors[0][2]


def test_a_zip_whose_names_lead_outside_is_refused(importing: Importing) -> None:
    good = json.dumps([plain()])
    path = zipped(importing, {"../../conversations.json": good, "in/conversations.json": good})
    report = importing.run(FORM, path)
    assert report.new == 2
    assert report.errors == [
        (str(path), 0, "../../conversations.json: its name leads out of the archive")
    ]
    assert [found.name for found in importing.folder.iterdir()] == [path.name]


def test_a_zip_bomb_is_refused(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FREE_UNPACKED", 1024 * 1024)
    bomb = b"[" + b" " * 20_000_000 + b"]"
    good = json.dumps([plain()])
    path = zipped(importing, {"conversations-0.json": bomb, "conversations-1.json": good})
    report = importing.run(FORM, path)
    assert report.new == 2
    assert "unpacks to far more" in report.errors[0][2]


def test_a_zip_that_lists_too_much_is_refused(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_DIRECTORY", 1000)
    members: dict[str, bytes | str] = {f"{n}.json": "" for n in range(99)}
    report = importing.run(FORM, zipped(importing, members))
    assert "lists more files" in report.errors[0][2]


@pytest.mark.parametrize("cut", [1, 30, 200, -60, -22, -1])
def test_a_zip_that_is_cut_off_or_damaged_is_refused(importing: Importing, cut: int) -> None:
    path = zipped(importing, {"conversations.json": json.dumps([plain()] * 9)})
    path.write_bytes(path.read_bytes()[:cut])
    report = importing.run(FORM, path)
    assert (report.new, len(report.errors)) == (0, 1)


def test_a_damaged_member_costs_no_other(importing: Importing) -> None:
    good = json.dumps([plain()])
    path = zipped(importing, {"conversations-0.json": good * 50, "conversations-1.json": good})
    raw = bytearray(path.read_bytes())
    raw[70:90] = b"\xff" * 20
    path.write_bytes(raw)
    report = importing.run(FORM, path)
    assert importing.texts(KEY) == ["How many?", "Seven."]
    assert report.errors


def test_utf_16_is_refused_by_name_in_a_zip_too(importing: Importing) -> None:
    path = zipped(importing, {"conversations.json": json.dumps([plain()]).encode("utf-16")})
    report = importing.run(FORM, path)
    assert report.errors[0][2] == "conversations.json: is UTF-16; save it as UTF-8"


def test_no_place_is_usual_for_an_export() -> None:
    assert chatgpt.find() == []


# -- any tree ----------------------------------------------------------------------------------

numbers = count(1)
parents = st.lists(st.none() | st.integers(0, 12), min_size=1, max_size=12)
roles = st.sampled_from(["user", "assistant", "tool", "system", "ghost"])


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    links=parents,
    kinds=st.lists(roles, min_size=12, max_size=12),
    current=st.integers(0, 12),
)
def test_every_message_is_on_as_many_branches_as_leaves_hang_below_it(
    importing: Importing,
    links: list[int | None],
    kinds: list[str],
    current: int,
) -> None:
    """Links may go anywhere: to nodes that are not there, to later ones, round in circles. A
    message is in the session of each branch that leads over it, hence in one for each leaf below
    it, once; its circle, if it is in one, is cut open at the first node of the export."""
    talk_id = f"talk-{next(numbers)}."
    nodes = {
        f"n{index}": {
            "message": message(kind, f"n{index}") if kind != "ghost" else None,
            "parent": None if link is None else f"n{link}",
        }
        for index, (link, kind) in enumerate(zip(links, kinds, strict=False))
    }
    path = export(importing, talk(nodes, f"n{current}", conversation_id=talk_id))
    first = importing.run(FORM, path)
    assert first.errors == []
    found: Counter[str] = Counter()
    for key in filter(None, importing.keys()):
        if talk_id in key:
            said = [stored.message().body for stored in importing.said(key)]
            sources = [source for body in said for source in base.sources_of(body["metadata"])]
            assert len(set(sources)) == len(sources)
            found.update(sources)
    assert found == leaves_below(nodes)
    assert importing.run(FORM, path).new == 0
    assert first.new <= len(found)


def leaves_below(nodes: dict[str, Any]) -> Counter[str]:
    """For each message how many messages without a message below them hang on it."""
    above: dict[str, str | None] = {
        key: node["parent"] if node["parent"] in nodes and node["parent"] != key else None
        for key, node in nodes.items()
    }
    for key in nodes:
        chain, step = [key], above[key]
        while step is not None and step not in chain:
            chain.append(step)
            step = above[step]
        if step is not None:
            above[min(chain[chain.index(step) :], key=lambda name: int(name[1:]))] = None
    said = {key: _said_above(key, nodes, above) for key in nodes if nodes[key]["message"]}
    leaves = set(said) - {parent for parent in said.values() if parent}
    found: Counter[str] = Counter()
    for leaf in leaves:
        place: str | None = leaf
        while place is not None:
            found[place] += 1
            place = said[place]
    return found


def _said_above(key: str, nodes: dict[str, Any], above: dict[str, str | None]) -> str | None:
    step = above[key]
    while step is not None and not nodes[step]["message"]:
        step = above[step]
    return step
