"""One run: clients against servers to which things are done, and the history of it all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.faults import calls, nemeses, nodes, system
from tests.faults.clients import (
    BUDGETS,
    NAMES,
    PATIENCE,
    PAUSE,
    Agent,
    Client,
    Journal,
    Reader,
    World,
    Writer,
    join,
)
from tests.faults.history import (
    GAVE_UP,
    OK,
    UNKNOWN,
    WRITES,
    Attempt,
    Derived,
    Fault,
    Happened,
    History,
    Log,
    Said,
    Source,
)
from tests.faults.system import System

SESSIONS = 5
POLICY = {"window": 6_000, "reserve": 1_000}
"""So small that sessions are compressed all the time."""
PAGE = 500
MOST_AGAIN = 60
KEPT = ("from", "to", "seq", "action")
GRANTED = ("acquired", "taken_over")


@dataclass(frozen=True)
class Plan:
    """What a run does. It ends when its steps are done and `writes` more have gone well; `bugs` are
    some of `seeded.BUGS`, `prepare` is called when the tables are there."""

    seed: int
    database: str = system.SQLITE
    steps: Sequence[nemeses.Step] = ()
    writers: int = 16
    readers: int = 3
    agents: int = 3
    writes: int = 100
    bugs: Sequence[str] = ()
    prepare: Callable[[System], None] | None = None


def run(plan: Plan, folder: Path, say: Callable[[str], None] = lambda _: None) -> History:
    """Does what is planned and returns what happened. Raises ServerMissing."""
    with system.running(plan.database, folder, plan.bugs) as ground:
        if plan.prepare is not None:
            plan.prepare(ground)
        journal = Journal()
        world = World(ground.ports, *_sessions(ground), journal)
        faults = _suffered(plan, ground, world, say)
        history = _collected(ground, world)
    return replace(history, faults=tuple(faults), attempts=tuple(journal.attempts))


def _sessions(ground: System) -> tuple[list[str], str]:
    """The sessions of a run, the hot one first, and the one for leases."""
    port = ground.ports[0]
    nodes.call(port, "PUT", "/api/v1/policies/small", POLICY)
    return [_opened(port, f"session-{n}") for n in range(SESSIONS)], _opened(port, "leased")


def _opened(port: int, key: str) -> str:
    status, answer = nodes.call(port, "POST", "/api/v1/sessions", {"key": key, "policy": "small"})
    assert status == 201, answer
    return str(answer["id"])


def _suffered(plan: Plan, ground: System, world: World, say: Callable[[str], None]) -> list[Fault]:
    """Clients at work while the steps are done, to the end of both."""
    faults = []
    clients = [
        *(Writer(f"w{number}", world, str(plan.seed)) for number in range(plan.writers)),
        *(Reader(f"r{number}", world, str(plan.seed)) for number in range(plan.readers)),
        *(Agent(f"a{number}", world, str(plan.seed)) for number in range(plan.agents)),
    ]
    for client in clients:
        client.start()
    try:
        for step in plan.steps:
            faults.append(nemeses.commit(step, ground, world.journal))
            say(f"{step.kind} {step.target}: {len(world.journal.attempts)} calls so far")
        assert world.journal.wait("writes", plan.writes, nemeses.PATIENCE), "nothing is written"
    finally:
        world.stopping.set()
        join(clients)
    return faults


# -- what is there at the end ------------------------------------------------------------------


def _collected(ground: System, world: World) -> History:
    """The logs by the first server, then by every server what a reader would be told, then what
    `holdfast verify` says of the database."""
    port = ground.ports[0]
    ground.worker.crash()
    # Before the logs: the servers' own workers may still compress, and what is there now stays.
    derived = [row for session in world.all for row in _derived(port, session, world)]
    logs = {session: _log(port, session) for session in world.all}
    opened = {key: _ids(port, key) for key in (f"opened-{number}" for number in range(NAMES))}
    _read_again(world)
    _wait_for_redis(ground, world)
    for server in ground.servers:
        server.crash()
    problems = nodes.verify(ground.database, ground.folder)
    return History((), (), logs, opened, tuple(derived), tuple(problems))


def _log(port: int, session: str) -> Log:
    """Both streams of a session while it rests: its own worker may still compress it."""
    place = f"/api/v1/sessions/{session}"
    while True:
        version = _got(port, place)["version"]
        events = [_happened(row) for row in _rows(port, f"{place}/events")]
        said = [_said(row) for row in _rows(port, f"{place}/messages")]
        if _got(port, place)["version"] == version:
            return Log(version, tuple(said), tuple(events))


def _said(row: Mapping[str, Any]) -> Said:
    return Said(row["seq"], row["version"], calls.name_of(row["content"]))


def _happened(row: Mapping[str, Any]) -> Happened:
    """An event with what the rules need. The op stands in the title of an edit, in the name of a
    new holder, in the reason of other changes."""
    data = row["data"]
    kept = {name: data[name] for name in KEPT if name in data}
    op = data.get("title") if row["kind"] == "details" else data.get("reason")
    if data.get("action") in GRANTED:
        op = data["holder"]
    return Happened(row["version"], row["kind"], {**kept, "op": op} if op else kept)


def _derived(port: int, session: str, world: World) -> Iterator[Derived]:
    asked = {each.op for each in world.journal.attempts if each.kind == "fact"}
    for row in _rows(port, f"/api/v1/facts?session={session}"):
        sources = tuple(_source(source) for source in row["sources"])
        op = row["text"] if row["text"] in asked else ""
        yield Derived("fact", row["id"], session, sources, op)
    for row in _rows(port, f"/api/v1/sessions/{session}/compressions"):
        if row["outcome"] == "applied":
            ends = tuple(Source(session, seq) for seq in row["range"])
            yield Derived("summary", row["id"], session, ends, version=row["version"])


def _source(source: Mapping[str, Any]) -> Source:
    return Source(source["session"], source["seq"], source["quote"].partition(" ")[0])


def _ids(port: int, key: str) -> tuple[str, ...]:
    return tuple(row["id"] for row in _rows(port, f"/api/v1/sessions?key={key}"))


def _rows(port: int, path: str) -> Iterator[Mapping[str, Any]]:
    """All that a list has, page by page."""
    path += ("&" if "?" in path else "?") + f"limit={PAGE}"
    after = ""
    while True:
        page = _got(port, path + after)
        yield from page["data"]
        if page["next"] is None:
            return
        after = f"&after={page['next']}"


def _got(port: int, path: str) -> dict[str, Any]:
    status, answer = nodes.call(port, "GET", path)
    assert status == 200, answer
    return answer


def _read_again(world: World) -> None:
    """The whole of every log by every server, and the contexts that somebody was given."""
    client = Client("end", world.ports, world.journal)
    known = _contexts(world.journal.attempts)
    for node in range(len(world.ports)):
        for session in world.all:
            client.attempt("end", calls.state(session), node)
            _read_all(client, session, node)
        for session, tokens, version in known:
            client.attempt("again", calls.context(session, tokens, {"at": version}), node)


def _wait_for_redis(ground: System, world: World) -> None:
    """Until the servers keep something in Redis, as they do again some seconds after whatever was
    done to it."""
    client, deadline = Client("end", world.ports, world.journal), time.monotonic() + PATIENCE
    while ground.redis is not None and not nemeses.kept_in_redis(ground.redis):
        assert time.monotonic() < deadline, "nothing is kept in Redis any more"
        for node in range(len(world.ports)):
            client.attempt("end", calls.context(world.sessions[0], BUDGETS[0], {}), node)
        time.sleep(PAUSE)


def _read_all(client: Client, session: str, node: int) -> None:
    after, more = 0, True
    while more:
        read = client.attempt(
            "end", calls.messages("log", session, {"after": after, "limit": PAGE}), node
        )
        more = bool(read.answer.get("more"))
        after = read.answer["rows"][-1][0] if more else after


def _contexts(attempts: Sequence[Attempt]) -> list[tuple[str, int, int]]:
    """(session, tokens, version) of contexts that were given, from all over the run."""
    given = [each for each in attempts if each.kind == "context" and each.outcome == OK]
    places = [(each.session, each.asked["tokens"], each.answer["version"]) for each in given]
    unique = list(dict.fromkeys(places))
    return unique[:: max(1, len(unique) // MOST_AGAIN)]


# -- whether it means anything -----------------------------------------------------------------


def coverage(history: History) -> Counter[str]:
    """How often happened what a run is for."""
    found: Counter[str] = Counter(fault.kind for fault in history.faults)
    writes: dict[str, list[Attempt]] = {}
    for each in history.attempts:
        if each.kind in WRITES:
            writes.setdefault(each.op, []).append(each)
        elif each.outcome == OK:
            found[f"read {each.kind}"] += 1
        found[f"status {each.status}"] += 1
        found["unknown"] += each.outcome == UNKNOWN
        found["fenced out"] += each.code == "lease_lost"
        found["taken as old"] += "max_stale" in each.asked and each.outcome == OK
        found["gave up"] += each.code == GAVE_UP
        found["asked again"] += each.op == "again" and each.outcome == OK
    for attempts in writes.values():
        good = sum(each.outcome == OK for each in attempts)
        found[f"acknowledged {attempts[0].kind}"] += bool(good)
        found["answered twice"] += good > 1
        found["unknown, then done"] += good > 0 and any(e.outcome == UNKNOWN for e in attempts)
        found["stale"] += any(each.code == "stale_version" for each in attempts)
    found["summaries"] = sum(row.kind == "summary" for row in history.derived)
    return found
