"""Facts are pruned by rule, a user's once a day; each change is a revision that can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from memory_app import consolidating, facts
from memory_app.core import consolidating as core
from memory_app.models import Consolidated, Fact, FactRevision
from memory_app.worker import Worker
from sessions_app import clock
from sessions_app.core import errors
from sessions_app.models import EndUser
from sessions_app.store import get_store
from tests.personas import Persona, answer

SAID = "I sit by the aisle. Always by the aisle."
SAME = ("Sits by the aisle.", "sits by the AISLE")
DAY = consolidating.DAY_US


@pytest.fixture(autouse=True)
def from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consolidating, "_place", {})


@pytest.fixture
def session(owner: Persona) -> str:
    """Alice's session with a message that facts come from."""
    made = owner.opened(user="alice")["id"]
    owner.said(made, SAID)
    return str(made)


def told(
    owner: Persona, session: str, *texts: str, user: str = "alice", **fields: Any
) -> list[str]:
    """Facts of a person's word; each has another quote of the message."""
    quotes = (SAID[at : at + 10] for at in range(len(texts)))
    body = [
        {"user": user, "text": text, "sources": [source(session, quote)], **fields}
        for text, quote in zip(texts, quotes, strict=True)
    ]
    stored = answer(owner.post("/facts", {"facts": body}), 201)["facts"]
    return [str(fact["id"]) for fact in stored]


def source(session: str, quote: str) -> dict[str, Any]:
    return {"session": session, "seq": 1, "quote": quote}


def prune(*, days: int = 0) -> int:
    """What a worker does at a look, as if so many days later; the first one begins at the first
    user of the test, whose number may be any."""
    first = EndUser.everything.order_by("pk").values_list("pk", flat=True)[:1]
    consolidating._place.setdefault(get_store().db.alias, next(iter(first), 1) - 1)
    return consolidating.prune(get_store(), clock.now_us() + days * DAY)


def shown(owner: Persona, fact: str) -> dict[str, Any]:
    found: dict[str, Any] = answer(owner.get(f"/facts/{fact}"))
    return found


def statuses(owner: Persona, found: Sequence[str]) -> list[str]:
    return [shown(owner, fact)["status"] for fact in found]


def history(owner: Persona, fact: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer(owner.get(f"/facts/{fact}/history"))["data"]
    return found


def changed(fact: str, **columns: Any) -> None:
    """A fact as a compression, a tool or time would have made it."""
    Fact.everything.filter(id=fact).update(**columns)


# ── What is done ─────────────────────────────────────────────────────────────────────────────


def test_what_says_the_same_twice_becomes_one_with_the_sources_of_both(
    owner: Persona, session: str
) -> None:
    first, second = told(owner, session, *SAME)
    assert prune() == 1
    merged, into = shown(owner, second), shown(owner, first)
    assert (merged["status"], merged["superseded_by"]) == ("superseded", first)
    assert (into["status"], len(into["sources"])) == ("active", 2)
    for fact in (first, second):
        edit = history(owner, fact)[-1]
        assert edit["editor"] == "holdfast"
        assert edit["reason"].startswith("duplicate: ")


def test_what_ended_and_what_nobody_used_is_retired_and_says_why(
    owner: Persona, session: str
) -> None:
    ended, doubtful, sure = told(owner, session, "a", "b", "c")
    now = clock.now_us()
    changed(ended, invalid_us=now - 1)
    old = {"trust": "tool", "created_us": now - core.AGE_US - 10**9}
    changed(doubtful, confidence=0.3, **old)
    changed(sure, **old)
    assert prune() == 2
    assert statuses(owner, [ended, doubtful, sure]) == ["retired", "retired", "active"]
    assert history(owner, ended)[-1]["reason"].startswith("ended: ")
    assert history(owner, doubtful)[-1]["reason"].startswith("unproven: ")


def test_a_doubtful_fact_that_a_recorded_context_used_stays(owner: Persona, session: str) -> None:
    answer(owner.post("/facts", {"session": session, "text": "b"}), 201)
    fact = str(Fact.everything.get(text="b").id)
    old = clock.now_us() - core.AGE_US - 10**9
    changed(fact, confidence=0.3, trust="tool", created_us=old)
    context = answer(owner.get(f"/sessions/{session}/context?record=true"))
    assert shown(owner, fact)["uses"] == 1, context["parts"]
    assert prune() == 0
    assert shown(owner, fact)["status"] == "active"


def test_the_facts_of_a_session_change_with_events_of_it(owner: Persona, session: str) -> None:
    body = {"session": session, "text": "x", "sources": [source(session, SAID[:5])]}
    first = answer(owner.post("/facts", body), 201)["id"]
    second = answer(owner.post("/facts", {**body, "sources": [source(session, SAID)]}), 201)["id"]
    version = answer(owner.get(f"/sessions/{session}"))["version"]
    assert prune() == 1
    assert statuses(owner, [first, second]) == ["active", "superseded"]
    events = answer(owner.get(f"/sessions/{session}/events?after={version}"))["data"]
    assert [event["kind"] for event in events] == ["revised", "revised"]


def test_a_fork_and_what_it_was_made_of_keep_a_fact_each(owner: Persona, session: str) -> None:
    body = {"session": session, "text": "x", "sources": [source(session, SAID)]}
    answer(owner.post("/facts", body), 201)
    version = answer(owner.get(f"/sessions/{session}"))["version"]
    answer(owner.post(f"/sessions/{session}/fork", {"at": version}), 201)
    assert Fact.everything.active().count() == 2
    assert prune() == 0


# ── What is not ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "theirs",
    ["pin", "edit", "by hand", "correction", "preference", "other user", "deleted"],
)
def test_a_persons_word_is_left_alone(owner: Persona, session: str, theirs: str) -> None:
    fields: dict[str, Any] = {"category": "correction"} if theirs == "correction" else {}
    if theirs == "preference":
        fields = {"category": "preference", "key": "seat"}
    (first,) = told(owner, session, SAME[0])
    if theirs == "other user":
        second = answer(owner.post("/facts", {"user": "bob", "text": SAME[1]}), 201)["id"]
        changed(second, trust="user")
    elif theirs == "by hand":
        second = answer(owner.post("/facts", {"user": "alice", "text": SAME[1]}), 201)["id"]
    elif theirs == "deleted":
        other = owner.opened(user="alice")["id"]
        second = answer(owner.post("/facts", {"session": other, "text": SAME[1]}), 201)["id"]
        changed(second, trust="model")
        owner.delete(f"/sessions/{other}")
    else:
        (second,) = told(owner, session, SAME[1], **fields)
    if theirs == "pin":
        answer(owner.post(f"/facts/{second}/pin", {}))
    if theirs == "edit":
        answer(owner.patch(f"/facts/{second}", {"category": "travel"}))
    before = FactRevision.objects.count()
    assert prune() == 0
    assert FactRevision.objects.count() == before
    assert shown(owner, first)["status"] == "active"


def test_what_is_quarantined_is_neither_merged_nor_retired(owner: Persona, session: str) -> None:
    first, second = told(owner, session, *SAME)
    changed(second, status=Fact.QUARANTINED, invalid_us=1)
    assert prune() == 0
    assert statuses(owner, [first, second]) == ["active", "quarantined"]


# ── Undone ───────────────────────────────────────────────────────────────────────────────────


def test_what_was_done_is_undone_and_never_done_again(owner: Persona, session: str) -> None:
    first, second = told(owner, session, *SAME)
    (ended,) = told(owner, session, "x")
    changed(ended, invalid_us=clock.now_us() - 1)
    assert prune() == 2
    before = shown(owner, second)
    for fact in (second, ended):
        answer(owner.post(f"/facts/{fact}/revert", {"revision": 1}))
    assert statuses(owner, [first, second, ended]) == ["active"] * 3
    assert shown(owner, second)["superseded_by"] is None
    assert before["superseded_by"] == first
    assert prune(days=2) == 0
    assert statuses(owner, [first, second, ended]) == ["active"] * 3
    # A third one that says the same is no fight.
    (third,) = told(owner, session, SAME[0])
    assert prune(days=4) == 1
    assert statuses(owner, [first, second, third]) == ["active", "active", "superseded"]


def test_the_sources_that_a_fact_was_given_can_be_taken_back(owner: Persona, session: str) -> None:
    first, _ = told(owner, session, *SAME)
    prune()
    answer(owner.post(f"/facts/{first}/revert", {"revision": 1}))
    assert len(shown(owner, first)["sources"]) == 1


# ── When, and how much ───────────────────────────────────────────────────────────────────────


def test_a_users_turn_comes_once_a_day(owner: Persona, session: str) -> None:
    told(owner, session, *SAME)
    assert prune() == 1
    told(owner, session, *SAME)
    assert prune() == 0
    assert prune(days=1) == 2
    assert prune(days=1) == 0
    assert Consolidated.objects.count() == 1


def test_of_two_who_claim_a_turn_one_gets_it(owner: Persona, session: str) -> None:
    told(owner, session, "x")
    user, now = EndUser.everything.get(key="alice").pk, clock.now_us()
    claims = [consolidating._claim(get_store(), user, at) for at in (now, now + 1, now + DAY)]
    assert claims == [True, False, True]
    assert not consolidating._claim(get_store(), 10**9, now)


def test_a_look_does_a_bounded_number_of_users_and_the_next_goes_on(
    owner: Persona, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consolidating, "MOST_USERS", 2)
    monkeypatch.setattr(consolidating, "STRIDE", 3)
    for name in range(5):
        for text in SAME:
            stored = answer(owner.post("/facts", {"user": f"u{name}", "text": text}), 201)
            changed(stored["id"], trust="user")
    done = []
    for _ in range(20):
        before = Consolidated.objects.count()
        done.append(prune())
        assert Consolidated.objects.count() - before <= 2
    assert sum(done) == 5


def test_a_look_that_has_changed_enough_leaves_the_other_users_to_the_next(
    owner: Persona, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consolidating, "ENOUGH", 2)
    for name in range(3):
        for text in (*SAME, SAME[0]):
            stored = answer(owner.post("/facts", {"user": f"u{name}", "text": text}), 201)
            changed(stored["id"], trust="user")
    assert [prune() for _ in range(4)] == [2, 2, 2, 0]


def test_of_one_user_so_much_is_done_a_day_and_the_rest_the_next(
    owner: Persona, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consolidating, "MOST_CHANGES", 2)
    told(owner, session, *[SAME[0]] * 6)
    assert [prune(days=day) for day in range(4)] == [2, 2, 1, 0]


def test_a_user_of_whom_nothing_is_remembered_has_no_turn(owner: Persona, session: str) -> None:
    assert list(consolidating.due(get_store(), clock.now_us())) == []
    prune()
    assert not Consolidated.objects.exists()


def test_an_erasure_takes_the_day_with_it(owner: Persona, session: str) -> None:
    told(owner, session, *SAME)
    prune()
    answer(owner.delete("/users/alice"))
    assert not Consolidated.objects.exists()


def test_a_worker_prunes_while_nothing_is_due(owner: Persona, session: str) -> None:
    found = told(owner, session, *SAME)
    worker = Worker()
    worker._look_at_idle()
    assert statuses(owner, found) == ["active", "superseded"]


def test_a_fact_that_cannot_be_changed_now_keeps_no_other_from_it(
    owner: Persona, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = told(owner, session, "a", "b", "c")
    for fact in found:
        changed(fact, invalid_us=1)
    real = facts.change

    def busy(store: Any, project: int, fact: Any, *more: Any) -> Any:
        if str(fact) == found[1]:
            raise errors.StoreBusy
        return real(store, project, fact, *more)

    monkeypatch.setattr(facts, "change", busy)
    assert prune() == 2
    assert statuses(owner, found) == ["retired", "active", "retired"]


# ── Beside an editor ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("edited", [0, 1])
def test_who_edits_a_fact_meanwhile_wins(
    owner: Persona, session: str, monkeypatch: pytest.MonkeyPatch, edited: int
) -> None:
    found = told(owner, session, *SAME)
    decide = core.decide

    def meanwhile(*known: Any, **how: Any) -> Any:
        intents = decide(*known, **how)
        answer(owner.patch(f"/facts/{found[edited]}", {"text": "Sits at the window."}))
        return intents

    monkeypatch.setattr(core, "decide", meanwhile)
    assert prune() == 0
    assert statuses(owner, found) == ["active", "active"]
    assert shown(owner, found[edited])["text"] == "Sits at the window."


def test_a_plan_changes_nothing(owner: Persona, session: str) -> None:
    told(owner, session, *SAME)
    now = clock.now_us()
    (person,) = consolidating.due(get_store(), now)
    plan = consolidating.plan(get_store(), person, now)
    assert [intent.rule for intent in plan.intents] == [core.DUPLICATE]
    assert plan.owner.key == "alice"
    assert not FactRevision.objects.exists()
    assert not Consolidated.objects.exists()


def test_a_reason_begins_with_the_name_of_its_rule() -> None:
    assert set(core.REASONS) == {core.DUPLICATE, core.ENDED, core.UNPROVEN}
    assert all(reason.startswith(f"{rule}: ") for rule, reason in core.REASONS.items())
