"""openai-agents: `SQLiteSession`, and `SQLAlchemySession` by aiosqlite and by asyncpg."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

from agents import SQLiteSession
from agents.extensions.memory.sqlalchemy_session import SQLAlchemySession
from sqlalchemy.ext.asyncio import create_async_engine

from bench import payload
from bench.ground import SQLITE, Place
from bench.measuring import awaited
from bench.peers.alchemy import address, asked
from bench.peers.peer import ASKED, Conversations, Peer, durability


def peers(place: Place, work: Conversations) -> Iterator[Peer]:
    loop = asyncio.new_event_loop()
    place.stack.callback(loop.close)
    if place.database == SQLITE:
        path = Path(f"{place.address}-agents.sqlite3")
        sessions = [SQLiteSession(f"peers-{at}", path) for at in range(work.number)]
        for session in sessions:
            place.stack.callback(session.close)
        yield _peer("openai-agents SQLiteSession", loop, sessions, work, _level(sessions[0]))
    engine = create_async_engine(address(place, "alchemy"))
    place.stack.callback(lambda: loop.run_until_complete(engine.dispose()))
    stored = [
        SQLAlchemySession(f"peers-{at}", engine=engine, create_tables=True)
        for at in range(work.number)
    ]
    for one in stored:
        loop.run_until_complete(one.get_items(1))  # makes the tables, and sets up the connection
    said = loop.run_until_complete(asked(engine, place.database))
    name = f"openai-agents SQLAlchemySession ({engine.dialect.driver})"
    yield _peer(name, loop, stored, work, durability(place.database, said))


def _peer(
    name: str, loop: AbstractEventLoop, sessions: list[Any], work: Conversations, durable: str
) -> Peer:
    messages = [payload.message(number) for number in range(work.size)]
    for session in sessions:
        loop.run_until_complete(session.add_items(messages))
    turn, numbers = cycle(sessions), count()

    def append() -> Any:
        return next(turn).add_items([payload.message(next(numbers))])

    def last() -> Any:
        return next(turn).get_items(limit=work.last)

    return Peer(name, durable, awaited(loop, append), awaited(loop, last))


def _level(session: SQLiteSession) -> str:
    with session._locked_connection() as connection:
        (level,) = connection.execute(ASKED[SQLITE]).fetchone()
    return durability(SQLITE, level)
