"""The context of a session at a version: what the model saw, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from memory_app import account, contextfacts, policies
from memory_app import context as contexts
from memory_app.context import Ask, Context, Part
from memory_app.core.assembly import LeftOut, NearMiss
from memory_app.gathering import read_points
from memory_app.models import Compression, ContextRecord, Fact, Summary
from sessions_app import auth, parameters
from sessions_app.calls import Parameter
from sessions_app.core.errors import BudgetTooSmall, VersionNotFound
from sessions_app.http import json_response
from sessions_app.parameters import LARGEST, SEARCH
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access, amounts, budget, changes, measures
from ..asked import asked, query
from ..facets import Choice
from ..fate import FATES
from ..rendering import show, twin_address
from ..titles import titles

LARGEST_BUDGET = 2**53
ASKED: Mapping[str, Parameter] = {
    "tokens": parameters.integer(1, LARGEST_BUDGET, "The most tokens."),
    "query": parameters.text(SEARCH, "What the context should help to answer."),
    "format": parameters.choice("The provider's form.", *contexts.FORMS),
    "policy": parameters.text(64, "Another policy than the session's own."),
    "diff": parameters.integer(1, LARGEST, "The version to compare with: that of the turn before."),
    "prefix": parameters.boolean("How much of the prompt stayed the same, turn by turn."),
}
SAID_FORMS = {"openai": "OpenAI", "anthropic": "Anthropic", "responses": "OpenAI Responses"}
MOST_FACTS, MOST_RUNS = 60, 60
"""Facts of a part, and runs of what was left out, that are named."""
MOST_KEPT = 5
MOST_SCORED, MOST_SCORES, MOST_QUOTED = 50, 5, 120
"""Turns whose scores are told, the parts of each, the characters that are quoted."""
MOST_SHOWN = 32_000
"""Characters of a payload on the page; more is a file of its own."""
RECALLED = "recalled"
_RECALLED = re.compile(r"^<recalled>\n[^\n]*\n(.*)\n</recalled>$", re.DOTALL | re.MULTILINE)
NOTICES = {
    "tokens_clamped": "More was asked for than the window holds; the window is the limit.",
    "newest_step_left_out": "The newest step is too large for this budget and was left out.",
    "pinned_left_out": "A pinned message cannot be shown to a provider and was left out.",
    "tool_output_shortened": "A tool's output was too long for its place and was shortened.",
    "summary_shortened": "The whole summary had no room; its least points were left out.",
    "provider_left_out": "A context provider has no part in it.",
    "provider_shortened": "What a context provider said was too long and was shortened.",
    "provider_as_recorded": "What a context provider said is shown as it was kept.",
    "context_summarised": "Old messages are folded: the model sees a summary of them.",
    "context_nearly_full": "The session is nearly full.",
    "recalled_without_vectors": "No vectors could be asked in time; words alone decided.",
    "reset_advised": "The session has grown far past its window; a new one would serve better.",
}
NEAR = {
    "budget": "did not fit",
    "block": "would fit; cut in blocks so that the prefix stays the same",
    "turns": "older than the turns kept",
}


class Stated(NamedTuple):
    """A fact in the context, and the message it was first quoted from, if it was: of which session,
    None where it is the page's own. `id` is None of one of another project; `why` is its reason to
    be there."""

    text: str
    seq: int | None = None
    session: UUID | None = None
    id: UUID | None = None
    why: str = ""


class Recalled(NamedTuple):
    """An earlier turn that was told again: of which session, None where it is the page's own, and
    its score as the sum of its parts by name."""

    text: str
    seq: int
    session: UUID | None
    score: float
    parts: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """A part of the context in the table; `points`, `facts` and `scored` are what it holds beside
    messages, `fold` is the compression that its summary is of."""

    part: Part
    why: str
    what: str
    points: Sequence[str] = ()
    facts: Sequence[Stated] = ()
    fold: Compression | None = None
    scored: Sequence[Recalled] = ()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How many messages with a fate are not in the context, and their tokens."""

    fate: str
    messages: int
    tokens: int


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
    changed = _changes(found, built, wanted)
    told = {**_account(found, built, wanted), **_measures(found, built, shared["reply"])}
    return show(request, "context", {**shared, **told, **changed})


@access.twin
def twin(request: HttpRequest, session: UUID, version: int | None = None) -> HttpResponse:
    """What the API answers."""
    wanted = asked(request, ASKED)
    return json_response(200, _built(_session(session, version), wanted, version).as_json())


@access.twin
def payload(request: HttpRequest, session: UUID, version: int | None = None) -> HttpResponse:
    """What is sent, as the page shows it and however long it is."""
    return payload_of(_built(_session(session, version), asked(request, ASKED), version))


def _session(session: UUID, version: int | None) -> Snapshot:
    found = get_store(auth.alias()).get(access.project(), session)
    if version is not None and not 1 <= version <= found.version:
        raise VersionNotFound(
            f"The session has versions 1 to {found.version}.", current_version=found.version
        )
    return found


def _changes(session: Snapshot, built: Context, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What changed since the turn before, or since the version that is asked for; at which turns
    the prefix broke; and which contexts of this version were kept."""
    store, version = get_store(auth.alias()), built.version
    ask = replace(_ask(wanted, version), query=None)
    against = wanted.get("diff") or changes.turn_before(store, session, version)
    change = None
    if against is not None and against < version:
        after = built if ask.query == wanted.get("query") else _at(session, ask)
        change = changes.change(store, session, ask, after, against)
    turns = changes.prefixes(store, session, ask, version) if wanted.get("prefix") else []
    return {
        "change": change,
        "against": against,
        "turns": turns,
        "before_turns": changes.before_them(store, session, turns),
        "kept": _kept(session, version),
    }


def _kept(session: Snapshot, version: int) -> list[ContextRecord]:
    """The newest contexts that were kept at a version."""
    rows = ContextRecord.objects.of(session.project).using(auth.alias())
    with get_store(auth.alias()).db.reading():
        found = rows.filter(session_id=session.number, version=version).order_by("-number")
        return list(found.only("id", "kind", "created_us")[:MOST_KEPT])


def _ask(wanted: Mapping[str, Any], version: int | None) -> Ask:
    return Ask(
        wanted.get("tokens"),
        wanted.get("query"),
        wanted.get("format", "openai"),
        version,
        wanted.get("policy"),
    )


def _at(session: Snapshot, ask: Ask) -> Context:
    return contexts.build(get_store(auth.alias()), session.project, session, ask)


def _built(session: Snapshot, wanted: Mapping[str, Any], version: int | None) -> Context:
    return _at(session, _ask(wanted, version))


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
    at, store = session.version if version is None else version, get_store(auth.alias())
    return {
        "section": "sessions",
        "session": session,
        "title": titles(auth.alias(), [session])[session.number],
        "version": at,
        "now_asked": version is None,
        "wanted": wanted,
        "query": query(wanted, diff=None, prefix=None) if wanted else "",
        "with_prefix": query(wanted, prefix="true"),
        "forms": contexts.FORMS,
        "in_forms": _in_forms(wanted),
        "most_asked": SEARCH,
        "policies": [row.name for row in policies.newest(session.project, auth.alias())],
        "earlier": changes.turn_before(store, session, at),
        "later": changes.turn_after(store, session, at),
        "reply": _reply(session, at),
        "twin": twin_address(request),
    }


def _in_forms(wanted: Mapping[str, Any]) -> list[Choice]:
    """The same context in the form of each provider."""
    chosen = wanted.get("format", "openai")
    return [
        Choice(label, query(wanted, format=form), form == chosen)
        for form, label in SAID_FORMS.items()
    ]


def _reply(session: Snapshot, version: int) -> int | None:
    """The seq of the reply that was answered from this version, if the next entry is one."""
    if version == session.version:
        return None
    said, _ = get_store(auth.alias()).entries_after(session, version, 1)
    next_one = [row for row in said if row.version == version + 1 and row.role == "assistant"]
    return next_one[0].seq if next_one else None


def account_of(
    session: Snapshot, built: Context, asked: str, answers: Sequence[int]
) -> dict[str, Any]:
    """What the page of a context shows of one that is there already: what it was `asked`, and the
    first of its `answers`."""
    told = _account(session, built, {"tokens": built.limit, "query": asked})
    return {**told, **_measures(session, built, answers[0] if answers else None)}


def payload_of(built: Context) -> HttpResponse:
    """The payload of a context as its page shows it, whole."""
    return HttpResponse(_payload(built), content_type="application/json")


def _payload(built: Context) -> bytes:
    sent = {"system": built.system, "tools": built.tools, "messages": built.messages}
    return orjson.dumps(sent, option=orjson.OPT_INDENT_2)


def _measures(session: Snapshot, built: Context, reply: int | None) -> dict[str, Any]:
    """How sure the figures are, and how long the room lasts."""
    store = get_store(auth.alias())
    return {
        "guessed": measures.guessed(store, session, built),
        "pace": measures.pace(store, session, built),
        "compared": measures.compared(store, session, reply, built),
    }


def _account(session: Snapshot, built: Context, wanted: Mapping[str, Any]) -> dict[str, Any]:
    reserve = 0 if "tokens" in wanted else _reserve(session, built)
    octets = _payload(built)
    payload = octets.decode()
    return {
        "context": built,
        "bar": budget.bar(built.parts, built.limit, reserve),
        "lines": _lines(session, built, wanted.get("query")),
        "free": built.limit - built.tokens,
        "reserve": reserve,
        "used": built.tokens / built.limit,
        "near": _near(session, built),
        "elsewhere": _elsewhere(built),
        "left_out": _left_out(session, built),
        "more_left_out": max(0, len(built.left_out) - MOST_RUNS),
        "notices": [_notice(notice) for notice in built.notices],
        "payload": payload[:MOST_SHOWN],
        "cut": len(payload) > MOST_SHOWN,
        "octets": len(octets),
    }


def _reserve(session: Snapshot, built: Context) -> int:
    name, number = built.policy
    row = policies.one(session.project, name, number, auth.alias())
    return policies.parsed(row.data).reserve


def _lines(session: Snapshot, built: Context, asked: str | None) -> list[Line]:
    """The parts with what they hold: the summary and the facts are read in a statement each."""
    fold, points = _summary(session, built)
    facts = _facts(session, built, asked)
    said = {RECALLED: _recalled(built)}
    said |= {name: text.splitlines() for name, text in built.provided}
    what = {
        "system": "system text",
        "tools": f"{len(built.tools)} definition{'s' * (len(built.tools) != 1)}",
    }
    return [
        Line(
            part,
            budget.WHY.get(part.name, budget.PROVIDED),
            what.get(part.name, ""),
            points if part.summary else said.get(part.name, ()),
            [facts[key] for key in part.facts[:MOST_FACTS] if key in facts],
            fold if part.summary else None,
            _scored(session, built) if part.name == RECALLED else (),
        )
        for part in built.parts
    ]


def _summary(session: Snapshot, built: Context) -> tuple[Compression | None, list[str]]:
    """The compression whose summary is in the context, and its points."""
    ids = [UUID(part.summary) for part in built.parts if part.summary]
    if not ids:
        return None, []
    rows = Compression.objects.of(session.project).using(auth.alias()).identified(ids)
    with get_store(auth.alias()).db.reading():
        fold = rows.defer("decisions", "audit").first()
        if fold is None or fold.version is None:
            return None, []
        said = Summary.objects.using(auth.alias()).filter(
            session_id=session.number, version=fold.version
        )
        found = said.first()
    points = read_points(found.points) if found else ()
    return fold, [point.text for point in points]


def _scored(session: Snapshot, built: Context) -> list[Recalled]:
    """Why each earlier turn is in, the best first."""
    found = built.retold.scored() if built.retold else []
    return [
        Recalled(
            amounts.cut(row.turn.text, MOST_QUOTED),
            row.turn.seq,
            None if told == session.id else told,
            row.score,
            sorted(row.parts.items(), key=lambda part: -abs(part[1]))[:MOST_SCORES],
        )
        for told, row in found[:MOST_SCORED]
    ]


def _recalled(built: Context) -> list[str]:
    """The lines of what was recalled, which stand nowhere but in what is sent."""
    sent = [text for message in built.messages for text in _texts(message)]
    blocks = [found[1] for text in sent if (found := _RECALLED.search(text))]
    return [line.removeprefix("- ") for block in blocks for line in block.splitlines()]


def _texts(value: Any) -> Iterator[str]:
    """Every text in a message of whichever form."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _facts(session: Snapshot, built: Context, asked: str | None) -> dict[str, Stated]:
    ids = [UUID(key) for part in built.parts for key in part.facts[:MOST_FACTS]]
    if not ids:
        return {}
    rows = Fact.everything.using(auth.alias()).identified(ids)
    with get_store(auth.alias()).db.reading():
        return {
            str(fact.id): _stated(fact, session)._replace(why=contextfacts.reason(fact, asked))
            for fact in rows
        }


def _stated(fact: Fact, session: Snapshot) -> Stated:
    sources = orjson.loads(fact.sources)
    if fact.project_id != session.project:  # what is elsewhere is not named here
        return Stated(fact.text)
    if not sources:
        return Stated(fact.text, id=fact.id)
    told = UUID(sources[0]["session"])
    return Stated(fact.text, sources[0]["seq"], None if told == session.id else told, fact.id)


def _near(session: Snapshot, built: Context) -> list[tuple[NearMiss, str, UUID | None]]:
    """What nearly got in, why not in words, and the fact it is where that is of this project."""
    wanted = [UUID(miss.fact) for miss in built.near_misses if miss.fact]
    ours: set[UUID] = set()
    if wanted:
        rows = Fact.objects.of(session.project).using(auth.alias()).identified(wanted)
        with get_store(auth.alias()).db.reading():
            ours = set(rows.values_list("id", flat=True))
    facts = [UUID(miss.fact) if miss.fact else None for miss in built.near_misses]
    return [
        (miss, NEAR.get(miss.reason, miss.reason), fact if fact in ours else None)
        for miss, fact in zip(built.near_misses, facts, strict=True)
    ]


def _elsewhere(built: Context) -> list[Elsewhere]:
    """What is not in the context, by fate."""
    found = {name: [0, 0] for name in FATES}
    for item in built.left_out:
        found[item.fate][0] += item.messages
        found[item.fate][1] += item.tokens
    return [Elsewhere(name, *sums) for name, sums in found.items() if sums[0]]


def _left_out(session: Snapshot, built: Context) -> list[tuple[LeftOut, str]]:
    """What was left out, the newest runs of it, with the address of the compression that folded
    it or ""."""
    folders = _folders(session, built)
    return [(item, folders.get(item.reason, "")) for item in built.left_out[-MOST_RUNS:]]


def _folders(session: Snapshot, built: Context) -> dict[str, str]:
    """The address of the compression that a reason tells of, by the reason."""
    reasons = {item.reason for item in built.left_out}
    ordinals = [reason.removeprefix(account.FOLDED_BY) for reason in reasons]
    wanted = [int(ordinal) for ordinal in ordinals if ordinal.isdecimal()]
    if not wanted:
        return {}
    rows = Compression.objects.of(session.project).using(auth.alias()).of_session(session.number)
    with get_store(auth.alias()).db.reading():
        found = list(rows.applied().filter(ordinal__in=wanted).values_list("ordinal", "id"))
    return {
        f"{account.FOLDED_BY}{ordinal}": reverse("holdfast_pages:compression", args=(key,))
        for ordinal, key in found
    }


def _notice(notice: Mapping[str, Any]) -> tuple[str, int | None]:
    """A notice in words, with the figure that it is about, and the message."""
    code = str(notice["code"])
    said, level = NOTICES.get(code, code.replace("_", " ")), notice.get("level")
    if code == "context_nearly_full" and level is not None:
        said = f"{said[:-1]}: {amounts.percent(level)} of its budget."
    if code.startswith("provider_"):
        why = str(notice.get("reason", "")).replace("_", " ")
        said = f"{said[:-1]}: {notice['name']}{f', {why}' if why else ''}."
    return said, notice.get("seq")
