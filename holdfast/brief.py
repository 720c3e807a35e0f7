"""Calls that the event loop answers by itself: brief ones, on a SQLite file.

To hand a call to a thread and its answer back takes two wake-ups, 60 us and more on two cores, and
the threads take turns at the interpreter: half of the time nobody works. A page of messages and an
append of one take less than that is worth. While they stay brief, the loop may do them itself; one
that meets another writer, or was long for any reason, sends all that follow to the threads for a
while, so that nobody else waits for a disk or a lock.

Not on PostgreSQL and not with Redis: there most of a call is waiting, and threads are for that.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connections

from sessions_app import auth
from sessions_app.http import AT_ONCE, PREFIX, is_busy
from sessions_app.store import get_store, line, redis_url

MOST_OCTETS = 8 * 1024
"""Of the body of an append: what is counted and kept of it takes less than a millisecond."""
LONG, LONG_REST = 0.02, 2.0
"""Seconds that a call may take, and how long the threads have all of them after a longer one."""
PATIENCE, BUSY_REST = 0.05, 0.005
"""Seconds that an append waits for writers in threads, while the loop does other things; and how
long the threads have all appends when that was too short, or the writer is another process."""

if TYPE_CHECKING:
    from holdfast.threads import Answer

_SESSION = re.compile(rf"/{PREFIX}/sessions/[0-9a-f-]{{32,36}}(/messages)?")
_PAGE = re.compile(
    r"(?:(?:limit=[1-5]?[0-9]|order=(?:asc|desc)|(?:after|before)=[0-9]{1,18})(?:&|$))*"
)


def is_brief(method: str, path: str, query: str, octets: int) -> bool:
    """Whether a call is one that takes little: a session, a page of its newest or next messages, or
    an append whose body has few octets. What is wrong in it is found out by whoever answers."""
    match = _SESSION.fullmatch(path)
    if match is None:
        return False
    if method == "GET":
        return not octets and _PAGE.fullmatch(query) is not None
    return method == "POST" and match[1] is not None and not query and 0 < octets <= MOST_OCTETS


class AtOnce:
    """Answers in the calling thread, which is that of a running event loop. `answer` makes the
    answer to a WSGI environment; `now` tells seconds of a clock that never goes back."""

    def __init__(
        self,
        answer: Callable[[dict[str, Any]], Answer],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._answer = answer
        self._now = now
        self._until = self._free_at = 0.0
        self._known: object = None

    async def __call__(self, environ: dict[str, Any], octets: int) -> Answer | None:
        """The answer; None where a thread must make it. `octets` is how long the body is."""
        named = environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"]
        if self._now() < self._until or not is_brief(*named, octets):
            return None
        if octets and not await self._writes():
            return None
        begun = self._now()
        environ[AT_ONCE] = True
        with _as_if_no_loop_ran():
            if not self._ready():
                self._until = begun + LONG_REST
                return None
            with get_store(auth.alias()).db.in_a_hurry():
                answer = self._answer(environ)
        if is_busy(answer.status, answer.body):
            # Nothing was done: a thread has the time to wait for the lock.
            self._free_at = self._now() + BUSY_REST
            return None
        if self._now() - begun > LONG:
            self._until = self._now() + LONG_REST
        return answer

    def close(self) -> None:
        """Closes the connections of the loop's thread."""
        with _as_if_no_loop_ran():
            connections.close_all()

    async def _writes(self) -> bool:
        """Whether a change would meet nobody, as far as this process knows."""
        if self._now() < self._free_at:
            return False
        if await _free(line.of(auth.alias())):
            return True
        self._free_at = self._now() + BUSY_REST
        return False

    def _ready(self) -> bool:
        """Whether no call can wait here for another: SQLite with a write-ahead log, where a reader
        never waits, and a connection whose writers give up at once."""
        connection = connections[auth.alias()]
        if connection.vendor != "sqlite" or redis_url() is not None:
            return False
        if connection.settings_dict["CONN_MAX_AGE"] is not None:
            return False  # Django would open another one, as patient as the settings say
        if connection.connection is None or connection.connection is not self._known:
            try:
                self._known = _opened(connection)
            except DatabaseError:
                return False
        return self._known is not None


async def _free(turns: line.Line) -> bool:
    """Whether nobody of this process writes; waits for that for a moment."""
    loop = asyncio.get_running_loop()
    free = asyncio.Event()

    def call() -> None:
        with suppress(RuntimeError):  # the loop may have ended before the writer has
            loop.call_soon_threadsafe(free.set)

    try:
        async with asyncio.timeout(PATIENCE):
            while turns.when_free(call):
                await free.wait()
                free.clear()
    except TimeoutError:
        return False
    finally:
        turns.ignore(call)
    return True


def _opened(connection: Any) -> object:
    """The driver's connection, whose writers give up at once; None where readers may wait."""
    connection.ensure_connection()
    driver = connection.connection
    with connection.wrap_database_errors:
        driver.execute("PRAGMA busy_timeout = 0")
        ((mode,),) = driver.execute("PRAGMA journal_mode").fetchall()
    return driver if mode == "wal" else None


@contextmanager
def _as_if_no_loop_ran() -> Iterator[None]:
    """Django refuses a database in the thread of a running loop, and keeps connections by task
    there. What is done here ends before the loop goes on, so it is as if there were none."""
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
