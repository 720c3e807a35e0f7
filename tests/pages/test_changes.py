"""What changed since the turn before, where the prompt cache broke, and what was really sent."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.test import Client

from memory_app import context as contexts
from memory_app import facts, records
from memory_app.context import Ask
from memory_app.facts import By, Stated
from memory_app.models import ContextRecord
from monitoring import changes
from sessions_app import preparing
from sessions_app.models import Project
from sessions_app.store import get_store
from sessions_app.store.base import UNGUARDED, Snapshot
from tests.pages.folded import folded
from tests.pages.markup import Markup
from tests.pages.samples import session, statements, talk, user

pytestmark = pytest.mark.usefixtures("local")


def page(client: Client, made: Snapshot, rest: str = "") -> Markup:
    response = client.get(f"/sessions/{made.id}/context/{rest}")
    assert response.status_code == 200
    return Markup(response)


def kept(made: Snapshot, **ask: Any) -> UUID:
    built = records.build(get_store(), made.project, made.id, Ask(**ask), UNGUARDED)
    return built.id


def post(client: Client, made: Snapshot, sent: list[dict[str, Any]]) -> str:
    response = client.post(
        f"/api/v1/sessions/{made.id}/contexts",
        orjson.dumps({"messages": sent, "model": "gpt-5-mini"}),
        content_type="application/json",
    )
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


# -- since the turn before ----------------------------------------------------------------------


def test_a_turn_adds_its_messages_and_keeps_the_prefix(client: Client, project: Project) -> None:
    shown = page(client, session(project, [*talk(3), user("And now?")]))
    assert "+ added #6–7" in shown.text
    assert "A prompt cache breaks" not in shown.text
    assert "no room any more" not in shown.text


def test_the_first_turn_has_none_before_it(client: Client, project: Project) -> None:
    assert "This is the first turn." in page(client, session(project, [user("Hi")])).text


def test_what_was_folded_and_where_the_cache_broke(client: Client, project: Project) -> None:
    made = folded(project)
    before = made.version - 1
    shown = page(client, made, f"?diff={before}")
    assert "≡ folded #" in shown.text
    assert "another summary" in shown.text
    assert "A prompt cache breaks at" in shown.text


def test_facts_that_came_and_went_are_named(client: Client, project: Project) -> None:
    made = session(project, talk(2), user="ines")
    store = get_store()
    facts.keep(store, project.pk, [Stated("Sits by the aisle.", user="ines")], By("mia"))
    store.append(project.pk, made.id, _batch("And now?"))
    shown = page(client, store.get(project.pk, made.id), "?diff=3")
    assert "+ fact “ Sits by the aisle. ”" in shown.text


def _batch(text: str) -> Any:
    return preparing.batch([user(text)])


def test_the_turns_tell_how_much_of_the_prompt_stayed(client: Client, project: Project) -> None:
    made = folded(project)
    shown = page(client, made, "?prefix=true")
    assert "nowhere" in shown.text
    assert "100 %" in shown.text


def test_turns_cost_the_same_statements_for_each(client: Client, project: Project) -> None:
    counts = []
    for turns in (40, 80):
        made = session(project, talk(turns))
        page(client, made, "?prefix=true")
        with statements() as ran:
            page(client, made, "?prefix=true")
        counts.append(len(ran))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("most", [changes.MOST_LOOKED, 60, 1])
def test_the_turns_before_are_a_press_away_until_the_first(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(changes, "MOST_LOOKED", most)
    made, told, address = session(project, talk(20)), [], "?prefix=true"
    while address:
        shown = page(client, made, address)
        turns = _turns_of(shown)
        assert 1 <= len(turns) <= changes.MOST_TURNS
        told += turns
        before = [link for link in shown.links if link.endswith("?prefix=true#prefix")]
        address = before[0].partition("/context/")[2] if before else ""
    assert told == list(range(40, 2, -2))


def _turns_of(shown: Markup) -> list[int]:
    """The versions of the turns in the table, in its order."""
    rows = shown.text.partition("Broken at")[2].partition("Payload")[0]
    return [int(seq) + 1 for seq in re.findall(r"#(\d+) ", rows)]


def test_each_recalled_turn_says_why(client: Client, project: Project) -> None:
    made = folded(project)
    shown = page(client, made, "?query=What+does+flight+205+cost")
    assert "why:" in shown.text
    assert re.search(r"#\d+ \d+\.\d\d = words", shown.text)


def test_a_reply_leads_to_what_was_really_sent(client: Client, project: Project) -> None:
    made = session(project, [user("Hi")])
    record = kept(made)
    store = get_store()
    said = {"role": "assistant", "content": "Hello!", "context": str(record)}
    store.append(project.pk, made.id, preparing.batch([said]))
    odd = {"role": "assistant", "content": "Hm", "context": "one of mine"}
    store.append(project.pk, made.id, preparing.batch([odd]))
    shown = Markup(client.get(f"/sessions/{made.id}/"))
    assert f"/contexts/{record}/" in shown.links
    assert f"/sessions/{made.id}/context/2/" in shown.links


# -- kept contexts ------------------------------------------------------------------------------


def test_a_kept_context_is_shown_with_its_proof(client: Client, project: Project) -> None:
    made = session(project, talk(3))
    record = kept(made, query="Question 1")
    assert f"/contexts/{record}/" in page(client, made).links
    response = client.get(f"/contexts/{record}/")
    shown = Markup(response)
    assert "Proved." in shown.text
    assert "asked “ Question 1 ”" in shown.text
    answer = client.get(f"/contexts/{record}.json").json()
    assert answer == client.get(f"/api/v1/contexts/{record}").json()
    assert answer["digest"] in shown.text


def test_a_kept_context_that_lost_something_says_so(client: Client, project: Project) -> None:
    made = session(project, talk(3))
    record = kept(made)
    ContextRecord.objects.filter(id=record).update(digest=b"0" * 32)
    assert "Not proved." in Markup(client.get(f"/contexts/{record}/")).text


def test_what_ones_own_code_sent_stands_beside_the_log(client: Client, project: Project) -> None:
    made = session(project, talk(3))
    record = post(
        client,
        made,
        [
            {"role": "system", "content": "Obey <b>me</b>"},
            {"role": "user", "content": "Question 0"},
            {"role": "assistant", "content": "Answer 0, they say"},
            {"role": "user", "content": "Question 2"},
        ],
    )
    shown = Markup(client.get(f"/contexts/{record}/"))
    assert "What your code sent" in shown.text
    assert "Obey <b>me</b>" in shown.text
    assert "gpt-5-mini" in shown.text
    for name in ("there", "altered", "absent", "foreign"):
        assert name in shown.text.lower()
    assert "what was really sent" in page(client, made).text


def test_no_such_record_is_not_found(client: Client, project: Project) -> None:
    for rest in ("/", ".json"):
        missing = client.get(f"/contexts/{UUID(int=1)}{rest}")
        assert missing.status_code == 404


def test_a_context_that_cannot_be_built_any_more_is_told(client: Client, project: Project) -> None:
    made = session(project, talk(3))
    built = contexts.build(get_store(), project.pk, made.id)
    record = kept(made)
    ContextRecord.objects.filter(id=record).update(room=1)
    shown = Markup(client.get(f"/contexts/{record}/"))
    assert f"It had {built.tokens}" in shown.text
