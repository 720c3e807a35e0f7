"""The checker itself: each kind of broken promise is seen."""

from __future__ import annotations

import pytest

from tests.faults.history import Acknowledged, Stored, violations

GOOD = [Stored("a", 1, 2), Stored("b", 2, 3)]
ACKS = [Acknowledged("a", "s", 1, 2, durable=True), Acknowledged("b", "s", 2, 3, durable=True)]


def test_a_kept_promise_is_no_violation() -> None:
    assert violations(ACKS, ["never arrived"], {"s": GOOD}) == []


@pytest.mark.parametrize(
    ("acks", "log"),
    [
        (ACKS, GOOD[:1]),
        (ACKS, [*GOOD, Stored("b", 3, 4)]),
        (ACKS, [*GOOD, Stored("c", 3, 4)]),
        (ACKS, [Stored("b", 1, 2), Stored("a", 2, 3)]),
        (ACKS, [GOOD[0], Stored("b", 3, 4)]),
        (ACKS, [GOOD[0], Stored("b", 2, 4)]),
        ([ACKS[0], Acknowledged("b", "s", 2, 3, durable=False)], GOOD),
    ],
    ids=["lost", "doubled", "invented", "moved", "gap", "version gap", "not durable"],
)
def test_each_broken_promise_is_seen(acks: list[Acknowledged], log: list[Stored]) -> None:
    assert violations(acks, [], {"s": log})
