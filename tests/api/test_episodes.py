"""Episodes: what happened in sessions that ended or rest, by user and date."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from memory_app import engines, episodes
from memory_app.core.work import EngineFailed
from memory_app.models import Episode
from sessions_app import clock
from sessions_app.core import errors
from sessions_app.models import Session
from sessions_app.store import get_store
from tests.api.folding import filled
from tests.personas import Persona, answer, refused

HOUR_US = 3_600_000_000
SAID = "Please send the blue bicycle to 14 Harbour Street on 3 May."


def spoken(owner: Persona, said: str = SAID, user: str | None = "alice") -> str:
    made = owner.opened(user=user) if user else owner.opened()
    path = f"/sessions/{made['id']}"
    answer(owner.post(f"{path}/messages", {"role": "user", "content": said}), 201)
    return path


def ended(owner: Persona, said: str = SAID, user: str | None = "alice") -> str:
    path = spoken(owner, said, user)
    answer(owner.post(f"{path}/end"))
    return path


def tell(later: int = 0) -> int:
    return episodes.tell(get_store(), clock.now_us() + later)


def listed(owner: Persona, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer(owner.get("/episodes?" + urlencode(query)))["data"]
    return found


@pytest.fixture(autouse=True)
def _from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "_place", {})


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("from=yesterday", 422, "invalid_field"),
        ("to=1", 422, "invalid_field"),
        ("q=" + "x" * 513, 422, "too_long"),
        ("session=1", 422, "unknown_filter"),
        ("after=x", 400, "bad_cursor"),
        ("limit=0", 422, "invalid_field"),
    ],
)
def test_a_bad_question_is_refused(owner: Persona, query: str, status: int, code: str) -> None:
    refused(owner.get(f"/episodes?{query}"), status, code)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"summary": " ", "user": "a"}, "invalid_field", "summary"),
        ({"summary": "x"}, "invalid_field", "user"),
        ({"summary": "x", "user": "a", "q": "x"}, "invalid_field", "q"),
        ({"summary": "x", "user": "a", "from": "today"}, "invalid_field", "from"),
        (
            {"summary": "x", "user": "a", "from": "2026-01-02T00:00:00Z",
             "to": "2026-01-01T00:00:00Z"},
            "invalid_field", "to",
        ),
        ({"summary": "x", "user": "a", "session": "y"}, "unknown_field", "session"),
        ({"outcome": "x"}, "invalid_field", "outcome"),
        ({"q": 1}, "invalid_field", "q"),
    ],
)  # fmt: skip
def test_a_bad_episode_is_refused_and_not_stored(
    owner: Persona, body: Any, code: str, param: str
) -> None:
    assert refused(owner.post("/episodes", body), 422, code)["param"] == param
    assert not Episode.everything.exists()


def test_who_may_only_read_lists_and_stores_nothing(owner: Persona, teammate: Persona) -> None:
    refused(teammate.post("/episodes", {"user": "alice", "summary": "x"}), 403, "forbidden")
    assert answer(teammate.post("/episodes", {"user": "alice"}))["data"] == []


def test_an_ended_session_has_one_with_its_summary(owner: Persona) -> None:
    path = ended(owner)
    assert (tell(), tell()) == (1, 0)
    (found,) = listed(owner)
    assert (found["user"], found["session"]) == ("alice", path.rpartition("/")[2])
    assert (found["outcome"], found["messages"]) == ("ended", [1, 1])
    assert "blue bicycle" in found["summary"]


def test_a_folded_session_is_told_by_its_summary(owner: Persona) -> None:
    path = filled(owner, user="alice")
    answer(owner.post(f"{path}/compress"))
    answer(owner.post(f"{path}/end"))
    assert tell() == 1
    assert listed(owner, user="alice")[0]["summary"]


def test_a_session_that_goes_on_is_told_from_where_it_was(owner: Persona) -> None:
    path = spoken(owner)
    assert tell() == 0
    assert tell(2 * HOUR_US) == 1
    later = {"role": "user", "content": "Cancel order 7781, I bought a red scooter."}
    answer(owner.post(f"{path}/messages", later), 201)
    answer(owner.post(f"{path}/end"))
    assert tell() == 1
    newest, oldest = listed(owner)
    assert (oldest["outcome"], oldest["messages"]) == ("idle", [1, 1])
    assert (newest["outcome"], newest["messages"]) == ("ended", [2, 2])
    assert "7781" in newest["summary"]
    assert "bicycle" not in newest["summary"]


@pytest.mark.parametrize("said", ["", "ok", "\U0001f44d"])
def test_a_session_of_small_talk_has_one_too(owner: Persona, said: str) -> None:
    ended(owner, said)
    assert tell() == 1
    assert listed(owner)[0]["summary"]


def test_an_engine_that_fails_costs_no_episode(
    owner: Persona, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise EngineFailed("empty")

    monkeypatch.setattr(engines.Embedded, "summarise", fail)
    ended(owner)
    assert tell() == 1
    assert listed(owner)[0]["summary"].startswith("1 message")


def test_what_was_taken_back_is_not_told(owner: Persona) -> None:
    path = spoken(owner, "The code of the safe is 4411.")
    answer(owner.post(f"{path}/retract", {"from": 1}))
    answer(owner.post(f"{path}/messages", {"role": "user", "content": SAID}), 201)
    answer(owner.post(f"{path}/end"))
    tell()
    assert "4411" not in listed(owner)[0]["summary"]


def test_a_session_that_cannot_be_read_keeps_no_other_from_being_told(
    owner: Persona, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(owner)
    ended(owner, "The red scooter is sold.")
    text = episodes._text

    def broken(store: Any, session: Any, first: int) -> str:
        if session.number == min(Session.everything.values_list("number", flat=True)):
            raise errors.MessageDamaged
        return text(store, session, first)

    monkeypatch.setattr(episodes, "_text", broken)
    assert tell() == 1
    assert "scooter" in listed(owner)[0]["summary"]


def test_old_sessions_are_reached_by_turns(owner: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        ended(owner)
    monkeypatch.setattr(episodes, "STRIDE", 1)
    first = min(Session.everything.values_list("number", flat=True))
    episodes._place[get_store().db.alias] = first - 1
    for _ in range(6):
        tell()
    assert Episode.everything.count() == 5


def test_they_are_listed_by_user_date_and_words_a_page_at_a_time(owner: Persona) -> None:
    for day in (1, 2, 3):
        body = {
            "user": "alice", "summary": f"Day {day}: the Café was closed.",
            "from": f"2026-01-0{day}T10:00:00Z", "to": f"2026-01-0{day}T11:00:00Z",
        }  # fmt: skip
        answer(owner.post("/episodes", body), 201)
    answer(owner.post("/episodes", {"user": "bo", "summary": "Another.", "outcome": "sold"}), 201)
    assert [one["user"] for one in listed(owner)] == ["bo", "alice", "alice", "alice"]
    span = {"from": "2026-01-02T10:30:00Z", "to": "2026-01-02T12:00:00Z"}
    assert [one["summary"][:5] for one in listed(owner, user="alice", **span)] == ["Day 2"]
    assert len(listed(owner, q="cafe clos")) == 3
    assert listed(owner, q="cafe opened") == listed(owner, user="nobody") == []
    first = answer(owner.get("/episodes?user=alice&limit=2"))
    asked = urlencode({"user": "alice", "limit": 1, "after": first["next"]})
    rest = answer(owner.get(f"/episodes?{asked}"))
    assert [one["summary"][:5] for one in first["data"] + rest["data"]] == [
        "Day 3", "Day 2", "Day 1",
    ]  # fmt: skip
    assert rest["next"] is None
    again = answer(owner.post("/episodes", {"user": "alice", **span}))
    assert again["data"] == listed(owner, user="alice", **span)


def test_a_repeated_request_stores_one(owner: Persona) -> None:
    body = {"user": "alice", "summary": "Sold."}
    first = answer(owner.post("/episodes", body, Idempotency_Key="k"), 201)
    assert answer(owner.post("/episodes", body, Idempotency_Key="k"), 201) == first
    assert len(listed(owner)) == 1


def test_i10_those_of_another_project_are_not_found(owner: Persona, stranger: Persona) -> None:
    ended(owner)
    tell()
    assert listed(stranger) == listed(stranger, user="alice") == []


def test_an_erased_user_has_none_and_none_is_told_again(owner: Persona) -> None:
    ended(owner)
    tell()
    answer(owner.post("/episodes", {"user": "alice", "summary": "By hand."}), 201)
    assert len(answer(owner.get("/users/alice/export"))["episodes"]) == 2
    assert answer(owner.delete("/users/alice"))["counts"]["episodes"] == 2
    assert (tell(), listed(owner)) == (0, [])
    assert "bicycle" not in json.dumps(list(Episode.everything.values_list("text", "words")))


def test_they_go_with_a_purged_session_and_hide_with_a_deleted_one(owner: Persona) -> None:
    path = ended(owner)
    tell()
    assert owner.delete(path).status_code == 204
    assert listed(owner) == []
    answer(owner.post(f"{path}/restore"))
    assert len(listed(owner)) == 1
    answer(owner.delete(f"{path}?purge=now"))
    assert not Episode.everything.exists()
