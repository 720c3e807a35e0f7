from __future__ import annotations

from typing import Any

import pytest

from tests.api.folding import filled
from tests.personas import Persona, answer, refused

NAMES = ["verbatim", "retained", "summarised", "extracted", "discarded", "retracted"]


@pytest.fixture
def session(owner: Persona) -> str:
    return filled(owner)


def fates(owner: Persona, session: str, query: str = "") -> Any:
    return answer(owner.get(f"{session}/fates{query}"))


def each(found: Any) -> dict[int, str]:
    return {seq: run["fate"] for run in found["runs"] for seq in range(run["from"], run["to"] + 1)}


def test_all_is_verbatim_before_anything_is_folded(owner: Persona, session: str) -> None:
    assert fates(owner, session) == {
        "version": 25,
        "messages": 24,
        "runs": [{"from": 1, "to": 24, "fate": "verbatim", "compression": None}],
        "counts": {**dict.fromkeys(NAMES, 0), "verbatim": 24},
    }


def test_an_empty_session_has_no_fates(owner: Persona) -> None:
    found = fates(owner, filled(owner, 0))
    assert (found["runs"], found["messages"], sum(found["counts"].values())) == ([], 0, 0)


def test_every_message_has_the_fate_that_its_compression_decided(
    owner: Persona, session: str
) -> None:
    done = answer(owner.post(f"{session}/compress", {}))
    found = fates(owner, session)
    assert list(found["counts"]) == NAMES
    assert sum(found["counts"].values()) == found["messages"] == 24
    decided = {one["seq"]: one["fate"] for one in done["decisions"]}
    assert each(found) == decided | dict.fromkeys(range(21, 25), "verbatim")
    assert {run["compression"] for run in found["runs"] if run["fate"] != "verbatim"} == {
        done["id"]
    }


def test_a_version_keeps_its_fates(owner: Persona, session: str) -> None:
    before = fates(owner, session)
    done = answer(owner.post(f"{session}/compress", {}))
    owner.post(f"{session}/retract", {"from": 3, "to": 4})
    owner.post(f"{session}/pins", {"seq": 5})
    now = fates(owner, session)
    assert fates(owner, session, "?at=25") == before
    assert each(fates(owner, session, f"?at={done['version']}"))[3] != "retracted"
    assert [each(now)[seq] for seq in (3, 4, 5)] == ["retracted", "retracted", "retained"]
    assert fates(owner, session, f"?at={now['version']}") == now


def test_a_version_beyond_the_head_is_not_found(owner: Persona, session: str) -> None:
    error = refused(owner.get(f"{session}/fates?at=26"), 422, "version_not_found")
    assert (error["param"], error["current_version"]) == ("at", 25)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?at=0", "invalid_field"),
        ("?at=-1", "invalid_field"),
        ("?at=x", "invalid_field"),
        ("?at=1.0", "invalid_field"),
        ("?seq=1", "unknown_filter"),
    ],
)
def test_a_bad_query_is_refused(owner: Persona, session: str, query: str, code: str) -> None:
    refused(owner.get(f"{session}/fates{query}"), 422, code)


def test_a_key_that_may_read_is_enough(teammate: Persona, session: str) -> None:
    assert answer(teammate.get(f"{session}/fates"))["messages"] == 24


def test_a_session_of_another_project_is_not_found(stranger: Persona, session: str) -> None:
    refused(stranger.get(f"{session}/fates?at=999"), 404, "not_found")


def test_a_pin_and_its_end_move_a_folded_message(owner: Persona, session: str) -> None:
    answer(owner.post(f"{session}/compress", {}))
    before = each(fates(owner, session))
    seq = next(seq for seq, fate in before.items() if fate in ("summarised", "extracted"))
    active = answer(owner.get(session))["active_tokens"]
    assert answer(owner.post(f"{session}/pins", {"seq": seq}))["fate"] == "retained"
    assert each(fates(owner, session)) == before | {seq: "retained"}
    assert answer(owner.get(session))["active_tokens"] > active
    assert answer(owner.delete(f"{session}/pins/{seq}"))["fate"] == before[seq]
    assert each(fates(owner, session)) == before
    assert answer(owner.get(session))["active_tokens"] == active
