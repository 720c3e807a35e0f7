"""JSON as importers read it: as strictly as the API, but what one character can mend is mended."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any, NoReturn

import orjson

from sessions_app.core import errors, strict
from sessions_app.importers.base import Unreadable
from sessions_app.importers.files import Line, Source

REPLACEMENT = "\ufffd"
UNFINISHED = "is cut off: the last line is not complete"
_MENDABLE = (errors.NulCharacter, errors.InvalidUnicode, errors.NumberOutOfRange)
_LONGEST_INTEGER = 20


def of_line(line: Line) -> tuple[Any, bool]:
    """The value of a line, and whether it had to be mended. Raises Unreadable."""
    if line.reason:
        raise Unreadable(line.number, line.reason)
    return of_bytes(line.raw, line.number, ended=line.ended)


def is_lines(source: Source) -> bool:
    """Whether the first line is a value, and another one begins behind it."""
    first, second = [*islice(source.lines(), 2), None, None][:2]
    if first is None or second is None or second.raw[:1] not in (b"{", b"["):
        return False
    try:
        of_line(first)
    except Unreadable:
        return False
    return True


def of_bytes(raw: bytes, number: int, *, ended: bool = True) -> tuple[Any, bool]:
    """The JSON value of `raw`; NUL and lone surrogates become U+FFFD, numbers over 64 bits text.

    Raises Unreadable with what is wrong for anything that cannot be mended.
    """
    try:
        return strict.loads(raw, limit=strict.MAX_DEPTH), False
    except _MENDABLE:
        return _mended(raw, number), True
    except errors.InvalidJson as error:
        if not ended:
            raise Unreadable(number, UNFINISHED) from None
        column = error.details.get("column")
        where = f" at column {column}" if column else ""
        raise Unreadable(number, f"is not valid JSON{where}") from None
    except errors.InvalidUtf8 as error:
        reason = f"is not valid UTF-8 at byte {error.details['offset'] + 1}"
        raise Unreadable(number, reason) from None
    except errors.InvalidRequest as error:
        raise Unreadable(number, _reason(error)) from None


def checked(value: Any, number: int) -> tuple[Any, bool]:
    """The same for a value that is parsed already."""
    try:
        strict.check(value)
    except _MENDABLE:
        return _mended_value(value, number), True
    except errors.InvalidRequest as error:
        raise Unreadable(number, _reason(error)) from None
    return value, False


def shows_mending(value: Any) -> bool:
    """Whether a character was replaced in it, when one was in what it is a part of."""
    return REPLACEMENT in orjson.dumps(value).decode()


def decoder() -> json.JSONDecoder:
    """A decoder for parts of a document; what it lets through is for `checked` to judge."""
    return json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_constant=_constant)


def _mended(raw: bytes, number: int) -> Any:
    return _mended_value(json.loads(raw, parse_int=_whole), number)


def _mended_value(value: Any, number: int) -> Any:
    try:
        mended = _mend(value, strict.MAX_DEPTH)
        strict.check(mended)
    except errors.InvalidRequest as error:
        raise Unreadable(number, _reason(error)) from None
    return mended


def _mend(value: Any, room: int) -> Any:
    if room < 0:
        raise errors.TooDeep
    if isinstance(value, str):
        return _mend_text(value)
    if isinstance(value, list):
        return [_mend(entry, room - 1) for entry in value]
    if isinstance(value, dict):
        return {_mend_text(name): _mend(entry, room - 1) for name, entry in value.items()}
    if isinstance(value, int) and not strict.LEAST_INTEGER <= value <= strict.MOST_INTEGER:
        return str(value)
    return value


def _mend_text(text: str) -> str:
    text = text.replace("\0", REPLACEMENT)
    if text.isascii():
        return text
    return "".join(REPLACEMENT if "\ud800" <= sign <= "\udfff" else sign for sign in text)


def _whole(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_INTEGER else text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise errors.DuplicateKey
    return found


def _constant(name: str) -> NoReturn:
    raise errors.NonFiniteNumber


def _reason(error: errors.InvalidRequest) -> str:
    text = error.message.rstrip(".")
    return f"{text} (at {error.param})" if error.param and error.param not in text else text
