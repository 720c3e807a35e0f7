"""The structure of a conversation: the units that a context takes or leaves whole.

A step is one answer of the assistant with all its tool results. Providers refuse a call without
its result and a result without its call, so nothing smaller than a step is ever moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

NO_CALL = "tool result without its call"
NO_RESULT = "call without its result"
WAITING = "waits for tool results"
NO_ANSWER = "thought without its answer"

# How much of an answer one assistant message is. The Responses form gives an answer in pieces,
# a thought first, and refuses a thought without the piece that came of it.
WHOLE, PIECE, THOUGHT = 0, 1, 2
KINDS = {"user": "user", "assistant": "step"}
PLACE = itemgetter(2)
"""Sorts units by their first message."""


class Item(NamedTuple):
    """A visible message as cutting needs it.

    `total` is the running total of tokens up to and including it, `turn_start` the seq of its
    turn's user message; `calls` and `results` are the ids of tool calls made and answered;
    `piece` is WHOLE, PIECE or THOUGHT.
    """

    seq: int
    role: str
    turn: int
    turn_start: int
    tokens: int
    total: int
    calls: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    piece: int = WHOLE


class Unit(NamedTuple):
    """Messages that stand or fall together: a user message, a note, a step, or a broken piece.

    `broken` says why it can be part of no context; it is None for all others. `tokens` is what it
    costs, `start` what was said before it since the session began, `seq` its first message.
    """

    kind: str
    items: tuple[Item, ...]
    seq: int
    tokens: int
    start: int
    broken: str | None = None


def unit(kind: str, items: Sequence[Item], broken: str | None = None) -> Unit:
    """The unit of these messages, which are in order and at least one."""
    first = items[0]
    tokens = first.tokens if len(items) == 1 else sum([item.tokens for item in items])
    return Unit(kind, tuple(items), first.seq, tokens, first.total - first.tokens, broken)


def group(items: Iterable[Item]) -> list[Unit]:
    """The units of visible messages in order; a piece that no provider would take is `broken`."""
    units: list[Unit] = []
    step: _OpenStep | None = None
    for item in items:
        role = item.role
        if role == "tool":
            if step is None or not step.answer(item):
                units.append(unit("orphan", (item,), NO_CALL))
            continue
        if step is not None:
            if role == "assistant" and step.takes(item):
                step.call(item)
                continue
            units += step.close(NO_RESULT)
            step = None
        if item.calls or item.piece:
            step = _OpenStep(item)
        else:
            kind = KINDS.get(role, "note")
            units.append(Unit(kind, (item,), item.seq, item.tokens, item.total - item.tokens))
    if step is not None:
        units += step.close(WAITING)
    units.sort(key=PLACE)
    return units


class _OpenStep:
    """A step that may still grow: its answers, each one or more messages, and their results."""

    def __init__(self, item: Item) -> None:
        self.answers = [[item]]
        self.results: list[Item] = []
        self.waiting = set(item.calls)
        self.repeated = len(self.waiting) != len(item.calls)
        self.ended = False

    def takes(self, item: Item) -> bool:
        """Whether an assistant message belongs to this step: calls are unanswered and no result
        has come yet, as when parallel calls are given one by one; or it is the next piece."""
        if self.ended:
            return False
        return bool(self.waiting) or bool(item.piece and self.answers[-1][-1].piece)

    def call(self, item: Item) -> None:
        before = self.answers[-1][-1].piece
        if item.piece and before and (item.piece == PIECE or before == THOUGHT):
            self.answers[-1].append(item)
        else:
            self.answers.append([item])
        calls = set(item.calls)
        self.repeated |= len(calls) != len(item.calls) or not calls.isdisjoint(self.waiting)
        self.waiting |= calls

    def answer(self, item: Item) -> bool:
        """Takes a tool message if it answers calls of this step that nothing answered yet.

        Any tool message ends the run of calls, so that an assistant message behind one surely
        begins a step.
        """
        self.ended = True
        results = set(item.results)
        if not results or len(results) != len(item.results) or not results <= self.waiting:
            return False
        self.waiting -= results
        self.results.append(item)
        return True

    def close(self, why: str) -> list[Unit]:
        """The step; or, where calls were never answered, them apart from what is complete."""
        if self.repeated:
            return [unit("step", self._members(self.answers), NO_RESULT)]
        if not self.waiting:
            return self._complete(self.answers)
        lost = [answer for answer in self.answers if not self.waiting.isdisjoint(_calls(answer))]
        kept = [answer for answer in self.answers if self.waiting.isdisjoint(_calls(answer))]
        if self._shared(lost, kept):
            return [unit("step", self._members(self.answers), why)]
        broken = [unit("step", self._members([answer]), why) for answer in lost]
        return broken + self._complete(kept)

    def _complete(self, answers: list[list[Item]]) -> list[Unit]:
        idle = [answer for answer in answers if answer[-1].piece == THOUGHT]
        found = [unit("step", answer, NO_ANSWER) for answer in idle]
        said = [answer for answer in answers if answer[-1].piece != THOUGHT]
        return [*found, unit("step", self._members(said))] if said else found

    def _members(self, answers: list[list[Item]]) -> list[Item]:
        """The messages of these answers and the results of their calls, in order."""
        calls = {call for answer in answers for call in _calls(answer)}
        said = [item for answer in answers for item in answer]
        return sorted(said + [item for item in self.results if calls.intersection(item.results)])

    def _shared(self, lost: list[list[Item]], kept: list[list[Item]]) -> bool:
        """Whether one message holds results of several answers, of which some are lost."""
        sides = [set(_calls(answer)) for answer in (*lost, *kept)]
        return any(
            sum(not side.isdisjoint(item.results) for side in sides) > 1 for item in self.results
        )


def _calls(answer: Iterable[Item]) -> list[str]:
    return [call for item in answer for call in item.calls]


def whole_from(items: Sequence[Item]) -> int:
    """The first index at which a unit surely begins, in a run of messages cut off at its front.

    A tool message belongs to what came before, an assistant message may: only one that follows
    something other than an assistant message surely begins a step.
    """
    for index, item in enumerate(items):
        if item.role not in ("assistant", "tool"):
            return index
        if index and item.role == "assistant" and items[index - 1].role != "assistant":
            return index
    return len(items)
