"""Transcripts of Claude Code: JSONL under `projects/`, a record a line, linked to its parent.

What becomes what:

- What the model saw is a message. The records of one answer (one per content block, the same
  message id) are one message; results become `tool` messages. Records the harness wrote in the
  user's name (`isMeta`, output of local commands) are messages too, with author `harness`.
- A compact boundary is an `imported_boundary` event and the summary an `imported_summary` event,
  at their place: nobody said them.
- Every other record (snapshots, progress, hooks, attachments, refused requests, records of a later
  release) is kept verbatim in `imported_records` events, and counted as unknown. The same goes for
  fields of a message that its metadata has no room for.
- The branch of the newest message is the session `claude-code:<sessionId>`. Any other branch is a
  fork of it, named by the record it begins with (`...:<uuid>`): the leaf would change as it grows.
- Sub-agents (side chains) are sessions of their own, `...:agent-<id>`, that name their parent.

Running it again: a message carries the uuids of its records in `metadata.source`, an event those
of its own. What is known by uuid is skipped, so a grown file adds what is new, an answer that was
still being written gets its missing blocks as a message behind it, and a run that was interrupted
goes on where it stopped. When somebody goes on from an earlier message after an import, the
messages of the branch left are retracted in the session (or fork), and the new ones appended.

One file is one session, or several when it holds several session ids and is named after none. A
resumed session that copies its history into a new file is a session of its own, complete as the
model saw it: the same uuids in two sessions are two copies on purpose.

Two passes: the first keeps of each record its place and links, the second reads records in the
order of the branches. So memory holds an index, never the texts. A transcript that is followed
keeps its index, and only what was added is read again.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sessions_app.core import instants
from sessions_app.importers import base, files, values
from sessions_app.importers.base import (
    Agent,
    Conversation,
    Fork,
    Item,
    Kept,
    Noted,
    Progress,
    Record,
    Said,
    Trouble,
    Unreadable,
    Warned,
)
from sessions_app.importers.branches import Branch, Knot, Place, Tree
from sessions_app.importers.files import Line, Source
from sessions_app.importers.shapes import moment, record_of, records_of, texts

name = "claude-code"
suffixes = (".jsonl",)
line_suffixes = suffixes

PROGRESS_BYTES = 1024 * 1024
PROGRESS_KNOTS = 100
MAX_NAMELESS = 1000
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
HARNESS_WORDS = (
    "<local-command-stdout>", "<local-command-stderr>", "<local-command-caveat>",
    "<bash-stdout>", "<bash-stderr>",
)  # fmt: skip
COMMAND_WORDS = ("<command-name>", "<command-message>", "<bash-input>")
ENVELOPE = frozenset(
    {
        "type", "uuid", "parentUuid", "sessionId", "timestamp", "message", "isSidechain",
        "userType", "agentId",
    }
)  # fmt: skip
SESSION_FIELDS = ("cwd", "version", "gitBranch", "entrypoint", "slug")
TITLE_FIELDS = {"custom-title": "customTitle", "summary": "summary"}


def find() -> list[Path]:
    """Every transcript in the places where Claude Code keeps them."""
    home = os.environ.get("CLAUDE_CONFIG_DIR")
    folder = (Path(home) if home else Path.home() / ".claude") / "projects"
    return [path for path, _, reason in files.found([folder], suffixes) if reason is None]


def holds(found: Any) -> bool:
    """Whether a value is a record of a transcript."""
    linked = isinstance(found, dict) and ("sessionId" in found or "parentUuid" in found)
    return linked and isinstance(found.get("type"), str)


def read(path: Path) -> Iterator[Item]:
    """The sessions of one transcript. Raises Unreadable for a file that cannot be used at all."""
    with files.opened(path) as source:
        yield from Growing(path, growing=False).items(source)


class Growing:
    """One transcript as far as it was read. `items` gives what was added since the last time; a
    last line that is not complete is left for the next. `offset` is where that begins; `outgrown`
    tells that new lines change what earlier ones meant: nothing was given, read all anew."""

    def __init__(self, path: Path, *, growing: bool = True) -> None:
        self._index = _Index(path.name.partition(".")[0], growing=growing)
        self._told: dict[str, set[str]] = {}

    @property
    def offset(self) -> int:
        return self._index.offset

    @property
    def outgrown(self) -> bool:
        return self._index.outgrown

    def items(self, source: Source) -> Iterator[Item]:
        index = self._index
        yield from index.fill(source)
        if index.outgrown:
            return
        if index.sessions and not index.typed:
            raise Unreadable(0, "holds no records of a transcript")
        if source.broken:
            yield Trouble(index.lines, source.broken)
        yield from index.agents()
        for session in index.sessions.values():
            for chain in session.chains.values():
                yield from _Chain(source, session, chain, self._told).items()


# -- the first pass ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Records:
    """A chain of records: the session itself (`agent` None) or one of its sub-agents."""

    agent: str | None
    tree: Tree = field(default_factory=Tree)
    loose: list[Place] = field(default_factory=list)
    constants: Record = field(default_factory=dict)
    title: str = ""
    named: dict[str, str] = field(default_factory=dict)
    at: int | None = None
    prompt: str | None = None


@dataclass(slots=True)
class _Session:
    """What one session id stands for in this file."""

    id: str
    chains: dict[str | None, _Records] = field(default_factory=dict)
    side: dict[str, str] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    prompts: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return base.bounded_key(f"{name}:{self.id}")

    def chain(self, agent: str | None) -> _Records:
        return self.chains.setdefault(agent, _Records(agent))

    def sender_of(self, chain: _Records) -> str | None:
        """The uuid of the message that started a sub-agent, where the file tells."""
        call = self.results.get(chain.agent or "")
        if call is not None:
            return self.calls.get(call)
        return self.prompts.get(chain.prompt or "")


class _Index:
    """Places and links of all records of a file; `typed` tells that one of them names its type."""

    def __init__(self, stem: str, *, growing: bool) -> None:
        self.stem = stem
        self.sessions: dict[str, _Session] = {}
        self.lines = 0
        self.offset = 0
        self.outgrown = False
        self.typed = False
        self._growing = growing
        self._waiting: list[tuple[str, Record, Line]] = []
        self._seen: set[str] = set()
        self._own: str | None = None
        self._current: str | None = None

    def fill(self, source: Source) -> Iterator[Item]:
        """Reads on to the end of the file; yields what cannot be read, and how far it is."""
        told, repeated = self.offset, 0
        own = b'"%s"' % self.stem.encode()
        if self.offset == 0:
            self._find_own(source, own)
        for line in source.lines(self.offset, self.lines):
            if line.offset - told >= PROGRESS_BYTES:
                told = line.offset
                yield Progress(told, 2 * source.size)
            try:
                record = _record(line)
            except Unreadable as error:
                if self._growing and not line.ended:
                    break
                yield Trouble(error.line, error.reason)
                self._passed(line)
                continue
            self._passed(line)
            self.outgrown |= self._own is None and own in line.raw and self._is_named()
            repeated += not self._take(record, line)
        if not self._growing or self._current:
            self._place_all(None, self._waiting)
        if repeated:
            yield Warned(0, f"{repeated} records stand in the file twice; once is enough")

    def _passed(self, line: Line) -> None:
        """A last line may be whole before its end is written: then that end is still of it."""
        self.offset = line.end
        self.lines = line.number if line.ended or not self._growing else line.number - 1

    def _is_named(self) -> bool:
        return UUID.fullmatch(self.stem) is not None

    def _take(self, record: Record, line: Line) -> bool:
        """Places a record, once it is known where; False for one that was there before."""
        uuid = _uuid(record, line.raw)
        if uuid in self._seen:
            return False
        self._seen.add(uuid)
        self.typed |= isinstance(record.get("type"), str)
        self._waiting.append((uuid, record, line))
        session = self._session_of(record)
        if session is not None or len(self._waiting) >= MAX_NAMELESS:
            self._place_all(session, self._waiting)
        return True

    def _find_own(self, source: Source, own: bytes) -> None:
        """Whether the file is named after a session of its records; then all are of that one,
        also those copied from an earlier session. Mostly the first lines tell."""
        if self._is_named() and any(own in line.raw for line in source.lines()):
            self._own = self._current = self.stem

    def _place_all(self, session: _Session | None, waiting: list[tuple[str, Record, Line]]) -> None:
        """Places the records that waited for a session id; without any the file's name is one."""
        if waiting and session is None:
            self._current = self.stem
        for uuid, record, line in waiting:
            _place(session or self._session(self.stem), uuid, record, line)
        waiting.clear()

    def agents(self) -> Iterator[Agent]:
        """Which message sent which sub-agent, for transcripts of sub-agents in other files."""
        for session in self.sessions.values():
            for agent, call in session.results.items():
                if call in session.calls:
                    yield Agent(agent, session.calls[call])

    def _session_of(self, record: Record) -> _Session | None:
        """The session a record belongs to: its own id, or that of the record before it."""
        own = record.get("sessionId")
        if isinstance(own, str) and own:
            self._current = self._own or own
        return self._session(self._current) if self._current else None

    def _session(self, session: str) -> _Session:
        return self.sessions.setdefault(session, _Session(session))


def _record(line: Line) -> Record:
    value, _ = values.of_line(line)
    if not isinstance(value, dict):
        raise Unreadable(line.number, "is not a JSON object")
    return value


def _uuid(record: Record, raw: bytes) -> str:
    """The id of a record: its own, or one made of its content."""
    own = record.get("uuid")
    if isinstance(own, str) and own:
        return own
    return hashlib.sha256(raw).hexdigest()[:24]


def _place(session: _Session, uuid: str, record: Record, line: Line) -> None:
    """Puts a record where it belongs in its chain."""
    chain = session.chain(_agent_of(session, uuid, record))
    place = (uuid, line.number, line.offset)
    _learn(chain, uuid, record)
    kind = _kind(record)
    parent = _text(record.get("parentUuid")) or _text(record.get("logicalParentUuid"))
    if kind == "record":
        chain.tree.pass_through(uuid, parent)
        chain.loose.append(place)
    elif kind in ("boundary", "summary"):
        knot = chain.tree.parent_knot(parent) or chain.tree.last
        chain.tree.grow(knot, place, said=False)
    else:
        _tie(session, chain, record, place, parent)


def _tie(
    session: _Session,
    chain: _Records,
    record: Record,
    place: Place,
    parent: str | None,
) -> None:
    """Puts a message into the tree, with the answer or the calls it belongs to."""
    tree = chain.tree
    blocks = records_of(record["message"].get("content"))
    results = [block["tool_use_id"] for block in blocks if _is(block, "tool_result", "tool_use_id")]
    calls = [block for block in blocks if _is(block, "tool_use", "id")]
    answer = _answer(record)
    knot = tree.knot_of_answer(answer) or tree.knot_of_calls(results)
    if knot is None:
        knot = tree.grow(tree.parent_knot(parent), place, said=True)
    else:
        tree.join(knot, place)
    tree.answered.update(results)
    tree.remember(knot, answer, [call["id"] for call in calls])
    _learn_calls(session, record, place[0], calls)
    _learn_results(session, record, results)


def _learn(chain: _Records, uuid: str, record: Record) -> None:
    """What the session as a whole takes from its records."""
    for field_name in SESSION_FIELDS:
        if chain.constants.get(field_name) is None and _text(record.get(field_name)):
            chain.constants[field_name] = record[field_name]
    if chain.at is None:
        chain.at = moment(record.get("timestamp"))
    title = _text(record.get(TITLE_FIELDS.get(str(record.get("type")), "")))
    if title:
        chain.named[_text(record.get("leafUuid")) or ""] = title
    if not chain.title and _is_spoken(record):
        chain.title = base.title_from(_texts(record))
    if chain.prompt is None and record.get("type") == "user":
        chain.prompt = _fingerprint("\n".join(_texts(record)))


def _learn_calls(session: _Session, record: Record, uuid: str, calls: list[Record]) -> None:
    if record.get("isSidechain") is True:
        return
    for call in calls:
        session.calls[call["id"]] = uuid
        prompt = call["input"].get("prompt") if isinstance(call.get("input"), dict) else None
        if isinstance(prompt, str):
            session.prompts[_fingerprint(prompt)] = uuid


def _learn_results(session: _Session, record: Record, results: list[str]) -> None:
    told = record.get("toolUseResult")
    agent = _text(told.get("agentId")) if isinstance(told, dict) else None
    if agent and len(results) == 1:
        session.results[agent] = results[0]


def _agent_of(session: _Session, uuid: str, record: Record) -> str | None:
    """Which sub-agent a record is of; None for the session itself. Older releases mark side
    chains, but do not name them: those are known by their first record."""
    if record.get("isSidechain") is not True:
        return None
    parent = _text(record.get("parentUuid"))
    agent = _text(record.get("agentId")) or session.side.get(parent or "", uuid)
    session.side[uuid] = agent
    return agent


# -- the second pass ---------------------------------------------------------------------------


class _Part(NamedTuple):
    """One record of a message, read again."""

    uuid: str
    line: int
    record: Record
    mended: bool


class _Chain:
    """One session or sub-agent as items."""

    def __init__(
        self, source: Source, session: _Session, records: _Records, told: dict[str, set[str]]
    ) -> None:
        self.told = told
        self.source = source
        self.session = session
        self.records = records
        self.key = session.key
        if records.agent is not None:
            self.key = base.bounded_key(f"{session.key}:agent-{records.agent}")

    def items(self) -> Iterator[Item]:
        """The newest branch, all that is no message, then the other branches as forks."""
        spoken: list[Branch] = []
        silent: list[Knot] = []
        for branch in self.records.tree.branches():
            if any(knot.said for knot in branch.knots):
                spoken.append(branch)
            else:
                silent += branch.knots
        newest = spoken[0] if spoken else None
        yield from self._main(newest, silent)
        names: dict[int, str] = {id(newest): self.key}
        for branch in spoken[1:]:
            key = names[id(branch)] = base.bounded_key(f"{self.key}:{branch.first}")
            yield from self._fork(key, names.get(id(branch.of), self.key), branch)

    def _main(self, branch: Branch | None, silent: list[Knot]) -> Iterator[Item]:
        """The session itself, with the notes that stand on no branch."""
        told = self.told.setdefault(self.key, set())
        fresh = _fresh([*(branch.knots if branch else ()), *silent], told)
        loose = [place for place in self.records.loose if place[0] not in told]
        if fresh or loose:
            yield self._beginning(self._left(branch, told))
            yield from self._in_order(fresh, loose, told)

    def _fork(self, key: str, parent: str, branch: Branch) -> Iterator[Item]:
        told = self.told.setdefault(key, set())
        fresh = _fresh(branch.knots, told)
        if fresh:
            sources = branch.parts_at.sources if branch.parts_at else ()
            left = self._left(branch, told)
            yield Conversation(key=key, fork=Fork(parent, sources), left=left)
            yield from self._said(fresh, told)

    def _left(self, branch: Branch | None, told: set[str]) -> frozenset[str]:
        """What a session has no more, now that it stands on this branch; it counts as not told."""
        left = self.records.tree.aside(branch) if branch else frozenset()
        told -= left
        return left

    def _in_order(self, knots: list[Knot], places: list[Place], told: set[str]) -> Iterator[Item]:
        """Messages and notes, and between them, where they stood in the file, all other records."""
        loose = iter(places)
        waiting = next(loose, None)
        for number, knot in enumerate(knots):
            if number % PROGRESS_KNOTS == 0:
                yield Progress(len(knots) + number, 2 * len(knots))
            while waiting is not None and waiting[1] < knot.members[0][1]:
                yield self._kept(waiting)
                waiting = next(loose, None)
            yield from self._said((knot,), told)
        while waiting is not None:
            yield self._kept(waiting)
            waiting = next(loose, None)
        told.update(place[0] for place in places)

    def _kept(self, place: Place) -> Kept:
        uuid, line, offset = place
        return Kept(uuid, self._read(line, offset)[0])

    def _beginning(self, left: frozenset[str]) -> Conversation:
        records = self.records
        metadata: Record = {"imported_from": name, **records.constants}
        if records.agent is not None:
            metadata |= {"agent": records.agent, "parent_session": self.session.key}
            sender = self.session.sender_of(records)
            if sender:
                metadata["parent_message"] = sender
        return Conversation(
            key=self.key,
            title=self._title(),
            metadata=metadata,
            at=records.at,
            left=left,
            agent=records.agent,
        )

    def _title(self) -> str:
        named = self.records.named
        own = [title for leaf, title in named.items() if not leaf or self.records.tree.knows(leaf)]
        return base.title_from([*reversed(own), self.records.title])

    def _said(self, knots: Sequence[Knot], told: set[str]) -> Iterator[Item]:
        for knot in knots:
            if knot.said:
                yield from self._messages(knot)
            else:
                yield self._note(knot)
            told.update(knot.sources)

    def _note(self, knot: Knot) -> Noted:
        uuid, line, offset = knot.members[0]
        record, _ = self._read(line, offset)
        kind = _kind(record)
        told = record.get("compactMetadata")
        numbers = told if isinstance(told, dict) else {}
        data: Record = {
            "source": uuid,
            "at": _text(record.get("timestamp")),
            "trigger": numbers.get("trigger"),
            "pre_tokens": numbers.get("preTokens"),
            "summary": "\n".join(_texts(record)) if kind == "summary" else None,
        }
        if kind == "boundary":
            data["record"] = record
        found = {field_name: value for field_name, value in data.items() if value is not None}
        return Noted(f"imported_{kind}", uuid, found)

    def _messages(self, knot: Knot) -> Iterator[Item]:
        """The answer of a knot as one message, then what followed it in the file."""
        answer: list[_Part] = []
        others: list[_Part] = []
        for uuid, line, offset in knot.members:
            record, mended = self._read(line, offset)
            part = _Part(uuid, line, record, mended)
            (answer if record["type"] == "assistant" else others).append(part)
        if answer:
            yield from self._message(answer)
        for part in others:
            yield from self._message([part])

    def _message(self, parts: list[_Part]) -> Iterator[Item]:
        sources = tuple(part.uuid for part in parts)
        records = [part.record for part in parts]
        repaired = any(part.mended for part in parts)
        payload, spans = _merged(records)
        extra: Record = {}
        for record in records:
            extra |= self._extra(record)
        yield from base.said(Said(payload, sources, spans, parts[0].line, repaired), extra)

    def _extra(self, record: Record) -> Record:
        """The fields around a message, without those that the session has as a whole."""
        constants = self.records.constants
        return {
            field_name: value
            for field_name, value in record.items()
            if field_name not in ENVELOPE
            and (field_name not in constants or constants[field_name] != value)
        }

    def _read(self, line: int, offset: int) -> tuple[Record, bool]:
        record, mended = values.of_bytes(self.source.line_at(offset), line)
        return record, mended


def _fresh(knots: Sequence[Knot], told: set[str]) -> list[Knot]:
    """The knots with a record that was not told yet."""
    return [knot for knot in knots if not told.issuperset(knot.sources)]


def _merged(records: list[Record]) -> tuple[Record, tuple[int, ...]]:
    """One payload of the records of one message, and how many blocks each of them gave."""
    payload: Record = dict(records[0]["message"])
    payload["role"] = records[0]["type"]
    spans: tuple[int, ...] = ()
    if payload["role"] == "assistant":
        blocks = [_as_blocks(record["message"].get("content")) for record in records]
        spans = tuple(map(len, blocks))
        last = {key: value for key, value in records[-1]["message"].items() if value is not None}
        payload |= {**last, "role": "assistant", "type": "message"}
        payload["content"] = [block for given in blocks for block in given]
    elif _is_of_harness(records[0]):
        payload["author"] = "harness"
    at = moment(records[0].get("timestamp"))
    if at is not None:
        payload["created_at"] = instants.render(at)
    return payload, spans


def _as_blocks(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def _kind(record: Record) -> str:
    """`message`, `boundary`, `summary`, or `record` for all that is none of them."""
    kind = record.get("type")
    if kind == "system" and record.get("subtype") == "compact_boundary":
        return "boundary"
    if kind not in ("user", "assistant") or not isinstance(record.get("message"), dict):
        return "record"
    if record.get("isCompactSummary") is True:
        return "summary"
    unseen = record.get("isApiErrorMessage") is True or record.get("isVisibleInTranscriptOnly")
    return "record" if unseen is True else "message"


def _is_of_harness(record: Record) -> bool:
    if record.get("isMeta") is True:
        return True
    content = record["message"].get("content")
    return isinstance(content, str) and content.lstrip().startswith(HARNESS_WORDS)


def _is_spoken(record: Record) -> bool:
    """Whether a person's own words stand in this record."""
    if record.get("type") != "user" or _kind(record) != "message" or _is_of_harness(record):
        return False
    return not any(text.lstrip().startswith(COMMAND_WORDS) for text in _texts(record))


def _is(block: Record, kind: str, id_field: str) -> bool:
    return block.get("type") == kind and isinstance(block.get(id_field), str)


def _texts(record: Record) -> list[str]:
    return texts(record_of(record.get("message")).get("content"))


def _answer(record: Record) -> str | None:
    return _text(record["message"].get("id")) if record["type"] == "assistant" else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
