"""One large JSON document, read piece by piece: the elements of its lists, never the whole."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sessions_app.core import errors
from sessions_app.importers import base, values
from sessions_app.importers.base import Unreadable
from sessions_app.importers.files import CHUNK, Source

BLANK = " \t\r\n"
NEAR_END = 16
"""Where a text that merely ends too early can go wrong at most this far from its end."""
SIGN = re.compile(r'\\.|["{}\[\],]', re.DOTALL)
NOT_UTF_8 = re.compile("[\udc80-\udcff]")
"""What bytes that are no UTF-8 are decoded to when they may be skipped."""


class Piece(NamedTuple):
    """An element of a list or the value of a member. `name` is the member's, "" in a document
    that is one list; `mended` as in `values`; `reason` tells why an element was skipped."""

    name: str
    value: Any
    line: int
    element: bool
    mended: bool = False
    reason: str | None = None


def pieces(source: Source, lists: frozenset[str], *, skip: bool = False) -> Iterator[Piece]:
    """The pieces of a document: of a list its elements, of an object its members, those named in
    `lists` element by element. Raises Unreadable where it is no JSON; with `skip` an element that
    cannot be read is passed over, up to where its brackets close."""
    text = _Text(source, skip=skip)
    first = text.peek()
    if first == "[":
        yield from _elements(text, "")
    elif first == "{":
        yield from _members(text, lists)
    else:
        raise Unreadable(text.line(), "is not a JSON list or object")
    if text.peek():
        raise Unreadable(text.line(), "goes on behind its end")


def _members(text: _Text, lists: frozenset[str]) -> Iterator[Piece]:
    text.take("{")
    seen: set[str] = set()
    while text.peek() != "}":
        if seen:
            text.take(",")
            text.peek()
        name = text.value()
        if not isinstance(name, str) or name in seen:
            raise Unreadable(text.line(), "has a name that is no text, or stands twice")
        seen.add(name)
        text.take(":")
        if text.peek() == "[" and name in lists:
            yield from _elements(text, name)
        else:
            yield _piece(text, name, element=False)
    text.take("}")


def _elements(text: _Text, name: str) -> Iterator[Piece]:
    text.take("[")
    first = True
    while text.peek() != "]":
        if not first:
            text.take(",")
            text.peek()
        first = False
        yield _element(text, name)
    text.take("]")


def _element(text: _Text, name: str) -> Piece:
    before = text.taken
    try:
        return _piece(text, name, element=True)
    except Unreadable as error:
        if not text.skips:
            raise
        if text.taken == before:
            text.skip(error)
        return Piece(name, None, error.line, element=True, reason=error.reason)


def _piece(text: _Text, name: str, *, element: bool) -> Piece:
    line = text.line()
    value, mended = values.checked(text.value(), line)
    return Piece(name, value, line, element, mended)


class _Text:
    """A window of the file's text that moves on as values are taken from it."""

    def __init__(self, source: Source, *, skip: bool = False) -> None:
        source.file.seek(0)
        self.skips = skip
        self.taken = 0
        self._file = source.file
        errors_as = "surrogateescape" if skip else "strict"
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors_as)
        self._json = values.decoder()
        self._buffer = ""
        self._at = 0
        self._line = 1
        self._counted = 0
        self._ended = False

    def line(self) -> int:
        """The line where the next value begins."""
        self._line += self._buffer.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> str:
        """The next character that is no blank; "" at the end."""
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in BLANK:
                self._at += 1
            if self._at < len(self._buffer) or self._ended:
                return self._buffer[self._at : self._at + 1]
            self._more()

    def take(self, sign: str) -> None:
        found = self.peek()
        if found != sign:
            reason = "is not valid JSON" if found else "is cut off"
            raise Unreadable(self.line(), f"{reason}: `{sign}` is missing")
        self._at += 1

    def value(self) -> Any:
        """The next value, whole."""
        while True:
            try:
                value, end = self._json.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                self._check_hope(error)
            except errors.InvalidRequest as error:
                raise Unreadable(self.line(), error.message.rstrip(".")) from None
            except RecursionError:
                raise Unreadable(self.line(), "is nested too deeply") from None
            else:
                # A number that ends where the window ends may go on behind it.
                if end < len(self._buffer) or self._ended:
                    self._pass(end)
                    return value
            self._more()

    def _pass(self, end: int) -> None:
        """Moves behind the value that ends at `end`."""
        damaged = NOT_UTF_8.search(self._buffer, self._at, end) if self.skips else None
        line = self.line()
        start, self._at = self._at, end
        self.taken += 1
        if damaged:
            line += self._buffer.count("\n", start, damaged.start())
            raise Unreadable(line, "is not valid UTF-8")

    def skip(self, error: Unreadable) -> None:
        """Moves behind a value that cannot be read, told by its brackets. Raises `error` where
        they do not close."""
        depth, quoted = 0, False
        while True:
            for found in SIGN.finditer(self._buffer, self._at):
                sign = found[0]
                if sign == '"':
                    quoted = not quoted
                elif not quoted and sign in "{[":
                    depth += 1
                elif not quoted and depth == 0 and sign in "}],":
                    self._at = found.start()
                    return
                elif not quoted and sign in "}]":
                    depth -= 1
                self._at = found.end()
            open_escape = self._buffer.endswith("\\", self._at)
            self._at = len(self._buffer) - open_escape
            if self._ended:
                raise error
            self._more()

    def _check_hope(self, error: json.JSONDecodeError) -> None:
        """Raises Unreadable unless more text could still make a value of it."""
        if self._ended and error.pos + NEAR_END >= len(self._buffer):
            raise Unreadable(self.line(), "is cut off") from None
        open_string = error.msg.startswith("Unterminated string")
        if self._ended or (error.pos + NEAR_END < len(self._buffer) and not open_string):
            line = self.line() + self._buffer.count("\n", self._at, error.pos)
            raise Unreadable(line, "is not valid JSON") from None

    def _more(self) -> None:
        line = self.line()
        self._buffer = self._buffer[self._at :]
        self._at = self._counted = 0
        if len(self._buffer) > base.MAX_LINE:
            raise Unreadable(line, f"holds a value of more than {base.MAX_LINE} characters")
        # Twice as much each time, so that a large value is not parsed again for every chunk.
        raw = self._file.read(max(CHUNK, len(self._buffer)))
        try:
            self._buffer += self._decoder.decode(raw, final=not raw)
        except UnicodeDecodeError:
            lines = self._buffer.count("\n") + raw.count(b"\n")
            where = f"is not valid UTF-8 within the next {lines} lines"
            raise Unreadable(line, where) from None
        self._ended = not raw
