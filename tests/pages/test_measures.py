"""How sure the figures of a context are, and how long its room lasts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from memory_app import context as contexts
from memory_app import factbodies, facts
from monitoring import measures
from sessions_app.models import Project
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot
from tests.pages.markup import Markup
from tests.pages.samples import assistant, session, talk, user

pytestmark = pytest.mark.usefixtures("local")

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/plan.png"}}


def page(client: Client, made: Snapshot, rest: str = "") -> Markup:
    response = client.get(f"/sessions/{made.id}/context/{rest}")
    assert response.status_code == 200
    return Markup(response)


def test_what_the_provider_measured_stands_beside_the_count(
    client: Client, project: Project
) -> None:
    usage = {"prompt_tokens": 40, "prompt_tokens_details": {"cached_tokens": 32}}
    made = session(project, [user("Hello?"), assistant("Hello.", usage=usage)])
    shown = page(client, made, "2/").text
    counted = contexts.build(get_store(), project.pk, made.id, contexts.Ask(at=2)).tokens
    off = (counted - 40) / 40 * 100
    assert "The provider measured 40 for #2" in shown
    assert f"{off:+.1f} % off".replace("-", "\u2212") in shown
    assert "32 came from its cache" in shown
    assert "measured" not in page(client, made).text


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 0}, {"prompt_tokens": "many"}])
def test_without_a_measure_nothing_is_said_of_one(
    client: Client, project: Project, usage: Any
) -> None:
    made = session(project, [user("Hello?"), assistant("Hello.", usage=usage)])
    assert "measured" not in page(client, made, "2/").text


def test_guessed_tokens_are_told_apart(client: Client, project: Project) -> None:
    seen = {"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE]}
    made = session(project, [user("Look."), seen, assistant("A plan.")])
    built = contexts.build(get_store(), project.pk, made.id)
    guessed = measures.guessed(get_store(), made, built)
    assert guessed == (1, get_store().picked(made.number, (2,))[0].tokens)
    shown = page(client, made).text
    assert f"~{guessed.tokens:,} of them estimated, in 1 message" in shown
    assert "estimated" not in page(client, session(project)).text


def test_room_is_told_in_turns(client: Client, project: Project) -> None:
    made = session(project, talk(30))
    built = contexts.build(get_store(), project.pk, made.id)
    pace = measures.pace(get_store(), made, built)
    assert pace
    began = [seq for seq, _ in get_store().questions(made.number, made.messages, 11)]
    rows = get_store().picked(made.number, tuple(range(began[-1], began[0])))
    assert pace.turns == 10
    assert pace.tokens == round(sum(row.tokens for row in rows) / 10)
    assert pace.left == (built.limit - built.tokens) // pace.tokens
    assert f"Room for about {pace.left:,} turns more" in page(client, made).text
    full = page(client, made, f"?tokens={built.tokens}").text
    assert "No room for a turn more" in full


def test_before_the_first_turn_is_over_there_is_no_pace(client: Client, project: Project) -> None:
    made = session(project, [user("Hello?")])
    assert "turn" not in page(client, made).text.partition("Parts")[0].partition("used")[2]


def test_a_large_payload_is_a_file_of_its_own(client: Client, project: Project) -> None:
    made = session(project, [user("word " * 30_000)], policy="default")
    shown = client.get(f"/sessions/{made.id}/context/?tokens=60000")
    assert len(shown.content) < 150_000
    text = Markup(shown)
    assert "Only its beginning" in text.text
    address = next(link for link in text.links if "payload.json" in link)
    whole = client.get(address).json()
    answer = client.get(f"/sessions/{made.id}/context.json?tokens=60000").json()
    assert whole == {name: answer[name] for name in ("system", "tools", "messages")}
    small = page(client, session(project))
    assert not any("payload.json" in link for link in small.links)


def test_a_form_is_one_press_away(client: Client, project: Project) -> None:
    made = session(project, [user("Hello?"), assistant("Hello.")], system="Be brief.")
    shown = page(client, made, "?query=hello")
    address = next(link for link in shown.links if "format=anthropic" in link and "query=" in link)
    payload = json.loads(client.get(f"/sessions/{made.id}/context/payload.json{address}").content)
    assert payload["system"] == "Be brief."


@pytest.mark.parametrize(
    ("stated", "query", "why"),
    [
        ({"pinned": True}, "", "pinned"),
        ({"category": "correction"}, "", "a correction"),
        ({"key": "seat"}, "", "a preference"),
        ({}, "", "says most"),
        ({}, "Which seat?", "the question says seat"),
    ],
)
def test_each_fact_says_why_it_is_in(
    client: Client, project: Project, stated: dict[str, Any], query: str, why: str
) -> None:
    made = session(project, talk(2), user="ana")
    told = {"user": "ana", "text": "She wants an aisle seat.", **stated}
    facts.keep(get_store(), project.pk, factbodies.stated(told), facts.By("ana"))
    shown = page(client, made, f"?query={query}")
    assert f"{why}: She wants an aisle seat." in shown.text
