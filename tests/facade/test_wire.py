"""HTTP that fails: what is sent again, with which key, and what the caller is told."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from holdfast import wire
from holdfast.facade import connect
from holdfast.wire import Wire, error_of
from sessions_app.core import errors
from sessions_app.core.errors import HoldfastError

BUSY = {"error": {"code": "store_busy", "message": "Busy.", "retryable": True, "param": None}}
SESSION = {
    "id": "01a1fbc4-f0a3-7c2d-9489-bc6f7408964f",
    "key": "k",
    "user": None,
    "version": 1,
    "title": "",
}


class Scripted(ThreadingHTTPServer):
    """A server that answers by a script: (status, JSON or bytes), or None to hang up."""

    daemon_threads = True

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections: set[Any] = set()
        super().__init__(("127.0.0.1", 0), Scribe)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Scribe(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        sent = (self.command, self.path, dict(self.headers), self.rfile.read(length))
        self.server.seen.append(sent)
        self.server.connections.add(self.client_address)
        script = self.server.answers.pop(0)
        if script is None:
            self.close_connection = True
            return
        status, body = script
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Silence."""


Serve = Callable[..., Scripted]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts servers that answer by a script; pauses between attempts are short."""
    monkeypatch.setattr(wire, "FIRST_PAUSE", 0.001)
    running: list[Scripted] = []

    def start(*answers: Any) -> Scripted:
        server = Scripted(list(answers))
        running.append(server)
        Thread(target=server.serve_forever, args=(0.01,)).start()
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


APPENDED = {"version": 2, "messages": [{"seq": 1}], "budget": {}, "notices": [], "durable": True}


@pytest.mark.parametrize("failure", [None, (503, BUSY), (502, b"<html>bad gateway</html>")])
def test_an_append_is_sent_again_with_the_same_key_and_bytes(serve: Serve, failure: Any) -> None:
    server = serve((201, SESSION), failure, failure, (201, APPENDED))
    session = connect(server.url).open("k")
    assert session.append(role="user", content="once").version == 2
    attempts = server.seen[1:]
    assert len(attempts) == 3
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in attempts}) == 1
    assert len({body for *_, body in attempts}) == 1


def test_each_append_has_a_key_of_its_own(serve: Serve) -> None:
    server = serve((201, SESSION), (201, APPENDED), (201, APPENDED), (201, APPENDED))
    session = connect(server.url).open("k")
    for key in (None, None, "mine"):
        session.append(role="user", content="x", idempotency_key=key)
    keys = [headers["Idempotency-Key"] for _, _, headers, _ in server.seen]
    assert len(set(keys)) == 4
    assert keys[-1] == "mine"


def test_one_connection_serves_many_calls(serve: Serve) -> None:
    server = serve(*[(200, {"data": []})] * 5)
    client = Wire(server.url)
    for _ in range(5):
        client.call("GET", "/sessions/x/messages")
    assert len(server.connections) == 1


def test_after_the_last_attempt_the_servers_own_error_is_raised(serve: Serve) -> None:
    server = serve(*[(503, BUSY)] * wire.ATTEMPTS)
    with pytest.raises(errors.StoreBusy, match="Busy"):
        Wire(server.url).call("GET", "/sessions/x")
    assert len(server.seen) == wire.ATTEMPTS


@pytest.mark.parametrize("status", [400, 404, 409, 422, 507])
def test_what_another_attempt_cannot_help_is_raised_at_once(serve: Serve, status: int) -> None:
    server = serve((status, {"error": {"code": "stale_version", "message": "m", "param": "p"}}))
    with pytest.raises(errors.StaleVersion):
        Wire(server.url).call("POST", "/x", body={}, headers={"Idempotency-Key": "k"})
    assert len(server.seen) == 1


def test_a_change_that_could_be_done_twice_is_not_sent_again(serve: Serve) -> None:
    server = serve(None)
    with pytest.raises(errors.StoreUnavailable):
        Wire(server.url).call("PATCH", "/x", body={}, headers={"If-Match": '"3"'})
    assert len(server.seen) == 1


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "FIRST_PAUSE", 0.001)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(errors.StoreUnavailable, match=place):
            connect(f"http://{place}").open("k")


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "FIRST_PAUSE", 0.001)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(errors.StoreUnavailable, match="timed out"):
            connect(url, timeout=0.02).open("k")


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host", "http://", "/api"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"looks like http://"):
        connect(url)


def test_the_key_and_a_prefix_of_the_site_are_sent(serve: Serve) -> None:
    server = serve((201, SESSION))
    connect(f"{server.url}/holdfast/", "hf_a_b").open("k")
    method, path, headers, body = server.seen[0]
    assert (method, path) == ("POST", "/holdfast/api/v1/sessions")
    assert headers["Authorization"] == "Bearer hf_a_b"
    assert json.loads(body) == {"key": "k"}


def test_an_answer_of_somebody_else_is_not_taken_for_ours(serve: Serve) -> None:
    server = serve((200, b"<html>hello</html>"), (404, b"<html>nothing</html>"), (302, b""))
    client = Wire(server.url)
    for _ in range(3):
        with pytest.raises(errors.StoreUnavailable, match="not from a Holdfast server"):
            client.call("GET", "/sessions/x")


@pytest.mark.parametrize("kind", [kind for kind in errors.leaves() if kind.code != "conflict"])
def test_every_error_comes_back_as_it_was_raised(kind: type[HoldfastError]) -> None:
    raised = kind("Why.", param="field", current_version=7)
    found = error_of(kind.status, {"error": raised.payload("request-1")})
    assert (found.code, found.status, found.retryable) == (kind.code, kind.status, kind.retryable)
    assert (found.message, found.param) == ("Why.", "field")
    assert found.details == {"current_version": 7, "request_id": "request-1"}
    if kind.__module__ == errors.__name__:
        assert isinstance(found, kind)


def test_a_code_that_is_not_known_yet_is_still_an_error_of_ours() -> None:
    answer = {"error": {"code": "lost_in_time", "message": "m", "retryable": True, "type": "t"}}
    found = error_of(418, answer)
    assert isinstance(found, HoldfastError)
    assert (found.code, found.status, found.retryable, found.type) == (
        "lost_in_time",
        418,
        True,
        "t",
    )
