"""SQLite files of other tools, read from a copy of one moment.

The copy is made in one go by SQLite itself, so a tool that is writing at that moment is kept
waiting for the copy only, not for the import, and nothing appears beside its file. SQLite is
typeless and its files may be hostile: text comes as bytes, views and virtual tables are not read,
and a value of more than the limit costs its own row.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sessions_app.core import instants
from sessions_app.importers import base, files, values
from sessions_app.importers.base import Unreadable

SUFFIXES = (".db", ".sqlite", ".sqlite3")
HEADER = b"SQLite format 3\0"
WAL_VERSION = 2
WAIT = 10.0
SHOWN_TABLES = 8

Cell = int | float | bytes | None


class Database:
    """A file opened to be read: `tables` holds the column names of each real table."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.tables: dict[str, frozenset[str]] = {}
        listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'"
        for (name,) in self.rows(listed):
            columns = self.rows(f"PRAGMA table_info({quoted(word_of(name))})")
            self.tables[word_of(name)] = frozenset(word_of(column[1]) for column in columns)

    def rows(self, statement: str, *given: Any) -> Generator[tuple[Any, ...], None, None]:
        """What a statement finds, row by row. Raises Unreadable for a damaged file."""
        try:
            yield from self._connection.execute(statement, given)
        except sqlite3.DataError:
            raise Unreadable(0, f"holds a value of more than {base.MAX_LINE} bytes") from None
        except sqlite3.Error as error:
            raise Unreadable(0, f"cannot be read as a database: {error}") from None

    def row(self, statement: str, *given: Any) -> tuple[Any, ...] | None:
        """The first row."""
        with closing(self.rows(statement, *given)) as found:
            return next(found, None)

    def has(self, table: str, *columns: str) -> bool:
        return table in self.tables and self.tables[table].issuperset(columns)

    def need(self, table: str, *columns: str) -> None:
        """Raises Unreadable unless the table is there with these columns."""
        if table not in self.tables:
            raise Unreadable(0, f"has no table {table}; {self.contents()}")
        missing = sorted(set(columns) - self.tables[table])
        if missing:
            reason = f"its table {table} has no column {missing[0]}"
            raise Unreadable(0, f"{reason}: it is of a release that is not known here")

    def index(self, table: str, *columns: str) -> None:
        """Makes looking rows up by these columns fast, in the copy; other tools seldom need to."""
        if self.has(table, *columns):
            listed = ", ".join(map(quoted, columns))
            made = f"import {table} {' '.join(columns)}"
            with suppress(sqlite3.Error):
                statement = f"CREATE INDEX {quoted(made)} ON {quoted(table)} ({listed})"
                self._connection.execute(statement)

    def contents(self) -> str:
        """Which tables there are, for a message."""
        names = sorted(name for name in self.tables if not name.startswith("sqlite_"))
        shown = ", ".join(names[:SHOWN_TABLES]) + (", ..." if len(names) > SHOWN_TABLES else "")
        return f"it holds {shown}" if names else "it holds no tables"


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    """A copy of the database, unpacked if it is gzip. Raises Unreadable."""
    with tempfile.TemporaryDirectory(prefix="holdfast-import-") as folder:
        copy = Path(folder) / "copy.sqlite3"
        with files.opened(path) as source:
            source.file.seek(0)
            _check_header(source.file.read(len(HEADER)))
            if source.broken:
                raise Unreadable(0, source.broken)
            _copy(path, source, copy)
        connection = _connected(copy, "mode=rw")
        with closing(connection):
            connection.isolation_level = None
            connection.text_factory = bytes
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, base.MAX_LINE)
            for setting in ("trusted_schema", "journal_mode", "synchronous"):
                with suppress(sqlite3.Error):
                    connection.execute(f"PRAGMA {setting} = OFF")
            yield Database(connection)


def _check_header(start: bytes) -> None:
    if not start:
        raise Unreadable(0, "is empty")
    if start != HEADER:
        raise Unreadable(0, "is not a SQLite database (or an encrypted one)")


def _copy(path: Path, source: files.Source, copy: Path) -> None:
    """The database as it stands at one moment, with what its WAL holds."""
    name: object = source.file.name
    if isinstance(name, int):  # a temporary file: what was packed
        source.file.seek(0)
        with copy.open("wb") as target:
            shutil.copyfileobj(source.file, target)
    elif not _copied_at_rest(path, copy):
        _backup(path, copy)


def _copied_at_rest(path: Path, copy: Path) -> bool:
    """Copies a database in WAL mode that nobody has open: opened as usual, it would get a WAL and
    an index beside it that stay. False where that is not so, or where it changed meanwhile."""
    before = path.stat()
    if _wal(path).exists() or not _is_wal(path):
        return False
    shutil.copyfile(path, copy)
    after = path.stat()
    unchanged = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    return unchanged and not _wal(path).exists()


def _wal(path: Path) -> Path:
    real = path.resolve()
    return real.with_name(real.name + "-wal")


def _is_wal(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(20)[18:19] == bytes([WAL_VERSION])


def _backup(path: Path, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    try:
        with (
            closing(_connected(path, "mode=ro")) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target, progress=_check_lock)
    except sqlite3.Error as error:
        raise Unreadable(0, f"cannot be copied to be read: {error}") from None


def _check_lock(status: int, remaining: int, total: int) -> None:
    """`backup` itself would wait for a lock for ever."""
    if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise sqlite3.OperationalError("another process has locked it")


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.resolve().as_uri()}?{mode}"
    try:
        return sqlite3.connect(address, uri=True, timeout=WAIT)
    except sqlite3.Error as error:
        raise Unreadable(0, f"cannot be opened as a database: {error}") from None


# -- names and cells ---------------------------------------------------------------------------


def quoted(name: str) -> str:
    """A table or column name inside a statement."""
    return '"' + name.replace('"', '""') + '"'


def select(columns: str, table: str, rest: str = "") -> str:
    """A statement that reads a table whose name a file gives; values are bound, never written."""
    return f"SELECT {columns} FROM {quoted(table)} {rest}"  # noqa: S608


def text_of(cell: Cell) -> str | None:
    """A cell as text; what is no Unicode in it is left for `values.checked` to mend."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "surrogateescape")
    return None if cell is None else str(cell)


def word_of(cell: Cell) -> str:
    """An id or name, clean; "" for none."""
    return str(values.checked(text_of(cell) or "", 0)[0])


def json_of(cell: Cell, number: int) -> tuple[Any, bool]:
    """The JSON value in a cell, and whether it had to be mended. Raises Unreadable."""
    if isinstance(cell, bytes):
        return values.of_bytes(cell, number)
    return values.checked(cell, number)


def moment_of(cell: Cell) -> int | None:
    """Microseconds of a time as SQLite tools write it: ISO 8601, UTC where there is no offset."""
    text = (text_of(cell) or "").strip()
    for end in ("", "Z"):
        with suppress(ValueError):
            return instants.parse(text + end)
    return None
