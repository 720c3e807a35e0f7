from __future__ import annotations

import pytest

from tests.personas import Persona, answer, refused


def test_a_session_is_read_as_it_was_opened(owner: Persona, teammate: Persona) -> None:
    made = owner.opened(key="k", system="Be kind.", tags=["a"])
    shown = answer(teammate.get(f"/sessions/{made['id']}"))
    assert shown == {name: made[name] for name in made if not name.startswith("durable")}


def test_a_quiet_session_is_idle(owner: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    made = owner.opened()
    later = 10**18
    monkeypatch.setattr("sessions_app.clock.now_us", lambda: later)
    assert answer(owner.get(f"/sessions/{made['id']}"))["status"] == "idle"


@pytest.mark.parametrize(
    "name", ["nothing", "1", "0" * 32, "%00", "0198%0000", "{" + "0" * 36 + "}", "٣" * 32]
)
def test_what_is_no_id_is_not_found(owner: Persona, name: str) -> None:
    refused(owner.get(f"/sessions/{name}"), 404, "not_found")


def test_a_deleted_session_is_gone(owner: Persona) -> None:
    made = owner.opened()
    owner.delete(f"/sessions/{made['id']}")
    error = refused(owner.get(f"/sessions/{made['id']}"), 410, "session_deleted")
    assert error["purge_at"].endswith("Z")


def test_the_head_of_an_http_call_has_no_body_of_its_own(owner: Persona) -> None:
    made = owner.opened()
    response = owner.call("HEAD", f"/sessions/{made['id']}")
    assert (response.status_code, response.content) == (200, b"")
