from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.folding import filled, talk
from tests.personas import Persona, answer, refused


@pytest.fixture
def session(owner: Persona) -> str:
    """A session of three compressions."""
    session = filled(owner)
    for round_ in range(3):
        assert answer(owner.post(f"{session}/compress", {}))["outcome"] == "applied"
        more = {"messages": talk(20 * round_ + 20, 12)}
        answer(owner.post(f"{session}/messages", more), 201)
    return session


def listed(owner: Persona, session: str, query: str = "") -> Any:
    return answer(owner.get(f"{session}/compressions{query}"))


def test_the_newest_comes_first_and_each_goes_on_where_the_last_ended(
    owner: Persona, session: str
) -> None:
    page = listed(owner, session)
    assert page["next"] is None
    newest, middle, oldest = page["data"]
    assert newest["version"] > middle["version"] > oldest["version"]
    assert oldest["range"][0] == 1
    assert middle["range"][0] == oldest["range"][1] + 1
    assert newest["range"][0] == middle["range"][1] + 1


def test_pages_lead_through_all_of_them_once(owner: Persona, session: str) -> None:
    found, query = [], "?limit=1"
    while query:
        page = listed(owner, session, query)
        found += page["data"]
        query = f"?limit=1&after={page['next']}" if page["next"] else ""
    assert found == listed(owner, session)["data"]


@pytest.mark.parametrize(
    ("query", "code", "status"),
    [
        ("?limit=0", "invalid_field", 422),
        ("?limit=501", "invalid_field", 422),
        ("?limit=x", "invalid_field", 422),
        ("?after=abc", "bad_cursor", 400),
        ("?outcome=applied", "unknown_filter", 422),
        ("?limit=1&limit=2", "invalid_field", 422),
    ],
)
def test_a_bad_query_is_refused(
    owner: Persona, session: str, query: str, code: str, status: int
) -> None:
    refused(owner.get(f"{session}/compressions{query}"), status, code)


def test_a_cursor_of_another_session_is_refused(owner: Persona, session: str) -> None:
    cursor = listed(owner, session, "?limit=1")["next"]
    other = filled(owner, 0)
    refused(owner.get(f"{other}/compressions?after={cursor}"), 400, "bad_cursor")


def test_a_session_that_was_never_folded_has_none(owner: Persona) -> None:
    assert listed(owner, filled(owner, 1)) == {"data": [], "next": None}


def test_each_is_read_by_its_id_with_any_key(
    owner: Persona, teammate: Persona, session: str
) -> None:
    for one in listed(owner, session)["data"]:
        assert answer(teammate.get(f"/compressions/{one['id']}")) == one


@pytest.mark.parametrize(
    "name", ["x", "0" * 32, "df779021-a23f-41a6-89ca-496940a40680", "%00", "1"]
)
def test_what_names_none_is_not_found(owner: Persona, session: str, name: str) -> None:
    refused(owner.get(f"/compressions/{name}"), 404, "not_found")


def test_those_of_another_project_are_not_found(
    owner: Persona, stranger: Persona, session: str
) -> None:
    (one, *_) = listed(owner, session)["data"]
    foreign = refused(stranger.get(f"/compressions/{one['id']}"), 404, "not_found")
    unknown = refused(stranger.get(f"/compressions/{uuid4()}"), 404, "not_found")
    assert {**foreign, "request_id": ""} == {**unknown, "request_id": ""}
    refused(stranger.get(f"{session}/compressions"), 404, "not_found")


def test_those_of_a_deleted_session_are_gone_with_it(owner: Persona, session: str) -> None:
    (one, *_) = listed(owner, session)["data"]
    owner.delete(session)
    refused(owner.get(f"/compressions/{one['id']}"), 410, "session_deleted")
    refused(owner.get(f"{session}/compressions"), 410, "session_deleted")
    owner.delete(f"{session}?purge=now")
    refused(owner.get(f"/compressions/{one['id']}"), 404, "not_found")


def test_a_query_is_refused(owner: Persona, session: str) -> None:
    (one, *_) = listed(owner, session)["data"]
    refused(owner.get(f"/compressions/{one['id']}?at=1"), 422, "unknown_filter")
