"""The bridge from ASGI to Django's threads: what it hands over, and what it sends back."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from hypothesis import given
from hypothesis import strategies as st

from holdfast.threads import Bridge, environ_of

LIMIT = 100


def scope(
    path: bytes = b"/", *headers: tuple[bytes, bytes], method: str = "POST"
) -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": "",
        "raw_path": path,
        "query_string": b"a=%C3%A9",
        "http_version": "1.1",
        "headers": [(b"host", b"localhost"), *headers],
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 40_000),
    }


class Site:
    """A WSGI site of one view, and a caller that sends `parts` and keeps what it is sent."""

    def __init__(self, view: Callable[[dict[str, Any]], HttpResponseBase]) -> None:
        self.view = view
        self.sent: list[dict[str, Any]] = []
        self.bridge = Bridge(cast(WSGIHandler, self._handle), max_body=LIMIT, threads=2)

    def _handle(self, environ: dict[str, Any], start: Any) -> HttpResponseBase:
        response = self.view(environ)
        start(f"{response.status_code} x", list(response.items()))
        return response

    async def called(
        self, *parts: bytes, leaves: asyncio.Event | None = None, method: str = "POST"
    ) -> None:
        """One request with its body in `parts`; afterwards the caller stays until `leaves`."""
        left = list(parts or (b"",))

        async def receive() -> dict[str, Any]:
            if left:
                body = left.pop(0)
                return {"type": "http.request", "body": body, "more_body": bool(left)}
            await (leaves or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            self.sent.append(message)

        await self.bridge(scope(method=method), receive, send)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


@pytest.fixture
def echo() -> Iterator[Site]:
    site = Site(lambda environ: HttpResponse(environ["wsgi.input"].read()))
    yield site
    site.bridge.close()


@given(st.binary(max_size=40))
def test_a_path_arrives_to_the_byte(path: bytes) -> None:
    quoted = b"/" + b"".join(b"%%%02X" % byte for byte in path)
    assert environ_of(scope(quoted), b"")["PATH_INFO"].encode("latin-1") == b"/" + path


def test_headers_become_variables_and_a_disguised_one_is_dropped() -> None:
    headers = (
        (b"x-request-id", b"real"),
        (b"x_request_id", b"disguised"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"content-type", b"application/json"),
        (b"content-length", b"99"),
    )
    environ = environ_of(scope(b"/", *headers), b"four")
    assert environ["HTTP_X_REQUEST_ID"] == "real"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["CONTENT_TYPE"] == "application/json"
    assert environ["CONTENT_LENGTH"] == "4"


async def test_a_body_in_parts_arrives_whole(echo: Site) -> None:
    await echo.called(b"one ", b"two ", b"three")
    assert (echo.sent[0]["status"], echo.body) == (200, b"one two three")


async def test_a_body_at_the_limit_is_taken_and_one_more_byte_is_not(echo: Site) -> None:
    await echo.called(bytes(LIMIT))
    assert echo.body == bytes(LIMIT)
    echo.sent.clear()
    await echo.called(bytes(LIMIT), b"x")
    assert echo.sent[0]["status"] == 413
    assert json.loads(echo.body)["error"]["code"] == "body_too_large"


async def test_requests_share_a_few_threads_that_stay() -> None:
    seen: set[int] = set()

    def view(_: object) -> HttpResponse:
        seen.add(threading.get_ident())
        return HttpResponse()

    site = Site(view)
    await asyncio.gather(*(site.called() for _ in range(20)))
    site.bridge.close()
    assert len(seen) <= 2


async def test_a_stream_goes_out_in_chunks() -> None:
    site = Site(lambda _: StreamingHttpResponse(iter([b"one", b"two"])))
    await site.called()
    site.bridge.close()
    assert [message.get("body") for message in site.sent[1:]] == [b"one", b"two", b""]
    assert [message.get("more_body", False) for message in site.sent[1:]] == [True, True, False]


async def test_a_stream_ends_when_its_reader_leaves() -> None:
    leaves, closed = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield b"x"
                loop.call_soon_threadsafe(leaves.set)
        finally:
            closed.set()

    site = Site(lambda _: StreamingHttpResponse(endless()))
    await asyncio.wait_for(site.called(leaves=leaves), 10)
    site.bridge.close()
    assert closed.is_set()


async def test_reads_are_answered_while_every_change_waits() -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def view(environ: dict[str, Any]) -> HttpResponse:
        if environ["REQUEST_METHOD"] == "POST":
            begun.release()
            go_on.wait()
        return HttpResponse(environ["REQUEST_METHOD"])

    site = Site(view)
    changes = [asyncio.create_task(site.called()) for _ in range(5)]
    try:
        for _ in range(2):  # as many as there are threads
            await asyncio.to_thread(begun.acquire)
        await asyncio.wait_for(site.called(method="GET"), 10)
        assert site.body == b"GET"
    finally:
        go_on.set()
    await asyncio.gather(*changes)
    site.bridge.close()
