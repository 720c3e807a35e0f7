"""Transcripts of Claude Code, written by hand in its shapes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sessions_app.core import instants
from sessions_app.importers import claude_code
from tests.examples import examples
from tests.importers.importing import Importing, Record

FORM = "claude-code"
SESSION = "5e55105e-0000-4000-8000-000000000001"
KEY = f"claude-code:{SESSION}"
_numbers = count(1)


def record(uuid: str, parent: str | None, kind: str, content: Any, **fields: Any) -> Record:
    message = {"role": kind, "content": content, **fields.pop("message", {})}
    base = {
        "type": kind,
        "uuid": uuid,
        "parentUuid": parent,
        "isSidechain": False,
        "sessionId": SESSION,
        "cwd": "/home/ada/engine",
        "version": "2.0.1",
        "timestamp": f"2026-03-01T09:00:{int(next(_numbers)) % 60:02}.000Z",
    }
    return {**base, "message": message, **fields}


def user(uuid: str, parent: str | None, text: Any, **fields: Any) -> Record:
    return record(uuid, parent, "user", text, **fields)


def assistant(uuid: str, parent: str, text: str, **fields: Any) -> Record:
    block = {"type": "text", "text": text}
    return record(uuid, parent, "assistant", [block], message={"id": f"answer-{uuid}"}, **fields)


def block_of(answer: str, uuid: str, parent: str, block: Record, **message: Any) -> Record:
    return record(uuid, parent, "assistant", [block], message={"id": answer, **message})


def call(call_id: str, name: str = "Read", **given: Any) -> Record:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def result(uuid: str, parent: str, call_id: str, text: str = "done", **fields: Any) -> Record:
    block = {"type": "tool_result", "tool_use_id": call_id, "content": text}
    return user(uuid, parent, [block], **fields)


def talk(turns: int) -> list[Record]:
    found, parent = [], None
    for turn in range(1, turns + 1):
        found.append(user(f"u{turn}", parent, f"question {turn}"))
        found.append(assistant(f"a{turn}", f"u{turn}", f"answer {turn}"))
        parent = f"a{turn}"
    return found


def test_a_transcript_becomes_a_session_with_its_times(importing: Importing) -> None:
    lines = talk(2)
    report = importing.run(FORM, importing.write(f"{SESSION}.jsonl", lines))
    assert (report.sessions, report.new, report.skipped, report.errors) == (1, 4, 0, [])
    said = importing.said(KEY)
    assert [stored.role for stored in said] == ["user", "assistant"] * 2
    assert [instants.render(stored.created_us) for stored in said] == [
        line["timestamp"].replace(".000Z", "Z") for line in lines
    ]
    assert importing.session(KEY).title == "question 1"
    assert "/home/ada/engine" in importing.session(KEY).metadata


def test_the_same_file_twice_adds_nothing(importing: Importing) -> None:
    path = importing.write("talk.jsonl", talk(170))
    assert str(importing.run(FORM, path)) == "340 new, 0 skipped"
    version = importing.session(KEY).version
    assert str(importing.run(FORM, path)) == "0 new, 340 skipped"
    assert importing.session(KEY).version == version


def test_a_grown_file_adds_only_what_is_new(importing: Importing) -> None:
    importing.run(FORM, importing.write("talk.jsonl", talk(170)))
    report = importing.run(FORM, importing.write("talk.jsonl", talk(176)))
    assert str(report) == "12 new, 340 skipped"
    assert [stored.seq for stored in importing.said(KEY)] == list(range(1, 353))


def test_a_dry_run_counts_and_stores_nothing(importing: Importing) -> None:
    path = importing.write("talk.jsonl", talk(3))
    assert str(importing.run(FORM, path, dry_run=True)) == "6 new, 0 skipped"
    assert importing.keys() == []
    importing.run(FORM, path)
    assert str(importing.run(FORM, path, dry_run=True)) == "0 new, 6 skipped"


def test_the_records_of_one_answer_become_one_message(importing: Importing) -> None:
    lines = [
        user("u1", None, "read it"),
        block_of("m1", "a1", "u1", {"type": "text", "text": "I will."}, usage={"output_tokens": 1}),
        block_of("m1", "a2", "a1", call("c1"), usage={"output_tokens": 9}, model="some-model"),
        result("r1", "a2", "c1"),
    ]
    importing.run(FORM, importing.write("talk.jsonl", lines))
    answer = importing.said(KEY)[1].message()
    assert [block["type"] for block in answer.body["content"]] == ["text", "tool_use"]
    assert answer.body["usage"] == {"output_tokens": 9}
    assert answer.body["model"] == "some-model"
    assert answer.body["metadata"]["source"] == ["a1", "a2"]


def test_parallel_results_are_no_branches(importing: Importing) -> None:
    lines = [
        user("u1", None, "read both"),
        block_of("m1", "a1", "u1", call("c1")),
        result("r1", "a1", "c1", "one"),
        block_of("m1", "a2", "a1", call("c2")),
        result("r2", "a2", "c2", "two"),
        assistant("a3", "r2", "both read"),
    ]
    report = importing.run(FORM, importing.write("talk.jsonl", lines))
    assert report.sessions == 1
    roles = [stored.role for stored in importing.said(KEY)]
    assert roles == ["user", "assistant", "tool", "tool", "assistant"]


def test_an_answer_that_was_still_being_written_gets_its_missing_block(
    importing: Importing,
) -> None:
    begun = [user("u1", None, "go"), block_of("m1", "a1", "u1", {"type": "text", "text": "Yes."})]
    importing.run(FORM, importing.write("talk.jsonl", begun))
    grown = [*begun, block_of("m1", "a2", "a1", call("c1")), result("r1", "a2", "c1")]
    report = importing.run(FORM, importing.write("talk.jsonl", grown))
    assert str(report) == "2 new, 2 skipped"
    assert [stored.role for stored in importing.said(KEY)][1:] == ["assistant", "assistant", "tool"]
    again = importing.run(FORM, importing.write("talk.jsonl", grown))
    assert str(again) == "0 new, 4 skipped"


def branched() -> list[Record]:
    return [
        user("u1", None, "begin"),
        assistant("a1", "u1", "begun"),
        user("u2", "a1", "first thought"),
        assistant("a2", "u2", "first answer"),
        user("u3", "a1", "second thought"),
        assistant("a3", "u3", "second answer"),
    ]


def spoken(importing: Importing, key: str) -> list[str]:
    texts = importing.texts(key)
    return [text if isinstance(text, str) else text[0]["text"] for text in texts]


def test_the_newest_branch_is_the_session_and_the_other_a_fork(importing: Importing) -> None:
    report = importing.run(FORM, importing.write("talk.jsonl", branched()))
    assert report.sessions == 2
    assert spoken(importing, KEY) == ["begin", "begun", "second thought", "second answer"]
    fork = f"{KEY}:u2"
    assert spoken(importing, fork) == ["begin", "begun", "first thought", "first answer"]
    assert importing.session(fork).forked_from == importing.session(KEY).id
    again = importing.run(FORM, importing.folder / "talk.jsonl")
    assert str(again) == "0 new, 6 skipped"


def test_an_edited_first_message_is_a_branch_from_the_beginning(importing: Importing) -> None:
    lines = [
        user("u1", None, "tpyo"),
        assistant("a1", "u1", "what?"),
        user("u2", None, "typo"),
        assistant("a2", "u2", "yes"),
    ]
    importing.run(FORM, importing.write("talk.jsonl", lines))
    assert spoken(importing, KEY) == ["typo", "yes"]
    assert spoken(importing, f"{KEY}:u1") == ["tpyo", "what?"]


def test_a_branch_taken_after_an_import_retracts_the_one_left(importing: Importing) -> None:
    importing.run(FORM, importing.write("talk.jsonl", branched()[:4]))
    importing.run(FORM, importing.write("talk.jsonl", branched()))
    assert spoken(importing, KEY) == ["begin", "begun", "second thought", "second answer"]
    assert importing.session(KEY).messages == 6
    assert spoken(importing, f"{KEY}:u2") == ["begin", "begun", "first thought", "first answer"]
    assert str(importing.run(FORM, importing.folder / "talk.jsonl")) == "0 new, 6 skipped"
    back = [*branched(), user("u4", "a2", "first after all")]
    importing.run(FORM, importing.write("talk.jsonl", back))
    assert spoken(importing, KEY) == [
        *("begin", "begun", "first thought", "first answer", "first after all"),
    ]


def test_a_branch_of_a_branch_parts_from_it(importing: Importing) -> None:
    lines = [*branched()[:4], user("u5", "u2", "aside"), *branched()[4:]]
    lines.insert(4, user("u6", "a2", "on"))
    importing.run(FORM, importing.write("talk.jsonl", lines))
    assert spoken(importing, f"{KEY}:u2") == ["begin", "begun", "first thought", "aside"]
    inner = importing.session(f"{KEY}:a2")
    assert inner.forked_from == importing.session(f"{KEY}:u2").id
    assert spoken(importing, f"{KEY}:a2") == [
        *("begin", "begun", "first thought", "first answer", "on"),
    ]


def test_a_side_chain_is_a_session_that_names_its_sender(importing: Importing) -> None:
    lines = [
        user("u1", None, "look around"),
        block_of("m1", "a1", "u1", call("c1", "Task", prompt="count the files")),
        user("s1", None, "count the files", isSidechain=True),
        assistant("s2", "s1", "seven", isSidechain=True),
        result("r1", "a1", "c1", "seven"),
    ]
    importing.run(FORM, importing.write("talk.jsonl", lines))
    key = f"{KEY}:agent-s1"
    assert spoken(importing, key) == ["count the files", "seven"]
    metadata = importing.session(key).metadata
    assert f'"parent_session":"{KEY}"' in metadata
    assert '"parent_message":"a1"' in metadata
    assert [stored.role for stored in importing.said(KEY)] == ["user", "assistant", "tool"]


def test_a_sub_agent_in_a_file_of_its_own_is_found_a_sender(importing: Importing) -> None:
    main = [
        user("u1", None, "look around"),
        block_of("m1", "a1", "u1", call("c1", "Task", prompt="count")),
        result("r1", "a1", "c1", "seven", toolUseResult={"agentId": "x9"}),
    ]
    side = [user("s1", None, "count the files", isSidechain=True, agentId="x9")]
    importing.write(f"logs/{SESSION}.jsonl", main)
    importing.write(f"logs/{SESSION}/subagents/agent-x9.jsonl", side)
    report = importing.run(FORM, importing.folder / "logs")
    assert report.sessions == 2
    assert '"parent_message":"a1"' in importing.session(f"{KEY}:agent-x9").metadata


def compacted() -> list[Record]:
    told = {"trigger": "auto", "preTokens": 155_000}
    boundary = {
        "type": "system",
        "subtype": "compact_boundary",
        "uuid": "b1",
        "parentUuid": None,
        "logicalParentUuid": "a1",
        "sessionId": SESSION,
        "timestamp": "2026-03-01T10:00:00Z",
        "content": "Conversation compacted",
        "compactMetadata": told,
    }
    summary = user("k1", "b1", "They agreed on seven.", isCompactSummary=True)
    after = user("u2", "k1", "go on")
    return [*talk(1), boundary, summary, after, assistant("a2", "u2", "gone on")]


def test_compaction_is_kept_as_events_at_their_place(importing: Importing) -> None:
    report = importing.run(FORM, importing.write("talk.jsonl", compacted()))
    assert (report.sessions, report.new) == (1, 4)
    assert spoken(importing, KEY) == ["question 1", "answer 1", "go on", "gone on"]
    (boundary,) = importing.events(KEY, "imported_boundary")
    assert (boundary["trigger"], boundary["pre_tokens"]) == ("auto", 155_000)
    (summary,) = importing.events(KEY, "imported_summary")
    assert summary["summary"] == "They agreed on seven."
    events = importing.store.events(importing.session(KEY), limit=10)
    assert [event.version for event in events] == [1, 4, 5]
    assert str(importing.run(FORM, importing.folder / "talk.jsonl")) == "0 new, 4 skipped"
    assert len(importing.events(KEY, "imported_summary")) == 1


def test_what_is_no_message_is_kept_verbatim_and_counted(importing: Importing) -> None:
    odd = [
        {"type": "file-history-snapshot", "messageId": "x", "snapshot": {"files": ["ä"]}},
        {"type": "of-a-later-release", "sessionId": SESSION, "deep": {"a": [1, None]}},
        assistant("e1", "u1", "API Error: 529", isApiErrorMessage=True),
    ]
    report = importing.run(FORM, importing.write("talk.jsonl", [*talk(2), *odd]))
    assert (report.unknown, report.new, report.sessions) == (3, 4, 1)
    (event,) = importing.events(KEY, "imported_records")
    assert [kept["record"] for kept in event["records"]] == odd
    importing.run(FORM, importing.folder / "talk.jsonl")
    assert len(importing.events(KEY, "imported_records")) == 1


def test_unknown_blocks_stay_in_their_message(importing: Importing) -> None:
    block = {"type": "hologram", "beam": [1, 2]}
    lines = [user("u1", None, "show"), block_of("m1", "a1", "u1", block)]
    importing.run(FORM, importing.write("talk.jsonl", lines))
    assert importing.said(KEY)[1].message().body["content"] == [block]


def test_a_message_in_no_known_shape_is_kept_as_a_record(importing: Importing) -> None:
    lines = [*talk(1), user("u9", "a1", [{"type": "tool_result", "content": "whose?"}])]
    report = importing.run(FORM, importing.write("talk.jsonl", lines))
    assert (report.new, report.unknown, len(report.warnings)) == (2, 1, 1)
    assert "talk.jsonl:3:" in report.warnings[0]


def test_what_the_harness_wrote_is_marked_and_gives_no_title(importing: Importing) -> None:
    lines = [
        user("u1", None, "Caveat: what follows was typed elsewhere.", isMeta=True),
        user("u2", "u1", "<local-command-stdout>ok</local-command-stdout>"),
        user("u3", "u2", "  now to\nwork " + "and more " * 20),
    ]
    importing.run(FORM, importing.write("talk.jsonl", lines))
    authors = [stored.message().body.get("author") for stored in importing.said(KEY)]
    assert authors == ["harness", "harness", None]
    title = importing.session(KEY).title
    assert title.startswith("now to work and more")
    assert len(title) <= 80


def test_a_summary_record_names_the_session(importing: Importing) -> None:
    named = [
        {"type": "summary", "summary": "About another one", "leafUuid": "elsewhere"},
        {"type": "summary", "summary": "Building the engine", "leafUuid": "a1"},
    ]
    importing.run(FORM, importing.write("talk.jsonl", [*named, *talk(1)]))
    assert importing.session(KEY).title == "Building the engine"


def test_fields_without_room_are_kept_beside_the_message(importing: Importing) -> None:
    lines = [
        user("u1", None, "read"),
        block_of("m1", "a1", "u1", call("c1")),
        result("r1", "a1", "c1", toolUseResult={"file": "x" * 40_000}, sourceLine=7),
    ]
    importing.run(FORM, importing.write("talk.jsonl", lines))
    assert importing.said(KEY)[2].message().body["metadata"]["extra"] == {"sourceLine": 7}
    (event,) = importing.events(KEY, "imported_records")
    kept = event["records"][0]["record"]
    assert kept == {"of": "r1", "toolUseResult": {"file": "x" * 40_000}}


def test_a_hook_record_without_a_parent_is_no_new_beginning(importing: Importing) -> None:
    hook = {"type": "system", "subtype": "hook", "uuid": "h1", "parentUuid": None}
    lines = [*talk(1), {**hook, "sessionId": SESSION}, user("u2", "h1", "back again")]
    report = importing.run(FORM, importing.write("talk.jsonl", lines))
    assert report.sessions == 1
    assert spoken(importing, KEY)[-1] == "back again"


def test_a_parent_that_is_not_in_the_file_stands_for_the_record_before(
    importing: Importing,
) -> None:
    lines = [*talk(1), user("u2", "never-written", "on")]
    assert importing.run(FORM, importing.write("talk.jsonl", lines)).sessions == 1
    assert spoken(importing, KEY) == ["question 1", "answer 1", "on"]


def test_a_resumed_session_with_copied_history_is_complete_in_itself(importing: Importing) -> None:
    other = SESSION.replace("1", "2")
    copied = [*talk(2), user("u3", "a2", "resumed", sessionId=other)]
    importing.write(f"{SESSION}.jsonl", talk(2))
    importing.write(f"{other}.jsonl", copied)
    report = importing.run(FORM, importing.folder)
    assert report.sessions == 2
    assert spoken(importing, f"claude-code:{other}")[-1] == "resumed"
    assert importing.session(f"claude-code:{other}").messages == 5


def test_a_second_file_of_the_same_session_goes_on_with_it(importing: Importing) -> None:
    importing.write("one.jsonl", talk(2)[:3])
    importing.write("two.jsonl", talk(3)[3:])
    assert str(importing.run(FORM, importing.folder)) == "6 new, 0 skipped"
    assert importing.session(KEY).messages == 6


def test_two_sessions_in_one_file_stay_apart(importing: Importing) -> None:
    other = [{**line, "sessionId": "other", "uuid": f"o{n}"} for n, line in enumerate(talk(1))]
    other[1]["parentUuid"] = "o0"
    assert importing.run(FORM, importing.write("both.jsonl", [*talk(1), *other])).sessions == 2
    assert importing.session("claude-code:other").messages == 2


def test_backwards_times_are_kept_as_they_are(importing: Importing) -> None:
    lines = talk(2)
    lines[3]["timestamp"] = "2001-01-01T00:00:00Z"
    importing.run(FORM, importing.write("talk.jsonl", lines))
    assert instants.render(importing.said(KEY)[3].created_us) == "2001-01-01T00:00:00Z"


def test_a_run_between_two_batches_goes_on(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = importing.write("talk.jsonl", talk(400))
    whole = importing.store.append
    calls = count(1)

    def dying(*args: Any, **options: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return whole(*args, **options)

    monkeypatch.setattr(importing.store, "append", dying)
    with pytest.raises(KeyboardInterrupt):
        importing.run(FORM, path)
    assert importing.session(KEY).messages == 500
    assert str(importing.run(FORM, path)) == "300 new, 500 skipped"
    assert spoken(importing, KEY)[-1] == "answer 400"


def test_somebody_elses_session_is_refused(importing: Importing) -> None:
    path = importing.write("talk.jsonl", talk(1))
    importing.run(FORM, path, user="ada")
    report = importing.run(FORM, path, user="bob")
    assert (report.new, len(report.errors)) == (0, 1)
    assert importing.session(KEY).user == "ada"


def test_an_ended_session_takes_nothing_more(importing: Importing) -> None:
    importing.run(FORM, importing.write("talk.jsonl", talk(1)))
    importing.store.end(importing.project, importing.session(KEY).id)
    report = importing.run(FORM, importing.write("talk.jsonl", talk(2)))
    assert (report.new, len(report.errors)) == (0, 1)
    assert "ended" in report.errors[0][2]


def test_the_usual_places_are_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    assert claude_code.find() == []
    transcript = tmp_path / "projects" / "-home-ada" / f"{SESSION}.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.write_text("")
    (transcript.parent / "notes.txt").write_text("")
    assert claude_code.find() == [transcript]


def test_progress_ends_at_the_whole(importing: Importing) -> None:
    path = importing.write("talk.jsonl", [user("z", None, "z" * 3_000_000), *talk(150)])
    seen: list[tuple[int, int]] = []
    importing.run(FORM, path, on_progress=lambda done, total: seen.append((done, total)))
    size = path.stat().st_size
    assert seen[-1] == (size, size)
    assert len(seen) > 2
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


# -- any tree ----------------------------------------------------------------------------------


def forked(links: Sequence[int | None], session: str) -> list[Record]:
    """A message for each link, on the earlier one it names; where there is none, on nothing."""
    return [
        user(
            f"n{n}",
            f"n{link}" if link is not None and link < n else None,
            f"n{n}",
            sessionId=session,
        )
        for n, link in enumerate(links)
    ]


def paths(records: list[Record]) -> dict[str, list[str]]:
    """For each message what was said up to it."""
    found: dict[str, list[str]] = {}
    for line in records:
        found[line["uuid"]] = [*found.get(line["parentUuid"], ()), line["uuid"]]
    return found


def check_branches(importing: Importing, session: str, records: list[Record]) -> None:
    """The session is the path to the newest message; every leaf has a session that is its path,
    and no session is anything but a path."""
    found = paths(records)
    key = f"claude-code:{session}"
    told = [
        spoken(importing, name)
        for name in map(str, importing.keys())
        if name == key or name.startswith(f"{key}:")
    ]
    assert spoken(importing, key) == found[records[-1]["uuid"]]
    leaves = found.keys() - {line["parentUuid"] for line in records}
    assert [leaf for leaf in leaves if found[leaf] not in told] == []
    assert [branch for branch in told if branch not in found.values()] == []


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    links=st.lists(st.none() | st.integers(0, 11), min_size=1, max_size=12),
    cuts=st.sets(st.integers(1, 11), max_size=3),
)
@example(links=[None, 0, 1, 0, 1, 3], cuts={4})
def test_every_leaf_of_any_tree_is_a_session_of_its_path(
    importing: Importing, links: list[int | None], cuts: set[int]
) -> None:
    """Wherever branches part, forks from forks too, and however often the file was imported while
    it grew."""
    session = f"tree-{next(_numbers)}"
    records = forked(links, session)
    for end in sorted({*(cut for cut in cuts if cut < len(records)), len(records)}):
        path = importing.write(f"{session}.jsonl", records[:end])
        assert importing.run(FORM, path).errors == []
        check_branches(importing, session, records[:end])
        assert importing.run(FORM, path).new == 0
