"""What the API and the facade make of the hot tier."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_django import Settings

from holdfast import local
from holdfast.facade import Client
from memory_app import checkup
from sessions_app import auth, store
from sessions_app.core import errors
from sessions_app.store import database, get_store, hot
from sessions_app.store.durable import DurableStore
from sessions_app.store.tiered import TieredStore
from tests.hot import asking
from tests.personas import Persona, answer, persona, refused
from tests.servers import Server, free_port


@pytest.fixture
def owner(transactional_db: None, redis_url: str, settings: Settings) -> Iterator[Persona]:
    """Has every right, at a server with a Redis."""
    settings.HOLDFAST_REDIS_URL = redis_url
    yield persona("default", "admin")
    store._store.cache_clear()
    hot.of.cache_clear()


@pytest.fixture
def session(owner: Persona) -> str:
    made = owner.opened(system="Be kind.", user="alice")["id"]
    owner.said(made, *(f"m{number}" for number in range(1, 11)))
    return f"/sessions/{made}"


def in_use() -> TieredStore:
    found = get_store(auth.alias())
    assert isinstance(found, TieredStore)
    return found


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that the store runs meanwhile."""
    ran: list[str] = []
    execute = database._executed

    def noted(connection: Any, sql: str, params: Any) -> Any:
        ran.append(sql)
        return execute(connection, sql, params)

    with monkeypatch.context() as patch:
        patch.setattr(database, "_executed", noted)
        yield ran


READS = ["/context?max_stale=30", "/messages?order=desc&limit=4&max_stale=30"]


@pytest.mark.parametrize("read", READS)
def test_an_old_answer_takes_the_look_up_of_the_key_and_one_round_trip(
    owner: Persona, session: str, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = answer(owner.get(session + read))
    attempts = asking.counted(in_use(), "attempts")
    with statements(monkeypatch) as ran:
        second = answer(owner.get(session + read))
    assert len(ran) == 1
    assert "holdfast_api_key" in ran[0]
    assert asking.counted(in_use(), "attempts") == attempts + 1
    for one in (first, second):
        one.pop("took_ms", None)
        one.pop("id", None)
    assert first == second
    assert second["version"] == 11


def test_a_page_that_may_be_old_is_like_one_that_is_not_and_goes_on_the_same_way(
    owner: Persona, session: str
) -> None:
    query = "/messages?order=desc&limit=4"
    plain = answer(owner.get(session + query))
    for _ in range(2):
        page = answer(owner.get(f"{session}{query}&max_stale=60"))
        assert (page["data"], page["next"]) == (plain["data"], plain["next"])
    following = answer(owner.get(f"{session}/messages?limit=4&after={page['next']}&max_stale=60"))
    assert [row["seq"] for row in following["data"]] == [6, 5, 4, 3]


def test_a_page_that_is_not_the_newest_is_never_old(
    owner: Persona, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for query in ("limit=4", "order=desc&before=5", "order=desc&q=m1", "order=desc&at=3"):
        attempts = asking.counted(in_use(), "attempts")
        page = answer(owner.get(f"{session}/messages?{query}&max_stale=60"))
        assert page == answer(owner.get(f"{session}/messages?{query}"))
        assert asking.counted(in_use(), "attempts") == attempts


@pytest.mark.parametrize("seconds", ["-1", "61", "1.5", "true", "", "9" * 30])
@pytest.mark.parametrize("read", ["/context", "/messages"])
def test_how_old_an_answer_may_be_is_a_whole_number_of_up_to_a_minute(
    owner: Persona, session: str, read: str, seconds: str
) -> None:
    refused(owner.get(f"{session}{read}?max_stale={seconds}"), 422, "invalid_field")


def test_a_context_that_is_recorded_is_built(owner: Persona, session: str) -> None:
    answer(owner.get(f"{session}/context?max_stale=30"))
    made = answer(owner.get(f"{session}/context?max_stale=30&record=true"))
    shown = answer(owner.get(f"/contexts/{made['id']}"))
    assert shown["proved"] is True


def test_a_stranger_finds_no_session_of_ours_in_redis(owner: Persona, session: str) -> None:
    for read in READS:
        answer(owner.get(session + read))
    other = persona("elsewhere", "admin")
    for read in READS:
        refused(other.get(session + read), 404, "not_found")


def test_a_key_that_was_revoked_reads_nothing_that_is_kept(owner: Persona, session: str) -> None:
    answer(owner.get(session + READS[0]))
    auth.revoke_key(str(owner.key).removeprefix("hf_").partition("_")[0])
    refused(owner.get(session + READS[0]), 401, "unauthorized")


def test_the_one_person_of_local_mode_reads_what_is_kept_too(
    owner: Persona, session: str, settings: Settings, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HOLDFAST_LOCAL = True
    path = f"/api/v1{session}/context?max_stale=30"
    first = answer(client.get(path, SERVER_NAME="localhost"))
    with statements(monkeypatch) as ran:
        second = answer(client.get(path, SERVER_NAME="localhost"))
    assert first["digest"] == second["digest"]
    assert len(ran) == 1


def test_an_erased_text_is_told_by_no_request_after_the_answer_to_the_erasure(
    owner: Persona, session: str, redis_url: str, settings: Settings
) -> None:
    fact = {"user": "alice", "text": "Alice eats no meat", "pinned": True}
    answer(owner.post("/facts", fact), 201)
    read = f"{session}/context?max_stale=60"
    assert "no meat" in str(answer(owner.get(read)))
    settings.HOLDFAST_REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"  # as if it had gone
    answer(owner.delete("/users/alice"))
    settings.HOLDFAST_REDIS_URL = redis_url
    assert "no meat" not in str(answer(owner.get(read)))


# -- the facade ------------------------------------------------------------------------------------


@pytest.fixture
def facade(owner: Persona) -> Client:
    return Client(local.backend("default"))


def test_the_facade_takes_what_is_old_in_one_round_trip(
    facade: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = facade.open("trip", user="alice")
    session.append(role="user", content="Hello")
    context = session.context(tokens=500, max_stale=30)
    rows = session.messages(order="desc", max_stale=30)
    attempts = asking.counted(in_use(), "attempts")
    with statements(monkeypatch) as ran:
        again = session.context(tokens=500, max_stale=30)
        assert session.messages(order="desc", max_stale=30) == rows
    assert (again.digest, again.version) == (context.digest, session.version)
    assert again.id != context.id
    assert ran == []
    assert asking.counted(in_use(), "attempts") == attempts + 2


@pytest.mark.parametrize("seconds", [-1, 61, 1.5, True, "5"])
def test_the_facade_refuses_what_is_no_age(facade: Client, seconds: Any) -> None:
    session = facade.open("trip")
    for read in (session.context, session.messages):
        with pytest.raises(errors.InvalidField) as refusal:
            read(max_stale=seconds)
        assert refusal.value.param == "max_stale"


# -- what an operator sees -------------------------------------------------------------------------


def test_without_a_redis_the_store_is_the_durable_one(settings: Settings) -> None:
    settings.HOLDFAST_REDIS_URL = None
    assert type(get_store()) is DurableStore
    assert store.condition() is None
    assert checkup.redis().found == "not configured"


def test_doctor_tells_the_version_and_what_came_of_it(owner: Persona, session: str) -> None:
    for _ in range(2):
        answer(owner.get(session + READS[0]))
    found = checkup.redis()
    assert found.advice is None
    with asking.client(in_use().hot._url) as client:
        version = client.info("server")["redis_version"]
    assert found.found.startswith(f"{version}, 1 hits, 1 misses, 0 stale, 0 errors, 0 openings")


def test_doctor_tells_of_a_redis_that_is_not_reached_and_names_no_password(
    db: None, settings: Settings
) -> None:
    settings.HOLDFAST_REDIS_URL = f"redis://me:very-secret@127.0.0.1:{free_port()}/0"
    found = checkup.redis()
    assert found.found.startswith("not reachable (ConnectionError)")
    assert found.advice
    assert "very-secret" not in str(found)


def test_what_is_broken_is_told_with_its_cause_until_it_is_well(
    own_redis: Server, transactional_db: None, settings: Settings
) -> None:
    settings.HOLDFAST_REDIS_URL = own_redis.url
    owner = persona("default", "admin")
    made = owner.opened()["id"]
    assert store.condition() is None
    own_redis.kill()
    for _ in range(3):
        owner.said(made, "hello")
    broken = store.condition()
    assert broken is not None
    assert (broken.part, broken.cause) == ("redis", "ConnectionError")
    assert broken.since_us > 0
