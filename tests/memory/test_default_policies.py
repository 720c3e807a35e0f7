"""Projects of an older version get the policies that new ones start with, and keep their own."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.core.management import call_command

from holdfast.projects import ensure_project
from memory_app import policies
from memory_app.core import policy as rules
from sessions_app.models import Policy
from sessions_app.store import get_store
from sessions_app.store.base import NewSession

pytestmark = pytest.mark.django_db(transaction=True)

FIRST_VERSION = {"default", "token_trim"}
"""What projects of the first version started with."""


def migrate_anew() -> None:
    """Takes the project rows through the migration, as an update does, and on to the newest."""
    for name in (["0001"], ["0002"], []):
        call_command("migrate", "holdfast_memory", *name, verbosity=0)


def older_project(name: str = "older") -> int:
    project = ensure_project(name).pk
    Policy.everything.filter(project=project).exclude(name__in=FIRST_VERSION).delete()
    return int(project)


def test_an_older_project_gets_what_a_new_one_has() -> None:
    project, new = older_project(), ensure_project("new").pk
    migrate_anew()
    columns = ("name", "version", "window_tokens", "capacity", "due_tokens", "notice_tokens",
               "resume_us")  # fmt: skip
    rows = Policy.everything.order_by("name")
    older, newer = rows.filter(project=project), rows.filter(project=new)
    assert list(older.values_list(*columns)) == list(newer.values_list(*columns))
    # What rules were added since has its default in an older version.
    for before, after in zip(older, newer, strict=True):
        assert policies.parsed(before.data) == policies.parsed(after.data)
    assert set(rules.DEFAULTS) == {row.name for row in policies.newest(project)}
    session = get_store().open(project, NewSession(policy="selective")).session
    assert (session.policy_name, session.policy_version) == ("selective", 1)


@pytest.mark.long
def test_a_policy_of_the_teams_own_stays_the_only_one_of_its_name() -> None:
    project = older_project()
    store = get_store()
    for window in (1_000, 2_000):
        policies.put(store, project, "selective", {"window": window, "reserve": 0})
    policies.put(store, project, "default", {"turns": 5})
    before = list(Policy.everything.filter(project=project).order_by("pk").values())
    migrate_anew()
    rows = Policy.everything.filter(project=project)
    assert list(rows.order_by("pk").values())[: len(before)] == before
    assert list(rows.filter(name="selective").values_list("version", flat=True)) == [1, 2]
    assert policies.parsed(policies.one(project, "selective").data).window == 2_000
    assert set(rows.values_list("name", flat=True)) == set(rules.DEFAULTS)


@pytest.mark.long
def test_a_second_time_changes_nothing() -> None:
    older_project()
    migrate_anew()
    before = list(Policy.everything.order_by("pk").values())
    migrate_anew()
    assert list(Policy.everything.order_by("pk").values()) == before


def test_every_default_came_with_the_first_version_or_with_a_migration() -> None:
    """Who adds one to `rules.DEFAULTS` has to give it to the projects there are."""
    added = import_module("memory_app.migrations.0002_default_policies").POLICIES
    assert set(rules.DEFAULTS) <= FIRST_VERSION | set(added)
