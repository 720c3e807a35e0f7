"""One facade, two backends: every test here runs over the database and over a server."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from holdfast.facade import Client, Session
from holdfast.projects import ensure_project
from memory_app.models import ContextRecord
from sessions_app.core import errors
from sessions_app.core.errors import HoldfastError
from sessions_app.store import get_store
from tests import large

CALL: dict[str, Any] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "find", "arguments": '{"a": 1}'},
}


@pytest.fixture
def session(client: Client) -> Session:
    return client.open("support-42", user="alice", system="Be brief.", tags=["vip"])


def said(session: Session, *texts: str) -> None:
    session.append([{"role": "user", "content": text} for text in texts])


def test_a_session_is_made_once_and_found_by_its_key(client: Client, session: Session) -> None:
    again = client.open("support-42", user="alice", title="ignored")
    assert again.id == session.id
    assert (again.key, again.user, again.title) == ("support-42", "alice", "")
    assert (again.system, again.tools, again.tags) == ("Be brief.", [], ["vip"])
    assert (again.version, again.status, again.policy) == (1, "active", "default")
    assert repr(again) == "<Session support-42 at version 1>"


def test_a_session_without_a_key_is_always_a_new_one(client: Client) -> None:
    assert client.open(None).id != client.open(None).id


def test_an_append_answers_seq_version_and_durability(session: Session) -> None:
    done = session.append(role="user", content="Hello")
    assert (done.seq, done.seqs, done.version, done.durable) == (1, (1,), 2, True)
    assert done.durable_by is None
    assert done.id.endswith("_1")
    assert done.budget["window"] == 128_000
    assert session.version == 2


def test_several_messages_are_stored_at_once(session: Session) -> None:
    messages = ({"role": "user", "content": "one"}, {"role": "assistant", "content": "two"})
    done = session.append(list(messages))
    assert (done.seqs, done.version) == ((1, 2), 3)
    assert [item["content"] for item in session.messages()] == ["one", "two"]


def test_all_or_nothing_of_several_messages(session: Session) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        session.append([{"role": "user", "content": "one"}, {"role": "root", "content": "two"}])
    assert caught.value.param == "messages[1].role"
    assert session.messages() == []


def test_fields_of_a_message_come_back_as_they_went_in(session: Session) -> None:
    session.append(role="user", content=({"type": "text", "text": "in a tuple"},), author="bot")
    session.append(
        role="assistant",
        tool_calls=[CALL],
        metadata={"a": {"b": [1, 2.5, None]}},
        created_at="2026-01-31T12:00:00+02:00",
    )
    first, second = session.messages()
    assert first["content"] == [{"type": "text", "text": "in a tuple"}]
    assert first["author"] == "bot"
    assert second["tool_calls"] == [CALL]
    assert second["metadata"] == {"a": {"b": [1, 2.5, None]}}
    assert second["created_at"] == "2026-01-31T10:00:00Z"


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ({"role": "root", "content": "x"}, "invalid_field", "role"),
        ({"content": "x"}, "invalid_field", "role"),
        ({"role": "user", "content": 5}, "invalid_field", "content"),
        ({"role": "user", "content": "a\0b"}, "nul_character", "content"),
        ({"role": "user", "content": "a\ud800"}, "invalid_unicode", "content"),
        ({"role": "user", "content": "x", "color": "red"}, "unknown_field", "color"),
        ({"role": "user", "content": "x", "messages": []}, "unknown_field", "messages[0].messages"),
        (
            {"role": "user", "content": "x", "metadata": {"a": float("nan")}},
            "non_finite_number",
            "metadata.a",
        ),
        (
            {"role": "user", "content": "x", "metadata": {"a": {1}}},
            "invalid_field",
            "metadata.a",
        ),
        (
            {"role": "user", "content": "x", "metadata": {"a": 2**70}},
            "number_out_of_range",
            "metadata.a",
        ),
        ({"role": "user", "content": "x", "latency_ms": True}, "invalid_field", "latency_ms"),
        ({"role": "user", "content": "x", "created_at": "noon"}, "invalid_field", "created_at"),
        ({"role": "user", "content": "x", "context": 7}, "invalid_field", "context"),
        ({"role": "user", "content": "x" * (1024 * 1024 + 1)}, "too_long", "content"),
    ],
)
def test_a_bad_message_is_refused_by_the_name_of_its_field(
    session: Session, message: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        session.append(message)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert session.refresh().version == 1


def test_metadata_that_is_too_deep_is_refused(session: Session) -> None:
    deep: Any = {}
    for _ in range(40):
        deep = {"a": deep}
    with pytest.raises(errors.TooDeep) as caught:
        session.append(role="user", content="x", metadata=deep)
    assert caught.value.param is not None
    assert caught.value.param.startswith("metadata.a.a")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"title": 5}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"tags": "vip"}, "tags"),
        ({"tags": ["a", "a"]}, "tags"),
        ({"metadata": []}, "metadata"),
        ({"policy": "unheard-of"}, "policy"),
        ({"system": 5}, "system"),
        ({"tools": [5]}, "tools[0]"),
        ({"user": ""}, "user"),
    ],
)
def test_a_bad_field_of_a_new_session_is_named(
    client: Client, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        client.open("new", **fields)
    assert caught.value.param == param


def test_a_key_of_another_user_is_a_mismatch(client: Client, session: Session) -> None:
    with pytest.raises(errors.UserMismatch):
        client.open(session.key, user="mallory")


def test_a_repeated_append_with_the_same_key_is_one_message(session: Session) -> None:
    first = session.append(role="user", content="x", idempotency_key="k1")
    assert session.append(role="user", content="x", idempotency_key="k1") == first
    with pytest.raises(errors.IdempotencyMismatch):
        session.append(role="user", content="y", idempotency_key="k1")
    assert len(session.messages()) == 1


def test_an_idempotency_key_that_no_header_holds_is_refused(session: Session) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        session.append(role="user", content="x", idempotency_key="grün")
    assert caught.value.param == "idempotency_key"


def test_an_append_at_a_stale_version_tells_what_was_missed(session: Session) -> None:
    session.append(role="user", content="first", expected_version=1)
    with pytest.raises(errors.StaleVersion) as caught:
        session.append(role="user", content="second", expected_version=1)
    assert caught.value.details["current_version"] == 2
    assert [entry["content"] for entry in caught.value.details["missed"]] == ["first"]


@pytest.mark.parametrize("version", [True, "1", 1.0, -1])
def test_a_version_that_is_no_number_is_refused(session: Session, version: Any) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        session.append(role="user", content="x", expected_version=version)
    assert caught.value.param == "expected_version"


@pytest.mark.parametrize(
    ("asked", "seqs"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"limit": 2}, [1, 2]),
        ({"after": 2, "limit": 2}, [3, 4]),
        ({"before": 4, "limit": 2}, [2, 3]),
        ({"around": 3, "limit": 3}, [2, 3, 4]),
        ({"order": "desc", "limit": 2}, [5, 4]),
        ({"before": 4, "order": "desc", "limit": 2}, [3, 2]),
        ({"after": 2, "order": "desc", "limit": 2}, [4, 3]),
        ({"around": 3, "order": "desc", "limit": 3}, [4, 3, 2]),
        ({"at": 3}, [1, 2]),
        ({"at": 3, "order": "desc", "limit": 1}, [2]),
        ({"at": 3, "around": 2, "limit": 3}, [1, 2]),
        ({"after": 5}, []),
        ({"after": 0, "before": None}, [1, 2, 3, 4, 5]),
    ],
)
def test_messages_are_read_by_seq(session: Session, asked: dict[str, Any], seqs: list[int]) -> None:
    said(session, "1", "2", "3", "4", "5")
    assert [item["seq"] for item in session.messages(**asked)] == seqs


@pytest.mark.parametrize(
    ("asked", "seqs"),
    [
        ({"limit": 500}, range(1, 41)),
        ({"limit": 500, "order": "desc"}, range(40, 0, -1)),
        ({"after": 5, "limit": 20}, range(6, 26)),
        ({"after": 5, "limit": 20, "order": "desc"}, range(25, 5, -1)),
        ({"before": 30, "limit": 20}, range(10, 30)),
        ({"at": 31, "limit": 25, "order": "desc"}, range(30, 5, -1)),
    ],
)
def test_as_many_large_messages_come_as_were_asked_for(
    client: Client, asked: dict[str, Any], seqs: range
) -> None:
    large.filled(get_store(), ensure_project().pk, key="large")
    assert [item["seq"] for item in client.open("large").messages(**asked)] == list(seqs)


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"limit": True}, "limit"),
        ({"after": -1}, "after"),
        ({"after": "3"}, "after"),
        ({"after": 1, "before": 3}, "before"),
        ({"order": "up"}, "order"),
        ({"at": 0}, "at"),
        ({"at": 99}, "at"),
    ],
)
def test_a_bad_place_to_read_from_is_named(
    session: Session, asked: dict[str, Any], param: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        session.messages(**asked)
    assert caught.value.param == param


def test_events_hold_the_new_values(session: Session) -> None:
    session.edit(title="Flights", metadata={"tier": 1})
    kinds = [event["kind"] for event in session.events()]
    assert kinds == ["created", "details"]
    assert session.events(after=1)[0]["data"] == {"title": "Flights", "metadata": {"tier": 1}}
    assert [event["version"] for event in session.events(order="desc")] == [2, 1]
    assert [event["version"] for event in session.events(before=2)] == [1]
    assert [event["version"] for event in session.events(before=9, limit=1)] == [2]


def test_a_context_holds_what_fits_and_says_why(session: Session) -> None:
    said(session, *("word " * 50 for _ in range(20)))
    context = session.context(tokens=300)
    assert context.tokens <= context.limit == 300
    assert context.session == session.id
    assert context.version == session.version
    assert context.messages[0] == {"role": "system", "content": "Be brief."}
    assert {part["name"] for part in context.parts} >= {"system", "new"}
    assert sum(part["tokens"] for part in context.parts) == context.tokens
    assert context.left_out[0]["from"] == 1
    assert context.as_json()["digest"] == context.digest
    assert session.context(tokens=300, at=session.version).digest == context.digest


def test_what_a_context_left_out_is_told_whenever_it_is_looked_at(session: Session) -> None:
    hides = {"left_out": [{"from": 9}], "near_misses": [9]}
    tool = {"type": "function", "function": {"name": "look", "parameters": hides}}
    session.edit(tools=[tool])
    said(session, *(f'"left_out":[{{}}],"near_misses": {n}' + " word" * 50 for n in range(20)))
    shown = [session.context(tokens=400) for _ in range(4)]
    expected = copy.deepcopy(shown[0].as_json()["left_out"])
    assert expected[0]["from"] == 1
    assert sum(one["messages"] for one in expected) > 10
    assert copy.deepcopy(shown[1]).left_out == expected
    assert dataclasses.replace(shown[2], id="other").left_out == expected
    assert str(expected[0]) in repr(shown[3])
    assert shown[1] == dataclasses.replace(
        shown[0], id=shown[1].id, took_ms=shown[1].took_ms, mode=shown[1].mode
    )
    shown[0].left_out.clear()
    assert not shown[0].left_out
    assert session.context(tokens=400).left_out == expected


def test_what_may_be_some_seconds_old_is_the_same_where_nothing_keeps_it(session: Session) -> None:
    said(session, *(f"word {number}" for number in range(8)))
    context = session.context(tokens=300, max_stale=5)
    assert context.digest == session.context(tokens=300).digest
    newest = session.messages(order="desc", limit=3, max_stale=5)
    assert newest == session.messages(order="desc", limit=3)
    assert session.messages(max_stale=60) == session.messages()


def test_a_context_for_anthropic_has_its_system_apart(session: Session) -> None:
    said(session, "Hello")
    context = session.context(format="anthropic")
    assert (context.format, context.system) == ("anthropic", "Be brief.")
    assert context.messages[0]["role"] == "user"


def test_a_context_is_kept_where_that_is_asked(session: Session) -> None:
    session.append(role="user", content="Hello")
    session.context()
    assert not records(session)
    context = session.context(record=True)
    assert records(session) == [context.id]
    with pytest.raises(errors.InvalidField) as refusal:
        session.context(record="yes")  # type: ignore[arg-type]
    assert refusal.value.param == "record"


def records(session: Session) -> list[str]:
    found = ContextRecord.objects.filter(session__id=session.id)
    return [str(row.id) for row in found]


def test_what_was_answered_from_a_context_names_it(session: Session) -> None:
    said(session, "Hello")
    context = session.context()
    question = {"role": "user", "content": "Still there?"}
    session.append([question, {"role": "assistant", "content": "Yes"}], context=context)
    session.append(role="assistant", content="Yes!", context=context.id)
    found = [message.get("context") for message in session.messages()]
    assert found == [None, None, context.id, context.id]


@pytest.mark.parametrize(
    ("asked", "code", "param"),
    [
        ({"tokens": 0}, "invalid_field", "tokens"),
        ({"tokens": True}, "invalid_field", "tokens"),
        ({"tokens": 5}, "budget_too_small", None),
        ({"format": "gemini"}, "invalid_field", "format"),
        ({"at": 99}, "version_not_found", "at"),
        ({"query": "x" * 513}, "too_long", "query"),
        ({"policy": "unheard-of"}, "invalid_field", "policy"),
    ],
)
def test_a_context_that_cannot_be_says_why(
    session: Session, asked: dict[str, Any], code: str, param: str | None
) -> None:
    said(session, "Hello")
    with pytest.raises(errors.InvalidRequest) as caught:
        session.context(**asked)
    assert caught.value.code == code
    if param is not None:
        assert caught.value.param == param


def test_a_retracted_message_stays_in_the_log_and_out_of_view(session: Session) -> None:
    said(session, "one", "two", "three")
    done = session.retract(2, reason="edited")
    assert (done.version, done.durable) == (5, True)
    assert session.version == 5
    assert len(session.messages()) == 3
    assert [item["content"] for item in session.context().messages[1:]] == ["one"]


def test_a_pinned_message_comes_back_with_its_fate(session: Session) -> None:
    said(session, "one", "two")
    pinned = session.pin(1, "important")
    assert (pinned["seq"], pinned["fate"], pinned["pinned"]) == (1, "verbatim", True)
    assert session.version == 4
    assert session.unpin(1)["pinned"] is False
    assert session.version == 5


def test_pins_and_retractions_of_nothing_are_refused(session: Session) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        session.pin(7)
    assert caught.value.param == "seq"
    with pytest.raises(errors.NotFound):
        session.unpin(7)
    with pytest.raises(errors.InvalidField) as caught:
        session.retract(7)
    assert caught.value.param == "from"


def test_an_edit_changes_only_what_it_names(session: Session) -> None:
    tools = [{"type": "function", "function": {"name": "find", "parameters": {}}}]
    session.edit(tools=tools)
    done = session.edit(title="Flights", tags=())
    assert done.version == session.version == 3
    assert (session.title, session.tags, session.system) == ("Flights", [], "Be brief.")
    assert session.refresh().tools == tools
    assert session.edit(title="Flights").version == 3


def test_a_fork_begins_with_what_was_there(client: Client, session: Session) -> None:
    said(session, "one", "two")
    fork = session.fork(2, key="other")
    assert (fork.key, fork.user, fork.version) == ("other", "alice", 3)
    assert [item["content"] for item in fork.messages()] == ["one"]
    fork.append(role="user", content="elsewhere")
    assert len(session.messages()) == 2
    with pytest.raises(errors.VersionNotFound):
        session.fork(99)


def test_an_ended_session_takes_messages_again_once_reopened(session: Session) -> None:
    session.end()
    assert session.status == "ended"
    with pytest.raises(errors.SessionEnded):
        session.append(role="user", content="x")
    assert session.reopen().version == 3
    assert session.append(role="user", content="x").seq == 1


def test_a_deleted_session_can_be_restored(client: Client, session: Session) -> None:
    assert session.delete() is None
    with pytest.raises(errors.SessionDeleted):
        session.refresh()
    with pytest.raises(errors.SessionDeleted):
        client.open(session.key)
    session.restore()
    assert session.append(role="user", content="back").seq == 1


def test_a_purged_session_leaves_a_receipt(client: Client, session: Session) -> None:
    said(session, "one")
    receipt = session.delete(purge=True)
    assert receipt is not None
    assert receipt["session"] == session.id
    with pytest.raises(errors.NotFound):
        session.messages()
    assert client.open("support-42").id != session.id


def test_a_text_alone_is_no_message(session: Session) -> None:
    with pytest.raises(TypeError, match="no role"):
        session.append("Hello")
    with pytest.raises(TypeError, match="not both"):
        session.append({"role": "user", "content": "x"}, content="y")
    with pytest.raises(errors.InvalidField):
        session.append([])


async def test_the_twins_do_the_same(client: Client) -> None:
    session = await client.aopen("k", user="bob")
    done = await session.aappend(role="user", content="Hello")
    context = await session.acontext(tokens=500)
    assert (done.seq, len(context.messages)) == (1, 1)
    assert [item["content"] for item in await session.amessages()] == ["Hello"]
    assert (await session.apin(1))["pinned"] is True
    assert (await session.aend()).version == 4
    with pytest.raises(HoldfastError):
        await session.aappend(role="user", content="x")


async def test_the_sync_verbs_work_inside_a_running_loop(client: Client) -> None:
    session = client.open("notebook")
    session.append(role="user", content="from a cell")
    assert session.context().messages[0]["content"] == "from a cell"
