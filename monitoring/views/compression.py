"""One compression: what it decided about every message, what it wrote, made and lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from memory_app import asking, compressions
from memory_app.models import Compression
from sessions_app import auth, parameters
from sessions_app.calls import Parameter
from sessions_app.core import messages
from sessions_app.http import json_response
from sessions_app.parameters import LARGEST
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access, amounts, ledger, summaries, whereabouts, wording
from ..asked import asked, query
from ..fate import FATES
from ..ledger import MOST_FACTS, Verdict, Verdicts
from ..rendering import show, twin_address
from ..titles import titles

WORDS = 120
NOTHING, WAITING = DID = ("nothing", "waiting")
ASKED: Mapping[str, Parameter] = {
    "fate": parameters.choice("Only the verdicts with this fate.", *FATES),
    "after": parameters.integer(0, LARGEST, "The verdicts behind this message."),
    "around": parameters.integer(1, LARGEST, "The verdicts with that of this message."),
    "did": parameters.choice("What asking for it again has just come to.", *DID),
}


@access.page
def page(request: HttpRequest, compression: UUID) -> HttpResponse:
    """The account of a compression."""
    wanted = asked(request, ASKED)
    store, project = get_store(auth.alias()), access.project()
    row = compressions.one(store, project, compression)
    session = store.get(project, row.session.id)
    with store.db.reading():
        (told,) = compressions.whole(store, session.id, [row])
    found = ledger.account(told)
    chosen = ledger.verdicts(
        told["decisions"], wanted.get("fate"), wanted.get("after", 0), wanted.get("around")
    )
    facts = told["facts"]
    context = {
        "section": "sessions",
        "session": session,
        "title": titles(auth.alias(), [session])[session.number],
        "account": found,
        "row": row,
        "wanted": wanted,
        "nothing": wanted.get("did") == NOTHING,
        "waiting": wanted.get("did") == WAITING,
        "counts": chosen.counts,
        "choices": _choices(wanted, chosen),
        "verdicts": _verdicts(session, chosen.page),
        "earlier": _more(wanted, chosen.earlier),
        "later": _more(wanted, chosen.later),
        "facts": facts[:MOST_FACTS],
        "more_facts": max(0, len(facts) - MOST_FACTS),
        "editor": access.may(request, access.EDITOR),
        "pinned": whereabouts.state(session).pinned,
        "twin": twin_address(request),
        **_summary(session, row, told["summary"]),
        **_beside(row),
    }
    return show(request, "compression", context)


@access.twin
def twin(request: HttpRequest, compression: UUID) -> HttpResponse:
    """What the API answers."""
    asked(request, ASKED)
    shown = asking.one(get_store(auth.alias()), access.project(), compression)
    return json_response(200, shown)


def _choices(wanted: Mapping[str, Any], chosen: Verdicts) -> list[tuple[str, int, str, bool]]:
    """Each fate with its count, where a press leads, and whether it is chosen; pressed again it
    is gone."""
    now = wanted.get("fate")
    return [
        (name, number, query({}, fate=None if name == now else name), name == now)
        for name, number in chosen.counts.items()
    ]


def _more(wanted: Mapping[str, Any], seq: int | None) -> str | None:
    return None if seq is None else query({}, fate=wanted.get("fate"), after=seq)


def _verdicts(session: Snapshot, page_: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """The decisions with the first words of their messages, in one statement."""
    seqs = tuple(one["seq"] for one in page_)
    said = {row.seq: row for row in get_store(auth.alias()).picked(session.number, seqs)}
    return [
        Verdict(
            one["seq"],
            one["fate"],
            one["class"],
            one["rule"],
            one["score"],
            one["reason"],
            said[one["seq"]].role if one["seq"] in said else "",
            _words(said.get(one["seq"])),
        )
        for one in page_
    ]


def _words(row: Any) -> str:
    return amounts.cut(messages.text_of(row.message()), WORDS) if row and row.body else ""


def _summary(session: Snapshot, row: Compression, text: str | None) -> dict[str, Any]:
    """The summary with what changed since the one before, where there is one."""
    if row.version is None:
        said = summaries.foreign(session, row) if row.outcome == Compression.APPLIED else ""
        return {"lines": wording.changes(said, said), "before": None}
    before = summaries.before(session.number, row.version)
    old = summaries.text(before) if before else text or ""
    return {"lines": wording.changes(old, text or ""), "before": before}


def _beside(row: Compression) -> dict[str, Any]:
    """The compressions before and after it in its session."""
    rows = Compression.objects.of(row.project_id).using(auth.alias()).of_session(row.session_id)
    with get_store(auth.alias()).db.reading():
        return {
            "previous": rows.older_than(row.number).values_list("id", flat=True).first(),
            "following": rows.newer_than(row.number).values_list("id", flat=True).first(),
        }
