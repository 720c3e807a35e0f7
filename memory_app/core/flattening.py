"""JSON taken apart into values that each have a path; numbers and words exactly as written.

Read with the standard library's scanner, whose hooks give numbers as they stand: 1.10 stays 1.10,
2^63 stays, and a repeated key gives a value each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

MOST = 2_000
_STARTS = 40
"""Places in prose at which JSON is looked for: each may cost a walk through the rest."""
_NESTED = 200_000
"""Characters of a string that is itself read as JSON, as tools wrap one answer in another."""

_PLAIN_KEY = re.compile(r"[^\W\d][\w-]*|\d+")
_START = re.compile(r"[{\[]")
_LITERALS = {True: "true", False: "false", None: "null"}


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """The members of an object in order, repeated keys and all."""


class Cell(NamedTuple):
    """A value in its record: the nearest object that is one of many, or the whole.

    `record` is the path of that object, `path` the way from there: passengers[0] and name.first.
    """

    record: str
    path: str
    text: str

    @property
    def whole(self) -> str:
        """The path from the beginning."""
        if self.record and self.path and not self.path.startswith("["):
            return f"{self.record}.{self.path}"
        return self.record + self.path


_decoder = json.JSONDecoder(
    object_pairs_hook=_Pairs, parse_float=_Number, parse_int=_Number, parse_constant=_Number
)


def flatten(text: str, *, most: int = MOST) -> list[tuple[str, str]]:
    """(path, value) of up to `most` values in a text that is JSON, JSON lines, or prose with JSON
    in it; [] where there is none. Values are text as written, strings without their quotes."""
    return [(cell.whole, cell.text) for cell in cells(text, most=most)]


def cells(text: str, *, most: int = MOST) -> list[Cell]:
    """The values of `flatten`, each in its record."""
    return taken_apart(text, most=most)[0]


def taken_apart(text: str, *, most: int = MOST) -> tuple[list[Cell], str]:
    """The values of `flatten`, each in its record, and what of the text is no JSON."""
    value, prose = _parsed(text)
    return list(islice(_walk(value), most)), prose


class _Nothing:
    """No JSON."""


_NOTHING = _Nothing()


def _parsed(text: str) -> tuple[Any, str]:
    """The JSON of a text as pairs and lists, _NOTHING where there is none; and the rest of it."""
    stripped = text.strip()
    whole = _decoded(stripped)
    if whole is not _NOTHING:
        return whole, ""
    if found := _lines(stripped):
        return found, ""
    found, prose = _inside(text)
    if not found:
        return _NOTHING, text
    return found[0] if len(found) == 1 else found, prose


def _decoded(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError):
        return _NOTHING


def _lines(text: str) -> list[Any]:
    """JSON lines: at least two, and no line that is something else."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or not all(line.lstrip()[0] in "{[" for line in lines):
        return []
    found = [_decoded(line) for line in lines]
    return [] if _NOTHING in found else found


def _inside(text: str) -> tuple[list[Any], str]:
    """Objects, and lists of objects, in a text that is not JSON as a whole; and the rest of it."""
    found: list[Any] = []
    prose: list[str] = []
    at = done = 0
    for _ in range(_STARTS):
        start = _START.search(text, at)
        if start is None:
            break
        at = start.end()
        try:
            value, end = _decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        if _is_record(value) or (isinstance(value, list) and any(map(_is_record, value))):
            found.append(value)
            prose.append(text[done : start.start()])
            at = done = end
    return found, "".join([*prose, text[done:]])


def _is_record(value: Any) -> bool:
    return isinstance(value, _Pairs) and bool(value)


def _walk(value: Any) -> Iterator[Cell]:
    """The values of a tree in order. Not by recursion: trees may be deeper than Python's stack."""
    ways = [iter([(value, "", "")])]
    while ways:
        step = next(ways[-1], None)
        if step is None:
            ways.pop()
            continue
        there, record, path = step
        if isinstance(there, str) and not isinstance(there, _Number):
            there = _unwrapped(there)
        if isinstance(there, _Pairs) and there:
            ways.append(_members(there, record, path))
        elif isinstance(there, list) and there:
            ways.append(_elements(there, record, path))
        elif not isinstance(there, _Nothing):
            yield Cell(record, path, _leaf(there))


def _leaf(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "{}" if isinstance(value, _Pairs) else "[]"
    return _LITERALS[value]


def _members(value: _Pairs, record: str, path: str) -> Iterator[tuple[Any, str, str]]:
    """What is under an object. Objects that are all of its members are records of their own,
    unless it is a wrapper around one."""
    many = all(_is_record(member) for _, member in value)
    many = many and (len(value) > 1 or any(map(str.isdigit, value[0][0])))
    for key, member in value:
        name = key if _PLAIN_KEY.fullmatch(key) else f"[{json.dumps(key, ensure_ascii=False)}]"
        there = _joined(path, name)
        yield (member, _joined(record, there), "") if many else (member, record, there)


def _elements(value: list[Any], record: str, path: str) -> Iterator[tuple[Any, str, str]]:
    for index, element in enumerate(value):
        there = f"{path}[{index}]"
        if _is_record(element):
            yield element, _joined(record, there), ""
        else:
            yield element, record, there


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name and name[0] != "[" else path + name


def _unwrapped(text: str) -> Any:
    """The JSON that a string holds, if it is an object or a list; else the string."""
    if len(text) < 2 or len(text) > _NESTED or text[0] + text[-1] not in ("{}", "[]"):
        return text
    inner = _decoded(text)
    return inner if isinstance(inner, list) and inner else text
