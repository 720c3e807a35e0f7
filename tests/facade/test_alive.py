"""A connection out of a pool is used only if it works, and asked of the server only in doubt."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from holdfast import alive

Passes = Callable[[float], None]


class Pooled:
    """A connection as the check sees it; `asked` counts how often it was asked."""

    autocommit = True

    def __init__(self) -> None:
        self.here, self.server = socket.socketpair()
        self.asked = 0

    def fileno(self) -> int:
        return self.here.fileno()

    def execute(self, statement: str) -> None:
        assert statement == ""
        self.asked += 1


@pytest.fixture
def pooled() -> Iterator[Pooled]:
    made = Pooled()
    yield made
    made.here.close()
    made.server.close()


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    """Lets seconds pass."""
    now = [1_000.0]
    monkeypatch.setattr("holdfast.alive.time.monotonic", lambda: now[0])

    def pass_(seconds: float) -> None:
        now[0] += seconds

    return pass_


def test_a_silent_one_is_asked_once_a_second(pooled: Pooled, passes: Passes) -> None:
    for seconds, asked in ((0, 1), (0, 1), (0.9, 1), (0.2, 2), (0.9, 2), (60, 3)):
        passes(seconds)
        alive.check(pooled)
        assert pooled.asked == asked


def test_one_that_was_told_something_is_asked(pooled: Pooled, passes: Passes) -> None:
    alive.check(pooled)
    pooled.server.send(b"E")
    for asked in (2, 3):
        alive.check(pooled)
        assert pooled.asked == asked
    assert pooled.here.recv(1) == b"E"
    alive.check(pooled)
    assert pooled.asked == 3


def test_one_that_was_ended_is_asked(pooled: Pooled, passes: Passes) -> None:
    alive.check(pooled)
    pooled.server.close()
    alive.check(pooled)
    assert pooled.asked == 2


def test_without_a_way_to_look_each_is_asked(
    pooled: Pooled, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("holdfast.alive.select.poll")
    for asked in (1, 2, 3):
        alive.check(pooled)
        assert pooled.asked == asked
