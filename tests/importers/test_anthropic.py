"""Logs of Anthropic's Messages API, in every shape they are kept in."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_app.core import forms, instants
from sessions_app.importers import anthropic, base
from tests.examples import examples
from tests.importers.importing import Importing, Record

FORM = "anthropic"
CALL: Record = {"type": "tool_use", "id": "t1", "name": "count", "input": {}}
RESULT: Record = {"type": "tool_result", "tool_use_id": "t1", "content": "7"}


def user(content: Any) -> Record:
    return {"role": "user", "content": content}


def assistant(content: Any) -> Record:
    return {"role": "assistant", "content": content}


TALK: list[Record] = [user("How many?"), assistant([CALL]), user([RESULT]), assistant("Seven.")]


def body(*messages: Record, **fields: Any) -> Record:
    usual = {"model": "claude-m", "max_tokens": 9, "system": "Be brief."}
    return {**usual, "messages": list(messages), **fields}


def answer(*blocks: Record, **fields: Any) -> Record:
    usual = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-m"}
    ended = {"stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}}
    return {**usual, "content": list(blocks), **ended, **fields}


def words(said: str) -> Record:
    return {"type": "text", "text": said}


def only_key(importing: Importing) -> str:
    (key,) = importing.keys()
    assert key is not None
    return key


def talks_of(importing: Importing, beginning: str = "") -> list[list[Any]]:
    """What is said in every session whose key begins so."""
    keys = list(map(str, importing.keys()))
    return [importing.texts(key) for key in keys if key.startswith(beginning)]


def agent_log() -> list[Record]:
    """Three requests of one agent, each with all that was said before."""
    first = answer({"type": "thinking", "thinking": "Count.", "signature": "s"}, CALL)
    history = [user([{**words("How many?"), "cache_control": {"type": "ephemeral"}}])]
    grown = [user("How many?"), assistant([CALL]), user([RESULT])]
    asked = [*grown, assistant([words("Seven.")]), user("Sure?")]
    return [
        {"request": body(*history), "response": first, "timestamp": "2026-01-01T00:00:00Z"},
        {"request": body(*grown), "response": answer(words("Seven."))},
        {"request": body(*asked), "response": answer(words("Yes."))},
    ]


SHAPES: dict[str, str] = {
    "a-request-a-line.jsonl": json.dumps(body(*TALK)) + "\n",
    "one-request.json": json.dumps(body(*TALK), indent=1),
    "a-list-of-requests.json": json.dumps([body(*TALK)]),
    "requests-in-an-object.json": json.dumps({"requests": [{"custom_id": "r", **body(*TALK)}]}),
    "a-batch-line.jsonl": json.dumps({"custom_id": "r", "params": body(*TALK)}) + "\n",
    "beside-its-response.jsonl": json.dumps(
        {"request": body(*TALK[:3]), "response": answer(words("Seven."))}
    ),
    "a-batch-with-its-result.jsonl": json.dumps(
        {
            "custom_id": "r",
            "params": body(*TALK[:3]),
            "result": {"type": "succeeded", "message": answer(words("Seven."))},
        }
    ),
    "system-in-blocks.txt": json.dumps(body(*TALK, system=[words("Be brief.")])) + "\n{}\n",
}
BARE: dict[str, str] = {
    "a-list.json": json.dumps(TALK, indent=2),
    "a-list-a-line.jsonl": json.dumps(TALK) + "\n",
    "a-message-a-line.jsonl": "".join(json.dumps(message) + "\n" for message in TALK),
}


@pytest.mark.parametrize("name", [*SHAPES, *BARE])
def test_every_shape_gives_the_same_session(importing: Importing, name: str) -> None:
    path = importing.folder / name
    path.write_text({**SHAPES, **BARE}[name])
    report = importing.run(FORM, path)
    assert (report.sessions, report.new) == (1, 4)
    key = only_key(importing)
    assert [stored.role for stored in importing.said(key)] == [
        *("user", "assistant", "tool", "assistant"),
    ]
    system = importing.store.prompt(importing.session(key)).data["system"]
    assert system == (None if name in BARE else "Be brief.")
    assert importing.session(key).title == "How many?"
    assert str(importing.run(FORM, path)) == "0 new, 4 skipped"


def test_messages_go_back_to_the_provider_as_they_came(importing: Importing) -> None:
    importing.run(FORM, importing.write("t.jsonl", [body(*TALK)]))
    history = [stored.message() for stored in importing.said(only_key(importing))]
    assert forms.render("anthropic", history).messages == TALK


def test_a_response_is_kept_whole(importing: Importing) -> None:
    importing.run(FORM, importing.write("t.jsonl", agent_log()[:1]))
    asked, answered = importing.said(only_key(importing))
    assert answered.message().body["usage"] == {"input_tokens": 1, "output_tokens": 2}
    assert answered.message().body["content"][0]["signature"] == "s"
    assert instants.render(asked.created_us) == "2026-01-01T00:00:00Z"


def test_requests_that_say_everything_again_are_one_session(importing: Importing) -> None:
    path = importing.write("log.jsonl", agent_log())
    report = importing.run(FORM, path)
    assert (report.sessions, report.new, report.errors) == (1, 6, [])
    roles = [stored.role for stored in importing.said(only_key(importing))]
    assert roles == ["user", "assistant", "tool", "assistant", "user", "assistant"]
    assert str(importing.run(FORM, path)) == "0 new, 6 skipped"


def test_a_grown_log_adds_what_is_new(importing: Importing) -> None:
    importing.run(FORM, importing.write("log.jsonl", agent_log()[:2]))
    report = importing.run(FORM, importing.write("log.jsonl", agent_log()))
    assert str(report) == "2 new, 4 skipped"


def test_a_dry_run_counts_the_same(importing: Importing) -> None:
    path = importing.write("log.jsonl", agent_log())
    assert str(importing.run(FORM, path, dry_run=True)) == "6 new, 0 skipped"
    importing.run(FORM, path)
    assert str(importing.run(FORM, path, dry_run=True)) == "0 new, 6 skipped"


def test_two_conversations_in_turns_stay_apart(importing: Importing) -> None:
    mine = [body(user("a")), body(user("a"), assistant("b"), user("c"))]
    yours = [body(user("x")), body(user("x"), assistant("y"), user("z"))]
    lines = [mine[0], yours[0], yours[1], mine[1]]
    report = importing.run(FORM, importing.write("log.jsonl", lines))
    assert (report.sessions, report.new) == (2, 6)
    assert talks_of(importing) == [["a", "b", "c"], ["x", "y", "z"]]


def test_another_answer_to_the_same_question_is_another_session(importing: Importing) -> None:
    lines = [
        {"request": body(user("a")), "response": answer(words(said))} for said in ("one", "two")
    ]
    assert importing.run(FORM, importing.write("log.jsonl", lines)).sessions == 2


def test_another_system_text_is_another_conversation(importing: Importing) -> None:
    lines = [body(user("a")), body(user("a"), assistant("b"), system="Be kind.")]
    assert importing.run(FORM, importing.write("log.jsonl", lines)).sessions == 2


def test_a_request_repeated_says_nothing_new(importing: Importing) -> None:
    report = importing.run(FORM, importing.write("log.jsonl", [body(user("a"))] * 3))
    assert (report.sessions, report.new) == (1, 1)
    assert "2 requests say nothing" in report.warnings[0]


def test_results_of_a_batch_come_in_alone(importing: Importing) -> None:
    failed = {"type": "errored", "error": {"type": "invalid_request"}}
    lines = [
        {"custom_id": "r1", "result": {"type": "succeeded", "message": answer(words("one"))}},
        {"custom_id": "r2", "result": failed},
    ]
    path = importing.write("results.jsonl", lines)
    report = importing.run(FORM, path)
    assert (report.new, report.unknown) == (1, 1)
    assert importing.texts("anthropic:results:r1") == [[words("one")]]
    (event,) = importing.events("anthropic:results:r2", "imported_records")
    assert event["records"][0]["record"] == failed
    assert str(importing.run(FORM, path)) == "0 new, 1 skipped"


def test_conversations_of_one_id_that_differ_stay_apart(importing: Importing) -> None:
    lines = [body(user(said), conversation_id="c") for said in ("a", "b")]
    report = importing.run(FORM, importing.write("log.jsonl", lines))
    assert (report.sessions, report.errors) == (2, [])
    assert importing.keys() == ["anthropic:log:c", "anthropic:log:c:2"]


def test_fields_of_a_request_are_kept_with_the_session(importing: Importing) -> None:
    tools = [{"name": "count", "input_schema": {"type": "object"}}]
    sent = body(user("a"), tools=tools, thinking={"type": "enabled"}, temperature=0.5)
    importing.run(FORM, importing.write("t.jsonl", [sent]))
    session = importing.session(only_key(importing))
    assert '"temperature":0.5' in session.metadata
    assert importing.store.prompt(session).data["tools"] == tools
    (event,) = importing.events(only_key(importing), "imported_records")
    assert event["records"][0]["record"] == {"thinking": {"type": "enabled"}}


def test_a_file_that_differs_from_the_session_is_refused(importing: Importing) -> None:
    importing.run(FORM, importing.write("t.jsonl", [body(*TALK)]))
    other = body(*TALK[:3], assistant("Eight."))
    report = importing.run(FORM, importing.write("t.jsonl", [other, body(user("good"))]))
    assert "message 4 is not the one" in report.errors[0][2]
    assert report.new == 1


def test_a_list_that_is_cut_off_gives_its_good_part(importing: Importing) -> None:
    path = importing.folder / "t.json"
    path.write_text(json.dumps([body(user("a")), body(user("b"))])[:-9])
    report = importing.run(FORM, path)
    assert (report.new, report.errors) == (1, [(str(path), 1, "is cut off")])


def test_a_message_of_three_megabytes_comes_in(importing: Importing) -> None:
    importing.run(FORM, importing.write("t.jsonl", [body(user("w" * 3_000_000))]))
    assert len(importing.texts(only_key(importing))[0]) == 3_000_000


ODD: list[Any] = [
    None,
    7,
    "text",
    {},
    {"messages": 5},
    {"messages": [], "response": 5},
    {"messages": [None, 5, {"role": 4}, {"role": "user"}]},
    {"request": [], "response": {}},
    {"request": body(user([])), "response": {"type": "error", "error": {}}},
    {"request": body(user([{"type": []}, 3])), "response": [{"type": "message_start"}]},
    {"custom_id": 5, "result": {"type": "succeeded", "message": []}},
    {"custom_id": "x" * 999, "params": body(user("x"), system=5, tools="none")},
    body(user("x"), system=[5, {"text": None}], tools=[5]),
    body(user("x"), metadata=json.loads("[" * 99 + "]" * 99)),
    {"timestamp": "soon", **body(user("x")), "created_at": True},
    [user("x"), None, [], {"role": "user", "content": [{"type": "tool_result"}]}],
]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_line_costs_no_good_neighbour(importing: Importing, odd: Any) -> None:
    path = importing.write("log.jsonl", [body(*TALK), odd, body(user("after"))])
    report = importing.run(FORM, path)
    assert all(line == 2 for _, line, _ in report.errors)
    texts = talks_of(importing)
    assert len(texts[0]) == 4
    assert ["after"] in texts
    assert importing.run(FORM, path).new == 0


def test_a_line_that_is_no_json_costs_no_other(importing: Importing) -> None:
    path = importing.folder / "log.jsonl"
    lines = [json.dumps(body(user(f"m{n}"))).encode() for n in range(2)]
    path.write_bytes(lines[0] + b'\n{"messages": \xff}\n' + lines[1] + b'\n{"messages": [')
    report = importing.run(FORM, path)
    assert report.new == 2
    assert [line for _, line, _ in report.errors] == [2, 4]


@pytest.mark.parametrize("text", ["{}", "[]", '{"a": 1}', '[{"a": 1}]', '"text"', "7"])
def test_a_file_that_is_no_log_stores_nothing(
    importing: Importing, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "none.json"
    path.write_text(text)
    report = importing.run(FORM, path)
    assert (report.sessions, len(report.errors)) == (0, 1)


def test_no_place_is_usual_for_these_files() -> None:
    assert anthropic.find() == []


numbers = count(1)
said = st.sampled_from(["a", "b", "c"])


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(talks=st.lists(st.lists(said, min_size=1, max_size=6), min_size=1, max_size=5))
def test_every_conversation_is_a_session_and_each_message_said_once(
    importing: Importing, talks: list[list[str]]
) -> None:
    """However requests of several conversations mix: each conversation is the beginning of some
    session, no session holds more than one conversation, and the second time nothing is new."""
    stem = f"log-{next(numbers)}"
    lines = [
        body(*(user(one) if place % 2 == 0 else assistant(one) for place, one in enumerate(talk)))
        for talk in talks
    ]
    path = importing.write(f"{stem}.jsonl", lines)
    report = importing.run(FORM, path)
    assert report.errors == []
    sessions = talks_of(importing, f"{FORM}:{stem}:")
    assert all(any(session[: len(talk)] == talk for session in sessions) for talk in talks)
    assert all(session in talks for session in sessions)
    assert report.new == sum(map(len, sessions))
    assert importing.run(FORM, path).new == 0


def test_a_large_log_is_read_in_bounded_memory(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_LINE", 64 * 1024)
    good = [body(user(f"{n} " + "w" * 30_000)) for n in range(40)]
    path = importing.write("log.jsonl", [*good[:20], body(user("w" * 99_000)), *good[20:]])
    report = importing.run(FORM, path)
    assert report.new == 40
    assert report.errors == [(str(path), 21, "is longer than 65536 bytes")]
