"""Appends by many threads at once, each to a session of its own, and all to one hot session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import holdfast
from bench import payload, raw
from bench.append import endless
from bench.crowding import Crowd, Runs, Tasks, Threads, rounds
from bench.ground import POSTGRES, SQLITE, Ground, Place
from bench.report import Figure, Point, Skipped

DATABASES = (SQLITE, POSTGRES)
NUMBERS = (16, 64)
TARGETED = 16
RIVAL, BARE, MOST_MS = 8.0, 0.7, 5.0
STORE, FACADE, HOT = "`store.append`", "`session.append`", "`store.append`, one hot session"
HOT_RAW = "raw, one hot session"
AGENTS = {"threads": "openai-agents, a thread each", "tasks": "openai-agents, tasks of one loop"}
HOT_AGENTS = "openai-agents, one hot session"


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Rounds of a fixed time. The control on SQLite is openai-agents' `SQLiteSession`, which goes
    the better of its two ways; on PostgreSQL it is one raw statement a thread."""
    if quick and database == POSTGRES:
        raise Skipped("only in a full run")
    for number in NUMBERS[:1] if quick else NUMBERS:
        place = ground.place(database)
        place.widen(number)
        with ExitStack() as stack:
            crowds = _ours(place, number) | _raw(place, number)
            if database == SQLITE:
                crowds |= _agents(place, number)
            for crowd in crowds.values():
                stack.callback(crowd.close)
            turns, seconds = (2, 0.3) if quick else (5, 1.5)
            taken = rounds(crowds, number=turns, seconds=seconds)
        yield from _figures(place, number, taken)


def _figures(place: Place, number: int, taken: dict[str, Runs]) -> Iterator[Figure]:
    most = MOST_MS if number == TARGETED and place.database == SQLITE else None
    for name in (STORE, HOT):
        runs = taken[name]
        low, high = runs.spread
        how = f"{runs.rate:,.0f} a second, by rounds {low:,.0f} to {high:,.0f}{_failed(runs)}"
        named = f"{number} threads append, {name}"
        p50, p99 = runs.percentile(0.5), runs.percentile(0.99)
        chart = f"appends a second by threads ({place.database})"
        points = tuple(Point(chart, who, number, each.rate) for who, each in taken.items())
        figure = Figure(named, place.database, p50, "ms", None, how, runs.as_json())
        yield _with(figure, p99, most, points if name == STORE else ())
    control, hot = _controls(place, taken)
    for name, against in ((STORE, control), (FACADE, control), (HOT, hot)):
        if against is not None:
            yield _over(place, number, taken, (name, against))


def _with(figure: Figure, p99: float, most: float | None, points: tuple[Point, ...]) -> Figure:
    from dataclasses import replace

    return replace(figure, p99=p99, target_p99=most, points=points)


def _over(place: Place, number: int, taken: dict[str, Runs], names: tuple[str, str]) -> Figure:
    """Calls a second of one over those of its control."""
    subject, control = taken[names[0]], taken[names[1]]
    least = None
    if number == TARGETED and names[0] != FACADE:
        least = RIVAL if place.database == SQLITE else BARE
    how = f"{subject.rate:,.0f} a second against {control.rate:,.0f} of {names[1]}"
    how += f", whose p99 is {control.percentile(0.99):.1f} ms{_failed(subject)}"
    named = f"{number} threads append, {names[0]}, calls a second over {_short(names[1])}"
    samples = {name: taken[name].as_json() for name in names}
    ratio = subject.rate / control.rate
    return Figure(named, place.database, ratio, "x", least, how, samples, at_least=True)


def _failed(runs: Runs) -> str:
    return f"; **{runs.failed} failed**" if runs.failed else ""


def _short(name: str) -> str:
    return name.partition(",")[0]


def _controls(place: Place, taken: dict[str, Runs]) -> tuple[str | None, str | None]:
    """What the ratios are to: for sessions of their own, and for a hot one."""
    if place.database == POSTGRES:
        return raw.name(POSTGRES), HOT_RAW
    known = [name for name in AGENTS.values() if name in taken]
    if not known:
        return None, None
    return max(known, key=lambda name: taken[name].rate), HOT_AGENTS


def _ours(place: Place, number: int) -> dict[str, Crowd]:
    own = [place.session(f"crowd-{at}") for at in range(number)]
    hot = place.session("crowd-hot")
    appends: list[Callable[[], object]] = [_append(place, session) for session in own]
    hots: list[Callable[[], object]] = [_append(place, hot) for _ in range(number)]
    facades = [_facade(place, f"crowd-{at}") for at in range(number)]
    # A SQLite connection is kept: closing the last one would write the log back into the database.
    give_back = place.database == POSTGRES
    kinds = {STORE: appends, HOT: hots, FACADE: facades}
    return {name: Threads(calls, give_back=give_back) for name, calls in kinds.items()}


def _append(place: Place, session: Any) -> Callable[[], object]:
    messages, append, project = endless(), place.store.append, place.project
    return lambda: append(project, session, [next(messages)])


def _facade(place: Place, key: str) -> Callable[[], object]:
    session, numbers = holdfast.open(key, database=place.address), count()
    return lambda: session.append(**payload.message(next(numbers)))


def _raw(place: Place, number: int) -> dict[str, Crowd]:
    """A connection a thread. On SQLite they wait for each other as the busy timeout lets them,
    which takes long with many."""
    if place.database == SQLITE:
        if number > TARGETED:
            return {}
        return {
            raw.name(SQLITE): Threads([_bare(raw.beside(place, at + 1)) for at in range(number)])
        }
    own = [raw.RawPostgres(place, at + 1) for at in range(number)]
    for control in own:
        place.stack.callback(control.connection.close)
    hot = [control.on(number + 1) for control in own]
    return {
        raw.name(POSTGRES): Threads([_bare(control) for control in own]),
        HOT_RAW: Threads([_bare(control) for control in hot]),
    }


def _bare(control: raw.Raw) -> Callable[[], object]:
    messages = endless()
    return lambda: control.append(next(messages))


def _agents(place: Place, number: int) -> dict[str, Crowd]:
    """Sessions of their own by threads with a loop each, by tasks of one loop; one for all."""
    try:
        from agents import SQLiteSession
    except ImportError:
        return {}
    path = Path(f"{place.address}-crowd-agents.sqlite3")

    def adding(key: str) -> Callable[[], Any]:
        session, numbers = SQLiteSession(key, path), count()
        place.stack.callback(session.close)
        return lambda: session.add_items([payload.message(next(numbers))])  # type: ignore[list-item]

    loop, hot_loop, hot = asyncio.new_event_loop(), asyncio.new_event_loop(), adding("hot")
    threads = [_alone(adding(f"thread-{at}"), place) for at in range(number)]
    tasks = [adding(f"task-{at}") for at in range(number)]
    return {
        AGENTS["threads"]: Threads(threads),
        AGENTS["tasks"]: Tasks(loop, tasks),
        HOT_AGENTS: Tasks(hot_loop, [hot] * number),
    }


def _alone(call: Callable[[], Any], place: Place) -> Callable[[], object]:
    """An async verb for a thread that has a loop of its own."""
    loop = asyncio.new_event_loop()
    place.stack.callback(loop.close)
    place.stack.callback(lambda: loop.run_until_complete(loop.shutdown_default_executor()))
    return lambda: loop.run_until_complete(call())
