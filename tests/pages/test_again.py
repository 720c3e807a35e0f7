"""Asking once more for a compression that failed or was refused."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

from holdfast.projects import ensure_project
from memory_app import policies
from memory_app.models import Compression
from sessions_app.models import Project
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore
from tests.pages.folded import SMALL, begun, folded, told
from tests.pages.markup import Markup
from tests.pages.samples import talk
from tests.pages.test_compressions import listed, one, opened, row_of

local = pytest.mark.usefixtures("local")


def failed(made: Snapshot, **more: Any) -> Compression:
    return row_of(made, **{"outcome": "failed", "error": "no answer within 30 s", **more})


def again(client: Client, row: Compression) -> Any:
    return client.post(f"/compressions/{row.id}/again/")


def asked(made: Snapshot, row: Compression) -> list[Compression]:
    """What was asked for since."""
    rows = Compression.objects.of(made.project).of_session(made.number)
    return list(rows.newer_than(row.number))


# -- what cannot be --------------------------------------------------------------------------------


@local
def test_of_a_deleted_session_nothing_is_run_again(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = begun(project, told(12))
    row = failed(made)
    store.delete(project.pk, made.id)
    assert again(client, row).status_code == 410
    assert asked(made, row) == []


@local
def test_another_projects_is_run_again_there_and_a_purged_one_is_not(
    client: Client, project: Project
) -> None:
    elsewhere = failed(begun(ensure_project("elsewhere"), told(12)))
    assert again(client, elsewhere).status_code == 302
    assert {row.project_id for row in Compression.everything.all()} == {elsewhere.project_id}
    assert client.post(f"/compressions/{uuid4()}/again/").status_code == 404


@local
@pytest.mark.parametrize("outcome", ["applied", "queued", "running"])
def test_only_what_came_to_nothing_is_run_again(
    client: Client, project: Project, outcome: str
) -> None:
    made = begun(project, told(12))
    row = row_of(made, outcome=outcome)
    response = again(client, row)
    assert response.status_code == 409
    assert "Only what failed or was refused" in Markup(response).text
    assert asked(made, row) == []
    assert "Run again" not in one(client, row).text


@local
def test_while_one_waits_it_leads_to_that_one(client: Client, project: Project) -> None:
    made = begun(project, told(12))
    row = failed(made)
    waiting = row_of(made, outcome="queued")
    response = again(client, row)
    assert response.headers["Location"] == f"/compressions/{waiting.id}/?did=waiting"
    assert "no other was asked for" in opened(client, response.headers["Location"]).text
    assert asked(made, row) == [waiting]


@local
def test_where_there_is_nothing_to_fold_it_says_so(client: Client, project: Project) -> None:
    made = begun(project, talk(1))
    row = failed(made)
    response = again(client, row)
    assert response.headers["Location"] == f"/compressions/{row.id}/?did=nothing"
    assert "nothing to fold now" in opened(client, response.headers["Location"]).text
    assert asked(made, row) == []


@local
def test_a_policy_that_is_gone_is_named(client: Client, project: Project) -> None:
    made = begun(project, told(12))
    row = failed(made, policy_name="no-such")
    response = again(client, row)
    assert response.status_code == 422
    assert "no-such" in Markup(response).text
    assert asked(made, row) == []


def test_a_foreign_page_runs_nothing_again(settings: Settings, project: Project) -> None:
    settings.HOLDFAST_LOCAL = True
    made = begun(project, told(12))
    row = failed(made)
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    assert again(client, row).status_code == 403
    assert asked(made, row) == []


@local
def test_a_look_at_the_address_runs_nothing(client: Client, project: Project) -> None:
    made = begun(project, told(12))
    row = failed(made)
    assert client.get(f"/compressions/{row.id}/again/").status_code == 405
    assert asked(made, row) == []


@pytest.mark.parametrize(("group", "status"), [("lookers", 403), ("writers", 302)])
def test_only_who_may_change_sees_and_uses_it(
    settings: Settings, project: Project, group: str, status: int
) -> None:
    settings.HOLDFAST_LOCAL = False
    settings.HOLDFAST_ROLES = {"lookers": "viewer", "writers": "editor"}
    made, someone = begun(project, told(12)), User.objects.create_user("ada")
    someone.groups.add(Group.objects.create(name=group))
    client = Client(SERVER_NAME="localhost")
    client.force_login(someone)
    row = failed(made)
    shown = (one(client, row), listed(client, made), opened(client, "/compressions/"))
    assert {f"/compressions/{row.id}/again/" in page.values("formaction") for page in shown} == {
        status == 302
    }
    assert again(client, row).status_code == status


def test_nobody_is_sent_to_the_login(settings: Settings, project: Project) -> None:
    settings.HOLDFAST_LOCAL = False
    made = begun(project, told(12))
    row = failed(made)
    response = again(Client(SERVER_NAME="localhost"), row)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login/")
    assert asked(made, row) == []


# -- what it does ----------------------------------------------------------------------------------


@local
@pytest.mark.parametrize("outcome", ["failed", "refused"])
def test_it_asks_by_hand_for_the_same_and_leads_to_it(
    client: Client, project: Project, outcome: str
) -> None:
    made = begun(project, told(12))
    row = failed(made, outcome=outcome, trigger="60", instructions="Keep prices")
    response = again(client, row)
    (done,) = asked(made, row)
    assert response.headers["Location"] == f"/compressions/{done.id}/"
    assert (done.trigger, done.outcome, done.instructions) == ("manual", "applied", "Keep prices")
    assert (done.policy_name, done.policy_version) == (made.policy_name, made.policy_version)
    assert "Run again" not in one(client, done).text


@local
def test_it_keeps_the_policy_that_was_asked_for(
    client: Client, project: Project, store: DurableStore
) -> None:
    policies.put(store, project.pk, "other", {**SMALL, "turns": 3})
    made = begun(project, told(14))
    row = failed(made, policy_name="other")
    again(client, row)
    (done,) = asked(made, row)
    assert (done.policy_name, done.outcome) == ("other", "applied")


@local
def test_it_keeps_the_version_that_the_session_has_of_its_policy(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = begun(project, told(12))
    policies.put(store, project.pk, "small", {**SMALL, "turns": 5})
    again(client, row := failed(made))
    (done,) = asked(made, row)
    assert done.policy_version == made.policy_version == 1


@local
def test_an_ended_session_is_folded_too(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = begun(project, told(12))
    store.end(project.pk, made.id)
    again(client, row := failed(made))
    assert [done.outcome for done in asked(made, row)] == ["applied"]


@local
def test_twice_pressed_is_done_once(client: Client, project: Project) -> None:
    made = begun(project, told(12))
    row = failed(made)
    again(client, row)
    assert again(client, row).headers["Location"].endswith("?did=nothing")
    assert len(asked(made, row)) == 1


@local
def test_the_row_of_an_applied_one_has_no_button(client: Client, project: Project) -> None:
    folded(project)
    assert "Run again" not in opened(client, "/compressions/").text
    assert not Compression.everything.filter(outcome="failed").exists()
