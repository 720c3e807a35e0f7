"""Whichever query of a call the database fails at, the call is told that it may be tried again."""

from __future__ import annotations

from typing import Any, NoReturn
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from memory_app import context
from memory_app.context import Ask
from sessions_app.core.errors import StoreBusy
from sessions_app.store import get_store
from sessions_app.store.database import Database
from tests.api.test_scoping import BODIES, OPERATIONS, filled, name, session
from tests.personas import Persona, refused

__all__ = ["session"]  # a fixture


def locked(*_: Any) -> NoReturn:
    raise OperationalError("database is locked")


@pytest.mark.parametrize("found", OPERATIONS, ids=name)
def test_a_database_that_fails_is_told_as_such(
    owner: Persona, session: str, found: tuple[str, str, dict[str, Any]]
) -> None:
    """Every query by Django's cursors fails; those below them have tests of their own."""
    method, path, operation = found
    body = BODIES.get(operation["operationId"])
    with connection.execute_wrapper(locked):
        response = owner.call(method, filled(path, session), body)
    if response.status_code >= 500:
        refused(response, 503, "store_busy")


def test_a_context_with_facts_is_refused_as_such_in_python_too(
    owner: Persona, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.post("/facts", {"session": session, "text": "x"})
    monkeypatch.setattr(Database, "rows", locked)
    with pytest.raises(StoreBusy):
        context.build(get_store(), owner.project.pk, UUID(session), Ask())


def test_a_query_that_nobody_thought_of_is_told_as_such(
    owner: Persona, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "build", locked)
    refused(owner.get(f"/sessions/{session}/context"), 503, "store_busy")
