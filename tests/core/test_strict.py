import json
import math
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import strict
from sessions_app.core.errors import (
    DuplicateKey,
    HoldfastError,
    InvalidField,
    InvalidJson,
    InvalidUnicode,
    InvalidUtf8,
    NonFiniteNumber,
    NulCharacter,
    NumberOutOfRange,
    TooDeep,
    TooLong,
    UnknownFilter,
)
from tests.runaway import ends

BACKSLASH = "\\"


def nested(depth: int) -> bytes:
    """`{"metadata": {"a": {"a": ... 1}}}`, `depth` objects deep in all."""
    return b'{"metadata":' + b'{"a":' * (depth - 1) + b"1" + b"}" * depth


def short(value: object) -> str:
    return repr(value)[:24]


def from_a_deep_stack(frames: int, call: Callable[[], Any]) -> Any:
    return from_a_deep_stack(frames - 1, call) if frames else call()


# ── loads: 400 ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("raw", [b'"\xff"', b'"\xed\xa0\x80"', b'{"a": "\xc3', b"\xff\xfe{\x00"])
def test_bytes_that_are_not_utf8_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidUtf8):
        strict.loads(raw, limit=128)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b'{"a":1,}',
        b"{'a':1}",
        b"[01]",
        b"[+1]",
        b"[.5]",
        b"1 2",
        b'"\x00"',
        b'"a\nb"',
        b'"\\x"',
        b'"\\u12"',
        b'"open',
        b"nan",
        b"]",
        "{}\u00a0".encode(),
        "[\u0661]".encode(),
        b"{}\x00",
    ],
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidJson):
        strict.loads(raw, limit=128)


def test_invalid_json_names_line_and_column() -> None:
    with pytest.raises(InvalidJson) as caught:
        strict.loads(b'{"a": 1,\n  b: 2}', limit=128)
    assert caught.value.details == {"line": 2, "column": 3}
    assert "line 2, column 3" in caught.value.message


def test_a_byte_order_mark_is_refused_by_name() -> None:
    with pytest.raises(InvalidJson, match="byte order mark"):
        strict.loads(b"\xef\xbb\xbf{}", limit=128)


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (b'{"a":1,"a":1}', "a"),
        (b'{"x":[{"b":1,"c":2,"b":3}]}', "b"),
        (b'{"a":1,"\\u0061":2}', "a"),
        (b'{"":1,"":2}', '[""]'),
        (b'{"a\\u0000":1,"a\\u0000":2}', '["a\\u0000"]'),
    ],
)
def test_a_key_given_twice_is_refused_and_named(raw: bytes, key: str) -> None:
    with pytest.raises(DuplicateKey) as caught:
        strict.loads(raw, limit=128)
    assert caught.value.param == key


def test_the_same_key_in_two_objects_is_no_duplicate() -> None:
    assert strict.loads(b'[{"a":1},{"a":{"a":2}}]', limit=128) == [{"a": 1}, {"a": {"a": 2}}]


def test_keys_that_only_look_alike_are_kept_apart() -> None:
    value = {"\u00e9": 1, "e\u0301": 2}
    assert strict.loads(json.dumps(value).encode(), limit=128) == value


@pytest.mark.parametrize(
    "later", [b"}", b',"b":1,"b":2}', b',"c":\xff}'], ids=["cut off", "duplicate", "utf-8"]
)
@pytest.mark.parametrize("first", [b"NaN", b"1e999", b'"\\u0000"', b"99999999999999999999999"])
def test_a_malformed_body_is_400_whatever_else_is_wrong(first: bytes, later: bytes) -> None:
    with pytest.raises(HoldfastError) as caught:
        strict.loads(b'{"x":[{"a":' + first + later, limit=1)
    assert caught.value.status == 400


# ── loads: 422 ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "error"),
    [
        ("NaN", NonFiniteNumber),
        ("Infinity", NonFiniteNumber),
        ("-Infinity", NonFiniteNumber),
        ("1e999", NonFiniteNumber),
        ("-1E+309", NonFiniteNumber),
        ("1.5e0000400", NonFiniteNumber),
        ("2" * 400 + ".5", NonFiniteNumber),
        ("9" * 300 + "e50", NonFiniteNumber),
        (str(2**64), NumberOutOfRange),
        (str(-(2**63) - 1), NumberOutOfRange),
        (str(2**70), NumberOutOfRange),
        ("9" * 4301, NumberOutOfRange),
        ("-" + "9" * 100_000, NumberOutOfRange),
    ],
    ids=short,
)
def test_a_number_no_database_keeps_is_refused_with_its_place(
    number: str, error: type[HoldfastError]
) -> None:
    with pytest.raises(error) as caught:
        strict.loads(f'{{"messages":[{{}},{{"m":[1,{number}]}}]}}'.encode(), limit=128)
    assert caught.value.param == "messages[1].m[1]"


@pytest.mark.parametrize(
    "number",
    [2**64 - 1, -(2**63), 10**19, 0, 1.5, 1e308, -1.7976931348623157e308, 5e-324, 0.0],
)
def test_a_number_at_the_end_of_the_range_is_kept(number: float) -> None:
    read = strict.loads(f"[{number!r}]".encode(), limit=128)[0]
    assert read == number
    assert type(read) is type(number)


def test_a_number_is_judged_as_a_number_not_as_text() -> None:
    value = {"a": "1e999 NaN Infinity 99999999999999999999", "id": "4e0001234567890123456789"}
    assert strict.loads(json.dumps(value).encode(), limit=128) == value


@pytest.mark.parametrize(
    ("escape", "error"),
    [
        ("u0000", NulCharacter),
        ("ud800", InvalidUnicode),
        ("uDFFF", InvalidUnicode),
        ("udC00" + BACKSLASH + "ud800", InvalidUnicode),
        (BACKSLASH + "ud83d" + BACKSLASH + "ude00", InvalidUnicode),
    ],
)
def test_text_no_database_keeps_is_refused_with_its_place(
    escape: str, error: type[HoldfastError]
) -> None:
    bad = "x" + BACKSLASH + escape
    with pytest.raises(error) as caught:
        strict.loads(f'{{"messages":[{{"content":"{bad}"}}]}}'.encode(), limit=128)
    assert caught.value.param == "messages[0].content"
    with pytest.raises(error) as caught:
        strict.loads(f'{{"metadata":{{"{bad}":1}}}}'.encode(), limit=128)
    assert caught.value.param is not None
    assert caught.value.param.startswith('metadata["x\\')
    assert caught.value.param.isprintable()


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "\U0001f600", "\u0001", "\ufffe"])
def test_an_escaped_backslash_or_a_whole_pair_is_fine(text: str) -> None:
    assert strict.loads(json.dumps([text]).encode(), limit=128) == [text]


@pytest.mark.parametrize("depth", [1, 2, 31, 32, 128])
def test_nesting_up_to_the_limit_is_kept_and_one_more_is_refused(depth: int) -> None:
    assert strict.loads(nested(depth), limit=depth)
    with pytest.raises(TooDeep) as caught:
        strict.loads(nested(depth + 1), limit=depth)
    assert caught.value.status == 422
    assert (caught.value.param or "").startswith("metadata")


def test_brackets_in_text_are_not_nesting() -> None:
    value = ["[" * 6000, '"[{' * 2000, "\\" * 5 + "[" * 10]
    assert strict.loads(json.dumps(value).encode(), limit=1) == value


@pytest.mark.parametrize("frames", [0, 400, 800])
@pytest.mark.parametrize("depth", [900, 4_990])
def test_metadata_900_deep_is_too_deep_from_any_stack(depth: int, frames: int) -> None:
    frames = min(frames, sys.getrecursionlimit() - 200)
    with pytest.raises(TooDeep):
        from_a_deep_stack(frames, lambda: strict.loads(nested(depth), limit=128))


@pytest.mark.parametrize("raw", [nested(100_000), b"[" * 100_000, b'{"a":' * 100_000])
@pytest.mark.parametrize("limit", [128, None])
def test_a_body_100_000_deep_is_400(raw: bytes, limit: int | None) -> None:
    with pytest.raises(InvalidJson):
        strict.loads(raw, limit=limit)


def test_without_a_limit_hundreds_of_levels_are_kept() -> None:
    assert strict.loads(nested(300), limit=None)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 200 + b'\\"' * 1_000_000,
        b"[" * 200 + b'"' + b'\\"' * 1_000_000,
        b"1" * 2_000_000,
        b'{"k":0' + b"".join(b',"%d":0' % i for i in range(150_000)) + b',"149999":1}',
        b"[" * 2_000_000,
    ],
    ids=["quotes outside", "open string", "digits", "late duplicate", "brackets"],
)
def test_no_body_of_2_mb_keeps_the_reader_busy(raw: bytes) -> None:
    with ends(), pytest.raises(HoldfastError):
        strict.loads(raw, limit=128)


# ── check ────────────────────────────────────────────────────────────────────────────────────


class Colour(StrEnum):
    RED = "red"


def test_plain_python_values_pass() -> None:
    strict.check({"a": [1, 2.5, True, None, "é", (1, Colour.RED)], "b": {}})


@pytest.mark.parametrize(
    ("value", "error", "place"),
    [
        ({"a": {"b": "\0"}}, NulCharacter, "metadata.a.b"),
        ({"a": ["x", "\ud800"]}, InvalidUnicode, "metadata.a[1]"),
        ({"a.b": math.nan}, NonFiniteNumber, 'metadata["a.b"]'),
        ([[], [math.inf]], NonFiniteNumber, "metadata[1][0]"),
        ({"клю": 2**64}, NumberOutOfRange, "metadata.клю"),
        ({"at": datetime.now(UTC)}, InvalidField, "metadata.at"),
        ({"raw": b"x"}, InvalidField, "metadata.raw"),
        ({"set": {1}}, InvalidField, "metadata.set"),
        ({"x": {1: "a"}}, InvalidField, "metadata.x"),
        ({"x": {"\ud800": "a"}}, InvalidUnicode, 'metadata.x["\\ud800"]'),
        ("\0", NulCharacter, "metadata"),
    ],
)
def test_a_value_that_cannot_be_kept_names_its_place(
    value: object, error: type[HoldfastError], place: str
) -> None:
    with pytest.raises(error) as caught:
        strict.check(value, "metadata")
    assert caught.value.param == place


def test_a_foreign_type_is_named() -> None:
    with pytest.raises(InvalidField, match="datetime"):
        strict.check([datetime.now(UTC)])


def test_the_first_fault_in_writing_order_is_the_one_named() -> None:
    with pytest.raises(NulCharacter) as caught:
        strict.check([[["\0"]], "\0", math.nan])
    assert caught.value.param == "[0][0][0]"


def test_a_value_that_holds_itself_is_too_deep() -> None:
    loop: list[Any] = []
    loop += [loop, loop]
    with pytest.raises(TooDeep):
        strict.check({"a": loop})


def test_depth_counts_arrays_and_objects() -> None:
    strict.check("x", max_depth=0)
    strict.check({"a": [1]}, max_depth=2)
    with pytest.raises(TooDeep) as caught:
        strict.check({"a": [[]]}, max_depth=2)
    assert caught.value.param == "a[0]"


def test_a_long_key_or_place_is_cut_in_the_error() -> None:
    with pytest.raises(NulCharacter) as caught:
        strict.check({"k" * 10_000: "\0"})
    assert len(caught.value.param or "") <= 64


# ── The two together ─────────────────────────────────────────────────────────────────────────

kept = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
anything = st.recursive(
    st.none()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.sampled_from(["\0", "\ud800", "NaN", 2**64]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)


@given(kept)
def test_what_check_passes_is_read_back_the_same(value: object) -> None:
    try:
        strict.check(value)
    except NulCharacter:
        assert "\\u0000" in json.dumps(value)
        return
    for ascii_only in (True, False):
        raw = json.dumps(value, ensure_ascii=ascii_only).encode()
        read = strict.loads(raw, limit=128)
        assert read == value
        assert json.dumps(read) == json.dumps(value)


@given(anything)
def test_loads_and_check_refuse_the_same_values(value: object) -> None:
    assert outcome(lambda: strict.loads(json.dumps(value).encode(), limit=128)) == outcome(
        lambda: strict.check(value)
    )


def outcome(call: Callable[[], object]) -> tuple[type[HoldfastError], str | None] | None:
    try:
        call()
    except HoldfastError as error:
        return type(error), error.param
    return None


@given(st.binary(max_size=200) | st.text('[]{}",:\\u0d8eE+-.19NaN ').map(str.encode))
def test_no_bytes_bring_anything_but_an_error_of_ours(raw: bytes) -> None:
    with suppress(HoldfastError):
        value = strict.loads(raw, limit=8)
        assert outcome(lambda: strict.check(value, max_depth=8)) is None


# ── Queries ──────────────────────────────────────────────────────────────────────────────────

ALLOWED = {
    "limit": strict.integer(1, 500),
    "q": strict.text(5),
    "order": strict.choice("asc", "desc"),
    "record": strict.boolean(),
    "since": strict.instant(),
    "tag": strict.many(strict.text(255)),
}


def test_a_query_is_read_into_values() -> None:
    params = {
        "limit": ["50"],
        "q": ["a b"],
        "order": ["desc"],
        "record": ["false"],
        "since": ["1970-01-01T00:00:01Z"],
        "tag": ["x", "y"],
    }
    assert strict.query(params, ALLOWED) == {
        "limit": 50,
        "q": "a b",
        "order": "desc",
        "record": False,
        "since": 1_000_000,
        "tag": ["x", "y"],
    }
    assert strict.query({}, ALLOWED) == {}


@pytest.mark.parametrize(
    "name", ["session__secret__startswith", "_connector", "meta__x__regex", "Limit", "limit "]
)
def test_a_parameter_outside_the_allow_list_is_unknown(name: str) -> None:
    with pytest.raises(UnknownFilter) as caught:
        strict.query({name: ["x"]}, ALLOWED)
    assert name.strip() in (caught.value.param or "")


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(InvalidField) as caught:
        strict.query({"limit": ["1", "1"]}, ALLOWED)
    assert caught.value.param == "limit"


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", "501", "-1", "+1", " 1", "1 ", "1.0", "1e2", "1_0", "٣", "²", "0x1", "--1", "-"),
        *("1\n", str(2**64), "9" * 5000, "-" + "9" * 5000, "true"),
    ],
    ids=short,
)
def test_what_is_not_a_whole_number_in_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidField) as caught:
        strict.query({"limit": [text]}, ALLOWED)
    assert caught.value.status == 422
    assert "from 1 to 500" in caught.value.message


@given(st.integers())
def test_an_integer_within_its_ends_is_read(number: int) -> None:
    reader = strict.integer(min(number, -5), max(number, 5))
    if -(2**63) <= number < 2**64:
        assert strict.query({"n": [str(number)]}, {"n": reader}) == {"n": number}


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("q", "a\0", NulCharacter),
        ("q", "\ud800", InvalidUnicode),
        ("q", "abcdef", TooLong),
        ("tag", "\0", NulCharacter),
        ("order", "ASC", InvalidField),
        ("order", "", InvalidField),
        ("record", "True", InvalidField),
        ("record", "1", InvalidField),
        ("since", "2026-01-01", InvalidField),
        ("since", "2026-01-01T00:00:00 02:00", InvalidField),
    ],
)
def test_a_wrong_value_names_its_parameter(
    name: str, text: str, error: type[HoldfastError]
) -> None:
    with pytest.raises(error) as caught:
        strict.query({name: [text]}, ALLOWED)
    assert caught.value.param == name
