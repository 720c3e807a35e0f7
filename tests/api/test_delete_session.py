from __future__ import annotations

import pytest

from sessions_app.models import Event, Message, RequestKey, Session, SessionTag
from tests.personas import Persona, answer, refused


@pytest.fixture
def session(owner: Persona) -> str:
    made = owner.opened(key="k", tags=["a"])
    owner.said(made["id"], "one", "two")
    return f"/sessions/{made['id']}"


def test_a_deleted_session_is_hidden_and_takes_no_writes(owner: Persona, session: str) -> None:
    response = owner.delete(session)
    assert (response.status_code, response.content) == (204, b"")
    refused(
        owner.post(f"{session}/messages", {"role": "user", "content": "x"}), 410, "session_deleted"
    )
    refused(owner.patch(session, {"title": "x"}), 410, "session_deleted")
    refused(owner.delete(session), 410, "session_deleted")
    assert Message.objects.count() == 2


def test_restore_brings_it_back_as_it_was(owner: Persona, session: str) -> None:
    answer(owner.post(f"{session}/end"))
    owner.delete(session)
    restored = answer(owner.post(f"{session}/restore"))
    assert (restored["status"], restored["messages"]) == ("ended", 2)
    assert "purge_at" not in restored
    assert answer(owner.get(session))["status"] == "ended"


def test_restoring_what_is_not_deleted_changes_nothing(owner: Persona, session: str) -> None:
    assert answer(owner.post(f"{session}/restore"))["version"] == 3


def test_a_purge_removes_every_row_and_answers_with_a_receipt(owner: Persona, session: str) -> None:
    answer(owner.post(f"{session}/retract", {"from": 1}, Idempotency_Key="one"))
    head = answer(owner.get(session))["head"]
    receipt = answer(owner.delete(f"{session}?purge=now"))
    assert receipt["session"] == session.removeprefix("/sessions/")
    assert receipt["head"] == head
    assert receipt["counts"]["messages"] == 2
    for model in (Message, Event, SessionTag, RequestKey):
        assert not model.objects.exists()
    assert not Session.everything.exists()


def test_a_deleted_session_can_be_purged_before_its_time(owner: Persona, session: str) -> None:
    owner.delete(session)
    answer(owner.delete(f"{session}?purge=now"))


def test_nothing_is_left_of_a_purged_session(owner: Persona, session: str) -> None:
    answer(owner.delete(f"{session}?purge=now"))
    for method, path in [
        *(("GET", session), ("GET", f"{session}/messages"), ("GET", f"{session}/events")),
        *(("GET", f"{session}/context"), ("POST", f"{session}/restore"), ("DELETE", session)),
        *(("POST", f"{session}/end"), ("DELETE", f"{session}?purge=now")),
    ]:
        refused(owner.call(method, path), 404, "not_found")


def test_a_purge_needs_the_admin_scope(writer: Persona, session: str) -> None:
    error = refused(writer.delete(f"{session}?purge=now"), 403, "forbidden")
    assert error["scope"] == "admin"
    assert writer.delete(session).status_code == 204


def test_purge_takes_no_other_word(owner: Persona, session: str) -> None:
    assert refused(owner.delete(f"{session}?purge=later"), 422, "invalid_field")["param"] == "purge"
    answer(owner.get(session))
