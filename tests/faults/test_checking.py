"""The checker itself: a history in which all is well passes, and each rule sees what it is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faults import checking, history
from tests.faults.checking import RULES, violations
from tests.faults.history import (
    GAVE_UP,
    LOST,
    OK,
    REFUSED,
    UNKNOWN,
    Attempt,
    Derived,
    Fault,
    Happened,
    History,
    Log,
    Said,
    Source,
)

CREATED = Happened(1, "created", {})
LOG = Log(
    5,
    (Said(1, 2, "a.0"), Said(2, 3, "b.0"), Said(3, 5, "c.0")),
    (CREATED, Happened(4, "retracted", {"op": "r", "from": 1, "to": 1})),
)


def attempt(op: str, kind: str, at: float, /, **given: Any) -> Attempt:
    """A good answer that took a second."""
    usual = {"who": "w", "session": "s", "node": 0, "outcome": OK, "status": 200}
    times = {"invoked": at, "completed": at + 1}
    return Attempt(**{"op": op, "kind": kind, **usual, **times, **given})


def appended(op: str, at: float, seq: int, version: int, /, **given: Any) -> Attempt:
    answer = {"rows": [[seq, version]], "durable": True}
    usual = {"status": 201, "keyed": True, "body": f"body of {op}"}
    return attempt(
        op, "append", at, **{**usual, "asked": {"texts": [f"{op}.0"]}, "answer": answer, **given}
    )


def read(kind: str, at: float, rows: list[Said], /, **given: Any) -> Attempt:
    usual = {"who": "r", "answer": {"rows": [list(row) for row in rows], "more": False}}
    return attempt("read", kind, at, **{**usual, **given})


A = appended("a", 0, 1, 2)
B = appended("b", 2, 2, 3, expected=2)
R = attempt("r", "retract", 4, asked={"from": 1, "to": 1}, answer={"version": 4, "durable": True})
C = appended("c", 6, 3, 5)
OPEN = attempt("o", "open", 0, session="", status=201, asked={"key": "k"}, answer={"id": "s"})
OPENED = replace(OPEN, answer={"id": "s", "durable": True})
STATE = attempt("q", "session", 8, answer={"version": 5, "head": "h", "messages": 3})
CONTEXT = attempt("x", "context", 8, asked={"tokens": 9}, answer={"version": 5, "digest": "d"})
FACT = Derived("fact", "f", "s", (Source("s", 1, "a.0"),), "m")
MADE = attempt("m", "fact", 8, answer={"id": "f", "durable": True})
GOOD = History(
    (A, B, R, C, OPENED, STATE, CONTEXT, MADE, read("last", 8, list(LOG.messages[1:]))),
    logs={"s": LOG},
    opened={"k": ("s",)},
    derived=(FACT,),
)
LOST_TRY = attempt("a", "append", 0, outcome=UNKNOWN, status=0, code=LOST, asked=A.asked)
GIVEN_UP = attempt(
    "u", "append", 9, outcome=UNKNOWN, status=0, code=GAVE_UP, asked={"texts": ["u.0"]}
)
CRASH = Fault("kill_server", "0", 0, 1, harms=True)
REFUSAL = attempt(
    "z", "append", 3, outcome=REFUSED, status=409, code="stale_version", asked={"texts": ["z.0"]},
    answer={"version": 3},
)  # fmt: skip


def with_(*attempts: Attempt, **given: Any) -> History:
    """GOOD and some more attempts, or other values."""
    return replace(GOOD, attempts=(*GOOD.attempts, *attempts), **given)


def without(gone: Attempt, *instead: Attempt, **given: Any) -> History:
    """GOOD with something else in the place of an attempt."""
    left = tuple(each for each in GOOD.attempts if each is not gone)
    return replace(GOOD, attempts=(*left, *instead), **given)


def with_log(
    *messages: Said, version: int = 5, events: tuple[Happened, ...] = LOG.events
) -> History:
    return replace(GOOD, logs={"s": Log(version, messages, events)})


def leased(grant: int, *events: Happened, token: int, told: int = 1) -> History:
    """A session whose lease is granted at a version, then `events`, then a write by a token."""
    first = Happened(grant, "lease", {"action": "acquired", "op": "l"})
    last = grant + len(events) + 1
    answer = {"version": grant, "token": told, "durable": True}
    return History(
        (
            attempt("l", "lease", 0, status=201, answer=answer),
            appended("h", 2, 1, last, asked={"texts": ["h.0"], "token": token}),
        ),
        logs={"s": Log(last, (Said(1, last, "h.0"),), (CREATED, first, *events))},
    )


FINE: dict[str, History] = {
    "nothing": History(()),
    "all is well": GOOD,
    "a try that was lost, and done by the next": with_(LOST_TRY, faults=(CRASH,)),
    "what nobody was told of": with_(
        GIVEN_UP, logs={"s": replace(LOG, version=6, messages=(*LOG.messages, Said(4, 6, "u.0")))}
    ),
    "a refusal": with_(REFUSAL),
    "an answer again, to the byte": with_(A),
    "a read that began before the acknowledgement": with_(
        read("last", 6.5, list(LOG.messages[:2]))
    ),
    "a read that may be old": with_(
        read("last", 7.5, list(LOG.messages), completed=7.6),
        read("last", 7.7, list(LOG.messages[:2]), asked={"max_stale": 1}),
    ),
    "a page that is not the last": with_(
        read("log", 9, list(LOG.messages[:1]), answer={"rows": [[1, 2, "a.0"]], "more": True})
    ),
    "the past": with_(read("past", 9, list(LOG.messages[:2]), asked={"at": 4, "limit": 9})),
    "a page of the past": with_(
        read("past", 9, list(LOG.messages[:2]), asked={"at": 5, "limit": 2})
    ),
    "a context of the past": with_(replace(CONTEXT, asked={"tokens": 9, "at": 5})),
    "what was retracted already": with_(replace(R, op="again", invoked=8, completed=9)),
    "an error while a server dies": with_(
        replace(
            REFUSAL, op="e", status=503, code="store_unavailable", outcome=UNKNOWN, invoked=0.5
        ),
        faults=(CRASH,),
    ),
    "a holder that writes": leased(2, token=1),
    "a session that was there": with_(replace(OPENED, op="p", status=200)),
    "a summary": with_(
        derived=(FACT, Derived("summary", "y", "s", (Source("s", 1), Source("s", 3)), "", 6)),
        logs={"s": replace(LOG, version=6, events=(*LOG.events, Happened(6, "compressed", {})))},
    ),
}

BROKEN: dict[str, list[tuple[str, History]]] = {
    "acknowledged_messages_stand_where_they_were_told": [
        ("lost", with_log(*LOG.messages[:2])),
        ("never there", with_(appended("d", 9, 4, 6))),
        ("moved", with_log(LOG.messages[0], Said(2, 3, "c.0"), Said(3, 5, "b.0"))),
        ("doubled", with_log(*LOG.messages, Said(4, 6, "a.0"), version=6)),
        ("damaged", with_log(Said(1, 2, "damaged: a"), *LOG.messages[1:])),
    ],
    "acknowledged_events_stand_where_they_were_told": [
        ("lost", with_log(*LOG.messages, events=(CREATED,))),
        (
            "elsewhere",
            with_log(*LOG.messages, events=(CREATED, Happened(6, "retracted", {"op": "r"}))),
        ),
        ("an edit that is nowhere", with_(replace(R, op="e", kind="edit"))),
        ("a pin that is nowhere", with_(replace(R, op="p", kind="pin", asked={"seq": 1}))),
    ],
    "what_was_acknowledged_is_durable": [
        ("not yet", without(A, replace(A, answer={**A.answer, "durable": False}))),
    ],
    "nothing_is_stored_twice": [
        (
            "of a try that nobody knows of",
            with_(
                GIVEN_UP,
                logs={
                    "s": replace(
                        LOG,
                        version=7,
                        messages=(*LOG.messages, Said(4, 6, "u.0"), Said(5, 7, "u.0")),
                    )
                },
            ),
        ),
        ("message", with_log(*LOG.messages, Said(4, 6, "a.0"), version=6)),
        ("event", with_log(*LOG.messages, events=(*LOG.events, LOG.events[1]))),
        ("fact", with_(derived=(FACT, replace(FACT, id="g")))),
    ],
    "nothing_is_stored_that_nobody_sent": [
        ("invented", with_log(*LOG.messages, Said(4, 6, "n.0"), version=6)),
        (
            "to another session",
            with_(logs={"s": LOG, "t": Log(2, (Said(1, 2, "a.0"),), (CREATED,))}),
        ),
    ],
    "what_was_refused_is_not_stored": [
        ("message", without(A, replace(REFUSAL, op="a", asked=A.asked))),
        (
            "event",
            without(
                R,
                replace(
                    R, outcome=REFUSED, status=409, code="stale_version", answer={"version": 5}
                ),
            ),
        ),
        ("fact", without(MADE, replace(MADE, outcome=REFUSED, status=422))),
    ],
    "numbers_have_no_gap": [
        ("seq", with_log(LOG.messages[0], Said(3, 3, "b.0"), Said(4, 5, "c.0"))),
        ("version", with_log(LOG.messages[0], Said(2, 3, "b.0"), Said(3, 6, "c.0"), version=6)),
        ("beyond", with_log(*LOG.messages, version=6)),
        ("twice", with_log(LOG.messages[0], Said(2, 3, "b.0"), Said(2, 3, "c.0"))),
        ("crossed", with_log(Said(1, 3, "a.0"), Said(2, 2, "b.0"), LOG.messages[2])),
    ],
    "one_writer_wins_a_version": [
        ("two winners", without(A, replace(A, expected=2))),
        ("not right behind", without(C, replace(C, expected=3))),
        ("an event too", without(R, replace(R, expected=2))),
    ],
    "one_key_gets_one_answer": [
        ("bytes", with_(replace(A, body="other"))),
        ("status", with_(replace(A, status=200))),
    ],
    "one_name_is_one_session": [
        ("two", with_(replace(OPENED, op="p", status=200, answer={"id": "t", "durable": True}))),
        ("made twice", with_(replace(OPENED, op="p"))),
        ("not there", with_(opened={})),
    ],
    "only_the_holder_writes": [
        ("late", leased(2, Happened(3, "lease", {"action": "taken_over", "op": "other"}), token=1)),
        ("after its release", leased(2, Happened(3, "lease", {"action": "released"}), token=1)),
        ("never granted", leased(2, token=2)),
        ("another number", leased(2, token=1, told=2)),
    ],
    "reads_tell_what_the_log_has": [
        ("other text", with_(read("last", 9, [*LOG.messages[:2], Said(3, 5, "x.0")]))),
        ("other version", with_(read("past", 9, [Said(1, 3, "a.0")], asked={"at": 2, "limit": 9}))),
        ("more than there is", with_(read("last", 9, [*LOG.messages, Said(4, 6, "x.0")]))),
        ("a hole", with_(read("last", 9, [LOG.messages[0], LOG.messages[2]]))),
    ],
    "pages_begin_where_they_were_asked_to": [
        ("later", with_(read("follow", 9, [LOG.messages[2]], asked={"after": 1}))),
    ],
    "reads_have_all_that_was_acknowledged": [
        ("last", with_(read("last", 7.5, list(LOG.messages[:2])))),
        ("an empty page", with_(read("follow", 7.5, [], asked={"after": 2}))),
        ("session", with_(replace(STATE, answer={"version": 4, "head": "g", "messages": 2}))),
        (
            "older than it may be",
            with_(read("last", 9, list(LOG.messages[:2]), asked={"max_stale": 1})),
        ),
        ("context", with_(replace(CONTEXT, answer={"version": 4, "digest": "e"}))),
    ],
    "readers_never_go_back": [
        (
            "log",
            with_(
                read("last", 6.1, list(LOG.messages), completed=6.2),
                read("last", 6.3, list(LOG.messages[:2]), completed=6.4),
            ),
        ),
        (
            "session",
            with_(
                read("last", 6.1, list(LOG.messages), completed=6.2),
                replace(
                    STATE,
                    who="r",
                    answer={"version": 4, "head": "g", "messages": 2},
                    invoked=6.3,
                    completed=6.4,
                ),
            ),
        ),
    ],
    "refusals_know_where_the_session_stands": [
        ("stale", with_(replace(REFUSAL, invoked=8))),
        (
            "no such version",
            with_(
                replace(REFUSAL, code="version_not_found", asked={"at": 3}, invoked=8, kind="past")
            ),
        ),
        ("no such session", with_(replace(REFUSAL, status=404, code="not_found"))),
    ],
    "the_past_is_what_it_was": [
        ("less", with_(read("past", 9, list(LOG.messages[:1]), asked={"at": 3, "limit": 9}))),
        ("more", with_(read("past", 9, list(LOG.messages[:2]), asked={"at": 2, "limit": 9}))),
    ],
    "contexts_of_a_version_are_the_same": [
        (
            "then and now",
            with_(
                replace(CONTEXT, asked={"tokens": 9, "at": 5}, answer={"version": 5, "digest": "e"})
            ),
        ),
    ],
    "a_version_is_one_state": [
        ("head", with_(replace(STATE, answer={**STATE.answer, "head": "g"}))),
        ("counter", with_(replace(STATE, answer={**STATE.answer, "messages": 2}))),
    ],
    "derived_rows_name_what_is_there": [
        ("no message", with_(derived=(FACT, replace(FACT, op="", sources=(Source("s", 4),))))),
        ("no session", with_(derived=(FACT, replace(FACT, op="", sources=(Source("t", 1),))))),
        (
            "other words",
            with_(derived=(FACT, replace(FACT, op="", sources=(Source("s", 1, "b.0"),)))),
        ),
        ("no event", with_(derived=(FACT, Derived("summary", "y", "s", (Source("s", 1),), "", 4)))),
    ],
    "acknowledged_facts_are_there": [
        ("lost", with_(derived=())),
        ("another", with_(derived=(replace(FACT, id="g"),))),
    ],
    "only_a_fault_is_an_excuse": [
        ("an error", with_(replace(REFUSAL, status=503, code="store_busy"))),
        ("no answer", with_(LOST_TRY)),
        (
            "after the fault",
            with_(replace(REFUSAL, status=503, code="store_busy"), faults=(CRASH,)),
        ),
        ("a fault that harms nobody", with_(LOST_TRY, faults=(replace(CRASH, harms=False),))),
    ],
    "a_fault_is_told_as_one": [
        ("in a fault", with_(replace(REFUSAL, op="e", status=500, invoked=0.5), faults=(CRASH,))),
    ],
    "verify_finds_nothing": [("a problem", with_(problems=("s: the head does not fit",)))],
}
CASES = [
    pytest.param(rule, case, id=f"{rule}: {name}")
    for rule, cases in BROKEN.items()
    for name, case in cases
]


@pytest.mark.parametrize("case", FINE.values(), ids=FINE)
def test_a_kept_promise_is_no_violation(case: History) -> None:
    assert violations(case) == []


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_each_broken_promise_is_seen_by_its_rule(rule: str, case: History) -> None:
    assert rule in {text.partition(":")[0] for text in violations(case)}


def test_every_rule_is_shown_to_fail() -> None:
    assert BROKEN.keys() == RULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_without_a_rule_what_it_is_for_goes_unseen(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No rule is another one by a second name: for each there is a history that it alone sees."""
    left: dict[str, Callable[..., Any]] = {
        name: each for name, each in RULES.items() if name != rule
    }
    monkeypatch.setattr(checking, "RULES", left)
    assert any(violations(case) == [] for _, case in BROKEN[rule])


def test_a_history_that_was_saved_is_the_same_history(tmp_path: Path) -> None:
    whole = with_(LOST_TRY, faults=(CRASH,), problems=("s: a problem",))
    history.save(whole, tmp_path / "run.jsonl")
    assert history.load(tmp_path / "run.jsonl") == whole
