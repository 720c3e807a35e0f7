"""What grows with the data: the verbs on sessions of 200 to 100,000 messages, and in databases of
1,000 to a million sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from uuid import UUID

from bench import cloning
from bench.append import endless
from bench.context import built
from bench.flat import appending
from bench.ground import APPENDS_BEFORE, POSTGRES, SQLITE, Ground, Place
from bench.measuring import Block, Samples, interleaved, timed
from bench.reading import last
from bench.report import Figure, Point, compared
from sessions_app import verifying
from sessions_app.store.base import Window

DATABASES = (SQLITE, POSTGRES)
LENGTHS = (200, 2_000, 10_000, 100_000)
NUMBERS = (1_000, 100_000, 1_000_000)
EACH, LAST = 2, 20
MOST_LONG, MOST_MANY = 1.2, 1.3
VERBS = {"last 20 messages": last, "context of 8,000 tokens": built, "append": appending}


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Each size against the smallest, in turns."""
    rounds = 10 if quick else 60
    yield from of_lengths(ground.place(database), LENGTHS[: 2 if quick else None], rounds=rounds)
    numbers = (100, 1_000) if quick else NUMBERS
    yield from of_numbers(ground, database, numbers, rounds=rounds)


def of_lengths(place: Place, lengths: tuple[int, ...], *, rounds: int) -> Iterator[Figure]:
    """One session of each length. The policy folds nothing, so all of it could be asked for."""
    opened = {
        _of(length): place.session(f"of {length}", length, policy="token_trim")
        for length in lengths
    }
    timed(appending(place, place.session("before")))(APPENDS_BEFORE[place.database])
    for verb, call in VERBS.items():
        calls: dict[str, Block] = {
            name: timed(call(place, session)) for name, session in opened.items()
        }
        # So few that the shortest stays short.
        samples = interleaved(calls, rounds=rounds, per_block=5 if verb == "append" else 20)
        chart = f"one session grows, p50 in ms ({place.database})"
        points = tuple(Point(chart, verb, n, samples[_of(n)].p50) for n in lengths)
        for length in lengths[1:]:
            named = f"{verb}, a session of {length:,} messages over one of {lengths[0]}"
            names = (_of(length), _of(lengths[0]))
            found = compared(named, place.database, samples, names, MOST_LONG)
            yield replace(found, points=points if length == lengths[-1] else ())


def of_numbers(
    ground: Ground, database: str, numbers: tuple[int, ...], *, rounds: int
) -> Iterator[Figure]:
    """Databases of so many sessions of two messages; each call is for another session, any."""
    filled = {_many(number): ground.place(database) for number in numbers}
    found = {
        name: cloning.sessions(place, number, EACH)
        for (name, place), number in zip(filled.items(), numbers, strict=True)
    }
    _check(filled[_many(numbers[0])])
    for verb, call in {"append": append_anywhere, "read": read_anywhere}.items():
        calls: dict[str, Block] = {
            name: timed(call(place, found[name])) for name, place in filled.items()
        }
        samples = interleaved(calls, rounds=rounds, warm_up=APPENDS_BEFORE[database])
        for number in numbers[1:]:
            yield _of_number(database, verb, samples, (number, numbers[0]), numbers)


def _of_number(
    database: str, verb: str, samples: Samples, pair: tuple[int, int], numbers: tuple[int, ...]
) -> Figure:
    number, least = pair
    named = f"{verb} of any session, {number:,} sessions over {least:,}"
    names = (_many(number), _many(least))
    found = compared(named, database, samples, names, p99=MOST_MANY)
    if number != numbers[-1]:
        return found
    shares = {"p50": 0.5, "p99": 0.99}
    chart = f"the database grows, in ms ({database})"
    points = tuple(
        Point(chart, f"{verb}, {name}", each, samples[_many(each)].percentile(share))
        for name, share in shares.items()
        for each in numbers
    )
    return replace(found, points=points)


def _of(length: int) -> str:
    return f"a session of {length:,}"


def _many(number: int) -> str:
    return f"{number:,} sessions"


def _check(place: Place) -> None:
    """The sessions are as `holdfast verify` wants them; all are made in the same way."""
    problems = list(verifying.verify(place.store, project=place.project))
    assert not problems, problems[0]


def append_anywhere(place: Place, sessions: list[UUID]) -> Callable[[], object]:
    random, messages = Random(len(sessions)), endless()
    append, project, choice = place.store.append, place.project, random.choice
    return lambda: append(project, choice(sessions), [next(messages)])


def read_anywhere(place: Place, sessions: list[UUID]) -> Callable[[], object]:
    """The session row and its newest messages, parsed."""
    store, project, choice = place.store, place.project, Random(len(sessions)).choice
    window = Window(limit=LAST, newest_first=True)

    def call() -> object:
        found = store.messages(store.get(project, choice(sessions)), window)
        return [item.message() for item in found]

    return call
