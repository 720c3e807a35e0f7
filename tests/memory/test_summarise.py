"""The embedded summariser chooses, shortens and never invents."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_app.core.audit import audit
from memory_app.core.passages import Passage, Point
from memory_app.core.summarise import KEY_FACTS, NARRATIVE, check, render, summarise
from tests.examples import examples


def count(text: str) -> int:
    return len(text.split())


def said(*texts: str) -> list[Passage]:
    return [Passage(seq, "user", text) for seq, text in enumerate(texts, 1)]


def summary(passages: list[Passage], size: int = 200, **known: object) -> str:
    return render(summarise([], passages, scores={}, size=size, count=count, **known))  # type: ignore[arg-type]


def test_what_is_said_of_figures_stays_word_for_word() -> None:
    text = summary(said("Hello! So good to hear you. The gate closes at 17:40, which is annoying."))
    assert "The gate closes at 17:40" in text
    assert "annoying" not in text


def test_who_spoke_is_said_where_it_changes() -> None:
    passages = [
        Passage(1, "user", "The rent is 700."),
        Passage(2, "user", "The deposit is 900."),
        Passage(3, "assistant", "I will send the invoice."),
        Passage(4, "user", "The broker takes 5%.", author="Ada"),
    ]
    assert summary(passages).splitlines() == [
        "user: The rent is 700.",
        "The deposit is 900.",
        "assistant: I will send the invoice.",
        "Ada: The broker takes 5%.",
    ]


def test_messages_of_a_high_score_come_first_when_room_is_short() -> None:
    passages = said("The rent is 700 euros.", "The deposit is 900 euros.", "The fee is 50 euros.")
    points = summarise([], passages, scores={1: 0.1, 2: 0.9, 3: 0.1}, size=8, count=count)
    assert [point.seqs for point in points] == [(2,)]


def test_a_sentence_said_twice_is_one_point_with_both_sources() -> None:
    points = summarise(
        [], said("The rent is 700.", "The rent is 700!"), scores={}, size=50, count=count
    )
    assert [point.seqs for point in points] == [(1, 2)]


def test_tool_steps_say_what_was_called_and_what_came_of_it() -> None:
    flights = [{"flight": "HAT069", "origin": "JFK", "prices": {"economy": 121, "business": 239}}]
    passages = [
        Passage(
            1, "assistant", "", calls=(("search_flights", '{"origin":"JFK","date":"2024-05-20"}'),)
        ),
        Passage(2, "tool", json.dumps(flights)),
    ]
    text = summary(passages)
    assert "search_flights(origin JFK, date 2024-05-20)" in text
    assert "HAT069" in text
    assert audit(passages, [text]).lost == ()


def test_key_facts_are_a_list_without_narrative() -> None:
    passages = said("We talked long about the beautiful old house. The rent is 700.")
    points = summarise([], passages, scores={}, size=50, count=count, style="key_facts")
    assert render(points, "key_facts") == "- user: The rent is 700."


def test_narrative_has_room_for_what_holds_no_figure() -> None:
    assert "aisle seat" in summary(said("My family always prefers the aisle seat."))


def test_points_of_retracted_messages_leave() -> None:
    old = summarise([], said("The rent is 700.", "The fee is 50."), scores={}, size=50, count=count)
    new = summarise(old, [], scores={}, size=50, count=count, gone={1})
    assert [point.seqs for point in new] == [(2,)]


def test_a_point_stays_while_one_of_its_messages_does() -> None:
    old = [Point("user: The rent is 700.", (1, 2), 0.5)]
    new = summarise(old, [], scores={}, size=50, count=count, gone={1})
    assert [point.seqs for point in new] == [(2,)]


def test_messages_that_are_gone_are_not_summarised() -> None:
    points = summarise([], said("The rent is 700."), scores={}, size=50, count=count, gone={1})
    assert points == []


def test_a_summary_rolls_within_its_size_and_keeps_what_matters_longest() -> None:
    points: list[Point] = []
    dear, cheap = "user: The safe opens with 4711.", "user: The lamp costs about 1200."
    kept = {dear: 0, cheap: 0}
    for turn in range(200):
        texts = [f"The shop sells {turn} red apples."]
        if turn == 0:
            texts = [dear[6:], cheap[6:]]
        passages = [Passage(turn * 10 + at, "user", text) for at, text in enumerate(texts)]
        scores = {one.seq: 0.3 for one in passages}
        if turn == 0:
            scores = {0: 1.0, 1: 0.4}
        points = summarise(points, passages, scores=scores, size=40, count=count)
        assert count(render(points)) <= 40
        for text in kept:
            kept[text] += any(point.text == text for point in points)
    assert 0 < kept[cheap] < kept[dear] < 200
    assert max(point.seqs[-1] for point in points) == 1_990


def test_more_is_carried_than_by_first_sentences() -> None:
    passages = said(
        "Hello there, thank you for the quick answer. My order is 8JX2WO.",
        "Well, it was a pleasure. The parcel did not arrive on 3 May.",
        "Alright then, as you say. The refund of 45 euros goes to Ada Lovelace.",
    )
    ours = summary(passages, size=30)
    first = "\n".join(one.text.split(". ")[0] for one in passages)
    assert audit(passages, [ours]).score > audit(passages, [first]).score


# -- any input -----------------------------------------------------------------------------------

WORDS = st.sampled_from(
    (
        "the",
        "budget",
        "deadline",
        "is",
        "12",
        "May",
        "not",
        "don't",
        "never",
        "I",
        "will",
        "send",
        "invoice",
        "Ada",
        "Lovelace",
        "HAT069",
        "price",
        "121",
        "1,200",
        ",",
        ".",
        ";",
        ":",
        "and",
        "but",
        "-",
        '"',
        "{",
        "}",
        "[",
        "]",
        "|",
        "**",
        "max_retries",
        "`a",
        "b`",
        "no",
        "without",
        "不",
        "要保险",
        "5月3日",
        "田中",
        "さん",
        "user:",
        "great",
        "house",
        "\n",
    )
)
TEXTS = st.one_of(st.lists(WORDS, max_size=50).map(" ".join), st.text(max_size=200))
PASSAGES = st.lists(
    st.tuples(st.sampled_from(["user", "assistant", "tool", "system"]), TEXTS, st.booleans()),
    max_size=8,
).map(
    lambda said: [
        Passage(seq, role, text, calls=(("find", json.dumps({"q": text[:40]})),) if calls else ())
        for seq, (role, text, calls) in enumerate(said, 10)
    ]
)
POINTS = st.lists(
    st.builds(
        Point,
        TEXTS,
        st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True).map(
            lambda seqs: tuple(sorted(seqs))
        ),
        st.floats(0, 1),
    ),
    max_size=6,
    unique_by=lambda point: point.text,
)
SCORES = st.dictionaries(st.integers(10, 18), st.floats(0, 1))


@settings(max_examples=examples(150), deadline=None)
@given(POINTS, PASSAGES, SCORES, st.integers(-1, 120), st.sampled_from(["narrative", "key_facts"]))
def test_any_summary_fits_names_its_sources_and_is_the_same_again(
    previous: list[Point],
    passages: list[Passage],
    scores: dict[int, float],
    size: int,
    style: str,
) -> None:
    def again() -> list[Point]:
        return summarise(previous, passages, scores=scores, size=size, count=len, style=style)

    points = again()
    assert len(render(points, style)) <= max(0, size)
    assert points == again()
    given_seqs = {one.seq for one in passages} | {seq for one in previous for seq in one.seqs}
    assert all(point.seqs and given_seqs.issuperset(point.seqs) for point in points)
    assert all(0 <= point.score <= 1 for point in points)
    old = [point for point in points if point.seqs[0] < 10]
    assert points[: len(old)] == old
    places = [[one.text for one in previous].index(point.text) for point in old]
    assert places == sorted(places)


def test_a_point_keeps_its_place_whatever_else_it_carries_by_then() -> None:
    said = [
        Passage(seq, "user", f"The hall {name} costs {seq * 7} euros.")
        for seq, name in enumerate(("Apollo", "Bacchus", "Ceres", "Diana"), 1)
    ]
    scores = dict.fromkeys(range(1, 9), 0.5)
    first, *others = summarise([], said, scores=scores, size=400, count=len)
    # The first hall was spoken of again: its point is a source of later messages too.
    before = [first._replace(seqs=(1, 4)), *others]
    fresh = [Passage(5, "user", "The hall Eros costs 35 euros.")]
    after = summarise(before, fresh, scores=scores, size=400, count=len)
    names = [point.text.split()[3] for point in after]
    assert names == ["Apollo", "Bacchus", "Ceres", "Diana", "Eros"]


LABELS = {"user", "assistant", "tool", "system", "find"}


@settings(max_examples=examples(150), deadline=None)
@given(PASSAGES, SCORES)
def test_no_word_is_invented(passages: list[Passage], scores: dict[int, float]) -> None:
    by_seq = {one.seq: one for one in passages}
    for point in summarise([], passages, scores=scores, size=10_000, count=len):
        sources = [by_seq[seq] for seq in point.seqs]
        texts = [text for one in sources for text in (one.text, *(call[1] for call in one.calls))]
        words = set(re.findall(r"\w+", " ".join(texts))) | LABELS
        assert words.issuperset(re.findall(r"\w+", point.text))


@settings(max_examples=examples(60), deadline=None)
@given(POINTS, PASSAGES, st.sets(st.integers(1, 18)))
def test_no_point_of_retracted_messages_stays(
    previous: list[Point], passages: list[Passage], gone: set[int]
) -> None:
    points = summarise(previous, passages, scores={}, size=10_000, count=len, gone=gone)
    assert all(gone.isdisjoint(point.seqs) for point in points)


# -- refusing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("12 34 !! ...", "no words"),
        ("word " * 101, "too long"),
        ("the rent is due " * 20, "degenerate"),
        ("ha ha ha ha ha ha ha ha ha", "degenerate"),
        ("a" * 5_000, "degenerate"),
        ("好的好的" * 30, "degenerate"),
    ],
)
def test_a_summary_is_refused_for_a_reason(text: str, why: str) -> None:
    assert check(text, size=100, count=count) == why


@pytest.mark.parametrize("style", [NARRATIVE, KEY_FACTS])
def test_small_talk_alone_has_a_summary(style: str) -> None:
    points = summarise((), said("hey you", "lol"), scores={}, size=60, count=count, style=style)
    assert points


@pytest.mark.parametrize(
    "text",
    [
        "user: The rent is 700.\nassistant: I will send the invoice.",
        "我的订单8JX2WO没有送到。价格是1250.50元，应该在5月3日送达。",
        "HAT069 JFK SEA 06:00 economy 121, HAT083 JFK SEA 01:00 economy 100, HAT090 JFK SEA 02:00 "
        "economy 99, HAT091 JFK SEA 03:00 economy 98",
    ],
)
def test_a_good_summary_may_stand(text: str) -> None:
    assert check(text, size=100, count=count) is None
