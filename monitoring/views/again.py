"""Asks once more for a compression that failed or was refused."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from memory_app import asking, compressions
from memory_app.asking import Asked
from memory_app.models import Compression
from sessions_app import auth
from sessions_app.core.errors import Conflict
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access
from ..asked import query
from ..ledger import NEVER_STOOD
from .compression import NOTHING, WAITING


@access.change
def run(request: HttpRequest, compression: UUID) -> HttpResponse:
    """Leads to the new one; to the one that already waits; or back, where nothing is to fold."""
    store, project = get_store(auth.alias()), access.project()
    row = compressions.one(store, project, compression)
    if row.outcome not in NEVER_STOOD:
        raise Conflict("Only what failed or was refused is run again. Load the page anew.")
    session = store.get(project, row.session.id)
    waiting = compressions.unfinished(store, session)
    if waiting is not None:
        return _to(waiting.id, WAITING)
    done = asking.compress(store, project, session.id, _asked(session, row))
    return _to(row.id, NOTHING) if done["id"] is None else _to(UUID(done["id"]))


def _asked(session: Snapshot, row: Compression) -> Asked:
    """The same once more. A policy that is the session's own stays the version it has of it."""
    own = row.policy_name == session.policy_name
    return Asked(policy=None if own else row.policy_name, instructions=row.instructions)


def _to(compression: UUID, did: str | None = None) -> HttpResponse:
    page = reverse("holdfast_pages:compression", args=(compression,))
    return redirect(f"{page}{query({}, did=did)}" if did else page)
