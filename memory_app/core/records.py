"""Values written so that a model reads which belong together, on one line and safe to show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

_ELEMENT = re.compile(r"(.+)\[(\d+)\]")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_QUOTED = re.compile(r"[=;\"]|: |^\s|\s$|^$")


class Written(Protocol):
    """What a value needs to be written; see `pieces.Piece`."""

    @property
    def record(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def shown(self) -> str: ...
    @property
    def part(self) -> int: ...
    @property
    def of(self) -> int: ...


def by_record(pieces: Iterable[Written]) -> list[str]:
    """A text for each record: `flights[0]: flight_number=HAT136 date=2024-05-20`."""
    records: dict[str, list[Written]] = {}
    for piece in pieces:
        records.setdefault(piece.record, []).append(piece)
    return [_record(record, found) for record, found in records.items()]


def named_by_path(piece: Written) -> bool:
    """Whether the path of a record ends with this value: what it is called by is there already."""
    return bool(piece.record) and piece.record.rpartition(".")[2] == piece.text


def _record(record: str, pieces: Sequence[Written]) -> str:
    fields: dict[str, list[Written]] = {}
    for piece in pieces:
        if not named_by_path(piece):
            path = piece.path
            element = _ELEMENT.fullmatch(path) if path.endswith("]") else None
            fields.setdefault(element[1] if element else path, []).append(piece)
    texts = [_field(path, found) for path, found in fields.items()]
    if not record:
        return " ".join(texts)
    return f"{record}: {' '.join(texts)}" if texts else record


def _field(path: str, pieces: Sequence[Written]) -> str:
    """A value, a list of values, or the lines of a text, with its path."""
    first = pieces[0]
    if first.path != path:
        text = _listed(pieces)
    elif first.of > 1:
        text = parts(pieces, "\\n")
    else:
        text = " ".join([piece.shown for piece in pieces])
    return f"{path}={text}" if path else text


def _listed(pieces: Sequence[Written]) -> str:
    """The elements of a list; ... stands for those between that are not shown."""
    texts = []
    expected = 0
    for piece in pieces:
        element = _ELEMENT.fullmatch(piece.path)
        place = int(element[2]) if element else expected
        if place > expected:
            texts.append("...")
        texts.append(piece.shown)
        expected = place + 1
    return f"[{', '.join(texts)}]"


def parts(pieces: Sequence[Written], border: str) -> str:
    """Parts of one text, ... for each gap."""
    texts = []
    expected = 0
    for piece in pieces:
        if piece.part > expected:
            texts.append("...")
        texts.append(piece.shown)
        expected = piece.part + 1
    if expected < pieces[-1].of:
        texts.append("...")
    return border.join(texts)


def quoted(text: str) -> str:
    """A value as it stands; in quotes where it could be read as more than one."""
    shown = safe(text)
    if not _QUOTED.search(shown):
        return shown
    escaped = shown.replace('"', '\\"')
    return f'"{escaped}"'


def safe(text: str) -> str:
    """A text on one line: what a reader does not see, or a terminal obeys, as an escape."""
    return _UNSAFE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"
