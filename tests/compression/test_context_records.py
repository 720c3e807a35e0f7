"""I14: what a kept context held is built again, whatever becomes of its session; its facts are
named as put into it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_app import records, tracing
from memory_app.context import Ask, Context
from memory_app.models import ContextRecord, Injection
from sessions_app.store.base import UNGUARDED
from tests.compression.conftest import Desk
from tests.compression.test_contexts import folded
from tests.examples import examples
from tests.memory.histories import agent_run, assistant, histories, user

PLAIN = Ask()
ASKS = st.builds(
    Ask,
    tokens=st.sampled_from([None, 900, 3_000, 10**9]),
    query=st.sampled_from([None, "What did the parcel cost?"]),
    form=st.sampled_from(["openai", "anthropic", "responses"]),
    policy=st.sampled_from([None, "default", "token_trim"]),
)


def kept(desk: Desk, session: UUID, ask: Ask = PLAIN) -> Context:
    return records.build(desk.store, desk.project, session, ask, UNGUARDED)


def shown(desk: Desk, record: UUID) -> dict[str, Any]:
    return records.shown(desk.store, desk.project, record)


def test_a_context_with_facts_names_them_and_counts_each_as_put_into_it(desk: Desk) -> None:
    session = folded(desk, parcels=60)
    built = kept(desk, session)
    facts = [fact for part in built.parts for fact in part.facts]
    assert facts
    found = shown(desk, built.id)
    assert (found["proved"], found["parts"]) == (True, [part.as_json() for part in built.parts])
    rows = Injection.objects.select_related("fact", "context")
    assert [str(row.fact.id) for row in rows.order_by("place")] == facts
    assert {(row.context.version, row.context.id) for row in rows} == {(built.version, built.id)}
    number = rows[0].fact_id
    assert [row.context.id for row in Injection.objects.of_fact(number)] == [built.id]


def test_a_purge_takes_the_facts_that_were_put_in_along(desk: Desk) -> None:
    session = folded(desk, parcels=60)
    kept(desk, session)
    counts = desk.store.purge(desk.project, session).counts
    assert counts["contexts"] == 1
    assert counts["injections"] > 0
    assert not ContextRecord.objects.exists()
    assert not Injection.objects.exists()


def test_a_fork_has_its_own_contexts_only(desk: Desk) -> None:
    session = folded(desk, parcels=60)
    kept(desk, session)
    before = Injection.objects.count()
    desk.store.fork(desk.project, session, desk.now(session).version)
    assert (ContextRecord.objects.count(), Injection.objects.count()) == (1, before)


def test_what_no_longer_gives_the_same_is_not_proved_and_named(desk: Desk) -> None:
    session = folded(desk, parcels=60)
    built = kept(desk, session)
    row = ContextRecord.objects.get()
    account = row.account.replace('"facts"', '"recalled"')
    ContextRecord.objects.update(digest=bytes(32), account=account)
    found = shown(desk, built.id)
    assert not found["proved"]
    assert found["rebuilt_digest"] == built.digest != found["digest"]
    assert set(found["differs"]) == {"facts", "recalled"}


def test_a_context_whose_words_alone_differ_names_no_part(desk: Desk) -> None:
    session = folded(desk)
    built = kept(desk, session)
    ContextRecord.objects.update(digest=bytes(32))
    found = shown(desk, built.id)
    assert (found["proved"], found["differs"]) == (False, [])


@settings(
    max_examples=examples(20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=histories(), later=histories(), ask=ASKS, data=st.data())
def test_no_later_compression_retraction_pin_or_policy_changes_a_kept_context(
    desk: Desk, first: list[Any], later: list[Any], ask: Ask, data: st.DataObject
) -> None:
    session = desk.session([user("Begin."), *first, assistant("Yes."), *agent_run(2)])
    if data.draw(st.booleans()):
        desk.ask(session)
    built = kept(desk, session, ask)
    for _ in range(data.draw(st.integers(1, 3))):
        desk.say(session, later)
        last = desk.now(session).messages
        change = data.draw(st.sampled_from(["fold", "retract", "pin", "policy", "prompt"]))
        if change == "fold":
            desk.ask(session)
        elif change == "retract":
            desk.retract(session, data.draw(st.integers(1, last)))
        elif change == "pin":
            desk.pin(session, data.draw(st.integers(1, last)))
        elif change == "policy":
            desk.policy("default", turns=data.draw(st.integers(1, 5)))
        else:
            desk.prompt(session, "Be brief.")
    found = shown(desk, built.id)
    assert found["proved"], found["differs"]
    assert found["messages"] == built.messages


@pytest.mark.parametrize("query", [None, "x" * 512])
def test_a_record_is_small(desk: Desk, query: str | None) -> None:
    session = folded(desk, parcels=60)
    kept(desk, session, Ask(query=query))
    row = ContextRecord.objects.get()
    assert len(row.account) + len(row.query) < 400 + len(query or "")


def test_a_trace_names_the_kept_contexts_that_held_the_phrase(desk: Desk) -> None:
    session = folded(desk, parcels=60)
    built = kept(desk, session)
    desk.say(session, [user("The zeppelin lands at noon.")])
    later = kept(desk, session)
    desk.context(session)
    found = tracing.trace(desk.store, desk.now(session), "zeppelin")["contexts"]
    assert [(one["id"], one["parts"]) for one in found] == [(str(later.id), ["new"])]
    row = Injection.objects.select_related("fact").order_by("context", "place")[0]
    stated = tracing.trace(desk.store, desk.now(session), row.fact.text)["contexts"]
    assert [one["id"] for one in stated] == [str(later.id), str(built.id)]
    assert all("facts" in one["parts"] for one in stated)
    assert not tracing.trace(desk.store, desk.now(session), "never said")["contexts"]
