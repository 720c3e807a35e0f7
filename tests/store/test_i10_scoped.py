"""I10: nothing outside the caller's project is found, changed, counted or told of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from sessions_app.core import errors
from sessions_app.models import EndUser, Policy, Session, Unscoped
from sessions_app.store.base import Edit, NewSession, Store
from sessions_app.verifying import heads, verify
from tests.store.saying import filled, keyed, opened, turn

VERBS: dict[str, Callable[[Store, int, UUID], Any]] = {
    "get": lambda store, project, session: store.get(project, session, deleted=True),
    "append": lambda store, project, session: store.append(project, session, turn()),
    "edit": lambda store, project, session: store.edit(project, session, Edit(title="mine")),
    "retract": lambda store, project, session: store.retract(project, session, (1, None)),
    "pin": lambda store, project, session: store.pin(project, session, 1),
    "fork": lambda store, project, session: store.fork(project, session, 1),
    "end": lambda store, project, session: store.end(project, session),
    "archive": lambda store, project, session: store.archive(project, session),
    "reopen": lambda store, project, session: store.reopen(project, session),
    "delete": lambda store, project, session: store.delete(project, session),
    "restore": lambda store, project, session: store.restore(project, session),
    "purge": lambda store, project, session: store.purge(project, session),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_session_of_another_project_is_not_there(
    any_store: Store, project: int, foreign: int, verb: str
) -> None:
    session = filled(any_store, foreign)
    before = any_store.get(foreign, session)
    with pytest.raises(errors.NotFound) as caught:
        VERBS[verb](any_store, project, session)
    assert str(session) not in caught.value.message
    assert any_store.get(foreign, session) == before


def test_a_key_that_another_project_uses_is_free(
    any_store: Store, project: int, foreign: int
) -> None:
    theirs = any_store.open(foreign, NewSession(key="trip", user="alice"))
    ours = any_store.open(project, NewSession(key="trip", user="bob"))
    assert ours.made
    assert ours.session.id != theirs.session.id
    assert any_store.open(project, NewSession(key="trip")).session.user == "bob"


def test_a_fork_may_take_a_key_that_another_project_uses(
    any_store: Store, project: int, foreign: int
) -> None:
    opened(any_store, foreign, key="branch")
    assert any_store.fork(project, filled(any_store, project), 2, "branch").made


def test_users_of_the_same_name_are_two(any_store: Store, project: int, foreign: int) -> None:
    opened(any_store, project, user="alice")
    opened(any_store, foreign, user="alice")
    assert EndUser.objects.of(project).count() == 1
    assert EndUser.everything.count() == 2


def test_a_kept_answer_is_not_told_to_another_project(
    any_store: Store, project: int, foreign: int
) -> None:
    theirs = any_store.open(foreign, NewSession(title="secret"), keyed("k"))
    ours = any_store.open(project, NewSession(title="ours"), keyed("k"))
    assert ours.session.id != theirs.session.id
    assert ours.session.title == "ours"


def test_a_policy_of_another_project_is_unknown(
    any_store: Store, project: int, foreign: int
) -> None:
    Policy.everything.create(
        project_id=foreign, name="wide", version=1, window_tokens=9, capacity=8, created_us=0
    )
    with pytest.raises(errors.InvalidField):
        any_store.open(project, NewSession(policy="wide"))
    with pytest.raises(errors.InvalidField):
        any_store.edit(project, opened(any_store, project), Edit(policy="wide"))


def test_rows_are_asked_for_with_a_project_or_not_at_all() -> None:
    for model in (Session, EndUser, Policy):
        with pytest.raises(Unscoped):
            model.objects.all()
        with pytest.raises(Unscoped):
            model.objects.filter(pk=1)


def test_heads_and_proofs_can_be_of_one_project(
    any_store: Store, project: int, foreign: int
) -> None:
    ours, theirs = filled(any_store, project), filled(any_store, foreign)
    Session.everything.filter(id=theirs).update(turns=99)
    assert [head.session for head in heads(any_store, project=project)] == [ours]  # type: ignore[arg-type]
    assert list(verify(any_store, project=project)) == []  # type: ignore[arg-type]
    assert {problem.session for problem in verify(any_store)} == {theirs}  # type: ignore[arg-type]
