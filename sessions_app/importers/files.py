"""Files as importers may open them: found safely, unpacked within bounds, read line by line."""

from __future__ import annotations

import os
import stat
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sessions_app.importers import base
from sessions_app.importers.base import Unreadable

CHUNK = 1024 * 1024
PACKED_CHUNK = 64 * 1024
GZIP_WINDOW = 31
GZIP_MAGIC = b"\x1f\x8b"
MAX_UNPACKED = 16 * 1024**3
FREE_UNPACKED = 64 * 1024**2
MAX_RATIO = 200
"""A log packs to a tenth or so; beyond `FREE_UNPACKED` bytes this ratio is an attack."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end; `reason` says why it cannot be used. `ended` is False for a last
    line without a newline."""

    number: int
    offset: int
    raw: bytes
    ended: bool = True
    reason: str | None = None


class Source:
    """An opened file: seekable, unpacked. `broken` tells that packed data ended badly."""

    def __init__(self, file: IO[bytes], size: int, broken: str | None = None) -> None:
        self.file = file
        self.size = size
        self.broken = broken

    def lines(self) -> Iterator[Line]:
        """Every line from the beginning, blank ones left out, none larger than the limit."""
        self.file.seek(0)
        number = offset = 0
        while raw := self.file.readline(base.MAX_LINE + 1):
            number += 1
            start, length = offset, len(raw)
            too_long = length > base.MAX_LINE and not raw.endswith(b"\n")
            if too_long:
                length += self._skip_line()
            offset += length
            if too_long:
                reason = f"is longer than {base.MAX_LINE} bytes"
                yield Line(number, start, b"", reason=reason)
            elif number == 1 and raw.startswith(b"\xef\xbb\xbf"):
                yield Line(number, start, raw[3:].strip(), raw.endswith(b"\n"))
            elif raw.strip():
                yield Line(number, start, raw.strip(), raw.endswith(b"\n"))

    def _skip_line(self) -> int:
        skipped = 0
        while raw := self.file.readline(CHUNK):
            skipped += len(raw)
            if raw.endswith(b"\n"):
                break
        return skipped

    def line_at(self, offset: int) -> bytes:
        """The line that begins at `offset`, seen before as a good one."""
        self.file.seek(offset)
        return self.file.readline(base.MAX_LINE + 1).removeprefix(b"\xef\xbb\xbf").strip()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The file to be read, unpacked to a temporary one if it is gzip. Raises Unreadable."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise Unreadable(0, f"cannot be opened: {error.strerror}") from error
    with file:
        start = file.read(4)
        file.seek(0)
        _check_encoding(start)
        if not start.startswith(GZIP_MAGIC):
            yield Source(file, os.fstat(file.fileno()).st_size)
            return
        with tempfile.TemporaryFile() as unpacked:
            broken = _unpack(file, unpacked)
            size = unpacked.tell()
            unpacked.seek(0)
            _check_encoding(unpacked.read(4))
            yield Source(unpacked, size, broken)


def _check_encoding(start: bytes) -> None:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start[:2]:
        raise Unreadable(1, "is UTF-16; save it as UTF-8")


def _unpack(packed: IO[bytes], target: IO[bytes]) -> str | None:
    """Writes the unpacked bytes; tells what was wrong with the end. Raises Unreadable for more
    than any log would hold."""
    total = lines = 0
    try:
        for chunk in _inflated(packed):
            total += len(chunk)
            lines += chunk.count(b"\n")
            too_dense = total > FREE_UNPACKED and total > MAX_RATIO * packed.tell()
            if total > MAX_UNPACKED or too_dense:
                raise Unreadable(lines + 1, "unpacks to far more than a log would")
            target.write(chunk)
    except EOFError:
        return "the packed data is cut off"
    except zlib.error as error:
        return f"the packed data is damaged: {error}"
    return None


def _inflated(packed: IO[bytes]) -> Iterator[bytes]:
    """The unpacked bytes in pieces, all there are before the end or the damage; the `gzip` module
    would keep the last ones back. Raises EOFError and zlib.error."""
    inflate = zlib.decompressobj(GZIP_WINDOW)
    while raw := packed.read(PACKED_CHUNK):
        while raw:
            if inflate.eof:
                inflate = zlib.decompressobj(GZIP_WINDOW)
            yield inflate.decompress(raw, CHUNK)
            raw = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
    yield inflate.flush()
    if not inflate.eof:
        raise EOFError


def found(
    paths: Sequence[Path], suffixes: tuple[str, ...]
) -> Iterator[tuple[Path, int, str | None]]:
    """(path, bytes, None) of every file meant, or (path, 0, reason) where one cannot be read.

    Folders are walked without following links; a link to a file elsewhere is refused.
    """
    for path in paths:
        if ".." in path.parts:
            yield path, 0, "the path leads upwards with `..`; give the full path"
        elif path.is_dir():
            for file in _walked(path, suffixes):
                yield _checked(file, path)
        else:
            yield _checked(path, None)


def _walked(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Sub-agents' files come last: what started them should be known by then."""
    files = [
        Path(root) / name
        for root, _, names in os.walk(folder, followlinks=False)
        for name in names
        if name.removesuffix(".gz").endswith(suffixes)
    ]
    return sorted(files, key=lambda file: (file.name.startswith("agent-"), file))


def _checked(path: Path, folder: Path | None) -> tuple[Path, int, str | None]:
    try:
        if folder and path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            return path, 0, "is a link that leads out of the folder"
        status = path.stat()
    except OSError as error:
        return path, 0, f"cannot be read: {error.strerror}"
    if not stat.S_ISREG(status.st_mode):
        return path, 0, "is not a regular file"
    return path, status.st_size, None
