from __future__ import annotations

import json
from typing import Any

import pytest

from memory_app.models import Compression
from sessions_app.core import instants
from sessions_app.models import Session
from tests.api.folding import filled, rows, talk
from tests.personas import Persona, answer, refused

FIELDS = {
    "id", "session", "version", "trigger", "range", "engine", "tokens_before", "tokens_after",
    "decisions", "summary", "facts", "audit", "queued_at", "started_at", "finished_at", "lag_ms",
    "attempts", "outcome", "error",
}  # fmt: skip
DECISION = {"seq", "fate", "class", "rule", "score", "reason"}


@pytest.fixture
def session(owner: Persona) -> str:
    return filled(owner)


def test_it_folds_all_before_the_kept_turns_and_says_how(owner: Persona, session: str) -> None:
    before = answer(owner.get(session))
    done = answer(owner.post(f"{session}/compress", {}))
    after = answer(owner.get(session))
    assert set(done) >= FIELDS
    assert (done["outcome"], done["trigger"], done["error"]) == ("applied", "manual", None)
    assert (done["range"], done["version"], done["attempts"]) == ([1, 20], after["version"], 1)
    assert (done["engine"], done["session"]) == ("embedded", before["id"])
    assert (done["tokens_before"], done["tokens_after"]) == (
        before["active_tokens"],
        after["active_tokens"],
    )
    assert after["active_tokens"] < before["active_tokens"]
    assert after["compressions"] == before["compressions"] + 1
    assert after["facts"] == len(done["facts"])
    assert after["level"] < before["level"]
    assert [one["seq"] for one in done["decisions"]] == list(range(1, 21))
    assert all(set(one) == DECISION for one in done["decisions"])
    assert all(one["reason"] and one["rule"] for one in done["decisions"])
    assert done["audit"]["score"] >= 0.9
    assert set(done["audit"]) >= {"score", "kept", "lost"}
    times = [instants.parse(done[name]) for name in ("queued_at", "started_at", "finished_at")]
    assert times == sorted(times)
    assert done["lag_ms"] == (times[2] - times[0]) // 1000
    assert done["summary"]


def test_it_works_at_any_level_and_with_no_body(owner: Persona) -> None:
    session = filled(owner, 8)
    assert answer(owner.get(session))["level"] < 0.6
    done = answer(owner.post(f"{session}/compress"))
    assert (done["outcome"], done["range"]) == ("applied", [1, 12])


def test_what_would_not_shrink_is_refused_and_told(owner: Persona) -> None:
    session = filled(owner, 3)
    before = answer(owner.get(session))
    done = answer(owner.post(f"{session}/compress", {}))
    assert (done["outcome"], done["range"], done["attempts"]) == ("refused", [1, 2], 1)
    assert done["error"].startswith("too long")
    assert done["tokens_after"] == done["tokens_before"] == before["active_tokens"]
    assert (done["version"], done["summary"], done["facts"]) == (None, None, [])
    assert answer(owner.get(session)) == before
    assert answer(owner.get(f"{session}/compressions"))["data"] == [done]


def test_nothing_to_fold_is_no_row_and_no_change(owner: Persona) -> None:
    session = filled(owner, 2)
    before = rows(), answer(owner.get(session))
    done = answer(owner.post(f"{session}/compress", {}))
    assert (done["outcome"], done["id"], done["range"]) == ("nothing", None, None)
    assert done["tokens_before"] == done["tokens_after"] == before[1]["active_tokens"]
    assert (rows(), answer(owner.get(session))) == before


def test_an_empty_session_has_nothing_to_fold(owner: Persona) -> None:
    session = filled(owner, 0)
    assert answer(owner.post(f"{session}/compress", {}))["outcome"] == "nothing"


def test_a_second_one_has_nothing_left(owner: Persona, session: str) -> None:
    answer(owner.post(f"{session}/compress", {}))
    assert answer(owner.post(f"{session}/compress", {}))["outcome"] == "nothing"
    assert answer(owner.get(session))["compressions"] == 1


def test_a_dry_run_says_the_same_and_stores_nothing(owner: Persona, session: str) -> None:
    before = rows(), answer(owner.get(session)), list(Session.everything.values())
    dry = answer(owner.post(f"{session}/compress", {"dry_run": True}))
    assert (rows(), answer(owner.get(session)), list(Session.everything.values())) == before
    assert set(dry) >= FIELDS
    assert (dry["id"], dry["dry_run"], dry["version"]) == (None, True, None)
    done = answer(owner.post(f"{session}/compress", {"dry_run": False}))
    same = ("range", "tokens_before", "tokens_after", "decisions", "summary", "audit", "outcome")
    assert {name: dry[name] for name in same} == {name: done[name] for name in same}
    assert [fact["text"] for fact in dry["facts"]] == [fact["text"] for fact in done["facts"]]


def test_a_dry_run_of_nothing_is_nothing(owner: Persona) -> None:
    session = filled(owner, 1)
    assert answer(owner.post(f"{session}/compress", {"dry_run": True}))["outcome"] == "nothing"


def test_another_policy_decides_when_it_is_named(owner: Persona, session: str) -> None:
    answer(owner.put("/policies/long", {"window": 4_000, "reserve": 0, "turns": 8}))
    done = answer(owner.post(f"{session}/compress", {"policy": "long", "dry_run": True}))
    assert done["range"] == [1, 8]
    assert done["policy"]["name"] == "long"
    assert answer(owner.get(session))["policy"] == "small"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"trigger": "60"}, "invalid_field", "trigger"),
        ({"trigger": 1}, "invalid_field", "trigger"),
        ({"trigger": ""}, "invalid_field", "trigger"),
        ({"trigger": "resume"}, "invalid_field", "trigger"),
        ({"dry_run": "true"}, "invalid_field", "dry_run"),
        ({"dry_run": 1}, "invalid_field", "dry_run"),
        ({"policy": "none_such"}, "invalid_field", "policy"),
        ({"policy": 1}, "invalid_field", "policy"),
        ({"policy": ""}, "invalid_field", "policy"),
        ({"policy": "x" * 65}, "too_long", "policy"),
        ({"instructions": ["x"]}, "invalid_field", "instructions"),
        ({"instructions": "x" * 4_001}, "too_long", "instructions"),
        ({"instructions": "a\0b"}, "nul_character", "instructions"),
        ({"instruction": "x"}, "unknown_field", "instruction"),
        ({"range": [1, 2]}, "unknown_field", "range"),
    ],
)
def test_bad_input_names_its_field_and_changes_nothing(
    owner: Persona, session: str, body: Any, code: str, param: str
) -> None:
    before = rows()
    error = refused(owner.post(f"{session}/compress", body), 422, code)
    assert error["param"] == param
    assert rows() == before


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null"])
def test_a_body_that_is_no_object_is_refused(owner: Persona, session: str, body: bytes) -> None:
    refused(owner.post(f"{session}/compress", body), 422, "invalid_field")


def test_a_bad_query_is_refused(owner: Persona, session: str) -> None:
    refused(owner.post(f"{session}/compress?dry_run=true", {}), 422, "unknown_filter")


def test_a_key_that_may_read_cannot_compress(teammate: Persona, session: str) -> None:
    error = refused(teammate.post(f"{session}/compress", {}), 403, "forbidden")
    assert error["scope"] == "write"


def test_a_key_that_may_write_can(writer: Persona, session: str) -> None:
    assert answer(writer.post(f"{session}/compress", {}))["outcome"] == "applied"


def test_a_session_of_another_project_is_not_found(stranger: Persona, session: str) -> None:
    before = rows()
    refused(stranger.post(f"{session}/compress", {"policy": "small"}), 404, "not_found")
    assert rows() == before


def test_a_deleted_session_is_gone(owner: Persona, session: str) -> None:
    owner.delete(session)
    refused(owner.post(f"{session}/compress", {}), 410, "session_deleted")


def test_an_ended_session_can_be_folded(owner: Persona, session: str) -> None:
    answer(owner.post(f"{session}/end"))
    assert answer(owner.post(f"{session}/compress", {}))["outcome"] == "applied"


def test_a_stale_version_is_refused_with_what_was_missed(owner: Persona, session: str) -> None:
    version = answer(owner.get(session))["version"]
    owner.said(session.rpartition("/")[2], "one more")
    before = rows()
    error = refused(
        owner.post(f"{session}/compress", {}, If_Match=str(version)), 409, "stale_version"
    )
    assert error["current_version"] == version + 1
    assert [entry["seq"] for entry in error["missed"]] == [25]
    assert rows() == before
    done = owner.post(f"{session}/compress", {}, If_Match=f'"{version + 1}"')
    assert answer(done)["outcome"] == "applied"


@pytest.mark.parametrize("turns", [1, 12])
def test_a_stale_version_is_refused_by_a_dry_run_too(owner: Persona, turns: int) -> None:
    session = filled(owner, turns)
    version = answer(owner.get(session))["version"]
    for body in ({"dry_run": True}, {}):
        error = refused(owner.post(f"{session}/compress", body, If_Match="2"), 409, "stale_version")
        assert (error["current_version"], error["retryable"]) == (version, False)
    dry = owner.post(f"{session}/compress", {"dry_run": True}, If_Match=str(version))
    assert answer(dry)["outcome"] == ("applied" if turns == 12 else "nothing")


def test_a_dry_run_takes_no_idempotency_key(owner: Persona, session: str) -> None:
    """It changes nothing, so there is nothing to do only once."""
    for _ in range(2):
        dry = owner.post(f"{session}/compress", {"dry_run": True}, Idempotency_Key="k")
        assert answer(dry)["dry_run"] is True
    done = answer(owner.post(f"{session}/compress", {}, Idempotency_Key="k"))
    assert done["outcome"] == "applied"
    empty = filled(owner, 1)
    dry = owner.post(f"{empty}/compress", {"dry_run": True}, Idempotency_Key="k")
    assert answer(dry)["outcome"] == "nothing"


def test_a_stale_version_is_refused_though_there_is_nothing_to_fold(owner: Persona) -> None:
    session = filled(owner, 1)
    refused(owner.post(f"{session}/compress", {}, If_Match="1"), 409, "stale_version")


def test_a_repeated_request_is_one_compression_and_one_answer(owner: Persona, session: str) -> None:
    first = owner.post(f"{session}/compress", {}, Idempotency_Key="k")
    answer(owner.post(f"{session}/messages", {"messages": talk(50, 5)}), 201)
    again = owner.post(f"{session}/compress", {}, Idempotency_Key="k", If_Match="1")
    assert again.status_code == 200
    assert again.content == first.content
    assert Compression.everything.count() == 1
    assert answer(owner.get(session))["compressions"] == 1
    other = owner.post(f"{session}/compress", {"instructions": "x"}, Idempotency_Key="k")
    refused(other, 422, "idempotency_mismatch")
    done = answer(owner.post(f"{session}/compress", {}, Idempotency_Key="l"))
    assert (done["outcome"], Compression.everything.count()) == ("applied", 2)


def test_a_repeated_request_with_nothing_to_fold_leaves_the_key_free(owner: Persona) -> None:
    session = filled(owner, 1)
    for _ in range(2):
        done = answer(owner.post(f"{session}/compress", {}, Idempotency_Key="k"))
        assert done["outcome"] == "nothing"
    answer(owner.post(f"{session}/messages", {"messages": talk(0, 9)}), 201)
    done = answer(owner.post(f"{session}/compress", {}, Idempotency_Key="k"))
    assert done["outcome"] == "applied"


def test_the_account_is_as_it_was_answered(owner: Persona, session: str) -> None:
    done = answer(owner.post(f"{session}/compress", {"instructions": "Keep boxes."}))
    assert answer(owner.get(f"/compressions/{done['id']}")) == done
    assert answer(owner.get(f"{session}/compressions"))["data"] == [done]
    assert "Keep boxes." not in json.dumps(done["summary"])
