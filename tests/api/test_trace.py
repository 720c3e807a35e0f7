from __future__ import annotations

from typing import Any

import pytest

from tests.api.folding import filled
from tests.personas import Persona, answer, refused


@pytest.fixture
def session(owner: Persona) -> str:
    return filled(owner)


def trace(owner: Persona, session: str, text: str) -> Any:
    return answer(owner.get(f"{session}/trace?text={text}"))


def test_what_is_in_view_is_carried_word_for_word(owner: Persona, session: str) -> None:
    found = trace(owner, session, "Box%20317")
    assert (found["text"], found["carried"], found["lost_at"]) == ("Box 317", ["verbatim"], None)
    assert [one["seq"] for one in found["said"]] == [7, 8]
    assert {one["fate"] for one in found["said"]} == {"verbatim"}
    assert {one["verbatim_until"] for one in found["said"]} == {None}


def test_case_does_not_matter_and_what_was_never_said_is_nowhere(
    owner: Persona, session: str
) -> None:
    assert trace(owner, session, "bOX%20317")["said"]
    found = trace(owner, session, "Saturn")
    assert (found["said"], found["carried"], found["lost_at"]) == ([], [], None)


def test_what_was_folded_is_carried_by_something_or_lost_somewhere(
    owner: Persona, session: str
) -> None:
    done = answer(owner.post(f"{session}/compress", {}))
    facts = " ".join(fact["text"] for fact in done["facts"]).casefold()
    decided = {one["seq"]: one["fate"] for one in done["decisions"]}
    for n in range(10):
        found = trace(owner, session, f"ox%20{n}17")
        seqs = [one["seq"] for one in found["said"]]
        assert seqs == [2 * n + 1, 2 * n + 2]
        assert {one["verbatim_until"] for one in found["said"]} == {done["version"]}
        assert {one["compression"] for one in found["said"]} == {done["id"]}
        wanted = [
            name
            for name, carries in (
                ("retained", any(decided[seq] == "retained" for seq in seqs)),
                ("summary", f"ox {n}17" in (done["summary"] or "")),
                ("facts", f"ox {n}17" in facts),
            )
            if carries
        ]
        assert found["carried"] == wanted
        assert bool(found["summaries"]) == ("summary" in wanted)
        assert bool(found["facts"]) == ("facts" in wanted)
        lost = found["lost_at"]
        assert (lost is None) == bool(wanted)
        assert lost is None or lost["compression"] == done["id"]


def test_filler_that_nothing_carries_says_where_it_was_lost(owner: Persona) -> None:
    session = filled(owner, 0)
    said = [{"role": "user", "content": "Good morning, zebra crossing!"}]
    answer(owner.post(f"{session}/messages", {"messages": said}), 201)
    messages = [
        {"role": role, "content": f"Order {n}17 goes to Lisbon, not to Faro, on May {n % 9 + 1}."}
        for n in range(30)
        for role in ("user", "assistant")
    ]
    answer(owner.post(f"{session}/messages", {"messages": messages}), 201)
    done = answer(owner.post(f"{session}/compress", {}))
    assert done["outcome"] == "applied"
    found = trace(owner, session, "zebra")
    gone = done["decisions"][0]["fate"] == "discarded"
    assert gone == (found["lost_at"] is not None)
    assert gone == (found["carried"] == [])


@pytest.mark.parametrize("query", ["", "?text="])
def test_a_phrase_must_be_named(owner: Persona, session: str, query: str) -> None:
    error = refused(owner.get(f"{session}/trace{query}"), 422, "invalid_field")
    assert error["param"] == "text"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (f"?text={'x' * 513}", "too_long"),
        ("?text=a%00b", "nul_character"),
        ("?phrase=x", "unknown_filter"),
        ("?text=a&at=1", "unknown_filter"),
    ],
)
def test_a_bad_query_is_refused(owner: Persona, session: str, query: str, code: str) -> None:
    refused(owner.get(f"{session}/trace{query}"), 422, code)


@pytest.mark.parametrize("text", ["%25", "_", "%5C", "%22", "'"])
def test_a_phrase_is_taken_literally(owner: Persona, session: str, text: str) -> None:
    assert trace(owner, session, text)["said"] == []


@pytest.mark.parametrize("query", ["", "?text=Porto"])
def test_a_session_of_another_project_is_not_found(
    stranger: Persona, session: str, query: str
) -> None:
    refused(stranger.get(f"{session}/trace{query}"), 404, "not_found")


def test_a_key_that_may_read_is_enough(teammate: Persona, session: str) -> None:
    assert len(trace(teammate, session, "Porto")["said"]) == 12
