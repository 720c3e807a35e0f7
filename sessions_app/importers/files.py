"""Files as importers may open them: found safely, unpacked within bounds, read line by line."""

from __future__ import annotations

import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from sessions_app.importers import base
from sessions_app.importers.base import Unreadable

CHUNK = 1024 * 1024
PACKED_CHUNK = 64 * 1024
GZIP_WINDOW = 31
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
ZIP_END = b"PK\x05\x06"
ZIP_END_64 = b"PK\x06\x07"
MAX_DIRECTORY = 8 * 1024**2
"""Bytes of a zip's list of files, which is read as a whole; it names some fifty thousand."""
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError)
MAX_UNPACKED = 16 * 1024**3
FREE_UNPACKED = 64 * 1024**2
MAX_RATIO = 200
"""A log packs to a tenth or so; beyond `FREE_UNPACKED` bytes this ratio is an attack."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end; `reason` says why it cannot be used. `ended` is False for a last
    line without a newline, `end` is where the next one begins."""

    number: int
    offset: int
    raw: bytes
    ended: bool = True
    reason: str | None = None
    end: int = 0


class Source:
    """An opened file: seekable, unpacked. `broken` tells that packed data ended badly."""

    def __init__(self, file: IO[bytes], size: int, broken: str | None = None) -> None:
        self.file = file
        self.size = size
        self.broken = broken

    def lines(self, offset: int = 0, number: int = 0) -> Iterator[Line]:
        """Every line behind `offset`, where line `number` ends; blank ones left out, none larger
        than the limit."""
        self.file.seek(offset)
        while raw := self.file.readline(base.MAX_LINE + 1):
            number += 1
            start, length = offset, len(raw)
            too_long = length > base.MAX_LINE and not raw.endswith(b"\n")
            if too_long:
                length += self._skip_line()
            offset += length
            if too_long:
                reason = f"is longer than {base.MAX_LINE} bytes"
                yield Line(number, start, b"", reason=reason, end=offset)
            elif number == 1 and raw.startswith(b"\xef\xbb\xbf"):
                yield Line(number, start, raw[3:].strip(), raw.endswith(b"\n"), end=offset)
            elif raw.strip():
                yield Line(number, start, raw.strip(), raw.endswith(b"\n"), end=offset)

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
            broken = _unpack(_inflated(file), unpacked, file.tell)
            size = unpacked.tell()
            unpacked.seek(0)
            _check_encoding(unpacked.read(4))
            yield Source(unpacked, size, broken)


def _check_encoding(start: bytes) -> None:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start[:2]:
        raise Unreadable(1, "is UTF-16; save it as UTF-8")


def _unpack(
    chunks: Iterable[bytes], target: IO[bytes], packed_bytes: Callable[[], int]
) -> str | None:
    """Writes the unpacked bytes; tells what was wrong with the end. Raises Unreadable for more
    than any log would hold."""
    total = lines = 0
    try:
        for chunk in chunks:
            total += len(chunk)
            lines += chunk.count(b"\n")
            too_dense = total > FREE_UNPACKED and total > MAX_RATIO * packed_bytes()
            if total > MAX_UNPACKED or too_dense:
                raise Unreadable(lines + 1, "unpacks to far more than a log would")
            target.write(chunk)
    except EOFError:
        return "the packed data is cut off"
    except (zlib.error, zipfile.BadZipFile) as error:
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


class Archive:
    """An opened zip; nothing of it is ever written under a name it gives."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        self.members = [info for info in packed.infolist() if not info.is_dir()]

    @contextmanager
    def opened(self, member: zipfile.ZipInfo) -> Iterator[Source]:
        """One member to be read, unpacked to a temporary file. Raises Unreadable."""
        _check_member(member)
        with tempfile.TemporaryFile() as unpacked:
            try:
                with self._packed.open(member) as file:
                    chunks = iter(lambda: file.read(CHUNK), b"")
                    broken = _unpack(chunks, unpacked, lambda: member.compress_size)
            except DAMAGE as error:
                raise Unreadable(0, f"the packed data is damaged: {error}") from error
            size = unpacked.tell()
            unpacked.seek(0)
            _check_encoding(unpacked.read(4))
            yield Source(unpacked, size, broken)


def is_zip(path: Path) -> bool:
    """Whether the file begins as a zip does. Raises Unreadable."""
    try:
        with path.open("rb") as file:
            return file.read(4) in ZIP_MAGIC
    except OSError as error:
        raise Unreadable(0, f"cannot be opened: {error.strerror}") from error


@contextmanager
def unzipped(path: Path) -> Iterator[Archive]:
    """A zip to be read member by member. Raises Unreadable."""
    with path.open("rb") as file:
        _check_directory(file)
        try:
            packed = zipfile.ZipFile(file)
        except DAMAGE as error:
            raise Unreadable(0, f"is no complete zip file: {error}") from error
        with packed:
            yield Archive(packed)


def _check_directory(file: IO[bytes]) -> None:
    """Refuses a list of files that would take much memory, before it is read."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2**16 - 64))
    tail = file.read()
    at = tail.rfind(ZIP_END)
    if at < 0 or len(tail) < at + 22:
        raise Unreadable(0, "is no complete zip file: its end is missing")
    length = int.from_bytes(tail[at + 12 : at + 16], "little")
    if at >= 20 and tail[at - 20 : at].startswith(ZIP_END_64):
        file.seek(min(size, int.from_bytes(tail[at - 12 : at - 4], "little")))
        length = int.from_bytes(file.read(56)[40:48], "little")
    if length > MAX_DIRECTORY:
        raise Unreadable(0, "lists more files than an export would")


def _check_member(member: zipfile.ZipInfo) -> None:
    if member.filename.startswith("/") or ".." in PurePosixPath(member.filename).parts:
        raise Unreadable(0, "its name leads out of the archive")
    if member.flag_bits & 1:
        raise Unreadable(0, "is encrypted; unpack it first")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable(0, "is packed in a way that is not read here; unpack it first")


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
