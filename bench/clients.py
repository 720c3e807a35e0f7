"""HTTP clients that cost as little as can be: bytes made beforehand, plain sockets that are kept,
one thread that waits for all of them. They share the machine with the server, so their own time is
measured too."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from bench.crowding import Run

HEAD_END = b"\r\n\r\n"
LENGTH, CLOSING = b"content-length:", b"connection: close"
AT_ONCE, LONGEST = 1 << 18, 60


def request(method: str, address: str, path: str, body: object = None) -> bytes:
    """The bytes of one request."""
    content = b"" if body is None else orjson.dumps(body)
    head = f"{method} {path} HTTP/1.1\r\nHost: {address}\r\n"
    if content:
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return head.encode() + b"\r\n" + content


@dataclass(slots=True)
class Waiting:
    """One client: what it will ask, its connection while it has one, when it asked, what has come
    of the answer, whether the server said that it closes the connection behind it."""

    asked: Iterator[bytes]
    connection: socket.socket | None = None
    began: int = 0
    come: bytes = b""
    closing: bool = False


class Clients:
    """As many clients as there are series of requests, each of which asks again once it is
    answered. Connections are kept as long as a run and the server want: a silent one would take one
    of few workers. An answer that is no success ends the run."""

    def __init__(self, address: str, series: Sequence[Iterator[bytes]]) -> None:
        host, _, port = address.rpartition(":")
        self._place = host, int(port)
        self._selector = selectors.DefaultSelector()
        self._clients = [Waiting(asked) for asked in series]

    def run(self, seconds: float) -> Run:
        stop = time.perf_counter_ns() + int(seconds * 1e9)
        return self._run(lambda ended: ended < stop)

    def once(self, calls: int) -> Run:
        """About so many calls by each."""
        left = iter(range((calls - 1) * len(self._clients)))
        return self._run(lambda _: next(left, None) is not None)

    def _run(self, again: Callable[[int], bool]) -> Run:
        """Every client asks, and asks `again` as long as that says so of the present time."""
        now, took = time.perf_counter_ns, list[int]()
        cpu, begin, waiting = time.thread_time_ns(), now(), len(self._clients)
        for client in self._clients:
            self._ask(client)
        while waiting:
            for client in self._ready():
                if not _answered(client):
                    continue
                ended = now()
                took.append(ended - client.began)
                more = again(ended)
                if client.closing or not more:
                    self._leave(client)
                if more:
                    self._ask(client)
                else:
                    waiting -= 1
        own = (time.thread_time_ns() - cpu) / 1e9
        return Run(took, (now() - begin) / 1e9, own)

    def _ready(self) -> Iterator[Waiting]:
        """Those of whose answers something has come. Raises RuntimeError when nothing comes."""
        found = self._selector.select(LONGEST)
        if not found:
            raise RuntimeError(f"no answer for {LONGEST} seconds")
        return (key.data for key, _ in found)

    def _ask(self, client: Waiting) -> None:
        content = next(client.asked)
        client.began = time.perf_counter_ns()
        if client.connection is None:
            client.connection, client.closing = self._connected(), False
            self._selector.register(client.connection, selectors.EVENT_READ, client)
        client.connection.sendall(content)

    def _leave(self, client: Waiting) -> None:
        if client.connection is not None:
            self._selector.unregister(client.connection)
            client.connection.close()
            client.connection = None

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(self._place)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def close(self) -> None:
        for client in self._clients:
            self._leave(client)
        self._selector.close()


def _answered(client: Waiting) -> bool:
    """Takes what has come; whether it is the whole answer."""
    assert client.connection is not None
    come = client.connection.recv(AT_ONCE)
    if not come:
        raise RuntimeError("the server closed a connection")
    client.come += come
    end = client.come.find(HEAD_END)
    if end < 0:
        return False
    head = client.come[:end].lower()
    at = head.find(LENGTH)
    if at < 0 or head[9:10] != b"2":
        raise RuntimeError(f"unexpected answer: {client.come[:400]!r}")
    length = int(head[at + len(LENGTH) :].split(b"\r", 1)[0])
    if len(client.come) < end + len(HEAD_END) + length:
        return False
    client.come, client.closing = b"", CLOSING in head
    return True
