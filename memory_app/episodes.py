"""What happened, when, and how it came out: an episode of every session that ended or rests.

Which row is the truth: the newest episode of a session says up to which message it is told. A
worker looks through all sessions, some at a time and the newest first of all, and tells what is
missing; two of them may tell the same, and one row stays. Nothing is written while an engine works.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from memory_app import factlists, gathering, keeping
from memory_app import statements as sql
from memory_app.core import passages, retention, summarise
from memory_app.core.lines import SEQ, TOKENS, TURN
from memory_app.core.passages import Passage, Point
from memory_app.core.work import EngineFailed, Work
from memory_app.engines import Embedded
from memory_app.history import HistoryReader
from memory_app.models import Episode, EpisodeQuerySet
from sessions_app import clock, ids, paging
from sessions_app.core import errors, instants, words
from sessions_app.core.replay import State, in_ranges
from sessions_app.parameters import PAGE
from sessions_app.store.base import Request, Snapshot
from sessions_app.store.durable import DurableStore, replayed
from sessions_app.store.reading import Reader

log = logging.getLogger("holdfast.episodes")

REST_US = 3_600_000_000
"""A session in which nothing happened for so long rests."""
MOST = 50
"""Episodes told at a look."""
STRIDE = 2_000
"""Sessions looked at for what is missing: so many of the newest, so many of the rest by turns."""
MOST_READ = 500
"""Newest messages of a stretch that are read; a summary tells of those before them."""
SIZE = 250
"""Tokens of a text."""

_place: dict[str, int] = {}


# -- telling -------------------------------------------------------------------------------------


def tell(store: DurableStore, now: int) -> int:
    """Tells what of some sessions is not told yet; returns of how many."""
    with store.db.reading():
        row = store.db.row(sql.NEWEST_SESSION, ())
    newest = int(row[0] or 0) if row else 0
    alias = store.db.alias
    start = _place.get(alias, 0)
    if start >= newest:
        start = 0
    _place[alias] = start + STRIDE
    spans = {(max(0, newest - STRIDE), newest), (start, start + STRIDE)}
    return sum(_told_between(store, span, now) for span in spans)


def _told_between(store: DurableStore, span: tuple[int, int], now: int) -> int:
    with store.db.reading():
        rows = store.db.rows(sql.UNTOLD, (*span, now - REST_US, MOST))
    return sum(_tried(store, number) for (number,) in rows)


def _tried(store: DurableStore, number: int) -> bool:
    """A session that cannot be read must not keep those behind it from being told."""
    try:
        return _tell_one(store, number)
    except errors.HoldfastError as error:
        log.warning("Session %s is not told: %s", number, error)
        return False


def _tell_one(store: DurableStore, number: int) -> bool:
    with store.db.reading():
        named = store.db.row(sql.NAMED, (number,))
        told = store.db.row(sql.TOLD_UNTIL, (number,))
    if named is None:
        return False
    session = store.get(int(named[1]), UUID(str(named[0])))
    first = int(told[0] or 0) + 1 if told else 1
    if first > session.messages:
        return False
    text = _text(store, session, first)
    with store.db.reading():
        times = store.db.rows(sql.STAND_AT, (number, first, session.messages))
    if not times:
        return False
    outcome = Episode.IDLE if session.status == "active" else Episode.ENDED
    row = (
        ids.new_id().hex, first, session.messages, times[0][0], times[-1][0], outcome, text,
        _words(text), clock.now_us(),
    )  # fmt: skip
    with store.db.transaction():
        return bool(store.db.run(sql.TELL, (*row, number)).rowcount)


def _text(store: Reader, session: Snapshot, first: int) -> str:
    """The summary of messages from `first` on: of what was folded its points, of the rest what the
    embedded engine picks."""
    state = store.present(session)
    points = [
        point
        for point in gathering.summary_points(store, session, state)
        if _is_told_by(point, first, state)
    ]
    said = _passages(store, session, state, max(first - 1, state.folded))
    verdicts = retention.judge(said)
    scores = {item.seq: verdict.score for item, verdict in zip(said, verdicts, strict=True)}
    try:
        found = Embedded().summarise(Work(tuple(points), tuple(said), scores, SIZE))
    except EngineFailed:
        return f"{session.messages - first + 1} messages, of which there is nothing to tell."
    return summarise.render(found)


def _is_told_by(point: Point, first: int, state: State) -> bool:
    return any(seq >= first and not in_ranges(seq, state.retracted) for seq in point.seqs)


def _passages(store: Reader, session: Snapshot, state: State, after: int) -> list[Passage]:
    """The newest messages after one, at most MOST_READ, as texts; retracted ones are not there."""
    reader = HistoryReader(store, session, state)
    start = max(after, session.messages - MOST_READ)
    lines = reader.visible(store.lines_from(session.number, start, session.messages, MOST_READ))
    said = reader.decode([line[SEQ] for line in lines])
    return [
        passages.passage(
            line[SEQ], one.role, one.form, one.body, tokens=line[TOKENS], turn=line[TURN]
        )
        for line, one in zip(lines, said, strict=True)
    ]


def _words(text: str) -> str:
    found: str = keeping.measures(text)["words"]
    return found


# -- by hand -------------------------------------------------------------------------------------


class Told(NamedTuple):
    """An episode to be stored; times in microseconds."""

    user: str
    text: str
    begun_us: int
    ended_us: int
    outcome: str = ""


@replayed
def keep(store: DurableStore, project: int, told: Told, request: Request | None) -> dict[str, Any]:
    """Stores an episode of a user; answers with it. Raises IdempotencyMismatch, and NotFound where
    that of a repeated request was erased."""
    with store.db.transaction():
        if (known := store.known(project, request)) is not None:
            return one_out(_one(store, project, UUID(orjson.loads(known)["episode"])))
        made = Episode.everything.using(store.db.alias).create(
            id=ids.new_id(),
            project_id=project,
            end_user_id=store.end_user(project, told.user),
            begun_us=told.begun_us,
            ended_us=told.ended_us,
            outcome=told.outcome,
            text=told.text,
            words=_words(told.text),
            created_us=clock.now_us(),
        )
        store.remember(project, request, 201, orjson.dumps({"episode": str(made.id)}).decode())
        return one_out(_one(store, project, made.id))


def _one(store: Reader, project: int, episode: UUID) -> Any:
    found = _shown(store, project).filter(id=episode).first()
    if found is None:
        raise errors.NotFound("The episode of that answer was erased since.")
    return found


# -- shown ---------------------------------------------------------------------------------------


def _shown(store: Reader, project: int) -> EpisodeQuerySet:
    rows: EpisodeQuerySet = Episode.objects.of(project).using(store.db.alias)
    return rows.shown().told()


def one_out(row: Any) -> dict[str, Any]:
    """An episode as the HTTP contract shows it."""
    return {
        "id": str(row.id),
        "user": row.user,
        "session": None if row.in_session is None else str(row.in_session),
        "summary": row.text,
        "outcome": row.outcome or None,
        "from": instants.render(row.begun_us),
        "to": instants.render(row.ended_us),
        "messages": [row.first, row.last] if row.last else None,
        "created_at": instants.render(row.created_us),
    }


def of_user(store: Reader, project: int, user: int) -> list[dict[str, Any]]:
    """All that are told of a user, oldest first."""
    rows = _shown(store, project).of_end_user(user).order_by("begun_us", "number")
    with store.db.reading():
        return [one_out(row) for row in rows]


def page(
    store: Reader, project: int, asked: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], str | None]:
    """The episodes that `asked` wants, newest first, and the cursor of the next page. Raises
    BadCursor."""
    limit, scope = asked.get("limit", PAGE), _scope(project, asked)
    rows = _narrowed(store, project, asked)
    if "after" in asked:
        ended, number = paging.read(scope, asked["after"])
        rows = rows.before(ended, number)
    with store.db.unprepared():
        found = list(rows.order_by("-ended_us", "-number")[: limit + 1])
    following = None
    if len(found) > limit:
        following = paging.sign(scope, [found[limit - 1].ended_us, found[limit - 1].number])
    return [one_out(row) for row in found[:limit]], following


def _narrowed(store: Reader, project: int, asked: Mapping[str, Any]) -> EpisodeQuerySet:
    rows = _shown(store, project).between(asked.get("from"), asked.get("to"))
    if "user" in asked:
        user = factlists.end_user(store, project, asked["user"])
        rows = rows.none() if user is None else rows.of_end_user(user.pk)
    if "q" in asked:
        wanted = words.words(asked["q"])
        rows = rows.saying(wanted) if wanted or not asked["q"].strip() else rows.none()
    return rows


def _scope(project: int, asked: Mapping[str, Any]) -> str:
    """What a cursor belongs to: all that decides which episodes come."""
    told = {name: asked[name] for name in sorted(asked) if name not in ("after", "limit")}
    return f"episodes {project} {orjson.dumps(told).decode()}"
