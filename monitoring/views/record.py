"""A context that was kept: what was really sent, and the proof of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse

from memory_app import records
from memory_app.models import ContextRecord
from sessions_app import auth
from sessions_app.core.errors import NotFound
from sessions_app.http import json_response
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access
from ..rendering import show, twin_address
from ..titles import titles
from . import context


@access.page
def page(request: HttpRequest, record: UUID) -> HttpResponse:
    """One that was built here as the page of a context, with its proof; one that the caller's own
    code sent as it stands to the log."""
    store = get_store(auth.alias())
    row = records.one(store, access.project(), record)
    session = store.get(access.project(), row.session.id)
    if row.kind == ContextRecord.OBSERVED:
        return show(request, "observed", {**_shared(request, session, row), **_observed(row)})
    proof = records.proof(store, session, row)
    shared = {**_shared(request, session, row), "proof": proof}
    if proof.built is None:
        return show(request, "record_gone", shared)
    told = context.account_of(session, proof.built, row.query, shared["answers"])
    return show(request, "context", {**shared, **told})


@access.twin
def twin(request: HttpRequest, record: UUID) -> HttpResponse:
    """What the API answers."""
    return json_response(200, records.shown(get_store(auth.alias()), access.project(), record))


@access.twin
def payload(request: HttpRequest, record: UUID) -> HttpResponse:
    """What was sent, whole. Raises NotFound where it cannot be built any more."""
    store = get_store(auth.alias())
    row = records.one(store, access.project(), record)
    session = store.get(access.project(), row.session.id)
    built = records.proof(store, session, row).built if row.kind != ContextRecord.OBSERVED else None
    if built is None:
        raise NotFound("What was sent is not here: your own code did, or something was erased.")
    return context.payload_of(built)


def _shared(request: HttpRequest, session: Snapshot, row: ContextRecord) -> dict[str, Any]:
    return {
        "section": "sessions",
        "session": session,
        "title": titles(auth.alias(), [session])[session.number],
        "version": row.version,
        "record": row,
        "answers": records.answers(get_store(auth.alias()), session, row),
        "twin": twin_address(request),
    }


def _observed(row: ContextRecord) -> dict[str, Any]:
    account = orjson.loads(row.account)
    return {
        "counts": account["counts"],
        "sent": account["sent"],
        "compared": account["compared"],
        "there": [(seq, seq + many - 1) for _, seq, many in account["there"]],
        "ours": account["ours"],
        "altered": account["altered"],
        "absent": [tuple(span) for span in account["absent"]],
        "foreign": account["foreign"],
        "digest": bytes(row.digest).hex(),
    }
