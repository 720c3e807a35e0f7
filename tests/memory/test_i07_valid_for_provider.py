"""I6 and I7 over histories no one would design: every policy, cut, budget and form."""

from __future__ import annotations

from itertools import accumulate
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_app import policies as policies_of
from memory_app.context import FORMS
from memory_app.core import assembly
from memory_app.core.assembly import Budget, least_rise
from memory_app.core.policy import STRATEGIES
from memory_app.history import Extent, HistoryReader
from sessions_app.core import errors
from sessions_app.store.base import Window
from tests.examples import examples
from tests.memory import rules
from tests.memory.conftest import Desk
from tests.memory.histories import histories

bounded = settings(
    max_examples=examples(120), suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    window = draw(st.sampled_from([256, 400, 1_000, 100_000]))
    return {
        "window": window,
        "reserve": draw(st.integers(0, window - 128)),
        "strategy": draw(st.sampled_from(STRATEGIES)),
        "turns": draw(st.integers(1, 6)),
    }


def edited(desk: Desk, session: UUID, data: st.DataObject) -> None:
    """A few retractions and pins, wherever the log allows."""
    last = desk.now(session).messages
    for _ in range(data.draw(st.integers(0, 2 if last else 0), "edits")):
        first, size = data.draw(st.integers(1, last)), data.draw(st.integers(0, 4))
        desk.retract(session, first, min(last, first + size))
    for seq in data.draw(st.lists(st.integers(1, last), max_size=2) if last else st.just([])):
        desk.pin(session, seq)


@bounded
@given(data=st.data())
def test_every_context_keeps_every_rule(desk: Desk, data: st.DataObject) -> None:
    name = desk.policy("drawn", **data.draw(policies()))
    system = data.draw(st.sampled_from([None, "Be kind.", "word " * 50]))
    session = desk.session(data.draw(histories()), system=system, policy=name)
    edited(desk, session, data)
    now = desk.now(session)
    log = desk.store.messages(now, Window(limit=1_000))
    state = desk.store.state(now)
    for form in FORMS:
        tokens = data.draw(st.none() | st.integers(1, 40) | st.integers(1, 1_200), "tokens")
        ask: dict[str, Any] = {"tokens": tokens, "form": form}
        try:
            context = desk.context(session, **ask)
        except errors.BudgetTooSmall as error:
            least = error.details["least"]
            context = desk.context(session, **{**ask, "tokens": least})
            if context.limit < least:
                continue
            assert tokens is None or tokens < least
            if form != "anthropic":
                with pytest.raises(errors.BudgetTooSmall):
                    desk.context(session, **{**ask, "tokens": least - 1})
        rules.check(context, log, state)
        assert desk.context(session, **ask | {"tokens": context.limit}).digest == context.digest
        for miss in context.near_misses:
            check_miss(desk, session, ask | {"tokens": context.limit}, miss)


def check_miss(desk: Desk, session: UUID, ask: dict[str, Any], miss: Any) -> None:
    """So many tokens more let it in, unless turns kept it out or the window ends before."""
    assert miss.seq not in rules.chosen(desk.context(session, **ask)), miss
    if miss.reason == "turns":
        return
    assert miss.short_by > 0
    wider = desk.context(session, **ask | {"tokens": ask["tokens"] + miss.short_by})
    if wider.limit == ask["tokens"] + miss.short_by:
        assert miss.seq in rules.chosen(wider), miss


@pytest.mark.parametrize("form", FORMS)
def test_a_near_miss_counts_what_is_kept_for_values(desk: Desk, form: str) -> None:
    """A tool answered, so of each token more some are for values of that."""
    called = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    answer = {"type": "function_call_output", "call_id": "c", "output": "word"}
    said = [{"role": "user", "content": text} for text in ("word", "word word word")]
    policy = desk.policy("small", window=256, reserve=0, strategy="rolling_summary", turns=1)
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    session = desk.session([thought, called, answer, *said], policy=policy)
    missed = 0
    for tokens in range(20, 60):
        ask = {"tokens": tokens, "form": form}
        for miss in desk.context(session, **ask).near_misses:
            check_miss(desk, session, ask, miss)
            missed += 1
    assert missed


@given(short=st.integers(0, 300), shares=st.lists(st.booleans(), max_size=400))
def test_the_least_rise_is_the_first_that_gains_enough(short: int, shares: list[bool]) -> None:
    gains = [0, *accumulate(map(int, shares))]

    def gained(more: int) -> int:
        return gains[more] if more < len(gains) else gains[-1] + more - len(gains) + 1

    rise = least_rise(short, gained)
    assert gained(rise) >= short
    assert not rise or gained(rise - 1) < short


@bounded
@given(payloads=histories(40), data=st.data())
def test_reading_only_the_end_chooses_the_same(
    desk: Desk, payloads: list[Any], data: st.DataObject
) -> None:
    session = desk.session(payloads)
    edited(desk, session, data)
    now = desk.now(session)
    store = desk.store
    reader = HistoryReader(store, now, store.state(now))
    turns = reader.turns(now.messages, whole=True)
    whole = reader.read(Extent(now.messages, turns, 10**9, 10**9, 0, 100)).history
    for policy in ("token_trim", _few(desk, data.draw(st.integers(1, 8)))):
        rules_of = policies_of.stored(store, desk.project, *_newest(desk, policy)).rules
        budget = Budget(data.draw(st.integers(70, 900)))
        try:
            expected = assembly.select(budget, whole, rules_of)
        except errors.BudgetTooSmall:
            continue
        context = desk.context(session, tokens=budget.limit, policy=policy)
        assert rules.chosen(context) == sorted(
            item.seq for unit in expected.units() for item in unit.items
        )


def _few(desk: Desk, turns: int) -> str:
    return desk.policy("few", turns=turns, strategy="last_turns")


def _newest(desk: Desk, policy: str) -> tuple[str, int]:
    return policy, policies_of.named_at(desk.store, desk.project, policy).version
