"""A fork has the memory of its version, and a purge leaves nothing of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from memory_app import account, contextsummary, fates, recalling, tracing
from memory_app.models import Compression, Fact, FateRun, Summary
from sessions_app.core import errors
from sessions_app.store import reading
from sessions_app.store.base import Snapshot
from sessions_app.verifying import verify
from tests.compression.conftest import Desk
from tests.memory.histories import calls, result

MORE = "It is a long way there, and the road goes up and down along the river and the sea."
MEMORY = (Fact, FateRun, Summary, Compression)


@pytest.fixture
def session(desk: Desk) -> UUID:
    """A session of three compressions with a pin and a retraction in between."""
    name = desk.policy("small", window=1_200, reserve=0, turns=2, summary=100, retained=0.1)
    made = desk.session(system="Be kind.", policy=name)
    for round_ in range(3):
        desk.say(made, said(round_))
        desk.pin(made, round_ * 20 + 3)
        desk.retract(made, round_ * 20 + 5, round_ * 20 + 6)
        assert desk.ask(made)
    desk.say(made, said(3))
    return made


def said(round_: int) -> list[dict[str, Any]]:
    return [
        message
        for n in range(round_ * 10, round_ * 10 + 10)
        for message in (
            {
                "role": "user",
                "content": f"Box {n}17 must not leave Porto before May {n % 28 + 1}. " + MORE,
            },
            {"role": "assistant", "content": f"I will hold box {n}17 and tell depot {n}4. " + MORE},
        )
    ]


def memory(desk: Desk, session: Snapshot, at: int) -> list[Any]:
    """What is remembered at a version, without whose it is."""
    of = session.number
    facts = Fact.everything.of_session(of, at).order_by("number")
    return [
        fates.at(desk.store, session, at),
        list(FateRun.objects.at(of, at).values_list("first", "last", "fate", "tokens", "rule")),
        list(
            Summary.objects.filter(session_id=of, version__lte=at)
            .order_by("version")
            .values_list("version", "first", "last", "style", "points", "tokens", "totals")
        ),
        list(facts.values_list("text", "category", "seq", "sources", "score", "since")),
        list(
            Compression.everything.filter(session_id=of, version__lte=at)
            .order_by("version")
            .values_list("version", "first", "last", "decisions", "tokens_after", "outcome")
        ),
    ]


def without_ids(found: dict[str, Any]) -> dict[str, Any]:
    """Fates as they are shown, without the ids of compressions, which are another's in a fork."""
    runs = [{**run, "compression": bool(run["compression"])} for run in found["runs"]]
    return {**found, "runs": runs}


def test_i14_a_fork_in_the_middle_remembers_what_its_parent_did(desk: Desk, session: UUID) -> None:
    parent = desk.now(session)
    versions = [row.version or 0 for row in desk.rows(session)]
    assert all(memory(desk, parent, versions[0]))
    for at in (versions[0] - 1, versions[0], versions[1], versions[1] + 7, parent.version):
        fork = desk.store.fork(desk.project, session, at).session
        assert memory(desk, fork, at) == memory(desk, parent, at)
        assert without_ids(fates.fates_out(desk.store, fork, at)) == without_ids(
            fates.fates_out(desk.store, parent, at)
        )
        for ask in ({}, {"tokens": 400}, {"query": "Which box must not leave?", "tokens": 700}):
            theirs = desk.context(session, at=at, **ask)
            ours = desk.context(fork.id, at=at, **ask)
            assert (ours.digest, ours.tokens) == (theirs.digest, theirs.tokens)
            assert desk.context(fork.id, **ask).digest == ours.digest
        active = desk.store.active_tokens(
            parent.number,
            desk.store.state(parent, at),
            (fork.messages, desk.store.totals(parent.number, fork.messages)[0]),
        )
        assert fork.active_tokens == active
    assert list(verify(desk.store)) == []


def test_parent_and_fork_go_on_without_each_other(desk: Desk, session: UUID) -> None:
    at = desk.rows(session)[1].version or 0
    fork = desk.store.fork(desk.project, session, at).session
    before = [memory(desk, desk.now(session), at), memory(desk, fork, at)]
    desk.say(fork.id, said(8))
    assert desk.ask(fork.id)
    assert desk.ask(session)
    assert [memory(desk, desk.now(session), at), memory(desk, desk.now(fork.id), at)] == before
    assert list(verify(desk.store)) == []


def test_a_phrase_is_traced_in_a_fork_as_in_its_parent(desk: Desk, session: UUID) -> None:
    fork = desk.store.fork(desk.project, session, desk.now(session).version).session
    for text in ("Box 317", "depot 04", "Porto"):
        theirs = tracing.trace(desk.store, desk.now(session), text)
        ours = tracing.trace(desk.store, fork, text)
        assert [one["seq"] for one in ours["said"]] == [one["seq"] for one in theirs["said"]]
        assert ours["carried"] == theirs["carried"]
        assert theirs["said"]
        assert theirs["carried"]


@pytest.mark.parametrize("held", [False, True])
def test_a_purge_takes_the_memory_along(desk: Desk, session: UUID, held: bool) -> None:
    at = desk.rows(session)[1].version or 0
    fork = desk.store.fork(desk.project, session, at).session
    desk.context(session)
    claim = desk.claim(session) if held else None
    counts = desk.store.purge(desk.project, session).counts
    assert all(counts[name] for name in ("facts", "fate_runs", "summaries", "compressions"))
    number = fork.number
    for model in MEMORY:
        assert set(model._base_manager.values_list("session_id", flat=True)) == {number}
    if claim is not None:
        desk.pipeline().run(claim)
    desk.store.purge(desk.project, fork.id)
    assert not any(model._base_manager.exists() for model in MEMORY)
    with pytest.raises(errors.NotFound):
        desk.now(session)


def test_a_purge_leaves_nothing_in_this_process(committed: Desk) -> None:
    """Committed rows are remembered; the words of a purged session must not live on."""
    desk = committed
    name = desk.policy("small", window=1_200, reserve=0, turns=2)
    looked = [*calls("openai", ["c1"]), result("openai", "c1", '{"box": "QX7559", "depot": 4}')]
    made = desk.session(said(0) + looked + said(1), policy=name)
    assert desk.ask(made)
    desk.context(made)
    held = (
        contextsummary._held_summaries,
        contextsummary._held_units,
        account._held,
        reading._held,
    )
    assert all(one.octets for one in held)
    assert recalling._analysed.cache_info().currsize
    desk.store.purge(desk.project, made)
    assert not any(one.octets for one in held)
    assert not recalling._analysed.cache_info().currsize
