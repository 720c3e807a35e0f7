"""What the page of a fact shows, gathered in a number of queries that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.http import HttpRequest

from memory_app import facts, factsearch, factsources, factuses
from memory_app.core import factrank
from memory_app.factsources import Quoted
from memory_app.factuses import Answered
from memory_app.models import Fact, Injection
from sessions_app import auth, clock, listing, paging, parameters
from sessions_app.calls import Parameter
from sessions_app.core.errors import NotFound
from sessions_app.parameters import LARGEST, SEARCH
from sessions_app.store import get_store

from . import access, amounts, factforms, factnotes, revising, wording
from .asked import query
from .factnotes import Note
from .revising import Revision
from .titles import titles
from .wording import Line

USES, REVISIONS, CANDIDATES = 20, 20, 10
MOST_MARKED = 100
"""Answers that are marked for review at once."""
HEADING, WORDS = 200, 160
ASKED: Mapping[str, Parameter] = {
    "edit": parameters.boolean("With the form to change it."),
    "merge": parameters.text(SEARCH, "With the facts of the same owner that are like this."),
    "into": parameters.text(36, "Ask whether this fact takes its place."),
    "review": parameters.boolean("Ask whether the answers it was in are marked for review."),
    "before": parameters.integer(1, LARGEST, "The revisions before this one."),
    "uses": parameters.cursor(),
    "told": parameters.text(8_192, "What a form of this page has just done, signed."),
}


class Use(NamedTuple):
    """A context that the fact was put into, what its session is called, and what followed it."""

    use: Injection
    title: str
    answer: Answered | None
    words: str


class Source(NamedTuple):
    """A source with what its session is called, "" where nobody knows."""

    quoted: Quoted
    title: str


def context(request: HttpRequest, fact: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Everything about a fact; `fact` is a row of `facts.one`."""
    editor = access.may(request, access.EDITOR)
    store, project = get_store(auth.alias()), access.project()
    asking = _asking(fact, wanted) if editor else {}
    history = _history(fact, wanted.get("before"))
    return {
        "section": "users",
        "fact": fact,
        "heading": amounts.cut(fact.text, HEADING),
        "trust": revising.TRUST.get(fact.trust, fact.trust),
        "metadata": revising.pretty(fact.metadata),
        "editor": editor,
        "wanted": wanted,
        "most_asked": SEARCH,
        "merge_words": amounts.cut(fact.text, SEARCH),
        "note": _note(fact, wanted.get("told", ""), history["revisions"][0]),
        "beside": facts.beside(store, project, fact),
        "reach": factuses.reach(store, fact),
        "most_marked": MOST_MARKED,
        **_told(fact, wanted),
        **history,
        **asking,
    }


def _note(fact: Any, text: str, newest: Revision) -> Note | None:
    """What a form has just done; an address that is too old for it is only the page."""
    done = factnotes.read(fact.id, text) if text else None
    if done is None:
        return None
    said_otherwise = newest.number == fact.revision and newest.said_otherwise
    return factnotes.note(done, fact.revision, text, said_otherwise=said_otherwise)


def _told(fact: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Where it comes from and where it went, with what the sessions are called."""
    store, project = get_store(auth.alias()), access.project()
    sources = factsources.told(store, project, fact.sources)
    uses, older = _uses(project, fact, wanted.get("uses"))
    answers = factuses.answered(store, uses)
    numbers = [one.session for one in sources] + [one.context.session_id for one in uses]
    names = _names(project, [*numbers, fact.session_id])
    return {
        "sources": [Source(one, names.get(one.session or 0, "")) for one in sources],
        "uses": [_use(one, names, answers.get(one.context_id)) for one in uses],
        "older_uses": older,
        "session_title": names.get(fact.session_id or 0, ""),
    }


def _names(project: int, numbers: Iterable[int | None]) -> dict[int, str]:
    wanted = sorted({number for number in numbers if number is not None})
    if not wanted:
        return {}
    return titles(auth.alias(), listing.numbered(auth.alias(), project, wanted))


def _use(use: Injection, names: Mapping[int, str], answer: Answered | None) -> Use:
    words = amounts.cut(answer.text, WORDS) if answer else ""
    return Use(use, names.get(use.context.session_id, ""), answer, words)


def _uses(project: int, fact: Any, cursor: str | None) -> tuple[list[Injection], str | None]:
    """A page of uses, newest first, and the query of the page of older ones. Raises BadCursor."""
    scope = f"uses {project} {fact.id.hex}"
    before = None
    if cursor is not None:
        (before,) = paging.read(scope, cursor)
    store = get_store(auth.alias())
    rows = factuses.page(store, fact, before=before, limit=USES + 1)
    if len(rows) <= USES:
        return rows, None
    return rows[:USES], query({}, uses=paging.sign(scope, [rows[USES - 1].context_id]))


def _history(fact: Any, before: int | None) -> dict[str, Any]:
    """A page of revisions, newest first; the last page ends with the fact as it was stored."""
    store = get_store(auth.alias())
    rows = facts.newest_revisions(store, fact, before=before, limit=REVISIONS + 1)
    found = [revising.revision(row) for row in rows[:REVISIONS]]
    if len(rows) <= REVISIONS:
        return {"revisions": [*found, _first(fact)], "older_revisions": None}
    older = query({}, before=found[-1].number)
    return {"revisions": found, "older_revisions": older}


def _first(fact: Any) -> Revision:
    store = get_store(auth.alias())
    if fact.revision > 1:
        (then,) = facts.at_revisions(store, {fact.id: 1})
    else:
        then = fact
    return revising.first(facts.first_out(then), then.created_us)


# -- what an editor is asked -----------------------------------------------------------------------


def _asking(fact: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The state of the page in which something is done: a form, candidates, a question."""
    if wanted.get("edit"):
        return {"form": form(factforms.texts(fact), {})}
    if "into" in wanted:
        return {"into": _into(fact, wanted["into"])}
    if "merge" in wanted:
        return {"candidates": candidates(fact, wanted["merge"])}
    return {}


def form(texts: Mapping[str, str], wrong: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a form: (name, label, text, what is wrong with it), by kind of field."""
    rows = {
        name: (name, label, texts[name], wrong.get(name, ""))
        for name, label in factforms.LABELS.items()
    }
    return {
        "text": rows["text"],
        "lines": [rows[name] for name in factforms.LINES],
        "times": [rows[name] for name in factforms.TIMES],
        "metadata": rows["metadata"],
        "reason": ("reason", "Why", texts.get("reason", ""), wrong.get("reason", "")),
        "wrong": bool(wrong),
    }


class Side(NamedTuple):
    """A field in which what is stored and what was typed differ, with the words that do."""

    name: str
    label: str
    stored: str
    typed: str
    lines: Sequence[Line]


def sides(typed: Mapping[str, str], stored: Mapping[str, str], reason: str) -> dict[str, Any]:
    """What the page of a conflict shows: the fields that differ side by side, and the others."""
    differing = [name for name in factforms.FIELDS if typed[name] != stored[name]]
    return {
        "sides": [
            Side(
                name,
                factforms.LABELS[name],
                stored[name],
                typed[name],
                wording.changes(stored[name], typed[name]),
            )
            for name in differing
        ],
        "others": [(name, typed[name]) for name in factforms.FIELDS if name not in differing],
        "times": factforms.TIMES,
        "areas": factforms.AREAS,
        "reason": reason,
    }


def _into(fact: Any, text: str) -> Any:
    """The fact that would take the place of this one. Raises NotFound."""
    try:
        key = UUID(text)
    except ValueError:
        raise NotFound("There is no such fact in this project. Check its id.") from None
    return facts.one(get_store(auth.alias()), access.project(), key, param="into")


def candidates(fact: Any, text: str) -> list[Fact]:
    """Active facts of the same owner, those most like a text first; of many the newest
    `facts.MOST` are looked at."""
    store = get_store(auth.alias())
    rows = facts.of_project(store, access.project()).active().shown()
    rows = rows.owned_by(fact.end_user_id, fact.session_id).exclude(pk=fact.pk)
    with store.db.reading():
        found: Sequence[Fact] = list(rows.order_by("-number")[: facts.MOST])
    documents = factsearch.documented(found[::-1])
    best = factrank.best(documents, text, now=clock.now_us(), count=CANDIDATES)
    by_number = {row.number: row for row in found}
    return [by_number[one.turn.session] for one in best]
