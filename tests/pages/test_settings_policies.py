"""The pages of policies: read, tried on a session, saved as a new version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from holdfast.projects import ensure_project
from memory_app import context as contexts
from memory_app import policies
from memory_app.core import policy as rules
from memory_app.core.policy import Policy
from monitoring import policyform
from sessions_app.models import Policy as PolicyRow
from sessions_app.models import Project
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot
from tests.pages.markup import Markup
from tests.pages.samples import session, statements, talk, user

local = pytest.mark.usefixtures("local")
HTMX = {"HX-Request": "true", "HX-Target": "preview"}
PAGE = "/settings/policies/default/"


def long(project: Project, **more: Any) -> Snapshot:
    """A session with enough to fold."""
    said = [user(f"Number {n}: the invoice {1000 + n} is due on 3 May. " * 4) for n in range(60)]
    turns = [message for pair in zip(said, talk(30), strict=True) for message in pair]
    return session(project, turns, title="Invoices", **more)


def ask(client: Client, made: Snapshot | str = "", **fields: Any) -> Any:
    sent = {**fields, **({"session": str(getattr(made, "id", made))} if made else {})}
    return client.get(PAGE, sent)


def told(client: Client, **sent: Any) -> dict[str, Any]:
    return dict(client.get("/settings/policies/default.json", sent).json())


def rows() -> dict[str, list[Any]]:
    """Every row of every table of ours, to see that none changed."""
    ours = [m for m in apps.get_models() if m._meta.db_table.startswith("holdfast")]
    return {m._meta.label: list(m._base_manager.order_by("pk").values_list()) for m in ours}


@local
def test_the_list_tells_what_differs_and_who_is_under_it(client: Client, project: Project) -> None:
    session(project)
    session(project, policy="selective")
    policies.put(get_store(), project.pk, "selective", {"strategy": "selective", "turns": 3})
    shown = Markup(client.get("/settings/policies/"))
    assert {"/settings/policies/default/", "/settings/policies/selective/"} <= set(shown.links)
    assert "strategy selective" in shown.text
    assert "1 (1 older)" in shown.text
    data = {one["name"]: one for one in client.get("/settings/policies.json").json()["data"]}
    assert data["default"]["used_by"] == 1
    assert data["selective"]["used_by_older"] == 1


@local
def test_every_field_is_there_with_its_meaning_value_and_default(
    client: Client, project: Project
) -> None:
    shown = Markup(client.get(PAGE))
    named = {attrs["name"]: attrs for _, attrs in shown.tags if attrs.get("name")}
    for name, value in policyform.texts(Policy()).items():
        assert name in named
        if name not in ("strategy", "learn", "categories"):
            assert named[name]["value"] == value
        assert " ".join(rules.MEANINGS[name].replace("`", " ").split()) in shown.text
    assert shown.dangers() == []


def test_the_reference_and_the_api_say_the_same_of_each_field(client: Client) -> None:
    text = Path("docs/reference/settings.md").read_text()
    for name, meaning in rules.MEANINGS.items():
        row = re.search(rf"^\| `{name}` \| (.*) \|[^|]*\|$", text, re.MULTILINE)
        assert row, name
        assert re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", row[1]) == meaning
    document = client.get("/api/v1/openapi.json").json()
    fields = document["components"]["schemas"]["PolicyIn"]["properties"]
    assert {name: one["description"] for name, one in fields.items()} == dict(rules.MEANINGS)


@local
def test_a_preview_tells_what_would_change_of_a_session(client: Client, project: Project) -> None:
    made = long(project)
    response = ask(client, made, window="2000", reserve="200", turns="3")
    assert response.status_code == 200
    shown = Markup(response)
    assert "window 128000 → 2000" in shown.text
    assert "Save as version 2" in shown.text
    assert "leave:" in shown.text
    assert "due from" in shown.text
    found = told(client, session=str(made.id), window="2000", reserve="200", turns="3")
    now, then = found["tried"]["now"], found["tried"]["then"]
    assert (now["due"], now["compression"]) == (False, None)
    assert then["due"] is True
    assert then["compression"]["outcome"] == "applied"
    assert sum(then["compression"]["fates"].values()) > 0
    assert then["tokens"] <= then["limit"] == 1800 < now["tokens"]
    assert then["tokens"] == sum(then["parts"].values())
    for side in (now, then):
        assert sum(side["messages"].values()) == made.messages


@local
def test_a_preview_writes_nothing(client: Client, project: Project) -> None:
    made = long(project)
    before = rows()
    ask(client, made, window="2000", reserve="200", turns="3", learn="false")
    ask(client, made, window="nonsense")
    client.get(PAGE, {"session": str(made.id), "window": "2000"}, headers=HTMX)
    told(client, session=str(made.id), window="2000", reserve="200")
    assert rows() == before


@local
def test_a_preview_asks_no_model(client: Client, project: Project, settings: Settings) -> None:
    settings.HOLDFAST_SUMMARISER = "tests.pages.test_settings_policies.no_engine"
    made = long(project)
    assert "fold 1" in Markup(ask(client, made, window="2000", reserve="200", turns="3")).text


def no_engine() -> Any:
    raise AssertionError("A preview must not ask for an engine.")


@local
def test_a_session_is_found_by_its_key_too_and_a_foreign_one_is_not(
    client: Client, project: Project
) -> None:
    made = long(project, key="invoices")
    assert told(client, session="invoices")["tried"]["session"] == str(made.id)
    foreign = session(ensure_project("other"), key="theirs")
    gone = session(project)
    get_store().delete(project.pk, gone.id)
    for text in (foreign.id, "theirs", gone.id, "nothing"):
        response = ask(client, str(text), turns="3")
        assert response.status_code == 200
        assert "There is no such session in this project." in Markup(response).text
        assert told(client, session=str(text))["tried"] is None


@local
def test_the_same_policy_sends_the_same(client: Client, project: Project) -> None:
    shown = Markup(ask(client, long(project)))
    assert "The next context would be exactly the same." in shown.text
    assert "Nothing is changed yet." in shown.text
    assert "Save as version" not in shown.text


@local
def test_too_small_a_budget_is_a_finding_and_no_failure(client: Client, project: Project) -> None:
    made = session(project, [user("x " * 4_000)])
    shown = Markup(ask(client, made, window="1000", reserve="100"))
    assert "not even what must be there fits" in shown.text
    assert told(client, session=str(made.id), window="1000", reserve="100")["tried"]["then"][
        "least"
    ]


@local
@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("window", "many", "window must be a whole number."),
        ("window", "12", "window must be 256 to"),
        ("turns", "0", "turns must be 1 to"),
        ("retained", "2", "retained must be 0 to 0.9."),
        ("marks", "0.9, 0.6", "three rising numbers"),
        ("marks", "a, b, c", "three rising numbers"),
        ("strategy", "magic", "must be one of"),
        ("learn", "maybe", "true or false"),
        ("categories", "{", "must be an object"),
        ("categories", '{"a": []}', "1 to 32 phrases"),
        ("reserve", "127950", "at least 128 tokens"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays(
    name: str, text: str, why: str, client: Client, project: Project
) -> None:
    for response in (
        ask(client, **{name: text, "facts": "0.2"}),
        client.post(PAGE, {name: text, "facts": "0.2", "version": "1"}),
    ):
        assert response.status_code == (200 if response.request["REQUEST_METHOD"] == "GET" else 422)
        shown = response.content.decode()
        beside = shown.partition(f'id="wrong-{name}">')[2].partition("</p>")[0]
        assert why in beside
        fields = {a["name"]: a for _, a in Markup(response).tags if a.get("name")}
        assert fields[name]["aria-invalid"] == "true"
        assert fields["facts"]["value"] == "0.2"
        assert "Save as version" not in shown
    assert PolicyRow.everything.filter(name="default").count() == 1


@local
def test_every_wrong_field_is_told_at_once(client: Client, project: Project) -> None:
    found = told(client, window="x", turns="0", retained="9")
    assert set(found["wrong"]) == {"window", "turns", "retained"}
    assert told(client, window="400", reserve="200")["wrong"] == {}


@local
def test_htmx_gets_the_preview_and_the_words_beside_each_field(
    client: Client, project: Project
) -> None:
    made = long(project)
    sent = {"session": str(made.id), "turns": "0"}
    part = client.get(PAGE, sent, headers=HTMX)
    assert "<html" not in part.content.decode()
    shown = Markup(part)
    assert shown.values("id").count("preview") == 1
    assert {f"wrong-{name}" for name in policyform.FIELDS} <= set(shown.values("id"))
    assert "turns must be 1 to" in shown.text
    assert "HX-Request" in part.headers["Vary"]
    again = Markup(client.get(PAGE, {**sent, "turns": "3"}, headers=HTMX))
    assert "Save as version 2" in again.text


@local
def test_a_policy_is_saved_as_its_next_version(client: Client, project: Project) -> None:
    before = session(project)
    done = client.post(PAGE, {"version": "1", "turns": "3", "marks": "0.5, 0.7, 0.8"})
    assert done.headers["Location"] == f"{PAGE}?saved=2"
    shown = Markup(client.get(done.headers["Location"]))
    assert "Saved version 2." in shown.text
    assert "turns 12 → 3" in shown.text
    row = policies.one(project.pk, "default")
    found = policies.parsed(row.data)
    assert (row.version, found.turns, found.marks) == (2, 3, (0.5, 0.7, 0.8))
    assert get_store().get(project.pk, before.id).policy_version == 1
    assert client.post(PAGE, {"version": "2"}).headers["Location"] == f"{PAGE}?saved=2"


@local
def test_what_another_has_saved_meanwhile_is_not_overwritten(
    client: Client, project: Project
) -> None:
    policies.put(get_store(), project.pk, "default", {"turns": 5})
    response = client.post(PAGE, {"version": "1", "turns": "3"})
    assert response.status_code == 409
    shown = Markup(response)
    assert "Version 2 of this policy was stored in between." in shown.text
    fields = {a["name"]: a for _, a in shown.tags if a.get("name")}
    assert fields["turns"]["value"] == "3"
    assert policies.parsed(policies.one(project.pk, "default").data).turns == 5
    assert client.post(PAGE, {"version": "x"}).status_code == 422


@local
def test_an_older_version_can_be_begun_with(client: Client, project: Project) -> None:
    policies.put(get_store(), project.pk, "default", {"turns": 5})
    shown = Markup(client.get(f"{PAGE}?version=1"))
    assert "turns 5 → 12" in shown.text
    assert "Save as version 3" in shown.text
    assert client.get(f"{PAGE}?version=9").status_code == 404


@local
def test_a_new_policy_is_a_copy(client: Client, project: Project) -> None:
    ensure_project("sales & more")
    asks = "?project=sales%20%26%20more"
    done = client.post(f"/settings/policies/{asks}", {"name": "small", "of": "selective"})
    assert done.headers["Location"] == "/settings/policies/small/?project=sales+%26+more"
    assert client.get(done.headers["Location"]).status_code == 200
    assert client.get("/settings/policies/small/").status_code == 404
    saved = client.post(f"/settings/policies/small/{asks}", {"version": "1", "turns": "2"})
    assert client.get(saved.headers["Location"]).status_code == 200
    for name in ("small", "", "a b", "x" * 65, "a/b"):
        again = client.post(f"/settings/policies/{asks}", {"name": name, "of": "selective"})
        assert again.status_code == 422, name
        assert "wrong-name" in Markup(again).values("id")
    assert client.post("/settings/policies/", {"name": "y", "of": "no"}).status_code == 404


def test_editors_try_and_administrators_save(project: Project, settings: Settings) -> None:
    settings.HOLDFAST_ROLES = {name: name for name in ("viewer", "editor", "admin")}
    made = session(project)
    for role, tries, saves in (
        ("viewer", False, False),
        ("editor", True, False),
        ("admin", True, True),
    ):
        account = User.objects.create_user(role)
        account.groups.add(Group.objects.create(name=role))
        client = Client(SERVER_NAME="localhost")
        client.force_login(account)
        shown = Markup(ask(client, made, turns="3"))
        assert ("turns" in shown.values("name")) is tries
        assert ("Save as version" in shown.text) is saves
        assert ("turns 12 → 3" in shown.text) is True
        status = client.post(PAGE, {"version": "1", "turns": "3"}).status_code
        assert status == (302 if saves else 403)
        status = client.post("/settings/policies/", {"name": role, "of": "default"}).status_code
        assert status == (302 if saves else 403)


@local
def test_a_policy_takes_the_same_number_of_statements_whatever_there_is(
    client: Client, project: Project
) -> None:
    counts: list[list[int]] = []
    made = session(project)
    for more in (6, 90):
        for number in range(more):
            session(project)
            policies.put(get_store(), project.pk, "default", {"turns": 3 + number})
            policies.put(get_store(), project.pk, f"p{more}-{number}", {})
        counts.append([])
        for address in ("/settings/policies/", PAGE, f"{PAGE}?session={made.id}&turns=2"):
            with statements() as ran:
                assert client.get(address).status_code == 200
            counts[-1].append(len(ran))
    assert counts[0] == counts[1]


@given(
    st.builds(
        Policy,
        window=st.integers(20_000, 10**7),
        reserve=st.integers(0, 10_000),
        strategy=st.sampled_from(rules.STRATEGIES),
        turns=st.integers(1, 10_000),
        retained=st.floats(0, 0.9).map(lambda share: round(share, 6)),
        learn=st.booleans(),
        categories=st.lists(
            st.tuples(
                st.text(st.characters(codec="utf-8"), min_size=1, max_size=9),
                st.just(("I cannot eat", 'it"s')),
            ),
            max_size=3,
            unique_by=lambda pair: pair[0],
        ).map(tuple),
    )
)
def test_the_fields_of_a_policy_say_that_policy_again(policy: Policy) -> None:
    found = policyform.filled(policyform.texts(policy))
    assert found.wrong == {}
    assert found.policy == policy


@local
def test_a_form_of_a_policy_can_be_pressed_without_javascript(
    client: Client, project: Project
) -> None:
    made = long(project)
    shown = Markup(client.get(PAGE))
    (form,) = [a for t, a in shown.tags if t == "form" and "rules" in (a.get("class") or "")]
    assert form["action"] == PAGE
    fields = {
        a["name"]: a.get("value") or "" for t, a in shown.tags if t == "input" and a.get("name")
    }
    sent = {name: fields[name] for name in policyform.FIELDS if name in fields}
    query = urlencode({**sent, "turns": "3", "session": str(made.id), "project": ""})
    assert "turns 12 → 3" in Markup(client.get(f"{PAGE}?{query}")).text


@local
@local
@pytest.mark.parametrize("name", ["a%00b", "%ed%a0%80", "x" * 300])
def test_what_can_be_no_name_of_a_policy_is_not_found(
    client: Client, project: Project, name: str
) -> None:
    assert client.get(f"/settings/policies/{name}/").status_code == 404
    assert client.get(f"/settings/policies/{name}.json").status_code == 404
    assert client.post(f"/settings/policies/{name}/", {"version": "1"}).status_code == 404


@local
@pytest.mark.parametrize("share", [5 / 6, 1e-05, 0.1 + 0.2])
def test_a_number_that_the_api_has_stored_is_one_for_the_form(
    client: Client, project: Project, share: float
) -> None:
    policies.put(get_store(), project.pk, "default", {"recalled": share / 2, "floor": share})
    shown = client.get("/settings/policies/default.json").json()
    assert (shown["version"], shown["floor"], shown["wrong"]) == (2, share, {})
    typed = {"version": "2", "turns": "3"}
    assert client.post(PAGE, typed).status_code == 302
    assert policies.parsed(policies.one(project.pk, "default").data).floor == share


@local
def test_a_session_is_found_by_a_key_that_looks_like_an_id(
    client: Client, project: Project
) -> None:
    key = "0b1e5a3c-6d0f-4c58-9a53-0d7a3a1f7a55"
    made = session(project, talk(2), key=key)
    assert told(client, session=key)["tried"]["session"] == str(made.id)


@local
def test_a_deleted_session_is_tried_neither_by_its_id_nor_by_its_key(
    client: Client, project: Project
) -> None:
    made = session(project, talk(2), key="gone")
    get_store().delete(project.pk, made.id)
    for text in (str(made.id), "gone"):
        found = told(client, session=text)
        assert found["tried"] is None
        assert "no such session" in found["wrong"]["session"]


@local
def test_a_compression_that_would_keep_the_server_busy_is_not_tried(
    client: Client, project: Project
) -> None:
    words = "The invoice of Friday, the flight to Lisbon and the price of the aisle. " * 5
    said = [user(f"{words} Number {n} costs {7 * n} euros.") for n in range(900)]
    made = session(project, [one for pair in zip(said, talk(450), strict=False) for one in pair])
    small = {"window": "60000", "reserve": "1000", "strategy": "key_facts", "turns": "1"}
    few = {**small, "marks": "0.1,0.2,0.3", "summary": "32", "summary_share": "0"}
    assert told(client, session=str(made.id), **few)["tried"]["then"]["compression"]
    much = {**few, "summary": "10000000"}
    assert told(client, session=str(made.id), **much)["tried"]["then"]["due"]
    assert told(client, session=str(made.id), **much)["tried"]["then"]["compression"] is None
    assert "too much to try here" in Markup(ask(client, made, **much)).text


@local
def test_a_policy_in_which_nothing_was_changed_is_tried_once(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    build = contexts.build

    def watched(*args: Any, **more: Any) -> Any:
        seen.append(args)
        return build(*args, **more)

    monkeypatch.setattr(contexts, "build", watched)
    made = session(project)
    assert told(client, session=str(made.id))["tried"]["same"]
    assert len(seen) == 1
    assert not told(client, session=str(made.id), turns="1", strategy="last_turns")["wrong"]
    assert len(seen) == 3
