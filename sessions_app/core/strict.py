"""JSON and queries read strictly: what is not exactly right is refused by name, never repaired.

Invalid JSON and duplicate keys win over everything else (400); what is valid JSON but cannot be
kept the same on every database is 422 and names its place as `messages[2].metadata.a`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from sessions_app.core import instants
from sessions_app.core.errors import (
    DuplicateKey,
    InvalidField,
    InvalidJson,
    InvalidRequest,
    InvalidUnicode,
    InvalidUtf8,
    NonFiniteNumber,
    NulCharacter,
    NumberOutOfRange,
    TooDeep,
    TooLong,
    UnknownFilter,
)

MAX_DEPTH = 128
LEAST_INTEGER = -(2**63)
MOST_INTEGER = 2**64 - 1

# Beyond this a body is an attack on the parser, not data that is merely too deep.
_ABSURD_DEPTH = 5_000
# The most characters a number within the range can have; int() refuses 4,301 digits.
_LONGEST_INTEGER = 20
_BEYOND = MOST_INTEGER + 1
_LONGEST_NAME = 64
_LONGEST_PLACE = 512

# An unterminated string is taken to the end of the body, or each quote in it would scan again.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}

_ESCAPE_TO_LOOK_AT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
# With digits alike, a number past 1.8e308 has an exponent of three digits or is long itself.
_DIGITS_ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
_LONG_NUMBER = b"0" * 19
_INTEGER = re.compile(r"-?[0-9]+")
_PLAIN_NAME = re.compile(r"[^\s.\[\]\"\\]+")


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────


def loads(raw: bytes, *, limit: int | None) -> Any:
    """Read one JSON value from UTF-8 bytes; `limit` is how deep arrays and objects may nest.

    Raises InvalidUtf8, InvalidJson, DuplicateKey (400) before TooDeep, NulCharacter,
    InvalidUnicode, NonFiniteNumber, NumberOutOfRange (422), which name the place in `param`.
    """
    most = _ABSURD_DEPTH if limit is None else min(limit, _ABSURD_DEPTH)
    text = _decoded(raw)
    depth = _depth(raw, enough=most)
    if depth > _ABSURD_DEPTH:
        raise InvalidJson("The body is nested thousands of levels deep. Flatten it.")
    alike = raw.translate(_DIGITS_ALIKE)
    value = _parsed(text, _CAREFUL if _LONG_NUMBER in alike else _PLAIN)
    if depth > most or _suspect(raw, alike):
        check(value, max_depth=most)
    return value


def _decoded(raw: bytes) -> str:
    if raw.startswith(b"\xef\xbb\xbf"):
        raise InvalidJson("The body begins with a byte order mark. Send it without one.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidUtf8(offset=error.start) from None


def _depth(raw: bytes, *, enough: int) -> int:
    """How deep brackets nest outside strings; 0 when there are too few to pass `enough`."""
    if raw.count(b"[") + raw.count(b"{") <= enough:
        return 0
    brackets = _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _parsed(text: str, decoder: json.JSONDecoder) -> Any:
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidJson(
            f"The body is not valid JSON at line {error.lineno}, column {error.colno}: "
            f"{error.msg}.",
            line=error.lineno,
            column=error.colno,
        ) from None
    except RecursionError:
        # Python 3.11 counts the caller's stack too, so this can come before any fixed depth.
        raise TooDeep from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        param = place_of([_first_twice(pairs)])
        raise DuplicateKey(f"An object names the key {param} twice. Send it once.", param=param)
    return found


def _first_twice(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)
    return name


def _whole(text: str) -> int:
    return int(text) if len(text) <= _LONGEST_INTEGER else _BEYOND


def _suspect(raw: bytes, alike: bytes) -> bool:
    """Whether the bytes could hold what `check` refuses; good bodies mostly skip the walk."""
    if b"\\u" in raw and _ESCAPE_TO_LOOK_AT.search(raw):
        return True
    if _LONG_NUMBER in alike or b"NaN" in raw or b"Infinity" in raw:
        return True
    return b"0e000" in alike or b"0e+000" in alike


_PLAIN = json.JSONDecoder(object_pairs_hook=_object)
_CAREFUL = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole)


# ── Python values ────────────────────────────────────────────────────────────────────────────


def check(value: Any, path: str = "", *, max_depth: int = MAX_DEPTH) -> None:
    """Refuse what JSON or a database cannot hold, anywhere in `value`; `path` is where it stands.

    Takes str, int, float, bool, None, list, tuple and dict with text keys. Raises TooDeep,
    NulCharacter, InvalidUnicode, NonFiniteNumber, NumberOutOfRange, or InvalidField for another
    type, each with the place in `param`.
    """
    names: list[str | int] = []
    try:
        _walk(value, names, max_depth)
    except InvalidRequest as error:
        if error.param is not None:
            names.append(error.param)
        error.param = place_of(names, path) or None
        raise


def place_of(names: list[str | int], path: str = "") -> str:
    """Write a place as `messages[2].metadata.a`; unusual names are quoted, long ones cut."""
    for name in names:
        if isinstance(name, int):
            path += f"[{name}]"
        elif _PLAIN_NAME.fullmatch(name) and name.isprintable():
            path += ("." if path else "") + _cut(name, _LONGEST_NAME)
        else:
            path += f"[{json.dumps(_cut(name, _LONGEST_NAME))}]"
    return _cut(path, _LONGEST_PLACE)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _walk(value: Any, names: list[str | int], max_depth: int) -> None:
    """Visit all in the order it is written, without recursion; `names` leads to the present."""
    levels: list[Iterator[tuple[str | int, Any]]] = []
    below = _children(value)
    while below is not None or levels:
        if below is not None:
            if len(levels) >= max_depth:
                raise TooDeep(f"The JSON is nested deeper than {max_depth}. Flatten it.")
            levels.append(below)
            names.append("")
        below = _next_container(levels[-1], names)
        if below is None:
            levels.pop()
            names.pop()


def _next_container(
    level: Iterator[tuple[str | int, Any]], names: list[str | int]
) -> Iterator[tuple[str | int, Any]] | None:
    for names[-1], child in level:
        if _is_plain(child):
            continue
        below = _children(child)
        if below is not None:
            return below
    return None


def _is_plain(value: Any) -> bool:
    """Most values, told at a glance, which makes the walk twice as fast."""
    return type(value) is str and value.isascii() and "\0" not in value


def _children(value: Any) -> Iterator[tuple[str | int, Any]] | None:
    """Check a leaf and return None, or return what a container holds."""
    if isinstance(value, str):
        _text(value)
    elif isinstance(value, dict):
        return _members(value)
    elif isinstance(value, list | tuple):
        return iter(enumerate(value))
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise NonFiniteNumber
    elif isinstance(value, int):
        if not LEAST_INTEGER <= value <= MOST_INTEGER:
            raise NumberOutOfRange
    elif value is not None:
        raise InvalidField(f"A {type(value).__name__} is not JSON. Send text, numbers, or lists.")
    return None


def _members(value: dict[Any, Any]) -> Iterator[tuple[str | int, Any]]:
    for name in value:
        if _is_plain(name):
            continue
        if not isinstance(name, str):
            raise InvalidField(f"A key is a {type(name).__name__}. Keys are text.")
        try:
            _text(name)
        except InvalidRequest as error:
            error.param = name
            raise
    return iter(value.items())


def _text(text: str) -> None:
    if "\0" in text:
        raise NulCharacter
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidUnicode from None


# ── Queries ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Reader:
    """How one query parameter is read; `many` lets it come more than once and gives a list."""

    read: Callable[[str], Any]
    multi: bool = False


def query(params: Mapping[str, list[str]], allowed: Mapping[str, Reader]) -> dict[str, Any]:
    """Read the parameters of a query by an allow-list; an absent one is absent in the answer.

    Raises UnknownFilter, InvalidField (wrong value, or given twice), NulCharacter,
    InvalidUnicode, TooLong, each with the parameter in `param`.
    """
    read = {}
    for name, texts in params.items():
        try:
            read[name] = _parameter(texts, allowed.get(name))
        except InvalidRequest as error:
            error.param = place_of([name])
            raise
    return read


def _parameter(texts: list[str], reader: Reader | None) -> Any:
    if reader is None:
        raise UnknownFilter
    if reader.multi:
        return [reader.read(text) for text in texts]
    if len(texts) != 1:
        raise InvalidField("This parameter is given more than once. Send it once.")
    return reader.read(texts[0])


def many(reader: Reader) -> Reader:
    """The same reader for a parameter that may come more than once, such as `tag`."""
    return replace(reader, multi=True)


def integer(minimum: int, maximum: int) -> Reader:
    """ASCII digits with an optional `-`, within both ends."""

    def read(text: str) -> int:
        if _INTEGER.fullmatch(text):
            value = _whole_of_any_length(text)
            if minimum <= value <= maximum:
                return value
        raise InvalidField(f"Send a whole number from {minimum} to {maximum}.")

    return Reader(read)


def _whole_of_any_length(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("-0") or "0"
    return sign * (int(digits) if len(digits) <= _LONGEST_INTEGER else _BEYOND)


def text(max_length: int) -> Reader:
    """Any text a database keeps, of up to `max_length` characters."""

    def read(text: str) -> str:
        if len(text) > max_length:
            raise TooLong(f"This is longer than {max_length} characters. Shorten it.")
        _text(text)
        return text

    return Reader(read)


def choice(*names: str) -> Reader:
    """One of the names, to the letter."""

    def read(text: str) -> str:
        if text not in names:
            raise InvalidField(f"Send one of: {', '.join(names)}.")
        return text

    return Reader(read)


def boolean() -> Reader:
    """`true` or `false`."""

    def read(text: str) -> bool:
        if text not in ("true", "false"):
            raise InvalidField("Send true or false.")
        return text == "true"

    return Reader(read)


def instant() -> Reader:
    """ISO 8601 with an offset, as microseconds since 1970 UTC."""

    def read(text: str) -> int:
        try:
            return instants.parse(text)
        except ValueError:
            raise InvalidField(
                "Send an ISO 8601 time with an offset, such as 2026-01-31T12:00:00Z; "
                "in an address + is written %2B."
            ) from None

    return Reader(read)
