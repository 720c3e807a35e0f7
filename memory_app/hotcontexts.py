"""Contexts as the bytes of their answer, kept in Redis where one is named, or built of a replica
for who takes what is some seconds old.

A context depends on more than its session's version: what is known of its user, what is near a
question, what a host's code says. So what is kept counts in two ways only. For a caller who takes
what is some seconds old, it is the context as it was then. For everybody else it counts where
nothing but the session's own log and policy decides, which `_lasts` says, and then the head of that
log is the whole of its key.
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
from memory_app.context import Ask
from sessions_app import conditions, ids, preparing
from sessions_app.store import replicated
from sessions_app.store.base import Snapshot
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


def answer(store: DurableStore, wanted: Wanted) -> bytes:
    """The JSON of a context, kept or built. Raises what `context.build` does."""
    if _may_keep(store, wanted.ask):
        if isinstance(store, TieredStore):
            return _tiered(store, wanted)
        if (read := _replicated(store, wanted)) is not None:
            return _built(read.told)
    built = context.build(store, wanted.project, wanted.session, wanted.ask)
    return _built(built.as_json())


def _tiered(store: TieredStore, wanted: Wanted) -> bytes:
    began = time.perf_counter()
    name = _name(wanted.ask, preparing.encoder())
    looked = store.look(wanted.session, name)
    whose = (wanted.project, wanted.session)
    kept = store.believed(looked, whose, wanted.max_stale, wanted.epoch)
    if kept is not None:
        return _whole(kept.body, began)
    if (read := _replicated(store, wanted, looked.version)) is not None:
        _keep_read(store, name, looked, read)
        return _built(read.told)
    standing = store.standing(*whose)
    checked = store.compare(looked, standing)
    lasts = _lasts(store, standing.session, wanted.ask)
    if checked.kept is not None and lasts:
        body = checked.kept.body
        if wanted.max_stale:  # so that the next one need not ask the database
            store.keep(name, body, standing, checked, lasting=True)
        return _whole(body, began)
    told = context.build(store, wanted.project, standing.session, wanted.ask).as_json()
    if (lasts or wanted.max_stale) and told["mode"] == "full":
        store.keep(name, _kept(told), standing, checked, lasting=lasts)
    return _built(told)


class _Read(NamedTuple):
    """A context that was built of a replica, of a session as it stood there, and whether it lasts
    as long as the session does."""

    told: dict[str, Any]
    stood: Stood
    lasts: bool


def _replicated(store: DurableStore, wanted: Wanted, version: int = 0) -> _Read | None:
    """A context from a replica, of no version before this one. With a question, what was said since
    it was last asked is read into memory, and that is the primary's."""
    ask = wanted.ask
    if store.replicas is None or not wanted.max_stale or ask.query:
        return None

    def make(reader: Reader, stood: Stood) -> _Read:
        told = context.build(reader, wanted.project, stood.session, ask).as_json()
        return _Read(told, stood, _lasts(reader, stood.session, ask))

    old = Old(wanted.project, wanted.session, wanted.max_stale, wanted.epoch, version)
    return replicated.made(store, old, make)


def _keep_read(store: TieredStore, name: str, looked: Looked, read: _Read) -> None:
    """Keeps it, as old as the replica may have been: nobody takes it for newer than that, and
    without a look at the database only while it is young enough."""
    session, epoch, since = read.stood
    standing = Standing(session, store.database(epoch), since)
    checked = Checked(None, reached=looked.found.reached)
    if read.told["mode"] == "full":
        store.keep(name, _kept(read.told), standing, checked, lasting=read.lasts)


def _built(told: dict[str, Any]) -> bytes:
    told["mode"] = conditions.worse(told["mode"])
    return orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS)


def _may_keep(store: Reader, ask: Ask) -> bool:
    """Whether any context that is asked for like this may come from Redis or go there: of now, by
    a stored policy, without texts of a host's code, and of what is committed."""
    if ask.at is not None or ask.tried is not None or ask.pinned:
        return False
    return not providing.is_configured() and not store.db.nested


def _lasts(store: Reader, session: Snapshot, ask: Ask) -> bool:
    """Whether the session's log and its own policy alone decide what a context holds: nothing is
    looked for, and there is no user of whom something is known, or a policy that does not tell."""
    if ask.query or ask.policy is not None:
        return False
    if session.user is None:
        return True
    policy = policies.stored(store, session.project, session.policy_name, session.policy_version)
    return not policy.rules.folds


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


def _kept(told: dict[str, Any]) -> bytes:
    """The answer without what is of one call: its `id`, `mode` and `took_ms`."""
    same = {name: value for name, value in told.items() if name not in _OF_A_CALL}
    return orjson.dumps(same, option=orjson.OPT_NON_STR_KEYS)


def _whole(kept: bytes | memoryview, began: float) -> bytes:
    """The answer of this call: an id of its own, the mode it is given in, and the time it took."""
    took = round((time.perf_counter() - began) * 1000, 3)
    begin = f'{{"id":"{ids.new_id()}",'
    end = f',"mode":"{conditions.worse(conditions.FULL)}","took_ms":{took}}}'
    return b"".join((begin.encode(), kept[1:-1], end.encode()))
