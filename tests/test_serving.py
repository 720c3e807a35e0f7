"""A real server process: what it answers, what it refuses, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import COMMAND, Shell

JSON = {"Content-Type": "application/json"}
# How long a process may take on a machine that does much else; no test takes it.
PATIENCE = 60
MEBIBYTE = bytes(1024 * 1024)


@dataclass
class Served:
    """A server, and what it said when it started."""

    process: subprocess.Popen[str]
    port: int
    said: list[str]

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of one call."""
        connection = self.connect()
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {**(JSON if data else {}), **headers})
        answer = connection.getresponse()
        found = answer.status, json.loads(answer.read() or b"null")
        connection.close()
        return found


@contextmanager
def serving(shell: Shell, *arguments: object) -> Iterator[Served]:
    """`holdfast serve` on a port of its own choice, until the block ends."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *map(str, arguments)],
        env=shell.environment,
        cwd=shell.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        said = [process.stdout.readline(), process.stdout.readline()]
        match = re.search(r":(\d+)$", said[0].strip())
        assert match, process.stderr.read()
        yield Served(process, int(match[1]), said)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(Shell(tmp_path_factory.mktemp("served"))) as server:
        yield server


def test_it_says_where_it_is_and_where_the_data_is(served: Served) -> None:
    assert served.said[0].startswith("Holdfast is at http://127.0.0.1:")
    assert served.said[1].strip().endswith("holdfast.sqlite3")


def test_an_append_over_http_is_durable_and_read_back(served: Served) -> None:
    assert served.call("GET", "/health")[0] == 200
    status, session = served.call("POST", "/api/v1/sessions", {"key": "trip"})
    assert status == 201
    path = f"/api/v1/sessions/{session['id']}/messages"
    status, appended = served.call("POST", path, {"role": "user", "content": "Keep the aisle."})
    assert (status, appended["durable"]) == (201, True)
    assert served.call("GET", path)[1]["data"][0]["content"] == "Keep the aisle."


def test_a_body_that_declares_too_much_is_refused_unread(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as caller:
        caller.sendall(
            b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            b"Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
        )
        assert caller.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_refused_while_it_streams(served: Served) -> None:
    connection = served.connect()
    endless = (MEBIBYTE for _ in range(12))
    connection.request(
        "POST", "/api/v1/sessions", endless, {**JSON, "X-Request-Id": "big"}, encode_chunked=True
    )
    answer = connection.getresponse()
    error = json.loads(answer.read())["error"]
    assert (answer.status, error["code"], error["request_id"]) == (413, "body_too_large", "big")
    assert answer.getheader("Connection") == "close"
    connection.close()
    assert served.call("GET", "/health")[0] == 200


@pytest.mark.parametrize("charset", ["hex", "idna", "utf-8", "nonsense"])
def test_no_charset_of_a_request_makes_the_server_fail(served: Served, charset: str) -> None:
    kind = {"Content-Type": f"application/json; charset={charset}"}
    many = "&".join(f"a{number}=%41" for number in range(1_001))
    assert served.call("GET", "/api/v1/sessions?limit=%31", **kind)[0] == 200
    status, answer = served.call("GET", f"/api/v1/sessions?{many}", **kind)
    assert (status, answer["error"]["code"]) == (422, "invalid_field")
    status, answer = served.call("POST", "/api/v1/sessions?limit=%31", {}, **kind)
    assert status == (422 if charset == "utf-8" else 415)
    assert answer["error"]["request_id"]


def test_a_socket_that_nobody_serves_is_refused(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as caller:
        caller.sendall(
            b"GET /ws/v1/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert caller.recv(4096).startswith(b"HTTP/1.1 40")


def test_a_port_in_use_exits_2_and_touches_nothing(served: Served, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    line = shell.refused(2, "serve", "--port", served.port)
    assert "--port" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_a_second_start_finds_the_data(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    with serving(shell, "--demo") as first:
        keys = {row["key"] for row in first.call("GET", "/api/v1/sessions")[1]["data"]}
        assert len(keys) == 5
    assert first.process.returncode == 0
    with serving(shell, "--demo") as second:
        assert second.call("GET", "/health")[0] == 200
        found = second.call("GET", "/api/v1/sessions")[1]["data"]
    assert {row["key"] for row in found} == keys
    assert [path.name for path in tmp_path.rglob("*-wal")] == []


def test_sigterm_drains_the_request_in_flight(tmp_path: Path) -> None:
    with serving(Shell(tmp_path)) as server:
        body = b'{"key": "late"}'
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as caller:
            caller.sendall(
                b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\n"
                b"Expect: 100-continue\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body)
            )
            assert caller.recv(4096).startswith(b"HTTP/1.1 100 ")
            server.process.send_signal(signal.SIGTERM)
            wait_until_closed(server.port)
            caller.sendall(body)
            assert caller.recv(4096).startswith(b"HTTP/1.1 201 ")
        assert server.process.wait(PATIENCE) == 0
    assert server.process.returncode == 0


@pytest.mark.long
def test_ctrl_c_exits_130_without_a_word(tmp_path: Path) -> None:
    with serving(Shell(tmp_path)) as server:
        assert server.call("GET", "/health")[0] == 200
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(PATIENCE) == 130
        assert server.process.stderr
        assert server.process.stderr.read() == ""


@pytest.mark.long
def test_a_public_server_without_a_key_says_how_to_make_one(tmp_path: Path) -> None:
    variables = {"SECRET_KEY": "x" * 50, "ALLOWED_HOSTS": "127.0.0.1"}
    shell = Shell(tmp_path, variables)
    with serving(shell, "--host", "0.0.0.0") as server:  # noqa: S104 - the case in question
        assert server.process.stdout
        assert "holdfast key create" in server.process.stdout.readline()
        assert server.call("GET", "/api/v1/sessions")[0] == 401
        key = shell.run("key", "create", "--scopes", "read").stdout.strip()
        status, _ = server.call("GET", "/api/v1/sessions", Authorization=f"Bearer {key}")
        assert status == 200


def wait_until_closed(port: int) -> None:
    """Return once nobody listens any more."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return
        except (TimeoutError, ConnectionResetError):
            continue  # it closed while we were knocking
    pytest.fail("It still takes connections.")
