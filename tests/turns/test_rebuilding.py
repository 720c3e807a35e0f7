"""A turn that is built again from its file is what it was, to the byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

import holdfast.testing
from memory_app import facts, keeping, links, retelling
from memory_app.context import FORMS, Ask
from memory_app.facts import By, Stated
from sessions_app.core import errors
from sessions_app.models import EndUser
from sessions_app.store.base import NewSession
from tests.compression.conftest import Desk
from tests.compression.test_contexts import folded
from tests.compression.test_every_history import Life, bounded
from tests.learning import conftest as learning
from tests.memory.histories import agent_run, assistant, chat, user
from tests.turns.conftest import Files

BY = By("tester")
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
QUERY = "What does parcel 9 weigh?"


def check(files: Files, session: UUID, **ask: Any) -> None:
    """The turn has the parts, the budget and the digest of the context."""
    there = files.desk.context(session, **ask)
    turn = files.again(session, **ask)
    assert turn.reproduced, ask
    assert turn.digest == turn.recorded == there.digest
    shown = there.as_json()
    for name in ("parts", "left_out", "near_misses", "budget", "messages", "tokens"):
        assert turn.account[name] == shown[name], name


def test_a_plain_session_is_built_again_at_every_version(files: Files) -> None:
    desk = files.desk
    session = desk.session([*chat(3), *agent_run(2)], system="Be kind.", tools=TOOLS)
    for at in range(1, desk.now(session).version + 1):
        check(files, session, at=at, tokens=600)


@pytest.mark.parametrize("form", FORMS)
def test_pins_retractions_and_prompts_are_built_again(files: Files, form: str) -> None:
    desk = files.desk
    session = desk.session(chat(12), system="Be kind.")
    desk.pin(session, 3)
    desk.retract(session, 7, 8)
    desk.prompt(session, "Be brief.", TOOLS)
    desk.say(session, agent_run(3))
    head = desk.now(session).version
    desk.retract(session, 1)
    desk.prompt(session, None)
    for at in range(1, head + 1, 4):
        check(files, session, at=at, form=form, tokens=900)
        check(files, session, at=at, form=form, policy="token_trim")


@pytest.mark.parametrize("query", [None, QUERY])
def test_a_compressed_session_is_built_again(files: Files, query: str | None) -> None:
    """Summary, retained messages, facts, values of tool results, turns that are told again."""
    desk = files.desk
    session = folded(desk, parcels=60)
    desk.say(session, [user("And the last one?"), assistant("It is on its way.")])
    seen = set()
    for tokens in (None, 900, 3_000):
        turn = files.again(session, at=desk.now(session).version, query=query, tokens=tokens)
        assert turn.reproduced
        seen |= {part.name for part in turn.parts}
    assert {"summary", "facts"} <= seen
    assert not query or "recalled" in seen


@pytest.mark.long
@bounded
@given(data=st.data())
def test_any_history_is_built_again(files: Files, data: st.DataObject) -> None:
    life = Life(files.desk, data)
    for _ in range(data.draw(st.integers(1, 5))):
        life.step()
    head = files.desk.now(life.session).version
    for _ in range(3):
        ask = {
            "at": data.draw(st.integers(1, head)),
            "tokens": data.draw(st.sampled_from([None, 300, 700, 10**9])),
            "form": data.draw(st.sampled_from(FORMS)),
            "query": data.draw(st.sampled_from([None, QUERY])),
        }
        try:
            files.desk.context(life.session, **ask)
        except errors.BudgetTooSmall:
            continue
        check(files, life.session, **ask)


@pytest.mark.long
@bounded
@given(data=st.data())
def test_any_context_that_was_kept_is_built_again(files: Files, data: st.DataObject) -> None:
    life = Life(files.desk, data)
    tokens = st.sampled_from([None, 400, 900, 10**9])
    kept = []
    for _ in range(data.draw(st.integers(1, 4))):
        life.step()
        ask = Ask(data.draw(tokens), data.draw(st.sampled_from([None, QUERY, "booking 27"])))
        try:
            kept.append(files.write_kept(life.session, ask)[0])
        except errors.BudgetTooSmall:
            continue
    for record in kept:
        assert holdfast.testing.turn(files.write_record(record)).reproduced


def test_a_fork_is_built_again(files: Files) -> None:
    desk = files.desk
    session = folded(desk, parcels=60)
    head = desk.now(session).version
    fork = desk.store.fork(desk.project, session, head - 1).session.id
    desk.say(fork, chat(2))
    for at in (head - 4, head - 1, desk.now(fork).version):
        check(files, fork, at=at, query=QUERY)


@pytest.fixture
def other_encoder(settings: Settings) -> Iterator[None]:
    """An installation that counts by another encoder: no count is remembered from one to the
    other, as none would be between two processes."""
    forget_counts()
    settings.HOLDFAST_ENCODER = "cl100k_base"
    yield
    forget_counts()


def forget_counts() -> None:
    keeping.forget()
    retelling.forget()
    retelling._header_line.cache_clear()


@pytest.mark.usefixtures("other_encoder")
def test_what_counts_as_a_token_goes_along(files: Files) -> None:
    session = folded(files.desk, parcels=60)
    at = files.desk.now(session).version
    check(files, session, at=at, query=QUERY)
    assert json.loads(files.write(session, Ask(at=at)).read_text())["encoder"] == "cl100k_base"


class Clock:
    """What the host's own code tells the model."""

    name, tokens, deadline_ms = "clock", 100, 5_000
    said = 0

    def __call__(self, asked: object) -> str:
        Clock.said += 1
        return f"It is {Clock.said} o'clock."


def test_what_context_providers_said_is_frozen(files: Files, settings: Settings) -> None:
    settings.HOLDFAST_CONTEXT_PROVIDERS = [f"{__name__}.Clock"]
    session = files.desk.session(chat(3))
    _, path = files.write_kept(session, Ask())
    told, asked = f"It is {Clock.said} o'clock.", Clock.said
    turn = holdfast.testing.turn(path)
    assert turn.reproduced
    assert turn.holds(told)
    assert "clock" in [part.name for part in turn.parts]
    assert holdfast.testing.turn(path, policy={"turns": 3}).holds(told)
    assert Clock.said == asked
    check(files, session, at=7)


# -- of a user -------------------------------------------------------------------------------------


def of_user(desk: Desk, name: str, said: list[Any]) -> UUID:
    made = desk.store.open(desk.project, NewSession(user=name)).session.id
    desk.say(made, said)
    return made


def keep(desk: Desk, text: str, **stated: Any) -> UUID:
    told = {"user": "alice", **stated}
    return UUID(str(facts.keep(desk.store, desk.project, [Stated(text, **told)], BY).facts[0].id))


def test_what_was_known_of_the_user_is_there_as_it_was_then(files: Files) -> None:
    desk = files.desk
    port = keep(desk, "Zanzibar is the port.", key="port")
    session = of_user(desk, "alice", chat(2))
    keep(desk, "A note of this session.", session=session, user=None)
    head = desk.now(session).version
    facts.change(desk.store, desk.project, port, facts.editing({"text": "Dar is the port."}), BY)
    keep(desk, "Only known later.")
    turn = files.again(session, at=head)
    check(files, session, at=head)
    assert turn.holds("Zanzibar is the port.")
    assert not turn.holds("Dar is the port.")
    assert not turn.holds("Only known later.")


def test_what_is_read_of_a_linked_user_is_there(files: Files) -> None:
    desk = files.desk
    keep(desk, "Bob is allergic to nuts.", user="bob")
    keep(desk, "Alice lives in Lyon.", key="city")
    keep(desk, "Bob lives in Rome.", user="bob", key="city")
    users = {row.key: row.pk for row in EndUser.objects.of(desk.project)}
    links.make(desk.store, users["alice"], users["bob"])
    session = of_user(desk, "alice", chat(2))
    check(files, session, at=desk.now(session).version)
    turn = files.again(session, at=desk.now(session).version)
    assert turn.holds("allergic to nuts")
    assert turn.holds("Lyon")
    assert not turn.holds("Rome")


def test_a_kept_context_has_the_turns_of_other_sessions_in_their_order(files: Files) -> None:
    """Sessions of one day stand in the order in which they were made, its own between them."""
    desk = files.desk
    of_user(desk, "alice", [user("My locker code is QX7-55912."), assistant("Noted."), *chat(3)])
    said = [user("The locker code of the depot is 4711."), assistant("Fine."), *chat(40)]
    session = of_user(desk, "alice", said)
    of_user(desk, "alice", [user("My new locker code is ZB3-00017."), assistant("Fine.")])
    record, path = files.write_kept(session, Ask(900, "What is my locker code?"))
    turn = holdfast.testing.turn(path)
    assert turn.reproduced
    places = [turn.text.index(code) for code in ("QX7-55912", "4711", "ZB3-00017")]
    assert places == sorted(places)
    assert [other["older"] for other in json.loads(path.read_text())["others"]] == [True, False]
    desk.say(session, chat(2))
    desk.retract(session, 1, 2)
    keep(desk, "The locker code is 0000.")
    assert holdfast.testing.turn(files.write_record(record)).digest == turn.digest


@pytest.mark.parametrize("query", [None, QUERY])
def test_a_kept_context_of_a_compressed_session_is_built_again(
    files: Files, query: str | None
) -> None:
    session = folded(files.desk, parcels=60)
    record, path = files.write_kept(session, Ask(3_000, query))
    assert holdfast.testing.turn(path).reproduced
    files.desk.ask(session)
    assert holdfast.testing.turn(files.write_record(record)).reproduced


def test_what_was_learnt_of_the_user_is_told_once_its_message_is_not(
    files: Files, learner: learning.Desk
) -> None:
    told = [f"Item {n} is at {n}." for n in range(60)]
    session = learner.of("ines", "My name is Ines.", *told)
    other = learner.of("ines", "I always want the aisle seat.", "Hello?")
    learner.learn()
    learner.tell(session, "And now?")
    head = learner.now(session).version
    for tokens in (300, 4_000):
        check(files, session, at=head, tokens=tokens, query="What is my name, and which seat?")
        check(files, session, at=head, tokens=tokens)
    assert "facts" in [part.name for part in files.again(session, at=head, tokens=300).parts]
    _, path = files.write_kept(other, Ask(400, "What is my name?"))
    turn = holdfast.testing.turn(path)
    assert turn.reproduced
    assert turn.holds("My name is Ines.")
    learner.retract(session, 1)
    learner.tell(session, "Who am I?")
    check(files, session, at=learner.now(session).version, tokens=300)


# -- under another policy --------------------------------------------------------------------------


def test_another_policy_is_tried_on_the_same_turn(files: Files) -> None:
    desk = files.desk
    session = desk.session(chat(8))
    at = desk.now(session).version
    whole = files.again(session, at=at)
    short = files.again(session, at=at, changes={"strategy": "last_turns", "turns": 2})
    assert whole.keeps(1)
    assert not short.keeps(1)
    assert not short.reproduced
    assert short.part_of(1) is None
    name = desk.policy("short", strategy="last_turns", turns=2)
    assert short.messages == desk.context(session, at=at, policy=name).messages


def test_what_was_chosen_for_a_kept_context_is_chosen_anew_under_another_policy(
    files: Files,
) -> None:
    session = folded(files.desk, parcels=60)
    _, path = files.write_kept(session, Ask(3_000, QUERY))
    turn = holdfast.testing.turn(path, policy={"facts": 0.0})
    assert "facts" not in [part.name for part in turn.parts]
    assert turn.budget.used <= turn.budget.limit


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        ({"window": "many"}, errors.InvalidField),
        ({"windows": 9_000}, errors.UnknownField),
        ({"turns": 0}, errors.NumberOutOfRange),
    ],
)
def test_a_policy_that_is_none_is_refused(
    files: Files, policy: dict[str, Any], error: type[Exception]
) -> None:
    session = files.desk.session(chat(2))
    with pytest.raises(error):
        files.again(session, at=3, changes=policy)


def test_a_policy_that_leaves_too_little_says_how_much_it_takes(files: Files) -> None:
    session = files.desk.session([user("word " * 900)])
    with pytest.raises(errors.BudgetTooSmall) as caught:
        files.again(session, at=2, changes={"window": 300, "reserve": 0})
    assert caught.value.details["least"] > 900
