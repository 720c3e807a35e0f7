"""What changed between two summaries: both can be read off again, and little is marked."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from monitoring import wording
from monitoring.wording import GONE, NEW, changes

LINES = st.lists(
    st.lists(st.sampled_from(("seat", "12C", "flight", "HAT", "not", "204,", "Friday")), max_size=6)
    .map(" ".join)
    .filter(bool),
    max_size=12,
)


def without(before: str, after: str, kind: str) -> list[str]:
    lines = [
        "".join(text for tag, text in line.pieces if tag != kind) for line in changes(before, after)
    ]
    return [line for line in lines if line]


@given(LINES, LINES)
def test_the_newer_text_stands_there_in_its_order(before: list[str], after: list[str]) -> None:
    assert without("\n".join(before), "\n".join(after), GONE) == after


@given(LINES, LINES)
def test_no_line_of_the_older_text_is_missing(before: list[str], after: list[str]) -> None:
    assert Counter(without("\n".join(before), "\n".join(after), NEW)) >= Counter(set(before))


@given(LINES)
def test_nothing_changed_marks_nothing(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert {line.kind for line in changes(text, text)} <= {"same"}


def test_a_word_that_changed_is_marked_alone() -> None:
    (line,) = changes("The gate closes at 17:20.", "The gate closes at 17:45.")
    assert line.kind == "changed"
    assert [piece for piece in line.pieces if piece[0] != "same"] == [
        ("gone", "17:20."),
        ("new", "17:45."),
    ]


def test_a_line_that_moved_is_the_same() -> None:
    found = changes("one two\nthree four", "three four\none two")
    assert [line.kind for line in found] == ["same", "same"]


def test_very_long_texts_are_compared_by_lines() -> None:
    before = "\n".join(f"line {n} is as it was" for n in range(2_000))
    after = before.replace("line 7 is", "line 7 was")
    kinds = Counter(line.kind for line in changes(before, after))
    assert len(before) > wording.MOST_CHARACTERS / 2
    assert kinds["new"] == kinds["gone"] == 1
