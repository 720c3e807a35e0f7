"""Compresses what is due: claim, snapshot, plan, engine, compare-and-set.

It and what it calls are the only writers of memory.

Which row is the truth: the session row, which says what is folded and who may fold next. No lock is
held while an engine works. Whatever fails changes nothing but the account of the attempt.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from memory_app import compressions, engines, gathering, keeping, policies
from memory_app.core import plan, resuming, retaining, retention, settling, summarise, surviving
from memory_app.core.passages import Passage, Point
from memory_app.core.plan import Folding
from memory_app.core.policy import Policy
from memory_app.core.retaining import Retained
from memory_app.core.retention import Verdict
from memory_app.core.settling import Case, Outcome
from memory_app.core.work import CRASHED, EngineFailed, Work
from memory_app.engines import Classifier, Summariser
from memory_app.gathering import Gathered
from memory_app.heartbeat import Heartbeat
from memory_app.models import Compression
from memory_app.policies import Stored
from sessions_app import clock
from sessions_app.core import errors
from sessions_app.core.replay import State, in_ranges, merge_ranges
from sessions_app.models import Policy as PolicyRow
from sessions_app.store import folding
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore
from sessions_app.store.folding import Claim

log = logging.getLogger("holdfast.compression")

RETAINED_AT_MOST, SELECTED_AT_MOST = 0.5, 0.9
"""Shares of what is folded, and was kept before, that may stay word for word."""
SUMMARY_OF, LEAST_SUMMARY = 4, 60
"""A summary takes a quarter of what it tells, and at least so many tokens."""
MUST = 0.25
"""The share of a summary that a model may be told to fill with given values."""
ATTEMPTS = 3
"""Tries of a model; then the embedded engine does it."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0
"""Seconds before a failed compression is tried again; twice as long each time."""


class Refused(Exception):
    """A summary that must not stand: `reason` says why. Nothing was changed."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Step:
    """One compression of one session, as it is to be done. `row` is its row where it has one."""

    gathered: Gathered
    folding: Folding
    policy: Stored
    trigger: str
    queued_us: int
    started_us: int
    instructions: str = ""
    row: Compression | None = None

    @property
    def session(self) -> Snapshot:
        return self.gathered.session

    @property
    def rules(self) -> Policy:
        return self.policy.rules


class Prepared(NamedTuple):
    """What is settled before the summary: who stays, who leaves, and what an engine is given."""

    passages: list[Passage]
    verdicts: Mapping[int, Verdict]
    retained: Retained
    before: frozenset[int]
    work: Work


class Done(NamedTuple):
    """A compression that may be stored: its outcome, the new fold, and the tokens after it."""

    outcome: Outcome
    state: State
    engine: str
    style: str
    tokens_after: int


@dataclass(slots=True)
class Pipeline:
    """Compresses sessions of one database with one engine."""

    store: DurableStore
    engine: Summariser = field(default_factory=engines.engine)
    fallback: Summariser = field(default_factory=engines.Embedded)
    classifier: Classifier = retention.judge
    claim: Claim | None = None
    """What is being worked on now."""

    def work(self, *, newest: bool = False) -> bool:
        """Compresses one due session; False when none is due. Never raises for what is wrong with
        the session or an engine: that is stored with the attempt. Raises errors of the store."""
        claim = folding.claim_next(self.store, newest=newest)
        if claim is None:
            return False
        self.run(claim)
        return True

    def run(self, claim: Claim) -> None:
        """Does what a claim is for."""
        self.claim = claim
        try:
            step = self.planned(claim)
            if step is None:
                return
            with Heartbeat(self.store, claim):
                self._run(claim.doing(step.trigger), step)
        except errors.LeaseLost:
            log.info("Compression of %s was overtaken and dropped.", claim.session)
            folding.give_back(self.store, claim)
        except errors.SessionDeleted:
            folding.give_back(self.store, claim)  # it is due again once it is restored
        except errors.NotFound:
            folding.release(self.store, claim, due_us=None, due_tokens=PolicyRow.NEVER)
        finally:
            self.claim = None

    def planned(self, claim: Claim) -> Step | None:
        """What the claimed session needs. Nothing: it is given back until it has grown."""
        session = self.store.get(claim.project, claim.session)
        row = compressions.unfinished(self.store, session)
        step = plan_step(self.store, session, claim=claim, row=row)
        if step is None:
            if row is not None:
                compressions.close(self.store, claim, row)
                claim = claim.doing(row.trigger)
            self._release(claim, session)
        return step

    def _run(self, claim: Claim, step: Step) -> None:
        """Tries the engine; where that is of no use, or was tried often enough, the embedded one.
        Stores what comes of it, or books the failure."""
        prepared = prepare(step, self.classifier)
        if self.engine.name != self.fallback.name:
            step = replace(step, row=compressions.started(self.store, claim, step))
            failure = self._try(claim, step, prepared, self.engine)
            if failure is None or self._again(claim, step, failure):
                return
        failure = self._try(claim, step, prepared, self.fallback)
        if failure is not None:
            compressions.ended(self.store, claim, step, self.fallback.name, failure)
            self._release(claim, step.session)

    def _release(self, claim: Claim, session: Snapshot) -> None:
        """Gives the session back until it has grown, or somebody asks."""
        due_tokens = policies.next_due(self.store, session, session.active_tokens)
        asked = partial(compressions.asked, self.store)
        folding.release(self.store, claim, due_us=None, due_tokens=due_tokens, asked=asked)

    def _try(
        self, claim: Claim, step: Step, prepared: Prepared, engine: Summariser
    ) -> EngineFailed | Refused | None:
        """One try, stored if it stands; what was wrong with it otherwise."""
        try:
            done = attempt(self.store, step, prepared, engine)
        except (EngineFailed, Refused) as failure:
            log.warning("Compression of %s by %s failed: %s", step.session.id, engine.name, failure)
            return failure
        keeping.commit(self.store, claim, step, done)
        return None

    def _again(self, claim: Claim, step: Step, failure: EngineFailed | Refused) -> bool:
        """Books a failed try of a model. Where another may help the session is given back until
        its time."""
        row = compressions.failed(self.store, claim, step, self.engine.name, failure)
        if row.attempts >= ATTEMPTS or not (
            isinstance(failure, EngineFailed) and failure.retryable
        ):
            return False
        pause = failure.after or _pause(row.attempts)
        due_us = clock.now_us() + int(min(pause, LONGEST_PAUSE) * 1_000_000)
        due_tokens = policies.next_due(self.store, step.session, 0)
        folding.release(self.store, claim, due_us=due_us, due_tokens=due_tokens)
        return True


def plan_step(
    store: DurableStore,
    session: Snapshot,
    *,
    claim: Claim | None = None,
    row: Compression | None = None,
    policy: str | None = None,
    tried: Stored | None = None,
    trigger: str = "",
    instructions: str = "",
    keep: Sequence[int] = (),
) -> Step | None:
    """The compression that a session needs, or that is asked for; None when there is nothing. Of
    one that is only `tried` these are the rules, which nothing has stored. The messages `keep` stay
    as if they were pinned."""
    now = clock.now_us()
    asked = row.trigger if row is not None else trigger or (claim.trigger if claim else "")
    chosen = policies.named_at(store, session.project, policy) if policy else None
    stored = tried or chosen or _policy(store, session, row)
    if not asked and (not stored.rules.folds or session.active_tokens < stored.rules.due_tokens):
        return None
    pause = claim.seq if claim and asked == "resume" else 0
    gathered = gathering.gather(store, session, stored.rules, trigger=asked, pause=pause)
    gathered = gathered._replace(state=gathered.state.with_pins(keep))
    found = plan.folding(gathered.ground, gathered.state.folded)
    if found is None:
        return None
    return Step(
        gathered,
        found,
        stored,
        plan.trigger_name(stored.rules, session.active_tokens, asked),
        queued_us=row.queued_us if row is not None else (claim.due_us if claim else 0) or now,
        started_us=now,
        instructions=row.instructions if row is not None else instructions,
        row=row,
    )


def _policy(store: DurableStore, session: Snapshot, row: Compression | None) -> Stored:
    if row is not None:
        return policies.stored(store, session.project, row.policy_name, row.policy_version)
    return policies.stored(store, session.project, session.policy_name, session.policy_version)


def prepare(step: Step, judge: Classifier = retention.judge) -> Prepared:
    """Judges what leaves view and chooses what stays word for word."""
    gathered, state = step.gathered, step.gathered.state
    fresh = list(gathering.unit_passages(gathered, step.folding.units))
    older = list(gathering.unit_passages(gathered, gathered.retained))
    store = gathered.reader.store
    kept = gathering.kept_scores(store, step.session.number, state.fold_version)
    verdicts = retaining.judged(fresh, older, kept, judge)
    retained = retaining.choose(
        retaining.Choice(
            units=(*gathered.retained, *step.folding.units),
            verdicts=verdicts,
            pinned=frozenset(state.pinned),
            openers=_openers(step),
            room=_retained_room(step),
            all_kinds=step.rules.strategy == "selective",
        )
    )
    told = sorted(
        {seq for point in gathered.points for seq in point.seqs}
        - {passage.seq for passage in (*fresh, *older)}
    )
    before = gathering.read_more(gathered, gathering.summarised(store, step.session, state, told))
    summarised = gathered.passages(before)
    verdicts |= retaining.judged(summarised, (), {}, judge)
    passages = [*summarised, *older, *fresh]
    leaving = [item for item in (*older, *fresh) if item.seq not in retained]
    return Prepared(passages, verdicts, retained, frozenset(before), _work(step, leaving, verdicts))


def _retained_room(step: Step) -> int:
    """The tokens of what stays word for word: the policy's share, and of a short session no more
    than half of what there is, or nothing would be folded."""
    pool = sum([unit.tokens for unit in (*step.gathered.retained, *step.folding.units)])
    most = SELECTED_AT_MOST if step.rules.strategy == "selective" else RETAINED_AT_MOST
    return min(int(step.rules.retained * step.rules.capacity), int(pool * most))


def _summary_size(step: Step) -> int:
    """The tokens of the summary: the policy's, or a quarter of what it tells where that is less."""
    told = sum([unit.tokens for unit in step.folding.units])
    told += step.gathered.state.summary_tokens * SUMMARY_OF
    return min(step.rules.summary_tokens, max(LEAST_SUMMARY, told // SUMMARY_OF))


def _openers(step: Step) -> frozenset[int]:
    """User messages whose turn is still in view, of this fold and of earlier ones."""
    shown = {
        item.turn_start
        for unit in step.gathered.ground.units[len(step.folding.units) :]
        for item in unit.items
    }
    return frozenset(step.folding.openers | shown)


def _work(step: Step, leaving: list[Passage], verdicts: Mapping[int, Verdict]) -> Work:
    """What an engine is given: all that leaves view and may not simply go."""
    told = [
        item
        for item in leaving
        if verdicts[item.seq].klass != "discard" and (item.text.strip() or item.calls)
    ]
    # A summary of sentences that many messages say alike names thousands of them.
    retracted = step.gathered.state.retracted
    said = {seq for point in step.gathered.points for seq in point.seqs} if retracted else ()
    gone = frozenset(seq for seq in said if in_ranges(seq, retracted))
    size = _summary_size(step)
    return Work(
        previous=step.gathered.points,
        passages=tuple(told),
        scores={item.seq: verdicts[item.seq].score for item in told},
        size=size,
        style=plan.style(step.rules, step.session.active_tokens),
        instructions=step.instructions,
        gone=gone,
        must=surviving.texts(told, verdicts, room=int(size * MUST), count=keeping.count),
    )


def attempt(store: DurableStore, step: Step, prepared: Prepared, engine: Summariser) -> Done:
    """One try of one engine. Raises EngineFailed, and Refused for a summary that must not stand."""
    work = prepared.work
    points = _points(step, prepared, engine)
    case = Case(
        passages=prepared.passages,
        verdicts=prepared.verdicts,
        retained=prepared.retained,
        range=range(step.folding.first, step.folding.last + 1),
        before=prepared.before,
    )
    outcome = settling.settle(case, points)
    if outcome.carried < step.rules.floor:
        share = round(outcome.carried * 100)
        raise Refused(f"dishonest: {share} % of what it folds is carried")
    state = _folded(step, prepared, outcome, work.style)
    end = (step.session.messages, step.session.tokens)
    after = store.active_tokens(step.session.number, state, end)
    if after >= step.session.active_tokens:
        raise Refused("too long: the session would not shrink")
    return Done(outcome, state, engine.name, work.style, after)


def _points(step: Step, prepared: Prepared, engine: Summariser) -> list[Point]:
    """The points of the new summary. Raises EngineFailed and Refused."""
    work, lead = prepared.work, _lead(step, prepared)
    if step.rules.strategy == "selective" or not (work.passages or work.previous):
        return lead
    room = work.size - keeping.count(summarise.render(lead, work.style)) if lead else work.size
    points = _asked(engine, replace(work, size=room))
    if work.passages and not points:
        raise Refused("empty")
    points = lead + points
    text = summarise.render(points, work.style)
    reason = summarise.check(text, size=work.size, count=keeping.count) if points else None
    # Sentences of the messages themselves are as poor as these are; only a model can be stuck.
    if reason in summarise.POOR and isinstance(engine, engines.Embedded):
        reason = None
    if reason is not None:
        raise Refused(reason)
    return points


def _asked(engine: Summariser, work: Work) -> list[Point]:
    """What an engine answers. Raises EngineFailed, whatever a host's own one raises: a worker that
    ends with it would compress nothing any more."""
    try:
        return engine.summarise(work)
    except EngineFailed:
        raise
    except Exception as error:
        log.exception("The engine %s crashed.", engine.name)
        raise EngineFailed(CRASHED, type(error).__name__) from error


def _lead(step: Step, prepared: Prepared) -> list[Point]:
    """What a resumed session opens with."""
    if step.trigger != "resume":
        return []
    size = int(prepared.work.size * resuming.SHARE)
    return resuming.note(
        [item for item in prepared.passages if item.seq not in prepared.before],
        prepared.verdicts,
        size=size,
        count=keeping.count,
    )


def _folded(step: Step, prepared: Prepared, outcome: Outcome, style: str) -> State:
    """The state of the session with this fold in it."""
    kept = merge_ranges((seq, seq) for seq in prepared.retained)
    name = "resume" if step.trigger == "resume" else "summary"
    span = (1, step.folding.last)
    return replace(
        step.gathered.state,
        folded=step.folding.last,
        retained=kept,
        summary_tokens=keeping.summary_tokens(name, outcome.points, span),
    )


def _pause(attempts: int) -> float:
    """Seconds until the next try, never alike for two sessions."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * float(2**attempts))
    return longest * random.uniform(0.5, 1)  # noqa: S311 - no secret
