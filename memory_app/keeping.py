"""Stores what a compression came to: rows and event in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from memory_app import compressions, policies
from memory_app import statements as sql
from memory_app.core import blocks, pacing
from memory_app.core.audit import Audit
from memory_app.core.lines import TOKENS
from memory_app.core.passages import Point
from memory_app.core.settling import DISCARDED, RETAINED, Decision, Draft
from memory_app.models import FOR_EVER, Compression, Fact, FateRun
from sessions_app import clock, ids, preparing
from sessions_app.core import replay, tokens, words
from sessions_app.store import folding
from sessions_app.store.base import Snapshot
from sessions_app.store.database import Row
from sessions_app.store.durable import DurableStore
from sessions_app.store.folding import Claim, Fold
from sessions_app.store.reading import Reader

if TYPE_CHECKING:
    from memory_app.pipeline import Done, Step

FATES = {"retained": 1, "summarised": 2, "extracted": 3, "discarded": 4}
FATE_NAMES = {number: name for name, number in FATES.items()}


def count(text: str) -> int:
    """Tokens of a text as this installation counts them."""
    return tokens.count_text(text, preparing.encoder())


@lru_cache(maxsize=512)
def block_tokens(text: str) -> int:
    """What a block takes in a context, framing included."""
    return count(text) + tokens.FRAMING if text else 0


def forget() -> None:
    """Empties this process's memory of blocks: what was purged must not live on there."""
    block_tokens.cache_clear()


def summary_tokens(name: str, points: Sequence[Point], span: tuple[int, int]) -> int:
    """What a summary of these points takes in a context."""
    if not points:
        return 0
    return block_tokens(blocks.block(name, [point.text for point in points], span))


def commit(store: DurableStore, claim: Claim, step: Step, done: Done) -> None:
    """Stores a compression. Raises LeaseLost, and has then stored nothing."""
    row = step.row or compressions.row_of(step)
    event = {
        "compression": str(row.id),
        "trigger": step.trigger,
        "engine": done.engine,
        "from": step.folding.first,
        "to": step.folding.last,
        "retained": [list(span) for span in done.state.retained],
        "summary_tokens": done.state.summary_tokens,
        "facts": len(done.outcome.facts),
        "tokens_before": step.session.active_tokens,
        "tokens_after": done.tokens_after,
    }

    # What takes long is done before the transaction: on SQLite nobody else can write meanwhile.
    _finish(row, step, done)
    facts = _Facts(store, step.session, done.outcome.facts)
    points = points_text(done.outcome.points)

    def write(session: Snapshot, version: int) -> None:
        row.version = version
        compressions.finish(store, row)
        totals = _write_fates(store, session, version, step, done.outcome.decisions)
        _write_summary(store, session, version, step, done, points, totals)
        facts.write(version)

    work = Fold(
        claim=claim,
        fold_version=step.session.fold_version,
        overlay_version=step.session.overlay_version,
        policy=(step.session.policy_name, step.session.policy_version),
        event=event,
        state=done.state,
        # A backlog too long for one reading goes on at once.
        due_tokens=policies.next_due(
            store, step.session, done.tokens_after, more=not step.gathered.ground.end
        ),
    )
    folding.fold(store, work, write, asked=partial(compressions.asked, store))


def _finish(row: Compression, step: Step, done: Done) -> None:
    row.ordinal = step.session.compressions + 1
    row.first, row.last = step.folding.first, step.folding.last
    row.engine = done.engine
    row.tokens_before = step.session.active_tokens
    row.tokens_after = done.tokens_after
    row.decisions = decisions_text(done.outcome.decisions)
    row.audit = audit_text(done.outcome.audit)
    row.facts = len(done.outcome.facts)
    row.started_us = step.started_us
    row.finished_us = clock.now_us()
    row.outcome = Compression.APPLIED
    row.error = ""


def _write_summary(
    store: Reader,
    session: Snapshot,
    version: int,
    step: Step,
    done: Done,
    points: str,
    totals: Totals,
) -> None:
    style = "resume" if step.trigger == "resume" else done.style
    summary = {
        "version": version,
        "first": 1,
        "last": step.folding.last,
        "style": style,
        "points": points,
        "tokens": done.state.summary_tokens,
        "ordinal": session.compressions + 1,
        "totals": orjson.dumps(totals).decode(),
    }
    store.db.run(sql.INSERT_SUMMARY, (session.number, *map(summary.__getitem__, sql.SUMMARY)))


# -- fates ---------------------------------------------------------------------------------------


Totals = dict[str, list[int]]
"""By fate: how many messages have it, and their tokens."""


class Run(NamedTuple):
    """A run of messages with one fate, as `models.FateRun` keeps it."""

    first: int
    last: int
    fate: int
    tokens: int
    rule: str = ""
    score: float = 0.0


def runs(
    decisions: Iterable[Decision], span: tuple[int, int], tokens_of: Mapping[int, int]
) -> list[Run]:
    """The fates of all messages of `span`; what nothing was decided about was taken back before."""
    by_seq = {decision.seq: decision for decision in decisions}
    found: list[Run] = []
    for seq in range(span[0], span[1] + 1):
        decision = by_seq.get(seq)
        fate = FATES[decision.fate if decision else DISCARDED]
        rule, score = _kept(decision)
        run = Run(seq, seq, fate, tokens_of[seq], rule, score)
        last = found[-1] if found else None
        if last and (last.fate, last.rule, last.score) == (run.fate, run.rule, run.score):
            found[-1] = last._replace(last=seq, tokens=last.tokens + run.tokens)
        else:
            found.append(run)
    return found


def _kept(decision: Decision | None) -> tuple[str, float]:
    """The rule and score that a retained message is kept by."""
    if decision is None or decision.fate != RETAINED:
        return "", 0.0
    return decision.rule, decision.score


def _write_fates(
    store: Reader, session: Snapshot, version: int, step: Step, decisions: Sequence[Decision]
) -> Totals:
    """Stores who has which fate from this version on; returns the totals."""
    first, last = step.folding.first, step.folding.last
    reader = step.gathered.reader
    tokens_of = {seq: line[TOKENS] for seq, line in reader.lines.items()}
    fresh = runs(decisions, (first, last), tokens_of)
    writer = _Writer(store, session, version)
    made = [writer.row(run, version) for run in fresh]
    totals = _totals_before(store, session)
    for run in fresh:
        _add(totals, run.fate, run.last - run.first + 1, run.tokens)
    again = {decision.seq: decision for decision in decisions if decision.seq < first}
    if again:
        made += writer.anew(again, tokens_of, totals)
    store.db.run_many(sql.INSERT_RUN, made)
    return totals


def _totals_before(store: Reader, session: Snapshot) -> Totals:
    row = None
    if session.fold_version:
        row = store.db.row(sql.TOTALS, (session.number, session.fold_version))
    return orjson.loads(row[0]) if row else {name: [0, 0] for name in FATES}


def _add(totals: Totals, fate: int, messages: int, tokens_: int) -> None:
    count_ = totals[FATE_NAMES[fate]]
    count_[0] += messages
    count_[1] += tokens_


class _Writer:
    """Makes the rows of one compression."""

    def __init__(self, store: Reader, session: Snapshot, version: int) -> None:
        self.store = store
        self.session = session
        self.version = version
        self.ordinal = session.compressions + 1

    def row(self, run: Run, decided: int, ordinal: int | None = None) -> Row:
        ordinal = self.ordinal if ordinal is None else ordinal
        return (self.session.number, *run, ordinal, decided, self.version, FOR_EVER)

    def anew(
        self, changed: Mapping[int, Decision], tokens_of: Mapping[int, int], totals: Totals
    ) -> list[Row]:
        """Gives messages of earlier folds another fate: the runs they stood in end here, and what
        is left of these goes on as it was."""
        rows = FateRun.objects.using(self.store.db.alias).at(self.session.number, self.version - 1)
        made: list[Row] = []
        for row in list(rows.touching(min(changed), max(changed))):
            inside = [changed[seq] for seq in range(row.first, row.last + 1) if seq in changed]
            if all((row.fate, row.rule, row.score) == _standing(item) for item in inside):
                continue
            rows.filter(pk=row.pk).update(until=self.version)
            for item in inside:
                _add(totals, row.fate, -1, -tokens_of[item.seq])
                _add(totals, FATES[item.fate], 1, tokens_of[item.seq])
            made += self._pieces(row, inside, tokens_of)
        return made

    def _pieces(
        self, row: FateRun, inside: Sequence[Decision], tokens_of: Mapping[int, int]
    ) -> Iterator[Row]:
        alone = [(item.seq, item.seq) for item in inside]
        for first, last in replay.without([(row.first, row.last)], alone):
            run = Run(first, last, row.fate, self._tokens(first, last), row.rule, row.score)
            yield self.row(run, row.decided, row.ordinal)
        for item in inside:
            fate, rule, score = _standing(item)
            run = Run(item.seq, item.seq, fate, tokens_of[item.seq], rule, score)
            yield self.row(run, self.version)

    def _tokens(self, first: int, last: int) -> int:
        number, totals = self.session.number, self.store.totals
        return totals(number, last)[0] - totals(number, first - 1)[0]


def _standing(decision: Decision) -> tuple[int, str, float]:
    return (FATES[decision.fate], *_kept(decision))


# -- facts ---------------------------------------------------------------------------------------


class _Facts:
    """The facts of one compression as rows that lack the version they hold from."""

    def __init__(self, store: Reader, session: Snapshot, drafts: Sequence[Draft]) -> None:
        self._db = store.db
        now = clock.now_us()
        user = _end_user(store, session) if drafts else None
        owner = (session.project, user, session.number)
        self._owned = [(ids.new_id().hex, *owner) for _ in drafts]
        self._stated = [_stated(session, draft, now) for draft in drafts]

    def write(self, version: int) -> None:
        rows = [
            (*owned, *({**stated, "since": version}[name] for name in sql.FACT), FOR_EVER)
            for owned, stated in zip(self._owned, self._stated, strict=True)
        ]
        self._db.run_many(sql.INSERT_FACT, rows)


def _end_user(store: Reader, session: Snapshot) -> int | None:
    if session.user is None:
        return None
    with store.db.reading():
        found = store.db.row(sql.END_USER, (session.project, session.user))
    return int(found[0]) if found else None


def _stated(session: Snapshot, draft: Draft, now: int) -> dict[str, Any]:
    pacing.step()
    source = {"session": str(session.id), "seq": draft.seq, "quote": draft.text}
    return {
        "text": draft.text,
        "category": draft.category,
        "status": Fact.ACTIVE,
        "pinned": False,
        "score": draft.score,
        "confidence": 1.0,
        "trust": draft.trust,
        "sources": orjson.dumps([source]).decode(),
        "seq": draft.seq,
        **measures(draft.text),
        "revision": 1,
        "created_us": now,
    }


def measures(text: str) -> dict[str, Any]:
    """What a fact's row says of its text: what it takes in a context, and its words."""
    return {"tokens": count(text) + 2, "words": f" {' '.join(words.words(text))} "}


# -- as text -------------------------------------------------------------------------------------


def points_text(points: Sequence[Point]) -> str:
    """Points as they are stored."""
    return orjson.dumps(
        [[point.text, point.seqs, round(point.score, 4)] for point in points]
    ).decode()


def decisions_text(decisions: Sequence[Decision]) -> str:
    """Decisions as they are stored: without the names of their fields."""
    return orjson.dumps([list(decision) for decision in decisions]).decode()


def audit_text(audit: Audit, lost: int | None = None) -> str:
    """An audit as the contract shows it; `lost` is how many items it found lost where not all of
    them are in it."""
    return orjson.dumps(audit_out(audit, lost)).decode()


def lost_of(row: Compression) -> int:
    """How many items a compression lost."""
    found = orjson.loads(row.audit)
    return int(found.get("lost_items", 0))


def audit_out(audit: Audit, lost: int | None = None) -> dict[str, Any]:
    """An audit as the contract shows it."""
    return {
        "score": round(audit.score, 4),
        "lost_items": len(audit.lost) if lost is None else lost,
        "kept": {kind: {"kept": kept, "all": all_} for kind, (kept, all_) in audit.kinds.items()},
        "lost": [
            {"kind": item.kind, "text": item.text, "subject": item.subject, "seq": item.seq}
            for item in audit.lost
        ],
    }


def would_be(step: Step, done: Done) -> dict[str, Any]:
    """A compression that was not stored, as the contract shows one."""
    row = compressions.row_of(step)
    row.first, row.last = step.folding.first, step.folding.last
    row.engine = done.engine
    row.tokens_before, row.tokens_after = step.session.active_tokens, done.tokens_after
    row.decisions = decisions_text(done.outcome.decisions)
    row.audit = audit_text(done.outcome.audit)
    row.started_us, row.finished_us = step.started_us, clock.now_us()
    row.outcome = Compression.APPLIED
    facts = [
        {"text": draft.text, "category": draft.category, "seq": draft.seq}
        for draft in done.outcome.facts
    ]
    summary = compressions.text_of(done.outcome.points)
    shown = compressions.shown(step.session.id, row, summary=summary, facts=facts)
    return {**shown, "id": None, "dry_run": True}
