"""How soon each page answers, and how large it is, with 100,000 sessions and 1,000,000 messages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.test import Client, override_settings

import holdfast
from bench import talk
from bench.ground import POSTGRES, SQLITE, Ground, Place
from bench.measuring import percentile
from bench.report import Figure
from bench.search import write
from memory_app import facts, records
from memory_app.context import Ask
from memory_app.facts import By, Stated
from memory_app.pipeline import Pipeline
from sessions_app import search
from sessions_app.store.base import UNGUARDED

DATABASES = (SQLITE, POSTGRES)
SESSIONS, LONG, FACTS, FOLDED = 100_000, 10_000, 100_000, 50
MANY_FACTS, KEPT = 2_000, 200
CALLS, MOST_NAMED = 9, 5
MANY = 100
"""A version that every session that is looked at has."""
FIRST_MS, XRAY_MS, OCTETS = 300.0, 500.0, 150_000.0
BY = By("bench")


class Shown(NamedTuple):
    """What is there to be looked at: the longest session, a user and a fact of theirs, a kept
    context and a compression."""

    session: str
    user: str
    fact: str
    record: str
    compression: str


class Taken(NamedTuple):
    """What a page took: the milliseconds of each call, and its bytes."""

    address: str
    ms: list[float]
    octets: int

    @property
    def p50(self) -> float:
        return percentile(self.ms, 0.5)


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Every page a few times in turn, in this process; the transcript may be larger than others."""
    place, scale = ground.place(database), 100 if quick else 1
    shown = _filled(place, scale)
    with override_settings(HOLDFAST_LOCAL=True, HOLDFAST_DATABASE=place.alias):
        client = Client(SERVER_NAME="localhost")
        taken = [_taken(client, address) for address in addresses(shown)]
        said = [_taken(client, address) for address in transcripts(shown)]
        xray = _taken(client, f"/sessions/{shown.session}/context/")
    slow, large = _slowest([*taken, *said]), max(taken, key=lambda one: one.octets)
    size = f"{SESSIONS // scale:,} sessions, {SESSIONS // scale * 10 + LONG // scale:,} messages"
    each = ", ".join(f"`{_named(one, shown)}` {one.p50:.0f}" for one in slow[:MOST_NAMED])
    how = f"{size}; the slowest: {each} ms"
    named = f"the slowest of {len(slow)} pages"
    yield Figure(named, database, slow[0].p50, "ms", FIRST_MS, how)
    how = f"{xray.octets / 1000:.0f} kB"
    named = f"x-ray of a session of {LONG // scale:,} messages"
    yield Figure(named, database, xray.p50, "ms", XRAY_MS, how, p99=max(xray.ms))
    how = f"`{_named(large, shown)}`"
    yield Figure("the largest of these pages", database, large.octets, "bytes", OCTETS, how)


def addresses(shown: Shown) -> list[str]:
    """Every kind of page but the transcript, and what narrows and orders them."""
    session, user = f"/sessions/{shown.session}", f"/users/{shown.user}"
    lists = ("", "?sort=tokens", "?sort=level", "?count=true", "?user=user-7", "?tag=none")
    narrowed = ("?errors=true", "?needs_review=true", "?lost=true", "?rating=bad")
    sized = ("?compressed=true", "?min_tokens=1000000", "?min_level=0.9", "?status=ended")
    said = ("?q=w7919", "?q=w40", "?q=w40+w55", "?span=1h")
    return [
        *(f"/sessions/{query}" for query in (*lists, *narrowed, *sized, *said)),
        f"{session}/context/?prefix=true",
        f"{session}/context/?query=invoice",
        f"{session}/forgot/",
        f"{session}/forgot/?text=invoice",
        f"{session}/compressions/",
        "/compressions/",
        "/compressions/?lost=true",
        f"/compressions/{shown.compression}/",
        f"/contexts/{shown.record}/",
        "/users/",
        "/users/?q=user-4",
        "/inbox/",
        f"{user}/",
        f"{user}/?q=rooms",
        f"{user}/?state=retired",
        f"/erase/?user={shown.user}",
        f"/facts/{shown.fact}/",
        f"{session}/context/{MANY}/test/",
        "/settings/",
        "/settings/policies/",
        "/settings/policies/default/",
        f"/settings/policies/default/?session={shown.session}",
    ]


def transcripts(shown: Shown) -> list[str]:
    """The pages of what was said, which have as many bytes as that has."""
    session = f"/sessions/{shown.session}"
    return [f"{session}/", f"{session}/m/5/", f"{session}/?q=invoice"]


def _taken(client: Client, address: str) -> Taken:
    took, octets = [], 0
    for _ in range(CALLS):
        began = time.perf_counter()
        response = client.get(address)
        took.append((time.perf_counter() - began) * 1000)
        assert response.status_code == 200, (address, response.status_code)
        octets = len(response.content)
    return Taken(address, took, octets)


def _slowest(taken: list[Taken]) -> list[Taken]:
    return sorted(taken, key=lambda one: -one.p50)


def _named(one: Taken, shown: Shown) -> str:
    """An address without its ids."""
    address = one.address
    for name, text in shown._asdict().items():
        address = address.replace(text, f"<{name}>")
    return address


# -- what is there -------------------------------------------------------------------------------


def _filled(place: Place, scale: int) -> Shown:
    write(place, SESSIONS // scale)
    _remember(place, scale)
    _fold(place, max(2, FOLDED // scale))
    session, record = _long(place, max(200, LONG // scale))
    while not search.bring_up_to_date(place.alias, seconds=10):
        pass
    if place.database == POSTGRES:
        place.analyze()
    with override_settings(HOLDFAST_LOCAL=True, HOLDFAST_DATABASE=place.alias):
        return _shown(Client(SERVER_NAME="localhost"), str(session), str(record))


def _remember(place: Place, scale: int) -> None:
    """Facts of many users, and of one many."""
    users = [f"user-{number % 50}" for number in range(FACTS // scale)]
    users += ["user-7"] * (MANY_FACTS // scale)
    for begin in range(0, len(users), 500):
        some = enumerate(users[begin : begin + 500], begin)
        stated = [Stated(f"The flat {n} has {n % 7} rooms.", user=user) for n, user in some]
        facts.keep(place.store, place.project, stated, BY)


def _fold(place: Place, sessions: int) -> None:
    for number in range(sessions):
        session = holdfast.open(f"folded-{number}", user="user-7", database=place.address)
        session.append(list(talk.messages(60)))
        session.compress()


def _long(place: Place, messages: int) -> tuple[UUID, UUID]:
    """The longest session, with what is due folded, and one of the contexts that were kept."""
    session = holdfast.open("long", user="user-7", database=place.address)
    number = UUID(session.id)
    said = list(talk.messages(messages))
    for begin in range(0, messages, 200):
        session.append(said[begin : begin + 200])
    pipeline = Pipeline(place.store)
    while pipeline.work():
        pass
    asks = [Ask(query=f"What was said of the flat {at}?") for at in range(KEPT)]
    kept = [records.build(place.store, place.project, number, ask, UNGUARDED) for ask in asks]
    return number, kept[-1].id


def _shown(client: Client, session: str, record: str) -> Shown:
    told = partial(_told, client)
    compression = told("/compressions.json")["data"][0]["id"]
    fact = told("/api/v1/facts?user=user-7&limit=1")["data"][0]["id"]
    return Shown(session, "user-7", fact, record, compression)


def _told(client: Client, address: str) -> Any:
    return client.get(address).json()
