"""Keeps a message word for word in every context, or no longer."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from memory_app import compressions
from sessions_app import auth
from sessions_app.core.errors import InvalidField
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access, excerpt, fragments, sessionpage
from ..rendering import show
from ..sessionpage import Place
from ..transcript import Said

YES_NO = {"true": True, "false": False}


@access.change
def save(request: HttpRequest, session: UUID, seq: int) -> HttpResponse:
    """Pins or unpins the message, and shows it so; `back` is a compression that asked for it."""
    store, sent = get_store(auth.alias()), request.POST
    if sent.get("pinned") not in YES_NO:
        raise InvalidField("Send true or false.", param="pinned")
    done = store.pin(access.project(), session, seq, pinned=YES_NO[sent["pinned"]])
    row = _row(request, done.session, seq) if fragments.target(request) else None
    if row is not None:
        return fragments.told_apart(show(request, "_message", row))
    return redirect(_back(sent.get("back", "")) or _message(session, seq))


def _message(session: UUID, seq: int) -> str:
    return reverse("holdfast_pages:message", args=(session, seq))


def _back(compression: str) -> str | None:
    """The page of the compression that has this id, at what it lost."""
    try:
        key = UUID(compression)
    except ValueError:
        return None
    compressions.one(get_store(auth.alias()), access.project(), key)
    return f"{reverse('holdfast_pages:compression', args=(key,))}#lost"


def _row(request: HttpRequest, session: Snapshot, seq: int) -> dict[str, object] | None:
    """The row of the message that htmx fills: its own, or the one whose call it answers."""
    context = sessionpage.log(request, excerpt.around(session, seq), Place())
    said = [row for row in context["rows"] if isinstance(row, Said)]
    wanted = [row for row in said if fragments.target(request) == f"m{row.seq}"]
    holding = [row for row in wanted if seq in (row.seq, *_results(row))]
    return {**context, "row": holding[0]} if holding else None


def _results(row: Said) -> list[int]:
    return [block.result.seq for block in row.blocks if block.result]
