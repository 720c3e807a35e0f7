"""A tool result without its call is told in the answer to its append: no context shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings

from memory_app.core import steps
from memory_app.history import HistoryReader
from sessions_app import answers, preparing
from sessions_app.core.open_calls import OpenCalls
from sessions_app.core.replay import State
from sessions_app.store import orphans
from sessions_app.store.base import Appended, Edit, Store
from sessions_app.store.durable import DurableStore
from tests.examples import examples
from tests.memory.histories import assistant, calls, histories, note, result, user
from tests.store.saying import keyed, opened

FORMS = ("openai", "anthropic", "responses")
CODE = "tool_result_without_its_call"


def append(store: Store, project: int, session: UUID, *payloads: Any, **more: Any) -> Appended:
    return store.append(project, session, preparing.batch(list(payloads)), **more)


def told(done: Appended) -> list[int]:
    """The messages that the answer says are without their call."""
    found = answers.appended_out(done)["notices"]
    assert all(set(notice) == {"code", "seq"} for notice in found)
    return [notice["seq"] for notice in found if notice["code"] == CODE]


@pytest.mark.parametrize("form", FORMS)
def test_a_result_of_a_call_that_was_never_made_is_told(
    any_store: Store, project: int, form: str
) -> None:
    session = opened(any_store, project)
    assert told(append(any_store, project, session, result(form, "c1", "12"))) == [1]
    append(any_store, project, session, user("Hi"), *calls(form, ["c1"]))
    assert told(append(any_store, project, session, result(form, "c2", "12"))) == [4]


@pytest.mark.parametrize("form", FORMS)
def test_a_result_of_an_open_call_is_not(any_store: Store, project: int, form: str) -> None:
    session = opened(any_store, project)
    append(any_store, project, session, user("Hi"), *calls(form, ["c1", "c2"], "Let me see."))
    assert append(any_store, project, session, result(form, "c2", "12")).notices == ()
    assert append(any_store, project, session, result(form, "c1", "12")).notices == ()


@pytest.mark.parametrize("form", FORMS)
def test_a_second_result_of_the_same_call_is_told(
    any_store: Store, project: int, form: str
) -> None:
    session = opened(any_store, project)
    append(any_store, project, session, *calls(form, ["c1", "c2"]), result(form, "c1", "12"))
    done = append(any_store, project, session, result(form, "c1", "13"), result(form, "c2", "14"))
    assert told(done) == [done.first_seq]


@pytest.mark.parametrize("between", [user("Well?"), note("Be brief."), assistant("One moment.")])
def test_a_result_that_comes_too_late_is_told(
    any_store: Store, project: int, between: dict[str, Any]
) -> None:
    """What anybody says between a call's results and this one ends the step."""
    session = opened(any_store, project)
    append(any_store, project, session, *calls("openai", ["c1", "c2"]))
    append(any_store, project, session, result("openai", "c1", "12"), between)
    assert told(append(any_store, project, session, result("openai", "c2", "13"))) == [4]


def test_parallel_calls_that_were_stored_one_by_one_are_open(
    any_store: Store, project: int
) -> None:
    session = opened(any_store, project)
    append(any_store, project, session, *calls("openai", ["c1"]))
    batch = [*calls("openai", ["c2"]), *(result("openai", c, "12") for c in ("c1", "c2", "c3"))]
    assert told(append(any_store, project, session, *batch)) == [5]


def test_a_call_that_was_taken_back_is_not_there(any_store: Store, project: int) -> None:
    session = opened(any_store, project)
    append(any_store, project, session, user("Hi"), *calls("openai", ["c1"]))
    any_store.retract(project, session, (2, 2))
    assert told(append(any_store, project, session, result("openai", "c1", "12"))) == [3]


def test_a_repeated_append_says_the_same(store: DurableStore, project: int) -> None:
    session = opened(store, project)
    key = {"guard": keyed("k")}
    done = append(store, project, session, result("openai", "c1", "12"), **key)
    assert append(store, project, session, result("openai", "c1", "12"), **key) == done
    assert (told(done), done.events, done.version) == ([1], 0, 2)


def test_it_stands_beside_what_is_said_about_the_size(any_store: Store, project: int) -> None:
    session = opened(any_store, project)
    text = "word " * 50_000
    append(any_store, project, session, user(text), user(text))
    any_store.edit(project, session, Edit(title="x"))
    done = append(any_store, project, session, result("openai", "c1", text))
    assert told(done) == [3]
    assert answers.appended_out(done)["messages"][0]["seq"] == 3


def test_of_a_step_that_is_too_large_to_look_at_nothing_is_said(
    any_store: Store, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(any_store, project)
    ids = [f"c{n}" for n in range(8)]
    append(any_store, project, session, *calls("openai", ids))
    append(any_store, project, session, *(result("openai", c, "x" * 50) for c in ids[:6]))
    for name, most in (("MOST_MESSAGES", 4), ("MOST_OCTETS", 200)):
        with monkeypatch.context() as patch:
            patch.setattr(orphans, name, most)
            assert told(append(any_store, project, session, result("openai", "c1", "12"))) == []
    assert told(append(any_store, project, session, result("openai", "c1", "12"))) == [10]


@given(history=histories())
@settings(max_examples=examples(200))
def test_it_is_what_contexts_leave_out_as_a_result_without_its_call(
    history: Sequence[dict[str, Any]],
) -> None:
    """The rules of steps, told message by message."""
    batch = preparing.batch(list(history)) if history else []
    open_calls = OpenCalls()
    found = [
        seq
        for seq, item in enumerate(batch, 1)
        if not open_calls.takes(item.role, item.form, item.body)
    ]
    rows = [
        (seq, item.role, 1, 0, item.tokens, seq, item.form, item.body)
        for seq, item in enumerate(batch, 1)
    ]
    reader = HistoryReader(None, None, State())  # type: ignore[arg-type]
    units = steps.group(reader.items(reader.visible(rows)))
    assert found == [unit.seq for unit in units if unit.broken == steps.NO_CALL]
