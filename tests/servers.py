"""Real servers for the suite: found on this machine, started on loopback, stopped by their pid.

A pytest plugin (see `addopts`), because the database must be chosen before Django reads its
settings. Each server has its own temporary folder and a free port, so runs never meet.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest

DATABASE_VARIABLE = "HOLDFAST_TEST_DATABASE"
REQUIRE_VARIABLE = "HOLDFAST_REQUIRE_SERVERS"
REDIS_VARIABLE = "HOLDFAST_TEST_REDIS"
"""The program that is started as Redis, by its name or path: another one that speaks the same."""
START_SECONDS = 120.0
STOP_SECONDS = 60.0
# What the product reads: a run must not touch what its caller has set up.
PRODUCT_VARIABLES = (
    "DATABASE_URL",
    "DATABASE_REPLICA_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "DEBUG",
)

_run = ExitStack()


class ServerMissing(Exception):
    """No program for this server was found on the machine."""


@dataclass
class Server:
    """One running server; `stop()` may be called early by tests that need it dead, and
    `start_again()` by those that need it back, at the same address and in the same folder."""

    url: str
    folder: Path
    launch: Callable[[], subprocess.Popen[bytes]]
    answers: Callable[[], bool]

    def __post_init__(self) -> None:
        self.process = self.launch()

    def start_again(self) -> None:
        """Start what has ended; returns when it answers."""
        self.process = self.launch()
        wait_until_answering(self)

    def stop(self) -> None:
        """Ask, wait, and only then insist. A second call does nothing."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It stands still with all its children, and goes on afterwards."""
        stopped = []
        try:
            for pid in (self.process.pid, *children(self.process.pid)):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
            yield
        finally:
            for pid in reversed(stopped):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)


def children(pid: int) -> list[int]:
    """The processes that this one has begun. PostgreSQL's are no group of its own."""
    listed = ["ps", "-o", "pid=", "--ppid", str(pid)]
    found = subprocess.run(listed, capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(*names: str, folders: str = "") -> Path:
    """The first of these programs, in `folders` (a glob, newest version first) or on PATH."""
    places = sorted(Path("/").glob(folders), reverse=True) if folders else []
    for name in names:
        for place in (*(str(place) for place in places), None):
            if found := shutil.which(name, path=place):
                return Path(found)
    raise ServerMissing(f"{' or '.join(names)} is not installed")


@contextmanager
def running_postgres(*settings: str) -> Iterator[Server]:
    """A PostgreSQL of its own, as durable as a real one: what it acknowledges is on disk.
    `settings` stand beside those, each as `name=value`."""
    # Resolved, because initdb stands beside the real file.
    postgres = program("postgres", folders="usr/lib/postgresql/*/bin").resolve()
    owner = unprivileged_user()
    with scratch_folder("holdfast-pg-", owner) as folder:
        data = folder / "data"
        initdb = [str(postgres.with_name("initdb")), "-D", str(data), "-U", "postgres"]
        subprocess.run(
            [*initdb, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            cwd=folder,
            user=owner,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        durable = ("fsync=on", "synchronous_commit=on")
        with _postgres_in(postgres, folder, owner, (*settings, *durable)) as server:
            yield server


@contextmanager
def running_standby(primary: str, *settings: str) -> Iterator[Server]:
    """A standby that follows the PostgreSQL behind the URL `primary` and answers reads: a copy of
    it at first, then what it streams."""
    postgres = program("postgres", folders="usr/lib/postgresql/*/bin").resolve()
    owner = unprivileged_user()
    with scratch_folder("holdfast-standby-", owner) as folder:
        copy = [str(postgres.with_name("pg_basebackup")), "-D", str(folder / "data"), "-d", primary]
        subprocess.run(
            [*copy, "-R", "-X", "stream", "-c", "fast", "--no-sync"],
            check=True,
            cwd=folder,
            user=owner,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        # What it loses in a crash of the machine it would get again.
        ours = ("hot_standby=on", "wal_retrieve_retry_interval=100ms", "fsync=off", *settings)
        with _postgres_in(postgres, folder, owner, ours) as server:
            yield server


@contextmanager
def _postgres_in(
    postgres: Path, folder: Path, owner: str | None, settings: Sequence[str]
) -> Iterator[Server]:
    """The server of the files in `folder`/data."""
    port = free_port()
    command = [str(postgres), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
    for setting in ("listen_addresses=127.0.0.1", *settings):
        command += ["-c", setting]
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    answers = partial(postgres_answers, port)
    with started(command, url, folder, answers=answers, owner=owner) as server:
        yield server


@contextmanager
def running_redis(*settings: str) -> Iterator[Server]:
    """An empty Redis that keeps nothing on disk, or what REDIS_VARIABLE names instead; `settings`
    are more words of its command."""
    redis = program(os.environ.get(REDIS_VARIABLE) or "redis-server")
    with scratch_folder("holdfast-redis-") as folder:
        port = free_port()
        command = [str(redis), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        command += ["--save", "", "--appendonly", "no", *settings]
        url = f"redis://127.0.0.1:{port}/0"
        with started(command, url, folder, answers=partial(redis_answers, port)) as server:
            yield server


SLOTS = 16_384


@contextmanager
def running_redis_cluster(many: int = 3) -> Iterator[list[Server]]:
    """So many servers of one Redis Cluster, each with as many of the slots, in their order."""
    with ExitStack() as stack:
        servers, ports, buses = [], [], []
        for _ in range(many):
            buses.append(free_port())
            settings = ("--cluster-enabled", "yes", "--cluster-port", str(buses[-1]))
            servers.append(stack.enter_context(running_redis(*settings)))
            ports.append(int(servers[-1].url.rpartition(":")[2].partition("/")[0]))
        for number, port in enumerate(ports):
            first, end = (SLOTS * place // many for place in (number, number + 1))
            said = [f"CLUSTER ADDSLOTSRANGE {first} {end - 1}"]
            said += [f"CLUSTER MEET 127.0.0.1 {ports[0]} {buses[0]}"] if number else []
            for command in said:
                assert exchange(port, f"{command}\r\n".encode()) == b"+OK\r\n", command
        deadline = time.monotonic() + START_SECONDS
        while not all(b"cluster_state:ok" in exchange(port, b"CLUSTER INFO\r\n") for port in ports):
            assert time.monotonic() < deadline, "the cluster does not come together"
            time.sleep(0.02)
        yield servers


@contextmanager
def started(
    command: list[str],
    url: str,
    folder: Path,
    *,
    answers: Callable[[], bool],
    owner: str | None = None,
) -> Iterator[Server]:
    """Run `command` until the block ends; its output is in `folder`/log."""
    server = Server(url, folder, partial(launched, command, folder, owner), answers)
    try:
        wait_until_answering(server)
        yield server
    finally:
        server.stop()


def launched(command: list[str], folder: Path, owner: str | None) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            user=owner,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupt in the terminal is for pytest, which stops us
        )


def wait_until_answering(server: Server) -> None:
    """Return when the server serves; raise with its own words when it ended or never does."""
    deadline = time.monotonic() + START_SECONDS
    while server.process.poll() is None and time.monotonic() < deadline:
        if server.answers():
            return
        time.sleep(0.02)
    log = (server.folder / "log").read_text(errors="replace")
    raise RuntimeError(f"{server.process.args!r} did not start:\n{log}")


def postgres_answers(port: int) -> bool:
    """Whether a startup packet is answered by a request to go on, not by "is starting up"."""
    parameters = b"user\0postgres\0database\0postgres\0\0"
    packet = (len(parameters) + 8).to_bytes(4, "big") + (196608).to_bytes(4, "big") + parameters
    return exchange(port, packet).startswith(b"R")


def redis_answers(port: int) -> bool:
    return exchange(port, b"PING\r\n").startswith(b"+PONG")


def exchange(port: int, sent: bytes) -> bytes:
    """The first bytes answered to `sent`; nothing when there is no answer yet."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(sent)
            return connection.recv(64)
    except OSError:
        return b""


def unprivileged_user() -> str | None:
    """Whom to become, because PostgreSQL refuses to run as root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@contextmanager
def scratch_folder(prefix: str, owner: str | None = None) -> Iterator[Path]:
    """A temporary folder, given to `owner`; a socket's path must be short, so not pytest's."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        if owner:
            shutil.chown(name, owner)
        yield Path(name)


def missing(reason: str) -> NoReturn:
    """Skip, or fail where the servers are promised to be there."""
    if os.environ.get(REQUIRE_VARIABLE) == "1":
        pytest.fail(f"{reason}, and {REQUIRE_VARIABLE}=1 asks for it", pytrace=False)
    pytest.skip(reason)


def chosen_database() -> str:
    """What the caller asks the suite to run on: `sqlite` (the default) or `postgres`."""
    chosen = os.environ.get(DATABASE_VARIABLE) or "sqlite"
    if chosen not in ("sqlite", "postgres"):
        raise pytest.UsageError(f"{DATABASE_VARIABLE} must be sqlite or postgres, not {chosen!r}")
    return chosen


def prepare_environment() -> None:
    """Point the settings at a database and a folder of this run's own."""
    ours = {DATABASE_VARIABLE, REQUIRE_VARIABLE, REDIS_VARIABLE}
    for name in set(os.environ) - ours:
        if name in PRODUCT_VARIABLES or name.startswith("HOLDFAST_"):
            del os.environ[name]
    folder = _run.enter_context(scratch_folder("holdfast-tests-"))
    os.environ["XDG_DATA_HOME"] = str(folder / "data")
    os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'holdfast.sqlite3'}"
    if chosen_database() == "postgres":
        try:
            os.environ["DATABASE_URL"] = _run.enter_context(running_postgres()).url
        except ServerMissing as error:
            raise pytest.UsageError(f"{DATABASE_VARIABLE}=postgres, but {error}") from error


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    prepare_environment()
    yield


def pytest_unconfigure() -> None:
    _run.close()


@pytest.fixture(scope="session")
def test_database_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the suite's SQLite database (unused on PostgreSQL)."""
    return tmp_path_factory.mktemp("database") / "test.sqlite3"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL with trust for `postgres` on 127.0.0.1; create databases of your own in it."""
    try:
        with running_postgres() as server:
            yield server
    except ServerMissing as error:
        missing(str(error))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """A Redis of the whole run; tests that kill one start their own with `running_redis`."""
    try:
        with running_redis() as server:
            yield server
    except ServerMissing as error:
        missing(str(error))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Path]:
    """The system's Chromium; tests.browsing starts it when a test looks at a page."""
    try:
        yield program("chromium", "chromium-browser", "google-chrome")
    except ServerMissing as error:
        missing(str(error))
    if "tests.browsing" in sys.modules:
        sys.modules["tests.browsing"].close()
