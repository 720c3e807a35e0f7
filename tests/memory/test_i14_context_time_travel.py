"""I14: the context at a version is the same for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_app.context import FORMS
from sessions_app.core import errors
from sessions_app.store.base import Edit
from tests.examples import examples
from tests.memory.conftest import Desk
from tests.memory.histories import agent_run, assistant, chat, histories, user

TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
ASKS: list[dict[str, Any]] = [
    {"tokens": tokens, "form": form, "policy": policy}
    for tokens in (None, 700)
    for form in FORMS
    for policy in (None, "token_trim")
]


def pictures(desk: Desk, session: UUID, version: int) -> Iterator[tuple[Any, ...]]:
    """All that a context at a version says, but its id and how long it took."""
    for ask in ASKS:
        try:
            shown = desk.context(session, at=version, **ask).as_json()
        except errors.BudgetTooSmall as error:
            yield (error.details["least"],)
            continue
        for name in ("id", "session", "took_ms"):
            del shown[name]
        yield tuple(shown.items())


def changed(desk: Desk, session: UUID) -> None:
    """Everything that may happen to a session later."""
    desk.say(session, [user("And then?"), assistant("Then this."), *agent_run(4)])
    desk.retract(session, 2, 5)
    desk.pin(session, 1)
    desk.prompt(session, "Be brief.", TOOLS)
    desk.policy("default", turns=2)
    desk.policy("token_trim", strategy="token_trim", window=500, reserve=0)
    desk.store.edit(desk.project, session, Edit(policy="default"))
    desk.store.edit(desk.project, session, Edit(title="Another"))
    desk.store.end(desk.project, session)


def test_nothing_that_comes_later_changes_it(desk: Desk) -> None:
    session = desk.session(chat(12), system="Be kind.")
    desk.pin(session, 4)
    desk.retract(session, 7, 8)
    desk.say(session, agent_run(3))
    head = desk.now(session).version
    versions = range(1, head + 1, 5)
    before = {version: list(pictures(desk, session, version)) for version in versions}
    changed(desk, session)
    for version in versions:
        assert list(pictures(desk, session, version)) == before[version], version


def test_now_and_the_present_version_are_the_same(desk: Desk) -> None:
    session = desk.session(chat(12), system="Be kind.", tools=TOOLS)
    desk.pin(session, 4)
    desk.retract(session, 7, 8)
    head = desk.now(session).version
    for ask in ASKS:
        now, then = desk.context(session, **ask), desk.context(session, at=head, **ask)
        assert (now.digest, now.parts, now.left_out) == (then.digest, then.parts, then.left_out)


def test_a_fork_has_its_parents_past(desk: Desk) -> None:
    session = desk.session(chat(12), system="Be kind.")
    desk.retract(session, 3, 4)
    head = desk.now(session).version
    fork = desk.store.fork(desk.project, session, head - 5).session.id
    desk.say(fork, chat(3))
    for version in (1, 2, head - 9, head - 5):
        ours = list(pictures(desk, fork, version))
        assert ours == list(pictures(desk, session, version)), version


def test_a_version_that_is_not_there_is_refused(desk: Desk) -> None:
    session = desk.session(chat(1))
    for version in (0, 4):
        with pytest.raises(errors.VersionNotFound):
            desk.context(session, at=version)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=histories(), later=histories(), data=st.data())
def test_no_history_changes_the_past(
    desk: Desk, first: list[Any], later: list[Any], data: st.DataObject
) -> None:
    session = desk.session(first)
    head = desk.now(session).version
    before = list(pictures(desk, session, head))
    desk.say(session, later)
    last = desk.now(session).messages
    if last:
        desk.retract(session, data.draw(st.integers(1, last)))
        desk.pin(session, data.draw(st.integers(1, last)))
    assert list(pictures(desk, session, head)) == before
