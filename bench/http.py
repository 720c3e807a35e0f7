"""Mixed calls at a fixed rate against `holdfast serve`, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from random import Random
from subprocess import PIPE
from threading import Thread
from urllib.parse import urlsplit

from bench import payload
from bench.ground import POSTGRES, SQLITE, Ground
from bench.measuring import percentile
from bench.report import Figure, Skipped

DATABASES = (SQLITE, POSTGRES)
RATE = 200
SESSIONS, MESSAGES = 20, 200
CLIENTS = 32
MOST_MS = 5.0
API = "/api/v1/sessions"
HEADERS = {"Content-Type": "application/json"}
APPEND, READ, CONTEXT = "append", "read of 20", "context of 8,000 tokens"
SHARES = {APPEND: 0.7, READ: 0.2, CONTEXT: 0.1}
ANNOUNCED = "Holdfast is at "


@dataclass(frozen=True)
class Done:
    """One call: seconds from when it was due, and what came back."""

    kind: str
    late: float
    took: float
    status: int
    durable: bool


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """An open loop: a call is due at its time whether or not others were answered, and what it
    waits for a free client counts."""
    if quick and database == POSTGRES:
        raise Skipped("only in a full run")
    seconds = 5 if quick else 20
    with served(ground.address(database)) as address:
        sessions = prepare(address)
        offered(address, sessions, 1)
        calls = offered(address, sessions, seconds)
    named = f"HTTP, {RATE} calls a second for {seconds} s"
    yield figure(named, database, calls)
    yield refused(
        f"{named}, appends not answered `durable: true`, or failed calls", database, calls
    )


def figure(what: str, database: str, calls: list[Done]) -> Figure:
    p50, p99 = latency(calls, 0.5), latency(calls, 0.99)
    each = [
        f"{kind} {latency(calls, 0.5, kind):.2f} and {latency(calls, 0.99, kind):.2f} ms"
        for kind in SHARES
    ]
    late = percentile([call.late for call in calls], 0.99) * 1000
    how = f"{', '.join(each)}; the client itself {late:.2f} ms late at its p99"
    return Figure(what, database, p50, "ms", None, how, p99=p99, target_p99=MOST_MS)


def latency(calls: list[Done], share: float, kind: str | None = None) -> float:
    taken = [call.took for call in calls if kind in (None, call.kind)]
    return percentile(taken, share) * 1000


def refused(what: str, database: str, calls: list[Done]) -> Figure:
    bad = [call for call in calls if call.status >= 300 or not call.durable]
    statuses = sorted({call.status for call in bad})
    how = f"of {len(calls)} calls" + (f"; statuses {statuses}" if bad else "")
    return Figure(what, database, float(len(bad)), "calls", 0.0, how)


# -- the server --------------------------------------------------------------------------------


@contextmanager
def served(database: str) -> Iterator[str]:
    """The address (host:port) of a server on this database."""
    command = [sys.executable, "-m", "holdfast", "serve", "--port", "0", "--database", database]
    with serving(command, ANNOUNCED) as address:
        yield address


@contextmanager
def serving(
    command: list[str], announced: str, environment: dict[str, str] | None = None
) -> Iterator[str]:
    """The address that a server says behind `announced` when it is ready, until the block ends."""
    with subprocess.Popen(command, stdout=PIPE, text=True, env=environment) as process:
        try:
            yield _address(process, announced)
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str], announced: str) -> str:
    assert process.stdout
    for line in process.stdout:
        if line.startswith(announced):
            return urlsplit(line.removeprefix(announced).strip()).netloc
    raise RuntimeError(f"{process.args!r} ended before it said where it is.")


def prepare(address: str, sessions: int = SESSIONS, messages: int = MESSAGES) -> list[str]:
    """The ids of sessions with some messages; the server is warm after them."""
    with closing(HTTPConnection(address)) as connection:
        found = []
        for number in range(sessions):
            opened = answer(
                connection, "POST", API, {"key": f"http-{number}", "user": f"user-{number}"}
            )[1]
            found.append(str(opened["id"]))
            said = {"messages": [payload.message(index) for index in range(messages)]}
            status, refusal = answer(connection, "POST", f"{API}/{found[-1]}/messages", said)
            assert status == 201, refusal
    return found


def answer(
    connection: HTTPConnection, method: str, path: str, body: object = None
) -> tuple[int, dict[str, object]]:
    raw = None if body is None else json.dumps(body).encode()
    connection.request(method, path, raw, HEADERS)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


# -- the clients -------------------------------------------------------------------------------


def offered(address: str, sessions: Sequence[str], seconds: int) -> list[Done]:
    """Every call of a plan, each made by whichever client is free when it is due."""
    random = Random(seconds)
    kinds = random.choices(list(SHARES), list(SHARES.values()), k=RATE * seconds)
    plan = [(kind, random.choice(sessions)) for kind in kinds]
    numbers, done = count(), list[Done]()
    begin = time.perf_counter() + 0.1

    def client() -> None:
        with closing(HTTPConnection(address)) as connection:
            while (number := next(numbers)) < len(plan):
                due = begin + number / RATE
                time.sleep(max(0.0, due - time.perf_counter()))
                done.append(call(connection, plan[number], number, due))

    clients = [Thread(target=client) for _ in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert len(done) == len(plan), "a client ended early"
    return done


def call(connection: HTTPConnection, planned: tuple[str, str], number: int, due: float) -> Done:
    kind, session = planned
    late = time.perf_counter() - due
    path = f"{API}/{session}"
    if kind == APPEND:
        said = payload.message(number)
        status, found = answer(connection, "POST", f"{path}/messages", said)
    elif kind == READ:
        status, found = answer(connection, "GET", f"{path}/messages?limit=20&order=desc")
    else:
        status, found = answer(connection, "GET", f"{path}/context?tokens=8000")
    durable = kind != APPEND or found.get("durable") is True
    return Done(kind, late, time.perf_counter() - due, status, durable)
