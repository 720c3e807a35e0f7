"""I11: a context costs the same statements and rows however long the session is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from sessions_app.store.database import Database, Row
from tests.memory.conftest import Desk
from tests.memory.histories import assistant, user, words

SHORT, LONG = 400, 10_000
MEAN_TOKENS = 53


class Meter:
    """Counts what is asked of the database, and how much comes back."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.statements = self.rows = 0
        rows, row = Database.rows, Database.row

        def many(database: Database, sql: str, params: Sequence[Any] = ()) -> list[Row]:
            found = rows(database, sql, params)
            self.count(len(found))
            return found

        def one(database: Database, sql: str, params: Sequence[Any] = ()) -> Row | None:
            found = row(database, sql, params)
            self.count(found is not None)
            return found

        patch.setattr(Database, "rows", many)
        patch.setattr(Database, "row", one)

    def count(self, rows: int) -> None:
        self.statements += 1
        self.rows += rows

    def read(self, action: Callable[[], object]) -> tuple[int, int]:
        self.statements = self.rows = 0
        action()
        return self.statements, self.rows


@pytest.fixture
def lengths(desk: Desk) -> tuple[UUID, UUID]:
    """Two sessions of equal turns: a short one and a long one."""
    turn = [user(words(40)), assistant(words(60))]
    made = tuple(desk.session(turn * (size // 2), system="Be kind.") for size in (SHORT, LONG))
    return made[0], made[1]


def costs(
    desk: Desk, meter: Meter, lengths: tuple[UUID, UUID], **ask: Any
) -> list[tuple[int, int]]:
    return [meter.read(lambda s=made: desk.context(s, **ask)) for made in lengths]  # type: ignore[misc]


@pytest.mark.parametrize("policy", [None, "token_trim"])
@pytest.mark.parametrize("tokens", [1_000, 8_000])
def test_the_length_costs_nothing(
    desk: Desk,
    lengths: tuple[UUID, UUID],
    monkeypatch: pytest.MonkeyPatch,
    policy: str | None,
    tokens: int,
) -> None:
    meter = Meter(monkeypatch)
    short, long = costs(desk, meter, lengths, policy=policy, tokens=tokens)
    assert short[0] == long[0] <= 5
    # Where the cut falls in its block differs, so a block's worth of rows may.
    assert long[1] <= short[1] + 8
    assert long[1] <= 12 + tokens * 3 // 2 // MEAN_TOKENS


def test_neither_do_pins_and_retractions(
    desk: Desk, lengths: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    for made in lengths:
        desk.pin(made, 120)
        desk.retract(made, 150, 160)
        desk.retract(made, desk.now(made).messages - 9)
    meter = Meter(monkeypatch)
    short, long = costs(desk, meter, lengths, tokens=8_000)
    assert short[0] == long[0]
    # As above; seven turns are a block, of two messages each.
    assert long[1] <= short[1] + 14


def test_a_retracted_past_is_stepped_over(
    desk: Desk, lengths: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    for made in lengths:
        desk.retract(made, 5)
    meter = Meter(monkeypatch)
    short, long = costs(desk, meter, lengths, tokens=8_000)
    assert short == long


def test_the_past_costs_what_the_present_does(
    desk: Desk, lengths: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = Meter(monkeypatch)
    reads = [
        meter.read(lambda at=at: desk.context(lengths[1], at=at, tokens=8_000))  # type: ignore[misc]
        for at in (SHORT, LONG // 2, LONG)
    ]
    assert len({statements for statements, _ in reads}) == 1
    assert max(rows for _, rows in reads) <= min(rows for _, rows in reads) + 16
