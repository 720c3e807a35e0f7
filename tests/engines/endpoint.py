"""A model's endpoint on a real socket that plays whatever a test asks of it."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DRIP_SECONDS = 0.01
WAIT_SECONDS = 10.0


class Endpoint:
    """What was asked of it, and what it plays: one act a request, the last one from then on."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.acts: list[Act] = []
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.released = threading.Event()
        self.cut = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.endpoint = self  # type: ignore[attr-defined]
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def plays(self, *acts: Act) -> None:
        self.acts = list(acts)

    def texts(self, place: int = -1) -> list[str]:
        """What was said to the model in one request, message by message."""
        return [message["content"] for message in self.asked[place]["messages"]]

    @contextmanager
    def running(self) -> Iterator[Endpoint]:
        self._thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(WAIT_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        endpoint: Endpoint = self.server.endpoint  # type: ignore[attr-defined]
        size = int(self.headers["Content-Length"])
        endpoint.asked.append(json.loads(self.rfile.read(size)))
        endpoint.headers.append({name.lower(): value for name, value in self.headers.items()})
        act = endpoint.acts[min(len(endpoint.asked), len(endpoint.acts)) - 1]
        self.close_connection = True
        try:
            act(self, endpoint)
        except OSError:
            endpoint.cut.set()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's own name
        """The suite's output is for what fails."""


Act = Callable[[_Handler, Endpoint], None]


def points(*said: tuple[str, Sequence[int]]) -> str:
    """The JSON that a model should answer with."""
    return json.dumps({"points": [{"text": text, "sources": list(seqs)} for text, seqs in said]})


def completion(text: str | None, ended: str = "stop") -> bytes:
    choice = {
        "index": 0,
        "finish_reason": ended,
        "message": {"role": "assistant", "content": text},
    }
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return json.dumps(body).encode()


def says(text: str | None, ended: str = "stop") -> Act:
    """A completion with this text."""
    return sends(completion(text, ended))


def sends(body: bytes, status: int = 200, **headers: str) -> Act:
    """These bytes, and headers whose names are written with _ for -."""

    def act(handler: _Handler, _: Endpoint) -> None:
        handler.send_response(status)
        named = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in named.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return act


def raw(*pieces: bytes) -> Act:
    """Bytes as they are, and then the end."""

    def act(handler: _Handler, _: Endpoint) -> None:
        for piece in pieces:
            handler.wfile.write(piece)

    return act


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def drips(start: bytes, piece: bytes) -> Act:
    """A start, and then pieces one by one for as long as anybody listens."""

    def act(handler: _Handler, endpoint: Endpoint) -> None:
        handler.wfile.write(start)
        while not endpoint.released.wait(DRIP_SECONDS):
            handler.wfile.write(piece)

    return act


def hangs(handler: _Handler, endpoint: Endpoint) -> None:
    """Nothing, until the test is over."""
    endpoint.released.wait(WAIT_SECONDS)


def streams(start: bytes, pieces: Iterable[bytes]) -> Act:
    """Pieces as fast as they are taken."""

    def act(handler: _Handler, _: Endpoint) -> None:
        handler.wfile.write(start)
        for piece in pieces:
            handler.wfile.write(piece)

    return act


def resets(handler: _Handler, _: Endpoint) -> None:
    """Half an answer, then the connection is thrown away."""
    handler.wfile.write(HEAD + b"Content-Length: 1000\r\n\r\n{")
    handler.wfile.flush()
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    with suppress(OSError):
        handler.connection.close()
