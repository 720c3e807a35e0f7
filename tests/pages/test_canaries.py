from __future__ import annotations

from urllib.parse import quote

import pytest
from django.test import Client

from sessions_app.models import Project
from tests.pages.canaries import CANARY, FACT, FAILED, FOLDED, OBSERVED, SHORT, addresses, poisoned
from tests.pages.markup import Markup

pytestmark = pytest.mark.usefixtures("local")


def test_no_string_becomes_markup(client: Client, project: Project) -> None:
    for address in addresses(poisoned(project)):
        response = client.get(address)
        assert response.status_code in (200, 404)
        assert Markup(response).dangers() == []


def test_what_was_said_is_shown_to_the_letter(client: Client, project: Project) -> None:
    one = f"/sessions/{poisoned(project).id}/"
    assert Markup(client.get("/sessions/")).text.count(SHORT) >= 3
    assert Markup(client.get(one)).text.count(CANARY) >= 8


def test_what_was_folded_is_shown_to_the_letter(client: Client, project: Project) -> None:
    """Points, facts, lost items, reasons and errors, the names of engines and of what set them
    off."""
    one = f"/sessions/{poisoned(project).id}/"
    assert Markup(client.get(f"/compressions/{FOLDED}/")).text.count(CANARY) >= 10
    assert Markup(client.get(f"/compressions/{FAILED}/")).text.count(CANARY) >= 4
    assert Markup(client.get(f"{one}context/")).text.count(CANARY) >= 3
    assert Markup(client.get(f"/contexts/{OBSERVED}/")).text.count(CANARY) >= 5
    assert Markup(client.get(f"{one}forgot/", {"text": CANARY})).text.count(CANARY) >= 2
    listed = Markup(client.get(f"{one}compressions/")).text
    assert f"Compacted by {CANARY[:128].strip()}" in listed
    log = Markup(client.get(one)).text
    assert f"Compression 1 · {CANARY} · folded" in log


def test_a_fact_and_what_was_typed_into_its_form_are_shown_to_the_letter(
    client: Client, project: Project
) -> None:
    """Text, quotes, names, metadata, editors and reasons; and both sides of a conflict."""
    poisoned(project)
    shown = Markup(client.get(f"/facts/{FACT}/"))
    assert shown.text.count(CANARY) >= 5
    typed = {"text": f"{CANARY}!", "category": SHORT, "reason": CANARY, "key": SHORT}
    for revision, status in (("1", 409), ("2", 302)):
        wrong = client.post(f"/facts/{FACT}/edit/", {**typed, "revision": "2", "valid_at": CANARY})
        assert wrong.status_code == 422
        assert Markup(wrong).dangers() == []
        sent = client.post(f"/facts/{FACT}/edit/", {**typed, "revision": revision})
        assert sent.status_code == status
        assert Markup(sent).dangers() == []


@pytest.mark.parametrize("name", ["q", "user", "tag"])
def test_a_filter_becomes_no_markup(client: Client, project: Project, name: str) -> None:
    poisoned(project)
    response = client.get(f"/sessions/?{name}={quote(SHORT)}")
    assert response.status_code == 200
    assert Markup(response).dangers() == []
    assert SHORT in Markup(response).text or SHORT in Markup(response).values("value")


@pytest.mark.parametrize("query", ["sort", "after", "status", SHORT])
def test_a_refused_query_becomes_no_markup(client: Client, project: Project, query: str) -> None:
    response = client.get(f"/sessions/?{quote(query)}={quote(CANARY)}")
    assert response.status_code in (400, 422)
    assert Markup(response).dangers() == []
