"""Changes to many facts of a user at once: the question, the deed, and the undo of any deed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from memory_app import endusers, facts
from memory_app.facts import By, Decide
from sessions_app import auth
from sessions_app.core.errors import InvalidField
from sessions_app.parameters import LARGEST_PAGE
from sessions_app.store import get_store

from .. import access, deeds, fragments, useraddress
from ..asked import asked, asking
from ..deeds import Deed
from ..rendering import show
from ..useraddress import Address
from . import inbox, users

QUESTION = "question"
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Action:
    """What can be done to many facts: how it is asked for and explained."""

    verb: str
    one: str
    many: str
    decide: Decide


ACTIONS: Mapping[str, Action] = {
    "retire": Action(
        "Retire",
        "It holds no longer: it is in no context from now on, and stays visible as retired.",
        "They hold no longer: they are in no context from now on, and stay visible as retired.",
        facts.retiring,
    ),
    "pin": Action(
        "Pin",
        "It goes before others in every context.",
        "They go before others in every context.",
        facts.pinning(pinned=True),
    ),
}


@dataclass(frozen=True, slots=True)
class Here:
    """The page that a form came from: the user's, or without one the inbox, as it was."""

    at: Address
    texts: Mapping[str, Any]

    def link(self, deed: Deed | None = None) -> str:
        """The page again, which tells what was done."""
        told = None if deed is None else deeds.write(access.project(), deed)
        return self.at.link(self.texts, told=told)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a form of a user's page sent: which facts, and the query of the page."""

    do: str
    ids: list[UUID]
    user: str
    list: str
    reason: str
    here: Here

    @property
    def back(self) -> str:
        return self.here.link()


@access.change
def act(request: HttpRequest) -> HttpResponse:
    """Asks first; the question posts the same again, with `sure`."""
    wanted = _wanted(request.POST)
    store, project = get_store(auth.alias()), access.project()
    endusers.one(store, project, wanted.user)
    if request.POST.get("sure") != "true":
        return _question(request, wanted)
    by = By(access.member(request) or access.LOCAL_MEMBER, wanted.reason)
    change = (wanted.do, ACTIONS[wanted.do].decide)
    deed = deeds.each(store, project, wanted.ids, change, by)
    return redirect(wanted.here.link(deed))


@access.change
def undo(request: HttpRequest) -> HttpResponse:
    """Puts back what a form has changed, as far as nobody has changed it since."""
    store, project, sent = get_store(auth.alias()), access.project(), request.POST
    deed = deeds.read(project, sent.get("told", ""))
    if deed is None or not deeds.note(deed, "x").undo:
        raise InvalidField("This cannot be undone any more; a day has passed since.", param="told")
    by = By(access.member(request) or access.LOCAL_MEMBER, "Undone.")
    here = _here(useraddress.read(sent.get("user", "")), sent.get("list", ""))
    return redirect(here.link(deeds.undone(store, project, deed, by)))


def _here(key: str, text: str) -> Here:
    """Read before anything is changed. Raises what is wrong with the query."""
    if not key:
        read = asked(asking(text), inbox.ASKED)
        texts = {"after": read["after"]} if "after" in read else {}
        return Here(Address(reverse("holdfast_pages:inbox"), {}), texts)
    read = asked(asking(text), users.BY_KEY)
    texts = {name: value for name, value in read.items() if name not in ("told", "prompt", "key")}
    return Here(useraddress.of(key), texts)


def _wanted(sent: QueryDict) -> Wanted:
    do = sent.get("do", "")
    if do not in ACTIONS:
        raise InvalidField(f"Send one of {', '.join(ACTIONS)}.", param="do")
    reason = inbox.reason(sent)
    user, list_ = useraddress.read(sent.get("user", "")), sent.get("list", "")
    return Wanted(do, _ids(sent), user, list_, reason, _here(user, list_))


def _ids(sent: QueryDict) -> list[UUID]:
    """The facts that were ticked; the box that stands for all on the page names them at once."""
    ticked = (each for texts in sent.getlist("fact") for each in texts.split(","))
    try:
        found = list(dict.fromkeys(map(UUID, ticked)))
    except ValueError:
        raise InvalidField("Send ids of facts.", param="fact") from None
    if len(found) > LARGEST_PAGE:
        raise InvalidField(f"Send at most {LARGEST_PAGE} facts at once.", param="fact")
    return found


def _question(request: HttpRequest, wanted: Wanted) -> HttpResponse:
    """The question with its form, as a page or for the list to show in place."""
    store, project = get_store(auth.alias()), access.project()
    rows = facts.of_project(store, project).shown().identified(wanted.ids)
    with store.db.reading():
        there: dict[UUID, str] = dict(rows.values_list("id", "text"))
    found = [(each, there[each]) for each in wanted.ids if each in there]
    context: dict[str, Any] = {
        "section": "users",
        "asked": wanted,
        "action": ACTIONS[wanted.do],
        "facts": found,
        "missing": len(wanted.ids) - len(found),
        "named": found[:MOST_NAMED],
        "unnamed": max(0, len(found) - MOST_NAMED),
        "longest_reason": inbox.LONGEST_REASON,
    }
    in_place = fragments.target(request) == QUESTION
    response = show(request, "_facts_question" if in_place else "facts_question", context)
    return fragments.told_apart(response)
