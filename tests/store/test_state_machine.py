"""The store against a model in memory: any order of verbs, compared at every version."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sessions_app.core import errors
from sessions_app.store import leasing
from sessions_app.store.base import Edit, NewSession, Prompt
from sessions_app.store.database import Database
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import Head, verify
from tests.examples import examples
from tests.store.saying import bodies, said, under

TEXTS = st.text("abcdéß 'ς\u2028", max_size=12)
BATCHES = st.lists(
    st.builds(
        said,
        st.text("abc", max_size=5),
        st.sampled_from(["user", "assistant", "tool"]),
        st.integers(0, 2_000),
    ),
    min_size=1,
    max_size=4,
)
FRACTION = st.floats(0, 1)


@dataclass
class Then:
    """What a session should look like at one version."""

    version: int = 1
    status: str = "active"
    title: str = ""
    tags: tuple[str, ...] = ()
    prompt: int = 0
    messages: list[tuple[str, str, int]] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    pinned: set[int] = field(default_factory=set)

    @property
    def counters(self) -> dict[str, int]:
        shown = [item for seq, item in enumerate(self.messages, 1) if seq not in self.hidden]
        return {
            "version": self.version,
            "messages": len(self.messages),
            "turns": sum(role == "user" for _, role, _ in self.messages),
            "tokens": sum(tokens for _, _, tokens in self.messages),
            "active_tokens": self.prompt + sum(tokens for _, _, tokens in shown),
        }


class Sessions(RuleBasedStateMachine):
    """Verbs go to the store and the model alike; the end compares all that ever was."""

    sessions = Bundle("sessions")
    project: int
    time: list[int]

    def __init__(self) -> None:
        super().__init__()
        self.store = DurableStore()
        self.past: dict[UUID, list[Then]] = {}
        self.heads: list[Head] = []
        # Who holds which session until when, by the model's own clock: (token, holder, until).
        self.held: dict[UUID, tuple[int, str, int]] = {}
        self.time[:] = [1]

    def now(self, session: UUID) -> Then:
        return self.past[session][-1]

    def moved(self, session: UUID, count: int, **new: Any) -> None:
        """The model after `count` more versions; compares with the store's row."""
        for _ in range(count):
            then = deepcopy(self.now(session))
            then.version += 1
            self.past[session].append(then)
        for name, value in new.items():
            setattr(self.now(session), name, value)
        self.compare(session)

    def compare(self, session: UUID) -> None:
        row, now = self.store.get(self.project, session, deleted=True), self.now(session)
        assert {name: getattr(row, name) for name in now.counters} == now.counters
        assert (row.status, row.title) == (now.status, now.title)
        self.heads.append(Head(session, row.version, row.head.hex()))

    def refused(self, session: UUID, change: Any, *args: Any) -> bool:
        """Whether the status forbids this; then the store has to refuse it."""
        status = self.now(session).status
        if change == self.store.append and status == "active" and self.is_held(session):
            return self.raises(session, errors.SessionBusy, change, *args)
        if status == "active" or (status != "deleted" and change in self.patient()):
            return False
        kind = errors.SessionDeleted if status == "deleted" else errors.SessionEnded
        return self.raises(session, kind, change, *args)

    def raises(self, session: UUID, kind: Any, change: Any, *args: Any) -> bool:
        try:
            change(self.project, session, *args)
        except kind:
            self.compare(session)
            return True
        raise AssertionError(f"{change} was to raise {kind}")

    def is_held(self, session: UUID) -> bool:
        return self.time[0] < self.held.get(session, (0, "", 0))[2]

    def patient(self) -> tuple[Any, ...]:
        """Verbs that an ended or archived session takes."""
        store = self.store
        changes = (store.edit, store.retract, store.pin)
        return *changes, store.fork, store.end, store.archive, store.reopen, store.delete

    @rule(target=sessions, title=TEXTS, prompt=st.integers(0, 500))
    def open(self, title: str, prompt: int) -> UUID:
        new = NewSession(title=title, prompt=Prompt("s", (), prompt, 0))
        session = self.store.open(self.project, new).session.id
        self.past[session] = [Then(title=title, prompt=prompt)]
        self.compare(session)
        return session

    @rule(session=sessions, batch=BATCHES)
    def append(self, session: UUID, batch: list[Any]) -> None:
        if self.refused(session, self.store.append, batch):
            return
        done = self.store.append(self.project, session, batch)
        for item in batch[:-1]:
            self.past[session].append(self.said(session, item))
        self.past[session].append(self.said(session, batch[-1]))
        self.compare(session)
        assert done.version == self.now(session).version
        assert done.used == self.now(session).counters["active_tokens"]

    def said(self, session: UUID, item: Any) -> Then:
        then = deepcopy(self.now(session))
        then.version += 1
        then.messages.append((item.body, item.role, item.tokens))
        return then

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.time[0] += seconds

    @rule(session=sessions, holder=st.sampled_from("pq"), ttl=st.integers(1, 60))
    def lease(self, session: UUID, holder: str, ttl: int) -> None:
        wish = (self.project, session, holder, ttl)
        status = self.now(session).status
        if status != "active" or self.is_held(session):
            deleted = status == "deleted"
            kind = errors.SessionDeleted if deleted else errors.SessionEnded
            kinds = errors.SessionBusy if status == "active" else kind
            with pytest.raises(kinds):
                leasing.acquire(self.store, *wish)
            self.compare(session)
            return
        done = leasing.acquire(self.store, *wish)
        token = self.held.get(session, (0, "", 0))[0] + 1
        assert done.session.lease_token == token
        self.held[session] = (token, holder, self.time[0] + ttl)
        self.moved(session, 1)

    @rule(session=sessions, late=st.booleans(), batch=BATCHES)
    def append_under_a_lease(self, session: UUID, late: bool, batch: list[Any]) -> None:
        if self.now(session).status != "active":
            return
        token = max(0, self.held.get(session, (0, "", 0))[0] - late)
        if late or not self.is_held(session):
            self.raises(session, errors.LeaseLost, self.store.append, batch, under(token))
            return
        self.store.append(self.project, session, batch, under(token))
        for item in batch:
            self.past[session].append(self.said(session, item))
        self.compare(session)

    @rule(session=sessions, late=st.booleans())
    def release(self, session: UUID, late: bool) -> None:
        if self.now(session).status == "deleted":
            return
        token, holder, _ = self.held.get(session, (0, "", 0))
        if not late and token and not holder:
            leasing.release(self.store, self.project, session, token)
            self.compare(session)
        elif late or not self.is_held(session):
            with pytest.raises(errors.LeaseLost):
                leasing.release(self.store, self.project, session, token - late)
            self.compare(session)
        else:
            leasing.release(self.store, self.project, session, token)
            self.held[session] = (token, "", 0)
            self.moved(session, 1)

    @rule(session=sessions, title=TEXTS, tags=st.sets(st.sampled_from("xyz")))
    def edit(self, session: UUID, title: str, tags: set[str]) -> None:
        edit = Edit(title=title, tags=tuple(sorted(tags)))
        if self.refused(session, self.store.edit, edit):
            return
        now = self.now(session)
        new = (now.title, now.tags) != (title, edit.tags)
        self.store.edit(self.project, session, edit)
        self.moved(session, int(new), title=title, tags=edit.tags)

    @rule(session=sessions, prompt=st.integers(0, 500), system=st.sampled_from("stu"))
    def prompt(self, session: UUID, prompt: int, system: str) -> None:
        edit = Edit(prompt=Prompt(system, (), prompt, 0))
        if self.refused(session, self.store.edit, edit):
            return
        before = self.store.get(self.project, session)
        old = self.store.prompt(before).data["system"]
        self.store.edit(self.project, session, edit)
        if old == system:
            self.compare(session)
        else:
            self.moved(session, 1, prompt=prompt)

    @rule(session=sessions, start=FRACTION, end=FRACTION)
    def retract(self, session: UUID, start: float, end: float) -> None:
        count = len(self.now(session).messages)
        if not count:
            return
        first, last = sorted((1 + int(start * (count - 1)), 1 + int(end * (count - 1))))
        if self.refused(session, self.store.retract, (first, last)):
            return
        self.store.retract(self.project, session, (first, last))
        span, hidden = set(range(first, last + 1)), self.now(session).hidden
        self.moved(session, int(not span <= hidden), hidden=hidden | span)

    @rule(session=sessions, place=FRACTION, pinned=st.booleans())
    def pin(self, session: UUID, place: float, pinned: bool) -> None:
        count = len(self.now(session).messages)
        if not count:
            return
        seq = 1 + int(place * (count - 1))
        if self.refused(session, self.store.retract, self.store.pin, seq):
            return
        before = self.now(session).pinned
        after = before | {seq} if pinned else before - {seq}
        self.store.pin(self.project, session, seq, pinned=pinned)
        self.moved(session, int(before != after), pinned=after)

    @rule(session=sessions)
    def end(self, session: UUID) -> None:
        self.to("ended", session, self.store.end)

    @rule(session=sessions)
    def archive(self, session: UUID) -> None:
        self.to("archived", session, self.store.archive)

    @rule(session=sessions)
    def reopen(self, session: UUID) -> None:
        self.to("active", session, self.store.reopen)

    @rule(session=sessions)
    def delete(self, session: UUID) -> None:
        self.to("deleted", session, self.store.delete)

    def to(self, status: str, session: UUID, verb: Any) -> None:
        if self.refused(session, verb):
            return
        verb(self.project, session)
        self.moved(session, int(self.now(session).status != status), status=status)

    @precondition(lambda self: self.past)
    @rule(session=sessions)
    def restore(self, session: UUID) -> None:
        deleted = self.now(session).status == "deleted"
        self.store.restore(self.project, session)
        before = [then.status for then in self.past[session] if then.status != "deleted"][-1]
        self.moved(session, int(deleted), status=before)

    @rule(target=sessions, session=sessions, place=FRACTION)
    def fork(self, session: UUID, place: float) -> Any:
        version = 1 + int(place * (self.now(session).version - 1))
        if self.refused(session, self.store.fork, version):
            return multiple()
        made = self.store.fork(self.project, session, version).session.id
        self.past[made] = deepcopy(self.past[session][:version])
        self.moved(made, 1, status="active")
        return made

    def teardown(self) -> None:
        """Everything that ever was is still there, and the log proves itself."""
        for session, past in self.past.items():
            row = self.store.get(self.project, session, deleted=True)
            for version, then in enumerate(past, 1):
                assert then.version == version
                assert bodies(self.store, row, version) == [body for body, _, _ in then.messages]
                state = self.store.state(row, version)
                assert (state.status, state.title) == (then.status, then.title)
                assert (set(state.tags), set(state.pinned)) == (set(then.tags), then.pinned)
                assert state.system_tokens == then.prompt
                assert {
                    seq for first, last in state.retracted for seq in range(first, last + 1)
                } == then.hidden
        assert list(verify(self.store, project=self.project, heads=self.heads)) == []


@pytest.mark.hypothesis
def test_any_order_of_verbs_agrees_with_the_model(
    project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Here(Sessions):
        time = [1]  # noqa: RUF012 - seconds by the database's clock, which is the model's

    Here.project = project
    monkeypatch.setattr(Database, "now_us", lambda _: Here.time[0] * 1_000_000)
    runs = examples(60 if connection.vendor == "sqlite" else 20)
    run_state_machine_as_test(Here, settings=settings(max_examples=runs, stateful_step_count=30))
