"""google-adk: `DatabaseSessionService`, whose sessions are events."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from itertools import count, cycle
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its own modules warn each other of
    from google.adk.events import Event
    from google.adk.sessions import DatabaseSessionService
    from google.adk.sessions.base_session_service import GetSessionConfig
    from google.genai import types

from bench import payload
from bench.ground import Place
from bench.measuring import awaited
from bench.peers.alchemy import address, asked
from bench.peers.peer import Conversations, Peer, durability

NAMES = {"user": "user", "assistant": "model"}


def peers(place: Place, work: Conversations) -> Iterator[Peer]:
    loop = asyncio.new_event_loop()
    place.stack.callback(loop.close)
    service: Any = DatabaseSessionService(address(place, "adk"))
    place.stack.callback(lambda: loop.run_until_complete(service.db_engine.dispose()))
    said = loop.run_until_complete(asked(service.db_engine, place.database))
    durable = durability(place.database, said)
    names = [{"app_name": "bench", "user_id": f"peers-{at}"} for at in range(work.number)]
    sessions = [loop.run_until_complete(service.create_session(**name)) for name in names]
    for session in sessions:
        loop.run_until_complete(_fill(service, session, work.size))
    turn, numbers = cycle(sessions), count()

    def append() -> Any:
        return service.append_event(next(turn), _event(next(numbers)))

    def last() -> Any:
        one = next(turn)
        names = {"app_name": one.app_name, "user_id": one.user_id, "session_id": one.id}
        config = GetSessionConfig(num_recent_events=work.last)
        return service.get_session(**names, config=config)

    name = "google-adk DatabaseSessionService"
    yield Peer(name, durable, awaited(loop, append), awaited(loop, last))


async def _fill(service: Any, session: Any, size: int) -> None:
    for number in range(size):
        await service.append_event(session, _event(number))


def _event(number: int) -> Event:
    said = payload.message(number)
    content = types.Content(role=NAMES[said["role"]], parts=[types.Part(text=said["content"])])
    return Event(author=said["role"], content=content, invocation_id="bench")
