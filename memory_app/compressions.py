"""Rows of compressions: made, booked, and shown as the HTTP contract has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from memory_app import statements as sql
from memory_app.core.passages import Point
from memory_app.core.work import EngineFailed
from memory_app.gathering import read_points
from memory_app.models import Compression, Fact, Summary
from sessions_app import clock, ids
from sessions_app.core import errors, instants
from sessions_app.store import folding
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore
from sessions_app.store.folding import Claim
from sessions_app.store.reading import Reader

if TYPE_CHECKING:
    from memory_app.pipeline import Step

MOST_TRIED = 20
INTERRUPTED = "interrupted"
"""What became of a try whose worker died."""
DECISION = ("seq", "fate", "class", "rule", "score", "reason")


def queue(
    store: Reader, session: Snapshot, trigger: str, *, policy: tuple[str, int], instructions: str
) -> Compression:
    """A compression that somebody asked for, to be done by whoever claims the session."""
    return Compression.everything.using(store.db.alias).create(
        id=ids.new_id(),
        project_id=session.project,
        session_id=session.number,
        trigger=trigger,
        policy_name=policy[0],
        policy_version=policy[1],
        instructions=instructions,
        tokens_before=session.active_tokens,
        tokens_after=session.active_tokens,
        queued_us=clock.now_us(),
    )


def unfinished(store: Reader, session: Snapshot) -> Compression | None:
    """The compression of this session that is asked for or was begun and not ended."""
    if not asked(store, session.number):
        return None
    rows = Compression.objects.of(session.project).using(store.db.alias)
    return rows.of_session(session.number).unfinished().first()


def asked(store: Reader, number: int) -> bool:
    """Whether a compression of this session was asked for, or begun, and is not ended."""
    with store.db.reading():
        return store.db.row(sql.UNFINISHED, (number,)) is not None


def row_of(step: Step) -> Compression:
    """A new row for a step, not stored yet."""
    return Compression(
        id=ids.new_id(),
        project_id=step.session.project,
        session_id=step.session.number,
        trigger=step.trigger,
        policy_name=step.policy.name,
        policy_version=step.policy.version,
        first=step.folding.first,
        last=step.folding.last,
        instructions=step.instructions,
        tokens_before=step.session.active_tokens,
        tokens_after=step.session.active_tokens,
        queued_us=step.queued_us,
        started_us=step.started_us,
    )


def started(store: DurableStore, claim: Claim, step: Step) -> Compression:
    """Books that an engine begins: the row is there while it works, and counts the attempt. Raises
    LeaseLost, as all that books does: the row may be another's by now."""
    row = step.row or row_of(step)
    row.outcome = Compression.RUNNING
    row.first, row.last = step.folding.first, step.folding.last
    row.started_us = step.started_us
    row.attempts += 1
    _book(store, claim, row)
    return row


def failed(
    store: DurableStore, claim: Claim, step: Step, engine: str, failure: Exception
) -> Compression:
    """Books a failed attempt with its reason; others may follow."""
    row = step.row or row_of(step)
    row.first, row.last = step.folding.first, step.folding.last
    row.started_us = step.started_us
    account(row, engine, failure)
    row.attempts = max(1, row.attempts)
    _book(store, claim, row)
    return row


def account(row: Compression, engine: str, failure: Exception) -> None:
    """Writes down a failed try with its reason; the row is not stored."""
    row.engine, row.error = engine, str(failure)[:500]
    tried = orjson.loads(row.tried)
    tried.append({"engine": engine, "reason": row.error, "at": instants.render(clock.now_us())})
    row.tried = orjson.dumps(tried[-MOST_TRIED:]).decode()


def outcome_of(failure: Exception) -> str:
    """How a compression ends that no engine could do, by what was wrong with the last try."""
    return Compression.FAILED if isinstance(failure, EngineFailed) else Compression.REFUSED


def ended(store: DurableStore, claim: Claim, step: Step, engine: str, failure: Exception) -> None:
    """Books the last failed attempt: nobody will try again before the session has grown."""
    row = step.row or row_of(step)
    row.outcome = outcome_of(failure)
    row.finished_us = clock.now_us()
    failed(store, claim, replace(step, row=row), engine, failure)


def _book(store: DurableStore, claim: Claim, row: Compression) -> None:
    with store.db.transaction():
        folding.check_held(store, claim)
        _put(store, row)


def finish(store: Reader, row: Compression) -> None:
    """Stores a finished row, in the caller's transaction."""
    row.attempts = max(1, row.attempts)
    _put(store, row)


def _put(store: Reader, row: Compression) -> None:
    if row._state.adding:
        row.save(force_insert=True, using=store.db.alias)
        return
    row.save(update_fields=_CHANGING, using=store.db.alias)


_CHANGING = [
    "version", "ordinal", "first", "last", "engine", "tokens_before", "tokens_after", "decisions",
    "audit", "facts", "started_us", "finished_us", "attempts", "tried", "outcome", "error",
]  # fmt: skip


def close(store: DurableStore, claim: Claim, row: Compression) -> None:
    """Ends a row that has nothing to fold. One that nobody tried leaves no trace; one that was
    tried failed, and keeps the account of its tries."""
    if row.attempts:
        row.outcome, row.finished_us = Compression.FAILED, clock.now_us()
        row.error = row.error or INTERRUPTED
        _book(store, claim, row)
        return
    with store.db.transaction():
        folding.check_held(store, claim)
        Compression.everything.using(store.db.alias).filter(pk=row.pk).delete()


# -- shown ---------------------------------------------------------------------------------------


def page(store: Reader, session: Snapshot, *, before: int | None, limit: int) -> list[Compression]:
    """The compressions of a session, newest first; `before` is the number of a row."""
    rows = Compression.objects.of(session.project).using(store.db.alias)
    rows = rows.of_session(session.number)
    if before is not None:
        rows = rows.filter(number__lt=before)
    return list(rows[:limit])


def one(store: Reader, project: int, compression: UUID) -> Compression:
    """A compression by its id. Raises NotFound."""
    rows = Compression.objects.of(project).using(store.db.alias)
    rows = rows.filter(id=compression).select_related("session")
    found: Compression | None = rows.first()
    if found is None:
        raise errors.NotFound("There is no such compression in this project. Check its id.")
    if found.session.status == found.session.DELETED:
        raise errors.SessionDeleted
    return found


def whole(store: Reader, session: UUID, rows: Sequence[Compression]) -> list[dict[str, Any]]:
    """Compressions of one session with their summaries and facts, in three statements."""
    versions = [row.version for row in rows if row.version is not None]
    number = rows[0].session_id if rows else 0
    summaries = {
        summary.version: summary
        for summary in Summary.objects.using(store.db.alias).filter(
            session_id=number, version__in=versions
        )
    }
    facts: dict[int, list[dict[str, Any]]] = {}
    stated = Fact.everything.using(store.db.alias).filter(session_id=number, since__in=versions)
    for fact in stated.order_by("number"):
        facts.setdefault(fact.since, []).append(_fact_out(fact))
    return [
        shown(
            session,
            row,
            summary=_summary_text(summaries.get(row.version or 0)),
            facts=facts.get(row.version or 0, []),
        )
        for row in rows
    ]


def _summary_text(summary: Summary | None) -> str | None:
    if summary is None:
        return None
    return text_of(read_points(summary.points))


def text_of(points: Sequence[Point]) -> str:
    """A summary as it reads: a line a point."""
    return "\n".join(point.text for point in points)


def _fact_out(fact: Fact) -> dict[str, Any]:
    return {
        "id": str(fact.id),
        "text": fact.text,
        "category": fact.category,
        "seq": fact.seq,
        "trust": fact.trust,
    }


def shown(
    session: UUID, row: Compression, *, summary: str | None, facts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A compression as the contract shows it."""
    lag = None if row.finished_us is None else (row.finished_us - row.queued_us) // 1000
    decisions = orjson.loads(row.decisions)
    return {
        "id": str(row.id),
        "session": str(session),
        "version": row.version,
        "ordinal": row.ordinal,
        "trigger": row.trigger,
        "policy": {"name": row.policy_name, "version": row.policy_version},
        "range": [row.first, row.last],
        "engine": row.engine,
        "tokens_before": row.tokens_before,
        "tokens_after": row.tokens_after,
        "decisions": [dict(zip(DECISION, item, strict=True)) for item in decisions],
        "summary": summary,
        "facts": list(facts),
        "audit": orjson.loads(row.audit),
        "queued_at": instants.render(row.queued_us),
        "started_at": _instant(row.started_us),
        "finished_at": _instant(row.finished_us),
        "lag_ms": lag,
        "attempts": row.attempts,
        "tried": orjson.loads(row.tried),
        "outcome": row.outcome,
        "error": row.error or None,
    }


def _instant(value: int | None) -> str | None:
    return None if value is None else instants.render(value)
