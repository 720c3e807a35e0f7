"""What the host's own code tells the model in every context: the time, a place, a calendar.

A host names context providers in HOLDFAST_CONTEXT_PROVIDERS. They are asked together, each in a
thread of its own and outside of our transactions; whatever becomes of one, the context is built,
and says whom it was built without. What they say is not in the log: a kept context keeps it.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from threading import BoundedSemaphore, Event, Thread
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

from memory_app import keeping
from memory_app.contextsummary import Told
from memory_app.core import blocks, records, values
from sessions_app import clock
from sessions_app.store.base import Snapshot

log = logging.getLogger("holdfast.providers")

SETTING = "HOLDFAST_CONTEXT_PROVIDERS"
PARTS = ("system", "tools", "summary", "resume", "facts", "retained", "recent", "recalled", "new")
RESERVED = frozenset((*PARTS, "free", "reserve"))
"""Names that are ours: of parts, and of what pages draw beside them."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
MOST_DEADLINE_MS = 10_000
MOST_TOKENS = 100_000
MOST_TEXT = 100_000
"""Characters of an answer that are looked at."""
MOST_AT_WORK = 32
"""Calls of one provider at a time: one that hangs for ever must not take all threads there are."""


@dataclass(frozen=True, slots=True)
class Asked:
    """For which context a provider is asked: `project` is the number of the project's row, `now`
    is in UTC."""

    project: int
    session: UUID
    user: str | None
    query: str | None
    now: datetime


class Provider(Protocol):
    """Says something for a context. `name` is that of its part (small letters, digits and `_`), its
    block takes at most `tokens`, and after `deadline_ms` nobody waits any more."""

    @property
    def name(self) -> str: ...
    @property
    def tokens(self) -> int: ...
    @property
    def deadline_ms(self) -> int: ...

    def __call__(self, asked: Asked) -> str | None:
        """The text, or None where there is nothing to say. It runs in a thread of its own, many at
        a time, and is not stopped when it is late."""
        ...


class Answer(NamedTuple):
    """What a provider said within its deadline; `text` is None where it said nothing, or where it
    is left out for a `reason`: failed, late, busy, not_text, misconfigured, past_version."""

    name: str
    tokens: int
    text: str | None = None
    reason: str = ""
    cut: bool = False


class Block(NamedTuple):
    """A provider's block in a context; `said_by` is what of its text stands in it."""

    told: Told
    said_by: str

    @property
    def name(self) -> str:
        return self.told.name


class Fault(NamedTuple):
    """What is wrong with one line of the setting."""

    path: str
    message: str


class _Registered(NamedTuple):
    provider: Provider
    slots: BoundedSemaphore


class _Registry(NamedTuple):
    providers: tuple[_Registered, ...] = ()
    faults: tuple[Fault, ...] = ()


# -- who is asked --------------------------------------------------------------------------------


def is_configured() -> bool:
    """Whether the host names any."""
    return bool(getattr(settings, SETTING, ()))


def registry() -> _Registry:
    """The providers of this installation, and what is wrong with the setting."""
    paths = getattr(settings, SETTING, ())
    if not paths:
        return _Registry()
    if isinstance(paths, str) or not all(isinstance(path, str) for path in paths):
        return _Registry(faults=(Fault(SETTING, "must be a list of dotted paths."),))
    return _read(tuple(paths))


@lru_cache(maxsize=8)
def _read(paths: tuple[str, ...]) -> _Registry:
    found: dict[str, _Registered] = {}
    faults: list[Fault] = []
    for path in paths:
        provider, wrong = _made(path)
        if not wrong and provider.name in found:
            wrong = f"has the name {provider.name!r}, which another provider has."
        if wrong:
            faults.append(Fault(path, wrong))
        else:
            found[provider.name] = _Registered(provider, BoundedSemaphore(MOST_AT_WORK))
    return _Registry(tuple(found.values()), tuple(faults))


def _made(path: str) -> tuple[Any, str]:
    """What a path names, called without arguments, and what is wrong with it."""
    try:
        provider = import_string(path)()
    except ImportError:
        return None, "cannot be imported."
    except Exception:
        log.exception("The context provider %s cannot be made.", path)
        return None, "cannot be made without arguments."
    return provider, _wrong(provider)


def _wrong(provider: Any) -> str:
    name = getattr(provider, "name", None)
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in RESERVED:
        return f"has the name {name!r}: up to 32 small letters, digits and _, and no part of ours."
    if not _within(getattr(provider, "tokens", None), MOST_TOKENS):
        return f"needs `tokens`, an integer from 1 to {MOST_TOKENS}."
    if not _within(getattr(provider, "deadline_ms", None), MOST_DEADLINE_MS):
        return f"needs `deadline_ms`, an integer from 1 to {MOST_DEADLINE_MS}."
    return "" if callable(provider) else "cannot be called."


def _within(value: Any, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


# -- asking --------------------------------------------------------------------------------------


def answers(session: Snapshot, query: str | None, *, past: bool = False) -> tuple[Answer, ...]:
    """What every provider says for a context of this session, in the order of the setting. For a
    `past` version none is asked: what they say is of now."""
    if not is_configured():
        return ()
    found = registry()
    faulty = [Answer(fault.path, 0, reason="misconfigured") for fault in found.faults]
    if past:
        told = [_left_out(one.provider, "past_version") for one in found.providers]
        return (*told, *faulty)
    now = datetime.fromtimestamp(clock.now_us() / 1_000_000, UTC)
    asked = Asked(session.project, session.id, session.user, query, now)
    began = time.monotonic()
    calls = [_Call(one, asked) for one in found.providers]
    return (*(call.answer(began) for call in calls), *faulty)


def _left_out(provider: Provider, reason: str) -> Answer:
    return Answer(provider.name, provider.tokens, reason=reason)


class _Call:
    """One provider at work."""

    def __init__(self, registered: _Registered, asked: Asked) -> None:
        self._provider, self._slots = registered
        self._asked = asked
        self._done = Event()
        self._said: object = None
        self._reason = "failed"
        if not self._slots.acquire(blocking=False):
            self._reason = "busy"
            self._done.set()
            return
        name = f"holdfast-provider-{self._provider.name}"
        try:
            Thread(target=self._run, name=name, daemon=True).start()
        except RuntimeError:  # no more threads on this machine
            self._end()

    def _run(self) -> None:
        try:
            self._said = self._provider(self._asked)
            self._reason = ""
        except BaseException:  # also one that leaves or panics: nobody is above it in this thread
            log.exception("The context provider %s failed.", self._provider.name)
        finally:
            connections.close_all()
            self._end()

    def _end(self) -> None:
        self._slots.release()
        self._done.set()

    def answer(self, began: float) -> Answer:
        """What was said within the deadline, which runs from `began`."""
        left = began + self._provider.deadline_ms / 1000 - time.monotonic()
        if not self._done.wait(max(0.0, left)):
            return _left_out(self._provider, "late")
        if self._reason:
            return _left_out(self._provider, self._reason)
        return _checked(self._provider, self._said)


def _checked(provider: Provider, said: object) -> Answer:
    if said is None:
        return Answer(provider.name, provider.tokens)
    if not isinstance(said, str):
        return _left_out(provider, "not_text")
    lines = [records.safe(line.replace("\t", " ")) for line in said[:MOST_TEXT].splitlines()]
    text = blocks.escaped("\n".join(lines).strip())
    return Answer(provider.name, provider.tokens, text or None, cut=len(said) > MOST_TEXT)


# -- fitting -------------------------------------------------------------------------------------


def recorded(texts: Iterable[tuple[str, str]]) -> tuple[Answer, ...]:
    """Answers as a kept context has them: these fitted."""
    return tuple(Answer(name, MOST_TOKENS, text, "as_recorded") for name, text in texts)


def fitted(
    given: Sequence[Answer], room: int
) -> tuple[tuple[Block, ...], tuple[Mapping[str, Any], ...]]:
    """The blocks that fit `room` tokens, and what there is to say of the rest. Those that the
    setting names first are served first."""
    found: list[Block] = []
    notices: list[Mapping[str, Any]] = []
    for answer in given:
        if answer.text is None:
            notices += [_about(answer, "provider_left_out")] if answer.reason else []
            continue
        block = _fitting(answer, min(room, answer.tokens))
        if block is None:
            notices.append(_about(answer._replace(reason="no_room"), "provider_left_out"))
            continue
        room -= block.told.tokens
        found.append(block)
        if answer.reason:
            notices.append({"code": "provider_as_recorded", "name": answer.name})
        elif answer.cut or block.said_by != answer.text:
            notices.append({"code": "provider_shortened", "name": answer.name})
    return tuple(found), tuple(notices)


def _about(answer: Answer, code: str) -> Mapping[str, Any]:
    return {"code": code, "name": answer.name, "reason": answer.reason}


def _fitting(answer: Answer, room: int) -> Block | None:
    """The answer within `room` tokens, shortened where it is too long."""
    text = answer.text or ""
    size = room - keeping.block_tokens(blocks.provided(answer.name, ""))
    while size > 0:
        short = values.shorten(text, size=size, count=keeping.count)
        if not _says_something(short):
            return None
        block = _block(answer.name, short)
        if block.told.tokens <= room:
            return block
        size -= block.told.tokens - room
    return None


def _says_something(text: str) -> bool:
    """Whether a text says more than how much of it was left out."""
    return any(not line.startswith("[...") for line in text.splitlines())


def _block(name: str, text: str) -> Block:
    told = blocks.provided(name, text)
    return Block(Told(name, told, keeping.block_tokens(told)), text)
