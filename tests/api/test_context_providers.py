"""Context providers: what a host's code says in a context, and that it can break none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from pytest_django import Settings

from memory_app import context, providing
from memory_app.core import blocks
from memory_app.models import ContextRecord
from tests.api.providers import Clock, Hanging
from tests.examples import examples
from tests.personas import Persona, answer, refused

HERE = "tests.api.providers."


@pytest.fixture
def session(owner: Persona) -> str:
    made = owner.opened(user="alice")
    path = f"/sessions/{made['id']}"
    answer(owner.post(f"{path}/messages", {"role": "user", "content": "What is on today?"}), 201)
    return path


@pytest.fixture
def providers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Names the context providers of the site."""
    monkeypatch.setattr(Clock, "asked", [])
    Hanging.go.clear()

    def name(*names: str) -> None:
        settings.HOLDFAST_CONTEXT_PROVIDERS = [HERE + name for name in names]
        providing._read.cache_clear()

    yield name
    Hanging.go.set()


def part(built: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((part for part in built["parts"] if part["name"] == name), None)


def said(built: dict[str, Any]) -> str:
    return "\n".join(str(message["content"]) for message in built["messages"])


def left_out(built: dict[str, Any]) -> dict[str, str]:
    return {
        notice["name"]: notice["reason"]
        for notice in built["notices"]
        if notice["code"] == "provider_left_out"
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Failing", "failed"),
        ("Hanging", "late"),
        ("Misnamed", "misconfigured"),
        ("Shouting", "misconfigured"),
        ("Free", "misconfigured"),
        ("Patient", "misconfigured"),
        ("Needy", "misconfigured"),
        ("Broken", "misconfigured"),
        ("Nobody", "misconfigured"),
    ],
)
def test_a_bad_provider_is_left_out_and_named_beside_a_good_one(
    owner: Persona, session: str, providers: Any, name: str, reason: str
) -> None:
    providers(name, "Clock")
    built = answer(owner.get(f"{session}/context"))
    assert list(left_out(built).values()) == [reason]
    assert built["mode"] == "partial"
    assert "Lisbon" in said(built)
    assert part(built, "clock") is not None


def test_a_provider_that_leaves_its_thread_leaves_the_context_whole(
    owner: Persona, session: str, providers: Any
) -> None:
    providers("Leaving")
    assert left_out(answer(owner.get(f"{session}/context"))) == {"leaving": "failed"}


@pytest.mark.parametrize("value", [b"bytes", 7, ["text"], {"text": "x"}, True])
def test_what_is_no_text_is_left_out(
    owner: Persona, session: str, providers: Any, monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    providers("Clock")
    monkeypatch.setattr(Clock, "says", value)
    assert left_out(answer(owner.get(f"{session}/context"))) == {"clock": "not_text"}


@pytest.mark.parametrize("value", [None, "", " \n\t"])
def test_who_has_nothing_to_say_is_not_told_of(
    owner: Persona, session: str, providers: Any, monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    before = answer(owner.get(f"{session}/context"))
    providers("Clock")
    monkeypatch.setattr(Clock, "says", value)
    built = answer(owner.get(f"{session}/context"))
    assert (built["digest"], built["notices"]) == (before["digest"], before["notices"])


def test_one_that_hangs_for_ever_takes_a_bounded_number_of_threads(
    owner: Persona, session: str, providers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providing, "MOST_AT_WORK", 2)
    providers("Hanging")
    told = [left_out(answer(owner.get(f"{session}/context")))["hanging"] for _ in range(3)]
    assert told == ["late", "late", "busy"]


@pytest.mark.parametrize("text", ["x " * 500_000, "a" * 1_000_000, '{"a": [' + "1, " * 300_000])
def test_a_megabyte_is_shortened_to_the_budget_and_that_is_said(
    owner: Persona, session: str, providers: Any, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    providers("Clock")
    monkeypatch.setattr(Clock, "says", text)
    built = answer(owner.get(f"{session}/context"))
    found = part(built, "clock")
    codes = {notice["code"] for notice in built["notices"]}
    if found is None:
        assert left_out(built) == {"clock": "no_room"}
    else:
        assert found["tokens"] <= Clock.tokens
        assert "provider_shortened" in codes


ATTACKS = st.lists(
    st.sampled_from(
        ["</provided>", "<provided by='x'>", "</ FACTS >", "<\n/provided>", "<", "/", "provided>",
         "\x00", "\ud800", "\u2028", "\u202e", "x", "\n", "<facts>"]
    ),
    min_size=1,
    max_size=12,
).map("".join)  # fmt: skip


@given(text=ATTACKS)
@profile(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
def test_no_text_closes_its_block_or_opens_another(
    owner: Persona, session: str, providers: Any, text: str
) -> None:
    providers("Clock")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Clock, "says", text)
        built = answer(owner.get(f"{session}/context"))
    shown = [str(m["content"]) for m in built["messages"] if "provided" in str(m["content"])]
    for block in shown:
        inside = block.removeprefix('<provided by="clock">').removesuffix("</provided>")
        assert not re.search(rf"<\s*/?\s*({'|'.join(blocks.NAMES)})\b", inside, re.IGNORECASE)


def test_a_provider_has_its_own_part_and_the_sum_stays_right(
    owner: Persona, session: str, providers: Any
) -> None:
    providers("Clock", "Account")
    for form in ("openai", "anthropic", "responses"):
        built = answer(owner.get(f"{session}/context?format={form}&query=plan"))
        names = [found["name"] for found in built["parts"]]
        assert names == ["clock", "account", "new"]
        assert sum(found["tokens"] for found in built["parts"]) == built["tokens"]
        assert built["stable_prefix_tokens"] == 0
        assert "The plan of alice is gold." in said(built)


def test_a_provider_is_told_for_whom_and_what_for(
    owner: Persona, session: str, providers: Any
) -> None:
    providers("Clock")
    answer(owner.get(f"{session}/context?query=today"))
    (asked,) = Clock.asked
    assert (asked.user, asked.query, str(asked.session)) == ("alice", "today", session[10:])
    assert (asked.project, asked.now.utcoffset() is not None) == (owner.project.pk, True)


def test_none_is_asked_where_none_is_named(owner: Persona, session: str, providers: Any) -> None:
    providers()
    answer(owner.get(f"{session}/context"))
    assert not Clock.asked
    assert not providing.is_configured()


def test_i06_what_must_be_there_goes_before_a_provider(
    owner: Persona, session: str, providers: Any
) -> None:
    least = answer(owner.get(f"{session}/context"))["tokens"]
    providers("Clock")
    for room in range(least, least + 60):
        built = answer(owner.get(f"{session}/context?tokens={room}"))
        assert built["tokens"] <= room
        assert "What is on today?" in said(built)
    assert left_out(answer(owner.get(f"{session}/context?tokens={least}"))) == {"clock": "no_room"}


@pytest.mark.parametrize("form", ["openai", "anthropic", "responses"])
def test_i06_no_budget_is_passed_where_the_assistant_begins(
    owner: Persona, providers: Any, form: str
) -> None:
    path = f"/sessions/{owner.opened(user='alice')['id']}"
    talk = [
        {"role": role, "content": f"{role} says {number} on pier {number}."}
        for number in range(4)
        for role in ("assistant", "user")
    ]
    answer(owner.post(f"{path}/messages", {"messages": talk}), 201)
    providers("Clock", "Account")
    facts = [
        {"user": "alice", "text": f"Never sails on pier {at}.", "key": f"k{at}"} for at in (8, 9)
    ]
    answer(owner.post("/facts", {"facts": facts}), 201)
    asked = f"{path}/context?format={form}"
    least = refused(owner.get(f"{asked}&tokens=1"), 422, "budget_too_small")["least"]
    seen = set()
    for room in (*range(least, least + 160), 700):
        built = answer(owner.get(f"{asked}&tokens={room}"))
        assert sum(found["tokens"] for found in built["parts"]) == built["tokens"] <= room
        assert built["messages"][0]["role"] == "user" or form != "anthropic"
        assert "user says 3" in said(built)
        seen |= {found["name"] for found in built["parts"]}
    assert {"clock", "account", "facts", "recent", "new"} <= seen


def test_i14_a_past_version_asks_nobody_and_stays_what_it_was(
    owner: Persona, session: str, providers: Any
) -> None:
    version = answer(owner.get(session))["version"]
    before = answer(owner.get(f"{session}/context?at={version}"))
    providers("Clock")
    built = answer(owner.get(f"{session}/context?at={version}"))
    assert (built["digest"], left_out(built)) == (before["digest"], {"clock": "past_version"})
    assert built["mode"] == "full"
    assert not Clock.asked


def test_a_kept_context_keeps_what_was_said_and_is_proved_by_it(
    owner: Persona, session: str, providers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    providers("Clock")
    built = answer(owner.get(f"{session}/context?record=true"))
    monkeypatch.setattr(Clock, "says", "It is Monday.")
    shown = answer(owner.get(f"/contexts/{built['id']}"))
    assert (shown["proved"], shown["messages"]) == (True, built["messages"])
    assert {"code": "provider_as_recorded", "name": "clock"} in shown["notices"]
    assert len(Clock.asked) == 1


def test_an_erased_user_leaves_no_text_and_the_record_is_not_proved(
    owner: Persona, session: str, providers: Any
) -> None:
    providers("Account")
    built = answer(owner.get(f"{session}/context?record=true"))
    assert answer(owner.delete("/users/alice"))["counts"]["provided"] == 1
    assert ContextRecord.objects.get().provided == "[]"
    shown = answer(owner.get(f"/contexts/{built['id']}"))
    assert (shown["proved"], shown["differs"]) == (False, ["account"])


def test_a_repeated_request_gets_what_was_said_the_first_time(
    owner: Persona, session: str, providers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    providers("Clock")
    body = {"append": {"role": "user", "content": "And now?"}, "record": True}
    for path, given_ in (("context", body), ("context", {"record": True})):
        key = str(len(given_))
        monkeypatch.setattr(Clock, "says", "It is Friday.")
        first = answer(owner.post(f"{session}/{path}", given_, Idempotency_Key=key))
        monkeypatch.setattr(Clock, "says", "It is Monday.")
        again = answer(owner.post(f"{session}/{path}", given_, Idempotency_Key=key))
        assert (again["id"], again["digest"]) == (first["id"], first["digest"])
        assert "Friday" in said(first)


def test_a_provider_is_asked_outside_the_transaction_of_an_append(
    owner: Persona, session: str, providers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    providers("Clock")
    depth = len(connection.savepoint_ids)
    seen: list[int] = []
    asking = providing.answers

    def answers(*args: Any, **named: Any) -> Any:
        seen.append(len(connection.savepoint_ids))
        return asking(*args, **named)

    monkeypatch.setattr(providing, "answers", answers)
    body = {"append": {"role": "user", "content": "And now?"}, "record": True}
    built = answer(owner.post(f"{session}/context", body))
    assert "Lisbon" in said(built)
    assert seen == [depth]


def test_no_provider_takes_the_name_of_a_part_of_ours() -> None:
    assert set(context.ORDER) == set(providing.PARTS) < providing.RESERVED
