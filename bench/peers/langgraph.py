"""LangGraph's checkpoints: a turn stores the state anew, in which all messages are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import cycle
from typing import Any

import psycopg
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from psycopg.rows import dict_row

from bench import payload
from bench.ground import POSTGRES, SQLITE, Place
from bench.measuring import timed
from bench.peers.peer import ASKED, Conversations, Peer, durability

KINDS = {"user": HumanMessage, "assistant": AIMessage}


def peers(place: Place, work: Conversations) -> Iterator[Peer]:
    if place.database == SQLITE:
        name, saver, durable = _sqlite(place)
    else:
        name, saver, durable = _postgres(place)
    threads = [Thread(saver, f"peers-{at}", work.size) for at in range(work.number)]
    turn = cycle(threads)
    append = timed(lambda: next(turn).append())
    yield Peer(name, durable, append, timed(lambda: next(turn).last(work.last)))


def _sqlite(place: Place) -> tuple[str, Any, str]:
    from langgraph.checkpoint.sqlite import SqliteSaver

    path = f"{place.address}-langgraph.sqlite3"
    connection = sqlite3.connect(path, check_same_thread=False)
    place.stack.enter_context(closing(connection))
    saver = SqliteSaver(connection)
    saver.setup()
    (level,) = connection.execute(ASKED[SQLITE]).fetchone()
    return "LangGraph SqliteSaver", saver, durability(SQLITE, level)


def _postgres(place: Place) -> tuple[str, Any, str]:
    from langgraph.checkpoint.postgres import PostgresSaver

    connection: Any = psycopg.connect(
        place.address, autocommit=True, prepare_threshold=0, row_factory=dict_row
    )
    place.stack.enter_context(closing(connection))
    saver = PostgresSaver(connection)
    saver.setup()
    said = connection.execute(ASKED[POSTGRES]).fetchone()
    return "LangGraph PostgresSaver", saver, durability(POSTGRES, said["synchronous_commit"])


class Thread:
    """One conversation as a graph keeps it: its newest checkpoint holds every message."""

    def __init__(self, saver: Any, name: str, size: int) -> None:
        self.saver = saver
        self.config: Any = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
        self.messages = [_message(number) for number in range(size)]
        self._put()

    def append(self) -> None:
        self.messages.append(_message(len(self.messages)))
        self._put()

    def last(self, count: int) -> list[BaseMessage]:
        name = self.config["configurable"]["thread_id"]
        newest = self.saver.get_tuple({"configurable": {"thread_id": name, "checkpoint_ns": ""}})
        found: list[BaseMessage] = newest.checkpoint["channel_values"]["messages"][-count:]
        return found

    def _put(self) -> None:
        step = len(self.messages)
        versions = {"messages": f"{step:032}.0"}
        checkpoint: Any = {
            **empty_checkpoint(),
            "id": str(uuid6(clock_seq=step)),
            "channel_values": {"messages": list(self.messages)},
            "channel_versions": versions,
        }
        metadata: Any = {"source": "loop", "step": step}
        self.config = self.saver.put(self.config, checkpoint, metadata, versions)


def _message(number: int) -> BaseMessage:
    said = payload.message(number)
    return KINDS[said["role"]](said["content"], id=f"message-{number}")
