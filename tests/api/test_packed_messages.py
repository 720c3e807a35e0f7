"""A large message over HTTP: what came in goes out; a damaged one is an error that says so."""

from __future__ import annotations

from sessions_app.models import Message
from tests.personas import Persona, answer, refused

TEXT = "a line of a log\n" * 4_000


def test_a_large_message_comes_back_and_a_damaged_one_is_told(owner: Persona) -> None:
    session = f"/sessions/{owner.opened()['id']}"
    answer(owner.post(f"{session}/messages", {"role": "user", "content": TEXT}), 201)
    (message,) = answer(owner.get(f"{session}/messages"))["data"]
    assert message["content"] == TEXT
    Message.objects.update(packed=b"")
    error = refused(owner.get(f"{session}/messages"), 500, "message_damaged")
    assert error["seq"] == 1
    refused(owner.post(f"{session}/context", {}), 500, "message_damaged")
