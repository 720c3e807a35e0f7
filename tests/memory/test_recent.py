"""The newest messages that a process holds: only what is new is read, and another history, as after
a restore, is never taken for the one that was held."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from memory_app import context as building
from memory_app import recent
from memory_app.core.lines import SEQ
from memory_app.recent import Recent
from sessions_app.core import errors
from sessions_app.core.held import Held
from sessions_app.store.reading import Reader
from tests.memory.conftest import Desk

pytestmark = pytest.mark.django_db(transaction=True)

TURNS = [
    {"role": role, "content": f"{role} {number} says that it rains in Graz."}
    for number in range(150)
    for role in ("user", "assistant")
]


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> Held[Recent]:
    """The memory of this process, empty."""
    empty = Held[Recent](recent.MOST_OCTETS)
    monkeypatch.setattr(recent, "_held", empty)
    return empty


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seq of each message that is read from now on, but by its number."""
    seqs: list[int] = []

    def noting(name: str) -> None:
        real: Callable[..., list[Any]] = getattr(Reader, name)

        def noted(*args: Any) -> list[Any]:
            found = real(*args)
            seqs.extend(line[SEQ] for line in found)
            return found

        monkeypatch.setattr(Reader, name, noted)

    noting("lines")
    noting("lines_with_digest")
    return seqs


def shown(told: building.Context) -> dict[str, Any]:
    """What a context is but for its id and what it took."""
    return {
        name: value
        for name, value in told.as_json().items()
        if name not in ("id", "mode", "took_ms")
    }


def asked(desk: Desk, session: UUID, **ask: Any) -> dict[str, Any]:
    return shown(desk.context(session, **ask))


def fresh(desk: Desk, session: UUID, **ask: Any) -> dict[str, Any]:
    """The same of what the database says and nothing else: the row is without its epoch."""
    ask_ = building.Ask(**ask)
    return shown(building.build(desk.store, desk.project, desk.now(session), ask_))


def call(number: int) -> list[dict[str, Any]]:
    function = {"name": "rain", "arguments": "{}"}
    calls = [{"id": f"call-{number}", "type": "function", "function": function}]
    return [
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "tool_call_id": f"call-{number}", "content": f"{number} mm"},
    ]


def test_after_an_append_only_what_is_new_is_read(desk: Desk, read: list[int]) -> None:
    session = desk.session(TURNS)
    asked(desk, session, tokens=1_000)
    desk.say(session, TURNS[:2])
    read.clear()
    told = asked(desk, session, tokens=1_000)
    assert read == [302, 301, 300]
    assert told == fresh(desk, session, tokens=1_000)


def test_a_session_that_did_not_change_is_not_read_again(desk: Desk, read: list[int]) -> None:
    session = desk.session(TURNS)
    first = asked(desk, session, tokens=1_000)
    read.clear()
    assert asked(desk, session, tokens=1_000) == first
    assert read == []


def test_a_context_of_an_earlier_version_leaves_the_newest_to_be_held(
    desk: Desk, read: list[int]
) -> None:
    session = desk.session(TURNS)
    for _ in range(2):
        assert asked(desk, session, at=40, tokens=500) == fresh(desk, session, at=40, tokens=500)
        asked(desk, session, tokens=500)
    read.clear()
    asked(desk, session, tokens=500)
    assert read == []


def test_a_larger_context_reads_what_is_older_and_nothing_twice(
    desk: Desk, read: list[int]
) -> None:
    session = desk.session(TURNS)
    asked(desk, session, tokens=500)
    asked(desk, session, tokens=2_000)
    assert len(read) == len(set(read))
    read.clear()
    assert asked(desk, session, tokens=2_000) == fresh(desk, session, tokens=2_000)


@pytest.mark.parametrize("more", [0, 1, 7])
def test_another_history_is_read_anew(desk: Desk, more: int) -> None:
    """The database is set back to what it was, and goes on otherwise, as far or further."""
    session = desk.session(TURNS[:20])
    number = desk.now(session).number
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM holdfast_session WHERE number = %s", [number])
        names = [column[0] for column in cursor.description]
        (row,) = cursor.fetchall()
    desk.say(session, TURNS[20:30])
    asked(desk, session)
    with connection.cursor() as cursor:
        told = [number, 20]
        cursor.execute("DELETE FROM holdfast_message WHERE session_id = %s AND seq > %s", told)
        values = ", ".join(f"{name} = %s" for name in names)
        cursor.execute(f"UPDATE holdfast_session SET {values} WHERE number = %s", [*row, number])  # noqa: S608
    desk.say(session, [{"role": "user", "content": "It snows."}] * (10 + more))
    after = asked(desk, session)
    assert after == fresh(desk, session)
    assert "user 10 says" not in str(after)
    assert len(after["messages"]) == 30 + more


def test_what_is_read_in_a_transaction_is_not_held(desk: Desk, held: Held[Recent]) -> None:
    session = desk.session(TURNS[:20])
    with transaction.atomic():
        desk.say(session, [{"role": "user", "content": "never said"}])
        asked(desk, session)
        transaction.set_rollback(True)
    assert held.octets == 0
    assert asked(desk, session) == fresh(desk, session)


def test_where_much_came_meanwhile_it_is_read_anew(desk: Desk, read: list[int]) -> None:
    session = desk.session(TURNS[:20])
    asked(desk, session)
    desk.say(session, TURNS[: recent.MOST_NEW + 1])
    assert asked(desk, session, tokens=900) == fresh(desk, session, tokens=900)


def test_one_session_of_long_messages_leaves_room_for_others(
    desk: Desk, held: Held[Recent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "ITS_OCTETS", 50_000)
    session = desk.session([{"role": "user", "content": "x y " * 5_000}] * 10)
    for _ in range(2):
        assert asked(desk, session) == fresh(desk, session)
        desk.say(session, TURNS[:2])
    assert 20_000 < held.octets < 60_000


def test_no_more_is_held_than_is_used(desk: Desk, held: Held[Recent]) -> None:
    session = desk.session(TURNS)
    asked(desk, session, tokens=200)
    before = held.octets
    for _ in range(40):
        desk.say(session, TURNS[:20])
        asked(desk, session, tokens=200)
    assert held.octets < before + 2_000 * recent.MOST_NEW


@pytest.mark.parametrize("seed", range(8))
def test_what_is_held_never_shows(desk: Desk, seed: int) -> None:
    random = Random(seed)
    session = desk.session(TURNS[: random.choice((1, 7, 60))])
    for number in range(40):
        deed = random.randrange(6)
        if deed == 0:
            last = desk.now(session).messages
            first = random.randint(max(1, last - 9), last)
            desk.retract(session, first, random.choice((first, last)))
        elif deed < 3:
            desk.say(session, call(number)[:deed])
        elif deed < 5:
            desk.say(session, TURNS[: random.randint(1, 9)])
        ask = {"tokens": random.randint(60, 1_500), "form": random.choice(building.FORMS)}
        try:
            expected = fresh(desk, session, **ask)
        except errors.BudgetTooSmall:
            continue
        assert asked(desk, session, **ask) == expected
