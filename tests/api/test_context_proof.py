"""A kept context is proved whatever is said, remembered, edited or ranked otherwise since."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from memory_app.core import rank
from memory_app.models import ContextRecord
from tests.personas import Persona, answer

QUESTION = "Where does the ferry to Hvar leave from, and what do I eat?"
SMALL = {"window": 2_000, "reserve": 200, "turns": 3}


@pytest.fixture
def session(owner: Persona) -> str:
    """A folded session of a user who said more elsewhere, and of whom facts are known."""
    answer(owner.put("/policies/small", SMALL))
    earlier = owner.opened(user="alice")["id"]
    owner.said(earlier, "The ferry to Hvar leaves from pier 7 at noon.", "I never eat olives.")
    made = owner.opened(user="alice", policy="small")["id"]
    for number in range(30):
        owner.said(made, f"Order {number} goes to pier {number} at 17:{number:02d}, by lorry.")
    answer(owner.post(f"/sessions/{made}/compress", {}), 200)
    owner.said(made, "And now?")
    for text in ("Eats no olives.", "Likes the sea."):
        stored(owner, text)
    stored(owner, "Sits by the window.", key="seat")
    return str(made)


def stored(owner: Persona, text: str, **fields: Any) -> str:
    made = answer(owner.post("/facts", {"user": "alice", "text": text, **fields}), 201)
    return str(made["id"])


def kept(owner: Persona, session: str, **asked: Any) -> dict[str, Any]:
    query = urlencode({"record": "true", "query": QUESTION, **asked})
    built: dict[str, Any] = answer(owner.get(f"/sessions/{session}/context?{query}"))
    return built


def proved(owner: Persona, built: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = answer(owner.get(f"/contexts/{built['id']}"))
    assert (shown["proved"], shown["differs"]) == (True, [])
    assert (shown["messages"], shown["parts"]) == (built["messages"], built["parts"])
    return shown


@pytest.mark.parametrize("form", ["openai", "anthropic", "responses"])
@pytest.mark.parametrize("tokens", [700, 1_800])
def test_what_other_sessions_and_facts_gave_is_proved(
    owner: Persona, session: str, form: str, tokens: int
) -> None:
    built = kept(owner, session, format=form, tokens=tokens)
    assert {"facts", "recalled"} <= {part["name"] for part in built["parts"]}
    proved(owner, built)


def test_it_is_proved_after_all_that_may_happen_to_what_is_remembered(
    owner: Persona, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = kept(owner, session, tokens=900)
    facts = [fact for part in built["parts"] for fact in part["facts"]]
    answer(owner.patch(f"/facts/{facts[0]}", {"text": "Eats olives after all, says the cook."}))
    answer(owner.post(f"/facts/{facts[-1]}/retire", {}))
    stored(owner, "Sits by the aisle.", key="seat")
    stored(owner, "The ferry to Hvar eats olives.", pinned=True)
    other = owner.opened(user="alice")["id"]
    owner.said(other, "No ferry to Hvar leaves from pier 7 any more, they eat there.")
    owner.said(session, "The ferry to Hvar leaves from pier 9.")
    monkeypatch.setattr(rank, "rank", None)  # the ranker of today is not asked
    proved(owner, built)


def test_an_edited_fact_is_proved_as_it_was_edited_then(owner: Persona, session: str) -> None:
    fact = stored(owner, "Eats at nine.")
    answer(owner.patch(f"/facts/{fact}", {"text": "Eats at ten."}))
    built = kept(owner, session)
    answer(owner.patch(f"/facts/{fact}", {"text": "Eats at eleven."}))
    assert "Eats at ten." in str(proved(owner, built)["messages"])


def test_what_was_purged_elsewhere_is_named_as_different(owner: Persona, session: str) -> None:
    earlier = next(
        row["id"] for row in answer(owner.get("/sessions"))["data"] if row["id"] != session
    )
    built = kept(owner, session)
    answer(owner.delete(f"/sessions/{earlier}?purge=now"))
    shown = answer(owner.get(f"/contexts/{built['id']}"))
    assert (shown["proved"], shown["differs"]) == (False, ["recalled"])


def test_a_repeated_request_gets_the_same_context(owner: Persona, session: str) -> None:
    body = {"record": True, "query": QUESTION}
    first = answer(owner.post(f"/sessions/{session}/context", body, Idempotency_Key="k"))
    stored(owner, "Eats no ferry to Hvar.", pinned=True)
    again = answer(owner.post(f"/sessions/{session}/context", body, Idempotency_Key="k"))
    assert again["digest"] == first["digest"]
    assert ContextRecord.objects.count() == 1
