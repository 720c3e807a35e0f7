"""Many sessions at once, as a browser without scripts does it: tick, be asked, do, undo."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

from holdfast.projects import ensure_project
from monitoring import bulk, signed, told
from monitoring.told import Told
from sessions_app import preparing
from sessions_app.core.errors import StoreUnavailable
from sessions_app.models import Project
from sessions_app.store.base import Edit, Guard, Snapshot
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import verify
from tests.pages.canaries import CANARY, SHORT
from tests.pages.listed import Listed
from tests.pages.markup import Answer, Markup
from tests.pages.samples import session, user

local = pytest.mark.usefixtures("local")


class Form(Markup):
    """The forms of a page, as a browser would send them."""

    def sent(self, action: str, **more: Any) -> dict[str, Any]:
        """The fields of the one form that posts to this address."""
        found: dict[str, list[str]] = {}
        inside = count = 0
        for tag, attrs in self.tags:
            if tag == "form":
                inside = attrs.get("action") == action
                count += inside
            if tag == "input" and inside and attrs.get("name"):
                found.setdefault(attrs["name"] or "", []).append(attrs.get("value") or "")
        assert count == 1
        return {**found, **more}


@pytest.fixture
def three(project: Project) -> list[Snapshot]:
    return [session(project, title=f"Flight {number}") for number in range(3)]


def ticked(sessions: list[Snapshot], **more: Any) -> dict[str, Any]:
    return {"session": [str(made.id) for made in sessions], **more}


def asked(client: Client, sessions: list[Snapshot], **more: Any) -> Form:
    response = client.post("/sessions/bulk/", ticked(sessions, **more))
    assert response.status_code == 200
    return Form(response)


def done(client: Client, question: Form, **more: Any) -> str:
    """Says yes; where that leads."""
    response = client.post("/sessions/bulk/", question.sent("/sessions/bulk/", **more))
    assert response.status_code == 302
    return str(response.headers["Location"])


def undone(client: Client, address: str) -> str:
    form = Form(client.get(address)).sent("/sessions/undo/")
    response = client.post("/sessions/undo/", form)
    assert response.status_code == 302
    return str(response.headers["Location"])


def now(project: Project, sessions: list[Snapshot]) -> list[Snapshot]:
    return [DurableStore().get(project.pk, made.id, deleted=True) for made in sessions]


def statuses(project: Project, sessions: list[Snapshot]) -> list[str]:
    return [found.status for found in now(project, sessions)]


def tags(project: Project, sessions: list[Snapshot]) -> list[list[str]]:
    return [orjson.loads(found.tags) for found in now(project, sessions)]


# -- asking ------------------------------------------------------------------------------------


@local
@pytest.mark.parametrize(
    ("do", "question"),
    [
        ("delete", "Delete 3 sessions? "),
        ("archive", "Archive 3 sessions? "),
        ("tag", "Add a tag to 3 sessions "),
    ],
)
def test_a_question_names_the_number_and_changes_nothing(
    client: Client, project: Project, three: list[Snapshot], do: str, question: str
) -> None:
    shown = asked(client, three, do=do)
    assert question in shown.text
    assert "Flight 0" in shown.text
    assert now(project, three) == three


@local
def test_a_question_about_deleting_says_what_becomes_of_them(
    client: Client, three: list[Snapshot]
) -> None:
    assert "They are hidden now and purged in 7 days." in asked(client, three, do="delete").text
    one = asked(client, three[:1], do="delete")
    assert "Delete 1 session? " in one.text
    assert "It is hidden now and purged in 7 days." in one.text


@local
def test_of_many_a_question_names_the_first_ones(client: Client, project: Project) -> None:
    many = [session(project, title=f"Flight {number}") for number in range(7)]
    text = asked(client, many, do="archive").text
    assert "Flight 4" in text
    assert "Flight 5" not in text
    assert "and 2 more" in text


@local
def test_nothing_ticked_is_told_calmly(client: Client, project: Project) -> None:
    shown = asked(client, [], do="delete")
    assert "No session is selected" in shown.text
    assert shown.text.count("Delete 0") == 0


@local
def test_the_box_of_the_heading_stands_for_all_on_the_page(
    client: Client, project: Project, three: list[Snapshot]
) -> None:
    page = Listed(client.get("/sessions/"))
    (every,) = [
        attrs["value"] for tag, attrs in page.tags if tag == "input" and "data-pick-all" in attrs
    ]
    shown = client.post("/sessions/bulk/", {"do": "delete", "session": [every, str(three[0].id)]})
    assert "Delete 3 sessions?" in Markup(shown).text


@local
def test_those_that_went_meanwhile_are_told_in_the_question(
    client: Client, project: Project, store: DurableStore, three: list[Snapshot]
) -> None:
    store.delete(project.pk, three[0].id)
    shown = asked(client, three, do="archive")
    assert "Archive 2 sessions?" in shown.text
    assert "1 of those selected is not there any more." in shown.text


@local
def test_htmx_gets_the_question_alone(client: Client, three: list[Snapshot]) -> None:
    headers = {"HX-Request": "true", "HX-Target": "question"}
    response = client.post("/sessions/bulk/", ticked(three, do="delete"), headers=headers)
    shown = Markup(response)
    assert (shown.count("html"), shown.count("dialog")) == (0, 1)
    assert "Delete 3 sessions?" in shown.text
    assert "HX-Target" in response.headers["Vary"]


@local
@pytest.mark.parametrize(
    "sent",
    [
        {"do": "purge"},
        {},
        {"do": "delete", "session": "no-id"},
        {"do": "delete", "list": "?nonsense=1"},
        {"do": "delete", "list": "?status=lost"},
        {"do": "delete", "session": [str(uuid4()) for _ in range(501)]},
    ],
)
def test_what_no_form_of_ours_sends_is_refused(
    client: Client, project: Project, three: list[Snapshot], sent: dict[str, Any]
) -> None:
    assert client.post("/sessions/bulk/", {**sent, "sure": "true"}).status_code == 422
    assert now(project, three) == three


# -- doing and undoing -------------------------------------------------------------------------


@local
def test_deleted_sessions_are_hidden_and_come_back_as_they_were(
    client: Client, project: Project, store: DurableStore, three: list[Snapshot]
) -> None:
    store.end(project.pk, three[1].id)
    address = done(client, asked(client, three[:2], do="delete"))
    shown = Listed(client.get(address))
    assert shown.titles == ["Flight 2"]
    assert "2 sessions deleted. They are purged in 7 days." in shown.text
    shown = Listed(client.get(undone(client, address)))
    assert "2 sessions restored" in shown.text
    assert len(shown.titles) == 3
    assert statuses(project, three) == ["active", "ended", "active"]


@local
def test_an_archive_is_undone_to_what_each_session_was(
    client: Client, project: Project, store: DurableStore, three: list[Snapshot]
) -> None:
    store.end(project.pk, three[1].id)
    store.archive(project.pk, three[2].id)
    address = done(client, asked(client, three, do="archive"))
    text = Markup(client.get(address)).text
    assert "2 sessions archived" in text
    assert "1 was archived already." in text
    assert statuses(project, three) == ["archived"] * 3
    undone(client, address)
    assert statuses(project, three) == ["active", "ended", "archived"]
    assert list(verify(store)) == []


@local
def test_an_archive_is_a_line_of_the_transcript(
    client: Client, project: Project, store: DurableStore, three: list[Snapshot]
) -> None:
    address = f"/sessions/{three[0].id}/"
    assert "Archived" not in Markup(client.get(address)).text
    done(client, asked(client, three[:1], do="archive"))
    text = Markup(client.get(address)).text
    assert "Archived" in text
    assert "archived" in text


@local
def test_a_tag_is_taken_back_only_where_it_was_added(
    client: Client, project: Project, store: DurableStore, three: list[Snapshot]
) -> None:
    store.edit(project.pk, three[0].id, Edit(tags=("vip", "eu")))
    store.edit(project.pk, three[1].id, Edit(tags=("eu",)))
    question = asked(client, three, do="tag", list="?sort=tokens")
    address = done(client, question, tag=" vip ")
    assert address.startswith("/sessions/?sort=tokens&told=")
    assert tags(project, three) == [["vip", "eu"], ["eu", "vip"], ["vip"]]
    text = Markup(client.get(address)).text
    assert "2 sessions tagged vip" in text
    assert "1 was tagged so already." in text
    store.append(project.pk, three[1].id, preparing.batch([user("more")]))
    undone(client, address)
    assert tags(project, three) == [["vip", "eu"], ["eu"], []]


@local
def test_a_reload_does_nothing_again(
    client: Client, project: Project, three: list[Snapshot]
) -> None:
    address = done(client, asked(client, three, do="delete"))
    after = now(project, three)
    client.get(address)
    client.get(address)
    assert now(project, three) == after


@local
def test_an_undo_leaves_what_others_did_since(
    client: Client, project: Project, store: DurableStore, three: list[Snapshot]
) -> None:
    address = done(client, asked(client, three, do="archive"))
    store.reopen(project.pk, three[0].id)
    store.delete(project.pk, three[1].id)
    text = Markup(client.get(undone(client, address))).text
    assert "1 session taken out of the archive" in text
    assert "1 was not archived any more." in text
    assert "1 left as it is: 1 deleted meanwhile." in text
    assert statuses(project, three) == ["active", "deleted", "active"]


@local
def test_an_undo_after_the_purge_says_so(
    client: Client, project: Project, store: DurableStore, three: list[Snapshot]
) -> None:
    address = done(client, asked(client, three, do="delete"))
    store.purge(project.pk, three[0].id)
    text = Markup(client.get(undone(client, address))).text
    assert "2 sessions restored" in text
    assert "1 left as it is: 1 not found." in text


@local
def test_the_list_is_the_same_as_before(client: Client, project: Project) -> None:
    made = [session(project, title=f"Odd {n}", tags=("odd",)) for n in range(60)]
    page = Listed(client.get("/sessions/?tag=odd&min_tokens=1"))
    (link,) = page.leading_to("Next page")
    second = Form(client.get(f"/sessions/{link}"))
    form = second.sent("/sessions/bulk/", do="archive", session=[str(made[0].id)])
    shown = Listed(client.get(done(client, Form(client.post("/sessions/bulk/", form)))))
    assert set(shown.chips) == set(page.chips)
    assert shown.titles == [f"Odd {n}" for n in range(9, 0, -1)]
    assert not [link for link in shown.links if "told=" in link and ".json" not in link]


@local
def test_a_list_that_has_emptied_still_tells_and_undoes(
    client: Client, project: Project, three: list[Snapshot]
) -> None:
    address = done(client, asked(client, three, do="delete"))
    shown = Listed(client.get(address))
    assert "No session yet" in shown.text
    assert "3 sessions deleted" in shown.text
    assert len(Listed(client.get(undone(client, address))).titles) == 3


@local
def test_what_stands_in_the_way_of_one_does_not_stop_the_others(
    client: Client, project: Project, store: DurableStore, three: list[Snapshot]
) -> None:
    gone = session(project, title="Gone")
    question = asked(client, [*three, gone], do="tag")
    store.delete(project.pk, three[0].id)
    store.purge(project.pk, gone.id)
    store.edit(project.pk, three[1].id, Edit(tags=tuple(map(str, range(100)))))
    text = Markup(client.get(done(client, question, tag="vip"))).text
    assert "1 session tagged vip" in text
    for told_ in ("3 left as they are", "1 deleted meanwhile", "1 not found", "1 full of tags"):
        assert told_ in text


@local
@pytest.mark.parametrize("tag", ["", "  ", "x" * 256, "a\0b"])
def test_a_tag_that_cannot_be_is_asked_for_again(
    client: Client, project: Project, three: list[Snapshot], tag: str
) -> None:
    sent = ticked(three, do="tag", sure="true", tag=tag)
    response = client.post("/sessions/bulk/", sent)
    shown = Form(response)
    assert response.status_code == 422
    assert shown.values("aria-invalid") == ["true"]
    assert now(project, three) == three
    assert done(client, shown, tag="fine")
    assert tags(project, three) == [["fine"]] * 3


@local
def test_sessions_of_another_project_are_not_found(client: Client, project: Project) -> None:
    other = ensure_project("other")
    theirs = [session(other, title="Theirs")]
    for do in ("archive", "tag", "delete"):
        shown = client.post("/sessions/bulk/", ticked(theirs, do=do))
        assert "Theirs" not in Markup(shown).text
        sent = ticked(theirs, do=do, sure="true", tag="x")
        text = Markup(client.get(client.post("/sessions/bulk/", sent).headers["Location"])).text
        assert "No session" in text
        assert "1 left as it is: 1 not found." in text
    assert now(other, theirs) == theirs


@local
def test_an_undo_of_another_project_is_none(client: Client, project: Project) -> None:
    other = ensure_project("other")
    theirs = session(other)
    DurableStore().delete(other.pk, theirs.id)
    for scope in (other.pk, project.pk):
        signed = told.write(scope, Told("delete", {"active": [theirs.number]}))
        client.post("/sessions/undo/", {"told": signed})
    assert statuses(other, [theirs]) == ["deleted"]


@local
@pytest.mark.parametrize("text", ["", "x", "x:y:z", "\N{SNOWMAN}", "." * 5_000])
def test_what_we_have_not_signed_tells_and_undoes_nothing(
    client: Client, project: Project, three: list[Snapshot], text: str
) -> None:
    shown = client.get("/sessions/", {"told": text})
    assert shown.status_code == 200
    assert "Undo" not in Markup(shown).text
    assert client.post("/sessions/undo/", {"told": text}).status_code == 422


@local
def test_after_a_day_nothing_is_told_or_undone(
    client: Client, project: Project, three: list[Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = done(client, asked(client, three, do="delete"))
    form = Form(client.get(address)).sent("/sessions/undo/")
    later = time.time() + signed.KEPT_SECONDS + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert "deleted" not in Markup(client.get(address)).text
    assert client.post("/sessions/undo/", form).status_code == 422
    assert statuses(project, three) == ["deleted"] * 3


def test_what_500_sessions_need_fits_into_an_address() -> None:
    numbers = [number * 7_919 % 10_000_019 for number in range(1, 501)]
    said = Told("tag", {"active": numbers}, 3, {"not_found": 2}, ("\N{SNOWMAN}" * 255,))
    signed = told.write(1, said)
    assert len(signed) < 4_000
    found = told.read(1, signed)
    assert found
    assert sorted(found.done["active"]) == sorted(numbers)
    assert (found.did, found.same, found.failed, found.of) == (
        said.did,
        said.same,
        said.failed,
        said.of,
    )


# -- each in a transaction of its own -----------------------------------------------------------


class Interrupted(DurableStore):
    """A store in which somebody else appends before a change is stored, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def edit(self, project: int, session: UUID, edit: Edit, guard: Guard) -> Any:  # type: ignore[override]
        if self.times:
            self.times -= 1
            super().append(project, session, preparing.batch([user("meanwhile")]))
        return super().edit(project, session, edit, guard)


def test_a_session_that_moves_on_meanwhile_is_changed_where_it_stands(project: Project) -> None:
    made = session(project, tags=("a",))
    plan = [(made.id, bulk.tagged("b"))]
    outcome = bulk.each(Interrupted(bulk.TRIES - 1), project.pk, plan)
    assert outcome.done == {"active": [made.number]}
    assert tags(project, [made]) == [["a", "b"]]
    outcome = bulk.each(Interrupted(bulk.TRIES), project.pk, [(made.id, bulk.tagged("c"))])
    assert outcome.failed == {"store_busy": 1}
    assert tags(project, [made]) == [["a", "b"]]


class Failing(DurableStore):
    """A store whose database goes away before the second deletion."""

    left = 1

    def delete(self, *place: Any) -> Any:
        if not self.left:
            raise StoreUnavailable
        self.left -= 1
        return super().delete(*place)


def test_a_database_that_goes_away_ends_it_and_the_rest_is_counted(
    project: Project, three: list[Snapshot]
) -> None:
    outcome = bulk.each(Failing(), project.pk, [(made.id, bulk.deleted) for made in three])
    assert outcome.done == {"active": [three[0].number]}
    assert outcome.failed == {"store_unavailable": 2}
    assert statuses(project, three) == ["deleted", "active", "active"]


# -- taking away -------------------------------------------------------------------------------


def lines(response: Any) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in b"".join(response.streaming_content).splitlines()]


@local
def test_an_export_holds_the_chosen_sessions_and_no_other(
    client: Client, project: Project, store: DurableStore, three: list[Snapshot]
) -> None:
    store.archive(project.pk, three[2].id)
    theirs = session(ensure_project("other"))
    response = client.post("/sessions/export.jsonl", ticked([three[2], three[0], theirs]))
    assert response.status_code == 200
    assert response.headers["Content-Disposition"] == 'attachment; filename="sessions.jsonl"'
    found = lines(response)
    ids = [line["session"]["id"] for line in found if "session" in line]
    assert ids == [str(three[0].id), str(three[2].id)]
    assert found[-1] == {"sessions": 2}


@local
def test_an_export_of_none_is_an_error_with_a_page(client: Client, project: Project) -> None:
    response = client.post("/sessions/export.jsonl", {"session": str(uuid4())})
    assert response.status_code == 404


# -- who may -----------------------------------------------------------------------------------


@contextmanager
def member(client: Client, settings: Settings, role: str) -> Iterator[None]:
    settings.HOLDFAST_ROLES = {"Team": role}
    person = User.objects.create_user(role)
    person.groups.add(Group.objects.create(name="Team"))
    client.force_login(person)
    yield
    client.logout()


def test_a_viewer_may_take_away_and_change_nothing(
    client: Client, project: Project, three: list[Snapshot], settings: Settings
) -> None:
    address = f"/sessions/?told={told.write(project.pk, Told('delete', {'active': [1]}))}"
    with member(client, settings, "viewer"):
        for place in ("/sessions/", address, "/sessions/?status=active"):
            shown = Markup(client.get(place))
            for control in ("Archive ", "Delete", "Undo", "Save as a view"):
                assert control not in shown.text.replace("Archived", "")
            assert "Export" in shown.text
        for do in ("archive", "tag", "delete"):
            sent = ticked(three, do=do, sure="true", tag="x")
            assert client.post("/sessions/bulk/", sent).status_code == 403
        assert client.post("/sessions/undo/", {"told": "x"}).status_code == 403
        export = client.post("/sessions/export.jsonl", ticked(three))
        assert len(lines(export)) == 2 + 3 * 8
    assert now(project, three) == three


def test_an_editor_sees_the_controls(
    client: Client, project: Project, three: list[Snapshot], settings: Settings
) -> None:
    with member(client, settings, "editor"):
        shown = Markup(client.get("/sessions/"))
    for control in ("Archive", "Tag", "Export", "Delete"):
        assert control in shown.text
    assert len([1 for _, attrs in shown.tags if "data-pick" in attrs]) == 3


def test_nobody_is_sent_to_the_login(client: Client, project: Project) -> None:
    for address in ("/sessions/bulk/", "/sessions/undo/", "/sessions/export.jsonl"):
        response = client.post(address)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/login/")


@local
@pytest.mark.parametrize("middleware", [True, False])
def test_a_form_needs_the_token_of_our_page(
    project: Project, three: list[Snapshot], settings: Settings, middleware: bool
) -> None:
    if not middleware:
        settings.MIDDLEWARE = []
    client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    addresses = ("/sessions/bulk/", "/sessions/undo/", "/sessions/export.jsonl", "/views/")
    for address in addresses:
        response = client.post(address, ticked(three, do="delete", sure="true"))
        assert response.status_code == 403
    assert now(project, three) == three
    form = Form(client.get("/sessions/")).sent("/sessions/bulk/")
    form |= ticked(three, do="archive")
    question = Form(client.post("/sessions/bulk/", form))
    assert "Archive 3 sessions?" in question.text
    assert done(client, question)


@local
def test_the_addresses_of_forms_are_no_pages(client: Client, project: Project) -> None:
    for address in ("/sessions/bulk/", "/sessions/undo/", "/sessions/export.jsonl", "/views/"):
        assert client.get(address).status_code == 405


# -- canaries ----------------------------------------------------------------------------------


@local
def test_no_title_or_tag_becomes_markup(client: Client, project: Project) -> None:
    made = [session(project, title=CANARY[:255], tags=(SHORT,))]

    def safe(response: Answer) -> Answer:
        assert Markup(response).dangers() == []
        return response

    safe(client.get("/sessions/"))
    for do in ("archive", "tag", "delete"):
        safe(client.post("/sessions/bulk/", ticked(made, do=do, list=f"?tag={SHORT}")))
    wrong = ticked(made, do="tag", sure="true", tag=SHORT * 20)
    assert SHORT * 20 in Markup(safe(client.post("/sessions/bulk/", wrong))).values("value")
    address = done(client, asked(client, made, do="tag", list=f"?q={SHORT}"), tag=CANARY)
    assert CANARY in Markup(safe(client.get(address))).text
    safe(client.get(undone(client, address)))
