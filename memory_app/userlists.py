"""The list of a project's users: found by how a key begins, sorted, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from memory_app import statements as sql
from memory_app.models import Fact
from sessions_app import paging
from sessions_app.core import instants
from sessions_app.models import EndUser, EndUserQuerySet
from sessions_app.parameters import PAGE
from sessions_app.store.reading import Reader

SORTS: Mapping[str, str] = {"created": "pk", "user": "key"}
"""Column by name: what has an index to sort by. A row's number is the order of the first sight."""
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """A user with bounded figures: MOST_COUNTED + 1 stands for more. `active_us` is None where
    they have no session."""

    key: str
    created_us: int
    facts: int = 0
    quarantined: int = 0
    sessions: int = 0
    active_us: int | None = None


def page(store: Reader, project: int, asked: Mapping[str, Any]) -> tuple[list[Row], str | None]:
    """The users that `asked` wants (`q`, a key's beginning; `to_review`, `sort`, `after`, `limit`),
    the newest first when nothing else is said, and the cursor of the next page. Raises BadCursor.
    """
    limit, scope = asked.get("limit", PAGE), _scope(project, asked)
    sort = asked.get("sort", "-created")
    column, sign = SORTS[sort.removeprefix("-")], "-" if sort.startswith("-") else ""
    rows = _narrowed(store, project, asked)
    if "after" in asked:
        (last,) = paging.read(scope, asked["after"])
        rows = rows.filter(**{f"{column}__{'lt' if sign else 'gt'}": last})
    with store.db.unprepared():
        found = list(rows.order_by(f"{sign}{column}")[: limit + 1])
    more, found = len(found) > limit, found[:limit]
    following = paging.sign(scope, [getattr(found[-1], column)]) if more else None
    return _with_figures(store, found), following


def one(store: Reader, user: EndUser) -> Row:
    """A user with their figures."""
    return _with_figures(store, [user])[0]


def _narrowed(store: Reader, project: int, asked: Mapping[str, Any]) -> EndUserQuerySet:
    rows: EndUserQuerySet = EndUser.objects.of(project).using(store.db.alias)
    if "q" in asked:
        rows = rows.beginning(asked["q"])
    if asked.get("to_review"):
        waiting = Fact.objects.of(project).using(store.db.alias).in_status(Fact.QUARANTINED)
        rows = rows.filter(pk__in=waiting.shown().exclude(end_user=None).values("end_user_id"))
    return rows


def _with_figures(store: Reader, found: Sequence[EndUser]) -> list[Row]:
    if not found:
        return []
    numbers = [user.pk for user in found]
    most = [MOST_COUNTED + 1] * 3
    with store.db.reading():
        rows = store.db.rows(sql.figures_of_users(len(numbers)), (*most, *numbers))
    figures = {number: told for number, *told in rows}
    return [Row(user.key, user.created_us, *figures.get(user.pk, ())) for user in found]


def out(row: Row) -> dict[str, Any]:
    """A user as the JSON of the list shows one; counts end at MOST_COUNTED, and `more_than_counted`
    names those that do."""
    counts = {"facts": row.facts, "quarantined": row.quarantined, "sessions": row.sessions}
    active = None if row.active_us is None else instants.render(row.active_us)
    return {
        "user": row.key,
        **{name: min(count, MOST_COUNTED) for name, count in counts.items()},
        "more_than_counted": [name for name, count in counts.items() if count > MOST_COUNTED],
        "last_activity_at": active,
        "created_at": instants.render(row.created_us),
    }


def _scope(project: int, asked: Mapping[str, Any]) -> str:
    """What a cursor belongs to: all that decides which users come in which order."""
    told = {name: asked[name] for name in sorted(asked) if name not in ("after", "limit")}
    return f"listed users {project} {orjson.dumps(told).decode()}"
