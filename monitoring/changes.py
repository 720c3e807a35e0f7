"""What changed in a session's context since the turn before, and where its prefix broke."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from memory_app import context as contexts
from memory_app.context import Ask, Context
from memory_app.core import blocks, differing
from memory_app.core.differing import Broken, Difference, Seen, Spans
from memory_app.models import Fact
from sessions_app import preparing
from sessions_app.core import tokens
from sessions_app.core.errors import BudgetTooSmall
from sessions_app.core.replay import in_ranges
from sessions_app.store.base import Snapshot
from sessions_app.store.reading import Reader

MOST_RANGES, MOST_FACTS = 10, 20
"""Ranges of messages, and facts of each kind, that are named."""
MOST_TURNS, MOST_LOOKED = 12, 8_000
"""Turns back of which is told how much of the prompt stayed, while their contexts have so many
messages in all."""


class Named(NamedTuple):
    """A fact; `id` is None of one of another project."""

    text: str
    id: UUID | None


class Change(NamedTuple):
    """The difference to an earlier version; `kept` of `sent` tokens lead both, about. `added` and
    `gone` are facts, the first MOST_FACTS of each."""

    version: int
    difference: Difference
    kept: int
    sent: int
    where: str
    added: Sequence[Named] = ()
    gone: Sequence[Named] = ()

    @property
    def moved(self) -> list[tuple[str, str, str, Spans, int, int]]:
        """What happened to messages: the kind, its sign, in words, the first ranges, how many
        ranges more, and how many messages in all."""
        found = self.difference
        kinds = (
            ("came", "+", "added", found.added),
            ("folded", "≡", "folded", found.folded),
            ("went", "\u2212", "no room any more", found.dropped),
        )
        return [
            (
                kind,
                sign,
                words,
                spans[:MOST_RANGES],
                max(0, len(spans) - MOST_RANGES),
                sum(last - first + 1 for first, last in spans),
            )
            for kind, sign, words, spans in kinds
            if spans
        ]

    @property
    def more(self) -> int:
        """How many facts came or went that are not named."""
        found = self.difference
        return sum(max(0, len(one) - MOST_FACTS) for one in (found.facts_added, found.facts_gone))

    @property
    def nothing(self) -> bool:
        """Whether the same messages and facts are in both."""
        found = self.difference
        messages = found.added or found.folded or found.dropped
        return not (messages or found.new_summary or found.facts_added or found.facts_gone)


class Turn(NamedTuple):
    """A turn by the version of its question: the share of what was sent the turn before that still
    leads, None where its context cannot be built; `broken` says what ended it."""

    version: int
    seq: int
    share: float | None
    broken: str

    @property
    def percent(self) -> str:
        """The share as the width of a bar; written out, for sites with decimal commas."""
        return f"{(self.share or 0) * 100:.1f}"


def turn_before(store: Reader, session: Snapshot, version: int) -> int | None:
    """The version of the question before the turn that a version stands at; None for the first."""
    end = store.messages_at(session, version)
    found = store.questions(session.number, end, 2)
    # At an answer the turn before is its own question: that is what the model was asked with.
    asked = [at for seq, at in found if seq < end]
    return asked[0] if asked else None


def turn_after(store: Reader, session: Snapshot, version: int) -> int | None:
    """The version of the question that follows a version; None behind the last one."""
    found = store.question_after(session.number, store.messages_at(session, version))
    return found[1] if found else None


def change(
    store: Reader, session: Snapshot, ask: Ask, built: Context, version: int
) -> Change | None:
    """What changed from a version to a context that was built; None where nothing fitted then."""
    before = _built(store, session, replace(ask, at=version))
    if before is None:
        return None
    found = _difference(store, session, before, built)
    sent = [_tokens(one) for one in before.messages]
    fixed = _fixed(before)
    kept = fixed * (found.broken is None or found.broken.kind == "message") + sum(
        sent[: found.same]
    )
    changed = (found.facts_added[:MOST_FACTS], found.facts_gone[:MOST_FACTS])
    texts = _named(store, session, [*changed[0], *changed[1]])
    added, gone = ([texts[fact] for fact in facts if fact in texts] for facts in changed)
    return Change(version, found, kept, fixed + sum(sent), said(found.broken), added, gone)


class Pinned(NamedTuple):
    """What pinning a message would do to the next context: its tokens before and after, its limit,
    and the messages that would have no room any more. `after` None says that there is none for the
    message itself."""

    before: int
    after: int | None
    limit: int
    dropped: Spans = ()


def if_pinned(store: Reader, session: Snapshot, seq: int) -> Pinned | None:
    """What pinning would do; None where nothing fits anyhow, or the message is in already."""
    before = _built(store, session, Ask())
    if before is None or in_ranges(seq, _seen(store, session, before).messages):
        return None
    after = _built(store, session, Ask(pinned=(seq,)))
    if after is None:
        return Pinned(before.tokens, None, before.limit)
    left = _difference(store, session, before, after)
    return Pinned(before.tokens, after.tokens, before.limit, left.dropped)


def _named(store: Reader, session: Snapshot, facts: Sequence[str]) -> dict[str, Named]:
    """Each fact that is still there; of a linked user's it may be another project's."""
    rows = Fact.everything.using(store.db.alias).identified([UUID(fact) for fact in facts])
    with store.db.reading():
        return {
            str(fact): Named(text, fact if project == session.project else None)
            for fact, text, project in rows.values_list("id", "text", "project_id")
        }


def prefixes(store: Reader, session: Snapshot, ask: Ask, version: int) -> list[Turn]:
    """How much of the prompt stayed at each of the newest turns up to a version, newest first:
    MOST_TURNS, or fewer, at least one, where their contexts are long."""
    end = store.messages_at(session, version)
    built: list[tuple[int, int, Context | None]] = []
    looked = 0
    for seq, at in store.questions(session.number, end, MOST_TURNS + 1):
        found = _built(store, session, replace(ask, at=at))
        built.append((seq, at, found))
        looked += len(found.messages) if found else 0
        if looked > MOST_LOOKED and len(built) > 1:
            break
    return list(_turns(store, session, built))


def before_them(store: Reader, session: Snapshot, turns: Sequence[Turn]) -> int | None:
    """The version from which `prefixes` goes on behind these turns; None where it has none."""
    older = turn_before(store, session, turns[-1].version) if turns else None
    return older if older and turn_before(store, session, older) else None


def _turns(
    store: Reader, session: Snapshot, built: Sequence[tuple[int, int, Context | None]]
) -> Iterator[Turn]:
    for (seq, version, after), (_, _, before) in pairwise(built):
        if after is None or before is None:
            yield Turn(version, seq, None, "there was no room")
            continue
        found = _difference(store, session, before, after)
        sent, fixed = [_tokens(one) for one in before.messages], _fixed(before)
        whole, kept = sum(sent) + fixed, sum(sent[: found.same]) + fixed
        broken = found.broken
        if broken is not None and broken.kind != "message":
            kept = 0
        yield Turn(version, seq, kept / whole if whole else 1.0, said(broken))


def said(broken: Broken | None) -> str:
    """What ended the common prefix, in words; "" for nothing."""
    if broken is None:
        return ""
    if broken.kind == "message":
        whose = "block" if broken.what in blocks.NAMES else "message"
        return f"the {broken.what} {whose} in place {broken.place + 1}"
    return f"the {broken.kind}"


def _built(store: Reader, session: Snapshot, ask: Ask) -> Context | None:
    try:
        return contexts.build(store, session.project, session, ask)
    except BudgetTooSmall:
        return None


def _difference(store: Reader, session: Snapshot, before: Context, after: Context) -> Difference:
    return differing.difference(_seen(store, session, before), _seen(store, session, after))


def _seen(store: Reader, session: Snapshot, built: Context) -> Seen:
    return Seen(
        differing.merged(span for part in built.parts for span in part.messages),
        tuple(fact for part in built.parts for fact in part.facts),
        next((part.summary for part in built.parts if part.summary), None),
        store.state(session, built.version).folded,
        built.system,
        built.tools,
        built.messages,
    )


def _fixed(built: Context) -> int:
    return sum(part.tokens for part in built.parts if part.name in ("system", "tools"))


def _tokens(message: Mapping[str, Any]) -> int:
    """About what a message takes."""
    encoder = preparing.encoder()
    return sum(_counted(text, encoder) for text in _texts(message)) + tokens.FRAMING


@lru_cache(maxsize=16_384)
def _counted(text: str, encoder: str) -> int:
    """The tokens of a text. The contexts of turns that follow each other have most in common."""
    return tokens.count_text(text, encoder)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            if name not in ("role", "type", "id", "call_id", "tool_call_id"):
                yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
