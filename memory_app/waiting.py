"""Facts that wait in quarantine for a person's word, each with what would give way to it.

A fact contradicts another one, which its metadata names, and stands against the active facts of its
owner that have its key: the same that `facts.accepting` lets give way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import Q

from memory_app import facts, factuses
from memory_app.models import Fact, FactQuerySet
from sessions_app import paging
from sessions_app.parameters import PAGE
from sessions_app.store.reading import Reader

MOST_COUNTED = 1_000


class Waiting(NamedTuple):
    """A quarantined fact, and those of its owner that it stands against, the one it names first."""

    fact: Any
    against: tuple[Any, ...]


def page(
    store: Reader, project: int, *, after: str | None = None, limit: int = PAGE
) -> tuple[list[Waiting], str | None]:
    """Those of a project, the newest first, and the cursor of the next page. Raises BadCursor."""
    scope = f"waiting facts {project}"
    rows = _rows(store, project)
    if after is not None:
        rows = rows.filter(number__lt=paging.read(scope, after)[0])
    with store.db.unprepared():
        found = list(rows.order_by("-number")[: limit + 1])
    more, found = len(found) > limit, found[:limit]
    following = paging.sign(scope, [found[-1].number]) if more else None
    return _met(store, project, found), following


def one(store: Reader, project: int, fact: Any) -> Waiting:
    """A fact with those that it stands against."""
    return _met(store, project, [fact])[0]


def count(store: Reader, project: int) -> int:
    """How many there are; MOST_COUNTED + 1 stands for more."""
    with store.db.unprepared():
        return int(_rows(store, project).values("number")[: MOST_COUNTED + 1].count())


def _rows(store: Reader, project: int) -> FactQuerySet:
    return facts.of_project(store, project).in_status(Fact.QUARANTINED).shown()


def _met(store: Reader, project: int, found: Sequence[Any]) -> list[Waiting]:
    """With the facts they stand against, read at once for all of them."""
    others = _others(store, project, found)
    met = [Waiting(fact, _against(fact, others)) for fact in found]
    factuses.counted(store, project, [*found, *others])
    return met


def _others(store: Reader, project: int, found: Sequence[Any]) -> list[Any]:
    if not found:
        return []
    named = [other for other in map(facts.contradicted, found) if other is not None]
    keyed = [fact for fact in found if fact.key]
    owned = Q(end_user_id__in={fact.end_user_id for fact in keyed} - {None})
    owned |= Q(session_id__in={fact.session_id for fact in keyed} - {None})
    with_key = owned & Q(status=Fact.ACTIVE, key__in={fact.key for fact in keyed})
    rows = facts.of_project(store, project).shown().filter(Q(id__in=named) | with_key)
    with store.db.unprepared():
        return list(rows.order_by("-number"))


def _against(fact: Any, others: Sequence[Any]) -> tuple[Any, ...]:
    named = facts.contradicted(fact)
    theirs = [other for other in others if other.pk != fact.pk and facts.same_owner(fact, other)]
    met = [
        other
        for other in theirs
        if other.id == named or (fact.key and other.key == fact.key and other.status == Fact.ACTIVE)
    ]
    return tuple(sorted(met, key=lambda other: other.id != named))
