"""Holdfast inside a Django site on PostgreSQL: a plain view that calls the facade, against the same
view with one raw statement, under gunicorn and under uvicorn."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import cycle
from socket import create_server

import psycopg

from bench import payload
from bench.clients import Clients, request
from bench.crowding import Runs, rounds
from bench.ground import POSTGRES, Ground
from bench.guest_site.asgi import ANNOUNCED
from bench.http import serving
from bench.rawsql import BEGUN, TABLES
from bench.report import Figure, Skipped

DATABASES = (POSTGRES,)
CLIENTS, FILLED = (1, 16), 40
WSGI = "bench.guest_site.wsgi:application"
GUNICORN = {
    "gunicorn, 2 sync workers": ["--workers", "2"],
    "gunicorn, 4 threads": ["--worker-class", "gthread", "--threads", "4"],
}
UVICORN = "uvicorn, ASGI"
BARE, OURS, ASYNC = "bare", "ours", "async"


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Each server with the same views; clients ask again once they are answered."""
    address = ground.address(database)
    environment = {**os.environ, "BENCH_DATABASE": address}
    environment["DJANGO_SETTINGS_MODULE"] = "bench.guest_site.settings"
    _prepare(address, environment)
    command = [sys.executable, "-m", "bench.guest_site.asgi"]
    with serving(command, ANNOUNCED, environment) as place:
        yield from _of_server(UVICORN, place, quick=quick)
    if find_spec("gunicorn") is None:
        raise Skipped("gunicorn is not installed: `make bench-peers` has it")
    for name, options in GUNICORN.items():
        with _gunicorn(options, environment) as place:
            yield from _of_server(name, place, quick=quick)


def _prepare(address: str, environment: dict[str, str]) -> None:
    """The tables of the site, and the control's sessions beside them."""
    command = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
    subprocess.run(command, env=environment, check=True)
    with psycopg.connect(address) as connection:
        for statement in TABLES:
            connection.execute(statement.encode())
        for number in range(max(CLIENTS)):
            connection.execute(BEGUN.format(number).encode())


@contextmanager
def _gunicorn(options: list[str], environment: dict[str, str]) -> Iterator[str]:
    """A gunicorn that takes over a listening socket: a call made before it is ready waits."""
    command = [sys.executable, "-m", "gunicorn", *options, "--log-level", "warning"]
    command += ["--no-control-socket", WSGI]
    with create_server(("127.0.0.1", 0)) as listening:
        number, port = listening.fileno(), listening.getsockname()[1]
        command += ["--bind", f"fd://{number}"]
        with subprocess.Popen(command, env=environment, pass_fds=[number]) as process:
            try:
                yield f"127.0.0.1:{port}"
            finally:
                process.terminate()


def _of_server(name: str, address: str, *, quick: bool) -> Iterator[Figure]:
    length, seconds = (2, 0.3) if quick else (5, 1.5)
    _fill(address)
    for number in CLIENTS:
        for verb in ("append", "last"):
            kinds = [BARE, OURS]
            if name == UVICORN and verb == "append":
                kinds.append(ASYNC)
            crowds = {
                kind: Clients(address, [*_asked(address, f"{kind}/{verb}", number)])
                for kind in kinds
            }
            taken = rounds(crowds, number=length, seconds=seconds)
            for crowd in crowds.values():
                crowd.close()
            for kind in kinds[1:]:
                yield _figure((name, verb, kind, number), taken)


def _fill(address: str) -> None:
    """A few messages in each session, so that there are 20 to read."""
    for kind in (BARE, OURS):
        series = [*_asked(address, f"{kind}/append", max(CLIENTS))]
        filling = Clients(address, series)
        filling.once(FILLED)
        filling.close()


def _asked(address: str, path: str, number: int) -> Iterator[Iterator[bytes]]:
    for session in range(number):
        if path.endswith("append"):
            said = [payload.message(kind) for kind in range(2 * payload.KINDS)]
            yield cycle([request("POST", address, f"/{path}/{session}", one) for one in said])
        else:
            yield cycle([request("GET", address, f"/{path}/{session}")])


def _figure(what: tuple[str, str, str, int], taken: dict[str, Runs]) -> Figure:
    server, verb, kind, number = what
    ours, bare = taken[kind], taken[BARE]
    verbs = {"append": "append", "last": "last 20"}
    view = "an async view" if kind == ASYNC else "a view"
    clients = "1 client" if number == 1 else f"{number} clients"
    named = f"guest in {view}, {verbs[verb]}, {server}, {clients}, calls a second over bare"
    told = ", ".join(
        f"{name} {runs.rate:,.0f} a second, p50 {runs.percentile(0.5):.2f} and p99 "
        f"{runs.percentile(0.99):.2f} ms"
        for name, runs in ((BARE, bare), (kind, ours))
    )
    how = f"{told}; the client itself {ours.own_share:.0%} of the time"
    samples = {name: runs.as_json() for name, runs in taken.items()}
    ratio = ours.rate / bare.rate
    return Figure(named, POSTGRES, ratio, "x", None, how, samples, at_least=True)
