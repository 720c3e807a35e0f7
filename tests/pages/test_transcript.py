from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import amounts, boundaries, texts, transcript, windows
from monitoring.fate import Fold
from monitoring.transcript import Boundary, Gap, Look, Said
from sessions_app import preparing
from sessions_app.core.entries import StoredEvent, StoredMessage
from sessions_app.core.replay import Entry, State
from tests.core.conversations import conversations
from tests.pages.samples import CALL, TALK, assistant, result, user

SECOND = 1_000_000


def stored(*payloads: dict[str, Any], every: int = 10) -> list[StoredMessage]:
    """Payloads as rows of the log, `every` so many seconds one."""
    prepared = preparing.batch(payloads)
    return [
        StoredMessage(
            seq, seq, 1, 1, item.role, item.form, 5, 5 * seq, False, seq * every * SECOND, item.body
        )
        for seq, item in enumerate(prepared, 1)
    ]


def messages(found: list[transcript.Row]) -> list[Said]:
    return [row for row in found if isinstance(row, Said)]


def test_a_result_is_folded_into_its_call() -> None:
    found = messages(transcript.rows(stored(*TALK), []))
    assert [row.seq for row in found] == [1, 2, 4]
    (call,) = found[1].blocks
    assert call.result
    assert (call.result.seq, call.result.text.shown) == (3, "ME 422 at 13:20")


def test_a_result_without_its_call_stands_alone() -> None:
    found = messages(transcript.rows(stored(user("x"), result("late", "call_9")), []))
    assert [(row.seq, [block.kind for block in row.blocks]) for row in found] == [
        (1, ["text"]),
        (2, ["result"]),
    ]


def test_the_second_result_of_a_call_stands_alone() -> None:
    found = messages(
        transcript.rows(stored(assistant(tool_calls=[CALL]), result("a"), result("b")), [])
    )
    assert [row.seq for row in found] == [1, 3]


def test_a_result_behind_the_window_is_told_where_it_is() -> None:
    log = stored(assistant(tool_calls=[CALL]), result("late"), user("next"))
    (call,) = messages(transcript.rows(log[:1], [], Look(trail=log[1:])))
    assert call.blocks[0].result is None
    assert call.blocks[0].elsewhere == 2


def test_a_call_before_the_window_is_told_where_it_is() -> None:
    log = stored(assistant(tool_calls=[CALL]), result("late"), user("next"))
    found = messages(transcript.rows(log[1:], [], Look(lead=log[:1])))
    assert found[0].blocks[0].elsewhere == 1


def test_a_call_that_was_answered_before_the_window_waits_no_more() -> None:
    log = stored(assistant(tool_calls=[CALL]), result("a"), user("x"), result("b"))
    found = messages(transcript.rows(log[2:], [], Look(lead=log[:2])))
    assert found[1].blocks[0].elsewhere is None


def test_a_result_of_a_later_turn_answers_no_call_of_the_window() -> None:
    """Clients that count calls from 1 use an id again."""
    log = stored(assistant(tool_calls=[CALL]), user("x"), assistant(tool_calls=[CALL]), result("b"))
    found = messages(transcript.rows(log[:1], [], Look(trail=log[1:])))
    assert found[0].blocks[0].elsewhere is None


@given(
    st.sampled_from(["openai", "anthropic", "responses"]).flatmap(conversations),
    st.integers(1, 30),
)
def test_a_border_anywhere_loses_no_message_and_no_pair(
    payloads: list[dict[str, Any]], cut: int
) -> None:
    log = stored(*payloads)
    whole = messages(transcript.rows(log, []))
    pairs = {block.result.seq: row.seq for row in whole for block in row.blocks if block.result}
    first = messages(transcript.rows(log[:cut], [], Look(trail=log[cut:])))
    second = messages(transcript.rows(log[cut:], [], Look(lead=log[:cut])))
    parted = {result: call for result, call in pairs.items() if call <= cut < result}
    told = {block.elsewhere for row in first for block in row.blocks if block.elsewhere}
    back = {row.seq: block.elsewhere for row in second for block in row.blocks if block.elsewhere}
    assert set(parted) <= {row.seq for row in second}
    assert all(back[result] == call for result, call in parted.items())
    assert told <= set(parted)


@pytest.mark.parametrize(
    ("log", "wanted"),
    [
        ([], False),
        ([user("x")], False),
        ([assistant("Done.")], False),
        ([assistant(tool_calls=[CALL])], True),
        ([assistant(tool_calls=[CALL]), result("ok")], False),
        ([assistant(tool_calls=[CALL, {**CALL, "id": "call_2"}]), result("ok")], True),
        ([assistant(tool_calls=[{**CALL, "id": "call_2"}]), *TALK[1:3]], True),
        ([*TALK[1:3], *TALK[1:3]], False),
    ],
)
def test_a_window_knows_whether_results_may_follow(
    log: list[dict[str, Any]], *, wanted: bool
) -> None:
    said = stored(*log) if log else []
    assert transcript.unanswered(said) == wanted


def test_the_silence_before_a_window_is_told_in_it() -> None:
    log = stored(user("a"), user("b"), every=301)
    assert [type(row) for row in transcript.rows(log[1:], [], Look(lead=log[:1]))] == [Gap, Said]


def test_what_is_stored_is_shown_as_it_is() -> None:
    found = messages(transcript.rows(stored(*TALK), [], Look(stored=True)))
    assert [row.seq for row in found] == [1, 2, 3, 4]
    (block,) = found[2].blocks
    assert block.kind == "json"
    assert orjson.loads(block.text.shown) == {
        "tool_call_id": "call_1",
        "content": "ME 422 at 13:20",
    }


def test_a_long_text_is_cut_around_what_is_looked_for() -> None:
    log = stored(user("a " * 9_000 + "needle" + " b" * 9_000))
    (row,) = messages(transcript.rows(log, [], Look(find="needle")))
    text = row.blocks[0].text
    assert "needle" in text.shown
    assert text.skipped > 0 < text.left
    assert text.skipped + len(text.shown) + text.left == 36_006


def test_a_fold_opens_for_what_is_looked_for_in_it() -> None:
    found = messages(transcript.rows(stored(*TALK), [], Look(find="13:20")))
    assert [block.found for row in found for block in row.blocks] == [False, True, True]


def test_a_call_that_nothing_answered_has_no_result() -> None:
    (row,) = messages(transcript.rows(stored(assistant(tool_calls=[CALL])), []))
    assert row.blocks[0].result is None


@given(st.sampled_from(["openai", "anthropic", "responses"]).flatmap(conversations))
def test_every_message_is_a_row_or_the_result_of_one(payloads: list[dict[str, Any]]) -> None:
    log = stored(*payloads)
    found = messages(transcript.rows(log, []))
    folded = {block.result.seq for row in found for block in row.blocks if block.result}
    assert {row.seq for row in found} | folded == {row.seq for row in log}


def test_more_than_five_minutes_of_silence_is_a_gap() -> None:
    found = transcript.rows(stored(user("a"), user("b"), every=301), [])
    assert [type(row) for row in found] == [Said, Gap, Said]
    assert not [
        row
        for row in transcript.rows(stored(user("a"), user("b"), every=300), [])
        if isinstance(row, Gap)
    ]


def test_a_clock_that_went_back_is_no_gap() -> None:
    assert len(transcript.rows(stored(user("a"), user("b"), every=-400), [])) == 2


def test_retracted_and_pinned_messages_are_marked() -> None:
    state = State(retracted=((2, 2),), pinned=(1,))
    found = messages(transcript.rows(stored(user("a"), user("b")), [], Look(state)))
    assert [(row.pinned, row.retracted) for row in found] == [(True, False), (False, True)]
    assert [row.begins_turn for row in found] == [True, False]


def test_a_long_text_is_cut_unless_it_is_asked_for_whole() -> None:
    log = stored(user("é" * 10_000))
    (cut,) = messages(transcript.rows(log, []))
    text = cut.blocks[0].text
    assert (len(text.shown), text.left) == (texts.MOST_CHARACTERS, 2_000)
    assert text.octets == 20_000
    (whole,) = messages(transcript.rows(log, [], Look(anchor=1, whole=True)))
    assert whole.blocks[0].text.left == 0


def test_an_erased_message_keeps_its_place() -> None:
    (row,) = messages(transcript.rows([stored(user("a"))[0]._replace(body="")], []))
    assert row.erased
    assert row.blocks == []


def test_an_attachment_is_told_in_words_and_never_as_bytes() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4_000}}
    (row,) = messages(transcript.rows(stored({"role": "user", "content": [image]}), []))
    assert row.blocks[0].text.shown == "[image: image/png] 3.0 kB"


EVENTS: dict[str, tuple[dict[str, Any], str]] = {
    "created": ({"tools": [{}], "system": "x"}, "Created with a system text and 1 tool"),
    "policy": ({"policy": "small", "policy_version": 2}, "Policy small, version 2"),
    "details": ({"title": "x", "tags": []}, "Changed: title, tags"),
    "retracted": ({"from": 3, "to": 5}, "Retracted #3 to #5"),
    "pinned": ({"seq": 4}, "Pinned #4"),
    "forked": ({"session": "s", "at": 9}, "Forked at version 9"),
    "compressed": (
        {
            "compression": "c",
            "trigger": "resume",
            "from": 1,
            "to": 53,
            "tokens_before": 14_910,
            "tokens_after": 1_380,
        },
        f"Compression · resumed after a pause · folded {amounts.span_of(1, 53)} "
        "· 14,910 \N{RIGHTWARDS ARROW} 1,380 tokens",
    ),
    "notice": (
        {"code": "context_nearly_full", "level": 0.92},
        "Nearly full: 92 % of the context",
    ),
    "lease": ({"action": "acquired", "holder": "planner", "ttl": 30}, "Lease taken by"),
    "imported_records": ({"records": [1, 2]}, "Kept from the import as it was: 2 records"),
    "from_the_future": ({}, "From the future"),
}


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_is_told_in_words(kind: str) -> None:
    data, words = EVENTS[kind]
    assert boundaries.words(Entry(1, kind, 0, data)).text == words


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"action": "released"}, "Lease released by"),
        ({"action": "freed"}, "Lease ended by a person, held by"),
        ({"action": "taken_over", "from": "a"}, "Taken over from a, whose lease ran out, by"),
        ({"action": "from the future"}, "Lease taken by"),
    ],
)
def test_a_lease_is_told_with_its_holder(data: dict[str, Any], words: str) -> None:
    told = boundaries.words(Entry(1, "lease", 0, {**data, "holder": "planner"}))
    assert (told.text, told.reason) == (words, "planner")


@pytest.mark.parametrize("kind", EVENTS)
def test_an_erased_event_is_told_too(kind: str) -> None:
    (row,) = transcript.rows([], [StoredEvent(1, kind, 0, "")])
    assert isinstance(row, Boundary)
    assert row.words.text


def test_entries_stand_in_the_order_of_versions() -> None:
    event = StoredEvent(2, "ended", 20 * SECOND, orjson.dumps({}).decode())
    said = stored(user("a"), user("b"))
    log = [said[0], said[1]._replace(version=3)]
    assert [type(row) for row in transcript.rows(log, [event])] == [Said, Boundary, Said]


@given(st.integers(0, 1_000), st.integers(1, 1_000))
def test_a_window_around_a_message_holds_it_and_is_full(messages: int, anchor: int) -> None:
    anchor = min(anchor, messages)
    span = windows.around(messages, anchor)
    if messages:
        assert span.first <= max(1, anchor) <= span.last
    assert span.last - span.first + 1 == min(windows.PAGE, messages)


@given(st.integers(1, 1_000))
def test_windows_side_by_side_cover_all_messages(messages: int) -> None:
    span = windows.newest(messages)
    seen: list[int] = []
    while True:
        seen = [*range(span.first, span.last + 1), *seen]
        if span.earlier is None:
            break
        earlier = windows.before(messages, span.earlier)
        assert earlier.later is not None
        assert windows.after(messages, earlier.later).first == span.first
        span = earlier
    assert seen == list(range(1, messages + 1))


def test_a_foreign_compaction_says_why_and_when() -> None:
    data = {"trigger": "auto", "pre_tokens": 155_000, "at": "2026-01-05T09:00:00Z"}
    found = boundaries.words(Entry(6, "imported_boundary", 1, data))
    assert found.reason == "auto, at 155,000 tokens, 2026-01-05T09:00:00Z"
    assert boundaries.words(Entry(6, "imported_boundary", 1, {})).reason == ""


def test_a_compression_is_told_with_its_number_and_what_it_lost() -> None:
    data = EVENTS["compressed"][0] | {"trigger": "60"}
    fold = Fold("c", 2, 1, {})
    said = boundaries.words(Entry(7, "compressed", 1, data), {7: fold}).text
    assert said.startswith("Compression 2 · 60 % · folded")
    assert said.endswith("tokens · 1 item lost")
