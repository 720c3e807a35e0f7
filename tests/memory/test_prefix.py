"""Gate 7: how much of a replayed session's input lies in a prefix that the call before had too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from memory_app.core import assembly, steps
from memory_app.core.assembly import Budget, History
from memory_app.core.policy import Policy
from memory_app.core.steps import Item, Unit

Sent = list[tuple[int, int]]
"""(seq, tokens) of each message that was sent."""


def chat(turns: int, size: int) -> list[Item]:
    """A user and an assistant message a turn, of uneven sizes around `size`."""
    items: list[Item] = []
    total = 0
    for seq in range(1, 2 * turns + 1):
        tokens = size // 2 + (seq * 7919) % size
        total += tokens
        turn, role = (seq + 1) // 2, "user" if seq % 2 else "assistant"
        items.append(Item(seq, role, turn, 2 * turn - 1, tokens, total))
    return items


def run(steps_taken: int, size: int) -> list[Item]:
    """One turn: a task, and one tool call after another."""
    items = [Item(1, "user", 1, 1, size, size)]
    for step in range(steps_taken):
        for role in ("assistant", "tool"):
            tokens = size // 4 + (len(items) * 7919) % (size // 2)
            ids = ((f"c{step}",), ()) if role == "assistant" else ((), (f"c{step}",))
            total = items[-1].total + tokens
            items.append(Item(len(items) + 1, role, 1, 1, tokens, total, *ids))
    return items


def moments(items: Sequence[Item]) -> Iterator[list[Unit]]:
    """The units at each moment a model is asked: after a user's message or a tool's result."""
    for end in range(1, len(items) + 1):
        if items[end - 1].role != "assistant":
            yield steps.group(items[:end])


def chosen(units: list[Unit], budget: Budget, policy: Policy) -> Sent:
    question = next(unit for unit in reversed(units) if unit.kind == "user")
    history = History(units, whole=True, turns=units[-1].items[0].turn, question=question)
    selection = assembly.select(budget, history, policy)
    return [(item.seq, item.tokens) for unit in selection.units() for item in unit.items]


def last_n(units: list[Unit], tokens: int) -> Sent:
    """The newest units that fit, moving on by one whenever one comes."""
    sent: Sent = []
    for unit in reversed(units):
        tokens -= unit.tokens
        if tokens < 0:
            break
        sent[:0] = [(item.seq, item.tokens) for item in unit.items]
    return sent


def cached(replayed: Iterator[Sent]) -> float:
    """The share of tokens that a provider has in its cache from the call before."""
    before: Sent = []
    hit = total = 0
    for sent in replayed:
        total += sum(tokens for _, tokens in sent)
        for old, new in zip(before, sent, strict=False):
            if old != new:
                break
            hit += new[1]
        before = sent
    return hit / total


def share(items: list[Item], policy: Policy, limit: int) -> float:
    return cached(chosen(units, Budget(limit), policy) for units in moments(items))


TURNS = Policy(turns=16)
TRIM = Policy(strategy="token_trim")
LONG: dict[str, Callable[[], list[Item]]] = {
    "chat": lambda: chat(400, 75),
    "run": lambda: run(400, 200),
}


@pytest.mark.parametrize(("policy", "limit"), [(TURNS, 120_000), (TURNS, 8_000), (TRIM, 8_000)])
@pytest.mark.parametrize("kind", LONG)
def test_a_long_session_stays_in_the_cache(kind: str, policy: Policy, limit: int) -> None:
    assert share(LONG[kind](), policy, limit) >= 0.85


def test_twelve_turns_kept_stay_in_the_cache_for_four_fifths() -> None:
    assert share(LONG["chat"](), Policy(), 120_000) >= 0.80


@pytest.mark.parametrize("kind", LONG)
def test_cutting_one_by_one_would_not(kind: str) -> None:
    sliding = cached(last_n(units, 8_000) for units in moments(LONG[kind]()))
    assert sliding < 0.5 < share(LONG[kind](), TRIM, 8_000)


def test_the_prefix_breaks_once_in_many_calls() -> None:
    items, breaks, before = chat(400, 75), 0, 0
    for units in moments(items):
        first = chosen(units, Budget(8_000), TRIM)[0][0]
        breaks += first != before
        before = first
    assert breaks <= 400 // 13


@pytest.mark.parametrize("limit", [1_000, 8_000])
def test_a_block_is_no_more_than_a_quarter_of_the_room(limit: int) -> None:
    for units in moments(chat(120, 75)):
        sent = sum(tokens for _, tokens in chosen(units, Budget(limit), TRIM))
        everything = units[-1].items[-1].total
        assert sent == everything or sent > limit * 3 / 4 - 2 * 112
