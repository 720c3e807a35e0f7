"""The list of a project's facts: filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from memory_app import facts, factuses
from memory_app import statements as sql
from memory_app.models import FactQuerySet
from sessions_app import paging
from sessions_app.core import words
from sessions_app.models import EndUser
from sessions_app.parameters import PAGE
from sessions_app.store.reading import Reader


def page(store: Reader, project: int, asked: Mapping[str, Any]) -> tuple[list[Any], str | None]:
    """The facts that `asked` wants and the cursor of the next page. Raises BadCursor."""
    limit, scope = asked.get("limit", PAGE), _scope(project, asked)
    descending = asked.get("order") == "desc"
    rows = facts.of_project(store, project).shown()
    for name in ("status", "pinned", "category", "user", "session", "q"):
        if name in asked:
            rows = _narrowed(store, project, rows, (name, asked[name]))
    if "after" in asked:
        (number,) = paging.read(scope, asked["after"])
        rows = rows.filter(**{"number__lt" if descending else "number__gt": number})
    with store.db.unprepared():
        found = list(rows.order_by("-number" if descending else "number")[: limit + 1])
    following = paging.sign(scope, [found[limit - 1].number]) if len(found) > limit else None
    return factuses.counted(store, project, found[:limit]), following


def _narrowed(
    store: Reader, project: int, rows: FactQuerySet, asked: tuple[str, str]
) -> FactQuerySet:
    name, value = asked
    if name == "status":
        return rows.in_status(value)
    if name == "pinned":
        return rows.pinned()
    if name == "category":
        return rows.in_category(value)
    if name == "user":
        row = end_user(store, project, value)
        return rows.none() if row is None else rows.of_end_user(row.pk)
    if name == "session":
        return _of_session(rows, value)
    wanted = words.words(value)
    return rows.saying(wanted) if wanted or not value.strip() else rows.none()


def states(store: Reader, user: int, *, most: int) -> dict[str, int]:
    """How many facts of a user stand how, and how many are pinned; `most` + 1 stands for more."""
    with store.db.reading():
        row = store.db.row(sql.STATES, (*[user, most + 1] * len(sql.IN_STATE),))
    return dict(zip(sql.IN_STATE, map(int, row or ()), strict=True))


def end_user(store: Reader, project: int, key: str) -> EndUser | None:
    """The row of a caller's user, None before the first sight."""
    with store.db.reading():
        found: EndUser | None = (
            EndUser.objects.of(project).using(store.db.alias).filter(key=key).first()
        )
    return found


def _of_session(rows: FactQuerySet, text: str) -> FactQuerySet:
    try:
        return rows.filter(session__id=UUID(text))
    except ValueError:
        return rows.none()


def _scope(project: int, asked: Mapping[str, Any]) -> str:
    """What a cursor belongs to: all that decides which facts come in which order."""
    told = {name: asked[name] for name in sorted(asked) if name not in ("after", "limit")}
    return f"facts {project} {orjson.dumps(told).decode()}"
