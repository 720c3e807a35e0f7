"""Changes to many sessions of the list at once: the question, the deed, the undo, the export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from sessions_app import auth, exporting, listing, savedviews
from sessions_app.core import fields, strict
from sessions_app.core.errors import HoldfastError, InvalidField, NotFound
from sessions_app.parameters import LARGEST_PAGE
from sessions_app.savedviews import NewView
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access, bulk, facets, fragments, scope, told
from ..asked import query
from ..bulk import Step
from ..rendering import show
from ..titles import titles
from ..told import Told

QUESTION = "question"
TAG = fields.text(255, least=1)
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Action:
    """What can be done to many sessions: how it is asked for and explained."""

    verb: str
    one: str
    many: str


ACTIONS: Mapping[str, Action] = {
    "archive": Action(
        "Archive",
        "It takes no more messages until it is reopened, and leaves the daily list.",
        "They take no more messages until they are reopened, and leave the daily list.",
    ),
    "tag": Action("Tag", "", ""),
    "delete": Action(
        "Delete",
        "It is hidden now and purged in 7 days.",
        "They are hidden now and purged in 7 days.",
    ),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a form of the list sent: which sessions, the tag, and the query of the list."""

    do: str
    ids: list[UUID]
    tag: str
    list: dict[str, str]


@access.change
def act(request: HttpRequest) -> HttpResponse:
    """Asks first; the question posts the same again, with `sure`."""
    wanted = _wanted(request.POST)
    if request.POST.get("sure") != "true":
        return _question(request, wanted)
    try:
        step = _step(wanted)
    except HoldfastError as error:
        return _question(request, wanted, error)
    project = access.project()
    outcome = bulk.each(get_store(auth.alias()), project, [(each, step) for each in wanted.ids])
    about = (wanted.tag,) if wanted.do == "tag" else ()
    return back(wanted.list, told.of(wanted.do, outcome, *about))


@access.change
def undo(request: HttpRequest) -> HttpResponse:
    """Takes back what a form has done, as far as it still stands."""
    project, here = access.project(), facets.whole(request.POST.get("list", ""))
    did = told.read(project, request.POST.get("told", ""))
    if did is None or did.did not in told.UNDONE_BY:
        raise InvalidField("This cannot be undone any more; a day has passed since.", param="told")
    if did.did == "delete_view":
        savedviews.put(get_store(auth.alias()), project, NewView(*did.of))
        return back(here, Told("keep_view", of=did.of))
    return back(here, _undone(project, did))


def _undone(project: int, did: Told) -> Told:
    plan = [
        (session.id, _back_step(did, status))
        for status, numbers in did.done.items()
        for session in listing.numbered(auth.alias(), project, numbers)
    ]
    outcome = bulk.each(get_store(auth.alias()), project, plan)
    purged = sum(map(len, did.done.values())) - len(plan)
    if purged:
        outcome.failed["not_found"] += purged
    return told.of(told.UNDONE_BY[did.did], outcome, *did.of)


@access.takeaway
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The chosen sessions to take away, in the lossless form that `holdfast import` reads."""
    found = listing.named(auth.alias(), access.project(), _ids(request.POST))
    if not found:
        raise NotFound("None of these sessions is there any more. Select others.")
    return StreamingHttpResponse(
        exporting.chosen(get_store(auth.alias()), found),
        content_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="sessions.jsonl"'},
    )


def back(here: Mapping[str, str], did: Told) -> HttpResponse:
    """To the list as it was, which tells what was done."""
    asks = query({**scope.link(), **here}, told=told.write(access.project(), did))
    return redirect(f"{reverse('holdfast_pages:sessions')}{asks}")


def _wanted(sent: QueryDict) -> Wanted:
    do = sent.get("do", "")
    if do not in ACTIONS:
        raise InvalidField(f"Send one of {', '.join(ACTIONS)}.", param="do")
    return Wanted(do, _ids(sent), sent.get("tag", "").strip(), facets.whole(sent.get("list", "")))


def _ids(sent: QueryDict) -> list[UUID]:
    """The sessions that were ticked; the box that stands for all on the page names them at once."""
    ticked = (each for texts in sent.getlist("session") for each in texts.split(","))
    try:
        found = list(dict.fromkeys(map(UUID, ticked)))
    except ValueError:
        raise InvalidField("Send ids of sessions.", param="session") from None
    if len(found) > LARGEST_PAGE:
        raise InvalidField(f"Send at most {LARGEST_PAGE} sessions at once.", param="session")
    return found


def _step(wanted: Wanted) -> Step:
    """Raises what is wrong with a tag."""
    if wanted.do == "tag":
        strict.check(wanted.tag, "tag")
        return bulk.tagged(TAG.read(wanted.tag, "tag"))
    return bulk.archived if wanted.do == "archive" else bulk.deleted


def _back_step(did: Told, status: str) -> Step:
    if did.did == "tag":
        return bulk.untagged(did.of[0])
    return bulk.restored if did.did == "delete" else bulk.unarchived(status)


def _question(
    request: HttpRequest, wanted: Wanted, wrong: HoldfastError | None = None
) -> HttpResponse:
    """The question with its form, as a page or for the list to show in place."""
    there = {each.id: each for each in listing.named(auth.alias(), access.project(), wanted.ids)}
    found = [there[each] for each in wanted.ids if each in there]
    context = {
        "section": "sessions",
        "wanted": {},
        "asked": wanted,
        "action": ACTIONS[wanted.do],
        "sessions": found,
        "missing": len(wanted.ids) - len(found),
        "names": _names(found),
        "unnamed": max(0, len(found) - MOST_NAMED),
        "here": query(wanted.list),
        "wrong": wrong,
    }
    in_place = fragments.target(request) == QUESTION
    response = show(request, "_sessions_question" if in_place else "sessions_question", context)
    response.status_code = wrong.status if wrong else 200
    return fragments.told_apart(response)


def _names(found: Sequence[Snapshot]) -> list[Any]:
    first = found[:MOST_NAMED]
    known = titles(auth.alias(), first)
    return [known[session.number] for session in first]
