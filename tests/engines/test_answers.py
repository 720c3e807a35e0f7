"""What is believed of an answer, without any endpoint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_app.core import answer
from memory_app.core.invention import invented
from memory_app.core.passages import Passage, Point
from tests.engines.works import GOOD, SAID, work

BOOKING = (
    Passage(1, "user", "Hi, I'm Marc. We are three people and fly on 3 May 2025 at 09:30."),
    Passage(2, "assistant", "", calls=(("book", '{"flight": "HAT271", "price": 1250.5}'),)),
    Passage(3, "tool", "Total 1,250.50 EUR, seats 12A and 12B, mail to m.roy@example.org, v2.10.3"),
    Passage(
        4,
        "assistant",
        "Booked. The receipt is in /home/marc/receipts/0012.pdf, Mr O'Neill.",
        "Ines",
    ),
)
GERMAN = (
    Passage(
        1,
        "user",
        "Ich habe am Montag die Lampe mit der Nummer 4711 bestellt und der Bote hat das Paket beim "
        "Nachbarn abgegeben. Jetzt hat die Lampe einen Riss und ich will mein Geld auf das Konto.",
    ),
)
CHINESE = (Passage(1, "user", "我的订单8812没有到。请把900元退到我的卡上。"),)


def strange(text: str, said: tuple[Passage, ...] = BOOKING, **changes: object) -> list[str]:
    return invented(
        [Point(text, (1,), 0.5)], work(previous=(), passages=said, scores={}, **changes)
    )


@pytest.mark.parametrize(
    "text",
    [
        "Marc flies with 3 people on 3 May 2025 at 9:30.",
        "The total is 1250.50 EUR (1,250.5), seats 12A and 12B.",
        "Flight HAT271 is booked by Ines for 1,250.50EUR.",
        "The receipt 0012 is in /home/marc/receipts/0012.pdf.",
        "Mail goes to m.roy@example.org; version v2.10.3.",
        "The user is Marc. Marcus, or Marc's party of three, flies at 09:30.",
        "Mr O'Neill got the receipt.",
        "Booked on the 3rd of May.",
        "Nothing was refused. Later it may change: They know.",
        "While Marc flies, both wait. Both Marc and Ines agree.",
    ],
)
def test_what_was_said_is_believed(text: str) -> None:
    assert strange(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Marc flies with 4 people.", ["4"]),
        ("The total is 1,251.50 EUR.", ["1,251.50"]),
        ("The total is 125050 EUR.", ["125050"]),
        ("Flight HAT272 is booked.", ["hat272"]),
        ("Flight BAT271 is booked.", ["bat271"]),
        ("Flight 71 is booked.", ["71"]),
        ("Seat 12C is booked.", ["12c"]),
        ("He flies at 10:30.", ["10:30"]),
        ("He flies on 2025-05-04.", ["2025-05-04"]),
        ("Mail goes to m.ray@example.org.", ["m.ray@example.org"]),
        ("See https://evil.example/x for more.", ["https://evil.example/x"]),
        ("The receipt is in /home/mark/receipts/0012.pdf.", ["home/mark/receipts/0012.pdf"]),
        ("See evil.com for more.", ["evil.com"]),
        ("The seat is for Kevin.", ["Kevin"]),
        ("Kevin Miller has a seat.", ["Kevin"]),
        ("Kevin's seat is booked.", ["Kevin's"]),
        ("He flies in June.", ["June"]),
    ],
)
def test_what_nobody_said_is_found(text: str, found: list[str]) -> None:
    assert strange(text)[: len(found)] == found


def test_the_summary_so_far_the_must_keeps_and_the_operator_count_as_said() -> None:
    given_work = work(must=("Ask for code 777",), instructions="We are ACME.")
    point = Point("The ACME customer in Lisbon has code 777.", (2,), 0.5)
    assert invented([point], given_work) == []
    assert invented([point], work(previous=())) == ["777", "ACME", "Lisbon"]


def test_what_was_taken_back_does_not_count_as_said() -> None:
    point = Point("Letters go to Nadia Brandt.", (6,), 0.5)
    assert invented([point], work()) == []
    assert invented([point], work(gone=frozenset({6}))) == ["Nadia", "Brandt"]


def test_where_nouns_are_written_large_a_single_one_is_no_name() -> None:
    assert strange("Der Kunde will eine Erstattung f\u00fcr die Lampe 4711.", GERMAN) == []
    assert strange("Er will die Lampe 4712.", GERMAN) == ["4712"]


def test_scripts_without_blanks_are_compared_too() -> None:
    assert strange("\u8ba2\u53558812\u7684900\u5143\u9000\u5230\u5361\u4e0a\u3002", CHINESE) == []
    assert strange("\u8ba2\u53558813\u9000\u6b3e\u3002", CHINESE) != []


@pytest.mark.parametrize(
    ("must", "kept"),
    [
        ("order 8812", True),
        ("Order: 8812", True),
        ("8812 order", True),
        ("order 8813", False),
        ("Nadia Brandt order", False),
        ("\u8ba2\u5355", False),
        ("", True),
    ],
)
def test_a_must_keep_stands_in_one_point_with_all_its_words(must: str, kept: bool) -> None:
    points = [Point(text, tuple(seqs), 0.5) for text, seqs in GOOD]
    assert answer.missing([must], points) == ([] if kept else [must])


def test_a_must_keep_of_a_script_without_blanks_is_found() -> None:
    points = [Point("\u8ba2\u53558812\u6ca1\u6709\u5230\u3002", (1,), 0.5)]
    assert answer.missing(["\u8ba2\u53558812"], points) == []
    assert answer.missing(["\u8ba2\u53558813"], points) == ["\u8ba2\u53558813"]


@pytest.mark.parametrize(
    "texts",
    [
        ["", " "],
        ["?!", "..."],
        ["The refund is due."] * 4,
        ["the refund, " * 30],
        ["\u9000\u6b3e\u5230\u5361\u4e0a\u3002" * 30],
        ["a" * 200],
    ],
)
def test_an_answer_that_goes_round_in_circles_is_degenerate(texts: list[str]) -> None:
    assert answer.is_degenerate(texts)


@pytest.mark.parametrize(
    "texts",
    [
        [passage.text for passage in SAID],
        [GERMAN[0].text],
        [CHINESE[0].text],
        ["The refund is due.", "The refund is late."],
        [f"Order {number} was refunded." for number in range(8812, 8820)],
    ],
)
def test_ordinary_prose_is_not_degenerate(texts: list[str]) -> None:
    assert not answer.is_degenerate(texts)


@given(st.text())
def test_no_answer_breaks_the_reader(text: str) -> None:
    read = answer.read(text, work())
    assert isinstance(read, answer.Fault) or all(point.seqs for point in read)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_what_a_message_says_word_for_word_is_never_invented(said: list[str]) -> None:
    passages = tuple(Passage(seq, "user", text) for seq, text in enumerate(said, 1))
    points = [Point(text, (1,), 0.5) for text in said]
    assert invented(points, work(previous=(), passages=passages)) == []
    assert answer.missing(said, points) == []
