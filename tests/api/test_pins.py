from __future__ import annotations

import pytest

from sessions_app.models import Message
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


def test_a_message_that_was_erased_is_pinned_without_its_words(
    owner: Persona, session: str
) -> None:
    Message.objects.filter(session__id=session.rpartition("/")[2], seq=1).update(body="")
    done = answer(owner.post(f"{session}/pins", {"seq": 1}))
    assert (done["erased"], done["content"], done["pinned"]) == (True, None, True)
    built = answer(owner.get(f"{session}/context"))
    assert {"code": "pinned_left_out", "seq": 1} in built["notices"]


def test_pins_that_do_not_fit_are_refused_with_the_least_that_would_do(
    owner: Persona, session: str
) -> None:
    """And the pin itself is not: a larger context has room for it."""
    for seq in (1, 2):
        answer(owner.post(f"{session}/pins", {"seq": seq}))
    error = refused(owner.get(f"{session}/context?tokens=3"), 422, "budget_too_small")
    assert error["param"] == "tokens"
    assert (
        answer(owner.get(f"{session}/context?tokens={error['least']}"))["tokens"]
        == (error["least"])
    )
    refused(owner.get(f"{session}/context?tokens={error['least'] - 1}"), 422, "budget_too_small")


def test_what_is_so_already_stays_as_it_is(owner: Persona, session: str) -> None:
    """A pin twice, a removal twice, the removal of what was never pinned: no event, no error."""
    first = answer(owner.post(f"{session}/pins", {"seq": 1, "reason": "key"}))
    assert answer(owner.post(f"{session}/pins", {"seq": 1, "reason": "other"})) == first
    assert answer(owner.delete(f"{session}/pins/2"))["session_version"] == first["session_version"]
    gone = answer(owner.delete(f"{session}/pins/1"))
    assert answer(owner.delete(f"{session}/pins/1")) == gone
    kinds = [event["kind"] for event in answer(owner.get(f"{session}/events"))["data"]]
    assert kinds == ["created", "pinned", "unpinned"]


def test_a_stale_version_is_refused_though_nothing_would_change(
    owner: Persona, session: str
) -> None:
    answer(owner.post(f"{session}/pins", {"seq": 1}))
    refused(owner.post(f"{session}/pins", {"seq": 1}, If_Match="3"), 409, "stale_version")
    refused(owner.delete(f"{session}/pins/1", If_Match="3"), 409, "stale_version")
    refused(owner.delete(f"{session}/pins/2", If_Match="3"), 409, "stale_version")


def test_a_deleted_session_is_gone_and_a_purged_one_not_found(owner: Persona, session: str) -> None:
    for query, status, code in (("", 410, "session_deleted"), ("?purge=now", 404, "not_found")):
        owner.delete(f"{session}{query}")
        refused(owner.post(f"{session}/pins", {"seq": 1}), status, code)
        refused(owner.delete(f"{session}/pins/1"), status, code)


def test_pins_of_another_project_are_not_found(
    owner: Persona, stranger: Persona, session: str
) -> None:
    refused(stranger.post(f"{session}/pins", {"seq": 1}), 404, "not_found")
    refused(stranger.delete(f"{session}/pins/1"), 404, "not_found")
    assert answer(owner.get(session))["version"] == 3


@pytest.mark.parametrize("seq", [0, 3, -1, "1", True, 1.0, None])
def test_only_a_message_of_the_session_is_pinned(owner: Persona, session: str, seq: object) -> None:
    assert refused(owner.post(f"{session}/pins", {"seq": seq}), 422, "invalid_field")["param"] == (
        "seq"
    )


@pytest.mark.parametrize("seq", ["0", "3", "x", "-1", "1.0", "01", "%00", "٣", "9" * 30])
def test_what_names_no_message_cannot_be_unpinned(owner: Persona, session: str, seq: str) -> None:
    refused(owner.delete(f"{session}/pins/{seq}"), 404, "not_found")
