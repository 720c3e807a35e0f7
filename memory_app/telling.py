"""A user's memory as one block for any prompt: what is pinned, then what is asked for or says most,
as much as fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memory_app import contextfacts, facts, keeping, links
from memory_app.core import blocks
from memory_app.core.policy import Policy
from sessions_app import clock
from sessions_app.store.reading import Reader

TOKENS = 1_000


def block(
    store: Reader, project: int, user: Any, *, tokens: int = TOKENS, query: str | None = None
) -> dict[str, Any]:
    """The block with its tokens, never more than `tokens`, and the facts in it. Nothing fits, or
    nothing is known: an empty text."""
    now = clock.now_us()
    rows = links.now(store, links.whose(store, user.pk), now)
    with store.db.reading():
        known = list(rows[: facts.MOST])
    old_us = contextfacts.old_us(Policy().preference_days, now)
    chosen = _fitting(_ordered(known, query), tokens, old_us)
    text = _text(chosen, old_us) if chosen else ""
    return {
        "user": user.key,
        "text": text,
        "tokens": keeping.block_tokens(text),
        "facts": [str(fact.id) for fact in chosen],
        "left_out": len(known) - len(chosen),
    }


def _ordered(known: Sequence[Any], query: str | None) -> list[Any]:
    if query:
        return contextfacts.about(known, query)
    return sorted(known, key=lambda fact: (not contextfacts.must(fact), -fact.score, -fact.number))


def _fitting(ordered: Sequence[Any], room: int, old_us: int) -> list[Any]:
    chosen: list[Any] = []
    left = room - keeping.block_tokens(blocks.block("facts", []))
    for fact in ordered:
        if fact.tokens <= left:
            chosen.append(fact)
            left -= fact.tokens
    while chosen and keeping.block_tokens(_text(chosen, old_us)) > room:
        chosen.pop()
    return chosen


def _text(chosen: Sequence[Any], old_us: int) -> str:
    return blocks.block("facts", [contextfacts.aged(fact, old_us) for fact in chosen])
