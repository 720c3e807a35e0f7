"""A history: every call with its times and its class, what was done to the servers meanwhile, and
what they hold at the end. Plain data, one JSON object a line, so that it can be judged once more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"
"""How a call ended: done, certainly not applied, or nobody knows."""
GAVE_UP, LOST, UNREACHED = "gave_up", "lost", "unreached"
"""Codes of calls without an answer: the caller did not wait for it, the connection broke, there
was none."""
WRITES = ("append", "open", "edit", "retract", "pin", "fact", "lease")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call. `op` is what it is an attempt of: what is sent again under one idempotency key has
    one `op`, which is also the key and stands in what is stored. Times are seconds of one clock.

    `asked` and `answer` hold what the rules need of request and answer: `texts`, `rows`, `version`,
    `digest`; `body` is the digest of a good answer's bytes.
    """

    op: str
    who: str
    kind: str
    session: str
    node: int
    invoked: float
    completed: float
    outcome: str
    status: int = 0
    code: str = ""
    keyed: bool = False
    expected: int | None = None
    asked: Json = field(default_factory=dict)
    answer: Json = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What was done to the servers, until they were well again. `harms`: whether callers may meet
    an error of the server meanwhile; a worker or a cache that dies is nobody's error."""

    kind: str
    target: str
    began: float
    ended: float
    harms: bool


class Said(NamedTuple):
    """A message of a log; `text` is the name it was sent under, if it is whole."""

    seq: int
    version: int
    text: str


class Happened(NamedTuple):
    """An event of a log; `data` has what the rules need: the op that asked for it, and its span."""

    version: int
    kind: str
    data: Json


@dataclass(frozen=True, slots=True)
class Log:
    """A session as it stands at the end, by both of its streams."""

    version: int
    messages: tuple[Said, ...]
    events: tuple[Happened, ...] = ()


class Source(NamedTuple):
    """A message that something derived rests on; `quote` is "" where the place alone is named."""

    session: str
    seq: int
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Derived:
    """A row that was made from messages: a fact, or a summary over a range; `op` of who asked for
    it, "" where nobody did; `version` of the event that it came with, 0 for none."""

    kind: str
    id: str
    session: str
    sources: tuple[Source, ...]
    op: str = ""
    version: int = 0


@dataclass(frozen=True)
class History:
    """All of a run. `opened` has the ids of the sessions under each name, `problems` what `holdfast
    verify` said at the end."""

    attempts: tuple[Attempt, ...]
    faults: tuple[Fault, ...] = ()
    logs: Mapping[str, Log] = field(default_factory=dict)
    opened: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    derived: tuple[Derived, ...] = ()
    problems: tuple[str, ...] = ()


# -- one JSON object a line --------------------------------------------------------------------


def save(history: History, path: Path) -> None:
    """Writes the history, one line a thing."""
    with path.open("w") as file:
        for line in _lines(history):
            file.write(json.dumps(line) + "\n")


def _lines(history: History) -> Iterable[Json]:
    for kind, things in (
        ("attempt", history.attempts),
        ("fault", history.faults),
        ("derived", history.derived),
    ):
        yield from ({"line": kind, **asdict(thing)} for thing in things)
    for session, log in history.logs.items():
        yield {"line": "log", "session": session, **asdict(log)}
    for key, ids in history.opened.items():
        yield {"line": "opened", "key": key, "ids": ids}
    yield from ({"line": "problem", "text": text} for text in history.problems)


def load(path: Path) -> History:
    """The history that was saved there."""
    found: dict[str, list[dict[str, Any]]] = {}
    with path.open() as file:
        for line in map(json.loads, file):
            found.setdefault(line.pop("line"), []).append(line)
    return History(
        tuple(Attempt(**line) for line in found.get("attempt", ())),
        tuple(Fault(**line) for line in found.get("fault", ())),
        {line["session"]: _log(line) for line in found.get("log", ())},
        {line["key"]: tuple(line["ids"]) for line in found.get("opened", ())},
        tuple(_derived(line) for line in found.get("derived", ())),
        tuple(line["text"] for line in found.get("problem", ())),
    )


def _log(line: Json) -> Log:
    messages = tuple(Said(*row) for row in line["messages"])
    return Log(line["version"], messages, tuple(Happened(*row) for row in line["events"]))


def _derived(line: Json) -> Derived:
    return Derived(**{**line, "sources": tuple(Source(*source) for source in line["sources"])})
