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
OF_THE_LOG = ("retained", "recent", "new")
"""Parts that are messages; the others are text of the session's own."""
PLACES = ("system", "tools", "summary", "facts", "retained", "recent", "recalled", "new")


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
    exact = [out for out in context.left_out if not out.some]
    without = [s for out in exact for s in range(out.first, out.last + 1)]
    together = [out for out in context.left_out if out.some]
    assert len(within) + sum(out.messages for out in context.left_out) == len(size)
    assert sum(size[s] for s in within) + sum(out.tokens for out in context.left_out) == sum(
        size.values()
    )
    assert without == sorted(without)
    assert len({*within, *without}) == len(within) + len(without)
    rest = set(size) - {*within, *without}
    assert all(out.first <= s <= out.last for out in together for s in rest)
    for out in exact:
        assert out.tokens == sum(size[s] for s in range(out.first, out.last + 1)), out
    lead = 14 if context.messages[:1] == [LEAD] else 0
    for part in context.parts:
        said = sum(size[s] for first, last in part.messages for s in range(first, last + 1))
        if part.name in OF_THE_LOG:
            assert part.tokens - said in (0, lead) or _shortened(context, part.messages), part
        else:
            assert not part.messages, part


def _shortened(context: Context, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether a tool's answer among these messages is shown by what it holds."""
    told = [notice for notice in context.notices if notice["code"] == "tool_output_shortened"]
    return any(in_ranges(notice["seq"], spans) for notice in told)


def check_musts(context: Context, log: Sequence[StoredMessage], state: State) -> None:
    within = set(chosen(context))
    visible = [row for row in log if not in_ranges(row.seq, state.retracted)]
    users = [row.seq for row in visible if row.role == "user"]
    assert not users or users[-1] in within, "the last user message"
    lost = {notice["seq"] for notice in context.notices if notice["code"] == "pinned_left_out"}
    for seq in state.pinned:
        assert seq in within or seq in lost or in_ranges(seq, state.retracted), f"pin {seq}"
    assert not any(in_ranges(seq, state.retracted) for seq in within), "a retracted message"
    turn_of = {row.seq: row.turn_start for row in log}
    kept = {seq for seq in within if seq <= state.folded and seq not in state.pinned}
    for seq in within - kept:
        start = turn_of[seq]
        assert start in (0, *within) or in_ranges(start, state.retracted), f"{seq}: no question"


def check_order(context: Context) -> None:
    for part in context.parts:
        assert list(part.messages) == sorted(part.messages)
    names = ["summary" if part.name == "resume" else part.name for part in context.parts]
    if "facts" in context.volatile and "facts" in names:  # asked for, so they stand late
        assert {*names[names.index("facts") + 1 :]} <= {"new"}
        names.remove("facts")
    places = [PLACES.index(name) for name in names]
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
