"""A session whose every string wants to be markup."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from django.core import signing

from holdfast.projects import ensure_project
from memory_app import policies, records
from memory_app.context import Ask
from memory_app.models import (
    Compression,
    ContextRecord,
    Episode,
    Fact,
    FactRevision,
    FateRun,
    Summary,
)
from sessions_app import auth, ids, reviews
from sessions_app.core.replay import State
from sessions_app.models import ApiKey, EndUser, Project
from sessions_app.reviews import Opinion
from sessions_app.store import folding, get_store, leasing
from sessions_app.store.base import NEVER, UNGUARDED, Edit, Snapshot
from sessions_app.store.durable import DurableStore
from sessions_app.store.folding import Fold
from tests.pages.samples import Payload, session

SHORT = '"><img src=x onerror=alert(1)>{{7*7}}'
CANARY = f"{SHORT}</script><script>alert(2)</script>javascript:alert(3)' hx-get=/x {{% now %}}"


def poisoned(project: Project) -> Snapshot:
    """The session, with everything that a page can show of it."""
    store = get_store()
    call = {
        "id": CANARY,
        "type": "function",
        "function": {"name": CANARY, "arguments": json.dumps({CANARY: CANARY})},
    }
    tool = {"type": "function", "function": {"name": CANARY, "description": CANARY}}
    link = {"type": "image_url", "image_url": {"url": "javascript:alert(4)"}}
    thought = {"type": "thinking", "thinking": CANARY, "signature": CANARY}
    said: list[Payload] = [
        {"role": "user", "content": CANARY, "author": CANARY, "name": CANARY},
        {"role": "assistant", "content": None, "tool_calls": [call], "model": CANARY},
        {"role": "tool", "tool_call_id": CANARY, "content": CANARY},
        {"role": "assistant", "content": CANARY, "error": CANARY},
        {"role": "user", "content": [{"type": "text", "text": CANARY}, link]},
        {"role": "assistant", "content": [thought, {"type": "text", "text": CANARY}]},
        {"role": "tool", "tool_call_id": "lost", "content": CANARY},
        {"role": "user", "content": CANARY},
    ]
    policies.put(store, project.pk, SHORT, {"turns": 3, "categories": {SHORT: [SHORT]}})
    ensure_project(SHORT)
    auth.create_key(project, ["read"], CANARY)
    made = session(
        project,
        said,
        title=CANARY,
        key=CANARY,
        user=CANARY,
        tags=(CANARY,),
        system=CANARY,
        tools=[tool],
        policy=SHORT,
        metadata={CANARY: CANARY},
    )
    store.retract(project.pk, made.id, (4, 4), CANARY)
    store.pin(project.pk, made.id, 1, reason=CANARY)
    store.edit(project.pk, made.id, Edit(title=f"{CANARY}!"))
    made = store.get(project.pk, made.id)
    for seq in (2, 3, 5):
        opinion = Opinion("bad", CANARY, needs_review=True)
        reviews.put(store, made, seq, opinion, CANARY)
    store.fork(project.pk, made.id, 3, f"{SHORT}fork")
    session(project, [{"role": "user", "content": CANARY}])
    _folded(store, made)
    leasing.acquire(store, project.pk, made.id, CANARY, 1)
    leasing.release(store, project.pk, made.id, 1)
    leasing.acquire(store, project.pk, made.id, CANARY, 3600)
    made = store.get(project.pk, made.id)
    _recorded(store, made)
    return made


BUILT, OBSERVED = UUID(int=74), UUID(int=75)
"""Kept contexts of the session: one that was built here, one that was sent by other code."""


def _recorded(store: DurableStore, made: Snapshot) -> None:
    asked = Ask(query=CANARY)
    built = records.build(store, made.project, made.id, asked, UNGUARDED)
    ContextRecord.objects.filter(id=built.id).update(id=BUILT)
    account = {
        "sent": 2,
        "compared": [1, 4],
        "there": [[0, 1, 1]],
        "ours": [],
        "altered": [{"index": 0, "seq": 1, "said": CANARY, "sent": CANARY}],
        "absent": [[2, 4]],
        "foreign": [{"index": 1, "text": CANARY}],
        "counts": {"there": 1, "altered": 1, "absent": 3, "foreign": 1},
    }
    ContextRecord.objects.create(
        id=OBSERVED,
        session_id=made.number,
        kind=ContextRecord.OBSERVED,
        version=made.version,
        form="openai",
        policy_name=made.policy_name,
        policy_version=made.policy_version,
        query=CANARY,
        model=CANARY,
        room=0,
        tokens=9,
        account=json.dumps(account),
        digest=b"x" * 32,
        created_us=made.created_us,
    )


FACT, WAITS = UUID(int=76), UUID(int=77)
WAITING = "quarantined"
FOLDED, FAILED, FOREIGN = (UUID(int=number) for number in (71, 72, 73))
"""Compressions of the session: one that is applied, one that failed, another tool's."""


def _folded(store: DurableStore, made: Snapshot) -> None:
    """Folds the first four messages, as an engine would that writes nothing but markup."""
    claim = folding.claim_one(store, made.project, made.id)
    assert claim
    now = store.get(made.project, made.id)
    event = {
        "compression": str(FOLDED),
        "trigger": CANARY,
        "engine": CANARY,
        "from": 1,
        "to": 4,
        "retained": [[2, 3]],
        "summary_tokens": 40,
        "facts": 2,
        "tokens_before": 900,
        "tokens_after": 90,
    }
    state = State(folded=4, retained=((2, 3),), summary_tokens=40)
    policy = (now.policy_name, now.policy_version)
    work = Fold(claim, 0, now.overlay_version, policy, event, state, NEVER)
    folding.fold(store, work, _kept)
    item = {"engine": CANARY, "reason": CANARY, "at": "2026-11-28T05:00:00Z"}
    _row(now, FAILED, outcome="failed", error=CANARY, tried=json.dumps([item]))
    _row(now, FOREIGN, outcome="applied")


def _kept(session: Snapshot, version: int) -> None:
    """What belongs to the fold."""
    points = json.dumps([[CANARY, [1, 4], 0.5], [SHORT, [1], 0.5]])
    fates = ("retained", "summarised", "extracted", "discarded")
    totals = json.dumps({name: [1, 9] for name in fates})
    _row(session, FOLDED, outcome="applied", version=version, ordinal=1)
    Summary.objects.create(
        session_id=session.number,
        version=version,
        first=1,
        last=4,
        style="narrative",
        points=points,
        tokens=40,
        ordinal=1,
        totals=totals,
    )
    for first, last, fate, rule in ((1, 1, 4, ""), (2, 3, 1, SHORT[:32]), (4, 4, 3, "")):
        FateRun.objects.create(
            session_id=session.number,
            first=first,
            last=last,
            fate=fate,
            tokens=40,
            ordinal=1,
            decided=version,
            rule=rule,
            since=version,
        )
    for seq, key, status in ((1, FACT, "active"), (4, ids.new_id(), "active"), (4, WAITS, WAITING)):
        Fact.everything.create(
            id=key,
            end_user=EndUser.objects.of(session.project).filter(key=CANARY).first(),
            project_id=session.project,
            session_id=session.number,
            text=CANARY,
            words=f" {CANARY} onerror ",
            category="preference" if key == FACT else CANARY[:64],
            key=SHORT if key in (FACT, WAITS) else "",
            subject=CANARY,
            relation=CANARY,
            object=SHORT,
            status=status,
            learnt_by=CANARY,
            sources=json.dumps([{"session": str(session.id), "seq": seq, "quote": CANARY}]),
            metadata=json.dumps({CANARY: CANARY, "contradicts": str(FACT)}),
            trust=SHORT[:8],
            seq=seq,
            tokens=9,
            since=version,
            created_us=session.created_us,
            revision=2,
        )
    _revised(session, version)
    Episode.everything.create(
        id=ids.new_id(),
        end_user=EndUser.objects.of(session.project).filter(key=CANARY).first(),
        project_id=session.project,
        begun_us=session.created_us,
        ended_us=session.created_us,
        outcome=SHORT,
        text=CANARY,
        created_us=session.created_us,
    )


def _revised(session: Snapshot, version: int) -> None:
    """An edit of each fact by somebody whose name is markup."""
    changes = {
        "text": [SHORT, CANARY],
        "category": [SHORT, CANARY[:64]],
        "trust": [SHORT[:8], SHORT[:7]],
        "metadata": ["{}", json.dumps({CANARY: CANARY})],
    }
    for fact in Fact.everything.filter(session_id=session.number):
        FactRevision.objects.create(
            fact=fact,
            session_id=session.number,
            version=version,
            revision=2,
            editor=CANARY,
            reason=CANARY,
            changes=json.dumps(changes),
            created_us=session.created_us,
        )


def _row(session: Snapshot, key: UUID, **more: Any) -> None:
    fates = ("discarded", "retained", "retained", "extracted")
    decisions = [
        [seq, fate, CANARY, CANARY, 0.5, CANARY] for seq, fate in enumerate(fates, start=1)
    ]
    lost = [{"kind": CANARY, "text": CANARY, "subject": CANARY, "seq": 4}]
    audit = {"score": 0.5, "lost_items": 1, "kept": {CANARY: {"kept": 1, "all": 2}}, "lost": lost}
    Compression.everything.create(
        id=key,
        project_id=session.project,
        session_id=session.number,
        trigger=CANARY[:32],
        engine=CANARY[:128],
        policy_name=SHORT,
        policy_version=1,
        first=1,
        last=4,
        instructions=CANARY,
        tokens_before=900,
        tokens_after=90,
        decisions=json.dumps(decisions if more.get("ordinal") else []),
        audit=json.dumps(audit),
        queued_us=session.created_us,
        started_us=session.created_us,
        finished_us=session.created_us,
        **more,
    )


def _receipt(project: int) -> str:
    told = {"user": CANARY, "at": "2026-11-28T05:00:00Z", "kept_because": CANARY}
    counts = {"counts": {"facts": 2}, "kept": {"sessions": 1}}
    return signing.dumps({**told, **counts}, salt=f"holdfast.erased.{project}", compress=True)


def addresses(made: Snapshot) -> list[str]:
    """Every page that shows something of the session."""
    one = f"/sessions/{made.id}"
    return [
        "/sessions/",
        "/sessions/?q=onerror&sort=tokens",
        f"{one}/",
        f"{one}/m/3/",
        f"{one}/m/7/?whole=true",
        f"{one}/m/3/?review=true",
        f"{one}/?view=json",
        f"{one}/?q={quote(SHORT)}",
        f"{one}/m/4/?q={quote(CANARY)}",
        f"{one}/context/",
        f"{one}/context/?format=anthropic",
        f"{one}/context/3/?tokens=1",
        f"{one}/context/?prefix=true&query={quote(CANARY)}",
        f"{one}/forgot/",
        f"{one}/forgot/?text={quote(CANARY)}",
        f"{one}/context/9/test/",
        f"{one}/context/9/test/?kind=lacks&text={quote(CANARY)}&query={quote(CANARY)}",
        f"/contexts/{BUILT}/test/?text={quote(CANARY)}",
        f"/contexts/{OBSERVED}/test/",
        f"/contexts/{BUILT}/",
        f"/contexts/{OBSERVED}/",
        "/users/",
        f"/users/?q={quote(SHORT)}",
        f"/users/{quote(CANARY, safe='')}/",
        f"/users/{quote(CANARY, safe='')}/?state=all&q=onerror&category={quote(CANARY[:64])}",
        f"/users/{quote(CANARY, safe='')}/?of={quote(CANARY)}&prompt=true&query={quote(CANARY)}",
        f"/user/?key={quote(CANARY)}&state=quarantined",
        f"/erase/?user={quote(CANARY)}",
        f"/erase/receipt/?receipt={quote(_receipt(made.project))}",
        "/inbox/",
        f"/facts/{FACT}/",
        f"/facts/{FACT}/?edit=true",
        f"/facts/{FACT}/?merge={quote(CANARY)}",
        f"/facts/{FACT}/?into={FACT}",
        f"/facts/{FACT}/?review=true",
        f"{one}/m/999/",
        f"{one}/compressions/",
        "/compressions/",
        "/compressions/?whose=others&lost=true",
        f"/compressions/{FOLDED}/",
        f"/compressions/{FOLDED}/?fate=retained",
        f"/compressions/{FAILED}/",
        f"/compressions/{FOREIGN}/",
        f"/sessions/?project={quote(SHORT)}",
        f"/sessions/?project={quote(CANARY[:60])}",
        "/settings/",
        "/settings/retention/",
        "/settings/members/",
        "/settings/projects/",
        f"/settings/projects/?made={quote(SHORT)}&project={quote(SHORT)}",
        "/settings/keys/",
        f"/settings/keys/{ApiKey.objects.latest('pk').prefix}/",
        "/settings/policies/",
        _policy(),
        _policy(session=str(made.id), turns="2"),
        _policy(session=CANARY[:200], window=CANARY, strategy=CANARY, categories=CANARY),
    ]


def _policy(**asks: str) -> str:
    return f"/settings/policies/{quote(SHORT, safe='')}/?{urlencode(asks)}"
