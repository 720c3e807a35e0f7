"""The sample sessions: what they promise to show, and that they are loaded once."""

from __future__ import annotations

import orjson
import pytest

from holdfast import demo
from holdfast.demo import loading, sleeper
from holdfast.projects import ensure_project
from memory_app import facts, factuses, tracing
from sessions_app import clock, preparing, verifying
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot, Window

KEYS = [
    "demo-support", "demo-forgotten", "demo-coding-agent", "demo-offsite", "demo-400-turns",
]  # fmt: skip
SECOND = 1_000_000


@pytest.fixture
def loaded(db: None) -> dict[str, Snapshot]:
    """The samples in an empty project, by key."""
    store, project = get_store(), ensure_project().pk
    assert demo.load(store, project, clock.now_us()) == KEYS
    found = {key: store.find(project, key) for key in KEYS}
    return {key: session for key, session in found.items() if session}


def test_samples_are_the_same_each_time() -> None:
    assert demo.samples() == demo.samples()


def test_loading_again_changes_nothing(loaded: dict[str, Snapshot]) -> None:
    store, project = get_store(), loaded["demo-support"].project
    assert demo.load(store, project, clock.now_us()) == []
    assert all(store.find(project, key) == session for key, session in loaded.items())


def test_a_load_that_was_cut_short_is_finished(db: None) -> None:
    store, project = get_store(), ensure_project().pk
    (offsite,) = (sample for sample in demo.samples() if sample.key == "demo-offsite")
    session = loading._opened(store, project, offsite, clock.now_us())
    first = [loading._payload(line, session.created_us) for line in offsite.lines[:7]]
    store.append(project, session.id, preparing.batch(first))
    assert loading.load(store, project, [offsite], clock.now_us()) == ["demo-offsite"]
    found = store.find(project, "demo-offsite")
    assert found
    assert found.messages == len(offsite.lines) + 1


def test_there_is_one_of_each_kind(loaded: dict[str, Snapshot]) -> None:
    assert loaded["demo-support"].status == "ended"
    assert loaded["demo-400-turns"].turns == 400
    coding = loaded["demo-coding-agent"]
    said = get_store().messages(coding, Window(limit=coding.messages))
    assert coding.turns == 3
    assert sum(message.role == "tool" for message in said) >= 300


def test_one_answer_was_retracted_and_given_again(loaded: dict[str, Snapshot]) -> None:
    offsite = loaded["demo-offsite"]
    last = offsite.messages
    assert get_store().state(offsite).retracted == ((last - 1, last - 1),)
    newest = get_store().messages(offsite, Window(limit=1, newest_first=True))
    assert newest[0].role == "assistant"


def test_one_agent_forgets_what_its_caller_no_longer_sent(loaded: dict[str, Snapshot]) -> None:
    forgotten = loaded["demo-forgotten"]
    store = get_store()
    life = tracing.life(store, forgotten, sleeper.REFERENCE)
    assert [one["seq"] for one in life.told["said"]] == [1, 2]
    without = tracing.answered_without(store, forgotten, life)
    assert [list(one.answers) for one in without] == [[16], [14], [12], [10]]
    counts = [orjson.loads(one.record.account)["counts"] for one in without]
    assert all(told["foreign"] == told["altered"] == 0 for told in counts)
    assert counts[0]["absent"] == forgotten.messages - 1 - sleeper.SENT


def test_what_is_known_of_a_user_was_told_for_the_newest_answers(
    loaded: dict[str, Snapshot],
) -> None:
    store, project = get_store(), loaded["demo-400-turns"].project
    (tea,) = facts.of_project(store, project).filter(key="favourite tea", status="active")
    reached = factuses.reach(store, tea)
    assert (reached.contexts, len(reached.answers)) == (6, 6)


def test_times_run_forward_and_end_before_now(loaded: dict[str, Snapshot]) -> None:
    for session in loaded.values():
        said = get_store().messages(session, Window(limit=session.messages))
        times = [message.created_us for message in said]
        assert times == sorted(times)
        assert times[-1] <= clock.now_us()


def test_a_weekly_sample_begins_on_a_monday() -> None:
    (weekly,) = (sample for sample in demo.samples() if sample.weekly)
    now = loading.MONDAY_US + 1_000 * 86_400 * SECOND
    begun = loading.beginning(weekly, now) - loading.MONDAY_US
    assert begun % loading.WEEK_US == 0
    assert begun + (weekly.lines[-1].at + weekly.ago) * SECOND <= now - loading.MONDAY_US


def test_the_stored_samples_verify(loaded: dict[str, Snapshot]) -> None:
    assert list(verifying.verify(get_store())) == []
