"""What the event loop answers by itself, and when it leaves an answer to the threads."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import override_settings

from holdfast import brief
from holdfast.brief import BUSY_REST, LONG, LONG_REST, MOST_OCTETS, AtOnce, is_brief
from holdfast.handler import Handler
from holdfast.threads import Answer, Bridge
from sessions_app.http import PREFIX
from sessions_app.store import line
from tests.personas import Persona, persona

ID = "0" * 32
HERE = f"/{PREFIX}/sessions/{ID}"
MESSAGES = f"{HERE}/messages"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("method", "path", "query", "octets", "expected"),
    [
        ("GET", HERE, "", 0, True),
        ("GET", f"{HERE}/messages", "", 0, True),
        ("GET", f"{HERE}/messages", "limit=20&order=desc", 0, True),
        ("GET", f"{HERE}/messages", "after=100&limit=50", 0, True),
        ("GET", f"{HERE}/messages", "limit=500", 0, False),
        ("GET", f"{HERE}/messages", "q=word", 0, False),
        ("GET", f"{HERE}/messages", "at=3", 0, False),
        ("GET", f"{HERE}/messages", "max_stale=5", 0, False),
        ("GET", f"{HERE}/messages", "limit=20", 2, False),
        ("GET", f"{HERE}/context", "", 0, False),
        ("GET", f"/{PREFIX}/sessions", "", 0, False),
        ("GET", f"/elsewhere{HERE}", "", 0, False),
        ("HEAD", HERE, "", 0, False),
        ("POST", f"{HERE}/messages", "", MOST_OCTETS, True),
        ("POST", f"{HERE}/messages", "", MOST_OCTETS + 1, False),
        ("POST", f"{HERE}/messages", "", 0, False),
        ("POST", f"{HERE}/messages", "a=1", 10, False),
        ("POST", HERE, "", 10, False),
        ("DELETE", f"{HERE}/messages", "", 10, False),
    ],
)
def test_what_is_brief(method: str, path: str, query: str, octets: int, expected: bool) -> None:
    assert is_brief(method, path, query, octets) is expected


class Caller:
    """One session, and calls about it as a server gets them."""

    def __init__(self, owner: Persona, session: str, **bridge: Any) -> None:
        self._key = f"Bearer {owner.key}".encode()
        self.path = f"/{PREFIX}/sessions/{session}"
        self._loop = asyncio.get_running_loop()
        self.handed = asyncio.Event()
        """Set when a thread has begun to answer."""
        self.bridge = Bridge(self._handle, max_body=1_000_000, threads=2, **bridge)  # type: ignore[arg-type]
        self._handler = Handler()

    def _handle(self, environ: dict[str, Any], start: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            self._loop.call_soon_threadsafe(self.handed.set)
        return self._handler(environ, start)

    async def call(self, method: str, path: str, query: bytes = b"", body: Any = None) -> Any:
        """Status and JSON."""
        content = b"" if body is None else json.dumps(body).encode()
        sent: list[Any] = []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "http_version": "1.1",
            "headers": [
                (b"host", b"localhost"),
                (b"authorization", self._key),
                (b"content-type", b"application/json"),
            ],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.bridge(scope, receive, send)
        return sent[0]["status"], json.loads(b"".join(part.get("body", b"") for part in sent[1:]))

    async def append(self, text: str = "hello") -> Any:
        body = {"role": "user", "content": text}
        return await self.call("POST", f"{self.path}/messages", body=body)

    async def read(self) -> Any:
        return await self.call("GET", f"{self.path}/messages", b"limit=20&order=desc")


def _opened() -> tuple[Persona, str]:
    try:
        owner = persona("default", "admin")
        return owner, owner.opened()["id"]
    finally:
        connections.close_all()


@pytest.fixture
async def caller(monkeypatch: pytest.MonkeyPatch) -> Any:
    # This machine may be busy; what happens after a long answer has tests of its own.
    monkeypatch.setattr(brief, "LONG", 3600.0)
    owner, session = await asyncio.to_thread(_opened)
    made = Caller(owner, session, at_once=True)
    yield made
    made.bridge.leave()
    await asyncio.to_thread(made.bridge.close)


@pytest.fixture
def on_sqlite() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite, whose calls wait for nothing but the disk")


@contextmanager
def written_by_another() -> Iterator[None]:
    """Another process has the file's lock."""
    with closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


@pytest.mark.usefixtures("on_sqlite")
async def test_the_loop_answers_what_is_brief(caller: Caller) -> None:
    status, done = await caller.append("said on the loop")
    assert (status, done["messages"][0]["seq"], done["durable"]) == (201, 1, True)
    status, page = await caller.read()
    assert (status, page["data"][0]["content"]) == (200, "said on the loop")
    assert not caller.handed.is_set()


@pytest.mark.usefixtures("on_sqlite")
async def test_a_refusal_is_an_answer_too(caller: Caller) -> None:
    status, refused = await caller.call("POST", f"{caller.path}/messages", body={"role": "none"})
    assert (status, refused["error"]["code"]) == (422, "invalid_field")
    assert not caller.handed.is_set()


async def test_threads_answer_the_rest(caller: Caller) -> None:
    status, _ = await caller.call("GET", f"{caller.path}/context", b"tokens=8000")
    assert status == 200
    assert caller.handed.is_set()


async def test_with_redis_threads_answer_all(caller: Caller) -> None:
    with override_settings(HOLDFAST_REDIS_URL="redis://127.0.0.1:1/0"):
        assert (await caller.append())[0] == 201
    assert caller.handed.is_set()


@pytest.mark.usefixtures("on_sqlite")
async def test_an_append_that_meets_another_process_waits_in_a_thread(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    await caller.append()
    with written_by_another():
        waiting = asyncio.create_task(caller.append("after the other"))
        await caller.handed.wait()
        status, page = await caller.read()
        assert (status, len(page["data"])) == (200, 1)
        assert not waiting.done()
    status, done = await waiting
    assert (status, done["messages"][0]["seq"]) == (201, 2)
    assert not caplog.records


@pytest.mark.usefixtures("on_sqlite")
async def test_an_append_waits_for_a_thread_that_writes_and_the_loop_goes_on(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brief, "PATIENCE", 60.0)  # however slow the machine is
    turns = line.of("default")
    place = line.Place()
    turns.enter(place, lambda: 0.0)
    waiting = asyncio.create_task(caller.append())
    await asyncio.sleep(0)
    assert (await caller.read())[0] == 200
    assert not waiting.done()
    turns.leave()
    assert (await waiting)[0] == 201
    assert not caller.handed.is_set()


@pytest.mark.usefixtures("on_sqlite")
async def test_who_waited_too_long_for_a_thread_is_served_by_one(caller: Caller) -> None:
    turns = line.of("default")
    turns.enter(line.Place(), lambda: 0.0)
    waiting = asyncio.create_task(caller.append())
    await caller.handed.wait()
    turns.leave()
    assert (await waiting)[0] == 201
    assert caller.handed.is_set()


# -- one answer at a time ----------------------------------------------------------------------


class Times:
    """A clock that is moved by hand, and an answer that takes as long as it is told."""

    def __init__(self, status: int = 200, body: bytes = b"{}") -> None:
        self.now = 100.0
        self.took = 0.0
        self.answer = Answer(status, [], body)

    def made(self, _environ: dict[str, Any]) -> Answer:
        self.now += self.took
        return self.answer

    def at_once(self) -> Callable[..., Any]:
        at_once = AtOnce(self.made, lambda: self.now)

        def ask(method: str = "GET") -> Any:
            environ = {"REQUEST_METHOD": method, "PATH_INFO": MESSAGES, "QUERY_STRING": ""}
            return at_once(environ, 10 if method == "POST" else 0)

        return ask


@pytest.mark.usefixtures("on_sqlite")
async def test_a_long_answer_sends_the_next_ones_to_the_threads_for_a_while() -> None:
    times = Times()
    ask = times.at_once()
    times.took = LONG * 2
    assert await ask() is times.answer
    times.took = 0.0
    assert await ask() is None
    times.now += LONG_REST
    assert await ask() is times.answer


@pytest.mark.usefixtures("on_sqlite")
async def test_who_met_a_writer_is_asked_again_in_a_thread() -> None:
    times = Times(503, b'{"error":{"code":"store_busy"}}')
    ask = times.at_once()
    assert await ask("POST") is None
    times.answer = Answer(200, [])
    assert await ask("POST") is None
    assert await ask("GET") is times.answer
    times.now += BUSY_REST
    assert await ask("POST") is times.answer


@pytest.mark.usefixtures("on_sqlite")
async def test_a_database_that_cannot_be_reached_is_no_reason_to_ask_again() -> None:
    # An append might have been stored before it could not be said.
    times = Times(503, b'{"error":{"code":"store_unavailable"}}')
    assert await times.at_once()() is times.answer


@pytest.mark.usefixtures("on_sqlite")
async def test_without_a_write_ahead_log_threads_answer_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {**connections.databases["default"], "NAME": str(tmp_path / "plain"), "OPTIONS": {}}
    monkeypatch.setitem(connections.databases, "default", plain)

    def asked() -> object:
        try:
            return asyncio.run(Times().at_once()())
        finally:
            connections.close_all()

    # A new thread has a connection of its own, made from these settings.
    assert await asyncio.to_thread(asked) is None
