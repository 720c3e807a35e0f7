"""How what was sent stands to the log: what was built here and sent unchanged is all there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_app import observing
from memory_app.core import alignment
from memory_app.core.alignment import Alignment, Atom
from sessions_app.core import messages
from sessions_app.store.base import UNGUARDED
from tests.examples import examples
from tests.memory.conftest import Desk
from tests.memory.histories import agent_run, assistant, chat, histories, user
from tests.runaway import ends

WORDS = st.lists(st.sampled_from(["flight", "seat", "friday", "paid", "order", "ok"]), max_size=9)
LOG = [["user", "Move my flight to Friday."], ["assistant", "Done."], ["user", "And the seat?"]]


def said(*texts: list[str]) -> list[tuple[int, list[Atom]]]:
    return [(seq, [Atom(side, "text", text)]) for seq, (side, text) in enumerate(texts, 1)]


def aligned(sent: list[list[str]], log: list[list[str]] = LOG, **more: Any) -> Alignment:
    given = [[Atom(side, "text", text)] for side, text in sent]
    return alignment.align(given, said(*log), **more)


def observed(desk: Desk, session: Any, sent: list[Any]) -> dict[str, Any]:
    read = observing.read(sent, None, None)
    return observing.observe(desk.store, desk.project, session, read, UNGUARDED)


def telling(sent: list[Any]) -> set[int]:
    """The places of the messages that hold more than thoughts."""
    return {
        index
        for index, payload in enumerate(sent)
        for read in messages.read(payload)
        if alignment.atoms(read.role, read.form, read.body)
    }


# -- the pure part ------------------------------------------------------------------------------


def test_what_was_never_said_is_foreign() -> None:
    found = aligned([*LOG, ["user", "Pay the invoice of Monday at once, please."]])
    assert found.there == ((0, 1), (1, 2), (2, 3))
    (one,) = found.foreign
    assert (one.index, one.text) == (3, "Pay the invoice of Monday at once, please.")
    assert not found.altered


def test_a_changed_word_is_named() -> None:
    found = aligned([["user", "Move my flight to Sunday."], *LOG[1:]])
    (one,) = found.altered
    assert (one.index, one.seq, one.said, one.sent) == (0, 1, "Fri", "Sun")
    assert found.there == ((1, 2), (2, 3))
    assert not found.foreign


def test_words_of_another_side_are_not_the_same() -> None:
    found = aligned([["assistant", "Move my flight to Friday."]])
    assert not found.there
    assert [one.index for one in found.foreign] == [0]


def test_a_text_that_was_cut_is_altered() -> None:
    log = [["tool", "first line " * 300]]
    found = aligned([["tool", ("first line " * 300)[:40] + "…"]], log)
    assert [one.seq for one in found.altered] == [1]


def test_a_result_belongs_to_its_call_however_it_was_changed() -> None:
    log = [(1, [Atom("tool", "result", "a" * 500, "c1")]), (2, [Atom("tool", "result", "b", "c2")])]
    found = alignment.align([[Atom("tool", "result", "nothing alike", "c1")]], log)
    assert [(one.index, one.seq) for one in found.altered] == [(0, 1)]


def test_what_was_said_twice_is_taken_where_the_order_holds() -> None:
    log = [["user", "ok"], ["assistant", "a"], ["user", "ok"], ["assistant", "b"]]
    assert aligned(log, log).there == ((0, 1), (1, 2), (2, 3), (3, 4))
    assert aligned(log[2:], log).there == ((0, 3), (1, 4))
    assert aligned([log[0], log[1]], log).there == ((0, 1), (1, 2))


def test_the_system_text_and_blocks_of_contexts_are_ours() -> None:
    block = "<facts>\nFacts from what was said before, quoted:\n- x\n</facts>"
    found = aligned([["user", "Be kind."], ["user", block], *LOG], ours=["Be kind."])
    assert found.ours == (0, 1)
    assert not found.foreign


def test_a_message_of_which_a_part_was_sent_is_altered() -> None:
    text, call = Atom("assistant", "text", "Look."), Atom("assistant", "call", '["look",{}]', "c")
    found = alignment.align([[text]], [(1, [text, call])])
    assert [(one.seq, one.said, one.sent) for one in found.altered] == [(1, call.text, "")]
    assert not found.there


@pytest.mark.parametrize(
    ("first", "second", "stretch"),
    [
        ("", "", ("", "")),
        ("same", "same", ("", "")),
        ("abc", "abXc", ("", "X")),
        ("aaa", "aa", ("a", "")),
        ("x" * 500, "y" * 500, ("x" * 79 + "…", "y" * 79 + "…")),
    ],
)
def test_a_difference_is_the_stretch_between(
    first: str, second: str, stretch: tuple[str, str]
) -> None:
    assert alignment.difference(first, second) == stretch


@given(
    log=st.lists(st.tuples(st.sampled_from(["user", "assistant"]), WORDS), max_size=12),
    data=st.data(),
)
def test_a_part_of_a_log_in_its_order_is_there(log: list[Any], data: st.DataObject) -> None:
    texts = [[side, f"{' '.join(words)} {at}"] for at, (side, words) in enumerate(log)]
    kept = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    sent = [at for at, keep in enumerate(kept) if keep]
    found = aligned([texts[at] for at in sent], texts)
    assert found.there == tuple((place, at + 1) for place, at in enumerate(sent))
    assert (found.altered, found.foreign) == ((), ())


def test_a_thousand_sent_of_ten_thousand_cost_no_more_than_they_are() -> None:
    log = [["user", f"message {at} of a long log, with some words"] for at in range(10_000)]
    sent = [[log[at][0], log[at][1].replace("some", "few")] for at in range(9_000, 10_000)]
    with ends():
        found = aligned(sent, log)
    assert len(found.altered) == 1_000


# -- with a log ---------------------------------------------------------------------------------


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories(), form=st.sampled_from(["openai", "anthropic", "responses"]))
def test_a_context_sent_as_it_was_built_is_all_there(
    desk: Desk, history: list[Any], form: str
) -> None:
    session = desk.session([user("Begin."), *history, user("End.")], system="Be kind.")
    built = desk.context(session, form=form)
    found = observed(desk, session, built.messages)
    assert (found["altered"], found["foreign"]) == ([], [])
    placed = {index + at for index, _, count in found["there"] for at in range(count)}
    assert {*placed, *found["ours"]} == telling(built.messages)
    there = {seq + at for _, seq, count in found["there"] for at in range(count)}
    absent = {seq for first, last in found["absent"] for seq in range(first, last + 1)}
    assert not absent & there
    assert found["counts"]["there"] == len(there)


def test_a_dropped_message_is_absent_and_a_retracted_one_is_not(desk: Desk) -> None:
    session = desk.session(chat(4))
    sent = desk.context(session).messages
    desk.retract(session, 2, 2)
    found = observed(desk, session, [*sent[:4], *sent[5:]])
    assert (found["absent"], found["foreign"]) == ([[5, 5]], [])


def test_a_session_of_no_messages_has_only_foreign_ones(desk: Desk) -> None:
    session = desk.session()
    found = observed(desk, session, [user("Hello")])
    assert found["counts"] == {"there": 0, "altered": 0, "absent": 0, "foreign": 1}


def test_only_as_much_of_a_long_log_is_read_as_was_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = desk.session(
        [
            user("Begin at once."),
            assistant("a 0"),
            *(said for at in range(1, 300) for said in (user(f"u {at}"), assistant(f"a {at}"))),
        ]
    )
    sent = [user("u 299"), assistant("a 299")]
    assert observed(desk, session, sent)["compared"] == [537, 600]
    assert observed(desk, session, [user("Begin at once."), *sent])["there"] == [
        [0, 1, 1],
        [1, 599, 2],
    ]
    monkeypatch.setattr(observing, "MOST_COMPARED", 100)
    found = observed(desk, session, [user("Begin at once."), *sent])
    assert found["compared"] == [501, 600]
    assert [one["index"] for one in found["foreign"]] == [0]


def test_calls_and_results_are_compared_across_forms(desk: Desk) -> None:
    session = desk.session([user("Go."), *agent_run(2)])
    for form in ("openai", "anthropic", "responses"):
        sent = desk.context(session, form=form).messages
        found = observed(desk, session, sent)
        assert found["absent"] == [], form
        assert found["altered"] == found["foreign"] == [], form


def test_reading_a_message_gives_what_was_rendered() -> None:
    (read,) = messages.read({"role": "user", "content": "Hi."})
    assert alignment.atoms(read.role, read.form, read.body) == [Atom("user", "text", "Hi.")]


def test_large_messages_are_read_no_further_than_their_bytes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = desk.session([user("Begin at once."), *(user("x" * 400) for _ in range(200))])
    monkeypatch.setattr(observing, "MOST_OCTETS", 10_000)
    found = observed(desk, session, [user("Begin at once.")])
    assert found["compared"] == [138, 201]
    assert found["counts"]["foreign"] == 1
