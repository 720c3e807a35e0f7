"""The control of the HTTP figures: what a program without a framework does, in one file. A raw ASGI
application under uvicorn that keeps sessions and messages by `sqlite3`, as durable as Holdfast.

    python -m bench.bare_app FILE       # says where it is, and serves until it is terminated

It imports nothing of Holdfast. Its one connection is used on the event loop, without threads: that
is the fastest way there is as long as one process is all.
"""

from __future__ import annotations

import socket
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import orjson
import uvicorn

from bench.rawsql import BEGUN, INSERT, LAST, TABLES

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
PREFIX = ["api", "v1", "sessions"]
MOVED = "UPDATE raw_session SET version = version + ? WHERE id = ? RETURNING version"
ANNOUNCED = "The bare app is at "


class App:
    """`POST sessions`, and `POST` and `GET` of `sessions/<id>/messages`."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        for statement in TABLES:
            self.connection.execute(statement)
        self.insert, self.select = INSERT.format("?"), LAST.format("?")
        self.sessions = 0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body = await _body(receive)
        status, answer = self.answer(scope, body)
        content = orjson.dumps(answer)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def answer(self, scope: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        parts = scope["path"].strip("/").split("/")
        if parts == PREFIX:
            return self.opened()
        if len(parts) != 5 or parts[:3] != PREFIX or parts[4] != "messages":
            return 404, {"error": "not_found"}
        session = int(parts[3])
        if scope["method"] == "POST":
            return self.appended(session, orjson.loads(body))
        query = parse_qs(scope["query_string"].decode())
        return self.last(session, int(query["limit"][0]))

    def opened(self) -> tuple[int, dict[str, Any]]:
        self.sessions += 1
        self.connection.execute(BEGUN.format("?"), (self.sessions,))
        return 201, {"id": str(self.sessions), "version": 0}

    def appended(self, session: int, said: Any) -> tuple[int, dict[str, Any]]:
        """One transaction for one message, or for several in `messages`."""
        batch = said.get("messages", [said])
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        ((version,),) = execute(MOVED, (len(batch), session)).fetchall()
        first = version - len(batch) + 1
        for seq, message in enumerate(batch, first):
            role = message.pop("role")
            execute(self.insert, (session, seq, role, orjson.dumps(message).decode()))
        execute("COMMIT")
        shown = [{"seq": seq, "id": f"msg_{session}_{seq}"} for seq in range(first, version + 1)]
        return 201, {"version": version, "messages": shown, "durable": True}

    def last(self, session: int, limit: int) -> tuple[int, dict[str, Any]]:
        """The newest messages, in the shape in which Holdfast shows them."""
        rows = self.connection.execute(self.select, (session, limit)).fetchall()
        shown = [
            {
                "seq": seq,
                "id": f"msg_{session}_{seq}",
                "version": seq,
                "role": role,
                **orjson.loads(body),
            }
            for seq, role, body in rows
        ]
        return 200, {"data": shown, "has_more": bool(rows) and rows[-1][0] > 1}


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _body(receive: Receive) -> bytes:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def main(path: str) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"{ANNOUNCED}http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(App(path), log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1])
