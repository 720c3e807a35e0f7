"""What holds for every context, as checks that raise AssertionError with the place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memory_app.context import LEAD, Context
from memory_app.core.steps import NO_ANSWER, NO_CALL, NO_RESULT, WAITING
from sessions_app.core.entries import StoredMessage
from sessions_app.core.replay import State, in_ranges
from tests.core import provider_rules

BROKEN = {NO_ANSWER, NO_CALL, NO_RESULT, WAITING}


def check(context: Context, log: Sequence[StoredMessage], state: State) -> None:
    """Every rule that needs no other context to compare with."""
    check_numbers(context)
    check_partition(context, log)
    check_musts(context, log, state)
    check_order(context)
    check_provider(context)


def check_numbers(context: Context) -> None:
    shown = context.as_json()
    budget = shown["budget"]
    assert context.tokens <= context.limit
    assert context.tokens == sum(part.tokens for part in context.parts) == budget["used"]
    assert budget["used"] + budget["free"] == budget["limit"] == context.limit
    assert 0 <= context.stable_prefix_tokens <= context.tokens


def chosen(context: Context) -> list[int]:
    spans = [span for part in context.parts for span in part.messages]
    return sorted(seq for first, last in spans for seq in range(first, last + 1))


def check_partition(context: Context, log: Sequence[StoredMessage]) -> None:
    """What is in and what is left out are all messages, each once, with their tokens."""
    size = {row.seq: row.tokens for row in log}
    within = chosen(context)
    without = [s for out in context.left_out for s in range(out.first, out.last + 1)]
    assert sorted(within + without) == sorted(size)
    assert without == sorted(without)
    for out in context.left_out:
        assert out.tokens == sum(size[s] for s in range(out.first, out.last + 1)), out
    fixed = sum(part.tokens for part in context.parts if part.name in ("system", "tools"))
    lead = 14 if context.messages[:1] == [LEAD] else 0
    assert context.tokens - fixed - lead == sum(size[seq] for seq in within)
    for part in context.parts:
        said = sum(size[s] for first, last in part.messages for s in range(first, last + 1))
        assert part.name in ("system", "tools") or part.tokens - said in (0, lead), part


def check_musts(context: Context, log: Sequence[StoredMessage], state: State) -> None:
    within = set(chosen(context))
    visible = [row for row in log if not in_ranges(row.seq, state.retracted)]
    users = [row.seq for row in visible if row.role == "user"]
    assert not users or users[-1] in within, "the last user message"
    lost = {notice["seq"] for notice in context.notices if "seq" in notice}
    for seq in state.pinned:
        assert seq in within or seq in lost or in_ranges(seq, state.retracted), f"pin {seq}"
    assert not any(in_ranges(seq, state.retracted) for seq in within), "a retracted message"
    turn_of = {row.seq: row.turn_start for row in log}
    for seq in within:
        start = turn_of[seq]
        assert start in (0, *within) or in_ranges(start, state.retracted), f"{seq}: no question"


def check_order(context: Context) -> None:
    for part in context.parts:
        assert list(part.messages) == sorted(part.messages)
    order = {"system": 0, "tools": 1, "retained": 2, "recent": 3, "new": 4}
    places = [order[part.name] for part in context.parts]
    assert places == sorted(set(places))


def check_provider(context: Context) -> None:
    provider_rules.check(context.form, context.messages)
    if context.form == "anthropic" and context.messages:
        assert context.messages[0]["role"] == "user"
    if context.form == "responses":
        check_thoughts(context.messages)


def check_thoughts(items: list[dict[str, Any]]) -> None:
    """A thought is followed by the item that came of it."""
    for place, item in enumerate(items):
        if item.get("type") == "reasoning":
            follower = items[place + 1] if place + 1 < len(items) else {}
            assert "_output" not in follower.get("type", ""), f"{place}: a lonely thought"
            assert follower.get("type") or follower.get("role") == "assistant", f"{place}: lonely"
