"""Processes of Holdfast that can be killed, stopped and started again, and a caller of theirs."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.servers import PRODUCT_VARIABLES, free_port

PATIENCE = 120.0
BROKEN = (OSError, http.client.HTTPException)
COMMAND = (sys.executable, "-m", "holdfast")


@dataclass
class Process:
    """A command of Holdfast on one database; its output is in `folder`."""

    database: str
    folder: Path
    redis: str | None = None
    command: Sequence[str] = COMMAND
    replica: str | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def arguments(self) -> Sequence[str]:
        raise NotImplementedError

    @property
    def log(self) -> Path:
        return self.folder / f"{self.arguments[0]}.log"

    @property
    def environment(self) -> dict[str, str]:
        found = environment(self.folder)
        if self.redis is not None:
            found |= {"REDIS_URL": self.redis}
        if self.replica is not None:
            found |= {"DATABASE_URL": self.database, "DATABASE_REPLICA_URL": self.replica}
        return found

    def launch(self) -> None:
        """Start it, and do not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, *self.arguments, "--database", self.database],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def crash(self) -> None:
        """End what is at work; who has ended by itself is a finding."""
        assert self.process is not None
        assert self.process.poll() is None, f"it ended by itself: {self.log.read_text()}"
        self.kill()

    def kill(self) -> None:
        """End it at once, also when it is stopped or was never started."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)


@dataclass
class Node(Process):
    """A server that keeps its port."""

    port: int = field(default_factory=free_port)

    @property
    def arguments(self) -> Sequence[str]:
        return ("serve", "--port", str(self.port))

    @property
    def log(self) -> Path:
        return self.folder / f"server-{self.port}.log"

    def start(self) -> None:
        self.launch()
        self.wait()

    def wait(self) -> None:
        """Until it is well."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(*BROKEN):
                if call(self.port, "GET", "/health")[0] == 200:
                    return
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        raise AssertionError(self.log.read_text())


class WorkerProcess(Process):
    """A `holdfast worker` beside the servers."""

    @property
    def arguments(self) -> Sequence[str]:
        return ("worker",)


def environment(folder: Path) -> dict[str, str]:
    """Nothing of who runs the tests, but where things are."""
    kept = {name: value for name, value in os.environ.items() if name not in PRODUCT_VARIABLES}
    return {**kept, "XDG_DATA_HOME": str(folder)}


def verify(database: str, folder: Path) -> list[str]:
    """What `holdfast verify` finds, a line each."""
    done = subprocess.run(
        [*COMMAND, "verify", "--database", database],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return (done.stdout + done.stderr).splitlines() if done.returncode else []


class Unreached(Exception):
    """There was nobody to take the call."""


class Reply(NamedTuple):
    status: int
    raw: bytes


def send(
    port: int, request: tuple[str, str, object], headers: Mapping[str, str], wait: float
) -> Reply:
    """The answer to (method, path, body), on a connection of its own: one that was kept would
    fail after a restart of the server, at a time when nothing is wrong any more. Raises Unreached,
    TimeoutError after `wait` seconds of silence, and what else breaks a connection."""
    method, path, body = request
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=wait)
    try:
        try:
            connection.connect()
        except OSError as error:
            raise Unreached from error
        raw = None if body is None else json.dumps(body)
        kind = {} if raw is None else {"Content-Type": "application/json"}
        connection.request(method, path, raw, {**kind, **headers})
        answer = connection.getresponse()
        return Reply(answer.status, answer.read())
    finally:
        connection.close()


def call(
    port: int, method: str, path: str, body: object = None, key: str | None = None
) -> tuple[int, dict[str, object]]:
    """One request that is waited for; every failure is one of BROKEN."""
    try:
        headers = {"Idempotency-Key": key} if key else {}
        reply = send(port, (method, path, body), headers, PATIENCE)
    except Unreached as error:
        raise ConnectionError from error
    return reply.status, json.loads(reply.raw or b"{}")
