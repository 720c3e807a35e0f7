"""What the data exports of chat apps have in common: a list of conversations, each of them a tree
of messages, in a file of its own or inside the zip that was sent.

A conversation is one value of the document and is in memory while it is told; the document never
is. One that cannot be read is named by its line and passed over, the others come in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from zipfile import ZipInfo

import orjson

from sessions_app.importers import base, documents, files, shapes, values
from sessions_app.importers.base import (
    Conversation,
    Fork,
    Item,
    Kept,
    Progress,
    Record,
    Trouble,
    Unreadable,
    Warned,
)
from sessions_app.importers.branches import Knot, Tree
from sessions_app.importers.files import Archive, Source

FILE = re.compile(r"conversations(-\d+)?\.json", re.IGNORECASE)
LISTS = frozenset({"conversations"})
OTHER_PART = "holds no conversations; it was left out"


class Told(NamedTuple):
    """One conversation as it stands in the export. `mended` tells that characters or numbers in
    it had to be replaced."""

    record: Record
    line: int
    mended: bool

    def is_repaired(self, payload: Record) -> bool:
        """Whether this message of the conversation is one of those where something was replaced."""
        return self.mended and values.shows_mending(payload)


class App(NamedTuple):
    """What a format knows: whether a value is a conversation, and its items (none: it is empty).
    `title` is the app's name."""

    title: str
    holds: Callable[[Any], bool]
    items: Callable[[Told], Iterator[Item]]


def read(path: Path, app: App) -> Iterator[Item]:
    """The sessions of an export, packed or not. Raises Unreadable for a file that cannot be used
    at all."""
    if not files.is_zip(path):
        yield from _Reading(app, path.name).of(files.opened(path))
        return
    with files.unzipped(path) as archive:
        yield from _of_archive(archive, app)


def _of_archive(archive: Archive, app: App) -> Iterator[Item]:
    chosen = meant(archive)
    if not chosen:
        raise Unreadable(0, "holds no conversations.json")
    for info in chosen:
        try:
            yield from _Reading(app, _name(info), f"{info.filename}: ").of(archive.opened(info))
        except Unreadable as error:
            yield Trouble(error.line, f"{info.filename}: {error.reason}")
    left = sorted({_name(info) for info in archive.members} - {_name(info) for info in chosen})
    others = [name for name in left if name.endswith((".json", ".zip"))]
    if others:
        yield Warned(0, f"other parts of the export were left out: {', '.join(others[:10])}")


def meant(archive: Archive) -> list[ZipInfo]:
    """The members that hold conversations, by their names; any JSON where none is named so."""
    named = [info for info in archive.members if FILE.fullmatch(_name(info))]
    found = named or [info for info in archive.members if _name(info).endswith(".json")]
    return sorted(found, key=lambda info: info.filename)


def _name(info: ZipInfo) -> str:
    return PurePosixPath(info.filename).name


@dataclass(slots=True)
class _Reading:
    """One document, and what is counted on the way. `place` stands before what is said of it."""

    app: App
    name: str
    place: str = ""
    told: int = 0
    empty: int = 0
    foreign: list[int] = field(default_factory=list)

    def of(self, opening: AbstractContextManager[Source]) -> Iterator[Item]:
        with opening as source:
            members: Record = {}
            for piece in documents.pieces(source, LISTS, skip=True):
                if piece.element:
                    yield from self._piece(piece)
                elif source.size <= base.MAX_LINE:
                    members[piece.name] = piece.value
                yield Progress(source.file.tell(), source.size)
            if self.app.holds(members):
                yield from self._conversation(Told(members, 1, mended=False))
            if source.broken:
                yield Trouble(0, f"{self.place}{source.broken}")
        yield from self._counts()

    def _piece(self, piece: documents.Piece) -> Iterator[Item]:
        if piece.reason is not None:
            yield Trouble(piece.line, f"{self.place}{piece.reason}; this conversation is left out")
        elif self.app.holds(piece.value):
            yield from self._conversation(Told(piece.value, piece.line, piece.mended))
        else:
            self.foreign.append(piece.line)

    def _conversation(self, told: Told) -> Iterator[Item]:
        self.told += 1
        full = False
        for item in self.app.items(told):
            full = full or isinstance(item, Conversation)
            yield item
        self.empty += not full

    def _counts(self) -> Iterator[Item]:
        if self.empty:
            reason = f"{self.empty} conversations without messages were left out"
            yield Warned(0, f"{self.place}{reason}")
        if not self.told and not FILE.fullmatch(self.name):
            yield Warned(0, f"{self.place}{OTHER_PART}")
        elif self.foreign:
            reason = f"{len(self.foreign)} entries from here on are no conversations"
            yield Trouble(self.foreign[0], f"{self.place}{reason} of {self.app.title}")
        elif not self.told:
            yield Warned(0, f"{self.place}{OTHER_PART}")


# -- one conversation --------------------------------------------------------------------------


def branches(
    tree: Tree,
    begun: Conversation,
    said: Callable[[Knot], Iterable[Item]],
    kept: Iterable[Kept] = (),
) -> Iterator[Item]:
    """The branch of the newest knot as session `begun`, with what is no message behind it; every
    other branch as a fork, named by the record it begins with."""
    keys: dict[int, str] = {}
    for branch in tree.branches():
        left = tree.aside(branch)
        if not keys:
            key = begun.key
            yield replace(begun, left=left)
        else:
            key = base.bounded_key(f"{begun.key}:{branch.first}")
            parent = keys.get(id(branch.of), begun.key)
            sources = branch.parts_at.sources if branch.parts_at else ()
            yield Conversation(key=key, fork=Fork(parent, sources), left=left)
        for knot in branch.knots:
            yield from said(knot)
        if not keys:
            yield from kept
        keys[id(branch)] = key


def around(record: Record, known: frozenset[str]) -> tuple[Record, list[Kept]]:
    """The fields around the messages, without `known` ones: short ones for the metadata of the
    session, the others as records."""
    metadata: Record = {}
    over: list[Kept] = []
    for name, value in record.items():
        if name in known or value in (None, "", [], {}):
            continue
        if (
            shapes.is_short(value)
            and len(orjson.dumps([metadata, value])) < base.METADATA_ROOM // 2
        ):
            metadata[name] = value
        else:
            over.append(Kept(base.bounded_key(f"field:{name}"), {name: value}, unknown=False))
    return metadata, over
