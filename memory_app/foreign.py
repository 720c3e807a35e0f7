"""What other tools lost when they compacted a session, found by the same audit as ours.

An import keeps such a tool's summary as an event. What it folded are the messages before that, from
the summary before on. Nothing is folded here: the row says only what the tool's summary carried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

from memory_app import keeping
from memory_app.core import audit, passages
from memory_app.core.audit import Audit
from memory_app.core.passages import Passage
from memory_app.models import Compression
from sessions_app import clock, ids
from sessions_app.core import instants
from sessions_app.store.base import Snapshot, Window
from sessions_app.store.durable import DurableStore

MOST_MESSAGES = 20_000
MOST_LOST = 500
"""Lost items that are kept with their words; the score counts all."""
PAGE = 500


class Found(NamedTuple):
    """What audits of foreign compactions came to."""

    sessions: int
    compactions: int
    lost: int


class Compaction(NamedTuple):
    """A tool's summary of the messages first..last, by the event at `version`."""

    tool: str
    trigger: str
    first: int
    last: int
    version: int
    at: int
    summary: str
    tokens: int


def audit_sessions(store: DurableStore, project: int, sessions: Iterable[UUID]) -> Found:
    """Audits what was not audited yet of these sessions; says what all their compactions lost."""
    compacted = made = lost = 0
    for session in dict.fromkeys(sessions):
        found = store.get(project, session)
        for compaction in _new(store, found):
            _store(store, found, compaction, _audited(store, found, compaction))
        rows = Compression.objects.of(project).using(store.db.alias)
        every = list(rows.of_session(found.number).foreign().only("audit"))
        compacted += bool(every)
        made += len(every)
        lost += sum(keeping.lost_of(row) for row in every)
    return Found(compacted, made, lost)


def compactions(store: DurableStore, session: Snapshot) -> Iterator[Compaction]:
    """The summaries of other tools in a session's log, in order."""
    first, tokens, version = 1, 0, 0
    while events := store.events(session, after=version, limit=PAGE):
        for event in events:
            version = event.version
            if event.kind not in ("imported_boundary", "imported_summary"):
                continue
            data = event.entry().data
            if event.kind == "imported_boundary":
                tokens = data.get("pre_tokens") or 0
            elif isinstance(data.get("summary"), str):
                last = store.messages_at(session, version)
                if last >= first:
                    yield Compaction(
                        tool_of(session),
                        str(data.get("trigger") or ""),
                        first,
                        last,
                        version,
                        _moment(str(data.get("at")), event.created_us),
                        data["summary"],
                        int(tokens),
                    )
                first = last + 1


def _moment(told: str, imported: int) -> int:
    """When the tool compacted, as far as it wrote that down in a form we read; else the time of the
    import."""
    try:
        return min(instants.parse(told), imported)
    except ValueError:
        return imported


def tool_of(session: Snapshot) -> str:
    """The tool that a session was imported from, as its key says."""
    name = (session.key or "").partition(":")[0]
    return name if name and len(name) <= 32 else "import"


def _new(store: DurableStore, session: Snapshot) -> list[Compaction]:
    rows = Compression.objects.of(session.project).using(store.db.alias)
    known = set(rows.of_session(session.number).foreign().values_list("last", flat=True))
    return [item for item in compactions(store, session) if item.last not in known]


def _audited(store: DurableStore, session: Snapshot, compaction: Compaction) -> Audit:
    folded = list(_passages(store, session, compaction))
    return audit.audit(folded, compaction.summary.splitlines())


def _passages(store: DurableStore, session: Snapshot, compaction: Compaction) -> Iterator[Passage]:
    after = max(compaction.first - 1, compaction.last - MOST_MESSAGES)
    while after < compaction.last:
        limit = min(PAGE, compaction.last - after)
        page = store.messages(session, Window(after=after, limit=limit))
        if not page:
            return
        for stored in page:
            if stored.body:
                said = stored.message()
                yield passages.passage(
                    stored.seq, said.role, said.form, said.body, tokens=stored.tokens
                )
        after = page[-1].seq


def _store(store: DurableStore, session: Snapshot, compaction: Compaction, found: Audit) -> None:
    after = store.totals(session.number, compaction.last)[0]
    before = store.totals(session.number, compaction.first - 1)[0]
    Compression.everything.using(store.db.alias).create(
        id=ids.new_id(),
        project_id=session.project,
        session_id=session.number,
        trigger=compaction.tool,
        policy_name=session.policy_name,
        policy_version=session.policy_version,
        first=compaction.first,
        last=compaction.last,
        engine=compaction.tool,
        tokens_before=compaction.tokens or after - before,
        tokens_after=keeping.count(compaction.summary),
        audit=keeping.audit_text(found._replace(lost=found.lost[:MOST_LOST]), len(found.lost)),
        queued_us=compaction.at,
        started_us=clock.now_us(),
        finished_us=clock.now_us(),
        attempts=1,
        outcome=Compression.APPLIED,
    )
