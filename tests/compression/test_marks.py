"""What happens at the marks of a policy, and what appends, events and contexts say about it."""

from __future__ import annotations

import json
import threading
from typing import Any
from uuid import UUID

import pytest

from memory_app import gathering, heartbeat
from memory_app.core.passages import Point
from memory_app.core.work import Work
from memory_app.models import Compression, Summary
from memory_app.pipeline import Pipeline
from sessions_app import preparing
from sessions_app.store import folding
from sessions_app.store.base import Appended
from tests.compression import engines
from tests.compression.conftest import Desk
from tests.compression.engines import Engine
from tests.memory.histories import assistant, calls, result, user, words

SECONDS = 30
NEARLY_FULL, RESET, SUMMARISED = "context_nearly_full", "reset_advised", "context_summarised"


def append(desk: Desk, session: UUID, *said: dict[str, Any]) -> Appended:
    return desk.store.append(desk.project, session, preparing.batch(list(said)))


def levelled(desk: Desk, level: float, **rules: Any) -> UUID:
    """A session that one append fills to about this level."""
    name = desk.policy("small", window=1_000, reserve=0, turns=2, summary=100, **rules)
    turns = [
        message
        for n in range(round(level * 1_000 / 35))
        for message in (user(f"Parcel {n} weighs {n} kg. {words(5)}"), assistant(words(16)))
    ]
    made = desk.session(turns, policy=name)
    assert abs(desk.now(made).level - level) < 0.04
    return made


def codes(notices: Any) -> list[str]:
    return [notice["code"] for notice in notices]


@pytest.mark.parametrize(
    ("level", "trigger", "style"),
    [(0.7, "60", "narrative"), (0.85, "80", "key_facts"), (0.97, "90", "key_facts")],
)
def test_a_compression_is_called_by_the_highest_mark_that_was_passed(
    desk: Desk, level: float, trigger: str, style: str
) -> None:
    session = levelled(desk, level)
    assert desk.pipeline().work()
    assert [row.trigger for row in desk.rows(session)] == [trigger]
    assert Summary.objects.get(session_id=desk.now(session).number).style == style


def test_below_the_first_mark_nothing_is_due(desk: Desk) -> None:
    session = levelled(desk, 0.5)
    assert desk.due(session).due_us is None
    assert not desk.pipeline().work()


def test_the_append_that_passes_the_last_mark_says_so_and_an_event_does_once(desk: Desk) -> None:
    session = levelled(desk, 0.85)
    assert append(desk, session, user("Well?")).notices == ()
    before = desk.now(session).version
    done = append(desk, session, user(words(80)))
    level = desk.now(session).level
    assert [dict(notice) for notice in done.notices] == [{"code": NEARLY_FULL, "level": level}]
    assert (done.events, done.version) == (1, before + 2) == (1, desk.now(session).version)
    again = append(desk, session, user("Well?"))
    assert (codes(again.notices), again.events) == ([NEARLY_FULL], 0)
    events = desk.store.events(desk.now(session))
    told = [event.entry().data for event in events if event.kind == "notice"]
    assert told == [{"code": NEARLY_FULL, "level": level}]


def test_a_context_says_how_full_the_session_is(desk: Desk) -> None:
    session = levelled(desk, 0.85)
    assert codes(desk.context(session).notices) == []
    append(desk, session, user(words(80)))
    assert [dict(one) for one in desk.context(session).notices] == [
        {"code": NEARLY_FULL, "level": desk.now(session).level}
    ]
    full = desk.now(session).version
    assert desk.pipeline().work()
    now = desk.now(session)
    assert [dict(one) for one in desk.context(session).notices] == [
        {"code": SUMMARISED, "level": now.level}
    ]
    # What was said of the past is said of it still.
    assert codes(desk.context(session, at=full).notices) == [NEARLY_FULL]


def test_a_session_far_past_its_use_had_better_be_followed_by_a_new_one(desk: Desk) -> None:
    name = desk.policy("tiny", window=256, reserve=0, turns=1)
    session = desk.session(policy=name)
    while desk.now(session).tokens < 20 * 256:
        assert RESET not in codes(desk.context(session).notices)
        append(desk, session, user(f"{desk.now(session).messages} {words(90)}"))
        desk.pipeline().work()
    tokens = desk.now(session).tokens
    assert {"code": RESET, "tokens": tokens} in list(desk.context(session).notices)
    while desk.now(session).level < 0.95:
        done = append(desk, session, user(words(30)))
    tokens = desk.now(session).tokens - done.tokens[0]
    assert {"code": RESET, "tokens": tokens} in [dict(one) for one in done.notices]


def test_a_summary_that_does_not_fit_is_shortened_and_said_to_be(desk: Desk) -> None:
    session = levelled(desk, 0.7)
    assert desk.pipeline().work()
    whole = desk.context(session)
    assert "summary_shortened" not in codes(whole.notices)
    (part,) = [part for part in whole.parts if part.name == "summary"]
    small = desk.context(session, tokens=part.tokens + 10)
    assert "summary_shortened" in codes(small.notices)
    assert sum(one.tokens for one in small.parts if one.name == "summary") < part.tokens


def test_a_session_that_was_just_folded_must_grow_before_the_next(desk: Desk) -> None:
    """By a twentieth of its capacity, though it be over the mark all the time."""
    session = levelled(desk, 0.7, marks=[0.1, 0.8, 0.9])
    assert desk.pipeline().work()
    left = desk.now(session).active_tokens
    assert left > 100
    assert desk.due(session).due_tokens == left + 50
    append(desk, session, user(words(20)))
    assert not desk.pipeline().work()
    append(desk, session, user(words(30)))
    assert desk.due(session).due_us is not None


def test_a_backlog_longer_than_one_reading_goes_on_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST", 16)
    session = levelled(desk, 0.97)
    assert desk.pipeline().work()
    row = desk.due(session)
    assert (row.due_tokens, row.due_us is not None) == (600, True)
    while desk.pipeline().work():
        pass
    assert desk.now(session).level < 0.6
    ends = [one.last for one in desk.rows(session) if one.outcome == Compression.APPLIED]
    assert ends == sorted(set(ends))
    assert len(ends) > 1


def all_but_the_last(work: Work) -> list[Point]:
    """A summary that leaves out the last sentence of every message."""
    return [
        Point(sentence + ".", (passage.seq,), 0.5)
        for passage in work.passages
        for sentence in passage.text.split(". ")[:-1]
    ]


@pytest.mark.parametrize(("floor", "outcome"), [(0.95, "refused"), (0.85, "applied")])
def test_a_fold_that_carries_too_little_is_refused(desk: Desk, floor: float, outcome: str) -> None:
    """Nine tenths of a message make it summarised; a policy may want more."""
    name = desk.policy("small", window=800, reserve=0, turns=1, summary=400, floor=floor,
                       retained=0.0)  # fmt: skip
    weights = ". ".join(f"Box {number} weighs {number + 40} kg" for number in range(1, 12))
    session = desk.session([user("How heavy are they?"), assistant(f"{weights}.")], policy=name)
    desk.say(session, [assistant(words(500)), user("Thanks."), assistant("Welcome.")])
    engine = Engine(all_but_the_last)
    before = desk.now(session)
    Pipeline(desk.store, engine=engine, fallback=engine).run(desk.claim(session))
    assert desk.rows(session)[-1].outcome == outcome
    if outcome == "refused":
        assert desk.rows(session)[-1].error.startswith("dishonest")
        assert desk.now(session) == before


@pytest.mark.parametrize("same", [True, False])
def test_long_answers_of_tools_are_listed_as_lost_and_do_not_refuse_a_fold(
    desk: Desk, same: bool
) -> None:
    """Of a read made again and again only the last answer counts; other lists of values stay in
    the log alone."""
    name = desk.policy("small", window=4_000, reserve=0, turns=1, summary=100, floor=0.9,
                       retained=0.0)  # fmt: skip
    session = desk.session(policy=name)
    for number in range(4):
        found = "\n".join(f"no{number}x{word}" for word in range(60))
        (called,) = calls("openai", [f"c{number}"])
        if not same:
            called["tool_calls"][0]["function"] = {"name": "book", "arguments": f'{{"n":{number}}}'}
        desk.say(session, [user("And now?"), called, result("openai", f"c{number}", found)])
        desk.say(session, [assistant("ok")])
    desk.say(session, [user("Thanks."), assistant("Welcome.")])
    assert desk.compress(session)["outcome"] == "applied"
    (row,) = desk.rows(session)
    rules = {one[3] for one in json.loads(row.decisions) if one[1] == "discarded"}
    assert rules & ({"superseded"} if same else {"tool_payload"})
    assert json.loads(row.audit)["score"] < 0.9


def test_instructions_and_what_was_taken_back_reach_the_engine(desk: Desk) -> None:
    session = levelled(desk, 0.7)
    assert desk.pipeline().work()
    (seq, *_) = [seq for point in points(desk, session) for seq in point.seqs]
    desk.retract(session, seq, seq)
    desk.say(session, [user(f"Box {n} is blue. {words(30)}") for n in range(8)])
    fake = Engine(engines.honest)
    row = desk.queue(session)
    Compression.everything.filter(id=row).update(instructions="Keep the boxes.")
    desk.pipeline(fake).run(desk.claim(session))
    (work,) = fake.asked
    assert work.instructions == "Keep the boxes."
    assert work.gone == {seq}
    assert all(seq not in point.seqs for point in points(desk, session))


def points(desk: Desk, session: UUID) -> list[Point]:
    rows = Summary.objects.filter(session_id=desk.now(session).number).order_by("-version")
    found = rows.first()
    assert found is not None
    return [Point(text, tuple(seqs), score) for text, seqs, score in json.loads(found.points)]


def test_i08_a_claim_is_held_as_long_as_its_engine_works(
    committed: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = threading.Event()
    renew = folding.renew

    def telling(*args: Any) -> bool:
        held = renew(*args)
        renewed.set()
        return held

    monkeypatch.setattr(heartbeat, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(folding, "renew", telling)
    session = levelled(committed, 0.7)
    held: list[int] = []

    def slow(work: Work) -> list[Point]:
        held.append(committed.due(session).claim_until_us)
        renewed.clear()  # it may have been renewed before that already
        assert renewed.wait(SECONDS)
        held.append(committed.due(session).claim_until_us)
        return engines.honest(work)

    assert committed.pipeline(Engine(slow)).work()
    assert held[1] > held[0]
    assert committed.now(session).compressions == 1
