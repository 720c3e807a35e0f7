"""Sessions of which something is folded, the way the pipeline folds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memory_app import asking, policies
from memory_app.asking import Asked
from sessions_app import preparing
from sessions_app.models import Project
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot
from tests.pages.samples import CALL, Payload, assistant, result, session, user

SMALL = {"window": 3_000, "reserve": 500, "turns": 2, "floor": 0.0, "summary": 100}
ASKED = (
    "Move my flight QX7-55912 to Friday the 14th, please.",
    "I always want an aisle seat, and I never fly before 9:00.",
    "ok thanks",
    "What does it cost to change flight {number}?",
    "No, I meant Thursday the {day}th, not Friday.",
    "hello?",
)
ANSWERS = (
    "Flight HAT {number} leaves on the {day}th of November at 13:20.",
    "That costs {number} EUR, change fee 2{day} EUR included.",
    "You are welcome!",
    "I will book seat {day}C on flight HAT {number} tonight.",
)


def told(turns: int, first: int = 0) -> list[Payload]:
    """A talk with figures, thanks and promises in it; a tool is asked in every fifth turn."""
    said: list[Payload] = []
    for turn in range(first, first + turns):
        values = {"number": 200 + turn, "day": 10 + turn % 18}
        said.append(user(ASKED[turn % len(ASKED)].format(**values)))
        if turn % 5 == 4:
            said += [assistant(tool_calls=[CALL]), result(f'{{"flight":"HAT{300 + turn}"}}')]
        said.append(assistant(ANSWERS[turn % len(ANSWERS)].format(**values)))
    return said


def begun(project: Project, said: Sequence[Payload] = (), **new: Any) -> Snapshot:
    """A session that may be compressed, and is not yet."""
    policies.put(get_store(), project.pk, "small", SMALL)
    return session(project, said, policy="small", **new)


def folded(project: Project, turns: int = 12, times: int = 1, **new: Any) -> Snapshot:
    """A session compressed so often, after `turns` turns each time."""
    store, made = get_store(), begun(project, **new)
    for time in range(times):
        said = told(turns, time * turns)
        for start in range(0, len(said), preparing.MAX_BATCH):
            part = preparing.batch(said[start : start + preparing.MAX_BATCH])
            store.append(project.pk, made.id, part)
        compress(project, made)
    return store.get(project.pk, made.id)


def compress(project: Project, made: Snapshot, **asked: Any) -> dict[str, Any]:
    """What came of compressing the session now; it must have come to something."""
    done = asking.compress(get_store(), project.pk, made.id, Asked(**asked))
    assert done["outcome"] == "applied", done["error"]
    return done
