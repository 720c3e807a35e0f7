"""Contexts as the bytes of their answer: held in this process, kept in Redis where one is named, or
built of a replica for who takes what is some seconds old.

A context depends on more than its session's version: what is known of its user, what is near a
question, what a host's code says. So what is kept counts in two ways only. For a caller who takes
what is some seconds old, it is the context as it was then. For everybody else it counts where
nothing but the session's own log and policy decides, which `_lasts` says, and then the head of that
log is the whole of its key. What this process holds is answered to nobody before the session row
and the epoch are read.
"""

from __future__ import annotations

import time
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson

import memory_app
import sessions_app
from memory_app import context, policies, providing
from memory_app.context import Ask, Context
from sessions_app import conditions, ids, preparing
from sessions_app.core.held import Held, Name, Stamp
from sessions_app.store import replicated
from sessions_app.store.base import InEpoch, Snapshot
from sessions_app.store.durable import DurableStore
from sessions_app.store.reading import Reader
from sessions_app.store.replicated import Old, Stood
from sessions_app.store.tiered import Checked, Looked, Standing, TieredStore


class Wanted(NamedTuple):
    """Which context of a project's session: right at most `max_stale` seconds ago, by an `epoch`
    that the caller knows of the database (None: none)."""

    project: int
    session: UUID
    ask: Ask
    max_stale: int = 0
    epoch: str | None = None


class Parsed(NamedTuple):
    """A context as JSON objects, but for what was `left_out`: that is as long as a session is old,
    few look at it, and it takes four fifths of the time to parse."""

    told: dict[str, Any]
    left_out: bytes


def answer(store: DurableStore, wanted: Wanted) -> bytes:
    """The JSON of a context, kept or built. Raises what `context.build` does."""
    found = _found(store, wanted)
    begin = f'{{"id":"{found.id}",'
    end = f',"mode":"{found.mode}","took_ms":{found.took_ms}}}'
    return b"".join((begin.encode(), found.body[1:-1], end.encode()))


def parsed(store: DurableStore, wanted: Wanted) -> Parsed:
    """The same, parsed; every call has objects of its own."""
    found = _found(store, wanted)
    body = bytes(found.body)
    # What follows has no such names, so the last place is the one; in a text they would be escaped.
    first = body.rindex(_LEFT_OUT) + len(_LEFT_OUT)
    last = body.rindex(_AFTER_IT)
    told: dict[str, Any] = orjson.loads(b"".join((body[:first], b"null", body[last:])))
    told |= {"id": str(found.id), "mode": found.mode, "took_ms": found.took_ms}
    return Parsed(told, body[first:last])


_LEFT_OUT, _AFTER_IT = b'"left_out":', b',"near_misses":'


class _Found(NamedTuple):
    """A context as the JSON of all that is not of one call, and that: its `id`, the `mode` it is
    given in, and the time it took."""

    body: bytes | memoryview
    id: UUID
    mode: str
    took_ms: float


def _found(store: DurableStore, wanted: Wanted) -> _Found:
    if not _may_keep(store, wanted.ask):
        return _built(context.build(store, wanted.project, wanted.session, wanted.ask))
    began = time.perf_counter()
    place = _place(store, wanted)
    if isinstance(store, TieredStore) and (wanted.max_stale or place not in _held):
        return _tiered(store, wanted, began)
    if (read := _replicated(store, wanted)) is not None:
        return read.found
    known = store.get_in_epoch(wanted.project, wanted.session)
    held = _held.get(place, _stamp(known.session, known.epoch))
    if held is not None:
        return _again(held, began)
    if isinstance(store, TieredStore):
        return _tiered(store, wanted, began)
    built = context.build(store, wanted.project, known, wanted.ask)
    found = _built(built)
    if built.mode == conditions.FULL and _lasts(store, known, wanted.ask):
        _hold(place, _stamp(known.session, known.epoch), found.body)
    return found


def _tiered(store: TieredStore, wanted: Wanted, began: float) -> _Found:
    name = _name(wanted.ask, preparing.encoder())
    whose = (wanted.project, wanted.session)
    looked = _marked(store, wanted, name, began) if wanted.max_stale else None
    if isinstance(looked, _Found):
        return looked
    looked = looked or store.look(wanted.session, name)
    if wanted.max_stale:
        epoch = _epoch(store, wanted)
        kept = store.believed(looked, whose, wanted.max_stale, epoch)
        if kept is not None:
            if (mark := store.mark_of(looked, wanted.max_stale, epoch)) is not None:
                _hold(_place(store, wanted, old=True), Stamp(epoch, mark), kept.body)
            return _again(kept.body, began)
    if (read := _replicated(store, wanted, looked.version)) is not None:
        _keep_read(store, name, looked, read)
        return read.found
    standing = store.standing(*whose)
    checked = store.compare(looked, standing)
    place, stamp = _place(store, wanted), _stamp(standing.session, standing.epoch)
    known = InEpoch(standing.session, standing.epoch, standing.event)
    lasts = _lasts(store, known, wanted.ask)
    if checked.kept is not None and lasts:
        body = bytes(checked.kept.body)
        if wanted.max_stale:  # so that the next one need not ask the database
            store.keep(name, body, standing, checked, lasting=True)
        _hold(place, stamp, body)
        return _again(body, began)
    built = context.build(store, wanted.project, known, wanted.ask)
    found = _built(built)
    if built.mode == conditions.FULL and (lasts or wanted.max_stale):
        store.keep(name, found.body, standing, checked, lasting=lasts)
        if lasts:
            _hold(place, stamp, found.body)
    return found


MOST_HELD = 32 * 1024 * 1024
"""Octets of the contexts that a process holds: about 900 of 8,000 tokens."""

_held = Held[bytes](MOST_HELD)


def _hold(place: Name, stamp: Stamp, body: bytes | memoryview) -> None:
    _held.put(place, stamp, bytes(body), len(body))


def forget() -> None:
    """Empties this process's memory of contexts: what was purged must not live on there."""
    _held.clear()


def _place(store: Reader, wanted: Wanted, *, old: bool = False) -> Name:
    """What a context is held under in this process, its tokens counted as they are now; one that
    may be `old` is as Redis has it."""
    asked = (wanted.project, wanted.session, wanted.ask, preparing.encoder(), old)
    return Name(store.db.alias, asked)


def _stamp(session: Snapshot, epoch: str) -> Stamp:
    """What a context that lasts is made of: the log up to its head."""
    return Stamp(epoch, (session.version, session.head))


class _Read(NamedTuple):
    """A context that was built of a replica, whether nothing was missing for it, the session as it
    stood there, and whether it lasts as long as that does."""

    found: _Found
    is_full: bool
    stood: Stood
    lasts: bool


def _replicated(store: DurableStore, wanted: Wanted, version: int = 0) -> _Read | None:
    """A context from a replica, of no version before this one. With a question, what was said since
    it was last asked is read into memory, and that is the primary's."""
    ask = wanted.ask
    if store.replicas is None or not wanted.max_stale or ask.query:
        return None

    def make(reader: Reader, stood: Stood) -> _Read:
        known = InEpoch(stood.session, stood.epoch, stood.event)
        built = context.build(reader, wanted.project, known, ask)
        lasts = _lasts(reader, known, ask)
        return _Read(_built(built), built.mode == conditions.FULL, stood, lasts)

    old = Old(wanted.project, wanted.session, wanted.max_stale, wanted.epoch, version)
    return replicated.made(store, old, make)


def _keep_read(store: TieredStore, name: str, looked: Looked, read: _Read) -> None:
    """Keeps it, as old as the replica may have been: nobody takes it for newer than that, and
    without a look at the database only while it is young enough."""
    session, epoch, since, event = read.stood
    standing = Standing(session, store.database(epoch), since, epoch, event)
    checked = Checked(None, reached=looked.found.reached)
    if read.is_full:
        store.keep(name, read.found.body, standing, checked, lasting=read.lasts)


def _may_keep(store: Reader, ask: Ask) -> bool:
    """Whether any context that is asked for like this may come from Redis or go there: of now, by
    a stored policy, without texts of a host's code, and of what is committed."""
    if ask.at is not None or ask.tried is not None or ask.pinned:
        return False
    return not providing.is_configured() and not store.db.nested


def _lasts(store: Reader, known: InEpoch, ask: Ask) -> bool:
    """Whether the session's log and its own policy alone decide what a context holds: nothing is
    looked for, and there is no user of whom something is known, or a policy that does not tell."""
    if ask.query or ask.policy is not None:
        return False
    return known.session.user is None or not policies.of_session(store, known).rules.folds


@lru_cache(maxsize=1024)
def _name(ask: Ask, encoder: str) -> str:
    """What a context that is asked for like this is kept under, its tokens counted by `encoder`."""
    asked = [_release(), encoder, *(getattr(ask, name) for name in _ASKED)]
    return f"context:{sha256(orjson.dumps(asked)).hexdigest()[:32]}"


_ASKED = ("tokens", "query", "form", "policy", "policy_version")


@cache
def _release() -> str:
    """The digest of all code that can have a say in a context: of two releases at one Redis, each
    finds only what it made itself."""
    folders = (Path(memory_app.__file__).parent, Path(sessions_app.__file__).parent)
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


_OF_A_CALL = ("id", "mode", "took_ms")


def _marked(store: TieredStore, wanted: Wanted, name: str, began: float) -> _Found | Looked | None:
    """What this process holds of what Redis gave it, where the mark there says that it is what
    Redis would give; else what is known now without asking again, which is that there is nothing or
    that Redis is away."""
    place = _place(store, wanted, old=True)
    if place not in _held:
        return None
    looked = store.look(wanted.session, name, mark=True)
    epoch = _epoch(store, wanted)
    mark = store.mark_of(looked, wanted.max_stale, epoch)
    held = None if mark is None else _held.get(place, Stamp(epoch, mark))
    if held is not None:
        store.hot.count("hits_unchecked")
        return _again(held, began)
    return None if looked.found.then_ms else looked


def _epoch(store: TieredStore, wanted: Wanted) -> str:
    """The epoch as the caller knows it, or as it was a moment ago."""
    return store.epochs.recent() if wanted.epoch is None else wanted.epoch


def _built(built: Context) -> _Found:
    """A context that was built for this call."""
    told = built.as_json()
    for name in _OF_A_CALL:
        del told[name]
    body = orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS)
    return _Found(body, built.id, conditions.worse(built.mode), built.took_ms)


def _again(kept: bytes | memoryview, began: float) -> _Found:
    """One that was kept, under an id of its own and with the time that this call took."""
    took = round((time.perf_counter() - began) * 1000, 3)
    return _Found(kept, ids.new_id(), conditions.worse(conditions.FULL), took)
