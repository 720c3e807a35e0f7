"""One server, eight writers, and `kill -9` twenty times: nothing acknowledged is lost or doubled.

Every append carries an idempotency key and is sent again under the same key until it is answered.
What the writers were told is then held against the log and against `verify`.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.history import Acknowledged, Stored, violations
from tests.servers import free_port, running_postgres

WRITERS = 8
KILLS = 20
PATIENCE = 120.0
LOST = (OSError, http.client.HTTPException)


@dataclass
class Node:
    """A Holdfast server that can be killed and started again on the same port and database."""

    database: str
    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "holdfast", "serve", "--port", str(self.port)]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--database", self.database],
                env={**os.environ, "XDG_DATA_HOME": str(self.folder)},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(*LOST):
                if call(self.port, "GET", "/health")[0] == 200:
                    return
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            time.sleep(0.02)
        raise AssertionError((self.folder / "server.log").read_text())

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)


def call(
    port: int, method: str, path: str, body: object = None, key: str | None = None
) -> tuple[int, dict[str, object]]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if key:
        headers["Idempotency-Key"] = key
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


class Writer(threading.Thread):
    """Appends to the shared session and to its own, and never gives up on a key."""

    def __init__(self, name: str, port: int, sessions: list[str], stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.port, self.sessions, self.stopping = port, sessions, stop
        self.acknowledged: list[Acknowledged] = []
        self.unknown: list[str] = []
        self.refused: list[str] = []

    def run(self) -> None:
        count = 0
        while not self.stopping.is_set():
            count += 1
            self._append(f"{self.name}-{count}", self.sessions[count % len(self.sessions)])

    def _append(self, text: str, session: str) -> None:
        self.unknown.append(text)
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            try:
                status, answer = call(
                    self.port,
                    "POST",
                    f"/api/v1/sessions/{session}/messages",
                    {"role": "user", "content": text},
                    key=text,
                )
            except LOST:
                time.sleep(0.01)
                continue
            if status == 201:
                self._acknowledge(text, session, answer)
                return
            if status not in (429, 500, 503):
                self.refused.append(f"{text}: {status} {answer}")
                return

    def _acknowledge(self, text: str, session: str, answer: dict[str, object]) -> None:
        messages = answer["messages"]
        assert isinstance(messages, list)
        self.unknown.remove(text)
        self.acknowledged.append(
            Acknowledged(
                text,
                session,
                messages[0]["seq"],
                messages[0]["version"],
                durable=answer["durable"] is True,
            )
        )


def read_log(port: int, session: str) -> list[Stored]:
    """The whole log of a session, page by page."""
    found: list[Stored] = []
    after = 0
    while True:
        path = f"/api/v1/sessions/{session}/messages?limit=500&after={after}"
        status, page = call(port, "GET", path)
        assert status == 200, page
        rows = page["data"]
        assert isinstance(rows, list)
        found += [Stored(row["content"], row["seq"], row["version"]) for row in rows]
        if page["next"] is None:
            return found
        after = rows[-1]["seq"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """A database of this test's own, of the kind that the suite runs on."""
    if os.environ.get("HOLDFAST_TEST_DATABASE") == "postgres":
        with running_postgres() as server:
            yield server.url
    else:
        yield str(tmp_path / "killed.sqlite3")


@pytest.mark.long
def test_nothing_acknowledged_is_lost_or_doubled_by_twenty_kills(
    database: str, tmp_path: Path
) -> None:
    node = Node(database, tmp_path)
    node.start()
    stop = threading.Event()
    hot = _open(node.port, "hot")
    writers = [
        Writer(f"w{number}", node.port, [hot, _open(node.port, f"own-{number}")], stop)
        for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    try:
        for number in range(KILLS):
            # Some appends later, and never as many: the rest are in flight.
            wait_for_appends(writers, WRITERS + number)
            node.kill()
            node.start()
        stop.set()
        for writer in writers:
            writer.join(PATIENCE)
            assert not writer.is_alive()
        logs = {
            session: read_log(node.port, session)
            for session in {session for writer in writers for session in writer.sessions}
        }
    finally:
        stop.set()
        node.kill()

    acknowledged = [answer for writer in writers for answer in writer.acknowledged]
    unknown = [text for writer in writers for text in writer.unknown]
    assert [text for writer in writers for text in writer.refused] == []
    assert violations(acknowledged, unknown, logs) == []
    assert len(acknowledged) > KILLS * WRITERS, "too few appends to mean anything"
    _verify(database, tmp_path)


def wait_for_appends(writers: list[Writer], number: int) -> None:
    """Until so many more appends are acknowledged."""
    wanted = number + sum(len(writer.acknowledged) for writer in writers)
    deadline = time.monotonic() + PATIENCE
    while sum(len(writer.acknowledged) for writer in writers) < wanted:
        assert time.monotonic() < deadline, "the writers write no more"
        time.sleep(0.01)


def _open(port: int, key: str) -> str:
    status, session = call(port, "POST", "/api/v1/sessions", {"key": key})
    assert status == 201, session
    return str(session["id"])


def _verify(database: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "holdfast", "verify", "--database", database],
        env={**os.environ, "XDG_DATA_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
