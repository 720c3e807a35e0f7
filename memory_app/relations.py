"""The facts of a user that hang together with a thing: reads them, and lets `core.relations` walk.

Only facts that one user reads, their own and linked ones, are ties of a walk, and of these only the
active ones that hold at the time asked: what was superseded, retired or quarantined leads nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from memory_app import facts, factuses, links
from memory_app.core import relations
from memory_app.core.relations import Graph, Reached, Tie
from memory_app.models import FactQuerySet
from sessions_app import clock, paging
from sessions_app.core import errors
from sessions_app.parameters import PAGE
from sessions_app.store.reading import Reader

Found = tuple[list[dict[str, Any]], str | None]


def page(store: Reader, project: int, user: Any, asked: Mapping[str, Any]) -> Found:
    """The facts near `asked["of"]`, the nearest first, as the contract shows them, and the cursor
    of the next page. `at`, in microseconds, asks for what was known and held then. Raises
    InvalidField for a thing without a name, BadCursor."""
    of = relations.thing(asked.get("of", ""))
    if not of:
        raise errors.InvalidField("Name the thing: `of` must say something.", param="of")
    at, limit = asked.get("at"), asked.get("limit", PAGE)
    reads = links.whose(store, user.pk, None if at is None else at + 1)
    rows = links.now(store, reads, clock.now_us()).told()
    held = None if at is None else {one.number: one for one in links.before(store, reads, at + 1)}
    ties, ids = _now(store, rows) if held is None else _then(held)
    near = Graph(ties).near([of], steps=asked.get("steps", relations.MOST_STEPS))
    scope = _scope(project, user.pk, asked)
    if "after" in asked:
        last = tuple(paging.read(scope, asked["after"]))
        near = [one for one in near if one.place > last]
    following = paging.sign(scope, [*near[limit - 1].place]) if len(near) > limit else None
    shown = near[:limit]
    known = _read(store, rows, shown) if held is None else held
    there = [one for one in shown if one.fact in known]
    factuses.counted(store, project, [known[one.fact] for one in there])
    told = ((links.fact_out(known[one.fact], user.pk), one) for one in there)
    return [_out(fact, one, ids) for fact, one in told], following


def newest(store: Reader, user: Any, most: int) -> list[Any]:
    """The newest facts a user reads that name what they are about, at most so many."""
    rows = links.now(store, links.whose(store, user.pk), clock.now_us())
    with store.db.reading():
        return list(rows.tied()[:most])


def _now(store: Reader, rows: FactQuerySet) -> tuple[list[Tie], dict[int, UUID]]:
    tied = rows.tied().values_list("number", "id", "subject", "object")
    with store.db.reading():
        found = list(tied[: facts.MOST])
    ties = [Tie(number, subject, thing) for number, _, subject, thing in found]
    return ties, {number: fact for number, fact, *_ in found}


def _then(held: Mapping[int, Any]) -> tuple[list[Tie], dict[int, UUID]]:
    return _ties(held.values()), {number: fact.id for number, fact in held.items()}


def _ties(rows: Iterable[Any]) -> list[Tie]:
    return [Tie(one.number, one.subject, one.object) for one in rows if one.subject or one.object]


def graph(rows: Iterable[Any]) -> Graph:
    """What facts tie; the rows are what one user reads."""
    return Graph(_ties(rows))


def _read(store: Reader, rows: FactQuerySet, shown: Sequence[Reached]) -> dict[int, Any]:
    numbers = [one.fact for one in shown]
    with store.db.reading():
        return {row.number: row for row in rows.filter(number__in=numbers)}


def _out(fact: dict[str, Any], one: Reached, ids: Mapping[int, UUID]) -> dict[str, Any]:
    path = [str(ids[number]) for number in one.path]
    return {"fact": fact, "steps": one.steps, "path": path}


def _scope(project: int, user: int, asked: Mapping[str, Any]) -> str:
    """What a cursor belongs to: all that decides which facts come in which order."""
    told = {name: asked[name] for name in sorted(asked) if name not in ("after", "limit")}
    return f"relations {project} {user} {orjson.dumps(told).decode()}"
