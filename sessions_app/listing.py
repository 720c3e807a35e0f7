"""The list of a project's sessions: filtered, sorted, a page at a time, from session rows alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from sessions_app import paging, reviews, search
from sessions_app.answers import IDLE_AFTER_US
from sessions_app.models import Session, SessionQuerySet
from sessions_app.parameters import PAGE
from sessions_app.store.base import Snapshot
from sessions_app.store.database import Database, Row
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
    "active_since": lambda rows, since: rows.active_between(since, None),
    "active_until": lambda rows, until: rows.active_between(None, until),
    "min_tokens": lambda rows, tokens: rows.as_long_as(tokens),
    "compressed": lambda rows, _: rows.compressed(),
    "min_level": lambda rows, fullness: rows.as_full_as(fullness),
}


@dataclass(frozen=True, slots=True)
class Page:
    """Sessions in order, and the cursors of the pages after and before them, None without one."""

    sessions: list[Snapshot]
    next: str | None = None
    previous: str | None = None


def page(
    alias: str, project: int, asked: Mapping[str, Any], now: int
) -> tuple[list[Snapshot], str | None]:
    """The sessions that `asked` wants and the cursor of the next page.

    `q` is looked for in all that was said and in title, key, user and tags. Every sort runs from
    the newest or largest down, and with `-` the other way. Raises BadCursor.
    """
    found = both_ways(alias, project, asked, now)
    return found.sessions, found.next


def both_ways(alias: str, project: int, asked: Mapping[str, Any], now: int) -> Page:
    """The same after the cursor `after` or before the cursor `before`, and what pages ask for:
    `active_within` microseconds up to now, `errors` (with a message that failed), `needs_review`,
    `rating`, `daily` (without the archived ones), and by a name of theirs, in `within`, a subquery
    of session numbers. `q` and `errors` first bring the search index up to
    date, for a moment at most.
    """
    sort = asked.get("sort", "last_activity")
    column, backward = SORTS[sort.removeprefix("-")], "before" in asked
    descending = sort.startswith("-") == backward
    limit, scope = asked.get("limit", PAGE), _scope(project, asked)
    place = asked.get("before", asked.get("after"))
    rows = _asked(alias, project, asked, now).with_fullness()
    if place is not None:
        value, number = paging.read(scope, place)
        rows = rows.beyond(column, (value, number), descending=descending)
    with Database(alias).unprepared():
        ordered = rows.in_order(column, descending=descending)
        found = list(ordered.values_list(*_COLUMNS, column)[: limit + 1])
    further, came = len(found) > limit, place is not None
    return _page(found[:limit], scope, (came, further), backward=backward)


def _page(found: list[Row], scope: str, more: tuple[bool, bool], *, backward: bool) -> Page:
    """`more` says whether there are rows before and after those found, in the order of reading."""
    if not found:
        return Page([])
    cursors = [
        paging.sign(scope, [row[-1], row[0]]) if there else None
        for row, there in zip((found[0], found[-1]), more, strict=True)
    ]
    sessions = [snapshot(row[:-1]) for row in found]
    if backward:
        return Page(sessions[::-1], *cursors)
    return Page(sessions, *reversed(cursors))


def count(alias: str, project: int, asked: Mapping[str, Any], now: int, *, most: int) -> int:
    """How many sessions `asked` wants in all; `most` + 1 stands for any number above `most`."""
    rows = _asked(alias, project, asked, now)
    with Database(alias).unprepared():
        return int(rows.values("number")[: most + 1].count())


def named(alias: str, project: int, ids: Sequence[UUID]) -> list[Snapshot]:
    """Those of these sessions that are there, without deleted ones, in the order they were made."""
    rows = Session.objects.of(project).using(alias).shown().identified(ids)
    with Database(alias).reading():
        return [snapshot(row) for row in rows.order_by("number").values_list(*_COLUMNS)]


def numbered(alias: str, project: int, numbers: Sequence[int]) -> list[Snapshot]:
    """Those of the sessions with these numbers that are there, deleted ones too."""
    rows = Session.objects.of(project).using(alias).filter(number__in=numbers)
    with Database(alias).reading():
        return [snapshot(row) for row in rows.order_by("number").values_list(*_COLUMNS)]


def _asked(alias: str, project: int, asked: Mapping[str, Any], now: int) -> SessionQuerySet:
    rows = _filtered(Session.objects.of(project).using(alias), asked, now)
    if asked.get("needs_review"):
        rows = rows.numbered(reviews.sessions_needing_review(project))
    if "rating" in asked:
        rows = rows.numbered(reviews.sessions_rated(project, asked["rating"]))
    for numbers in asked.get("within", {}).values():
        rows = rows.numbered(numbers)
    return _searched(rows, alias, project, asked)


def _filtered(rows: SessionQuerySet, asked: Mapping[str, Any], now: int) -> SessionQuerySet:
    status = asked.get("status")
    rows = rows.in_status(status, now - IDLE_AFTER_US) if status else rows.shown()
    if asked.get("daily"):
        rows = rows.unarchived()
    for tag in asked.get("tag", ()):
        rows = rows.tagged(tag)
    if "active_within" in asked:
        rows = rows.active_between(now - asked["active_within"], None)
    for name, narrowed in _FILTERS.items():
        if name in asked:
            rows = narrowed(rows, asked[name])
    return rows


def _searched(
    rows: SessionQuerySet, alias: str, project: int, asked: Mapping[str, Any]
) -> SessionQuerySet:
    text = asked.get("q", "")
    if text.strip() or asked.get("errors"):
        search.bring_up_to_date(alias)
    if text.strip():
        rows = rows.among(*search.matching(alias, project, text))
    if asked.get("errors"):
        rows = rows.among(*search.failing(alias))
    return rows


def _scope(project: int, asked: Mapping[str, Any]) -> str:
    """What a cursor belongs to: all that decides which sessions come in which order."""
    told = {name: asked[name] for name in sorted(asked) if name not in ("after", "before", "limit")}
    if "within" in told:
        told["within"] = sorted(told["within"])
    return f"sessions {project} {orjson.dumps(told).decode()}"
