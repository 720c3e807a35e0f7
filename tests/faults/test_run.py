"""Sixteen writers, three readers, two servers and a worker on one store, and everything done to
them that can be done: no promise is broken. Longer: `python -m tests.faults --minutes 10`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import nemeses, running
from tests.faults.checking import violations
from tests.faults.history import save
from tests.faults.nemeses import NEMESES, plan
from tests.servers import ServerMissing, chosen_database, missing

SEED = 1
LEAST = {
    "acknowledged append": 200,
    "unknown": 10,
    "unknown, then done": 5,
    "answered twice": 5,
    "stale": 5,
    "summaries": 1,
    "asked again": 20,
    "fenced out": 1,
    "taken as old": 5,
    **dict.fromkeys(
        (f"acknowledged {kind}" for kind in ("edit", "retract", "pin", "fact", "lease")), 1
    ),
    **dict.fromkeys((f"read {kind}" for kind in ("last", "log", "follow", "past", "session")), 5),
}
"""With fewer a run says little; what a run ends by makes sure that there are more."""


@pytest.mark.long
def test_no_promise_is_broken_whatever_is_done_to_the_servers(tmp_path: Path) -> None:
    database = chosen_database()
    steps = plan(SEED, database)
    try:
        history = running.run(running.Plan(SEED, database, steps), tmp_path)
    except ServerMissing as error:
        missing(str(error))
    save(history, tmp_path / "history.jsonl")
    assert violations(history) == []
    counted = running.coverage(history)
    assert {name: counted[name] for name, least in LEAST.items() if counted[name] < least} == {}
    assert [fault.kind for fault in history.faults] == [step.kind for step in steps]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_seed_gives_one_plan_with_every_nemesis_of_its_database(database: str) -> None:
    assert plan(3, database) == plan(3, database)
    assert plan(3, database) != plan(4, database)
    wanted = {kind for kind, nemesis in NEMESES.items() if nemesis.often.get(database)}
    assert {step.kind for step in nemeses.plan(3, database)} == wanted
