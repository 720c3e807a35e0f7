"""The compressions of a session, and the form that asks for one: tried first, then done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from memory_app import asking, compressions, policies
from memory_app.asking import Asked
from memory_app.models import Compression, Fact
from sessions_app import auth, paging, parameters
from sessions_app.calls import Parameter
from sessions_app.core import fields, strict
from sessions_app.core.errors import HoldfastError, InvalidField, StaleVersion
from sessions_app.http import json_response
from sessions_app.store import get_store
from sessions_app.store.base import Guard, Snapshot

from .. import access, ledger, summaries, wording
from ..asked import asked, query
from ..ledger import MOST_FACTS, Account
from ..rendering import show, twin_address
from ..titles import titles

PAGE, NEWEST_FACTS = 25, 25
NOTHING = "nothing"
ASKED: Mapping[str, Parameter] = {
    "after": parameters.cursor(),
    "did": parameters.choice("What the form has just come to.", NOTHING),
}
POLICY, INSTRUCTIONS = fields.text(64), fields.text(4_000)


@access.page
def page(request: HttpRequest, session: UUID) -> HttpResponse:
    """The newest ones first, with what each came to."""
    wanted = asked(request, ASKED)
    found = _session(session)
    rows, following = _rows(found, wanted, light=True)
    accounts = [_light(found, row) for row in rows]
    context = {
        **_around(request, found),
        "accounts": accounts,
        "first": request.path if "after" in wanted else None,
        "next": query({}, after=following) if following else None,
        "nothing": wanted.get("did") == NOTHING,
        "twin": twin_address(request),
        **_facts(found, first_page="after" not in wanted),
        **_form(found),
    }
    return show(request, "compressions", context)


@access.twin
def twin(request: HttpRequest, session: UUID) -> HttpResponse:
    """What the API answers, a page of the same length as here."""
    wanted = asked(request, ASKED)
    found, store = _session(session), get_store(auth.alias())
    rows, following = _rows(found, wanted, light=False)
    with store.db.reading():
        data = compressions.whole(store, found.id, rows)
    return json_response(200, {"data": data, "next": following})


@access.change
def ask(request: HttpRequest, session: UUID) -> HttpResponse:
    """Shows what a compression would do; posted again with `sure`, does it. Where the session has
    changed in between, it is shown anew."""
    found, sent = _session(session), request.POST
    for name in ("policy", "instructions"):
        strict.check(sent.get(name, ""), name)
    wanted = Asked(
        policy=POLICY.read(sent.get("policy", ""), "policy") or None,
        instructions=INSTRUCTIONS.read(sent.get("instructions", "").strip(), "instructions"),
        dry_run=sent.get("sure") != "true",
        keep=_kept(sent.get("keep", "")),
    )
    if wanted.dry_run:
        return _tried(request, found, wanted)
    try:
        done = _kept_and_compressed(found, wanted, _number(sent.get("version", "")))
    except StaleVersion as error:
        return _tried(request, found, wanted._replace(dry_run=True), error)
    return _after(session, done)


def _kept(text: str) -> tuple[int, ...]:
    if not text:
        return ()
    seq = _number(text)
    if not seq:
        raise InvalidField("Name the message that is to stay by its number.", param="keep")
    return (seq,)


def _kept_and_compressed(session: Snapshot, wanted: Asked, expected: int | None) -> dict[str, Any]:
    """Pins what is to stay, then compresses, if nobody else has changed the session between."""
    for seq in wanted.keep:
        store = get_store(auth.alias())
        done = store.pin(session.project, session.id, seq, guard=Guard(expected=expected))
        expected = done.session.version
    return _compressed(session, wanted, Guard(expected=expected))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _compressed(session: Snapshot, wanted: Asked, guard: Guard) -> dict[str, Any]:
    store = get_store(auth.alias())
    return asking.compress(store, session.project, session.id, wanted, guard)


def _after(session: UUID, done: Mapping[str, Any]) -> HttpResponse:
    if done["id"] is None:
        list_ = reverse("holdfast_pages:compressions", args=(session,))
        return redirect(f"{list_}{query({}, did=NOTHING)}")
    return redirect(reverse("holdfast_pages:compression", args=(done["id"],)))


def _tried(
    request: HttpRequest, session: Snapshot, wanted: Asked, wrong: HoldfastError | None = None
) -> HttpResponse:
    done = _compressed(session, wanted, Guard())
    if done["outcome"] == NOTHING:
        return _after(session.id, done)
    counts = ledger.verdicts(done["decisions"], None).counts
    before, said = summaries.before(session.number, session.version + 1), done["summary"] or ""
    context = {
        **_around(request, session),
        "account": ledger.account(done),
        "counts": counts,
        "before": before,
        "lines": wording.changes(summaries.text(before) if before else said, said),
        "facts": done["facts"][:MOST_FACTS],
        "more_facts": max(0, len(done["facts"]) - MOST_FACTS),
        "asked": wanted,
        "grown": wrong is not None,
    }
    response = show(request, "compress", context)
    response.status_code = wrong.status if wrong else 200
    return response


def _session(session: UUID) -> Snapshot:
    return get_store(auth.alias()).get(access.project(), session)


def _rows(
    session: Snapshot, wanted: Mapping[str, Any], *, light: bool
) -> tuple[list[Compression], str | None]:
    """A page of rows and the cursor of the next one; `light` without each message's decision."""
    scope = f"compressions page {session.project} {session.id.hex}"
    place = wanted.get("after")
    rows = Compression.objects.of(session.project).using(auth.alias()).of_session(session.number)
    if place is not None:
        rows = rows.older_than(paging.read(scope, place)[0])
    if light:
        rows = rows.defer("decisions")
    with get_store(auth.alias()).db.reading():
        found = list(rows[: PAGE + 1])
    more = len(found) > PAGE
    return found[:PAGE], paging.sign(scope, [found[PAGE - 1].number]) if more else None


def _light(session: Snapshot, row: Compression) -> Account:
    row.decisions = "[]"
    told = compressions.shown(session.id, row, summary=None, facts=[])
    return ledger.account(told, facts=row.facts)


def _around(request: HttpRequest, session: Snapshot) -> dict[str, Any]:
    return {
        "section": "sessions",
        "session": session,
        "title": titles(auth.alias(), [session])[session.number],
        "editor": access.may(request, access.EDITOR),
    }


def _facts(session: Snapshot, *, first_page: bool) -> dict[str, Any]:
    """The newest facts of the session, beside its newest compressions."""
    if not (session.facts and first_page):
        return {"facts": [], "more_facts": 0}
    rows = Fact.everything.using(auth.alias()).of_session(session.number, session.version)
    with get_store(auth.alias()).db.reading():
        found = list(rows.order_by("-number")[:NEWEST_FACTS])
    return {"facts": found, "more_facts": max(0, session.facts - len(found))}


def _form(session: Snapshot) -> dict[str, Any]:
    names = [row.name for row in policies.newest(session.project, auth.alias())]
    return {"policies": names}
