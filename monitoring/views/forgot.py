"""Why did it forget? The life of a phrase in a session, and what brings it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from memory_app import factbodies, facts, tracing
from memory_app.facts import By
from memory_app.tracing import Life
from sessions_app import auth, parameters
from sessions_app.calls import Parameter
from sessions_app.core import errors, messages
from sessions_app.http import json_response
from sessions_app.parameters import SEARCH
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access, changes, quoting
from ..asked import asked, query
from ..rendering import show, twin_address
from ..titles import titles

ASKED: Mapping[str, Parameter] = {
    "text": parameters.text(SEARCH, "A phrase, number or name."),
    "stored": parameters.boolean("Whether a fact was just stored."),
}
REASON = "It was forgotten."


@access.page
def page(request: HttpRequest, session: UUID) -> HttpResponse:
    """Where the phrase was said, how long it stood, who carries it, where it was lost."""
    wanted = asked(request, ASKED)
    found = _session(session)
    life = _life(found, wanted)
    context = {
        "section": "sessions",
        "session": found,
        "title": titles(auth.alias(), [found])[found.number],
        "wanted": wanted,
        "most_asked": SEARCH,
        **(_account(found, life) if life else {}),
        "editor": access.may(request, access.EDITOR),
        "twin": twin_address(request),
    }
    return show(request, "forgot", context)


@access.twin
def twin(request: HttpRequest, session: UUID) -> HttpResponse:
    """What the API answers; nothing of no phrase."""
    life = _life(_session(session), asked(request, ASKED))
    return json_response(200, life.told if life else {})


@access.change
def remember(request: HttpRequest, session: UUID) -> HttpResponse:
    """Stores what was said as a pinned fact, with its message as the source."""
    store, sent = get_store(auth.alias()), request.POST
    found = _session(session)
    text, seq = sent.get("quote", ""), sent.get("seq", "")
    if not (seq.isascii() and seq.isdigit() and len(seq) < 19):
        raise errors.InvalidField("Name the message that says it.", param="seq")
    # A browser sends CR LF for each end of a line.
    text = text.replace("\r\n", "\n")
    source = {"session": str(found.id), "seq": int(seq), "quote": text}
    told = {"session": str(found.id), "text": text, "pinned": True, "sources": [source]}
    by = By(access.member(request) or access.LOCAL_MEMBER, REASON)
    facts.keep(store, found.project, factbodies.stated(told), by)
    back = reverse("holdfast_pages:forgot", args=(session,))
    return redirect(f"{back}{query({'text': sent.get('text', '')}, stored='true')}")


def _session(session: UUID) -> Snapshot:
    return get_store(auth.alias()).get(access.project(), session)


def _life(session: Snapshot, wanted: Mapping[str, Any]) -> Life | None:
    text = wanted.get("text", "").strip()
    if not text:
        return None
    store = get_store(auth.alias())
    with store.db.reading():
        return tracing.life(store, session, text)


def _account(session: Snapshot, life: Life) -> dict[str, Any]:
    """The life, which answers had to do without it, and what would bring it back."""
    store, told = get_store(auth.alias()), life.told
    with store.db.reading():
        without = tracing.answered_without(store, session, life)
    quote = _quote(session, told)
    back = _pinned(session, told, quote[0]) if quote else {}
    return {"life": told, "without": without, "quote": quote, **back}


def _pinned(session: Snapshot, life: Mapping[str, Any], seq: int) -> dict[str, Any]:
    """What pinning the message would do, and whether a compression could still fold it."""
    return {
        "pinned": changes.if_pinned(get_store(auth.alias()), session, seq),
        "unfolded": life["said"][-1]["verbatim_until"] is None,
    }


def _quote(session: Snapshot, life: Mapping[str, Any]) -> tuple[int, str] | None:
    """The newest message that says it, and its sentence: what would be stored as a fact."""
    if not life["said"]:
        return None
    seq = int(life["said"][-1]["seq"])
    rows = get_store(auth.alias()).picked(session.number, (seq,))
    text = messages.text_of(rows[0].message()) if rows and rows[0].body else ""
    quote = quoting.sentence(text, str(life["text"]))
    return (seq, quote) if quote else None
