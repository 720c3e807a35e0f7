"""Why did it forget? From a phrase to where it was lost, and back into the next context."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from memory_app import asking, policies, tracing
from memory_app import context as contexts
from memory_app.asking import Asked
from memory_app.context import Ask
from memory_app.models import Fact
from monitoring import quoting
from sessions_app import preparing
from sessions_app.models import Project
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot
from tests.pages.folded import begun, compress, folded, told
from tests.pages.markup import Markup
from tests.pages.samples import session, talk, user

pytestmark = pytest.mark.usefixtures("local")


def page(client: Client, made: Snapshot, text: str = "") -> Markup:
    response = client.get(f"/sessions/{made.id}/forgot/", {"text": text} if text else {})
    assert response.status_code == 200
    return Markup(response)


def lost(project: Project) -> tuple[Snapshot, str]:
    """A session, and words of a message that nothing in view holds any more."""
    chat = [user(f"ok thanks, what a lovely weather over the harbour {n}") for n in range(3)]
    made = folded(project)
    store = get_store()
    store.append(project.pk, made.id, preparing.batch(chat))
    for turn in range(2):
        store.append(project.pk, made.id, preparing.batch(told(12, 12 * turn)))
        compress(project, made)
    made = store.get(project.pk, made.id)
    for row in store.picked(made.number, tuple(range(1, made.messages + 1))):
        for phrase in re.findall(r"\w+ \w+ \w+", str(row.message().body.get("content") or "")):
            found = tracing.trace(store, made, phrase)
            if found["said"] and not found["carried"] and found["lost_at"]:
                return made, str(phrase)
    pytest.fail("nothing was lost")


def test_a_page_without_a_phrase_says_what_it_is_for(client: Client, project: Project) -> None:
    assert "Type a phrase" in page(client, session(project)).text


def test_what_is_in_view_is_told_so(client: Client, project: Project) -> None:
    shown = page(client, session(project, [user("It leaves from pier 7.")]), "pier 7")
    assert "It is in view: word for word" in shown.text
    assert "still" in shown.text


def test_what_nobody_said_is_looked_for_elsewhere(client: Client, project: Project) -> None:
    shown = page(client, session(project), "pier 99")
    assert "Nobody said this here" in shown.text
    assert any("q=pier%2099" in link for link in shown.links)


def test_what_was_lost_names_the_compression_and_comes_back_as_a_fact(
    client: Client, project: Project
) -> None:
    made, phrase = lost(project)
    shown = page(client, made, phrase)
    assert "It was lost at" in shown.text
    assert any("/compressions/" in link and link.endswith("#lost") for link in shown.links)
    form = next(attrs for tag, attrs in shown.tags if tag == "form" and "forgot/fact" in str(attrs))
    seq = next(
        str(attrs["value"])
        for tag, attrs in shown.tags
        if tag == "input" and attrs.get("name") == "seq"
    )
    quote = quoting.sentence(
        str(get_store().picked(made.number, (int(seq),))[0].message().body["content"]), phrase
    )
    done = client.post(
        str(form["action"]), {"text": phrase, "seq": seq, "quote": quote}, follow=True
    )
    assert done.status_code == 200
    again = Markup(done)
    assert "Stored as a pinned fact" in again.text
    assert "as a fact" in again.text
    fact = Fact.objects.of(project.pk).get(pinned=True)
    assert (fact.text, fact.trust) in {(quote, "user"), (quote, "model")}
    context = client.get(f"/sessions/{made.id}/context.json").json()
    assert str(fact.id) in [key for part in context["parts"] for key in part["facts"]]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"seq": "1", "quote": "never said"}, 422),
        ({"seq": "99", "quote": "Question 0"}, 422),
        ({"seq": "x", "quote": "Question 0"}, 422),
        ({"quote": "Question 0"}, 422),
        ({"seq": "1", "quote": ""}, 422),
    ],
)
def test_what_cannot_be_stored_is_refused(
    client: Client, project: Project, sent: dict[str, str], status: int
) -> None:
    made = session(project, talk(2))
    done = client.post(f"/sessions/{made.id}/forgot/fact/", {"text": "Question", **sent})
    assert done.status_code == status
    assert not Fact.objects.of(project.pk).exists()


def test_the_twin_is_the_trace(client: Client, project: Project) -> None:
    made = session(project, talk(2))
    twin = client.get(f"/sessions/{made.id}/forgot.json", {"text": "Question"}).json()
    assert twin == client.get(f"/api/v1/sessions/{made.id}/trace", {"text": "Question"}).json()
    assert client.get(f"/sessions/{made.id}/forgot.json").json() == {}


@pytest.mark.parametrize(
    ("text", "phrase", "sentence"),
    [
        ("Hi. It leaves at 7. Bye.", "at 7", "It leaves at 7."),
        ("It leaves at 7", "IT LEAVES", "It leaves at 7"),
        ("one\ntwo three\nfour", "three", "two three"),
        ("straße. Groß", "groß", ""),
        ("a" * 900 + " x " + "b" * 900, " x ", None),
    ],
)
def test_a_sentence_is_quoted_to_the_letter(text: str, phrase: str, sentence: str | None) -> None:
    found = quoting.sentence(text, phrase)
    assert found in text
    assert len(found) <= quoting.MOST
    if sentence is not None:
        assert found == sentence


def test_what_a_pin_would_do_is_said_before_and_is_what_it_does(
    client: Client, project: Project
) -> None:
    made, phrase = lost(project)
    shown = page(client, made, phrase)
    now, later = (
        contexts.build(get_store(), project.pk, made.id),
        contexts.build(get_store(), project.pk, made.id, Ask(pinned=(pinned_seq(shown),))),
    )
    assert f"{later.tokens:,} of {later.limit:,} tokens instead of {now.tokens:,}" in shown.text
    get_store().pin(project.pk, made.id, pinned_seq(shown))
    after = contexts.build(get_store(), project.pk, made.id)
    assert (after.tokens, after.digest) == (later.tokens, later.digest)
    again = page(client, made, phrase).text
    assert "It is in view: kept word for word" in again
    assert "instead of" not in again


def pinned_seq(shown: Markup) -> int:
    action = next(
        str(attrs["action"])
        for tag, attrs in shown.tags
        if tag == "form" and str(attrs.get("action")).endswith("/pin/")
    )
    return int(action.split("/")[-3])


def test_a_message_that_is_too_large_for_every_context_says_so(
    client: Client, project: Project
) -> None:
    policies.put(get_store(), project.pk, "tiny", {"window": 1_000, "reserve": 100})
    made = session(project, [user("zebra " * 2_000), *talk(3)], policy="tiny")
    assert "too large for the next context" in page(client, made, "zebra").text


def test_a_compression_keeps_what_it_was_asked_to_keep(client: Client, project: Project) -> None:
    made = begun(project, told(12))
    first = "Move my flight QX7-55912"
    assert "Compress keeping this" in page(client, made, first).text
    kept = next(
        row.seq
        for row in get_store().picked(made.number, tuple(range(1, made.messages)))
        if row.seq > 2 and row.role == "assistant" and "welcome" in str(row.message().body)
    )
    address = f"/sessions/{made.id}/compress/"
    plain = asking.compress(get_store(), project.pk, made.id, Asked(dry_run=True))
    assert fate_in(plain, kept) != "retained"
    tried = client.post(address, {"keep": kept})
    assert f"Pin #{kept} and fold" in Markup(tried).text
    done = client.post(address, {"keep": kept, "sure": "true", "version": made.version})
    assert done.status_code == 302
    twin = client.get(done.headers["Location"].removesuffix("/") + ".json").json()
    assert fate_in(twin, kept) == "retained"
    assert "Compress keeping this" not in page(client, made, first).text


def test_a_compression_that_keeps_something_stops_where_the_session_has_changed(
    client: Client, project: Project
) -> None:
    made = begun(project, told(12))
    get_store().append(project.pk, made.id, preparing.batch([user("One more.")]))
    sent = {"keep": "3", "sure": "true", "version": made.version}
    assert client.post(f"/sessions/{made.id}/compress/", sent).status_code == 409
    assert get_store().present(get_store().get(project.pk, made.id)).pinned == ()


@pytest.mark.parametrize("seq", ["0", "x", "-1", "٣"])
def test_what_names_no_message_cannot_be_kept(client: Client, project: Project, seq: str) -> None:
    made = begun(project, told(12))
    assert client.post(f"/sessions/{made.id}/compress/", {"keep": seq}).status_code == 422


def fate_in(done: dict[str, Any], seq: int) -> str:
    return next(str(one["fate"]) for one in done["decisions"] if one["seq"] == seq)
