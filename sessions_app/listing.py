"""The list of a project's sessions: filtered, sorted, a page at a time, from session rows alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from sessions_app import paging
from sessions_app.answers import IDLE_AFTER_US
from sessions_app.models import Session, SessionQuerySet
from sessions_app.parameters import PAGE
from sessions_app.store.base import Snapshot
from sessions_app.store.database import Database
from sessions_app.store.reading import snapshot

SORTS = {
    "last_activity": "last_activity_us",
    "created": "created_us",
    "tokens": "tokens",
    "messages": "messages",
    "level": "fullness",
}
STATUSES = ("active", "idle", "ended", "archived", "deleted")

_SNAPSHOT = {"user": "end_user__key", "window": "window_tokens", "project": "project_id"}
_COLUMNS = tuple(_SNAPSHOT.get(name, name) for name in Snapshot._fields)

Filter = Callable[[SessionQuerySet, Any], SessionQuerySet]
_FILTERS: Mapping[str, Filter] = {
    "key": lambda rows, key: rows.keyed(key),
    "user": lambda rows, user: rows.of_user(user),
    "q": lambda rows, text: rows.mentioning(text),
    "active_since": lambda rows, since: rows.active_between(since, None),
    "active_until": lambda rows, until: rows.active_between(None, until),
    "min_tokens": lambda rows, tokens: rows.as_long_as(tokens),
    "min_level": lambda rows, fullness: rows.as_full_as(fullness),
}


def page(
    alias: str, project: int, asked: Mapping[str, Any], now: int
) -> tuple[list[Snapshot], str | None]:
    """The sessions that `asked` wants and the cursor of the next page.

    Every sort runs from the newest or largest down, and with `-` the other way. Raises BadCursor.
    """
    sort = asked.get("sort", "last_activity")
    column, descending = SORTS[sort.removeprefix("-")], not sort.startswith("-")
    limit, scope = asked.get("limit", PAGE), _scope(project, asked)
    rows = _filtered(Session.objects.of(project).using(alias), asked, now).with_fullness()
    if "after" in asked:
        value, number = paging.read(scope, asked["after"])
        rows = rows.beyond(column, (value, number), descending=descending)
    with Database(alias).reading():
        ordered = rows.in_order(column, descending=descending)
        found = list(ordered.values_list(*_COLUMNS, column)[: limit + 1])
    following = None
    if len(found) > limit:
        last = found[limit - 1]
        following = paging.sign(scope, [last[-1], last[0]])
    return [snapshot(row[:-1]) for row in found[:limit]], following


def _filtered(rows: SessionQuerySet, asked: Mapping[str, Any], now: int) -> SessionQuerySet:
    status = asked.get("status")
    rows = rows.in_status(status, now - IDLE_AFTER_US) if status else rows.shown()
    for tag in asked.get("tag", ()):
        rows = rows.tagged(tag)
    for name, narrowed in _FILTERS.items():
        if name in asked:
            rows = narrowed(rows, asked[name])
    return rows


def _scope(project: int, asked: Mapping[str, Any]) -> str:
    """What a cursor belongs to: all that decides which sessions come in which order."""
    told = {name: asked[name] for name in sorted(asked) if name not in ("after", "limit")}
    return f"sessions {project} {orjson.dumps(told).decode()}"
