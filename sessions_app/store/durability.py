"""What a commit is worth: whether it survives power loss, as the connection really has it (I2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Durability:
    """Whether a commit here survives power loss, and if not, what will make it durable."""

    durable: bool
    by: str | None = None


DURABLE = Durability(durable=True)
ON_COMMIT = Durability(durable=False, by="commit")
NEVER = Durability(durable=False, by="never")
_SQLITE_LEVELS = {
    0: Durability(durable=False, by="operating_system"),
    1: Durability(durable=False, by="checkpoint"),
}


def of_postgres(commit: str, fsync: str) -> Durability:
    """What a commit is worth under these values of `synchronous_commit` and `fsync`."""
    if fsync == "off":
        return Durability(durable=False, by="operating_system")
    return Durability(durable=False, by="wal_writer") if commit == "off" else DURABLE


def of_sqlite(connection: Any) -> Durability:
    """What a commit is worth on a Django connection that is open, by its `synchronous` now."""
    if connection.is_in_memory_db():
        return NEVER
    with connection.wrap_database_errors:
        (level,) = connection.connection.execute("PRAGMA synchronous").fetchone()
    return _SQLITE_LEVELS.get(level, DURABLE)
