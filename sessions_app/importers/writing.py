"""The one door by which imports are written: items of any reader, into sessions.

What must be known on a second run is what is there already. Readers of formats with ids of their
own give them with each message, and they are kept in `metadata.source`; for the others the n-th
message of the file is compared with the n-th stored one. Either way one streaming pass over the
stored session answers it, and nothing else has to be remembered: a run that was interrupted
between two batches goes on by running again. Each batch is stored at the version the one before
led to, so two imports of one session at once cannot both store a message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import orjson

from sessions_app import preparing
from sessions_app.core import errors, logbook, messages
from sessions_app.core.appending import Prepared
from sessions_app.core.entries import StoredMessage
from sessions_app.core.messages import Message
from sessions_app.importers import base, files, formats
from sessions_app.importers.base import (
    Agent,
    Archived,
    Conversation,
    Format,
    Item,
    Kept,
    Noted,
    OnProgress,
    Progress,
    Report,
    Said,
    Trouble,
    Unreadable,
    Warned,
)
from sessions_app.store.base import PAGE_OCTETS, Guard, NewSession, Snapshot, Window
from sessions_app.store.durable import DurableStore

BATCH = preparing.MAX_BATCH
BATCH_BYTES = 8 * 1024 * 1024
RECORDS = 200
RECORD_BYTES = 256 * 1024
PAGE = 500
MAX_ERRORS = 100
BRANCH_LEFT = "another branch was taken"
TRIES = 3
_Done = TypeVar("_Done")
OF_OTHERS = {"compressed", "notice", "lease"}
"""Events that may come while a session is imported and say nothing of what was said."""
REMEMBERED = 32
"""Sessions whose contents are remembered while files are followed."""


def write(
    store: DurableStore,
    project: int,
    reader: Format,
    paths: Sequence[Path],
    *,
    dry_run: bool = False,
    user: str | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Imports every file of `paths`; see `sessions_app.importers.run`."""
    writer = Writer(store, project, user=user, dry_run=dry_run)
    found = list(files.found(paths, reader.suffixes))
    total, done = sum(size for _, size, _ in found), 0
    for path, size, reason in found:
        if reason is not None:
            writer.report.errors.append((str(path), 0, reason))
            continue
        furthest = 0.0
        for share in writer.file(path, reader.read(path)):
            furthest = max(furthest, share)
            if on_progress is not None:
                on_progress(done + int(size * furthest), total)
        done += size
        if not writer.told:
            _guess(writer, reader, path)
        if on_progress is not None:
            on_progress(done, total)
    return writer.report


def _guess(writer: Writer, reader: Format, path: Path) -> None:
    """Says of a file without any session which other format it looks like."""
    fitting = formats.looks_like(path)
    if fitting and reader.name not in fitting:
        writer.warn(0, f"looks like a file of {' or '.join(fitting)}; import it as that")


class _Refused(Exception):
    """This session cannot take the rest of its items; the next one may."""


@dataclass(slots=True)
class Known:
    """What of a session is stored: for each source the newest version and all seqs that have it;
    `counts` are messages by their first source, `events` the sources of what events keep. Events
    were read up to `version`, messages up to `seq`."""

    session: UUID
    version: int = 0
    seq: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    versions: dict[str, int] = field(default_factory=dict)
    seqs: dict[str, list[int]] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)


class Writer:
    """Carries the report through all files, and the agents' senders from file to file. With
    `remembers` also what sessions hold, for files that are read again and again. `told` tells
    whether the last file held a session."""

    def __init__(
        self,
        store: DurableStore,
        project: int,
        *,
        user: str | None = None,
        dry_run: bool = False,
        remembers: bool = False,
    ) -> None:
        self.store = store
        self.project = project
        self.user = user
        self.dry_run = dry_run
        self.report = Report()
        self.refused = 0
        self.told = False
        self.senders: dict[str, str] = {}
        self.ends: dict[str, int] = {}
        self._remembered: dict[str, Known] | None = {} if remembers else None
        self._keys: set[str] = set()
        self._path = Path()
        self._session: _Session | None = None

    def file(self, path: Path, items: Iterator[Item]) -> Iterator[float]:
        """Stores what one file holds; yields how far it is, from 0 to 1."""
        self._path = path
        self.told = False
        self.ends.clear()
        refused = len(self.report.errors) + MAX_ERRORS
        try:
            for item in items:
                if isinstance(item, Progress):
                    yield item.done / max(item.total, 1)
                else:
                    self._take(item)
                if len(self.report.errors) >= refused:
                    self._error(0, "has too many bad lines; the rest was not read")
                    break
        except Unreadable as error:
            self._error(error.line, error.reason)
        except OSError as error:
            self._error(0, f"cannot be read: {error.strerror}")
        self._end()

    def _take(self, item: Item) -> None:
        if isinstance(item, Trouble):
            self._error(item.line, item.reason)
        elif isinstance(item, Warned):
            self.warn(item.line, item.reason)
        elif isinstance(item, Agent):
            self.senders[item.agent] = item.source
        elif isinstance(item, Archived | Conversation):
            self.told = True
            self._end()
            if isinstance(item, Archived):
                self._adopt(item)
            else:
                self._begin(item)
        elif self._session is not None and not isinstance(item, Progress):
            self._guarded(self._session, item)

    def _begin(self, conversation: Conversation) -> None:
        if conversation.key not in self._keys:
            self._keys.add(conversation.key)
            self.report.sessions += 1
        if conversation.agent in self.senders and conversation.agent is not None:
            sender = {"parent_message": self.senders[conversation.agent]}
            metadata = {**sender, **conversation.metadata}
            conversation = replace(conversation, metadata=metadata)
        if conversation.goes_on and conversation.key not in self.ends:
            return
        session = _Session(self, conversation)
        self._session = session
        self._guarded(session, None)

    def known(self, session: Snapshot) -> Known:
        """What a session holds; read on from where it was read before, where that is remembered."""
        if self._remembered is None:
            return known(self.store, session)
        key = session.key or ""
        found = self._remembered.pop(key, None)
        if found is None or found.session != session.id or not _read_on(self.store, session, found):
            found = known(self.store, session)
        self._remembered[key] = found
        if len(self._remembered) > REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        return found

    def _guarded(self, session: _Session, item: Said | Noted | Kept | None) -> None:
        """Lets the session take an item; a refusal of the store ends it, not the run."""
        try:
            if item is None:
                session.begin()
            else:
                session.take(item)
        except (_Refused, errors.InvalidRequest, errors.Conflict, errors.SessionDeleted) as error:
            self._session = None
            self._forget(session)
            self._error(session.line, f"session {session.begun.key}: {error}")

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        try:
            session.end()
        except (errors.InvalidRequest, errors.Conflict, errors.SessionDeleted) as error:
            self._forget(session)
            self._error(session.line, f"session {session.begun.key}: {error}")

    def _forget(self, session: _Session) -> None:
        self.refused += 1
        if self._remembered is not None:
            self._remembered.pop(session.begun.key, None)

    def _adopt(self, item: Archived) -> None:
        self.report.sessions += 1
        counter = _LineCounter(item)
        try:
            if self.dry_run:
                self._try_out(item, counter)
                return
            done = self.store.adopt(self.project, item.row, iter(counter), item.beside)
        except logbook.Forged as error:
            self._error(counter.line, f"is not as it was exported: {error}")
        except Unreadable as error:
            self._error(error.line, error.reason)
        except (errors.InvalidRequest, errors.Conflict, errors.SessionDeleted) as error:
            self._error(item.line, f"session {item.row['id']}: {error}")
        else:
            self.report.new += done.new
            self.report.skipped += done.skipped

    def _try_out(self, item: Archived, entries: _LineCounter) -> None:
        ledger = logbook.Ledger()
        for entry in entries:
            ledger.add(entry)
        ledger.check_end(item.row)
        found = _by_id(self.store, self.project, UUID(item.row["id"]))
        known = min(found.messages, ledger.messages) if found else 0
        self.report.skipped += known
        self.report.new += ledger.messages - known

    def _error(self, line: int, reason: str) -> None:
        self.report.errors.append((str(self._path), line, reason))

    def warn(self, line: int, reason: str) -> None:
        where = f"{self._path}:{line}" if line else str(self._path)
        self.report.warnings.append(f"{where}: {reason}")


class _LineCounter:
    """The entries of an archive, and the line of the one that was given last."""

    def __init__(self, item: Archived) -> None:
        self.line = item.line
        self._entries = item.entries

    def __iter__(self) -> Iterator[logbook.LogEntry]:
        for entry in self._entries:
            self.line += 1
            yield entry


class _Session:
    """One session on its way into the store."""

    def __init__(self, writer: Writer, begun: Conversation) -> None:
        self.writer = writer
        self.begun = begun
        self.line = 0
        self._stored: Snapshot | None = None
        self._version = 0
        self._passed = 0
        self._held: Known | None = None
        self._old: Iterator[StoredMessage] = iter(())
        self._batch: list[Prepared] = []
        self._batch_bytes = 0
        self._records: list[dict[str, Any]] = []
        self._record_bytes = 0

    # -- begin and end ---------------------------------------------------------------------

    def begin(self) -> None:
        """Finds or makes the session. Raises _Refused."""
        if self.begun.goes_on:
            self._passed = self.writer.ends.pop(self.begun.key)
        self._stored = self._find()
        if self._stored is None and not self.writer.dry_run:
            self._stored = self._make()
        if self._stored is None:
            return
        self._version = self._stored.version
        self._leave_branch()
        if self.begun.whole:
            self._old = _stored_messages(self.writer.store, self._stored, self._passed)

    def _leave_branch(self) -> None:
        """Takes out of view what stands on a branch that the file has left since."""
        if self._stored is None or not self.begun.left or self.writer.dry_run:
            return
        store, project = self.writer.store, self.writer.project
        left = {seq for name in self.begun.left for seq in self._known.seqs.pop(name, ())}
        for span in _ranges(sorted(left)):
            done = self._at_version(
                partial(store.retract, project, self._stored.id, span, BRANCH_LEFT)
            )
            self._version = done.session.version

    def _find(self) -> Snapshot | None:
        found = self.writer.store.find(self.writer.project, self.begun.key)
        if found is not None and found.status != "active":
            raise _Refused(f"it is {found.status}; nothing can be added")
        if found is not None and self.writer.user not in (None, found.user):
            raise _Refused("it belongs to another user")
        return found

    def _make(self) -> Snapshot:
        begun, store, project = self.begun, self.writer.store, self.writer.project
        if begun.fork is not None:
            return self._fork(begun.fork)
        new = NewSession(
            key=begun.key,
            user=self.writer.user,
            title=begun.title,
            prompt=preparing.prompt(begun.system, begun.tools),
            metadata=begun.metadata,
            at=begun.at,
        )
        return store.open(project, new).session

    def _fork(self, fork: base.Fork) -> Snapshot:
        store, project = self.writer.store, self.writer.project
        parent = store.find(project, fork.parent)
        if parent is None:
            raise _Refused("the session it parts from was not imported")
        versions = self.writer.known(parent).versions
        at = max((versions[source] for source in fork.sources if source in versions), default=1)
        return store.fork(project, parent.id, at, self.begun.key).session

    def end(self) -> None:
        """Stores what waits."""
        self._flush()
        self._flush_records()
        if self.begun.whole:
            self.writer.ends[self.begun.key] = self._passed

    @property
    def _known(self) -> Known:
        """What the session holds, read when it is first asked for."""
        if self._held is None:
            found = self._stored
            self._held = self.writer.known(found) if found else Known(UUID(int=0))
        return self._held

    # -- items -----------------------------------------------------------------------------

    def take(self, item: Said | Noted | Kept) -> None:
        """Stores one item, or puts it with those that are stored together."""
        if isinstance(item, Said):
            self._say(item)
        elif isinstance(item, Kept):
            self._keep(item)
        elif item.source not in self._known.events:
            self._flush()
            self._note(item.kind, item.data)

    def _say(self, item: Said) -> None:
        self.line = item.line
        report = self.writer.report
        if item.sources:
            already = sum(self._known.counts[source] for source in item.sources)
            report.skipped += already
            missing = item.without(self._known.seqs)
            if missing is None:
                return
            item = missing
        found = self._read(item)
        if found is None:
            return
        self._passed += len(found)
        if self.begun.whole:
            found = self._behind_stored(found)
        report.new += len(found)
        report.repaired += len(found) if item.repaired else 0
        self._wait(found)

    def _read(self, item: Said) -> list[Message] | None:
        """The messages of a payload; one that has not the shape of any is kept as a record."""
        try:
            return messages.read(item.payload, limits=base.LIMITS)
        except errors.InvalidRequest as error:
            self.writer.warn(item.line, f"kept as a record, not as a message: {error}")
            source = item.sources[0] if item.sources else f"line:{item.line}"
            self._keep(Kept(source, item.payload))
            return None

    def _behind_stored(self, found: list[Message]) -> list[Message]:
        """The messages that are not stored yet. Raises _Refused where file and store differ."""
        for index, message in enumerate(found):
            stored = next(self._old, None)
            if stored is None:
                return found[index:]
            if stored.body and (stored.role, stored.body) != (
                message.role,
                messages.encode(message),
            ):
                raise _Refused(f"message {stored.seq} is not the one that stands in the file")
            self.writer.report.skipped += 1
        return []

    def _wait(self, found: list[Message]) -> None:
        if self.writer.dry_run or not found:
            return
        if len(self._batch) + len(found) > BATCH or self._batch_bytes > BATCH_BYTES:
            self._flush()
        for message in found:
            prepared = preparing.prepared(message)
            self._batch.append(prepared)
            self._batch_bytes += len(prepared.body)

    def _keep(self, item: Kept) -> None:
        if item.unknown:
            self.writer.report.unknown += 1
        if item.source in self._known.events or self.writer.dry_run:
            return
        self._records.append({"source": item.source, "record": item.record})
        self._record_bytes += len(orjson.dumps(item.record))
        if len(self._records) >= RECORDS or self._record_bytes > RECORD_BYTES:
            self._flush()
            self._flush_records()

    # -- writing ---------------------------------------------------------------------------

    def _flush(self) -> None:
        if not self._batch or self._stored is None:
            return
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        store, project = self.writer.store, self.writer.project
        done = self._at_version(partial(store.append, project, self._stored.id, batch))
        self._version = done.version

    def _flush_records(self) -> None:
        if self._records:
            records, self._records, self._record_bytes = self._records, [], 0
            self._note("imported_records", {"records": records})

    def _note(self, kind: str, data: dict[str, Any]) -> None:
        if self.writer.dry_run or self._stored is None:
            return
        store, project = self.writer.store, self.writer.project
        done = self._at_version(partial(store.note, project, self._stored.id, kind, data))
        self._version = done.session.version
        if kind == "imported_summary":
            self.writer.report.compacted.append(str(self._stored.id))

    def _at_version(self, change: Callable[[Guard], _Done]) -> _Done:
        """The change at the version the session was left at. That a worker folded meanwhile or an
        agent had the lease says nothing new, so it is tried again behind that."""
        for _ in range(TRIES):
            try:
                return change(Guard(self._version))
            except errors.StaleVersion as stale:
                missed = stale.details["missed"]
                told = {entry.get("kind") for entry in missed}
                current = int(stale.details["current_version"])
                if not told <= OF_OTHERS or len(missed) < current - self._version:
                    raise
                self._version = current
        return change(Guard(self._version))


# -- what is there already ---------------------------------------------------------------------


def known(store: DurableStore, session: Snapshot) -> Known:
    """The sources of what a session holds. Messages that an import retracted itself, because
    their branch was left, count as absent: the branch may be taken up again."""
    found = Known(session.id)
    hidden = _learn_events(found, _events(store, session))
    _learn_messages(found, _stored_messages(store, session), hidden)
    return found


def _read_on(store: DurableStore, session: Snapshot, found: Known) -> bool:
    """Learns what came since; False when something was hidden, then it must be read anew."""
    if _learn_events(found, _events(store, session, found.version)):
        return False
    _learn_messages(found, _stored_messages(store, session, found.seq))
    return True


def _learn_events(
    found: Known, events: Iterator[tuple[int, str, dict[str, Any]]]
) -> list[tuple[int, int]]:
    """Returns what was hidden because its branch was left."""
    hidden: list[tuple[int, int]] = []
    for version, kind, data in events:
        found.version = version
        if kind == "retracted" and data.get("reason") == BRANCH_LEFT:
            hidden.append((data["from"], data["to"]))
        for source in _event_sources(kind, data):
            found.events.add(source)
            found.versions[source] = version
    return hidden


def _learn_messages(
    found: Known, messages: Iterator[StoredMessage], hidden: Sequence[tuple[int, int]] = ()
) -> None:
    for stored in messages:
        found.seq = stored.seq
        if '"source"' not in stored.body or any(a <= stored.seq <= b for a, b in hidden):
            continue
        sources = base.sources_of(orjson.loads(stored.body).get("metadata"))
        found.counts.update(sources[:1])
        for source in sources:
            found.versions[source] = stored.version
            found.seqs.setdefault(source, []).append(stored.seq)


def _by_id(store: DurableStore, project: int, session: UUID) -> Snapshot | None:
    try:
        return store.get(project, session)
    except errors.NotFound:
        return None


def _events(
    store: DurableStore, session: Snapshot, version: int = 0
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    while page := store.events(session, after=version, limit=PAGE):
        for event in page:
            yield event.version, event.kind, orjson.loads(event.data or "{}")
        version = page[-1].version


def _event_sources(kind: str, data: dict[str, Any]) -> list[str]:
    if kind == "imported_records":
        return [record["source"] for record in data.get("records", ())]
    if kind in ("imported_boundary", "imported_summary"):
        return [data["source"]] if "source" in data else []
    return []


def _stored_messages(
    store: DurableStore, session: Snapshot, seq: int = 0
) -> Iterator[StoredMessage]:
    while page := store.messages(session, Window(after=seq, limit=PAGE, octets=PAGE_OCTETS)):
        yield from page
        seq = page[-1].seq


def _ranges(seqs: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for seq in seqs:
        if runs and seq == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], seq)
        else:
            runs.append((seq, seq))
    return runs
