"""Searches what is remembered of a user: gathers the facts, and lets `core.factrank` rank.

The facts that a user reads are held in this process as an index, told by their numbers and
revisions, which every search reads from the rows: what was edited, retired or erased meanwhile, or
is linked no more, makes a new one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any
from uuid import UUID

from memory_app import factlists, facts, factuses, links
from memory_app.core import factrank
from memory_app.core.factrank import Document, Documents
from memory_app.core.rank import Scored
from memory_app.links import Reads
from memory_app.models import Fact, FactQuerySet
from sessions_app import clock
from sessions_app.store.reading import Reader

MOST_HELD = 64
"""Indexes that a process keeps, the last used ones."""
HITS = 10

State = tuple[tuple[int, UUID, int, int | None], ...]
"""The number, id, revision and time of the last edit of each fact (None: never edited): a number
may come again after a flush, and a revision after a restore of the database."""
_held: OrderedDict[tuple[str, int], tuple[State, Documents]] = OrderedDict()
_guard = Lock()


def hits(store: Reader, project: int, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The facts that `asked["user"]` reads and that answer `asked["query"]`, the best first, as the
    contract shows them; `at`, in microseconds, asks for what held then. Nobody known: none."""
    user = factlists.end_user(store, project, asked["user"])
    if user is None:
        return []
    at = asked.get("at")
    now = clock.now_us() if at is None else at
    reads = links.whose(store, user.pk, None if at is None else at + 1)
    rows = links.now(store, reads, now).told()
    known = _now(store, rows, user.pk) if at is None else _as_of(store, reads, at)
    count = asked.get("limit", HITS)
    found = factrank.best(known[0], asked["query"], now=now, count=count)
    shown = known[1] or _read(store, rows, [one.turn.session for one in found])
    there = [one for one in found if one.turn.session in shown]
    factuses.counted(store, project, [shown[one.turn.session] for one in there])
    return [_hit(shown[one.turn.session], one, user.pk) for one in there]


def _hit(fact: Any, one: Scored, reader: int) -> dict[str, Any]:
    parts = {name: round(part, 4) for name, part in one.parts.items()}
    return {**links.fact_out(fact, reader), "score": round(one.score, 4), "parts": parts}


Known = tuple[Documents, dict[int, Any]]
"""Facts to be ranked, and their rows by number where they are at hand."""


def _now(store: Reader, rows: FactQuerySet, user: int) -> Known:
    with store.db.reading():
        state: State = tuple(rows.states()[: facts.MOST])
    key = (store.db.alias, user)
    with _guard:
        held = _held.get(key)
    if held is not None and held[0] == state and not store.db.nested:
        return held[1], {}
    found = _read(store, rows, [number for number, *_ in state])
    documents = documented(list(reversed(found.values())))
    read = [(fact.number, fact.id, fact.revision) for fact in found.values()]
    # Not what was edited meanwhile; and what is read in a transaction may never be committed.
    if read == [one[:3] for one in state] and not store.db.nested:
        with _guard:
            _held[key] = (state, documents)
            _held.move_to_end(key)
            while len(_held) > MOST_HELD:
                _held.popitem(last=False)
    return documents, found


def _as_of(store: Reader, reads: Reads, at: int) -> Known:
    """The facts that were known and held at a time, as they were then."""
    held = links.before(store, reads, at + 1)
    return documented(held[::-1]), {fact.number: fact for fact in held}


def _read(store: Reader, rows: FactQuerySet, numbers: Sequence[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    with store.db.reading():
        for at in range(0, len(numbers), facts.SOME):
            some = rows.filter(number__in=numbers[at : at + facts.SOME])
            found |= {row.number: row for row in some}
    return found


def documented(rows: Sequence[Fact]) -> Documents:
    """Facts as they are ranked, in the order given."""
    return Documents([_document(row) for row in rows])


def _document(row: Fact) -> Document:
    return Document(
        number=row.number,
        text=row.text,
        category=row.category,
        subject=row.subject,
        object=row.object,
        about=(row.key, row.subject, row.relation, row.object),
        pinned=row.pinned,
        by_user=row.trust == "user",
        at=row.created_us if row.valid_us is None else row.valid_us,
        worth=min(1.0, max(0.0, row.score)),
    )


def forget() -> None:
    """Empties this process's memory of facts: what was purged must not live on there."""
    with _guard:
        _held.clear()
