"""How recent the epoch is that a process knows of its database."""

from __future__ import annotations

import time

import pytest

from sessions_app import clock
from sessions_app.store.durable import DurableStore
from sessions_app.store.epochs import EPOCH_SECONDS, Epochs
from tests.hot.asking import Clock


def test_it_is_asked_for_again_once_it_may_be_old(project: int) -> None:
    store, now = DurableStore("default"), Clock()
    epochs = Epochs(store.db, now=now)
    before = epochs.recent()
    store.renew_epoch()
    now.now += EPOCH_SECONDS / 2
    assert epochs.recent() == before
    now.now += EPOCH_SECONDS / 2
    assert epochs.recent() != before


def test_its_age_goes_on_while_the_machine_is_asleep(
    project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`time.monotonic` stands meanwhile."""
    monkeypatch.setattr(time, "monotonic", Clock())
    store, epochs = DurableStore("default"), Epochs(DurableStore("default").db)
    before = epochs.recent()
    store.renew_epoch()
    slept = clock.elapsed() + EPOCH_SECONDS
    monkeypatch.setattr(time, "clock_gettime", lambda _: slept)
    assert epochs.recent() != before
