"""Facts over HTTP: stored, read, edited, with their sources and revisions."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from memory_app.models import Fact, FactRevision
from tests.personas import Persona, answer, refused

SAID = "Move my flight to Friday, and keep the aisle seat."


@pytest.fixture
def session(owner: Persona) -> str:
    """Alice's session with one message."""
    made = owner.opened(user="alice")["id"]
    owner.said(made, SAID)
    return str(made)


def stored(owner: Persona, text: str = "Sits by the aisle.", **fields: Any) -> dict[str, Any]:
    body = {"user": "alice", "text": text, **fields}
    if "session" in fields:
        body.pop("user")
    made: dict[str, Any] = answer(owner.post("/facts", body), 201)
    return made


def counts() -> tuple[int, int]:
    return Fact.everything.count(), FactRevision.objects.count()


def source(session: str, seq: int = 1, quote: str = "the aisle seat") -> dict[str, Any]:
    return {"session": session, "seq": seq, "quote": quote}


# ── Stored ───────────────────────────────────────────────────────────────────────────────────


def test_what_storing_answers_is_what_reading_gives(owner: Persona, session: str) -> None:
    alices = {"user": "alice", "key": "seat", "sources": [source(session)]}
    of_nobody = owner.opened()["id"]
    facts = [
        {
            **alices,
            "text": "Sits by the aisle.",
            "pinned": True,
            "metadata": {"a": [1.5, "\u00e9"]},
        },
        {"session": session, "text": "Flies on Friday.", "valid_at": "2026-01-31T12:00:00.5Z"},
        {"session": of_nobody, "text": "Somebody's.", "subject": "s", "object": "o"},
        {**alices, "text": "Sits by the window."},
    ]
    body = {"facts": facts}
    made = answer(owner.post("/facts", body, Idempotency_Key="once"), 201)
    again = answer(owner.post("/facts", body, Idempotency_Key="once"), 201)
    read = [answer(owner.get(f"/facts/{fact['id']}")) for fact in made["facts"]]
    assert made == again
    assert [json.dumps(fact) for fact in made["facts"]] == [json.dumps(fact) for fact in read]
    assert [fact["status"] for fact in read] == ["superseded", "active", "active", "active"]
    assert read[0]["superseded_by"] == read[3]["id"]


def test_a_fact_has_every_field_of_the_contract(owner: Persona, session: str) -> None:
    made = stored(
        owner,
        category="preference",
        key="seat",
        subject="alice",
        relation="prefers",
        object="aisle",
        pinned=True,
        valid_at="2026-01-31T12:00:00+02:00",
        sources=[source(session)],
        metadata={"a": [1, None]},
    )
    assert made["durable"] is False  # in the test's own transaction
    shown = answer(owner.get(f"/facts/{made['id']}"))
    assert {**shown, "durable": False, "durable_by": "commit"} == made
    assert {name: shown[name] for name in shown if name not in ("id", "created_at")} == {
        "user": "alice",
        "session": None,
        "text": "Sits by the aisle.",
        "category": "preference",
        "key": "seat",
        "subject": "alice",
        "relation": "prefers",
        "object": "aisle",
        "status": "active",
        "pinned": True,
        "confidence": 1.0,
        "trust": "user",
        "sources": [source(session)],
        "valid_at": "2026-01-31T10:00:00Z",
        "invalid_at": None,
        "superseded_by": None,
        "revision": 1,
        "uses": 0,
        "last_used_at": None,
        "metadata": {"a": [1, None]},
    }


def test_a_fact_of_a_session_is_of_its_user_too(owner: Persona, session: str) -> None:
    made = stored(owner, session=session)
    assert (made["session"], made["user"]) == (session, "alice")
    alone = owner.opened()["id"]
    assert stored(owner, session=alone)["user"] is None
    assert answer(owner.get(f"/sessions/{session}"))["facts"] == 1


def test_many_facts_are_stored_in_order(owner: Persona) -> None:
    facts = [{"user": f"u{n % 3}", "text": f"Fact {n}."} for n in range(500)]
    done = answer(owner.post("/facts", {"facts": facts}), 201)
    assert [fact["text"] for fact in done["facts"]] == [fact["text"] for fact in facts]
    assert (set(done), counts()) == ({"facts", "durable", "durable_by"}, (500, 0))


def test_one_that_is_wrong_is_the_end_of_all(owner: Persona, session: str) -> None:
    good = {"user": "alice", "text": "x", "key": "k"}
    bad = {"user": "alice", "text": "y", "sources": [source(session, 2)]}
    error = refused(owner.post("/facts", {"facts": [good, bad]}), 422, "invalid_field")
    assert error["param"] == "facts[1].sources[0].seq"
    assert counts() == (0, 0)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"text": "x"}, "invalid_field", "user"),
        ({"user": "u", "session": "0" * 32, "text": "x"}, "invalid_field", "user"),
        ({"user": "", "text": "x"}, "invalid_field", "user"),
        ({"user": "u"}, "invalid_field", "text"),
        ({"user": "u", "text": ""}, "invalid_field", "text"),
        ({"user": "u", "text": " \n"}, "invalid_field", "text"),
        ({"user": "u", "text": 1}, "invalid_field", "text"),
        ({"user": "u", "text": "x" * 8_001}, "too_long", "text"),
        ({"user": "u" * 256, "text": "x"}, "too_long", "user"),
        ({"user": "u", "text": "a\0b"}, "nul_character", "text"),
        ({"user": "u", "text": "x", "color": 1}, "unknown_field", "color"),
        ({"user": "u", "text": "x", "trust": "user"}, "unknown_field", "trust"),
        ({"user": "u", "text": "x", "pinned": 1}, "invalid_field", "pinned"),
        ({"user": "u", "text": "x", "key": ""}, "invalid_field", "key"),
        ({"user": "u", "text": "x", "category": "c" * 65}, "too_long", "category"),
        ({"user": "u", "text": "x", "valid_at": "noon"}, "invalid_field", "valid_at"),
        ({"user": "u", "text": "x", "valid_at": 5}, "invalid_field", "valid_at"),
        ({"user": "u", "text": "x", "metadata": []}, "invalid_field", "metadata"),
        ({"session": "nobody", "text": "x"}, "invalid_field", "session"),
        ({"user": "u", "text": "x", "sources": {}}, "invalid_field", "sources"),
        ({"user": "u", "text": "x", "sources": [7]}, "invalid_field", "sources[0]"),
        ({"user": "u", "text": "x", "sources": [{}]}, "invalid_field", "sources[0].session"),
        ({"user": "u", "text": "x", "sources": [{"x": 1}]}, "unknown_field", "sources[0].x"),
        ({"user": "u", "text": "x", "sources": [source("0" * 32)] * 51}, "too_long", "sources"),
        ({"facts": []}, "invalid_field", "facts"),
        ({"facts": {}}, "invalid_field", "facts"),
        ({"facts": [1]}, "invalid_field", "facts[0]"),
        ({"facts": [{"user": "u"}]}, "invalid_field", "facts[0].text"),
        ({"facts": [{"user": "u", "text": "x"}] * 501}, "too_long", "facts"),
        ({"facts": [], "user": "u"}, "unknown_field", "user"),
        ([], "invalid_field", None),
    ],
)
def test_a_bad_fact_is_refused_by_the_name_of_its_field(
    owner: Persona, body: Any, code: str, param: str | None
) -> None:
    error = refused(owner.post("/facts", body), 422, code)
    assert error["param"] == param
    assert counts() == (0, 0)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"seq": 2}, "seq"),
        ({"seq": 0}, "seq"),
        ({"seq": "1"}, "seq"),
        ({"seq": True}, "seq"),
        ({"quote": "the window seat"}, "quote"),
        ({"quote": "THE AISLE SEAT"}, "quote"),
        ({"quote": ""}, "quote"),
        ({"quote": None}, "quote"),
        ({"session": "0" * 32}, "session"),
        ({"session": "x"}, "session"),
    ],
)
def test_a_source_must_be_there_to_the_letter(
    owner: Persona, session: str, wrong: dict[str, Any], param: str
) -> None:
    body = {"user": "alice", "text": "x", "sources": [{**source(session), **wrong}]}
    error = refused(owner.post("/facts", body), 422, "invalid_field")
    assert error["param"] == f"sources[0].{param}"
    assert counts() == (0, 0)


def test_a_source_of_another_user_or_project_is_none(
    owner: Persona, stranger: Persona, session: str
) -> None:
    theirs = stranger.opened(user="alice")["id"]
    stranger.said(theirs, SAID)
    other = owner.opened(user="bo")["id"]
    nobodys, second = owner.opened()["id"], owner.opened()["id"]
    for made in (other, nobodys, second):
        owner.said(made, SAID)
    for name in (theirs, other, nobodys):
        body = {"user": "alice", "text": "x", "sources": [source(session), source(name)]}
        error = refused(owner.post("/facts", body), 422, "invalid_field")
        assert error["param"] == "sources[1].session"
    body = {"session": nobodys, "text": "x", "sources": [source(second)]}
    refused(owner.post("/facts", body), 422, "invalid_field")
    assert stored(owner, session=nobodys, sources=[source(nobodys)])["trust"] == "user"
    owner.delete(f"/sessions/{session}")
    body = {"user": "alice", "text": "x", "sources": [source(session)]}
    assert (
        refused(owner.post("/facts", body), 422, "invalid_field")["param"] == "sources[0].session"
    )


def test_what_a_tool_said_is_trusted_as_a_tool(owner: Persona, session: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    answer(
        owner.post(
            f"/sessions/{session}/messages",
            {
                "messages": [
                    {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": "c", "content": "aisle: 14C"},
                    {"role": "assistant", "content": "You have 14C."},
                ]
            },
        ),
        201,
    )
    tool, model = source(session, 3, "aisle: 14C"), source(session, 4, "14C")
    assert stored(owner, sources=[source(session), tool, model])["trust"] == "tool"
    assert stored(owner, sources=[source(session), model])["trust"] == "model"
    assert stored(owner)["trust"] == "editor"


def test_a_fact_of_a_session_that_is_not_there(owner: Persona, session: str) -> None:
    refused(owner.post("/facts", {"session": "0" * 32, "text": "x"}), 404, "not_found")
    made = stored(owner, session=session)
    owner.delete(f"/sessions/{session}")
    refused(owner.post("/facts", {"session": session, "text": "x"}), 410, "session_deleted")
    refused(owner.get(f"/facts/{made['id']}"), 410, "session_deleted")
    refused(owner.patch(f"/facts/{made['id']}", {"text": "y"}), 410, "session_deleted")
    assert answer(owner.get("/facts"))["data"] == []
    owner.delete(f"/sessions/{session}?purge=now")
    refused(owner.get(f"/facts/{made['id']}"), 404, "not_found")
    assert counts() == (0, 0)


def test_a_purge_takes_its_quotes_out_of_facts_that_stay(owner: Persona, session: str) -> None:
    other = owner.opened(user="alice")["id"]
    owner.said(other, SAID)
    both = stored(owner, sources=[source(session), source(other)])
    into = stored(owner, "b", sources=[source(session, 1, "Friday")])
    answer(owner.post(f"/facts/{both['id']}/merge", {"into": into["id"]}))
    stored(owner, "of it", session=session, sources=[source(session)])
    receipt = answer(owner.delete(f"/sessions/{session}?purge=now"))
    assert (receipt["counts"]["facts"], receipt["counts"]["quotes"]) == (1, 3)
    for fact in (both, into):
        path = f"/facts/{fact['id']}"
        assert answer(owner.get(path))["sources"] == [source(other)]
        assert session not in json.dumps(answer(owner.get(f"{path}/history")))
    assert answer(owner.post(f"/facts/{into['id']}/revert", {"revision": 1}))["sources"] == []


def test_a_key_supersedes_the_active_fact_that_has_it(owner: Persona) -> None:
    first = stored(owner, "Window.", key="seat")
    other = stored(owner, "Window.", key="seat", user="bo")
    second = stored(owner, "Aisle.", key="seat", valid_at="2999-01-01T00:00:00Z")
    old, theirs = (answer(owner.get(f"/facts/{fact['id']}")) for fact in (first, other))
    assert (old["status"], old["superseded_by"]) == ("superseded", second["id"])
    assert (old["invalid_at"], old["revision"]) == ("2999-01-01T00:00:00Z", 2)
    assert (theirs["status"], second["status"]) == ("active", "active")
    assert len(answer(owner.get("/facts?user=alice"))["data"]) == 2


def test_a_key_of_a_deleted_session_is_in_nobodys_way(owner: Persona, session: str) -> None:
    made = stored(owner, "Window.", session=session, key="seat")
    owner.delete(f"/sessions/{session}")
    assert stored(owner, "Aisle.", key="seat")["status"] == "active"
    other = stored(owner, "b")["id"]
    answer(owner.patch(f"/facts/{other}", {"key": "seat"}))
    owner.post(f"/sessions/{session}/restore")
    assert answer(owner.get(f"/facts/{made['id']}"))["revision"] == 1


def test_in_one_call_the_last_of_a_key_stands(owner: Persona, session: str) -> None:
    facts = [{"session": session, "text": text, "key": "seat"} for text in "abc"]
    done = answer(owner.post("/facts", {"facts": facts}), 201)["facts"]
    assert [fact["status"] for fact in done] == ["superseded", "superseded", "active"]
    assert done[0]["superseded_by"] == done[1]["id"]
    assert done[1]["superseded_by"] == done[2]["id"]


def test_a_repeated_request_gets_the_same_bytes_whatever_came_after(
    owner: Persona, session: str
) -> None:
    for body in (
        {"user": "alice", "text": "x", "key": "k"},
        {"facts": [{"session": session, "text": t, "key": "k"} for t in "ab"]},
    ):
        key = json.dumps(body)[:9].replace(" ", "")
        first = owner.post("/facts", body, Idempotency_Key=key)
        made = answer(first, 201)
        for fact in made.get("facts", [made]):
            answer(owner.patch(f"/facts/{fact['id']}", {"text": "new", "metadata": {"a": 1}}))
            answer(owner.post(f"/facts/{fact['id']}/retire"))
        before = counts()
        again = owner.post("/facts", body, Idempotency_Key=key)
        assert (again.status_code, again.content) == (201, first.content)
        assert counts() == before
        refused(owner.post("/facts", {**body, "x": 1}, Idempotency_Key=key), 422, "unknown_field")
    other = {"user": "alice", "text": "other"}
    refused(owner.post("/facts", other, Idempotency_Key=key), 422, "idempotency_mismatch")


# ── Edited ───────────────────────────────────────────────────────────────────────────────────


def test_each_edit_is_a_revision_with_editor_and_reason(owner: Persona) -> None:
    made = stored(owner, subject="alice", metadata={"a": 1})
    path = f"/facts/{made['id']}"
    edit = {"text": "Sits by the window.", "subject": None, "editor": "mia", "reason": "she said"}
    done = answer(owner.patch(path, edit))
    assert (done["text"], done["subject"], done["revision"]) == ("Sits by the window.", None, 2)
    assert (done["trust"], done["metadata"]) == ("editor", {"a": 1})
    answer(owner.patch(path, {"metadata": {}, "valid_at": "2026-01-01T00:00:00Z"}))
    shown = answer(owner.get(f"{path}/history"))
    assert [item["revision"] for item in shown["data"]] == [1, 2, 3]
    first, second, third = shown["data"]
    assert first["changes"] == {"text": {"from": None, "to": "Sits by the aisle."}}
    assert second["changes"] == {
        "text": {"from": "Sits by the aisle.", "to": "Sits by the window."},
        "subject": {"from": "alice", "to": None},
    }
    assert (second["editor"], second["reason"]) == ("mia", "she said")
    assert third["editor"].startswith("hf_")
    assert third["changes"]["metadata"] == {"from": {"a": 1}, "to": {}}
    assert third["changes"]["valid_at"] == {"from": None, "to": "2026-01-01T00:00:00Z"}


def test_a_history_is_read_a_page_at_a_time(owner: Persona) -> None:
    path = f"/facts/{stored(owner)['id']}"
    for number in range(4):
        answer(owner.patch(path, {"text": f"{number}"}))
    seen, query = [], "limit=2"
    while True:
        page = answer(owner.get(f"{path}/history?{query}"))
        seen.append([item["revision"] for item in page["data"]])
        if page["next"] is None:
            break
        query = urlencode({"limit": 2, "after": page["next"]})
    assert seen == [[1, 2], [3, 4], [5]]
    refused(owner.get(f"{path}/history?after=forged"), 400, "bad_cursor")


def test_what_is_so_already_makes_no_revision(owner: Persona) -> None:
    path = f"/facts/{stored(owner)['id']}"
    for method, name, body in (
        ("PATCH", "", {"text": "Sits by the aisle.", "key": None, "reason": "why"}),
        ("PATCH", "", {}),
        ("POST", "/unpin", None),
    ):
        assert answer(owner.call(method, path + name, body))["revision"] == 1
    assert answer(owner.post(f"{path}/pin"))["revision"] == 2
    assert answer(owner.post(f"{path}/pin"))["pinned"] is True
    retired = answer(owner.post(f"{path}/retire", {"reason": "moved away"}))
    assert (retired["status"], retired["revision"]) == ("retired", 3)
    assert retired["invalid_at"]
    assert answer(owner.post(f"{path}/retire")) == retired


def test_an_edit_of_another_revision_is_stale(owner: Persona) -> None:
    path, other = f"/facts/{stored(owner)['id']}", stored(owner)["id"]
    answer(owner.patch(path, {"text": "new"}, If_Match='"1"'))
    for method, name, body in (
        ("PATCH", "", {"text": "newer"}),
        ("POST", "/retire", None),
        ("POST", "/pin", None),
        ("POST", "/unpin", None),
        ("POST", "/revert", {"revision": 1}),
        ("POST", "/merge", {"into": other}),
    ):
        error = refused(owner.call(method, path + name, body, If_Match="1"), 409, "stale_version")
        assert (error["current_version"], error["param"]) == (2, "If-Match")
        assert [missed["revision"] for missed in error["missed"]] == [2]
        refused(owner.call(method, path + name, body, If_Match="x"), 422, "invalid_field")
    assert answer(owner.patch(path, {"text": "newer"}, If_Match="*"))["revision"] == 3


@pytest.mark.parametrize("name", ["retire", "pin", "unpin", "merge", "revert"])
def test_a_repeated_edit_is_made_once(owner: Persona, name: str) -> None:
    path, other = f"/facts/{stored(owner)['id']}", stored(owner)["id"]
    body = {"editor": "mia", **{"merge": {"into": other}, "revert": {"revision": 1}}.get(name, {})}
    first = owner.post(f"{path}/{name}", body, Idempotency_Key="k")
    assert first.status_code == 200
    answer(owner.patch(path, {"text": "moved on"}))
    answer(owner.post(f"{path}/pin"))
    before = counts()
    again = owner.post(f"{path}/{name}", body, Idempotency_Key="k", If_Match="99")
    assert (again.status_code, again.content) == (200, first.content)
    assert counts() == before


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"text": ""}, "invalid_field", "text"),
        ({"text": 1}, "invalid_field", "text"),
        ({"pinned": True}, "unknown_field", "pinned"),
        ({"status": "active"}, "unknown_field", "status"),
        ({"key": 1}, "invalid_field", "key"),
        ({"editor": ""}, "invalid_field", "editor"),
        ({"reason": "x" * 1_001}, "too_long", "reason"),
        ({"valid_at": "2026-02-01T00:00:00Z", "invalid_at": "2026-01-01T00:00:00Z"},
         "invalid_field", "invalid_at"),
    ],
)  # fmt: skip
def test_a_bad_edit_is_refused_by_the_name_of_its_field(
    owner: Persona, body: Any, code: str, param: str
) -> None:
    made = stored(owner)
    assert refused(owner.patch(f"/facts/{made['id']}", body), 422, code)["param"] == param
    assert answer(owner.get(f"/facts/{made['id']}"))["revision"] == 1


def test_a_key_given_later_supersedes_too(owner: Persona) -> None:
    first, second = stored(owner, "a", key="seat"), stored(owner, "b")
    answer(owner.patch(f"/facts/{second['id']}", {"key": "seat"}))
    old = answer(owner.get(f"/facts/{first['id']}"))
    assert (old["status"], old["superseded_by"]) == ("superseded", second["id"])


@pytest.mark.parametrize("name", ["x", "0" * 31, "g" * 32, "%00", "0" * 36])
def test_what_is_no_id_names_no_fact(owner: Persona, name: str) -> None:
    refused(owner.get(f"/facts/{name}"), 404, "not_found")
    refused(owner.post(f"/facts/{name}/pin"), 404, "not_found")


# ── Merged and reverted ──────────────────────────────────────────────────────────────────────


def test_a_merged_fact_gives_its_sources_and_stays_visible(owner: Persona, session: str) -> None:
    first = stored(owner, sources=[source(session)])
    second = stored(owner, "Aisle.", sources=[source(session, 1, "aisle")])
    path = f"/facts/{first['id']}/merge"
    done = answer(owner.post(path, {"into": second["id"], "reason": "the same"}))
    assert (done["status"], done["superseded_by"]) == ("superseded", second["id"])
    assert (done["text"], done["revision"]) == (first["text"], 2)
    assert done["invalid_at"]
    kept = answer(owner.get(f"/facts/{second['id']}"))
    assert kept["sources"] == [source(session, 1, "aisle"), source(session)]
    assert (kept["status"], kept["revision"], kept["text"]) == ("active", 2, "Aisle.")
    again = answer(owner.post(path, {"into": second["id"]}))
    assert again == done


def test_facts_are_not_merged_in_a_circle(owner: Persona) -> None:
    a, b, c = (stored(owner, text)["id"] for text in "abc")
    answer(owner.post(f"/facts/{a}/merge", {"into": b}))
    answer(owner.post(f"/facts/{b}/merge", {"into": c}))
    for one, into in ((c, a), (c, b), (b, a), (a, a), (c, c)):
        error = refused(owner.post(f"/facts/{one}/merge", {"into": into}), 422, "invalid_field")
        assert error["param"] == "into"
    assert answer(owner.get(f"/facts/{c}"))["revision"] == 1


def test_only_an_active_fact_of_the_same_owner_takes_another(
    owner: Persona, stranger: Persona, session: str
) -> None:
    made, retired = stored(owner)["id"], stored(owner)["id"]
    answer(owner.post(f"/facts/{retired}/retire"))
    bos, alone = stored(owner, user="bo")["id"], stored(owner, session=owner.opened()["id"])["id"]
    for into in (retired, bos, alone):
        error = refused(owner.post(f"/facts/{made}/merge", {"into": into}), 422, "invalid_field")
        assert error["param"] == "into"
    foreign = answer(stranger.post("/facts", {"user": "alice", "text": "x"}), 201)["id"]
    for into in (foreign, "0" * 32):
        refused(owner.post(f"/facts/{made}/merge", {"into": into}), 404, "not_found")
    for body in ({}, {"into": 1}, {"into": "x"}):
        refused(owner.post(f"/facts/{made}/merge", body), 422, "invalid_field")
    assert answer(owner.get(f"/facts/{made}"))["status"] == "active"
    of_session = stored(owner, session=session)["id"]
    assert answer(owner.post(f"/facts/{made}/merge", {"into": of_session}))["superseded_by"]


def test_a_revert_is_a_new_revision(owner: Persona) -> None:
    made = stored(owner, key="seat", metadata={"a": 1})
    path = f"/facts/{made['id']}"
    answer(owner.patch(path, {"text": "new", "key": None, "metadata": None}))
    answer(owner.post(f"{path}/retire"))
    done = answer(owner.post(f"{path}/revert", {"revision": 1, "reason": "wrong"}))
    assert {**done, "revision": 1} == made
    assert done["revision"] == 4
    assert answer(owner.post(f"{path}/revert", {"revision": 4})) == done
    assert answer(owner.post(f"{path}/revert", {"revision": 3}))["status"] == "retired"
    for revision in (0, 6, "1", True, 1.0, None):
        body = {"revision": revision}
        error = refused(owner.post(f"{path}/revert", body), 422, "invalid_field")
        assert error["param"] == "revision"


def test_of_two_reverted_facts_with_a_key_one_is_active(owner: Persona) -> None:
    first, second = stored(owner, "a", key="seat")["id"], stored(owner, "b", key="seat")["id"]
    assert answer(owner.post(f"/facts/{first}/revert", {"revision": 1}))["status"] == "active"
    now = answer(owner.get(f"/facts/{second}"))
    assert (now["status"], now["superseded_by"]) == ("superseded", first)
    error = refused(owner.post(f"/facts/{first}/revert", {"revision": 2}), 422, "invalid_field")
    assert error["param"] == "revision"  # each would stand in the place of the other


# ── Listed ───────────────────────────────────────────────────────────────────────────────────


def texts(owner: Persona, **query: Any) -> list[str]:
    page = answer(owner.get(f"/facts?{urlencode(query)}"))
    return [fact["text"] for fact in page["data"]]


def test_facts_are_filtered(owner: Persona, session: str) -> None:
    stored(owner, "Likes Lima.", category="preference")
    gone = stored(owner, "Likes Quito.", category="preference")
    stored(owner, "Café at ten.", user="bo")
    stored(owner, "Of a session.", session=session)
    answer(owner.post(f"/facts/{gone['id']}/retire"))
    assert texts(owner, user="alice") == ["Likes Lima.", "Likes Quito.", "Of a session."]
    assert texts(owner, status="active", category="preference") == ["Likes Lima."]
    assert texts(owner, status="retired") == ["Likes Quito."]
    assert texts(owner, session=session) == ["Of a session."]
    assert texts(owner, session="0" * 32) == texts(owner, session="x") == []
    assert texts(owner, user="nobody") == []
    assert texts(owner, q="CAFE ten") == ["Café at ten."]
    assert texts(owner, q="likes lim") == ["Likes Lima."]
    assert texts(owner, q="(a+)+$ NEAR(") == texts(owner, q="%") == []
    assert texts(owner, order="desc", limit=1) == ["Of a session."]


def test_pages_of_facts_hold_each_once(owner: Persona) -> None:
    facts = [{"user": "alice", "text": str(n)} for n in range(7)]
    answer(owner.post("/facts", {"facts": facts}), 201)
    for order in ("asc", "desc"):
        seen: list[str] = []
        query: dict[str, Any] = {"limit": 3, "order": order, "user": "alice"}
        while True:
            page = answer(owner.get(f"/facts?{urlencode(query)}"))
            seen += [fact["text"] for fact in page["data"]]
            if page["next"] is None:
                break
            query["after"] = page["next"]
        assert sorted(seen) == sorted(map(str, range(7)))
        assert seen == sorted(seen, reverse=order == "desc")
    query["user"] = "bo"
    refused(owner.get(f"/facts?{urlencode(query)}"), 400, "bad_cursor")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("status=gone", "invalid_field"),
        ("limit=0", "invalid_field"),
        ("limit=501", "invalid_field"),
        ("text__regex=x", "unknown_filter"),
        ("q=" + "x" * 513, "too_long"),
        ("user=a%00", "nul_character"),
    ],
)
def test_a_list_takes_what_it_knows(owner: Persona, query: str, code: str) -> None:
    refused(owner.get(f"/facts?{query}"), 422, code)
