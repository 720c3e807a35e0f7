"""I14: contexts of older versions do not know of edits that came later, nor do forks from there."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_app import facts, factuses
from memory_app.facts import By, Stated
from memory_app.models import Fact, FactRevision
from sessions_app import importers
from sessions_app.verifying import verify
from tests.compression.conftest import Desk
from tests.compression.engines import Engine, while_working
from tests.compression.test_forking import said
from tests.compression.test_travelling import export
from tests.examples import examples

BY = By("tester")


@pytest.fixture
def session(desk: Desk) -> UUID:
    """A session with facts in its contexts."""
    name = desk.policy("small", window=1_200, reserve=0, turns=2, summary=100, retained=0.1)
    made = desk.session(system="Be kind.", policy=name)
    desk.say(made, said(0))
    assert desk.ask(made)
    return made


def shown(desk: Desk, session: UUID, at: int | None = None) -> str:
    ask = {} if at is None else {"at": at}
    return str(desk.context(session, **ask).messages)


def edit(desk: Desk, fact: UUID, decide: facts.Decide) -> None:
    facts.change(desk.store, desk.project, fact, decide, BY)


def keep(desk: Desk, session: UUID, text: str, key: str = "") -> UUID:
    stated = Stated(text, session=session, key=key)
    return UUID(str(facts.keep(desk.store, desk.project, [stated], BY).facts[0].id))


def test_i14_an_edit_shows_from_its_version_on(desk: Desk, session: UUID) -> None:
    before = desk.now(session).version
    digests = {at: desk.context(session, at=at).digest for at in range(1, before + 1)}
    made = keep(desk, session, "Zanzibar is the port.", "port")
    stored = desk.now(session).version
    assert stored == before + 1
    assert "Zanzibar" in shown(desk, session)
    asked = {"query": "zanzibar port", "at": stored}
    with_query = desk.context(session, **asked).digest
    digests[stored] = desk.context(session, at=stored).digest
    edit(desk, made, facts.editing({"text": "Mombasa is the harbour."}))
    assert "Mombasa" in shown(desk, session)
    assert "Zanzibar" not in shown(desk, session)
    digests[stored + 1] = desk.context(session, at=stored + 1).digest
    edit(desk, made, facts.retiring)
    assert "Mombasa" not in shown(desk, session)
    edit(desk, made, facts.reverting(2))
    assert "Mombasa" in shown(desk, session)
    assert "Mombasa" not in shown(desk, session, stored + 2)
    keep(desk, session, "Dar is the port.", "port")
    assert "Mombasa" not in shown(desk, session)
    for at, digest in digests.items():
        assert desk.context(session, at=at).digest == digest, at
    assert desk.context(session, **asked).digest == with_query


def test_a_fact_stored_while_a_summary_is_written_is_counted(desk: Desk, session: UUID) -> None:
    desk.say(session, said(1))
    before = desk.now(session).facts
    assert desk.ask(session, Engine(while_working(lambda: keep(desk, session, "Port Zanzibar."))))
    made = Fact.everything.filter(session__id=session).count()
    assert desk.now(session).facts == made > before
    assert desk.store.state(desk.now(session)).facts == made
    assert not list(verify(desk.store))


def test_i14_a_fork_has_the_facts_of_its_version(desk: Desk, session: UUID) -> None:
    made = keep(desk, session, "Zanzibar is the port.")
    at = desk.now(session).version
    edit(desk, made, facts.editing({"text": "Mombasa is the port."}))
    between = desk.now(session).version
    edit(desk, made, facts.retiring)
    for version, text in ((at, "Zanzibar"), (between, "Mombasa"), (between + 1, None)):
        fork = desk.store.fork(desk.project, session, version).session
        active = Fact.everything.of_session(fork.number, fork.version).active()
        texts = [fact.text for fact in active.filter(text__contains="port.")]
        assert texts == ([] if text is None else [f"{text} is the port."])
        assert desk.context(fork.id, at=version).digest == (
            desk.context(session, at=version).digest
        )
        (copy,) = Fact.everything.filter(session_id=fork.number, text__contains="port.")
        assert copy.revision == version - at + 1
        assert FactRevision.objects.filter(fact=copy).count() == copy.revision - 1


def test_edited_facts_travel_and_verify(desk: Desk, session: UUID, tmp_path: Path) -> None:
    made = keep(desk, session, "Zanzibar is the port.", "port")
    at = desk.now(session).version
    edit(desk, made, facts.editing({"text": "Mombasa is the port."}))
    keep(desk, session, "Dar is the port.", "port")
    before, path = told(desk, session, at), export(desk, tmp_path)
    first = path.read_bytes()
    assert not list(verify(desk.store))
    assert desk.store.purge(desk.project, session).counts["fact_revisions"] == 2
    assert not FactRevision.objects.exists()
    assert importers.run(desk.store, desk.project, "holdfast", [path]).errors == []
    assert told(desk, session, at) == before
    assert export(desk, tmp_path).read_bytes() == first
    assert not list(verify(desk.store))


def told(desk: Desk, session: UUID, at: int) -> list[object]:
    rows = Fact.everything.filter(session__id=session).order_by("number").told()
    shown = [
        {**facts.fact_out(row), "history": facts.history(desk.store, row, after=0, limit=50)}
        for row in factuses.counted(desk.store, desk.project, rows)
    ]
    return [shown, desk.context(session).digest, desk.context(session, at=at).digest]


EDITS = st.lists(
    st.one_of(
        st.tuples(
            st.just("text"),
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=9),
        ),
        st.tuples(st.just("verb"), st.sampled_from(["retire", "pin", "unpin"])),
        st.tuples(st.just("revert"), st.integers(1, 9)),
    ),
    max_size=8,
)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS)
def test_a_revert_gives_back_the_fact_after_any_edits(
    desk: Desk, edits: list[tuple[str, object]]
) -> None:
    stated = Stated("As it was.", user="alice", key="k", subject="s")
    (row,) = facts.keep(desk.store, desk.project, [stated], BY).facts
    first = facts.fact_out(row)
    verbs = {"retire": facts.retiring, "pin": facts.pinning(pinned=True)}
    seen = [first]
    for kind, value in edits:
        if kind == "text":
            edit(desk, row.id, facts.editing({"text": value}))
        elif kind == "verb":
            edit(desk, row.id, verbs.get(str(value), facts.pinning(pinned=False)))
        else:
            edit(desk, row.id, facts.reverting(min(int(str(value)), len(seen))))
        now = facts.fact_out(facts.one(desk.store, desk.project, row.id))
        seen += [now] if now["revision"] > len(seen) else []
    for revision, then in enumerate(seen, 1):
        edit(desk, row.id, facts.reverting(revision))
        now = facts.fact_out(facts.one(desk.store, desk.project, row.id))
        assert {**now, "revision": revision} == then
