"""From a site's rows to the log, and the copy of each row as the site saves it.

A session gets the rows that it has not, in order, at the version at which it had them not. Which
rows those are is read from the log itself, where each message names its row in `metadata.source`;
nothing else is remembered. So it does not matter who stores a row, how often that is tried, or at
which line a process dies: whoever comes second finds another version, looks again, and finds the
row there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from django.db.models import Model

from holdfast import projects
from holdfast.adoption.seen import Seen, remembered
from holdfast.adoption.tables import Rows, Tables, Unfit
from sessions_app import preparing
from sessions_app.core import errors
from sessions_app.core.appending import Prepared
from sessions_app.store import get_store
from sessions_app.store.base import Edit, Guard, NewSession, Snapshot
from sessions_app.store.durable import DurableStore

log = logging.getLogger("holdfast.adoption")

BATCH = preparing.MAX_BATCH
TAIL = 50
REFUSALS = (Unfit, errors.InvalidRequest, errors.Conflict, errors.SessionDeleted)


@dataclass(slots=True)
class Report:
    """What was copied. `new` and `known` count rows, `left_out` those the mapping leaves out,
    `mended` those with what cannot be stored replaced; `refused` are (row or conversation, why)."""

    conversations: int = 0
    new: int = 0
    known: int = 0
    left_out: int = 0
    mended: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    finished: bool = True


class Copy(NamedTuple):
    """A row ready to be stored: its name, and the messages it became."""

    source: str
    batch: tuple[Prepared, ...]


@dataclass(slots=True)
class Target:
    """A session as it was last seen, None before it is made, and the rows it holds."""

    new: NewSession
    session: Snapshot | None
    seen: Seen = field(default_factory=Seen)


def copy(adoption: Rows, row: Model, alias: str) -> int:
    """See `Adoption.copy`."""
    copier = Copier(adoption, alias)
    conversation = copier.tables.conversation_of(row)
    if conversation is None:
        return 0
    name = copier.tables.name(conversation)
    with copier.refusing(name):
        copier.bring_up_to(row, conversation)
    for refused, reason in copier.report.refused:
        # Other rows were logged when it was their turn.
        if refused in (name, copier.tables.source(row.pk)):
            log.warning("%s was not copied: %s", refused, reason)
    return copier.report.new


class Copier:
    """Rows on their way into sessions, and the report of it."""

    def __init__(self, adoption: Rows, alias: str) -> None:
        self.tables = Tables(adoption)
        self.report = Report()
        self.store: DurableStore = get_store(alias)
        self.project = projects.ensure_project(adoption.project, alias).pk

    @contextmanager
    def refusing(self, name: str) -> Iterator[None]:
        """What cannot be taken over is reported under this name; trouble of the store is raised."""
        try:
            yield
        except REFUSALS as error:
            self.report.refused.append((name, str(error).rstrip(".")))

    def target(self, conversation: Model) -> Target:
        """Where the rows of a conversation go. Raises what forbids to add to it."""
        new = self.tables.session(conversation)
        found = self.store.find(self.project, new.key or "")
        if found is not None and found.status != "active":
            raise Unfit(f"its session is {found.status}")
        if found is not None and found.user != new.user:
            raise Unfit("its session belongs to another user")
        if found is not None and _made_for(found) not in (None, self.tables.name(conversation)):
            raise Unfit("its key belongs to the session of another conversation")
        return Target(new, found)

    def copies(self, keys: Sequence[Any]) -> list[Copy]:
        """The rows with these keys that become messages; the others are reported."""
        found = []
        for row in self.tables.picked(list(keys)):
            with self.refusing(self.tables.source(row.pk)):
                said = self.tables.said(row)
                self.report.left_out += not said.found
                self.report.mended += said.mended
                if said.found:
                    found.append(Copy(said.source, tuple(map(preparing.prepared, said.found))))
        return found

    def open(self, target: Target) -> Snapshot:
        """The session, made if there is none."""
        if target.session is None:
            target.session = self.store.open(self.project, target.new).session
        return target.session

    def append(self, target: Target, copies: list[Copy]) -> None:
        """Stores those rows that the session has not, in one transaction. Raises StaleVersion when
        it has moved on."""
        session = self.open(target)
        target.seen.read(self.store, session)
        missing = [one for one in copies if one.source not in target.seen.sources]
        batch = [message for one in missing for message in one.batch]
        if not batch:
            return
        done = self.store.append(self.project, session.id, batch, Guard(session.version))
        seq = done.first_seq + len(batch) - 1
        target.session = session._replace(version=done.version, messages=seq)
        target.seen.add([one.source for one in missing], upto=seq)
        self.report.new += len(missing)

    def append_locked(self, target: Target, copies: list[Copy]) -> None:
        """The same for a session that others write to: they wait until this is stored."""
        with self.store.db.transaction():
            self.lock(target)
            self.append(target, copies)

    def lock(self, target: Target) -> None:
        """Holds the session to the end of the caller's transaction, under its present title:
        titles are the one thing that chat tables give a conversation later."""
        edit = Edit(title=target.new.title or None)
        target.session = self.store.edit(self.project, self.open(target).id, edit).session

    # -- the copy of what is being said --------------------------------------------------------

    def bring_up_to(self, row: Model, conversation: Model) -> None:
        """Stores what is missing of a conversation, at most a batch. Whoever else writes to it
        waits for the caller's commit, and finds these rows when its turn comes."""
        with self.store.db.transaction():
            target = self.target(conversation)
            self.lock(target)
            target.seen = remembered(self.store, self.open(target))
            missing = self._missing_to(row, conversation, target.seen)
            self.append(target, self._first_copies(missing))

    def _missing_to(self, row: Model, conversation: Model, seen: Seen) -> list[Any]:
        """Rows are stored in order, so that where one of the newest is stored, all before it were
        looked at: the whole conversation is read only where none is, or where `row` is older."""
        keys = self.tables.newest(conversation, TAIL)
        looked_at = any(self.tables.source(key) in seen.sources for key in keys)
        if len(keys) == TAIL and not (looked_at and row.pk in keys):
            keys = self.tables.rows(conversation)
        return [key for key in keys if self.tables.source(key) not in seen.sources]

    def _first_copies(self, keys: list[Any]) -> list[Copy]:
        """The first batch of rows with anything to store: the mapping may leave many out."""
        batches = (self.copies(keys[at : at + BATCH]) for at in range(0, len(keys), BATCH))
        return next(filter(None, batches), [])


def _made_for(session: Snapshot) -> object:
    """The conversation that a session was made for by an adoption; None when by nobody."""
    return orjson.loads(session.metadata).get("source")
