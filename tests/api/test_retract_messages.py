from __future__ import annotations

from typing import Any

import pytest

from tests.personas import Persona, answer, refused


@pytest.fixture
def session(owner: Persona) -> str:
    made = owner.opened()["id"]
    owner.said(made, "one", "two", "three")
    return f"/sessions/{made}"


def test_retracted_messages_stay_in_the_log_and_leave_the_context(
    owner: Persona, session: str
) -> None:
    before = answer(owner.get(session))
    done = answer(owner.post(f"{session}/retract", {"from": 2, "reason": "typo"}))
    assert (done["version"], done["from"], done["to"], done["messages"]) == (5, 2, 3, 2)
    assert 0 < done["active_tokens"] < before["active_tokens"]
    assert len(answer(owner.get(f"{session}/messages"))["data"]) == 3
    shown = answer(owner.get(f"{session}/context"))["messages"]
    assert [message["content"] for message in shown] == ["one"]
    event = answer(owner.get(f"{session}/events?after=4"))["data"][0]
    assert (event["kind"], event["data"]) == ("retracted", {"from": 2, "to": 3, "reason": "typo"})


def test_retracting_the_same_again_changes_nothing(owner: Persona, session: str) -> None:
    body = {"from": 2, "to": 3}
    assert answer(owner.post(f"{session}/retract", body)) == answer(
        owner.post(f"{session}/retract", body)
    )


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "invalid_field", "from"),
        ({"from": 0}, "invalid_field", "from"),
        ({"from": 4}, "invalid_field", "from"),
        ({"from": "1"}, "invalid_field", "from"),
        ({"from": 1.0}, "invalid_field", "from"),
        ({"from": True}, "invalid_field", "from"),
        ({"from": 2, "to": 1}, "invalid_field", "to"),
        ({"from": 1, "to": 9}, "invalid_field", "to"),
        ({"from": 2**70}, "number_out_of_range", "from"),
        ({"from": 1, "why": "x"}, "unknown_field", "why"),
        ({"from": 1, "reason": "x" * 1_001}, "too_long", "reason"),
    ],
)
def test_a_bad_span_is_named(
    owner: Persona, session: str, body: dict[str, Any], code: str, param: str
) -> None:
    assert refused(owner.post(f"{session}/retract", body), 422, code)["param"] == param
    assert answer(owner.get(session))["version"] == 4


def test_a_person_may_retract_after_the_end(owner: Persona, session: str) -> None:
    owner.post(f"{session}/end")
    assert answer(owner.post(f"{session}/retract", {"from": 1}))["version"] == 6
