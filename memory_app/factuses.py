"""What became of a fact: the contexts it was put into, counted from the injections themselves.

A counter in the fact's row would be one more write for each recorded context, and wrong after a
purge; the index on the fact gives the figures of a page of facts in one query.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from memory_app.models import Fact, Injection, InjectionQuerySet
from sessions_app.core import instants
from sessions_app.store.reading import Reader

SOME = 500


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
    if before is not None:
        rows = rows.filter(context_id__lt=before)
    with store.db.reading():
        return list(rows.select_related("context__session")[:limit])


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
