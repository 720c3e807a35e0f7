"""The context of a session at a version: what the model saw, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse

from memory_app import context as contexts
from memory_app import policies
from memory_app.context import Ask, Context, Part
from sessions_app import auth, parameters
from sessions_app.calls import Parameter
from sessions_app.core.errors import BudgetTooSmall, VersionNotFound
from sessions_app.http import json_response
from sessions_app.parameters import SEARCH
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access, budget
from ..asked import asked, query
from ..rendering import show, twin_address
from ..titles import titles

LARGEST_BUDGET = 2**53
ASKED: Mapping[str, Parameter] = {
    "tokens": parameters.integer(1, LARGEST_BUDGET, "The most tokens."),
    "query": parameters.text(SEARCH, "What the context should help to answer."),
    "format": parameters.choice("The provider's form.", *contexts.FORMS),
    "policy": parameters.text(64, "Another policy than the session's own."),
}
NOTICES = {
    "tokens_clamped": "More was asked for than the window holds; the window is the limit.",
    "newest_step_left_out": "The newest step is too large for this budget and was left out.",
    "pinned_left_out": "A pinned message cannot be shown to a provider and was left out.",
}
NEAR = {
    "budget": "did not fit",
    "block": "would fit; cut in blocks so that the prefix stays the same",
    "turns": "older than the turns kept",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A part of the context in the table."""

    part: Part
    why: str
    what: str


@access.page
def page(request: HttpRequest, session: UUID, version: int | None = None) -> HttpResponse:
    """The context as a page; too small a budget is a state of it, not a failure."""
    wanted = asked(request, ASKED)
    found = _session(session, version)
    shared = _shared(request, found, wanted, version)
    try:
        built = _built(found, wanted, version)
    except BudgetTooSmall as error:
        return show(request, "context_too_small", {**shared, **_needed(found, wanted, error)})
    return show(request, "context", {**shared, **_account(found, built, wanted)})


@access.twin
def twin(request: HttpRequest, session: UUID, version: int | None = None) -> HttpResponse:
    """What the API answers."""
    wanted = asked(request, ASKED)
    return json_response(200, _built(_session(session, version), wanted, version).as_json())


def _session(session: UUID, version: int | None) -> Snapshot:
    found = get_store(auth.alias()).get(access.project(), session)
    if version is not None and not 1 <= version <= found.version:
        raise VersionNotFound(
            f"The session has versions 1 to {found.version}.", current_version=found.version
        )
    return found


def _built(session: Snapshot, wanted: Mapping[str, Any], version: int | None) -> Context:
    ask = Ask(
        wanted.get("tokens"),
        wanted.get("query"),
        wanted.get("format", "openai"),
        version,
        wanted.get("policy"),
    )
    return contexts.build(get_store(auth.alias()), session.project, session, ask)


def _needed(session: Snapshot, wanted: Mapping[str, Any], error: BudgetTooSmall) -> dict[str, Any]:
    """How much was there to be had and how much it takes; more than the window is never had."""
    least, name = int(error.details["least"]), wanted.get("policy", session.policy_name)
    policy = policies.parsed(policies.one(session.project, name, alias=auth.alias()).data)
    return {
        "limit": min(wanted.get("tokens", policy.capacity), policy.window),
        "window": policy.window,
        "least": least,
        "enough": query(wanted, tokens=least) if least <= policy.window else None,
    }


def _shared(
    request: HttpRequest, session: Snapshot, wanted: Mapping[str, Any], version: int | None
) -> dict[str, Any]:
    at = session.version if version is None else version
    return {
        "session": session,
        "title": titles(auth.alias(), [session])[session.number],
        "version": at,
        "now_asked": version is None,
        "wanted": wanted,
        "query": query(wanted) if wanted else "",
        "forms": contexts.FORMS,
        "policies": [row.name for row in policies.newest(session.project, auth.alias())],
        "earlier": at - 1 if at > 1 else None,
        "later": at + 1 if at < session.version else None,
        "reply": _reply(session, at),
        "twin": twin_address(request),
    }


def _reply(session: Snapshot, version: int) -> int | None:
    """The seq of the reply that was answered from this version, if the next entry is one."""
    if version == session.version:
        return None
    said, _ = get_store(auth.alias()).entries_after(session, version, 1)
    next_one = [row for row in said if row.version == version + 1 and row.role == "assistant"]
    return next_one[0].seq if next_one else None


def _account(session: Snapshot, built: Context, wanted: Mapping[str, Any]) -> dict[str, Any]:
    reserve = 0 if "tokens" in wanted else _reserve(session, built)
    sent = {"system": built.system, "tools": built.tools, "messages": built.messages}
    payload = orjson.dumps(sent, option=orjson.OPT_INDENT_2).decode()
    return {
        "context": built,
        "bar": budget.bar(built.parts, built.limit, reserve),
        "lines": [_line(part, built) for part in built.parts],
        "free": built.limit - built.tokens,
        "reserve": reserve,
        "used": built.tokens / built.limit,
        "near": [(miss, NEAR.get(miss.reason, miss.reason)) for miss in built.near_misses],
        "notices": [_notice(notice) for notice in built.notices],
        "payload": payload,
        "octets": len(payload.encode()),
    }


def _reserve(session: Snapshot, built: Context) -> int:
    name, number = built.policy
    row = policies.one(session.project, name, number, auth.alias())
    return policies.parsed(row.data).reserve


def _line(part: Part, built: Context) -> Line:
    what = {
        "system": "system text",
        "tools": f"{len(built.tools)} definition{'s' * (len(built.tools) != 1)}",
    }
    return Line(part, budget.WHY.get(part.name, ""), what.get(part.name, ""))


def _notice(notice: Mapping[str, Any]) -> tuple[str, int | None]:
    code = str(notice["code"])
    return NOTICES.get(code, code.replace("_", " ")), notice.get("seq")
