"""What members think of messages: who may say it, where it is shown, and that the log stays."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

from holdfast.projects import ensure_project
from monitoring.access import CSP
from sessions_app import reviews
from sessions_app.core import errors
from sessions_app.models import Project, Session
from sessions_app.reviews import Opinion
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore
from tests.pages.canaries import CANARY
from tests.pages.markup import Markup
from tests.pages.samples import session, statements, talk

ALL = {"rating": "bad", "comment": "Too short", "needs_review": "true"}


def address(made: Snapshot, seq: int = 1) -> str:
    return f"/sessions/{made.id}/m/{seq}/review/"


def said(made: Snapshot, seq: int = 1) -> tuple[str, str, bool, str]:
    review = reviews.between("default", made, seq, seq)[seq]
    return review.rating, review.comment, review.needs_review, review.member


@pytest.mark.usefixtures("local")
def test_a_review_is_kept_and_shown(client: Client, project: Project) -> None:
    made = session(project)
    response = client.post(address(made, 4), ALL)
    assert response.status_code == 302
    assert response.headers["Location"] == f"/sessions/{made.id}/m/4/"
    assert said(made, 4) == ("bad", "Too short", True, "local")
    text = Markup(client.get(f"/sessions/{made.id}/")).text
    for told in ("needs review", "bad", "Too short", "1 to review"):
        assert told in text


@pytest.mark.usefixtures("local")
def test_a_review_changes_neither_version_nor_head(client: Client, project: Project) -> None:
    made = session(project)
    client.post(address(made), ALL)
    assert DurableStore().get(project.pk, made.id) == made


@pytest.mark.usefixtures("local")
def test_the_last_one_to_write_decides(client: Client, project: Project) -> None:
    made = session(project)
    client.post(address(made), ALL)
    before = reviews.between("default", made, 1, 1)[1]
    client.post(address(made), {"rating": "good", "comment": "Fine\r\nafter all "})
    assert said(made) == ("good", "Fine\nafter all", False, "local")
    after = reviews.between("default", made, 1, 1)[1]
    assert after.created_us == before.created_us < after.updated_us


@pytest.mark.usefixtures("local")
def test_a_review_that_says_nothing_is_taken_away(client: Client, project: Project) -> None:
    made = session(project)
    client.post(address(made), ALL)
    client.post(address(made), {"rating": "", "comment": "  "})
    assert reviews.between("default", made, 1, 9) == {}


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "multipart/form-data; boundary=x"]
)
def test_what_is_no_form_takes_no_review_away(client: Client, project: Project, kind: str) -> None:
    made = session(project)
    client.post(address(made), ALL)
    assert client.post(address(made), b"{}", content_type=kind).status_code == 422
    assert said(made) == ("bad", "Too short", True, "local")


@pytest.mark.usefixtures("local")
def test_htmx_gets_the_review_and_the_new_count_alone(client: Client, project: Project) -> None:
    made = session(project)
    asking = {"HX-Request": "true", "HX-Target": "review-1"}
    response = client.post(address(made), ALL, headers=asking)
    shown = Markup(response)
    assert shown.values("id") == ["review-1", "to-review"]
    assert not shown.count("html")
    form = client.get(f"/sessions/{made.id}/m/1/?review=true", headers=asking)
    assert Markup(form).values("id") == ["review-1", "comment-1"]
    assert "HX-Request" in form.headers["Vary"]


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"rating": "superb"}, 422),
        ({"rating": "bad", "comment": "x" * 4_001}, 422),
        ({"rating": "bad", "comment": "a\0b"}, 422),
    ],
)
def test_a_wrong_review_is_refused(
    client: Client, project: Project, sent: dict[str, str], status: int
) -> None:
    made = session(project)
    assert client.post(address(made), sent).status_code == status
    assert reviews.between("default", made, 1, 9) == {}


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize("seq", [0, 5])
def test_a_message_that_is_not_there_has_no_review(
    client: Client, project: Project, seq: int
) -> None:
    assert client.post(address(session(project), seq), ALL).status_code == 404


@pytest.mark.usefixtures("local")
def test_a_session_of_another_project_is_reviewed_too(client: Client, project: Project) -> None:
    made = session(ensure_project("other"))
    assert client.post(address(made), ALL).status_code == 302
    assert list(reviews.between("default", made, 1, 9)) == [1]


@pytest.mark.usefixtures("local")
def test_a_form_without_its_token_is_refused(project: Project) -> None:
    made = session(project)
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    refused = client.post(address(made), ALL, headers={"accept": "text/html"})
    assert refused.status_code == 403
    assert "Load the page again" in Markup(refused).text
    assert refused.headers["Content-Security-Policy"] == CSP
    token = client.get(f"/sessions/{made.id}/m/1/?review=true").cookies["csrftoken"].value
    sent = {**ALL, "csrfmiddlewaretoken": token}
    assert client.post(address(made), sent).status_code == 302


@pytest.mark.usefixtures("local")
def test_the_form_works_in_a_host_without_middleware(project: Project, settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.pages.host_urls"
    settings.MIDDLEWARE = []
    made = session(project)
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    form = Markup(client.get(f"/memory/sessions/{made.id}/m/1/?review=true"))
    assert f"/memory{address(made)}" in form.values("action")
    assert client.post(f"/memory{address(made)}", ALL).status_code == 403
    sent = {**ALL, "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    assert client.post(f"/memory{address(made)}", sent).status_code == 302
    assert said(made)[0] == "bad"


def test_viewers_see_reviews_and_cannot_write_them(
    client: Client, project: Project, settings: Settings
) -> None:
    settings.HOLDFAST_ROLES = {"watchers": "viewer", "writers": "editor"}
    made = session(project)
    for name in ("watchers", "writers"):
        member = User.objects.create_user(name)
        member.groups.add(Group.objects.create(name=name))
    client.force_login(User.objects.get(username="writers"))
    assert client.post(address(made), ALL).status_code == 302
    assert said(made)[3] == "writers"
    client.force_login(User.objects.get(username="watchers"))
    assert client.post(address(made), {"rating": "good"}).status_code == 403
    shown = Markup(client.get(f"/sessions/{made.id}/m/1/?review=true"))
    assert "Too short" in shown.text
    assert not shown.values("data-review")
    assert "textarea" not in [tag for tag, _ in shown.tags]
    asking = {"HX-Request": "true", "HX-Target": "review-1"}
    form = client.get(f"/sessions/{made.id}/m/1/?review=true", headers=asking)
    assert form.status_code == 403


@pytest.mark.usefixtures("local")
def test_the_way_to_the_next_one_to_review(client: Client, project: Project) -> None:
    made = session(project, talk(150))
    for seq in (10, 20, 290):
        reviews.put(DurableStore(), made, seq, Opinion(needs_review=True), "ana")
    links = Markup(client.get(f"/sessions/{made.id}/m/20/"))
    named = [attrs.get("aria-label") for tag, attrs in links.tags if tag == "a"]
    assert "Previous message to review, #10" in named
    assert "Next message to review, #290" in named
    assert client.get(f"/sessions/{made.id}/m/20.json").json()["to_review"] == [10, 20, 290]


@pytest.mark.usefixtures("local")
def test_the_twin_holds_the_reviews_of_its_window(client: Client, project: Project) -> None:
    made = session(project, talk(150))
    for seq in (10, 290):
        reviews.put(DurableStore(), made, seq, Opinion("good", "x"), "ana")
    (found,) = client.get(f"/sessions/{made.id}.json").json()["reviews"]
    assert (found["seq"], found["rating"], found["comment"], found["by"]) == (
        290,
        "good",
        "x",
        "ana",
    )


def test_sessions_that_need_a_review_are_found_by_project(project: Project) -> None:
    store, other = DurableStore(), ensure_project("other")
    flagged, rated, foreign = session(project), session(project), session(other)
    reviews.put(store, flagged, 1, Opinion(needs_review=True), "ana")
    reviews.put(store, rated, 1, Opinion("good"), "ana")
    reviews.put(store, foreign, 1, Opinion(needs_review=True), "ana")
    rows = Session.objects.of(project.pk).filter(
        number__in=reviews.sessions_needing_review(project.pk)
    )
    assert [row.id for row in rows] == [flagged.id]


def test_reviews_go_with_their_session(project: Project) -> None:
    store, made, kept = DurableStore(), session(project), session(project)
    for one in (made, kept):
        reviews.put(store, one, 1, Opinion("good"), "ana")
    assert store.purge(project.pk, made.id).counts["reviews"] == 1
    assert reviews.between("default", kept, 1, 1)
    with pytest.raises(errors.NotFound):
        reviews.put(store, made, 1, Opinion("good"), "ana")


def test_a_fork_begins_without_reviews(project: Project) -> None:
    store, made = DurableStore(), session(project)
    reviews.put(store, made, 1, Opinion("good"), "ana")
    fork = store.fork(project.pk, made.id, 3).session
    assert reviews.between("default", fork, 1, 9) == {}


@pytest.mark.usefixtures("local")
def test_reviews_cost_no_statement_each(client: Client, project: Project) -> None:
    counts = []
    for many in (10, 100):
        made = session(project, talk(50))
        for seq in range(1, many + 1):
            reviews.put(DurableStore(), made, seq, Opinion("good", needs_review=True), "ana")
        client.get(f"/sessions/{made.id}/")
        with statements() as ran:
            client.get(f"/sessions/{made.id}/")
        counts.append(len(ran))
    assert counts[0] == counts[1]


@pytest.mark.usefixtures("local")
def test_a_comment_becomes_no_markup(client: Client, project: Project) -> None:
    made = session(project)
    client.post(address(made), {**ALL, "comment": CANARY})
    for rest in ("", "m/1/?review=true"):
        shown = Markup(client.get(f"/sessions/{made.id}/{rest}"))
        assert shown.dangers() == []
        assert CANARY in shown.text
