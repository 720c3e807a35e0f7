"""Readers and writers at once: nobody is told less than was acknowledged before they asked."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import pytest

from sessions_app.store.tiered import TieredStore
from tests.hot.asking import context, counted, plain, tail
from tests.store.racing import race
from tests.store.saying import filled, said

WRITERS, READERS, TURNS = 2, 3, 15


class Acknowledged:
    """The newest version that any writer was told of."""

    def __init__(self, version: int) -> None:
        self._guard = threading.Lock()
        self.version = version

    def told(self, version: int) -> None:
        with self._guard:
            self.version = max(self.version, version)


@pytest.mark.parametrize("max_stale", [0, 60])
def test_no_reader_is_told_of_a_version_before_what_was_acknowledged(
    tiered: TieredStore, project: int, max_stale: int
) -> None:
    session = filled(tiered, project)
    newest = Acknowledged(tiered.get(project, session).version)

    def write(number: int) -> None:
        for turn in range(TURNS):
            newest.told(tiered.append(project, session, [said(f"{number}.{turn}")]).version)

    def read() -> list[tuple[int, int]]:
        return [seen(tiered, project, session, newest, max_stale) for _ in range(2 * TURNS)]

    answers = race(WRITERS + READERS, lambda n: write(n) if n < WRITERS else read())
    versions = [pair for found in answers[WRITERS:] for pair in found]
    assert len(versions) == READERS * 2 * TURNS
    assert all(told >= before for before, told in versions)
    assert counted(tiered, "errors") == 0
    assert context(tiered, project, session) == context(plain(), project, session)


def seen(
    store: TieredStore, project: int, session: UUID, newest: Acknowledged, max_stale: int
) -> tuple[int, int]:
    """What was acknowledged before, and the least that a context and the newest message are of."""
    before = newest.version
    found: dict[str, Any] = context(store, project, session, max_stale=max_stale, tokens=2_000)
    said_last = tail(store, project, session, max_stale=max_stale, limit=1)[0].version
    return before, min(found["version"], said_last)
