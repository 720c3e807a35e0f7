"""Values of the hot tier: what was packed is read, and whatever is not ours is refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import hotvalues
from sessions_app.core.hotvalues import Kept, Refused, Whose

OURS = Whose("d" * 32, 7, "a" * 32)
KEPT = Kept(OURS, 5, "0f" * 32, lasting=True, body=b'{"messages":[1,2,3]}')


def changed(**fields: Any) -> bytes:
    """A good value with other fields in its first line; None takes one away."""
    line, _, body = hotvalues.pack(KEPT).partition(b"\n")
    first = {**orjson.loads(line), **fields}
    kept = {name: value for name, value in first.items() if value is not None}
    return orjson.dumps(kept) + b"\n" + body


@given(st.integers(1, 2**53), st.booleans(), st.binary(max_size=200))
def test_what_was_packed_is_read_again(version: int, lasting: bool, body: bytes) -> None:
    kept = Kept(OURS, version, "ab" * 32, lasting, body)
    assert hotvalues.read(hotvalues.pack(kept), OURS) == kept


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"schema": 0}, "schema"),
        ({"schema": 2}, "schema"),
        ({"schema": None}, "schema"),
        ({"database": "e" * 32}, "database"),
        ({"database": None}, "database"),
        ({"project": 8}, "project"),
        ({"project": "7"}, "project"),
        ({"session": "b" * 32}, "session"),
        ({"version": "5"}, "shape"),
        ({"version": True}, "shape"),
        ({"version": None}, "shape"),
        ({"head": 5}, "shape"),
        ({"lasting": 1}, "shape"),
        ({"octets": 3}, "shape"),
        ({"sum": 3}, "shape"),
    ],
)
def test_a_value_of_something_else_is_refused_by_name(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        hotvalues.read(changed(**fields), OURS)
    assert str(refused.value) == reason


@pytest.mark.parametrize("garbage", [b"", b"\n", b"\xff\xfe", b"[]\n[]", b"null", b"{}", b"1\n1"])
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(Refused):
        hotvalues.read(garbage, OURS)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_do_more_than_be_refused(raw: bytes) -> None:
    with pytest.raises(Refused):
        hotvalues.read(raw, OURS)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_value_with_one_other_byte_is_refused_or_the_same(at: int, by: int) -> None:
    raw = bytearray(hotvalues.pack(KEPT))
    raw[at % len(raw)] ^= by
    try:
        read = hotvalues.read(bytes(raw), OURS)
    except Refused:
        return
    # What the line says of a value is checked against the database by whoever believes it.
    assert read.body == KEPT.body
    assert read.whose == OURS
