"""Reading the log: session rows, windows of messages, events, the state at a version."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from sessions_app.core import errors, instants, replay
from sessions_app.core.chain import Linked
from sessions_app.core.entries import StoredEvent, StoredMessage
from sessions_app.core.held import Held, Name, Stamp
from sessions_app.core.logbook import LogEntry, LogEvent, LogMessage
from sessions_app.core.replay import Entry, State
from sessions_app.store import statements as sql
from sessions_app.store.base import PAGE_OCTETS, InEpoch, Snapshot, Window
from sessions_app.store.database import Database, Row
from sessions_app.store.packed import whole

NO_END = 2**62
ALL = 2**31
MOST_MARKS = 500


def _version(entry: LogEntry) -> int:
    return entry.version


def _stored(rows: Sequence[Row]) -> list[StoredMessage]:
    """StoredMessage._make of each, without a Python call for each: it shows in a read of 20."""
    return list(map(tuple.__new__, repeat(StoredMessage), rows))


def _log_message(row: Row) -> LogMessage:
    values = list(row)
    values[5:7] = map(bool, row[5:7])
    values[8:10] = map(bytes, row[8:10])
    return LogMessage(*values)


def _log_event(row: Row) -> LogEvent:
    values = list(row)
    values[2] = bool(row[2])
    values[4:6] = map(bytes, row[4:6])
    return LogEvent(*values)


def snapshot(row: Row) -> Snapshot:
    """A Snapshot from the columns of SESSION_COLUMNS, whatever the driver made of them."""
    values = list(row)
    values[1] = _uuid(row[1])
    values[18] = bytes(row[18])
    values[24] = None if row[24] is None else _uuid(row[24])
    return Snapshot(*values)


def shown(row: Row | None, *, deleted: bool = False) -> Snapshot:
    """The session in `row`. Raises NotFound without one; SessionDeleted unless `deleted`."""
    if row is None:
        raise errors.NotFound("There is no such session in this project. Check its id.")
    found = snapshot(row)
    if found.status == "deleted" and not deleted:
        raise deleted_error(found)
    return found


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


class Reader:
    """The reading half of a store; it never writes and never takes a lock."""

    def __init__(self, alias: str = "default") -> None:
        self.db = Database(alias)

    def get(self, project: int, session: UUID, *, deleted: bool = False) -> Snapshot:
        """The session row. Raises NotFound; SessionDeleted unless `deleted`."""
        with self.db.reading():
            row = self.db.row(sql.SESSION_BY_ID, (session.hex, project))
        return shown(row, deleted=deleted)

    def get_in_epoch(self, project: int, session: UUID) -> InEpoch:
        """The session row with its epoch and newest event, read by one statement. Raises NotFound,
        SessionDeleted."""
        with self.db.reading():
            row = self.db.row(sql.SESSION_IN_EPOCH, (session.hex, project))
        if row is None:
            return InEpoch(shown(None), "")
        *columns, epoch, event = row
        return InEpoch(shown(tuple(columns)), epoch or "", bytes(event or b""))

    def find(self, project: int, key: str) -> Snapshot | None:
        """The session with the caller's `key`, deleted ones too, or None."""
        with self.db.reading():
            row = self.db.row(sql.SESSION_BY_KEY, (project, key))
        return snapshot(row) if row else None

    def messages(self, session: Snapshot, window: Window) -> list[StoredMessage]:
        """The messages of `window`, oldest first unless it says otherwise."""
        end = NO_END if window.at is None else self.messages_at(session, window.at) + 1
        with self.db.reading():
            if window.around is not None:
                found = self._around(session.number, window, end)
            elif window.before is not None or (window.newest_first and window.after is None):
                before = end if window.before is None else min(window.before, end)
                found = self._back(session.number, before, window.limit, window.octets)[::-1]
            else:
                after = window.after or 0
                found = self._from(session.number, after, end, window.limit, window.octets)
        return found[::-1] if window.newest_first else found

    def _from(
        self, number: int, after: int, end: int, limit: int, octets: int | None = None
    ) -> list[StoredMessage]:
        rows = self._page(sql.MESSAGES_FROM, (number, after, end, limit), octets)
        return _stored(whole(self.db, number, rows))

    def _back(
        self, number: int, end: int, limit: int, octets: int | None = None
    ) -> list[StoredMessage]:
        rows = self._page(sql.MESSAGES_BACK, (number, 0, end, limit), octets)
        return _stored(whole(self.db, number, rows))

    def _page(self, statement: str, params: tuple[int, ...], octets: int | None) -> list[Row]:
        if octets is None:
            return self.db.rows(statement, params)
        return self.db.rows_within(octets, statement, params)

    def _around(self, number: int, window: Window, end: int) -> list[StoredMessage]:
        anchor = window.around or 0
        older = self._back(number, min(anchor, end), window.limit // 2, window.octets)[::-1]
        rest = window.limit - len(older)
        return older + self._from(number, anchor - 1, end, rest, window.octets)

    def tail(self, number: int, end: int, limit: int) -> list[StoredMessage]:
        """The newest `limit` messages with seq < `end`, newest first."""
        with self.db.reading():
            return self._back(number, end, limit)

    def lines(self, number: int, end: int, limit: int) -> list[Row]:
        """(seq, role, turn, turn_start, tokens, tokens_total, form, body) of the newest `limit`
        messages with seq < `end`, newest first: what a context needs of them."""
        with self.db.reading():
            return whole(self.db, number, self.db.rows(sql.LINES_BACK, (number, end, limit)))

    def lines_with_digest(self, number: int, first: int, end: int, limit: int) -> list[Row]:
        """The same of those with first <= seq < end, each with its digest before the body."""
        with self.db.reading():
            rows = self.db.rows(sql.LINES_WITH_DIGEST, (number, first, end, limit))
            return whole(self.db, number, rows)

    def lines_from(self, number: int, after: int, end: int, limit: int) -> list[Row]:
        """The same of the first `limit` messages with after < seq <= end, oldest first."""
        with self.db.reading():
            rows = self.db.rows(sql.LINES_FROM, (number, after, end, limit))
            return whole(self.db, number, rows)

    def questions(self, number: int, end: int, limit: int) -> list[tuple[int, int]]:
        """(seq, version) of the newest `limit` user messages up to `end`, newest first: with each
        a turn begins."""
        with self.db.reading():
            rows = self.db.rows(sql.QUESTIONS_BACK, (number, end, limit))
        return [(int(seq), int(version)) for seq, version in rows]

    def question_after(self, number: int, seq: int) -> tuple[int, int] | None:
        """(seq, version) of the first user message behind a message; None behind the last one."""
        with self.db.reading():
            row = self.db.row(sql.QUESTION_ON, (number, seq))
        return (int(row[0]), int(row[1])) if row else None

    def lines_in(self, number: int, seqs: Sequence[int]) -> list[Row]:
        """The same of the messages with just these seqs, in order."""
        found: list[Row] = []
        with self.db.reading():
            for at in range(0, len(seqs), MOST_MARKS):
                some = seqs[at : at + MOST_MARKS]
                marks = ", ".join("?" * len(some))
                found += self.db.rows(sql.LINES_IN.format(marks=marks), (number, *some))
            return whole(self.db, number, found)

    def sizes_in(self, number: int, seqs: Sequence[int]) -> list[Row]:
        """(seq, tokens, tokens of all up to it) of the messages with just these seqs, in order."""
        # One parameter however many they are: hundreds of marks are a new statement each time.
        sqlite = self.db.is_sqlite
        some = orjson.dumps(list(seqs)).decode() if sqlite else list(seqs)
        among = sql.AMONG_SQLITE if sqlite else sql.AMONG_POSTGRES
        with self.db.reading():
            return self.db.rows(sql.SIZES_IN.format(among=among), (number, some))

    def estimated(self, number: int, first: int, last: int) -> list[tuple[int, int]]:
        """(seq, tokens) of the messages first..last whose tokens are an estimate, in order."""
        with self.db.reading():
            rows = self.db.rows(sql.ESTIMATED, (number, first, last))
        return [(int(seq), int(tokens)) for seq, tokens in rows]

    def tool_between(self, number: int, after: int, before: int) -> bool:
        """Whether a tool answered in one of the messages with after < seq < before."""
        with self.db.reading():
            return self.db.row(sql.TOOL_BETWEEN, (number, after, before)) is not None

    def picked(self, number: int, seqs: tuple[int, ...]) -> list[StoredMessage]:
        """The messages with just these seqs, in order."""
        if not seqs:
            return []
        marks = ", ".join("?" * len(seqs))
        with self.db.reading():
            rows = self.db.rows(sql.MESSAGES_IN.format(marks=marks), (number, *seqs))
            return _stored(whole(self.db, number, rows))

    def containing(
        self,
        session: Snapshot,
        text: str,
        *,
        after: int = 0,
        before: int = NO_END,
        limit: int = 50,
        newest_first: bool = False,
    ) -> list[StoredMessage]:
        """Messages with after < seq < before whose stored JSON may hold `text` literally, ignoring
        case; field names count too and any packed message may, so callers look again at the words.
        Fewer than `limit` where their bodies reach PAGE_OCTETS."""
        pattern = f"%{_any_case(like_escaped(orjson.dumps(text).decode()[1:-1]))}%"
        statement = sql.MESSAGES_CONTAINING_BACK if newest_first else sql.MESSAGES_CONTAINING
        with self.db.reading():
            params = (session.number, after, before, pattern, limit)
            rows = self.db.rows_within(PAGE_OCTETS, statement, params)
            return _stored(whole(self.db, session.number, rows))

    def events(
        self,
        session: Snapshot,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 50,
        octets: int | None = None,
    ) -> list[StoredEvent]:
        """Events with after < version < before, in order; with `octets` as a Window has them."""
        end = NO_END if before is None else before
        with self.db.reading():
            rows = self._page(sql.EVENTS, (session.number, after, end, limit), octets)
        return [StoredEvent(*row) for row in rows]

    def events_back(
        self, session: Snapshot, before: int, limit: int, octets: int | None = None
    ) -> list[StoredEvent]:
        """The newest `limit` events with version < `before`, newest first."""
        with self.db.reading():
            rows = self._page(sql.EVENTS_BACK, (session.number, 0, before, limit), octets)
        return [StoredEvent(*row) for row in rows]

    def entries_after(
        self, session: Snapshot, version: int, limit: int
    ) -> tuple[list[StoredMessage], list[StoredEvent]]:
        """The first `limit` messages and the first `limit` events after `version`."""
        seq = self.messages_at(session, min(version, session.version)) if version else 0
        said = self.messages(session, Window(after=seq, limit=limit))
        return said, self.events(session, after=version, limit=limit)

    def messages_at(self, session: Snapshot, version: int) -> int:
        """How many messages the session had at `version`. Raises VersionNotFound."""
        check_version(session, version)
        if version == session.version:
            return session.messages
        with self.db.reading():
            row = self.db.row(sql.EVENTS_UP_TO, (session.number, version))
        return version - int(row[0] if row else 0)

    def totals(self, number: int, seq: int) -> tuple[int, int, int]:
        """(tokens, turns, seq of the last user message) of messages 1..seq; zeros for 0."""
        if seq <= 0:
            return 0, 0, 0
        with self.db.reading():
            row = self.db.row(sql.TOTALS_AT, (number, seq))
        return (int(row[0]), int(row[1]), int(row[2])) if row else (0, 0, 0)

    def state(self, session: Snapshot, version: int | None = None) -> State:
        """The session's own state at a version (None: now). Raises VersionNotFound."""
        if version is not None:
            check_version(session, version)
        end = session.version if version is None else version
        events = self.events(session, before=end + 1, limit=ALL)
        return replay.replay(event.entry() for event in events)

    def prompt(self, session: Snapshot | InEpoch) -> Entry:
        """The event that holds the present system text and tools."""
        if isinstance(session, Snapshot):
            return _event(self, session, session.prompt_version)
        return _pointed_to(self, session).prompt

    def rules(self, session: InEpoch) -> str | None:
        """The rules of the session's policy as JSON text, or None where there is no such policy."""
        return _pointed_to(self, session).rules

    def overlay(self, session: Snapshot) -> State:
        """What is retracted and pinned now; costs nothing for a session without either."""
        if not session.overlay_version:
            return State()
        return _overlay(self, session.number, session.overlay_version)

    def overlaid(self, number: int, version: int) -> State:
        """The same of the session `number` whose row has this overlay version."""
        return _overlay(self, number, version) if version else State()

    def fold(self, session: Snapshot) -> State:
        """What is folded now; costs nothing for a session that was never compressed."""
        if not session.fold_version:
            return State()
        return replay.fold(State(), _event(self, session, session.fold_version))

    def present(self, known: Snapshot | InEpoch) -> State:
        """The present state from the row's pointers, without replaying all events; the details
        (title, metadata, tags) are not in it."""
        session = known if isinstance(known, Snapshot) else known.session
        pointed = _pointed_to(self, known)
        prompt, overlay = pointed.prompt.data, self.overlay(session)
        fold = State() if pointed.fold is None else replay.fold(State(), pointed.fold)
        return State(
            version=session.version,
            system=prompt.get("system"),
            tools=tuple(prompt.get("tools") or ()),
            system_tokens=int(prompt.get("system_tokens", 0)),
            tools_tokens=int(prompt.get("tools_tokens", 0)),
            policy=(session.policy_name, session.policy_version),
            retracted=overlay.retracted,
            pinned=overlay.pinned,
            folded=fold.folded,
            retained=fold.retained,
            summary=fold.summary,
            summary_tokens=fold.summary_tokens,
            compressions=session.compressions,
            facts=session.facts,
            fold_version=session.fold_version,
        )

    def active_tokens(self, number: int, state: State, end: tuple[int, int]) -> int:
        """What a session with this state would show: system text, tools, the summary, and all that
        is verbatim, retained or pinned. `end` is its last seq and the tokens up to it."""
        fixed = state.system_tokens + state.tools_tokens + state.summary_tokens
        pinned = [(seq, seq) for seq in state.pinned if seq <= state.folded]
        kept = replay.merge_ranges([*state.retained, *pinned]) if pinned else state.retained
        shown = [*kept, (state.folded + 1, end[0])]
        spans = list(replay.without(shown, state.retracted))
        totals = self.tokens_to(number, {seq for span in spans for seq in (span[0] - 1, span[1])})
        totals |= {0: 0, end[0]: end[1]}
        said = [totals.get(last, 0) - totals.get(first - 1, 0) for first, last in spans]
        return fixed + sum(said)

    def tokens_to(self, number: int, seqs: Collection[int]) -> dict[int, int]:
        """By seq: the tokens of the messages up to it; as many statements as hundreds of them."""
        found: dict[int, int] = {}
        wanted = sorted(seqs)
        with self.db.reading():
            for at in range(0, len(wanted), MOST_MARKS):
                some = wanted[at : at + MOST_MARKS]
                marks = ", ".join("?" * len(some))
                found.update(self.db.rows(sql.TOTALS_IN.format(marks=marks), (number, *some)))
        return found

    def log(self, session: Snapshot, *, page: int = 500) -> Iterator[LogEntry]:
        """Every entry up to the version of `session` with its proof, in version order; in memory
        are at most `page` messages and as many events, or PAGE_OCTETS of each."""
        return heapq.merge(
            self._log_messages(session, page), self._log_events(session, page), key=_version
        )

    def _log_messages(self, session: Snapshot, page: int) -> Iterator[LogMessage]:
        seq = 0
        while seq < session.messages:
            with self.db.reading():
                params = (session.number, seq, session.version, page)
                rows = self.db.rows_within(PAGE_OCTETS, sql.LOG_MESSAGES, params)
                rows = whole(self.db, session.number, rows)
            if not rows:
                raise errors.NotFound("The session was purged meanwhile.")
            yield from map(_log_message, rows)
            seq = rows[-1][0]
            del rows  # before the next are read, so that one page is in memory and not two

    def _log_events(self, session: Snapshot, page: int) -> Iterator[LogEvent]:
        version = 0
        while version < session.version:
            with self.db.reading():
                params = (session.number, version, session.version, page)
                rows = self.db.rows_within(PAGE_OCTETS, sql.LOG_EVENTS, params)
            if not rows:
                return
            yield from map(_log_event, rows)
            version = rows[-1][0]
            del rows

    def sessions(self, project: int, *, page: int = 200) -> Iterator[Snapshot]:
        """Every session of the project that is not deleted, in the order they were made."""
        number = 0
        while True:
            with self.db.reading():
                rows = self.db.rows(sql.SESSIONS_AFTER, (project, number, page))
            if not rows:
                return
            yield from map(snapshot, rows)
            number = rows[-1][0]

    def policy(self, project: int, name: str, version: int) -> tuple[int, str] | None:
        """(version, JSON text) of one version of a policy, or None."""
        with self.db.reading():
            row = self.db.row(sql.POLICY_DATA, (project, name, version))
        return (int(row[0]), str(row[1])) if row else None

    def policy_at(self, project: int, name: str, at: int | None = None) -> tuple[int, str] | None:
        """(version, JSON text) of what was the newest version of a policy at a time (None: now),
        or of its first; None when there is no such policy."""
        with self.db.reading():
            row = self.db.row(sql.POLICY_AT, (project, name, NO_END if at is None else at))
        return (int(row[0]), str(row[1])) if row else None

    def links(self, number: int, version: int) -> list[Linked]:
        """Digests of all entries up to `version`, in version order."""
        with self.db.reading():
            rows = self.db.rows(sql.LINKS, (number, version, number, version))
        return [Linked(row[0], bytes(row[1]), bool(row[2])) for row in rows]


class _PointedTo(NamedTuple):
    """What a session's row only points to: the event of its prompt, that of its newest fold (None:
    none), and the rules of its policy as JSON text (None: there is no such policy)."""

    prompt: Entry
    fold: Entry | None
    rules: str | None


MOST_HELD = 16 * 1024 * 1024
"""Octets of events and rules that a process holds, as text."""

# A version is not enough to know an event by: a database that was restored and went on has another
# one there. The newest event, in its epoch, is like no other, and so are all that came before it.
_held = Held[_PointedTo](MOST_HELD)


def _pointed_to(reader: Reader, known: Snapshot | InEpoch) -> _PointedTo:
    """Of a row without its epoch, and inside a transaction, whose end nobody knows, it is read."""
    if isinstance(known, Snapshot):
        return _read_pointed_to(reader, known)[0]
    session = known.session
    if reader.db.nested:
        return _read_pointed_to(reader, session)[0]
    name, stamp = Name(reader.db.alias, session.id), Stamp(known.epoch, known.event)
    held = _held.get(name, stamp)
    if held is None:
        held, octets = _read_pointed_to(reader, session)
        _held.put(name, stamp, held, octets)
    return held


def _read_pointed_to(reader: Reader, session: Snapshot) -> tuple[_PointedTo, int]:
    """And how many octets it is."""
    events = (session.number, session.prompt_version, session.fold_version)
    policy = (session.project, session.policy_name, session.policy_version)
    with reader.db.reading():
        rows = {row[0]: row for row in reader.db.rows(sql.POINTED_TO, (*events, *policy))}
    rules = rows.pop(-1, None)
    found = {version: StoredEvent(*row).entry() for version, row in rows.items()}
    prompt, fold = found.get(session.prompt_version), found.get(session.fold_version)
    if prompt is None or (session.fold_version and fold is None):
        raise errors.NotFound("The session was purged meanwhile.")
    octets = sum([len(row[3]) for row in rows.values()]) + (len(rules[3]) if rules else 0)
    return _PointedTo(prompt, fold, rules[3] if rules else None), octets


def _event(reader: Reader, session: Snapshot, version: int) -> Entry:
    with reader.db.reading():
        row = reader.db.row(sql.EVENT, (session.number, version))
    if row is None:
        raise errors.NotFound("The session was purged meanwhile.")
    return StoredEvent(*row).entry()


def forget_events() -> None:
    """Empties this process's memory of events: what was purged must not live on there."""
    _held.clear()


def _overlay(reader: Reader, number: int, version: int) -> State:
    with reader.db.reading():
        rows = reader.db.rows(sql.OVERLAY_EVENTS, (number, version, *replay.OVERLAY_KINDS))
    return replay.replay(StoredEvent(*row).entry() for row in rows)


def check_version(session: Snapshot, version: int) -> None:
    """Raises VersionNotFound unless 1 <= version <= the session's."""
    if not 1 <= version <= session.version:
        raise errors.VersionNotFound(param="at", current_version=session.version)


def deleted_error(session: Snapshot) -> errors.SessionDeleted:
    """The 410 of a deleted session, with the time it will be purged."""
    at = instants.render(session.purge_us) if session.purge_us else None
    return errors.SessionDeleted(purge_at=at)


def _any_case(pattern: str) -> str:
    """The pattern for a database that knows the case of ASCII letters only, as SQLite does and
    PostgreSQL may: any character stands for another letter that has one."""
    return "".join(
        "_" if not char.isascii() and char.lower() != char.upper() else char for char in pattern
    )


def like_escaped(text: str) -> str:
    """`text` for a LIKE pattern with backslash as its escape."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
