"""`verify` finds each way of spoiling the log and names the place; a sound store has no problem."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import connection

from sessions_app import verifying
from sessions_app.core import chain
from sessions_app.models import Event, Message, RequestKey, Session, SessionTag
from sessions_app.store.base import Edit, NewSession, Prompt, Snapshot
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import Head, Problem, heads, read_heads, verify
from tests.store.racing import race
from tests.store.saying import filled, keyed, opened, said, turn


@pytest.fixture
def store(db: None) -> DurableStore:
    return DurableStore()


@pytest.fixture
def session(store: DurableStore, project: int) -> Snapshot:
    """Version 1 created, 2-3 4-5 6-7 turns, 8 details, 9 retracted, 10 pinned, 11-12 a turn."""
    new = NewSession(key="trip", user="alice", prompt=Prompt("Be kind.", (), 7, 0), tags=("x",))
    found = store.open(project, new, keyed("open")).session.id
    for number in range(3):
        store.append(project, found, turn(f"question {number}"))
    store.edit(project, found, Edit(title="B", metadata={"n": 1}))
    store.retract(project, found, (2, 3))
    store.pin(project, found, 4)
    store.append(project, found, turn("last"), keyed("append"))
    return store.get(project, found)


def message(session: Snapshot, seq: int) -> Any:
    return Message.objects.filter(session_id=session.number, seq=seq)


def event(session: Snapshot, version: int) -> Any:
    return Event.objects.filter(session_id=session.number, version=version)


def row(session: Snapshot) -> Any:
    return Session.everything.filter(number=session.number)


def flipped(raw: bytes) -> bytes:
    return bytes([raw[0] ^ 1]) + raw[1:]


def flip(rows: Any, column: str) -> None:
    """Changes one bit of one column of one row."""
    value = rows.values_list(column, flat=True).get()
    if isinstance(value, str):
        new: Any = value.replace("e", "f", 1)
        assert new != value
    else:
        new = flipped(bytes(value))
    rows.update(**{column: new})


def swap(session: Snapshot, first: int, second: int) -> None:
    """Two messages change places, each with all that belongs to it but its numbers."""
    columns = ("role", "created_us", "salt", "digest", "body")
    one, two = (message(session, seq).values(*columns).get() for seq in (first, second))
    message(session, first).update(**two)
    message(session, second).update(**one)


Spoil = Callable[[Snapshot], Any]
SPOILT: dict[str, tuple[Spoil, set[str], tuple[int | None, int | None]]] = {
    "a byte of a body": (lambda s: flip(message(s, 3), "body"), {"digest"}, (4, 3)),
    "a byte of a salt": (lambda s: flip(message(s, 3), "salt"), {"digest"}, (4, 3)),
    "a byte of a digest": (
        lambda s: flip(message(s, 3), "digest"),
        {"digest", "head"},
        (4, 3),
    ),
    "a role": (lambda s: message(s, 4).update(role="tool"), {"digest"}, (5, 4)),
    "a time": (lambda s: message(s, 4).update(created_us=1), {"digest"}, (5, 4)),
    "an event's data": (
        lambda s: event(s, 8).update(data='{"title":"C"}'),
        {"digest", "state"},
        (8, None),
    ),
    "an event's kind": (lambda s: event(s, 10).update(kind="unpinned"), {"digest"}, (10, None)),
    "an event's salt": (lambda s: flip(event(s, 9), "salt"), {"digest"}, (9, None)),
    "no JSON in an event": (
        lambda s: event(s, 8).update(data="{"),
        {"digest", "event", "state"},
        (8, None),
    ),
    "a blanked message": (
        lambda s: message(s, 3).update(body="", salt=b""),
        {"blank"},
        (4, None),
    ),
    "a lost message": (
        lambda s: message(s, 3).delete(),
        {"version", "seq", "head", "counter"},
        (4, None),
    ),
    "the last message lost": (
        lambda s: message(s, 8).delete(),
        {"version", "batch", "counter"},
        (12, None),
    ),
    "a lost event": (
        lambda s: event(s, 8).delete(),
        {"version", "head", "state"},
        (8, None),
    ),
    "two messages swapped": (lambda s: swap(s, 1, 4), {"digest", "head", "total"}, (2, 1)),
    "a version told twice": (
        lambda s: message(s, 3).update(version=3),
        {"version", "digest"},
        (3, None),
    ),
    "a turn": (lambda s: message(s, 4).update(turn=9), {"total"}, (5, 4)),
    "a turn's start": (lambda s: message(s, 4).update(turn_start=1), {"total"}, (5, 4)),
    "a running total": (lambda s: message(s, 4).update(tokens_total=9), {"total"}, (5, 4)),
    "a message's tokens": (lambda s: message(s, 4).update(tokens=9), {"total"}, (5, 4)),
    "a batch joined to the next": (
        lambda s: message(s, 4).update(batch_end=False),
        {"head"},
        (12, None),
    ),
    "a forged head": (lambda s: row(s).update(head=b"h" * 32), {"head"}, (12, None)),
    "the messages counter": (lambda s: row(s).update(messages=7), {"counter"}, (12, None)),
    "the turns counter": (lambda s: row(s).update(turns=9), {"counter"}, (12, None)),
    "the tokens counter": (lambda s: row(s).update(tokens=9), {"counter"}, (12, None)),
    "the active tokens": (lambda s: row(s).update(active_tokens=9), {"counter"}, (12, None)),
    "the present turn": (lambda s: row(s).update(turn_start=1), {"counter"}, (12, None)),
    "a version too high": (
        lambda s: row(s).update(version=14),
        {"version"},
        (13, None),
    ),
    "a version too low": (
        lambda s: row(s).update(version=10),
        {"beyond", "head", "counter", "request_key"},
        (12, None),
    ),
    "a title": (lambda s: row(s).update(title="C"), {"state"}, (12, None)),
    "a status": (lambda s: row(s).update(status="ended"), {"state"}, (12, None)),
    "the metadata": (lambda s: row(s).update(metadata='{"n":2}'), {"state"}, (12, None)),
    "the tags": (lambda s: row(s).update(tags='["y"]'), {"state"}, (12, None)),
    "tags that are no JSON": (lambda s: row(s).update(tags="["), {"state"}, (12, None)),
    "a tag's row": (
        lambda s: SessionTag.objects.filter(session_id=s.number).delete(),
        {"state"},
        (12, None),
    ),
    "the prompt's version": (lambda s: row(s).update(prompt_version=2), {"state"}, (12, None)),
    "the overlay's version": (lambda s: row(s).update(overlay_version=9), {"state"}, (12, None)),
    "the policy": (lambda s: row(s).update(policy_name="other"), {"state"}, (12, None)),
    "the policy's version": (lambda s: row(s).update(policy_version=2), {"state"}, (12, None)),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_was_spoilt_is_found_and_named(
    store: DurableStore, project: int, session: Snapshot, name: str
) -> None:
    sound = filled(store, project)
    spoil, kinds, place = SPOILT[name]
    spoil(session)
    problems = list(verify(store))
    assert {problem.session for problem in problems} == {session.id}, sound
    assert {problem.kind for problem in problems} == kinds
    assert place in {(problem.version, problem.seq) for problem in problems}


def test_a_sound_store_has_no_problem(store: DurableStore, project: int, session: Snapshot) -> None:
    store.fork(project, session.id, 6)
    store.fork(project, session.id, 9, "branch")
    store.end(project, session.id)
    store.delete(project, session.id)
    store.purge(project, filled(store, project))
    assert list(verify(store)) == []
    assert list(verify(store, heads=list(heads(store)))) == []


def test_an_erasure_on_record_is_no_problem(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    message(session, 3).update(body="", salt=b"")
    head = store._insert_events(session.number, 13, session.head, [("erased", {"seq": 3})], 1)
    row(session).update(version=13, head=head)
    assert list(verify(store)) == []


def test_verifying_changes_nothing_and_takes_no_lock(
    store: DurableStore, session: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    rows = type(store.db).rows

    def watched(db: Any, statement: str, params: Any = ()) -> Any:
        seen.append(statement)
        return rows(db, statement, params)

    monkeypatch.setattr(type(store.db), "rows", watched)
    assert list(verify(store, heads=heads(store))) == []
    assert seen
    assert all(statement.split()[0] == "SELECT" for statement in seen)
    assert not any("FOR " in statement for statement in seen)


def test_no_more_than_a_page_is_read_at_once(
    store: DurableStore, project: int, session: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        filled(store, project)
    most = 0
    rows = type(store.db).rows

    def watched(db: Any, statement: str, params: Any = ()) -> Any:
        nonlocal most
        found = rows(db, statement, params)
        most = max(most, len(found))
        return found

    monkeypatch.setattr(verifying, "PAGE", 3)
    monkeypatch.setattr(type(store.db), "rows", watched)
    assert list(verify(store)) == []
    assert len(list(heads(store))) == 6
    assert most == 3


# -- heads kept elsewhere ----------------------------------------------------------------------


def rewrite(session: Snapshot) -> None:
    """What somebody does who can write everything: another text, and all proofs made to match."""
    forged, salt = '{"content":"never said"}', os.urandom(16)
    values = message(session, 3).values().get()
    place = (values["version"], 3)
    digest = chain.message_digest(salt, place, values["role"], values["created_us"], forged)
    message(session, 3).update(body=forged, salt=salt, digest=digest)
    links = DurableStore().links(session.number, session.version)
    row(session).update(head=chain.head_at(links))


def test_a_consistent_rewrite_is_found_by_a_kept_head_alone(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    kept = list(heads(store))
    store.append(project, session.id, turn("after the heads were kept"))
    assert list(verify(store, heads=kept)) == []
    rewrite(store.get(project, session.id))
    assert list(verify(store)) == []
    (problem,) = verify(store, heads=kept)
    assert (problem.session, problem.kind, problem.version) == (session.id, "kept_head", 12)


def test_every_head_of_the_past_is_part_of_the_chain(store: DurableStore, project: int) -> None:
    session = opened(store, project)
    kept: list[Head] = []
    for number in range(5):
        kept += heads(store)
        store.append(project, session, [said(str(number))] * (number + 1))
    assert list(verify(store, heads=kept)) == []
    wrong = kept[2]._replace(head="0" * 64)
    assert [p.version for p in verify(store, heads=[*kept, wrong])] == [wrong.version]


def test_a_session_cut_short_is_missed_by_its_kept_head(
    store: DurableStore, session: Snapshot
) -> None:
    kept = list(heads(store))
    message(session, 8).delete()
    message(session, 7).delete()
    links = store.links(session.number, 10)
    row(session).update(
        version=10,
        messages=6,
        turns=3,
        turn_start=5,
        tokens=90,
        head=chain.head_at(links),
        active_tokens=67,
    )
    RequestKey.objects.all().delete()
    assert list(verify(store)) == []
    (problem,) = verify(store, heads=kept)
    assert (problem.kind, problem.version) == ("kept_head", 12)


def test_a_session_that_is_gone_is_named(
    store: DurableStore, project: int, foreign: int, session: Snapshot
) -> None:
    filled(store, foreign)
    kept = list(heads(store))
    store.purge(project, session.id)
    assert [(p.session, p.kind) for p in verify(store, heads=kept)] == [(session.id, "gone")]
    assert [p.kind for p in verify(store, project=foreign, heads=kept)] == ["gone"]


def test_kept_heads_are_lines_of_text(store: DurableStore, session: Snapshot) -> None:
    lines = [str(head) for head in heads(store)]
    assert list(read_heads(["# kept on Friday\n", "\n", *lines])) == list(heads(store))


@pytest.mark.parametrize(
    "line", ["x", f"{UUID(int=1)} 1", f"{UUID(int=1)} -1 {'0' * 64}", f"{UUID(int=1)} 1 {'0' * 63}"]
)
def test_a_line_that_is_no_head_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        list(read_heads(["", line]))


def test_a_kept_answer_beyond_its_session_is_named(store: DurableStore, session: Snapshot) -> None:
    kept = RequestKey.objects.get(key="append")
    figures = orjson.loads(kept.answer)
    figures[1] = 99
    RequestKey.objects.filter(key="append").update(answer=orjson.dumps(figures).decode())
    RequestKey.objects.filter(key="open").update(answer='{"facts":[1]}')
    (problem,) = verify(store)
    assert (problem.session, problem.kind, problem.version) == (session.id, "request_key", 99)


def test_a_problem_reads_as_one_line() -> None:
    problem = Problem(UUID(int=1), "digest", "not what its digest says", 4, 3)
    assert str(problem) == f"{UUID(int=1)} version 4 seq 3: not what its digest says (digest)"


@pytest.mark.django_db(transaction=True)
def test_verifying_beside_writers_finds_nothing(project: int) -> None:
    store = DurableStore()
    sessions = [filled(store, project) for _ in range(3)]

    def work(number: int) -> list[Problem]:
        if number == 0:
            return [problem for _ in range(8) for problem in verify(store)]
        for step in range(15):
            store.append(project, sessions[number % 3], turn(str(step)), keyed(f"{number}/{step}"))
            store.edit(
                project, sessions[step % 3], Edit(title=f"{number}/{step}", tags=(str(step),))
            )
            store.purge(project, filled(store, project, turns=1))
        return []

    found = race(4, work)
    connection.close()
    assert found == [[]] * 4
