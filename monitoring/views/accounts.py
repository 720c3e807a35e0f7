"""Every compression of the project, newest first, under what other tools have lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse

from memory_app import compressions
from memory_app.models import Compacted, Compression, CompressionQuerySet
from sessions_app import auth, listing, paging, parameters
from sessions_app.calls import Parameter
from sessions_app.http import json_response
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access, ledger, losses
from ..asked import asked, query
from ..facets import Choice, Facet
from ..ledger import Account
from ..losses import Audited, Group
from ..rendering import show, twin_address
from ..titles import titles

PAGE = 25
MOST_COUNTED, MOST_AUDITED = 10_000, 25
"""Compactions of other tools that the sentence counts, and of those that lost something how many
are read for what it was: the newest ones."""
UNFINISHED = "unfinished"
HEAVY = ("decisions", "summary", "facts")
"""What the twin leaves to the page of one compression."""
_OUTCOMES: Mapping[str, tuple[str, ...]] = {
    Compression.APPLIED: (Compression.APPLIED,),
    Compression.FAILED: (Compression.FAILED,),
    Compression.REFUSED: (Compression.REFUSED,),
    UNFINISHED: (Compression.QUEUED, Compression.RUNNING),
}
OURS, OTHERS = WHOSE = ("ours", "others")
_FILTERS: Mapping[str, Parameter] = {
    "outcome": parameters.choice("That came to this.", *_OUTCOMES),
    "whose": parameters.choice("Holdfast's own, or those of other tools.", *WHOSE),
    "lost": parameters.choice("That lost something.", "true"),
}
ASKED: Mapping[str, Parameter] = {**_FILTERS, "after": parameters.cursor()}
_FACETS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "Outcome": (
        ("outcome", Compression.APPLIED, "Done"),
        ("outcome", Compression.FAILED, "Failed"),
        ("outcome", Compression.REFUSED, "Refused"),
        ("outcome", UNFINISHED, "Unfinished"),
    ),
    "By": (("whose", OURS, "Holdfast"), ("whose", OTHERS, "Other tools")),
    "With": (("lost", "true", "Losses"),),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A compression and the session it is of."""

    account: Account
    session: Snapshot
    title: str


@dataclass(frozen=True, slots=True)
class Losses:
    """What other tools compacted and lost; `groups` name the items of the newest losses."""

    compacted: Sequence[Compacted]
    audited: Sequence[Audited]
    groups: Sequence[Group]

    @property
    def sentence(self) -> str:
        return losses.sentence(self.compacted, self.audited)

    @property
    def lost(self) -> int:
        return sum(one.lost for one in self.compacted)

    @property
    def sessions(self) -> set[int]:
        return {group.session for group in self.groups}


@access.page
def page(request: HttpRequest) -> HttpResponse:
    """The list, and on its first page what was lost, by session."""
    wanted = asked(request, ASKED)
    found, following = _rows(wanted)
    lost = _losses()
    texts = {name: wanted[name] for name in _FILTERS if name in wanted}
    bare = not wanted
    known = _sessions({row.session_id for row in found} | (lost.sessions if bare else set()))
    named = titles(auth.alias(), list(known.values()))
    rows = [_row(row, known[row.session_id], named) for row in found if row.session_id in known]
    told = _named(lost.groups, known, named) if bare else []
    context = {
        "section": "compressions",
        "rows": rows,
        "losses": lost,
        "told": told,
        "untold": lost.lost - sum(group.lost for group, *_ in told),
        "facets": [_facet(label, choices, texts) for label, choices in _FACETS.items()],
        "chosen": texts,
        "empty": not (rows or wanted),
        "first": query(texts) if "after" in wanted else None,
        "next": query(texts, after=following) if following else None,
        "editor": access.may(request, access.EDITOR),
        "twin": twin_address(request),
    }
    return show(request, "accounts", context)


@access.twin
def twin(request: HttpRequest) -> HttpResponse:
    """The same as the API tells of each, but for what makes one large."""
    wanted = asked(request, ASKED)
    found, following = _rows(wanted)
    known = _sessions({row.session_id for row in found})
    compacted = _losses().compacted
    data = [_told(row, known[row.session_id]) for row in found if row.session_id in known]
    light = [{name: told[name] for name in told if name not in HEAVY} for told in data]
    return json_response(
        200,
        {
            "data": light,
            "next": following,
            "compacted_by_others": [one._asdict() for one in compacted],
        },
    )


def _of_project() -> CompressionQuerySet:
    return Compression.objects.of(access.project()).using(auth.alias()).shown().newest()


def _rows(wanted: Mapping[str, Any]) -> tuple[list[Compression], str | None]:
    """A page of rows without each message's decision, and the cursor of the next one."""
    filters = {name: wanted.get(name) for name in _FILTERS}
    scope = f"compressions {access.project()} {sorted(filters.items(), key=str)}"
    rows = _narrowed(_of_project(), wanted).defer("decisions")
    if "after" in wanted:
        rows = rows.older_than(paging.read(scope, wanted["after"])[0])
    with get_store(auth.alias()).db.unprepared():
        found = list(rows[: PAGE + 1])
    more = len(found) > PAGE
    return found[:PAGE], paging.sign(scope, [found[PAGE - 1].number]) if more else None


def _narrowed(rows: CompressionQuerySet, wanted: Mapping[str, Any]) -> CompressionQuerySet:
    if "outcome" in wanted:
        rows = rows.in_outcome(*_OUTCOMES[wanted["outcome"]])
    if "whose" in wanted:
        rows = rows.ours() if wanted["whose"] == OURS else rows.foreign()
    return rows.losing() if "lost" in wanted else rows


def _losses() -> Losses:
    with get_store(auth.alias()).db.unprepared():
        compacted = _of_project().by_tool(MOST_COUNTED)
        audited = _audited() if any(one.lost for one in compacted) else []
    return Losses(compacted, audited, losses.groups(audited))


def _audited() -> list[Audited]:
    rows = _of_project().foreign().losing().values_list("id", "session_id", "audit")
    return [Audited(key, session, orjson.loads(told)) for key, session, told in rows[:MOST_AUDITED]]


def _named(
    groups: Sequence[Group], known: Mapping[int, Snapshot], named: Mapping[int, str]
) -> list[tuple[Group, Snapshot, str]]:
    """With their sessions; one that is purged meanwhile has none."""
    there = [group for group in groups if group.session in known]
    return [(group, known[group.session], named[group.session]) for group in there]


def _sessions(numbers: Collection[int]) -> dict[int, Snapshot]:
    found = listing.numbered(auth.alias(), access.project(), list(numbers))
    return {session.number: session for session in found}


def _told(row: Compression, session: Snapshot) -> dict[str, Any]:
    row.decisions = "[]"
    return compressions.shown(session.id, row, summary=None, facts=[])


def _row(row: Compression, session: Snapshot, named: Mapping[int, str]) -> Row:
    account = ledger.account(_told(row, session), facts=row.facts)
    return Row(account, session, named[session.number])


def _facet(label: str, choices: Sequence[tuple[str, str, str]], texts: Mapping[str, str]) -> Facet:
    """Its choices, and where a press leads; pressed again it is gone."""
    return Facet(label, [_choice(texts, *choice) for choice in choices])


def _choice(texts: Mapping[str, str], name: str, value: str, label: str) -> Choice:
    chosen = texts.get(name) == value
    return Choice(label, query(texts, **{name: None if chosen else value}), chosen)
