"""What a text must carry, and that it cannot be made to seem to."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_app.core import marks
from memory_app.core.audit import Item, audit, carried, items, quotes, whole
from memory_app.core.passages import Passage
from tests.runaway import ends


def said(text: str, *calls: tuple[str, str], role: str = "user") -> Passage:
    return Passage(1, role, text, calls=calls)


def found(text: str) -> set[tuple[str, str]]:
    return {(item.kind, item.text) for item in items(said(text))}


def lost(text: str, *carriers: str) -> set[tuple[str, str]]:
    return {(item.kind, item.text) for item in audit([said(text)], carriers).lost}


# -- what is found -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The budget is $1,200.50 for three people.", ("number", "$1,200.50")),
        ("We sold 45% of the tickets.", ("number", "45%")),
        ("The gate closes at 17:40 sharp.", ("date", "17:40")),
        ("The meeting starts at 5 pm.", ("date", "5 pm")),
        ("The report is due on May 3rd, 2024.", ("date", "May 3rd, 2024")),
        ("The report is due on 3 May.", ("date", "3 May")),
        ("The report was made 2024-05-03.", ("date", "2024-05-03")),
        ("The dentist comes on Friday.", ("date", "Friday")),
        ("My sister arrives next week.", ("date", "next week")),
        ("We met Ada Lovelace at the fair.", ("name", "Ada Lovelace")),
        ("The parcel goes to @maria_k today.", ("name", "@maria_k")),
        ("Cancel reservation 8JX2WO please.", ("id", "8JX2WO")),
        ("Call the desk on 408-247-8880.", ("id", "408-247-8880")),
        ("Write to help@example.com about refunds.", ("id", "help@example.com")),
        ("The bug is in src/app/main.py somewhere.", ("path", "src/app/main.py")),
        ("Read https://example.com/a?b=1 for details.", ("path", "https://example.com/a?b=1")),
        ("Call `parse it` in the loop.", ("code", "parse it")),
        ("Set max_retries in the config.", ("code", "max_retries")),
        ("Rename getUserName in the client.", ("code", "getUserName")),
        ("It raises ValueError at start.", ("code", "ValueError")),
        ("Set MAX_SIZE in the settings.", ("code", "MAX_SIZE")),
        ("I don't eat peanuts.", ("negation", "don't")),
        ("I'll send the invoice.", ("promise", "I'll")),
        ("I will send the invoice.", ("promise", "I will")),
    ],
)
def test_each_kind_is_found_as_it_stands(text: str, expected: tuple[str, str]) -> None:
    assert expected in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hello there! How are you?",
        "Hey Caroline, how are you?",
        "That sounds wonderful, Mel!",
        "**Trip Type:** One-way",
        "Can't wait!",
        "No worries.",
        "No, thanks.",
        "1. Open the door",
        "And/or whatever he/she likes.",
        "You may go in march step.",
        "",
    ],
)
def test_talk_without_substance_holds_nothing(text: str) -> None:
    assert found(text) == set()


def test_an_item_has_the_noun_it_belongs_to() -> None:
    item = items(said("The gate closes at 17:40."))[0]
    assert item == Item("date", "17:40", "gate closes", 1)


def test_values_of_tool_outputs_stand_under_their_key_and_record() -> None:
    text = json.dumps([{"flight": "HAT069", "prices": {"economy": 121}}])
    assert Item("number", "121", "HAT069 prices economy", 1) in items(said(text, role="tool"))


def test_arguments_of_calls_are_audited() -> None:
    call = ("search_flights", '{"origin":"JFK","date":"2024-05-20"}')
    assert {item.text for item in items(said("", call))} == {"JFK", "2024-05-20"}


def test_an_item_said_twice_is_one() -> None:
    text = "The budget is 500. The budget is 500."
    assert [item.text for item in items(said(text))] == ["500"]


def test_items_stand_in_the_order_they_were_said() -> None:
    text = "Rent costs 700 monthly. Flight LH1234 leaves on 3 May."
    assert [item.text for item in items(said(text))] == ["700", "LH1234", "3 May"]


# -- what carries it -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "carrier"),
    [
        ("The budget is 1,200 euros.", "budget: 1200"),
        ("The rent is 1200.00 a month.", "the rent stays at 1,200"),
        ("The report is due on May 3rd.", "report due 3 May"),
        ("The report is due on May 3rd.", "report due 2024-05-03"),
        ("The report is due 2024-05-03.", "report due May 3, 2024"),
        ("The gate closes at 5:40 pm.", "gate closes 17:40"),
        ("We met Ada Lovelace at the fair.", "fair: met ada lovelace"),
        ("Cancel reservation 8JX2WO please.", "reservation 8JX2WO cancelled"),
        ("Set `max_retries` in the config.", "config: max_retries set"),
        ("I don't eat peanuts.", "does not eat peanuts"),
        ("I'll send the invoice.", "promised to send the invoice"),
    ],
)
def test_the_same_value_of_the_same_subject_is_carried(text: str, carrier: str) -> None:
    assert lost(text, carrier) == set()


@pytest.mark.parametrize(
    ("text", "carrier"),
    [
        ("The budget is 1200 euros.", "1200"),
        ("The budget is 1200 euros.", "Numbers: 1200, 17, 5000"),
        ("The budget is 1200 euros.", "The rent is 1200."),
        ("The budget is 1200 euros.", "The budget is 1300 euros."),
        ("The budget is 1200 euros.", "The budget is -1200 euros."),
        ("The report is due on May 3rd.", "The report is due on May 4th."),
        ("The report is due on 2024-05-03.", "The report is due on 2023-05-03."),
        ("The gate closes at 5:40 pm.", "The gate closes at 5:40 am."),
        ("Cancel reservation 8JX2WO please.", "reservation 8JX2WP cancelled"),
        ("Cancel reservation 8JX2WO please.", "reservation 8jx2wo cancelled"),
        ("Cancel reservation 8JX2W please.", "reservation 8JX2WO cancelled"),
        ("The bug is in src/app/main.py somewhere.", "the bug is in src/app/main.ts"),
        ("I don't eat peanuts.", "I eat peanuts."),
        ("I don't eat peanuts.", "I don't drink wine. I eat peanuts."),
        ("I don't eat peanuts.", "I do eat peanuts and I don't drink wine."),
        ("I'll send the invoice.", "The invoice was discussed."),
    ],
)
def test_what_only_looks_like_it_carries_nothing(text: str, carrier: str) -> None:
    assert len(lost(text, carrier)) == 1


def test_figures_with_swapped_subjects_are_both_lost() -> None:
    text = "The budget deadline is 12 May and the project deadline is 3 June."
    assert lost(text, text) == set()
    one_line = "budget deadline 3 June, project deadline 12 May"
    assert lost(text, one_line) == {("date", "12 May"), ("date", "3 June")}
    two_lines = ("The budget deadline is 3 June.", "The project deadline is 12 May.")
    assert lost(text, *two_lines) == {("date", "12 May"), ("date", "3 June")}


def test_prices_of_swapped_records_are_lost() -> None:
    text = json.dumps([{"id": "HAT069", "price": 121}, {"id": "HAT083", "price": 100}])
    assert lost(text, "HAT069 price 121, HAT083 price 100") == set()
    assert lost(text, "HAT069 price 100, HAT083 price 121") == {
        ("number", "121"),
        ("number", "100"),
    }


def test_a_value_far_from_its_subject_is_lost() -> None:
    text = "The budget is 1200 euros."
    assert lost(text, "We spoke of the budget.\nThe number 1200 was named.") == {("number", "1200")}


def test_the_score_is_the_share_of_what_is_carried_by_kind() -> None:
    result = audit([said("The rent is 700. I don't eat peanuts.")], ["rent 700"])
    assert result.score == 0.5
    assert result.kinds == {"number": (1, 1), "negation": (0, 1)}
    assert [item.kind for item in result.lost] == ["negation"]


def test_nothing_to_carry_is_carried_in_full() -> None:
    assert audit([said("Hello!")], []).score == 1.0


# -- quotes, and sad input -----------------------------------------------------------------------

TEXTS = [
    "",
    "a" * 1_000_000,
    "7" * 100_000,
    "1," * 500_000,
    "not a 1, " * 50_000,
    '{"a":' * 200_000,
    "." * 100_000,
    "-" * 50_000 + " 5",
    "`" * 5_000,
    "😀 12 😀 Paris 😀",
    "\u202eالسعر 500 دولار\u202c و 12 مايو",
    "\x00\x01 5\x07 budget\x1b[31m 12 May",
    "| item | price |\n|---|---|\n| Desk | 120 |\n| Chair | 80 |",
    "```python\nfor i in range(10):\n    total_sum += prices[i]  # not zero\n```",
    "iVBORw0KGgoAAAANSUhEUgAAAAUA" * 5_000,
    "{" * 3_000 + '"a": 1' + "}" * 3_000,
    "5. 5. 5. Mr. 5. e.g. 5",
    "İstanbul'da 5 ẞ 12 ſ 3",
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:12]))
def test_any_text_is_read_and_its_quotes_carry_what_they_hold(text: str) -> None:
    with ends():
        check_quotes(said(text))


def test_a_megabyte_is_read_only_to_its_cap_and_says_so() -> None:
    long = said("The rent is 700. " * 60_000)
    assert len(items(long)) == 1
    assert not whole(long)
    assert whole(said("The rent is 700."))


def check_quotes(passage: Passage) -> None:
    quoted = quotes(passage)
    for text, held in quoted:
        assert held
        assert len(text) <= marks.LONGEST
        assert text in passage.text or any(text in arguments for _, arguments in passage.calls)
    every = [item for _, held in quoted for item in held]
    assert every == items(passage)
    missing = [
        item
        for item, is_held in zip(every, carried(every, [text for text, _ in quoted]), strict=True)
        if not is_held
    ]
    assert missing == []


WORDS = st.sampled_from(
    (
        "the",
        "budget",
        "deadline",
        "is",
        "12",
        "May",
        "3rd",
        "June",
        "2024",
        "2024-05-03",
        "17:40",
        "5",
        "pm",
        "not",
        "don't",
        "never",
        "I",
        "will",
        "send",
        "I'll",
        "invoice",
        "Ada",
        "Lovelace",
        "Paris",
        "Berlin",
        "HAT069",
        "HAT083",
        "8JX2WO",
        "price",
        "121",
        "1,200",
        "$5.50",
        ",",
        ".",
        ";",
        ":",
        "and",
        "but",
        "-",
        '"',
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "|",
        "max_retries",
        "`a",
        "b`",
        "src/a.py",
        "no",
        "without",
        "keine",
        "Versicherung",
        "mit",
        "Anna",
        "不",
        "要保险",
        "5月3日",
        "田中",
        "さん",
        "食べ",
        "ません",
        "，",
        "。",
        "am",
        "3.",
        "Mai",
        "de",
        "Mr.",
        "1.",
        "Friday",
        "next",
        "week",
        "7%",
        "economy",
        "basic_economy",
        "\n",
    )
)
SENTENCES = st.lists(WORDS, max_size=60).map(" ".join)
VALUES = st.recursive(
    st.one_of(
        st.integers(-5, 2_000),
        st.sampled_from(
            ["HAT069", "JFK", "2024-05-03", "New York", "no", "basic economy", "17:40"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(
            st.sampled_from(["id", "price", "prices", "economy", "basic_economy", "date", "seats"]),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=40,
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(SENTENCES, st.text(max_size=600), VALUES.map(json.dumps)))
def test_every_item_is_carried_by_the_quotes_of_its_message(text: str) -> None:
    check_quotes(said(text))


@settings(max_examples=100, deadline=None)
@given(VALUES.map(json.dumps), SENTENCES)
def test_calls_are_quoted_from_their_arguments(arguments: str, text: str) -> None:
    check_quotes(said(text, ("search", arguments)))


@settings(max_examples=100, deadline=None)
@given(st.lists(SENTENCES, max_size=8))
def test_messages_carry_all_that_was_found_in_them(texts: list[str]) -> None:
    passages = [Passage(seq, "user", text) for seq, text in enumerate(texts, 1)]
    assert audit(passages, texts).lost == ()


@settings(max_examples=100, deadline=None)
@given(SENTENCES)
def test_values_without_their_nouns_carry_no_item_that_has_one(text: str) -> None:
    every = [item for item in items(said(text)) if item.subject]
    bare = [" ".join(item.text for item in every if item.kind in ("number", "date"))]
    figures = [item for item in every if item.kind in ("number", "date")]
    assert not any(carried(figures, bare))


@settings(max_examples=200, deadline=None)
@given(st.one_of(SENTENCES, st.text(st.characters(max_codepoint=126), max_size=200)))
def test_a_text_of_ascii_is_cut_like_any_other(text: str) -> None:
    assert marks.tokenised(f"{text} é")[:-1] == marks.tokenised(text + " ")
