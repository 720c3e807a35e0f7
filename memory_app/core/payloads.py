"""What a tool gave that can be had again: results of a call that was made anew later, and of plain
reads that nothing later speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import orjson

from memory_app.core.passages import Passage

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
READS = frozenset(
    {
        "browse",
        "cat",
        "check",
        "count",
        "describe",
        "fetch",
        "find",
        "get",
        "grep",
        "head",
        "inspect",
        "list",
        "look",
        "lookup",
        "ls",
        "open",
        "query",
        "read",
        "retrieve",
        "search",
        "select",
        "show",
        "tail",
        "view",
    }
)
WRITES = frozenset(
    {
        "accept",
        "add",
        "append",
        "apply",
        "approve",
        "book",
        "buy",
        "call",
        "cancel",
        "change",
        "charge",
        "checkout",
        "commit",
        "complete",
        "confirm",
        "create",
        "delete",
        "deploy",
        "edit",
        "enroll",
        "exec",
        "execute",
        "grant",
        "insert",
        "issue",
        "kill",
        "message",
        "modify",
        "move",
        "notify",
        "order",
        "patch",
        "pause",
        "pay",
        "post",
        "process",
        "publish",
        "push",
        "put",
        "redo",
        "refund",
        "register",
        "reject",
        "remove",
        "rename",
        "reply",
        "reserve",
        "reset",
        "restart",
        "resume",
        "run",
        "save",
        "schedule",
        "send",
        "set",
        "share",
        "sign",
        "start",
        "stop",
        "submit",
        "subscribe",
        "transfer",
        "undo",
        "update",
        "upload",
        "write",
    }
)
SEEN = 8_000
"""Characters of a payload that are looked at; nothing is known of what is longer."""
LATER = 4
"""Messages that must have followed a read before it counts that none speaks of it."""

_TELLING = re.compile(r"(?=[^\W_]*[\dA-Z_])[^\W_]\w{2,60}")
"""Words by which a later message would speak of a payload: with a digit or a capital letter."""
_WORD = re.compile(r"[^\W_]\w{2,60}")


class Refetchable(NamedTuple):
    """Why a payload may go: `rule` is superseded or refetchable, `key` how to fetch it again,
    `later` the seq of the newer result."""

    rule: str
    key: str
    later: int | None = None


class _Step(NamedTuple):
    """Calls made together, and the places of their results."""

    calls: tuple[tuple[str, str], ...]
    results: tuple[int, ...]


def find(passages: Sequence[Passage]) -> dict[int, Refetchable]:
    """The payloads that may be discarded, by their place.

    Results are matched with calls by step, since a message as text does not say which call it
    answers: a step's results may go only if all of its calls can be made again. A call that
    changes something never can.
    """
    later: dict[tuple[str, str], int] = {}
    found: dict[int, Refetchable] = {}
    spoken: set[str] = set()
    read_to = len(passages)
    for step in reversed(list(_steps(passages))):
        end = step.results[-1] + 1
        for place in range(end, read_to):
            spoken.update(_later_words(passages[place]))
        read_to = min(read_to, end)
        if not any(is_write(name) for name, _ in step.calls):
            enough = len(passages) - end >= LATER
            found.update(_again(step, later, spoken if enough else None, passages))
        for call in step.calls:
            later.setdefault(call, passages[end - 1].seq)
    return found


def _again(
    step: _Step,
    later: dict[tuple[str, str], int],
    spoken: set[str] | None,
    passages: Sequence[Passage],
) -> Iterator[tuple[int, Refetchable]]:
    """The results of a step that may go; `spoken` are the words after it, None if too few."""
    key = "; ".join(retrieval_key(*call) for call in step.calls)
    newer = [later.get(call) for call in step.calls]
    if all(seq is not None for seq in newer):
        for place in step.results:
            yield place, Refetchable("superseded", key, newer[0])
    elif spoken is not None and all(is_read(name) for name, _ in step.calls):
        for place in step.results:
            if _unspoken(passages[place].text, spoken):
                yield place, Refetchable("refetchable", key)


def _unspoken(text: str, spoken: set[str]) -> bool:
    """Whether a payload has telling words, and none of them was said later."""
    if len(text) > SEEN:
        return False
    telling = {word.lower() for word in _TELLING.findall(text)}
    return bool(telling) and spoken.isdisjoint(telling)


def _later_words(passage: Passage) -> set[str]:
    """Words of what was said or asked of tools; other payloads do not speak of this one."""
    texts = [arguments for _, arguments in passage.calls]
    if passage.role != "tool":
        texts.append(passage.text[:SEEN])
    return set(_WORD.findall(" ".join(texts).lower()))


def _steps(passages: Sequence[Passage]) -> Iterator[_Step]:
    """Calls with their results: assistant messages that call, then the tool messages."""
    calls: list[tuple[str, str]] = []
    results: list[int] = []
    for place, passage in enumerate(passages):
        if passage.role == "tool":
            if calls:
                results.append(place)
            continue
        if results:
            yield _Step(tuple(calls), tuple(results))
            calls, results = [], []
        if passage.role == "assistant":
            calls.extend(passage.calls)
        else:
            calls = []
    if results:
        yield _Step(tuple(calls), tuple(results))


def is_read(name: str) -> bool:
    """Whether a tool's name says that it only looks."""
    parts = _parts(name)
    return not is_write(name) and bool(parts) and parts[0] in READS


def is_write(name: str) -> bool:
    """Whether a tool's name says that it changes something: by its first word, or by one behind
    "or" and "and" as in get_or_create."""
    parts = _parts(name)
    verbs = parts[:1] + [verb for link, verb in pairwise(parts) if link in ("or", "and")]
    return not WRITES.isdisjoint(verbs)


def _parts(name: str) -> list[str]:
    return [part.lower() for part in _PART.findall(name[:100])]


def retrieval_key(name: str, arguments: str) -> str:
    """A call in short, e.g. `get_order(id=4711)`: how to fetch its payload again."""
    try:
        given = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return f"{name}({arguments})"
    if not isinstance(given, dict):
        return f"{name}({arguments})"
    shown = [
        f"{key}={value if isinstance(value, str) else orjson.dumps(value).decode()}"
        for key, value in given.items()
    ]
    return f"{name}({', '.join(shown)})"
