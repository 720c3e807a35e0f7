"""The policies of a project: read by every member, tried on a session before one is saved."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from memory_app import policies
from memory_app.core import policy as rules
from memory_app.policies import Stored
from sessions_app import auth, clock, listing, parameters
from sessions_app.calls import Parameter
from sessions_app.core import strict
from sessions_app.core.errors import HoldfastError, InvalidField, NotFound, StaleVersion
from sessions_app.http import json_response
from sessions_app.models import Policy as PolicyRow
from sessions_app.parameters import LARGEST
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access, fragments, policyform, scope, sections, tryout
from ..asked import asked, query
from ..policyform import Filled
from ..rendering import show
from ..titles import titles
from ..tryout import Tryout

NEWEST_SESSIONS = 1_000
MOST_OFFERED = 5
MOST_VERSIONS = 50
PREVIEW = "preview"
ASKED: Mapping[str, Parameter] = {
    **{
        name: parameters.text(policyform.LONGEST_TEXT, rules.MEANINGS[name])
        for name in policyform.FIELDS
    },
    "session": parameters.text(255, "What it would do to this session: its id or key."),
    "version": parameters.integer(1, LARGEST, "Begin with this version."),
    "saved": parameters.integer(1, LARGEST, "The version that was just saved."),
}


class Listed(NamedTuple):
    """A policy in the list: its newest version, what that says otherwise than the defaults, and how
    many of the newest sessions are under it, and of these under an older version of it."""

    row: PolicyRow
    changes: list[tuple[str, str, str]]
    used: int
    older: int


class Version(NamedTuple):
    """A version of a policy, and what it changed of the one before."""

    row: PolicyRow
    changes: list[tuple[str, str, str]]
    first: bool


@access.page
def page(request: HttpRequest) -> HttpResponse:
    """The list, with the form of a new one for administrators."""
    asked(request, {})
    return _list(request)


@access.twin
def twin(request: HttpRequest) -> HttpResponse:
    """The same as JSON."""
    asked(request, {})
    data = [
        {**policies.policy_out(one.row), "used_by": one.used, "used_by_older": one.older}
        for one in _listed()
    ]
    return json_response(200, {"data": data, "of_newest_sessions": NEWEST_SESSIONS})


@access.admin_change
def add(request: HttpRequest) -> HttpResponse:
    """A new policy as a copy of another; it is changed on its own page."""
    name, of = request.POST.get("name", "").strip(), request.POST.get("of", "")
    try:
        strict.check(name, "name")
        strict.check(of, "of")
        copied = policies.one(access.project(), of, alias=auth.alias())
        data = rules.as_json(policies.parsed(copied.data))
        policies.add(get_store(auth.alias()), access.project(), name, data)
    except HoldfastError as error:
        if error.param != "name":
            raise
        return _list(request, name, of, error)
    return redirect(_address(name))


@access.page
def one(request: HttpRequest, name: str) -> HttpResponse:
    """A policy: its fields to edit, and what the texts in the address would do to a session."""
    wanted = asked(request, ASKED)
    row = policies.one(access.project(), name, wanted.get("version"), auth.alias())
    typed = {field: wanted[field] for field in policyform.FIELDS if field in wanted}
    found = _filled(row, typed)
    tried = _tried(name, row, found, wanted)
    if fragments.target(request) == PREVIEW:
        admin = access.may(request, access.ADMIN)
        context = {**_around(row, found, tried), "live": True, "admin": admin}
        return fragments.told_apart(show(request, "_policy_preview", context))
    return _one(request, row, found, wanted, tried)


@access.twin
def one_twin(request: HttpRequest, name: str) -> HttpResponse:
    """The policy as the API tells it, its versions, and what was asked to be tried."""
    wanted = asked(request, ASKED)
    row = policies.one(access.project(), name, wanted.get("version"), auth.alias())
    typed = {field: wanted[field] for field in policyform.FIELDS if field in wanted}
    found = _filled(row, typed)
    tried, wrong = _tried(name, row, found, wanted)
    told = {
        **policies.policy_out(row),
        "versions": [each.row.version for each in _versions(name)],
        "wrong": {**found.wrong, **({"session": wrong} if wrong else {})},
        "tried": tried.as_json() if tried else None,
    }
    return json_response(200, told)


@access.admin_change
def save(request: HttpRequest, name: str) -> HttpResponse:
    """Stores the next version, unless another came since the one that was looked at."""
    sent = request.POST
    for field in (*policyform.FIELDS, "version"):
        strict.check(sent.get(field, ""), field)
    row = policies.one(access.project(), name, alias=auth.alias())
    typed = {field: sent[field] for field in policyform.FIELDS if sent.get(field)}
    found = _filled(row, typed)
    if found.policy is None:
        field, why = next(iter(found.wrong.items()))
        return _one(request, row, found, {}, (None, ""), InvalidField(why, param=field))
    try:
        made, _ = policies.change(
            get_store(auth.alias()),
            access.project(),
            name,
            rules.as_json(found.policy),
            _number(sent.get("version", "")),
        )
    except StaleVersion as error:
        return _one(request, row, found, {}, (None, ""), error)
    return redirect(f"{_address(name)}{'&' if scope.link() else '?'}saved={made.version}")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidField("Send the version that was looked at.", param="version")
    return int(text)


def _address(name: str) -> str:
    page_ = reverse("holdfast_pages:policy", args=(name,))
    return f"{page_}{query(scope.link())}".removesuffix("?")


# -- the list ---------------------------------------------------------------------------------


def _list(
    request: HttpRequest, name: str = "", of: str = "", wrong: HoldfastError | None = None
) -> HttpResponse:
    context = {
        "rows": _listed(),
        "newest": NEWEST_SESSIONS,
        "name": name,
        "of": of,
        "longest": rules.LONGEST_NAME,
    }
    return sections.shown(request, "settings_policies", "policies", context, wrong)


def _listed() -> list[Listed]:
    project = access.project()
    used = policies.used(get_store(auth.alias()), project, newest=NEWEST_SESSIONS)
    return [_row(row, used) for row in policies.newest(project, auth.alias())]


def _row(row: PolicyRow, used: Mapping[tuple[str, int], int]) -> Listed:
    under = {version: count for (name, version), count in used.items() if name == row.name}
    all_ = sum(under.values())
    changes = policyform.changes(rules.Policy(), policies.parsed(row.data))
    return Listed(row, changes, all_, all_ - under.get(row.version, 0))


# -- one policy -------------------------------------------------------------------------------


def _filled(row: PolicyRow, typed: Mapping[str, str]) -> Filled:
    """What was typed, and for the rest what is stored."""
    return policyform.filled({**policyform.texts(policies.parsed(row.data)), **typed})


def _tried(
    name: str, row: PolicyRow, found: Filled, wanted: Mapping[str, Any]
) -> tuple[Tryout | None, str]:
    """What would become of the session that is asked for; or what is wrong with that."""
    if "session" not in wanted:
        return None, ""
    session = _session(wanted["session"])
    if session is None:
        return None, "There is no such session in this project."
    if found.policy is None:
        return None, ""
    newest = policies.one(access.project(), name, alias=auth.alias())
    before = Stored(name, newest.version, policies.parsed(newest.data))
    after = Stored(name, newest.version + 1, found.policy)
    return tryout.tried(get_store(auth.alias()), session, before, after), ""


def _session(text: str) -> Snapshot | None:
    """By its id, or else by its key, which may look like an id."""
    store, project = get_store(auth.alias()), access.project()
    with suppress(ValueError, HoldfastError):  # no id, not there, or deleted
        return store.get(project, UUID(text))
    found = store.find(project, text)
    return found if found and found.status != "deleted" else None


def _one(
    request: HttpRequest,
    row: PolicyRow,
    found: Filled,
    wanted: Mapping[str, Any],
    tried: tuple[Tryout | None, str],
    wrong: HoldfastError | None = None,
) -> HttpResponse:
    versions = _versions(row.name)
    offered = _offered()
    context = {
        **_around(row, found, tried),
        "fields": policyform.fields(found.texts, _parsed(versions[0].row), found.wrong),
        "versions": versions,
        "offered": offered,
        "session": wanted.get("session") or (str(offered[0][0].id) if offered else ""),
        "saved": wanted.get("saved"),
        "older": wanted.get("version"),
        "editor": access.may(request, access.EDITOR),
        "stale": isinstance(wrong, StaleVersion),
    }
    response = sections.shown(request, "settings_policy", "policies", context, wrong)
    return fragments.told_apart(response)


def _around(row: PolicyRow, found: Filled, tried: tuple[Tryout | None, str]) -> dict[str, Any]:
    """What the preview shows, as a part of the page or alone."""
    last = policies.one(access.project(), row.name, alias=auth.alias())
    stored, newest = policies.parsed(last.data), last.version
    return {
        "policy": row,
        "newest": newest,
        "next_version": newest + 1,
        "typed": found.texts,
        "wrong_fields": found.wrong,
        "wrongs": [(name, found.wrong.get(name, "")) for name in policyform.FIELDS],
        "changes": policyform.changes(stored, found.policy) if found.policy else [],
        "tried": tried[0],
        "no_session": tried[1],
        "title": titles(auth.alias(), [tried[0].session])[tried[0].session.number]
        if tried[0]
        else "",
    }


def _versions(name: str) -> list[Version]:
    """The newest versions; the oldest that is told is compared with the one before it too."""
    rows = policies.versions(access.project(), name, MOST_VERSIONS + 1, auth.alias())
    if not rows:
        raise NotFound(f"There is no policy {name!r} here.")
    compared = [
        Version(row, policyform.changes(*map(_parsed, (before, row))), first=False)
        for row, before in pairwise(rows)
    ]
    last = rows[-1]
    return [*compared, Version(last, [], first=last.version == 1)][:MOST_VERSIONS]


def _parsed(row: PolicyRow) -> rules.Policy:
    return policies.parsed(row.data)


def _offered() -> list[tuple[Snapshot, str]]:
    """The sessions that were active last, each with its title."""
    wanted = {"limit": MOST_OFFERED, "daily": True}
    found = listing.both_ways(auth.alias(), access.project(), wanted, clock.now_us()).sessions
    named = titles(auth.alias(), found)
    return [(session, named[session.number]) for session in found]
