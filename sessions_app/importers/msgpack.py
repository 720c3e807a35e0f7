"""MessagePack, read within bounds and without making anything of it but plain values.

What an extension type stands for is left as its code and bytes, so no class is ever looked up.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

MAX_VALUES = 4_000_000
_NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_SIZES = {1: ">B", 2: ">H", 4: ">I"}
_TEXTS = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_BINARIES = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_LISTS = {0xDC: 2, 0xDD: 4}
_MAPS = {0xDE: 2, 0xDF: 4}
_EXTENSIONS = {0xC7: 1, 0xC8: 2, 0xC9: 4}


class Extension(NamedTuple):
    """A value of an application's own type."""

    code: int
    data: bytes


class Broken(ValueError):
    """The bytes are no MessagePack, or more of it than is read; says why."""


def unpacked(data: bytes, *, depth: int) -> Any:
    """The one value that `data` is; lists and maps nest up to `depth`. Keys that are no text are
    written as text. Raises Broken."""
    reader = _Reader(data)
    value = reader.value(depth)
    if reader.at != len(data):
        raise Broken("goes on behind its end")
    return value


class _Reader:
    """A place in the bytes that moves on as values are taken."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.left = MAX_VALUES

    def value(self, depth: int) -> Any:
        self.left -= 1
        if depth < 0 or self.left < 0:
            raise Broken("is nested too deeply" if depth < 0 else "holds too many values")
        mark = self._take(1)[0]
        if mark < 0x80:
            return mark
        if mark >= 0xE0:
            return mark - 0x100
        if 0xA0 <= mark < 0xC0:
            return self._text(mark & 0x1F)
        if 0x90 <= mark < 0xA0:
            return self._list(mark & 0x0F, depth)
        if mark < 0x90:
            return self._map(mark & 0x0F, depth)
        return self._marked(mark, depth)

    def _marked(self, mark: int, depth: int) -> Any:
        if mark in _CONSTANTS:
            return _CONSTANTS[mark]
        if mark in _NUMBERS:
            return self._number(_NUMBERS[mark])
        if mark in _TEXTS:
            return self._text(self._size(_TEXTS[mark]))
        if mark in _BINARIES:
            return self._take(self._size(_BINARIES[mark]))
        if mark in _LISTS:
            return self._list(self._size(_LISTS[mark]), depth)
        if mark in _MAPS:
            return self._map(self._size(_MAPS[mark]), depth)
        if mark == 0xC1:
            raise Broken("is not MessagePack")
        size = self._size(_EXTENSIONS[mark]) if mark in _EXTENSIONS else 1 << (mark - 0xD4)
        return Extension(int(self._number(">b")), self._take(size))

    def _take(self, size: int) -> bytes:
        start, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise Broken("is cut off")
        return self.data[start : self.at]

    def _number(self, kind: str) -> Any:
        return struct.unpack(kind, self._take(struct.calcsize(kind)))[0]

    def _size(self, width: int) -> int:
        return int(self._number(_SIZES[width]))

    def _text(self, size: int) -> str:
        return self._take(size).decode("utf-8", "surrogateescape")

    def _list(self, size: int, depth: int) -> list[Any]:
        return [self.value(depth - 1) for _ in range(self._room_for(size))]

    def _map(self, size: int, depth: int) -> dict[str, Any]:
        found = {}
        for _ in range(self._room_for(2 * size) // 2):
            name = self.value(depth - 1)
            found[name if isinstance(name, str) else str(name)] = self.value(depth - 1)
        return found

    def _room_for(self, size: int) -> int:
        """The count itself, where as many values can still follow."""
        if size > len(self.data) - self.at:
            raise Broken("is cut off")
        return size
