"""The end users of the project, and what is remembered of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from memory_app import endusers, factbodies, facts, userlists, waiting
from memory_app.facts import By
from memory_app.userlists import MOST_COUNTED
from sessions_app import auth, parameters
from sessions_app.calls import Parameter
from sessions_app.core import strict
from sessions_app.core.errors import InvalidRequest
from sessions_app.http import json_response
from sessions_app.parameters import SEARCH
from sessions_app.store import get_store

from .. import access, deeds, factrows, useraddress, userpage
from ..asked import asked, query
from ..deeds import Deed
from ..facets import Choice
from ..rendering import show, twin_address

PAGE = 50
LONGEST_KEY = 255
LONGEST_WRITTEN = 6 * LONGEST_KEY
"""Of a key whose every character is written out."""
SORTS = tuple(f"{sign}{name}" for name in userlists.SORTS for sign in ("", "-"))
_FILTERS: Mapping[str, Parameter] = {
    "q": parameters.text(LONGEST_KEY, "How the key begins."),
    "to_review": parameters.choice("With facts that wait for a decision.", "true"),
    "sort": parameters.choice("In this order.", *SORTS),
}
LISTED: Mapping[str, Parameter] = {**_FILTERS, "after": parameters.cursor()}
_NARROWED: Mapping[str, Parameter] = {
    "state": parameters.choice("How they stand.", *factrows.STATES),
    "q": parameters.text(SEARCH, "Words that a fact has."),
    "category": parameters.text(64, "What kind of statement."),
}
ASKED: Mapping[str, Parameter] = {
    **_NARROWED,
    "after": parameters.cursor(),
    "of": parameters.text(LONGEST_KEY, "The thing whose relations are shown."),
    "prompt": parameters.boolean("Show what a prompt would get."),
    "query": parameters.text(SEARCH, "What the prompt asks."),
    "told": parameters.text(8_192, "What a form of this page has just done, signed."),
}
BY_KEY: Mapping[str, Parameter] = {
    **ASKED,
    "key": parameters.text(LONGEST_WRITTEN, "The user, by a key that no path carries."),
}


# -- all of them ---------------------------------------------------------------------------------


@access.page
def page(request: HttpRequest) -> HttpResponse:
    """The list."""
    wanted = asked(request, LISTED)
    store, project = get_store(auth.alias()), access.project()
    found, following = userlists.page(store, project, {**wanted, "limit": PAGE})
    texts = {name: wanted[name] for name in _FILTERS if name in wanted}
    narrowed = {name: texts[name] for name in texts if name != "sort"}
    context = {
        "section": "users",
        "users": found,
        "most": MOST_COUNTED,
        "waiting": waiting.count(store, project),
        "most_waiting": waiting.MOST_COUNTED,
        "wanted_users": wanted,
        "columns": _columns(texts),
        "to_review": Choice(
            "Facts to review",
            query(texts, to_review=None if "to_review" in wanted else "true"),
            "to_review" in wanted,
        ),
        "empty": not (found or narrowed or "after" in wanted),
        "clear": query({name: texts[name] for name in texts if name == "sort"}),
        "narrowed": narrowed,
        "first": query(texts) if "after" in wanted else None,
        "next": query(texts, after=following) if following else None,
        "twin": twin_address(request),
    }
    return show(request, "users", context)


@access.twin
def twin(request: HttpRequest) -> HttpResponse:
    """The list as JSON."""
    wanted = {**asked(request, LISTED), "limit": PAGE}
    found, following = userlists.page(get_store(auth.alias()), access.project(), wanted)
    return json_response(200, {"data": list(map(userlists.out, found)), "next": following})


def _columns(texts: Mapping[str, str]) -> list[dict[str, str]]:
    """The headings; a press sorts by one that an index sorts by, a second one turns it round."""
    now = texts.get("sort", "-created")
    told = (("User", "", "user"), ("Facts", "num", ""), ("To review", "num", ""))
    more = (
        ("Sessions", "num talked", ""),
        ("Last active", "num", ""),
        ("First seen", "num seen", "created"),
    )
    return [
        {"label": label, "kind": kind, **(_sorting(texts, now, name) if name else {})}
        for label, kind, name in (*told, *more)
    ]


def _sorting(texts: Mapping[str, str], now: str, name: str) -> dict[str, str]:
    first, second = (name, f"-{name}") if name == "user" else (f"-{name}", name)
    order = {name: "ascending", f"-{name}": "descending"}.get(now, "")
    return {"sort": query(texts, sort=second if now == first else first), "order": order}


# -- one -----------------------------------------------------------------------------------------


@access.page
def one(request: HttpRequest, user: str) -> HttpResponse:
    """A user, with the facts that are remembered."""
    return _shown(request, user, asked(request, ASKED))


@access.twin
def one_twin(request: HttpRequest, user: str) -> HttpResponse:
    """The same as JSON."""
    return _told(user, asked(request, ASKED))


@access.page
def by_key(request: HttpRequest) -> HttpResponse:
    """The same for a key that no path carries."""
    wanted = asked(request, BY_KEY)
    return _shown(request, useraddress.read(wanted.get("key", "")), wanted)


@access.twin
def by_key_twin(request: HttpRequest) -> HttpResponse:
    """The same as JSON."""
    wanted = asked(request, BY_KEY)
    return _told(useraddress.read(wanted.get("key", "")), wanted)


@access.takeaway
def export(request: HttpRequest) -> HttpResponse:
    """All that is remembered of a user, to take away."""
    store, project = get_store(auth.alias()), access.project()
    found = endusers.one(store, project, useraddress.read(request.POST.get("user", "")))
    response = json_response(200, endusers.export_out(store, project, found))
    response.headers["Content-Disposition"] = 'attachment; filename="user.json"'
    return response


@access.change
def add(request: HttpRequest) -> HttpResponse:
    """Stores a fact of a user; what is wrong with it is said beside its field."""
    store, project, sent = get_store(auth.alias()), access.project(), request.POST
    found = endusers.one(store, project, useraddress.read(sent.get("user", "")))
    # A browser sends CR LF for each end of a line.
    typed = {name: sent.get(name, "").replace("\r\n", "\n") for name in ("text", "category", "key")}
    told = {name: text for name, text in typed.items() if text or name == "text"}
    by = By(access.member(request) or access.LOCAL_MEMBER)
    try:
        for name, text in told.items():
            strict.check(text, name)
        facts.keep(store, project, factbodies.stated({**told, "user": found.key}), by)
    except InvalidRequest as error:
        response = _shown(request, found.key, {}, typed=typed, wrong=error)
        response.status_code = error.status
        return response
    told_by = deeds.write(project, Deed("add", [[(0, 1)]]))
    return redirect(useraddress.of(found.key).link(told=told_by))


def _shown(
    request: HttpRequest,
    key: str,
    wanted: Mapping[str, Any],
    *,
    typed: Mapping[str, str] | None = None,
    wrong: InvalidRequest | None = None,
) -> HttpResponse:
    page = userpage.seen(get_store(auth.alias()), access.project(), key, wanted)
    context = {
        "section": "users",
        "typed": typed or {},
        "wrong": wrong,
        "editor": access.may(request, access.EDITOR),
        "twin": "" if wrong else twin_address(request),
        **userpage.context(page),
    }
    return show(request, "user", context)


def _told(key: str, wanted: Mapping[str, Any]) -> HttpResponse:
    page = userpage.seen(get_store(auth.alias()), access.project(), key, wanted)
    return json_response(200, userpage.out(page))
