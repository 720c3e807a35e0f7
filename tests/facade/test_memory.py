"""A user's memory by the facade: over the database and over a server alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast import facade
from holdfast.facade import Client
from memory_app import endusers, episodes, factsearch
from sessions_app import clock
from sessions_app.core import errors
from sessions_app.models import Project
from sessions_app.store import get_store
from tests.facade.conftest import local_client


def test_a_fact_is_stored_found_and_told(client: Client) -> None:
    session = client.open("k", user="alice")
    session.append(role="user", content="Keep the aisle seat.")
    memory = client.memory("alice")
    source = {"session": session.id, "seq": 1, "quote": "aisle seat"}
    fact = memory.store_fact(
        "Sits by the aisle.",
        category="preference",
        key="seat",
        subject="alice",
        relation="prefers",
        object="aisle",
        pinned=True,
        valid_at=datetime(2026, 1, 31, tzinfo=UTC),
        sources=(source,),
        metadata={"a": 1},
    )
    assert (fact["user"], fact["trust"], fact["sources"]) == ("alice", "user", [source])
    assert (fact["valid_at"], fact["durable"]) == ("2026-01-31T00:00:00Z", True)
    assert [found["id"] for found in memory.search("AISLE si")] == [fact["id"]]
    assert memory.search("window") == []
    block = memory.get_context(query="Which seat?", tokens=100)
    assert (block.facts, block.left_out, block.user) == ((fact["id"],), 0, "alice")
    assert "Sits by the aisle." in str(block)
    assert 0 < block.tokens <= 100


def test_a_key_replaces_what_was_known(client: Client) -> None:
    memory = client.memory("org/alice?")
    memory.store_fact("Window.", key="seat")
    memory.store_fact("Aisle.", key="seat")
    assert [fact["text"] for fact in memory.search("window")] == []
    assert memory.get_context().text.count("\n- ") == 1


def test_of_nobody_nothing_is_remembered(client: Client) -> None:
    memory = client.memory("nobody")
    assert memory.search("anything") == []
    block = memory.get_context()
    assert (block.text, block.tokens, block.facts) == ("", 0, ())
    assert repr(memory) == "<Memory of nobody>"


def test_a_repeated_key_stores_one_fact(client: Client) -> None:
    memory = client.memory("alice")
    first = memory.store_fact("once", idempotency_key="k")
    assert memory.store_fact("once", idempotency_key="k") == first
    assert len(memory.search("once")) == 1
    with pytest.raises(errors.IdempotencyMismatch):
        memory.store_fact("twice", idempotency_key="k")


@pytest.mark.parametrize(
    ("arguments", "code", "param"),
    [
        ({"text": ""}, "invalid_field", "text"),
        ({"text": 1}, "invalid_field", "text"),
        ({"text": "a\0b"}, "nul_character", "text"),
        ({"text": "x", "pinned": "yes"}, "invalid_field", "pinned"),
        ({"text": "x", "category": ""}, "invalid_field", "category"),
        ({"text": "x", "valid_at": "noon"}, "invalid_field", "valid_at"),
        ({"text": "x", "metadata": {"a": float("nan")}}, "non_finite_number", "metadata.a"),
        ({"text": "x", "sources": [{"session": "0" * 32, "seq": 1, "quote": "x"}]},
         "invalid_field", "sources[0].session"),
    ],
)  # fmt: skip
def test_a_bad_fact_is_refused_by_the_name_of_its_field(
    client: Client, arguments: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        client.memory("alice").store_fact(**arguments)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert client.memory("alice").get_context().facts == ()


@pytest.mark.parametrize("user", ["", None, 7, "u" * 256, ["a"]])
def test_a_user_has_a_name(client: Client, user: Any) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        client.memory(user)
    assert caught.value.param == "user"


def test_what_is_asked_for_is_checked_before_it_is_sent(client: Client) -> None:
    memory = client.memory("alice")
    for wrong, param in (
        (lambda: memory.search(""), "query"),
        (lambda: memory.search("x" * 513), "query"),
        (lambda: memory.search("x", limit=0), "limit"),
        (lambda: memory.get_context(tokens=0), "tokens"),
        (lambda: memory.get_context(tokens=True), "tokens"),
    ):
        with pytest.raises(errors.InvalidRequest) as caught:
            wrong()
        assert caught.value.param == param


def test_what_hangs_together_is_walked(client: Client) -> None:
    memory = client.memory("org/alice?")
    works = memory.store_fact("Works there.", subject="Ann", relation="works at", object="Acme")
    stands = memory.store_fact("By the harbour.", subject="ACME", relation="is in", object="Lisbon")
    found = memory.relations("ann")
    assert [(one["fact"]["id"], one["steps"]) for one in found] == [
        (works["id"], 1),
        (stands["id"], 2),
    ]
    assert found[1]["path"] == [works["id"], stands["id"]]
    assert [one["steps"] for one in memory.relations("Lisbon", steps=1)] == [1]
    assert len(memory.relations("ann", limit=1)) == 1
    assert memory.relations("ann", at="1970-01-01T00:00:00Z") == []
    assert client.memory("nobody").relations("ann") == []


@pytest.mark.parametrize(
    ("arguments", "param"),
    [
        ({"of": ""}, "of"),
        ({"of": " "}, "of"),
        ({"of": None}, "of"),
        ({"of": "x" * 256}, "of"),
        ({"of": "x", "steps": 0}, "steps"),
        ({"of": "x", "steps": 3}, "steps"),
        ({"of": "x", "steps": True}, "steps"),
        ({"of": "x", "limit": 501}, "limit"),
        ({"of": "x", "at": "noon"}, "at"),
    ],
)
def test_a_bad_walk_is_refused_by_the_name_of_its_argument(
    client: Client, arguments: dict[str, Any], param: str
) -> None:
    memory = client.memory("alice")
    memory.store_fact("x")
    with pytest.raises(errors.InvalidRequest) as caught:
        memory.relations(**arguments)
    assert caught.value.param == param


async def test_the_twins_do_the_same(client: Client) -> None:
    memory = await client.amemory("alice")
    fact = await memory.astore_fact("Sits by the aisle.")
    assert [found["id"] for found in await memory.asearch("aisle")] == [fact["id"]]
    assert (await memory.aget_context()).facts == (fact["id"],)
    assert await memory.arelations("aisle") == []


def test_the_memory_of_this_machine_needs_no_session(transactional_db: None) -> None:
    facade.memory("alice").store_fact("Sits by the aisle.")
    assert len(facade.memory("alice").search("aisle")) == 1
    assert facade.memory("alice", project="other").search("aisle") == []


def test_an_erasure_empties_this_processs_memory_of_facts(transactional_db: None) -> None:
    memory = local_client().memory("alice")
    memory.store_fact("Sits by the aisle.")
    assert memory.search("aisle")
    assert factsearch._held
    project = Project.objects.get(name="default").pk
    endusers.erase(get_store("default"), project, "alice")
    assert not factsearch._held


def test_what_happened_is_told(client: Client) -> None:
    for number in (1, 2):
        session = client.open(f"trip-{number}", user="alice")
        session.append(role="user", content=f"Book pier {number} at 17:0{number} for me, please.")
        session.end()
    episodes.tell(get_store(), clock.now_us())
    memory = client.memory("alice")
    found = memory.episodes()
    assert [one["outcome"] for one in found] == ["ended", "ended"]
    assert [one["summary"] for one in memory.episodes("at 17:01")] == [found[1]["summary"]]
    assert len(memory.episodes(limit=1)) == 1
    assert memory.episodes(until="1970-01-01T00:00:00Z") == []
    assert client.memory("bob").episodes() == []
    for wrong, param in (({"limit": 0}, "limit"), ({"since": "noon"}, "from")):
        with pytest.raises(errors.InvalidRequest) as caught:
            memory.episodes(**wrong)
        assert caught.value.param == param
