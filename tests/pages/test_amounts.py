from __future__ import annotations

import pytest

from monitoring import amounts
from monitoring.titles import first_words


@pytest.mark.parametrize(
    ("number", "shown"), [(18_204, "18,204"), (0, "0"), (None, amounts.UNKNOWN)]
)
def test_a_count_has_separators_and_what_is_unknown_is_not_nothing(
    number: int | None, shown: str
) -> None:
    assert amounts.count(number) == shown


@pytest.mark.parametrize(
    ("octets", "shown"), [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (2_500_000, "2.5 MB")]
)
def test_a_size_is_in_its_largest_unit(octets: int, shown: str) -> None:
    assert amounts.size(octets) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (61, "1 min 1 s"), (301, "5 min"), (8_040, "2 h 14 min"), (90_000, "1 d 1 h")],
)
def test_a_span_is_in_its_two_largest_units(seconds: float, shown: str) -> None:
    assert amounts.span(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-5, "now"), (0.4, "now"), (59, "59 s ago"), (7_300, "2 h ago")]
)
def test_how_long_ago_is_in_one_unit(seconds: float, shown: str) -> None:
    assert amounts.ago(seconds) == shown


@pytest.mark.parametrize(
    ("share", "shown"), [(0, "0 %"), (0.002, "<1 %"), (0.714, "71 %"), (1.5, "150 %")]
)
def test_a_little_is_not_nothing(share: float, shown: str) -> None:
    assert amounts.percent(share) == shown


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"content":"Hello\\n \\"you\\""}', 'Hello "you"'),
        ('{"content":[{"type":"text","text":"In a block"}]}', "In a block"),
        ('{"content":"cut off in an escape \\', "cut off in an escape"),
        ('{"content":"cut \\u00', "cut"),
        (r'{"content":"a pair \ud83d\ude00!"}', "a pair \N{GRINNING FACE}!"),
        (r'{"content":"half a pair \ud83d', "half a pair"),
        (r'{"content":"half a pair \ud83d\ude', "half a pair"),
        ("", ""),
    ],
)
def test_first_words_are_found_in_a_body_cut_anywhere(body: str, words: str) -> None:
    assert first_words(body) == words
