"""How much of long texts is shown, and where what is looked for stands in them."""

from __future__ import annotations

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import marks, texts
from tests.runaway import ends

PAGES = st.lists(st.text(max_size=400), max_size=20)


@given(PAGES, st.integers(1, 2_000))
def test_all_texts_fit_together_and_the_small_ones_stay_whole(said: list[str], room: int) -> None:
    rooms = texts.share([texts.whole(text) for text in said], room)
    kept = [min(most, len(text)) for most, text in zip(rooms, said, strict=True)]
    weights = [texts.weight(texts.whole(text)) for text in said]
    fair = texts.fair(weights, room)
    for text, most, size in zip(said, kept, weights, strict=True):
        assert most == len(text) or size > fair


@given(st.lists(st.integers(0, 500), min_size=1, max_size=30), st.integers(0, 5_000))
def test_a_fair_size_fits_and_a_larger_one_would_not(sizes: list[int], room: int) -> None:
    most = texts.fair(sizes, room)
    assert sum(min(size, most) for size in sizes) <= max(room, 0) or most == 0
    if most < max(sizes):
        assert sum(min(size, most + 1) for size in sizes) > room


@given(st.text(alphabet="ab<>&'\"é", max_size=60))
def test_the_weight_of_a_text_is_its_size_as_html(text: str) -> None:
    assert texts.weight(texts.whole(text)) == len(escape(text).replace("&#x27;", "&#039;").encode())


@given(st.text(max_size=300), st.integers(1, 200), st.integers(0, 300))
def test_a_clip_has_its_place_in_sight_and_loses_nothing(said: str, most: int, at: int) -> None:
    at = min(at, max(0, len(said) - 1))
    text = texts.whole(said)
    texts.clip(text, most, at)
    assert said[text.skipped : len(said) - text.left] == text.shown
    assert len(text.shown) == min(most, len(said))
    if said:
        assert text.skipped <= at < text.skipped + len(text.shown)


@given(st.text(max_size=80), st.text(max_size=6))
def test_pieces_together_are_the_text(said: str, wanted: str) -> None:
    assert "".join(piece.text for piece in marks.pieces(said, wanted)) == said


@pytest.mark.parametrize(
    ("said", "wanted", "hits"),
    [
        ("Move the flight to Friday", "friday flight", ["flight", "Friday"]),
        ("flights and flight", "flight", ["flights", "flight"]),
        ("Café au lait", "cafe au", ["Café", "au"]),
        ("a.*b and a+b", ".*", [".*"]),
        ("no", "yes", []),
        ("明日は京都に行きます", "京都", ["京都"]),
        ("nothing asked", "", []),
    ],
)
def test_hits_are_the_words_of_the_question(said: str, wanted: str, hits: list[str]) -> None:
    assert [piece.text for piece in marks.pieces(said, wanted) if piece.hit] == hits


def test_many_words_are_looked_for_at_once() -> None:
    many = " ".join(map(chr, range(0x4E00, 0x4E00 + 256)))
    assert marks.first("a " * 100_000, many) is None


def test_a_long_text_without_the_words_is_soon_passed_over() -> None:
    with ends():
        assert marks.first("a " * 2_000_000, "zanzibar") is None
