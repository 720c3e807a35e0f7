"""Files that are still being written, imported as they grow.

A look at all files costs a `stat` each. A file that changed is read on from where it was left if
its format can do that, otherwise from its beginning: what is stored already is recognised either
way. How far a file was read is remembered for a few of them only, the ones that changed last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sessions_app.core import errors
from sessions_app.importers import files, values
from sessions_app.importers.base import Format, Item, Report, Trouble
from sessions_app.importers.files import Source
from sessions_app.importers.writing import Writer
from sessions_app.store.durable import DurableStore

REMEMBERED = 8
TAIL = 1024


class Growing(Protocol):
    """What a format offers that can read on: `items` since the last time, `offset` where the next
    ones begin, `outgrown` when all must be read anew."""

    @property
    def offset(self) -> int: ...

    @property
    def outgrown(self) -> bool: ...

    def items(self, source: Source) -> Iterator[Item]: ...


@dataclass(slots=True)
class _File:
    """A file as it was at the last look: `mark` is its inode, size and time. `tail` is a digest of
    what stood before the place where reading goes on: another file under the same name has another
    one. `told` are the errors that were reported."""

    mark: tuple[int, int, int] | None = None
    growing: Growing | None = None
    tail: bytes = b""
    told: set[tuple[str, int, str]] = field(default_factory=set)


class Following:
    """Imports files of one format as they grow. `total` counts everything since the beginning,
    `watched` the files seen at the last look."""

    def __init__(
        self,
        store: DurableStore,
        project: int,
        reader: Format,
        paths: Sequence[Path],
        *,
        user: str | None = None,
    ) -> None:
        self.total = Report()
        self.watched = 0
        self._store = store
        self._project = project
        self._reader = reader
        self._paths = paths
        self._user = user
        self._writer = self._new_writer()
        self._files: dict[Path, _File] = {}

    def look(self) -> Iterator[tuple[Path, Report]]:
        """Imports what changed since the last look; yields each file that brought something new
        or has a new error, with a report of just that. Files that were not there before are taken
        in; a store that is busy or away for a while is tried again at the next look."""
        there: set[Path] = set()
        paths = self._paths or self._reader.find()
        for path, _, reason in files.found(paths, line_suffixes(self._reader)):
            there.add(path)
            file = self._files.setdefault(path, _File())
            mark = _mark(path) if reason is None else None
            if mark is not None and mark == file.mark:
                continue
            if file.mark and mark and file.mark[0] != mark[0]:
                file.growing = None
            file.mark = mark
            report = Report(errors=[(str(path), 0, reason)]) if reason else self._take(path, file)
            if _says_something(report, file):
                yield path, report
        self.watched = len(there)
        for path in self._files.keys() - there:
            del self._files[path]

    def _take(self, path: Path, file: _File) -> Report:
        writer = self._writer
        report = Report()
        writer.report, writer.refused = report, 0
        try:
            for _ in writer.file(path, self._items(path, file)):
                pass
        except (errors.StoreBusy, errors.StoreUnavailable) as error:
            report.new = 0
            report.errors.append((str(path), 0, f"{error} It is tried again."))
            self._writer = self._new_writer()
            file.growing = file.mark = None
        finally:
            _add(self.total, report)
        if writer.refused:
            file.growing = None
        return report

    def _items(self, path: Path, file: _File) -> Iterator[Item]:
        kind = getattr(self._reader, "Growing", None)
        if kind is None:
            yield from _without_unfinished(self._reader.read(path))
            return
        with files.opened(path) as source:
            if file.growing is None or file.tail != _tail(source, file.growing.offset):
                file.growing = kind(path)
            yield from file.growing.items(source)
            if file.growing.outgrown:
                file.growing = kind(path)
                yield from file.growing.items(source)
            file.tail = _tail(source, file.growing.offset)
        self._remember(path, file)

    def _remember(self, path: Path, file: _File) -> None:
        """Lets go of the file that has not changed for longest, when there are too many."""
        self._files[path] = self._files.pop(path)
        known = [other for other in self._files.values() if other.growing is not None]
        for other in known[:-REMEMBERED]:
            other.growing = None

    def _new_writer(self) -> Writer:
        return Writer(self._store, self._project, user=self._user, remembers=True)


def line_suffixes(reader: Format) -> tuple[str, ...]:
    """How the files of a format end that grow line by line; none for one whose files do not."""
    return tuple(getattr(reader, "line_suffixes", ()))


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _tail(source: Source, offset: int) -> bytes:
    """A digest of what stands before `offset`; none where the file ends before it."""
    if source.size < offset:
        return b""
    start = max(0, offset - TAIL)
    source.file.seek(start)
    return hashlib.sha256(source.file.read(offset - start)).digest()


def _without_unfinished(items: Iterator[Item]) -> Iterator[Item]:
    """A last line that is not complete is no error in a file that is being written."""
    for item in items:
        if not (isinstance(item, Trouble) and item.reason == values.UNFINISHED):
            yield item


def _says_something(report: Report, file: _File) -> bool:
    """Whether there is anything new; errors told before are dropped from the report."""
    report.errors = [error for error in dict.fromkeys(report.errors) if error not in file.told]
    file.told.update(report.errors)
    return bool(report.new or report.errors)


def _add(total: Report, report: Report) -> None:
    total.sessions += report.sessions
    total.new += report.new
    total.compacted += report.compacted
    total.skipped += report.skipped
    total.repaired += report.repaired
    total.unknown += report.unknown
