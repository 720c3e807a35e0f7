"""What one context has that an earlier one had not, and where a prompt cache ends between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from memory_app.core import blocks
from sessions_app.core.replay import merge_ranges, without

Spans = tuple[tuple[int, int], ...]
"""Ranges of messages, (first, last) by seq, in order."""


class Seen(NamedTuple):
    """A context as far as it is compared: the messages of the log in it, the ids of its facts, the
    compression whose summary it has, and what was sent. `folded` are the messages 1..folded."""

    messages: Spans
    facts: tuple[str, ...]
    summary: str | None
    folded: int
    system: Any
    tools: Sequence[Any]
    sent: Sequence[dict[str, Any]]


class Broken(NamedTuple):
    """The first thing that differs: "system", "tools" or "message" by its place in what was sent
    and what it is ("summary", "facts", ..., else its role)."""

    kind: str
    place: int = 0
    what: str = ""


class Difference(NamedTuple):
    """From an earlier context to a later one.

    Messages that are new in it, those that left it and were folded meanwhile, and those that were
    dropped for want of room. `same` counts the messages at the front that were sent alike, of
    `before`; `broken` says what follows them, None where all that was sent before still leads.
    """

    added: Spans
    folded: Spans
    dropped: Spans
    facts_added: tuple[str, ...]
    facts_gone: tuple[str, ...]
    new_summary: bool
    same: int
    before: int
    broken: Broken | None


def difference(before: Seen, after: Seen) -> Difference:
    """What changed from one context to a later one of the same session, in the same form."""
    left = _spans(without(before.messages, after.messages))
    folded = _spans(without(left, [(after.folded + 1, 2**62)]))
    same = _alike(before.sent, after.sent)
    return Difference(
        added=_spans(without(after.messages, before.messages)),
        folded=folded,
        dropped=_spans(without(left, folded)),
        facts_added=tuple(fact for fact in after.facts if fact not in before.facts),
        facts_gone=tuple(fact for fact in before.facts if fact not in after.facts),
        new_summary=before.summary != after.summary,
        same=same,
        before=len(before.sent),
        broken=_broken(before, after, same),
    )


def merged(spans: Iterable[tuple[int, int]]) -> Spans:
    """Ranges in order, those that touch as one."""
    return _spans(merge_ranges(spans))


def _spans(spans: Iterable[tuple[int, int]]) -> Spans:
    return tuple((first, last) for first, last in spans)


def _alike(before: Sequence[Any], after: Sequence[Any]) -> int:
    """How many of both are the same from the front on."""
    for place, (one, other) in enumerate(zip(before, after, strict=False)):
        if orjson.dumps(one) != orjson.dumps(other):
            return place
    return min(len(before), len(after))


def _broken(before: Seen, after: Seen, same: int) -> Broken | None:
    if orjson.dumps(before.system) != orjson.dumps(after.system):
        return Broken("system")
    if orjson.dumps(before.tools) != orjson.dumps(after.tools):
        return Broken("tools")
    if same == len(before.sent):
        return None
    return Broken("message", same, _what(before.sent[same]))


def _what(message: dict[str, Any]) -> str:
    """What a message that was sent is: a block of ours, or somebody's."""
    content = message.get("content")
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        content = next((text for text in texts if isinstance(text, str)), "")
    named = blocks.named(content) if isinstance(content, str) else None
    return named or str(message.get("role") or message.get("type") or "message")
