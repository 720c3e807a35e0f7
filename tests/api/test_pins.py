from __future__ import annotations

import pytest

from tests.personas import Persona, answer, refused


@pytest.fixture
def session(owner: Persona) -> str:
    made = owner.opened()["id"]
    owner.said(made, "one", "two")
    return f"/sessions/{made}"


def test_a_pin_answers_with_the_message_and_its_fate(owner: Persona, session: str) -> None:
    done = answer(owner.post(f"{session}/pins", {"seq": 1, "reason": "key"}))
    assert (done["seq"], done["content"], done["fate"]) == (1, "one", "verbatim")
    assert (done["pinned"], done["session_version"]) == (True, 4)


def test_a_pin_is_taken_away_again(owner: Persona, session: str) -> None:
    owner.post(f"{session}/pins", {"seq": 1})
    done = answer(owner.delete(f"{session}/pins/1"))
    assert (done["pinned"], done["session_version"]) == (False, 5)
    assert answer(owner.delete(f"{session}/pins/1"))["session_version"] == 5


def test_a_retracted_message_says_so(owner: Persona, session: str) -> None:
    owner.post(f"{session}/retract", {"from": 2})
    assert answer(owner.post(f"{session}/pins", {"seq": 2}))["fate"] == "retracted"


@pytest.mark.parametrize("seq", [0, 3, -1, "1", True, 1.0, None])
def test_only_a_message_of_the_session_is_pinned(owner: Persona, session: str, seq: object) -> None:
    assert refused(owner.post(f"{session}/pins", {"seq": seq}), 422, "invalid_field")["param"] == (
        "seq"
    )


@pytest.mark.parametrize("seq", ["0", "3", "x", "-1", "1.0", "01", "%00", "٣", "9" * 30])
def test_what_names_no_message_cannot_be_unpinned(owner: Persona, session: str, seq: str) -> None:
    refused(owner.delete(f"{session}/pins/{seq}"), 404, "not_found")
