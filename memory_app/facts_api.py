"""The HTTP calls about facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from memory_app import factbodies, factlists, facts, factsearch, factuses
from memory_app.factbodies import EDITED, WHO
from memory_app.facts import Answer, Decide
from memory_app.models import ContextRecord, Fact
from sessions_app import answers, paging, parameters
from sessions_app.auth import WRITE
from sessions_app.calls import OF_A_SESSION, Call, Gives, Parameter, Takes, ref, route, store
from sessions_app.core import errors, fields
from sessions_app.http import json_response
from sessions_app.parameters import PAGE, SEARCH
from sessions_app.schemas import (
    ANY_OBJECT,
    DURABILITY,
    FLAG,
    ID,
    INSTANT,
    NUMBER,
    TEXT,
    WHOLE,
    listed,
    maybe,
    page,
    thing,
)

kept_facts = Router(tags=["facts"])

OF_A_CHANGE = (*OF_A_SESSION, 409)
STATUSES = (Fact.ACTIVE, Fact.SUPERSEDED, Fact.RETIRED, Fact.QUARANTINED)
LISTED: Mapping[str, Parameter] = {
    "user": parameters.text(255, "The user whose facts they are."),
    "session": parameters.text(36, "The session they came of."),
    "status": parameters.choice("How they stand.", *STATUSES),
    "category": parameters.text(64, "What kind of statement."),
    "q": parameters.text(
        SEARCH,
        "Words that a fact must all have, in any order, without accents and case; the last may be"
        " a beginning.",
    ),
    "order": parameters.choice("asc, the oldest first, when left out.", "asc", "desc"),
    "after": parameters.cursor(),
    "limit": parameters.limit(),
}
PAGED: Mapping[str, Parameter] = {"after": parameters.cursor(), "limit": parameters.limit()}

_SOURCE = thing({"session": ID, "seq": WHOLE, "quote": TEXT})
_FACT = {
    "id": ID,
    "user": maybe(TEXT),
    "session": maybe(ID),
    "text": TEXT,
    "category": TEXT,
    "key": maybe(TEXT),
    "subject": maybe(TEXT),
    "relation": maybe(TEXT),
    "object": maybe(TEXT),
    "status": {"enum": list(STATUSES)},
    "pinned": FLAG,
    "confidence": NUMBER,
    "trust": {"enum": ["user", "tool", "model", "import", "editor"]},
    "sources": listed(_SOURCE),
    "valid_at": maybe(INSTANT),
    "invalid_at": maybe(INSTANT),
    "superseded_by": maybe(ID),
    "revision": WHOLE,
    "uses": WHOLE,
    "last_used_at": maybe(INSTANT),
    "metadata": ANY_OBJECT,
    "created_at": INSTANT,
}
_LINKED = {"linked": {"const": True}}
"""Of a fact that another user stored, and the one who is asked about reads by a link."""
_FACT_IN = fields.schema(factbodies.STATED)
STATED = {
    "oneOf": [
        _FACT_IN,
        {
            "type": "object",
            "required": ["facts"],
            "additionalProperties": False,
            "properties": {
                "facts": {
                    "type": "array",
                    "items": _FACT_IN,
                    "minItems": 1,
                    "maxItems": factbodies.MOST_FACTS,
                }
            },
        },
    ]
}
SCHEMAS: Mapping[str, dict[str, Any]] = {
    "Fact": thing(_FACT, optional={**DURABILITY, **_LINKED}),
    "StoredFacts": {
        "anyOf": [ref("Fact"), thing({"facts": listed(ref("Fact"))}, optional=DURABILITY)]
    },
    "Facts": page("Fact"),
    "FactRevision": thing(
        {
            "revision": WHOLE,
            "editor": TEXT,
            "reason": maybe(TEXT),
            "changes": {
                "type": "object",
                "additionalProperties": thing({"from": {}, "to": {}}),
            },
            "created_at": INSTANT,
        }
    ),
    "FactHistory": page("FactRevision"),
    "FoundFacts": thing(
        {
            "data": listed(
                thing(
                    {
                        **_FACT,
                        "score": NUMBER,
                        "parts": {"type": "object", "additionalProperties": NUMBER},
                    },
                    optional=_LINKED,
                )
            )
        }
    ),
    "FactUse": thing(
        {
            "id": ID,
            "session": ID,
            "kind": {"enum": [ContextRecord.BUILT, ContextRecord.OBSERVED]},
            "version": WHOLE,
            "query": maybe(TEXT),
            "tokens": WHOLE,
            "created_at": INSTANT,
        }
    ),
    "FactUses": page("FactUse"),
}


@route(
    kept_facts,
    "POST",
    "/facts",
    takes=Takes(WRITE, fields=None, schema=STATED, keyed=True),
    gives=Gives({201: "StoredFacts"}, errors=(404, 409, 410)),
)
def store_facts(call: Call) -> HttpResponse:
    """Store a fact, or up to 500 in `facts`: all or none.

    Each is of a `user` or of a `session`. Sources are checked: the message must be there, be of the
    same user or session, and hold the quote to the letter. One with a `key` supersedes the active
    fact of its owner that has this key; both stay visible.
    """
    stated = factbodies.stated(call.payload)
    by = factbodies.by({}, call.caller.name)
    answer = facts.keep(store(), call.project, stated, by, call.key)
    if "facts" not in call.payload:
        return _shown(answer, 201)
    shown = [facts.fact_out(fact) for fact in answer.facts]
    return json_response(201, {"facts": shown, **_durability(answer)})


@route(kept_facts, "GET", "/facts", takes=Takes(query=LISTED), gives=Gives({200: "Facts"}))
def list_facts(call: Call) -> HttpResponse:
    """List facts, the oldest first: all that are there, however they stand."""
    rows, following = factlists.page(store(), call.project, call.query)
    data = [facts.fact_out(row) for row in rows]
    return json_response(200, {"data": data, "next": following})


# Before the calls on one fact, which would take "search" for an id.
@route(
    kept_facts,
    "POST",
    "/facts/search",
    takes=Takes(fields=factbodies.SEARCHED),
    gives=Gives({200: "FoundFacts"}),
)
def search_facts(call: Call) -> HttpResponse:
    """Find what is remembered of a user that answers a question: the best facts with the parts of
    their scores. Nothing where no fact bears it out, or where the user is not known.

    Behind them stand facts one and two steps from a thing that the query names, with the one part
    `relation`.

    Only active facts that hold now are found; with `at`, a time, what was known and held then.
    """
    return json_response(200, {"data": factsearch.hits(store(), call.project, call.body)})


@route(
    kept_facts,
    "GET",
    "/facts/{fact}",
    takes=Takes(),
    gives=Gives({200: "Fact"}, errors=OF_A_SESSION),
)
def get_fact(call: Call, fact: str) -> HttpResponse:
    """Read a fact."""
    return json_response(200, facts.fact_out(facts.one(store(), call.project, fact_id(fact))))


@route(
    kept_facts,
    "PATCH",
    "/facts/{fact}",
    takes=Takes(WRITE, fields=EDITED, matched=True),
    gives=Gives({200: "Fact"}, errors=OF_A_CHANGE),
)
def edit_fact(call: Call, fact: str) -> HttpResponse:
    """Change a fact.

    A field that is left out stays as it is, null clears. Each change is a revision with its
    `editor` and `reason`; the same values make none. If-Match is the revision.
    """
    return _changed(call, fact, facts.editing(factbodies.edited(call.body)))


def _verb(name: str, decide: Decide, summary: str) -> None:
    """A POST that takes only who and why, and answers with the fact."""

    def view(call: Call, fact: str) -> HttpResponse:
        return _changed(call, fact, decide)

    view.__name__, view.__doc__ = f"{name}_fact", summary
    _post(name, WHO, view)


def _post(name: str, takes: fields.Fields, view: Callable[..., HttpResponse]) -> None:
    taken = Takes(WRITE, fields=takes, keyed=True, matched=True)
    gives = Gives({200: "Fact"}, errors=OF_A_CHANGE)
    route(kept_facts, "POST", f"/facts/{{fact}}/{name}", takes=taken, gives=gives)(view)


def merge_fact(call: Call, fact: str) -> HttpResponse:
    """Merge a fact into another one of the same owner.

    `into` stands in its place and gets the sources of both; the merged one stays visible.
    """
    return _changed(call, fact, facts.merging(call.body["into"]))


def revert_fact(call: Call, fact: str) -> HttpResponse:
    """Give a fact the values of an earlier revision, as a new one.

    A retired or superseded fact holds again if it held then.
    """
    return _changed(call, fact, facts.reverting(call.body["revision"]))


_post("merge", factbodies.MERGED, merge_fact)
_post("revert", factbodies.REVERTED, revert_fact)
_verb("retire", facts.retiring, "Retire a fact: it holds no longer, and stays visible.")
_verb(
    "accept",
    facts.accepting,
    "Accept a quarantined fact: it holds, and what it contradicts gives way.",
)
_verb("pin", facts.pinning(pinned=True), "Pin a fact: it goes before others.")
_verb("unpin", facts.pinning(pinned=False), "Unpin a fact.")


@route(
    kept_facts,
    "GET",
    "/facts/{fact}/history",
    takes=Takes(query=PAGED),
    gives=Gives({200: "FactHistory"}, errors=OF_A_SESSION),
)
def get_fact_history(call: Call, fact: str) -> HttpResponse:
    """Read the revisions of a fact: who changed what, when and why."""
    found = facts.one(store(), call.project, fact_id(fact))
    limit, scope = call.query.get("limit", PAGE), f"history {call.project} {found.id.hex}"
    after = 0
    if "after" in call.query:
        (after,) = paging.read(scope, call.query["after"])
    with store().db.reading():
        shown = facts.history(store(), found, after=after, limit=limit + 1)
    following = paging.sign(scope, [shown[limit - 1]["revision"]]) if len(shown) > limit else None
    return json_response(200, {"data": shown[:limit], "next": following})


@route(
    kept_facts,
    "GET",
    "/facts/{fact}/uses",
    takes=Takes(query=PAGED),
    gives=Gives({200: "FactUses"}, errors=OF_A_SESSION),
)
def get_fact_uses(call: Call, fact: str) -> HttpResponse:
    """List the recorded contexts that a fact was put into, newest first.

    `id` names the context for `GET /contexts/{id}`. Those of deleted sessions are left out.
    """
    found = facts.one(store(), call.project, fact_id(fact))
    limit, scope = call.query.get("limit", PAGE), f"uses {call.project} {found.id.hex}"
    before = None
    if "after" in call.query:
        (before,) = paging.read(scope, call.query["after"])
    rows = factuses.page(store(), found, before=before, limit=limit + 1)
    following = paging.sign(scope, [rows[limit - 1].context_id]) if len(rows) > limit else None
    shown = [factuses.out(row) for row in rows[:limit]]
    return json_response(200, {"data": shown, "next": following})


# ── What they share ──────────────────────────────────────────────────────────────────────────


def fact_id(text: str) -> UUID:
    """A fact's id from a path. What is no UUID names nothing: raises NotFound."""
    if len(text) in (32, 36):
        try:
            return UUID(text)
        except ValueError:
            pass
    raise errors.NotFound("There is no such fact in this project. Check its id.")


def _changed(call: Call, fact: str, decide: Decide) -> HttpResponse:
    by = factbodies.by(call.body, call.caller.name)
    return _shown(facts.change(store(), call.project, fact_id(fact), decide, by, call.guard))


def _shown(answer: Answer, status: int = 200) -> HttpResponse:
    return json_response(status, facts.one_out(answer))


def _durability(answer: Answer) -> dict[str, Any]:
    return answers.durability_out(durable=answer.durable, by=answer.durable_by)
