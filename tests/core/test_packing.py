"""A packed body is its text again, whatever it says; anything else that is stored is told."""

from __future__ import annotations

import os

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import packing
from sessions_app.core.packing import ACT, LEAST, MOST, WORDS, Damaged, Stored

LARGE = "lines of a log, " * LEAST
texts = st.text(st.characters(codec="utf-8"), max_size=40)


@given(
    texts,
    st.integers(LEAST - 60, LEAST + 60),
    st.sampled_from(("user", "assistant", "tool", "system")),
)
def test_any_text_around_the_threshold_comes_back(text: str, octets: int, role: str) -> None:
    whole = "{" + text + "x" * (octets - 1 - len(text.encode()))
    stored = packing.stored(role, whole)
    assert packing.whole(*stored) == whole
    assert packing.octets_of(stored.body) == len(whole.encode())
    assert (stored.body < packing.MARK) == (stored.packed is None)
    if len(whole.encode()) < LEAST:
        assert stored == Stored(whole)


@pytest.mark.parametrize("letter", ["x", "é", "語", "🙂"])
def test_the_threshold_is_in_bytes(letter: str) -> None:
    each = len(letter.encode())
    most = letter * ((LEAST - 1) // each)
    assert packing.stored("tool", most) == Stored(most)
    assert packing.stored("tool", most + letter).body == f"~{len(most.encode()) + each:08d}"


def test_a_list_finds_what_it_reads_of_a_body_in_the_row() -> None:
    for role, length in (("user", WORDS), ("assistant", ACT), ("tool", 0)):
        assert packing.stored(role, LARGE).body == f"~{len(LARGE):08d}{LARGE[:length]}"
        assert packing.beginning(packing.stored(role, LARGE).body, length) == LARGE[:length]
        assert packing.beginning(LARGE, length) == LARGE[:length]


def test_what_does_not_get_smaller_stays_plain() -> None:
    text = "".join(chr(0x4E00 + byte) for byte in os.urandom(LEAST))
    beginning = text[:ACT]
    assert packing.stored("assistant", beginning) == Stored(beginning)


def spoilt(packed: bytes) -> list[tuple[bytes | None, int]]:
    size = len(LARGE)
    other = zstandard.ZstdCompressor(write_content_size=False).compress(LARGE.encode())
    bomb = zstandard.ZstdCompressor().compress(bytes(MOST + 1))
    return [
        (None, size),
        (b"", size),
        (packed[:-9], size),
        (packed[:30] + bytes([packed[30] ^ 1]) + packed[31:], size),
        (packed + b"more", size),
        (packed, size - 1),
        (packed, 0),
        (other, size),
        (bomb, MOST + 1),
        (bomb, size),
        (zstandard.ZstdCompressor().compress(b"\xff" * 9), 9),
    ]


@pytest.mark.parametrize("number", range(11))
def test_what_is_spoilt_is_told(number: int) -> None:
    packed = packing.stored("tool", LARGE).packed
    assert packed is not None
    frame, octets = spoilt(packed)[number]
    with pytest.raises(Damaged):
        packing.whole(f"~{octets:08d}", frame)


def test_a_size_or_a_beginning_of_something_else_is_told() -> None:
    body, packed = packing.stored("user", LARGE)
    for mark in ("~", "~0001234", "~1234567x", "~-0000001", "\x7f00065536"):
        with pytest.raises(Damaged, match="size"):
            packing.whole(mark, packed)
    with pytest.raises(Damaged, match="begin"):
        packing.whole(f"{body} something else", packed)


def test_no_json_object_is_taken_for_a_mark() -> None:
    for text in ("{", " {", "\n{", '{"~": 1}', ""):
        assert packing.whole(text, None) == text
        assert packing.octets_of(text) == len(text)
