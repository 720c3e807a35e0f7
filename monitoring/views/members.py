"""Who may do what: given and taken where accounts are ours, else only told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from sessions_app import auth, paging, parameters
from sessions_app.calls import Parameter
from sessions_app.core.errors import HoldfastError, InvalidField, NotFound
from sessions_app.http import json_response

from .. import access, sections
from ..asked import asked, query
from ..scope import link

if TYPE_CHECKING:
    from ..members import Member

PAGE = 50
LONGEST_NAME = 150
_CURSORS = "members"
LOCAL, OURS, THEIRS, NOBODY = "local", "ours", "theirs", "nobody"
DID: Mapping[str, str] = {
    "role": "Changed the role.",
    "password": "Set the password. Tell it by another way than this page.",
    "deactivate": "Took access away.",
    "activate": "Let in again.",
}
ASKED: Mapping[str, Parameter] = {
    "after": parameters.cursor(),
    "added": parameters.text(LONGEST_NAME, "The member who was just added."),
}
ASKED_OF_ONE: Mapping[str, Parameter] = {"did": parameters.choice("What was just done.", *DID)}
ROLES: Mapping[str, str] = {
    access.VIEWER: "looks, and exports",
    access.EDITOR: "and changes sessions and facts",
    access.ADMIN: "and gives keys, members, policies",
}


def kind() -> str:
    """Whose the accounts are: of one person without a login, ours, a site's, or nobody's."""
    if auth.is_local():
        return LOCAL
    if not apps.is_installed("django.contrib.auth"):
        return NOBODY
    return OURS if access.gives_members() else THEIRS


@access.admin_page
def page(request: HttpRequest) -> HttpResponse:
    """The list, and where accounts are ours the form of a new one."""
    return _page(request, asked(request, ASKED))


@access.admin_twin
def twin(request: HttpRequest) -> HttpResponse:
    """The same as JSON."""
    found, following = _rows(asked(request, ASKED))
    data = [one.as_json() for one in found]
    return json_response(200, {"kind": kind(), "data": data, "next": following})


@access.admin_change
def add(request: HttpRequest) -> HttpResponse:
    """A new member with a first password."""
    members, sent = _ours(), request.POST
    name, role = sent.get("name", "").strip(), sent.get("role", "")
    try:
        made = members.add(name, sent.get("password", ""), role)
    except HoldfastError as error:
        if error.param not in ("name", "password", "role"):
            raise
        return _page(request, {}, name, role, error)
    return redirect(sections.address("members", added=made.name))


@access.admin_page
def one(request: HttpRequest, member: int) -> HttpResponse:
    """One member, with what can be changed of them."""
    wanted = asked(request, ASKED_OF_ONE)
    return _one(request, _ours().one(member), DID.get(wanted.get("did", ""), ""))


@access.admin_twin
def one_twin(request: HttpRequest, member: int) -> HttpResponse:
    """The member as JSON."""
    asked(request, ASKED_OF_ONE)
    return json_response(200, _ours().one(member).as_json())


@access.admin_change
def change(request: HttpRequest, member: int) -> HttpResponse:
    """Changes a role, a password, or whether the account is open."""
    members, do = _ours(), request.POST.get("do", "")
    if do not in DID:
        raise InvalidField(f"Send one of {', '.join(DID)}.", param="do")
    try:
        if do == "role":
            members.give(member, request.POST.get("role", ""))
        elif do == "password":
            members.set_password(member, request.POST.get("password", ""))
        else:
            members.set_active(member, active=do == "activate")
    except HoldfastError as error:
        if error.param not in ("role", "password", "active"):
            raise
        return _one(request, members.one(member), "", error)
    return redirect(_after(request, member, do))


def _after(request: HttpRequest, member: int, do: str) -> str:
    """Back to the member; whoever took their own right sees what is left to them."""
    if getattr(getattr(request, "user", None), "pk", None) == member and do != "password":
        return sections.address("settings")
    page_ = reverse("holdfast_pages:member", args=(member,))
    return f"{page_}{query({**link(), 'did': do})}"


def _ours() -> Any:
    """What reads and writes accounts. Raises NotFound where they are not ours to give."""
    if kind() != OURS:
        raise NotFound("Members are not given here.")
    from .. import members  # needs the auth app

    return members


def _page(
    request: HttpRequest,
    wanted: Mapping[str, Any],
    name: str = "",
    role: str = access.EDITOR,
    wrong: HoldfastError | None = None,
) -> HttpResponse:
    found, following = _rows(wanted)
    context = {
        "kind": kind(),
        "rows": found,
        "by_group": list((access.roles_by_group() or {}).items()),
        "me": access.member(request),
        "name": name,
        "roles": _roles(role),
        "longest": LONGEST_NAME,
        "added": wanted.get("added"),
        "first": query({}) if "after" in wanted else None,
        "next": query({}, after=following) if following else None,
    }
    return sections.shown(request, "settings_members", "members", context, wrong)


def _one(
    request: HttpRequest, found: Member, did: str, wrong: HoldfastError | None = None
) -> HttpResponse:
    context = {"one": found, "roles": _roles(found.role or ""), "did": did}
    return sections.shown(request, "settings_member", "members", context, wrong)


def _roles(chosen: str) -> list[tuple[str, str, bool]]:
    return [(name, what, name == chosen) for name, what in ROLES.items()]


def _rows(wanted: Mapping[str, Any]) -> tuple[list[Member], str | None]:
    after = paging.read(_CURSORS, wanted["after"])[0] if "after" in wanted else ""
    if kind() in (LOCAL, NOBODY):
        return [], None
    from .. import members  # needs the auth app

    found = members.listed(after, PAGE + 1)
    more = len(found) > PAGE
    return found[:PAGE], paging.sign(_CURSORS, [found[PAGE - 1].name]) if more else None
