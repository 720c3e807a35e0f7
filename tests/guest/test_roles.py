"""Who may look and who may change, by the groups of a site."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from monitoring import access

pytestmark = pytest.mark.usefixtures("db", "roles")
ROLES = {"Support": "viewer", "Leads": "editor", "Owners": "admin"}


@pytest.fixture
def roles(settings: Settings) -> None:
    settings.HOLDFAST_ROLES = ROLES
    settings.HOLDFAST_MEMBERS = False


@access.page
def shown(request: HttpRequest) -> HttpResponse:
    return HttpResponse("shown")


@access.change
def changed(request: HttpRequest) -> HttpResponse:
    return HttpResponse("changed")


def person(*groups: str) -> User:
    user = User.objects.create_user("-".join(groups) or "nobody", is_staff=True)
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


def statuses(user: User | AnonymousUser) -> tuple[int, int]:
    """What looking and changing end with."""
    look, edit = RequestFactory().get("/x/"), RequestFactory().post("/x/")
    for request in (look, edit):
        request.user = user
    edit._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
    return shown(look).status_code, changed(edit).status_code


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ((), (403, 403)),
        (("Visitors",), (403, 403)),
        (("Support",), (200, 403)),
        (("Leads",), (200, 200)),
        (("Owners", "Support"), (200, 200)),
    ],
)
def test_a_group_says_who_may_look_and_who_may_change(
    groups: tuple[str, ...], expected: tuple[int, int]
) -> None:
    assert statuses(person(*groups)) == expected


def test_nobody_is_sent_to_the_login_for_both() -> None:
    assert statuses(AnonymousUser()) == (302, 302)


def test_a_superuser_needs_no_group() -> None:
    assert statuses(User.objects.create_superuser("root")) == (200, 200)


def test_an_account_that_was_closed_may_nothing() -> None:
    user = person("Owners")
    user.is_active = False
    assert statuses(user) == (403, 403)


def test_a_change_needs_the_token_of_our_own_page() -> None:
    request = RequestFactory().post("/x/")
    request.user = person("Owners")
    assert changed(request).status_code == 403
