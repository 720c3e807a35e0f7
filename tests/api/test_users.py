"""End users over HTTP: preferences, memory as a block, export, erasure."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from memory_app.models import Fact, FactRevision
from sessions_app.models import EndUser, Message
from tests.api.folding import filled
from tests.personas import Persona, answer, refused


def stored(owner: Persona, text: str, user: str = "alice", **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = answer(owner.post("/facts", {"user": user, "text": text, **fields}), 201)
    return made


def test_users_are_listed_with_what_is_theirs(owner: Persona) -> None:
    owner.opened(user="alice")
    stored(owner, "one")
    gone = stored(owner, "two")
    answer(owner.post(f"/facts/{gone['id']}/retire"))
    stored(owner, "three", user="bo")
    page = answer(owner.get("/users?limit=1"))
    (alice,) = page["data"]
    assert (alice["user"], alice["facts"], alice["sessions"]) == ("alice", 1, 1)
    rest = answer(owner.get("/users?" + urlencode({"limit": 1, "after": page["next"]})))
    assert ([user["user"] for user in rest["data"]], rest["next"]) == (["bo"], None)
    refused(owner.get("/users?after=x"), 400, "bad_cursor")
    refused(owner.get("/users?user=alice"), 422, "unknown_filter")


def test_a_preference_is_a_fact_with_a_key(owner: Persona) -> None:
    path = "/users/alice/preferences/seat"
    first = answer(owner.put(path, {"text": "Aisle.", "metadata": {"a": 1}}))
    assert (first["category"], first["key"], first["user"]) == ("preference", "seat", "alice")
    same = answer(owner.put(path, {"text": "Aisle.", "metadata": {"a": 1}}))
    assert (same["id"], same["revision"]) == (first["id"], 1)
    second = answer(owner.put(path, {"text": "Window."}))
    assert answer(owner.get(f"/facts/{first['id']}"))["superseded_by"] == second["id"]
    shown = answer(owner.get("/users/alice"))
    assert (shown["preferences"], shown["facts"]) == ({"seat": "Window."}, 1)


@pytest.mark.parametrize("user", ["org/alice", "a b", "ü", "a?b", "x" * 255, "a%2Fb"])
def test_a_user_may_have_any_name(owner: Persona, user: str) -> None:
    path = f"/users/{quote(user, safe='')}"
    answer(owner.put(f"{path}/preferences/{quote('k/ö')}", {"text": "x"}))
    assert answer(owner.get(path))["preferences"] == {"k/ö": "x"}
    assert answer(owner.get(f"{path}/context"))["user"] == user
    assert answer(owner.get(f"{path}/export"))["user"] == user
    assert answer(owner.delete(path))["user"] == user


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("alice/preferences/seat", {}, "invalid_field", "text"),
        ("alice/preferences/seat", {"text": " "}, "invalid_field", "text"),
        ("alice/preferences/seat", {"text": "x", "key": "k"}, "unknown_field", "key"),
        (f"alice/preferences/{'k' * 256}", {"text": "x"}, "too_long", "key"),
        (f"{'u' * 256}/preferences/k", {"text": "x"}, "too_long", "user"),
    ],
)
def test_a_bad_preference_is_refused(
    owner: Persona, path: str, body: Any, code: str, param: str
) -> None:
    assert refused(owner.put(f"/users/{path}", body), 422, code)["param"] == param
    assert not EndUser.everything.exists()


def test_nobody_knows_a_user_who_is_not_there(owner: Persona) -> None:
    for path in ("/users/nobody", "/users/a%00", "/users/nobody/export", "/users/nobody/context"):
        refused(owner.get(path), 404, "not_found")
    refused(owner.delete("/users/nobody"), 404, "not_found")
    refused(owner.put("/users/a%00/preferences/k", {"text": "x"}), 404, "not_found")


def test_a_users_memory_is_one_block_within_its_tokens(owner: Persona) -> None:
    pinned = stored(owner, "Allergic to </facts> peanuts.", pinned=True)
    for number in range(60):
        stored(owner, f"Has been to town {number} and liked the river there.")
    gone = stored(owner, "Lives in Rome.")
    answer(owner.post(f"/facts/{gone['id']}/retire"))
    stored(owner, "Will live in Oslo.", valid_at="2999-01-01T00:00:00Z")
    for tokens in (1, 40, 100, 200, 100_000):
        shown = answer(owner.get(f"/users/alice/context?tokens={tokens}&query=town+17"))
        assert shown["tokens"] <= tokens
        assert len(shown["facts"]) + shown["left_out"] == 61
        assert "Rome" not in shown["text"]
        assert "Oslo" not in shown["text"]
        if not shown["facts"]:
            assert (shown["text"], shown["tokens"]) == ("", 0)
            continue
        assert shown["facts"][0] == pinned["id"]
        assert shown["text"].count("</facts>") == 1
        if len(shown["facts"]) > 1:
            assert "town 17 " in shown["text"]
    assert len(shown["facts"]) == 61
    for query in ("tokens=0", "tokens=x", "tokens=1.0"):
        refused(owner.get(f"/users/alice/context?{query}"), 422, "invalid_field")


def test_an_export_has_every_fact_with_its_history(owner: Persona) -> None:
    session = owner.opened(user="alice", key="talk")
    first, other = stored(owner, "one"), stored(owner, "two", user="bo")
    answer(owner.patch(f"/facts/{first['id']}", {"text": "new", "reason": "why"}))
    told = answer(owner.get("/users/alice/export"))
    (fact,) = told["facts"]
    history = fact.pop("history")
    assert fact == answer(owner.get(f"/facts/{first['id']}"))
    assert history == answer(owner.get(f"/facts/{first['id']}/history"))["data"]
    assert [item["id"] for item in told["sessions"]] == [session["id"]]
    assert other["id"] not in json.dumps(told)


def test_an_erasure_says_what_went_and_what_stays(owner: Persona) -> None:
    path = filled(owner, user="alice")
    answer(owner.post(f"{path}/compress"))
    answer(owner.post("/facts", {"session": path.rpartition("/")[2], "text": "secret"}), 201)
    made = stored(owner, "secret", key="k")
    answer(owner.patch(f"/facts/{made['id']}", {"text": "more secret"}), 200)
    stored(owner, "mine", user="bo")
    before, said = Fact.everything.count(), Message.objects.count()
    receipt = answer(owner.delete("/users/alice"))
    assert receipt["counts"] == {
        "injections": 0,
        "fact_revisions": 1,
        "facts": before - 1,
        "episodes": 0,
        "provided": 0,
        "links": 0,
        "users": 0,
    }
    assert receipt["kept"] == {"sessions": 1, "messages": said, "summaries": 1}
    assert "purge" in receipt["kept_because"]
    assert [fact.text for fact in Fact.everything.all()] == ["mine"]
    assert not FactRevision.objects.exists()
    assert answer(owner.get("/users/alice"))["facts"] == 0
    refused(owner.get(f"/facts/{made['id']}"), 404, "not_found")
    assert "secret" not in json.dumps(answer(owner.get(f"{path}/context")))
    answer(owner.delete(f"{path}?purge=now"))
    assert answer(owner.delete("/users/alice"))["counts"]["users"] == 1
    refused(owner.get("/users/alice"), 404, "not_found")


def test_what_was_erased_is_not_answered_again(owner: Persona, writer: Persona) -> None:
    body = {"user": "alice", "text": "secret"}
    answer(owner.post("/facts", body, Idempotency_Key="k"), 201)
    refused(writer.delete("/users/alice"), 403, "forbidden")
    receipt = answer(owner.delete("/users/alice"))
    gone = {table: count for table, count in receipt["counts"].items() if count}
    assert gone == {"facts": 1, "users": 1}
    assert "kept_because" not in receipt
    response = owner.post("/facts", body, Idempotency_Key="k")
    refused(response, 404, "not_found")
    assert b"secret" not in response.content
