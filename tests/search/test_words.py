"""What a word is: for texts, questions, and the places shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import words
from sessions_app.core.words import Piece, Term, excerpt, literal_excerpt, query
from tests.runaway import ends
from tests.search.texts import QUESTIONS, TEXTS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two words, two", ["two", "words"]),
        ("Ünïcödé Straße ÇA", ["unicode", "strasse", "ca"]),
        ("e\u0301te\u0301", ["ete"]),
        ("İstanbul ΣΊΣΥΦΟΣ", ["istanbul", "σισυφοσ"]),
        ("foo_bar don't a-b 3.14 abc123 x²", ["foo", "bar", "don", "t", "a", "b", "3", "14",
                                              "abc123", "x2"]),
        ("开会议", ["开会", "会议", "议"]),
        ("会", ["会"]),
        ("开会ok议", ["开会", "会", "ok", "议"]),
        ("한국어", ["한국", "국어", "어"]),
        ("がか ｶﾞ", ["がか", "か", "ガ"]),
        ("สวัสดี", ["สว", "วส", "สด", "ด"]),
        ("हिन्दी", ["हनद"]),
        ("😀 -- §failed", ["failed"]),
        ("x" * 70, ["x" * 64]),
        ("", []),
    ],
)  # fmt: skip
def test_a_text_is_cut_into_words(text: str, expected: list[str]) -> None:
    assert words.words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("late fli", [Term("late"), Term("fli", prefix=True)]),
        ("late fli ", [Term("late"), Term("fli")]),
        ("plan b", [Term("plan"), Term("b")]),
        ("会", [Term("会", prefix=True)]),
        ("会 today", [Term("会", prefix=True), Term("today", prefix=True)]),
        ("会议室", [Term("会议"), Term("议室")]),
        ("(a+)+$", [Term("a")]),
        ('NEAR("x" OR *', [Term("near"), Term("x"), Term("or")]),
        ("%_*", []),
    ],
)
def test_a_question_is_all_its_words(text: str, expected: list[Term]) -> None:
    assert list(query(text).terms) == expected


@given(TEXTS)
def test_cutting_twice_changes_nothing(text: str) -> None:
    found = words.words(text)
    assert len(found) == len(set(found))
    assert all(0 < len(word) <= words.LONGEST for word in found)
    again = words.words(" ".join(found))
    assert set(found) <= set(again)


@given(TEXTS, TEXTS)
def test_no_text_and_no_question_gives_the_mark_of_a_failure(text: str, other: str) -> None:
    joined = f"{text}{words.FAILED}{other}"
    assert words.FAILED not in words.words(joined)
    assert all(not words.FAILED.startswith(term.text) for term in query(joined).terms)


def test_a_text_is_cut_off_at_a_million_bytes_of_words() -> None:
    found = words.words(" ".join(f"w{number:06}" for number in range(150_000)))
    assert sum(len(word.encode()) for word in found) == words.MOST_BYTES // 7 * 7
    assert found[:2] == ["w000000", "w000001"]


@given(TEXTS, QUESTIONS, st.integers(20, 80))
def test_an_excerpt_is_a_part_of_the_text(text: str, asked: str, width: int) -> None:
    wanted = query(asked)
    pieces = excerpt(text, wanted, width)
    shown = "".join(piece.text for piece in pieces).strip("\u2026")
    plain = words.folded(" ".join(text.split()))
    assert "".join(words.folded(shown).split()) in "".join(plain.split())
    assert all(piece.text for piece in pieces)


@given(TEXTS, st.data())
def test_an_excerpt_shows_a_word_that_is_there(text: str, data: st.DataObject) -> None:
    there = words.words(text)
    if there:
        word = data.draw(st.sampled_from(there))
        assert any(piece.hit for piece in excerpt(text, query(word)))


def test_an_excerpt_marks_the_words_as_they_were_written() -> None:
    text = "So many words before it. " * 9 + "The Zürich\n\nflight was LATE again. " + "More. " * 90
    pieces = excerpt(text, query("zurich late"), 80)
    assert [piece.text for piece in pieces if piece.hit] == ["Zürich", "LATE"]
    assert pieces[0].text.startswith("\u2026")
    assert pieces[-1].text.endswith("\u2026")
    assert "\n" not in "".join(piece.text for piece in pieces)
    assert sum(len(piece.text) for piece in pieces) <= 82


def test_an_excerpt_marks_a_run_of_pairs_as_one() -> None:
    assert excerpt("我们开会议室", query("会议室")) == (
        Piece("我们开", hit=False),
        Piece("会议室", hit=True),
    )


def test_an_excerpt_of_a_text_without_the_words_is_its_beginning() -> None:
    assert excerpt("Nothing here.", query("zanzibar")) == (Piece("Nothing here.", hit=False),)
    assert excerpt("", query("zanzibar")) == ()


def test_an_excerpt_to_the_letter_takes_no_pattern() -> None:
    pieces = literal_excerpt("It said (A+)+$ twice, (a+)+$.", "(a+)+$")
    assert [piece.text for piece in pieces if piece.hit] == ["(A+)+$", "(a+)+$"]


@pytest.mark.parametrize("filler", ["lorem ipsum ", "lörem ípsum ", "会议室在这里很好"])
def test_the_last_word_of_a_mebibyte_is_found_and_shown(filler: str) -> None:
    text = filler * (2**20 // len(filler.encode())) + " zanzibarite"
    assert any(piece.hit for piece in excerpt(text, query("zanzibarite")))
    assert "zanzibarite" in words.words(text)


@given(TEXTS, st.text(alphabet="aé\u304b\u3099\u0301\u0316\u0345\uff9e", max_size=12))
def test_folding_takes_marks_away_wherever_they_stand(text: str, marked: str) -> None:
    plain = unicodedata.normalize("NFKD", text + marked)
    voicing = "\u3099\u309a"
    bare = [char for char in plain if char in voicing or unicodedata.category(char)[0] != "M"]
    folded = unicodedata.normalize("NFC", "".join(bare).casefold())
    assert words.folded(text + marked) == folded


def test_a_hundred_thousand_marks_in_a_row_take_no_longer_than_letters() -> None:
    text = "zanzib\u00e4r " + "\u0301\u0316" * 50_000
    with ends():
        assert words.words(text) == ["zanzibar"]
        assert excerpt(text, query("zanzibar"))[0] == Piece("zanzib\u00e4r", hit=True)


def test_an_excerpt_looks_for_a_few_of_many_words() -> None:
    text, many = "\u00e4" * 400_000, " ".join(map(chr, range(0x4E00, 0x4E00 + 256)))
    assert not any(piece.hit for piece in excerpt(text, query(many)))
