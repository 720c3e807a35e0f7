"""What users say becomes facts of theirs: once, with its source, and of nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Barrier, Thread

import orjson
import pytest
from django.db import connections

from memory_app import facts
from memory_app.core.extracting import Candidate, Categories
from memory_app.core.passages import Passage
from memory_app.core.work import CONNECTION, CRASHED, EngineFailed
from memory_app.extractors import Rules
from memory_app.facts import By, Stated
from memory_app.learning import MESSAGES, Held, Learning, Looked
from memory_app.models import FactRevision, Learnt
from sessions_app.core.errors import InvalidField
from tests.learning.conftest import Desk, sources

EDITOR = By("mia")


def test_a_statement_becomes_a_fact_with_its_source(desk: Desk) -> None:
    session = desk.of("ines", "Hello!", "I'm allergic to peanuts, by the way.")
    desk.learn()
    (fact,) = desk.facts("ines")
    assert (fact.category, fact.trust, fact.status) == ("identity", "user", "active")
    assert (fact.relation, fact.learnt_by, fact.session_id) == ("is allergic to", "rules", None)
    assert sources(fact) == [(str(session), 2, fact.text)]
    assert fact.text in "I'm allergic to peanuts, by the way."


def test_an_append_learns_nothing_and_moves_no_version(desk: Desk) -> None:
    session = desk.of("ines", "I live in Porto.")
    before = desk.now(session).version
    assert desk.facts("ines") == []
    desk.learn()
    assert desk.now(session).version == before
    assert desk.texts("ines") == ["I live in Porto."]


def test_every_message_is_looked_at_once(desk: Desk) -> None:
    session = desk.of("ines", *["Hm."] * MESSAGES, "I live in Porto.")
    desk.learn()
    desk.learn()
    assert len(desk.facts("ines")) == 1
    desk.tell(session, "I work as a nurse.")
    desk.learn()
    assert desk.texts("ines") == ["I live in Porto.", "I work as a nurse."]
    assert Learnt.objects.get().messages == MESSAGES + 2


def test_the_same_again_is_one_fact_with_two_sources(desk: Desk) -> None:
    first = desk.of("ines", "I live in Porto.")
    second = desk.of("ines", "Hi, I live in Porto!")
    desk.learn()
    (fact,) = desk.facts("ines")
    assert {(name, seq) for name, seq, _ in sources(fact)} == {(str(first), 1), (str(second), 1)}
    assert fact.learnt_in_id is None


def test_what_is_said_later_supersedes_and_both_stay_visible(desk: Desk) -> None:
    desk.of("ines", "I live in Porto.")
    desk.learn()
    desk.of("ines", "Actually, I moved to Lisbon.")
    desk.learn()
    old, new = desk.facts("ines")
    assert (old.status, new.status) == ("superseded", "active")
    assert (old.superseded_by, old.invalid_us) == (new.id, new.valid_us)
    assert FactRevision.objects.get().editor == "holdfast"


def test_what_was_said_earlier_and_learnt_later_does_not(desk: Desk) -> None:
    earlier = desk.of("ines", "I live in Porto.")
    Learnt.objects.create(session_id=desk.now(earlier).number, messages=1)
    desk.of("ines", "I moved to Lisbon.")
    desk.learn()
    Learnt.objects.all().update(messages=0, held_until_us=0)
    desk.learn()
    assert desk.texts("ines") == ["I moved to Lisbon."]
    assert desk.texts("ines", "superseded") == ["I live in Porto."]


def test_back_again_is_news(desk: Desk) -> None:
    session = desk.of("ines", "I live in Porto.", "I moved to Lisbon.", "I live in Porto.")
    desk.learn()
    (fact,) = desk.facts("ines", "active")
    assert sources(fact) == [(str(session), 3, "I live in Porto.")]


def test_what_holds_no_longer_is_retired(desk: Desk) -> None:
    desk.of("ines", "I live in Porto.", "I no longer live in Porto.")
    desk.learn()
    (fact,) = desk.facts("ines")
    assert fact.status == "retired"
    assert "I no longer live in Porto." in FactRevision.objects.get().reason


def test_a_correction_rewrites_the_one_fact_that_it_corrects(desk: Desk) -> None:
    session = desk.of("ines", "My favourite city is Porto.", "I meant Lisbon, not Porto.")
    desk.learn()
    old, new = desk.facts("ines")
    assert (new.text, new.key) == ("My favourite city is Lisbon.", "favourite city")
    assert sources(new) == [(str(session), 2, "I meant Lisbon, not Porto.")]
    assert old.superseded_by == new.id


def test_a_correction_of_what_is_not_known_is_no_fact(desk: Desk) -> None:
    desk.of("ines", "I meant Lisbon, not Porto.")
    desk.learn()
    assert desk.facts("ines") == []


def test_what_a_person_stored_waits_for_a_person(desk: Desk) -> None:
    told = Stated("Lives in Porto.", user="ines", key="home")
    facts.keep(desk.store, desk.project, [told], EDITOR)
    desk.of("ines", "I live in Lisbon.", "I live in Lisbon.")
    desk.learn()
    stored, waiting = desk.facts("ines")
    assert (stored.status, waiting.status) == ("active", "quarantined")
    assert orjson.loads(waiting.metadata)["contradicts"] == str(stored.id)
    facts.change(desk.store, desk.project, waiting.id, facts.accepting, EDITOR)
    stored, accepted = desk.facts("ines")
    assert (stored.status, accepted.status, accepted.trust) == ("superseded", "active", "editor")
    assert stored.superseded_by == accepted.id


def test_only_what_is_in_quarantine_is_accepted(desk: Desk) -> None:
    made = facts.keep(desk.store, desk.project, [Stated("Likes tea.", user="ines")], EDITOR)
    fact = made.facts[0].id
    again = facts.change(desk.store, desk.project, fact, facts.accepting, EDITOR)
    assert again.facts[0].revision == 1
    facts.change(desk.store, desk.project, fact, facts.retiring, EDITOR)
    with pytest.raises(InvalidField, match="retired"):
        facts.change(desk.store, desk.project, fact, facts.accepting, EDITOR)


def test_nobodys_session_teaches_nothing(desk: Desk) -> None:
    desk.of(None, "I live in Porto.")
    desk.learn()
    assert not Learnt.objects.exists()


def test_what_others_say_in_a_session_is_not_its_users(desk: Desk) -> None:
    session = desk.of("ines")
    desk.tell(session, "I live in Rome.", author="bo")
    desk.tell(session, "I live in Oslo.")  # by whom?
    desk.tell(session, "I live in Porto.", author="Ines")
    desk.learn()
    desk.tell(session, "I work as a pilot.")
    desk.learn()
    assert desk.texts("ines") == ["I live in Porto."]
    assert desk.facts("bo") == []


def test_what_was_imported_is_a_claim(desk: Desk) -> None:
    desk.of("ines", "I live in Porto.", metadata={"imported_from": "llm"})
    desk.learn()
    (fact,) = desk.facts("ines")
    assert (fact.category, fact.trust, fact.key) == ("claim", "import", "")
    desk.of("ines", "I live in Porto.")
    desk.learn()
    assert [fact.trust for fact in desk.facts("ines", "active")] == ["user"]


def test_what_was_taken_back_is_not_learnt(desk: Desk) -> None:
    session = desk.of("ines", "I live in Porto.", "Hello")
    desk.retract(session, 1)
    desk.learn()
    assert desk.facts("ines") == []


def test_a_fork_does_not_learn_the_same_again(desk: Desk) -> None:
    session = desk.of("ines", "I live in Porto.")
    desk.learn()
    fork = desk.store.fork(desk.project, session, desk.now(session).version).session.id
    desk.tell(fork, "I work as a nurse.")
    desk.learn()
    assert desk.texts("ines") == ["I live in Porto.", "I work as a nurse."]
    assert len(sources(desk.facts("ines")[0])) == 1


def test_a_policy_may_say_that_nothing_is_learnt(desk: Desk) -> None:
    desk.policy("quiet", learn=False)
    desk.of("ines", "I live in Porto.", policy="quiet")
    desk.learn()
    assert desk.facts("ines") == []


def test_a_policy_may_have_categories_of_its_own(desk: Desk) -> None:
    desk.policy("gym", categories={"sport": ["I train for", "my club is"]})
    desk.of("ines", "I train for the Porto marathon.", policy="gym")
    desk.learn()
    assert [fact.category for fact in desk.facts("ines")] == ["sport"]


def test_what_a_deleted_session_said_is_not_shown_and_goes_with_it(desk: Desk) -> None:
    session = desk.of("ines", "I live in Porto.", "I work as a nurse.")
    other = desk.of("ines", "I work as a nurse.")
    desk.learn()
    desk.store.delete(desk.project, session)
    assert desk.texts("ines") == ["I work as a nurse."]
    desk.store.restore(desk.project, session)
    assert len(desk.texts("ines")) == 2
    desk.store.purge(desk.project, session)
    (fact,) = desk.facts("ines")
    assert sources(fact) == [(str(other), 1, "I work as a nurse.")]
    desk.store.purge(desk.project, other)
    assert desk.facts("ines") == []


class Failing(Rules):
    """Fails in the way that a test wants."""

    def __init__(self, failure: Exception) -> None:
        self.failure: Exception | None = failure

    def extract(self, passages: Sequence[Passage], categories: Categories) -> Sequence[Candidate]:
        if self.failure is not None:
            raise self.failure
        return super().extract(passages, categories)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(EngineFailed(CONNECTION, "broken off"), CONNECTION), (ZeroDivisionError(), CRASHED)],
)
def test_an_extractor_that_fails_is_asked_again_and_nothing_is_missed(
    desk: Desk, failure: Exception, reason: str
) -> None:
    desk.of("ines", "I live in Porto.")
    extractor = Failing(failure)
    learning = Learning(desk.store, extractor)
    with pytest.raises(EngineFailed) as failed:
        learning.work()
    assert failed.value.reason == reason
    assert not learning.work()  # it is left alone for a while
    extractor.failure = None
    Learnt.objects.all().update(held_until_us=0)
    assert learning.work()
    assert desk.texts("ines") == ["I live in Porto."]


def test_two_workers_learn_each_thing_once(committed: Desk) -> None:
    for number in range(6):
        committed.of("ines", f"I promise to bring item {number} on Monday.", "I live in Porto.")
    start = Barrier(3)

    def work() -> None:
        start.wait()
        try:
            committed.learn()
        finally:
            connections.close_all()

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    committed.learn()
    texts = committed.texts("ines")
    assert len(texts) == len(set(texts)) == 7
    assert sum(row.messages for row in Learnt.objects.all()) == 12


def test_what_a_fact_quotes_already_is_not_learnt_beside_it(desk: Desk) -> None:
    session = desk.of("ines", "I live in Porto, by the river.", "I work as a nurse.")
    source = {"session": str(session), "seq": 1, "quote": "live in Porto"}
    told = Stated("Home is Porto.", user="ines", sources=(source,))
    facts.keep(desk.store, desk.project, [told], EDITOR)
    desk.learn()
    assert desk.texts("ines") == ["Home is Porto.", "I work as a nurse."]


def test_what_is_taken_back_after_it_was_learnt_is_retired(desk: Desk) -> None:
    session = desk.of("ines", "I live in Porto.", "I work as a nurse.")
    other = desk.of("ines", "I work as a nurse.")
    desk.learn()
    desk.retract(session, 1, 2)
    desk.learn()
    assert desk.texts("ines") == ["I work as a nurse."]
    assert desk.texts("ines", "retired") == ["I live in Porto."]
    (nurse,) = desk.facts("ines", "active")
    assert [name for name, *_ in sources(nurse)] == [str(other)]
    before = FactRevision.objects.count()
    desk.learn()
    assert FactRevision.objects.count() == before


def test_what_a_person_pinned_outlives_its_message(desk: Desk) -> None:
    session = desk.of("ines", "I live in Porto.")
    desk.learn()
    (fact,) = desk.facts("ines")
    facts.change(desk.store, desk.project, fact.id, facts.pinning(pinned=True), EDITOR)
    desk.retract(session, 1)
    desk.learn()
    assert desk.texts("ines") == ["I live in Porto."]


class Odd(Learning):
    """Cannot do the sessions that a test names."""

    odd: frozenset[int] = frozenset()

    def _looked(self, held: Held) -> Looked:
        if held.session.number in self.odd:
            raise ZeroDivisionError
        return super()._looked(held)


def test_one_session_that_cannot_be_done_keeps_no_other_waiting(desk: Desk) -> None:
    desk.of("bo", "I live in Rome.")
    odd = desk.of("ines", "I live in Porto.")
    learning = Odd(desk.store, Rules())
    learning.odd = frozenset([desk.now(odd).number])
    with pytest.raises(ZeroDivisionError):
        learning.work()
    while learning.work():
        pass
    assert (desk.texts("bo"), desk.texts("ines")) == (["I live in Rome."], [])


def test_sessions_in_which_nothing_is_said_take_one_commit(desk: Desk) -> None:
    numbers = [desk.now(desk.of("ines", f"Where is pier {n}?")).number for n in range(5)]
    assert Learning(desk.store, Rules()).work()
    rows = Learnt.objects.filter(session_id__in=numbers)
    assert [row.messages for row in rows] == [1] * 5
    assert not Learning(desk.store, Rules()).work()
