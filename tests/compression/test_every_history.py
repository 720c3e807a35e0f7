"""I5, I6, I7, I13, I14 over any history, policy and order of changes: what holds at every version.

Nothing here knows how a fold is decided; it knows what may not happen.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from memory_app import account, fates
from memory_app.context import FORMS
from memory_app.core.policy import FOLDING, STRATEGIES
from sessions_app.core import errors
from sessions_app.core.entries import StoredMessage
from sessions_app.core.replay import in_ranges
from sessions_app.store.base import Window
from sessions_app.verifying import verify
from tests.compression import honesty
from tests.compression.conftest import Desk
from tests.compression.honesty import passage
from tests.compression.talk import exchange
from tests.memory import rules

bounded = settings(
    max_examples=30,
    # No shrinking: an example is a life of hundreds of choices, and takes minutes to shrink.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    window = draw(st.sampled_from([700, 400, 300, 1_500, 6_000]))
    return {
        "window": window,
        "reserve": draw(st.sampled_from([0, 0, 100])),
        "strategy": draw(st.sampled_from([*FOLDING, *FOLDING, *STRATEGIES])),
        "turns": draw(st.sampled_from([2, 1, 4, 12])),
        "summary": draw(st.sampled_from([32, 100, 250])),
        "retained": draw(st.sampled_from([0.0, 0.15, 0.5])),
        "facts": draw(st.sampled_from([0.0, 0.1, 0.3])),
        # What of a whole range is carried; each fate must be honest whatever this asks for.
        "floor": draw(st.sampled_from([0.0, 0.5, 0.9])),
    }


class Life:
    """A session that changes step by step, with what was seen of it at each version."""

    def __init__(self, desk: Desk, data: st.DataObject) -> None:
        self.desk = desk
        self.draw = data.draw
        system = self.draw(st.sampled_from([None, "Be kind."]))
        name = desk.policy("drawn", **self.draw(policies()))
        self.session = desk.session(system=system, policy=name)
        self.seen: dict[int, Any] = {}
        self.count = 0
        for _ in range(3):
            self.say()

    def step(self) -> None:
        """One change, and what must hold after it."""
        kinds = ["due", "say", "manual", "say", "retract", "pin", "unpin", "due", "say"]
        kind = self.draw(st.sampled_from(kinds))
        last = self.desk.now(self.session).messages
        if kind == "say" or not last:
            self.say()
        elif kind in ("manual", "due"):
            self.compress(manual=kind == "manual")
        else:
            self.overlay(kind, last)
        self.look()

    def say(self) -> None:
        for _ in range(self.draw(st.integers(3, 6))):
            self.count += 1
            self.desk.say(self.session, self.draw(exchange(self.count)))

    def overlay(self, kind: str, last: int) -> None:
        seq = self.draw(st.integers(1, last))
        if kind == "retract":
            end = min(last, seq + self.draw(st.integers(0, 3)))
            self.desk.retract(self.session, seq, end)
        elif kind == "pin":
            self.desk.pin(self.session, seq)
        else:
            self.desk.unpin(self.session, seq)

    def compress(self, *, manual: bool) -> None:
        """The range of a fold is what it takes out of view, and all of that (I5)."""
        desk, session = self.desk, self.session
        before, stood = desk.now(session), self.fates()
        done = desk.ask(session) if manual else desk.pipeline().work()
        after = desk.now(session)
        if not done or after.compressions == before.compressions:
            assert after.version == before.version
            assert self.fates() == stood
            return
        row = desk.rows(session)[-1]
        assert (row.first, row.version) == (before.folded + 1, after.version)
        assert row.last == after.folded
        left = [seq for seq, fate in self.fates().items() if stood[seq] != fate == "verbatim"]
        gone = [seq for seq, fate in self.fates().items() if stood[seq] == "verbatim" != fate]
        state = desk.store.state(after)
        inside = range(row.first, row.last + 1)
        assert left == []
        assert gone == [seq for seq in inside if not in_ranges(seq, state.retracted)]
        assert after.active_tokens < before.active_tokens
        assert (row.tokens_before, row.tokens_after) == (before.active_tokens, after.active_tokens)

    def fates(self, version: int | None = None) -> dict[int, str]:
        """The fate of each message; exactly one, and none of what is not there."""
        now = self.desk.now(self.session)
        messages, runs = fates.at(self.desk.store, now, version)
        found = [(seq, run.fate) for run in runs for seq in range(run.first, run.last + 1)]
        assert [seq for seq, _ in found] == list(range(1, messages + 1))
        return dict(found)

    def look(self) -> None:
        """Remembers what a version looks like."""
        version = self.desk.now(self.session).version
        self.seen[version] = (self.fates(), self.digests())

    def digests(self, version: int | None = None) -> list[str]:
        asks: list[dict[str, Any]] = [{}, {"query": "budget invoice parcels", "tokens": 500}]
        found = []
        for ask in asks:
            try:
                context = self.desk.context(self.session, at=version, **ask)
            except errors.BudgetTooSmall as error:
                found.append(f"least {error.details['least']}")
            else:
                found.append(context.digest)
        return found


@pytest.mark.long
def test_i05_i06_i07_i14_whatever_happens_every_message_is_accounted_for(desk: Desk) -> None:
    folds: list[int] = []
    looked: list[int] = []

    @bounded
    @given(data=st.data())
    def live(data: st.DataObject) -> None:
        life = Life(desk, data)
        for _ in range(data.draw(st.integers(3, 7), "rounds")):
            for _ in range(data.draw(st.integers(1, 3), "steps")):
                life.step()
            life.say()
            life.compress(manual=data.draw(st.booleans(), "manual"))
            life.look()
        check_past(life)
        with pytest.MonkeyPatch.context() as patch:
            # How many runs of fates stand one by one in an account; what is older together.
            patch.setattr(account, "MOST_RUNS", data.draw(st.sampled_from([1, 3, 200]), "runs"))
            check_contexts(life, data)
        folds.append(desk.now(life.session).compressions)
        looked.append(honesty.check(desk, life.session))
        assert list(verify(desk.store, project=desk.project)) == []

    live()
    # Lives in which nothing was ever folded would prove nothing.
    assert sum(map(bool, folds)) > len(folds) / 2
    assert sum(looked) > 1_000


def check_past(life: Life) -> None:
    """Every version has its fates, and what was seen of one is still so."""
    now = life.desk.now(life.session)
    for version in range(1, now.version + 1):
        found = life.fates(version)
        shown = fates.fates_out(life.desk.store, now, version)
        assert sum(shown["counts"].values()) == shown["messages"] == len(found)
        if version in life.seen:
            assert (found, life.digests(version)) == life.seen[version], version


def check_contexts(life: Life, data: st.DataObject) -> None:
    """Contexts of any size, now and then, are within their limit, whole, and valid."""
    desk, session = life.desk, life.session
    now = desk.now(session)
    log = desk.store.messages(now, Window(limit=1_000))
    for form in FORMS:
        at = data.draw(st.none() | st.integers(1, now.version), "at")
        ask = {
            "form": form,
            "at": at,
            "tokens": data.draw(st.none() | st.integers(1, 1_500), "tokens"),
            "query": data.draw(st.sampled_from([None, "What is my budget?"]), "query"),
            "policy": data.draw(st.sampled_from([None, None, "last_turns"]), "policy"),
        }
        state = desk.store.state(now, at)
        said = log if at is None else log[: desk.store.messages_at(now, at)]
        try:
            context = desk.context(session, **ask)
        except errors.BudgetTooSmall as error:
            least = error.details["least"]
            if least > (now.window if ask["policy"] is None else 128_000):
                continue
            context = desk.context(session, **{**ask, "tokens": least})
        rules.check(context, said, state)
        check_pins(context, said, state)


def check_pins(context: Any, said: list[StoredMessage], state: Any) -> None:
    """What is pinned stands there word for word."""
    told = {notice["seq"] for notice in context.notices if notice["code"] == "pinned_left_out"}
    sent = json.dumps([context.system, context.messages], ensure_ascii=False)
    for seq in state.pinned:
        if seq not in told and seq <= len(said) and not in_ranges(seq, state.retracted):
            text = passage(said[seq - 1]).text
            assert json.dumps(text, ensure_ascii=False)[1:-1] in sent


def test_the_least_that_pins_need_is_named_and_does(desk: Desk) -> None:
    name = desk.policy("small", window=600, reserve=0, turns=1)
    said = [
        {"role": "user", "content": f"Pin {n}: " + " ".join(map("w{}".format, range(40)))}
        for n in range(30)
    ]
    session = desk.session(said, policy=name)
    for seq in (2, 3, 5, 8):
        desk.pin(session, seq)
    assert desk.ask(session)
    with pytest.raises(errors.BudgetTooSmall) as caught:
        desk.context(session, tokens=100)
    least = caught.value.details["least"]
    context = desk.context(session, tokens=least)
    assert context.tokens == least
    for seq in (2, 3, 5, 8):
        assert said[seq - 1] in context.messages
    with pytest.raises(errors.BudgetTooSmall):
        desk.context(session, tokens=least - 1)
