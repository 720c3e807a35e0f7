"""What the tests of the hot tier ask, and how they look into it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from uuid import UUID

import orjson
import redis

from memory_app import hotcontexts
from memory_app.context import Ask
from memory_app.hotcontexts import Wanted
from sessions_app.core.entries import StoredMessage
from sessions_app.store.durable import DurableStore
from sessions_app.store.hot import Hot
from sessions_app.store.newest import Asked, newest
from sessions_app.store.tiered import TieredStore


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def tier(url: str, clock: Clock | None = None) -> TieredStore:
    """A store of this database beside the Redis behind `url`."""
    return TieredStore("default", Hot(url, now=clock or Clock()))


def client(url: str) -> Any:
    """A plain client, to look at what is there and to harm it."""
    return redis.Redis.from_url(url)


def key(session: UUID) -> str:
    return f"holdfast:{{{session.hex}}}"


def context(
    store: DurableStore, project: int, session: UUID, *, max_stale: int = 0, **ask: Any
) -> dict[str, Any]:
    """A context without what is of one call."""
    wanted = Wanted(project, session, Ask(**ask), max_stale)
    told: dict[str, Any] = orjson.loads(hotcontexts.answer(store, wanted))
    return {name: value for name, value in told.items() if name not in ("id", "mode", "took_ms")}


def tail(
    store: DurableStore, project: int, session: UUID, *, max_stale: int = 0, limit: int = 20
) -> list[StoredMessage]:
    return list(newest(store, Asked(project, session, limit, max_stale)).rows)


def plain() -> DurableStore:
    """The database alone."""
    return DurableStore("default")


def hits(store: TieredStore) -> int:
    return store.hot.counts().get("hits", 0)


def counted(store: TieredStore, name: str) -> int:
    return store.hot.counts().get(name, 0)


@contextmanager
def refusing(line: bytes) -> Iterator[str]:
    """The URL of a server that answers whatever it is asked with one line of Redis's protocol."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = Thread(target=_serve, args=(listener, line), daemon=True)
        serving.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        # Closing alone would not wake who waits for a caller.
        listener.shutdown(socket.SHUT_RDWR)
    serving.join(10)


def _serve(listener: socket.socket, line: bytes) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        Thread(target=_answer, args=(connection, line), daemon=True).start()


def _answer(connection: socket.socket, line: bytes) -> None:
    with connection:
        try:
            while connection.recv(65_536):
                connection.sendall(line)
        except OSError:
            return
