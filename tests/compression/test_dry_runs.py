"""A dry run says what would be done, soon, whatever the model does; and stores nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from memory_app import asking
from memory_app.asking import Asked
from memory_app.core.passages import Point
from memory_app.core.work import INVALID_ANSWER, Work
from sessions_app.core import errors
from sessions_app.models import Session
from sessions_app.store.base import UNGUARDED, Guard
from tests.api.folding import SMALL, talk
from tests.compression import engines as fakes
from tests.compression.conftest import Desk
from tests.compression.engines import Engine

SECONDS = 30
SAME = ("range", "decisions", "summary", "audit", "tokens_before", "tokens_after", "outcome")

Answer = Callable[[Work], list[Point]]


@pytest.fixture
def session(desk: Desk) -> UUID:
    name = desk.policy("small", window=1_000, reserve=0, turns=2)
    said = []
    for n in range(20):
        said.append({"role": "user", "content": f"Order {n}17 must go to Lisbon by May {n % 28}."})
        said.append({"role": "assistant", "content": f"I will send order {n}17 with box {n}4."})
    return desk.session(said, policy=name)


def dry(desk: Desk, session: UUID, guard: Guard = UNGUARDED) -> dict[str, Any]:
    """A dry run, and nothing changed by it."""
    before = list(Session.everything.values())
    try:
        return asking.compress(desk.store, desk.project, session, Asked(dry_run=True), guard)
    finally:
        assert list(Session.everything.values()) == before
        assert desk.rows(session) == []


installed: list[Engine] = []


def newest() -> Engine:
    """The engine of the installation, as the setting names it."""
    return installed[-1]


@pytest.fixture
def answered(settings: Any) -> Iterator[Callable[[Answer], Engine]]:
    """Makes a fake engine that of the installation."""

    def by(answer: Answer) -> Engine:
        settings.HOLDFAST_SUMMARISER = f"{__name__}.newest"
        installed.append(Engine(answer))
        return installed[-1]

    yield by
    installed.clear()


@pytest.fixture
def slow(answered: Callable[[Answer], Engine]) -> Iterator[Engine]:
    """An engine that answers when the test is over."""
    over = threading.Event()

    def answer(work: Work) -> list[Point]:
        over.wait(SECONDS)
        return fakes.honest(work)

    yield answered(answer)
    over.set()


def test_what_a_model_would_write_is_shown(
    desk: Desk, session: UUID, answered: Callable[[Answer], Engine]
) -> None:
    fake = answered(fakes.honest)
    done = dry(desk, session)
    assert (done["outcome"], done["engine"], done["tried"]) == ("applied", "fake", [])
    assert len(fake.asked) == 1


def test_a_model_that_is_slow_is_not_waited_for(
    desk: Desk, session: UUID, slow: Engine, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asking.DRY_SECONDS < asking.WAIT_SECONDS <= 5
    monkeypatch.setattr(asking, "DRY_SECONDS", 0.2)
    done = dry(desk, session)
    assert (done["outcome"], done["engine"], done["dry_run"]) == ("applied", "embedded", True)
    (tried,) = done["tried"]
    assert tried["engine"] == "fake"
    assert tried["reason"].startswith("timeout")
    del settings.HOLDFAST_SUMMARISER
    embedded = dry(desk, session)
    assert {name: done[name] for name in SAME} == {name: embedded[name] for name in SAME}
    assert len(slow.asked) == 1


@pytest.mark.parametrize(
    "bad", [fakes.fails(), fakes.fails(INVALID_ANSWER), fakes.empty, fakes.too_long]
)
def test_what_a_model_cannot_do_is_shown_as_it_would_be_done(
    desk: Desk, session: UUID, answered: Callable[[Answer], Engine], bad: Answer
) -> None:
    answered(bad)
    done = dry(desk, session)
    assert (done["outcome"], done["engine"], done["error"]) == ("applied", "embedded", None)
    assert [one["engine"] for one in done["tried"]] == ["fake"]


def test_what_would_be_refused_says_why(desk: Desk) -> None:
    name = desk.policy("small", **SMALL)
    done = dry(desk, desk.session(talk(0, 3), policy=name))
    assert (done["outcome"], done["id"]) == ("refused", None)
    assert done["error"].startswith("too long")
    assert [one["reason"] for one in done["tried"]] == [done["error"]]
    assert done["tokens_after"] == done["tokens_before"]


def test_an_engine_that_crashes_is_named_and_the_embedded_one_answers(
    desk: Desk, session: UUID, answered: Callable[[Answer], Engine], caplog: Any
) -> None:
    answered(fakes.crashes)
    done = dry(desk, session)
    assert (done["outcome"], done["engine"]) == ("applied", "embedded")
    (tried,) = done["tried"]
    assert tried["reason"] == "crashed: ZeroDivisionError"
    assert [record for record in caplog.records if record.exc_info]


def test_a_stale_version_is_refused(desk: Desk, session: UUID) -> None:
    version = desk.now(session).version
    desk.say(session, [{"role": "user", "content": "One more."}])
    with pytest.raises(errors.StaleVersion) as caught:
        dry(desk, session, Guard(expected=version))
    assert caught.value.details["current_version"] == version + 1
    assert dry(desk, session, Guard(expected=version + 1))["outcome"] == "applied"
