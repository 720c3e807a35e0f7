"""The erasure of a user's memory: what it would take is what it takes, and the receipt says so."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from holdfast.projects import ensure_project
from memory_app import endusers, links, records
from memory_app.context import Ask
from memory_app.models import Episode, Fact
from monitoring import useraddress
from sessions_app import ids
from sessions_app.models import EndUser, Project
from sessions_app.store import get_store
from sessions_app.store.base import UNGUARDED
from sessions_app.store.durable import DurableStore
from tests.examples import examples
from tests.pages.remembered import seen, stored
from tests.pages.samples import session, user
from tests.pages.test_bulk import Form
from tests.pages.test_users import KEYS, member, opened, row_of

local = pytest.mark.usefixtures("local")


def erased(client: Client, key: str = "ines", typed: str | None = None) -> Any:
    sent = {"user": useraddress.written(key), "typed": key if typed is None else typed}
    return client.post("/erase/sure/", sent)


def remembered(project: Project, *, session_too: bool = True) -> None:
    """Something of everything."""
    store = get_store()
    old = stored(project, "Old.", key="k")
    stored(project, "New.", key="k")
    seen(project, "bo")
    links.make(store, row_of(project, "ines").pk, row_of(project, "bo").pk)
    links.make(store, row_of(project, "bo").pk, row_of(project, "ines").pk)
    Episode.everything.create(
        id=ids.new_id(), project=project, end_user=row_of(project, "ines"), text="They met.",
        begun_us=1, ended_us=2, created_us=3,
    )  # fmt: skip
    assert old.pk
    if session_too:
        made = session(project, [user("Hello")], user="ines")
        records.build(store, project.pk, made.id, Ask(), UNGUARDED)


# -- before --------------------------------------------------------------------------------------


@local
@pytest.mark.parametrize("query", ["", "?user=nobody", "?user="])
def test_nobody_is_not_erased(client: Client, project: Project, query: str) -> None:
    stored(project, "Tea.")
    assert client.get(f"/erase/{query}").status_code == 404
    assert client.get(f"/erase.json{query}").status_code == 404
    assert erased(client, "nobody").status_code == 404
    assert Fact.everything.count() == 1


@local
def test_the_page_counts_and_erases_nothing(client: Client, project: Project) -> None:
    remembered(project)
    shown = opened(client, "/erase/?user=ines")
    for words in (
        "Facts in every state 2",
        "Links to and from other users 2",
        "Sessions",
        "Counted",
    ):
        assert words in shown.text
    assert "purge the sessions" in shown.text
    assert "the receipt is what counts" in shown.text
    assert Fact.everything.count() == 2


@local
@pytest.mark.parametrize("typed", ["", "Ines", "ines ", "ine", "in\0es"])
def test_without_the_key_nothing_is_erased(client: Client, project: Project, typed: str) -> None:
    remembered(project)
    response = erased(client, typed=typed)
    assert response.status_code == 422
    shown = Form(response)
    assert "nothing was erased" in shown.text
    assert [attrs["name"] for _, attrs in shown.tags if attrs.get("aria-invalid")] == ["typed"]
    assert Fact.everything.count() == 2


@local
def test_a_look_erases_nothing_and_a_post_to_a_look_neither(
    client: Client, project: Project
) -> None:
    stored(project, "Tea.")
    assert client.post("/erase/", {"user": "ines", "typed": "ines"}).status_code == 405
    assert client.get("/erase/sure/", {"user": "ines", "typed": "ines"}).status_code == 405
    assert Fact.everything.count() == 1


def test_only_an_administrator_erases(client: Client, project: Project, settings: Settings) -> None:
    stored(project, "Tea.")
    for role in ("viewer", "editor"):
        with member(client, settings, role):
            shown = opened(client, "/erase/?user=ines")
            assert "Only an administrator may erase." in shown.text
            assert "Facts in every state 1" in shown.text
            assert "typed" not in shown.values("name")
            assert erased(client).status_code == 403
    assert Fact.everything.count() == 1
    with member(client, settings, "admin"):
        assert erased(client).status_code == 302
    assert not Fact.everything.exists()


def test_the_form_asks_for_the_token(project: Project, settings: Settings) -> None:
    settings.HOLDFAST_LOCAL = True
    stored(project, "Tea.")
    strict = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    assert erased(strict).status_code == 403
    assert Fact.everything.count() == 1


@local
def test_a_user_of_another_project_stays(client: Client, project: Project) -> None:
    stored(ensure_project("elsewhere"), "Theirs.")
    stored(project, "Ours.")
    erased(client)
    assert [fact.text for fact in Fact.everything.all()] == ["Theirs."]


# -- after ---------------------------------------------------------------------------------------


@local
@pytest.mark.parametrize("session_too", [True, False])
def test_the_receipt_counts_what_the_page_said(
    client: Client, project: Project, session_too: bool
) -> None:
    remembered(project, session_too=session_too)
    before = client.get("/erase.json?user=ines").json()
    address = erased(client).headers["Location"]
    shown = opened(client, address)
    receipt = client.get(address.replace("/receipt/", "/receipt.json")).json()
    assert {name: receipt[name] for name in ("counts", "kept")} == {
        name: before[name] for name in ("counts", "kept")
    }
    assert receipt["counts"]["users"] == (0 if session_too else 1)
    assert ("kept_because" in receipt) == ("kept_because" in before) == session_too
    assert "Facts in every state 2" in shown.text
    assert EndUser.objects.of(project.pk).filter(key="ines").exists() == session_too
    after = client.get("/erase.json?user=ines")
    if session_too:
        assert set(after.json()["counts"].values()) == {0}
    else:
        assert after.status_code == 404


@local
def test_the_receipt_is_a_file_and_stays_at_its_address(client: Client, project: Project) -> None:
    stored(project, "Tea.")
    address = erased(client).headers["Location"]
    first, again = opened(client, address), opened(client, address)
    assert first.text == again.text
    download = next(
        attrs["href"] or "" for tag, attrs in first.tags if tag == "a" and "download" in attrs
    )
    file = client.get(download)
    assert 'filename="receipt.json"' in file.headers["Content-Disposition"]
    assert file.json()["counts"]["facts"] == 1
    assert erased(client).status_code == 404


@local
@pytest.mark.parametrize("text", ["", "x", "a:b:c"])
def test_a_receipt_that_we_have_not_signed_is_none(
    client: Client, project: Project, text: str
) -> None:
    assert client.get("/erase/receipt/", {"receipt": text}).status_code == 404
    assert client.get("/erase/receipt.json", {"receipt": text}).status_code == 404


@local
@pytest.mark.parametrize("key", KEYS)
def test_whatever_the_key_it_can_be_typed_and_erased(
    client: Client, project: Project, key: str
) -> None:
    stored(project, "Tea.", who=key)
    stored(project, "Other.", who="other")
    shown = opened(client, f"/erase/?{urlencode({'user': key})}")
    written = shown.text.split("type the key of the user: ")[1].split(" Copy")[0]
    typed = key if " ".join(key.split()) != key and "\\" not in written else written
    response = erased(client, key, typed)
    assert response.status_code == 302
    assert client.get(response.headers["Location"]).status_code == 200
    assert [fact.text for fact in Fact.everything.all()] == ["Other."]


MADE = st.fixed_dictionaries(
    {
        "facts": st.lists(st.sampled_from(["", "k", "l"]), max_size=4),
        "episodes": st.lists(st.sampled_from(["", "They met."]), max_size=3),
        "sessions": st.integers(0, 2),
        "recorded": st.booleans(),
        "reads": st.booleans(),
        "read": st.booleans(),
        "deleted": st.booleans(),
    }
)


@local
@pytest.mark.django_db
@given(made=MADE)
@hypothesis_settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_an_erasure_would_take_is_what_it_takes(
    project: Project, store: DurableStore, made: dict[str, Any]
) -> None:
    key = str(ids.new_id())
    seen(project, key)
    seen(project, "bo")
    mine, bo = row_of(project, key), row_of(project, "bo")
    for number, name in enumerate(made["facts"]):
        stored(project, f"Fact {number}.", who=key, key=name)
    for text in made["episodes"]:
        Episode.everything.create(
            id=ids.new_id(), project=project, end_user=mine, text=text,
            begun_us=1, ended_us=2, created_us=3,
        )  # fmt: skip
    opened_ones = [session(project, [user("Hello")], user=key) for _ in range(made["sessions"])]
    for one in opened_ones:
        if made["recorded"]:
            records.build(store, project.pk, one.id, Ask(), UNGUARDED)
    if made["deleted"] and opened_ones:
        store.delete(project.pk, opened_ones[0].id)
    if made["reads"]:
        links.make(store, mine.pk, bo.pk)
    if made["read"]:
        links.make(store, bo.pk, mine.pk)
    before = endusers.erasable(store, mine)
    receipt = endusers.erase(store, project.pk, key)
    assert (before["counts"], before["kept"]) == (receipt["counts"], receipt["kept"])
