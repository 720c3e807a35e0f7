"""HTTP through Django's WSGI handler in a few long-lived threads, inside the ASGI server.

Django under ASGI runs each request's sync code in a new thread, hence on a new database connection.
Here a thread keeps its connection; the event loop reads the whole body, a thread makes the whole
answer (of a brief call the loop itself: `brief.py`), and the loop sends it. Only streamed answers
go out in chunks, from threads of their own:
a slow reader must not hold up everybody else.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from threading import Barrier, BrokenBarrierError, Event
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.http.response import HttpResponseBase

from holdfast.brief import AtOnce
from holdfast.handler import Request
from sessions_app.core.errors import BodyTooLarge
from sessions_app.http import AT_ONCE, error_response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

THREADS = 4
"""Of each kind: for requests that change nothing, and for all others."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
STREAMS = 16
STOP_SECONDS = 5
# A caller reads the answer only after it has sent its body: some of what is too much is read and
# thrown away, or the closed connection would hide the 413.
LINGER_BYTES = 16 * 1024 * 1024
LINGER_SECONDS = 5


class TooMuch(Exception):
    """A body is over the limit; `more` of it is still to come."""

    def __init__(self, *, more: bool) -> None:
        self.more = more


@dataclass(slots=True)
class Answer:
    """What a thread made of a request; `stream` instead of a body for a streamed one."""

    status: int
    headers: Headers
    body: bytes = b""
    stream: HttpResponseBase | None = None


class Bridge:
    """An ASGI application for `http` scopes around Django's WSGI handler. `at_once` lets the loop
    answer what is brief."""

    def __init__(
        self,
        handler: WSGIHandler,
        *,
        max_body: int,
        threads: int = THREADS,
        at_once: bool = False,
    ) -> None:
        self._handler = handler
        self._at_once = AtOnce(self._answer) if at_once else None
        self._max_body = max_body
        self._threads = threads
        # Changes may all wait, for a lock that another process holds: reads go on beside them.
        self._readers = ThreadPoolExecutor(threads, "holdfast-read")
        self._writers = ThreadPoolExecutor(threads, "holdfast-write")
        self._streams = ThreadPoolExecutor(STREAMS, "holdfast-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._body(scope, receive)
        except TooMuch as much:
            await self._refuse(scope, receive, send, more=much.more)
            return
        if body is None:
            return
        answer, environ = None, environ_of(scope, body)
        if self._at_once:
            answer = await self._at_once(environ, len(body))
            if AT_ONCE in environ:
                environ = environ_of(scope, body)  # the body of that one is read
        if answer is None:
            loop = asyncio.get_running_loop()
            workers = self._readers if scope["method"] in SAFE else self._writers
            answer = await loop.run_in_executor(workers, self._answer, environ)
        await send(_start(answer))
        if answer.stream is None:
            await send({"type": "http.response.body", "body": answer.body})
        else:
            await self._stream(answer.stream, receive, send)

    def leave(self) -> None:
        """To be called in the loop's thread at the end: its connections are closed."""
        if self._at_once:
            self._at_once.close()

    def close(self) -> None:
        """Wait for what is being answered, and close each thread's database connections."""
        for workers in (self._readers, self._writers):
            together = Barrier(self._threads)
            for _ in range(self._threads):
                workers.submit(_close_connections, together)
        for workers in (self._readers, self._writers):
            workers.shutdown(wait=True)
        # Not waited for: a stream may be waiting for the loop that is waiting for us.
        self._streams.shutdown(wait=False, cancel_futures=True)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, or None when the caller has left. Raises TooMuch."""
        if _declared(scope) > self._max_body:
            raise TooMuch(more=True)
        chunks, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk, more = message.get("body", b""), bool(message.get("more_body", False))
            size += len(chunk)
            if size > self._max_body:
                raise TooMuch(more=more)
            chunks.append(chunk)
            if not more:
                return b"".join(chunks)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, *, more: bool) -> None:
        """Answer 413 at once, then let go of the connection without hiding the answer."""
        error = BodyTooLarge(
            f"The body is larger than {self._max_body} bytes. Send less in one call."
        )
        response = error_response(error, Request(environ_of(scope, b"")))
        headers = _encoded(response.items())
        headers += [(b"Connection", b"close"), (b"Content-Length", b"%d" % len(response.content))]
        await send(_start(Answer(response.status_code, headers)))
        await send({"type": "http.response.body", "body": response.content, "more_body": True})
        if more:
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    await _discard(receive)
        await send({"type": "http.response.body", "body": b""})

    def _answer(self, environ: dict[str, Any]) -> Answer:
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            begun.append((status, headers))

        response = self._handler(environ, cast(Any, start_response))
        status, headers = begun[0]
        answer = Answer(int(status[:3]), _encoded(headers))
        if response.streaming:
            answer.stream = response
        else:
            answer.body = b"".join(cast(Iterable[bytes], response))
            response.close()
        return answer

    async def _stream(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        gone = Event()

        def forward(chunk: bytes) -> None:
            part = {"type": "http.response.body", "body": chunk, "more_body": True}
            asyncio.run_coroutine_threadsafe(_sent(send, part), loop).result()

        watcher = asyncio.create_task(_watch(receive, gone))
        try:
            await loop.run_in_executor(self._streams, _pump, response, gone, forward)
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.set()
            watcher.cancel()


def environ_of(scope: Scope, body: bytes) -> dict[str, Any]:
    """The WSGI environment of an ASGI `http` scope, the path to the byte as it was sent."""
    root = scope.get("root_path", "")
    path = unquote_to_bytes(scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    server = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    return {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root,
        "PATH_INFO": path.removeprefix(root),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **_header_variables(scope["headers"]),
        "CONTENT_LENGTH": str(len(body)) if body else "",
    }


def _header_variables(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as HTTP_* variables; a name with `_` could pass for another and is dropped."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        if b"_" in raw_name:
            continue
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        value = raw_value.decode("latin-1")
        variable = "CONTENT_TYPE" if name == "CONTENT_TYPE" else f"HTTP_{name}"
        if variable in found:
            value = f"{found[variable]}{'; ' if name == 'COOKIE' else ','}{value}"
        found[variable] = value
    return found


def _declared(scope: Scope) -> int:
    """What Content-Length says; 0 without one."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


def _encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _start(answer: Answer) -> dict[str, Any]:
    return {
        "type": "http.response.start",
        "status": answer.status,
        "headers": answer.headers,
    }


async def _discard(receive: Receive) -> None:
    left = LINGER_BYTES
    while left > 0:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
        left -= len(message.get("body", b""))


async def _sent(send: Send, message: dict[str, Any]) -> None:
    await send(message)


async def _watch(receive: Receive, gone: Event) -> None:
    """Nothing but the caller's leaving is to come once the body is in."""
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.set()


def _pump(response: HttpResponseBase, gone: Event, forward: Callable[[bytes], None]) -> None:
    try:
        for chunk in cast(Iterable[bytes], response):
            if gone.is_set():
                return
            forward(chunk)
    finally:
        response.close()


def _close_connections(together: Barrier) -> None:
    # Each thread waits for the others, so that none closes twice and none is left out.
    with suppress(BrokenBarrierError):
        together.wait(STOP_SECONDS)
    connections.close_all()
