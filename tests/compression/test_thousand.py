"""I11: a session of a thousand compressions costs what one of ten does, and still knows its
beginning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from memory_app import fates, tracing
from sessions_app.store.database import Database
from sessions_app.verifying import verify
from tests.compression.conftest import Desk

COMPRESSIONS = 1_000
EARLY = 10
WINDOW = 400
PINNED = "The vault opens with the word marigold."
KEPT = "My daughter Ines is allergic to hazelnuts, never order any."
QUESTION = "What is my daughter allergic to?"


class Meter:
    """Counts the statements of a deed, those of the store and those of Django."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        for name in ("rows", "row", "run", "run_many"):
            patch.setattr(Database, name, self._counting(getattr(Database, name)))

    def _counting(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            self.count += 1
            return verb(*args)

        return counted

    def of(self, deed: Callable[[], object]) -> int:
        self.count = 0
        with connection.execute_wrapper(self._executed):
            deed()
        return self.count

    def _executed(self, execute: Callable[..., Any], *args: Any) -> Any:
        self.count += 1
        return execute(*args)


@dataclass
class Costs:
    """Statements of appends, contexts and compressions, from the first and to the last."""

    append: list[int] = field(default_factory=list)
    context: list[int] = field(default_factory=list)
    compression: list[int] = field(default_factory=list)

    def check_flat(self) -> None:
        for costs in (self.append, self.context, self.compression):
            assert costs[-1] == costs[EARLY - 1], costs
            assert set(costs[-20:]) == set(costs[EARLY : EARLY + 20]), costs


def turn(n: int) -> list[dict[str, Any]]:
    """A question and an answer of which nothing is like another's."""
    return [
        {"role": "user", "content": f"Please move parcel {n}17 to shelf {n % 90}, not to Faro."},
        {"role": "assistant", "content": f"I will move parcel {n}17 on Monday and tell Rui."},
    ]


def grown(desk: Desk, session: UUID, n: int) -> int:
    """Says turns until the session is due; returns the number of the next one."""
    while desk.due(session).due_us is None:
        desk.say(session, turn(n))
        n += 1
    return n


@pytest.mark.long
def test_i11_a_thousand_compressions_cost_the_same_and_lose_nothing_that_must_stay(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = desk.policy("tiny", window=WINDOW, reserve=0, turns=2, summary=60, facts=0.2)
    noted = {"role": "assistant", "content": "Noted."}
    first = [{"role": "user", "content": PINNED}, noted, {"role": "user", "content": KEPT}, noted]
    session = desk.session(first, policy=name)
    desk.pin(session, 1)
    meter, costs, n = Meter(monkeypatch), Costs(), 0
    worker = desk.pipeline()
    for number in range(1, COMPRESSIONS + 1):
        n = grown(desk, session, n)
        costs.compression.append(meter.of(worker.work))
        now = desk.now(session)
        assert now.compressions == number
        assert now.active_tokens < WINDOW
        if number <= EARLY + 30 or number > COMPRESSIONS - 30:
            costs.context.append(meter.of(lambda: desk.context(session)))
            costs.append.append(meter.of(lambda: desk.say(session, turn(n))))  # noqa: B023
            n += 1
    costs.check_flat()
    assert PINNED in str(desk.context(session).messages)
    assert "hazelnuts" in str(desk.context(session, query=QUESTION).messages)
    assert tracing.trace(desk.store, desk.now(session), "hazelnuts")["carried"]
    now = desk.now(session)
    shown = fates.fates_out(desk.store, now, None)
    assert sum(shown["counts"].values()) == now.messages
    assert list(verify(desk.store)) == []
