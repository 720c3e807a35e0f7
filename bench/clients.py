"""HTTP clients that cost as little as can be: bytes made beforehand, plain sockets that are kept,
one thread that waits for all of them. They share the machine with the server, so their own time is
measured too."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from bench.crowding import Run

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
AT_ONCE = 1 << 18


def request(method: str, address: str, path: str, body: object = None) -> bytes:
    """The bytes of one request."""
    content = b"" if body is None else orjson.dumps(body)
    head = f"{method} {path} HTTP/1.1\r\nHost: {address}\r\n"
    if content:
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return head.encode() + b"\r\n" + content


@dataclass(slots=True)
class Waiting:
    """One client: its connection, what it will ask, what has come of the answer."""

    connection: socket.socket
    asked: Iterator[bytes]
    began: int = 0
    come: bytes = b""


class Clients:
    """As many clients as there are series of requests, each of which asks again once it is
    answered. An answer that is no success ends the run."""

    def __init__(self, address: str, series: Sequence[Iterator[bytes]]) -> None:
        host, _, port = address.rpartition(":")
        self._selector = selectors.DefaultSelector()
        self._clients = []
        for asked in series:
            connection = socket.create_connection((host, int(port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = Waiting(connection, asked)
            self._selector.register(connection, selectors.EVENT_READ, client)
            self._clients.append(client)

    def run(self, seconds: float) -> Run:
        now, select, took = time.perf_counter_ns, self._selector.select, []
        cpu, begin = time.thread_time_ns(), now()
        stop, open_ = begin + int(seconds * 1e9), len(self._clients)
        for client in self._clients:
            _ask(client)
        while open_:
            for key, _ in select():
                client = key.data
                if not _answered(client):
                    continue
                ended = now()
                took.append(ended - client.began)
                if ended < stop:
                    _ask(client)
                else:
                    open_ -= 1
        own = (time.thread_time_ns() - cpu) / 1e9
        return Run(took, (now() - begin) / 1e9, own)

    def close(self) -> None:
        self._selector.close()
        for client in self._clients:
            client.connection.close()


def _ask(client: Waiting) -> None:
    content = next(client.asked)
    client.began = time.perf_counter_ns()
    client.connection.sendall(content)


def _answered(client: Waiting) -> bool:
    """Takes what has come; whether it is the whole answer."""
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
    client.come = b""
    return True
