"""The end users of the project, and what is remembered of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from memory_app import (
    endusers,
    episodes,
    factbodies,
    factlists,
    facts,
    links,
    relations,
    telling,
    userlists,
    waiting,
)
from memory_app.facts import By
from memory_app.models import UserLink
from memory_app.userlists import MOST_COUNTED
from sessions_app import auth, parameters
from sessions_app.calls import Parameter
from sessions_app.core import instants, strict
from sessions_app.core.errors import InvalidRequest
from sessions_app.http import json_response
from sessions_app.parameters import SEARCH
from sessions_app.store import get_store

from .. import access, deeds, factrows, useraddress
from ..asked import asked, query
from ..deeds import Deed
from ..facets import Choice
from ..rendering import show, twin_address
from ..useraddress import Address

PAGE = 50
PREFERENCES, RELATED, EPISODES = 50, 12, 5
"""The newest of each that stand beside the facts of a user."""
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
_NOT_KEPT = ("after", "told")
"""What a link to another part of a user's page leaves behind."""


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
        response = _shown(request, found.key, {}, typed, error)
        response.status_code = error.status
        return response
    told_by = deeds.write(project, Deed("add", [[(0, 1)]]))
    return redirect(useraddress.of(found.key).link(told=told_by))


def address(key: str, wanted: Mapping[str, Any]) -> tuple[Address, dict[str, Any]]:
    """Where a user's page is, and the filters as they stand in its query."""
    texts = {name: wanted[name] for name in _NARROWED if name in wanted}
    if "of" in wanted:
        texts["of"] = wanted["of"]
    return useraddress.of(key), texts


def _listed(key: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that are wanted, as the list of facts knows to ask for them."""
    told: dict[str, Any] = {"user": key, "order": "desc", "limit": PAGE}
    state = wanted.get("state", "active")
    if state == "pinned":
        told["pinned"] = True
    elif state != "all":
        told["status"] = state
    return {**told, **{name: wanted[name] for name in ("q", "category", "after") if name in wanted}}


def _shown(
    request: HttpRequest,
    key: str,
    wanted: Mapping[str, Any],
    typed: Mapping[str, str] | None = None,
    wrong: InvalidRequest | None = None,
) -> HttpResponse:
    store, project = get_store(auth.alias()), access.project()
    user = endusers.one(store, project, key)
    at, texts = address(key, wanted)
    found, following = factlists.page(store, project, _listed(key, wanted))
    context = {
        "section": "users",
        "user_shown": userlists.one(store, user),
        "name": useraddress.name(key),
        "most": MOST_COUNTED,
        "learnt": endusers.learnt(store, user),
        "reads": [_reads(link, project) for link in links.read_by(store, user.pk)],
        "preferences": endusers.preferences(store, project, user, PREFERENCES),
        "wanted_facts": wanted,
        "typed": typed or {},
        "wrong": wrong,
        "editor": access.may(request, access.EDITOR),
        "admin": access.may(request, access.ADMIN),
        "twin": twin_address(request) if wrong is None else "",
        **_facts(wanted, found, (at, texts), following),
        **_states(factlists.states(store, user.pk, most=MOST_COUNTED), (at, texts), wanted),
        **_related(store, project, user, wanted, at, texts),
        **_episodes(store, project, key),
        **_prompt(store, project, user, wanted),
        **_note(project, wanted),
    }
    return show(request, "user", context)


def _reads(link: UserLink, project: int) -> dict[str, str]:
    """A linked user, with a link where they are of the project that is shown, else its name."""
    linked = link.linked
    if linked.project_id == project:
        return {"key": linked.key, "link": useraddress.of(linked.key).link()}
    return {"key": linked.key, "project": linked.project.name}


def _facts(
    wanted: Mapping[str, Any],
    found: list[Any],
    place: tuple[Address, Mapping[str, Any]],
    following: str | None,
) -> dict[str, Any]:
    at, texts = place
    narrowed = [name for name in ("q", "category") if name in wanted]
    rows = factrows.rows(found)
    categories = sorted({row.fact.category for row in rows})
    here = {**texts, **{name: wanted[name] for name in ("after",) if name in wanted}}
    return {
        "at": at,
        "rows": rows,
        "by_category": {name: at.link({**texts, "category": name}) for name in categories},
        "kept_fields": {
            **at.fixed,
            **{name: text for name, text in texts.items() if name not in ("q", "category")},
        },
        "here": query({**here}),
        "bare": at.link(),
        "narrowed": narrowed,
        "chips": [
            Choice(f"{name} {wanted[name]}", at.link(texts, **{name: None})) for name in narrowed
        ],
        "clear": at.link({name: text for name, text in texts.items() if name not in narrowed}),
        "first": at.link(texts) if "after" in wanted else None,
        "next": at.link(texts, after=following) if following else None,
    }


_LABELS = {"quarantined": "To review"}


def _states(
    counts: Mapping[str, int], place: tuple[Address, Mapping[str, Any]], wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """The facts by how they stand, as segments with their numbers."""
    at, texts = place
    chosen = wanted.get("state", "active")
    segments = [
        {
            "label": _LABELS.get(name, name.capitalize()),
            "count": counts.get(name),
            "link": at.link(texts, state=None if name == "active" else name),
            "chosen": name == chosen,
        }
        for name in factrows.STATES
    ]
    return {"segments": segments, "chosen_state": chosen, "known": sum(counts.values())}


def _related(
    store: Any,
    project: int,
    user: Any,
    wanted: Mapping[str, Any],
    at: Address,
    texts: Mapping[str, Any],
) -> dict[str, Any]:
    """Relations as lines: from a chosen thing two steps on, else the newest."""
    if wanted.get("of", "").strip():
        data, more = relations.page(store, project, user, {"of": wanted["of"], "limit": PAGE})
        lines = [(one["fact"], one["steps"]) for one in data]
    else:
        more = None
        lines = [(_tied(fact), 0) for fact in relations.newest(store, user, RELATED)]
    base = {name: text for name, text in texts.items() if name != "of"}
    told = [
        {
            **{name: fact[name] for name in ("id", "subject", "relation", "object")},
            "text": fact["text"],
            "steps": steps,
            **{f"{end}_link": at.link(base, of=fact[end]) for end in ("subject", "object")},
        }
        for fact, steps in lines
    ]
    return {"related": told, "more_related": bool(more), "all_related": at.link(base)}


def _tied(fact: Any) -> dict[str, Any]:
    return {
        "id": str(fact.id),
        "text": fact.text,
        "subject": fact.subject or None,
        "relation": fact.relation or None,
        "object": fact.object or None,
    }


def _episodes(store: Any, project: int, key: str) -> dict[str, Any]:
    data, more = episodes.page(store, project, {"user": key, "limit": EPISODES})
    told = [{**one, "ended_us": instants.parse(one["to"])} for one in data]
    return {"episodes": told, "more_episodes": bool(more)}


def _prompt(store: Any, project: int, user: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What a prompt would get of this user; reading up to 2,000 facts, only when asked for."""
    if not (wanted.get("prompt") or wanted.get("query", "").strip()):
        return {"prompt": None}
    return {"prompt": telling.block(store, project, user, query=wanted.get("query"))}


def _note(project: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
    text = wanted.get("told", "")
    deed = deeds.read(project, text) if text else None
    return {"note": deeds.note(deed, text) if deed else None}


def _told(key: str, wanted: Mapping[str, Any]) -> HttpResponse:
    store, project = get_store(auth.alias()), access.project()
    user = endusers.one(store, project, key)
    found, following = factlists.page(store, project, _listed(key, wanted))
    counts = factlists.states(store, user.pk, most=MOST_COUNTED)
    told = {
        **userlists.out(userlists.one(store, user)),
        "states": {name: min(count, MOST_COUNTED) for name, count in counts.items()},
        "learnt": endusers.learnt(store, user),
        "preferences": endusers.preferences(store, project, user, PREFERENCES),
        "data": list(map(facts.fact_out, found)),
        "next": following,
        "episodes": episodes.page(store, project, {"user": key, "limit": EPISODES})[0],
    }
    if wanted.get("of", "").strip():
        asked_of = {"of": wanted["of"], "limit": PAGE}
        told["relations"] = relations.page(store, project, user, asked_of)[0]
    if (prompt := _prompt(store, project, user, wanted)["prompt"]) is not None:
        told["prompt"] = prompt
    return json_response(200, told)
