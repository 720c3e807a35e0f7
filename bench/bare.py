"""HTTP appends and reads against a bare uvicorn application (`bench/bare_app.py`), both servers as
processes of their own, with 1 and with 16 clients."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count

from bench import payload
from bench.bare_app import ANNOUNCED
from bench.clients import Clients, request
from bench.crowding import Runs, rounds
from bench.ground import SQLITE, Ground
from bench.http import API, prepare, served, serving
from bench.report import Figure

DATABASES = (SQLITE,)
CLIENTS, FILLED = (1, 16), 40
BARE, OURS = "bare", "Holdfast"
APPEND, READ = "append", "read of 20"
# Reads first: behind appends the search index is at work for a while.
LEAST = {(READ, 1): 0.25, (READ, 16): 0.14, (APPEND, 1): 0.33, (APPEND, 16): 0.33}


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Calls a second over the bare application's, in rounds of a fixed time by turns. Each client
    has a session of its own and asks again once it is answered."""
    with ExitStack() as stack:
        ours = stack.enter_context(served(ground.address(database)))
        file = str(ground.folder / "bare.sqlite3")
        command = [sys.executable, "-m", "bench.bare_app", file]
        bare = stack.enter_context(serving(command, ANNOUNCED))
        # Few messages, so that the search index has soon followed.
        sessions = {address: prepare(address, max(CLIENTS), FILLED) for address in (bare, ours)}
        for (verb, number), least in LEAST.items():
            named = {BARE: bare, OURS: ours}
            crowds = {
                name: Clients(address, [*_asked(verb, address, sessions[address][:number])])
                for name, address in named.items()
            }
            length, seconds = (2, 0.3) if quick else (5, 2.0)
            taken = rounds(crowds, number=length, seconds=seconds)
            for crowd in crowds.values():
                crowd.close()
            yield _figure(verb, number, taken, least)


def _asked(verb: str, address: str, sessions: list[str]) -> Iterator[Iterator[bytes]]:
    for session in sessions:
        path = f"{API}/{session}/messages"
        if verb == READ:
            yield _again([request("GET", address, f"{path}?limit=20&order=desc")])
        else:
            said = [payload.message(kind) for kind in range(2 * payload.KINDS)]
            yield _again([request("POST", address, path, message) for message in said])


def _again(requests: list[bytes]) -> Iterator[bytes]:
    return (requests[number % len(requests)] for number in count())


def _figure(verb: str, number: int, taken: dict[str, Runs], least: float) -> Figure:
    ours, bare = taken[OURS], taken[BARE]
    clients = "1 client" if number == 1 else f"{number} clients"
    told = ", ".join(
        f"{name} {runs.rate:,.0f} a second, p50 {runs.percentile(0.5):.2f} and p99 "
        f"{runs.percentile(0.99):.2f} ms, of which the client's {runs.own_share:.0%}"
        for name, runs in taken.items()
    )
    named = f"HTTP, {verb}, {clients}, calls a second over a bare uvicorn application"
    samples = {name: runs.as_json() for name, runs in taken.items()}
    ratio = ours.rate / bare.rate
    return Figure(named, SQLITE, ratio, "x", least, told, samples, at_least=True)
