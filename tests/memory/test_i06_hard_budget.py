"""I6: a context never exceeds its limit, and what must be there is there."""

from __future__ import annotations

from typing import Any

import pytest

from memory_app.context import FORMS, LEAD, LEAD_TOKENS
from sessions_app.core import errors, tokens
from sessions_app.core.messages import Message
from tests.memory import rules
from tests.memory.conftest import Desk
from tests.memory.histories import agent_run, assistant, calls, chat, note, result, user, words

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


def said(context: Any) -> list[str]:
    return [message["content"] for message in context.messages]


def test_an_empty_session_has_system_and_tools_only(desk: Desk) -> None:
    session = desk.session(system="Be kind.", tools=TOOLS)
    context = desk.context(session, tokens=100)
    assert context.messages == [{"role": "system", "content": "Be kind."}]
    assert [part.name for part in context.parts] == ["system", "tools"]
    assert context.left_out == ()


@pytest.mark.parametrize("form", FORMS)
def test_a_session_of_nothing_has_a_context_of_nothing(desk: Desk, form: str) -> None:
    context = desk.context(desk.session(), form=form)
    assert (context.messages, context.tokens, context.parts) == ([], 0, ())


def test_the_least_counts_system_tools_pins_and_the_question(desk: Desk) -> None:
    session = desk.session(
        [user("one"), assistant("two"), user("three"), assistant("four")],
        system="Be kind.",
        tools=TOOLS,
    )
    desk.pin(session, 2)
    with pytest.raises(errors.BudgetTooSmall) as caught:
        desk.context(session, tokens=10)
    context = desk.context(session, tokens=caught.value.details["least"])
    assert said(context) == ["Be kind.", "one", "two", "three"]
    assert context.as_json()["budget"]["free"] == 0
    assert [notice["code"] for notice in context.notices] == ["newest_step_left_out"]


def test_a_question_larger_than_the_budget_is_an_error(desk: Desk) -> None:
    session = desk.session([*chat(3), user(words(500))])
    with pytest.raises(errors.BudgetTooSmall) as caught:
        desk.context(session, tokens=400)
    assert caught.value.details["least"] == 503
    assert len(desk.context(session, tokens=503).messages) == 1


def test_tokens_above_the_window_are_clamped_with_a_notice(desk: Desk) -> None:
    policy = desk.policy("small", window=1_000, reserve=100)
    session = desk.session(chat(40), policy=policy)
    context = desk.context(session, tokens=5_000)
    assert context.limit == 1_000
    assert {"code": "tokens_clamped", "limit": 1_000} in context.notices
    inside = [notice["code"] for notice in desk.context(session, tokens=1_000).notices]
    assert "tokens_clamped" not in inside
    assert desk.context(session).limit == 900


@pytest.mark.parametrize("tokens_asked", [0, -5])
def test_a_budget_below_one_is_refused(desk: Desk, tokens_asked: int) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        desk.context(desk.session(), tokens=tokens_asked)
    assert caught.value.param == "tokens"


def test_an_unknown_form_is_refused(desk: Desk) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        desk.context(desk.session(), form="morse")
    assert caught.value.param == "format"


def test_an_unknown_policy_is_refused(desk: Desk) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        desk.context(desk.session(), policy="none_such")
    assert caught.value.param == "policy"


def test_turns_kept_is_an_upper_bound(desk: Desk) -> None:
    policy = desk.policy("three", turns=3, strategy="last_turns")
    session = desk.session(chat(9), policy=policy)
    assert len(desk.context(session).messages) == 6


def test_a_turn_too_long_for_the_budget_is_cut_between_steps(desk: Desk) -> None:
    session = desk.session(agent_run(50))
    context = desk.context(session, tokens=1_000)
    assert context.messages[0]["content"] == "Do it all."
    assert context.messages[-1]["content"].startswith("49 ")
    assert 500 < context.tokens <= 1_000


def test_what_fits_of_the_steps_after_the_question_is_there_whatever_the_blocks(
    desk: Desk,
) -> None:
    session = desk.session(chat(30))
    desk.say(session, agent_run(5))
    for size in range(310, 600, 7):
        context = desk.context(session, tokens=size)
        assert [out.last for out in context.left_out][-1] <= 60, size


def test_history_of_an_interrupted_call_stays_out_with_its_reason(desk: Desk) -> None:
    session = desk.session([user("go"), *calls("openai", ["a"]), user("well?")])
    context = desk.context(session)
    assert said(context) == ["go", "well?"]
    assert [(out.first, out.reason) for out in context.left_out] == [(2, "call without its result")]


def test_a_step_that_waits_for_results_is_not_in_yet(desk: Desk) -> None:
    session = desk.session([user("go"), *calls("openai", ["a", "b"]), result("openai", "a", "1")])
    assert said(desk.context(session)) == ["go"]
    desk.say(session, [result("openai", "b", "2")])
    assert len(desk.context(session).messages) == 4


def test_a_run_that_was_cut_off_and_called_again_goes_on(desk: Desk) -> None:
    again = [*calls("openai", ["a"]), *calls("openai", ["b"]), result("openai", "b", "2")]
    context = desk.context(desk.session([user("go"), *again]))
    assert [message["role"] for message in context.messages] == ["user", "assistant", "tool"]
    assert [out.first for out in context.left_out] == [2]


def test_no_user_message_at_all_needs_none(desk: Desk) -> None:
    session = desk.session([assistant(words(20)) for _ in range(10)])
    context = desk.context(session, tokens=100)
    assert 2 <= len(context.messages) <= 4
    assert desk.context(session, tokens=1).messages == []


@pytest.mark.parametrize("form", FORMS)
def test_notes_alone_are_a_context(desk: Desk, form: str) -> None:
    session = desk.session([note("Be brief."), note("Be kind.", "developer")])
    context = desk.context(session, form=form)
    rules.check_numbers(context)
    rules.check_provider(context)
    assert "Be kind." in f"{context.system} {context.messages}"


def test_a_greeting_is_led_for_anthropic_and_paid_for(desk: Desk) -> None:
    session = desk.session([assistant("Hello!")])
    context = desk.context(session, form="anthropic")
    assert context.messages == [LEAD, {"role": "assistant", "content": "Hello!"}]
    assert context.tokens == desk.context(session).tokens + LEAD_TOKENS
    rules.check_numbers(context)


def test_the_lead_costs_what_it_counts() -> None:
    lead = Message("user", "openai", {"content": LEAD["content"]})
    assert tokens.count(lead, "o200k_base")[0] <= LEAD_TOKENS
    assert tokens.count(lead, "cl100k_base")[0] <= LEAD_TOKENS


def test_a_lead_that_does_not_fit_gives_way_to_the_question(desk: Desk) -> None:
    session = desk.session([assistant("Hello!"), user("Hi.")])
    least = desk.context(session, form="anthropic").tokens
    for size in range(desk.context(session).tokens - 5, least):
        context = desk.context(session, tokens=size, form="anthropic")
        rules.check_numbers(context)
        assert context.messages == [{"role": "user", "content": "Hi."}]


def test_three_people_talking_are_many_turns_of_one_message(desk: Desk) -> None:
    session = desk.session([user(f"{n} {words(10)}") for n in range(100)])
    assert len(desk.context(session, policy="last_turns").messages) <= 12
    context = desk.context(session, policy="token_trim", form="anthropic", tokens=400)
    assert len(context.messages) == 1
    assert 250 < context.tokens <= 400
    rules.check_provider(context)


def test_a_retracted_first_message_is_out(desk: Desk) -> None:
    session = desk.session([user("one"), assistant("two"), user("three")])
    desk.retract(session, 1, 1)
    for form in FORMS:
        context = desk.context(session, form=form)
        rules.check_provider(context)
        assert [(out.first, out.last, out.fate) for out in context.left_out] == [
            (1, 1, "retracted")
        ]


def test_with_everything_retracted_nothing_must_be_there(desk: Desk) -> None:
    session = desk.session(chat(300), system="Be kind.")
    desk.retract(session, 1)
    context = desk.context(session, tokens=20)
    assert [part.name for part in context.parts] == ["system"]
    assert [(out.first, out.last, out.fate) for out in context.left_out] == [(1, 600, "retracted")]


def test_turns_before_a_long_retraction_come_back(desk: Desk) -> None:
    session = desk.session(chat(60))
    desk.retract(session, 41)
    shown = said(desk.context(session, policy="last_turns"))
    assert shown[-1].startswith("19 ")
    assert 6 * 2 <= len(shown) <= 12 * 2
    assert len(said(desk.context(session))) == 40


def test_a_step_outlives_its_retracted_question(desk: Desk) -> None:
    step = [*calls("openai", ["a"]), result("openai", "a", "42")]
    session = desk.session([user("one"), assistant("two"), user("three"), *step])
    desk.retract(session, 3, 3)
    for form in FORMS:
        context = desk.context(session, form=form)
        rules.check_provider(context)
        assert "42" in str(context.messages)
        assert "three" not in str(context.messages)


def test_a_pin_that_cannot_be_shown_is_told(desk: Desk) -> None:
    session = desk.session([user("go"), *calls("openai", ["a"]), user("well?")])
    desk.pin(session, 2)
    assert {"code": "pinned_left_out", "seq": 2} in desk.context(session).notices


def test_a_pin_keeps_its_whole_step_and_question(desk: Desk) -> None:
    step = [*calls("openai", ["a"]), result("openai", "a", "42")]
    session = desk.session([*chat(5), user("Which?"), *step, *chat(200)])
    desk.pin(session, 13)
    context = desk.context(session, tokens=500)
    assert {part.name: part.messages for part in context.parts}["retained"] == ((11, 13),)
    rules.check_provider(context)


def test_a_system_text_set_later_is_paid_for(desk: Desk) -> None:
    session = desk.session(chat(2))
    before = desk.context(session)
    desk.prompt(session, "Be kind.")
    after = desk.context(session)
    assert after.messages[0] == {"role": "system", "content": "Be kind."}
    assert after.tokens == before.tokens + after.parts[0].tokens


def test_useless_messages_do_not_starve_the_useful_ones(desk: Desk) -> None:
    stray = [result("openai", f"stray{n}", words(200)) for n in range(30)]
    session = desk.session([*chat(4), *stray])
    assert len(desk.context(session, tokens=500).messages) == 8
