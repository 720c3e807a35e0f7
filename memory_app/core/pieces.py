"""What there is to show of one message: its values and its sentences, each as a piece.

Depends on nothing but the message, so it can be made once and kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from memory_app.core.excerpts import EDGE, ERROR, by_worth, narrowed
from memory_app.core.flattening import Cell, cells, taken_apart
from memory_app.core.passages import SPOKEN, Passage
from memory_app.core.records import quoted, safe
from sessions_app.core.words import words

LONG = 240
"""Characters of a value above which it is looked at line by line."""
PARTS = 60
"""Parts of one long text that are ranked, those first that tell most."""
COMMON = frozenset(("true", "false", "null", "[]", "{}", ""))

NAME, FAULT, LENGTH, BORDER = 1.5, 1.0, -1.0, 0.3
"""What a piece is worth for naming something, telling of an error, being LONG, and being the
beginning or the end of a text."""

_NAME = re.compile(
    r"(?=\S*\d)(?=\S*[^\W\d])\S{2,}|\d{4,}|\S+@\S+\.\S+|https?://\S+|/?[\w.-]+(?:/[\w.-]+)+"
    r"|[A-Z]{2,}[A-Z0-9_-]*"
)
_KEY = re.compile(
    r"(?:.*[_.-])?(?:id|key|number|no|code|uuid|sha|slug|ref|name|path|file|url)|.*(?<=[a-z])Id"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\b")
_SENTENCE = re.compile(r"(?<=\D[.!?])\s+|(?<=[\u3002\uff01\uff1f])")


class Piece(NamedTuple):
    """The smallest thing that is shown or left out: a value, or a part of a text.

    `record` and `path` say where it stands and `shown` how it is written, both safe on one line;
    `text` is as it came. It is the part number `part`, from 0, `of` so many of its text. `key` is
    the last name of the path. `terms` are its words, `handles` those of them by which an id is
    called for short (4421486). `names` says how surely it names something (an id, a code, a date,
    an address), `common` that it is found everywhere (true, 3). `worth` is what speaks for it
    whatever else was said.
    """

    record: str
    path: str
    text: str
    shown: str
    part: int
    of: int
    key: str
    terms: tuple[str, ...]
    handles: tuple[str, ...]
    names: int
    common: bool
    worth: float


class Called(NamedTuple):
    """A tool call: the tool, and its arguments as pieces."""

    tool: str
    pieces: tuple[Piece, ...]


class Analysis(NamedTuple):
    """What there is to show of one message. `text` is what was said in it and `terms` its words;
    a tool's answer has none."""

    seq: int
    role: str
    author: str
    pieces: tuple[Piece, ...]
    calls: tuple[Called, ...]
    text: str
    terms: tuple[str, ...]


def analysis(passage: Passage) -> Analysis:
    """What there is to show of this message."""
    calls = tuple(
        Called(tool, tuple(of_cells(cells(arguments)) if arguments != "{}" else ()))
        for tool, arguments in passage.calls
    )
    text = passage.text if passage.role in SPOKEN else ""
    found = tuple(_of_speech(text) if text else _of_answer(passage.text))
    return Analysis(
        passage.seq, passage.role, passage.author, found, calls, text, tuple(words(text))
    )


def _of_answer(text: str) -> Iterator[Piece]:
    found, prose = taken_apart(text)
    yield from of_cells(found)
    if prose.strip():
        yield from of_text("", "", prose)


def of_cells(found: Iterable[Cell]) -> Iterator[Piece]:
    """Values as pieces; a long one in parts."""
    for record, path, text in found:
        if len(text) > LONG:
            yield from of_text(record, path, text)
        else:
            yield _piece(record, path, text)


def of_text(record: str, path: str, text: str) -> Iterator[Piece]:
    """The lines of a text that tell most of it."""
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    return _parts(lines, record, path)


def _of_speech(text: str) -> Iterator[Piece]:
    found = (part for line in text.splitlines() for part in _SENTENCE.split(line))
    return _parts([part for part in found if part and not part.isspace()])


def _parts(texts: list[str], record: str = "", path: str = "") -> Iterator[Piece]:
    for at in sorted(islice(by_worth(texts), PARTS)):
        yield _piece(record, path, narrowed(texts[at].strip(), LONG), at, len(texts))


def _piece(record: str, path: str, text: str, part: int = 0, of: int = 1) -> Piece:
    terms = tuple(words(text[:LONG]))
    dated = _DATE.match(text) is not None
    handles = () if dated else tuple(term for term in terms if digits(term) > 3)
    common = text in COMMON or (len(text) < 3 and text.isdigit())
    key = path.rpartition(".")[2].partition("[")[0]
    names = 0 if common else bool(_NAME.fullmatch(text)) + bool(_KEY.fullmatch(key))
    edge = of > 1 and min(part, of - 1 - part) < EDGE
    worth = (
        NAME * names
        + FAULT * bool(ERROR.search(text))
        + LENGTH * min(len(text) / LONG, 1)
        + BORDER * edge
    )
    shown = quoted(text) if path and of == 1 else safe(text)
    return Piece(
        safe(record), safe(path), text, shown, part, of, key, terms, handles, names, common, worth
    )


def digits(term: str) -> int:
    return sum(map(str.isdigit, term))
