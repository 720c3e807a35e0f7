"""The page of a fact: what it shows, and what its forms do."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

from holdfast.projects import ensure_project
from memory_app import endusers, facts, links, records
from memory_app.context import Ask
from memory_app.facts import By, Stated
from memory_app.models import Compression, Fact
from sessions_app import preparing, reviews
from sessions_app.models import Project
from sessions_app.store import get_store
from sessions_app.store.base import UNGUARDED, Snapshot
from tests.pages.folded import folded
from tests.pages.markup import Markup
from tests.pages.samples import assistant, session, statements, user

pytestmark = pytest.mark.usefixtures("local")

SAID = "I live in Porto."


def lived(project: Project, said: str = SAID) -> Snapshot:
    """A session in which somebody said something."""
    return session(project, [user(said), assistant("Noted.")], user="ines", title="A talk")


def stored(project: Project, text: str = "Ines lives in Porto.", **more: Any) -> Any:
    """A fact of ines, as it is read."""
    wanted = Stated(text, user="ines", **more)
    answer = facts.keep(get_store(), project.pk, [wanted], By("ana"))
    return facts.one(get_store(), project.pk, answer.facts[0].id)


def sourced(project: Project, made: Snapshot, **more: Any) -> Any:
    source = {"session": str(made.id), "seq": 1, "quote": SAID}
    return stored(project, sources=(source,), **more)


def used(project: Project, made: Snapshot, times: int = 1, *, answered: bool = True) -> None:
    """Keeps contexts of a session, each with an answer."""
    for _ in range(times):
        records.build(get_store(), project.pk, made.id, Ask(query="Where do I live?"), UNGUARDED)
        if answered:
            said = [assistant("You live in Porto."), user("And?")]
            get_store().append(project.pk, made.id, preparing.batch(said))


def address(fact: Any) -> str:
    return f"/facts/{fact.id}/"


def page(client: Client, fact: Any, **query: Any) -> Markup:
    response = client.get(address(fact), query)
    assert response.status_code == 200, response.content.decode()[-2000:]
    return Markup(response)


def fields(shown: Markup) -> dict[str, str]:
    """What the form to edit would send unchanged; areas are read from the fact by the caller."""
    return {
        str(attrs["name"]): str(attrs.get("value") or "")
        for tag, attrs in shown.tags
        if tag == "input" and attrs.get("name")
    }


def edited(client: Client, fact: Any, **typed: str) -> Any:
    """What saving the form with these changes answers; it was opened when `fact` was read."""
    form = {
        "text": fact.text,
        "category": fact.category,
        "key": fact.key,
        "subject": fact.subject,
        "relation": fact.relation,
        "object": fact.object,
        "revision": str(fact.revision),
    }
    return client.post(f"{address(fact)}edit/", {**form, **typed}, follow=True)


def now(project: Project, fact: Any) -> Any:
    return facts.one(get_store(), project.pk, fact.id)


# -- what it says ----------------------------------------------------------------------------------


def test_a_fact_says_whose_word_it_is_and_where_it_comes_from(
    client: Client, project: Project
) -> None:
    made = lived(project)
    fact = sourced(project, made, key="home", subject="ines", relation="lives in", object="Porto")
    shown = page(client, fact)
    assert "the user's own word" in shown.text
    assert SAID in shown.text
    assert f"/sessions/{made.id}/m/1/" in shown.links
    assert "/users/ines/" in shown.links
    for word in ("home", "lives in", "profile", "active"):
        assert word in shown.text


def test_a_fact_tells_all_that_led_to_it(client: Client, project: Project) -> None:
    texts = ["Ines lives in Faro.", "Ines lives in Porto.", "Ines lives in Lisbon."]
    *old, last = [stored(project, text, key="home") for text in texts]
    shown = page(client, last)
    chain = "took the place of Ines lives in Porto. which took the place of Ines lives in Faro."
    assert chain in shown.text
    assert {address(fact) for fact in old} <= {*shown.links}


@pytest.mark.parametrize(
    ("change", "words", "linked"),
    [
        ("retract", "retracted since", True),
        ("delete", "the session was deleted", False),
    ],
)
def test_a_source_says_what_became_of_its_message(
    client: Client, project: Project, change: str, words: str, *, linked: bool
) -> None:
    made = lived(project)
    fact = sourced(project, made)
    if change == "retract":
        get_store().retract(project.pk, made.id, (1, 1), "")
    else:
        get_store().delete(project.pk, made.id)
    shown = page(client, fact)
    assert words in shown.text
    assert SAID in shown.text
    assert (f"/sessions/{made.id}/m/1/" in shown.links) is linked


def test_a_superseded_fact_leads_to_the_one_in_its_place_and_back(
    client: Client, project: Project
) -> None:
    old = stored(project, key="home")
    new = stored(project, "Ines lives in Lisbon.", key="home")
    assert address(new) in page(client, old).links
    assert address(old) in page(client, new).links
    assert "took the place of" in page(client, new).text


def test_a_quarantined_fact_stands_beside_what_it_contradicts(
    client: Client, project: Project
) -> None:
    one = stored(project)
    other = stored(
        project, "Ines lives in Rome.", metadata=orjson.dumps({"contradicts": str(one.id)}).decode()
    )
    Fact.everything.filter(pk=other.pk).update(status=Fact.QUARANTINED)
    shown = page(client, other)
    assert "contradicts another fact" in shown.text
    assert "Ines lives in Porto." in shown.text
    assert "contradicted by" in page(client, one).text
    client.post(f"{address(other)}accept/", {"revision": "1"})
    assert (now(project, other).status, now(project, one).status) == ("active", "superseded")
    client.post(f"{address(other)}undo/", {"revision": "2"})
    assert (now(project, other).status, now(project, one).status) == ("quarantined", "active")


def test_a_fact_of_a_session_of_nobody_leads_to_it(client: Client, project: Project) -> None:
    made = session(project, [user("Hi")], title="Nobody's")
    answer = facts.keep(get_store(), project.pk, [Stated("It is.", session=made.id)], By("ana"))
    shown = page(client, answer.facts[0])
    assert f"/sessions/{made.id}/" in shown.links
    assert "Nobody's" in shown.text


# -- editing ---------------------------------------------------------------------------------------


def test_an_edit_is_a_revision_with_its_reason_and_can_be_undone(
    client: Client, project: Project
) -> None:
    fact = stored(project)
    done = edited(client, fact, text="Ines lives in Lisbon.", reason="She moved.")
    assert done.status_code == 200
    shown = Markup(done)
    assert "Saved" in shown.text
    assert "She moved." in shown.text
    assert (shown.count("del"), shown.count("ins")) >= (1, 1)
    changed = now(project, fact)
    assert (changed.text, changed.revision, changed.trust) == ("Ines lives in Lisbon.", 2, "editor")
    undone = client.post(f"{address(fact)}undo/", {"revision": "2"}, follow=True)
    assert "Undone" in Markup(undone).text
    again = now(project, fact)
    assert (again.text, again.revision) == ("Ines lives in Porto.", 3)


def test_the_same_values_make_no_revision_and_say_so(client: Client, project: Project) -> None:
    fact = stored(project, valid_us=1_700_000_000_123_456, metadata='{"b":1,"a":2}')
    shown = fields(page(client, fact, edit="true"))
    done = edited(
        client, fact, valid_at=shown["valid_at"], metadata='{\r\n  "b": 1,\r\n  "a": 2\r\n}'
    )
    assert "Nothing was changed" in Markup(done).text
    assert now(project, fact).revision == 1


def test_every_field_can_be_changed_and_cleared(client: Client, project: Project) -> None:
    fact = stored(project)
    typed = {
        "text": "Two\r\nlines",
        "category": "home",
        "key": "k",
        "subject": "s",
        "relation": "r",
        "object": "o",
        "valid_at": "2026-01-31T12:00",
        "invalid_at": "2026-02-01T12:00:30",
        "metadata": '{"a": 1}',
    }
    assert edited(client, fact, **typed).status_code == 200
    changed = now(project, fact)
    assert (changed.text, changed.category, changed.key) == ("Two\nlines", "home", "k")
    assert facts.fact_out(changed)["valid_at"] == "2026-01-31T12:00:00Z"
    assert facts.fact_out(changed)["invalid_at"] == "2026-02-01T12:00:30Z"
    assert changed.metadata == '{"a":1}'
    cleared = {"key": "", "valid_at": "", "invalid_at": "", "metadata": ""}
    assert edited(client, changed, **cleared).status_code == 200
    last = now(project, fact)
    assert (last.key, last.valid_us, last.invalid_us, last.metadata) == ("", None, None, "{}")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"text": "  "}, "must say something"),
        ({"text": "x" * 8_001}, "over 8000 characters"),
        ({"category": ""}, "must not be empty"),
        ({"metadata": "{no"}, "not valid JSON"),
        ({"metadata": "[]"}, "must be an object"),
        ({"valid_at": "soon"}, "ISO 8601"),
        ({"key": "a\x00b"}, "NUL"),
        ({"valid_at": "2026-02-01T00:00", "invalid_at": "2026-01-01T00:00"}, "comes before"),
        ({"reason": "y" * 1_001}, "1000 characters"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays(
    client: Client, project: Project, typed: dict[str, str], words: str
) -> None:
    fact = stored(project)
    done = edited(client, fact, **{"subject": "typed before", **typed})
    assert done.status_code == 422
    shown = Markup(done)
    assert words in shown.text
    assert "typed before" in shown.values("value")
    assert shown.values("aria-invalid") == ["true"]
    assert now(project, fact).revision == 1


def test_the_second_editor_gets_both_texts_and_loses_nothing(
    client: Client, project: Project
) -> None:
    fact = stored(project)
    edited(client, fact, text="Ines lives in Lisbon.", reason="She moved.")
    done = edited(client, fact, text="Ines lives in Madrid.", subject="ines", reason="I heard so.")
    assert done.status_code == 409
    shown = Markup(done)
    for words in ("Ines lives in Lisbon.", "Ines lives in Madrid.", "local", "She moved."):
        assert words in shown.text
    values = fields(shown)
    assert (values["revision"], values["subject"], values["reason"]) == ("2", "ines", "I heard so.")
    assert now(project, fact).revision == 2
    over = {**values, "text": "Ines lives in Madrid.", "metadata": ""}
    assert client.post(f"{address(fact)}edit/", over, follow=True).status_code == 200
    last = now(project, fact)
    assert (last.text, last.subject, last.revision) == ("Ines lives in Madrid.", "ines", 3)


def test_two_who_changed_different_fields_keep_both(client: Client, project: Project) -> None:
    fact = stored(project)
    edited(client, fact, category="home")
    done = edited(client, fact, text="Ines lives in Madrid.")
    assert done.status_code == 409
    values = fields(Markup(done))
    assert values["category"] == "home"
    client.post(f"{address(fact)}edit/", {**values, "text": "Ines lives in Madrid."})
    last = now(project, fact)
    assert (last.text, last.category) == ("Ines lives in Madrid.", "home")


def test_two_who_typed_the_same_agree(client: Client, project: Project) -> None:
    fact = stored(project)
    edited(client, fact, text="Ines lives in Lisbon.")
    done = edited(client, fact, text="Ines lives in Lisbon.")
    assert (done.status_code, now(project, fact).revision) == (200, 2)


# -- verbs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "pinned", "name", "value"),
    [
        ("pin", False, "pinned", True),
        ("unpin", True, "pinned", False),
        ("retire", False, "status", "retired"),
    ],
)
def test_what_was_done_is_told_once_kept_with_its_reason_and_undone(
    client: Client, project: Project, verb: str, *, pinned: bool, name: str, value: object
) -> None:
    fact = stored(project, pinned=pinned)
    sent = {"revision": "1", "reason": "So be it."}
    done = client.post(f"{address(fact)}{verb}/", sent, follow=True)
    shown = Markup(done)
    assert "So be it." in shown.text
    assert f"{address(fact)}undo/" in shown.values("action")
    assert getattr(now(project, fact), name) == value
    again = client.post(f"{address(fact)}{verb}/", {"revision": "2"}, follow=True)
    assert "Nothing was changed" in Markup(again).text
    client.post(f"{address(fact)}undo/", {"revision": "2"})
    assert getattr(now(project, fact), name) == getattr(fact, name)


def test_a_verb_at_an_older_revision_does_nothing_and_shows_what_was_missed(
    client: Client, project: Project
) -> None:
    fact = stored(project)
    edited(client, fact, text="Ines lives in Lisbon.", reason="She moved.")
    done = client.post(f"{address(fact)}retire/", {"revision": "1"})
    assert done.status_code == 409
    assert "She moved." in Markup(done).text
    assert now(project, fact).status == "active"


def test_a_fact_is_merged_into_one_that_is_like_it_and_back(
    client: Client, project: Project
) -> None:
    made = lived(project)
    fact, other = sourced(project, made), stored(project, "Her home is Porto.")
    stored(project, "Ines likes tea.")
    shown = page(client, fact, merge="home Porto")
    assert f"?into={other.id}" in shown.links
    assert f"?into={fact.id}" not in shown.links
    asked = page(client, fact, into=str(other.id))
    assert "Her home is Porto." in asked.text
    sent = {"revision": "1", "into": str(other.id), "reason": "The same."}
    done = client.post(f"{address(fact)}merge/", sent, follow=True)
    assert "Merged" in Markup(done).text
    assert now(project, fact).superseded_by == other.id
    assert SAID in now(project, other).sources
    client.post(f"{address(fact)}undo/", {"revision": "2"})
    assert (now(project, fact).status, now(project, other).sources) == ("active", "[]")


def test_a_fact_of_somebody_else_is_not_merged_into(client: Client, project: Project) -> None:
    fact = stored(project)
    theirs = facts.keep(get_store(), project.pk, [Stated("He is.", user="bo")], By("ana")).facts[0]
    sent = {"revision": "1", "into": str(theirs.id)}
    done = client.post(f"{address(fact)}merge/", sent)
    assert done.status_code == 422
    assert "somebody else" in Markup(done).text
    assert now(project, fact).revision == 1


def test_a_fact_goes_back_to_any_revision_as_a_new_one(client: Client, project: Project) -> None:
    fact = stored(project)
    edited(client, fact, text="Ines lives in Lisbon.")
    edited(client, now(project, fact), text="Ines lives in Madrid.")
    done = client.post(f"{address(fact)}revert/", {"revision": "3", "to": "1"}, follow=True)
    assert "Back to revision 1." in Markup(done).text
    last = now(project, fact)
    assert (last.text, last.revision) == ("Ines lives in Porto.", 4)


@pytest.mark.parametrize(
    ("verb", "sent", "status"),
    [
        ("pin", {}, 422),
        ("pin", {"revision": "x"}, 422),
        ("pin", {"revision": "9" * 30}, 422),
        ("revert", {"revision": "1"}, 422),
        ("revert", {"revision": "1", "to": "7"}, 422),
        ("merge", {"revision": "1", "into": "x"}, 422),
        ("merge", {"revision": "1", "into": "01a223c2-b960-7353-92a8-74786771ecf3"}, 404),
        ("undo", {"revision": "1"}, 422),
        ("accept", {"revision": "1", "reason": "z" * 1_001}, 422),
        ("burn", {"revision": "1"}, 422),
    ],
)
def test_what_cannot_be_done_is_refused(
    client: Client, project: Project, verb: str, sent: dict[str, str], status: int
) -> None:
    fact = stored(project)
    assert client.post(f"{address(fact)}{verb}/", sent).status_code == status
    assert now(project, fact).revision == 1


# -- history and uses ------------------------------------------------------------------------------


def test_history_goes_back_by_pages_to_how_it_was_stored(client: Client, project: Project) -> None:
    fact = stored(project, "Number 0.")
    for number in range(1, 30):
        decide = facts.editing({"text": f"Number {number}."})
        facts.change(get_store(), project.pk, fact.id, decide, By("bo", f"Because of {number}."))
    shown = page(client, fact)
    assert "30 revisions" in shown.text
    assert "Because of 29." in shown.text
    assert "Because of 9." not in shown.text
    (older,) = [link for link in shown.links if link.startswith("?before=")]
    last = Markup(client.get(address(fact) + older.removesuffix("#history")))
    assert "Because of 9." in last.text
    assert "Number 0." in last.text
    assert last.values("data-item").count("") >= 10


def test_a_use_leads_to_its_context_and_to_the_answer_that_followed(
    client: Client, project: Project
) -> None:
    made = lived(project)
    fact = sourced(project, made)
    used(project, made, 2)
    used(project, made, answered=False)
    shown = page(client, fact)
    assert "Put into 3 contexts of 1 session; 2 answers followed." in shown.text.replace(" ;", ";")
    newest = get_store().get(project.pk, made.id).messages
    assert f"/sessions/{made.id}/m/3/" in shown.links
    assert f"/sessions/{made.id}/m/{newest - 1}/" in shown.links
    assert "You live in Porto." in shown.text
    assert "Where do I live?" in shown.text
    assert "none yet" in shown.text
    assert sum(link.startswith("/contexts/") for link in shown.links) == 3


def test_an_answer_that_names_another_context_says_so(client: Client, project: Project) -> None:
    made, store = lived(project), get_store()
    fact = sourced(project, made)
    first, second = (
        records.build(store, project.pk, made.id, Ask(query="Where?"), UNGUARDED) for _ in range(2)
    )
    said = [assistant("In Porto.", context=str(second.id))]
    store.append(project.pk, made.id, preparing.batch(said))
    shown = page(client, fact)
    assert shown.text.count("it names another context") == 1
    assert "Put into 2 contexts of 1 session; 1 answer followed." in shown.text.replace(" ;", ";")
    assert first.id != second.id


def test_uses_go_back_by_pages(client: Client, project: Project) -> None:
    made = lived(project)
    fact = sourced(project, made)
    used(project, made, 25)
    shown = page(client, fact)
    first = {link for link in shown.links if link.startswith("/contexts/")}
    (older,) = [link for link in shown.links if link.startswith("?uses=")]
    last = Markup(client.get(address(fact) + older.removesuffix("#uses")))
    second = {link for link in last.links if link.startswith("/contexts/")}
    assert (len(first), len(second), len(first | second)) == (20, 5, 25)
    assert client.get(address(fact), {"uses": "x"}).status_code == 400


def test_uses_in_deleted_sessions_are_passed_over(client: Client, project: Project) -> None:
    kept, gone = lived(project), lived(project)
    fact = sourced(project, kept)
    used(project, kept, 25)
    used(project, gone, 45)
    get_store().delete(project.pk, gone.id)
    shown = page(client, fact)
    assert "Put into 25 contexts of 1 session; 25 answers" in shown.text.replace(" ;", ";")
    assert sum(link.startswith("/contexts/") for link in shown.links) == 20
    (older,) = [link for link in shown.links if link.startswith("?uses=")]
    last = Markup(client.get(address(fact) + older.removesuffix("#uses")))
    assert sum(link.startswith("/contexts/") for link in last.links) == 5


def test_a_fact_that_lost_its_key_to_an_edit_has_it_again_after_the_undo(
    client: Client, project: Project
) -> None:
    holder, fact = stored(project, key="home"), stored(project, "Ines lives in Rome.")
    edited(client, fact, key="home")
    assert now(project, holder).status == "superseded"
    client.post(f"{address(fact)}undo/", {"revision": "2"})
    assert (now(project, holder).status, now(project, fact).key) == ("active", "")


def test_an_undo_leaves_alone_what_was_changed_since(client: Client, project: Project) -> None:
    holder, fact = stored(project, key="home"), stored(project, "Ines lives in Rome.")
    edited(client, fact, key="home")
    edited(client, now(project, holder), text="Ines once lived in Porto.")
    client.post(f"{address(fact)}undo/", {"revision": "2"})
    left = now(project, holder)
    assert (left.status, left.text) == ("superseded", "Ines once lived in Porto.")


def test_after_a_correction_the_page_leads_to_the_answers_it_touched(
    client: Client, project: Project
) -> None:
    made = lived(project)
    fact = sourced(project, made)
    used(project, made, 2)
    done = edited(client, fact, text="Ines lives in Lisbon.")
    assert "2 answers may have been spoilt" in Markup(done).text
    assert f"{address(fact)}#uses" in Markup(done).links


def test_the_answers_are_marked_for_review_and_unmarked(client: Client, project: Project) -> None:
    made, store = lived(project), get_store()
    fact = sourced(project, made)
    used(project, made, 3)
    made = store.get(project.pk, made.id)
    reviews.put(store, made, 3, reviews.Opinion("good", "Fine.", needs_review=True), "bo")
    reviews.put(store, made, 5, reviews.Opinion("bad"), "bo")
    assert "Mark 3 answers for review?" in page(client, fact, review="true").text
    done = client.post(f"{address(fact)}mark/", {}, follow=True)
    assert "2 answers marked for review." in Markup(done).text
    assert reviews.needed("default", made) == [3, 5, 7]
    (signed,) = [
        str(attrs["value"])
        for tag, attrs in Markup(done).tags
        if tag == "input" and attrs.get("name") == "told"
    ]
    client.post(f"{address(fact)}unmark/", {"told": signed})
    assert reviews.needed("default", made) == [3]
    found = reviews.between("default", made, 1, 9)
    assert (found[5].rating, found[5].comment) == ("bad", "")
    assert 7 not in found
    assert client.post(f"{address(fact)}unmark/", {"told": "x"}).status_code == 422


def test_what_somebody_said_of_a_marked_answer_outlives_the_undo(
    client: Client, project: Project
) -> None:
    made, store = lived(project), get_store()
    fact = sourced(project, made)
    used(project, made, 2)
    made = store.get(project.pk, made.id)
    done = client.post(f"{address(fact)}mark/")
    (signed,) = parse_qs(urlsplit(done.headers["Location"]).query)["told"]
    seq = reviews.needed("default", made)[0]
    reviews.put(store, made, seq, reviews.Opinion("bad", "Wrong price.", needs_review=True), "bo")
    for _ in range(2):
        client.post(f"{address(fact)}unmark/", {"told": signed})
        assert reviews.needed("default", made) == [seq]
    assert reviews.between("default", made, seq, seq)[seq].member == "bo"


def test_an_address_of_another_fact_tells_nothing(client: Client, project: Project) -> None:
    fact, other = stored(project), stored(project, "Another.")
    done = client.post(f"{address(fact)}pin/", {"revision": "1"})
    query = done.headers["Location"].partition("?")[2]
    assert "Pinned: it goes" in Markup(client.get(f"{address(fact)}?{query}")).text
    assert "Pinned: it goes" not in Markup(client.get(f"{address(other)}?{query}")).text


# -- who may, and how dear it is -------------------------------------------------------------------


def test_the_twin_is_the_fact_of_the_api(client: Client, project: Project) -> None:
    fact = stored(project)
    twin = client.get(f"/facts/{fact.id}.json", {"edit": "true"}).json()
    assert twin == client.get(f"/api/v1/facts/{fact.id}").json()


@pytest.mark.parametrize(("group", "status"), [("lookers", 403), ("writers", 302)])
def test_members_who_may_only_look_see_the_fact_and_no_form(
    settings: Settings, client: Client, project: Project, group: str, status: int
) -> None:
    made = lived(project)
    fact = sourced(project, made)
    used(project, made)
    settings.HOLDFAST_LOCAL = False
    settings.HOLDFAST_ROLES = {"lookers": "viewer", "writers": "editor"}
    someone = User.objects.create_user("ada")
    someone.groups.add(Group.objects.create(name=group))
    client.force_login(someone)
    queries: list[dict[str, str]] = [
        {},
        {"edit": "true"},
        {"merge": "home"},
        {"into": str(fact.id)},
        {"review": "true"},
    ]
    for query in queries:
        shown = page(client, fact, **query)
        posts = [link for link in shown.values("action") if link.startswith(address(fact))]
        assert bool(posts) is (status == 302)
    for verb in ("pin", "mark", "edit"):
        sent = {"revision": str(now(project, fact).revision), "text": "Other."}
        done = client.post(f"{address(fact)}{verb}/", {**sent, "category": "profile"})
        assert done.status_code == status


def test_a_foreign_page_changes_nothing(project: Project) -> None:
    fact = stored(project)
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    for verb in ("edit", "retire", "mark"):
        assert client.post(f"{address(fact)}{verb}/", {"revision": "1"}).status_code == 403


def counted(client: Client, fact: Any) -> int:
    client.get(address(fact))
    with statements() as ran:
        assert client.get(address(fact)).status_code == 200
    return len(ran)


def test_the_page_asks_as_often_for_ten_revisions_and_uses_as_for_a_hundred(
    client: Client, project: Project
) -> None:
    costs = []
    for many in (10, 100):
        made = lived(project)
        fact = sourced(project, made)
        for number in range(many):
            decide = facts.editing({"text": f"Number {number}."})
            facts.change(get_store(), project.pk, fact.id, decide, By("bo"))
        used(project, made, many)
        stored(project, f"Another {many}.")
        costs.append(counted(client, fact))
    # The hundred have older pages; the ten end with how the fact was stored, which is read too.
    assert costs[1] <= costs[0] <= costs[1] + 2
    assert costs[0] < 30


# -- the ways to it --------------------------------------------------------------------------------


def test_pages_that_name_a_fact_lead_to_it(client: Client, project: Project) -> None:
    made = folded(project, user="ines")
    fact = sourced(project, lived(project))
    at = f"/sessions/{made.id}"
    made_by = Fact.everything.filter(session_id=made.number).first()
    assert made_by
    compression = Compression.everything.get().id
    assert address(made_by) in Markup(client.get(f"/compressions/{compression}/")).links
    assert address(made_by) in Markup(client.get(f"{at}/compressions/")).links
    assert address(fact) in Markup(client.get(f"{at}/context/")).links
    words = made_by.text[:24]
    assert address(made_by) in Markup(client.get(f"{at}/forgot/", {"text": words})).links


def test_a_linked_fact_of_another_project_is_named_and_not_led_to(
    client: Client, project: Project
) -> None:
    store, elsewhere = get_store(), ensure_project("elsewhere")
    said = Stated("Ines takes the late train.", user="her")
    theirs = facts.keep(store, elsewhere.pk, [said], By("op")).facts[0]
    made = lived(project)
    reader = endusers.one(store, project.pk, "ines")
    linked = endusers.one(store, elsewhere.pk, "her")
    links.make(store, reader.pk, linked.pk)
    response = client.get(f"/sessions/{made.id}/context/", {"query": "Which train does Ines take?"})
    assert "Ines takes the late train." in Markup(response).text
    assert address(theirs) not in Markup(response).links
    assert client.get(address(theirs)).status_code == 200  # in the project of its own
