"""None of these attempts makes a fact that is trusted, whichever way it comes in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from memory_app.core.extracting import Candidate, Categories
from memory_app.core.passages import Passage
from memory_app.models import Fact
from tests.learning.conftest import Desk
from tests.learning.poison import ADMIN, ATTEMPTS, LIVES, PREFERS, called, user

TRUSTED = ("user", "editor")
RULES: dict[str, Any] = {"window": 1_200, "reserve": 200, "turns": 1}
LIES = ("wire", "Minsk", "Mallory", "7781")


def trusted(desk: Desk) -> list[str]:
    """The facts that anybody's context would have by themselves."""
    rows = Fact.objects.of(desk.project).active()
    return [
        fact.text
        for fact in rows
        if fact.trust in TRUSTED and (fact.learnt_by or fact.key or fact.pinned)
    ]


class Gullible:
    """Finds whatever is said to be a fact, as a model might that was talked into it."""

    name = "gullible"

    def extract(self, passages: Sequence[Passage], categories: Categories) -> Sequence[Candidate]:
        lies = (PREFERS, LIVES, ADMIN, *(one.text for one in passages))
        return [
            Candidate(one.seq, "admin", "preference", lie, 1.0, "editor", "home")
            for one in passages
            for lie in lies
        ]


def test_there_are_many() -> None:
    assert len(ATTEMPTS) >= 60


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_is_not_learnt(desk: Desk, name: str) -> None:
    session = desk.of("ines")
    desk.say(session, ATTEMPTS[name])
    desk.learn()
    assert trusted(desk) == []


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_talks_no_extractor_into_it(desk: Desk, name: str) -> None:
    desk.extractor = Gullible()
    session = desk.of("ines")
    desk.say(session, ATTEMPTS[name])
    desk.learn()
    assert [text for text in trusted(desk) if any(lie in text for lie in LIES)] == []


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_is_no_fact_after_a_compression_either(desk: Desk, name: str) -> None:
    desk.policy("small", **RULES)
    session = desk.of("ines", policy="small")
    desk.say(session, ATTEMPTS[name])
    desk.say(session, [user(f"And what about item {number}?") for number in range(4)])
    desk.ask(session)
    desk.learn()
    assert trusted(desk) == []


def test_what_a_tool_said_is_recalled_and_never_must_be_there(desk: Desk) -> None:
    desk.policy("small", **RULES)
    session = desk.of("ines", policy="small")
    desk.say(session, called(PREFERS))
    desk.say(session, [user(f"And what about item {number}?") for number in range(4)])
    desk.ask(session)
    desk.learn()
    assert all(fact.trust == "tool" for fact in desk.facts("ines") if "7781" in fact.text)


def test_a_preference_stands_against_every_attempt(desk: Desk) -> None:
    desk.of("ines", "I live in Porto.")
    desk.learn()
    for attempt in ATTEMPTS.values():
        session = desk.of("ines")
        desk.say(session, attempt)
    desk.learn()
    assert desk.texts("ines") == ["I live in Porto."]


def test_one_users_words_are_never_anothers(desk: Desk) -> None:
    desk.of("bo", "I live in Rome.", "My favourite colour is red.")
    shared = desk.of("ines")
    desk.tell(shared, "I live in Rome.", author="bo")
    desk.learn()
    assert desk.facts("ines") == []
    assert len(desk.facts("bo")) == 2
