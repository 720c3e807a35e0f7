"""How each part of the installation is, and what is kept for how long."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from memory_app import checkup
from sessions_app import auth
from sessions_app.core import instants
from sessions_app.http import json_response
from sessions_app.models import Outage
from sessions_app.store.database import Database
from sessions_app.store.durable import KEEP_OUTAGES_US, KEEP_REQUESTS_US, PURGE_AFTER_US

from .. import access, sections
from ..asked import asked

_DAYS = f"{PURGE_AFTER_US // 86_400_000_000} days"
_HOURS = f"{KEEP_REQUESTS_US // 3_600_000_000} hours"
_OUTAGES = f"{KEEP_OUTAGES_US // 86_400_000_000} days"
KEPT: tuple[tuple[str, str, str], ...] = (
    ("Messages and events", "for ever", "Folding takes old turns out of contexts, not out of the "
     "log."),
    ("Deleted sessions", _DAYS, "Hidden at once and restorable; then purged with their summaries, "
     "facts, vectors and reviews. DELETE with purge=now does it at once, with a receipt."),
    ("Memory of an erased user", "gone at once", "Facts, their history and episodes. The messages "
     "stay in the log until their sessions are purged."),
    ("Answers to repeated requests", _HOURS, "What an Idempotency-Key is answered with, at least "
     "so long."),
    ("Outages", _OUTAGES, "What was broken and for how long, as each process found it."),
    ("Undo of a change to a list", "24 hours", "It travels in the address, signed."),
    ("Revoked keys", "for ever", "Prefix, label and times; a secret was never stored."),
)  # fmt: skip
"""What is kept, for how long, and what then. Nothing of it is a setting."""


MOST_OUTAGES = 10


@access.page
def page(request: HttpRequest) -> HttpResponse:
    """The overview: what `holdfast doctor` says of the parts."""
    asked(request, {})
    checks = list(checkup.parts(auth.alias()))
    context = {
        "outages": _outages(),
        "checks": checks,
        "wrong_ones": sum(check.advice is not None for check in checks),
        "local": auth.is_local(),
    }
    return sections.shown(request, "settings", "settings", context)


@access.twin
def twin(request: HttpRequest) -> HttpResponse:
    """The same as JSON."""
    asked(request, {})
    checks = [check.as_json() for check in checkup.parts(auth.alias())]
    outages = [_outage_out(one) for one in _outages()]
    ok = all(one["ok"] for one in checks)
    return json_response(200, {"ok": ok, "checks": checks, "outages": outages})


def _outages() -> list[Outage]:
    """The last of what was broken and works again."""
    with Database(auth.alias()).reading():
        return list(Outage.objects.using(auth.alias()).newest()[:MOST_OUTAGES])


def _outage_out(one: Outage) -> dict[str, Any]:
    return {
        "part": one.part,
        "cause": one.cause,
        "since": instants.render(one.since_us),
        "seconds": one.lasted_us / 1e6,
        "process": one.process,
    }


@access.page
def retention(request: HttpRequest) -> HttpResponse:
    """What is kept for how long, and who empties the bin."""
    asked(request, {})
    return sections.shown(request, "settings_retention", "retention", {"kept": KEPT})


@access.twin
def retention_twin(request: HttpRequest) -> HttpResponse:
    """The same as JSON."""
    asked(request, {})
    return json_response(200, {"data": [_kept(*one) for one in KEPT]})


def _kept(what: str, how_long: str, then: str) -> dict[str, Any]:
    return {"what": what, "kept": how_long, "then": then}
