"""What became of a fact: the contexts it was put into, counted from the injections themselves.

A counter in the fact's row would be one more write for each recorded context, and wrong after a
purge; the index on the fact gives the figures of a page of facts in one query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from memory_app import statements as sql
from memory_app.models import Fact, Injection, InjectionQuerySet
from sessions_app.core import instants, messages
from sessions_app.core.entries import FORM_NAMES
from sessions_app.core.messages import Message
from sessions_app.store import packed
from sessions_app.store.reading import Reader
from sessions_app.store.statements import AMONG_POSTGRES, AMONG_SQLITE

SOME = 500
MOST_FOLLOWED = 1_000
"""Newest contexts of a fact of which it is counted how many answers followed."""
LOOK_AHEAD = 100
"""Messages behind a context among which its answer is."""

Place = tuple[int, int]
"""(number of the session, seq)."""


def counted(store: Reader, project: int, facts: Iterable[Any]) -> list[Any]:
    """The same facts, each with its `uses` and `last_used_us` in a project: a query for every 500
    of them."""
    found = list(facts)
    for at in range(0, len(found), SOME):
        some = found[at : at + SOME]
        with store.db.reading():
            figures = list(_rows(store, project).counted([fact.number for fact in some]))
        used = {number: (uses, last_us) for number, uses, last_us in figures}
        for fact in some:
            fact.uses, fact.last_used_us = used.get(fact.number, (0, None))
    return found


def page(store: Reader, fact: Fact, *, before: int | None, limit: int) -> list[Injection]:
    """The injections of a fact, newest first, those in contexts before a number of these."""
    rows = _rows(store, fact.project_id).of_fact(fact.number)
    bare = rows.defer("context__account", "context__provided", "context__choices")
    found: list[Injection] = []
    at, many = before, limit
    while len(found) < limit:
        # Of thousands of contexts only the newest are joined to their sessions; where these are
        # deleted ones, or another project's, more and more are looked at.
        newest = _newest(store, fact, at, many)
        with store.db.reading():
            some = bare.filter(context_id__in=newest).select_related("context__session")
            found += list(some) if newest else []
        if len(newest) < many:
            break
        at, many = newest[-1], min(2 * many, SOME)
    return found[:limit]


def _newest(store: Reader, fact: Fact, before: int | None, limit: int) -> list[int]:
    """The newest contexts that a fact was put into, whatever became of them."""
    rows = Injection.objects.using(store.db.alias).of_fact(fact.number)
    if before is not None:
        rows = rows.filter(context_id__lt=before)
    with store.db.reading():
        return list(rows.values_list("context_id", flat=True)[:limit])


class Reach(NamedTuple):
    """How far a fact went: into so many contexts of so many sessions, and where the answers to them
    stand, the newest context's first; `more` where older contexts are not counted."""

    contexts: int
    sessions: int
    answers: Sequence[Place]
    more: bool


def reach(store: Reader, fact: Fact) -> Reach:
    """What the newest MOST_FOLLOWED contexts of a fact led to, in two queries."""
    newest = _newest(store, fact, None, MOST_FOLLOWED + 1)
    followed = _followed(store, fact.project_id, newest[:MOST_FOLLOWED])
    places = [followed[context] for context in newest if context in followed]
    return Reach(
        len(places),
        len({session for session, _ in places}),
        list(dict.fromkeys((session, seq) for session, seq in places if seq is not None)),
        len(newest) > MOST_FOLLOWED,
    )


class Answered(NamedTuple):
    """The message that followed a context: its seq, its words ("" once erased), and whether it says
    itself that it answers another context."""

    seq: int
    text: str
    elsewhere: bool


def answered(store: Reader, uses: Sequence[Injection]) -> dict[int, Answered]:
    """What followed the contexts of some uses, by the number of the context: at most three queries,
    however many they are."""
    if not uses:
        return {}
    project = uses[0].context.session.project_id
    followed = _followed(store, project, [use.context_id for use in uses])
    places = {number: (session, seq) for number, (session, seq) in followed.items() if seq}
    said = _said(store, list(dict.fromkeys(places.values())))
    return {
        use.context_id: _answered(use, said[places[use.context_id]])
        for use in uses
        if use.context_id in places and places[use.context_id] in said
    }


def _followed(
    store: Reader, project: int, contexts: Sequence[int]
) -> dict[int, tuple[int, int | None]]:
    """The session of each context that is shown, and the seq of the first answer after it."""
    if not contexts:
        return {}
    sqlite = store.db.is_sqlite
    some = orjson.dumps(list(contexts)).decode() if sqlite else list(contexts)
    statement = sql.FOLLOWED.format(among=AMONG_SQLITE if sqlite else AMONG_POSTGRES)
    with store.db.reading():
        rows = store.db.rows(statement, (LOOK_AHEAD, project, some))
    return {number: (session, seq) for number, session, seq in rows}


def _said(store: Reader, places: Sequence[Any]) -> dict[Any, Any]:
    """(role, form, created_us, body) of messages by their places; a damaged one is blank."""
    if not places:
        return {}
    statement = sql.SAID_AT.format(marks=", ".join(["(?, ?)"] * len(places)))
    with store.db.reading():
        rows = store.db.rows(statement, [value for place in places for value in place])
        return {tuple(row[:2]): row[1:] for row in packed.found_whole(store.db, rows)}


def _answered(use: Injection, row: Sequence[Any]) -> Answered:
    seq, role, form, created_us, text = row
    body: dict[str, Any] = orjson.loads(text) if text else {}
    words = messages.text_of(Message(role, FORM_NAMES[form], body, created_us)) if body else ""
    record = use.context.id
    elsewhere = body.get("context") not in (None, str(record), record.hex)
    return Answered(seq, words, elsewhere)


def out(injection: Injection) -> dict[str, Any]:
    """A use as the contract shows it; `id` is that of the context."""
    record = injection.context
    return {
        "id": str(record.id),
        "session": str(record.session.id),
        "kind": record.kind,
        "version": record.version,
        "query": record.query or None,
        "tokens": record.tokens,
        "created_at": instants.render(record.created_us),
    }


def _rows(store: Reader, project: int) -> InjectionQuerySet:
    return Injection.objects.using(store.db.alias).shown(project)
