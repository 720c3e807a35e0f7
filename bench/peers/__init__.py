"""Sessions of other libraries on the same work: a message of 608 bytes appended to a conversation
of N messages, and its last 20 read. Each keeps the durability it comes with, which is told.

Rows of one conversation, rather than one row for all of it, are what makes N matter or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from itertools import count, cycle
from typing import Any

import holdfast
from bench import payload, raw
from bench.ground import POSTGRES, SQLITE, Ground, Place
from bench.measuring import Samples, interleaved, timed
from bench.peers.peer import Conversations, Peer
from bench.report import Figure, Point, Skipped, compared

DATABASES = (SQLITE, POSTGRES)
MODULES = ("agents", "langgraph", "adk")
LAST = 20
SIZES = {200: 4, 2_000: 1}
"""Messages a conversation has, and how many of these take turns, so that none grows by much."""
OURS = "Holdfast"


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """All of them in turns, on several conversations of each size in turns."""
    missing: list[str] = []
    for size, number in ({20: 1} if quick else SIZES).items():
        place = ground.place(database)
        work = Conversations(number, size, LAST)
        peers = [_raw(place, work), _holdfast(place, work)]
        missing = []
        for name in MODULES:
            try:
                peers.extend(import_module(f"bench.peers.{name}").peers(place, work))
            except ImportError as error:
                missing.append(f"{name} ({error})")
        yield from _of_size(place, peers, size, rounds=3 if quick else 20)
    if missing:
        raise Skipped(f"`make bench-peers` installs them: {', '.join(missing)}")


def _of_size(place: Place, peers: list[Peer], size: int, *, rounds: int) -> Iterator[Figure]:
    verbs = {f"last {LAST} of": {one.name: one.last for one in peers}}
    verbs["append to"] = {one.name: one.append for one in peers}
    for verb, calls in verbs.items():
        samples = interleaved(calls, rounds=rounds)
        for peer in peers[1:]:
            named = f"{verb} a conversation of {size:,} messages, {peer.name}"
            yield _figure(named, place, samples, peer, (verb, size))


def _figure(named: str, place: Place, samples: Samples, peer: Peer, at: tuple[str, int]) -> Figure:
    verb, size = at
    found = compared(named, place.database, samples, (peer.name, raw.name(place.database)))
    took = samples[peer.name]
    chart = f"{verb} a conversation, p50 in ms ({place.database})"
    points = (Point(chart, peer.name, size, took.p50),)
    return replace(found, how=f"{peer.durability}; {found.how}", points=points)


def _raw(place: Place, work: Conversations) -> Peer:
    controls = [raw.beside(place, number + 1) for number in range(work.number)]
    for control in controls:
        control.fill(work.size)
    turn, messages = cycle(controls), cycle(payload.prepared(2 * payload.KINDS))
    return Peer(
        raw.name(place.database),
        "",
        timed(lambda: next(turn).append(next(messages))),
        timed(lambda: next(turn).last(work.last)),
    )


def _holdfast(place: Place, work: Conversations) -> Peer:
    """The facade, tokens counted, a chain of digests kept; messages as the API shows them."""
    for number in range(work.number):
        place.session(f"peers-{number}", work.size)
    opened = cycle(
        [holdfast.open(f"peers-{at}", database=place.address) for at in range(work.number)]
    )
    numbers = count()

    def append() -> Any:
        return next(opened).append(**payload.message(next(numbers)))

    done = append()
    durability = "durable" if done.durable else f"not durable ({done.durable_by})"
    last = timed(lambda: next(opened).messages(limit=work.last, order="desc"))
    return Peer(OURS, durability, timed(append), last)
