"""The inbox of contradictions: facts that wait in quarantine, beside what they stand against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from memory_app import facts, waiting
from memory_app.facts import By, Decide
from sessions_app import auth, parameters
from sessions_app.calls import Parameter
from sessions_app.core import strict
from sessions_app.core.errors import InvalidField, StaleVersion, TooLong
from sessions_app.http import json_response
from sessions_app.store import get_store

from .. import access, deeds, factrows
from ..asked import asked, query
from ..deeds import Deed
from ..rendering import show, twin_address

PAGE = 25
LONGEST_REASON = 255
ASKED: Mapping[str, Parameter] = {
    "after": parameters.cursor(),
    "told": parameters.text(8_192, "What a form of this page has just done, signed."),
}


@access.page
def page(request: HttpRequest) -> HttpResponse:
    """What waits, the newest first."""
    wanted = asked(request, ASKED)
    store, project = get_store(auth.alias()), access.project()
    found, following = waiting.page(store, project, after=wanted.get("after"), limit=PAGE)
    text = wanted.get("told", "")
    deed = deeds.read(project, text) if text else None
    context = {
        "section": "users",
        "conflicts": list(map(factrows.conflict, found)),
        "count": waiting.count(store, project),
        "most": waiting.MOST_COUNTED,
        "note": deeds.note(deed, text) if deed else None,
        "after": wanted.get("after", ""),
        "after_query": query({"after": wanted["after"]}) if "after" in wanted else "",
        "first": query({}) if "after" in wanted else None,
        "next": query({}, after=following) if following else None,
        "editor": access.may(request, access.EDITOR),
        "longest_reason": LONGEST_REASON,
        "twin": twin_address(request),
    }
    return show(request, "inbox", context)


@access.twin
def twin(request: HttpRequest) -> HttpResponse:
    """The same as JSON: each fact with those it stands against."""
    wanted = asked(request, ASKED)
    store, project = get_store(auth.alias()), access.project()
    found, following = waiting.page(store, project, after=wanted.get("after"), limit=PAGE)
    data = [
        {"fact": facts.fact_out(fact), "against": list(map(facts.fact_out, against))}
        for fact, against in found
    ]
    count = waiting.count(store, project)
    told = {"count": min(count, waiting.MOST_COUNTED)}
    told["more_than_counted"] = count > waiting.MOST_COUNTED
    return json_response(200, {"data": data, "next": following, **told})


@access.change
def decide(request: HttpRequest) -> HttpResponse:
    """Accepts, dismisses or merges a fact as it was seen. One that was changed meanwhile is shown
    both ways, and the question is put again."""
    store, project, sent = get_store(auth.alias()), access.project(), request.POST
    fact, revision = _id(sent, "fact"), _revision(sent)
    did, step = _step(sent)
    by = By(access.member(request) or access.LOCAL_MEMBER, reason(sent))
    try:
        revised = deeds.one(store, project, fact, step, by, expected=revision)
    except StaleVersion as error:
        return _changed_meanwhile(request, fact, revision, error)
    deed = Deed(did, [revised] if revised else [], 0 if revised else 1)
    here = {"after": sent["after"]} if sent.get("after") else {}
    told = deeds.write(project, deed)
    return redirect(f"{reverse('holdfast_pages:inbox')}{query(here, told=told)}")


def _step(sent: QueryDict) -> tuple[str, Decide]:
    """Raises InvalidField."""
    did = sent.get("do", "")
    if did == "accept":
        return did, facts.accepting
    if did == "dismiss":
        return did, facts.retiring
    if did == "merge":
        return did, facts.merging(_id(sent, "into"))
    raise InvalidField("Send accept, dismiss or merge.", param="do")


def _id(sent: QueryDict, name: str) -> UUID:
    try:
        return UUID(sent.get(name, ""))
    except ValueError:
        raise InvalidField("Send the id of a fact.", param=name) from None


def _revision(sent: QueryDict) -> int:
    text = sent.get("revision", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidField("Send the revision that was seen.", param="revision")
    return int(text)


def reason(sent: QueryDict) -> str:
    """Why something is done, as a form sends it. Raises InvalidRequest."""
    reason = sent.get("reason", "").strip()
    strict.check(reason, "reason")
    if len(reason) > LONGEST_REASON:
        raise TooLong(f"A reason has at most {LONGEST_REASON} characters.", param="reason")
    return reason


def _changed_meanwhile(
    request: HttpRequest, fact: UUID, revision: int, error: StaleVersion
) -> HttpResponse:
    store, project = get_store(auth.alias()), access.project()
    found = waiting.one(store, project, facts.one(store, project, fact))
    seen = facts.at_revisions(store, {fact: revision})
    context: dict[str, Any] = {
        "section": "users",
        "conflict": factrows.conflict(found),
        "seen": seen[0] if seen else None,
        "revision": revision,
        "missed": error.details.get("missed", []),
        "asked": request.POST.get("do", ""),
        "reason": request.POST.get("reason", ""),
        "after": request.POST.get("after", ""),
        "still_waits": found.fact.status == "quarantined",
        "editor": True,
        "longest_reason": LONGEST_REASON,
        "twin": "",
    }
    response = show(request, "inbox_changed", context)
    response.status_code = error.status
    return response
