from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import instants


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31t12:00:00z", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00Z"),
        ("2026-01-31T23:30:00-0530", "2026-02-01T05:00:00Z"),
        ("2026-01-31T12:00:00+02", "2026-01-31T10:00:00Z"),
        ("2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00.500000Z"),
        ("2026-01-31T12:00:00.000000Z", "2026-01-31T12:00:00Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_with_an_offset_is_read_as_utc(text: str, utc: str) -> None:
    assert instants.render(instants.parse(text)) == utc


def test_nanoseconds_are_cut_off_not_rounded() -> None:
    assert instants.parse("1970-01-01T00:00:00.123456999Z") == 123_456


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12Z",
        "2026-01-31T12:00:00+2:00",
        "2026-01-31T12:00:00+02:",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00 02:00",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00.5Z",
        "2026-01-31T24:00:00Z",
        "2026-12-31T23:59:60Z",
        "2026-02-30T12:00:00Z",
        "2026-W05-6T12:00:00Z",
        "٢٠٢٦-01-31T12:00:00Z",
        "2026-01-31T12:00:00Z\n",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
        "now",
    ],
)
def test_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        instants.parse(text)


def test_the_ends_of_the_range_can_be_written_and_read() -> None:
    assert instants.render(instants.FIRST) == "0001-01-01T00:00:00Z"
    assert instants.render(instants.LAST) == "9999-12-31T23:59:59.999999Z"
    for end in (instants.FIRST, instants.LAST):
        assert instants.parse(instants.render(end)) == end
    with pytest.raises(OverflowError):
        instants.render(instants.LAST + 1)


@given(st.integers(instants.FIRST, instants.LAST))
def test_what_is_rendered_is_read_back(us: int) -> None:
    assert instants.parse(instants.render(us)) == us


@given(st.datetimes(timezones=st.timezones()))
def test_any_clock_of_the_world_gives_the_same_instant(at: datetime) -> None:
    if at.utcoffset() and at.utcoffset().total_seconds() % 60:  # type: ignore[union-attr]
        return
    utc = at.replace(tzinfo=None) - (at.utcoffset() or at - at)
    expected = utc.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
    assert instants.render(instants.parse(at.isoformat())) == expected
