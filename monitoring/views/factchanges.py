"""What the forms of a fact's page post to: the edit, the verbs, the undo, the marks for review."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from memory_app import factbodies, facts
from memory_app.facts import By, Decide
from sessions_app import auth, bodies, clock
from sessions_app.core import strict
from sessions_app.core.errors import (
    HoldfastError,
    InvalidField,
    InvalidRequest,
    NotFound,
    StaleVersion,
)
from sessions_app.store import get_store
from sessions_app.store.base import Guard

from .. import access, factforms, factmarks, factnotes, factpage, revising
from ..asked import query
from ..factforms import Typed
from ..factnotes import Done
from ..rendering import show

PLAIN_VERBS: dict[str, Decide] = {
    "pin": facts.pinning(pinned=True),
    "unpin": facts.pinning(pinned=False),
    "retire": facts.retiring,
    "accept": facts.accepting,
}
VERBS = (*PLAIN_VERBS, "merge", "revert", "undo")


@access.change
def edit(request: HttpRequest, fact: UUID) -> HttpResponse:
    """Saves what was typed. What is wrong is told beside its field, and what somebody else did
    meanwhile beside what was typed; nothing typed is lost either way."""
    store, project = get_store(auth.alias()), access.project()
    now, seen = facts.one(store, project, fact), _number(request.POST, "revision")
    texts = factforms.sent(request.POST)
    (then,) = facts.at_revisions(store, {fact: min(seen, now.revision)})
    typed = factforms.read(texts, factforms.texts(then))
    by, wrong = _by(request), _wrong_reason(texts["reason"])
    typed.wrong.update(wrong)
    if typed.wrong:
        return _form(request, now, typed, seen)
    if not typed.wanted:
        return _back(fact, Done(factnotes.SAME))
    try:
        decide = facts.editing(factbodies.edited(typed.wanted))
        answer = facts.change(store, project, fact, decide, by, Guard(expected=seen))
    except StaleVersion:
        return _conflict(request, facts.one(store, project, fact), then, texts)
    except InvalidRequest as error:
        typed.wrong[error.param or "text"] = error.message
        return _form(request, now, typed, seen)
    return _back(fact, _done("edit", seen, answer.facts[0].revision))


@access.change
def act(request: HttpRequest, fact: UUID, verb: str) -> HttpResponse:
    """Does one thing to the fact, at the revision that was seen."""
    store, project, sent = get_store(auth.alias()), access.project(), request.POST
    if verb not in VERBS:
        raise InvalidField(f"Send one of {', '.join(VERBS)}.", param="verb")
    seen = _number(sent, "revision")
    decide, by = _decide(verb, sent, seen), _by(request, _reason(verb, sent, seen))
    try:
        answer = facts.change(store, project, fact, decide, by, Guard(expected=seen))
    except StaleVersion:
        return _refused(request, fact, 409, missed=seen)
    except (InvalidField, NotFound) as error:
        return _refused(request, fact, error.status, refused=error.message)
    return _back(fact, _done(verb, seen, answer.facts[0].revision))


@access.change
def mark(request: HttpRequest, fact: UUID) -> HttpResponse:
    """Marks the answers that followed the fact's contexts for review."""
    found = facts.one(get_store(auth.alias()), access.project(), fact)
    places = factmarks.mark(found, _member(request))
    return _back(fact, Done(factnotes.REVIEWED, 0, places, clock.now_us()))


@access.change
def unmark(request: HttpRequest, fact: UUID) -> HttpResponse:
    """Takes back the marks that `mark` has made, but for those that somebody has looked at."""
    done = factnotes.read(fact, request.POST.get("told", ""))
    if done is None:
        raise InvalidField("This cannot be undone any more; a day has passed since.", param="told")
    found = facts.one(get_store(auth.alias()), access.project(), fact)
    factmarks.unmark(found, done.places, _member(request), until_us=done.at_us)
    return _back(fact, Done(factnotes.UNREVIEWED))


def _decide(verb: str, sent: QueryDict, seen: int) -> Decide:
    if verb == "merge":
        return facts.merging(factbodies.ID.read(sent.get("into", ""), "into"))
    if verb == "revert":
        return facts.reverting(_number(sent, "to"))
    return facts.undoing(seen) if verb == "undo" else PLAIN_VERBS[verb]


def _reason(verb: str, sent: QueryDict, seen: int) -> str:
    said = sent.get("reason", "").strip()
    strict.check(said, "reason")
    bodies.REASON.read(said, "reason")
    if said or verb not in ("revert", "undo"):
        return said
    return f"Undo of revision {seen}." if verb == "undo" else f"Back to revision {sent['to']}."


def _wrong_reason(text: str) -> dict[str, str]:
    try:
        strict.check(text, "reason")
        bodies.REASON.read(text, "reason")
    except HoldfastError as error:
        return {"reason": error.message}
    return {}


def _number(sent: QueryDict, name: str) -> int:
    """A number of a revision. Raises InvalidField."""
    text = sent.get(name, "")
    if not (text.isascii() and text.isdigit() and 0 < int(text[:10]) < 2**31 and len(text) < 11):
        raise InvalidField("Send the number of a revision.", param=name)
    return int(text)


def _member(request: HttpRequest) -> str:
    return access.member(request) or access.LOCAL_MEMBER


def _by(request: HttpRequest, reason: str | None = None) -> By:
    said = request.POST.get("reason", "").strip() if reason is None else reason
    return By(_member(request), said)


def _done(verb: str, before: int, after: int) -> Done:
    return Done(verb, after) if after != before else Done(factnotes.SAME)


def _back(fact: UUID, done: Done) -> HttpResponse:
    """To the page, which tells what was done."""
    address = reverse("holdfast_pages:fact", args=(fact,))
    return redirect(f"{address}{query({}, told=factnotes.write(fact, done))}")


# -- what could not be done ------------------------------------------------------------------------


def _form(request: HttpRequest, now: Any, typed: Typed, seen: int) -> HttpResponse:
    """The form as it was sent, with what is wrong beside the fields."""
    context = factpage.context(request, now, {})
    context |= {"form": factpage.form(typed.texts, typed.wrong), "seen": seen}
    response = show(request, "fact", context)
    response.status_code = 422
    return response


def _refused(
    request: HttpRequest, fact: UUID, status: int, *, missed: int | None = None, refused: str = ""
) -> HttpResponse:
    """The page as it is now, with why nothing was done."""
    store = get_store(auth.alias())
    found = facts.one(store, access.project(), fact)
    context = factpage.context(request, found, {})
    if missed is not None:
        rows = facts.revisions(store, found, after=missed, limit=facts.MISSED)
        context["missed"] = [revising.revision(row) for row in rows]
    response = show(request, "fact", {**context, "refused": refused})
    response.status_code = status
    return response


def _conflict(request: HttpRequest, now: Any, then: Any, texts: dict[str, str]) -> HttpResponse:
    """Both texts side by side: as it is stored now, by whom and why, and as it was typed."""
    store = get_store(auth.alias())
    shown, stored = factforms.texts(then), factforms.texts(now)
    if all(texts[name] == stored[name] for name in factforms.changed(texts, shown)):
        return _back(now.id, Done(factnotes.SAME))
    rows = facts.revisions(store, now, after=then.revision, limit=facts.MISSED)
    ours = factforms.merged(texts, shown, stored)
    context = {
        "section": "users",
        "fact": now,
        "missed": [revising.revision(row) for row in rows],
        **factpage.sides(ours, stored, texts["reason"]),
    }
    response = show(request, "fact_conflict", context)
    response.status_code = 409
    return response
