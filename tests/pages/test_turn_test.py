"""Turn to test: what the page writes, whether it is green today, and what it gives to take away."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

import holdfast.testing
from memory_app import records
from memory_app.context import Ask
from memory_app.core import turnfile
from sessions_app.models import Project
from sessions_app.store import get_store
from sessions_app.store.base import UNGUARDED, Snapshot
from tests.pages.canaries import OBSERVED, poisoned
from tests.pages.folded import folded
from tests.pages.markup import Markup
from tests.pages.samples import session, talk, user

pytestmark = pytest.mark.usefixtures("local")


def address(made: Snapshot, version: int | None = None) -> str:
    return f"/sessions/{made.id}/context/{version or made.version}/test/"


def got(client: Client, where: str, **asked: Any) -> HttpResponse:
    response = client.get(f"{where}?{urlencode(asked)}" if asked else where)
    assert response.status_code == 200, response.content
    return response  # type: ignore[return-value]


def page(client: Client, where: str, **asked: Any) -> str:
    return Markup(got(client, where, **asked)).text


def test_without_an_expectation_it_is_that_nothing_changes(
    client: Client, project: Project
) -> None:
    shown = page(client, address(session(project)))
    assert "Green today: the context is the same to the byte" in shown
    assert "assert turn.reproduced" in shown


@pytest.mark.parametrize(
    ("asked", "green", "claim"),
    [
        ({"text": "ME 422"}, True, "turn.holds('ME 422')"),
        ({"text": "ME 423"}, False, "turn.holds('ME 423')"),
        ({"kind": "contains", "text": "Friday"}, True, "turn.holds('Friday')"),
        ({"kind": "lacks", "text": "Friday"}, False, "not turn.holds('Friday')"),
        ({"kind": "lacks", "text": "Monday"}, True, "not turn.holds('Monday')"),
        ({"kind": "keeps", "text": "#3"}, True, "turn.keeps(3)"),
        ({"kind": "keeps", "text": "9"}, False, "turn.keeps(9)"),
        ({"kind": "most", "text": "8,000"}, True, "turn.tokens <= 8_000"),
        ({"kind": "most", "text": "5"}, False, "turn.tokens <= 5"),
        ({"kind": "same"}, True, "turn.reproduced"),
    ],
)
def test_an_expectation_is_green_or_red_today(
    client: Client, project: Project, asked: dict[str, str], green: bool, claim: str
) -> None:
    where = address(session(project))
    shown = page(client, where, **asked)
    assert ("Green today" in shown, "Red today" in shown) == (green, not green)
    assert f"assert {claim}" in shown
    twin = got(client, f"{where[:-1]}.json", **asked)
    told = orjson.loads(twin.content)
    assert told["holds"] is green
    assert f"assert {claim}" in told["test"]["text"]


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({"kind": "contains"}, "Type the text that the test looks for."),
        ({"kind": "keeps", "text": "the first"}, "Type the number of a message."),
        ({"kind": "keeps", "text": "0"}, "Type the number of a message."),
        ({"kind": "most", "text": "²"}, "Type the most tokens it may take."),
        ({"kind": "most", "text": "9" * 400}, "Type the most tokens it may take."),
    ],
)
def test_half_an_expectation_writes_no_test(
    client: Client, project: Project, asked: dict[str, str], wrong: str
) -> None:
    where = address(session(project))
    shown = page(client, where, **asked)
    assert wrong in shown
    assert "def test_" not in shown
    assert client.get(f"{where}test.py?{urlencode(asked)}").status_code == 422
    assert orjson.loads(got(client, f"{where[:-1]}.json", **asked).content)["wrong"]


def test_both_files_are_given_to_take_away(client: Client, project: Project) -> None:
    made = session(project, key="Support 42/ä")
    asked = {"text": "ME 422", "tokens": 5_000}
    test = got(client, f"{address(made)}test.py", **asked)
    turn = got(client, f"{address(made)}turn.json", **asked)
    name = f"turn_support_42_a_{made.version}"
    assert test.headers["Content-Disposition"] == f'attachment; filename="test_{name}.py"'
    assert turn.headers["Content-Disposition"] == f'attachment; filename="{name}.json"'
    for response in (test, turn):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert f"with_name('{name}.json')" in test.content.decode()
    assert turnfile.read(turn.content)["ask"]["tokens"] == 5_000


def test_the_turn_that_is_taken_away_is_the_one_of_the_page(
    client: Client, project: Project, tmp_path: Any
) -> None:
    made = folded(project)
    store = get_store()
    for version in (made.version // 2, made.version):
        asked = {"query": "flight QX7-55912", "tokens": 900, "format": "anthropic"}
        path = tmp_path / "turn.json"
        path.write_bytes(got(client, f"{address(made, version)}turn.json", **asked).content)
        told = got(client, f"/sessions/{made.id}/context/{version}.json", **asked)
        turn = holdfast.testing.turn(path)
        assert turn.reproduced
        assert turn.digest == orjson.loads(told.content)["digest"]
    assert store.get(project.pk, made.id).version == made.version


def test_what_is_asked_of_the_context_goes_along(client: Client, project: Project) -> None:
    made = session(project)
    shown = Markup(got(client, f"/sessions/{made.id}/context/2/", tokens=700, query="flight?"))
    (link,) = [link for link in shown.links if "/test/" in link]
    assert link == f"{address(made, 2)}?tokens=700&query=flight%3F"
    there = Markup(got(client, link))
    hidden = {
        attrs["name"]: attrs["value"]
        for tag, attrs in there.tags
        if tag == "input" and attrs.get("type") == "hidden"
    }
    assert hidden == {"tokens": "700", "query": "flight?"}


def test_what_was_forgotten_leads_to_its_test(client: Client, project: Project) -> None:
    made = session(project, [user("It leaves from pier 7.")])
    forgot = Markup(got(client, f"/sessions/{made.id}/forgot/", text="pier 7&x"))
    (link,) = [link for link in forgot.links if "/test/" in link]
    assert "“ pier 7&x ”" in page(client, link)


def test_a_session_that_is_too_long_says_so_and_gives_no_turn(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = session(project, talk(3))
    monkeypatch.setattr(turnfile, "MOST_MESSAGES", 5)
    shown = Markup(got(client, address(made)))
    assert "holds 5 at most. Take an earlier version" in shown.text
    assert not any("turn.json" in link for link in shown.links)
    assert client.get(f"{address(made)}turn.json").status_code == 422
    assert orjson.loads(got(client, f"{address(made)[:-1]}.json").content)["turn"]["too_long"]


def test_a_budget_that_is_too_small_is_a_state_of_the_page(
    client: Client, project: Project
) -> None:
    made = session(project)
    assert "There is no context to test" in page(client, address(made), tokens=3)
    assert client.get(f"{address(made)}turn.json?tokens=3").status_code == 422


def test_a_kept_context_has_a_test_of_what_was_sent(
    client: Client, project: Project, tmp_path: Any
) -> None:
    made = folded(project, user="alice")
    asked = Ask(2_000, "Which flight?")
    built = records.build(get_store(), project.pk, made.id, asked, UNGUARDED)
    kept = Markup(got(client, f"/contexts/{built.id}/"))
    (link,) = [link for link in kept.links if "/test/" in link]
    assert link == f"/contexts/{built.id}/test/"
    shown = page(client, link, text="QX7-55912")
    assert "which facts and earlier turns were chosen" in shown
    path = tmp_path / "turn.json"
    path.write_bytes(got(client, f"{link}turn.json").content)
    assert holdfast.testing.turn(path).digest == built.digest
    assert "assert turn.reproduced" in got(client, f"{link}test.py").content.decode()


def test_a_context_that_other_code_sent_has_the_test_of_ours(
    client: Client, project: Project, tmp_path: Any
) -> None:
    made = poisoned(project)
    where = f"/contexts/{OBSERVED}/test/"
    assert "what Holdfast would have sent at that version" in page(client, where)
    path = tmp_path / "turn.json"
    path.write_bytes(got(client, f"{where}turn.json").content)
    turn = holdfast.testing.turn(path)
    assert turn.reproduced
    assert turn.version == get_store().get(project.pk, made.id).version


def test_a_poisoned_session_is_built_again(client: Client, project: Project, tmp_path: Any) -> None:
    made = poisoned(project)
    path = tmp_path / "turn.json"
    for version in range(1, made.version + 1):
        response = client.get(f"{address(made, version)}turn.json")
        if response.status_code == 200:
            path.write_bytes(response.content)
            assert holdfast.testing.turn(path).reproduced, version


def test_only_get_is_answered_and_a_wrong_version_is_told(client: Client, project: Project) -> None:
    made = session(project)
    for where in (address(made), f"{address(made)}turn.json", f"{address(made)}test.py"):
        assert client.post(where).status_code == 405
    assert client.get(address(made, 99)).status_code == 422
    assert client.get(f"{address(made)}?kind=other").status_code == 422
    assert client.get(f"/contexts/{UUID(int=9)}/test/").status_code == 404
    assert client.get(f"{address(made)}turn.yaml").status_code == 404


def test_it_reads_a_long_session_in_as_many_statements_as_a_short_one(
    client: Client, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    counts = []
    for turns in (5, 50):
        made = session(project, talk(turns))
        page(client, address(made))
        with django_assert_max_num_queries(60) as seen:
            page(client, address(made))
        counts.append(len(seen))
    assert counts[0] == counts[1]
