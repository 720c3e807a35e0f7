"""The table of sessions: its headings and its rows, with what a search found in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from sessions_app import answers
from sessions_app.search import Hits
from sessions_app.store.base import Snapshot

from .asked import query
from .facets import Choice, narrowed

_COLUMNS = (
    ("", "Session", "title"),
    ("", "User", "who"),
    ("", "Status", ""),
    ("", "Turns", "num less turns"),
    ("messages", "Messages", "num less"),
    ("tokens", "Tokens", "num"),
    ("level", "Level", "bar"),
    ("", "Folded", "num folded"),
    ("", "Facts", "num kept"),
    ("created", "Created", "num made"),
    ("last_activity", "Last activity", "num when"),
)
NO_HITS = Hits([], 0)


@dataclass(frozen=True, slots=True)
class Row:
    """A session in the list. `hits` is None where nothing was searched for; `more` is how many
    there are beside those that are shown."""

    session: Snapshot
    title: str
    status: str
    user: Choice | None
    tags: list[Choice]
    hits: Hits | None

    @property
    def more(self) -> int:
        return (self.hits.total or 0) - len(self.hits.hits) if self.hits else 0


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; `sort` is the query that a press on it leads to, `order` how it is sorted now."""

    label: str
    kind: str
    sort: str
    order: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the sessions of a page beside their rows: the time in microseconds, titles
    by number, and hits by number, or None where nothing was searched for."""

    now: int
    titles: Mapping[int, str]
    hits: Mapping[int, Hits] | None


def rows(found: Sequence[Snapshot], known: Known, texts: Mapping[str, str]) -> list[Row]:
    """A row for each session; its user and tags lead to the list narrowed by them."""
    return [_row(session, known, texts) for session in found]


def _row(session: Snapshot, known: Known, texts: Mapping[str, str]) -> Row:
    return Row(
        session,
        known.titles[session.number],
        answers.status(session, known.now),
        None if session.user is None else narrowed(texts, "user", session.user),
        [narrowed(texts, "tag", tag) for tag in orjson.loads(session.tags)],
        None if known.hits is None else known.hits.get(session.number, NO_HITS),
    )


def columns(texts: Mapping[str, str]) -> list[Column]:
    """The headings, with where they lead."""
    now = texts.get("sort", "last_activity")
    return [_column(texts, now, column) for column in _COLUMNS]


def _column(texts: Mapping[str, str], now: str, column: tuple[str, str, str]) -> Column:
    sort, label, kind = column
    if not sort:
        return Column(label, kind, "", "")
    order = {sort: "descending", f"-{sort}": "ascending"}.get(now, "")
    return Column(
        label, kind, query(texts, sort=f"-{sort}" if order == "descending" else sort), order
    )
